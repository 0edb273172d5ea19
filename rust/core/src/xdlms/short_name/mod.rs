//! Referencing by short names (Green Book, Read, Write, `UnconfirmedWrite` and `InformationReport` services): 16 bits stand for an
//! attribute or a method. These APDUs carry no invoke id, so one request can be outstanding at a time.
//!
//! [`access`] says what is meant, [`read`] and [`write`] are the services, [`report`] is what a server says unasked, and
//! [`blocks`] cuts what is too long.

pub mod access;
pub mod blocks;
pub mod read;
pub mod report;
pub mod write;

use super::datablock::parse_octets;
use super::parse_flag;
use crate::axdr::length::{octets_len, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// Read-Data-Block-Access and Data-Block-Result: one piece of a long list, which has no meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortNameBlock<'a> {
    /// Whether this is the last block.
    pub last_block: bool,
    /// The number of the block, from 1.
    pub block_number: u16,
    /// The octets.
    pub raw_data: &'a [u8],
}

impl<'a> Parse<'a> for ShortNameBlock<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            last_block: parse_flag(reader)?,
            block_number: reader.u16()?,
            raw_data: parse_octets(reader)?,
        })
    }
}

impl Emit for ShortNameBlock<'_> {
    fn emitted_len(&self) -> usize {
        1 + 2 + octets_len(self.raw_data)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.last_block.into());
        out.u16(self.block_number);
        write_octets(out, self.raw_data);
    }
}
