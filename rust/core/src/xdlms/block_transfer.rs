//! Service-specific block transfer: a long APDU cut into datablocks or pblocks, and put together again, as one small machine.
//!
//! Both work on complete plain APDUs in their normal or with-list form: [`Splitter`] takes one and hands out block APDUs,
//! [`Assembler`] collects block APDUs and gives one back. Each block APDU is ciphered on its own, by the channel. The raw data of the
//! blocks of a list is its encoding with the element count in front (Green Book, ACTION, GET and SET services).

use super::datablock::DataBlock;
use super::descriptor::{AttributeSelection, MethodDescriptor};
use super::sequence_of::SequenceOf;
use crate::codec::{Emit, Parse, Reader};
use crate::error::{DecodeError, DecodeErrorKind};

const GET_RESPONSE: u8 = 0xC4;
const SET_REQUEST: u8 = 0xC1;
const ACTION_REQUEST: u8 = 0xC3;
const ACTION_RESPONSE: u8 = 0xC7;

/// Which conformance bit permits a block transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockService {
    /// block-transfer-with-get-or-read
    Get,
    /// block-transfer-with-set-or-write
    Set,
    /// block-transfer-with-action
    Action,
}

/// A long APDU on its way out, block by block.
#[derive(Debug)]
pub struct Splitter {
    service: BlockService,
    tag: u8,
    first_choice: u8,
    next_choice: u8,
    invoke: u8,
    descriptors: Vec<u8>,
    raw_data: Vec<u8>,
    position: usize,
    block_number: u32,
}

impl Splitter {
    /// From a complete plain APDU; `None` where the standard has no block form for it.
    #[must_use]
    pub fn new(apdu: &[u8]) -> Option<Self> {
        let (&tag, &choice, &invoke) = (apdu.first()?, apdu.get(1)?, apdu.get(2)?);
        let mut reader = Reader::new(apdu);
        reader.take(3).ok()?;
        let descriptors = reader.clone();
        let start = reader.offset();
        let (service, first_choice, next_choice) = match (tag, choice) {
            (GET_RESPONSE, 1) => {
                reader.expect(0).ok()?;
                (BlockService::Get, 2, 2)
            }
            (GET_RESPONSE, 3) => (BlockService::Get, 2, 2),
            (ACTION_RESPONSE, 1 | 3) => (BlockService::Action, 2, 2),
            (SET_REQUEST, 1) => {
                AttributeSelection::parse(&mut reader).ok()?;
                (BlockService::Set, 2, 3)
            }
            (SET_REQUEST, 4) => {
                SequenceOf::<AttributeSelection<'_>>::parse(&mut reader).ok()?;
                (BlockService::Set, 5, 3)
            }
            (ACTION_REQUEST, 1) => {
                MethodDescriptor::parse(&mut reader).ok()?;
                (BlockService::Action, 4, 6)
            }
            (ACTION_REQUEST, 3) => {
                SequenceOf::<MethodDescriptor>::parse(&mut reader).ok()?;
                (BlockService::Action, 5, 6)
            }
            _ => return None,
        };
        let length = if tag == GET_RESPONSE {
            0
        } else {
            reader.offset() - start
        };
        let descriptors = descriptors.clone().take(length).ok()?.to_vec();
        if (tag, choice) == (ACTION_REQUEST, 1) {
            // The presence octet of the optional parameter; without a parameter there is nothing to cut.
            reader.expect(1).ok()?;
        }
        let raw_data = reader.rest().to_vec();
        Some(Self {
            service,
            tag,
            first_choice,
            next_choice,
            invoke,
            descriptors,
            raw_data,
            position: 0,
            block_number: 0,
        })
    }

    /// The conformance that this needs.
    #[must_use]
    pub const fn service(&self) -> BlockService {
        self.service
    }

    /// The invoke id and priority of the APDU.
    #[must_use]
    pub const fn invoke(&self) -> u8 {
        self.invoke
    }

    /// The tag of the APDU.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// The number of the block handed out last; 0 before the first.
    #[must_use]
    pub const fn block_number(&self) -> u32 {
        self.block_number
    }

    /// Whether the last block has been handed out.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.block_number > 0 && self.position == self.raw_data.len()
    }

    /// The next block APDU, of at most `limit` octets; `None` where `limit` leaves no room for a single octet of data.
    #[must_use]
    pub fn next_block(&mut self, limit: usize) -> Option<Vec<u8>> {
        let first = self.block_number == 0;
        let descriptors: &[u8] = if first { &self.descriptors } else { &[] };
        // GET.response has the CHOICE of data or error between the block number and the raw data.
        let choice_octet = usize::from(self.tag == GET_RESPONSE);
        let left = self.raw_data.len() - self.position;
        let mut take = left;
        loop {
            let length = 3 + descriptors.len() + choice_octet + DataBlock::header_len(take) + take;
            if length <= limit {
                break;
            }
            take = take.checked_sub(length - limit).filter(|&take| take > 0)?;
        }
        self.block_number += 1;
        let block = DataBlock {
            last_block: take == left,
            block_number: self.block_number,
            raw_data: &self.raw_data[self.position..self.position + take],
        };
        self.position += take;
        let choice = if first {
            self.first_choice
        } else {
            self.next_choice
        };
        let mut apdu = vec![self.tag, choice, self.invoke];
        apdu.extend_from_slice(descriptors);
        let start = apdu.len();
        apdu.extend_from_slice(&block.to_vec());
        if choice_octet == 1 {
            apdu.insert(start + 5, 0);
        }
        Some(apdu)
    }
}

/// A long APDU on its way in.
#[derive(Debug)]
pub struct Assembler {
    apdu: Vec<u8>,
    block_number: u32,
    limit: usize,
}

/// What a block meant to an [`Assembler`].
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled {
    /// More blocks are due; this one is to be acknowledged.
    More,
    /// The whole APDU in its normal or with-list form.
    Whole(Vec<u8>),
}

impl Assembler {
    /// Begins an APDU with the octets that stand in front of the raw data in its normal or with-list form.
    #[must_use]
    pub const fn new(front: Vec<u8>, limit: usize) -> Self {
        Self {
            apdu: front,
            block_number: 0,
            limit,
        }
    }

    /// Begins a request from the octets between its invoke id and its first datablock.
    #[must_use]
    pub fn for_request(
        tag: u8,
        first_choice: u8,
        invoke: u8,
        descriptors: &[u8],
        limit: usize,
    ) -> Option<Self> {
        let (choice, presence): (u8, &[u8]) = match (tag, first_choice) {
            (SET_REQUEST, 2) => (1, &[]),
            (SET_REQUEST, 5) => (4, &[]),
            (ACTION_REQUEST, 4) => (1, &[1]),
            (ACTION_REQUEST, 5) => (3, &[]),
            _ => return None,
        };
        Some(Self::new(
            [&[tag, choice, invoke], descriptors, presence].concat(),
            limit,
        ))
    }

    /// The number of the block accepted last; 0 before the first.
    #[must_use]
    pub const fn block_number(&self) -> u32 {
        self.block_number
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// `ValueOutOfRange` where the number is not the next one, `Missing` where a block that is not the last brings nothing,
    /// `LengthTooLarge` above the limit.
    pub fn push(&mut self, block: &DataBlock<'_>) -> Result<Assembled, DecodeError> {
        let kind = if block.block_number != self.block_number + 1 {
            DecodeErrorKind::ValueOutOfRange
        } else if block.raw_data.is_empty() && !block.last_block {
            DecodeErrorKind::Missing
        } else if self.apdu.len() + block.raw_data.len() > self.limit {
            DecodeErrorKind::LengthTooLarge
        } else {
            self.block_number += 1;
            self.apdu.extend_from_slice(block.raw_data);
            return Ok(if block.last_block {
                Assembled::Whole(core::mem::take(&mut self.apdu))
            } else {
                Assembled::More
            });
        };
        Err(DecodeError::new(kind, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::hex;

    fn blocks(apdu: &[u8], limit: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::new(apdu).expect("has a block form");
        let mut blocks = Vec::new();
        while !splitter.is_finished() {
            blocks.push(splitter.next_block(limit).expect("room for data"));
        }
        blocks
    }

    const ACTION: &str =
        "C301C1001200002C0000FF0201020206000000000910000102030405060708090A0B0C0D0E0F";

    #[test]
    fn the_worked_pblocks_come_out() {
        let mut splitter = Splitter::new(&hex(ACTION)).expect("has a block form");
        let first = splitter.next_block(30).expect("room");
        assert_eq!(
            first,
            hex("C304C1001200002C0000FF0200000000010C020206000000000910000102")
        );
        let last = splitter.next_block(100).expect("room");
        assert_eq!(last, hex("C306C101000000020D030405060708090A0B0C0D0E0F"));
        assert!(splitter.is_finished());
    }

    #[test]
    fn every_form_is_put_together_as_it_was() {
        for (apdu, front, skip) in [
            (ACTION, None, 9),
            (
                "C101C100160000 0F0002FF0400 0101 0202 0904021E0000 090507E90C18FF",
                None,
                10,
            ),
            (
                "C104C1 01 0016 00000F0002FF 04 00 01 0101 0202 0904021E0000 090507E90C18FF",
                None,
                11,
            ),
            (
                "C303C1 01 0012 00002C0000FF 01 01 0202 0904021E0000 090507E90C18FF",
                None,
                10,
            ),
            ("C401C1 00 090A00010203040506070809", Some("C401C100"), 0),
            ("C403C1 02 00 1105 00 090400010203", Some("C403C1"), 0),
            (
                "C701C1 00 01 00 090A00010203040506070809",
                Some("C701C1"),
                0,
            ),
        ] {
            let apdu = hex(apdu);
            for limit in 30..60 {
                let blocks = blocks(&apdu, limit);
                let mut assembler = front.map(|front| Assembler::new(hex(front), 1000));
                for (number, block) in blocks.iter().enumerate() {
                    assert!(block.len() <= limit);
                    let descriptors = if number == 0 { skip } else { 0 };
                    let assembler = assembler.get_or_insert_with(|| {
                        Assembler::for_request(
                            block[0],
                            block[1],
                            block[2],
                            &block[3..3 + skip],
                            1000,
                        )
                        .expect("a first block")
                    });
                    let mut datablock = block[3 + descriptors..].to_vec();
                    if block[0] == GET_RESPONSE {
                        datablock.remove(5);
                    }
                    let datablock = DataBlock::parse_all(&datablock).expect("a datablock");
                    let whole = assembler.push(&datablock).expect("in sequence");
                    if number + 1 == blocks.len() {
                        assert_eq!(whole, Assembled::Whole(apdu.clone()));
                    } else {
                        assert_eq!(whole, Assembled::More);
                    }
                }
            }
        }
    }

    #[test]
    fn c_20_numbers_that_jump_empty_blocks_and_endless_ones_are_refused() {
        let mut assembler = Assembler::new(vec![0xC4, 1, 0xC1, 0], 10);
        let block = |block_number, raw_data: &'static [u8]| DataBlock {
            last_block: false,
            block_number,
            raw_data,
        };
        let kind = |result: Result<Assembled, DecodeError>| result.map_err(|error| error.kind);
        assert_eq!(
            kind(assembler.push(&block(2, &[1]))),
            Err(DecodeErrorKind::ValueOutOfRange)
        );
        assert_eq!(
            kind(assembler.push(&block(1, &[]))),
            Err(DecodeErrorKind::Missing)
        );
        assert_eq!(kind(assembler.push(&block(1, &[1]))), Ok(Assembled::More));
        assert_eq!(
            kind(assembler.push(&block(1, &[1]))),
            Err(DecodeErrorKind::ValueOutOfRange)
        );
        assert_eq!(
            kind(assembler.push(&block(2, &[0; 9]))),
            Err(DecodeErrorKind::LengthTooLarge)
        );
    }

    #[test]
    fn a_limit_without_room_for_data_is_refused() {
        let mut splitter = Splitter::new(&hex(ACTION)).expect("has a block form");
        assert_eq!(splitter.next_block(18), None);
        assert!(splitter.next_block(19).is_some());
    }
}
