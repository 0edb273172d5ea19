//! The client's half of receiving: match responses to requests, put blocks together, hand out the next block.

use crate::apdu::Apdu;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::security::SecurityContext;
use crate::xdlms::action::{ActionRequest, ActionRequestForm, ActionResponse, ActionResponseForm};
use crate::xdlms::block_transfer::{Assembled, Assembler, Splitter};
use crate::xdlms::datablock::DataBlock;
use crate::xdlms::get::{GetRequest, GetRequestForm, GetResponse, GetResponseForm};
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::result::GetDataResult;
use crate::xdlms::set::{SetResponse, SetResponseForm};

use super::outstanding::{Pending, Service};
use super::receive::Handled;
use super::{Channel, ChannelError, Event};

/// A complete answer, refused where it does not answer each thing that was asked.
fn answer(pending: Pending, apdu: Apdu<'_>) -> Result<Handled<'_>, ChannelError> {
    if pending.is_answered_by(&apdu) {
        return Ok(Handled::Event(Event::Apdu(apdu)));
    }
    Err(DecodeError::new(DecodeErrorKind::WrongLength, 0).into())
}

/// An answer to no outstanding request.
pub(super) const STALE: Handled<'static> = Handled::Event(Event::Discarded {
    reason: "invoke-id",
    expected_counter: None,
});

impl Channel {
    pub(super) fn get_response<'a>(
        &mut self,
        response: GetResponse<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = response.invoke_id_and_priority;
        let Some(pending) = self.outstanding.find(invoke, Service::Get) else {
            return Ok(STALE);
        };
        let GetResponseForm::WithDatablock(block) = response.form else {
            self.outstanding.remove(invoke);
            return answer(pending, response.into());
        };
        let raw_data = match block.result {
            Ok(raw_data) => raw_data,
            Err(result) => {
                self.outstanding.remove(invoke);
                self.assembler = None;
                let form = GetResponseForm::Normal(GetDataResult::DataAccessResult(result));
                return Ok(Handled::Event(Event::Apdu(
                    GetResponse {
                        invoke_id_and_priority: invoke,
                        form,
                    }
                    .into(),
                )));
            }
        };
        let front: &[u8] = if pending.items.is_some() { &[] } else { &[0] };
        let choice = if pending.items.is_some() { 3 } else { 1 };
        let block = DataBlock {
            last_block: block.last_block,
            block_number: block.block_number,
            raw_data,
        };
        let front = [&[GetResponse::TAG, choice, invoke.0], front].concat();
        let Some(whole) = self.collect(front, &block, invoke)? else {
            let form = GetRequestForm::Next {
                block_number: block.block_number,
            };
            let request = GetRequest {
                invoke_id_and_priority: invoke,
                form,
            };
            self.transmit(GetRequest::TAG, &request, security, out)?;
            return Ok(Handled::Nothing);
        };
        Ok(Handled::Whole(whole, Some(pending)))
    }

    pub(super) fn set_response<'a>(
        &mut self,
        response: SetResponse,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = response.invoke_id_and_priority;
        let Some(pending) = self.outstanding.find(invoke, Service::Set) else {
            return Ok(STALE);
        };
        let form = match response.form {
            SetResponseForm::Datablock { block_number } => {
                return self.acknowledged(invoke, block_number, security, out);
            }
            SetResponseForm::LastDatablock { result, .. } => SetResponseForm::Normal(result),
            SetResponseForm::LastDatablockWithList { results, .. } => {
                SetResponseForm::WithList(results)
            }
            form => form,
        };
        self.finish(invoke);
        let response = SetResponse {
            invoke_id_and_priority: invoke,
            form,
        };
        answer(pending, response.into())
    }

    pub(super) fn action_response<'a>(
        &mut self,
        response: ActionResponse<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke = response.invoke_id_and_priority;
        let Some(pending) = self.outstanding.find(invoke, Service::Action) else {
            return Ok(STALE);
        };
        match response.form {
            ActionResponseForm::NextPblock { block_number } => {
                self.acknowledged(invoke, block_number, security, out)
            }
            ActionResponseForm::WithPblock(block) => {
                self.splitter = None;
                let choice = if pending.items.is_some() { 3 } else { 1 };
                let front = vec![ActionResponse::TAG, choice, invoke.0];
                let Some(whole) = self.collect(front, &block, invoke)? else {
                    let form = ActionRequestForm::NextPblock {
                        block_number: block.block_number,
                    };
                    let request: ActionRequest<'_> = ActionRequest {
                        invoke_id_and_priority: invoke,
                        form,
                    };
                    self.transmit(<ActionRequest<'_>>::TAG, &request, security, out)?;
                    return Ok(Handled::Nothing);
                };
                Ok(Handled::Whole(whole, Some(pending)))
            }
            _ => {
                self.finish(invoke);
                answer(pending, response.into())
            }
        }
    }

    /// The peer took a block of ours and asks for the next.
    fn acknowledged<'a>(
        &mut self,
        invoke: InvokeIdAndPriority,
        block_number: u32,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let ours = |splitter: &Splitter| {
            splitter.invoke() == invoke.0 && splitter.block_number() == block_number
        };
        if !self.splitter.as_deref().is_some_and(ours) {
            return Ok(STALE);
        }
        self.send_next_block(security, out)?;
        Ok(Handled::Nothing)
    }

    /// Adds a block to the response being collected; the whole response when it was the last.
    fn collect(
        &mut self,
        front: Vec<u8>,
        block: &DataBlock<'_>,
        invoke: InvokeIdAndPriority,
    ) -> Result<Option<Vec<u8>>, ChannelError> {
        let limit = self.max_receive_apdu_size;
        let assembler = self
            .assembler
            .get_or_insert_with(|| Box::new(Assembler::new(front, limit)));
        match assembler.push(block) {
            Ok(Assembled::More) => Ok(None),
            Ok(Assembled::Whole(octets)) => {
                self.finish(invoke);
                Ok(Some(octets))
            }
            Err(error) => {
                self.finish(invoke);
                Err(error.into())
            }
        }
    }

    fn finish(&mut self, invoke: InvokeIdAndPriority) {
        self.outstanding.remove(invoke);
        self.splitter = None;
        self.assembler = None;
    }
}
