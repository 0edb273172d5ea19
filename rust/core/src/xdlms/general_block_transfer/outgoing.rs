//! The half that sends: which octets each block number stands for, what the peer has acknowledged, and the burst going out.

use super::MAX_BLOCK_NUMBER;
use crate::xdlms::general_block::GeneralBlock;

/// An APDU needs more blocks than there are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBlocks;

/// One APDU on its way out. Numbers below its first block were acknowledgements without data.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    apdu: Vec<u8>,
    block_size: usize,
    /// The numbers of the first and last block of the APDU; `last` is below `first` where there is none.
    first: u32,
    last: u32,
    /// The highest number that the peer has, with all below.
    pub(super) acknowledged: u32,
    /// The highest number that was ever sent.
    pub(super) sent: u32,
    /// The burst: which number comes next, and which is the last.
    next: u32,
    end: u32,
}

impl Outgoing {
    /// Takes an APDU to send in blocks of `block_size` octets, numbered behind what has been sent in this exchange.
    pub(super) fn begin(&mut self, apdu: Vec<u8>, block_size: usize) -> Result<(), TooManyBlocks> {
        let blocks = u32::try_from(apdu.len().div_ceil(block_size)).map_err(|_| TooManyBlocks)?;
        let last = self.sent.saturating_add(blocks);
        if last > MAX_BLOCK_NUMBER {
            return Err(TooManyBlocks);
        }
        self.first = self.sent + 1;
        self.last = last;
        self.apdu = apdu;
        self.block_size = block_size;
        Ok(())
    }

    /// Whether the peer still lacks a block of the APDU.
    pub(super) const fn is_wanted(&self) -> bool {
        self.acknowledged < self.last
    }

    /// Whether every block of the APDU has gone out at least once.
    pub(super) const fn was_sent(&self) -> bool {
        self.sent >= self.last
    }

    /// Nothing more of the APDU will be wanted.
    pub(super) fn give_up(&mut self) {
        self.apdu = Vec::new();
        self.last = self.last.min(self.acknowledged);
    }

    /// Takes the peer's acknowledgement: whether it brings anything forward, or `None` where it acknowledges what was never sent.
    pub(super) fn acknowledge(&mut self, number: u32) -> Option<bool> {
        if number > self.sent {
            return None;
        }
        let forward = number > self.acknowledged;
        self.acknowledged = self.acknowledged.max(number);
        if !self.is_wanted() {
            self.apdu = Vec::new();
        }
        Some(forward)
    }

    /// Begins a burst of at most `window` blocks and about `octets` octets: what was never sent, else from the first number not
    /// acknowledged.
    pub(super) fn begin_burst(&mut self, window: u32, octets: usize) {
        let blocks = u32::try_from(octets / self.block_size.max(1)).unwrap_or(u32::MAX);
        let unsent = self.sent < self.first;
        self.next = if unsent {
            self.first
        } else {
            self.acknowledged + 1
        };
        self.end = self
            .last
            .min(self.next.saturating_add(window.min(blocks).max(1)) - 1);
    }

    /// Begins a burst of a single acknowledgement without data. One that the peer has not taken note of keeps its number.
    pub(super) fn begin_acknowledgement(&mut self) {
        self.next = (self.acknowledged + 1).min(MAX_BLOCK_NUMBER);
        self.end = self.next;
    }

    /// The next block of the burst; its window and its acknowledgement are for the caller to fill in. `last_if_empty` is what an
    /// acknowledgement says about further data.
    pub(super) fn next_block(&mut self, last_if_empty: bool) -> Option<GeneralBlock<'_>> {
        if self.next == 0 || self.next > self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.sent = self.sent.max(number);
        let carries = self.first <= number && number <= self.last && !self.apdu.is_empty();
        let block_data = if carries {
            let start = (number - self.first) as usize * self.block_size;
            &self.apdu[start..self.apdu.len().min(start + self.block_size)]
        } else {
            &[]
        };
        let last_block = if carries {
            number == self.last
        } else {
            last_if_empty && number > self.last
        };
        Some(GeneralBlock {
            last_block,
            streaming: number < self.end,
            window: 0,
            #[allow(
                clippy::cast_possible_truncation,
                reason = "numbers end at MAX_BLOCK_NUMBER"
            )]
            block_number: number as u16,
            block_number_ack: 0,
            block_data,
        })
    }
}
