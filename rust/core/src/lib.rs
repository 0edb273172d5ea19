//! The wire of `dlms_fw`: everything that has a wire form and every state that an octet passes through.
//!
//! From the bottom: [`error`], [`codec`]; then the wire types. No IO, no clock, no randomness, no Python.
#![forbid(unsafe_code)]

pub mod acse;
pub mod annotate;
pub mod apdu;
pub mod axdr;
pub mod ber;
pub mod channel;
pub mod codec;
pub mod error;
pub mod gateway;
pub mod hdlc;
pub mod image;
pub mod security;
pub mod wrapper;
pub mod xdlms;
