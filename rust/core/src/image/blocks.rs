//! Cutting an image into blocks, and the wire form of one block.
//!
//! Blue Book, class 18, method 2 `image_block_transfer`: `structure { double-long-unsigned, octet-string }`.

use crate::axdr::length::{length_len, read_octets, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// How an image of a given size falls into blocks. Exact arithmetic for every size an `image_size` can state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    image_size: usize,
    image_block_size: usize,
}

impl BlockLayout {
    /// The layout of `image_size` octets in blocks of `image_block_size`; `None` where there would be no block, a
    /// block of no octets, or a number that does not fit the double-long-unsigned of the standard.
    #[must_use]
    pub const fn new(image_size: usize, image_block_size: usize) -> Option<Self> {
        let fits = image_size <= u32::MAX as usize && image_block_size <= u32::MAX as usize;
        if image_size == 0 || image_block_size == 0 || !fits {
            return None;
        }
        Some(Self {
            image_size,
            image_block_size,
        })
    }

    /// The size of the image in octets.
    #[must_use]
    pub const fn image_size(&self) -> usize {
        self.image_size
    }

    /// The size of every block but perhaps the last, in octets.
    #[must_use]
    pub const fn image_block_size(&self) -> usize {
        self.image_block_size
    }

    /// The number of blocks.
    #[must_use]
    #[inline]
    pub const fn blocks(&self) -> usize {
        self.image_size.div_ceil(self.image_block_size)
    }

    /// The octets `start..end` of the image that make up block `number`, or `None` past the last one.
    #[must_use]
    #[inline]
    pub fn range(&self, number: usize) -> Option<core::ops::Range<usize>> {
        let start = number.checked_mul(self.image_block_size)?;
        if start >= self.image_size {
            return None;
        }
        Some(start..self.image_size.min(start + self.image_block_size))
    }
}

/// One block of an image, as the parameter of `image_block_transfer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageBlock<'a> {
    /// The number of the block, from 0.
    pub image_block_number: u32,
    /// Its octets.
    pub image_block_value: &'a [u8],
    /// Zero octets to add behind the value, for meters that demand a full last block.
    pub padding: usize,
}

const ZEROS: [u8; 64] = [0; 64];

/// Only in its shortest form, so that what was read is written again with the same octets.
impl<'a> Parse<'a> for ImageBlock<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        for octet in [0x02, 0x02, 0x06] {
            reader.expect(octet)?;
        }
        let image_block_number = reader.u32()?;
        reader.expect(0x09)?;
        Ok(Self {
            image_block_number,
            image_block_value: read_octets(reader)?,
            padding: 0,
        })
    }
}

impl Emit for ImageBlock<'_> {
    #[inline]
    fn emitted_len(&self) -> usize {
        let length = self.image_block_value.len() + self.padding;
        2 + 5 + 1 + length_len(length) + length
    }

    #[inline]
    fn emit(&self, out: &mut Writer<'_>) {
        let length = self.image_block_value.len() + self.padding;
        let [a, b, c, d] = self.image_block_number.to_be_bytes();
        out.put(&[0x02, 0x02, 0x06, a, b, c, d, 0x09]);
        write_length(out, length);
        out.put(self.image_block_value);
        let mut left = self.padding;
        while left > 0 {
            let step = left.min(ZEROS.len());
            out.put(&ZEROS[..step]);
            left -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_block_is_written_octet_for_octet() {
        let value: Vec<u8> = (0..16).collect();
        let block = ImageBlock {
            image_block_number: 0,
            image_block_value: &value,
            padding: 0,
        };
        assert_eq!(
            block.to_vec(),
            [&[0x02, 0x02, 0x06, 0, 0, 0, 0, 0x09, 0x10], &value[..]].concat()
        );
    }

    #[test]
    fn a_block_is_read_back_whole_and_in_its_shortest_form_only() {
        let value = [0x55; 200];
        let block = ImageBlock {
            image_block_number: 0x0102_0304,
            image_block_value: &value,
            padding: 0,
        };
        let octets = block.to_vec();
        assert_eq!(ImageBlock::parse_all(&octets), Ok(block));
        for cut in 0..octets.len() {
            assert!(ImageBlock::parse_all(&octets[..cut]).is_err());
        }
        assert!(ImageBlock::parse_all(&[&octets[..], &[0]].concat()).is_err());
        let longer = [&octets[..8], &[0x82, 0, 200], &value[..]].concat();
        assert!(ImageBlock::parse_all(&longer).is_err());
    }

    #[test]
    fn layouts_are_exact_at_the_edges() {
        let layout = BlockLayout::new(1025, 512).expect("a layout");
        assert_eq!(layout.blocks(), 3);
        assert_eq!(layout.range(2), Some(1024..1025));
        assert_eq!(layout.range(3), None);
        assert_eq!(
            BlockLayout::new(1024, 512).map(|layout| layout.blocks()),
            Some(2)
        );
        assert_eq!(
            BlockLayout::new(1, 512).and_then(|layout| layout.range(0)),
            Some(0..1)
        );
        assert_eq!(BlockLayout::new(0, 512), None);
        assert_eq!(BlockLayout::new(512, 0), None);
        assert_eq!(BlockLayout::new(1 << 33, 512), None);
        assert_eq!(
            BlockLayout::new(65_537 * 16, 16).map(|layout| layout.blocks()),
            Some(65_537)
        );
    }

    #[test]
    fn padding_fills_the_last_block_with_zeros() {
        let block = ImageBlock {
            image_block_number: 7,
            image_block_value: &[1, 2],
            padding: 130,
        };
        let octets = block.to_vec();
        assert_eq!(octets.len(), block.emitted_len());
        assert_eq!(&octets[8..12], &[0x81, 132, 1, 2]);
        assert!(octets[12..].iter().all(|&octet| octet == 0));
    }
}
