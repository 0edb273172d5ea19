//! GET.request and GET.response (Green Book, GET service): normal, next, with list, with datablock.

use super::datablock::parse_octets;
use super::descriptor::AttributeSelection;
use super::invoke::InvokeIdAndPriority;
use super::parse_flag;
use super::result::{DataAccessResult, GetDataResult};
use super::sequence_of::SequenceOf;
use crate::axdr::length::{octets_len, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// GET.request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetRequest<'a> {
    /// The invoke id, service class and priority.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the three forms, and what it asks.
    pub form: GetRequestForm<'a>,
}

/// The forms of GET.request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GetRequestForm<'a> {
    /// Get-Request-Normal: one attribute.
    Normal(AttributeSelection<'a>),
    /// Get-Request-Next: the block after this one.
    Next {
        /// The number of the block just received.
        block_number: u32,
    },
    /// Get-Request-With-List: several attributes.
    WithList(SequenceOf<AttributeSelection<'a>>),
}

impl GetRequest<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC0;
}

impl<'a> Parse<'a> for GetRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let form = match choice {
            1 => GetRequestForm::Normal(AttributeSelection::parse(reader)?),
            2 => GetRequestForm::Next {
                block_number: reader.u32()?,
            },
            3 => GetRequestForm::WithList(SequenceOf::parse(reader)?),
            _ => return Err(unknown),
        };
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl Emit for GetRequest<'_> {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            GetRequestForm::Normal(attribute) => attribute.emitted_len(),
            GetRequestForm::Next { .. } => 4,
            GetRequestForm::WithList(attributes) => attributes.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            GetRequestForm::Normal(_) => 1,
            GetRequestForm::Next { .. } => 2,
            GetRequestForm::WithList(_) => 3,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            GetRequestForm::Normal(attribute) => attribute.emit(out),
            GetRequestForm::Next { block_number } => out.u32(*block_number),
            GetRequestForm::WithList(attributes) => attributes.emit(out),
        }
    }
}

/// GET.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetResponse<'a> {
    /// The octet of the request.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the three forms, and what it answers.
    pub form: GetResponseForm<'a>,
}

/// The forms of GET.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GetResponseForm<'a> {
    /// Get-Response-Normal: one result.
    Normal(GetDataResult<'a>),
    /// Get-Response-With-Datablock: a piece of one result's data, or of a list of results.
    WithDatablock(GetDataBlock<'a>),
    /// Get-Response-With-List: as many results as were asked for.
    WithList(SequenceOf<GetDataResult<'a>>),
}

/// DataBlock-G: a piece of the answer, or why the long GET ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetDataBlock<'a> {
    /// Whether this is the last block.
    pub last_block: bool,
    /// The number of the block, from 1.
    pub block_number: u32,
    /// The octets of the piece, or the reason why there are none.
    pub result: Result<&'a [u8], DataAccessResult>,
}

impl GetResponse<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC4;
}

impl<'a> Parse<'a> for GetResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let start = reader.offset();
        let form = match choice {
            1 => GetResponseForm::Normal(GetDataResult::parse(reader)?),
            2 => GetResponseForm::WithDatablock(GetDataBlock::parse(reader)?),
            3 => GetResponseForm::WithList(SequenceOf::parse(reader)?),
            _ => return Err(unknown),
        };
        let success_without_data = match &form {
            GetResponseForm::Normal(result) => result.is_success_without_data(),
            GetResponseForm::WithDatablock(block) => block.result == Err(DataAccessResult::Success),
            GetResponseForm::WithList(results) => {
                results.0.iter().any(GetDataResult::is_success_without_data)
            }
        };
        if success_without_data {
            return Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, start));
        }
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl Emit for GetResponse<'_> {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            GetResponseForm::Normal(result) => result.emitted_len(),
            GetResponseForm::WithDatablock(block) => block.emitted_len(),
            GetResponseForm::WithList(results) => results.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            GetResponseForm::Normal(_) => 1,
            GetResponseForm::WithDatablock(_) => 2,
            GetResponseForm::WithList(_) => 3,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            GetResponseForm::Normal(result) => result.emit(out),
            GetResponseForm::WithDatablock(block) => block.emit(out),
            GetResponseForm::WithList(results) => results.emit(out),
        }
    }
}

impl<'a> Parse<'a> for GetDataBlock<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let last_block = parse_flag(reader)?;
        let block_number = reader.u32()?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let result = match reader.u8()? {
            0 => Ok(parse_octets(reader)?),
            1 => Err(DataAccessResult::parse(reader)?),
            _ => return Err(unknown),
        };
        Ok(Self {
            last_block,
            block_number,
            result,
        })
    }
}

impl Emit for GetDataBlock<'_> {
    fn emitted_len(&self) -> usize {
        1 + 4 + 1 + self.result.map_or(1, octets_len)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.last_block.into());
        out.u32(self.block_number);
        match self.result {
            Ok(raw_data) => {
                out.u8(0);
                write_octets(out, raw_data);
            }
            Err(result) => {
                out.u8(1);
                result.emit(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<GetRequest<'_>>(samples::GET_REQUESTS);
        check_samples::<GetResponse<'_>>(samples::GET_RESPONSES);
    }

    #[test]
    fn success_without_data_is_refused() {
        for octets in [
            "C4 01 C1 01 00",
            "C4 02 C1 01 00000001 01 00",
            "C4 03 C1 02 00 00 01 00",
        ] {
            let error = GetResponse::parse_all(&hex(octets)).expect_err(octets);
            assert_eq!(error, DecodeError::new(DecodeErrorKind::ValueOutOfRange, 3));
        }
    }

    #[test]
    fn the_refusal_of_a_wrong_block_number_is_a_result() {
        let octets = hex("C4 02 C1 01 00000007 01 13");
        let response = GetResponse::parse_all(&octets).expect("a complete APDU");
        let GetResponseForm::WithDatablock(block) = response.form else {
            panic!("a datablock")
        };
        assert_eq!(block.result, Err(DataAccessResult::DataBlockNumberInvalid));
    }
}
