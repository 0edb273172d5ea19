//! The bit-string: a length in bits, then the octets; bit 0 is the most significant bit of the first octet.

use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::axdr::limits::Options;
use crate::codec::{Emit, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// A bit-string, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct BitString<'a> {
    octets: &'a [u8],
    len: usize,
}

impl<'a> BitString<'a> {
    /// The first `len` bits of `octets`; `None` where there are fewer, or more octets than needed.
    #[must_use]
    pub const fn new(octets: &'a [u8], len: usize) -> Option<Self> {
        if octets.len() == len.div_ceil(8) {
            Some(Self { octets, len })
        } else {
            None
        }
    }

    /// Reads a bit-string without its tag.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Padding`] where strict and unused bits are set, [`DecodeErrorKind::LengthTooLarge`], and as `read_length` and `take` of the octets.
    pub fn read(reader: &mut Reader<'a>, options: &Options) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let len = read_length_form(reader, options.strict)?;
        options.allow(len.div_ceil(8), offset)?;
        let octets = reader.take(len.div_ceil(8))?;
        let bits = Self { octets, len };
        if options.strict
            && octets
                .last()
                .is_some_and(|last| last & !bits.last_mask() != 0)
        {
            let offset = reader.offset() - 1;
            return Err(DecodeError::new(DecodeErrorKind::Padding, offset));
        }
        Ok(bits)
    }

    /// The number of bits.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The octets as they came; unused bits of the last one may be set where the reading was tolerant.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The octets with the unused bits of the last one cleared.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut octets = self.octets.to_vec();
        if let Some(last) = octets.last_mut() {
            *last &= self.last_mask();
        }
        octets
    }

    /// Bit number `index`; `None` behind the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<bool> {
        (index < self.len).then(|| self.octets[index / 8] & (0x80 >> (index % 8)) != 0)
    }

    /// The bits of the last octet that are in use.
    const fn last_mask(&self) -> u8 {
        match self.len % 8 {
            0 => 0xFF,
            used => 0xFF << (8 - used),
        }
    }
}

impl PartialEq for BitString<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.to_vec() == other.to_vec()
    }
}

impl Eq for BitString<'_> {}

/// Without the tag; unused bits are written as zero.
impl Emit for BitString<'_> {
    fn emitted_len(&self) -> usize {
        length_len(self.len) + self.octets.len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        write_length(out, self.len);
        if let Some((last, front)) = self.octets.split_last() {
            out.put(front);
            out.u8(last & self.last_mask());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8], options: Options) -> Result<BitString<'_>, DecodeError> {
        BitString::read(&mut Reader::new(octets), &options)
    }

    #[test]
    fn ten_blocks_of_which_seven_came() {
        let bits = read(&[0x0A, 0xFE, 0x00], Options::STRICT).expect("ten bits");
        assert_eq!(bits.len(), 10);
        assert_eq!(bits.get(6), Some(true));
        assert_eq!(bits.get(7), Some(false));
        assert_eq!(bits.get(10), None);
        assert_eq!(Emit::to_vec(&bits), [0x0A, 0xFE, 0x00]);
    }

    #[test]
    fn set_padding_is_refused_or_cleared() {
        let octets = [0x0A, 0xFE, 0x7F];
        let refused = DecodeError::new(DecodeErrorKind::Padding, 2);
        assert_eq!(read(&octets, Options::STRICT), Err(refused));
        let bits = read(&octets, Options::TOLERANT).expect("ten bits");
        assert_eq!(bits.to_vec(), [0xFE, 0x40]);
        assert_eq!(Emit::to_vec(&bits), [0x0A, 0xFE, 0x40]);
        assert_eq!(bits, BitString::new(&[0xFE, 0x40], 10).expect("ten bits"));
    }

    #[test]
    fn the_length_is_of_bits_and_is_believed_only_if_the_octets_are_there() {
        assert!(read(&[0x00], Options::STRICT).expect("no bits").is_empty());
        let truncated = DecodeError::new(DecodeErrorKind::Truncated, 2);
        assert_eq!(read(&[0x09, 0xFF], Options::STRICT), Err(truncated));
        let lie = DecodeError::new(DecodeErrorKind::LengthTooLarge, 0);
        assert_eq!(read(&[0x84, 0x80, 0, 0, 0], Options::STRICT), Err(lie));
        assert_eq!(BitString::new(&[0xFF], 9), None);
        assert_eq!(BitString::new(&[0xFF, 0xFF], 8), None);
    }
}
