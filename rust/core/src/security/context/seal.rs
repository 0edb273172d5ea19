//! Protecting what goes out: the length is known before, and the plain APDU is ciphered and signed where it stands.

use core::ops::Range;

use crate::axdr::length::{length_len, write_length};
use crate::codec::{Emit, Writer};
use crate::error::{SecurityError, SecurityErrorKind};

use super::super::control::{Protection, SecurityControl};
use super::super::envelope::{Form, overhead, write_header};
use super::super::gcm::{Gcm, TAG_LENGTH};
use super::super::general::{
    GENERAL_CIPHERING, GENERAL_SIGNING, Header, KeyInfo, KeyInformation, signature_length,
};
use super::super::general_keys::{Parties, TRANSACTION_ID_LENGTH};
use super::{
    Ciphering, MessageProtection, SecurityContext, initialization_vector, is_answered, is_initiate,
};

/// Security control and invocation counter.
const SECURITY_HEADER_LENGTH: usize = 5;

/// How one message will be sealed; made by [`SecurityContext::plan`].
#[derive(Clone, Copy, Debug)]
pub struct SealPlan {
    layout: Layout,
    message: MessageProtection,
    plain_length: usize,
    /// Octets of the signature's header.
    signed_header: usize,
    /// Octets of the ciphering's header.
    header: usize,
    /// Octets of the authentication tag.
    trailer: usize,
    /// Octets of the signature and its length.
    signature: usize,
}

/// What stands directly around the plain APDU.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Plain,
    Envelope(Form),
    GeneralCiphering(KeyInformation),
}

impl SealPlan {
    /// Where the plain APDU must stand within the sealed one.
    #[must_use]
    pub const fn plain(&self) -> Range<usize> {
        let start = self.signed_header + self.header;
        start..start + self.plain_length
    }

    /// The length of the sealed APDU.
    #[must_use]
    pub const fn sealed_len(&self) -> usize {
        self.signed_header + self.ciphered_len() + self.signature
    }

    const fn ciphered_len(&self) -> usize {
        self.header + self.plain_length + self.trailer
    }
}

impl SecurityContext {
    /// How a message that begins with `tag` must be protected. What answers is protected in the form of the request that was
    /// opened last, at least as that was, and at least as our policy says; what nobody asked for as the policy says.
    #[must_use]
    pub fn message_protection(&self, tag: u8, answering: bool) -> MessageProtection {
        let mut message = MessageProtection {
            protection: self.policy,
            ciphering: self.ciphering,
            dedicated: self.dedicated.is_some(),
            answering: false,
        };
        let notification = matches!(tag, 0x0F | 0x18 | 0xC2);
        if answering && !notification {
            message.protection = self.policy | self.answer_protection;
        }
        if let Some(received) = &self.received
            && answering
            && !notification
        {
            message.protection = message.protection | received.protection;
            if !received.protection.ciphering().is_none() {
                message.ciphering = received.ciphering;
                message.dedicated = received.dedicated;
            }
            message.answering = true;
        }
        if is_initiate(tag) {
            message.dedicated = false;
            message.answering = false;
            message.protection = (self.policy | self.floor).ciphering();
            if message.protection.is_none() && !(self.policy | self.floor).is_none() {
                message.protection = Protection::BOTH;
            }
            if matches!(message.ciphering, Ciphering::GeneralCiphering(_)) {
                message.ciphering = Ciphering::ServiceSpecific;
            }
        }
        message
    }

    /// How an APDU of `plain_length` octets beginning with `tag` will be sealed.
    #[must_use]
    pub fn plan(&self, tag: u8, plain_length: usize, message: MessageProtection) -> SealPlan {
        let authenticated = message.protection.is_authenticated();
        let trailer = if authenticated { TAG_LENGTH } else { 0 };
        let (layout, header, trailer) = match message.ciphering {
            _ if message.protection.ciphering().is_none() => (Layout::Plain, 0, 0),
            Ciphering::GeneralCiphering(kind) => {
                let body = SECURITY_HEADER_LENGTH + plain_length + trailer;
                let header = 1
                    + Header::length(self.transaction_id(&message).1)
                    + KeyInfo::length(kind, self.suite)
                    + length_len(body)
                    + SECURITY_HEADER_LENGTH;
                (Layout::GeneralCiphering(kind), header, trailer)
            }
            ciphering => {
                let general = ciphering == Ciphering::General;
                let form = Form::for_sending(tag, message.dedicated, general);
                let (header, trailer) = overhead(form, authenticated, plain_length);
                (Layout::Envelope(form), header, trailer)
            }
        };
        let mut plan = SealPlan {
            layout,
            message,
            plain_length,
            signed_header: 0,
            header,
            trailer,
            signature: 0,
        };
        if message.protection.is_signed() {
            let length = signature_length(self.suite);
            plan.signature = length_len(length) + length;
            plan.signed_header = 1
                + Header::length(self.transaction_id(&message).1)
                + length_len(plan.ciphered_len());
        }
        plan
    }

    /// Seals the plain APDU that stands at [`SealPlan::plain`] of `out`, an exactly fitting slice, with the next counter.
    ///
    /// # Errors
    /// `CounterExhausted`, `MissingKey`, or `UnsupportedProtection` for a confirmed service under a broadcast key; `out` is then
    /// to be thrown away and no counter has been used.
    pub fn seal_in_place(&mut self, plan: &SealPlan, out: &mut [u8]) -> Result<(), SecurityError> {
        if let Layout::Envelope(form) = plan.layout
            && !plan.message.protection.is_signed()
        {
            return self.seal_envelope(plan, form, out);
        }
        self.seal_general(plan, out)
    }

    /// glo-, ded-, general-glo and general-ded-ciphering.
    fn seal_envelope(
        &mut self,
        plan: &SealPlan,
        form: Form,
        out: &mut [u8],
    ) -> Result<(), SecurityError> {
        let broadcast = self.sends_broadcast() && !form.is_dedicated();
        let mut control = SecurityControl::new(self.suite, plan.message.protection);
        let (header, rest) = out.split_at_mut(plan.header);
        let (text, tag) = rest.split_at_mut(plan.plain_length);
        if broadcast {
            if is_answered(text) {
                return Err(SecurityErrorKind::UnsupportedProtection.into());
            }
            control = control.with_broadcast();
        }
        let cipher = self.cipher(form, broadcast)?;
        let counter = self.next_counter()?;
        write_header(
            header,
            form,
            &self.system_title,
            control,
            counter,
            plan.plain_length + plan.trailer,
        );
        self.encipher(cipher, control, counter, &[], text, tag)?;
        self.invocation_counter += 1;
        Ok(())
    }

    /// general-ciphering, general-signing around it or around one of the other forms, and both.
    fn seal_general(&mut self, plan: &SealPlan, out: &mut [u8]) -> Result<(), SecurityError> {
        let answered = is_answered(&out[plan.plain()]);
        let (id, length) = self.transaction_id(&plan.message);
        let (recipient, id) = match self.peer_system_title {
            Some(title) => (title, id[..length].to_vec()),
            None => return Err(SecurityErrorKind::SystemTitle.into()),
        };
        let originator = self.system_title;
        let header = Header {
            transaction_id: &id,
            originator_system_title: &originator,
            recipient_system_title: &recipient,
            ..Header::default()
        }
        .to_vec();
        let ciphered = plan.signed_header..plan.signed_header + plan.ciphered_len();
        match plan.layout {
            Layout::Plain => (),
            Layout::Envelope(form) => self.seal_envelope(plan, form, &mut out[ciphered.clone()])?,
            Layout::GeneralCiphering(kind) => {
                let parties = Parties {
                    originator: &originator,
                    recipient: &recipient,
                    transaction_id: &id,
                };
                let slot = &mut out[ciphered.clone()];
                self.seal_general_ciphering(plan, kind, &header, parties, slot)?;
            }
        }
        if plan.message.protection.is_signed() {
            let (before, rest) = out.split_at_mut(plan.signed_header);
            let (content, behind) = rest.split_at_mut(plan.ciphered_len());
            let signature = self.general_keys()?.sign(&[&header, content])?;
            let mut before = Writer::new(before);
            before.u8(GENERAL_SIGNING);
            before.put(&header);
            write_length(&mut before, content.len());
            before.finish();
            let mut behind = Writer::new(behind);
            write_length(&mut behind, signature.len());
            behind.put(&signature);
            behind.finish();
        }
        if !plan.message.answering {
            let keys = self.general_keys.as_deref_mut();
            keys.ok_or(SecurityErrorKind::MissingKey)?
                .use_transaction_id(answered);
        }
        Ok(())
    }

    fn seal_general_ciphering(
        &mut self,
        plan: &SealPlan,
        kind: KeyInformation,
        header: &[u8],
        parties: Parties<'_>,
        out: &mut [u8],
    ) -> Result<(), SecurityError> {
        let counter = self.next_counter()?;
        let control = SecurityControl::new(self.suite, plan.message.protection);
        let broadcast = self.sends_broadcast();
        let (front, rest) = out.split_at_mut(plan.header);
        let (text, tag) = rest.split_at_mut(plan.plain_length);
        // Taken out and put back: the key is borrowed while the rest of the context is read.
        let mut keys = self
            .general_keys
            .take()
            .ok_or(SecurityErrorKind::MissingKey)?;
        let made = (|| {
            let (info, cipher) = match kind {
                KeyInformation::None | KeyInformation::Identified => {
                    if broadcast && is_answered(text) {
                        return Err(SecurityErrorKind::UnsupportedProtection.into());
                    }
                    let info = if kind == KeyInformation::None && !broadcast {
                        KeyInfo::None
                    } else {
                        KeyInfo::Identified(u8::from(broadcast))
                    };
                    (info, self.cipher(Form::GeneralGlo, broadcast)?)
                }
                _ => {
                    let source = keys.sending(kind, parties)?;
                    (source.key_info(), &source.cipher)
                }
            };
            let mut front = Writer::new(front);
            front.u8(GENERAL_CIPHERING);
            front.put(header);
            info.emit(&mut front);
            write_length(
                &mut front,
                SECURITY_HEADER_LENGTH + plan.plain_length + plan.trailer,
            );
            front.u8(control.0);
            front.u32(counter);
            front.finish();
            let header = self.authenticated_header(header);
            self.encipher(cipher, control, counter, header, text, tag)
        })();
        self.general_keys = Some(keys);
        made?;
        self.invocation_counter += 1;
        Ok(())
    }

    /// Seals a plain APDU into a fresh vector; for the few messages that are sealed on their own.
    ///
    /// # Errors
    /// As [`SecurityContext::seal_in_place`].
    pub fn seal(&mut self, apdu: &[u8], protection: Protection) -> Result<Vec<u8>, SecurityError> {
        let tag = *apdu.first().ok_or(SecurityErrorKind::TooShort)?;
        let message = MessageProtection {
            protection,
            ..self.message_protection(tag, false)
        };
        let plan = self.plan(tag, apdu.len(), message);
        let mut out = vec![0; plan.sealed_len()];
        out[plan.plain()].copy_from_slice(apdu);
        self.seal_in_place(&plan, &mut out)?;
        Ok(out)
    }

    fn encipher(
        &self,
        cipher: &Gcm,
        control: SecurityControl,
        counter: u32,
        header: &[u8],
        text: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SecurityError> {
        let iv = initialization_vector(&self.system_title, counter);
        let protection = control.protection();
        if !protection.is_authenticated() {
            cipher.apply_key_stream(&iv, text);
            return Ok(());
        }
        let made = if protection.is_encrypted() {
            let data = self.additional_data(cipher, control, header, &[])?;
            cipher.seal_in_place(&iv, &data, text)
        } else {
            let data = self.additional_data(cipher, control, header, text)?;
            cipher.gmac(&iv, &data)
        };
        tag.copy_from_slice(&made);
        Ok(())
    }

    fn next_counter(&self) -> Result<u32, SecurityError> {
        if self.counters_left() == 0 {
            return Err(SecurityErrorKind::CounterExhausted.into());
        }
        Ok(self.invocation_counter)
    }

    /// With a broadcast key alone, everything goes to all.
    const fn sends_broadcast(&self) -> bool {
        self.global_unicast.is_none() && self.global_broadcast.is_some()
    }

    /// The transaction id of a message to be made, and its length.
    fn transaction_id(&self, message: &MessageProtection) -> ([u8; 255], usize) {
        let mut id = [0; 255];
        let request = self
            .received
            .as_ref()
            .map(|request| &request.transaction_id);
        if let Some(request) = request.filter(|request| message.answering && !request.is_empty()) {
            id[..request.len()].copy_from_slice(request);
            return (id, request.len());
        }
        if let Some(keys) = &self.general_keys {
            id[..TRANSACTION_ID_LENGTH].copy_from_slice(&keys.next_transaction_id());
        }
        (id, TRANSACTION_ID_LENGTH)
    }
}
