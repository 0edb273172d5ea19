//! What a link counts. Nothing is decided here.

use crate::hdlc::deframer::DropCounters;

/// Counters since the link was made; they stop at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames sent again, and polls because time was up.
    pub frames_repeated: u64,
    /// Damaged, dropped before anything was read from them.
    pub damaged: DropCounters,
    /// Undamaged, from or for another station.
    pub other_address: u64,
    /// Our own, heard on the line.
    pub echoes: u64,
    /// Of a kind that means nothing in this role and state, or with an information field where none belongs.
    pub unexpected: u64,
    /// I frames that had come before.
    pub duplicates: u64,
    /// I frames before which another is missing.
    pub out_of_sequence: u64,
    /// I frames beyond the window.
    pub beyond_window: u64,
    /// I frames that came while we said RNR.
    pub while_busy: u64,
    /// I frames with more information than was negotiated.
    pub too_long: u64,
    /// UI frames whose APDUs were handed on; nobody is answered.
    pub unconfirmed: u64,
    /// Messages without proper LLC octets, and SNRM or UA with unreadable parameters.
    pub malformed: u64,
}

impl Statistics {
    /// All frames that were dropped.
    #[must_use]
    pub fn frames_dropped(&self) -> u64 {
        let undamaged = [
            self.other_address,
            self.echoes,
            self.unexpected,
            self.duplicates,
            self.out_of_sequence,
            self.beyond_window,
            self.while_busy,
            self.too_long,
            self.malformed,
        ];
        undamaged
            .into_iter()
            .fold(self.damaged.frames(), u64::saturating_add)
    }
}

/// Counts one more.
pub(super) const fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
