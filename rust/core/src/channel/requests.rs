//! The server's half of receiving: put requests together, acknowledge their blocks, hand out blocks of a long answer.
use crate::codec::Emit;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::security::SecurityContext;
use crate::xdlms::action::{ActionRequest, ActionRequestForm, ActionResponse, ActionResponseForm};
use crate::xdlms::block_transfer::{Assembled, Assembler, Splitter};
use crate::xdlms::datablock::DataBlock;
use crate::xdlms::get::{GetRequest, GetRequestForm, GetResponse};
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::result::DataAccessResult;
use crate::xdlms::set::{SetRequest, SetRequestForm, SetResponse, SetResponseForm};

use super::receive::Handled;
use super::{Channel, ChannelError, Event};

const ACTION_REQUEST: u8 = <ActionRequest<'_>>::TAG;
/// What a raw GET.response with datablock ends with.
const NO_LONG_GET_IN_PROGRESS: u8 = 16;
const BLOCK_NUMBER_INVALID: u8 = 19;
/// long-action-aborted.
const LONG_ACTION_ABORTED: u8 = 15;

impl Channel {
    pub(super) fn get_request<'a>(
        &mut self,
        request: GetRequest<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = request.invoke_id_and_priority;
        let GetRequestForm::Next { block_number } = request.form else {
            self.begin_answer();
            return Ok(Handled::Event(Event::Apdu(request.into())));
        };
        let expected = |splitter: &Splitter| {
            splitter.tag() == GetResponse::TAG
                && splitter.invoke() == invoke.0
                && splitter.block_number() == block_number
        };
        if self.splitter.as_deref().is_some_and(expected) {
            self.send_next_block(security, out)?;
            return Ok(Handled::Nothing);
        }
        let in_progress = self
            .splitter
            .take()
            .is_some_and(|splitter| splitter.tag() == GetResponse::TAG);
        let result = if in_progress {
            BLOCK_NUMBER_INVALID
        } else {
            NO_LONG_GET_IN_PROGRESS
        };
        let mut answer = vec![GetResponse::TAG, 2, invoke.0, 1];
        answer.extend_from_slice(&block_number.to_be_bytes());
        answer.extend_from_slice(&[1, result]);
        self.transmit(GetResponse::TAG, &answer.as_slice(), security, out)?;
        Ok(Handled::Nothing)
    }

    pub(super) fn set_request<'a>(
        &mut self,
        request: SetRequest<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = request.invoke_id_and_priority;
        let (first, block) = match request.form {
            SetRequestForm::WithFirstDatablock {
                attribute,
                datablock,
            } => (Some((2, attribute.to_vec())), datablock),
            SetRequestForm::WithListAndFirstDatablock {
                attributes,
                datablock,
            } => (Some((5, attributes.to_vec())), datablock),
            SetRequestForm::WithDatablock(datablock) => (None, datablock),
            _ => {
                self.begin_answer();
                return Ok(Handled::Event(Event::Apdu(request.into())));
            }
        };
        match self.gather(SetRequest::TAG, first, invoke, &block) {
            Ok(Some(whole)) => {
                self.last_set_block = Some(block.block_number);
                Ok(Handled::Whole(whole, None))
            }
            Ok(None) => {
                let form = SetResponseForm::Datablock {
                    block_number: block.block_number,
                };
                let answer = SetResponse {
                    invoke_id_and_priority: invoke,
                    form,
                };
                self.transmit(SetResponse::TAG, &answer, security, out)?;
                Ok(Handled::Nothing)
            }
            Err(_) => {
                let result = DataAccessResult::DataBlockNumberInvalid;
                let form = SetResponseForm::LastDatablock {
                    result,
                    block_number: block.block_number,
                };
                let answer = SetResponse {
                    invoke_id_and_priority: invoke,
                    form,
                };
                self.transmit(SetResponse::TAG, &answer, security, out)?;
                Ok(Handled::Nothing)
            }
        }
    }

    pub(super) fn action_request<'a>(
        &mut self,
        request: ActionRequest<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = request.invoke_id_and_priority;
        let (first, block) = match request.form {
            ActionRequestForm::WithFirstPblock { method, pblock } => {
                (Some((4, method.to_vec())), pblock)
            }
            ActionRequestForm::WithListAndFirstPblock { methods, pblock } => {
                (Some((5, methods.to_vec())), pblock)
            }
            ActionRequestForm::WithPblock(pblock) => (None, pblock),
            ActionRequestForm::NextPblock { block_number } => {
                let expected = |splitter: &Splitter| {
                    splitter.tag() == ActionResponse::TAG
                        && splitter.invoke() == invoke.0
                        && splitter.block_number() == block_number
                };
                if self.splitter.as_deref().is_some_and(expected) {
                    self.send_next_block(security, out)?;
                    return Ok(Handled::Nothing);
                }
                self.splitter = None;
                return self.abort_action(invoke, security, out);
            }
            _ => {
                self.begin_answer();
                return Ok(Handled::Event(Event::Apdu(request.into())));
            }
        };
        match self.gather(ACTION_REQUEST, first, invoke, &block) {
            Ok(Some(whole)) => Ok(Handled::Whole(whole, None)),
            Ok(None) => {
                let form = ActionResponseForm::NextPblock {
                    block_number: block.block_number,
                };
                let answer = ActionResponse {
                    invoke_id_and_priority: invoke,
                    form,
                };
                self.transmit(ActionResponse::TAG, &answer, security, out)?;
                Ok(Handled::Nothing)
            }
            Err(_) => self.abort_action(invoke, security, out),
        }
    }

    fn abort_action<'a>(
        &mut self,
        invoke: InvokeIdAndPriority,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let answer = [ActionResponse::TAG, 1, invoke.0, LONG_ACTION_ABORTED, 0];
        self.transmit(ActionResponse::TAG, &answer.as_slice(), security, out)?;
        Ok(Handled::Nothing)
    }

    /// A new request: whatever block transfer was under way has been given up by the client.
    pub(super) fn begin_answer(&mut self) {
        self.splitter = None;
        self.assembler = None;
        self.last_set_block = None;
    }

    /// Adds a block to the request being collected; `first` is the choice and the descriptors of a first block.
    fn gather(
        &mut self,
        tag: u8,
        first: Option<(u8, Vec<u8>)>,
        invoke: InvokeIdAndPriority,
        block: &DataBlock<'_>,
    ) -> Result<Option<Vec<u8>>, DecodeError> {
        if let Some((choice, descriptors)) = first {
            self.begin_answer();
            let limit = self.max_receive_apdu_size;
            self.assembler =
                Assembler::for_request(tag, choice, invoke.0, &descriptors, limit).map(Box::new);
        }
        let assembler = self
            .assembler
            .as_mut()
            .ok_or(DecodeError::new(DecodeErrorKind::Missing, 0))?;
        match assembler.push(block) {
            Ok(Assembled::More) => Ok(None),
            Ok(Assembled::Whole(octets)) => {
                self.assembler = None;
                Ok(Some(octets))
            }
            Err(error) => {
                self.assembler = None;
                Err(error)
            }
        }
    }
}
