//! Two channels joined back to back: every service, plain and ciphered, over wrapper and HDLC, whole and in blocks.

mod block_sink;
mod datagrams;
mod gateway;
mod general_block;
mod receiver;
mod short_name;
mod unconfirmed;

use super::*;
use crate::codec::{Emit, Parse};
use crate::error::{LinkErrorKind, SecurityErrorKind};
use crate::hdlc::address::{Address, AddressSize};
use crate::hdlc::link::{Config, Link, Role as LinkRole};
use crate::hdlc::parameters::Parameters;
use crate::security::{KeyMaterial, Protection, SecurityContext, SecuritySuite};
use crate::xdlms::samples::hex;

const CLIENT: [u8; 8] = *b"MMM\x00\x00\x00\x00\x01";
const SERVER: [u8; 8] = *b"MMM\x00\x00\xBC\x61\x4E";
const ALL: u32 = 0x00_7E1F;

fn security(own: [u8; 8], peer: [u8; 8], policy: Protection) -> SecurityContext {
    let keys = KeyMaterial {
        global_unicast_encryption_key: Some(&[1; 16]),
        authentication_key: Some(&[2; 16]),
        ..KeyMaterial::default()
    };
    let mut context =
        SecurityContext::new(SecuritySuite::Suite0, policy, own, &keys).expect("keys fit");
    context
        .set_peer_system_title(Some(peer))
        .expect("another title");
    assert!(context.extend(1, 1_000_000));
    context
}

/// One end: a channel, its protection and what it has seen, each APDU in its plain octets.
pub(super) struct End {
    pub(super) channel: Channel,
    security: Option<SecurityContext>,
    pub(super) seen: Vec<Seen>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Connected,
    Disconnected,
    Peer(u16),
    Discarded(&'static str),
    Unconfirmed(Destination),
    Apdu(Vec<u8>),
}

impl End {
    pub(super) fn receive(&mut self, octets: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let mut out = Vec::new();
        let mut octets = octets;
        loop {
            let seen = &mut self.seen;
            let before = seen.len();
            let mut sink = |event: Event<'_>| -> Result<(), ChannelError> {
                seen.push(match event {
                    Event::LinkConnected(_) => Seen::Connected,
                    Event::LinkDisconnected(_) => Seen::Disconnected,
                    Event::PeerChanged { client_sap } => Seen::Peer(client_sap),
                    Event::Discarded { reason, .. } => Seen::Discarded(reason),
                    Event::UnconfirmedFrame { destination } => Seen::Unconfirmed(destination),
                    Event::Apdu(apdu) => Seen::Apdu(apdu.to_vec()),
                });
                Ok(())
            };
            self.channel
                .receive(octets, self.security.as_mut(), &mut out, &mut sink)?;
            octets = &[];
            if !self.seen[before..]
                .iter()
                .any(|seen| matches!(seen, Seen::Peer(_)))
            {
                return Ok(out);
            }
        }
    }

    pub(super) fn send(&mut self, apdu: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let plan = self.channel.plan(apdu[0], &apdu, self.security.as_ref());
        let mut out = Vec::new();
        match self.channel.direct_len(&plan) {
            Some(length) => {
                out.resize(length, 0);
                self.channel
                    .write(&plan, &apdu, self.security.as_mut(), &mut out)?;
            }
            None => self
                .channel
                .send(&plan, &apdu, self.security.as_mut(), &mut out)?,
        }
        if let Ok(apdu) = Apdu::parse_all(apdu) {
            self.channel.sent(&apdu);
        }
        Ok(out)
    }

    pub(super) fn last_apdu(&mut self) -> Vec<u8> {
        match self.seen.pop() {
            Some(Seen::Apdu(octets)) => octets,
            other => panic!(
                "an APDU was due, not {other:?} after {:?}, {:?}",
                self.seen,
                self.channel.statistics()
            ),
        }
    }
}

pub(super) struct Pair {
    pub(super) client: End,
    pub(super) server: End,
    /// The length of the longest APDU seen on the wrapper, and how many messages went each way.
    messages: usize,
}

impl Pair {
    pub(super) fn new(hdlc: bool, policy: Protection, pdu_size: u16) -> Self {
        let end = |role: Role, own, peer| {
            let framing = if hdlc {
                hdlc_framing(role)
            } else {
                Framing::wrapper(role, 1, 1, 65_535)
            };
            let mut channel = Channel::new(role, framing, 100_000);
            channel.negotiate(Negotiation {
                conformance: ALL,
                peer_max_receive_pdu_size: pdu_size,
            });
            let security = (!policy.is_none()).then(|| security(own, peer, policy));
            End {
                channel,
                security,
                seen: Vec::new(),
            }
        };
        let mut pair = Self {
            client: end(Role::Client, CLIENT, SERVER),
            server: end(Role::Server, SERVER, CLIENT),
            messages: 0,
        };
        let mut out = Vec::new();
        pair.client
            .channel
            .connect(&mut out)
            .expect("a client connects");
        pair.carry(out, true);
        let negotiation = Negotiation {
            conformance: ALL,
            peer_max_receive_pdu_size: pdu_size,
        };
        pair.client.channel.negotiate(negotiation);
        pair
    }

    /// Carries octets to and fro until both ends are quiet.
    pub(super) fn carry(&mut self, octets: Vec<u8>, mut to_server: bool) {
        let mut octets = octets;
        while !octets.is_empty() {
            self.messages += 1;
            let end = if to_server {
                &mut self.server
            } else {
                &mut self.client
            };
            octets = end.receive(&octets).expect("undamaged octets");
            to_server = !to_server;
        }
    }

    /// A request of the client arrives whole, and the server's answer as well.
    pub(super) fn exchange(&mut self, request: &[u8], response: &[u8], pdu_size: u16) {
        let octets = self.client.send(request).expect("sent");
        self.carry(octets, true);
        assert_eq!(self.server.last_apdu(), request);
        // A new peer resets the negotiation, as an AARQ would set it anew.
        self.server.channel.negotiate(Negotiation {
            conformance: ALL,
            peer_max_receive_pdu_size: pdu_size,
        });
        let octets = self.server.send(response).expect("sent");
        self.carry(octets, false);
        assert_eq!(self.client.last_apdu(), response);
    }
}

fn hdlc_framing(role: Role) -> Framing {
    let parameters = Parameters::new(64, 64, 3, 3).expect("within limits");
    let (client, server) = (
        Address::client(1).expect("fits"),
        Address::new(1, Some(17), AddressSize::Two).expect("fits"),
    );
    let config = Config {
        parameters,
        max_apdu: 100_000,
        ..Config::between(client, server)
    };
    let link_role = match role {
        Role::Client => LinkRole::Client,
        Role::Server => LinkRole::Server,
    };
    Framing::hdlc(role, 1, 1, Link::new(link_role, config), false)
}

fn octet_string(length: usize) -> Vec<u8> {
    let mut value = vec![0x09, 0x82];
    value.extend_from_slice(&u16::try_from(length).expect("short").to_be_bytes());
    value.extend((0..length).map(|number| u8::try_from(number % 251).expect("small")));
    value
}

#[test]
fn every_service_arrives_whole_however_it_is_cut_and_protected() {
    let value = octet_string(900);
    let cases: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (
            hex("C001C1 0012 00002C0000FF 02 00"),
            [hex("C401C100"), value.clone()].concat(),
        ),
        (
            hex("C003C1 02 0012 00002C0000FF 02 00 0012 00002C0000FF 03 00"),
            [hex("C403C1 02 00"), value.clone(), hex("01 04")].concat(),
        ),
        (
            [hex("C101C1 0001 0000600101FF 02 00"), value.clone()].concat(),
            hex("C501C1 00"),
        ),
        (
            [hex("C104C1 01 0001 0000600101FF 02 00 01"), value.clone()].concat(),
            hex("C505C1 01 00"),
        ),
        (
            [hex("C301C1 0012 00002C0000FF 02 01"), value.clone()].concat(),
            [hex("C701C1 00 01 00"), value.clone()].concat(),
        ),
        (
            [hex("C303C1 01 0012 00002C0000FF 02 01"), value].concat(),
            hex("C703C1 01 00 00"),
        ),
    ];
    for hdlc in [false, true] {
        for policy in [
            Protection::NONE,
            Protection::AUTHENTICATED,
            Protection::ENCRYPTED,
            Protection::BOTH,
        ] {
            for pdu_size in [0, 64, 200, 1200] {
                let mut pair = Pair::new(hdlc, policy, pdu_size);
                for (request, response) in &cases {
                    pair.exchange(request, response, pdu_size);
                }
            }
        }
    }
}

#[test]
fn no_apdu_of_a_block_transfer_exceeds_the_limit() {
    for policy in [Protection::NONE, Protection::BOTH] {
        for limit in [60_u16, 127, 128, 150, 151, 152, 153, 260, 300] {
            let mut pair = Pair::new(false, policy, limit);
            let mut octets = pair
                .client
                .send(&[hex("C301C1 0012 00002C0000FF 02 01"), octet_string(900)].concat())
                .expect("sent");
            let mut longest = 0;
            while !octets.is_empty() {
                longest = longest.max(octets.len() - 8);
                let reply = pair.server.receive(&octets).expect("undamaged");
                octets = pair.client.receive(&reply).expect("undamaged");
            }
            assert!(
                longest <= usize::from(limit),
                "{longest} octets under a limit of {limit}"
            );
            assert!(
                longest + 3 >= usize::from(limit),
                "{longest} octets waste room under a limit of {limit}"
            );
        }
    }
}

#[test]
fn c_24_what_does_not_fit_is_refused_before_anything_is_sent() {
    let mut pair = Pair::new(false, Protection::NONE, 100);
    pair.client.channel.negotiate(Negotiation {
        conformance: 0,
        peer_max_receive_pdu_size: 100,
    });
    let request = [hex("C301C1 0012 00002C0000FF 02 01"), octet_string(900)].concat();
    assert_eq!(
        pair.client.send(&request),
        Err(ChannelError::DoesNotFit {
            length: request.len(),
            limit: 100
        })
    );
    assert_eq!(pair.client.channel.statistics().octets_sent, 0);
}

#[test]
fn l_18_an_answer_to_no_outstanding_request_is_discarded() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let octets = pair
        .client
        .send(&hex("C001C1 0012 00002C0000FF 02 00"))
        .expect("sent");
    pair.carry(octets, true);
    for stale in ["C401C2 00 06 00000001", "C501C1 00", "C701C1 00 00"] {
        let octets = pair.server.send(&hex(stale)).expect("sent");
        pair.carry(octets, false);
        assert_eq!(pair.client.seen.pop(), Some(Seen::Discarded("invoke-id")));
    }
    let octets = pair
        .server
        .send(&hex("C401C1 00 06 00000001"))
        .expect("sent");
    pair.carry(octets.clone(), false);
    assert_eq!(pair.client.last_apdu(), hex("C401C1 00 06 00000001"));
    pair.carry(octets, false);
    assert_eq!(
        pair.client.seen.pop(),
        Some(Seen::Discarded("invoke-id")),
        "the same answer twice"
    );
}

#[test]
fn s_01_a_plain_response_in_a_ciphered_association_ends_it() {
    let mut pair = Pair::new(false, Protection::BOTH, 0);
    let octets = pair
        .client
        .send(&hex("C001C1 0012 00002C0000FF 02 00"))
        .expect("sent");
    pair.carry(octets, true);
    pair.server.security = None;
    let octets = pair
        .server
        .send(&hex("C401C1 00 06 00000001"))
        .expect("sent");
    let error = pair.client.receive(&octets).expect_err("a downgrade");
    assert_eq!(
        error,
        ChannelError::Security(SecurityErrorKind::Downgrade.into())
    );
    let exception = pair.server.send(&hex("D8 01 01")).expect("sent");
    assert!(
        pair.client.receive(&exception).is_ok(),
        "an exception-response is always plain"
    );
}

#[test]
fn a_server_discards_what_it_cannot_open_and_serves_on() {
    let mut pair = Pair::new(false, Protection::BOTH, 0);
    let request = hex("C001C1 0012 00002C0000FF 02 00");
    let octets = pair.client.send(&request).expect("sent");
    let mut damaged = octets.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert!(pair.server.receive(&damaged).expect("survives").is_empty());
    assert_eq!(
        pair.server.seen.pop(),
        Some(Seen::Discarded("authentication-tag"))
    );
    pair.server.receive(&octets).expect("genuine");
    assert_eq!(pair.server.last_apdu(), request);
    pair.server.receive(&octets).expect("survives");
    assert_eq!(pair.server.seen.pop(), Some(Seen::Discarded("replay")));
}

#[test]
fn invoke_ids_run_out_at_sixteen() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    for _ in 0..16 {
        let invoke = pair.client.channel.invoke_id(None, true).expect("free");
        let request = [&[0xC0, 1, invoke.0][..], &hex("0012 00002C0000FF 02 00")].concat();
        pair.client.send(&request).expect("sent");
    }
    assert_eq!(
        pair.client.channel.invoke_id(None, true),
        Err(ChannelError::InvokeIdInUse)
    );
    pair.client.channel.reset_association();
    assert!(pair.client.channel.invoke_id(None, true).is_ok());
}

#[test]
fn another_client_waits_until_its_security_is_set() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let mut second = Channel::new(
        Role::Client,
        Framing::wrapper(Role::Client, 16, 1, 1000),
        1000,
    );
    let request = hex("C001C1 0008 0000010000FF 02 00");
    let plan = second.plan(0xC0, &request.as_slice(), None);
    let mut octets = Vec::new();
    second
        .send(&plan, &request.as_slice(), None, &mut octets)
        .expect("sent");
    let first = pair.client.send(&request).expect("sent");
    pair.server
        .receive(&[first, octets].concat())
        .expect("undamaged");
    assert_eq!(
        pair.server.seen,
        [
            Seen::Peer(1),
            Seen::Apdu(request.clone()),
            Seen::Peer(16),
            Seen::Apdu(request)
        ]
    );
}

#[test]
fn while_another_client_waits_the_one_before_is_answered() {
    let mut server = Channel::new(
        Role::Server,
        Framing::wrapper(Role::Server, 0, 1, 1024),
        1024,
    );
    let get = [0xC0, 1, 0xC1, 0, 8, 0, 0, 1, 0, 0, 255, 2, 0];
    let mut octets = Vec::new();
    for client_sap in [1, 16] {
        octets.extend_from_slice(&[0, 1, 0, client_sap, 0, 1, 0, 13]);
        octets.extend_from_slice(&get);
    }
    let mut peers = Vec::new();
    for octets in [octets.as_slice(), &[]] {
        server
            .receive::<ChannelError>(octets, None, &mut Vec::new(), &mut |event| {
                if let Event::PeerChanged { client_sap } = event {
                    peers.push(client_sap);
                }
                Ok(())
            })
            .expect("undamaged");
    }
    assert_eq!((peers.as_slice(), server.client_sap()), (&[1, 16][..], 1));
    server
        .receive::<ChannelError>(&[], None, &mut Vec::new(), &mut |_| Ok(()))
        .expect("undamaged");
    assert_eq!(server.client_sap(), 16);
}

#[test]
fn over_the_wrapper_a_timeout_is_final() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let error = pair.client.channel.handle_timeout(None, &mut Vec::new());
    assert_eq!(
        error,
        Err(ChannelError::Link(LinkErrorKind::RetriesExhausted.into()))
    );
}

#[test]
fn any_octets_from_outside_give_events_or_a_declared_error() {
    let sample = hex("000100010001000D C001C1 0008 0000010000FF 02 00");
    for position in 0..sample.len() {
        for bit in 0..8 {
            let mut octets = sample.clone();
            octets[position] ^= 1 << bit;
            let mut pair = Pair::new(false, Protection::NONE, 0);
            let _: Result<_, ChannelError> = pair.server.receive(&octets);
            let _: Result<_, ChannelError> = pair.client.receive(&octets);
        }
    }
    assert!(Apdu::parse_all(&sample[8..]).is_ok());
}

#[test]
fn c_22_a_list_is_answered_item_for_item_or_refused_as_a_whole() {
    let request = hex("C003C1 02 0012 00002C0000FF 02 00 0012 00002C0000FF 03 00");
    for (response, taken) in [
        ("C403C1 02 00 1105 01 04", true),
        ("C403C1 01 00 1105", false),
        ("C403C1 03 00 1105 00 1105 01 04", false),
        ("C401C1 00 1105", false),
        ("C401C1 01 0D", true),
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        let octets = pair.client.send(&request).expect("sent");
        pair.carry(octets, true);
        let octets = pair.server.send(&hex(response)).expect("sent");
        assert_eq!(pair.client.receive(&octets).is_ok(), taken, "{response}");
    }
}

/// A fleet's process has a channel for each meter: what few of them need is made when it is needed.
#[test]
fn a_channel_is_small() {
    assert!(size_of::<Channel>() <= 640, "{}", size_of::<Channel>());
}
