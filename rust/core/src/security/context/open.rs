//! Taking the protection off what comes in, layer by layer, and judging it as a whole before anything is believed.

use core::ops::Range;

use crate::error::{SecurityError, SecurityErrorKind};

use super::super::control::{Protection, SecurityControl};
use super::super::envelope::{Envelope, Form, SYSTEM_TITLE_LENGTH, is_protected};
use super::super::gcm::{Gcm, TAG_LENGTH};
use super::super::general::{
    GENERAL_CIPHERING, GENERAL_SIGNING, GeneralCiphering, GeneralSigning, Header, KeyInfo,
    KeyInformation,
};
use super::super::general_keys::{Parties, Source};
use super::{
    Ciphering, Received, SecurityContext, SystemTitle, initialization_vector, is_answered,
    is_initiate, replay,
};

/// A signature around a ciphered APDU, or the other way round.
const MOST_LAYERS: usize = 2;

/// What has been found out about a message so far; becomes state only when all of it is genuine.
#[derive(Default)]
struct Finding {
    protection: Protection,
    ciphering: Option<Ciphering>,
    dedicated: bool,
    broadcast: bool,
    counter: Option<u32>,
    title: Option<SystemTitle>,
    transaction_id: Option<Vec<u8>>,
    key: Option<Source>,
}

impl SecurityContext {
    /// Verifies and deciphers a protected APDU in place and returns where the plain one stands within it.
    ///
    /// Nothing of this context changes, and nothing of the plain text is there to be seen, unless the message is genuine.
    ///
    /// # Errors
    /// [`SecurityError`] with the reason.
    pub fn open_in_place(&mut self, apdu: &mut [u8]) -> Result<Range<usize>, SecurityError> {
        let mut found = Finding::default();
        let mut place = 0..apdu.len();
        for layer in 0..MOST_LAYERS {
            let octets = &mut apdu[place.clone()];
            let inside = match octets.first() {
                Some(&GENERAL_SIGNING) if !found.protection.is_signed() => {
                    self.open_signed(octets, &mut found)?
                }
                Some(&GENERAL_CIPHERING) if found.ciphering.is_none() => {
                    self.open_general(octets, &mut found)?
                }
                Some(&tag) if layer > 0 && !is_protected(tag) => break,
                _ if found.ciphering.is_none() => self.open_envelope(octets, &mut found)?,
                _ => return Err(SecurityErrorKind::UnsupportedProtection.into()),
            };
            place = place.start + inside.start..place.start + inside.end;
        }
        let plain = &apdu[place.clone()];
        self.judge(plain, &found)?;
        self.remember(plain, found);
        Ok(place)
    }

    /// glo-, ded-, general-glo and general-ded-ciphering.
    fn open_envelope(
        &self,
        apdu: &mut [u8],
        found: &mut Finding,
    ) -> Result<Range<usize>, SecurityError> {
        let envelope = Envelope::parse(apdu)?;
        let control = envelope.control;
        let broadcast = control.is_broadcast();
        self.check_control(control)?;
        if broadcast && (self.global_broadcast.is_none() || envelope.form.is_dedicated()) {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        // Said early, before a key is looked for; what other layers add is judged at the end.
        if control.protection().is_none() {
            return Err(SecurityErrorKind::Downgrade.into());
        }
        let title = self.sender(envelope.system_title)?;
        let last = if envelope.form.is_dedicated() {
            self.dedicated_peer_counter
        } else {
            self.peer_counter
        };
        check_counter(last, envelope.invocation_counter)?;
        let cipher = self.cipher(envelope.form, broadcast)?;
        let content = envelope.content.clone();
        let counter = envelope.invocation_counter;
        self.decipher(
            cipher,
            control,
            &title,
            counter,
            &[],
            &mut apdu[content.start..],
        )?;
        let inner = apdu.get(content.start).copied();
        let signed_inside = inner == Some(GENERAL_SIGNING)
            && matches!(envelope.form, Form::GeneralGlo | Form::GeneralDed);
        if !signed_inside && !envelope.form.may_contain(inner) {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        found.protection = found.protection | control.protection();
        found.ciphering = Some(match envelope.form {
            Form::Glo(_) | Form::Ded(_) => Ciphering::ServiceSpecific,
            Form::GeneralGlo | Form::GeneralDed => Ciphering::General,
        });
        found.dedicated = envelope.form.is_dedicated();
        found.broadcast = broadcast;
        found.counter = Some(counter);
        found.title = Some(title);
        Ok(content)
    }

    fn open_general(
        &self,
        apdu: &mut [u8],
        found: &mut Finding,
    ) -> Result<Range<usize>, SecurityError> {
        let envelope = GeneralCiphering::parse(apdu)?;
        let control = envelope.control;
        self.check_control(control)?;
        if control.is_broadcast() || envelope.control.protection().is_none() {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        let broadcast = envelope.key_info == KeyInfo::Identified(1);
        let title = self.check_header(&envelope.header, broadcast, found)?;
        check_counter(self.peer_counter, envelope.invocation_counter)?;
        let new = match envelope.key_info {
            KeyInfo::None | KeyInfo::Identified(_) => None,
            info => self.general_keys()?.new_receiving(
                &info,
                Parties {
                    originator: &title,
                    recipient: &self.system_title,
                    transaction_id: envelope.header.transaction_id,
                },
            )?,
        };
        let cipher = match (&envelope.key_info, &new) {
            (KeyInfo::None | KeyInfo::Identified(_), _) => {
                self.cipher(Form::GeneralGlo, broadcast)?
            }
            (_, Some(source)) => &source.cipher,
            (_, None) => {
                let kept = self.general_keys()?.receiving();
                &kept.ok_or(SecurityErrorKind::MissingKey)?.cipher
            }
        };
        let kind = envelope.key_info.kind();
        let header = self.authenticated_header(envelope.header_octets).to_vec();
        let (content, counter) = (envelope.content.clone(), envelope.invocation_counter);
        let text = &mut apdu[content.start..];
        self.decipher(cipher, control, &title, counter, &header, text)?;
        found.protection = found.protection | control.protection();
        found.ciphering = Some(Ciphering::GeneralCiphering(kind));
        found.broadcast = broadcast;
        found.counter = Some(counter);
        found.title = Some(title);
        found.key = new;
        Ok(content)
    }

    fn open_signed(&self, apdu: &[u8], found: &mut Finding) -> Result<Range<usize>, SecurityError> {
        let signed = GeneralSigning::parse(apdu)?;
        let content = signed.content.clone();
        let title = self.check_header(&signed.header, false, found)?;
        self.general_keys()?.verify(
            &[signed.header_octets, &apdu[content.clone()]],
            signed.signature,
        )?;
        found.protection = found.protection | Protection::SIGNED;
        found.title = Some(title);
        Ok(content)
    }

    /// The sender's title, where the header names the sender, us, and the transaction of the other layer.
    fn check_header(
        &self,
        header: &Header<'_>,
        broadcast: bool,
        found: &mut Finding,
    ) -> Result<SystemTitle, SecurityError> {
        let wrong = SecurityError::from(SecurityErrorKind::SystemTitle);
        let originator = <[u8; SYSTEM_TITLE_LENGTH]>::try_from(header.originator_system_title)
            .map_err(|_| wrong)?;
        let to_all = broadcast && header.recipient_system_title.is_empty();
        if !to_all && header.recipient_system_title != self.system_title {
            return Err(wrong);
        }
        if header.transaction_id.len() > usize::from(u8::MAX)
            || found
                .transaction_id
                .as_ref()
                .is_some_and(|outer| outer != header.transaction_id)
        {
            return Err(SecurityErrorKind::TransactionId.into());
        }
        found.transaction_id = Some(header.transaction_id.to_vec());
        self.sender(Some(originator))
    }

    fn check_control(&self, control: SecurityControl) -> Result<(), SecurityError> {
        if control.suite_id() != self.suite.id() {
            return Err(SecurityErrorKind::SuiteMismatch.into());
        }
        if control.is_compressed() {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        Ok(())
    }

    /// The sender's title: the pinned one, or the one it says, never ours.
    fn sender(&self, sent: Option<SystemTitle>) -> Result<SystemTitle, SecurityError> {
        match (self.peer_system_title, sent) {
            (Some(known), Some(sent)) if known != sent => {
                Err(SecurityErrorKind::SystemTitle.into())
            }
            (Some(known), _) => Ok(known),
            (None, Some(sent)) if sent != self.system_title => Ok(sent),
            (None, _) => Err(SecurityErrorKind::SystemTitle.into()),
        }
    }

    /// `octets` is the content with the authentication tag, where there is one.
    fn decipher(
        &self,
        cipher: &Gcm,
        control: SecurityControl,
        title: &SystemTitle,
        counter: u32,
        header: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SecurityError> {
        let iv = initialization_vector(title, counter);
        let protection = control.protection();
        if !protection.is_authenticated() {
            cipher.apply_key_stream(&iv, octets);
            return Ok(());
        }
        let (text, tag) = octets
            .split_last_chunk_mut::<TAG_LENGTH>()
            .ok_or(SecurityErrorKind::TooShort)?;
        if protection.is_encrypted() {
            let data = self.additional_data(cipher, control, header, &[])?;
            cipher.open_in_place(&iv, &data, text, *tag)
        } else {
            let data = self.additional_data(cipher, control, header, text)?;
            cipher.open_in_place(&iv, &data, &mut [], *tag)
        }
    }

    /// Whether a message whose every layer is genuine is one that we take.
    fn judge(&self, plain: &[u8], found: &Finding) -> Result<(), SecurityError> {
        let tag = *plain.first().ok_or(SecurityErrorKind::TooShort)?;
        if is_protected(tag) {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        if is_initiate(tag) {
            return if found.protection.covers(self.floor.ciphering()) {
                Ok(())
            } else {
                Err(SecurityErrorKind::Downgrade.into())
            };
        }
        if found.protection.is_none() || !found.protection.covers(self.floor) {
            return Err(SecurityErrorKind::Downgrade.into());
        }
        if found.broadcast && is_answered(plain) {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        if is_response(tag) {
            return self.judge_response(found);
        }
        // A signature alone has no counter, so the transaction id is what a repetition is known by.
        match &found.transaction_id {
            Some(id) if found.counter.is_none() && self.general_keys()?.was_seen(id) => {
                Err(SecurityErrorKind::TransactionId.into())
            }
            _ => Ok(()),
        }
    }

    /// An answer comes in the form of our request, and names its transaction.
    fn judge_response(&self, found: &Finding) -> Result<(), SecurityError> {
        let identified = |kind| match kind {
            KeyInformation::None => KeyInformation::Identified,
            other => other,
        };
        if let Ciphering::GeneralCiphering(ours) = self.ciphering
            && !self.policy.ciphering().is_none()
        {
            match found.ciphering {
                Some(Ciphering::GeneralCiphering(theirs))
                    if identified(ours) == identified(theirs) => {}
                Some(Ciphering::GeneralCiphering(_)) => {
                    return Err(SecurityErrorKind::KeyInformation.into());
                }
                _ => return Err(SecurityErrorKind::Downgrade.into()),
            }
        }
        match &found.transaction_id {
            Some(id) if self.sends_transactions() => {
                if self.general_keys()?.is_outstanding(id) {
                    Ok(())
                } else {
                    Err(SecurityErrorKind::TransactionId.into())
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether our requests carry a transaction id.
    const fn sends_transactions(&self) -> bool {
        self.policy.is_signed()
            || (matches!(self.ciphering, Ciphering::GeneralCiphering(_))
                && !self.policy.ciphering().is_none())
    }

    fn remember(&mut self, plain: &[u8], found: Finding) {
        if let Some(counter) = found.counter {
            self.peer_counter_before = self.peer_counter;
            if found.dedicated {
                self.dedicated_peer_counter = Some(counter);
            } else {
                self.peer_counter = Some(counter);
            }
        }
        if found.title.is_some() {
            self.peer_system_title = found.title;
        }
        if let Some(keys) = &mut self.general_keys {
            if let Some(source) = found.key {
                keys.keep_receiving(source);
            }
            if let Some(id) = found.transaction_id.as_deref() {
                if plain.first().copied().is_some_and(is_response) {
                    keys.answered(id);
                } else if found.counter.is_none() {
                    keys.note_seen(id);
                }
            }
        }
        self.received = Some(Received {
            protection: found.protection,
            ciphering: found.ciphering.unwrap_or(Ciphering::ServiceSpecific),
            dedicated: found.dedicated,
            transaction_id: found.transaction_id.unwrap_or_default(),
        });
    }
}

fn check_counter(last: Option<u32>, counter: u32) -> Result<(), SecurityError> {
    match last {
        Some(last) if counter <= last => Err(replay(last)),
        _ => Ok(()),
    }
}

/// Whether an APDU answers a request.
const fn is_response(tag: u8) -> bool {
    matches!(tag, 0x0C | 0x0D | 0xC4 | 0xC5 | 0xC7 | 0xDA)
}
