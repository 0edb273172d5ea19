//! Protection of APDUs: the security control octet, AES-GCM, the layouts of ciphered APDUs, and the context that holds keys,
//! titles and counters together.
//!
//! Green Book, security suites 0, 1 and 2. Only `gcm.rs` names a crypto crate.

mod context;
mod control;
mod envelope;
mod gcm;

pub use context::{KeyMaterial, SealPlan, SecurityContext};
pub use control::{Protection, SecurityControl, SecuritySuite};
pub use envelope::{ded_tag, glo_tag, is_ciphered};

/// Overwrites secret octets so that they do not stay in freed memory.
pub fn wipe(octets: &mut [u8]) {
    zeroize::Zeroize::zeroize(octets);
}

/// Whether two secrets are equal, in time that depends on their lengths only.
#[must_use]
pub fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(left, right).into()
}
