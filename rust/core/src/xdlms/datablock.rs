//! DataBlock-SA: one piece of a value that is sent or returned in several APDUs (SET datablocks, ACTION pblocks).

use super::parse_flag;
use crate::axdr::length::{length_len, octets_len, read_length_form, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// One block of service-specific block transfer. `raw_data` is a piece of an encoding and has no meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataBlock<'a> {
    /// Whether this is the last block.
    pub last_block: bool,
    /// The number of the block, from 1.
    pub block_number: u32,
    /// The octets.
    pub raw_data: &'a [u8],
}

impl DataBlock<'_> {
    /// The octets in front of `raw_data` for a block of `raw_data_len` octets.
    #[must_use]
    pub const fn header_len(raw_data_len: usize) -> usize {
        1 + 4 + length_len(raw_data_len)
    }
}

impl<'a> Parse<'a> for DataBlock<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            last_block: parse_flag(reader)?,
            block_number: reader.u32()?,
            raw_data: parse_octets(reader)?,
        })
    }
}

impl Emit for DataBlock<'_> {
    fn emitted_len(&self) -> usize {
        1 + 4 + octets_len(self.raw_data)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.last_block.into());
        out.u32(self.block_number);
        write_octets(out, self.raw_data);
    }
}

/// OCTET STRING of variable size without a tag: a length, then the octets.
///
/// Any definite form of the length is taken: meters that fill in lengths afterwards reserve `82 xx xx` for them.
pub(crate) fn parse_octets<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = read_length_form(reader, false)?;
    reader.take(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_length_is_what_is_emitted_before_the_data() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let octets = vec![0xA5; length];
            let block = DataBlock {
                last_block: false,
                block_number: 1,
                raw_data: &octets,
            };
            assert_eq!(block.to_vec().len(), DataBlock::header_len(length) + length);
        }
    }
}
