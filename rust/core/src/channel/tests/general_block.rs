//! General block transfer between two joined channels: every service, both ways, over wrapper and HDLC, plain and ciphered.

use super::*;
use crate::channel::GeneralBlockUse;
use crate::xdlms::general_block::GeneralBlock;

const GENERAL: u32 = 0x20_0000;
/// GET, SET, ACTION and general block transfer; no block transfer of a service.
const ONLY_GENERAL: u32 = GENERAL | 0x00_0019;

struct Set {
    when: GeneralBlockUse,
    conformance: u32,
    pdu_size: u16,
    windows: [u8; 2],
}

fn pair(hdlc: bool, policy: Protection, set: &Set) -> Pair {
    let mut pair = Pair::new(hdlc, policy, set.pdu_size);
    for (end, window) in [
        (&mut pair.client, set.windows[0]),
        (&mut pair.server, set.windows[1]),
    ] {
        end.channel.use_general_blocks(set.when, window, true);
        end.channel.negotiate(Negotiation {
            conformance: set.conformance,
            peer_max_receive_pdu_size: set.pdu_size,
        });
    }
    pair
}

fn exchange(pair: &mut Pair, request: &[u8], response: &[u8]) {
    let octets = pair.client.send(request).expect("sent");
    pair.carry(octets, true);
    assert_eq!(pair.server.last_apdu(), request);
    let octets = pair.server.send(response).expect("sent");
    pair.carry(octets, false);
    assert_eq!(pair.client.last_apdu(), response);
}

/// The APDUs that a run of wrapper messages carries.
fn messages(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while !octets.is_empty() {
        let length = usize::from(u16::from_be_bytes([octets[6], octets[7]]));
        messages.push(octets[8..8 + length].to_vec());
        octets = &octets[8 + length..];
    }
    messages
}

fn long_action() -> Vec<u8> {
    [hex("C301C1 0012 00002C0000FF 02 01"), octet_string(900)].concat()
}

// proves: gbt-services, gbt-ciphered, gbt-framings
#[test]
fn every_service_arrives_whole_in_general_blocks() {
    let value = octet_string(900);
    let cases: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (
            hex("C001C1 0012 00002C0000FF 02 00"),
            [hex("C401C1 00"), value.clone()].concat(),
        ),
        (
            [hex("C101C1 0001 0000600101FF 02 00"), value.clone()].concat(),
            hex("C501C1 00"),
        ),
        (
            long_action(),
            [hex("C701C1 00 01 00"), value.clone()].concat(),
        ),
        (
            [
                hex("D9 40000001 00 01 03 0012 00002C0000FF 02 01"),
                value.clone(),
            ]
            .concat(),
            [hex("DA 40000001 00 00 01"), value.clone(), hex("01 03 00")].concat(),
        ),
        (
            [hex("05 01 04 FA58 00"), value.clone()].concat(),
            [hex("0C 01 00"), value.clone()].concat(),
        ),
        ([hex("06 01 02 0158 01"), value].concat(), hex("0D 01 00")),
    ];
    for hdlc in [false, true] {
        for policy in [Protection::NONE, Protection::BOTH] {
            for pdu_size in [30, 64, 200, 1200] {
                for windows in [[1, 1], [1, 5], [63, 2], [63, 63]] {
                    let set = Set {
                        when: GeneralBlockUse::WhenNeeded,
                        conformance: ONLY_GENERAL,
                        pdu_size,
                        windows,
                    };
                    let mut pair = pair(hdlc, policy, &set);
                    for _ in 0..2 {
                        for (request, response) in &cases {
                            exchange(&mut pair, request, response);
                        }
                    }
                }
            }
        }
    }
}

// proves: gbt-limit
#[test]
fn no_block_exceeds_the_peers_limit_or_wastes_it() {
    for limit in [20_u16, 64, 134, 135, 136, 260, 262, 263, 300] {
        let set = Set {
            when: GeneralBlockUse::Always,
            conformance: ONLY_GENERAL,
            pdu_size: limit,
            windows: [63, 63],
        };
        let mut pair = pair(false, Protection::BOTH, &set);
        let mut octets = pair.client.send(&long_action()).expect("sent");
        let mut longest = 0;
        while !octets.is_empty() {
            for message in messages(&octets) {
                longest = longest.max(message.len());
            }
            let reply = pair.server.receive(&octets).expect("undamaged");
            octets = pair.client.receive(&reply).expect("undamaged");
        }
        let limit = usize::from(limit);
        assert!(
            longest <= limit && longest + 2 >= limit,
            "{longest}, {limit}"
        );
    }
}

// proves: gbt-choice
#[test]
fn the_option_says_which_transfer_is_used() {
    use GeneralBlockUse::{Always, Off, WhenNeeded};
    for (when, conformance, tag) in [
        (Off, ALL | GENERAL, Some(0xC3)),
        (WhenNeeded, ALL | GENERAL, Some(0xC3)),
        (Always, ALL | GENERAL, Some(0xE0)),
        (Always, ALL, Some(0xC3)),
        (Off, ONLY_GENERAL, None),
        (WhenNeeded, ONLY_GENERAL, Some(0xE0)),
        (Always, ONLY_GENERAL, Some(0xE0)),
    ] {
        let set = Set {
            when,
            conformance,
            pdu_size: 100,
            windows: [1, 1],
        };
        let mut pair = pair(false, Protection::NONE, &set);
        let sent = pair.client.send(&long_action()).ok();
        assert_eq!(
            sent.map(|octets| octets[8]),
            tag,
            "{when:?} {conformance:06X}"
        );
        let mut fits = pair
            .client
            .send(&hex("C301C2 0012 00002C0000FF 02 00"))
            .expect("sent");
        assert_eq!(fits.split_off(8)[0], 0xC3, "what fits is not cut");
    }
}

// proves: gbt-follow
#[test]
fn a_request_in_blocks_is_answered_in_blocks_however_short() {
    let set = Set {
        when: GeneralBlockUse::WhenNeeded,
        conformance: ONLY_GENERAL,
        pdu_size: 500,
        windows: [1, 1],
    };
    let mut pair = pair(false, Protection::NONE, &set);
    let request = hex("E0 81 0001 0000 0D C001C1 0012 00002C0000FF 02 00");
    let octets = [hex("0001 0001 0001 0014"), request].concat();
    assert_eq!(messages(&octets)[0].len(), 20);
    pair.server.receive(&octets[..]).expect("undamaged");
    pair.server.last_apdu();
    let answer = pair.server.send(&hex("C401C1 00 1105")).expect("sent");
    assert_eq!(
        messages(&answer),
        [hex("E0 81 0001 0001 06 C401C1 00 1105")]
    );
    let plain = hex("0001 0001 0001 000D C001C1 0012 00002C0000FF 02 00");
    pair.server.receive(&plain).expect("undamaged");
    let answer = pair.server.send(&hex("C401C1 00 1105")).expect("sent");
    assert_eq!(
        messages(&answer),
        [hex("C401C1 00 1105")],
        "and whole where it was not"
    );
}

// proves: gbt-notification, gbt-unconfirmed
#[test]
fn what_is_unconfirmed_streams_and_nobody_acknowledges() {
    for hdlc in [false, true] {
        for policy in [Protection::NONE, Protection::BOTH] {
            let set = Set {
                when: GeneralBlockUse::WhenNeeded,
                conformance: ALL | ONLY_GENERAL,
                pdu_size: 100,
                windows: [1, 1],
            };
            let mut pair = pair(hdlc, policy, &set);
            let mut action = long_action();
            action[2] = 0x81;
            for _ in 0..2 {
                let octets = pair.client.send(&action).expect("sent");
                if !hdlc {
                    let blocks = messages(&octets);
                    assert!(blocks.iter().all(|block| block[1] & 0x3F == 0), "window 0");
                    assert!(pair.server.receive(&octets).expect("undamaged").is_empty());
                } else {
                    pair.carry(octets, true);
                }
                assert_eq!(pair.server.last_apdu(), action);
            }
            if hdlc {
                continue; // a secondary station speaks when it is polled
            }
            let push = [hex("0F 00000001 00"), octet_string(400)].concat();
            let octets = pair.server.send(&push).expect("sent");
            assert!(pair.client.receive(&octets).expect("undamaged").is_empty());
            assert_eq!(pair.client.last_apdu(), push);
        }
    }
}

#[test]
fn a_notification_may_come_while_an_answer_arrives() {
    let set = Set {
        when: GeneralBlockUse::WhenNeeded,
        conformance: ONLY_GENERAL,
        pdu_size: 64,
        windows: [2, 2],
    };
    let mut pair = pair(false, Protection::NONE, &set);
    let octets = pair
        .client
        .send(&hex("C001C1 0012 00002C0000FF 02 00"))
        .expect("sent");
    pair.carry(octets, true);
    let answer = [hex("C401C1 00"), octet_string(300)].concat();
    let first = pair.server.send(&answer).expect("sent");
    let ask = pair.client.receive(&first).expect("undamaged");
    for push in [
        hex("C2 00 0001 0000600101FF 02 1105"),
        [hex("C2 00 0001 0000600101FF 02"), octet_string(100)].concat(),
    ] {
        let mut pushing = Channel::new(
            Role::Server,
            Framing::wrapper(Role::Server, 1, 1, 1000),
            1000,
        );
        pushing.negotiate(Negotiation {
            conformance: ONLY_GENERAL,
            peer_max_receive_pdu_size: 64,
        });
        // As the same meter would send it: its port is that of the client.
        pushing
            .receive::<ChannelError>(
                &hex("0001000100010003 630100"),
                None,
                &mut Vec::new(),
                &mut |_| Ok(()),
            )
            .expect("undamaged");
        pushing
            .receive::<ChannelError>(&[], None, &mut Vec::new(), &mut |_| Ok(()))
            .expect("undamaged");
        let plan = pushing.plan(push[0], &push.as_slice(), None);
        let mut octets = Vec::new();
        pushing
            .send(&plan, &push.as_slice(), None, &mut octets)
            .expect("sent");
        pair.client.receive(&octets).expect("undamaged");
        assert_eq!(pair.client.last_apdu(), push);
    }
    pair.carry(ask, true);
    assert_eq!(pair.client.last_apdu(), answer);
}

#[test]
fn c_21_a_client_gives_up_and_a_server_aborts_and_serves_on() {
    let set = Set {
        when: GeneralBlockUse::WhenNeeded,
        conformance: ONLY_GENERAL,
        pdu_size: 64,
        windows: [4, 4],
    };
    for lie in [
        "E0 01 0001 0005 01 C4",
        "E0 01 0041 0000 01 C4",
        "E0 01 0000 0000 01 C4",
        "E0 01 0001 0000 09 C4",
        "E0 01",
    ] {
        let mut pair = pair(false, Protection::NONE, &set);
        let lie = hex(lie);
        let framed = |to_server: bool| {
            let length = u8::try_from(lie.len()).expect("short");
            let _ = to_server;
            [&[0, 1, 0, 1, 0, 1, 0, length][..], &lie].concat()
        };
        pair.client
            .send(&hex("C001C1 0012 00002C0000FF 02 00"))
            .expect("sent");
        assert!(pair.client.receive(&framed(false)).is_err(), "{lie:02X?}");
        let answer = pair.server.receive(&framed(true)).expect("serves on");
        assert_eq!(
            messages(&answer),
            [GeneralBlock::ABORT.to_vec()],
            "{lie:02X?}"
        );
        assert!(
            !pair
                .server
                .seen
                .iter()
                .any(|seen| matches!(seen, Seen::Apdu(_)))
        );
        pair.client.channel.reset_association();
        pair.client.channel.negotiate(Negotiation {
            conformance: ONLY_GENERAL,
            peer_max_receive_pdu_size: 64,
        });
        exchange(&mut pair, &long_action(), &hex("C701C1 00 00"));
    }
}

// proves: gbt-abort
#[test]
fn an_abort_is_the_answer_to_what_was_asked() {
    let set = Set {
        when: GeneralBlockUse::Always,
        conformance: ONLY_GENERAL,
        pdu_size: 64,
        windows: [4, 4],
    };
    let abort = hex("0001 0001 0001 0007 E0 80 0000 0000 00");
    for (request, answer) in [
        (long_action(), "C701C1 0F 00"),
        (
            [hex("C101C1 0001 0000600101FF 02 00"), octet_string(90)].concat(),
            "C501C1 11",
        ),
        (
            [
                hex("D9 40000001 00 01 03 0012 00002C0000FF 02 01"),
                octet_string(90),
            ]
            .concat(),
            "D8 01 03",
        ),
    ] {
        let mut pair = pair(false, Protection::NONE, &set);
        pair.client.send(&request).expect("sent");
        assert!(pair.client.receive(&abort).expect("no lie").is_empty());
        assert_eq!(pair.client.last_apdu(), hex(answer));
        exchange(
            &mut pair,
            &request,
            &if request[0] == 0xD9 {
                hex("DA 40000001 00 00 01 00 01 03 00")
            } else {
                hex(&format!(
                    "{:02X}01C1 00{}",
                    request[0] + 4,
                    if request[0] == 0xC3 { "00" } else { "" }
                ))
            },
        );
        assert!(pair.client.receive(&abort).expect("no lie").is_empty());
        assert_eq!(pair.client.seen.len(), 0, "nothing was under way");
    }
}

// proves: gbt-timeouts
#[test]
fn a_timeout_repeats_blocks_and_then_is_final() {
    let set = Set {
        when: GeneralBlockUse::Always,
        conformance: ONLY_GENERAL,
        pdu_size: 200,
        windows: [4, 4],
    };
    let mut pair = pair(false, Protection::BOTH, &set);
    let request = long_action();
    let lost = pair.client.send(&request).expect("sent");
    for last in [false, false, false, true] {
        let mut again = Vec::new();
        let repeated = pair.client.channel.handle_timeout(None, &mut again);
        if last {
            assert_eq!(
                repeated,
                Err(ChannelError::Link(LinkErrorKind::RetriesExhausted.into()))
            );
        } else {
            assert_eq!((repeated, &again), (Ok(()), &lost));
        }
    }
    let mut pair = self::pair(false, Protection::BOTH, &set);
    pair.client.send(&request).expect("lost");
    let mut again = Vec::new();
    pair.client
        .channel
        .handle_timeout(None, &mut again)
        .expect("a try left");
    pair.carry(again, true);
    assert_eq!(pair.server.last_apdu(), request);
}

// proves: gbt-chunks
#[test]
fn the_same_comes_out_however_the_stream_is_cut() {
    let set = Set {
        when: GeneralBlockUse::Always,
        conformance: ONLY_GENERAL,
        pdu_size: 64,
        windows: [7, 7],
    };
    for size in 1..20 {
        let mut pair = pair(false, Protection::BOTH, &set);
        let request = long_action();
        let mut octets = pair.client.send(&request).expect("sent");
        let mut to_server = true;
        while !octets.is_empty() {
            let end = if to_server {
                &mut pair.server
            } else {
                &mut pair.client
            };
            let mut reply = Vec::new();
            for piece in octets.chunks(size) {
                reply.extend(end.receive(piece).expect("undamaged"));
            }
            octets = reply;
            to_server = !to_server;
        }
        assert_eq!(pair.server.last_apdu(), request);
    }
}

#[test]
fn a_client_that_is_never_answered_gets_no_block() {
    let set = Set {
        when: GeneralBlockUse::WhenNeeded,
        conformance: ONLY_GENERAL,
        pdu_size: 64,
        windows: [4, 4],
    };
    let mut pair = pair(false, Protection::NONE, &set);
    pair.server.channel.never_answer();
    let octets = pair.client.send(&long_action()).expect("sent");
    assert!(pair.server.receive(&octets).expect("undamaged").is_empty());
    let lie = hex("0001 0001 0001 0008 E0 01 0001 0005 01 C4");
    assert!(pair.server.receive(&lie).expect("survives").is_empty());
}
