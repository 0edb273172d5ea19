//! A long `ReadRequest`, `WriteRequest` or `ReadResponse` on its way out, cut into blocks. The raw data of the blocks is what follows the tag
//! of the whole APDU, element counts included, so that an [`Assembler`](crate::xdlms::block_transfer::Assembler) that begins with
//! the tag puts it together again.

use super::read::{ReadRequest, ReadResponse};
use super::write::WriteRequest;
use crate::axdr::length::{length_len, write_length};
use crate::codec::Writer;
use crate::xdlms::block_transfer::BlockService;

const READ_REQUEST: u8 = ReadRequest::TAG;
const WRITE_REQUEST: u8 = <WriteRequest<'_>>::TAG;
const READ_RESPONSE: u8 = ReadResponse::TAG;
/// The list of data of a `WriteRequest`: one octet-string.
const ONE_OCTET_STRING: &[u8] = &[1, 9];

/// A long APDU on its way out.
#[derive(Debug)]
pub struct ShortNameSplitter {
    tag: u8,
    raw_data: Vec<u8>,
    position: usize,
    block_number: u16,
}

impl ShortNameSplitter {
    /// From a complete plain APDU; `None` where the standard has no block form for it.
    #[must_use]
    pub fn new(apdu: &[u8]) -> Option<Self> {
        let (&tag, raw_data) = apdu.split_first()?;
        matches!(tag, READ_REQUEST | WRITE_REQUEST | READ_RESPONSE).then(|| Self {
            tag,
            raw_data: raw_data.to_vec(),
            position: 0,
            block_number: 0,
        })
    }

    /// The conformance that this needs.
    #[must_use]
    pub const fn service(&self) -> BlockService {
        match self.tag {
            WRITE_REQUEST => BlockService::Set,
            _ => BlockService::Get,
        }
    }

    /// The tag of the APDU.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// The number of the block handed out last; 0 before the first.
    #[must_use]
    pub const fn block_number(&self) -> u16 {
        self.block_number
    }

    /// Whether the last block has been handed out.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.block_number > 0 && self.position == self.raw_data.len()
    }

    /// The next block APDU, of at most `limit` octets; `None` where `limit` leaves no room for a single octet of data, or where
    /// the numbers of 16 bits are used up.
    #[must_use]
    pub fn next_block(&mut self, limit: usize) -> Option<Vec<u8>> {
        let (choice, list_of_data): (u8, &[u8]) = match self.tag {
            READ_RESPONSE => (2, &[]),
            READ_REQUEST => (6, &[]),
            _ => (7, ONE_OCTET_STRING),
        };
        let left = self.raw_data.len() - self.position;
        let mut take = left;
        loop {
            let length = 6 + list_of_data.len() + length_len(take) + take;
            if length <= limit {
                break;
            }
            take = take.checked_sub(length - limit).filter(|&take| take > 0)?;
        }
        self.block_number = self.block_number.checked_add(1)?;
        let [high, low] = self.block_number.to_be_bytes();
        let mut block = vec![self.tag, 1, choice, u8::from(take == left), high, low];
        block.extend_from_slice(list_of_data);
        let length_at = block.len();
        block.resize(length_at + length_len(take), 0);
        write_length(&mut Writer::new(&mut block[length_at..]), take);
        block.extend_from_slice(&self.raw_data[self.position..self.position + take]);
        self.position += take;
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::hex;

    #[test]
    fn blocks_fill_their_limit_and_are_numbered() {
        let mut splitter =
            ShortNameSplitter::new(&hex("0C 01 00 09 04 01020304")).expect("a block form");
        assert_eq!(
            splitter.next_block(11),
            Some(hex("0C 01 02 00 0001 04 01000904"))
        );
        assert_eq!(
            splitter.next_block(11),
            Some(hex("0C 01 02 01 0002 04 01020304"))
        );
        assert!(splitter.is_finished());
    }

    #[test]
    fn the_block_of_a_write_is_an_octet_string() {
        let mut splitter =
            ShortNameSplitter::new(&hex("06 01 02 0108 01 09 02 AABB")).expect("a block form");
        assert_eq!(splitter.service(), BlockService::Set);
        assert_eq!(
            splitter.next_block(15),
            Some(hex("06 01 07 00 0001 01 09 06 010201080109"))
        );
        assert_eq!(
            splitter.next_block(15),
            Some(hex("06 01 07 01 0002 01 09 03 02AABB"))
        );
    }

    #[test]
    fn no_room_for_data_is_no_block() {
        let mut splitter = ShortNameSplitter::new(&hex("06 01 02 0108 01 1105")).expect("a form");
        assert_eq!(splitter.next_block(9), None);
    }

    #[test]
    fn a_write_response_has_no_block_form() {
        assert!(ShortNameSplitter::new(&hex("0D 01 00")).is_none());
    }
}
