//! Meters that do not take the parameters of a SNRM: they are asked again without.

use super::*;
use crate::codec::Emit;
use crate::hdlc::link::State;

fn connecting(parameters: Parameters, max_retries: u8) -> (Link, Vec<u8>) {
    let mut client = Link::new(
        Role::Client,
        Config {
            max_retries,
            ..config(parameters)
        },
    );
    let mut out = Vec::new();
    client.connect(&mut out).expect("a client can");
    (client, out)
}

fn snrm(parameters: Parameters) -> Vec<u8> {
    frame(Role::Client, FrameKind::Snrm, &parameters.to_vec())
}

fn plain() -> Vec<u8> {
    frame(Role::Client, FrameKind::Snrm, &[])
}

// proves: hdlc-plain-snrm
#[test]
fn a_server_that_refuses_the_parameters_is_asked_without() {
    for kind in [FrameKind::Dm, FrameKind::Frmr] {
        let proposal = symmetric(2030, 7);
        let (mut client, asked) = connecting(proposal, 3);
        assert_eq!(asked, snrm(proposal));
        let refusal = frame(Role::Server, kind, &[]);
        assert_eq!(feed(&mut client, &refusal), Ok((vec![], plain())));
        assert_eq!(client.state(), State::Connecting);
        let granted = Parameters::default();
        assert_eq!(
            feed(&mut client, &frame(Role::Server, FrameKind::Ua, &[])),
            Ok((vec![Event::Connected(granted)], vec![]))
        );
    }
}

#[test]
fn a_server_that_refuses_both_has_refused() {
    for (kind, error) in [
        (FrameKind::Dm, LinkErrorKind::Refused),
        (FrameKind::Frmr, LinkErrorKind::FrameRejected),
    ] {
        let (mut client, _) = connecting(symmetric(2030, 7), 3);
        let refusal = frame(Role::Server, kind, &[]);
        assert_eq!(feed(&mut client, &refusal), Ok((vec![], plain())));
        assert_eq!(feed(&mut client, &refusal), Err(error));
        // The next attempt begins with the proposal again.
        let mut out = Vec::new();
        client.connect(&mut out).expect("a client can");
        assert_eq!(out, snrm(symmetric(2030, 7)));
    }
    let (mut client, asked) = connecting(Parameters::default(), 3);
    assert_eq!(asked, plain(), "nothing to leave out");
    assert_eq!(
        feed(&mut client, &frame(Role::Server, FrameKind::Dm, &[])),
        Err(LinkErrorKind::Refused)
    );
}

// proves: hdlc-plain-snrm
#[test]
fn a_server_that_says_nothing_is_asked_without_for_the_second_half_of_the_tries() {
    let proposal = symmetric(2030, 7);
    for (max_retries, with, without) in [(0, 1, 0), (1, 1, 1), (2, 2, 1), (3, 2, 2), (5, 3, 3)] {
        let (mut client, asked) = connecting(proposal, max_retries);
        let mut tries = vec![asked];
        while let Ok(again) = time_out(&mut client) {
            tries.push(again);
        }
        let expected = [vec![snrm(proposal); with], vec![plain(); without]].concat();
        assert_eq!(tries, expected, "{max_retries} retries");
    }
}

#[test]
fn a_late_answer_to_the_first_snrm_grants_no_more_than_the_last_one_asked_for() {
    let proposal = symmetric(2030, 7);
    let (mut client, _) = connecting(proposal, 1);
    assert_eq!(time_out(&mut client), Ok(plain()));
    let late = frame(Role::Server, FrameKind::Ua, &proposal.to_vec());
    let granted = Parameters::default();
    assert_eq!(
        feed(&mut client, &late),
        Ok((vec![Event::Connected(granted)], vec![]))
    );
    let answer_to_the_plain_one = frame(Role::Server, FrameKind::Ua, &[]);
    assert_eq!(
        feed(&mut client, &answer_to_the_plain_one),
        Ok((vec![], vec![]))
    );
    assert_eq!(client.parameters(), granted);
}
