//! UI frames: to one station, to a group, to all; with and without a link.

use super::*;
use crate::hdlc::link::{Destination, State};
use crate::hdlc::testing::hex;

const ONE: AddressSize = AddressSize::One;

fn address(upper: u16, lower: Option<u16>, size: AddressSize) -> Address {
    Address::new(upper, lower, size).expect("fits")
}

/// What a link says when it sends `apdu` in a UI frame.
fn unconfirmed(link: &mut Link, apdu: &[u8]) -> Result<Vec<u8>, LinkErrorKind> {
    let mut out = Vec::new();
    link.send_unconfirmed(apdu.len(), &mut out, |place| {
        place.copy_from_slice(apdu);
        Ok::<_, LinkError>(())
    })
    .map_err(|error| error.kind)?;
    Ok(out)
}

/// A client that speaks to `server`, without a link.
fn client_of(server: Address) -> Link {
    Link::new(Role::Client, Config::between(client_address(), server))
}

fn server_at(own: Address, group_addresses: &[Address]) -> Link {
    Link::new(
        Role::Server,
        Config {
            group_addresses: group_addresses.to_vec(),
            ..Config::between(client_address(), own)
        },
    )
}

fn heard(destination: Destination) -> Result<(Vec<Event>, Vec<u8>), LinkErrorKind> {
    Ok((vec![Event::UnconfirmedApdu { destination }], vec![]))
}

const NOTHING: Result<(Vec<Event>, Vec<u8>), LinkErrorKind> = Ok((Vec::new(), Vec::new()));

// proves: hdlc-all-stations
#[test]
fn all_stations_take_unconfirmed_apdus_and_answer_nothing() {
    let mut server = Link::new(Role::Server, config(symmetric(128, 1)));
    let worked = hex("7EA019FFCD03CB91E6E600C001C100080000010000FF0200601A7E");
    assert_eq!(feed(&mut server, &worked), heard(Destination::AllStations));
    assert_eq!(*server.message(), hex("C001C100080000010000FF0200"));
    assert_eq!(server.message_source(), Address::client(102).expect("fits"));

    // Neither a SNRM nor anything that polls may go to all stations.
    let all_stations = address(0x7F, None, ONE);
    for (kind, poll_final) in [
        (FrameKind::Snrm, true),
        (FrameKind::Disc, true),
        (rr(0), true),
        (FrameKind::Ui, true),
    ] {
        let mut octets = Vec::new();
        put_frame(
            &Frame {
                destination: all_stations,
                source: client_address(),
                control: Control { kind, poll_final },
                segmentation: false,
                information: &[],
            },
            &mut octets,
        );
        assert_eq!(feed(&mut server, &octets), NOTHING);
    }
    assert_eq!(
        (
            server.state(),
            server.statistics().other_address,
            server.statistics().unconfirmed
        ),
        (State::Disconnected, 4, 1)
    );
}

// proves: hdlc-groups
#[test]
fn a_group_takes_what_is_sent_to_it_in_every_form_of_address() {
    for (own, group, stranger) in [
        (
            address(1, None, ONE),
            address(90, None, ONE),
            address(91, None, ONE),
        ),
        (
            address(1, Some(17), AddressSize::Two),
            address(1, Some(100), AddressSize::Two),
            address(1, Some(101), AddressSize::Two),
        ),
        (
            address(1, Some(17), AddressSize::Four),
            address(1, Some(9000), AddressSize::Four),
            address(1, Some(9001), AddressSize::Four),
        ),
    ] {
        let mut server = server_at(own, &[group]);
        let sent = unconfirmed(&mut client_of(group), &[7; 20]).expect("fits");
        assert_eq!(feed(&mut server, &sent), heard(Destination::Group));
        assert_eq!(*server.message(), [7; 20]);
        let sent = unconfirmed(&mut client_of(own), &[8; 20]).expect("fits");
        assert_eq!(feed(&mut server, &sent), heard(Destination::Individual));
        let sent = unconfirmed(&mut client_of(stranger), &[9; 20]).expect("fits");
        assert_eq!(feed(&mut server, &sent), NOTHING);
        // A group is nobody one could connect to.
        let mut snrm = Vec::new();
        client_of(group).connect(&mut snrm).expect("a client can");
        assert_eq!(feed(&mut server, &snrm), NOTHING);
        assert_eq!(server.statistics().other_address, 2);
        assert_eq!(server.state(), State::Disconnected);
    }
}

#[test]
fn one_half_that_means_all_reaches_every_station_of_the_other_half() {
    let mut server = server_at(address(1, Some(17), AddressSize::Two), &[]);
    let frame_to = |destination| {
        let mut octets = Vec::new();
        put_frame(
            &Frame {
                destination,
                source: client_address(),
                control: Control {
                    kind: FrameKind::Ui,
                    poll_final: false,
                },
                segmentation: false,
                information: &request(1),
            },
            &mut octets,
        );
        octets
    };
    let every_device = frame_to(address(1, Some(0x7F), AddressSize::Two));
    assert_eq!(
        feed(&mut server, &every_device),
        heard(Destination::AllStations)
    );
    let another = frame_to(address(2, Some(0x7F), AddressSize::Two));
    assert_eq!(feed(&mut server, &another), NOTHING);
}

// proves: hdlc-unnamed-stations
#[test]
fn g_01_a_client_never_speaks_to_all_stations() {
    for server in [
        address(0x7F, None, ONE),
        address(0x7F, Some(0x7F), AddressSize::Two),
        address(1, Some(0x7F), AddressSize::Two),
        address(0x7F, Some(17), AddressSize::Two),
        address(0x3FFF, Some(0x3FFF), AddressSize::Four),
        address(1, Some(0x3FFF), AddressSize::Four),
    ] {
        let mut client = client_of(server);
        let mut out = Vec::new();
        assert_eq!(
            unconfirmed(&mut client, &[1]),
            Err(LinkErrorKind::AllStations)
        );
        assert_eq!(
            client.connect(&mut out),
            Err(LinkErrorKind::AllStations.into())
        );
        assert!(out.is_empty());
    }
}

#[test]
fn without_a_link_a_ui_frame_carries_what_the_default_allows_unless_told() {
    let mut client = client_of(server_address());
    assert_eq!(client.unconfirmed_room(), 125);
    assert!(unconfirmed(&mut client, &[1; 125]).is_ok());
    assert_eq!(
        unconfirmed(&mut client, &[1; 126]),
        Err(LinkErrorKind::ApduTooLong)
    );
    let mut told = Link::new(
        Role::Client,
        Config {
            max_info_field_length_unconfirmed: Some(2030),
            ..Config::between(client_address(), server_address())
        },
    );
    let longest = unconfirmed(&mut told, &[1; 2027]).expect("fits");
    assert_eq!(
        feed(&mut server_at(server_address(), &[]), &longest),
        heard(Destination::Individual)
    );
    assert_eq!(
        unconfirmed(&mut told, &[1; 2028]),
        Err(LinkErrorKind::ApduTooLong)
    );
}

#[test]
fn an_unconfirmed_apdu_does_not_disturb_a_message_in_segments() {
    let (mut client, mut server) = (
        connected_client(symmetric(32, 1)),
        connected_server(symmetric(32, 1)),
    );
    let poll = frame(Role::Server, rr(1), &[]);
    assert_eq!(
        feed(&mut server, &send(&mut client, &[7; 50])),
        Ok((vec![], poll.clone()))
    );
    // The other side has the turn: what goes in a UI frame waits for ours.
    assert_eq!(unconfirmed(&mut client, &[8; 20]), Ok(vec![]));
    let (_, rest) = feed(&mut client, &poll).expect("no error");
    let destination = Destination::Individual;
    assert_eq!(
        feed(&mut server, &rest),
        Ok((
            vec![Event::UnconfirmedApdu { destination }, Event::Apdu],
            vec![]
        ))
    );
    assert_eq!(*server.message(), [7; 50]);
    assert_eq!(
        unconfirmed(&mut client, &[8; 30]),
        Err(LinkErrorKind::ApduTooLong)
    );
}

#[test]
fn a_server_pushes_at_once_without_a_link_and_with_one_when_it_is_polled() {
    let mut server = server_at(server_address(), &[]);
    let pushed = segment(
        Role::Server,
        FrameKind::Ui,
        false,
        false,
        &llc(Role::Server, &[5; 9]),
    );
    assert_eq!(unconfirmed(&mut server, &[5; 9]), Ok(pushed.clone()));
    assert_eq!(
        feed(&mut client_of(server_address()), &pushed),
        heard(Destination::Individual)
    );

    let mut server = connected_server(symmetric(UP, 1));
    assert_eq!(unconfirmed(&mut server, &[5; 9]), Ok(vec![]));
    let answered = [&pushed[..], &frame(Role::Server, rr(0), &[])].concat();
    let poll = frame(Role::Client, rr(0), &[]);
    assert_eq!(feed(&mut server, &poll), Ok((vec![], answered)));
    assert_eq!(
        feed(&mut server, &poll),
        Ok((vec![], frame(Role::Server, rr(0), &[]))),
        "nobody acknowledges it, so it is sent once"
    );
}

#[test]
fn what_waits_for_the_turn_is_bounded() {
    let mut server = connected_server(symmetric(2030, 1));
    let sent = (0..100)
        .take_while(|_| unconfirmed(&mut server, &[5; 2000]).is_ok())
        .count();
    assert!((30..40).contains(&sent), "{sent} of 2000 octets");
    assert_eq!(
        unconfirmed(&mut server, &[5; 2000]),
        Err(LinkErrorKind::Busy)
    );
}

#[test]
fn a_ui_frame_in_segments_or_without_an_apdu_is_malformed() {
    let mut server = server_at(server_address(), &[]);
    for (more, information) in [(true, &request(1)[..]), (false, &[]), (false, &answer(1))] {
        let octets = segment(Role::Client, FrameKind::Ui, false, more, information);
        assert_eq!(feed(&mut server, &octets), NOTHING);
    }
    assert_eq!(server.statistics().malformed, 3);
}
