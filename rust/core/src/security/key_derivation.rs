//! From a shared secret to a key: the single-step key derivation function of NIST SP 800-56A, with the other information
//! that each of the three schemes of key agreement prescribes.

use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

use super::control::SecuritySuite;

/// How two parties agreed on the shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Ephemeral unified model, C(2e, 0s): method `key_agreement` of the security setup.
    EphemeralUnified,
    /// One-pass Diffie-Hellman, C(1e, 1s): general-ciphering, key parameters 01.
    OnePassDiffieHellman,
    /// Static unified model, C(0e, 2s): general-ciphering, key parameters 02.
    StaticUnified,
}

/// What the derived key is for; it goes into the derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-GCM of the suite.
    AesGcm,
    /// AES key wrap of the suite.
    AesWrap,
}

/// Which identifiers of the algorithms are used. The current books have 2.16.756.5.8.3.x; older texts, and meters made by
/// them, have a 6 where these have the 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlgorithmIdentifiers {
    /// `60 85 74 05 08 03 ..`
    #[default]
    Current,
    /// `60 85 74 06 08 03 ..`
    Older,
}

impl AlgorithmIdentifiers {
    /// The value octets of the object identifier.
    const fn octets(self, suite: SecuritySuite, algorithm: Algorithm) -> [u8; 7] {
        let arc = match self {
            Self::Current => 0x05,
            Self::Older => 0x06,
        };
        let last = match (algorithm, suite.key_length()) {
            (Algorithm::AesGcm, 32) => 0x01,
            (Algorithm::AesGcm, _) => 0x00,
            (Algorithm::AesWrap, 32) => 0x03,
            (Algorithm::AesWrap, _) => 0x02,
        };
        [0x60, 0x85, 0x74, arc, 0x08, 0x03, last]
    }
}

/// Everything that goes into a derivation beside the shared secret.
#[derive(Clone, Copy, Debug)]
pub struct Derivation<'a> {
    /// Suite 1 or 2: the hash and the length of the key.
    pub suite: SecuritySuite,
    /// How the secret was agreed on.
    pub scheme: Scheme,
    /// What the key is for.
    pub algorithm: Algorithm,
    /// Which identifier names that.
    pub identifiers: AlgorithmIdentifiers,
    /// Of party U: the client in `key_agreement`, otherwise the sender of the APDU.
    pub originator_system_title: &'a [u8],
    /// Of party V.
    pub recipient_system_title: &'a [u8],
    /// Of the APDU; used by the static unified model only, whose secret never changes.
    pub transaction_id: &'a [u8],
}

impl Derivation<'_> {
    /// The key.
    ///
    /// # Errors
    /// `UnsupportedProtection` in suite 0, which has no key agreement; `TransactionId` where that is longer than its length
    /// octet can say, or empty in the static unified model, which would give the same key for ever.
    pub fn key(&self, shared_secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let identifier = self.identifiers.octets(self.suite, self.algorithm);
        let length = u8::try_from(self.transaction_id.len())
            .map_err(|_| SecurityErrorKind::TransactionId)?;
        let static_unified = self.scheme == Scheme::StaticUnified;
        if static_unified && length == 0 {
            return Err(SecurityErrorKind::TransactionId.into());
        }
        let transaction: &[&[u8]] = if static_unified {
            &[&[length], self.transaction_id]
        } else {
            &[]
        };
        let mut parts: Vec<&[u8]> = vec![&[0, 0, 0, 1], shared_secret, &identifier];
        parts.push(self.originator_system_title);
        parts.extend_from_slice(transaction);
        parts.push(self.recipient_system_title);
        let mut key = Zeroizing::new(match self.suite {
            SecuritySuite::Suite0 => return Err(SecurityErrorKind::UnsupportedProtection.into()),
            SecuritySuite::Suite1 => hash::<Sha256>(&parts),
            SecuritySuite::Suite2 => hash::<Sha384>(&parts),
        });
        wipe_behind(&mut key, self.suite.key_length());
        Ok(key)
    }
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// Shortens, and leaves nothing behind the new end.
fn wipe_behind(octets: &mut Vec<u8>, length: usize) {
    zeroize::Zeroize::zeroize(&mut octets[length..]);
    octets.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_static_unified_model_depends_on_the_transaction() {
        let derive = |scheme, transaction_id| {
            Derivation {
                suite: SecuritySuite::Suite2,
                scheme,
                algorithm: Algorithm::AesWrap,
                identifiers: AlgorithmIdentifiers::Current,
                originator_system_title: b"ABC00001",
                recipient_system_title: b"ABC00002",
                transaction_id,
            }
            .key(&[5; 48])
        };
        assert_ne!(
            derive(Scheme::StaticUnified, b"1"),
            derive(Scheme::StaticUnified, b"2")
        );
        assert_eq!(
            derive(Scheme::OnePassDiffieHellman, b"1"),
            derive(Scheme::OnePassDiffieHellman, b"2")
        );
        assert_eq!(
            derive(Scheme::StaticUnified, b""),
            Err(SecurityErrorKind::TransactionId.into())
        );
        assert_eq!(
            derive(Scheme::EphemeralUnified, b"").map(|key| key.len()),
            Ok(32)
        );
    }
}
