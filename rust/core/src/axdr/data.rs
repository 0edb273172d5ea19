//! The Data CHOICE in its wire form.

use crate::axdr::length::read_length_form;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The default number of arrays and structures that may be nested.
pub const DEFAULT_MAX_DEPTH: usize = 16;

/// One complete Data value in its wire form, tag included, whose structure has been checked but whose meaning has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawData<'a>(&'a [u8]);

impl<'a> RawData<'a> {
    /// Octets that the caller knows to be the wire form of one value.
    #[must_use]
    pub const fn trusted(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The wire form.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Parse<'a> for RawData<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mark = reader.offset();
        skip(reader, 0)?;
        Ok(Self(reader.since(mark)))
    }
}

impl Emit for RawData<'_> {
    fn emitted_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(self.0);
    }
}

fn skip(reader: &mut Reader<'_>, depth: usize) -> Result<(), DecodeError> {
    let offset = reader.offset();
    let tag = reader.u8()?;
    let length = match tag {
        0 | 255 => 0,
        1 | 2 => {
            if depth == DEFAULT_MAX_DEPTH {
                return Err(DecodeError::new(DecodeErrorKind::TooDeep, offset));
            }
            for _ in 0..read_length_form(reader, false)? {
                skip(reader, depth + 1)?;
            }
            0
        }
        3 | 13 | 15 | 17 | 22 | 28 | 31 => 1,
        16 | 18 | 29 | 32 => 2,
        5 | 6 | 7 | 23 | 27 | 30 | 33 => 4,
        26 => 5,
        20 | 21 | 24 => 8,
        25 => 12,
        4 => read_length_form(reader, false)?.div_ceil(8),
        9 | 10 | 12 => read_length_form(reader, false)?,
        19 => {
            skip_description(reader, depth)?;
            read_length_form(reader, false)?
        }
        _ => return Err(DecodeError::new(DecodeErrorKind::UnknownTag, offset)),
    };
    reader.take(length).map(|_| ())
}

fn skip_description(reader: &mut Reader<'_>, depth: usize) -> Result<(), DecodeError> {
    let offset = reader.offset();
    let members = match reader.u8()? {
        1 => {
            reader.u16()?;
            1
        }
        2 => reader.u8()?,
        19 => return Err(DecodeError::new(DecodeErrorKind::UnexpectedTag, offset)),
        _ => return Ok(()),
    };
    if depth == DEFAULT_MAX_DEPTH {
        return Err(DecodeError::new(DecodeErrorKind::TooDeep, offset));
    }
    for _ in 0..members {
        skip_description(reader, depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecodeErrorKind::{LengthTooLarge, TooDeep, Truncated};

    #[test]
    fn raw_data_is_exactly_one_value() {
        let octets = [0x02, 0x02, 0x06, 0, 0, 0, 1, 0x09, 0x02, 0xAA, 0xBB, 0xFF];
        let mut reader = Reader::new(&octets);
        let data = RawData::parse(&mut reader).expect("a complete structure");
        assert_eq!(data.as_bytes(), &octets[..11]);
        assert_eq!(data.to_vec(), &octets[..11]);
        assert_eq!(reader.remaining(), 1);
        for cut in 0..11 {
            assert_eq!(
                RawData::parse_all(&octets[..cut]).map_err(|error| error.kind),
                Err(Truncated)
            );
        }
    }

    #[test]
    fn raw_data_refuses_lies_and_depth() {
        fn kind(octets: &[u8]) -> Option<DecodeErrorKind> {
            RawData::parse_all(octets).err().map(|error| error.kind)
        }
        fn nested(depth: usize) -> Vec<u8> {
            [[1, 1].repeat(depth), vec![0]].concat()
        }
        assert_eq!(
            kind(&[0x09, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
            Some(LengthTooLarge)
        );
        assert_eq!(kind(&nested(16)), None);
        assert_eq!(kind(&nested(17)), Some(TooDeep));
        assert_eq!(kind(&nested(100_000)), Some(TooDeep));
    }
}
