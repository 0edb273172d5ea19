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
