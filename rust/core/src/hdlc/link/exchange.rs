//! The numbered half of the link machine: I, RR, RNR, whose turn it is, and what to do when time is up.
//!
//! The rules stand at the top of `mod.rs`. Sequence numbers are only moved here, in `segmenter.rs`, and by a reset.

use super::machine::{Machine, put_frame};
use super::reassembly::Progress;
use super::segmenter::MODULUS;
use super::statistics::count;
use super::{DisconnectReason, Event, Role, State};
use crate::error::{LinkError, LinkErrorKind};
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::frame::Frame;

/// How the peer broke the rules: the bit of the FRMR information field, and our error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// W: a control field that this profile does not use.
    Control,
    /// X, and W with it: an information field in a frame that has none.
    InformationNotPermitted,
    /// Y: the information field is longer than was negotiated.
    InformationTooLong,
    /// Y as well: the message is longer than we put together.
    ApduTooLong,
    /// Z: N(R) acknowledges what was never sent.
    ReceiveSequence,
}

impl Machine {
    pub(super) fn handle_supervisory(
        &mut self,
        frame: &Frame<'_>,
        receive_sequence: u8,
        busy: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        if !self.is_exchanging(frame, out) {
            return Ok(None);
        }
        if !frame.information.is_empty() {
            count(&mut self.statistics.unexpected);
            return self.reject(frame, Violation::InformationNotPermitted, out);
        }
        if !self.take_acknowledgement(receive_sequence) {
            return self.reject(frame, Violation::ReceiveSequence, out);
        }
        self.peer_busy = busy;
        if busy {
            // It lives, so this is no loss; how long it may go on has a bound of its own.
            self.busy_polls = self.busy_polls.saturating_add(1);
            self.retries = 0;
            self.repeats_unanswered = 0;
        } else {
            self.busy_polls = 0;
        }
        if frame.control.poll_final {
            self.take_turn(out);
        }
        Ok(None)
    }

    pub(super) fn handle_information(
        &mut self,
        frame: &Frame<'_>,
        send_sequence: u8,
        receive_sequence: u8,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        if !self.is_exchanging(frame, out) {
            return Ok(None);
        }
        if frame.information.len() > usize::from(self.parameters.max_info_field_length_receive()) {
            count(&mut self.statistics.too_long);
            return self.reject(frame, Violation::InformationTooLong, out);
        }
        if !self.take_acknowledgement(receive_sequence) {
            return self.reject(frame, Violation::ReceiveSequence, out);
        }
        if frame.control.poll_final {
            self.peer_busy = false;
        }
        let window = self.parameters.window_size_receive();
        let ahead = (send_sequence + MODULUS - self.receive_sequence) % MODULUS;
        if ahead >= window {
            count(&mut self.statistics.duplicates);
            // A server that repeats an I frame has not heard of us since: its final bit belongs to an older poll.
            if frame.control.poll_final && self.role == Role::Server {
                self.take_turn(out);
            }
            return Ok(None);
        }
        if ahead > 0 || self.unacknowledged >= window || self.busy {
            let missing = ahead > 0;
            count(if missing {
                &mut self.statistics.out_of_sequence
            } else if self.busy {
                &mut self.statistics.while_busy
            } else {
                &mut self.statistics.beyond_window
            });
            self.gap = true;
            if frame.control.poll_final {
                self.take_turn(out);
            }
            return Ok(None);
        }
        self.receive_sequence = (self.receive_sequence + 1) % MODULUS;
        self.unacknowledged += 1;
        self.progress = true;
        let progress = self
            .reassembly
            .accept(frame.information, frame.segmentation);
        match progress {
            Progress::TooLong => return self.reject(frame, Violation::ApduTooLong, out),
            Progress::Malformed => count(&mut self.statistics.malformed),
            Progress::Open | Progress::Complete => {}
        }
        let complete = progress == Progress::Complete;
        if frame.control.poll_final {
            if complete && self.role == Role::Server {
                // The answer of the application is the answer to the poll.
                self.turn = true;
            } else {
                self.take_turn(out);
            }
        }
        if !complete {
            return Ok(None);
        }
        self.unconfirmed_delivered = false;
        self.message_source = frame.source;
        Ok(Some(Event::Apdu))
    }

    /// Nothing came for the response timeout.
    pub(super) fn handle_timeout(&mut self, out: &mut Vec<u8>) -> Result<bool, LinkError> {
        if self.role == Role::Server || self.state == State::Disconnected {
            return Ok(false);
        }
        if core::mem::take(&mut self.progress) {
            self.retries = 0;
        }
        if self.retries >= self.config.max_retries || self.busy_polls > self.config.max_busy_polls {
            self.reset();
            self.state = State::Disconnected;
            return Err(LinkErrorKind::RetriesExhausted.into());
        }
        self.retries += 1;
        match self.state {
            State::Connecting => {
                count(&mut self.statistics.frames_repeated);
                self.plain |= 2 * u16::from(self.retries) > u16::from(self.config.max_retries);
                self.put_snrm(out);
            }
            State::Disconnecting => {
                count(&mut self.statistics.frames_repeated);
                self.put(FrameKind::Disc, true, &[], out);
            }
            _ => {
                self.repeats_unanswered = self.repeats_unanswered.saturating_add(1);
                // Of several frames perhaps only the last or its answer was lost: ask first, it costs nine octets.
                let ask_first = self.segmenter.outstanding() > 1 && self.retries == 1;
                if self.peer_busy || ask_first || self.segmenter.pending() == 0 {
                    count(&mut self.statistics.frames_repeated);
                    self.ask(out);
                } else {
                    self.transmit(out);
                }
            }
        }
        Ok(true)
    }

    /// Sends what the window allows, from the first frame not acknowledged; the last frame gives the turn away. Without
    /// anything to send a server says RR, and a client does so where it waits for the rest of a message. Returns whether
    /// anything was said.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        self.segmenter.rewind();
        out.append(&mut self.unconfirmed_waiting);
        let window = if self.peer_busy {
            0
        } else {
            self.parameters.window_size_transmit()
        };
        let max_length = usize::from(self.parameters.max_info_field_length_transmit());
        let mut said = false;
        while let Some(segment) = self.segmenter.next(window, max_length) {
            if segment.repeated {
                count(&mut self.statistics.frames_repeated);
            }
            let (send_sequence, receive_sequence) = (segment.send_sequence, self.receive_sequence);
            let frame = Frame {
                destination: self.peer,
                source: self.own,
                control: Control {
                    kind: FrameKind::I {
                        send_sequence,
                        receive_sequence,
                    },
                    poll_final: segment.last,
                },
                segmentation: segment.more,
                information: segment.information,
            };
            self.echo.note(&frame);
            put_frame(&frame, out);
            said = true;
        }
        if said {
            self.spoken();
        } else if self.role == Role::Server
            || !self.peer_busy && (self.gap || self.reassembly.is_open())
        {
            self.ask(out);
            said = true;
        }
        said
    }

    /// RR, or RNR, with poll or final: says what we expect next, and gives the turn away.
    pub(super) fn ask(&mut self, out: &mut Vec<u8>) {
        let receive_sequence = self.receive_sequence;
        let kind = if self.busy {
            FrameKind::Rnr { receive_sequence }
        } else {
            FrameKind::Rr { receive_sequence }
        };
        self.put(kind, true, &[], out);
        self.spoken();
    }

    fn spoken(&mut self) {
        self.turn = false;
        self.gap = false;
        self.unacknowledged = 0;
    }

    /// Poll or final came: it is our turn.
    fn take_turn(&mut self, out: &mut Vec<u8>) {
        if self.role == Role::Server {
            self.transmit(out);
            return;
        }
        let repeats = core::mem::take(&mut self.repeats_unanswered);
        if core::mem::take(&mut self.progress) {
            // The answer may have been slow, not lost: then each repetition will bring one more.
            self.stale_finals = repeats;
            self.retries = 0;
            self.turn = true;
            self.transmit(out);
            return;
        }
        if repeats > 0 {
            self.stale_finals = 0;
        } else if self.stale_finals > 0 {
            self.stale_finals -= 1;
            return;
        }
        // A peer that gives us the turn for ever without getting any further must not keep us talking for ever.
        self.turn = true;
        if self.retries < self.config.max_retries && self.transmit(out) {
            self.retries += 1;
        }
    }

    /// Takes N(R); false where it acknowledges what was never sent.
    fn take_acknowledgement(&mut self, receive_sequence: u8) -> bool {
        let max_length = usize::from(self.parameters.max_info_field_length_transmit());
        let acknowledged = self.segmenter.acknowledge(receive_sequence, max_length);
        self.progress |= acknowledged.is_some_and(|count| count > 0);
        acknowledged.is_some()
    }

    /// Whether numbered frames from this sender have a meaning now; answers them otherwise, in a server.
    fn is_exchanging(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> bool {
        let from_peer = self.role == Role::Client || frame.source == self.peer;
        if self.state == State::Connected && from_peer {
            return true;
        }
        count(&mut self.statistics.unexpected);
        if self.role == Role::Server && frame.control.poll_final {
            if self.state == State::Rejecting && from_peer {
                let rejection = self.rejection.unwrap_or_default();
                self.put(FrameKind::Frmr, true, &rejection, out);
            } else {
                self.put_to(frame.source, FrameKind::Dm, true, &[], out);
            }
        }
        false
    }

    /// The peer broke the rules: a server says FRMR and waits for SNRM or DISC, a client gives up the link.
    pub(super) fn reject(
        &mut self,
        frame: &Frame<'_>,
        violation: Violation,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        if self.role == Role::Client {
            let kind = match violation {
                // Nothing of it was taken, so nothing is lost: it counts as damaged.
                Violation::Control
                | Violation::InformationNotPermitted
                | Violation::InformationTooLong => return Ok(None),
                Violation::ApduTooLong => LinkErrorKind::ApduTooLong,
                Violation::ReceiveSequence => LinkErrorKind::SequenceNumber,
            };
            self.reset();
            self.state = State::Disconnected;
            return Err(kind.into());
        }
        let reason = match violation {
            Violation::Control => 0x01,
            Violation::InformationNotPermitted => 0x03,
            Violation::InformationTooLong | Violation::ApduTooLong => 0x04,
            Violation::ReceiveSequence => 0x08,
        };
        let sequences = self.receive_sequence << 5 | self.segmenter.send_sequence() << 1;
        let rejection = [frame.control.into(), sequences, reason];
        self.rejection = Some(rejection);
        self.reset();
        self.state = State::Rejecting;
        if frame.control.poll_final {
            self.put(FrameKind::Frmr, true, &rejection, out);
        }
        Ok(Some(Event::Disconnected(DisconnectReason::Frmr)))
    }
}
