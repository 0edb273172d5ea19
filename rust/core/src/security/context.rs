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
mod tests {
    use super::*;

    const CLIENT: SystemTitle = *b"MMM\x00\x00\x00\x00\x01";
    const SERVER: SystemTitle = *b"MMM\x00\x00\xBC\x61\x4E";
    const EK: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const AK: [u8; 16] = [
        0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE,
        0xDF,
    ];

    fn context(own: SystemTitle, peer: SystemTitle, policy: Protection) -> SecurityContext {
        let keys = KeyMaterial {
            global_unicast_encryption_key: Some(&EK),
            authentication_key: Some(&AK),
            ..KeyMaterial::default()
        };
        let mut context =
            SecurityContext::new(SecuritySuite::Suite0, policy, own, &keys).expect("keys fit");
        context
            .set_peer_system_title(Some(peer))
            .expect("another title");
        assert!(context.extend(1, 1000));
        context
    }

    fn pair(policy: Protection) -> (SecurityContext, SecurityContext) {
        (
            context(CLIENT, SERVER, policy),
            context(SERVER, CLIENT, policy),
        )
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| {
                u8::from_str_radix(core::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
            })
            .collect()
    }

    const GET_CLOCK: [u8; 13] = [
        0xC0, 0x01, 0x00, 0x00, 0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x02, 0x00,
    ];

    #[test]
    fn worked_example_of_all_three_protections() {
        for (protection, expected) in [
            (
                Protection::AUTHENTICATED,
                "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516",
            ),
            (
                Protection::ENCRYPTED,
                "C8122001234567411312FF935A47566827C467BC",
            ),
            (
                Protection::BOTH,
                "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
            ),
        ] {
            let mut sender = context(SERVER, CLIENT, protection);
            assert!(sender.extend(0x0123_4567, 0x0123_4569));
            let mut sealed = sender.seal(&GET_CLOCK, protection).expect("sealed");
            assert_eq!(sealed, hex(expected));
            let mut receiver = context(CLIENT, SERVER, protection);
            let plain = receiver.open_in_place(&mut sealed).expect("genuine");
            assert_eq!(&sealed[plain], &GET_CLOCK);
        }
    }

    #[test]
    fn worked_example_of_hls_gmac() {
        let mut client = context(CLIENT, SERVER, Protection::BOTH);
        let proof = client
            .gmac(&hex("503677524A323146"))
            .expect("counters are reserved");
        assert_eq!(proof.to_vec(), hex("10 00000001 1A52FE7DD3E72748973C1E28"));
        let server_proof = hex("10 01234567 FE1466AFB3DBCD4F9389E2B7");
        assert_eq!(
            client.verify_gmac(&hex("4B35366956616759"), &server_proof),
            Ok(())
        );
        assert_eq!(
            client
                .verify_gmac(&hex("4B35366956616758"), &server_proof)
                .map_err(|error| error.kind),
            Err(SecurityErrorKind::Proof)
        );
    }

    #[test]
    fn s_04_s_05_equal_and_lower_counters_are_refused() {
        let (mut client, mut server) = pair(Protection::BOTH);
        let first = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        let second = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        assert!(server.open_in_place(&mut second.clone()).is_ok());
        for replayed in [first, second] {
            let error = server
                .open_in_place(&mut replayed.clone())
                .expect_err("not above");
            assert_eq!(
                error,
                SecurityError {
                    kind: SecurityErrorKind::Replay,
                    expected_counter: Some(3)
                }
            );
        }
    }

    #[test]
    fn s_06_a_forged_counter_with_a_bad_tag_changes_nothing() {
        let (mut client, mut server) = pair(Protection::BOTH);
        let mut forged = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        forged[3..7].copy_from_slice(&u32::MAX.to_be_bytes());
        let before = forged.clone();
        assert_eq!(
            server.open_in_place(&mut forged),
            Err(SecurityErrorKind::Tag.into())
        );
        assert_eq!(forged, before, "S-08: nothing has been deciphered");
        assert_eq!(server.peer_counter(), None);
        let mut genuine = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        assert!(server.open_in_place(&mut genuine).is_ok());
    }

    #[test]
    fn s_02_weaker_protection_than_the_policy_is_refused() {
        for weaker in [Protection::AUTHENTICATED, Protection::ENCRYPTED] {
            let mut client = context(CLIENT, SERVER, weaker);
            let mut server = context(SERVER, CLIENT, Protection::BOTH);
            let mut sealed = client.seal(&GET_CLOCK, weaker).expect("sealed");
            assert_eq!(
                server.open_in_place(&mut sealed),
                Err(SecurityErrorKind::Downgrade.into())
            );
        }
    }

    #[test]
    fn s_03_other_suites_compression_and_broadcast_are_refused() {
        let (mut client, mut server) = pair(Protection::BOTH);
        let sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        for (bits, kind) in [
            (0x31, SecurityErrorKind::SuiteMismatch),
            (0xB0, SecurityErrorKind::UnsupportedProtection),
            (0x70, SecurityErrorKind::UnsupportedProtection),
        ] {
            let mut changed = sealed.clone();
            changed[2] = bits;
            assert_eq!(server.open_in_place(&mut changed), Err(kind.into()));
        }
    }

    #[test]
    fn s_10_our_own_message_reflected_is_refused() {
        let (mut client, _) = pair(Protection::BOTH);
        let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        assert_eq!(
            client.open_in_place(&mut sealed),
            Err(SecurityErrorKind::Tag.into())
        );
        client.set_general(true);
        let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        assert_eq!(
            client.open_in_place(&mut sealed),
            Err(SecurityErrorKind::SystemTitle.into())
        );
        assert!(client.set_peer_system_title(Some(CLIENT)).is_err());
    }

    #[test]
    fn s_22_an_exhausted_range_refuses_and_counters_never_go_down() {
        let (mut client, _) = pair(Protection::BOTH);
        assert!(client.extend(10, 11));
        assert!(client.seal(&GET_CLOCK, Protection::BOTH).is_ok());
        assert_eq!(
            client.seal(&GET_CLOCK, Protection::BOTH),
            Err(SecurityErrorKind::CounterExhausted.into())
        );
        assert!(!client.extend(10, 100), "10 has been used");
        assert!(client.extend(11, 100));
    }

    #[test]
    fn s_17_a_proof_of_another_suite_or_control_is_refused() {
        let (mut client, mut server) = pair(Protection::BOTH);
        let mut proof = client.gmac(b"challenge").expect("made");
        proof[0] = 0x30;
        assert_eq!(
            server.verify_gmac(b"challenge", &proof),
            Err(SecurityErrorKind::SuiteMismatch.into())
        );
        assert_eq!(
            server.verify_gmac(b"challenge", &proof[..16]),
            Err(SecurityErrorKind::Proof.into())
        );
    }

    #[test]
    fn the_service_inside_must_be_the_one_outside() {
        let (mut client, mut server) = pair(Protection::BOTH);
        let plan = client.plan(0xC1, GET_CLOCK.len(), Protection::BOTH);
        let mut sealed = vec![0; plan.sealed_len()];
        sealed[plan.plain()].copy_from_slice(&GET_CLOCK);
        client.seal_in_place(&plan, &mut sealed).expect("sealed");
        assert_eq!(
            server.open_in_place(&mut sealed),
            Err(SecurityErrorKind::UnsupportedProtection.into())
        );
    }

    #[test]
    fn suite_2_dedicated_and_general_forms_open_what_they_seal() {
        let keys = KeyMaterial {
            global_unicast_encryption_key: Some(&[1; 32]),
            dedicated_key: Some(&[2; 32]),
            authentication_key: Some(&[3; 32]),
            ..KeyMaterial::default()
        };
        for general in [false, true] {
            let make = |own, peer| {
                let mut context =
                    SecurityContext::new(SecuritySuite::Suite2, Protection::BOTH, own, &keys)
                        .expect("keys fit");
                context
                    .set_peer_system_title(Some(peer))
                    .expect("another title");
                context.set_general(general);
                assert!(context.extend(0, 10));
                context
            };
            let (mut client, mut server) = (make(CLIENT, SERVER), make(SERVER, CLIENT));
            let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
            assert_eq!(sealed[0], if general { 0xDC } else { 0xD0 });
            let plain = server.open_in_place(&mut sealed).expect("genuine");
            assert_eq!(&sealed[plain], &GET_CLOCK);
        }
        let short = KeyMaterial {
            global_unicast_encryption_key: Some(&[1; 16]),
            ..KeyMaterial::default()
        };
        assert!(
            SecurityContext::new(SecuritySuite::Suite2, Protection::BOTH, CLIENT, &short).is_err()
        );
    }
}
