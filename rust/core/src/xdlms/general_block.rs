//! general-block-transfer: one block of any APDU, with the number of the block of the peer that it acknowledges.
//!
//! Green Book, general block transfer. The APDU that is cut has been protected as a whole before; a block has no protection of its own.

use super::datablock::parse_octets;
use crate::axdr::length::{length_len, octets_len, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

const LAST_BLOCK: u8 = 0x80;
const STREAMING: u8 = 0x40;
const WINDOW: u8 = 0x3F;
/// Tag, block control and the two numbers.
const HEADER: usize = 1 + 1 + 2 + 2;

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralBlock<'a> {
    /// Whether this is the sender's last block.
    pub last_block: bool,
    /// Whether more blocks follow at once; otherwise it is the peer's turn.
    pub streaming: bool,
    /// How many blocks the sender of this one takes in one go, at most 63; 0 where it takes no part in acknowledging.
    pub window: u8,
    /// The number of this block, from 1.
    pub block_number: u16,
    /// The number of the peer's last block before which none is missing; 0 before the first.
    pub block_number_ack: u16,
    /// A piece of the APDU; nothing where this only acknowledges.
    pub block_data: &'a [u8],
}

impl GeneralBlock<'_> {
    /// The tag.
    pub const TAG: u8 = 0xE0;
    /// The largest window there is a form for.
    pub const MAX_WINDOW: u8 = WINDOW;
    /// Whoever sends this gives the transfer up, in both directions.
    pub const ABORT: Self = GeneralBlock {
        last_block: true,
        streaming: false,
        window: 0,
        block_number: 0,
        block_number_ack: 0,
        block_data: &[],
    };

    /// Whether the sender gives the transfer up: no block has the number 0, and nothing more is wanted.
    #[must_use]
    pub const fn is_abort(&self) -> bool {
        self.block_number == 0 && self.window == 0 && self.block_data.is_empty()
    }

    /// The most data that fits in a block of `limit` octets; `None` where not a single octet does.
    #[must_use]
    pub fn largest_data(limit: usize) -> Option<usize> {
        let room = limit.checked_sub(HEADER)?;
        let mut size = room;
        while length_len(size) + size > room {
            size = size.checked_sub(1)?;
        }
        (size > 0).then_some(size)
    }
}

impl<'a> Parse<'a> for GeneralBlock<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(GeneralBlock::TAG)?;
        let control = reader.u8()?;
        let block_number = reader.u16()?;
        let block_number_ack = reader.u16()?;
        let wrong_number = reader.error(DecodeErrorKind::ValueOutOfRange);
        let block = Self {
            last_block: control & LAST_BLOCK != 0,
            streaming: control & STREAMING != 0,
            window: control & WINDOW,
            block_number,
            block_number_ack,
            block_data: parse_octets(reader)?,
        };
        if block_number == 0 && !block.block_data.is_empty() {
            return Err(wrong_number);
        }
        Ok(block)
    }
}

impl Emit for GeneralBlock<'_> {
    fn emitted_len(&self) -> usize {
        HEADER + octets_len(self.block_data)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let mut control = self.window & WINDOW;
        if self.last_block {
            control |= LAST_BLOCK;
        }
        if self.streaming {
            control |= STREAMING;
        }
        out.put(&[Self::TAG, control]);
        out.u16(self.block_number);
        out.u16(self.block_number_ack);
        write_octets(out, self.block_data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::hex;

    #[test]
    fn the_worked_blocks_are_read_and_written() {
        // An image_transfer_initiate in two blocks, streaming, window 1.
        let data = hex("C301C1001200002C0000FF0101020209064D435331303206000186A0");
        for (octets, last_block, block_number, block_data) in [
            (
                "E0 41 0001 0000 14 C301C1001200002C0000FF0101020209064D4353",
                false,
                1,
                &data[..20],
            ),
            ("E0 81 0002 0000 08 31303206000186A0", true, 2, &data[20..]),
        ] {
            let block = GeneralBlock {
                last_block,
                streaming: !last_block,
                window: 1,
                block_number,
                block_number_ack: 0,
                block_data,
            };
            assert_eq!(GeneralBlock::parse_all(&hex(octets)), Ok(block));
            assert_eq!(block.to_vec(), hex(octets));
        }
    }

    #[test]
    fn an_abort_has_no_number_and_nothing_else_has_none() {
        let abort = hex("E0 80 0000 0000 00");
        assert_eq!(GeneralBlock::ABORT.to_vec(), abort);
        assert!(GeneralBlock::parse_all(&abort).is_ok_and(|block| block.is_abort()));
        let kind = |octets| {
            GeneralBlock::parse_all(&hex(octets))
                .map(|_| ())
                .map_err(|error| error.kind)
        };
        assert_eq!(
            kind("E0 80 0000 0000 01 00"),
            Err(DecodeErrorKind::ValueOutOfRange)
        );
        assert_eq!(
            kind("E0 80 0001 0000 02 00"),
            Err(DecodeErrorKind::Truncated)
        );
        assert_eq!(
            kind("E0 80 0001 0000 01 00 00"),
            Err(DecodeErrorKind::TrailingData)
        );
    }

    #[test]
    fn every_limit_is_used_to_the_last_octet_or_two() {
        assert_eq!(GeneralBlock::largest_data(7), None);
        for limit in 8..70_000 {
            let size = GeneralBlock::largest_data(limit).expect("room");
            let length = |size| HEADER + length_len(size) + size;
            assert!(length(size) <= limit && length(size + 1) > limit, "{limit}");
        }
    }
}
