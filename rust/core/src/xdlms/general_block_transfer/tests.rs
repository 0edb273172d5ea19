//! Two exchanges joined back to back, over media that lose, repeat and reorder; and peers that lie.

use super::*;
use crate::codec::Emit;
use crate::xdlms::samples::hex;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

const LIMIT: usize = 10_000;

fn exchange(role: Role, window: u8) -> Exchange {
    let mut exchange = Exchange::new(role, LIMIT);
    exchange.configure(window, true);
    exchange
}

/// A server with its first burst to send, to a client of which it knows that it takes as many blocks.
fn sending(window: u8, apdu: Vec<u8>) -> Exchange {
    let mut server = exchange(Role::Server, window);
    server.send(apdu, 10).expect("numbers enough");
    server.peer_window = window;
    server.say(Say::Blocks);
    server
}

fn apdu(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at * 7 % 251).expect("small") ^ seed)
        .collect()
}

/// A block as it is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent(bool, bool, u8, u16, u16, Vec<u8>);

impl Sent {
    fn block(&self) -> GeneralBlock<'_> {
        GeneralBlock {
            last_block: self.0,
            streaming: self.1,
            window: self.2,
            block_number: self.3,
            block_number_ack: self.4,
            block_data: &self.5,
        }
    }
}

impl From<GeneralBlock<'_>> for Sent {
    fn from(block: GeneralBlock<'_>) -> Self {
        Self(
            block.last_block,
            block.streaming,
            block.window,
            block.block_number,
            block.block_number_ack,
            block.block_data.to_vec(),
        )
    }
}

fn said(exchange: &mut Exchange) -> Vec<Sent> {
    core::iter::from_fn(|| exchange.next_block().map(Sent::from)).collect()
}

fn numbers(said: &[Sent]) -> Vec<(u16, u16)> {
    said.iter().map(|block| (block.3, block.4)).collect()
}

/// A client and a server with an answer, and what is on its way between them.
struct Pair {
    ends: [Exchange; 2],
    answer: Vec<u8>,
    delivered: [Vec<Vec<u8>>; 2],
    way: [VecDeque<Sent>; 2],
    carried: usize,
    longest_burst: usize,
}

impl Pair {
    fn new(windows: [u8; 2], answer: Vec<u8>) -> Self {
        Self {
            ends: [
                exchange(Role::Client, windows[0]),
                exchange(Role::Server, windows[1]),
            ],
            answer,
            delivered: [Vec::new(), Vec::new()],
            way: [VecDeque::new(), VecDeque::new()],
            carried: 0,
            longest_burst: 0,
        }
    }

    /// What an end has to say gets on its way.
    fn speak(&mut self, end: usize) {
        let blocks = said(&mut self.ends[end]);
        self.longest_burst = self.longest_burst.max(blocks.len());
        self.way[end].extend(blocks);
    }

    /// The next block from `end` arrives.
    fn arrive(&mut self, end: usize, block: &Sent) -> Result<(), DecodeErrorKind> {
        self.carried += 1;
        let to = 1 - end;
        if let Received::Whole(apdu) = self.ends[to].receive(&block.block(), true)? {
            self.delivered[to].push(apdu);
            if to == 1 {
                self.speak(to);
                self.ends[1]
                    .send(self.answer.clone(), 10)
                    .expect("numbers enough");
            }
        }
        self.speak(to);
        Ok(())
    }

    fn run(&mut self) -> Result<(), DecodeErrorKind> {
        while let Some(end) = (0..2).find(|&end| !self.way[end].is_empty()) {
            let block = self.way[end].pop_front().expect("there is one");
            self.arrive(end, &block)?;
        }
        Ok(())
    }
}

#[test]
fn the_worked_blocks_come_out() {
    let initiate = hex("C301C1001200002C0000FF0101020209064D435331303206000186A0");
    let mut client = exchange(Role::Client, 1);
    client.peer_window = 2;
    client.window = 2;
    client.send(initiate, 20).expect("numbers enough");
    let octets: Vec<Vec<u8>> = core::iter::from_fn(|| {
        client.next_block().map(|block| {
            GeneralBlock { window: 1, ..block }.to_vec() // what we take is another matter
        })
    })
    .collect();
    assert_eq!(
        octets,
        [
            hex("E0 41 0001 0000 14 C301C1001200002C0000FF0101020209064D4353"),
            hex("E0 81 0002 0000 08 31303206000186A0"),
        ]
    );
}

// proves: gbt-windows, gbt-bidirectional
#[test]
fn every_window_carries_a_request_and_its_answer() {
    for client in 1..=63 {
        for server in [1, 2, 7, 62, 63] {
            let (request, answer) = (apdu(700, 1), apdu(1400, 2));
            let mut pair = Pair::new([client, server], answer.clone());
            pair.ends[0]
                .send(request.clone(), 10)
                .expect("numbers enough");
            pair.speak(0);
            pair.run().expect("no lies");
            assert_eq!(pair.delivered, [vec![answer], vec![request]]);
            assert_eq!(
                pair.longest_burst,
                usize::from(client.min(server)).min(70).min(140)
            );
            for end in &pair.ends {
                assert_eq!(end.state(), State::Finished);
                assert!(!end.outgoing.is_wanted());
            }
            let windows = |blocks: usize| blocks.div_ceil(usize::from(client.min(server)));
            // Each window but the last of the request costs one acknowledgement; the first block of all goes alone.
            assert!(pair.carried <= 70 + windows(69) + 140 + windows(140) + 2);
        }
    }
}

// proves: gbt-acknowledgement
#[test]
fn an_answer_acknowledges_its_request() {
    let mut server = exchange(Role::Server, 4);
    let request = GeneralBlock {
        last_block: true,
        streaming: false,
        window: 2,
        block_number: 1,
        block_number_ack: 0,
        block_data: &[0xC0, 1, 2],
    };
    assert_eq!(
        server.receive(&request, false),
        Ok(Received::Whole(vec![0xC0, 1, 2]))
    );
    assert_eq!(said(&mut server), [], "the answer will acknowledge");
    server.send(apdu(25, 0), 10).expect("numbers enough");
    let blocks = said(&mut server);
    assert_eq!(numbers(&blocks), [(1, 1), (2, 1)], "the client takes two");
    assert_eq!(
        blocks
            .iter()
            .map(|block| (block.0, block.1, block.2))
            .collect::<Vec<_>>(),
        [(false, true, 4), (false, false, 4)]
    );
}

// proves: gbt-lost-blocks
#[test]
fn only_what_was_lost_is_sent_again() {
    let mut client = exchange(Role::Client, 6);
    let mut server = sending(6, apdu(100, 3));
    let first = said(&mut server);
    assert_eq!(first.len(), 6);
    for block in [&first[0], &first[1], &first[4], &first[5]] {
        client.receive(&block.block(), true).expect("no lies");
    }
    let ask = said(&mut client);
    assert_eq!(
        ask,
        [Sent(true, false, 2, 1, 2, Vec::new())],
        "two are missing behind the second"
    );
    server.receive(&ask[0].block(), true).expect("no lies");
    let again = said(&mut server);
    assert_eq!(numbers(&again), [(3, 1), (4, 1)]);
    for block in &again {
        client.receive(&block.block(), true).expect("no lies");
    }
    let go_on = said(&mut client);
    assert_eq!(go_on, [Sent(true, false, 6, 2, 6, Vec::new())]);
    server.receive(&go_on[0].block(), true).expect("no lies");
    assert_eq!(
        numbers(&said(&mut server)),
        [(7, 2), (8, 2), (9, 2), (10, 2)]
    );
}

#[test]
fn what_comes_twice_is_dropped_and_what_differs_is_a_lie() {
    let mut client = exchange(Role::Client, 4);
    let block = |number, data: &'static [u8]| GeneralBlock {
        last_block: false,
        streaming: true,
        window: 1,
        block_number: number,
        block_number_ack: 0,
        block_data: data,
    };
    for _ in 0..3 {
        assert_eq!(client.receive(&block(1, &[1]), true), Ok(Received::Nothing));
    }
    client.receive(&block(2, &[2]), true).expect("the next");
    assert_eq!(
        client.receive(&block(2, &[3]), true),
        Err(DecodeErrorKind::Duplicate)
    );
    assert_eq!(client.state(), State::Idle);
}

#[test]
fn c_21_lies_of_the_peer_end_in_an_error() {
    let block = |number, acknowledged, data| GeneralBlock {
        last_block: false,
        streaming: false,
        window: 3,
        block_number: number,
        block_number_ack: acknowledged,
        block_data: data,
    };
    let data: &[u8] = &[0; 2000];
    for (what, blocks, kind) in [
        (
            "acknowledges what was never sent",
            vec![block(1, 5, data)],
            DecodeErrorKind::ValueOutOfRange,
        ),
        (
            "jumps beyond every window",
            vec![block(1, 0, data), block(65, 0, data)],
            DecodeErrorKind::ValueOutOfRange,
        ),
        (
            "has no end",
            (1..=6).map(|number| block(number, 0, data)).collect(),
            DecodeErrorKind::LengthTooLarge,
        ),
        (
            "brings nothing for ever",
            [block(1, 0, data)]
                .into_iter()
                .chain((2..=10).map(|number| block(number, 0, &[])))
                .collect(),
            DecodeErrorKind::Missing,
        ),
        (
            "repeats for ever",
            (0..12).map(|_| block(1, 0, data)).collect(),
            DecodeErrorKind::Duplicate,
        ),
    ] {
        for role in [Role::Client, Role::Server] {
            let mut end = exchange(role, 3);
            let result = blocks.iter().try_for_each(|block| {
                let received = end.receive(block, true).map(|_| ());
                assert!(said(&mut end).len() <= 3, "{what}");
                received
            });
            assert_eq!(result, Err(kind), "{role:?}: a peer that {what}");
            assert_eq!(end.state(), State::Idle);
        }
    }
}

#[test]
fn c_21_a_peer_that_asks_for_ever_is_not_answered_for_ever() {
    let mut server = sending(63, apdu(5000, 0));
    assert_eq!(said(&mut server).len(), 63);
    let ask = GeneralBlock {
        last_block: true,
        streaming: false,
        window: 63,
        block_number: 1,
        block_number_ack: 0,
        block_data: &[],
    };
    let mut sent = 0;
    let error = loop {
        match server.receive(&ask, true) {
            Ok(_) => sent += said(&mut server).len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, DecodeErrorKind::Duplicate);
    assert!(sent <= 10 * 63);
}

#[test]
fn c_21_a_stream_longer_than_the_window_is_acknowledged_by_the_window() {
    let mut client = exchange(Role::Client, 5);
    let mut acknowledged = Vec::new();
    for number in 1..=20 {
        let block = GeneralBlock {
            last_block: false,
            streaming: true,
            window: 1,
            block_number: number,
            block_number_ack: 0,
            block_data: &[1],
        };
        client.receive(&block, true).expect("no lie");
        acknowledged.extend(numbers(&said(&mut client)));
    }
    let numbers: Vec<u16> = acknowledged.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [5, 10, 15, 20]);
}

// proves: gbt-abort
#[test]
fn an_abort_ends_what_is_under_way_and_nothing_else() {
    let mut client = exchange(Role::Client, 4);
    assert_eq!(
        client.receive(&GeneralBlock::ABORT, true),
        Ok(Received::Nothing)
    );
    client.send(apdu(100, 0), 10).expect("numbers enough");
    said(&mut client);
    assert_eq!(
        client.receive(&GeneralBlock::ABORT, true),
        Ok(Received::Aborted)
    );
    assert_eq!((client.state(), said(&mut client)), (State::Idle, vec![]));
    client.send(apdu(100, 0), 10).expect("numbers enough");
    let takes_nothing = GeneralBlock {
        window: 0,
        block_number: 1,
        ..GeneralBlock::ABORT
    };
    assert_eq!(
        client.receive(&takes_nothing, true),
        Ok(Received::Aborted),
        "a window of 0"
    );
}

// proves: gbt-numbers
#[test]
fn numbers_do_not_begin_again() {
    let mut client = exchange(Role::Client, 1);
    assert_eq!(client.send(vec![0; 65_536], 1), Err(TooManyBlocks));
    assert_eq!(client.state(), State::Idle);
    assert_eq!(client.send(vec![0; 65_535], 1), Ok(()));
    let mut server = Exchange::new(Role::Server, 100_000);
    server.configure(63, true);
    let mut pair = [client, server];
    let mut whole = None;
    let mut speaker = 0;
    while whole.is_none() {
        let blocks = said(&mut pair[speaker]);
        assert!(!blocks.is_empty());
        speaker = 1 - speaker;
        for block in blocks {
            if let Ok(Received::Whole(apdu)) = pair[speaker].receive(&block.block(), true) {
                whole = Some(apdu.len());
            }
        }
    }
    assert_eq!(whole, Some(65_535));
    assert_eq!(
        pair[1].send(vec![0; 65_535], 1),
        Err(TooManyBlocks),
        "its acknowledgements have used numbers"
    );
}

// proves: gbt-timeouts
#[test]
fn silence_is_met_with_a_bounded_number_of_repetitions() {
    let mut client = exchange(Role::Client, 4);
    client.peer_window = 4;
    client.send(apdu(100, 0), 10).expect("numbers enough");
    let first = said(&mut client);
    for _ in 0..MAX_TIMEOUTS {
        assert!(client.handle_timeout());
        assert_eq!(said(&mut client), first);
    }
    assert!(!client.handle_timeout());
    assert_eq!(said(&mut client), []);
    let mut idle = exchange(Role::Client, 4);
    assert!(!idle.handle_timeout());
}

#[test]
fn a_request_that_is_made_twice_is_answered_twice_unless_it_is_surely_the_same() {
    for (unique, times) in [(true, 1), (false, 2)] {
        let request = GeneralBlock {
            last_block: true,
            streaming: false,
            window: 9,
            block_number: 1,
            block_number_ack: 0,
            block_data: &[1, 2, 3],
        };
        let mut server = exchange(Role::Server, 9);
        let mut requests = 0;
        for _ in 0..2 {
            if let Ok(Received::Whole(_)) = server.receive(&request, unique) {
                requests += 1;
                server.send(apdu(20, 0), 10).expect("numbers enough");
            }
            assert_eq!(said(&mut server).len(), 2, "the answer, or once more");
        }
        assert_eq!(requests, times);
    }
}

#[test]
fn a_peer_that_does_not_count_its_acknowledgements_is_understood() {
    let mut client = exchange(Role::Client, 3);
    client.send(apdu(20, 0), 10).expect("numbers enough");
    said(&mut client);
    let block = |acknowledged, data: &'static [u8]| GeneralBlock {
        last_block: !data.is_empty(),
        streaming: false,
        window: 1,
        block_number: 1,
        block_number_ack: acknowledged,
        block_data: data,
    };
    assert_eq!(client.receive(&block(1, &[]), true), Ok(Received::Nothing));
    assert_eq!(said(&mut client).len(), 1);
    assert_eq!(client.receive(&block(2, &[]), true), Ok(Received::Nothing));
    assert_eq!(
        client.receive(&block(2, &[7]), true),
        Ok(Received::Whole(vec![7]))
    );
}

// proves: gbt-unconfirmed
#[test]
fn unconfirmed_blocks_stream_and_are_not_acknowledged() {
    let whole = apdu(95, 5);
    let mut sender = UnconfirmedSender::new(whole.clone(), 10).expect("numbers enough");
    let blocks: Vec<Sent> = core::iter::from_fn(|| sender.next_block().map(Sent::from)).collect();
    assert_eq!(blocks.len(), 10);
    for (number, block) in (1..).zip(&blocks) {
        let last = number == 10;
        assert_eq!(
            (block.0, block.1, block.2, block.3, block.4),
            (last, !last, 0, number, 0)
        );
    }
    let mut receiver = UnconfirmedReceiver::default();
    let mut collect = |blocks: &[Sent], limit| {
        blocks
            .iter()
            .map(|block| receiver.receive(&block.block(), limit))
            .last()
            .expect("blocks")
    };
    assert_eq!(collect(&blocks, 1000), Ok(Some(whole.clone())));
    assert_eq!(collect(&blocks, 1000), Ok(Some(whole.clone())), "once more");
    assert_eq!(collect(&blocks[..5], 1000), Ok(None), "broken off");
    assert_eq!(collect(&blocks, 1000), Ok(Some(whole.clone())));
    assert_eq!(
        collect(&[&blocks[..5], &blocks[6..]].concat(), 1000),
        Ok(None)
    );
    assert_eq!(collect(&blocks, 90), Err(DecodeErrorKind::LengthTooLarge));
    assert_eq!(collect(&blocks, 1000), Ok(Some(whole)));
}

#[test]
fn a_silent_server_collects_and_says_nothing() {
    let mut server = exchange(Role::Server, 2);
    server.reset(true);
    let mut client = exchange(Role::Client, 63);
    client.peer_window = 63;
    client.send(apdu(100, 1), 10).expect("numbers enough");
    let mut whole = false;
    for block in said(&mut client) {
        whole |= server.receive(&block.block(), true) == Ok(Received::Whole(apdu(100, 1)));
        assert_eq!(said(&mut server), []);
    }
    server.acknowledge();
    assert!(whole && said(&mut server).is_empty() && !server.handle_timeout());
}

/// What happens to the next block, and to time.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrive,
    Lose,
    Twice,
    Later,
    Timeout,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // proves: gbt-any-loss
    #[test]
    fn whatever_is_lost_repeated_or_reordered_the_right_octets_arrive_or_it_ends(
        windows in [1..=12_u8, 1..=12_u8],
        request in 1..300_usize,
        answer in 1..300_usize,
        fates in vec(prop_oneof![
            6 => Just(Fate::Arrive), 2 => Just(Fate::Lose), 1 => Just(Fate::Twice),
            1 => Just(Fate::Later), 1 => Just(Fate::Timeout),
        ], 0..120),
    ) {
        let (request, answer) = (apdu(request, 1), apdu(answer, 2));
        let mut pair = Pair::new(windows, answer.clone());
        pair.ends[0].send(request.clone(), 10).expect("numbers enough");
        pair.speak(0);
        let mut fates = fates.into_iter();
        let mut ended = Ok(());
        for _ in 0..20_000 {
            let fate = fates.next();
            let Some(end) = (0..2).find(|&end| !pair.way[end].is_empty()) else {
                if pair.ends[0].handle_timeout() {
                    pair.speak(0);
                    continue;
                }
                break;
            };
            let Some(block) = pair.way[end].pop_front() else { break };
            ended = match fate.unwrap_or(Fate::Arrive) {
                Fate::Arrive => pair.arrive(end, &block),
                Fate::Lose => Ok(()),
                Fate::Twice => pair.arrive(end, &block).and_then(|()| pair.arrive(end, &block)),
                Fate::Later => {
                    let behind = pair.way[end].len().min(3);
                    pair.way[end].insert(behind, block);
                    Ok(())
                }
                Fate::Timeout => {
                    pair.way[end].push_front(block);
                    if pair.ends[0].handle_timeout() {
                        pair.speak(0);
                    }
                    Ok(())
                }
            };
            if ended.is_err() {
                break;
            }
        }
        prop_assert!(pair.delivered[1].iter().all(|apdu| *apdu == request));
        prop_assert!(pair.delivered[1].len() <= 1, "never carried out twice");
        prop_assert!(pair.delivered[0].iter().all(|apdu| *apdu == answer));
        prop_assert!(pair.carried < 20_000, "it ends");
        if ended.is_ok() && pair.ends[0].timeouts < MAX_TIMEOUTS {
            prop_assert_eq!(pair.delivered[0].len(), 1, "nothing but patience can run out");
        }
    }
}
