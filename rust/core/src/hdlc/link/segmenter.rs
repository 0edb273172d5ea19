//! Messages to send, cut into the information fields of I frames, and the window over them.
//!
//! Messages lie one behind the other in one buffer, each with its LLC octets in front; a segment is cut when its frame is
//! written, so sending one again needs no copy of it. Knows V(S) and N(R), not whose turn it is.

use std::collections::VecDeque;

/// Frames are numbered modulo 8.
pub(super) const MODULUS: u8 = 8;

/// The information field of one I frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    /// N(S).
    pub(super) send_sequence: u8,
    /// The information field.
    pub(super) information: &'a [u8],
    /// Whether the message goes on in the next frame.
    pub(super) more: bool,
    /// Whether no other frame follows within the window.
    pub(super) last: bool,
    /// Whether this frame has been sent before.
    pub(super) repeated: bool,
}

#[derive(Debug, Default)]
pub(super) struct Segmenter {
    octets: Vec<u8>,
    /// Where each finished and not wholly acknowledged message ends.
    ends: VecDeque<usize>,
    /// Where the first segment not acknowledged begins, and its number.
    acknowledged: usize,
    acknowledged_sequence: u8,
    /// Where the segment to send next begins, and how many frames after the acknowledged ones it is.
    next: usize,
    ahead: u8,
    /// How many frames after the acknowledged ones have ever been sent; larger than `ahead` after a rewind.
    sent: u8,
}

impl Segmenter {
    /// Forgets everything; numbers begin at 0.
    pub(super) fn clear(&mut self) {
        let octets = core::mem::take(&mut self.octets);
        *self = Self {
            octets,
            ..Self::default()
        };
        self.octets.clear();
    }

    /// Opens a message that begins with `llc`; one that was opened and never finished is gone.
    pub(super) fn begin(&mut self, llc: [u8; 3]) -> &mut Vec<u8> {
        let finished = self.ends.back().copied().unwrap_or(self.acknowledged);
        self.octets.truncate(finished);
        self.octets.drain(..self.acknowledged);
        for end in &mut self.ends {
            *end -= self.acknowledged;
        }
        self.next -= self.acknowledged;
        self.acknowledged = 0;
        self.octets.extend_from_slice(&llc);
        &mut self.octets
    }

    /// Closes the message that was opened last: it may be sent.
    pub(super) fn finish(&mut self) {
        self.ends.push_back(self.octets.len());
    }

    /// Octets of messages not acknowledged yet.
    pub(super) fn pending(&self) -> usize {
        self.ends.back().map_or(0, |end| end - self.acknowledged)
    }

    /// Frames sent and not acknowledged.
    pub(super) const fn outstanding(&self) -> u8 {
        self.sent
    }

    /// V(S), the number of the segment to send next.
    pub(super) const fn send_sequence(&self) -> u8 {
        (self.acknowledged_sequence + self.ahead) % MODULUS
    }

    /// The segment to send next, of `max_length` octets at most, where the window of `window` frames has room for it.
    pub(super) fn next(&mut self, window: u8, max_length: usize) -> Option<Segment<'_>> {
        if self.ahead >= window {
            return None;
        }
        let start = self.next;
        let end = self.end_behind(start)?;
        let cut = end.min(start + max_length);
        let send_sequence = self.send_sequence();
        let repeated = self.ahead < self.sent;
        self.next = cut;
        self.ahead += 1;
        self.sent = self.sent.max(self.ahead);
        let last = self.ahead == window || self.end_behind(cut).is_none();
        Some(Segment {
            send_sequence,
            information: &self.octets[start..cut],
            more: cut < end,
            last,
            repeated,
        })
    }

    /// Goes back to the first segment not acknowledged.
    pub(super) const fn rewind(&mut self) {
        self.next = self.acknowledged;
        self.ahead = 0;
    }

    /// Takes N(R): how many more frames are acknowledged by it, or none where it acknowledges what was never sent.
    pub(super) fn acknowledge(&mut self, receive_sequence: u8, max_length: usize) -> Option<u8> {
        let count = (receive_sequence + MODULUS - self.acknowledged_sequence) % MODULUS;
        if count > self.sent {
            return None;
        }
        for _ in 0..count {
            let end = self.end_behind(self.acknowledged)?;
            self.acknowledged = end.min(self.acknowledged + max_length);
        }
        self.acknowledged_sequence = receive_sequence % MODULUS;
        self.sent -= count;
        self.ahead = self.ahead.saturating_sub(count);
        self.next = self.next.max(self.acknowledged);
        while self
            .ends
            .front()
            .is_some_and(|end| *end <= self.acknowledged)
        {
            self.ends.pop_front();
        }
        Some(count)
    }

    /// The end of the message in which `position` lies.
    fn end_behind(&self, position: usize) -> Option<usize> {
        self.ends.iter().copied().find(|end| *end > position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(messages: &[&[u8]]) -> Segmenter {
        let mut segmenter = Segmenter::default();
        for message in messages {
            segmenter.begin([1, 2, 3]).extend_from_slice(message);
            segmenter.finish();
        }
        segmenter
    }

    #[test]
    fn a_message_is_cut_and_its_last_segment_says_so() {
        let mut segmenter = with(&[&[4, 5, 6, 7], &[8]]);
        let segment = |send_sequence, information, more, last| {
            Some(Segment {
                send_sequence,
                information,
                more,
                last,
                repeated: false,
            })
        };
        assert_eq!(segmenter.next(5, 4), segment(0, &[1, 2, 3, 4], true, false));
        assert_eq!(segmenter.next(5, 4), segment(1, &[5, 6, 7], false, false));
        assert_eq!(segmenter.next(5, 4), segment(2, &[1, 2, 3, 8], false, true));
        assert_eq!(segmenter.next(5, 4), None);
        assert_eq!(segmenter.acknowledge(3, 4), Some(3));
        assert_eq!(segmenter.pending(), 0);
    }

    #[test]
    fn the_window_holds_back_and_a_rewind_repeats() {
        let mut segmenter = with(&[&[9; 20]]);
        let numbers = |segmenter: &mut Segmenter| {
            let mut numbers = Vec::new();
            while let Some(segment) = segmenter.next(2, 4) {
                numbers.push((segment.send_sequence, segment.repeated));
            }
            numbers
        };
        assert_eq!(numbers(&mut segmenter), [(0, false), (1, false)]);
        segmenter.rewind();
        assert_eq!(
            segmenter.acknowledge(1, 4),
            Some(1),
            "an acknowledgement may still come after the rewind"
        );
        assert_eq!(numbers(&mut segmenter), [(1, true), (2, false)]);
        assert_eq!(segmenter.acknowledge(4, 4), None);
        assert_eq!(segmenter.acknowledge(0, 4), None);
        assert_eq!(segmenter.acknowledge(1, 4), Some(0));
    }

    #[test]
    fn an_opened_message_that_is_not_finished_leaves_nothing() {
        let mut segmenter = with(&[&[4]]);
        segmenter.begin([7, 7, 7]).push(7);
        segmenter.begin([1, 2, 3]).push(5);
        segmenter.finish();
        let sent: Vec<u8> = core::iter::from_fn(|| {
            segmenter
                .next(7, 9)
                .map(|segment| segment.information.to_vec())
        })
        .flatten()
        .collect();
        assert_eq!(sent, [1, 2, 3, 4, 1, 2, 3, 5]);
    }
}
