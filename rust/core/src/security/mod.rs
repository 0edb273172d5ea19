//! Protection of APDUs: the security control octet, AES-GCM, the layouts of ciphered APDUs, and the context that holds keys,
//! titles and counters together.
//!
//! Green Book, security suites 0, 1 and 2. Crypto crates are named by `gcm.rs` (AES-GCM), `asymmetric.rs` (ECDSA, ECDH),
//! `key_derivation.rs` (hashes) and `key_wrap.rs` (AES key wrap), and nowhere else.

mod asymmetric;
mod context;
mod control;
mod envelope;
mod gcm;
mod general;
mod general_keys;
mod key_derivation;
mod key_wrap;
#[cfg(test)]
mod wycheproof_tests;

pub use asymmetric::{Curve, PrivateKey, PublicKey};
pub use context::{Ciphering, KeyMaterial, MessageProtection, SealPlan, SecurityContext};
pub use control::{Protection, SecurityControl, SecuritySuite};
pub use envelope::{ded_tag, glo_tag, is_envelope, is_protected, originator};
pub use general::{KeyInformation, check_general};
pub use general_keys::{GeneralKeyMaterial, RANDOMNESS_LENGTH};
pub use key_derivation::{Algorithm, AlgorithmIdentifiers, Derivation, Scheme};
pub use key_wrap::{WRAP_OVERHEAD, unwrap_key, wrap_key};

/// Overwrites secret octets so that they do not stay in freed memory.
pub fn wipe(octets: &mut [u8]) {
    zeroize::Zeroize::zeroize(octets);
}

/// Whether two secrets are equal, in time that depends on their lengths only.
#[must_use]
pub fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(left, right).into()
}
