//! A firmware image on its way: cut into blocks, accounted for block by block, and digested.
//!
//! Also what a meter keeps of that in its memory. The image itself is only borrowed; nothing here copies it.

mod blocks;
mod digest;
mod record;
mod status;

pub use blocks::{BlockLayout, ImageBlock};
pub use digest::{
    BlockDigest, STORED_BLOCK_DIGEST_LENGTH, digest, digest_blocks, stored_block_digest,
};
pub use record::{RECORD_HEADER_LENGTH, StoredRecord};
pub use status::{BlockStatus, StatusLengthError};
