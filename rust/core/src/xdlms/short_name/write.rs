//! `WriteRequest`, `UnconfirmedWriteRequest` and `WriteResponse`: several variables in one go, and one result for each, in order.

use super::access::{VariableAccess, are_variables};
use super::read::parse_error;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::result::DataAccessResult;
use crate::xdlms::sequence_of::{Element, SequenceOf};

/// What both requests to write look like; `P` is a value to write, borrowed octets when parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<'a, P, const TAG: u8> {
    /// What is written.
    pub variables: SequenceOf<VariableAccess<'a>>,
    /// The values, as many.
    pub data: SequenceOf<P>,
}

/// `WriteRequest`.
pub type WriteRequest<'a, P = RawData<'a>> = Write<'a, P, 0x06>;
/// `UnconfirmedWriteRequest`: nothing answers it.
pub type UnconfirmedWriteRequest<'a, P = RawData<'a>> = Write<'a, P, 0x16>;

impl<'a, P, const TAG: u8> Write<'a, P, TAG> {
    /// The tag of the APDU.
    pub const TAG: u8 = TAG;

    /// Whether every element names a variable.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        are_variables(&self.variables)
    }

    /// The one element of a request that belongs to a block transfer, and its value.
    #[must_use]
    pub fn block(&self) -> Option<(VariableAccess<'a>, &P)> {
        match (&self.variables.0[..], &self.data.0[..]) {
            ([access], [data]) if access.is_block() => Some((*access, data)),
            _ => None,
        }
    }
}

impl<'a, const TAG: u8> Parse<'a> for Write<'a, RawData<'a>, TAG> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(TAG)?;
        let variables: SequenceOf<VariableAccess<'a>> = SequenceOf::parse(reader)?;
        let unequal = reader.error(DecodeErrorKind::WrongLength);
        let data: SequenceOf<RawData<'a>> = SequenceOf::parse(reader)?;
        if variables.0.len() != data.0.len() {
            return Err(unequal);
        }
        Ok(Self { variables, data })
    }
}

impl<P: Emit, const TAG: u8> Emit for Write<'_, P, TAG> {
    fn emitted_len(&self) -> usize {
        1 + self.variables.emitted_len() + self.data.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(TAG);
        self.variables.emit(out);
        self.data.emit(out);
    }
}

/// What a `WriteResponse` says about one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// Choice 0: it is written.
    Success,
    /// Choice 1: why it is not; never success.
    DataAccessError(DataAccessResult),
    /// Choice 2: this piece of a long `WriteRequest` has come, the next one is wanted.
    BlockNumber(u16),
}

impl Element for WriteResult {
    const SHORTEST: usize = 1;
}

impl Parse<'_> for WriteResult {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        match reader.u8()? {
            0 => Ok(Self::Success),
            1 => parse_error(reader).map(Self::DataAccessError),
            2 => Ok(Self::BlockNumber(reader.u16()?)),
            _ => Err(unknown),
        }
    }
}

impl Emit for WriteResult {
    fn emitted_len(&self) -> usize {
        match self {
            Self::Success => 1,
            Self::DataAccessError(_) => 2,
            Self::BlockNumber(_) => 3,
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::Success => out.u8(0),
            Self::DataAccessError(result) => out.put(&[1, (*result).into()]),
            Self::BlockNumber(block_number) => {
                out.u8(2);
                out.u16(*block_number);
            }
        }
    }
}

/// `WriteResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResponse(pub SequenceOf<WriteResult>);

impl WriteResponse {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x0D;

    /// The number in a response that asks for the next block.
    #[must_use]
    pub fn block_number(&self) -> Option<u16> {
        match self.0.0[..] {
            [WriteResult::BlockNumber(block_number)] => Some(block_number),
            _ => None,
        }
    }

    /// Whether every element says something about a variable.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self
            .0
            .0
            .iter()
            .any(|result| matches!(result, WriteResult::BlockNumber(_)))
    }

    /// Whether this refuses a request as a whole.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.0.0[..], [WriteResult::DataAccessError(_)])
    }
}

impl Parse<'_> for WriteResponse {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self(SequenceOf::parse(reader)?))
    }
}

impl Emit for WriteResponse {
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

    // proves: sn-write, sn-unconfirmed-write
    #[test]
    fn samples_survive() {
        check_samples::<WriteRequest<'_>>(samples::WRITE_REQUESTS);
        check_samples::<UnconfirmedWriteRequest<'_>>(samples::UNCONFIRMED_WRITE_REQUESTS);
        check_samples::<WriteResponse>(samples::WRITE_RESPONSES);
    }

    #[test]
    fn every_variable_has_its_value() {
        let octets = hex("06 02 02 0100 02 0108 01 1105");
        assert_eq!(
            WriteRequest::parse_all(&octets),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 8))
        );
    }
}
