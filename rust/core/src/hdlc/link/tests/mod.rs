//! The link machine: worked frames octet for octet, fault by fault against frames written by hand, and two ends joined
//! by a line that loses, doubles and damages.

mod busy;
mod echo;
mod fallback;
mod faults;
mod joined;
mod pair;
mod properties;
mod repetition;
mod set_up;
mod times;
mod unconfirmed;

use super::{Config, Event, Link, Role};
use crate::error::{LinkError, LinkErrorKind};
use crate::hdlc::address::{Address, AddressSize};
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::parameters::Parameters;
use crate::hdlc::testing::hex;

use super::machine::put_frame;
use crate::hdlc::frame::Frame;

fn client_address() -> Address {
    Address::client(16).expect("fits")
}

fn server_address() -> Address {
    Address::new(1, None, AddressSize::One).expect("fits")
}

fn config(parameters: Parameters) -> Config {
    Config {
        parameters,
        max_apdu: 70_000,
        ..Config::between(client_address(), server_address())
    }
}

fn symmetric(info_field_length: u16, window_size: u8) -> Parameters {
    Parameters::new(
        info_field_length,
        info_field_length,
        window_size,
        window_size,
    )
    .expect("within range")
}

/// Gives `octets` to `link` and returns what happens and what it says.
fn feed(link: &mut Link, octets: &[u8]) -> Result<(Vec<Event>, Vec<u8>), LinkErrorKind> {
    let (mut events, mut out) = (Vec::new(), Vec::new());
    link.push(octets);
    while let Some(event) = link.poll(&mut out).map_err(|error: LinkError| error.kind)? {
        events.push(event);
    }
    Ok((events, out))
}

/// Sends `apdu` and returns what goes out at once.
fn send(link: &mut Link, apdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    link.begin_message()
        .expect("connected")
        .extend_from_slice(apdu);
    link.finish_message(&mut out).expect("connected");
    out
}

/// A frame with P or F.
fn frame(from: Role, kind: FrameKind, information: &[u8]) -> Vec<u8> {
    segment(from, kind, true, false, information)
}

/// A frame with all its bits.
fn segment(
    from: Role,
    kind: FrameKind,
    poll_final: bool,
    more: bool,
    information: &[u8],
) -> Vec<u8> {
    let (source, destination) = match from {
        Role::Client => (client_address(), server_address()),
        Role::Server => (server_address(), client_address()),
    };
    let control = Control { kind, poll_final };
    let mut octets = Vec::new();
    put_frame(
        &Frame {
            destination,
            source,
            control,
            segmentation: more,
            information,
        },
        &mut octets,
    );
    octets
}

const fn i(send_sequence: u8, receive_sequence: u8) -> FrameKind {
    FrameKind::I {
        send_sequence,
        receive_sequence,
    }
}

const fn rr(receive_sequence: u8) -> FrameKind {
    FrameKind::Rr { receive_sequence }
}

/// An APDU behind the LLC octets of a client or a server.
fn llc(from: Role, apdu: &[u8]) -> Vec<u8> {
    let llc = match from {
        Role::Client => hex("E6E600"),
        Role::Server => hex("E6E700"),
    };
    [&llc[..], apdu].concat()
}

/// A client that is connected with these parameters.
fn connected_client(parameters: Parameters) -> Link {
    use crate::codec::Emit;
    let mut link = Link::new(Role::Client, config(parameters));
    link.connect(&mut Vec::new()).expect("a client can");
    let answer = frame(Role::Server, FrameKind::Ua, &parameters.to_vec());
    assert_eq!(
        feed(&mut link, &answer),
        Ok((vec![Event::Connected(parameters)], Vec::new()))
    );
    link
}

/// A server that is connected with these parameters.
fn connected_server(parameters: Parameters) -> Link {
    use crate::codec::Emit;
    let mut link = Link::new(Role::Server, config(parameters));
    let (events, _) = feed(
        &mut link,
        &frame(Role::Client, FrameKind::Snrm, &parameters.to_vec()),
    )
    .expect("no error");
    assert_eq!(events, [Event::Connected(parameters)]);
    link
}

/// The information field length that most tests use.
const UP: u16 = 128;

/// The information field of a short request.
fn request(number: u8) -> Vec<u8> {
    llc(Role::Client, &[number; 5])
}

/// The information field of a short answer.
fn answer(number: u8) -> Vec<u8> {
    llc(Role::Server, &[number; 5])
}

const fn rnr(receive_sequence: u8) -> FrameKind {
    FrameKind::Rnr { receive_sequence }
}

/// Lets the response timeout pass and returns what is said then.
fn time_out(link: &mut Link) -> Result<Vec<u8>, LinkErrorKind> {
    let mut out = Vec::new();
    link.handle_timeout(&mut out).map_err(|error| error.kind)?;
    Ok(out)
}
