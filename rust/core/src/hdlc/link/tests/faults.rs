//! Frames that break a rule, one by one, written by hand.

use super::pair::Pair;
use super::*;
use crate::hdlc::link::{DisconnectReason, State};

#[test]
fn l_08_a_frame_out_of_sequence_is_never_delivered() {
    let mut server = connected_server(symmetric(UP, 7));
    let early = frame(Role::Client, i(1, 0), &request(2));
    assert_eq!(
        feed(&mut server, &early),
        Ok((vec![], frame(Role::Server, rr(0), &[])))
    );
    let missing = segment(Role::Client, i(0, 0), false, false, &request(1));
    assert_eq!(feed(&mut server, &missing), Ok((vec![Event::Apdu], vec![])));
    assert_eq!(*server.message(), [1; 5]);
    assert_eq!(feed(&mut server, &early), Ok((vec![Event::Apdu], vec![])));
    assert_eq!(*server.message(), [2; 5]);
    assert_eq!(server.statistics().out_of_sequence, 1);

    let mut client = connected_client(symmetric(UP, 7));
    let _ = send(&mut client, &[1; 5]);
    let early = frame(Role::Server, i(1, 1), &answer(2));
    assert_eq!(
        feed(&mut client, &early),
        Ok((vec![], frame(Role::Client, rr(0), &[])))
    );
}

#[test]
fn l_09_an_acknowledgement_of_what_was_not_sent_ends_the_link() {
    for kind in [
        rr(1),
        i(0, 1),
        FrameKind::Rnr {
            receive_sequence: 7,
        },
    ] {
        let mut client = connected_client(symmetric(UP, 1));
        let octets = frame(
            Role::Server,
            kind,
            if matches!(kind, FrameKind::I { .. }) {
                &[1]
            } else {
                &[]
            },
        );
        assert_eq!(
            feed(&mut client, &octets),
            Err(LinkErrorKind::SequenceNumber)
        );
        assert_eq!(client.state(), State::Disconnected);
    }
    let mut server = connected_server(symmetric(UP, 1));
    let frmr = frame(Role::Server, FrameKind::Frmr, &[0x31, 0x00, 0x08]);
    let down = Event::Disconnected(DisconnectReason::Frmr);
    assert_eq!(
        feed(&mut server, &frame(Role::Client, rr(1), &[])),
        Ok((vec![down], frmr.clone()))
    );
    assert_eq!(
        feed(&mut server, &frame(Role::Client, i(0, 0), &request(1))),
        Ok((vec![], frmr)),
        "until SNRM or DISC"
    );
    let (events, _) =
        feed(&mut server, &frame(Role::Client, FrameKind::Snrm, &[])).expect("no error");
    assert_eq!(events, [Event::Connected(Parameters::default())]);
}

#[test]
fn l_10_frames_beyond_the_window_are_dropped_and_come_again() {
    let mut server = connected_server(symmetric(UP, 2));
    for number in 0..2 {
        let octets = segment(Role::Client, i(number, 0), false, false, &request(number));
        assert_eq!(feed(&mut server, &octets), Ok((vec![Event::Apdu], vec![])));
    }
    let beyond = frame(Role::Client, i(2, 0), &request(2));
    assert_eq!(
        feed(&mut server, &beyond),
        Ok((vec![], frame(Role::Server, rr(2), &[])))
    );
    assert_eq!(server.statistics().beyond_window, 1);
    assert_eq!(feed(&mut server, &beyond), Ok((vec![Event::Apdu], vec![])));
}

#[test]
fn l_11_more_information_than_negotiated_is_not_taken() {
    let mut server = connected_server(symmetric(16, 1));
    let fits = frame(Role::Client, i(0, 0), &llc(Role::Client, &[1; 13]));
    assert_eq!(feed(&mut server, &fits), Ok((vec![Event::Apdu], vec![])));
    let too_long = frame(Role::Client, i(1, 0), &llc(Role::Client, &[1; 14]));
    let frmr = frame(Role::Server, FrameKind::Frmr, &[0x12, 0x20, 0x04]);
    assert_eq!(
        feed(&mut server, &too_long),
        Ok((vec![Event::Disconnected(DisconnectReason::Frmr)], frmr))
    );

    let mut client = connected_client(symmetric(16, 1));
    let _ = send(&mut client, &[1; 5]);
    let too_long = frame(Role::Server, i(0, 1), &llc(Role::Server, &[1; 14]));
    assert_eq!(feed(&mut client, &too_long), Ok((vec![], vec![])));
    assert_eq!(client.statistics().too_long, 1);
}

#[test]
fn l_12_frames_of_other_stations_are_ignored() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    let other = Address::new(2, None, AddressSize::One).expect("fits");
    let control = Control {
        kind: i(0, 1),
        poll_final: true,
    };
    let information = &answer(1)[..];
    for (destination, source) in [(client_address(), other), (other, server_address())] {
        let mut octets = Vec::new();
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
        assert_eq!(feed(&mut client, &octets), Ok((vec![], vec![])));
    }
    assert_eq!(client.statistics().other_address, 2);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, control.kind, information)),
        Ok((vec![Event::Apdu], vec![]))
    );
}

#[test]
fn l_13_an_endless_message_is_refused_at_the_limit() {
    let limited = Config {
        max_apdu: 100,
        ..config(symmetric(32, 1))
    };
    let endless = |from: Role, number: u8, receive_sequence: u8| {
        let information = if number == 0 {
            llc(from, &[1; 20])
        } else {
            vec![1; 20]
        };
        segment(
            from,
            i(number % 8, receive_sequence),
            true,
            true,
            &information,
        )
    };
    let mut server = Link::new(Role::Server, limited.clone());
    feed(&mut server, &frame(Role::Client, FrameKind::Snrm, &[])).expect("no error");
    for number in 0..5 {
        let acknowledged = frame(Role::Server, rr(number + 1), &[]);
        assert_eq!(
            feed(&mut server, &endless(Role::Client, number, 0)),
            Ok((vec![], acknowledged))
        );
    }
    let (events, _) = feed(&mut server, &endless(Role::Client, 5, 0)).expect("no error");
    assert_eq!(events, [Event::Disconnected(DisconnectReason::Frmr)]);

    let mut client = Link::new(Role::Client, limited);
    client.connect(&mut Vec::new()).expect("a client can");
    feed(&mut client, &frame(Role::Server, FrameKind::Ua, &[])).expect("no error");
    let _ = send(&mut client, &[1]);
    for number in 0..5 {
        let acknowledged = frame(Role::Client, rr(number + 1), &[]);
        assert_eq!(
            feed(&mut client, &endless(Role::Server, number, 1)),
            Ok((vec![], acknowledged))
        );
    }
    assert_eq!(
        feed(&mut client, &endless(Role::Server, 5, 1)),
        Err(LinkErrorKind::ApduTooLong)
    );
}

#[test]
fn l_13_a_segment_that_begins_like_llc_octets_survives() {
    let mut pair = Pair::perfect(32, 1);
    assert_eq!(pair.connect(), Ok(()));
    // The second segment begins with E6 E6 00, the third with E6 E7 00.
    let apdu = [
        &[1; 29][..],
        &[0xE6, 0xE6, 0x00],
        &[2; 29],
        &[0xE6, 0xE7, 0x00],
        &[3; 29],
    ]
    .concat();
    assert_eq!(
        pair.ask(&apdu, &mut |request| Some(request.to_vec())),
        Ok(())
    );
    assert_eq!(
        (&pair.at_server, &pair.at_client),
        (&vec![apdu.clone()], &vec![apdu])
    );
}

#[test]
fn l_13_a_message_without_llc_octets_or_without_anything_is_ignored() {
    let mut server = connected_server(symmetric(UP, 1));
    let foreign = frame(Role::Client, i(0, 0), &llc(Role::Server, &[1]));
    assert_eq!(
        feed(&mut server, &foreign),
        Ok((vec![], frame(Role::Server, rr(1), &[])))
    );
    assert_eq!(
        feed(&mut server, &frame(Role::Client, i(1, 0), &[])),
        Ok((vec![], frame(Role::Server, rr(2), &[])))
    );
    assert_eq!(
        feed(&mut server, &frame(Role::Client, i(2, 0), &request(1))),
        Ok((vec![Event::Apdu], vec![]))
    );
    assert_eq!(server.statistics().malformed, 2);
}

#[test]
fn l_16_after_an_inactivity_timeout_of_the_server_the_link_is_known_to_be_down() {
    let mut pair = Pair::perfect(UP, 1);
    assert_eq!(pair.connect(), Ok(()));
    pair.server.disconnect(&mut Vec::new());
    let (_, refusal) = feed(&mut pair.server, &send(&mut pair.client, &[1; 5])).expect("no error");
    let down = Event::Disconnected(DisconnectReason::Dm);
    assert_eq!(feed(&mut pair.client, &refusal), Ok((vec![down], vec![])));
    assert_eq!(pair.connect(), Ok(()));
    assert_eq!(pair.ask(&[2; 5], &mut |_| Some(vec![3; 5])), Ok(()));
}

#[test]
fn more_than_the_limit_does_not_wait_to_be_sent() {
    let mut server = connected_server(symmetric(UP, 1));
    for _ in 0..2 {
        assert!(send(&mut server, &[1; 40_000]).is_empty(), "nobody asked");
    }
    assert_eq!(
        server.begin_message().err(),
        Some(LinkErrorKind::Busy.into())
    );
}
