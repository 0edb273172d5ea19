//! Time as a call: a frame that does not go on, a link that nobody uses, a sign of life.

use super::*;
use crate::hdlc::link::State;

// proves: hdlc-timeouts
#[test]
fn l_15_a_frame_cut_after_any_octet_is_given_up_and_the_next_one_taken() {
    let asked = frame(Role::Client, i(0, 0), &request(1));
    let poll = frame(Role::Client, rr(0), &[]);
    for cut in 1..asked.len() {
        let mut server = connected_server(symmetric(UP, 1));
        assert_eq!(
            feed(&mut server, &asked[..cut]),
            Ok((vec![], vec![])),
            "{cut} octets"
        );
        assert_eq!(server.has_unfinished(), cut > 1);
        server.handle_inter_octet_timeout();
        assert_eq!(feed(&mut server, &[]), Ok((vec![], vec![])));
        assert_eq!(
            feed(&mut server, &poll),
            Ok((vec![], frame(Role::Server, rr(0), &[]))),
            "{cut} octets"
        );
    }
}

#[test]
fn what_stood_behind_an_unfinished_beginning_is_found() {
    let mut server = connected_server(symmetric(2030, 1));
    let long = frame(Role::Client, i(0, 0), &llc(Role::Client, &[1; 1000]));
    let poll = frame(Role::Client, rr(0), &[]);
    assert_eq!(
        feed(&mut server, &[&long[..500], &poll].concat()),
        Ok((vec![], vec![]))
    );
    server.handle_inter_octet_timeout();
    assert_eq!(
        feed(&mut server, &[]),
        Ok((vec![], frame(Role::Server, rr(0), &[])))
    );
    assert_eq!(server.statistics().damaged.unfinished, 1);
}

// proves: hdlc-timeouts
#[test]
fn l_16_an_idle_link_is_given_up_and_what_comes_then_is_answered_by_dm() {
    let mut server = connected_server(symmetric(UP, 1));
    assert!(server.handle_inactivity_timeout());
    assert_eq!(server.state(), State::Disconnected);
    assert!(!server.handle_inactivity_timeout(), "once");
    let dm = frame(Role::Server, FrameKind::Dm, &[]);
    for kind in [FrameKind::Disc, rr(0), i(0, 0)] {
        assert_eq!(
            feed(&mut server, &frame(Role::Client, kind, &request(1))),
            Ok((vec![], dm.clone()))
        );
    }
    let (events, _) =
        feed(&mut server, &frame(Role::Client, FrameKind::Snrm, &[])).expect("no error");
    assert_eq!(events.len(), 1);

    let mut client = connected_client(symmetric(UP, 1));
    assert!(!client.handle_inactivity_timeout(), "that is for servers");
    assert_eq!(client.state(), State::Connected);
}

#[test]
fn l_16_a_keep_alive_is_answered_and_leaves_the_turn_with_the_client() {
    let (mut client, mut server) = (
        connected_client(symmetric(UP, 1)),
        connected_server(symmetric(UP, 1)),
    );
    for _ in 0..3 {
        let mut poll = Vec::new();
        assert!(client.keep_alive(&mut poll));
        let (_, ready) = feed(&mut server, &poll).expect("no error");
        assert_eq!(feed(&mut client, &ready), Ok((vec![], vec![])));
        assert!(client.is_idle());
    }
    // Where the meter has given up the link in spite of it, the client is told.
    server.handle_inactivity_timeout();
    let mut poll = Vec::new();
    assert!(client.keep_alive(&mut poll));
    let (_, dm) = feed(&mut server, &poll).expect("no error");
    let (events, _) = feed(&mut client, &dm).expect("no error");
    assert_eq!(events.len(), 1);
    assert!(!client.keep_alive(&mut poll), "there is no link");
}

#[test]
fn l_09_what_a_server_cannot_take_is_rejected_with_its_reason() {
    for (kind, information, rejected) in [
        (FrameKind::Unknown(0x09), &[][..], [0x19, 0x00, 0x01]),
        (FrameKind::Unknown(0xE3), &[], [0xF3, 0x00, 0x01]),
        (rr(0), &[1], [0x11, 0x00, 0x03]),
    ] {
        let mut server = connected_server(symmetric(UP, 1));
        let (events, said) =
            feed(&mut server, &frame(Role::Client, kind, information)).expect("no error");
        assert_eq!(events.len(), 1);
        assert_eq!(said, frame(Role::Server, FrameKind::Frmr, &rejected));
        assert_eq!(server.state(), State::Rejecting);
        assert_eq!(server.rejection(), Some(rejected));

        let mut client = connected_client(symmetric(UP, 1));
        let (events, _) = feed(&mut client, &said).expect("no error");
        assert_eq!((events.len(), client.rejection()), (1, Some(rejected)));

        let mut client = connected_client(symmetric(UP, 1));
        let _ = send(&mut client, &[1; 5]);
        assert_eq!(
            feed(&mut client, &frame(Role::Server, kind, information)),
            Ok((vec![], vec![])),
            "a client drops it: the timeout deals with the rest"
        );
        assert_eq!(client.statistics().unexpected, 1);
    }
}
