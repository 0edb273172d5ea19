//! `ReadRequest` and `ReadResponse`: several variables in one go, one result for each, in order.

use super::ShortNameBlock;
use super::access::{VariableAccess, are_variables};
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::result::DataAccessResult;
use crate::xdlms::sequence_of::{Element, SequenceOf};

/// `ReadRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest<'a>(pub SequenceOf<VariableAccess<'a>>);

impl<'a> ReadRequest<'a> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x05;

    /// The one element of a request that belongs to a block transfer.
    #[must_use]
    pub fn block(&self) -> Option<VariableAccess<'a>> {
        match self.0.0[..] {
            [access] if access.is_block() => Some(access),
            _ => None,
        }
    }

    /// Whether every element names a variable.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        are_variables(&self.0)
    }
}

impl<'a> Parse<'a> for ReadRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self(SequenceOf::parse(reader)?))
    }
}

impl Emit for ReadRequest<'_> {
    fn emitted_len(&self) -> usize {
        1 + self.0.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        self.0.emit(out);
    }
}

/// What a `ReadResponse` says about one variable, or the next piece of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadResult<'a> {
    /// Choice 0: the value.
    Data(RawData<'a>),
    /// Choice 1: why there is none; never success.
    DataAccessError(DataAccessResult),
    /// Choice 2: a piece of a long `ReadResponse`.
    DataBlock(ShortNameBlock<'a>),
    /// Choice 3: this piece of a long `ReadRequest` has come, the next one is wanted.
    BlockNumber(u16),
}

impl ReadResult<'_> {
    const fn is_block(&self) -> bool {
        matches!(self, Self::DataBlock(_) | Self::BlockNumber(_))
    }
}

impl Element for ReadResult<'_> {
    const SHORTEST: usize = 2;
}

impl<'a> Parse<'a> for ReadResult<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        match reader.u8()? {
            0 => Ok(Self::Data(RawData::parse(reader)?)),
            1 => parse_error(reader).map(Self::DataAccessError),
            2 => Ok(Self::DataBlock(ShortNameBlock::parse(reader)?)),
            3 => Ok(Self::BlockNumber(reader.u16()?)),
            _ => Err(unknown),
        }
    }
}

impl Emit for ReadResult<'_> {
    fn emitted_len(&self) -> usize {
        1 + match self {
            Self::Data(data) => data.emitted_len(),
            Self::DataAccessError(_) => 1,
            Self::DataBlock(block) => block.emitted_len(),
            Self::BlockNumber(_) => 2,
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::Data(data) => {
                out.u8(0);
                data.emit(out);
            }
            Self::DataAccessError(result) => out.put(&[1, (*result).into()]),
            Self::DataBlock(block) => {
                out.u8(2);
                block.emit(out);
            }
            Self::BlockNumber(block_number) => {
                out.u8(3);
                out.u16(*block_number);
            }
        }
    }
}

/// A data-access-error: success has a choice of its own, so here it would be no error and no value.
pub(super) fn parse_error(reader: &mut Reader<'_>) -> Result<DataAccessResult, DecodeError> {
    let contradiction = reader.error(DecodeErrorKind::ValueOutOfRange);
    match DataAccessResult::parse(reader)? {
        DataAccessResult::Success => Err(contradiction),
        error => Ok(error),
    }
}

/// `ReadResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadResponse<'a>(pub SequenceOf<ReadResult<'a>>);

impl<'a> ReadResponse<'a> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x0C;

    /// The one element of a response that belongs to a block transfer.
    #[must_use]
    pub fn block(&self) -> Option<ReadResult<'a>> {
        match self.0.0[..] {
            [result] if result.is_block() => Some(result),
            _ => None,
        }
    }

    /// Whether every element says something about a variable.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.0.0.iter().any(ReadResult::is_block)
    }

    /// Whether this refuses a request as a whole.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.0.0[..], [ReadResult::DataAccessError(_)])
    }
}

impl<'a> Parse<'a> for ReadResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self(SequenceOf::parse(reader)?))
    }
}

impl Emit for ReadResponse<'_> {
    fn emitted_len(&self) -> usize {
        1 + self.0.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        self.0.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    // proves: sn-read
    #[test]
    fn samples_survive() {
        check_samples::<ReadRequest<'_>>(samples::READ_REQUESTS);
        check_samples::<ReadResponse<'_>>(samples::READ_RESPONSES);
    }

    #[test]
    fn an_error_that_is_success_is_refused() {
        assert_eq!(
            ReadResponse::parse_all(&[0x0C, 1, 1, 0]),
            Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, 3))
        );
    }

    #[test]
    fn a_block_among_variables_belongs_to_no_block_transfer() {
        let octets = hex("05 02 02 FA08 05 0001");
        let request = ReadRequest::parse_all(&octets).expect("a complete APDU");
        assert_eq!((request.block(), request.is_complete()), (None, false));
    }
}
