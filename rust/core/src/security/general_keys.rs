//! The keys behind general protection: whom we sign as and verify against, and the keys that general-ciphering wraps or agrees on.
//!
//! What we send under is made once from the randomness that was given, what we receive under is kept as long as the peer goes
//! on using it; so only the first message of either direction pays for an agreement.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

use super::asymmetric::{Curve, PrivateKey, PublicKey};
use super::control::SecuritySuite;
use super::envelope::SYSTEM_TITLE_LENGTH;
use super::gcm::Gcm;
use super::general::{KeyInfo, KeyInformation};
use super::key_derivation::{Algorithm, AlgorithmIdentifiers, Derivation, Scheme};
use super::key_wrap::{unwrap_key, wrap_key};

/// Octets of randomness for one association: the first transaction id, a key to wrap, an ephemeral private key in two tries.
pub const RANDOMNESS_LENGTH: usize = TRANSACTION_ID_LENGTH + LONGEST_KEY + 2 * WIDEST_SCALAR;

/// Octets of the transaction ids that we make.
pub(crate) const TRANSACTION_ID_LENGTH: usize = 8;

/// A key of suite 2.
const LONGEST_KEY: usize = 32;
/// A scalar of suite 2.
const WIDEST_SCALAR: usize = 48;

/// Requests whose answers we still know the transaction id of.
const MOST_OUTSTANDING: usize = 16;

/// Transaction ids of messages without a counter that are remembered, so that none is taken twice.
const MOST_SEEN: usize = 256;

/// What general protection may use; absent ones stay `None`.
#[derive(Default)]
pub struct GeneralKeyMaterial<'a> {
    /// We sign with it.
    pub signing_key: Option<PrivateKey>,
    /// We agree with it.
    pub key_agreement_key: Option<PrivateKey>,
    /// The peer signs with it.
    pub peer_signing_key: Option<PublicKey>,
    /// The peer agrees with it.
    pub peer_key_agreement_key: Option<PublicKey>,
    /// Wraps keys.
    pub master_key: Option<&'a [u8]>,
    /// [`RANDOMNESS_LENGTH`] octets that were never used and are never used again.
    pub randomness: &'a [u8],
    /// Which names of the algorithms go into a derivation.
    pub identifiers: AlgorithmIdentifiers,
}

/// A key and the key-info that tells the peer of it.
pub(crate) struct Source {
    kind: KeyInformation,
    transaction_id: Vec<u8>,
    data: Zeroizing<Vec<u8>>,
    /// The key made ready.
    pub(crate) cipher: Gcm,
}

impl Source {
    fn serves(&self, kind: KeyInformation, transaction_id: &[u8], data: Option<&[u8]>) -> bool {
        self.kind == kind
            && data.is_none_or(|data| data == self.data.as_slice())
            && (kind != KeyInformation::StaticUnified || self.transaction_id == transaction_id)
    }

    /// How it is told to the peer.
    pub(crate) fn key_info(&self) -> KeyInfo<'_> {
        match self.kind {
            KeyInformation::None => KeyInfo::None,
            KeyInformation::Identified => KeyInfo::Identified(0),
            KeyInformation::Wrapped => KeyInfo::Wrapped(&self.data),
            KeyInformation::OnePassDiffieHellman => KeyInfo::OnePass(&self.data),
            KeyInformation::StaticUnified => KeyInfo::Static,
        }
    }
}

/// Whose titles go into a derivation.
#[derive(Clone, Copy)]
pub(crate) struct Parties<'a> {
    pub(crate) originator: &'a [u8; SYSTEM_TITLE_LENGTH],
    pub(crate) recipient: &'a [u8; SYSTEM_TITLE_LENGTH],
    pub(crate) transaction_id: &'a [u8],
}

/// Keys, caches and transaction ids of general protection in one association.
pub(crate) struct GeneralKeys {
    suite: SecuritySuite,
    signing_key: Option<PrivateKey>,
    key_agreement_key: Option<PrivateKey>,
    peer_signing_key: Option<PublicKey>,
    peer_key_agreement_key: Option<PublicKey>,
    master_key: Option<Zeroizing<Vec<u8>>>,
    randomness: Zeroizing<Vec<u8>>,
    identifiers: AlgorithmIdentifiers,
    next_transaction: u64,
    outstanding: Vec<[u8; TRANSACTION_ID_LENGTH]>,
    seen: VecDeque<Vec<u8>>,
    sending: Option<Source>,
    receiving: Option<Source>,
}

impl GeneralKeys {
    /// # Errors
    /// `PrivateKey` or `PublicKey` where a key is on another curve than the suite's, `KeyLength` where the master key or the
    /// randomness has another length.
    pub(crate) fn new(
        suite: SecuritySuite,
        material: GeneralKeyMaterial<'_>,
    ) -> Result<Self, SecurityError> {
        let curve = Curve::of(suite);
        let private = [&material.signing_key, &material.key_agreement_key];
        if private
            .iter()
            .any(|key| key.as_ref().is_some_and(|key| Some(key.curve()) != curve))
        {
            return Err(SecurityErrorKind::PrivateKey.into());
        }
        let public = [material.peer_signing_key, material.peer_key_agreement_key];
        if public
            .iter()
            .any(|key| key.is_some_and(|key| Some(key.curve()) != curve))
        {
            return Err(SecurityErrorKind::PublicKey.into());
        }
        if material
            .master_key
            .is_some_and(|key| key.len() != suite.key_length())
            || material.randomness.len() != RANDOMNESS_LENGTH
        {
            return Err(SecurityErrorKind::KeyLength.into());
        }
        let (transaction, randomness) = material.randomness.split_at(TRANSACTION_ID_LENGTH);
        let mut first = [0; TRANSACTION_ID_LENGTH];
        first.copy_from_slice(transaction);
        Ok(Self {
            suite,
            signing_key: material.signing_key,
            key_agreement_key: material.key_agreement_key,
            peer_signing_key: material.peer_signing_key,
            peer_key_agreement_key: material.peer_key_agreement_key,
            master_key: material.master_key.map(|key| Zeroizing::new(key.to_vec())),
            randomness: Zeroizing::new(randomness.to_vec()),
            identifiers: material.identifiers,
            next_transaction: u64::from_be_bytes(first),
            outstanding: Vec::new(),
            seen: VecDeque::new(),
            sending: None,
            receiving: None,
        })
    }

    /// The transaction id of the next message that is no answer.
    pub(crate) fn next_transaction_id(&self) -> [u8; TRANSACTION_ID_LENGTH] {
        self.next_transaction.to_be_bytes()
    }

    /// That message was made; where it is answered, the answer must repeat its transaction id.
    pub(crate) fn use_transaction_id(&mut self, answered: bool) {
        if answered {
            if self.outstanding.len() == MOST_OUTSTANDING {
                self.outstanding.remove(0);
            }
            self.outstanding.push(self.next_transaction_id());
        }
        self.next_transaction = self.next_transaction.wrapping_add(1);
    }

    /// Whether an answer with this transaction id is due.
    pub(crate) fn is_outstanding(&self, transaction_id: &[u8]) -> bool {
        self.outstanding.iter().any(|known| known == transaction_id)
    }

    /// The answer came.
    pub(crate) fn answered(&mut self, transaction_id: &[u8]) {
        self.outstanding.retain(|known| known != transaction_id);
    }

    /// Whether a message with this transaction id came before.
    pub(crate) fn was_seen(&self, transaction_id: &[u8]) -> bool {
        self.seen.iter().any(|known| known == transaction_id)
    }

    /// A message without a counter was genuine.
    pub(crate) fn note_seen(&mut self, transaction_id: &[u8]) {
        if self.seen.len() == MOST_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(transaction_id.to_vec());
    }

    /// r || s of ours over the parts.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, SecurityError> {
        let key = self.signing_key.as_ref();
        key.ok_or(SecurityErrorKind::MissingKey)?.sign(parts)
    }

    /// That the peer signed the parts.
    pub(crate) fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        self.peer_signing_key
            .ok_or(SecurityErrorKind::MissingKey)?
            .verify(parts, signature)
    }

    /// The key to send under, made where the last one does not serve.
    pub(crate) fn sending(
        &mut self,
        kind: KeyInformation,
        parties: Parties<'_>,
    ) -> Result<&Source, SecurityError> {
        let kept = self
            .sending
            .take()
            .filter(|source| source.serves(kind, parties.transaction_id, None));
        let source = match kept {
            Some(source) => source,
            None => self.new_sending(kind, parties)?,
        };
        Ok(self.sending.insert(source))
    }

    fn new_sending(
        &self,
        kind: KeyInformation,
        parties: Parties<'_>,
    ) -> Result<Source, SecurityError> {
        let (wrapped, ephemeral) = self.randomness.split_at(LONGEST_KEY);
        let (data, key) = match kind {
            KeyInformation::None | KeyInformation::Identified => {
                return Err(SecurityErrorKind::MissingKey.into());
            }
            KeyInformation::Wrapped => {
                let key = &wrapped[..self.suite.key_length()];
                (
                    wrap_key(self.master_key()?, key)?,
                    Zeroizing::new(key.to_vec()),
                )
            }
            KeyInformation::OnePassDiffieHellman => {
                let curve =
                    Curve::of(self.suite).ok_or(SecurityErrorKind::UnsupportedProtection)?;
                let ephemeral = PrivateKey::from_randomness(curve, ephemeral)?;
                let mut data = ephemeral.public().octets();
                let signature = self.sign(&[&data])?;
                data.extend_from_slice(&signature);
                let peer = self
                    .peer_key_agreement_key
                    .ok_or(SecurityErrorKind::MissingKey)?;
                let key = self.derive(&ephemeral, &peer, Scheme::OnePassDiffieHellman, parties)?;
                (Zeroizing::new(data), key)
            }
            KeyInformation::StaticUnified => (Zeroizing::default(), self.static_key(parties)?),
        };
        self.source(kind, parties, data, &key)
    }

    /// The key that the peer sent under: `None` where it is the one kept.
    pub(crate) fn new_receiving(
        &self,
        info: &KeyInfo<'_>,
        parties: Parties<'_>,
    ) -> Result<Option<Source>, SecurityError> {
        let data = match *info {
            KeyInfo::Wrapped(data) | KeyInfo::OnePass(data) => data,
            _ => &[],
        };
        if self
            .receiving
            .as_ref()
            .is_some_and(|kept| kept.serves(info.kind(), parties.transaction_id, Some(data)))
        {
            return Ok(None);
        }
        let key = match *info {
            KeyInfo::None | KeyInfo::Identified(_) => {
                return Err(SecurityErrorKind::MissingKey.into());
            }
            KeyInfo::Wrapped(wrapped) => {
                let key = unwrap_key(self.master_key()?, wrapped)?;
                if key.len() != self.suite.key_length() {
                    return Err(SecurityErrorKind::KeyLength.into());
                }
                key
            }
            KeyInfo::OnePass(data) => {
                let curve =
                    Curve::of(self.suite).ok_or(SecurityErrorKind::UnsupportedProtection)?;
                let (point, signature) = data
                    .split_at_checked(curve.pair_length())
                    .ok_or(SecurityErrorKind::KeyInformation)?;
                let point_of_peer = PublicKey::from_octets(curve, point)?;
                self.verify(&[point], signature)?;
                let own = self.own_agreement_key()?;
                self.derive(own, &point_of_peer, Scheme::OnePassDiffieHellman, parties)?
            }
            KeyInfo::Static => self.static_key(parties)?,
        };
        let data = Zeroizing::new(data.to_vec());
        self.source(info.kind(), parties, data, &key).map(Some)
    }

    /// The key of the last genuine message.
    pub(crate) fn receiving(&self) -> Option<&Source> {
        self.receiving.as_ref()
    }

    /// A message under this key was genuine.
    pub(crate) fn keep_receiving(&mut self, source: Source) {
        self.receiving = Some(source);
    }

    fn source(
        &self,
        kind: KeyInformation,
        parties: Parties<'_>,
        data: Zeroizing<Vec<u8>>,
        key: &[u8],
    ) -> Result<Source, SecurityError> {
        Ok(Source {
            kind,
            transaction_id: parties.transaction_id.to_vec(),
            data,
            cipher: Gcm::new(key)?,
        })
    }

    fn static_key(&self, parties: Parties<'_>) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let peer = self
            .peer_key_agreement_key
            .ok_or(SecurityErrorKind::MissingKey)?;
        self.derive(
            self.own_agreement_key()?,
            &peer,
            Scheme::StaticUnified,
            parties,
        )
    }

    fn own_agreement_key(&self) -> Result<&PrivateKey, SecurityError> {
        let key = self.key_agreement_key.as_ref();
        key.ok_or(SecurityErrorKind::MissingKey.into())
    }

    fn master_key(&self) -> Result<&[u8], SecurityError> {
        let key = self.master_key.as_ref().map(|key| key.as_slice());
        key.ok_or(SecurityErrorKind::MissingKey.into())
    }

    fn derive(
        &self,
        private: &PrivateKey,
        public: &PublicKey,
        scheme: Scheme,
        parties: Parties<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        Derivation {
            suite: self.suite,
            scheme,
            algorithm: Algorithm::AesGcm,
            identifiers: self.identifiers,
            originator_system_title: parties.originator,
            recipient_system_title: parties.recipient,
            transaction_id: parties.transaction_id,
        }
        .key(&private.agree(public)?)
    }
}
