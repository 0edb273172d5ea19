//! The frame check sequence FCS-16 (CRC-16/X-25) of HDLC.
//!
//! Long runs are folded by carry-less multiplication where the processor has it, which is asked when the program runs. Short ones,
//! and all others elsewhere, are looked up in tables, sixteen octets a step. Both give the same sum.
//!
//! Knows octets and nothing of frames. HCS and FCS are the same sum; the HCS of a frame is a state on the way to its FCS.

/// Polynomial x^16 + x^12 + x^5 + 1 with its bits reflected.
const POLYNOMIAL: u16 = 0x8408;

/// Octets taken in one step.
const SLICE: usize = 16;

/// The shortest run that is folded, in octets; below it the tables are faster.
const LEAST_TO_FOLD: usize = 80;

/// `TABLES[k][b]`: what octet `b` does to the sum when `k` more octets follow it in the step.
static TABLES: [[u16; 256]; SLICE] = tables();

/// A running frame check sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fcs(u16);

impl Fcs {
    /// The sum of no octets.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xFFFF)
    }

    /// Takes in `octets`.
    pub fn update(&mut self, octets: &[u8]) {
        if octets.len() < LEAST_TO_FOLD || !folding::is_available() {
            return self.update_portable(octets);
        }
        // Folding takes whole steps; what is left over is cheaper looked up.
        let (steps, rest) = octets.split_at(octets.len() - octets.len() % SLICE);
        self.0 = folding::continued(self.0, steps);
        self.0 = looked_up(self.0, rest);
    }

    /// Takes in `octets` by tables alone, as a processor without carry-less multiplication does.
    pub fn update_portable(&mut self, octets: &[u8]) {
        let mut sum = self.0;
        let (slices, rest) = octets.as_chunks::<SLICE>();
        for slice in slices {
            // Only the first two octets meet the sum so far; all others are looked up without waiting for it.
            let mut step = 0;
            for position in 2..SLICE {
                step ^= TABLES[SLICE - 1 - position][usize::from(slice[position])];
            }
            let [low, high] = sum.to_le_bytes();
            step ^= TABLES[SLICE - 2][usize::from(slice[1] ^ high)];
            step ^= TABLES[SLICE - 1][usize::from(slice[0] ^ low)];
            sum = step;
        }
        self.0 = looked_up(sum, rest);
    }

    /// The sum in the order of the wire, low octet first.
    #[must_use]
    pub const fn octets(self) -> [u8; 2] {
        self.value().to_le_bytes()
    }

    /// The sum as a number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0 ^ 0xFFFF
    }
}

impl Default for Fcs {
    fn default() -> Self {
        Self::new()
    }
}

/// The frame check sequence of `octets`.
#[must_use]
pub fn fcs(octets: &[u8]) -> Fcs {
    let mut sum = Fcs::new();
    sum.update(octets);
    sum
}

/// The sum after fewer than [`SLICE`] more octets, in one step like that of a whole slice.
fn looked_up(sum: u16, octets: &[u8]) -> u16 {
    let [low, high] = sum.to_le_bytes();
    match octets {
        [] => sum,
        [only] => TABLES[0][usize::from(only ^ low)] ^ u16::from(high),
        [first, second, others @ ..] => {
            let mut step = TABLES[others.len() + 1][usize::from(first ^ low)]
                ^ TABLES[others.len()][usize::from(second ^ high)];
            for (table, octet) in TABLES[..others.len()].iter().rev().zip(others) {
                step ^= table[usize::from(*octet)];
            }
            step
        }
    }
}

/// Carry-less multiplication, where it is known how to use it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod folding {
    use super::Fcs;
    use crc_fast::{CrcAlgorithm, Digest, checksum};

    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_available() -> bool {
        std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("sse4.1")
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) fn is_available() -> bool {
        std::arch::is_aarch64_feature_detected!("aes")
    }

    /// The sum `so_far` after `octets`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sum of sixteen bits in a wider type"
    )]
    pub(super) fn continued(so_far: u16, octets: &[u8]) -> u16 {
        const ALGORITHM: CrcAlgorithm = CrcAlgorithm::Crc16IbmSdlc;
        if so_far == Fcs::new().0 {
            // The usual case, without the copy of the parameters that a digest begins with.
            return checksum(ALGORITHM, octets) as u16 ^ 0xFFFF;
        }
        let mut digest = Digest::new_with_init_state(ALGORITHM, so_far.into());
        digest.update(octets);
        digest.get_state() as u16
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod folding {
    pub(super) const fn is_available() -> bool {
        false
    }

    pub(super) const fn continued(so_far: u16, _: &[u8]) -> u16 {
        so_far
    }
}

const fn tables() -> [[u16; 256]; SLICE] {
    let mut tables = [[0; 256]; SLICE];
    let mut octet = 0_u16;
    while octet < 256 {
        let mut sum = octet;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 {
                (sum >> 1) ^ POLYNOMIAL
            } else {
                sum >> 1
            };
            bit += 1;
        }
        tables[0][octet as usize] = sum;
        octet += 1;
    }
    let mut following = 1;
    while following < SLICE {
        let mut octet = 0;
        while octet < 256 {
            let shorter = tables[following - 1][octet];
            tables[following][octet] = (shorter >> 8) ^ tables[0][(shorter & 0xFF) as usize];
            octet += 1;
        }
        following += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit_by_bit(octets: &[u8]) -> u16 {
        let mut sum = 0xFFFF_u16;
        for octet in octets {
            sum ^= u16::from(*octet);
            for _ in 0..8 {
                sum = if sum & 1 == 1 {
                    (sum >> 1) ^ POLYNOMIAL
                } else {
                    sum >> 1
                };
            }
        }
        sum ^ 0xFFFF
    }

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(fcs(b"123456789").value(), 0x906E);
        assert_eq!(fcs(b"123456789").octets(), [0x6E, 0x90]);
    }

    /// Both ways, whatever this processor would take.
    fn both(octets: &[u8]) -> [u16; 2] {
        let mut portable = Fcs::new();
        portable.update_portable(octets);
        [fcs(octets).value(), portable.value()]
    }

    fn noise(length: u32) -> Vec<u8> {
        (0..length)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect()
    }

    #[test]
    fn both_ways_agree_with_the_sum_made_bit_by_bit_at_every_length() {
        let octets = noise(2_100);
        for length in 0..=octets.len() {
            let expected = bit_by_bit(&octets[..length]);
            assert_eq!(both(&octets[..length]), [expected; 2], "length {length}");
        }
    }

    #[test]
    fn both_ways_agree_wherever_the_octets_begin() {
        let octets = noise(600);
        for start in 0..=64 {
            for length in [1, 15, 16, 79, 80, 81, 128, 255, 256, 500] {
                let octets = &octets[start..start + length];
                assert_eq!(both(octets), [bit_by_bit(octets); 2], "{length} at {start}");
            }
        }
    }

    #[test]
    fn a_sum_goes_on_wherever_it_was_left_off() {
        let octets = noise(400);
        let expected = bit_by_bit(&octets);
        for cut in 0..=octets.len() {
            let (head, tail) = octets.split_at(cut);
            let mut sum = Fcs::new();
            sum.update(head);
            sum.update(tail);
            assert_eq!(sum.value(), expected, "cut at {cut}");
            let mut mixed = Fcs::new();
            mixed.update_portable(head);
            mixed.update(tail);
            assert_eq!(mixed.value(), expected, "cut at {cut}, head by tables");
        }
    }

    proptest! {
        #[test]
        fn octets_in_any_pieces_give_the_same_sum(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let mut sum = Fcs::new();
            for piece in &pieces {
                sum.update(piece);
            }
            prop_assert_eq!(sum.value(), bit_by_bit(&pieces.concat()));
        }
    }
}
