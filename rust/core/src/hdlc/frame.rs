//! HDLC frame format type 3: header, check sequences, information.
//!
//! Checks run on the octets as they came, never on a header written anew. The HCS stands only in frames that carry
//! information. There is no octet stuffing, so 0x7E may occur anywhere inside. Knows one frame, no stream and no link.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeErrorKind;
use crate::hdlc::address::Address;
use crate::hdlc::control::Control;
use crate::hdlc::fcs::fcs;

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

impl From<FrameDefect> for DecodeErrorKind {
    fn from(defect: FrameDefect) -> Self {
        match defect {
            FrameDefect::Format => Self::UnexpectedTag,
            FrameDefect::Length => Self::WrongLength,
            FrameDefect::Address => Self::LengthForm,
            FrameDefect::Hcs | FrameDefect::Fcs => Self::CheckSequence,
        }
    }
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
        out.u8(FLAG);
        let start = out.position();
        out.u16(FORMAT_TYPE_3 | if self.segmentation { SEGMENTATION } else { 0 } | length);
        self.destination.emit(out);
        self.source.emit(out);
        out.u8(self.control.into());
        if !self.information.is_empty() {
            let hcs = fcs(out.since(start)).octets();
            out.put(&hcs);
            out.put(self.information);
        }
        // Over the header once more: one long sum is faster than the rest of one that was begun.
        let fcs = fcs(out.since(start)).octets();
        out.put(&fcs);
        out.u8(FLAG);
    }
}

#[cfg(test)]
mod tests;
