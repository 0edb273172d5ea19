//! Octets in any pieces in, frames out; finds its way back after garbage.
//!
//! Rules:
//! - A frame begins behind a flag and ends where its length field says, at another flag; 0x7E in between means nothing.
//! - One flag may close a frame and open the next; any number of flags may stand between frames.
//! - A wrong HCS makes the length field worthless: the search goes on at the next octet. Under a right HCS a wrong FCS
//!   condemns the whole frame, so that nothing inside it can pass for a frame of its own.
//! - What is dropped is counted, never reported.
//!
//! Knows frames, not addresses that matter, and no time: somebody with a clock calls [`Deframer::abandon_unfinished`].

use core::ops::Range;

use crate::hdlc::frame::{FLAG, Frame, FrameDefect, Header};

/// What was dropped, by reason. The counters stop at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounters {
    /// Octets outside frames, flags not counted.
    pub garbage_octets: u64,
    /// Wrong format type behind a flag.
    pub format: u64,
    /// Impossible length field, or no flag where it leads.
    pub length: u64,
    /// Address of three or more than four octets.
    pub address: u64,
    /// Wrong header check sequence.
    pub hcs: u64,
    /// Wrong frame check sequence.
    pub fcs: u64,
    /// Begun and never finished.
    pub unfinished: u64,
}

impl DropCounters {
    /// All frames, or beginnings of frames, that were dropped.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        // A wrong format type is counted as garbage: what follows a stray flag never was a frame.
        self.length
            .saturating_add(self.address)
            .saturating_add(self.hcs)
            .saturating_add(self.fcs)
            .saturating_add(self.unfinished)
    }

    const fn count(&mut self, defect: FrameDefect) {
        let counter = match defect {
            FrameDefect::Format => &mut self.format,
            FrameDefect::Length => &mut self.length,
            FrameDefect::Address => &mut self.address,
            FrameDefect::Hcs => &mut self.hcs,
            FrameDefect::Fcs => &mut self.fcs,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Cuts a stream of octets into frames.
///
/// [`Deframer::push`] octets as they come, then take frames with [`Deframer::next_frame`] until there is none. Once
/// drained it holds one unfinished frame at most, about 2 KiB.
#[derive(Debug, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// First octet not yet dealt with; at a flag whenever one has been found.
    start: usize,
    counters: DropCounters,
}

impl Deframer {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in octets from the medium.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole and undamaged frame.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let (header, octets) = self.find()?;
        Some(Frame::assemble(&header, &self.buffer[octets]))
    }

    /// Whether something has come behind a flag that is not a whole frame yet. Say so once drained.
    #[must_use]
    pub const fn has_unfinished(&self) -> bool {
        self.buffer.len() > self.start + 1
    }

    /// Gives up the frame that has begun and did not go on within the inter-octet timeout; what stands behind its
    /// beginning is searched again by [`Deframer::next_frame`]. The flag that closed a frame opens none after that time.
    pub fn abandon_unfinished(&mut self) {
        if self.has_unfinished() {
            self.start += 1;
            self.counters.unfinished = self.counters.unfinished.saturating_add(1);
        } else {
            self.clear();
        }
    }

    /// Forgets all octets; the counters stay.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
    }

    /// What has been dropped so far.
    #[must_use]
    pub const fn counters(&self) -> &DropCounters {
        &self.counters
    }

    /// Moves behind the next good frame and returns its header and the place of its octets between the flags.
    fn find(&mut self) -> Option<(Header, Range<usize>)> {
        loop {
            self.find_flag();
            let begin = self.start + 1;
            let octets = self.buffer.get(begin..)?;
            let header = match Header::parse(octets) {
                Ok(Some(header)) => header,
                Ok(None) => return None,
                Err(defect) => {
                    self.drop_flag(defect);
                    continue;
                }
            };
            // Both the frame and its closing flag have to be there.
            let closing = *octets.get(header.length)?;
            if closing != FLAG {
                self.drop_flag(FrameDefect::Length);
                continue;
            }
            let end = begin + header.length;
            self.start = end;
            match header.check(&self.buffer[begin..end]) {
                Ok(()) => return Some((header, begin..end)),
                Err(defect) if header.has_information() => self.counters.count(defect),
                Err(defect) => {
                    // Without an HCS nothing vouches for the length field.
                    self.start = begin - 1;
                    self.drop_flag(defect);
                }
            }
        }
    }

    /// Moves to the last of the next run of flags, or to the end.
    fn find_flag(&mut self) {
        let rest = &self.buffer[self.start..];
        let garbage = rest
            .iter()
            .position(|octet| *octet == FLAG)
            .unwrap_or(rest.len());
        let flags = rest[garbage..]
            .iter()
            .take_while(|octet| **octet == FLAG)
            .count();
        self.counters.garbage_octets = self.counters.garbage_octets.saturating_add(garbage as u64);
        self.start += garbage + flags.saturating_sub(1);
    }

    /// What begins with the flag at hand is no frame: the search goes on behind that flag.
    fn drop_flag(&mut self, defect: FrameDefect) {
        self.counters.count(defect);
        self.start += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Emit;
    use crate::hdlc::address::Address;
    use crate::hdlc::control::{Control, FrameKind};
    use crate::hdlc::testing::hex;
    use proptest::prelude::*;

    const SNRM: &str = "7EA0070321930F017E";
    const AARQ: &str = "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E";

    /// The wire form of each frame that comes out of `stream`.
    fn frames(deframer: &mut Deframer, stream: &[u8]) -> Vec<Vec<u8>> {
        deframer.push(stream);
        let mut frames = Vec::new();
        while let Some(frame) = deframer.next_frame() {
            frames.push(frame.to_vec());
        }
        frames
    }

    fn information_frame(information: &[u8]) -> Vec<u8> {
        let address = Address::client(1).expect("fits");
        let control = Control {
            kind: FrameKind::I {
                send_sequence: 0,
                receive_sequence: 0,
            },
            poll_final: true,
        };
        Frame {
            destination: address,
            source: address,
            control,
            segmentation: false,
            information,
        }
        .to_vec()
    }

    #[test]
    fn a_flag_opens_no_frame_after_the_inter_octet_timeout() {
        let snrm = hex(SNRM);
        let mut deframer = Deframer::new();
        assert_eq!(frames(&mut deframer, &snrm).len(), 1);
        deframer.abandon_unfinished();
        assert!(frames(&mut deframer, &snrm[1..]).is_empty());
        assert_eq!(frames(&mut deframer, &snrm[1..]).len(), 1);
    }

    #[test]
    fn l_03_shared_and_doubled_flags_and_garbage_between() {
        let (snrm, aarq) = (hex(SNRM), hex(AARQ));
        let shared = [&snrm[..], &aarq[1..]].concat();
        let doubled = [&[FLAG; 20][..], &snrm, &[FLAG; 20], &aarq].concat();
        let garbage = [
            b"\r\n/MCS5\\2ident\r\n",
            &snrm[..],
            &[0xA0, FLAG, 0x55, FLAG, 0xA0, 0x00],
            &aarq,
        ]
        .concat();
        for stream in [shared, doubled, garbage] {
            assert_eq!(frames(&mut Deframer::new(), &stream), [&snrm[..], &aarq]);
        }
    }

    #[test]
    fn l_03_a_missing_flag_costs_only_its_frame() {
        let (snrm, aarq) = (hex(SNRM), hex(AARQ));
        let without_opening = [&snrm[1..], &aarq].concat();
        assert_eq!(frames(&mut Deframer::new(), &without_opening), [&aarq[..]]);
        let mut deframer = Deframer::new();
        let without_closing = [&snrm[..snrm.len() - 1], &[0], &aarq].concat();
        assert_eq!(frames(&mut deframer, &without_closing), [&aarq[..]]);
        assert_eq!(deframer.counters().length, 1);
    }

    #[test]
    fn l_03_a_flag_inside_the_data_is_data() {
        let nested = information_frame(&[&[FLAG; 9][..], &hex(AARQ), &hex(SNRM)].concat());
        assert_eq!(frames(&mut Deframer::new(), &nested), [nested]);
    }

    #[test]
    fn l_03_a_thousand_octets_of_garbage_then_a_frame() {
        let mut noise = 1_u32;
        let mut stream: Vec<u8> = core::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        })
        .take(1000)
        .collect();
        // What looks like the longest of frames does not hold up what follows, for its HCS is wrong.
        stream.extend([FLAG, 0xA7, 0xFF, 0x03, 0x21]);
        stream.extend(hex(SNRM));
        assert_eq!(frames(&mut Deframer::new(), &stream), [hex(SNRM)]);
    }

    #[test]
    fn l_01_damaged_frames_are_counted_and_dropped() {
        let aarq = hex(AARQ);
        let damaged = |position: usize| {
            let mut copy = aarq.clone();
            copy[position] ^= 0x04;
            copy
        };
        let mut deframer = Deframer::new();
        let stream = [&damaged(6)[..], &aarq, &damaged(30), &aarq].concat();
        assert_eq!(frames(&mut deframer, &stream), [&aarq[..], &aarq]);
        let counters = *deframer.counters();
        assert_eq!((counters.hcs, counters.fcs, counters.frames()), (1, 1, 2));
    }

    #[test]
    fn a_damaged_frame_does_not_let_its_contents_out() {
        let mut outer = information_frame(&[&[0][..], &hex(SNRM), &[0]].concat());
        let last = outer.len() - 2;
        outer[last] ^= 1;
        assert_eq!(
            frames(&mut Deframer::new(), &[&outer[..], &hex(AARQ)].concat()),
            [hex(AARQ)]
        );
    }

    #[test]
    fn an_abandoned_beginning_gives_way_to_what_follows() {
        let mut deframer = Deframer::new();
        let (snrm, aarq) = (hex(SNRM), hex(AARQ));
        assert!(frames(&mut deframer, &[&aarq[..20], &snrm].concat()).is_empty());
        deframer.abandon_unfinished();
        assert_eq!(frames(&mut deframer, &[]), [&snrm[..]]);
        deframer.abandon_unfinished();
        assert_eq!(frames(&mut deframer, &aarq), [&aarq[..]]);
        assert_eq!(deframer.counters().unfinished, 1);
    }

    #[test]
    fn l_02_no_bit_flip_on_the_line_changes_a_frame() {
        let aarq = hex(AARQ);
        for bit in 0..8 * aarq.len() {
            let mut copy = aarq.clone();
            copy[bit / 8] ^= 1 << (bit % 8);
            let accepted = frames(&mut Deframer::new(), &copy);
            assert!(accepted.iter().all(|frame| *frame == aarq), "bit {bit}");
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut deframer = Deframer::new();
        for _ in 0..1000 {
            let _ = frames(&mut deframer, &[FLAG, 0xA7, 0xFF, 0x03, 0x03, 0x10]);
            let _ = frames(&mut deframer, &[0xA7; 100]);
            assert!(deframer.buffer.len() - deframer.start <= 2 * 1024);
        }
    }

    proptest! {
        #[test]
        fn l_04_any_pieces_give_the_same_frames(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), any::<bool>()), 1..12),
            sizes in prop::collection::vec(1_usize..60, 1..40),
        ) {
            let mut stream = Vec::new();
            for (octets, as_frame) in &parts {
                stream.extend(if *as_frame { information_frame(octets) } else { octets.clone() });
            }
            let mut whole = Deframer::new();
            let expected = frames(&mut whole, &stream);
            let mut pieces = Deframer::new();
            let (mut found, mut rest, mut sizes) = (Vec::new(), &stream[..], sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().expect("endless")));
                found.extend(frames(&mut pieces, piece));
                rest = behind;
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(pieces.counters(), whole.counters());
        }
    }
}
