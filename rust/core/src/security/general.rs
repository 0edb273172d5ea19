//! The layouts of general-ciphering and general-signing: one header of five octet-strings, and what follows it.
//!
//! `DD | header | key-info | length | security control | invocation counter | content [| tag]` and
//! `DF | header | length | content | length | signature`.

use core::ops::Range;

use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::codec::{Emit, Reader, Writer};
use crate::error::{DecodeError, SecurityError, SecurityErrorKind};

use super::control::{SecurityControl, SecuritySuite};
use super::gcm::TAG_LENGTH;
use super::key_wrap::WRAP_OVERHEAD;

/// general-ciphering.
pub(crate) const GENERAL_CIPHERING: u8 = 0xDD;
/// general-signing.
pub(crate) const GENERAL_SIGNING: u8 = 0xDF;

/// Key parameters of the one-pass Diffie-Hellman scheme.
const ONE_PASS: u8 = 0x01;
/// Key parameters of the static unified scheme.
const STATIC_UNIFIED: u8 = 0x02;

/// Where the key of a general-ciphering APDU comes from, as one decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyInformation {
    /// No key-info: the global unicast key.
    None,
    /// Identified: the global unicast key, or the broadcast key where there is no other.
    Identified,
    /// A key of the sender's, wrapped under the master key.
    Wrapped,
    /// Agreed on with an ephemeral key of the sender and the static key of the recipient.
    OnePassDiffieHellman,
    /// Agreed on with the static keys of both.
    StaticUnified,
}

/// key-info as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyInfo<'a> {
    /// Absent.
    None,
    /// Identified-key: 0 unicast, 1 broadcast.
    Identified(u8),
    /// Wrapped-key; the key encrypting key is always the master key (0).
    Wrapped(&'a [u8]),
    /// Agreed-key, one-pass: the ephemeral public key and its signature.
    OnePass(&'a [u8]),
    /// Agreed-key, static unified.
    Static,
}

impl<'a> KeyInfo<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, SecurityError> {
        let unknown = SecurityError::from(SecurityErrorKind::KeyInformation);
        match reader.u8().map_err(short)? {
            0 => return Ok(Self::None),
            1 => (),
            _ => return Err(unknown),
        }
        match reader.u8().map_err(short)? {
            0 => match reader.u8().map_err(short)? {
                key @ (0 | 1) => Ok(Self::Identified(key)),
                _ => Err(unknown),
            },
            1 => {
                let master = reader.u8().map_err(short)?;
                let key = octet_string(reader).map_err(short)?;
                if master == 0 {
                    Ok(Self::Wrapped(key))
                } else {
                    Err(unknown)
                }
            }
            2 => {
                let parameters = octet_string(reader).map_err(short)?;
                let data = octet_string(reader).map_err(short)?;
                match parameters {
                    [ONE_PASS] => Ok(Self::OnePass(data)),
                    [STATIC_UNIFIED] if data.is_empty() => Ok(Self::Static),
                    _ => Err(unknown),
                }
            }
            _ => Err(unknown),
        }
    }

    /// The decision that this is the wire form of.
    pub(crate) const fn kind(&self) -> KeyInformation {
        match self {
            Self::None => KeyInformation::None,
            Self::Identified(_) => KeyInformation::Identified,
            Self::Wrapped(_) => KeyInformation::Wrapped,
            Self::OnePass(_) => KeyInformation::OnePassDiffieHellman,
            Self::Static => KeyInformation::StaticUnified,
        }
    }

    /// The length that key-info of a kind will have.
    pub(crate) const fn length(kind: KeyInformation, suite: SecuritySuite) -> usize {
        match kind {
            KeyInformation::None => 1,
            KeyInformation::Identified => 3,
            KeyInformation::Wrapped => 4 + suite.key_length() + WRAP_OVERHEAD,
            KeyInformation::OnePassDiffieHellman => {
                let data = 2 * signature_length(suite);
                4 + length_len(data) + data
            }
            KeyInformation::StaticUnified => 5,
        }
    }
}

impl Emit for KeyInfo<'_> {
    fn emitted_len(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Identified(_) => 3,
            Self::Wrapped(key) => 3 + length_len(key.len()) + key.len(),
            Self::OnePass(data) => 4 + length_len(data.len()) + data.len(),
            Self::Static => 5,
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::None => out.u8(0),
            Self::Identified(key) => out.put(&[1, 0, *key]),
            Self::Wrapped(key) => {
                out.put(&[1, 1, 0]);
                put_octet_string(out, key);
            }
            Self::OnePass(data) => {
                out.put(&[1, 2, 1, ONE_PASS]);
                put_octet_string(out, data);
            }
            Self::Static => out.put(&[1, 2, 1, STATIC_UNIFIED, 0]),
        }
    }
}

/// Octets of a signature, and of a public key, of a suite; 0 where it has none.
pub(crate) const fn signature_length(suite: SecuritySuite) -> usize {
    match suite {
        SecuritySuite::Suite0 => 0,
        SecuritySuite::Suite1 => 64,
        SecuritySuite::Suite2 => 96,
    }
}

/// The five octet-strings in front of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// Of the request; a response repeats it.
    pub(crate) transaction_id: &'a [u8],
    /// Of the sender.
    pub(crate) originator_system_title: &'a [u8],
    /// Of the one it is for.
    pub(crate) recipient_system_title: &'a [u8],
    /// Empty, or 12 octets.
    pub(crate) date_time: &'a [u8],
    /// Of no meaning here.
    pub(crate) other_information: &'a [u8],
}

impl<'a> Header<'a> {
    /// The length of a header with this transaction id, both titles, and nothing else.
    pub(crate) const fn length(transaction_id: usize) -> usize {
        length_len(transaction_id) + transaction_id + 2 * 9 + 2
    }

    fn fields(&self) -> [&'a [u8]; 5] {
        [
            self.transaction_id,
            self.originator_system_title,
            self.recipient_system_title,
            self.date_time,
            self.other_information,
        ]
    }

    fn parse(reader: &mut Reader<'a>) -> Result<Self, SecurityError> {
        let mut next = || octet_string(reader).map_err(short);
        Ok(Self {
            transaction_id: next()?,
            originator_system_title: next()?,
            recipient_system_title: next()?,
            date_time: next()?,
            other_information: next()?,
        })
    }
}

impl Emit for Header<'_> {
    fn emitted_len(&self) -> usize {
        self.fields()
            .iter()
            .map(|field| length_len(field.len()) + field.len())
            .sum()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        for field in self.fields() {
            put_octet_string(out, field);
        }
    }
}

/// A general-ciphering APDU, content still ciphered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GeneralCiphering<'a> {
    /// Its header.
    pub(crate) header: Header<'a>,
    /// The header as it came; it is authenticated.
    pub(crate) header_octets: &'a [u8],
    /// Where the key is from.
    pub(crate) key_info: KeyInfo<'a>,
    /// The security control octet.
    pub(crate) control: SecurityControl,
    /// The sender's counter under this key.
    pub(crate) invocation_counter: u32,
    /// Content without the tag, as octets of the APDU.
    pub(crate) content: Range<usize>,
}

impl<'a> GeneralCiphering<'a> {
    pub(crate) fn parse(apdu: &'a [u8]) -> Result<Self, SecurityError> {
        let mut reader = Reader::new(apdu);
        reader.expect(GENERAL_CIPHERING).map_err(short)?;
        let mark = reader.offset();
        let header = Header::parse(&mut reader)?;
        let header_octets = reader.since(mark);
        let key_info = KeyInfo::parse(&mut reader)?;
        let length = read_length_form(&mut reader, false).map_err(short)?;
        if length != reader.remaining() {
            return Err(SecurityErrorKind::TooShort.into());
        }
        let control = SecurityControl(reader.u8().map_err(short)?);
        let invocation_counter = reader.u32().map_err(short)?;
        let start = reader.offset();
        let behind = if control.protection().is_authenticated() {
            TAG_LENGTH
        } else {
            0
        };
        let end = apdu
            .len()
            .checked_sub(behind)
            .filter(|&end| end > start)
            .ok_or(SecurityErrorKind::TooShort)?;
        Ok(Self {
            header,
            header_octets,
            key_info,
            control,
            invocation_counter,
            content: start..end,
        })
    }
}

/// A general-signing APDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GeneralSigning<'a> {
    /// Its header.
    pub(crate) header: Header<'a>,
    /// The header as it came; it is signed, and so is the content without its length.
    pub(crate) header_octets: &'a [u8],
    /// The APDU inside, as octets of this one.
    pub(crate) content: Range<usize>,
    /// r || s.
    pub(crate) signature: &'a [u8],
}

impl<'a> GeneralSigning<'a> {
    pub(crate) fn parse(apdu: &'a [u8]) -> Result<Self, SecurityError> {
        let mut reader = Reader::new(apdu);
        reader.expect(GENERAL_SIGNING).map_err(short)?;
        let mark = reader.offset();
        let header = Header::parse(&mut reader)?;
        let header_octets = reader.since(mark);
        let length = read_length_form(&mut reader, false).map_err(short)?;
        let start = reader.offset();
        reader.take(length).map_err(short)?;
        let content = start..reader.offset();
        let signature = octet_string(&mut reader).map_err(short)?;
        reader.finish().map_err(short)?;
        if content.is_empty() {
            return Err(SecurityErrorKind::TooShort.into());
        }
        Ok(Self {
            header,
            header_octets,
            content,
            signature,
        })
    }
}

/// Whether octets have the layout of a complete general-ciphering or general-signing APDU; what is in it is not looked at.
///
/// # Errors
/// `TooShort` where lengths do not fit, `KeyInformation` where a key is named in a way that nobody knows.
pub fn check_general(apdu: &[u8]) -> Result<(), SecurityError> {
    match apdu.first() {
        Some(&GENERAL_SIGNING) => GeneralSigning::parse(apdu).map(drop),
        _ => GeneralCiphering::parse(apdu).map(drop),
    }
}

fn short(_: DecodeError) -> SecurityError {
    SecurityErrorKind::TooShort.into()
}

fn octet_string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = read_length_form(reader, false)?;
    reader.take(length)
}

fn put_octet_string(out: &mut Writer<'_>, octets: &[u8]) {
    write_length(out, octets.len());
    out.put(octets);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_info_survives_and_its_length_is_known_beforehand() {
        for suite in [SecuritySuite::Suite1, SecuritySuite::Suite2] {
            let wrapped = vec![7; suite.key_length() + WRAP_OVERHEAD];
            let agreed = vec![8; 2 * signature_length(suite)];
            for info in [
                KeyInfo::None,
                KeyInfo::Identified(0),
                KeyInfo::Identified(1),
                KeyInfo::Wrapped(&wrapped),
                KeyInfo::OnePass(&agreed),
                KeyInfo::Static,
            ] {
                let octets = info.to_vec();
                assert_eq!(octets.len(), KeyInfo::length(info.kind(), suite));
                let mut reader = Reader::new(&octets);
                assert_eq!(KeyInfo::parse(&mut reader), Ok(info));
                assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn key_info_that_nobody_knows_is_refused() {
        for octets in [
            &[1, 0, 2][..],
            &[1, 1, 1, 0],
            &[1, 2, 1, 3, 0],
            &[1, 2, 1, STATIC_UNIFIED, 1, 0],
            &[1, 2, 0, 0],
            &[1, 3],
        ] {
            assert_eq!(
                KeyInfo::parse(&mut Reader::new(octets)),
                Err(SecurityErrorKind::KeyInformation.into())
            );
        }
    }

    #[test]
    fn s_07_a_cut_at_any_octet_is_refused() {
        let header = Header {
            transaction_id: &[1, 2],
            originator_system_title: b"ABC00001",
            recipient_system_title: b"ABC00002",
            date_time: &[],
            other_information: &[9],
        }
        .to_vec();
        let ciphered = [
            &[GENERAL_CIPHERING][..],
            &header,
            &[0, 18, 0x31, 0, 0, 0, 1, 9],
            &[0; TAG_LENGTH],
        ]
        .concat();
        let signed = [&[GENERAL_SIGNING][..], &header, &[1, 0xC4, 2, 5, 6]].concat();
        let parsed = GeneralCiphering::parse(&ciphered).expect("whole");
        assert_eq!(parsed.header_octets, header);
        assert_eq!(&ciphered[parsed.content], &[9]);
        let parsed = GeneralSigning::parse(&signed).expect("whole");
        assert_eq!(
            (&signed[parsed.content], parsed.signature),
            (&[0xC4][..], &[5, 6][..])
        );
        for cut in 0..ciphered.len() {
            assert!(GeneralCiphering::parse(&ciphered[..cut]).is_err());
        }
        for cut in 0..signed.len() {
            assert!(GeneralSigning::parse(&signed[..cut]).is_err());
        }
        assert!(GeneralSigning::parse(&[&signed[..], &[0]].concat()).is_err());
    }
}
