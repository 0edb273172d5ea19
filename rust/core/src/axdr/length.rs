//! The A-XDR variable length: one octet up to 127, else `0x80 | n` and n octets; and the octet strings that it precedes.
//!
//! Shared by Data, the APDUs and their ciphered forms. Encoding uses the shortest form. The indefinite form 0x80 does not
//! exist in A-XDR and more than four length octets have no use: both are refused always.

use crate::codec::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The largest length or count that is believed, whatever is announced: 256 Mi.
///
/// Below it, a length larger than what is left means that the data has been cut short ([`DecodeErrorKind::Truncated`]); above
/// it, that the length is a lie ([`DecodeErrorKind::LengthTooLarge`]).
pub const MAX_LENGTH: usize = 1 << 28;

/// Reads a length in its shortest form.
///
/// # Errors
/// [`DecodeErrorKind::LengthForm`] (0x80, 0x85 and above, not the shortest form), [`DecodeErrorKind::LengthTooLarge`] or
/// [`DecodeErrorKind::Truncated`]. Whether so many octets follow is for the caller to check, by taking them.
pub fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    read_length_form(reader, true)
}

/// Reads a length; `strict` refuses a form that is not the shortest.
///
/// # Errors
/// As [`read_length`].
#[inline]
pub fn read_length_form(reader: &mut Reader<'_>, strict: bool) -> Result<usize, DecodeError> {
    match reader.peek() {
        Some(first @ 0..=0x7F) => {
            reader.u8()?;
            Ok(usize::from(first))
        }
        _ => read_long_form(reader, strict),
    }
}

fn read_long_form(reader: &mut Reader<'_>, strict: bool) -> Result<usize, DecodeError> {
    let offset = reader.offset();
    let octets = match reader.u8()? {
        first @ 0x81..=0x84 => reader.take(usize::from(first & 0x7F))?,
        _ => return Err(DecodeError::new(DecodeErrorKind::LengthForm, offset)),
    };
    let length = octets
        .iter()
        .fold(0_u64, |length, octet| length << 8 | u64::from(*octet));
    let length = match usize::try_from(length) {
        Ok(length) if length <= MAX_LENGTH => length,
        _ => return Err(DecodeError::new(DecodeErrorKind::LengthTooLarge, offset)),
    };
    if strict && length_len(length) != 1 + octets.len() {
        return Err(DecodeError::new(DecodeErrorKind::LengthForm, offset));
    }
    Ok(length)
}

/// The number of octets of the shortest form of `length`.
#[must_use]
#[inline]
pub const fn length_len(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    }
}

/// Writes `length` in its shortest form.
///
/// # Panics
/// Where `length` needs more than four octets, which is more than any APDU that this library sends.
#[inline]
pub fn write_length(out: &mut Writer<'_>, length: usize) {
    let Ok(value) = u32::try_from(length) else {
        panic!("a length of more than four octets");
    };
    let [a, b, c, d] = value.to_be_bytes();
    match length_len(length) {
        1 => out.put(&[d]),
        2 => out.put(&[0x81, d]),
        3 => out.put(&[0x82, c, d]),
        4 => out.put(&[0x83, b, c, d]),
        _ => out.put(&[0x84, a, b, c, d]),
    }
}

/// Reads an octet string with its length in front, length in shortest form.
///
/// # Errors
/// As [`read_length`].
pub fn read_octets<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = read_length(reader)?;
    reader.take(length)
}

/// The number of octets of `octets` with their length in front.
#[must_use]
pub const fn octets_len(octets: &[u8]) -> usize {
    length_len(octets.len()) + octets.len()
}

/// Writes `octets` with their length in front.
///
/// # Panics
/// As [`write_length`].
pub fn write_octets(out: &mut Writer<'_>, octets: &[u8]) {
    write_length(out, octets.len());
    out.put(octets);
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecodeErrorKind::{LengthForm, LengthTooLarge, Truncated};

    fn emitted(length: usize) -> Vec<u8> {
        let mut octets = vec![0; length_len(length)];
        let mut out = Writer::new(&mut octets);
        write_length(&mut out, length);
        out.finish();
        octets
    }

    #[test]
    fn the_shortest_form_is_emitted_and_read_back() {
        for (length, octets) in [
            (0, &[0x00][..]),
            (0x7F, &[0x7F]),
            (0x80, &[0x81, 0x80]),
            (0xFF, &[0x81, 0xFF]),
            (0x100, &[0x82, 0x01, 0x00]),
            (0xFFFF, &[0x82, 0xFF, 0xFF]),
            (0x1_0000, &[0x83, 0x01, 0x00, 0x00]),
            (0xFF_FFFF, &[0x83, 0xFF, 0xFF, 0xFF]),
            (0x100_0000, &[0x84, 0x01, 0x00, 0x00, 0x00]),
        ] {
            assert_eq!(emitted(length), octets);
            assert_eq!(read_length(&mut Reader::new(octets)), Ok(length));
            for cut in 0..octets.len() {
                assert_eq!(
                    read_length(&mut Reader::new(&octets[..cut])),
                    Err(DecodeError::new(Truncated, cut))
                );
            }
        }
    }

    #[test]
    fn indefinite_and_reserved_forms_are_refused_always() {
        for first in [0x80, 0x85, 0x88, 0xFF] {
            let octets = [first, 0, 0, 0, 0, 0, 0, 0, 1];
            for strict in [true, false] {
                assert_eq!(
                    read_length_form(&mut Reader::new(&octets), strict),
                    Err(DecodeError::new(LengthForm, 0))
                );
            }
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_refused_only_if_strict() {
        for octets in [
            &[0x81, 0x05][..],
            &[0x82, 0x00, 0x05],
            &[0x84, 0x00, 0x00, 0x00, 0x05],
        ] {
            assert_eq!(
                read_length(&mut Reader::new(octets)),
                Err(DecodeError::new(LengthForm, 0))
            );
            assert_eq!(read_length_form(&mut Reader::new(octets), false), Ok(5));
        }
    }

    #[test]
    fn an_incredible_length_is_refused_by_itself() {
        let octets = [0x84, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(
            read_length(&mut Reader::new(&octets)),
            Err(DecodeError::new(LengthTooLarge, 0))
        );
    }

    #[test]
    fn octets_are_taken_only_as_far_as_they_are_there() {
        let octets = [0x03, 1, 2, 3];
        assert_eq!(read_octets(&mut Reader::new(&octets)), Ok(&[1, 2, 3][..]));
        assert_eq!(
            read_octets(&mut Reader::new(&octets[..3])),
            Err(DecodeError::new(Truncated, 3))
        );
        let mut out = [0; 4];
        assert_eq!(octets_len(&[1, 2, 3]), 4);
        write_octets(&mut Writer::new(&mut out), &[1, 2, 3]);
        assert_eq!(out, octets);
    }
}
