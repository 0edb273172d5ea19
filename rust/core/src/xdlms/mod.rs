//! The xDLMS service APDUs of the Green Book, one wire type family per file.
//!
//! From the bottom: [`invoke`], [`conformance`], [`descriptor`], [`sequence_of`], [`datablock`], [`result`]; then the services, and
//! the two ways to send them in pieces.
//! Nothing here knows an association, a cipher or a transport; APDUs are read and written in their plain form.

pub mod access;
pub mod action;
pub mod block_transfer;
pub mod conformance;
pub mod datablock;
pub mod descriptor;
pub mod exception;
pub mod general_block;
pub mod general_block_transfer;
pub mod get;
pub mod initiate;
pub mod invoke;
pub mod notification;
pub mod result;
pub mod sequence_of;
pub mod set;
pub mod short_name;

#[cfg(test)]
pub(crate) mod samples;

use crate::codec::Reader;
use crate::error::DecodeError;

/// A-XDR BOOLEAN and the presence octet of OPTIONAL: zero is FALSE; every other octet is TRUE, as some meters send FF.
fn parse_flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    Ok(reader.u8()? != 0)
}
