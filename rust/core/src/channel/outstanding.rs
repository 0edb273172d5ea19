//! Which requests wait for an answer: by invoke id, or the only one where variables have short names.

use crate::apdu::Apdu;
use crate::xdlms::action::ActionResponseForm;
use crate::xdlms::get::GetResponseForm;
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::result::{ActionResult, DataAccessResult, GetDataResult};
use crate::xdlms::set::SetResponseForm;

/// A service that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Get,
    Set,
    Action,
    Read,
    Write,
}

/// One request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) service: Service,
    /// The number of items of a request with a list.
    pub(super) items: Option<u32>,
}

impl Pending {
    pub(super) fn new(service: Service, items: Option<usize>) -> Self {
        Self {
            service,
            items: items.map(counted),
        }
    }

    /// Whether an answer answers all that was asked, item for item. A list may be refused as a whole.
    pub(super) fn is_answered_by(self, apdu: &Apdu<'_>) -> bool {
        let (items, refused) = match apdu {
            Apdu::GetResponse(response) => match &response.form {
                GetResponseForm::WithList(results) => (Some(results.0.len()), false),
                GetResponseForm::Normal(result) => {
                    (None, matches!(result, GetDataResult::DataAccessResult(_)))
                }
                GetResponseForm::WithDatablock(_) => (None, false),
            },
            Apdu::SetResponse(response) => match &response.form {
                SetResponseForm::WithList(results) => (Some(results.0.len()), false),
                SetResponseForm::Normal(result) => (None, *result != DataAccessResult::Success),
                _ => (None, false),
            },
            Apdu::ActionResponse(response) => match &response.form {
                ActionResponseForm::WithList(outcomes) => (Some(outcomes.0.len()), false),
                ActionResponseForm::Normal(outcome) => {
                    (None, outcome.result != ActionResult::Success)
                }
                _ => (None, false),
            },
            Apdu::ReadResponse(response) => (Some(response.0.0.len()), response.is_refusal()),
            Apdu::WriteResponse(response) => (Some(response.0.0.len()), response.is_refusal()),
            _ => return true,
        };
        items.map(counted) == self.items || refused
    }
}

/// An APDU holds fewer items than this can tell apart, and a channel has room for the numbers of many requests.
fn counted(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

/// The sixteen invoke ids and the request that each stands for.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    slots: [Option<Pending>; 16],
    last: u8,
    /// Read and Write have no invoke id.
    short_name: Option<Pending>,
}

impl Outstanding {
    /// The next free invoke id after the one given out last, or `None`.
    pub(super) fn free(&self) -> Option<u8> {
        self.free_after(self.last)
    }

    /// The next free invoke id after this one, or `None`.
    pub(super) fn free_after(&self, last: u8) -> Option<u8> {
        (1..=16)
            .map(|step| (last + step) % 16)
            .find(|&id| self.slots[usize::from(id)].is_none())
    }

    /// Whether a request with this invoke id waits.
    pub(super) fn is_waiting(&self, invoke: InvokeIdAndPriority) -> bool {
        self.slots[usize::from(invoke.invoke_id())].is_some()
    }

    /// Notes a request that was sent and will be answered.
    pub(super) fn add(&mut self, invoke: InvokeIdAndPriority, pending: Pending) {
        self.last = invoke.invoke_id();
        self.slots[usize::from(self.last)] = Some(pending);
    }

    /// The request of this service that an answer belongs to.
    pub(super) fn find(&self, invoke: InvokeIdAndPriority, service: Service) -> Option<Pending> {
        self.slots[usize::from(invoke.invoke_id())].filter(|pending| pending.service == service)
    }

    /// The request that waits, and its service, where it is the only one with an invoke id.
    pub(super) fn only(&self) -> Option<(InvokeIdAndPriority, Service)> {
        let mut waiting = (0..16).filter_map(|id| Some((id, self.slots[usize::from(id)]?.service)));
        let (id, service) = waiting.next()?;
        let only = waiting.next().is_none() && self.short_name.is_none();
        only.then(|| (InvokeIdAndPriority::new(id, true, true), service))
    }

    /// The request has been answered.
    pub(super) fn remove(&mut self, invoke: InvokeIdAndPriority) {
        self.slots[usize::from(invoke.invoke_id())] = None;
    }

    /// How many requests wait.
    pub(super) fn count(&self) -> usize {
        self.slots.iter().flatten().count() + usize::from(self.short_name.is_some())
    }

    /// Lets a request wait under the next free invoke id instead of its own.
    pub(super) fn renew(&mut self, invoke: InvokeIdAndPriority) -> Option<InvokeIdAndPriority> {
        let free = self.free()?;
        let pending = self.slots[usize::from(invoke.invoke_id())].take()?;
        let renewed = InvokeIdAndPriority((invoke.0 & 0xF0) | free);
        self.add(renewed, pending);
        Some(renewed)
    }

    /// Whether a request with short names waits.
    pub(super) const fn is_short_name_waiting(&self) -> bool {
        self.short_name.is_some()
    }

    /// Notes a request with short names that was sent and will be answered.
    pub(super) const fn add_short_name(&mut self, pending: Pending) {
        self.short_name = Some(pending);
    }

    /// The request with short names that waits, where it is of this service.
    pub(super) fn find_short_name(&self, service: Service) -> Option<Pending> {
        self.short_name.filter(|pending| pending.service == service)
    }

    /// The request with short names has been answered.
    pub(super) const fn answer_short_name(&mut self) -> Option<Pending> {
        self.short_name.take()
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.slots = [None; 16];
        self.short_name = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_round_and_are_not_given_out_twice() {
        let mut outstanding = Outstanding::default();
        let pending = Pending {
            service: Service::Get,
            items: None,
        };
        let mut given: Vec<u8> = Vec::new();
        while let Some(id) = outstanding.free() {
            outstanding.add(InvokeIdAndPriority::new(id, true, true), pending);
            given.push(id);
        }
        assert_eq!(
            given,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]
        );
        outstanding.remove(InvokeIdAndPriority(5));
        assert_eq!(outstanding.free(), Some(5));
        assert_eq!(outstanding.find(InvokeIdAndPriority(6), Service::Set), None);
    }
}
