//! Ciphered APDUs as nodes: what stands in front of the content, and the content as it is.

use super::grammar::Field::{String, U8, U32};
use super::grammar::walk as walk_fields;
use super::node::{Notes, octets};
use crate::axdr::length::read_length_form;
use crate::codec::Reader;
use crate::error::{DecodeError, DecodeErrorKind, SecurityErrorKind};
use crate::security::{check_general, is_envelope};

const TAG_LENGTH: usize = 12;
const NAMES: &[(u8, &str)] = &[
    (0x21, "glo-initiate-request"),
    (0x25, "glo-read-request"),
    (0x26, "glo-write-request"),
    (0x28, "glo-initiate-response"),
    (0x2C, "glo-read-response"),
    (0x2D, "glo-write-response"),
    (0x2E, "glo-confirmed-service-error"),
    (0x36, "glo-unconfirmed-write-request"),
    (0x38, "glo-information-report-request"),
    (0x41, "ded-initiate-request"),
    (0x45, "ded-read-request"),
    (0x46, "ded-write-request"),
    (0x48, "ded-initiate-response"),
    (0x4C, "ded-read-response"),
    (0x4D, "ded-write-response"),
    (0x4E, "ded-confirmed-service-error"),
    (0x56, "ded-unconfirmed-write-request"),
    (0x58, "ded-information-report-request"),
    (0xC8, "glo-get-request"),
    (0xC9, "glo-set-request"),
    (0xCA, "glo-event-notification-request"),
    (0xCB, "glo-action-request"),
    (0xCC, "glo-get-response"),
    (0xCD, "glo-set-response"),
    (0xCF, "glo-action-response"),
    (0xD0, "ded-get-request"),
    (0xD1, "ded-set-request"),
    (0xD2, "ded-event-notification-request"),
    (0xD3, "ded-action-request"),
    (0xD4, "ded-get-response"),
    (0xD5, "ded-set-response"),
    (0xD7, "ded-action-response"),
    (0xDB, "general-glo-ciphering"),
    (0xDC, "general-ded-ciphering"),
];

pub(super) fn is_ciphered(tag: u8) -> bool {
    name(tag).is_some()
}

pub(super) fn name(tag: u8) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(known, _)| *known == tag)
        .map(|(_, name)| *name)
}

/// The header, the content and the tag.
pub(super) fn walk(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    notes.current().kind = "ciphered";
    let tag = reader.u8()?;
    if matches!(tag, 0xDB | 0xDC) {
        walk_fields(&[String("system-title", "system-title")], notes, reader)?;
    }
    let wrong_length = reader.error(DecodeErrorKind::WrongLength);
    let length = read_length_form(reader, false)?;
    let mut content = reader.sub(length)?;
    if !reader.is_empty() {
        return Err(wrong_length);
    }
    let control = content.peek().unwrap_or(0);
    let header = [
        U8("security-control", "security-control"),
        U32("invocation-counter", ""),
    ];
    walk_fields(&header, notes, &mut content)?;
    let behind = if control & 0x10 == 0 { 0 } else { TAG_LENGTH };
    let text = content.remaining().saturating_sub(behind);
    notes.leaf(&mut content, "ciphered-text", "", |reader| {
        octets(reader, text)
    })?;
    if behind > 0 {
        notes.leaf(&mut content, "authentication-tag", "", |reader| {
            octets(reader, behind)
        })?;
    }
    Ok(())
}

/// What the reader of ciphered APDUs says.
pub(super) fn judge(octets: &[u8]) -> Result<(), DecodeError> {
    if is_envelope(octets) {
        Ok(())
    } else {
        Err(DecodeError::new(DecodeErrorKind::WrongLength, 1))
    }
}

/// What the readers of general-ciphering and general-signing say.
pub(super) fn judge_general(octets: &[u8]) -> Result<(), DecodeError> {
    check_general(octets).map_err(|error| {
        let kind = match error.kind {
            SecurityErrorKind::KeyInformation => DecodeErrorKind::ValueOutOfRange,
            _ => DecodeErrorKind::WrongLength,
        };
        DecodeError::new(kind, 1)
    })
}
