//! Variable-Access-Specification: which variable is meant, or which block of a list that travels in several APDUs.

use super::ShortNameBlock;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::parse_flag;
use crate::xdlms::sequence_of::{Element, SequenceOf};

/// One Variable-Access-Specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableAccess<'a> {
    /// Choice 2, variable-name: an attribute or a method.
    Name(u16),
    /// Choice 4, parameterised-access: a part of an attribute, or a method that returns something.
    Parameterised {
        /// The short name.
        variable_name: u16,
        /// What kind of selection the parameter describes.
        selector: u8,
        /// The selection, or the parameter of a method.
        parameter: RawData<'a>,
    },
    /// Choice 5, block-number-access: the block of a Read.response that follows this one.
    BlockNumber(u16),
    /// Choice 6, read-data-block-access: a piece of a long Read.request.
    ReadDataBlock(ShortNameBlock<'a>),
    /// Choice 7, write-data-block-access: the piece of a long Write.request that stands in the list of data.
    WriteDataBlock {
        /// Whether this is the last block.
        last_block: bool,
        /// The number of the block, from 1.
        block_number: u16,
    },
}

impl VariableAccess<'_> {
    /// Whether this belongs to a block transfer and names no variable.
    #[must_use]
    pub const fn is_block(&self) -> bool {
        !matches!(self, Self::Name(_) | Self::Parameterised { .. })
    }
}

/// Whether every element names a variable.
pub(super) fn are_variables(variables: &SequenceOf<VariableAccess<'_>>) -> bool {
    !variables.0.iter().any(VariableAccess::is_block)
}

impl Element for VariableAccess<'_> {
    const SHORTEST: usize = 3;
}

impl<'a> Parse<'a> for VariableAccess<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        match reader.u8()? {
            2 => Ok(Self::Name(reader.u16()?)),
            4 => Ok(Self::Parameterised {
                variable_name: reader.u16()?,
                selector: reader.u8()?,
                parameter: RawData::parse(reader)?,
            }),
            5 => Ok(Self::BlockNumber(reader.u16()?)),
            6 => Ok(Self::ReadDataBlock(ShortNameBlock::parse(reader)?)),
            7 => Ok(Self::WriteDataBlock {
                last_block: parse_flag(reader)?,
                block_number: reader.u16()?,
            }),
            _ => Err(unknown),
        }
    }
}

impl Emit for VariableAccess<'_> {
    fn emitted_len(&self) -> usize {
        match self {
            Self::Name(_) | Self::BlockNumber(_) => 3,
            Self::Parameterised { parameter, .. } => 4 + parameter.emitted_len(),
            Self::ReadDataBlock(block) => 1 + block.emitted_len(),
            Self::WriteDataBlock { .. } => 4,
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::Name(name) => {
                out.u8(2);
                out.u16(*name);
            }
            Self::Parameterised {
                variable_name,
                selector,
                parameter,
            } => {
                out.u8(4);
                out.u16(*variable_name);
                out.u8(*selector);
                parameter.emit(out);
            }
            Self::BlockNumber(block_number) => {
                out.u8(5);
                out.u16(*block_number);
            }
            Self::ReadDataBlock(block) => {
                out.u8(6);
                block.emit(out);
            }
            Self::WriteDataBlock {
                last_block,
                block_number,
            } => {
                out.put(&[7, u8::from(*last_block)]);
                out.u16(*block_number);
            }
        }
    }
}
