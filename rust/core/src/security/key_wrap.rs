//! AES key wrap (RFC 3394) of symmetric keys under a key encrypting key.

use aes_kw::{KeyInit, KwAes128, KwAes256};
use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

/// How much longer a wrapped key is than the key.
pub const WRAP_OVERHEAD: usize = aes_kw::IV_LEN;

/// Octets of keys that can be wrapped, and of those that wrap.
const KEY_LENGTHS: [usize; 2] = [16, 32];

/// Wraps a key of 16 or 32 octets under a key of 16 or 32 octets.
///
/// # Errors
/// `KeyLength`.
pub fn wrap_key(
    key_encrypting_key: &[u8],
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let wrong = |_| SecurityError::from(SecurityErrorKind::KeyLength);
    if !KEY_LENGTHS.contains(&key.len()) {
        return Err(SecurityErrorKind::KeyLength.into());
    }
    let mut wrapped = Zeroizing::new(vec![0; key.len() + WRAP_OVERHEAD]);
    match key_encrypting_key.len() {
        16 => KwAes128::new_from_slice(key_encrypting_key)
            .map_err(|_| SecurityErrorKind::KeyLength)?
            .wrap_key(key, &mut wrapped)
            .map_err(wrong)?,
        32 => KwAes256::new_from_slice(key_encrypting_key)
            .map_err(|_| SecurityErrorKind::KeyLength)?
            .wrap_key(key, &mut wrapped)
            .map_err(wrong)?,
        _ => return Err(SecurityErrorKind::KeyLength.into()),
    };
    Ok(wrapped)
}

/// The key in 24 or 40 wrapped octets.
///
/// # Errors
/// `KeyLength` where a length is another; `Unwrap` where the octets were not wrapped under this key.
pub fn unwrap_key(
    key_encrypting_key: &[u8],
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let wrong = |_| SecurityError::from(SecurityErrorKind::Unwrap);
    let length = wrapped.len().saturating_sub(WRAP_OVERHEAD);
    if !KEY_LENGTHS.contains(&length) {
        return Err(SecurityErrorKind::KeyLength.into());
    }
    let mut key = Zeroizing::new(vec![0; length]);
    match key_encrypting_key.len() {
        16 => KwAes128::new_from_slice(key_encrypting_key)
            .map_err(|_| SecurityErrorKind::KeyLength)?
            .unwrap_key(wrapped, &mut key)
            .map_err(wrong)?,
        32 => KwAes256::new_from_slice(key_encrypting_key)
            .map_err(|_| SecurityErrorKind::KeyLength)?
            .unwrap_key(wrapped, &mut key)
            .map_err(wrong)?,
        _ => return Err(SecurityErrorKind::KeyLength.into()),
    };
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(range: core::ops::Range<u8>) -> Vec<u8> {
        range.collect()
    }

    /// RFC 3394, 4.1 and 4.6.
    // proves: aes-key-wrap
    #[test]
    fn the_examples_of_rfc_3394() {
        let key: Vec<u8> = (0..16).map(|digit| digit * 0x11).collect();
        let wrapped = [
            0x1F, 0xA6, 0x8B, 0x0A, 0x81, 0x12, 0xB4, 0x47, 0xAE, 0xF3, 0x4B, 0xD8, 0xFB, 0x5A,
            0x7B, 0x82, 0x9D, 0x3E, 0x86, 0x23, 0x71, 0xD2, 0xCF, 0xE5,
        ];
        let made = wrap_key(&octets(0..16), &key).expect("16 octets");
        assert_eq!(made.as_slice(), wrapped);
        let key = [key, octets(0..16)].concat();
        let wrapped = [
            0x28, 0xC9, 0xF4, 0x04, 0xC4, 0xB8, 0x10, 0xF4, 0xCB, 0xCC, 0xB3, 0x5C, 0xFB, 0x87,
            0xF8, 0x26, 0x3F, 0x57, 0x86, 0xE2, 0xD8, 0x0E, 0xD3, 0x26, 0xCB, 0xC7, 0xF0, 0xE7,
            0x1A, 0x99, 0xF4, 0x3B, 0xFB, 0x98, 0x8B, 0x9B, 0x7A, 0x02, 0xDD, 0x21,
        ];
        let made = wrap_key(&octets(0..32), &key).expect("32 octets");
        assert_eq!(made.as_slice(), wrapped);
        let back = unwrap_key(&octets(0..32), &wrapped).expect("wrapped with this key");
        assert_eq!(back.as_slice(), key);
    }

    #[test]
    fn every_changed_octet_and_every_other_length_is_refused() {
        let wrapped = wrap_key(&[7; 16], &[9; 16]).expect("16 octets");
        for at in 0..wrapped.len() {
            let mut changed = wrapped.to_vec();
            changed[at] ^= 0x80;
            assert_eq!(
                unwrap_key(&[7; 16], &changed),
                Err(SecurityErrorKind::Unwrap.into())
            );
            assert_eq!(
                unwrap_key(&[7; 16], &wrapped[..at]),
                Err(SecurityErrorKind::KeyLength.into())
            );
        }
        assert_eq!(
            unwrap_key(&[8; 16], &wrapped),
            Err(SecurityErrorKind::Unwrap.into())
        );
        for length in [0, 8, 15, 17, 24, 48] {
            assert!(wrap_key(&[7; 16], &vec![0; length]).is_err());
            assert!(wrap_key(&vec![7; length], &[0; 16]).is_err());
        }
    }
}
