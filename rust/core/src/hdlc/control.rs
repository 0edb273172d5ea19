//! The control field of an HDLC frame: its kind, its sequence numbers, its poll/final bit.

/// The poll/final bit.
const POLL_FINAL: u8 = 0x10;

/// What a frame is, with its sequence numbers (modulo 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Information.
    I {
        /// N(S), the number of this frame.
        send_sequence: u8,
        /// N(R), the number of the frame expected next.
        receive_sequence: u8,
    },
    /// Receive ready.
    Rr {
        /// N(R), the number of the frame expected next.
        receive_sequence: u8,
    },
    /// Receive not ready.
    Rnr {
        /// N(R), the number of the frame expected next.
        receive_sequence: u8,
    },
    /// Set normal response mode.
    Snrm,
    /// Disconnect.
    Disc,
    /// Unnumbered acknowledge.
    Ua,
    /// Disconnected mode.
    Dm,
    /// Frame reject.
    Frmr,
    /// Unnumbered information.
    Ui,
    /// A control field that this profile does not use, without its poll/final bit.
    Unknown(u8),
}

/// A control field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Control {
    /// What the frame is.
    pub kind: FrameKind,
    /// Poll in a frame of the client, final in a frame of the server.
    pub poll_final: bool,
}

impl From<u8> for Control {
    fn from(octet: u8) -> Self {
        let receive_sequence = octet >> 5;
        let kind = match octet & !POLL_FINAL {
            code if code & 0x01 == 0 => FrameKind::I {
                send_sequence: code >> 1 & 7,
                receive_sequence,
            },
            code if code & 0x0F == 0x01 => FrameKind::Rr { receive_sequence },
            code if code & 0x0F == 0x05 => FrameKind::Rnr { receive_sequence },
            0x83 => FrameKind::Snrm,
            0x43 => FrameKind::Disc,
            0x63 => FrameKind::Ua,
            0x0F => FrameKind::Dm,
            0x87 => FrameKind::Frmr,
            0x03 => FrameKind::Ui,
            code => FrameKind::Unknown(code),
        };
        Self {
            kind,
            poll_final: octet & POLL_FINAL != 0,
        }
    }
}

impl From<Control> for u8 {
    fn from(control: Control) -> Self {
        let code = match control.kind {
            FrameKind::I {
                send_sequence,
                receive_sequence,
            } => (receive_sequence & 7) << 5 | (send_sequence & 7) << 1,
            FrameKind::Rr { receive_sequence } => (receive_sequence & 7) << 5 | 0x01,
            FrameKind::Rnr { receive_sequence } => (receive_sequence & 7) << 5 | 0x05,
            FrameKind::Snrm => 0x83,
            FrameKind::Disc => 0x43,
            FrameKind::Ua => 0x63,
            FrameKind::Dm => 0x0F,
            FrameKind::Frmr => 0x87,
            FrameKind::Ui => 0x03,
            FrameKind::Unknown(code) => code & !POLL_FINAL,
        };
        code | if control.poll_final { POLL_FINAL } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_survives_a_round_trip() {
        for octet in 0..=u8::MAX {
            assert_eq!(u8::from(Control::from(octet)), octet);
        }
    }

    // proves: hdlc-frames
    #[test]
    fn the_codes_of_the_standard() {
        let octet = |kind, poll_final| u8::from(Control { kind, poll_final });
        assert_eq!(
            octet(
                FrameKind::I {
                    send_sequence: 0,
                    receive_sequence: 0
                },
                true
            ),
            0x10
        );
        assert_eq!(
            octet(
                FrameKind::I {
                    send_sequence: 0,
                    receive_sequence: 1
                },
                true
            ),
            0x30
        );
        assert_eq!(
            octet(
                FrameKind::Rr {
                    receive_sequence: 0
                },
                true
            ),
            0x11
        );
        assert_eq!(
            octet(
                FrameKind::Rnr {
                    receive_sequence: 0
                },
                true
            ),
            0x15
        );
        assert_eq!(octet(FrameKind::Snrm, true), 0x93);
        assert_eq!(octet(FrameKind::Disc, true), 0x53);
        assert_eq!(octet(FrameKind::Ua, true), 0x73);
        assert_eq!(octet(FrameKind::Dm, true), 0x1F);
        assert_eq!(octet(FrameKind::Frmr, true), 0x97);
        assert_eq!(octet(FrameKind::Ui, true), 0x13);
        // REJ and SREJ are not used in this profile.
        assert_eq!(Control::from(0x09).kind, FrameKind::Unknown(0x09));
        assert_eq!(Control::from(0x0D).kind, FrameKind::Unknown(0x0D));
    }
}
