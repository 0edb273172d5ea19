//! HDLC frame format type 3: header, check sequences, information.
//!
//! Checks run on the octets as they came, never on a header written anew. The HCS stands only in frames that carry
//! information. There is no octet stuffing, so 0x7E may occur anywhere inside. Knows one frame, no stream and no link.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeErrorKind;
use crate::hdlc::address::Address;
use crate::hdlc::control::Control;
use crate::hdlc::fcs::{Fcs, fcs};

/// The octet before and after every frame.
pub const FLAG: u8 = 0x7E;

/// The longest a frame can be between its flags, in octets.
pub const MAX_FRAME_LENGTH: usize = 0x7FF;

/// The shortest a frame can be between its flags: format, two addresses of one octet, control, FCS.
pub const MIN_FRAME_LENGTH: usize = 2 + 1 + 1 + 1 + CHECK;

/// The longest header: format, two addresses of four octets, control.
pub const MAX_HEADER_LENGTH: usize = 2 + 4 + 4 + 1;

/// Octets of a check sequence.
const CHECK: usize = 2;

const FORMAT_TYPE_3: u16 = 0xA000;
const FORMAT_TYPE_MASK: u16 = 0xF000;
const SEGMENTATION: u16 = 0x0800;
const LENGTH_MASK: u16 = 0x07FF;

/// Why octets are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameDefect {
    /// The format type is not 3 (binary 1010).
    Format,
    /// The length field cannot be right, or does not lead to a flag.
    Length,
    /// An address has three octets, or more than four.
    Address,
    /// The header check sequence is wrong.
    Hcs,
    /// The frame check sequence is wrong.
    Fcs,
}

/// The header of a frame, before anything has been checked by its FCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whom it is for.
    pub destination: Address,
    /// Who sent it.
    pub source: Address,
    /// What it is.
    pub control: Control,
    /// Whether more segments of the same message follow.
    pub segmentation: bool,
    /// Octets between the flags.
    pub length: usize,
    /// Octets before the HCS or the FCS.
    pub header_length: usize,
}

impl Header {
    /// Reads the header at the start of `octets` (behind the flag) and checks its HCS; none where octets are still missing.
    ///
    /// # Errors
    /// The [`FrameDefect`], as soon as the octets show it: a wrong length field must not make the reader wait.
    pub fn parse(octets: &[u8]) -> Result<Option<Self>, FrameDefect> {
        let mut reader = Reader::new(octets);
        match reader.peek() {
            None => return Ok(None),
            Some(octet) if u16::from(octet) << 8 & FORMAT_TYPE_MASK != FORMAT_TYPE_3 => {
                return Err(FrameDefect::Format);
            }
            Some(_) => {}
        }
        let Ok(format) = reader.u16() else {
            return Ok(None);
        };
        let length = usize::from(format & LENGTH_MASK);
        if length < MIN_FRAME_LENGTH {
            return Err(FrameDefect::Length);
        }
        let Some(destination) = address(&mut reader)? else {
            return Ok(None);
        };
        let Some(source) = address(&mut reader)? else {
            return Ok(None);
        };
        let Ok(control) = reader.u8() else {
            return Ok(None);
        };
        let header_length = reader.offset();
        let header = Self {
            destination,
            source,
            control: control.into(),
            segmentation: format & SEGMENTATION != 0,
            length,
            header_length,
        };
        if !header.has_information() {
            return if length == header_length + CHECK {
                Ok(Some(header))
            } else {
                Err(FrameDefect::Length)
            };
        }
        let Ok(hcs) = reader.array::<CHECK>() else {
            return Ok(None);
        };
        if hcs == fcs(&octets[..header_length]).octets() {
            Ok(Some(header))
        } else {
            Err(FrameDefect::Hcs)
        }
    }

    /// Whether an information field, and so an HCS, follows the header.
    #[must_use]
    pub const fn has_information(&self) -> bool {
        self.length > self.header_length + CHECK + CHECK
    }

    /// Checks the FCS of the frame in `octets`, the octets between its flags.
    ///
    /// # Errors
    /// [`FrameDefect::Fcs`].
    pub fn check(&self, octets: &[u8]) -> Result<(), FrameDefect> {
        match octets.split_last_chunk::<CHECK>() {
            Some((covered, sum)) if *sum == fcs(covered).octets() => Ok(()),
            _ => Err(FrameDefect::Fcs),
        }
    }

    /// The information field among `octets`, the octets between the flags of this frame.
    #[must_use]
    pub fn information<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        if self.has_information() {
            &octets[self.header_length + CHECK..self.length - CHECK]
        } else {
            &[]
        }
    }
}

/// An address; none where octets are still missing.
fn address(reader: &mut Reader<'_>) -> Result<Option<Address>, FrameDefect> {
    match Address::parse(reader) {
        Ok(address) => Ok(Some(address)),
        Err(error) if error.kind == DecodeErrorKind::Truncated => Ok(None),
        Err(_) => Err(FrameDefect::Address),
    }
}

/// A frame, borrowing its information field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whom it is for.
    pub destination: Address,
    /// Who sent it.
    pub source: Address,
    /// What it is.
    pub control: Control,
    /// Whether more segments of the same message follow.
    pub segmentation: bool,
    /// The information field; empty means that the frame has none, and no HCS.
    pub information: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame that takes up all of `octets`, which are what stands between two flags.
    ///
    /// # Errors
    /// The [`FrameDefect`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, FrameDefect> {
        let header = Header::parse(octets)?.ok_or(FrameDefect::Length)?;
        if header.length != octets.len() {
            return Err(FrameDefect::Length);
        }
        header.check(octets)?;
        Ok(Self::assemble(&header, octets))
    }

    /// The frame of a header that has been checked together with `octets`, the octets between the flags.
    #[must_use]
    pub fn assemble(header: &Header, octets: &'a [u8]) -> Self {
        Self {
            destination: header.destination,
            source: header.source,
            control: header.control,
            segmentation: header.segmentation,
            information: header.information(octets),
        }
    }

    const fn header_length(&self) -> usize {
        2 + self.destination.size().octets() + self.source.size().octets() + 1
    }

    /// Octets between the flags.
    const fn length(&self) -> usize {
        let information = self.information.len();
        self.header_length()
            + if information == 0 {
                0
            } else {
                CHECK + information
            }
            + CHECK
    }
}

/// The wire form has a flag on both sides. Whoever makes a frame keeps it within [`MAX_FRAME_LENGTH`].
impl Emit for Frame<'_> {
    fn emitted_len(&self) -> usize {
        1 + self.length() + 1
    }

    fn emit(&self, out: &mut Writer<'_>) {
        debug_assert!(
            self.length() <= MAX_FRAME_LENGTH,
            "the information field is too long for a frame"
        );
        #[expect(
            clippy::cast_possible_truncation,
            reason = "masked to the eleven bits of the field"
        )]
        let length = self.length() as u16 & LENGTH_MASK;
        let mut octets = [0; MAX_HEADER_LENGTH];
        let header = &mut octets[..self.header_length()];
        let mut into = Writer::new(header);
        into.u16(FORMAT_TYPE_3 | if self.segmentation { SEGMENTATION } else { 0 } | length);
        self.destination.emit(&mut into);
        self.source.emit(&mut into);
        into.u8(self.control.into());
        into.finish();

        out.u8(FLAG);
        out.put(header);
        let mut sum = Fcs::new();
        sum.update(header);
        if !self.information.is_empty() {
            let hcs = sum.octets();
            out.put(&hcs);
            sum.update(&hcs);
            out.put(self.information);
            sum.update(self.information);
        }
        out.put(&sum.octets());
        out.u8(FLAG);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdlc::address::AddressSize;
    use crate::hdlc::control::FrameKind;
    use crate::hdlc::testing::hex;
    use proptest::prelude::*;

    fn client(sap: u8) -> Address {
        Address::client(sap).expect("fits")
    }

    fn server(upper: u16, lower: Option<u16>, size: AddressSize) -> Address {
        Address::new(upper, lower, size).expect("fits")
    }

    fn control(kind: FrameKind) -> Control {
        Control {
            kind,
            poll_final: true,
        }
    }

    /// The frames of the fact sheet that need no link to be understood.
    fn worked() -> Vec<(&'static str, Address, Address, FrameKind, &'static str)> {
        let (one, public, management) = (server(1, None, AddressSize::One), client(16), client(1));
        let aarq = "E6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0";
        let aare = "E6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007";
        vec![
            ("7EA0070321930F017E", one, public, FrameKind::Snrm, ""),
            (
                "7EA01E210373C37A818012050180060180070400000001080400000001533B7E",
                public,
                one,
                FrameKind::Ua,
                "818012050180060180070400000001080400000001",
            ),
            (
                "7EA020030393FEC9818014050207EE060207EE070400000001080400000001B5D47E",
                one,
                management,
                FrameKind::Snrm,
                "818014050207EE060207EE070400000001080400000001",
            ),
            (
                "7EA008022303933E747E",
                server(1, Some(17), AddressSize::Two),
                management,
                FrameKind::Snrm,
                "",
            ),
            (
                "7EA00A0002002303939B617E",
                server(1, Some(17), AddressSize::Four),
                management,
                FrameKind::Snrm,
                "",
            ),
            (
                "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E",
                one,
                public,
                FrameKind::I {
                    send_sequence: 0,
                    receive_sequence: 0,
                },
                aarq,
            ),
            (
                "7EA0372103306C7CE6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007190A7E",
                public,
                one,
                FrameKind::I {
                    send_sequence: 0,
                    receive_sequence: 1,
                },
                aare,
            ),
            (
                "7EA00703213117877E",
                one,
                public,
                FrameKind::Rr {
                    receive_sequence: 1,
                },
                "",
            ),
            ("7EA00703215303C77E", one, public, FrameKind::Disc, ""),
            ("7EA00721037301407E", public, one, FrameKind::Ua, ""),
            ("7EA00721031F6BE97E", public, one, FrameKind::Dm, ""),
        ]
    }

    #[test]
    fn worked_frames_octet_for_octet() {
        for (octets, destination, source, kind, information) in worked() {
            let (octets, information) = (hex(octets), hex(information));
            let frame = Frame {
                destination,
                source,
                control: control(kind),
                segmentation: false,
                information: &information,
            };
            assert_eq!(frame.to_vec(), octets);
            assert_eq!(Frame::parse(&octets[1..octets.len() - 1]), Ok(frame));
        }
    }

    #[test]
    fn worked_frame_to_all_stations() {
        let octets = hex("7EA019FFCD03CB91E6E600C001C100080000010000FF0200601A7E");
        let frame = Frame::parse(&octets[1..octets.len() - 1]).expect("valid");
        assert!(frame.destination.is_all_stations());
        assert_eq!(frame.source, client(102));
        assert_eq!(
            frame.control,
            Control {
                kind: FrameKind::Ui,
                poll_final: false
            }
        );
        assert_eq!(frame.to_vec(), octets);
    }

    #[test]
    fn lengths_around_the_octet_border_and_all_others() {
        let octets = [0x7E; MAX_FRAME_LENGTH];
        for information in 0..=2030 {
            let frame = Frame {
                destination: server(1, Some(17), AddressSize::Four),
                source: client(1),
                control: control(FrameKind::I {
                    send_sequence: 3,
                    receive_sequence: 5,
                }),
                segmentation: information % 2 == 1,
                information: &octets[..information],
            };
            let wire = frame.to_vec();
            assert_eq!(
                usize::from(u16::from_be_bytes([wire[1], wire[2]]) & LENGTH_MASK),
                wire.len() - 2
            );
            assert_eq!(
                Frame::parse(&wire[1..wire.len() - 1]),
                Ok(frame),
                "information of {information} octets"
            );
        }
    }

    #[test]
    fn l_01_either_check_sequence_wrong() {
        let octets = hex(
            "A02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA",
        );
        let damaged = |position: usize| {
            let mut copy = octets.clone();
            copy[position] ^= 0x10;
            Frame::parse(&copy).map(|_| ())
        };
        assert_eq!(damaged(5), Err(FrameDefect::Hcs));
        assert_eq!(damaged(20), Err(FrameDefect::Fcs));
        assert_eq!(damaged(octets.len() - 1), Err(FrameDefect::Fcs));
    }

    #[test]
    fn l_02_no_frame_with_one_bit_flipped_is_accepted() {
        for (octets, ..) in worked() {
            let octets = hex(octets);
            for bit in 0..8 * (octets.len() - 2) {
                let mut copy = octets[1..octets.len() - 1].to_vec();
                copy[bit / 8] ^= 1 << (bit % 8);
                assert!(Frame::parse(&copy).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn l_05_wrong_format_type_or_length_field() {
        let octets = hex("A0070321930F01");
        let with = |format: [u8; 2]| {
            let mut copy = octets.clone();
            copy[..2].copy_from_slice(&format);
            Frame::parse(&copy).map(|_| ())
        };
        for format_type in (0..16).filter(|format_type| *format_type != 0xA) {
            assert_eq!(with([format_type << 4, 0x07]), Err(FrameDefect::Format));
        }
        for length in [0_u16, 1, 6, 8, 9, 10, 11, 2047] {
            let [high, low] = (FORMAT_TYPE_3 | length).to_be_bytes();
            assert!(with([high, low]).is_err(), "length {length}");
        }
    }

    #[test]
    fn an_hcs_before_an_empty_information_field_is_refused() {
        let mut octets = hex("A009032110");
        octets.extend(fcs(&octets).octets());
        octets.extend(fcs(&octets).octets());
        assert_eq!(Frame::parse(&octets), Err(FrameDefect::Length));
    }

    proptest! {
        #[test]
        fn l_02_two_or_three_flipped_bits_are_not_accepted(
            information in prop::collection::vec(any::<u8>(), 0..2030),
            bits in prop::collection::vec(any::<prop::sample::Index>(), 2..4),
        ) {
            let frame = Frame {
                destination: server(1, None, AddressSize::One),
                source: client(1),
                control: control(FrameKind::I { send_sequence: 1, receive_sequence: 2 }),
                segmentation: false,
                information: &information,
            };
            let wire = frame.to_vec();
            let mut damaged = wire[1..wire.len() - 1].to_vec();
            for bit in bits {
                let bit = bit.index(8 * damaged.len());
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            if damaged != wire[1..wire.len() - 1] {
                prop_assert!(Frame::parse(&damaged).is_err());
            }
        }

        #[test]
        fn any_octets_parse_or_are_refused(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(frame) = Frame::parse(&octets) {
                prop_assert_eq!(&frame.to_vec()[1..=octets.len()], &octets[..]);
            }
        }
    }
}
