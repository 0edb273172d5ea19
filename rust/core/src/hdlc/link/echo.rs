//! Our own frames that come back, on a line where everybody hears everybody.
//!
//! Where the two addresses differ, the source tells. Where client and server have the same octet, an echo looks like a
//! frame of the peer; then it is told by what it says. The echo of a frame comes before the answer to it.

use std::collections::VecDeque;

use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::frame::Frame;

/// Frames to remember; more are never sent without an answer, but for UI frames.
const MOST: usize = 16;

#[derive(Debug, PartialEq, Eq)]
struct Sent {
    control: Control,
    segmentation: bool,
    information: Vec<u8>,
}

/// What was sent and has not come back, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Echo {
    sent: VecDeque<Sent>,
    /// The line has given something back.
    heard: bool,
}

impl Echo {
    /// Remembers a frame that is sent, where it could be taken for one of the peer.
    pub(super) fn note(&mut self, frame: &Frame<'_>) {
        if frame.source != frame.destination {
            return;
        }
        if self.sent.len() == MOST {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent {
            control: frame.control,
            segmentation: frame.segmentation,
            information: frame.information.to_vec(),
        });
    }

    /// Whether a frame that seems to be the peer's is our own. RR and RNR of both sides can be the same octets: they are
    /// taken for an echo on lines that have given back something that only we can have said.
    pub(super) fn takes(&mut self, frame: &Frame<'_>) -> bool {
        let same = |sent: &Sent| {
            sent.control == frame.control
                && sent.segmentation == frame.segmentation
                && sent.information == frame.information
        };
        let Some(position) = self.sent.iter().position(same) else {
            // Somebody else has spoken: what has not come back by now never will.
            self.sent.clear();
            return false;
        };
        let ambiguous = matches!(
            frame.control.kind,
            FrameKind::Rr { .. } | FrameKind::Rnr { .. }
        );
        self.heard |= !ambiguous;
        if self.heard {
            self.sent.drain(..=position);
        } else {
            self.sent.clear();
        }
        self.heard
    }
}
