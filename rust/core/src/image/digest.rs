//! SHA-256 and CRC-32 of an image and of each of its blocks, and what a meter keeps beside a block that it has stored.

use sha2::{Digest, Sha256};

use super::BlockLayout;

/// The digests of one run of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDigest {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// CRC-32 (IEEE 802.3).
    pub crc32: u32,
}

/// The digests of `octets`.
#[must_use]
pub fn digest(octets: &[u8]) -> BlockDigest {
    BlockDigest {
        sha256: Sha256::digest(octets).into(),
        crc32: crc32fast::hash(octets),
    }
}

/// The digests of each block of `image`.
#[must_use]
pub fn digest_blocks(image: &[u8], layout: &BlockLayout) -> Vec<BlockDigest> {
    image
        .chunks(layout.image_block_size())
        .map(digest)
        .collect()
}

/// Octets of what is kept beside a stored block.
pub const STORED_BLOCK_DIGEST_LENGTH: usize = 16;

/// What a meter keeps beside a block that it has stored: whatever lies there after a power cut is that block of that transfer only
/// where it has this digest.
#[must_use]
pub fn stored_block_digest(
    serial: u64,
    image_block_number: u32,
    image_block_value: &[u8],
) -> [u8; STORED_BLOCK_DIGEST_LENGTH] {
    let digest = Sha256::new_with_prefix(serial.to_be_bytes())
        .chain_update(image_block_number.to_be_bytes())
        .chain_update(image_block_value)
        .finalize();
    let mut kept = [0; STORED_BLOCK_DIGEST_LENGTH];
    kept.copy_from_slice(&digest[..STORED_BLOCK_DIGEST_LENGTH]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_check_values() {
        let found = digest(b"123456789");
        assert_eq!(found.crc32, 0xCBF4_3926);
        assert_eq!(found.sha256[..4], [0x15, 0xE2, 0xB0, 0xD3]);
    }
}
