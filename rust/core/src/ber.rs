//! The little of BER that ACSE needs: one-octet tags, definite lengths, a few primitive values.

use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::codec::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The class and form bits of a tag, and the number below them.
const NUMBER: u8 = 0x1F;
const CLASS: u8 = 0xC0;
const CONTEXT: u8 = 0x80;

/// INTEGER and OCTET STRING, as they stand within explicit tags.
pub const INTEGER: u8 = 0x02;
/// See [`INTEGER`].
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;

/// Reads the contents of an element of exactly this tag that nothing encloses.
///
/// # Errors
/// [`DecodeErrorKind::UnexpectedTag`]; [`DecodeErrorKind::LengthForm`] for an indefinite or reserved length;
/// [`DecodeErrorKind::Truncated`] where it is longer than what is left, or [`DecodeErrorKind::LengthTooLarge`] where beyond belief.
pub fn read<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, DecodeError> {
    reader.expect(tag)?;
    // The definite forms of BER and the lengths of A-XDR are the same; BER does not demand the shortest one.
    let length = read_length_form(reader, false)?;
    reader.sub(length)
}

/// Reads the contents of an element of exactly this tag within another one.
///
/// # Errors
/// As [`read`], but [`DecodeErrorKind::LengthTooLarge`] where it is longer than what encloses it.
pub fn read_within<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, DecodeError> {
    reader.expect(tag)?;
    let start = reader.offset();
    let length = read_length_form(reader, false)?;
    reader
        .sub(length)
        .map_err(|_| DecodeError::new(DecodeErrorKind::LengthTooLarge, start))
}

/// Reads an element of exactly this tag that must take up all that is left.
///
/// # Errors
/// As [`read_within`], and [`DecodeErrorKind::TrailingData`].
pub fn read_only<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>, DecodeError> {
    let contents = read_within(reader, tag)?;
    reader.finish()?;
    Ok(contents)
}

/// Reads an INTEGER of one octet that must take up all that is left.
///
/// # Errors
/// [`DecodeErrorKind::WrongLength`], and as [`read_only`].
pub fn read_small_integer(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let mut contents = read_only(reader, INTEGER)?;
    one_octet(&mut contents)
}

/// Reads an INTEGER of one to four octets, in the shortest form, that must take up all that is left.
///
/// # Errors
/// [`DecodeErrorKind::WrongLength`] for none, for more than four, or for more than are needed; and as [`read_only`].
pub fn read_integer(reader: &mut Reader<'_>) -> Result<i32, DecodeError> {
    let mut contents = read_only(reader, INTEGER)?;
    let wrong_length = contents.error(DecodeErrorKind::WrongLength);
    let octets = contents.rest();
    let sign = octets.first().map_or(0, |first| first.cast_signed() >> 7);
    let value = octets.iter().fold(i32::from(sign), |value, octet| {
        value << 8 | i32::from(*octet)
    });
    if octets.is_empty() || octets.len() > 4 || octets.len() != integer_octets(value) {
        return Err(wrong_length);
    }
    Ok(value)
}

/// The octets of the shortest form of an INTEGER.
const fn integer_octets(value: i32) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 33 - magnitude.leading_zeros(); // with the sign
    bits.div_ceil(8) as usize
}

/// The length of an INTEGER as an element.
#[must_use]
pub const fn integer_len(value: i32) -> usize {
    element_len(integer_octets(value))
}

/// Writes an INTEGER in its shortest form.
pub fn write_integer(out: &mut Writer<'_>, value: i32) {
    let octets = value.to_be_bytes();
    write(out, INTEGER, &octets[4 - integer_octets(value)..]);
}

/// The one octet that must be all that is left.
///
/// # Errors
/// [`DecodeErrorKind::WrongLength`].
pub fn one_octet(contents: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let wrong_length = contents.error(DecodeErrorKind::WrongLength);
    match contents.rest() {
        [octet] => Ok(*octet),
        _ => Err(wrong_length),
    }
}

/// The elements of a SEQUENCE whose members have ascending context-specific tags: in order, none twice.
///
/// The caller matches the tags that it knows and passes over the others.
#[derive(Debug)]
pub struct Elements<'a> {
    reader: Reader<'a>,
    last_number: Option<u8>,
}

impl<'a> Elements<'a> {
    /// The elements that take up all of `contents`.
    #[must_use]
    pub const fn new(contents: Reader<'a>) -> Self {
        Self {
            reader: contents,
            last_number: None,
        }
    }

    /// The tag, its offset and the contents of the next element.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Duplicate`]; [`DecodeErrorKind::UnexpectedTag`] for a tag out of order or not of one context-specific
    /// octet; as [`read_within`].
    pub fn next_element(&mut self) -> Result<Option<Element<'a>>, DecodeError> {
        let offset = self.reader.offset();
        let Some(tag) = self.reader.peek() else {
            return Ok(None);
        };
        let number = tag & NUMBER;
        if tag & CLASS != CONTEXT
            || number == NUMBER
            || self.last_number.is_some_and(|last| number < last)
        {
            return Err(DecodeError::new(DecodeErrorKind::UnexpectedTag, offset));
        }
        if self.last_number == Some(number) {
            return Err(DecodeError::new(DecodeErrorKind::Duplicate, offset));
        }
        self.last_number = Some(number);
        Ok(Some(Element {
            tag,
            offset,
            contents: read_within(&mut self.reader, tag)?,
        }))
    }
}

/// One element of a SEQUENCE.
#[derive(Debug)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// Where it begins.
    pub offset: usize,
    /// What is in it.
    pub contents: Reader<'a>,
}

impl Element<'_> {
    /// The number of its tag.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.tag & NUMBER
    }

    /// The error that says it should not stand here.
    #[must_use]
    pub const fn unexpected(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::UnexpectedTag, self.offset)
    }
}

/// The length of an element with contents of `length` octets.
#[must_use]
pub const fn element_len(length: usize) -> usize {
    1 + length_len(length) + length
}

/// Writes the tag and the length of an element; the contents follow.
pub fn write_header(out: &mut Writer<'_>, tag: u8, length: usize) {
    out.u8(tag);
    write_length(out, length);
}

/// Writes a whole element.
pub fn write(out: &mut Writer<'_>, tag: u8, contents: &[u8]) {
    write_header(out, tag, contents.len());
    out.put(contents);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(octets: &[u8]) -> Result<Vec<u8>, DecodeErrorKind> {
        let mut elements = Elements::new(Reader::new(octets));
        let mut tags = Vec::new();
        while let Some(element) = elements.next_element().map_err(|error| error.kind)? {
            tags.push(element.tag);
        }
        Ok(tags)
    }

    #[test]
    fn elements_come_in_order_and_once() {
        assert_eq!(
            kinds(&[0x80, 0, 0xA1, 1, 9, 0xBE, 0]),
            Ok(vec![0x80, 0xA1, 0xBE])
        );
        assert_eq!(
            kinds(&[0xA1, 0, 0x80, 0]),
            Err(DecodeErrorKind::UnexpectedTag)
        );
        assert_eq!(kinds(&[0xA1, 0, 0xA1, 0]), Err(DecodeErrorKind::Duplicate));
        assert_eq!(kinds(&[0x81, 0, 0xA1, 0]), Err(DecodeErrorKind::Duplicate));
    }

    #[test]
    fn other_classes_and_long_tags_are_refused() {
        for tag in [0x01, 0x30, 0x61, 0xC1, 0x9F, 0xBF] {
            assert_eq!(
                kinds(&[tag, 0]),
                Err(DecodeErrorKind::UnexpectedTag),
                "{tag:02X}"
            );
        }
    }

    #[test]
    fn integers_have_their_shortest_form() {
        for (value, octets) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 0x7F][..]),
            (128, &[2, 2, 0, 0x80][..]),
            (-1, &[2, 1, 0xFF][..]),
            (-128, &[2, 1, 0x80][..]),
            (-129, &[2, 2, 0xFF, 0x7F][..]),
            (i32::MAX, &[2, 4, 0x7F, 0xFF, 0xFF, 0xFF][..]),
            (i32::MIN, &[2, 4, 0x80, 0, 0, 0][..]),
        ] {
            let mut out = vec![0; integer_len(value)];
            write_integer(&mut Writer::new(&mut out), value);
            assert_eq!(out, octets);
            assert_eq!(read_integer(&mut Reader::new(octets)), Ok(value));
        }
        for octets in [
            &[2, 0][..],
            &[2, 2, 0, 1][..],
            &[2, 2, 0xFF, 0x80][..],
            &[2, 5, 1, 0, 0, 0, 0][..],
        ] {
            let error = read_integer(&mut Reader::new(octets)).expect_err("not the shortest form");
            assert_eq!(error, DecodeError::new(DecodeErrorKind::WrongLength, 2));
        }
    }

    #[test]
    fn length_bombs_are_refused() {
        for (octets, kind) in [
            (&[0xA1, 0x80, 0, 0][..], DecodeErrorKind::LengthForm),
            (
                &[0xA1, 0x85, 0, 0, 0, 0, 1, 0][..],
                DecodeErrorKind::LengthForm,
            ),
            (&[0xA1, 0xFF][..], DecodeErrorKind::LengthForm),
            (
                &[0xA1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF][..],
                DecodeErrorKind::LengthTooLarge,
            ),
            (&[0xA1, 0x02, 0x00][..], DecodeErrorKind::LengthTooLarge),
            (&[0xA1, 0x82, 0x00][..], DecodeErrorKind::Truncated),
            (&[0xA1][..], DecodeErrorKind::Truncated),
        ] {
            assert_eq!(kinds(octets), Err(kind), "{octets:02X?}");
        }
    }
}
