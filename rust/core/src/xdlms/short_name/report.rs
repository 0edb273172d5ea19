//! `InformationReportRequest`: variables and their values, which a server sends unasked.

use super::access::{VariableAccess, are_variables};
use crate::axdr::RawData;
use crate::axdr::length::{octets_len, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::datablock::parse_octets;
use crate::xdlms::parse_flag;
use crate::xdlms::sequence_of::SequenceOf;

/// The length of a date-time.
const DATE_TIME: u8 = 12;

/// `InformationReportRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationReport<'a> {
    /// The time of the server: text in the form of a `GeneralizedTime`, or the 12 octets of a date-time.
    pub current_time: Option<&'a [u8]>,
    /// What is reported.
    pub variables: SequenceOf<VariableAccess<'a>>,
    /// The values, as many.
    pub data: SequenceOf<RawData<'a>>,
}

impl InformationReport<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x18;

    /// Whether every element names a variable.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        are_variables(&self.variables)
    }
}

impl<'a> Parse<'a> for InformationReport<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        // Some servers leave the presence octet out and begin with the length of a date-time; as presence it would be odd.
        let current_time = if reader.peek() == Some(DATE_TIME) || parse_flag(reader)? {
            Some(parse_octets(reader)?)
        } else {
            None
        };
        let variables: SequenceOf<VariableAccess<'a>> = SequenceOf::parse(reader)?;
        let unequal = reader.error(DecodeErrorKind::WrongLength);
        let data: SequenceOf<RawData<'a>> = SequenceOf::parse(reader)?;
        if variables.0.len() != data.0.len() {
            return Err(unequal);
        }
        Ok(Self {
            current_time,
            variables,
            data,
        })
    }
}

impl Emit for InformationReport<'_> {
    fn emitted_len(&self) -> usize {
        1 + 1
            + self.current_time.map_or(0, octets_len)
            + self.variables.emitted_len()
            + self.data.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&[Self::TAG, u8::from(self.current_time.is_some())]);
        if let Some(current_time) = self.current_time {
            write_octets(out, current_time);
        }
        self.variables.emit(out);
        self.data.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    // proves: sn-information-report
    #[test]
    fn samples_survive() {
        check_samples::<InformationReport<'_>>(samples::INFORMATION_REPORTS);
    }

    #[test]
    fn a_time_is_read_with_and_without_its_presence_octet() {
        let with = hex("18 01 0C 07E90C1803021E00008000FF 01 02 0108 01 1105");
        let without = hex("18 0C 07E90C1803021E00008000FF 01 02 0108 01 1105");
        let parsed = InformationReport::parse_all(&with).expect("a complete APDU");
        assert_eq!(parsed.current_time.map(<[u8]>::len), Some(12));
        assert_eq!(InformationReport::parse_all(&without), Ok(parsed));
    }
}
