//! AES-GCM (NIST SP 800-38D) with the 12-octet tag of DLMS, in place, from the block cipher of `aes` and the hash of `polyval`.
//!
//! The mode is put together here because in DLMS all messages under one key have the same additional data: what they do to the
//! hash is found out once. Tags are compared in constant time, and nothing is deciphered before its tag has been verified.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes256Enc, Block};
use polyval::Polyval;
use polyval::hazmat::FieldElement;
use polyval::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::error::{SecurityError, SecurityErrorKind};

/// The length of an authentication tag in DLMS, in every suite.
pub(crate) const TAG_LENGTH: usize = 12;

/// The length of an initialization vector: system title and invocation counter.
pub(crate) const IV_LENGTH: usize = 12;

/// Octets of a block of AES and of the hash.
const BLOCK: usize = 16;

/// Blocks of the key stream that are made together for a short text, and for any other; the first one masks the tag.
const SHORT_STREAM: usize = 16;
const LONG_STREAM: usize = 72;

/// Blocks that are turned round together. Far enough apart that none is loaded while it is still being stored.
const TURNED: usize = 32;

/// A key made ready for AES-GCM; wiped when dropped.
pub(crate) struct Gcm(Box<Keyed>);

struct Keyed {
    cipher: Cipher,
    /// Of no octets.
    hash: Polyval,
    usual: Option<AdditionalData>,
}

/// GCM enciphers only, in both directions: round keys for deciphering would be as long again.
enum Cipher {
    /// Suites 0 and 1.
    Aes128(Aes128Enc),
    /// Suite 2.
    Aes256(Aes256Enc),
}

impl Cipher {
    fn encipher(&self, blocks: &mut [Block]) {
        match self {
            Self::Aes128(cipher) => cipher.encrypt_blocks(blocks),
            Self::Aes256(cipher) => cipher.encrypt_blocks(blocks),
        }
    }
}

/// Additional data as the hash under one key has taken them in; wiped when dropped.
#[derive(Clone)]
pub(crate) struct AdditionalData {
    hash: Polyval,
    octets: usize,
    /// 0 where there are none.
    first: u8,
}

impl Gcm {
    /// From 16 or 32 octets.
    pub(crate) fn new(key: &[u8]) -> Result<Self, SecurityError> {
        let wrong = |_| SecurityError::from(SecurityErrorKind::KeyLength);
        let cipher = match key.len() {
            16 => Cipher::Aes128(Aes128Enc::new_from_slice(key).map_err(wrong)?),
            32 => Cipher::Aes256(Aes256Enc::new_from_slice(key).map_err(wrong)?),
            _ => return Err(SecurityErrorKind::KeyLength.into()),
        };
        let mut subkey = [Block::default()];
        cipher.encipher(&mut subkey);
        // GHASH is POLYVAL over octets in reverse, its key multiplied by x (RFC 8452, appendix A).
        let mut element = FieldElement::from(subkey[0]).reverse().mulx();
        let hash = Polyval::new(&element.into());
        element.zeroize();
        subkey.zeroize();
        Ok(Self(Box::new(Keyed {
            cipher,
            hash,
            usual: None,
        })))
    }

    /// Takes in the additional data that most messages will have.
    pub(crate) fn prepare(&mut self, data: &[u8]) {
        self.0.usual = Some(self.take_in(data));
    }

    /// The additional data that were prepared, where they begin with `first`.
    pub(crate) fn prepared(&self, first: u8) -> Option<&AdditionalData> {
        let usual = self.0.usual.as_ref();
        usual.filter(|data| data.first == first)
    }

    /// Takes in additional data, for any number of messages.
    pub(crate) fn take_in(&self, data: &[u8]) -> AdditionalData {
        let mut hash = self.0.hash.clone();
        take_in_padded(&mut hash, data);
        AdditionalData {
            hash,
            octets: data.len(),
            first: data.first().copied().unwrap_or(0),
        }
    }

    /// Enciphers `text` in place and returns the tag over the additional data and the result.
    pub(crate) fn seal_in_place(
        &self,
        iv: &[u8; IV_LENGTH],
        data: &AdditionalData,
        text: &mut [u8],
    ) -> [u8; TAG_LENGTH] {
        if text.len() < SHORT_STREAM * BLOCK {
            self.seal::<SHORT_STREAM>(iv, data, text)
        } else {
            self.seal::<LONG_STREAM>(iv, data, text)
        }
    }

    /// Verifies `tag` over the additional data and `text`, then deciphers `text` in place; on a mismatch `text` is left as it
    /// came.
    pub(crate) fn open_in_place(
        &self,
        iv: &[u8; IV_LENGTH],
        data: &AdditionalData,
        text: &mut [u8],
        tag: [u8; TAG_LENGTH],
    ) -> Result<(), SecurityError> {
        if text.len() < SHORT_STREAM * BLOCK {
            self.open::<SHORT_STREAM>(iv, data, text, tag)
        } else {
            self.open::<LONG_STREAM>(iv, data, text, tag)
        }
    }

    /// The tag over additional data alone.
    pub(crate) fn gmac(&self, iv: &[u8; IV_LENGTH], data: &AdditionalData) -> [u8; TAG_LENGTH] {
        self.seal_in_place(iv, data, &mut [])
    }

    /// Applies the key stream, which both enciphers and deciphers; for messages that carry no tag.
    pub(crate) fn apply_key_stream(&self, iv: &[u8; IV_LENGTH], text: &mut [u8]) {
        let mut stream = [Block::default(); LONG_STREAM];
        self.begin(iv, &mut stream, text.len());
        self.apply(iv, &mut stream, text);
    }

    fn seal<const N: usize>(
        &self,
        iv: &[u8; IV_LENGTH],
        data: &AdditionalData,
        text: &mut [u8],
    ) -> [u8; TAG_LENGTH] {
        let mut stream = [Block::default(); N];
        let mask = self.begin(iv, &mut stream, text.len());
        self.apply(iv, &mut stream, text);
        tag_of(data, text, mask)
    }

    fn open<const N: usize>(
        &self,
        iv: &[u8; IV_LENGTH],
        data: &AdditionalData,
        text: &mut [u8],
        tag: [u8; TAG_LENGTH],
    ) -> Result<(), SecurityError> {
        let mut stream = [Block::default(); N];
        let mask = self.begin(iv, &mut stream, text.len());
        if !bool::from(tag_of(data, text, mask).ct_eq(&tag)) {
            return Err(SecurityErrorKind::Tag.into());
        }
        self.apply(iv, &mut stream, text);
        Ok(())
    }

    /// Makes the beginning of the key stream for a text of so many octets. Its first block, returned too, makes a hash a tag.
    fn begin(&self, iv: &[u8; IV_LENGTH], stream: &mut [Block], octets: usize) -> u128 {
        self.make(iv, 1, stream, 1 + octets.div_ceil(BLOCK));
        u128::from_be_bytes(stream[0].0)
    }

    /// Enciphers or deciphers a text, `stream` being the beginning of its key stream, and then the place for the rest.
    fn apply(&self, iv: &[u8; IV_LENGTH], stream: &mut [Block], text: &mut [u8]) {
        let (head, mut rest) = text.split_at_mut(text.len().min((stream.len() - 1) * BLOCK));
        add(head, &stream[1..]);
        let mut counter = 1_u32;
        while !rest.is_empty() {
            // Modulo 2^32 as the standard has it; no text is long enough to come round.
            counter = counter.wrapping_add(u32::try_from(stream.len()).unwrap_or(0));
            self.make(iv, counter, stream, rest.len().div_ceil(BLOCK));
            let (head, behind) = rest.split_at_mut(rest.len().min(stream.len() * BLOCK));
            add(head, stream);
            rest = behind;
        }
    }

    /// Makes the blocks of the key stream from `counter` on, as many of the `wanted` ones as there is room for.
    fn make(&self, iv: &[u8; IV_LENGTH], counter: u32, stream: &mut [Block], wanted: usize) {
        let mut first = [0; BLOCK];
        first[..IV_LENGTH].copy_from_slice(iv);
        let iv = u128::from_be_bytes(first);
        let count = wanted.min(stream.len());
        let stream = &mut stream[..count];
        for (block, number) in stream.iter_mut().zip(0..) {
            *block = (iv | u128::from(counter.wrapping_add(number)))
                .to_be_bytes()
                .into();
        }
        self.0.cipher.encipher(stream);
    }
}

/// Adds a key stream, of at least as many octets, to `text`.
fn add(text: &mut [u8], stream: &[Block]) {
    let (whole, rest) = text.as_chunks_mut::<BLOCK>();
    let count = whole.len();
    for (block, key) in whole.iter_mut().zip(stream) {
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(key.0)).to_ne_bytes();
    }
    if !rest.is_empty() {
        for (octet, key) in rest.iter_mut().zip(&stream[count].0) {
            *octet ^= key;
        }
    }
}

fn tag_of(data: &AdditionalData, text: &[u8], mask: u128) -> [u8; TAG_LENGTH] {
    let mut hash = data.hash.clone();
    take_in_padded(&mut hash, text);
    let lengths = (data.octets as u128) << 67 | (text.len() as u128) << 3;
    hash.update(&[lengths.to_le_bytes().into()]);
    let whole = (u128::from_le_bytes(hash.finalize().0) ^ mask).to_be_bytes();
    let mut tag = [0; TAG_LENGTH];
    tag.copy_from_slice(&whole[..TAG_LENGTH]);
    tag
}

/// Takes in `octets` and as many zeros as make whole blocks.
fn take_in_padded(hash: &mut Polyval, octets: &[u8]) {
    let (whole, rest) = octets.as_chunks::<BLOCK>();
    let mut turned = [Block::default(); TURNED];
    for blocks in whole.chunks(TURNED) {
        for (turned, block) in turned.iter_mut().zip(blocks) {
            *turned = u128::from_be_bytes(*block).to_le_bytes().into();
        }
        hash.update(&turned[..blocks.len()]);
    }
    if !rest.is_empty() {
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        hash.update(&[u128::from_be_bytes(last).to_le_bytes().into()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_tag_leaves_the_text_as_it_came() {
        let gcm = Gcm::new(&[7; 32]).expect("32 octets");
        let mut text = *b"the text";
        let aad = gcm.take_in(b"aad");
        let mut tag = gcm.seal_in_place(&[1; 12], &aad, &mut text);
        let sealed = text;
        tag[11] ^= 1;
        assert_eq!(
            gcm.open_in_place(&[1; 12], &aad, &mut text, tag),
            Err(SecurityErrorKind::Tag.into())
        );
        assert_eq!(text, sealed);
        tag[11] ^= 1;
        assert_eq!(gcm.open_in_place(&[1; 12], &aad, &mut text, tag), Ok(()));
        assert_eq!(&text, b"the text");
    }

    /// However many blocks of the key stream are made at a time, at every length around which a piece ends.
    #[test]
    fn the_pieces_of_the_key_stream_do_not_show() {
        let gcm = Gcm::new(&[9; 16]).expect("16 octets");
        let data = gcm.take_in(b"additional");
        let lengths = (0..600).chain(1120..1160).chain(2270..2330);
        for length in lengths {
            let plain: Vec<u8> = (0..length).map(|n: u32| n.to_le_bytes()[0]).collect();
            let (mut two, mut long) = (plain.clone(), plain.clone());
            let tag = gcm.seal::<2>(&[3; 12], &data, &mut two);
            assert_eq!(gcm.seal::<LONG_STREAM>(&[3; 12], &data, &mut long), tag);
            assert_eq!(two, long, "length {length}");
            assert_eq!(gcm.open_in_place(&[3; 12], &data, &mut long, tag), Ok(()));
            assert_eq!(long, plain, "length {length}");
        }
    }

    #[test]
    fn what_was_prepared_is_given_for_its_first_octet_alone() {
        let mut gcm = Gcm::new(&[9; 16]).expect("16 octets");
        assert!(gcm.prepared(0x30).is_none());
        gcm.prepare(b"\x30 and a key");
        assert!(gcm.prepared(0x10).is_none());
        let prepared = gcm.prepared(0x30).expect("prepared");
        let taken_in = gcm.take_in(b"\x30 and a key");
        assert_eq!(
            gcm.seal_in_place(&[1; 12], prepared, &mut [7; 5]),
            gcm.seal_in_place(&[1; 12], &taken_in, &mut [7; 5])
        );
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for length in [0, 15, 17, 24, 31, 33] {
            assert!(Gcm::new(&vec![0; length]).is_err());
        }
    }
}
