//! Receive not ready, in both roles: what is held back, what is dropped, and when it ends.

use super::*;
use crate::hdlc::link::State;

const SILENCE: Result<(Vec<Event>, Vec<u8>), LinkErrorKind> = Ok((Vec::new(), Vec::new()));

#[test]
fn l_14_receive_not_ready_for_ever_ends_in_a_declared_error() {
    let mut client = Link::new(
        Role::Client,
        Config {
            max_busy_polls: 5,
            ..config(symmetric(UP, 1))
        },
    );
    client.connect(&mut Vec::new()).expect("a client can");
    feed(&mut client, &frame(Role::Server, FrameKind::Ua, &[])).expect("no error");
    let _ = send(&mut client, &[1; 5]);
    let busy = frame(Role::Server, rnr(0), &[]);
    assert_eq!(feed(&mut client, &busy), SILENCE, "no answer at once");
    // More often than a frame is repeated, because the server lives.
    for _ in 0..5 {
        assert!(client.is_peer_busy());
        assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
        assert_eq!(feed(&mut client, &busy), SILENCE);
    }
    assert_eq!(time_out(&mut client), Err(LinkErrorKind::RetriesExhausted));
    assert_eq!(client.state(), State::Disconnected);
}

#[test]
fn l_14_a_busy_server_that_falls_silent_is_given_up_like_any_other() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, rnr(0), &[])),
        SILENCE
    );
    for _ in 0..3 {
        assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
    }
    assert_eq!(time_out(&mut client), Err(LinkErrorKind::RetriesExhausted));
}

#[test]
fn l_14_receive_not_ready_holds_back_until_ready() {
    let mut client = connected_client(symmetric(UP, 1));
    let sent = send(&mut client, &[1; 5]);
    let busy = frame(Role::Server, rnr(0), &[]);
    assert_eq!(feed(&mut client, &busy), SILENCE);
    assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
    assert_eq!(
        feed(&mut client, &frame(Role::Server, rr(0), &[])),
        Ok((vec![], sent))
    );

    let mut server = connected_server(symmetric(8, 1));
    let _ = feed(&mut server, &frame(Role::Client, i(0, 0), &request(1)));
    let first = send(&mut server, &[2; 10]);
    assert_eq!(
        first,
        segment(
            Role::Server,
            i(0, 1),
            true,
            true,
            &llc(Role::Server, &[2; 5])
        )
    );
    assert_eq!(
        feed(&mut server, &frame(Role::Client, rnr(1), &[])),
        Ok((vec![], frame(Role::Server, rr(1), &[])))
    );
    let last = frame(Role::Server, i(1, 1), &[2; 5]);
    assert_eq!(
        feed(&mut server, &frame(Role::Client, rr(1), &[])),
        Ok((vec![], last))
    );
}

// proves: hdlc-receive-not-ready
#[test]
fn l_14_a_busy_server_says_so_and_takes_nothing_until_it_is_ready() {
    let (mut client, mut server) = (
        connected_client(symmetric(UP, 1)),
        connected_server(symmetric(UP, 1)),
    );
    let asked = send(&mut client, &[1; 5]);
    server.set_busy(true);
    let busy = frame(Role::Server, rnr(0), &[]);
    assert_eq!(feed(&mut server, &asked), Ok((vec![], busy.clone())));
    assert_eq!(server.statistics().while_busy, 1);
    assert_eq!(feed(&mut client, &busy), SILENCE);
    let poll = time_out(&mut client).expect("not yet given up");
    assert_eq!(feed(&mut server, &poll), Ok((vec![], busy.clone())));
    assert_eq!(feed(&mut client, &busy), SILENCE);

    server.set_busy(false);
    let poll = time_out(&mut client).expect("not yet given up");
    let (_, ready) = feed(&mut server, &poll).expect("no error");
    assert_eq!(ready, frame(Role::Server, rr(0), &[]));
    assert_eq!(feed(&mut client, &ready), Ok((vec![], asked.clone())));
    assert!(!client.is_peer_busy());
    assert_eq!(feed(&mut server, &asked), Ok((vec![Event::Apdu], vec![])));
    assert_eq!(*server.message(), [1; 5]);
}

#[test]
fn a_server_that_works_on_an_answer_lets_the_client_wait_by_receive_not_ready() {
    let (mut client, mut server) = (
        connected_client(symmetric(UP, 1)),
        connected_server(symmetric(UP, 1)),
    );
    let asked = send(&mut client, &[1; 5]);
    assert_eq!(feed(&mut server, &asked), Ok((vec![Event::Apdu], vec![])));
    server.set_busy(true);
    let mut working = Vec::new();
    server.acknowledge(&mut working);
    assert_eq!(working, frame(Role::Server, rnr(1), &[]));
    assert_eq!(feed(&mut client, &working), SILENCE);

    server.set_busy(false);
    assert!(send(&mut server, &[2; 5]).is_empty(), "nobody asked");
    let poll = time_out(&mut client).expect("not yet given up");
    let (_, answered) = feed(&mut server, &poll).expect("no error");
    assert_eq!(
        feed(&mut client, &answered),
        Ok((vec![Event::Apdu], vec![]))
    );
    assert!(!client.is_peer_busy(), "who answers finally is ready");
    assert!(!send(&mut client, &[3; 5]).is_empty());
}

#[test]
fn a_busy_client_takes_nothing_and_says_so_when_it_asks() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    client.set_busy(true);
    let answered = frame(Role::Server, i(0, 1), &answer(1));
    assert_eq!(
        feed(&mut client, &answered),
        Ok((vec![], frame(Role::Client, rnr(0), &[])))
    );
    client.set_busy(false);
    assert_eq!(feed(&mut client, &frame(Role::Server, rr(1), &[])), SILENCE);
    assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
    assert_eq!(
        feed(&mut client, &answered),
        Ok((vec![Event::Apdu], vec![]))
    );
}
