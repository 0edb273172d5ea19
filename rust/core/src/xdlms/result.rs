//! The result codes of the services, and Get-Data-Result: a value, or why there is none.

use super::sequence_of::Element;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire_enum;

wire_enum! {
    /// Data-Access-Result.
    DataAccessResult: u8 {
        Success = 0,
        HardwareFault = 1,
        TemporaryFailure = 2,
        ReadWriteDenied = 3,
        ObjectUndefined = 4,
        ObjectClassInconsistent = 9,
        ObjectUnavailable = 11,
        TypeUnmatched = 12,
        ScopeOfAccessViolated = 13,
        DataBlockUnavailable = 14,
        LongGetAborted = 15,
        NoLongGetInProgress = 16,
        LongSetAborted = 17,
        NoLongSetInProgress = 18,
        DataBlockNumberInvalid = 19,
        OtherReason = 250,
    }
}

wire_enum! {
    /// Action-Result.
    ActionResult: u8 {
        Success = 0,
        HardwareFault = 1,
        TemporaryFailure = 2,
        ReadWriteDenied = 3,
        ObjectUndefined = 4,
        ObjectClassInconsistent = 9,
        ObjectUnavailable = 11,
        TypeUnmatched = 12,
        ScopeOfAccessViolated = 13,
        DataBlockUnavailable = 14,
        LongActionAborted = 15,
        NoLongActionInProgress = 16,
        OtherReason = 250,
    }
}

impl Element for DataAccessResult {
    const SHORTEST: usize = 1;
}

impl Parse<'_> for DataAccessResult {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(reader.u8()?.into())
    }
}

impl Emit for DataAccessResult {
    fn emitted_len(&self) -> usize {
        1
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8((*self).into());
    }
}

/// Get-Data-Result: the value, or the reason why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetDataResult<'a> {
    /// The value.
    Data(RawData<'a>),
    /// The reason; meters that return nothing from a method send "success" here.
    DataAccessResult(DataAccessResult),
}

impl GetDataResult<'_> {
    /// Whether it claims success and yet brings no value; allowed only as the return of a method.
    #[must_use]
    pub const fn is_success_without_data(&self) -> bool {
        matches!(self, Self::DataAccessResult(DataAccessResult::Success))
    }
}

impl Element for GetDataResult<'_> {
    const SHORTEST: usize = 2;
}

impl<'a> Parse<'a> for GetDataResult<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        match reader.u8()? {
            0 => Ok(Self::Data(RawData::parse(reader)?)),
            1 => Ok(Self::DataAccessResult(DataAccessResult::parse(reader)?)),
            _ => Err(unknown),
        }
    }
}

impl Emit for GetDataResult<'_> {
    fn emitted_len(&self) -> usize {
        1 + match self {
            Self::Data(data) => data.emitted_len(),
            Self::DataAccessResult(result) => result.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::Data(data) => {
                out.u8(0);
                data.emit(out);
            }
            Self::DataAccessResult(result) => {
                out.u8(1);
                result.emit(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_a_value_and_a_third_choice_is_not() {
        let result = GetDataResult::parse_all(&[1, 99]).expect("a complete value");
        assert_eq!(
            result,
            GetDataResult::DataAccessResult(DataAccessResult::Unknown(99))
        );
        assert_eq!(
            GetDataResult::parse_all(&[2, 0]),
            Err(DecodeError::new(DecodeErrorKind::UnknownTag, 0))
        );
    }
}
