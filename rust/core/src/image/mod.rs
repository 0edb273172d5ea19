//! A firmware image on its way: cut into blocks, accounted for block by block, and digested.
//!
//! The image itself is only borrowed; nothing here copies it.

mod blocks;
mod digest;
mod status;

pub use blocks::{BlockLayout, ImageBlock};
pub use digest::{
    BlockDigest, STORED_BLOCK_DIGEST_LENGTH, digest, digest_blocks, stored_block_digest,
};
pub use status::{BlockStatus, StatusLengthError};
