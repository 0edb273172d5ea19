//! The layouts of ciphered APDUs: glo- and ded-ciphering by service, general-glo- and general-ded-ciphering.
//!
//! `tag | [system title] | length | security control | invocation counter | content [| authentication tag]`.

use core::ops::Range;

use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::codec::{Reader, Writer};
use crate::error::{SecurityError, SecurityErrorKind};

use super::control::SecurityControl;
use super::gcm::TAG_LENGTH;
use super::general::{GENERAL_CIPHERING, GENERAL_SIGNING, GeneralCiphering, GeneralSigning};

/// general-glo-ciphering.
pub(crate) const GENERAL_GLO: u8 = 0xDB;
/// general-ded-ciphering.
pub(crate) const GENERAL_DED: u8 = 0xDC;

/// The length of a system title.
pub(crate) const SYSTEM_TITLE_LENGTH: usize = 8;

/// Security control and invocation counter.
const SECURITY_HEADER_LENGTH: usize = 5;

/// The glo- tag of a plain APDU tag, or `None` where the standard has no service-specific form.
#[must_use]
pub const fn glo_tag(plain: u8) -> Option<u8> {
    match plain {
        0x01 | 0x05 | 0x06 | 0x08 | 0x0C | 0x0D | 0x0E | 0x16 | 0x18 => Some(plain + 0x20),
        0xC0..=0xC5 | 0xC7 => Some(plain + 0x08),
        _ => None,
    }
}

/// The ded- tag of a plain APDU tag, or `None` where the standard has no service-specific form.
#[must_use]
pub const fn ded_tag(plain: u8) -> Option<u8> {
    match plain {
        0x01 | 0x05 | 0x06 | 0x08 | 0x0C | 0x0D | 0x0E | 0x16 | 0x18 => Some(plain + 0x40),
        0xC0..=0xC5 | 0xC7 => Some(plain + 0x10),
        _ => None,
    }
}

/// Which key and which form a ciphered tag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// glo-…: global key, the tag names the service.
    Glo(u8),
    /// ded-…: dedicated key, the tag names the service.
    Ded(u8),
    /// general-glo-ciphering.
    GeneralGlo,
    /// general-ded-ciphering.
    GeneralDed,
}

impl Form {
    /// The form that a tag announces, or `None` for a plain APDU.
    pub(crate) const fn of(tag: u8) -> Option<Self> {
        match tag {
            GENERAL_GLO => Some(Self::GeneralGlo),
            GENERAL_DED => Some(Self::GeneralDed),
            0x21 | 0x25 | 0x26 | 0x28 | 0x2C | 0x2D | 0x2E | 0x36 | 0x38 => {
                Some(Self::Glo(tag - 0x20))
            }
            0x41 | 0x45 | 0x46 | 0x48 | 0x4C | 0x4D | 0x4E | 0x56 | 0x58 => {
                Some(Self::Ded(tag - 0x40))
            }
            0xC8..=0xCD | 0xCF => Some(Self::Glo(tag - 0x08)),
            0xD0..=0xD5 | 0xD7 => Some(Self::Ded(tag - 0x10)),
            _ => None,
        }
    }

    /// The form for sending a plain APDU of this tag.
    pub(crate) const fn for_sending(plain: u8, dedicated: bool, general: bool) -> Self {
        match (dedicated, general) {
            (false, false) if glo_tag(plain).is_some() => Self::Glo(plain),
            (true, false) if ded_tag(plain).is_some() => Self::Ded(plain),
            (false, _) => Self::GeneralGlo,
            (true, _) => Self::GeneralDed,
        }
    }

    /// The tag on the wire.
    const fn tag(self) -> u8 {
        match self {
            Self::Glo(plain) => match glo_tag(plain) {
                Some(tag) => tag,
                None => GENERAL_GLO,
            },
            Self::Ded(plain) => match ded_tag(plain) {
                Some(tag) => tag,
                None => GENERAL_DED,
            },
            Self::GeneralGlo => GENERAL_GLO,
            Self::GeneralDed => GENERAL_DED,
        }
    }

    /// Whether the sender's system title stands in the header.
    const fn has_title(self) -> bool {
        matches!(self, Self::GeneralGlo | Self::GeneralDed)
    }

    /// Whether the dedicated key is used.
    pub(crate) const fn is_dedicated(self) -> bool {
        matches!(self, Self::Ded(_) | Self::GeneralDed)
    }

    /// Whether an APDU that begins with `plain` may be inside.
    pub(crate) fn may_contain(self, plain: Option<u8>) -> bool {
        match self {
            Self::Glo(expected) | Self::Ded(expected) => plain == Some(expected),
            Self::GeneralGlo | Self::GeneralDed => plain.is_some_and(|tag| Self::of(tag).is_none()),
        }
    }
}

/// Whether an APDU that begins with `tag` is ciphered or signed in one of the forms known here.
#[must_use]
pub const fn is_protected(tag: u8) -> bool {
    Form::of(tag).is_some() || matches!(tag, GENERAL_CIPHERING | GENERAL_SIGNING)
}

/// Whether octets have the layout of a complete ciphered APDU; what is in it is not looked at.
#[must_use]
pub fn is_envelope(apdu: &[u8]) -> bool {
    Envelope::parse(apdu).is_ok()
}

/// The system title of the sender, where a protected APDU says who that is; nothing has been verified then.
#[must_use]
pub fn originator(apdu: &[u8]) -> Option<[u8; SYSTEM_TITLE_LENGTH]> {
    match *apdu.first()? {
        GENERAL_GLO | GENERAL_DED => Envelope::parse(apdu).ok()?.system_title,
        GENERAL_CIPHERING => {
            let ciphered = GeneralCiphering::parse(apdu).ok()?;
            ciphered.header.originator_system_title.try_into().ok()
        }
        GENERAL_SIGNING => {
            let signed = GeneralSigning::parse(apdu).ok()?;
            signed.header.originator_system_title.try_into().ok()
        }
        _ => None,
    }
}

/// Octets in front of and behind a plain APDU of `plain_length` octets once it is sealed.
pub(crate) const fn overhead(
    form: Form,
    authenticated: bool,
    plain_length: usize,
) -> (usize, usize) {
    let behind = if authenticated { TAG_LENGTH } else { 0 };
    let title = if form.has_title() {
        1 + SYSTEM_TITLE_LENGTH
    } else {
        0
    };
    let body = SECURITY_HEADER_LENGTH + plain_length + behind;
    (
        1 + title + length_len(body) + SECURITY_HEADER_LENGTH,
        behind,
    )
}

/// Writes everything in front of the content.
pub(crate) fn write_header(
    out: &mut [u8],
    form: Form,
    system_title: &[u8; SYSTEM_TITLE_LENGTH],
    control: SecurityControl,
    invocation_counter: u32,
    content_and_tag: usize,
) {
    let mut out = Writer::new(out);
    out.u8(form.tag());
    if form.has_title() {
        out.u8(0x08);
        out.put(system_title);
    }
    write_length(&mut out, SECURITY_HEADER_LENGTH + content_and_tag);
    out.u8(control.0);
    out.u32(invocation_counter);
    out.finish();
}

/// What stands in front of the content of a ciphered APDU, and where the content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The form the tag announces.
    pub(crate) form: Form,
    /// The sender's system title, where the form carries one that is not empty.
    pub(crate) system_title: Option<[u8; SYSTEM_TITLE_LENGTH]>,
    /// The security control octet.
    pub(crate) control: SecurityControl,
    /// The sender's invocation counter.
    pub(crate) invocation_counter: u32,
    /// Content without the tag, as octets of the APDU.
    pub(crate) content: Range<usize>,
}

impl Envelope {
    /// Reads the header of a complete ciphered APDU.
    pub(crate) fn parse(apdu: &[u8]) -> Result<Self, SecurityError> {
        let short = |_| SecurityError::from(SecurityErrorKind::TooShort);
        let mut reader = Reader::new(apdu);
        let form = Form::of(reader.u8().map_err(short)?).ok_or(SecurityErrorKind::Downgrade)?;
        let system_title = if form.has_title() {
            let length = read_length_form(&mut reader, false).map_err(short)?;
            match reader.take(length).map_err(short)? {
                [] => None,
                title => Some(
                    title
                        .try_into()
                        .map_err(|_| SecurityError::from(SecurityErrorKind::SystemTitle))?,
                ),
            }
        } else {
            None
        };
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
            form,
            system_title,
            control,
            invocation_counter,
            content: start..end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_map_forth_and_back() {
        for plain in 0..=255 {
            if let Some(tag) = glo_tag(plain) {
                assert_eq!(Form::of(tag), Some(Form::Glo(plain)));
            }
            if let Some(tag) = ded_tag(plain) {
                assert_eq!(Form::of(tag), Some(Form::Ded(plain)));
            }
        }
        assert_eq!(
            (glo_tag(0xC3), ded_tag(0xC7), glo_tag(0x0F)),
            (Some(0xCB), Some(0xD7), None)
        );
    }

    #[test]
    fn s_07_headers_without_room_for_content_are_refused() {
        let whole = [
            0xC8, 0x12, 0x30, 0, 0, 0, 1, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ];
        assert!(Envelope::parse(&whole).is_ok());
        for cut in 0..whole.len() {
            assert!(Envelope::parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
        let no_content = [
            0xC8, 0x11, 0x30, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ];
        assert_eq!(
            Envelope::parse(&no_content),
            Err(SecurityErrorKind::TooShort.into())
        );
    }
}
