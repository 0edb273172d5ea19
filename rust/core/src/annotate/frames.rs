//! HDLC frames and wrapper messages as nodes, one after another, with whatever stands between them.

use super::apdus;
use super::node::{Notes, Value, octets};
use crate::codec::Reader;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::frame::{FLAG, Header};
use crate::wrapper::HEADER_LENGTH;

const LLC: usize = 3;

/// All frames in an octet stream.
pub(super) fn hdlc(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    while let Some(octet) = reader.peek() {
        let left = reader.clone().rest();
        if octet != FLAG {
            let garbage = left.iter().position(|octet| *octet == FLAG);
            let count = garbage.unwrap_or(left.len());
            notes.node(reader, "outside of frames", "", |notes, reader| {
                notes.current().value = octets(reader, count)?;
                notes.current().error = Some(reader.error(DecodeErrorKind::UnexpectedTag));
                Ok::<_, DecodeError>(())
            })?;
            continue;
        }
        if left.iter().all(|octet| *octet == FLAG) || left.get(1) == Some(&FLAG) {
            notes.leaf(reader, "flag", "", |reader| octets(reader, 1))?;
            continue;
        }
        // A frame that cannot be understood says so, and the next one has its turn.
        let mut only = reader.sub(extent(left))?;
        let _ = notes.node(&mut only, "frame", "frame", frame);
    }
    Ok(())
}

/// From the opening flag to the closing one, which may also open the next.
fn frame(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.u8()?;
    let start = reader.offset();
    let all = reader.clone().rest();
    let header = match Header::parse(all) {
        Ok(Some(header)) => header,
        Ok(None) => {
            return Err(DecodeError::new(
                DecodeErrorKind::Truncated,
                start + all.len(),
            ));
        }
        Err(defect) => return Err(DecodeError::new(defect.into(), start)),
    };
    let Some(body) = all.get(..header.length) else {
        return Err(DecodeError::new(
            DecodeErrorKind::Truncated,
            start + all.len(),
        ));
    };
    notes.current().note = kind_name(header.control);
    notes.leaf(reader, "format", "frame-format", |reader| {
        Ok(Value::Unsigned(reader.u16()?.into()))
    })?;
    let addresses = header.header_length - 3;
    let destination = addresses_of(&body[2..2 + addresses]);
    for (name, count) in [
        ("destination-address", destination),
        ("source-address", addresses - destination),
    ] {
        notes.leaf(reader, name, "hdlc-address", |reader| octets(reader, count))?;
    }
    notes.leaf(reader, "control", "hdlc-control", |reader| {
        Ok(Value::Unsigned(reader.u8()?.into()))
    })?;
    if header.has_information() {
        notes.leaf(reader, "hcs", "", |reader| octets(reader, 2))?;
        let length = header.length - header.header_length - 4;
        let mut information = reader.sub(length)?;
        let whole = !header.segmentation;
        match header.control.kind {
            FrameKind::I { .. } | FrameKind::Ui => {
                notes.node(
                    &mut information,
                    "information",
                    "segment",
                    |notes, reader| {
                        if whole && has_llc(reader) {
                            notes.leaf(reader, "llc", "", |reader| octets(reader, LLC))?;
                            notes.current().kind = "information";
                            apdus::walk_any(notes, reader);
                        } else {
                            let left = reader.remaining();
                            notes.current().value = octets(reader, left)?;
                        }
                        Ok::<_, DecodeError>(())
                    },
                )?;
            }
            FrameKind::Snrm | FrameKind::Ua => {
                notes.node(&mut information, "parameters", "", parameters)?;
            }
            _ => apdus::remainder(notes, &mut information)?,
        }
    }
    let check = header.check(body);
    notes.leaf(reader, "fcs", "", |reader| octets(reader, 2))?;
    if let Err(defect) = check {
        notes.current().error = Some(DecodeError::new(defect.into(), start));
    }
    if reader.is_empty() {
        Ok(())
    } else {
        reader.expect(FLAG)
    }
}

/// How far the frame that begins at a flag goes: to where its length says, or else to the next flag. A flag that also opens the
/// next frame is left to that one.
fn extent(octets: &[u8]) -> usize {
    let body = &octets[1..];
    let end = match Header::parse(body) {
        Ok(Some(header)) if header.length <= body.len() => header.length,
        _ => body
            .iter()
            .position(|octet| *octet == FLAG)
            .unwrap_or(body.len()),
    };
    match &body[end..] {
        [FLAG] | [FLAG, FLAG, ..] => 1 + end + 1,
        _ => 1 + end,
    }
}

fn has_llc(reader: &Reader<'_>) -> bool {
    matches!(reader.clone().rest(), [0xE6, 0xE6 | 0xE7, 0x00, _, ..])
}

/// The length of the first address: it ends with the octet whose lowest bit is set.
fn addresses_of(octets: &[u8]) -> usize {
    octets
        .iter()
        .position(|octet| octet & 1 == 1)
        .map_or(octets.len(), |last| last + 1)
}

fn parameters(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.array::<2>()?; // format and group identifier
    let length = reader.u8()?;
    let mut group = reader.sub(length.into())?;
    while let Some(identifier) = group.peek() {
        let name = match identifier {
            5 => "max-info-field-length-transmit",
            6 => "max-info-field-length-receive",
            7 => "window-size-transmit",
            8 => "window-size-receive",
            _ => "parameter",
        };
        notes.leaf(&mut group, name, "", |reader| {
            reader.u8()?;
            let length = reader.u8()?;
            let octets = reader.take(length.into())?;
            if octets.len() > 8 {
                return Err(reader.error(DecodeErrorKind::WrongLength));
            }
            Ok(Value::Unsigned(
                octets
                    .iter()
                    .fold(0, |value, octet| value << 8 | u64::from(*octet)),
            ))
        })?;
    }
    Ok(())
}

const fn kind_name(control: Control) -> &'static str {
    match control.kind {
        FrameKind::I { .. } => "I",
        FrameKind::Rr { .. } => "RR",
        FrameKind::Rnr { .. } => "RNR",
        FrameKind::Snrm => "SNRM",
        FrameKind::Disc => "DISC",
        FrameKind::Ua => "UA",
        FrameKind::Dm => "DM",
        FrameKind::Frmr => "FRMR",
        FrameKind::Ui => "UI",
        FrameKind::Unknown(_) => "unknown",
    }
}

/// All messages in an octet stream.
pub(super) fn wrapper(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    while !reader.is_empty() {
        notes.node(reader, "message", "message", |notes, reader| {
            let wrong = reader.error(DecodeErrorKind::ValueOutOfRange);
            let version = unsigned(notes, reader, "version")?;
            if version != 1 {
                return Err(wrong);
            }
            unsigned(notes, reader, "source-wPort")?;
            unsigned(notes, reader, "destination-wPort")?;
            let length = unsigned(notes, reader, "length")?;
            let mut apdu = reader.sub(length)?;
            apdus::walk_any(notes, &mut apdu);
            Ok(())
        })?;
    }
    Ok(())
}

fn unsigned(
    notes: &mut Notes,
    reader: &mut Reader<'_>,
    name: &'static str,
) -> Result<usize, DecodeError> {
    let mut value = 0;
    notes.leaf(reader, name, "", |reader| {
        value = reader.u16()?;
        Ok(Value::Unsigned(value.into()))
    })?;
    Ok(value.into())
}

/// Whether octets begin with a header of the wrapper whose length may be right.
pub(super) fn is_wrapper(octets: &[u8]) -> bool {
    matches!(octets, [0, 1, _, _, _, _, high, low, ..]
        if HEADER_LENGTH + usize::from(*high) * 256 + usize::from(*low) <= octets.len())
}
