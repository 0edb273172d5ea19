//! AES-GCM with the 12-octet tag of DLMS, in place.
//!
//! Tags are compared in constant time, and nothing is deciphered before its tag has been verified.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AeadInOut, AesGcm, KeyInit, Nonce, Tag};

use crate::error::{SecurityError, SecurityErrorKind};

/// The length of an authentication tag in DLMS, in every suite.
pub(crate) const TAG_LENGTH: usize = 12;

/// The length of an initialization vector: system title and invocation counter.
pub(crate) const IV_LENGTH: usize = 12;

/// A key made ready for AES-GCM; wiped when dropped.
pub(crate) enum Gcm {
    /// Suites 0 and 1.
    Aes128(Box<AesGcm<Aes128, U12, U12>>),
    /// Suite 2.
    Aes256(Box<AesGcm<Aes256, U12, U12>>),
}

impl Gcm {
    /// From 16 or 32 octets.
    pub(crate) fn new(key: &[u8]) -> Result<Self, SecurityError> {
        let wrong = |_| SecurityError::from(SecurityErrorKind::KeyLength);
        match key.len() {
            16 => Ok(Self::Aes128(Box::new(
                AesGcm::new_from_slice(key).map_err(wrong)?,
            ))),
            32 => Ok(Self::Aes256(Box::new(
                AesGcm::new_from_slice(key).map_err(wrong)?,
            ))),
            _ => Err(SecurityErrorKind::KeyLength.into()),
        }
    }

    /// Enciphers `text` in place and returns the tag over `aad` and the result.
    pub(crate) fn seal_in_place(
        &self,
        iv: &[u8; IV_LENGTH],
        aad: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH], SecurityError> {
        let nonce = Nonce::<U12>::from(*iv);
        let text = InOutBuf::from(text);
        let tag = match self {
            Self::Aes128(gcm) => gcm.encrypt_inout_detached(&nonce, aad, text),
            Self::Aes256(gcm) => gcm.encrypt_inout_detached(&nonce, aad, text),
        };
        // The only way to fail is a text beyond 64 GiB, which no APDU length can state.
        tag.map(Into::into)
            .map_err(|_| SecurityErrorKind::TooShort.into())
    }

    /// Verifies `tag` over `aad` and `text`, then deciphers `text` in place; on a mismatch `text` is left as it came.
    pub(crate) fn open_in_place(
        &self,
        iv: &[u8; IV_LENGTH],
        aad: &[u8],
        text: &mut [u8],
        tag: [u8; TAG_LENGTH],
    ) -> Result<(), SecurityError> {
        let nonce = Nonce::<U12>::from(*iv);
        let tag = Tag::<U12>::from(tag);
        let text = InOutBuf::from(text);
        let verified = match self {
            Self::Aes128(gcm) => gcm.decrypt_inout_detached(&nonce, aad, text, &tag),
            Self::Aes256(gcm) => gcm.decrypt_inout_detached(&nonce, aad, text, &tag),
        };
        verified.map_err(|_| SecurityErrorKind::Tag.into())
    }

    /// The tag over `aad` alone.
    pub(crate) fn gmac(
        &self,
        iv: &[u8; IV_LENGTH],
        aad: &[u8],
    ) -> Result<[u8; TAG_LENGTH], SecurityError> {
        self.seal_in_place(iv, aad, &mut [])
    }

    /// Applies the key stream, which both enciphers and deciphers; for messages that carry no tag.
    pub(crate) fn apply_key_stream(
        &self,
        iv: &[u8; IV_LENGTH],
        text: &mut [u8],
    ) -> Result<(), SecurityError> {
        self.seal_in_place(iv, &[], text).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_tag_leaves_the_text_as_it_came() {
        let gcm = Gcm::new(&[7; 32]).expect("32 octets");
        let mut text = *b"the text";
        let mut tag = gcm
            .seal_in_place(&[1; 12], b"aad", &mut text)
            .expect("sealed");
        let sealed = text;
        tag[11] ^= 1;
        assert_eq!(
            gcm.open_in_place(&[1; 12], b"aad", &mut text, tag),
            Err(SecurityErrorKind::Tag.into())
        );
        assert_eq!(text, sealed);
        tag[11] ^= 1;
        assert_eq!(gcm.open_in_place(&[1; 12], b"aad", &mut text, tag), Ok(()));
        assert_eq!(&text, b"the text");
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for length in [0, 15, 17, 24, 31, 33] {
            assert!(Gcm::new(&vec![0; length]).is_err());
        }
    }
}
