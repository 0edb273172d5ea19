//! Sending: plan the length, let the APDU write itself at its final place, seal it there, frame it.

use crate::apdu::{Apdu, Role};
use crate::codec::{Emit, Writer};
use crate::security::{SealPlan, SecurityContext};
use crate::xdlms::action::ActionRequestForm;
use crate::xdlms::block_transfer::Splitter;
use crate::xdlms::get::GetRequestForm;
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::set::SetRequestForm;

use super::general_block::is_unconfirmed;
use super::outstanding::{Pending, Service};
use super::{Channel, ChannelError};

/// SET.response with result, and with a list of results.
const SET_RESPONSE: u8 = 0xC5;

/// How one APDU will leave: made by [`Channel::plan`].
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    tag: u8,
    seal: Option<SealPlan>,
    apdu_length: usize,
    fits: bool,
    unconfirmed: bool,
}

impl Channel {
    /// The invoke id and priority for a new request: the one asked for, or the next free one, confirmed or not, high priority.
    ///
    /// # Errors
    /// `InvokeIdInUse`.
    pub fn invoke_id(
        &self,
        wanted: Option<u8>,
        confirmed: bool,
    ) -> Result<InvokeIdAndPriority, ChannelError> {
        let invoke = match wanted {
            Some(octet) => InvokeIdAndPriority(octet),
            None => {
                let id = self.outstanding.free().ok_or(ChannelError::InvokeIdInUse)?;
                InvokeIdAndPriority::new(id, confirmed, true)
            }
        };
        if invoke.confirmed() && self.outstanding.is_waiting(invoke) {
            return Err(ChannelError::InvokeIdInUse);
        }
        Ok(invoke)
    }

    /// Whether a request without an invoke id may go out: none waits.
    ///
    /// # Errors
    /// `RequestOutstanding`.
    pub const fn sole_request(&self) -> Result<(), ChannelError> {
        if self.outstanding.is_short_name_waiting() {
            return Err(ChannelError::RequestOutstanding);
        }
        Ok(())
    }

    /// Decides how an APDU that begins with `tag` is protected and whether it fits the peer's limit.
    #[must_use]
    pub fn plan(&self, tag: u8, apdu: &dyn Emit, security: Option<&SecurityContext>) -> Plan {
        let length = apdu.emitted_len();
        let seal = self.seal_plan(tag, length, security);
        let apdu_length = seal.map_or(length, |plan| plan.sealed_len());
        Plan {
            tag,
            seal,
            apdu_length,
            fits: self.limit().is_none_or(|limit| apdu_length <= limit),
            unconfirmed: self.framing.sends_unconfirmed() && is_unconfirmed(&apdu.to_vec()),
        }
    }

    /// Whether a planned APDU can be sent as far as its length is concerned, where nothing cuts it: what goes in a UI frame
    /// is whole.
    ///
    /// # Errors
    /// `DoesNotFitUi`.
    pub fn check_room(&self, plan: &Plan) -> Result<(), ChannelError> {
        let room = self.framing.unconfirmed_room();
        let limit = self.limit().map_or(room, |limit| limit.min(room));
        if plan.unconfirmed && plan.apdu_length > limit {
            return Err(ChannelError::DoesNotFitUi {
                length: plan.apdu_length,
                limit,
            });
        }
        Ok(())
    }

    /// Whether a planned APDU goes out whole, as no block transfer must be begun for it.
    ///
    /// # Errors
    /// `DoesNotFit`.
    pub(super) fn check_whole(&self, plan: &Plan) -> Result<(), ChannelError> {
        if plan.fits {
            return Ok(());
        }
        Err(ChannelError::DoesNotFit {
            length: plan.apdu_length,
            limit: self.limit().unwrap_or(usize::MAX),
        })
    }

    /// Where an APDU goes out in one piece over the wrapper: the exact number of octets that [`Channel::write`] will fill.
    #[must_use]
    pub fn direct_len(&self, plan: &Plan) -> Option<usize> {
        let transformed = plan.tag == SET_RESPONSE && self.last_set_block.is_some();
        (plan.fits && !transformed && !self.general_blocks.answer_is_due())
            .then(|| self.framing.direct_len(plan.apdu_length))
            .flatten()
    }

    /// Writes a planned APDU into a slice of exactly [`Channel::direct_len`] octets.
    ///
    /// # Errors
    /// [`ChannelError`]; the slice is then to be thrown away and nothing counts as sent.
    pub fn write(
        &mut self,
        plan: &Plan,
        apdu: &dyn Emit,
        security: Option<&mut SecurityContext>,
        out: &mut [u8],
    ) -> Result<(), ChannelError> {
        let header = out.len() - plan.apdu_length;
        let (header, slot) = out.split_at_mut(header);
        fill(plan.seal.as_ref(), apdu, security, slot)?;
        self.general_blocks.end();
        self.framing.write_header(plan.apdu_length, header)?;
        self.count_sent(out.len());
        Ok(())
    }

    /// Sends a planned APDU in whatever pieces the link and the peer's limit demand; octets are appended to `out`.
    ///
    /// # Errors
    /// [`ChannelError`]; nothing has been sent then.
    pub fn send(
        &mut self,
        plan: &Plan,
        apdu: &dyn Emit,
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        if plan.unconfirmed {
            self.check_room(plan)?;
            let start = out.len();
            self.framing
                .send_unconfirmed(plan.apdu_length, out, |slot| {
                    fill(plan.seal.as_ref(), apdu, security, slot)
                })?;
            self.count_sent(out.len() - start);
            return Ok(());
        }
        if plan.tag == SET_RESPONSE
            && let Some(number) = self.last_set_block.take()
        {
            let answer = with_last_block(&apdu.to_vec(), number);
            return self.transmit(plan.tag, &answer.as_slice(), security, out);
        }
        if plan.fits {
            return self.transmit(plan.tag, apdu, security, out);
        }
        let does_not_fit = ChannelError::DoesNotFit {
            length: plan.apdu_length,
            limit: self.limit().unwrap_or(usize::MAX),
        };
        let octets = apdu.to_vec();
        if self.prefers_general_blocks(&octets) {
            return self.send_general_blocks(plan.tag, apdu, security, out);
        }
        match self.send_service_blocks(&octets, does_not_fit, security.as_deref_mut(), out) {
            Err(ChannelError::DoesNotFit { .. }) if self.takes_general_blocks() => {
                self.send_general_blocks(plan.tag, apdu, security, out)
            }
            sent => sent,
        }
    }

    /// Begins the block transfer of the service itself.
    fn send_service_blocks(
        &mut self,
        octets: &[u8],
        does_not_fit: ChannelError,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let Some(splitter) = Splitter::new(octets) else {
            return self.send_short_name_blocks(octets, does_not_fit, security, out);
        };
        if !self
            .negotiation
            .is_some_and(|negotiation| negotiation.permits(splitter.service()))
        {
            return Err(does_not_fit);
        }
        if self.splitter.is_some() && self.role == Role::Client {
            return Err(ChannelError::BlockTransferInProgress);
        }
        self.splitter = Some(Box::new(splitter));
        self.send_next_block(security, out)
    }

    /// Notes that a request went out; where it is confirmed, its answer is waited for.
    pub fn sent<P: Emit>(&mut self, apdu: &Apdu<'_, P>) {
        self.begin_waiting();
        let (invoke, service, items) = match apdu {
            Apdu::GetRequest(request) => {
                let items = match &request.form {
                    GetRequestForm::WithList(attributes) => Some(attributes.0.len()),
                    _ => None,
                };
                (request.invoke_id_and_priority, Service::Get, items)
            }
            Apdu::SetRequest(request) => {
                let items = match &request.form {
                    SetRequestForm::WithList(items) => Some(items.len()),
                    _ => None,
                };
                (request.invoke_id_and_priority, Service::Set, items)
            }
            Apdu::ActionRequest(request) => {
                let items = match &request.form {
                    ActionRequestForm::WithList(items) => Some(items.len()),
                    _ => None,
                };
                (request.invoke_id_and_priority, Service::Action, items)
            }
            Apdu::ReadRequest(request) => {
                return self.sent_short_names(Service::Read, request.0.0.len());
            }
            Apdu::WriteRequest(request) => {
                return self.sent_short_names(Service::Write, request.variables.0.len());
            }
            Apdu::AccessRequest(request) if self.role == Role::Client => {
                self.access_sent(request);
                return;
            }
            _ => return,
        };
        // A GET is always answered; the bit of the service class says nothing there.
        if self.role == Role::Client && (invoke.confirmed() || service == Service::Get) {
            self.outstanding.add(invoke, Pending::new(service, items));
            self.keep(apdu);
        }
    }

    /// The next block of the long APDU that is being sent.
    pub(super) fn send_next_block(
        &mut self,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let limit = self.limit().unwrap_or(usize::MAX);
        let Some(splitter) = &self.splitter else {
            return Ok(());
        };
        let room = self.largest_plain(splitter.tag(), limit, security.as_deref());
        let Some(splitter) = &mut self.splitter else {
            return Ok(());
        };
        let Some(block) = splitter.next_block(room) else {
            self.splitter = None;
            return Err(ChannelError::DoesNotFit {
                length: limit + 1,
                limit,
            });
        };
        let (tag, finished) = (splitter.tag(), splitter.is_finished());
        if finished {
            self.splitter = None;
        }
        self.transmit(tag, &block.as_slice(), security, out)
    }

    /// Seals and frames one APDU that fits.
    pub(super) fn transmit(
        &mut self,
        tag: u8,
        apdu: &dyn Emit,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        if self.general_blocks.answer_is_due() {
            return self.send_general_blocks(tag, apdu, security, out);
        }
        self.general_blocks.end();
        let length = apdu.emitted_len();
        let seal = self.seal_plan(tag, length, security.as_deref());
        let apdu_length = seal.map_or(length, |plan| plan.sealed_len());
        let start = out.len();
        self.framing.send(apdu_length, out, |slot| {
            fill(seal.as_ref(), apdu, security, slot)
        })?;
        self.count_sent(out.len() - start);
        Ok(())
    }

    /// An APDU as it would be transmitted.
    pub(super) fn sealed(
        &self,
        tag: u8,
        apdu: &dyn Emit,
        security: Option<&mut SecurityContext>,
    ) -> Result<Vec<u8>, ChannelError> {
        let length = apdu.emitted_len();
        let seal = self.seal_plan(tag, length, security.as_deref());
        let mut octets = vec![0; seal.map_or(length, |plan| plan.sealed_len())];
        fill(seal.as_ref(), apdu, security, &mut octets)?;
        Ok(octets)
    }

    /// The limit of the peer and of the medium for one APDU as transmitted, protection included.
    pub(super) fn limit(&self) -> Option<usize> {
        let size = self
            .negotiation
            .map_or(0, |negotiation| negotiation.peer_max_receive_pdu_size);
        let negotiated = (size != 0).then_some(usize::from(size));
        match (negotiated, self.medium_limit()) {
            (Some(negotiated), Some(medium)) => Some(negotiated.min(medium)),
            (negotiated, medium) => negotiated.or(medium),
        }
    }

    pub(super) fn seal_plan(
        &self,
        tag: u8,
        length: usize,
        security: Option<&SecurityContext>,
    ) -> Option<SealPlan> {
        let security = security?;
        let message = security.message_protection(tag, self.role == Role::Server);
        (!message.protection.is_none() && travels_protected(tag))
            .then(|| security.plan(tag, length, message))
    }

    /// The longest plain APDU whose protected form has at most `limit` octets.
    pub(super) fn largest_plain(
        &self,
        tag: u8,
        limit: usize,
        security: Option<&SecurityContext>,
    ) -> usize {
        let mut plain = limit;
        while let Some(plan) = self.seal_plan(tag, plain, security) {
            match plan.sealed_len().checked_sub(limit) {
                None | Some(0) => break,
                Some(excess) => plain = plain.saturating_sub(excess),
            }
            if plain == 0 {
                break;
            }
        }
        plain
    }
}

/// APDUs that are never ciphered as a whole: ACSE and exception-response.
pub(super) const fn travels_protected(tag: u8) -> bool {
    !matches!(tag, 0x60..=0x63 | 0xD8)
}

/// Lets the APDU write itself at its place in `slot`, and seals it there.
fn fill(
    seal: Option<&SealPlan>,
    apdu: &dyn Emit,
    security: Option<&mut SecurityContext>,
    slot: &mut [u8],
) -> Result<(), ChannelError> {
    let place = seal.map_or(0..slot.len(), SealPlan::plain);
    let mut out = Writer::new(&mut slot[place]);
    apdu.emit(&mut out);
    out.finish();
    if let (Some(plan), Some(security)) = (seal, security) {
        security.seal_in_place(plan, slot)?;
    }
    Ok(())
}

/// SET.response of a SET that came in datablocks: the result together with the number of the last one.
fn with_last_block(apdu: &[u8], block_number: u32) -> Vec<u8> {
    let mut transformed = apdu.to_vec();
    match apdu.get(1) {
        Some(1) => transformed[1] = 3,
        Some(5) => transformed[1] = 4,
        _ => return transformed,
    }
    transformed.extend_from_slice(&block_number.to_be_bytes());
    transformed
}
