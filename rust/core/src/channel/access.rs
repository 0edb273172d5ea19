//! ACCESS requests on their way: numbered by long invoke id, and matched item for item with their responses.

use std::collections::VecDeque;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::access::{AccessRequest, AccessResponse, AccessService};
use crate::xdlms::invoke::LongInvokeIdAndPriority;

use super::receive::Handled;
use super::responses::STALE;
use super::{Channel, ChannelError, Event};

/// More requests than this are not waited for at once; the oldest is given up.
const MOST: usize = 16;

/// One request and the services whose results are due.
#[derive(Debug)]
struct Pending {
    invoke_id: u32,
    services: Vec<AccessService>,
}

/// The long invoke ids in use.
#[derive(Debug, Default)]
pub(super) struct LongOutstanding {
    pending: VecDeque<Pending>,
    last: u32,
}

impl LongOutstanding {
    fn is_waiting(&self, invoke_id: u32) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.invoke_id == invoke_id)
    }

    /// Takes the request of this id out.
    fn take(&mut self, invoke_id: u32) -> Option<Pending> {
        let found = self
            .pending
            .iter()
            .position(|pending| pending.invoke_id == invoke_id)?;
        self.pending.remove(found)
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

impl Channel {
    /// These options with the next long invoke id that no request waits under.
    #[must_use]
    pub fn next_long_invoke_id(&self, options: LongInvokeIdAndPriority) -> LongInvokeIdAndPriority {
        // At most MOST ids are taken, so one of MOST + 1 is free.
        let next = (self.long_outstanding.last + 1..)
            .take(MOST + 1)
            .map(|id| id & LongInvokeIdAndPriority::INVOKE_ID)
            .find(|&id| !self.long_outstanding.is_waiting(id));
        options.with_invoke_id(next.unwrap_or(0))
    }

    /// Notes an ACCESS.request that went out; where it is confirmed, its answer is waited for.
    pub(super) fn access_sent<P>(&mut self, request: &AccessRequest<'_, P>) {
        let invoke = request.long_invoke_id_and_priority;
        let waiting = &mut self.long_outstanding;
        waiting.last = invoke.invoke_id();
        if !invoke.confirmed() {
            return;
        }
        waiting.take(waiting.last);
        if waiting.pending.len() == MOST {
            waiting.pending.pop_front();
        }
        waiting.pending.push_back(Pending {
            invoke_id: invoke.invoke_id(),
            services: request
                .items
                .iter()
                .map(|item| item.specification.service())
                .collect(),
        });
    }

    /// A response must answer each item of its request, in order, by a result of its service.
    pub(super) fn access_response<'a>(
        &mut self,
        response: AccessResponse<'a>,
    ) -> Result<Handled<'a>, ChannelError> {
        let invoke_id = response.long_invoke_id_and_priority.invoke_id();
        let Some(pending) = self.long_outstanding.take(invoke_id) else {
            return Ok(STALE);
        };
        let answered = response
            .outcomes
            .iter()
            .map(|outcome| outcome.result.service());
        if !answered.eq(pending.services) {
            return Err(DecodeError::new(DecodeErrorKind::WrongLength, 0).into());
        }
        Ok(Handled::Event(Event::Apdu(response.into())))
    }
}
