//! Which blocks have been transferred: `image_transferred_blocks_status` as a set that knows its gaps.
//!
//! Blue Book, class 18, attribute 3: one bit a block, block 0 is the first bit, the most significant one of the first octet.

use core::fmt;

/// A set of transferred blocks, kept in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockStatus {
    octets: Vec<u8>,
    blocks: usize,
    transferred: usize,
}

/// A bitmap whose length cannot be that of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLengthError {
    /// The number of bits found.
    pub bits: usize,
    /// The number of blocks due.
    pub blocks: usize,
}

impl fmt::Display for StatusLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a block status of {} bits cannot describe {} blocks",
            self.bits, self.blocks
        )
    }
}

impl core::error::Error for StatusLengthError {}

impl BlockStatus {
    /// No block of `blocks` transferred.
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        Self {
            octets: vec![0; blocks.div_ceil(8)],
            blocks,
            transferred: 0,
        }
    }

    /// From a bit-string of `bits` bits. Some meters round the number up to whole octets; the bits added must be zero.
    ///
    /// # Errors
    /// [`StatusLengthError`] where the bits cannot be those of `blocks` blocks.
    pub fn from_bits(octets: &[u8], bits: usize, blocks: usize) -> Result<Self, StatusLengthError> {
        let error = StatusLengthError { bits, blocks };
        let rounded_up = bits == blocks.next_multiple_of(8);
        if (bits != blocks && !rounded_up) || octets.len() != bits.div_ceil(8) {
            return Err(error);
        }
        let mut status = Self {
            octets: octets.to_vec(),
            blocks,
            transferred: 0,
        };
        if let Some(last) = status.octets.last_mut() {
            let used = blocks - (blocks - 1) / 8 * 8;
            let unused = u8::try_from(0xFF_u16 >> used).unwrap_or(0);
            if rounded_up && *last & unused != 0 {
                return Err(error);
            }
            *last &= !unused;
        }
        status.transferred = ones(&status.octets);
        Ok(status)
    }

    /// The bits as octets, most significant bit first; unused bits are zero.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The number of blocks of the image.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The number of blocks transferred.
    #[must_use]
    pub const fn transferred(&self) -> usize {
        self.transferred
    }

    /// Whether block `number` has been transferred; `None` past the last block.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<bool> {
        (number < self.blocks).then(|| self.octets[number / 8] & (0x80 >> (number % 8)) != 0)
    }

    /// Notes block `number` as transferred or not; `false` past the last block.
    pub fn set(&mut self, number: usize, transferred: bool) -> bool {
        let Some(before) = self.get(number) else {
            return false;
        };
        if before != transferred {
            self.octets[number / 8] ^= 0x80 >> (number % 8);
            if transferred {
                self.transferred += 1;
            } else {
                self.transferred -= 1;
            }
        }
        true
    }

    /// The lowest number from `start` on that is not transferred, or the number of blocks.
    #[must_use]
    pub fn next_not_transferred(&self, start: usize) -> usize {
        self.next(start, false)
    }

    /// Runs of blocks that are not transferred, as `(first, count)`.
    #[must_use]
    pub fn missing_runs(&self) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut first = self.next(0, false);
        while first < self.blocks {
            let end = self.next(first, true);
            runs.push((first, end - first));
            first = self.next(end, false);
        }
        runs
    }

    /// The lowest number from `start` on whose bit is `wanted`; whole octets of the other kind are skipped at once.
    fn next(&self, start: usize, wanted: bool) -> usize {
        let mut number = start;
        let flip = if wanted { 0x00 } else { 0xFF };
        while number < self.blocks {
            let candidates = (self.octets[number / 8] ^ flip) & (0xFF >> (number % 8));
            if candidates != 0 {
                return self
                    .blocks
                    .min(number / 8 * 8 + candidates.leading_zeros() as usize);
            }
            number = (number / 8 + 1) * 8;
        }
        self.blocks
    }
}

/// How many bits are set; eight octets at a time.
fn ones(octets: &[u8]) -> usize {
    let (words, rest) = octets.as_chunks();
    let count = |ones: u32| ones as usize;
    let words = words
        .iter()
        .map(|word| count(u64::from_ne_bytes(*word).count_ones()));
    let rest = rest.iter().map(|octet| count(octet.count_ones()));
    words.sum::<usize>() + rest.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_worked_bitmap_has_blocks_0_to_6() {
        let status = BlockStatus::from_bits(&[0xFE, 0x00], 10, 10).expect("10 bits");
        assert_eq!(status.next_not_transferred(0), 7);
        assert_eq!(status.transferred(), 7);
        assert_eq!(status.missing_runs(), vec![(7, 3)]);
    }

    #[test]
    fn lengths_that_cannot_be_right_are_refused() {
        assert!(BlockStatus::from_bits(&[0xFF], 8, 10).is_err());
        assert!(
            BlockStatus::from_bits(&[0xFF, 0xC0], 16, 10).is_ok(),
            "rounded up to octets"
        );
        assert!(
            BlockStatus::from_bits(&[0xFF, 0xC1], 16, 10).is_err(),
            "a bit of a block that does not exist"
        );
        assert!(BlockStatus::from_bits(&[0xFF, 0xC0, 0], 24, 10).is_err());
        assert!(BlockStatus::from_bits(&[], 0, 10).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_list(bits in proptest::collection::vec(any::<bool>(), 1..200), start in 0_usize..220) {
            let mut status = BlockStatus::new(bits.len());
            for (number, &bit) in bits.iter().enumerate() {
                prop_assert!(status.set(number, bit));
            }
            prop_assert_eq!(status.transferred(), bits.iter().filter(|&&bit| bit).count());
            let expected = (start..bits.len()).find(|&number| !bits[number]).unwrap_or(bits.len());
            prop_assert_eq!(status.next_not_transferred(start), expected);
            let missing: Vec<usize> = status.missing_runs().iter().flat_map(|&(first, count)| first..first + count).collect();
            let expected: Vec<usize> = (0..bits.len()).filter(|&number| !bits[number]).collect();
            prop_assert_eq!(missing, expected);
            prop_assert_eq!(BlockStatus::from_bits(status.octets(), bits.len(), bits.len()), Ok(status.clone()));
            prop_assert!(!status.set(bits.len(), true));
        }
    }
}
