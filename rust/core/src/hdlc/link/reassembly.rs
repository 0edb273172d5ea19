//! Segments in sequence in, whole APDUs out.
//!
//! The LLC octets lead the first segment of a message and no other: a later segment that looks as if it began with them
//! is data. Knows no sequence numbers.

/// What one more segment made of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More segments are due.
    Open,
    /// The message is whole.
    Complete,
    /// The message is over, and was none: wrong LLC octets or nothing behind them.
    Malformed,
    /// The message is longer than the limit.
    TooLong,
}

#[derive(Debug)]
pub(super) struct Reassembly {
    llc: [u8; 3],
    max_length: usize,
    /// The APDU without its LLC octets.
    octets: Vec<u8>,
    llc_octets: usize,
    malformed: bool,
    open: bool,
}

impl Reassembly {
    /// For messages that begin with `llc` and hold APDUs of `max_length` octets at most.
    pub(super) const fn new(llc: [u8; 3], max_length: usize) -> Self {
        Self {
            llc,
            max_length,
            octets: Vec::new(),
            llc_octets: 0,
            malformed: false,
            open: false,
        }
    }

    /// Forgets what has come.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.open = false;
    }

    /// Whether a message has begun and not ended.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// Takes the next segment; `more` says that another will follow.
    pub(super) fn accept(&mut self, information: &[u8], more: bool) -> Progress {
        if !self.open {
            self.octets.clear();
            self.llc_octets = 0;
            self.malformed = false;
        }
        self.open = more;
        // Segments may be so small that even the LLC octets are divided.
        let (llc, apdu) =
            information.split_at(information.len().min(self.llc.len() - self.llc_octets));
        self.malformed |= !self.llc[self.llc_octets..].starts_with(llc);
        self.llc_octets += llc.len();
        if !self.malformed {
            if self.octets.len() + apdu.len() > self.max_length {
                self.clear();
                return Progress::TooLong;
            }
            self.octets.extend_from_slice(apdu);
        }
        match (more, self.malformed || self.octets.is_empty()) {
            (true, _) => Progress::Open,
            (false, false) => Progress::Complete,
            (false, true) => Progress::Malformed,
        }
    }

    /// The APDU, for opening in place; whole after [`Progress::Complete`] and until the next segment.
    pub(super) const fn octets(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLC: [u8; 3] = [0xE6, 0xE6, 0x00];

    #[test]
    fn l_13_llc_octets_in_a_later_segment_are_data() {
        let mut reassembly = Reassembly::new(LLC, 100);
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE6, 0x00, 1], true),
            Progress::Open
        );
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE6, 0x00, 2], true),
            Progress::Open
        );
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE7, 0x00], false),
            Progress::Complete
        );
        assert_eq!(
            reassembly.octets(),
            &[1, 0xE6, 0xE6, 0x00, 2, 0xE6, 0xE7, 0x00]
        );
    }

    #[test]
    fn llc_octets_may_be_divided() {
        let mut reassembly = Reassembly::new(LLC, 100);
        for octet in [0xE6, 0xE6, 0x00] {
            assert_eq!(reassembly.accept(&[octet], true), Progress::Open);
        }
        assert_eq!(reassembly.accept(&[0x60], false), Progress::Complete);
        assert_eq!(reassembly.octets(), &[0x60]);
    }

    #[test]
    fn other_llc_octets_or_none_spoil_one_message_only() {
        let mut reassembly = Reassembly::new(LLC, 100);
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE7, 0x00, 1], true),
            Progress::Open
        );
        assert_eq!(reassembly.accept(&[2], false), Progress::Malformed);
        assert_eq!(reassembly.accept(&[], false), Progress::Malformed);
        assert_eq!(reassembly.accept(&LLC, false), Progress::Malformed);
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE6, 0x00, 1], false),
            Progress::Complete
        );
    }

    #[test]
    fn l_13_an_endless_message_ends_at_the_limit() {
        let mut reassembly = Reassembly::new(LLC, 5);
        assert_eq!(
            reassembly.accept(&[0xE6, 0xE6, 0x00, 1, 2, 3, 4, 5], true),
            Progress::Open
        );
        assert_eq!(reassembly.accept(&[6], true), Progress::TooLong);
        assert!(!reassembly.is_open());
    }
}
