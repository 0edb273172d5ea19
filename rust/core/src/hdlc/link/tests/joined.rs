//! Two ends joined: every size and window over a good line, any seed of faults over a bad one.

use super::pair::{Dice, Faults, Pair};
use super::symmetric;
use crate::error::LinkErrorKind;
use crate::hdlc::link::State;
use crate::hdlc::parameters::Parameters;
use proptest::prelude::*;

/// An APDU whose octets tell its number and place, and look like LLC octets and flags here and there.
pub(super) fn apdu(number: usize, length: usize) -> Vec<u8> {
    (0..length)
        .map(|position| match (position + number) % 11 {
            0 | 1 => 0xE6,
            2 => 0x00,
            3 => 0x7E,
            4 => 0xE7,
            _ => (position * 7 + number).to_le_bytes()[0],
        })
        .collect()
}

fn exchange(pair: &mut Pair, requests: &[usize], answers: &[usize]) -> Result<(), LinkErrorKind> {
    pair.connect()?;
    let mut number = 0;
    let mut answer = |_: &[u8]| {
        number += 1;
        Some(apdu(
            100 + number - 1,
            answers[(number - 1) % answers.len()],
        ))
    };
    for (number, length) in requests.iter().enumerate() {
        pair.ask(&apdu(number, *length), &mut answer)?;
    }
    Ok(())
}

/// What has been delivered is what was sent: in order, each once, nothing else.
fn check(pair: &Pair, requests: &[usize], answers: &[usize]) {
    for (number, request) in pair.at_server.iter().enumerate() {
        assert!(
            *request == apdu(number, requests[number]),
            "request {number} is another"
        );
    }
    for (number, answer) in pair.at_client.iter().enumerate() {
        assert!(
            *answer == apdu(100 + number, answers[number % answers.len()]),
            "answer {number} is another"
        );
    }
}

// proves: hdlc-segmentation
#[test]
fn every_window_and_many_sizes_over_a_good_line() {
    for window in 1..=7 {
        for length in [
            1, 2, 3, 32, 33, 64, 127, 128, 255, 256, 300, 1000, 1024, 2029, 2030,
        ] {
            let edge = usize::from(length) * usize::from(window);
            let sizes = [
                1,
                edge.saturating_sub(4).max(1),
                edge,
                edge + 1,
                3 * edge + 5,
            ];
            let mut pair = Pair::perfect(length, window);
            assert_eq!(
                exchange(&mut pair, &sizes, &sizes),
                Ok(()),
                "information {length}, window {window}"
            );
            check(&pair, &sizes, &sizes);
            assert_eq!(
                (pair.at_server.len(), pair.at_client.len()),
                (sizes.len(), sizes.len())
            );
            assert_eq!(pair.timeouts, 0);
            for link in [&pair.client, &pair.server] {
                let statistics = link.statistics();
                assert_eq!(
                    (statistics.frames_dropped(), statistics.frames_repeated),
                    (0, 0)
                );
            }
            pair.disconnect();
        }
    }
}

#[test]
fn frames_of_every_length_around_multiples_of_256_octets() {
    // Information of n octets and one-octet addresses make n + 9 octets between the flags.
    let mut pair = Pair::perfect(2030, 1);
    let sizes: Vec<usize> = (1..8)
        .flat_map(|high| 256 * high - 20..256 * high + 10)
        .filter(|n| *n < 2027)
        .collect();
    assert_eq!(exchange(&mut pair, &sizes, &sizes), Ok(()));
    check(&pair, &sizes, &sizes);
    assert_eq!(pair.at_client.len(), sizes.len());
}

#[test]
fn numbers_go_through_seven_to_zero_again_and_again() {
    let sizes = [10; 40];
    let mut pair = Pair::perfect(128, 1);
    assert_eq!(exchange(&mut pair, &sizes, &sizes), Ok(()));
    check(&pair, &sizes, &sizes);
}

#[test]
fn an_unanswered_message_is_acknowledged_and_others_follow() {
    let mut pair = Pair::perfect(64, 2);
    assert_eq!(pair.connect(), Ok(()));
    // Many messages one behind the other: sent without waiting, held back by the window.
    let mut out = Vec::new();
    for number in 0..20 {
        pair.client
            .begin_message()
            .expect("connected")
            .extend(apdu(number, 100));
        pair.client.finish_message(&mut out).expect("connected");
    }
    let mut rounds = 0;
    while !out.is_empty() {
        rounds += 1;
        assert!(rounds < 100);
        pair.server.push(&out);
        out.clear();
        let mut answered = Vec::new();
        while pair.server.poll(&mut answered).expect("no error").is_some() {
            pair.at_server.push(pair.server.message().clone());
            pair.server.acknowledge(&mut answered);
        }
        pair.client.push(&answered);
        assert_eq!(pair.client.poll(&mut out), Ok(None));
    }
    check(&pair, &[100; 20], &[]);
    assert_eq!(pair.at_server.len(), 20);
}

#[test]
fn a_lossy_line_delivers_all_or_ends_in_a_declared_error() {
    let (mut finished, mut given_up) = (0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let faults = Faults {
            lose: dice.roll(4) * 40,
            double: dice.roll(4) * 40,
            flip: dice.roll(4) * 40,
            cut: dice.roll(3) * 30,
            noise: dice.roll(3) * 50,
            ..Faults::default()
        };
        let window = |dice: &mut Dice| (dice.roll(7) + 1).to_le_bytes()[0];
        let info_field_length = |dice: &mut Dice| u16::try_from(20 + dice.roll(60)).expect("small");
        let parameters = Parameters::new(
            info_field_length(&mut dice),
            info_field_length(&mut dice),
            window(&mut dice),
            window(&mut dice),
        )
        .expect("within range");
        let sizes: Vec<usize> = (0..8).map(|_| 1 + dice.roll(600) as usize).collect();
        let mut pair = Pair::new(parameters, 20, faults, seed);
        let outcome = exchange(&mut pair, &sizes, &sizes);
        check(&pair, &sizes, &sizes);
        match outcome {
            Ok(()) => {
                finished += 1;
                assert_eq!(
                    (pair.at_server.len(), pair.at_client.len()),
                    (sizes.len(), sizes.len()),
                    "seed {seed}"
                );
            }
            Err(LinkErrorKind::RetriesExhausted) => {
                given_up += 1;
                assert_eq!(pair.client.state(), State::Disconnected);
            }
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
        assert!(pair.frames < 20_000, "seed {seed}: {} frames", pair.frames);
    }
    assert!(finished > 590, "{finished} finished, {given_up} given up");
}

#[test]
fn a_dead_line_is_given_up_after_all_repetitions() {
    let faults = Faults {
        lose: 1000,
        ..Faults::default()
    };
    let mut pair = Pair::new(symmetric(128, 1), 3, faults, 1);
    assert_eq!(pair.connect(), Err(LinkErrorKind::RetriesExhausted));
    assert_eq!(pair.frames, 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn l_04_any_pieces_give_the_same_events(
        sizes in prop::collection::vec(1_usize..400, 1..5), pieces in prop::collection::vec(1_usize..70, 1..30),
    ) {
        use super::{connected_client, connected_server, feed, send};
        let parameters = symmetric(100, 7);
        let mut client = connected_client(parameters);
        let stream: Vec<u8> = sizes.iter().enumerate().flat_map(|(n, size)| send(&mut client, &apdu(n, *size))).collect();
        let mut whole = connected_server(parameters);
        let expected = feed(&mut whole, &stream);
        let mut parts = connected_server(parameters);
        let (mut events, mut out, mut rest, mut pieces) = (Vec::new(), Vec::new(), &stream[..], pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(*pieces.next().expect("endless")));
            let (more, said) = feed(&mut parts, piece).expect("no error");
            events.extend(more);
            out.extend(said);
            rest = behind;
        }
        prop_assert_eq!(Ok((events, out)), expected);
        prop_assert_eq!(parts.message(), whole.message());
        prop_assert_eq!(parts.statistics(), whole.statistics());
    }

    #[test]
    fn any_octets_and_operations_leave_the_link_alive(
        operations in prop::collection::vec((0_u8..8, prop::collection::vec(any::<u8>(), 0..40)), 0..60), server in any::<bool>(),
    ) {
        use super::{config, segment};
        use crate::hdlc::control::Control;
        use crate::hdlc::link::{Link, Role};
        let (role, peer) = if server { (Role::Server, Role::Client) } else { (Role::Client, Role::Server) };
        let mut link = Link::new(role, config(symmetric(30, 3)));
        let mut out = Vec::new();
        for (operation, octets) in operations {
            match operation {
                0 => link.push(&octets),
                1 => { let _ = link.connect(&mut out); }
                2 if octets.is_empty() => link.disconnect(&mut out),
                3 => { let _ = link.handle_timeout(&mut out); }
                4 => if let Ok(buffer) = link.begin_message() {
                    buffer.extend_from_slice(&octets);
                    link.finish_message(&mut out).expect("connected");
                },
                _ => {
                    let control = Control::from(octets.first().copied().unwrap_or(0x93));
                    link.push(&segment(peer, control.kind, control.poll_final, octets.len() % 3 == 0, octets.get(1..).unwrap_or(&[])));
                }
            }
            while let Ok(Some(_)) = link.poll(&mut out) {}
            prop_assert!(out.len() < 20_000, "one operation cannot make it talk for ever");
            out.clear();
        }
    }
}
