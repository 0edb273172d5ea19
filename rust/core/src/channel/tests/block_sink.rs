//! Image blocks the short way: the same octets as the ordinary way, and all of them handed on once something else comes.

use core::ops::Range;

use super::*;
use crate::image::{BlockLayout, BlockStatus, ImageBlock, stored_block_digest};
use crate::xdlms::descriptor::{LogicalName, MethodDescriptor};

const SIZE: usize = 16;
const BLOCKS: usize = 5;
const SERIAL: u64 = 7;
const GET: &str = "C001 C1 0008 0000010000FF 02 00";
const TIME: &str = "C401 C1 00 11 00";
const METHOD: MethodDescriptor = MethodDescriptor {
    class_id: 18,
    logical_name: LogicalName([0, 0, 44, 0, 0, 255]),
    method_id: 2,
};
const LIMITS: BlockLimits = BlockLimits {
    blocks: usize::MAX,
    peer_counter: Some(1000),
    counter_margin: 32,
    silent: false,
};

#[derive(Default)]
struct Memory {
    blocks: Vec<u8>,
    digests: Vec<u8>,
}

impl BlockMemory for Memory {
    fn write_block(&mut self, offset: usize, octets: &[u8]) {
        self.blocks[offset..offset + octets.len()].copy_from_slice(octets);
    }

    fn write_digest(&mut self, offset: usize, digest: &[u8]) {
        self.digests[offset..offset + digest.len()].copy_from_slice(digest);
    }

    fn read_block(&self, place: Range<usize>) -> Vec<u8> {
        self.blocks[place].to_vec()
    }
}

/// A server that has been spoken to, and an image that it receives.
struct Meter {
    pair: Pair,
    sink: BlockSink,
    status: BlockStatus,
    memory: Memory,
}

impl Meter {
    fn new(hdlc: bool, policy: Protection, limits: BlockLimits) -> Self {
        let mut pair = Pair::new(hdlc, policy, 0);
        pair.exchange(&hex(GET), &hex(TIME), 0);
        pair.server.seen.clear();
        let layout = BlockLayout::new(SIZE * BLOCKS - 3, SIZE).expect("a layout");
        let reception = BlockReception {
            method: METHOD,
            layout,
            serial: SERIAL,
        };
        Self {
            pair,
            sink: BlockSink::new(reception, limits),
            status: BlockStatus::new(BLOCKS),
            memory: Memory {
                blocks: vec![0; SIZE * BLOCKS],
                digests: vec![0; 16 * BLOCKS],
            },
        }
    }

    /// Whether only blocks came, and what is to be sent.
    fn receive(&mut self, octets: &[u8]) -> (bool, Vec<u8>) {
        let mut out = Vec::new();
        let End {
            channel,
            security,
            seen,
        } = &mut self.pair.server;
        let way = (&mut self.sink, &mut self.status, &mut self.memory);
        let only_blocks = channel
            .receive_blocks::<ChannelError, _>(
                &mut octets.to_vec(),
                security.as_mut(),
                way,
                &mut out,
                &mut |event| {
                    if let Event::Apdu(apdu) = event {
                        seen.push(Seen::Apdu(apdu.to_vec()));
                    }
                    Ok(())
                },
            )
            .expect("octets that make sense");
        (only_blocks, out)
    }

    fn send(&mut self, apdu: &[u8]) -> Vec<u8> {
        self.pair.client.send(apdu).expect("sent")
    }
}

fn request(invoke: u8, number: u32, value: &[u8]) -> Vec<u8> {
    let block = ImageBlock {
        image_block_number: number,
        image_block_value: value,
        padding: 0,
    };
    let head = hex("0012 00002C0000FF 02 01");
    [&[0xC3, 1, invoke], &head[..], &block.to_vec()[..]].concat()
}

fn value(number: u32) -> Vec<u8> {
    let length = if number as usize == BLOCKS - 1 {
        SIZE - 3
    } else {
        SIZE
    };
    (0..length)
        .map(|index| u8::try_from(index).expect("small") ^ 0x5A)
        .collect()
}

#[test]
fn a_block_is_stored_and_answered_with_the_octets_of_the_ordinary_way() {
    for hdlc in [false, true] {
        for policy in [Protection::NONE, Protection::BOTH] {
            let mut meter = Meter::new(hdlc, policy, LIMITS);
            let mut ordinary = Meter::new(hdlc, policy, LIMITS);
            for (number, invoke) in [(3_u32, 0xC2), (0, 0xC3), (4, 0x41)] {
                let request = request(invoke, number, &value(number));
                let octets = meter.send(&request);
                assert_eq!(octets, ordinary.send(&request));
                let (only_blocks, answer) = meter.receive(&octets);
                assert!(only_blocks);
                let mut expected = ordinary.pair.server.receive(&octets).expect("undamaged");
                assert_eq!(ordinary.pair.server.last_apdu(), request);
                let response = [0xC7, 1, invoke, 0, 0];
                expected.extend(ordinary.pair.server.send(&response).expect("sent"));
                assert_eq!(answer, expected);
                for end in [&mut meter, &mut ordinary] {
                    end.pair.carry(answer.clone(), false);
                    assert_eq!(end.pair.client.last_apdu(), response);
                }
                let place = number as usize * SIZE;
                let stored = &meter.memory.blocks[place..place + value(number).len()];
                assert_eq!(stored, value(number));
                let digest = &meter.memory.digests[number as usize * 16..][..16];
                assert_eq!(digest, stored_block_digest(SERIAL, number, &value(number)));
            }
            assert_eq!(meter.status.missing_runs(), [(1, 2)]);
            assert!(meter.pair.server.seen.is_empty());
        }
    }
}

#[test]
fn what_comes_with_something_else_is_handed_on_in_its_order() {
    for policy in [Protection::NONE, Protection::BOTH] {
        let mut meter = Meter::new(false, policy, LIMITS);
        let requests = [
            request(0xC2, 0, &value(0)),
            request(0xC3, 1, &value(1)),
            hex(GET),
            request(0xC4, 2, &value(2)),
        ];
        let octets = requests.each_ref().map(|request| meter.send(request));
        assert_eq!(meter.receive(&octets.concat()), (false, vec![]));
        assert_eq!(meter.pair.server.seen, requests.map(Seen::Apdu));
        assert_eq!(meter.status.missing_runs(), [(2, 3)]);
    }
}

#[test]
fn nothing_is_taken_that_could_be_answered_in_another_way() {
    let is_taken = |status: &[usize], apdu: &[u8]| {
        let mut meter = Meter::new(false, Protection::NONE, LIMITS);
        for &number in status {
            meter.status.set(number, true);
        }
        let octets = meter.send(apdu);
        let (only_blocks, answer) = meter.receive(&octets);
        assert_eq!(answer.is_empty(), !only_blocks);
        only_blocks
    };
    assert!(is_taken(&[0, 1, 2], &request(0xC2, 3, &value(3))));
    assert!(!is_taken(&[3], &request(0xC2, 3, &value(3))), "it is there");
    assert!(!is_taken(&[], &request(0xC2, 3, &value(4))), "too short");
    assert!(!is_taken(&[], &request(0xC2, 4, &value(3))), "too long");
    assert!(
        !is_taken(&[], &request(0xC2, 5, &value(3))),
        "no such block"
    );
    assert!(
        !is_taken(&[0, 1, 2, 4], &request(0xC2, 3, &value(3))),
        "the last one"
    );
    let mut other = request(0xC2, 3, &value(3));
    other[8] = 1;
    assert!(!is_taken(&[], &other), "another object");
}

#[test]
fn limits_are_kept() {
    let two_at_once = |policy, limits| {
        let mut meter = Meter::new(false, policy, limits);
        let octets: Vec<u8> = (0..2)
            .flat_map(|number| {
                let invoke = 0xC2 + u8::try_from(number).expect("small");
                meter.send(&request(invoke, number, &value(number)))
            })
            .collect();
        let (only_blocks, _) = meter.receive(&octets);
        (only_blocks, BLOCKS - meter.status.missing_runs()[0].1)
    };
    assert_eq!(two_at_once(Protection::BOTH, LIMITS), (true, 2));
    let one = BlockLimits {
        blocks: 1,
        ..LIMITS
    };
    assert_eq!(two_at_once(Protection::NONE, one), (false, 1));
    // The exchange before has used counter 1, so the blocks come under 2 and 3.
    for (last, taken) in [(None, 0), (Some(1), 0), (Some(2), 1)] {
        let recorded = BlockLimits {
            peer_counter: last,
            ..LIMITS
        };
        assert_eq!(two_at_once(Protection::BOTH, recorded), (false, taken));
    }
    let mut meter = Meter::new(false, Protection::BOTH, LIMITS);
    let security = meter.pair.server.security.as_mut().expect("protected");
    let next = security.invocation_counter();
    assert!(security.extend(next, next + 32));
    assert!(meter.sink.is_open(Some(security)));
    assert!(security.extend(next + 1, next + 32));
    assert!(!meter.sink.is_open(Some(security)));
}
