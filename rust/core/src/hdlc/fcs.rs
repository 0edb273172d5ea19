//! The frame check sequence FCS-16 (CRC-16/X-25) of HDLC, sixteen octets a step.
//!
//! Knows octets and nothing of frames. HCS and FCS are the same sum; the HCS of a frame is a state on the way to its FCS.

/// Polynomial x^16 + x^12 + x^5 + 1 with its bits reflected.
const POLYNOMIAL: u16 = 0x8408;

/// Octets taken in one step.
const SLICE: usize = 16;

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
        for octet in rest {
            let [low, high] = sum.to_le_bytes();
            sum = TABLES[0][usize::from(octet ^ low)] ^ u16::from(high);
        }
        self.0 = sum;
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

    #[test]
    fn every_length_agrees_with_the_sum_made_bit_by_bit() {
        let octets: Vec<u8> = (0..2047_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        for length in 0..=octets.len() {
            assert_eq!(
                fcs(&octets[..length]).value(),
                bit_by_bit(&octets[..length]),
                "length {length}"
            );
        }
    }

    proptest! {
        #[test]
        fn octets_in_two_pieces_give_the_same_sum(octets in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
            let (head, tail) = octets.split_at(cut.min(octets.len()));
            let mut sum = Fcs::new();
            sum.update(head);
            sum.update(tail);
            prop_assert_eq!(sum.value(), bit_by_bit(&octets));
        }
    }
}
