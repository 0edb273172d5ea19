//! ACTION.request and ACTION.response (Green Book, ACTION service): normal, with list, and both in pblocks.
//!
//! The parameter of a request is any emitter, so that an image block is written once, at its final place.

use super::datablock::DataBlock;
use super::descriptor::MethodDescriptor;
use super::invoke::InvokeIdAndPriority;
use super::parse_flag;
use super::result::{ActionResult, GetDataResult};
use super::sequence_of::{self, Element, SequenceOf};
use crate::axdr::RawData;
use crate::axdr::length::{length_len, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// ACTION.request whose method invocation parameters are `P`: borrowed octets when parsed, any [`Emit`] to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRequest<'a, P = RawData<'a>> {
    /// The invoke id, service class and priority.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the six forms, and what it invokes.
    pub form: ActionRequestForm<'a, P>,
}

/// The forms of ACTION.request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionRequestForm<'a, P = RawData<'a>> {
    /// Action-Request-Normal: one method.
    Normal {
        /// The method.
        method: MethodDescriptor,
        /// Its method-invocation-parameters, where there are any.
        parameter: Option<P>,
    },
    /// Action-Request-Next-Pblock: the block of the response after this one.
    NextPblock {
        /// The number of the block just received.
        block_number: u32,
    },
    /// Action-Request-With-List: several methods.
    WithList(Vec<ActionItem<P>>),
    /// Action-Request-With-First-Pblock: one method whose parameters come in blocks.
    WithFirstPblock {
        /// The method.
        method: MethodDescriptor,
        /// The first piece of its parameters.
        pblock: DataBlock<'a>,
    },
    /// Action-Request-With-List-And-First-Pblock: several methods whose list of parameters comes in blocks.
    WithListAndFirstPblock {
        /// The methods.
        methods: SequenceOf<MethodDescriptor>,
        /// The first piece of the list of parameters.
        pblock: DataBlock<'a>,
    },
    /// Action-Request-With-Pblock: a further piece.
    WithPblock(DataBlock<'a>),
}

/// A method of a list with its parameters; null-data where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionItem<P> {
    /// The method.
    pub method: MethodDescriptor,
    /// Its method-invocation-parameters.
    pub parameter: P,
}

impl<P> ActionRequest<'_, P> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC3;
}

impl<'a> Parse<'a> for ActionRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let form = match choice {
            1 => ActionRequestForm::Normal {
                method: MethodDescriptor::parse(reader)?,
                parameter: if parse_flag(reader)? {
                    Some(RawData::parse(reader)?)
                } else {
                    None
                },
            },
            2 => ActionRequestForm::NextPblock {
                block_number: reader.u32()?,
            },
            3 => {
                let methods = SequenceOf::parse(reader)?;
                let start = reader.offset();
                let parameters = SequenceOf::parse(reader)?;
                let pair = |method, parameter| ActionItem { method, parameter };
                ActionRequestForm::WithList(sequence_of::zip(methods, parameters, start, pair)?)
            }
            4 => ActionRequestForm::WithFirstPblock {
                method: MethodDescriptor::parse(reader)?,
                pblock: DataBlock::parse(reader)?,
            },
            5 => ActionRequestForm::WithListAndFirstPblock {
                methods: SequenceOf::parse(reader)?,
                pblock: DataBlock::parse(reader)?,
            },
            6 => ActionRequestForm::WithPblock(DataBlock::parse(reader)?),
            _ => return Err(unknown),
        };
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl<P: Emit> Emit for ActionRequest<'_, P> {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            ActionRequestForm::Normal { method, parameter } => {
                method.emitted_len() + 1 + parameter.as_ref().map_or(0, Emit::emitted_len)
            }
            ActionRequestForm::NextPblock { .. } => 4,
            ActionRequestForm::WithList(items) => {
                let each = items
                    .iter()
                    .map(|item| item.method.emitted_len() + item.parameter.emitted_len());
                2 * length_len(items.len()) + each.sum::<usize>()
            }
            ActionRequestForm::WithFirstPblock { method, pblock } => {
                method.emitted_len() + pblock.emitted_len()
            }
            ActionRequestForm::WithListAndFirstPblock { methods, pblock } => {
                methods.emitted_len() + pblock.emitted_len()
            }
            ActionRequestForm::WithPblock(pblock) => pblock.emitted_len(),
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            ActionRequestForm::Normal { .. } => 1,
            ActionRequestForm::NextPblock { .. } => 2,
            ActionRequestForm::WithList(_) => 3,
            ActionRequestForm::WithFirstPblock { .. } => 4,
            ActionRequestForm::WithListAndFirstPblock { .. } => 5,
            ActionRequestForm::WithPblock(_) => 6,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            ActionRequestForm::Normal { method, parameter } => {
                method.emit(out);
                out.u8(parameter.is_some().into());
                if let Some(parameter) = parameter {
                    parameter.emit(out);
                }
            }
            ActionRequestForm::NextPblock { block_number } => out.u32(*block_number),
            ActionRequestForm::WithList(items) => {
                write_length(out, items.len());
                items.iter().for_each(|item| item.method.emit(out));
                write_length(out, items.len());
                items.iter().for_each(|item| item.parameter.emit(out));
            }
            ActionRequestForm::WithFirstPblock { method, pblock } => {
                method.emit(out);
                pblock.emit(out);
            }
            ActionRequestForm::WithListAndFirstPblock { methods, pblock } => {
                methods.emit(out);
                pblock.emit(out);
            }
            ActionRequestForm::WithPblock(pblock) => pblock.emit(out),
        }
    }
}

/// ACTION.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResponse<'a> {
    /// The octet of the request.
    pub invoke_id_and_priority: InvokeIdAndPriority,
    /// Which of the four forms, and what it answers.
    pub form: ActionResponseForm<'a>,
}

/// The forms of ACTION.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionResponseForm<'a> {
    /// Action-Response-Normal: one result.
    Normal(ActionOutcome<'a>),
    /// Action-Response-With-Pblock: a piece of the encoding of one [`ActionOutcome`], or of a [`SequenceOf`] them.
    WithPblock(DataBlock<'a>),
    /// Action-Response-With-List: as many results as methods were invoked.
    WithList(SequenceOf<ActionOutcome<'a>>),
    /// Action-Response-Next-Pblock: the block has come, the next one is awaited.
    NextPblock {
        /// The number of the block received.
        block_number: u32,
    },
}

/// Action-Response-With-Optional-Data: the result and, optionally, the return parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionOutcome<'a> {
    /// How the method ended.
    pub result: ActionResult,
    /// What it returned.
    pub return_parameters: Option<GetDataResult<'a>>,
}

impl ActionResponse<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC7;
}

impl<'a> Parse<'a> for ActionResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let choice = reader.u8()?;
        let invoke_id_and_priority = InvokeIdAndPriority(reader.u8()?);
        let form = match choice {
            1 => ActionResponseForm::Normal(ActionOutcome::parse(reader)?),
            2 => ActionResponseForm::WithPblock(DataBlock::parse(reader)?),
            3 => ActionResponseForm::WithList(SequenceOf::parse(reader)?),
            4 => ActionResponseForm::NextPblock {
                block_number: reader.u32()?,
            },
            _ => return Err(unknown),
        };
        Ok(Self {
            invoke_id_and_priority,
            form,
        })
    }
}

impl Emit for ActionResponse<'_> {
    fn emitted_len(&self) -> usize {
        3 + match &self.form {
            ActionResponseForm::Normal(outcome) => outcome.emitted_len(),
            ActionResponseForm::WithPblock(pblock) => pblock.emitted_len(),
            ActionResponseForm::WithList(outcomes) => outcomes.emitted_len(),
            ActionResponseForm::NextPblock { .. } => 4,
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let choice = match &self.form {
            ActionResponseForm::Normal(_) => 1,
            ActionResponseForm::WithPblock(_) => 2,
            ActionResponseForm::WithList(_) => 3,
            ActionResponseForm::NextPblock { .. } => 4,
        };
        out.put(&[Self::TAG, choice, self.invoke_id_and_priority.0]);
        match &self.form {
            ActionResponseForm::Normal(outcome) => outcome.emit(out),
            ActionResponseForm::WithPblock(pblock) => pblock.emit(out),
            ActionResponseForm::WithList(outcomes) => outcomes.emit(out),
            ActionResponseForm::NextPblock { block_number } => out.u32(*block_number),
        }
    }
}

impl Element for ActionOutcome<'_> {
    const SHORTEST: usize = 2;
}

impl<'a> Parse<'a> for ActionOutcome<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let result = reader.u8()?.into();
        let return_parameters = if parse_flag(reader)? {
            Some(GetDataResult::parse(reader)?)
        } else {
            None
        };
        Ok(Self {
            result,
            return_parameters,
        })
    }
}

impl Emit for ActionOutcome<'_> {
    fn emitted_len(&self) -> usize {
        2 + self.return_parameters.as_ref().map_or(0, Emit::emitted_len)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.result.into());
        out.u8(self.return_parameters.is_some().into());
        if let Some(returned) = &self.return_parameters {
            returned.emit(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<ActionRequest<'_>>(samples::ACTION_REQUESTS);
        check_samples::<ActionResponse<'_>>(samples::ACTION_RESPONSES);
    }

    #[test]
    fn any_emitter_can_be_the_parameter() {
        let octets = hex("C3 01 C1 0012 00002C0000FF 03 01 0F00");
        let parsed = ActionRequest::parse_all(&octets).expect("a complete APDU");
        let ActionRequestForm::Normal { method, .. } = parsed.form else {
            panic!("the normal form")
        };
        let parameter: &dyn Emit = &&hex("0F00")[..];
        let form = ActionRequestForm::Normal {
            method,
            parameter: Some(parameter),
        };
        let request = ActionRequest {
            invoke_id_and_priority: parsed.invoke_id_and_priority,
            form,
        };
        assert_eq!(request.to_vec(), octets);
    }

    #[test]
    fn success_may_come_back_as_a_data_access_result() {
        let octets = hex("C7 01 C1 00 01 01 00");
        let response = ActionResponse::parse_all(&octets).expect("a complete APDU");
        let ActionResponseForm::Normal(outcome) = response.form else {
            panic!("the normal form")
        };
        assert!(
            outcome
                .return_parameters
                .is_some_and(|returned| returned.is_success_without_data())
        );
    }

    #[test]
    fn as_many_parameters_as_methods() {
        let octets = hex("C3 03 C1 01 0012 00002C0000FF 03 02 0F00 0F00");
        assert_eq!(
            ActionRequest::parse_all(&octets),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 13))
        );
    }
}
