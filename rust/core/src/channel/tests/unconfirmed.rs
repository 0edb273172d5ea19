//! Requests in UI frames: nothing is answered, nothing is disturbed, nothing is cut.

use super::*;

const NOTIFICATION: &str = "0F 00000001 00 020111 05";
const SET: &str = "C101 81 0008 0000010000FF 02 00 0905 0102030405";
const CONFIRMED_GET: &str = "C001 C1 0008 0000010000FF 02 00";

/// A client and a server without a link; the client speaks to `to`, the server belongs to group 100.
fn ends(to: u16, policy: Protection) -> (End, End) {
    let address = |lower| Address::new(1, Some(lower), AddressSize::Two).expect("fits");
    let end = |role: Role, link_role, server: u16, own, peer| {
        let config = Config {
            group_addresses: vec![address(100)],
            ..Config::between(Address::client(1).expect("fits"), address(server))
        };
        let framing = Framing::hdlc(role, 1, 1, Link::new(link_role, config), true);
        let mut channel = Channel::new(role, framing, 100_000);
        channel.negotiate(Negotiation {
            conformance: ALL,
            peer_max_receive_pdu_size: 0,
        });
        End {
            channel,
            security: (!policy.is_none()).then(|| security(own, peer, policy)),
            seen: Vec::new(),
        }
    };
    (
        end(Role::Client, LinkRole::Client, to, CLIENT, SERVER),
        end(Role::Server, LinkRole::Server, 17, SERVER, CLIENT),
    )
}

// proves: hdlc-groups
#[test]
fn an_unconfirmed_request_to_a_group_is_marked_and_not_answered() {
    for policy in [Protection::NONE, Protection::BOTH] {
        for (to, destination) in [(17, Destination::Individual), (100, Destination::Group)] {
            let (mut client, mut server) = ends(to, policy);
            let octets = client.send(&hex(SET)).expect("fits");
            assert_eq!(server.receive(&octets), Ok(vec![]));
            // The first message of a client is announced; the test end takes it at once.
            assert_eq!(
                server.seen,
                [
                    Seen::Peer(1),
                    Seen::Unconfirmed(destination),
                    Seen::Apdu(hex(SET))
                ]
            );
            assert_eq!(server.channel.statistics().unconfirmed_received, 1);
        }
    }
}

#[test]
fn a_confirmed_request_takes_the_link_and_not_a_ui_frame() {
    let (mut client, _) = ends(17, Protection::NONE);
    assert_eq!(
        client.send(&hex(CONFIRMED_GET)),
        Err(ChannelError::Link(LinkErrorKind::NotConnected.into()))
    );
}

#[test]
fn what_does_not_fit_one_ui_frame_is_refused_before_anything_is_sealed() {
    let long = [
        &hex("C101 81 0008 0000010000FF 02 00")[..],
        &octet_string(200),
    ]
    .concat();
    let (mut client, mut server) = ends(17, Protection::BOTH);
    let refused = client.send(&long);
    assert!(matches!(
        refused,
        Err(ChannelError::DoesNotFitUi { limit: 125, .. })
    ));
    let counter = |end: &End| {
        end.security
            .as_ref()
            .map(SecurityContext::invocation_counter)
    };
    assert_eq!(counter(&client), Some(1), "no counter was used up");
    let octets = client.send(&hex(SET)).expect("fits");
    assert_eq!(counter(&client), Some(2));
    assert_eq!(server.receive(&octets), Ok(vec![]));
}

#[test]
fn blocks_and_malformed_apdus_in_ui_frames_are_dropped_without_a_word() {
    for apdu in [
        "C002 81 00000001",                                       // GET next
        "C102 81 0008 0000010000FF 02 00 00 00000001 0401020304", // SET with first datablock
        "C304 81 0012 00002C0000FF 02 00 00000001 0401020304",    // ACTION with first pblock
        "E0 80 0001 0000 03 010203",                              // general block transfer
        "C101 81",                                                // cut off
        "FF00",                                                   // no APDU
    ] {
        let (_, mut server) = ends(17, Protection::NONE);
        let mut octets = Vec::new();
        let mut link = Link::new(
            LinkRole::Client,
            Config::between(
                Address::client(1).expect("fits"),
                Address::new(1, Some(17), AddressSize::Two).expect("fits"),
            ),
        );
        let apdu = hex(apdu);
        link.send_unconfirmed(apdu.len(), &mut octets, |place| {
            place.copy_from_slice(&apdu);
            Ok::<_, ChannelError>(())
        })
        .expect("fits");
        assert_eq!(server.receive(&octets), Ok(vec![]));
        assert!(
            matches!(
                server.seen[..],
                [Seen::Peer(1), Seen::Unconfirmed(_), Seen::Discarded(_)]
            ),
            "{:?}",
            server.seen
        );
    }
}

#[test]
fn a_notification_is_pushed_without_a_link() {
    let (mut client, mut server) = ends(17, Protection::NONE);
    let octets = server.send(&hex(NOTIFICATION)).expect("fits");
    assert_eq!(client.receive(&octets), Ok(vec![]));
    assert_eq!(client.seen, [Seen::Apdu(hex(NOTIFICATION))]);
}

#[test]
fn a_request_on_the_link_is_answered_though_a_ui_frame_came_behind_it() {
    let (mut client, mut server) = ends(17, Protection::NONE);
    let mut octets = Vec::new();
    client.channel.connect(&mut octets).expect("a client can");
    let octets = server.receive(&octets).expect("no error");
    client.receive(&octets).expect("no error");
    for end in [&mut client, &mut server] {
        end.channel.negotiate(Negotiation {
            conformance: ALL,
            peer_max_receive_pdu_size: 0,
        });
        end.seen.clear();
    }
    let request = client.send(&hex(CONFIRMED_GET)).expect("connected");
    let (mut group, _) = ends(100, Protection::NONE);
    let beside = group.send(&hex(SET)).expect("fits");
    assert_eq!(server.receive(&[request, beside].concat()), Ok(vec![]));
    assert_eq!(server.last_apdu(), hex(SET));
    let answer = hex("C401 C1 00 0905 0102030405");
    server.channel.negotiate(Negotiation {
        conformance: ALL,
        peer_max_receive_pdu_size: 0,
    });
    let octets = server.send(&answer).expect("connected");
    client.receive(&octets).expect("no error");
    assert_eq!(client.last_apdu(), answer);
}
