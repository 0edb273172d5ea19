//! SET.request and SET.response (Green Book, SET service): normal, with list, and both in datablocks.

use super::datablock::DataBlock;
use super::descriptor::AttributeSelection;
use super::invoke::InvokeIdAndPriority;
use super::result::DataAccessResult;
use super::sequence_of::{self, SequenceOf};
use crate::axdr::RawData;
use crate::axdr::length::{length_len, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// SET.request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRequest<'a> {
    /// The invoke id, service class and priority.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the five forms, and what it sets.
    pub form: SetRequestForm<'a>,
}

/// The forms of SET.request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRequestForm<'a> {
    /// Set-Request-Normal: one attribute.
    Normal(SetItem<'a>),
    /// Set-Request-With-First-Datablock: one attribute whose value comes in blocks.
    WithFirstDatablock {
        /// The attribute.
        attribute: AttributeSelection<'a>,
        /// The first piece of its value.
        datablock: DataBlock<'a>,
    },
    /// Set-Request-With-Datablock: a further piece.
    WithDatablock(DataBlock<'a>),
    /// Set-Request-With-List: several attributes.
    WithList(Vec<SetItem<'a>>),
    /// Set-Request-With-List-And-First-Datablock: several attributes whose list of values comes in blocks.
    WithListAndFirstDatablock {
        /// The attributes.
        attributes: SequenceOf<AttributeSelection<'a>>,
        /// The first piece of the list of values.
        datablock: DataBlock<'a>,
    },
}

/// An attribute and its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetItem<'a> {
    /// The attribute.
    pub attribute: AttributeSelection<'a>,
    /// The value.
    pub data: RawData<'a>,
}

impl SetRequest<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC1;
}

impl<'a> Parse<'a> for SetRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let form = match choice {
            1 => SetRequestForm::Normal(SetItem {
                attribute: AttributeSelection::parse(reader)?,
                data: RawData::parse(reader)?,
            }),
            2 => SetRequestForm::WithFirstDatablock {
                attribute: AttributeSelection::parse(reader)?,
                datablock: DataBlock::parse(reader)?,
            },
            3 => SetRequestForm::WithDatablock(DataBlock::parse(reader)?),
            4 => {
                let attributes = SequenceOf::parse(reader)?;
                let start = reader.offset();
                let values = SequenceOf::parse(reader)?;
                let pair = |attribute, data| SetItem { attribute, data };
                SetRequestForm::WithList(sequence_of::zip(attributes, values, start, pair)?)
            }
            5 => SetRequestForm::WithListAndFirstDatablock {
                attributes: SequenceOf::parse(reader)?,
                datablock: DataBlock::parse(reader)?,
            },
            _ => return Err(unknown),
        };
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl Emit for SetRequest<'_> {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            SetRequestForm::Normal(item) => item.attribute.emitted_len() + item.data.emitted_len(),
            SetRequestForm::WithFirstDatablock {
                attribute,
                datablock,
            } => attribute.emitted_len() + datablock.emitted_len(),
            SetRequestForm::WithDatablock(datablock) => datablock.emitted_len(),
            SetRequestForm::WithList(items) => {
                let each = items
                    .iter()
                    .map(|item| item.attribute.emitted_len() + item.data.emitted_len());
                2 * length_len(items.len()) + each.sum::<usize>()
            }
            SetRequestForm::WithListAndFirstDatablock {
                attributes,
                datablock,
            } => attributes.emitted_len() + datablock.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            SetRequestForm::Normal(_) => 1,
            SetRequestForm::WithFirstDatablock { .. } => 2,
            SetRequestForm::WithDatablock(_) => 3,
            SetRequestForm::WithList(_) => 4,
            SetRequestForm::WithListAndFirstDatablock { .. } => 5,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            SetRequestForm::Normal(item) => {
                item.attribute.emit(out);
                item.data.emit(out);
            }
            SetRequestForm::WithFirstDatablock {
                attribute,
                datablock,
            } => {
                attribute.emit(out);
                datablock.emit(out);
            }
            SetRequestForm::WithDatablock(datablock) => datablock.emit(out),
            SetRequestForm::WithList(items) => {
                write_length(out, items.len());
                items.iter().for_each(|item| item.attribute.emit(out));
                write_length(out, items.len());
                items.iter().for_each(|item| item.data.emit(out));
            }
            SetRequestForm::WithListAndFirstDatablock {
                attributes,
                datablock,
            } => {
                attributes.emit(out);
                datablock.emit(out);
            }
        }
    }
}

/// SET.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetResponse {
    /// The octet of the request.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the five forms, and what it answers.
    pub form: SetResponseForm,
}

/// The forms of SET.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetResponseForm {
    /// Set-Response-Normal.
    Normal(DataAccessResult),
    /// Set-Response-Datablock: the block has come, the next one is awaited.
    Datablock {
        /// The number of the block received.
        block_number: u32,
    },
    /// Set-Response-Last-Datablock: the last block has come, this is the result.
    LastDatablock {
        /// The result of the whole SET.
        result: DataAccessResult,
        /// The number of the last block.
        block_number: u32,
    },
    /// Set-Response-Last-Datablock-With-List.
    LastDatablockWithList {
        /// A result for each attribute.
        results: SequenceOf<DataAccessResult>,
        /// The number of the last block.
        block_number: u32,
    },
    /// Set-Response-With-List: a result for each attribute.
    WithList(SequenceOf<DataAccessResult>),
}

impl SetResponse {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC5;
}

impl Parse<'_> for SetResponse {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let form = match choice {
            1 => SetResponseForm::Normal(DataAccessResult::parse(reader)?),
            2 => SetResponseForm::Datablock {
                block_number: reader.u32()?,
            },
            3 => SetResponseForm::LastDatablock {
                result: DataAccessResult::parse(reader)?,
                block_number: reader.u32()?,
            },
            4 => SetResponseForm::LastDatablockWithList {
                results: SequenceOf::parse(reader)?,
                block_number: reader.u32()?,
            },
            5 => SetResponseForm::WithList(SequenceOf::parse(reader)?),
            _ => return Err(unknown),
        };
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl Emit for SetResponse {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            SetResponseForm::Normal(_) => 1,
            SetResponseForm::Datablock { .. } => 4,
            SetResponseForm::LastDatablock { .. } => 1 + 4,
            SetResponseForm::LastDatablockWithList { results, .. } => results.emitted_len() + 4,
            SetResponseForm::WithList(results) => results.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            SetResponseForm::Normal(_) => 1,
            SetResponseForm::Datablock { .. } => 2,
            SetResponseForm::LastDatablock { .. } => 3,
            SetResponseForm::LastDatablockWithList { .. } => 4,
            SetResponseForm::WithList(_) => 5,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            SetResponseForm::Normal(result) => result.emit(out),
            SetResponseForm::Datablock { block_number } => out.u32(*block_number),
            SetResponseForm::LastDatablock {
                result,
                block_number,
            } => {
                result.emit(out);
                out.u32(*block_number);
            }
            SetResponseForm::LastDatablockWithList {
                results,
                block_number,
            } => {
                results.emit(out);
                out.u32(*block_number);
            }
            SetResponseForm::WithList(results) => results.emit(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<SetRequest<'_>>(samples::SET_REQUESTS);
        check_samples::<SetResponse>(samples::SET_RESPONSES);
    }

    #[test]
    fn as_many_values_as_attributes() {
        let octets = hex("C1 04 C1 01 0012 00002C0000FF 05 00 02 0301 0301");
        assert_eq!(
            SetRequest::parse_all(&octets),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 14))
        );
    }
}
