//! SHA-256 and CRC-32 of an image and of each of its blocks.

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
