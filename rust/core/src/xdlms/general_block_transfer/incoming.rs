//! The half that receives: blocks in any order, the APDU when none is missing, and what came twice.

use core::hash::Hasher as _;
use std::collections::{BTreeMap, VecDeque};
use std::hash::DefaultHasher;

use super::MAX_WINDOW;
use crate::error::DecodeErrorKind;
use crate::xdlms::general_block::GeneralBlock;

/// How many blocks in a row may bring nothing while an APDU is being collected.
const MAX_EMPTY: u8 = 8;

/// What a block was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It had come before, or stands too far ahead to be kept.
    Nothing,
    /// It is kept; the APDU is not whole.
    More,
    /// The APDU is whole.
    Whole(Vec<u8>),
}

/// One APDU on its way in.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    apdu: Vec<u8>,
    /// The highest number before which none is missing.
    pub(super) in_sequence: u32,
    pub(super) is_whole: bool,
    /// Blocks behind a gap: whether each is the last one, and its data.
    ahead: BTreeMap<u32, (bool, Vec<u8>)>,
    ahead_octets: usize,
    /// What tells the last blocks in sequence from others of the same number: as many as may ever be repeated.
    marks: VecDeque<u64>,
    empty: u8,
}

impl Incoming {
    /// Whether an APDU has begun and is not whole.
    pub(super) fn is_open(&self) -> bool {
        !self.apdu.is_empty() || !self.ahead.is_empty()
    }

    /// Whether exactly this block has been taken already.
    pub(super) fn has_taken(&self, block: &GeneralBlock<'_>) -> bool {
        let back = self.in_sequence.wrapping_sub(block.block_number.into());
        self.marks
            .get(back as usize)
            .is_some_and(|&seen| seen == mark(block.last_block, block.block_data))
    }

    /// The peer begins at the front once more: what stands behind a gap may be of another APDU, and will come again.
    pub(super) fn forget_ahead(&mut self) {
        self.ahead.clear();
        self.ahead_octets = 0;
    }

    /// How many blocks are missing before the first that stands ahead.
    pub(super) fn gap(&self) -> Option<u32> {
        let (&number, _) = self.ahead.first_key_value()?;
        Some(number - self.in_sequence - 1)
    }

    /// Takes a block; no more than `limit` octets are ever kept.
    pub(super) fn take(
        &mut self,
        block: &GeneralBlock<'_>,
        limit: usize,
    ) -> Result<Taken, DecodeErrorKind> {
        let number = u32::from(block.block_number);
        let only_acknowledges = block.block_data.is_empty() && !self.is_open();
        if number <= self.in_sequence {
            if block.block_data.is_empty() {
                return Ok(Taken::Nothing);
            }
            if self.is_open() || self.is_whole {
                return self.repeated(number, block);
            }
            // Nothing has been taken that this could repeat: the peer does not count its acknowledgements.
            self.in_sequence = number - 1;
            self.marks.clear();
        }
        let distance = number - self.in_sequence;
        if only_acknowledges && distance > 1 {
            return Ok(Taken::Nothing); // its number means nothing and does no harm
        }
        if distance > u32::from(MAX_WINDOW) || (self.is_whole && !block.block_data.is_empty()) {
            return Err(DecodeErrorKind::ValueOutOfRange);
        }
        if self.apdu.len() + self.ahead_octets + block.block_data.len() > limit {
            return Err(DecodeErrorKind::LengthTooLarge);
        }
        if distance > 1 {
            return self.keep_ahead(number, block);
        }
        if let Some(whole) = self.append(block.last_block, block.block_data)? {
            return Ok(Taken::Whole(whole));
        }
        while let Some(next) = self.ahead.first_entry() {
            if *next.key() != self.in_sequence + 1 {
                break;
            }
            let (last_block, data) = next.remove();
            self.ahead_octets -= data.len();
            if let Some(whole) = self.append(last_block, &data)? {
                return Ok(Taken::Whole(whole));
            }
        }
        Ok(Taken::More)
    }

    /// A block whose number has been taken: nothing new, unless it is another one.
    fn repeated(&self, number: u32, block: &GeneralBlock<'_>) -> Result<Taken, DecodeErrorKind> {
        let recorded = self
            .marks
            .get((self.in_sequence - number) as usize)
            .is_some();
        if recorded && !self.has_taken(block) {
            return Err(DecodeErrorKind::Duplicate);
        }
        Ok(Taken::Nothing)
    }

    fn keep_ahead(
        &mut self,
        number: u32,
        block: &GeneralBlock<'_>,
    ) -> Result<Taken, DecodeErrorKind> {
        if let Some((last_block, data)) = self.ahead.get(&number) {
            return if *last_block == block.last_block && data == block.block_data {
                Ok(Taken::Nothing)
            } else {
                Err(DecodeErrorKind::Duplicate)
            };
        }
        self.ahead_octets += block.block_data.len();
        self.ahead
            .insert(number, (block.last_block, block.block_data.to_vec()));
        Ok(Taken::More)
    }

    /// The next block in sequence; the APDU where it was the last.
    fn append(
        &mut self,
        last_block: bool,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, DecodeErrorKind> {
        self.in_sequence += 1;
        if self.marks.len() == usize::from(MAX_WINDOW) {
            self.marks.pop_back();
        }
        self.marks.push_front(mark(last_block, data));
        if data.is_empty() && self.apdu.is_empty() {
            return Ok(None); // it only acknowledges, and nothing has begun
        }
        self.empty = if data.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > MAX_EMPTY {
            return Err(DecodeErrorKind::Missing);
        }
        self.apdu.extend_from_slice(data);
        if !last_block {
            return Ok(None);
        }
        if !self.ahead.is_empty() {
            return Err(DecodeErrorKind::ValueOutOfRange); // something behind the last block
        }
        self.is_whole = true;
        Ok(Some(core::mem::take(&mut self.apdu)))
    }
}

/// What tells one block from another of the same number; whoever makes two alike harms only himself.
fn mark(last_block: bool, data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u8(last_block.into());
    hasher.write(data);
    hasher.finish()
}
