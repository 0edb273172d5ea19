//! A-XDR (IEC 61334-6) as DLMS/COSEM uses it: lengths, and the Data CHOICE with all its types.
//!
//! Decoding borrows and works node by node, so that whoever builds values from it needs no tree in between. Every count
//! and length is held against the octets that are left before anything is allocated. Nothing here knows APDUs or
//! COSEM objects.

pub mod bits;
pub mod compact_array;
pub mod data;
pub mod datetime;
pub mod length;
pub mod limits;
pub mod tag;

pub use bits::BitString;
pub use compact_array::{CompactArray, Description};
pub use data::{DataRef, RawData, Take};
pub use datetime::{Date, DateTime, Time};
pub use limits::{Guard, Options};
pub use tag::Tag;
