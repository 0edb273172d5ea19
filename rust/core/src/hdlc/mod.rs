//! HDLC after IEC 62056-46: frames of format type 3 and the link between one client and one server.
//!
//! From the bottom: [`fcs`], [`address`], [`control`], [`frame`], [`deframer`], [`parameters`], and on top of them the
//! machine, [`link`]. Nothing here knows what an APDU says.

pub mod address;
pub mod control;
pub mod deframer;
pub mod fcs;
pub mod frame;
pub mod link;
pub mod parameters;

#[cfg(test)]
mod testing;
