//! What is lost, late, doubled or refused for a time: what is repeated, how often, and when it ends.

use super::*;
use crate::hdlc::link::{DisconnectReason, State};

// proves: hdlc-segmentation
#[test]
fn l_06_duplicate_i_frame_is_delivered_once() {
    let mut server = connected_server(symmetric(UP, 1));
    let first = frame(Role::Client, i(0, 0), &request(1));
    assert_eq!(feed(&mut server, &first), Ok((vec![Event::Apdu], vec![])));
    assert_eq!(
        feed(&mut server, &first),
        Ok((vec![], frame(Role::Server, rr(1), &[]))),
        "acknowledged, not executed"
    );

    let answered = frame(Role::Server, i(0, 1), &answer(2));
    assert_eq!(
        send(&mut server, &[2; 5]),
        Vec::<u8>::new(),
        "the turn has gone back to the client"
    );
    assert_eq!(
        feed(&mut server, &frame(Role::Client, rr(0), &[])),
        Ok((vec![], answered.clone()))
    );
    assert_eq!(
        feed(&mut server, &first),
        Ok((vec![], answered)),
        "the stored answer again"
    );
    assert_eq!(
        (
            server.statistics().duplicates,
            server.statistics().frames_repeated
        ),
        (2, 1)
    );
}

#[test]
fn l_06_duplicate_answer_is_delivered_once() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    let answered = frame(Role::Server, i(0, 1), &answer(1));
    assert_eq!(
        feed(&mut client, &answered),
        Ok((vec![Event::Apdu], vec![]))
    );
    assert_eq!(feed(&mut client, &answered), Ok((vec![], vec![])));
    assert_eq!(
        send(&mut client, &[2; 5]),
        frame(Role::Client, i(1, 1), &request(2))
    );
    assert_eq!(
        feed(&mut client, &answered),
        Ok((vec![], vec![])),
        "a late copy does not make us repeat"
    );
}

#[test]
fn l_07_a_lost_request_is_repeated_with_the_same_number_until_the_retries_are_used_up() {
    let mut client = connected_client(symmetric(UP, 1));
    let sent = send(&mut client, &[1; 5]);
    for _ in 0..3 {
        assert_eq!(time_out(&mut client), Ok(sent.clone()));
    }
    assert_eq!(time_out(&mut client), Err(LinkErrorKind::RetriesExhausted));
    assert_eq!(
        (client.state(), client.statistics().frames_repeated),
        (State::Disconnected, 3)
    );
    assert_eq!(
        time_out(&mut client),
        Ok(vec![]),
        "nothing is left to repeat"
    );
}

#[test]
fn l_07_a_lost_answer_is_asked_for() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, rr(1), &[])),
        Ok((vec![], vec![])),
        "acknowledged, no answer yet"
    );
    assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
    assert_eq!(
        feed(&mut client, &frame(Role::Server, i(0, 1), &answer(1))),
        Ok((vec![Event::Apdu], vec![]))
    );
}

#[test]
fn l_07_of_a_lost_burst_only_what_is_missing_is_repeated() {
    let mut client = connected_client(symmetric(8, 3));
    let sent = send(&mut client, &[1; 40]);
    assert_eq!(sent.len(), 3 * (8 + 11));
    assert_eq!(
        time_out(&mut client),
        Ok(frame(Role::Client, rr(0), &[])),
        "ask before repeating three frames"
    );
    let (events, repeated) = feed(&mut client, &frame(Role::Server, rr(2), &[])).expect("no error");
    assert!(events.is_empty());
    assert_eq!(
        repeated[..19 - 2],
        segment(Role::Client, i(2, 0), false, true, &[1; 8])[..19 - 2]
    );
    assert_eq!(
        (repeated.len(), client.statistics().frames_repeated),
        (3 * 19, 2),
        "poll and third frame"
    );
}

#[test]
fn l_07_snrm_and_disc_are_repeated() {
    let mut client = Link::new(Role::Client, config(symmetric(UP, 1)));
    let mut out = Vec::new();
    client.connect(&mut out).expect("a client can");
    for _ in 0..3 {
        assert_eq!(time_out(&mut client), Ok(out.clone()));
    }
    assert_eq!(time_out(&mut client), Err(LinkErrorKind::RetriesExhausted));

    let mut client = connected_client(symmetric(UP, 1));
    let mut out = Vec::new();
    client.disconnect(&mut out);
    assert_eq!(time_out(&mut client), Ok(out));
    let down = Event::Disconnected(DisconnectReason::Disc);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, FrameKind::Dm, &[])),
        Ok((vec![down], vec![]))
    );
}

#[test]
fn l_14_a_server_that_never_gets_further_is_not_polled_for_ever() {
    let mut client = connected_client(symmetric(UP, 1));
    let _ = send(&mut client, &[1; 5]);
    let open = segment(Role::Server, i(0, 1), true, true, &answer(1));
    let (poll, ready) = (
        frame(Role::Client, rr(1), &[]),
        frame(Role::Server, rr(1), &[]),
    );
    assert_eq!(feed(&mut client, &open), Ok((vec![], poll.clone())));
    for _ in 0..3 {
        assert_eq!(feed(&mut client, &ready), Ok((vec![], poll.clone())));
    }
    assert_eq!(feed(&mut client, &ready), Ok((vec![], vec![])));
    assert_eq!(time_out(&mut client), Err(LinkErrorKind::RetriesExhausted));
}

#[test]
fn l_14_frmr_and_dm_in_the_middle_and_unsolicited_ua() {
    for (kind, reason) in [
        (FrameKind::Frmr, DisconnectReason::Frmr),
        (FrameKind::Dm, DisconnectReason::Dm),
    ] {
        let mut client = connected_client(symmetric(UP, 1));
        let _ = send(&mut client, &[1; 5]);
        let octets = frame(Role::Server, kind, &[]);
        assert_eq!(
            feed(&mut client, &octets),
            Ok((vec![Event::Disconnected(reason)], vec![]))
        );
        assert_eq!(
            client.begin_message().err(),
            Some(LinkErrorKind::NotConnected.into())
        );

        client.connect(&mut Vec::new()).expect("a client can");
        let refused = if kind == FrameKind::Dm {
            LinkErrorKind::Refused
        } else {
            LinkErrorKind::FrameRejected
        };
        assert_eq!(feed(&mut client, &octets), Err(refused));
    }
    let mut client = connected_client(symmetric(UP, 1));
    let sent = send(&mut client, &[1; 5]);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, FrameKind::Ua, &[])),
        Ok((vec![], vec![]))
    );
    assert_eq!(client.statistics().unexpected, 1);
    assert_eq!(time_out(&mut client), Ok(sent));
}

#[test]
fn l_18_answers_to_repetitions_that_were_not_needed_do_no_harm() {
    let mut client = connected_client(symmetric(8, 2));
    let burst = send(&mut client, &[1; 40]);
    assert_eq!(time_out(&mut client), Ok(frame(Role::Client, rr(0), &[])));
    let ready = frame(Role::Server, rr(2), &[]);
    let (_, next) = feed(&mut client, &ready).expect("no error");
    assert_eq!(next.len(), burst.len());
    assert_eq!(
        feed(&mut client, &ready),
        Ok((vec![], vec![])),
        "the answer to the poll, after that to the burst"
    );
    let (_, last) = feed(&mut client, &frame(Role::Server, rr(4), &[])).expect("no error");
    assert!(!last.is_empty());
}
