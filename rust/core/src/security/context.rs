//! Keys, system titles, invocation counters and the replay check of one association, beside the octets they guard.
//!
//! Rules kept here: a counter is used once and only from a reserved range; the peer's counter moves only after its tag has been
//! verified; what comes in must be protected at least as the floor of its direction demands; the sender's title must be the
//! peer's, never ours; an answer repeats the transaction id of its request and is protected in the same form.

mod gmac;
mod open;
mod seal;

use core::fmt;
use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

use super::control::{Protection, SecurityControl, SecuritySuite};
use super::envelope::{Form, SYSTEM_TITLE_LENGTH};
use super::gcm::{AdditionalData, Gcm, IV_LENGTH};
use super::general::KeyInformation;
use super::general_keys::{GeneralKeyMaterial, GeneralKeys};

pub use seal::SealPlan;

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
    floor: Protection,
    ciphering: Ciphering,
    general_keys: Option<Box<GeneralKeys>>,
    header_authenticated: bool,
    system_title: SystemTitle,
    peer_system_title: Option<SystemTitle>,
    global_unicast: Option<Gcm>,
    global_broadcast: Option<Gcm>,
    dedicated: Option<Gcm>,
    authentication_key: Option<Zeroizing<Vec<u8>>>,
    invocation_counter: u32,
    counter_limit: u32,
    peer_counter: Option<u32>,
    /// The same under the dedicated key, whose counters the peer may begin anew.
    dedicated_peer_counter: Option<u32>,
    /// The peer's counter before the message opened last: the HLS proof inside that message was made before it was sealed.
    peer_counter_before: Option<u32>,
    received: Option<Received>,
    /// What an answer needs beyond the policy and what its request had.
    answer_protection: Protection,
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

/// The form of ciphered APDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ciphering {
    /// glo-… and ded-…; general-glo and general-ded where a service has no form of its own.
    ServiceSpecific,
    /// general-glo- and general-ded-ciphering.
    General,
    /// general-ciphering, with a key from there.
    GeneralCiphering(KeyInformation),
}

/// All that is decided about the protection of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageProtection {
    /// What is applied.
    pub protection: Protection,
    /// In which form ciphering is.
    pub ciphering: Ciphering,
    /// With the dedicated key.
    pub dedicated: bool,
    /// It answers the request that was opened last, so it repeats the transaction id of that.
    pub answering: bool,
}

/// What is known of the message that was opened last.
struct Received {
    protection: Protection,
    ciphering: Ciphering,
    dedicated: bool,
    /// Of the request, where it had one.
    transaction_id: Vec<u8>,
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
        let usual = SecurityControl::new(suite, Protection::BOTH);
        let cipher = |key: Option<&[u8]>, control| match key {
            Some(key) if key.len() == suite.key_length() => {
                let mut cipher = Gcm::new(key)?;
                if let Some(key) = keys.authentication_key {
                    cipher.prepare(&control_and_key(control, key, &[]));
                }
                Ok(Some(cipher))
            }
            Some(_) => Err(SecurityErrorKind::KeyLength.into()),
            None => Ok::<_, SecurityError>(None),
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
            floor: policy,
            ciphering: Ciphering::ServiceSpecific,
            general_keys: None,
            header_authenticated: true,
            system_title,
            peer_system_title: None,
            global_unicast: cipher(keys.global_unicast_encryption_key, usual)?,
            global_broadcast: cipher(keys.global_broadcast_encryption_key, usual.with_broadcast())?,
            dedicated: cipher(keys.dedicated_key, usual)?,
            authentication_key: keys
                .authentication_key
                .map(|key| Zeroizing::new(key.to_vec())),
            invocation_counter: 0,
            counter_limit: 0,
            peer_counter: None,
            dedicated_peer_counter: None,
            peer_counter_before: None,
            received: None,
            answer_protection: Protection::NONE,
        })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> SecuritySuite {
        self.suite
    }

    /// What we send is protected with this; an answer with what its request had as well.
    #[must_use]
    pub const fn policy(&self) -> Protection {
        self.policy
    }

    /// The least protection of what we receive; the policy, unless it was set.
    #[must_use]
    pub const fn floor(&self) -> Protection {
        self.floor
    }

    /// Sets the least protection of what we receive.
    pub const fn set_floor(&mut self, floor: Protection) {
        self.floor = floor;
    }

    /// How the message received last was protected; nothing for a plain one.
    #[must_use]
    pub fn received_protection(&self) -> Protection {
        self.received
            .as_ref()
            .map_or(Protection::NONE, |received| received.protection)
    }

    /// A message has come without any protection, and was taken.
    pub fn note_plain(&mut self) {
        self.received = None;
    }

    /// What answers need beyond the policy, from now on: access rights may demand more of some.
    pub const fn set_answer_protection(&mut self, protection: Protection) {
        self.answer_protection = protection;
    }

    /// What answers need beyond the policy.
    #[must_use]
    pub const fn answer_protection(&self) -> Protection {
        self.answer_protection
    }

    /// Makes signatures and general-ciphering possible.
    ///
    /// # Errors
    /// Where a key does not fit the suite.
    pub fn set_general_keys(
        &mut self,
        material: GeneralKeyMaterial<'_>,
    ) -> Result<(), SecurityError> {
        self.general_keys = Some(Box::new(GeneralKeys::new(self.suite, material)?));
        Ok(())
    }

    /// Whether the header of general-ciphering goes into the authentication tag. The books have it so; some peers leave it out.
    pub const fn set_header_authenticated(&mut self, authenticated: bool) {
        self.header_authenticated = authenticated;
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

    /// The form in which we cipher what is no answer.
    pub const fn set_ciphering(&mut self, ciphering: Ciphering) {
        self.ciphering = ciphering;
    }

    /// The association is over, and its dedicated key with it.
    pub fn forget_dedicated_key(&mut self) {
        self.dedicated = None;
        self.dedicated_peer_counter = None;
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

    fn cipher(&self, form: Form, broadcast: bool) -> Result<&Gcm, SecurityError> {
        let cipher = match (form.is_dedicated(), broadcast) {
            (true, _) => &self.dedicated,
            (false, true) => &self.global_broadcast,
            (false, false) => &self.global_unicast,
        };
        cipher.as_ref().ok_or(SecurityErrorKind::MissingKey.into())
    }

    fn general_keys(&self) -> Result<&GeneralKeys, SecurityError> {
        let keys = self.general_keys.as_deref();
        keys.ok_or(SecurityErrorKind::MissingKey.into())
    }

    /// The header of general-ciphering as far as it goes into the tag.
    fn authenticated_header<'a>(&self, header: &'a [u8]) -> &'a [u8] {
        if self.header_authenticated {
            header
        } else {
            &[]
        }
    }

    /// `SC || AK [|| header] [|| text]`; the header of general-ciphering, the text only where it is authenticated and not
    /// enciphered.
    fn additional_data<'cipher>(
        &self,
        cipher: &'cipher Gcm,
        control: SecurityControl,
        header: &[u8],
        text: &[u8],
    ) -> Result<Cow<'cipher, AdditionalData>, SecurityError> {
        if header.is_empty()
            && text.is_empty()
            && let Some(data) = cipher.prepared(control.0)
        {
            return Ok(Cow::Borrowed(data));
        }
        let key = self
            .authentication_key
            .as_ref()
            .ok_or(SecurityErrorKind::MissingKey)?;
        let data = cipher.take_in(&control_and_key(control, key, &[header, text]));
        Ok(Cow::Owned(data))
    }
}

/// `SC || AK` and what follows.
fn control_and_key(control: SecurityControl, key: &[u8], behind: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = 1 + key.len() + behind.iter().map(|octets| octets.len()).sum::<usize>();
    let mut data = Zeroizing::new(Vec::with_capacity(length));
    data.push(control.0);
    data.extend_from_slice(key);
    for octets in behind {
        data.extend_from_slice(octets);
    }
    data
}

fn initialization_vector(title: &SystemTitle, counter: u32) -> [u8; IV_LENGTH] {
    let mut iv = [0; IV_LENGTH];
    iv[..SYSTEM_TITLE_LENGTH].copy_from_slice(title);
    iv[SYSTEM_TITLE_LENGTH..].copy_from_slice(&counter.to_be_bytes());
    iv
}

/// Whether a plain APDU is a request that is always or, as it says itself, this time answered.
fn is_answered(plain: &[u8]) -> bool {
    let confirmed = |at: usize| plain.get(at).is_some_and(|octet| octet & 0x40 != 0);
    match plain.first() {
        Some(0x05 | 0x06 | 0xC0) => true,
        Some(0xC1 | 0xC3) => confirmed(2),
        Some(0xD9) => confirmed(1),
        _ => false,
    }
}

/// The initiate APDUs carry the dedicated key and come before anything was negotiated: never with that key, never with what
/// only general protection has.
const fn is_initiate(tag: u8) -> bool {
    matches!(tag, 0x01 | 0x08 | 0x0E)
}

fn replay(last: u32) -> SecurityError {
    SecurityError {
        kind: SecurityErrorKind::Replay,
        expected_counter: Some(last.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests;
