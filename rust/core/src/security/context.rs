//! Keys, system titles, invocation counters and the replay check of one association, beside the octets they guard.
//!
//! Rules kept here: a counter is used once and only from a reserved range; the peer's counter moves only after its tag has been
//! verified; what comes in must be protected at least as the policy demands; the sender's title must be the peer's, never ours.

use core::fmt;
use core::ops::Range;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

use super::control::{Protection, SecurityControl, SecuritySuite};
use super::envelope::{Envelope, Form, SYSTEM_TITLE_LENGTH, overhead, write_header};
use super::gcm::{Gcm, IV_LENGTH, TAG_LENGTH};

/// A system title: 8 octets.
type SystemTitle = [u8; SYSTEM_TITLE_LENGTH];

/// The octets of the keys an association may need; absent ones stay `None`.
#[derive(Clone, Copy, Default)]
pub struct KeyMaterial<'a> {
    /// GUEK.
    pub global_unicast_encryption_key: Option<&'a [u8]>,
    /// GBEK.
    pub global_broadcast_encryption_key: Option<&'a [u8]>,
    /// The key of this association only.
    pub dedicated_key: Option<&'a [u8]>,
    /// GAK.
    pub authentication_key: Option<&'a [u8]>,
}

/// The state of protection between two system titles.
pub struct SecurityContext {
    suite: SecuritySuite,
    policy: Protection,
    general: bool,
    system_title: SystemTitle,
    peer_system_title: Option<SystemTitle>,
    global_unicast: Option<Gcm>,
    global_broadcast: Option<Gcm>,
    dedicated: Option<Gcm>,
    authentication_key: Option<Zeroizing<Vec<u8>>>,
    invocation_counter: u32,
    counter_limit: u32,
    peer_counter: Option<u32>,
    /// The peer's counter before the message opened last: the HLS proof inside that message was made before it was sealed.
    peer_counter_before: Option<u32>,
    last_received: Protection,
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext")
            .field("suite", &self.suite)
            .field("policy", &self.policy)
            .field("invocation_counter", &self.invocation_counter)
            .finish_non_exhaustive()
    }
}

/// How one message will be sealed; made by [`SecurityContext::plan`].
#[derive(Clone, Copy, Debug)]
pub struct SealPlan {
    form: Form,
    protection: Protection,
    plain_length: usize,
    header: usize,
    trailer: usize,
}

impl SealPlan {
    /// Where the plain APDU must stand within the sealed one.
    #[must_use]
    pub const fn plain(&self) -> Range<usize> {
        self.header..self.header + self.plain_length
    }

    /// The length of the sealed APDU.
    #[must_use]
    pub const fn sealed_len(&self) -> usize {
        self.header + self.plain_length + self.trailer
    }
}

impl SecurityContext {
    /// A context whose counters start at 0 with none reserved.
    ///
    /// # Errors
    /// `KeyLength` where a key does not fit the suite.
    pub fn new(
        suite: SecuritySuite,
        policy: Protection,
        system_title: SystemTitle,
        keys: &KeyMaterial<'_>,
    ) -> Result<Self, SecurityError> {
        let cipher = |key: Option<&[u8]>| match key {
            Some(key) if key.len() == suite.key_length() => Gcm::new(key).map(Some),
            Some(_) => Err(SecurityErrorKind::KeyLength.into()),
            None => Ok(None),
        };
        if keys
            .authentication_key
            .is_some_and(|key| key.len() != suite.key_length())
        {
            return Err(SecurityErrorKind::KeyLength.into());
        }
        Ok(Self {
            suite,
            policy,
            general: false,
            system_title,
            peer_system_title: None,
            global_unicast: cipher(keys.global_unicast_encryption_key)?,
            global_broadcast: cipher(keys.global_broadcast_encryption_key)?,
            dedicated: cipher(keys.dedicated_key)?,
            authentication_key: keys
                .authentication_key
                .map(|key| Zeroizing::new(key.to_vec())),
            invocation_counter: 0,
            counter_limit: 0,
            peer_counter: None,
            peer_counter_before: None,
            last_received: Protection::NONE,
        })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> SecuritySuite {
        self.suite
    }

    /// The floor of protection.
    #[must_use]
    pub const fn policy(&self) -> Protection {
        self.policy
    }

    /// Our system title.
    #[must_use]
    pub const fn system_title(&self) -> &SystemTitle {
        &self.system_title
    }

    /// The peer's system title, once known.
    #[must_use]
    pub const fn peer_system_title(&self) -> Option<&SystemTitle> {
        self.peer_system_title.as_ref()
    }

    /// Notes the peer's system title.
    ///
    /// # Errors
    /// `SystemTitle` where it is our own: with shared keys our own messages could be reflected to us.
    pub fn set_peer_system_title(
        &mut self,
        title: Option<SystemTitle>,
    ) -> Result<(), SecurityError> {
        if title == Some(self.system_title) {
            return Err(SecurityErrorKind::SystemTitle.into());
        }
        self.peer_system_title = title;
        Ok(())
    }

    /// Sends general-glo-ciphering instead of the service-specific forms.
    pub const fn set_general(&mut self, general: bool) {
        self.general = general;
    }

    /// The next invocation counter that would be used.
    #[must_use]
    pub const fn invocation_counter(&self) -> u32 {
        self.invocation_counter
    }

    /// How many reserved counters are left.
    #[must_use]
    pub const fn counters_left(&self) -> u32 {
        self.counter_limit - self.invocation_counter
    }

    /// Continues with the range `counter..limit`, which the caller has recorded durably. Returns `false`, and changes nothing, where
    /// that would use a counter again.
    #[must_use]
    pub const fn extend(&mut self, counter: u32, limit: u32) -> bool {
        if counter < self.invocation_counter || limit < counter {
            return false;
        }
        self.invocation_counter = counter;
        self.counter_limit = limit;
        true
    }

    /// The last counter accepted from the peer.
    #[must_use]
    pub const fn peer_counter(&self) -> Option<u32> {
        self.peer_counter
    }

    /// Notes a counter accepted from this peer in an earlier session.
    pub const fn set_peer_counter(&mut self, counter: Option<u32>) {
        self.peer_counter = counter;
        self.peer_counter_before = counter;
    }

    /// The protection a message must be sent with: the policy, and in an answer at least what the request had.
    #[must_use]
    pub fn sending_protection(&self, answering: bool) -> Protection {
        if answering {
            self.policy | self.last_received
        } else {
            self.policy
        }
    }

    /// How an APDU of `plain_length` octets beginning with `tag` will be sealed.
    #[must_use]
    pub fn plan(&self, tag: u8, plain_length: usize, protection: Protection) -> SealPlan {
        // The initiate APDUs carry the dedicated key, so they cannot be ciphered with it yet.
        let dedicated = self.dedicated.is_some() && !matches!(tag, 0x01 | 0x08 | 0x0E);
        let form = Form::for_sending(tag, dedicated, self.general);
        let (header, trailer) = overhead(form, protection.is_authenticated(), plain_length);
        SealPlan {
            form,
            protection,
            plain_length,
            header,
            trailer,
        }
    }

    /// Seals the plain APDU that stands at [`SealPlan::plain`] of `out`, an exactly fitting slice, with the next counter.
    ///
    /// # Errors
    /// `CounterExhausted` or `MissingKey`; `out` is then to be thrown away and no counter has been used.
    pub fn seal_in_place(&mut self, plan: &SealPlan, out: &mut [u8]) -> Result<(), SecurityError> {
        let broadcast = self.global_unicast.is_none()
            && self.global_broadcast.is_some()
            && !plan.form.is_dedicated();
        let mut control = SecurityControl::new(self.suite, plan.protection);
        if broadcast {
            control = control.with_broadcast();
        }
        let cipher = self.cipher(plan.form, broadcast)?;
        if self.counters_left() == 0 {
            return Err(SecurityErrorKind::CounterExhausted.into());
        }
        let counter = self.invocation_counter;
        let (header, rest) = out.split_at_mut(plan.header);
        write_header(
            header,
            plan.form,
            &self.system_title,
            control,
            counter,
            plan.plain_length + plan.trailer,
        );
        let (text, tag) = rest.split_at_mut(plan.plain_length);
        let iv = initialization_vector(&self.system_title, counter);
        if plan.protection.is_authenticated() {
            let made = if plan.protection.is_encrypted() {
                cipher.seal_in_place(&iv, &self.additional_data(control, &[])?, text)?
            } else {
                cipher.gmac(&iv, &self.additional_data(control, text)?)?
            };
            tag.copy_from_slice(&made);
        } else {
            cipher.apply_key_stream(&iv, text)?;
        }
        self.invocation_counter += 1;
        Ok(())
    }

    /// Seals a plain APDU into a fresh vector; for the few messages that are sealed on their own.
    ///
    /// # Errors
    /// As [`SecurityContext::seal_in_place`].
    pub fn seal(&mut self, apdu: &[u8], protection: Protection) -> Result<Vec<u8>, SecurityError> {
        let tag = *apdu.first().ok_or(SecurityErrorKind::TooShort)?;
        let plan = self.plan(tag, apdu.len(), protection);
        let mut out = vec![0; plan.sealed_len()];
        out[plan.plain()].copy_from_slice(apdu);
        self.seal_in_place(&plan, &mut out)?;
        Ok(out)
    }

    /// Verifies and deciphers a ciphered APDU in place and returns where the plain one stands within it.
    ///
    /// Nothing of this context changes, and nothing of the plain text is there to be seen, unless the message is genuine.
    ///
    /// # Errors
    /// [`SecurityError`] with the reason.
    pub fn open_in_place(&mut self, apdu: &mut [u8]) -> Result<Range<usize>, SecurityError> {
        let envelope = Envelope::parse(apdu)?;
        let control = envelope.control;
        if control.suite_id() != self.suite.id() {
            return Err(SecurityErrorKind::SuiteMismatch.into());
        }
        let broadcast = control.is_broadcast();
        let wrong_key_set =
            broadcast && (self.global_broadcast.is_none() || envelope.form.is_dedicated());
        if control.is_compressed() || wrong_key_set {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        let protection = control.protection();
        if protection.is_none() || !protection.covers(self.policy) {
            return Err(SecurityErrorKind::Downgrade.into());
        }
        let title = match (self.peer_system_title, envelope.system_title) {
            (Some(known), Some(sent)) if known != sent => {
                return Err(SecurityErrorKind::SystemTitle.into());
            }
            (Some(known), _) => known,
            (None, Some(sent)) if sent != self.system_title => sent,
            (None, _) => return Err(SecurityErrorKind::SystemTitle.into()),
        };
        if let Some(last) = self.peer_counter
            && envelope.invocation_counter <= last
        {
            return Err(replay(last));
        }
        let cipher = self.cipher(envelope.form, broadcast)?;
        let iv = initialization_vector(&title, envelope.invocation_counter);
        let content = envelope.content.clone();
        let (text, behind) = apdu[content.start..].split_at_mut(content.len());
        match <[u8; TAG_LENGTH]>::try_from(&*behind) {
            Ok(tag) if protection.is_encrypted() => {
                cipher.open_in_place(&iv, &self.additional_data(control, &[])?, text, tag)?;
            }
            Ok(tag) => {
                cipher.open_in_place(&iv, &self.additional_data(control, text)?, &mut [], tag)?;
            }
            Err(_) => cipher.apply_key_stream(&iv, text)?,
        }
        if !envelope.form.may_contain(text.first().copied()) {
            return Err(SecurityErrorKind::UnsupportedProtection.into());
        }
        self.peer_counter_before = self.peer_counter;
        self.peer_counter = Some(envelope.invocation_counter);
        self.peer_system_title = Some(title);
        self.last_received = protection;
        Ok(content)
    }

    /// HLS mechanism 5: `SC || IC || GMAC(SC || AK || challenge)` with the next counter.
    ///
    /// # Errors
    /// `CounterExhausted` or `MissingKey`.
    pub fn gmac(&mut self, challenge: &[u8]) -> Result<[u8; 17], SecurityError> {
        if self.counters_left() == 0 {
            return Err(SecurityErrorKind::CounterExhausted.into());
        }
        let counter = self.invocation_counter;
        let proof = self.proof(&self.system_title, counter, challenge)?;
        self.invocation_counter += 1;
        Ok(proof)
    }

    /// Verifies the peer's 17 octets over our challenge.
    ///
    /// The proof was made before the message that carries it was sealed, so its counter only has to be above the one that was
    /// accepted before that message; the challenge alone makes it fresh.
    ///
    /// # Errors
    /// `Proof`, `Replay`, `SuiteMismatch`, `SystemTitle` or `MissingKey`.
    pub fn verify_gmac(&mut self, challenge: &[u8], proof: &[u8]) -> Result<(), SecurityError> {
        let proof: &[u8; 17] = proof.try_into().map_err(|_| SecurityErrorKind::Proof)?;
        let control = SecurityControl::new(self.suite, Protection::AUTHENTICATED);
        if proof[0] != control.0 {
            return Err(SecurityErrorKind::SuiteMismatch.into());
        }
        let counter = u32::from_be_bytes([proof[1], proof[2], proof[3], proof[4]]);
        if let Some(last) = self.peer_counter_before
            && counter <= last
        {
            return Err(replay(last));
        }
        let title = self
            .peer_system_title
            .ok_or(SecurityErrorKind::SystemTitle)?;
        let expected = self.proof(&title, counter, challenge)?;
        if !bool::from(expected.as_slice().ct_eq(proof)) {
            return Err(SecurityErrorKind::Proof.into());
        }
        self.peer_counter = self.peer_counter.max(Some(counter));
        Ok(())
    }

    fn proof(
        &self,
        title: &SystemTitle,
        counter: u32,
        challenge: &[u8],
    ) -> Result<[u8; 17], SecurityError> {
        // HLS always uses the global key, even where the association has a dedicated one.
        let cipher = self.cipher(Form::GeneralGlo, false)?;
        let control = SecurityControl::new(self.suite, Protection::AUTHENTICATED);
        let tag = cipher.gmac(
            &initialization_vector(title, counter),
            &self.additional_data(control, challenge)?,
        )?;
        let mut proof = [0; 17];
        proof[0] = control.0;
        proof[1..5].copy_from_slice(&counter.to_be_bytes());
        proof[5..].copy_from_slice(&tag);
        Ok(proof)
    }

    fn cipher(&self, form: Form, broadcast: bool) -> Result<&Gcm, SecurityError> {
        let cipher = match (form.is_dedicated(), broadcast) {
            (true, _) => &self.dedicated,
            (false, true) => &self.global_broadcast,
            (false, false) => &self.global_unicast,
        };
        cipher.as_ref().ok_or(SecurityErrorKind::MissingKey.into())
    }

    /// `SC || AK [|| text]`; the text only where it is authenticated and not enciphered.
    fn additional_data(
        &self,
        control: SecurityControl,
        text: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let key = self
            .authentication_key
            .as_ref()
            .ok_or(SecurityErrorKind::MissingKey)?;
        let mut data = Zeroizing::new(Vec::with_capacity(1 + key.len() + text.len()));
        data.push(control.0);
        data.extend_from_slice(key);
        data.extend_from_slice(text);
        Ok(data)
    }
}

fn initialization_vector(title: &SystemTitle, counter: u32) -> [u8; IV_LENGTH] {
    let mut iv = [0; IV_LENGTH];
    iv[..SYSTEM_TITLE_LENGTH].copy_from_slice(title);
    iv[SYSTEM_TITLE_LENGTH..].copy_from_slice(&counter.to_be_bytes());
    iv
}

fn replay(last: u32) -> SecurityError {
    SecurityError {
        kind: SecurityErrorKind::Replay,
        expected_counter: Some(last.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests;
