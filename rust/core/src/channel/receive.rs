//! Receiving: deframe, open in place, parse, match the invoke id, put blocks together; ask for, or hand out, the next block.

use core::ops::ControlFlow;

use crate::apdu::{Apdu, Role};
use crate::error::{DecodeError, DecodeErrorKind, SecurityErrorKind};
use crate::security::{SecurityContext, is_protected};
use crate::xdlms::action::ActionRequestForm;
use crate::xdlms::general_block::GeneralBlock;
use crate::xdlms::get::GetRequestForm;
use crate::xdlms::set::SetRequestForm;

use super::framing::Input;
use super::outstanding::Pending;
use super::send::travels_protected;
use super::short_name::misplaced;
use super::{Channel, ChannelError, Destination, Event};

/// Where events go while the octets they borrow are still there.
pub(super) type Sink<'s, E> = dyn FnMut(Event<'_>) -> Result<(), E> + 's;

/// What became of one message.
pub(super) enum Handled<'a> {
    /// Hand this on.
    Event(Event<'a>),
    /// Nothing to hand on; an answer may have been sent.
    Nothing,
    /// A long APDU is complete, in its normal or with-list form; in a client, the request that it answers.
    Whole(Vec<u8>, Option<Pending>),
}

impl Channel {
    /// Takes octets from the line in any pieces. Each event is given to `sink` at once; what must be sent because of them is appended to
    /// `out`. After [`Event::PeerChanged`] answer what came before it, call [`Channel::reset_association`] and
    /// [`Channel::negotiate`] for the new client, then this again, with no octets and its security context.
    ///
    /// # Errors
    /// [`ChannelError`] where the link or the association cannot go on, or an error of `sink`.
    pub fn receive<E: From<ChannelError>>(
        &mut self,
        octets: &[u8],
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        self.push(octets);
        loop {
            if self.message_waits {
                self.message_waits = false;
                self.framing.turn_to_next_client();
                let mut message = core::mem::take(&mut self.message);
                let security = security.as_deref_mut();
                let handled = match self.message_unconfirmed.take() {
                    Some(destination) if self.role == Role::Server => {
                        self.handle_unconfirmed(&mut message, destination, security, sink)
                    }
                    _ => self.handle(&mut message, security, out, sink),
                };
                self.message = message;
                handled?;
            }
            let start = out.len();
            let input = self
                .framing
                .poll(out, &mut self.message)
                .map_err(ChannelError::from);
            self.count_sent(out.len() - start);
            match input? {
                None => return Ok(()),
                Some(input) => {
                    if self.take_input(input, sink)?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// As [`Channel::receive`] in a client, but whole messages are opened where they stand, and only what is left over is collected.
    pub(super) fn receive_in_place<E: From<ChannelError>>(
        &mut self,
        octets: &mut [u8],
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        let mut rest = octets;
        while let Some((message, behind)) = self.split_whole(&mut rest) {
            rest = behind;
            let handled = self.handle(message, security.as_deref_mut(), out, sink);
            if handled.is_err() {
                self.push(rest);
                return handled;
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
        self.receive(rest, security, out, sink)
    }

    /// The whole message that octets begin with, counted as received, and what stands behind it; nothing where there is none, or
    /// it is no APDU by itself, or another one waits.
    pub(super) fn split_whole<'a>(
        &mut self,
        octets: &mut &'a mut [u8],
    ) -> Option<(&'a mut [u8], &'a mut [u8])> {
        if self.message_waits {
            return None;
        }
        let place = self.framing.whole(octets)?;
        if octets.get(place.start) == Some(&GeneralBlock::TAG) {
            return None;
        }
        self.octets_received += place.end as u64;
        let (framed, behind) = core::mem::take(octets).split_at_mut(place.end);
        Some((&mut framed[place.start..], behind))
    }

    /// Octets have come from the line.
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.octets_received += octets.len() as u64;
        self.framing.push(octets);
    }

    /// What came out of the framing; a message waits then, and with a break the caller must turn to its client first.
    pub(super) fn take_input<E: From<ChannelError>>(
        &mut self,
        input: Input,
        sink: &mut Sink<'_, E>,
    ) -> Result<ControlFlow<()>, E> {
        match input {
            Input::Connected(state) => {
                self.reset_association();
                sink(Event::LinkConnected(state))?;
            }
            Input::Disconnected(reason) => {
                self.reset_association();
                sink(Event::LinkDisconnected(reason))?;
            }
            Input::Message {
                new_client_sap,
                unconfirmed,
            } => {
                self.message_waits = true;
                self.message_unconfirmed = unconfirmed;
                if let Some(client_sap) = new_client_sap {
                    sink(Event::PeerChanged { client_sap })?;
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One whole APDU as it came.
    pub(super) fn handle<E: From<ChannelError>>(
        &mut self,
        message: &mut [u8],
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        if message.first() == Some(&GeneralBlock::TAG) && self.takes_general_blocks() {
            return self.handle_general_block(message, security, out, sink);
        }
        match self.read(message, security.as_deref_mut()) {
            Ok(apdu) => self.handle_apdu(apdu, security, out, sink),
            Err(refusal) => self.refuse(refusal, sink),
        }
    }

    /// One whole APDU, opened and parsed.
    pub(super) fn handle_apdu<E: From<ChannelError>>(
        &mut self,
        apdu: Apdu<'_>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        self.note_whole(&apdu);
        let unanswered = is_unanswered(&apdu);
        match self.interpret(apdu, security, out)? {
            Handled::Nothing => Ok(()),
            Handled::Event(event) => {
                if let Event::Discarded { .. } = event {
                    self.apdus_discarded += 1;
                }
                sink(event)?;
                if unanswered {
                    self.acknowledge_unanswered(out)?;
                }
                Ok(())
            }
            Handled::Whole(octets, pending) => {
                match Apdu::parse_from_within(self.sender(), &octets, self.limits) {
                    Ok(apdu) if pending.is_some_and(|pending| !pending.is_answered_by(&apdu)) => {
                        Err(
                            ChannelError::from(DecodeError::new(DecodeErrorKind::WrongLength, 0))
                                .into(),
                        )
                    }
                    Ok(apdu) => sink(Event::Apdu(apdu)),
                    Err(error) if self.role == Role::Server => {
                        self.apdus_discarded += 1;
                        sink(Event::Discarded {
                            reason: error.kind.code(),
                            expected_counter: None,
                        })
                    }
                    Err(error) => Err(ChannelError::from(error).into()),
                }
            }
        }
    }

    /// Server: one whole APDU from a UI frame. Nothing is said about it, not even that it came, and what goes on in blocks
    /// is left alone.
    fn handle_unconfirmed<E: From<ChannelError>>(
        &mut self,
        message: &mut [u8],
        destination: Destination,
        security: Option<&mut SecurityContext>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        sink(Event::UnconfirmedFrame { destination })?;
        match self.read(message, security) {
            Ok(apdu) if is_whole(&apdu) => sink(Event::Apdu(apdu)),
            Ok(_) => {
                let code = DecodeErrorKind::UnexpectedApdu.code();
                self.refuse(Refusal::Discard(code, None), sink)
            }
            Err(refusal) => self.refuse(refusal, sink),
        }
    }

    /// Opens and parses a message.
    pub(super) fn read<'a>(
        &self,
        message: &'a mut [u8],
        security: Option<&mut SecurityContext>,
    ) -> Result<Apdu<'a>, Refusal> {
        let plain = self.open(message, security)?;
        Apdu::parse_from_within(self.sender(), plain, self.limits).map_err(|error| {
            // A server must not be brought down by a malformed request, nor lose the events before it.
            if self.role == Role::Server || error.kind == DecodeErrorKind::UnexpectedApdu {
                Refusal::Discard(error.kind.code(), None)
            } else {
                Refusal::End(error.into())
            }
        })
    }

    /// A message is not looked at.
    pub(super) fn refuse<E: From<ChannelError>>(
        &mut self,
        refusal: Refusal,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        match refusal {
            Refusal::Discard(reason, expected_counter) => {
                self.apdus_discarded += 1;
                sink(Event::Discarded {
                    reason,
                    expected_counter,
                })
            }
            Refusal::End(error) => Err(error.into()),
        }
    }

    /// Which side's APDUs are received.
    const fn sender(&self) -> Role {
        match self.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// Takes the protection off, or says why the message is refused.
    fn open<'a>(
        &self,
        message: &'a mut [u8],
        security: Option<&mut SecurityContext>,
    ) -> Result<&'a [u8], Refusal> {
        let tag = *message.first().ok_or(Refusal::Discard("truncated", None))?;
        let error = match (is_protected(tag), security) {
            (false, Some(security)) if travels_protected(tag) && !security.floor().is_none() => {
                SecurityErrorKind::Downgrade.into()
            }
            (false, security) => {
                if let Some(security) = security.filter(|_| travels_protected(tag)) {
                    security.note_plain();
                }
                return Ok(message);
            }
            (true, None) => SecurityErrorKind::MissingKey.into(),
            (true, Some(security)) => match security.open_in_place(message) {
                Ok(plain) => return Ok(&message[plain]),
                Err(error) => error,
            },
        };
        // A client must not go on with a meter that protects less than agreed; a server answers, and serves on.
        if error.kind == SecurityErrorKind::Downgrade && self.role == Role::Client {
            return Err(Refusal::End(error.into()));
        }
        Err(Refusal::Discard(error.kind.code(), error.expected_counter))
    }

    fn interpret<'a>(
        &mut self,
        apdu: Apdu<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        match apdu {
            Apdu::GetResponse(response) => self.get_response(response, security, out),
            Apdu::SetResponse(response) => self.set_response(response, security, out),
            Apdu::ActionResponse(response) => self.action_response(response, security, out),
            Apdu::AccessResponse(response) => self.access_response(response),
            Apdu::GetRequest(request) => self.get_request(request, security, out),
            Apdu::SetRequest(request) => self.set_request(request, security, out),
            Apdu::ActionRequest(request) => self.action_request(request, security, out),
            Apdu::ReadResponse(response) => self.read_response(response, security, out),
            Apdu::WriteResponse(response) => self.write_response(response, security, out),
            Apdu::ReadRequest(request) => self.read_request(request, security, out),
            Apdu::WriteRequest(request) => self.write_request(request, security, out),
            Apdu::UnconfirmedWriteRequest(ref request) if !request.is_complete() => Ok(misplaced()),
            Apdu::InformationReport(ref report) if !report.is_complete() => Ok(misplaced()),
            Apdu::ExceptionResponse(response)
                if self.refuses_a_double(&response, security.as_deref()) =>
            {
                Ok(Handled::Event(Event::Discarded {
                    reason: "duplicate",
                    expected_counter: response.invocation_counter,
                }))
            }
            Apdu::ExceptionResponse(_) | Apdu::ConfirmedServiceError(_) => {
                // They carry no invoke id, so they end everything that was under way.
                self.end_everything();
                Ok(Handled::Event(Event::Apdu(apdu)))
            }
            other => Ok(Handled::Event(Event::Apdu(other))),
        }
    }
}

/// Whether a request is unconfirmed, so that no answer will carry the acknowledgement of the link.
const fn is_unanswered(apdu: &Apdu<'_>) -> bool {
    match apdu {
        Apdu::SetRequest(request) => !request.invoke_id_and_priority.confirmed(),
        Apdu::ActionRequest(request) => !request.invoke_id_and_priority.confirmed(),
        Apdu::UnconfirmedWriteRequest(_) => true,
        Apdu::AccessRequest(request) => !request.long_invoke_id_and_priority.confirmed(),
        Apdu::DataNotificationConfirm(_) => true,
        _ => false,
    }
}

/// Whether a request is no part of a block transfer.
fn is_whole(apdu: &Apdu<'_>) -> bool {
    match apdu {
        Apdu::GetRequest(request) => !matches!(request.form, GetRequestForm::Next { .. }),
        Apdu::SetRequest(request) => matches!(
            request.form,
            SetRequestForm::Normal(_) | SetRequestForm::WithList(_)
        ),
        Apdu::ActionRequest(request) => matches!(
            request.form,
            ActionRequestForm::Normal { .. } | ActionRequestForm::WithList(_)
        ),
        Apdu::ReadRequest(request) => request.is_complete(),
        Apdu::WriteRequest(request) => request.is_complete(),
        Apdu::UnconfirmedWriteRequest(request) => request.is_complete(),
        _ => true,
    }
}

/// Why a message is not looked at.
pub(super) enum Refusal {
    /// Dropped without harm.
    Discard(&'static str, Option<u32>),
    /// The association must end.
    End(ChannelError),
}
