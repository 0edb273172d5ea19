//! A small record in a meter's memory, as it lies there: whose copy it is, how new, and a digest over all of it.
//!
//! | octets | what |
//! |---|---|
//! | 4 | `DFWM` |
//! | 8 | generation |
//! | 4 | octets of the payload |
//! | 16 | the first octets of SHA-256 over the name of the record, the generation and the payload |
//! | | the payload |

use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = *b"DFWM";
const DIGEST_LENGTH: usize = 16;

/// Octets before the payload.
pub const RECORD_HEADER_LENGTH: usize = MAGIC.len() + 8 + 4 + DIGEST_LENGTH;

/// A record that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRecord<'a> {
    /// Grows with each replacement.
    pub generation: u64,
    /// What it says.
    pub payload: &'a [u8],
}

impl<'a> StoredRecord<'a> {
    /// Octets of the record in memory; `None` where the payload is too long to say its length.
    #[must_use]
    pub fn encode(&self, name: &str) -> Option<Vec<u8>> {
        let length = u32::try_from(self.payload.len()).ok()?;
        let mut octets = Vec::with_capacity(RECORD_HEADER_LENGTH + self.payload.len());
        octets.extend_from_slice(&MAGIC);
        octets.extend_from_slice(&self.generation.to_be_bytes());
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(&self.digest(name));
        octets.extend_from_slice(self.payload);
        Some(octets)
    }

    /// The record at the beginning of `octets`; `None` where it is torn, rotten, or another one. What lies behind it is not looked at.
    #[must_use]
    pub fn decode(name: &str, octets: &'a [u8]) -> Option<Self> {
        let octets = octets.strip_prefix(&MAGIC)?;
        let (generation, octets) = octets.split_first_chunk()?;
        let (length, octets) = octets.split_first_chunk()?;
        let (digest, octets) = octets.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let found = Self {
            generation: u64::from_be_bytes(*generation),
            payload: octets.get(..length)?,
        };
        (found.digest(name) == *digest).then_some(found)
    }

    fn digest(&self, name: &str) -> [u8; DIGEST_LENGTH] {
        let digest = Sha256::new_with_prefix(name)
            .chain_update(self.generation.to_be_bytes())
            .chain_update(self.payload)
            .finalize();
        let mut kept = [0; DIGEST_LENGTH];
        kept.copy_from_slice(&digest[..DIGEST_LENGTH]);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: StoredRecord<'_> = StoredRecord {
        generation: 7,
        payload: b"{\"offset\":0.0}",
    };

    #[test]
    fn what_is_written_is_found() {
        let mut octets = RECORD.encode("clock").expect("a short payload");
        assert_eq!(octets.len(), RECORD_HEADER_LENGTH + RECORD.payload.len());
        assert_eq!(StoredRecord::decode("clock", &octets), Some(RECORD));
        octets.extend_from_slice(b"of a longer one before");
        assert_eq!(StoredRecord::decode("clock", &octets), Some(RECORD));
    }

    #[test]
    fn another_name_is_another_record() {
        let octets = RECORD.encode("clock").expect("a short payload");
        assert_eq!(StoredRecord::decode("counters", &octets), None);
    }

    #[test]
    fn a_bit_that_changed_or_an_octet_that_is_missing_is_seen() {
        let octets = RECORD.encode("clock").expect("a short payload");
        for end in 0..octets.len() {
            assert_eq!(StoredRecord::decode("clock", &octets[..end]), None);
        }
        for bit in 0..8 * octets.len() {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(StoredRecord::decode("clock", &changed), None, "bit {bit}");
        }
    }
}
