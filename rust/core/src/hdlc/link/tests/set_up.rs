//! Connecting and disconnecting, and who is listened to.

use super::*;
use crate::codec::Emit;
use crate::hdlc::link::{DisconnectReason, State};
use crate::hdlc::testing::hex;

fn connect_frame(client_sap: u8, server: Address, parameters: Parameters) -> Vec<u8> {
    let client = Address::client(client_sap).expect("fits");
    let config = Config {
        client_address: client,
        server_address: server,
        ..config(parameters)
    };
    let mut out = Vec::new();
    Link::new(Role::Client, config)
        .connect(&mut out)
        .expect("a client can");
    out
}

#[test]
fn worked_conversation_octet_for_octet() {
    let aarq = hex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0");
    let aare = hex(
        "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007",
    );
    let aarq_frame = hex(
        "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E",
    );
    let aare_frame = hex(
        "7EA0372103306C7CE6E7006129A109060760857405080101A203020100A305A103020100\
         BE10040E0800065F1F040000501F01F40007190A7E",
    );
    let (snrm, ua) = (
        hex("7EA0070321930F017E"),
        hex("7EA01E210373C37A818012050180060180070400000001080400000001533B7E"),
    );
    let (poll, disc, bare_ua) = (
        hex("7EA00703213117877E"),
        hex("7EA00703215303C77E"),
        hex("7EA00721037301407E"),
    );
    let config = config(Parameters::default());
    let (mut client, mut server) = (
        Link::new(Role::Client, config.clone()),
        Link::new(Role::Server, config),
    );
    let up = Event::Connected(Parameters::default());
    let down = Event::Disconnected(DisconnectReason::Disc);

    let mut out = Vec::new();
    client.connect(&mut out).expect("a client can");
    assert_eq!(out, snrm);
    assert_eq!(feed(&mut server, &snrm), Ok((vec![up], ua.clone())));
    assert_eq!(feed(&mut client, &ua), Ok((vec![up], vec![])));

    assert_eq!(send(&mut client, &aarq), aarq_frame);
    assert_eq!(
        feed(&mut server, &aarq_frame),
        Ok((vec![Event::Apdu], vec![]))
    );
    assert_eq!(*server.message(), aarq);
    assert_eq!(server.message_source(), client_address());
    assert_eq!(send(&mut server, &aare), aare_frame);
    assert_eq!(
        feed(&mut client, &aare_frame),
        Ok((vec![Event::Apdu], vec![]))
    );
    assert_eq!(*client.message(), aare);

    let mut out = Vec::new();
    assert!(client.keep_alive(&mut out));
    assert_eq!(out, poll);
    assert!(!client.keep_alive(&mut out), "an answer is due");
    assert_eq!(
        feed(&mut server, &poll),
        Ok((vec![], frame(Role::Server, rr(1), &[])))
    );
    assert_eq!(
        feed(&mut client, &frame(Role::Server, rr(1), &[])),
        Ok((vec![], vec![]))
    );

    let mut out = Vec::new();
    client.disconnect(&mut out);
    assert_eq!(out, disc);
    assert_eq!(feed(&mut server, &disc), Ok((vec![down], bare_ua.clone())));
    assert_eq!(feed(&mut client, &bare_ua), Ok((vec![down], vec![])));
    assert_eq!(
        feed(&mut server, &disc),
        Ok((vec![], hex("7EA00721031F6BE97E"))),
        "DM when not connected"
    );
    assert_eq!(
        client.statistics().frames_dropped() + server.statistics().frames_dropped(),
        0
    );
}

// proves: hdlc-addresses
#[test]
fn worked_snrm_of_every_address_size() {
    let two = Address::new(1, Some(17), AddressSize::Two).expect("fits");
    let four = Address::new(1, Some(17), AddressSize::Four).expect("fits");
    for (sap, server, parameters, expected) in [
        (
            1,
            server_address(),
            symmetric(2030, 1),
            "7EA020030393FEC9818014050207EE060207EE070400000001080400000001B5D47E",
        ),
        (1, two, Parameters::default(), "7EA008022303933E747E"),
        (1, four, Parameters::default(), "7EA00A0002002303939B617E"),
    ] {
        assert_eq!(connect_frame(sap, server, parameters), hex(expected));
    }
}

#[test]
fn the_server_answers_in_the_form_of_its_address() {
    for size in [AddressSize::Two, AddressSize::Four] {
        let address = Address::new(1, Some(17), size).expect("fits");
        let mut server = Link::new(
            Role::Server,
            Config {
                server_address: address,
                ..config(Parameters::default())
            },
        );
        let (_, answer) = feed(
            &mut server,
            &connect_frame(16, address, Parameters::default()),
        )
        .expect("no error");
        let answer = Frame::parse(&answer[1..answer.len() - 1]).expect("valid");
        assert_eq!(
            (answer.destination, answer.source),
            (client_address(), address)
        );
        for other in [
            server_address(),
            Address::new(1, Some(18), size).expect("fits"),
        ] {
            let other = connect_frame(16, other, Parameters::default());
            assert_eq!(feed(&mut server, &other), Ok((vec![], vec![])));
        }
    }
}

// proves: hdlc-negotiation
#[test]
fn l_10_the_server_grants_no_more_than_it_has_and_was_asked_for() {
    let cases = [
        ("", symmetric(512, 3), symmetric(128, 1)),
        (
            "818014 050207EE 060207EE 070400000007 080400000007",
            symmetric(512, 3),
            symmetric(512, 3),
        ),
        (
            "818006 050120 060140",
            symmetric(512, 3),
            Parameters::new(64, 32, 1, 1).expect("within range"),
        ),
        (
            "818014 0502FFFF 0602FFFF 070400000008 0804FFFFFFFF",
            symmetric(2030, 7),
            symmetric(2030, 7),
        ),
    ];
    for (proposal, own, granted) in cases {
        let mut server = Link::new(Role::Server, config(own));
        let (events, answer) = feed(
            &mut server,
            &frame(Role::Client, FrameKind::Snrm, &hex(proposal)),
        )
        .expect("no error");
        assert_eq!(events, [Event::Connected(granted)], "{proposal}");
        assert_eq!(
            answer,
            frame(Role::Server, FrameKind::Ua, &granted.to_vec())
        );
    }
}

#[test]
fn l_10_an_answer_above_the_proposal_is_clamped_and_reported() {
    let mut client = Link::new(Role::Client, config(symmetric(256, 2)));
    client.connect(&mut Vec::new()).expect("a client can");
    let answer = frame(Role::Server, FrameKind::Ua, &symmetric(2030, 7).to_vec());
    assert_eq!(
        feed(&mut client, &answer),
        Ok((vec![Event::Connected(symmetric(256, 2))], vec![]))
    );
}

#[test]
fn parameters_that_cannot_be_read_connect_nobody() {
    for information in [
        "8180",
        "818012 0501",
        "818003 050100",
        "FFFF",
        "818003 058100",
    ] {
        let mut server = Link::new(Role::Server, config(symmetric(512, 3)));
        assert_eq!(
            feed(
                &mut server,
                &frame(Role::Client, FrameKind::Snrm, &hex(information))
            ),
            Ok((vec![], vec![]))
        );
        let mut client = Link::new(Role::Client, config(symmetric(512, 3)));
        client.connect(&mut Vec::new()).expect("a client can");
        assert_eq!(
            feed(
                &mut client,
                &frame(Role::Server, FrameKind::Ua, &hex(information))
            ),
            Ok((vec![], vec![]))
        );
        assert_eq!(
            (client.state(), client.statistics().malformed),
            (State::Connecting, 1)
        );
    }
}

#[test]
fn a_new_snrm_begins_anew_and_drops_what_was_under_way() {
    let mut server = connected_server(symmetric(32, 1));
    let first = llc(Role::Client, &[1; 20]);
    assert_eq!(
        feed(
            &mut server,
            &segment(Role::Client, i(0, 0), true, true, &first)
        ),
        Ok((vec![], frame(Role::Server, rr(1), &[])))
    );
    let (events, _) =
        feed(&mut server, &frame(Role::Client, FrameKind::Snrm, &[])).expect("no error");
    assert_eq!(
        events,
        [Event::Connected(
            Parameters::new(32, 32, 1, 1).expect("within range")
        )]
    );
    let whole = frame(Role::Client, i(0, 0), &llc(Role::Client, &[2; 20]));
    assert_eq!(feed(&mut server, &whole), Ok((vec![Event::Apdu], vec![])));
    assert_eq!(*server.message(), [2; 20]);
}

#[test]
fn a_second_client_is_refused_and_the_first_goes_on() {
    let mut server = connected_server(symmetric(128, 1));
    let other = Address::client(1).expect("fits");
    let from_other = |kind, information| {
        let control = Control {
            kind,
            poll_final: true,
        };
        let mut octets = Vec::new();
        let (destination, source) = (server_address(), other);
        put_frame(
            &Frame {
                destination,
                source,
                control,
                segmentation: false,
                information,
            },
            &mut octets,
        );
        octets
    };
    for kind in [FrameKind::Snrm, FrameKind::Disc, rr(0), i(0, 0)] {
        let (events, answer) = feed(&mut server, &from_other(kind, &[])).expect("no error");
        let answer = Frame::parse(&answer[1..answer.len() - 1]).expect("valid");
        assert_eq!(
            (events.len(), answer.destination, answer.control.kind),
            (0, other, FrameKind::Dm)
        );
    }
    let request = frame(Role::Client, i(0, 0), &llc(Role::Client, &[1]));
    assert_eq!(feed(&mut server, &request), Ok((vec![Event::Apdu], vec![])));

    // Once the first has gone, the second is welcome.
    let (events, _) =
        feed(&mut server, &frame(Role::Client, FrameKind::Disc, &[])).expect("no error");
    assert_eq!(events, [Event::Disconnected(DisconnectReason::Disc)]);
    let (events, _) = feed(&mut server, &from_other(FrameKind::Snrm, &[])).expect("no error");
    assert_eq!((events.len(), server.peer()), (1, other));
}

#[test]
fn before_it_is_connected_a_server_answers_dm() {
    let mut server = Link::new(Role::Server, config(symmetric(128, 1)));
    let dm = hex("7EA00721031F6BE97E");
    for kind in [
        i(0, 0),
        rr(0),
        FrameKind::Rnr {
            receive_sequence: 0,
        },
        FrameKind::Disc,
    ] {
        assert_eq!(
            feed(&mut server, &frame(Role::Client, kind, &[])),
            Ok((vec![], dm.clone()))
        );
    }
    for kind in [
        FrameKind::Ua,
        FrameKind::Dm,
        FrameKind::Frmr,
        FrameKind::Unknown(0x09),
    ] {
        assert_eq!(
            feed(&mut server, &frame(Role::Client, kind, &[])),
            Ok((vec![], vec![]))
        );
    }
    assert_eq!(
        server.begin_message().err(),
        Some(LinkErrorKind::NotConnected.into())
    );
    assert_eq!(
        server.connect(&mut Vec::new()),
        Err(LinkErrorKind::NotConnected.into())
    );
}

#[test]
fn commands_that_do_not_poll_get_no_answer() {
    let mut server = Link::new(Role::Server, config(symmetric(128, 1)));
    for kind in [FrameKind::Snrm, FrameKind::Disc, rr(0)] {
        assert_eq!(
            feed(&mut server, &segment(Role::Client, kind, false, false, &[])),
            Ok((vec![], vec![]))
        );
    }
    assert_eq!(server.state(), State::Disconnected);
}

#[test]
fn a_server_that_forgets_answers_dm() {
    let mut server = connected_server(symmetric(128, 1));
    let mut out = Vec::new();
    server.disconnect(&mut out);
    assert!(out.is_empty());
    assert_eq!(
        feed(&mut server, &frame(Role::Client, rr(0), &[])),
        Ok((vec![], hex("7EA00721031F6BE97E")))
    );
}
