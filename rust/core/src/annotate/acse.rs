//! The association APDUs as nodes: BER elements by their tags.

use super::node::{Notes, Value, octets};
use crate::axdr::length::read_length_form;
use crate::codec::Reader;
use crate::error::{DecodeError, DecodeErrorKind};

/// What stands in an element.
#[derive(Clone, Copy)]
enum Content {
    /// Octets without an inner tag.
    Plain,
    /// An OBJECT IDENTIFIER whose last octet is the code.
    Name,
    /// An INTEGER of one octet.
    Integer,
    /// An OCTET STRING within an inner tag.
    Octets,
    /// An INTEGER within the tag of its source, A1 or A2.
    Diagnostic,
    /// An OCTET STRING that is an APDU.
    Apdu,
}

use Content::{Apdu, Diagnostic, Integer, Name, Octets, Plain};

type Element = (u8, &'static str, &'static str, Content);

const AARQ: &[Element] = &[
    (0x80, "protocol-version", "bits", Plain),
    (
        0xA1,
        "application-context-name",
        "application-context",
        Name,
    ),
    (0xA2, "called-AP-title", "", Octets),
    (0xA3, "called-AE-qualifier", "", Octets),
    (0xA4, "called-AP-invocation-id", "", Integer),
    (0xA5, "called-AE-invocation-id", "", Integer),
    (0xA6, "calling-AP-title", "system-title", Octets),
    (0xA7, "calling-AE-qualifier", "", Octets),
    (0xA8, "calling-AP-invocation-id", "", Integer),
    (0xA9, "calling-AE-invocation-id", "", Integer),
    (0x8A, "sender-acse-requirements", "bits", Plain),
    (0x8B, "mechanism-name", "mechanism", NAME_PLAIN),
    (0xAC, "calling-authentication-value", "secret", Octets),
    (0xBD, "implementation-information", "", Plain),
    (0xBE, "user-information", "", Apdu),
];
const AARE: &[Element] = &[
    (0x80, "protocol-version", "bits", Plain),
    (
        0xA1,
        "application-context-name",
        "application-context",
        Name,
    ),
    (0xA2, "result", "association-result", Integer),
    (0xA3, "result-source-diagnostic", "diagnostic", Diagnostic),
    (0xA4, "responding-AP-title", "system-title", Octets),
    (0xA5, "responding-AE-qualifier", "", Octets),
    (0xA6, "responding-AP-invocation-id", "", Integer),
    (0xA7, "responding-AE-invocation-id", "", Integer),
    (0x88, "responder-acse-requirements", "bits", Plain),
    (0x89, "mechanism-name", "mechanism", NAME_PLAIN),
    (0xAA, "responding-authentication-value", "challenge", Octets),
    (0xBD, "implementation-information", "", Plain),
    (0xBE, "user-information", "", Apdu),
];
const RLRQ: &[Element] = &[
    (0x80, "reason", "release-request-reason", Plain),
    (0xBE, "user-information", "", Apdu),
];
const RLRE: &[Element] = &[
    (0x80, "reason", "release-response-reason", Plain),
    (0xBE, "user-information", "", Apdu),
];
/// A name whose tag is its own, without an inner OBJECT IDENTIFIER.
const NAME_PLAIN: Content = Plain;

const APDUS: &[(u8, &str, &[Element])] = &[
    (0x60, "AARQ", AARQ),
    (0x61, "AARE", AARE),
    (0x62, "RLRQ", RLRQ),
    (0x63, "RLRE", RLRE),
];

pub(super) fn is_tag(tag: u8) -> bool {
    name(tag).is_some()
}

pub(super) fn name(tag: u8) -> Option<&'static str> {
    APDUS
        .iter()
        .find(|(known, ..)| *known == tag)
        .map(|(_, name, _)| *name)
}

/// The elements of an association APDU.
pub(super) fn walk(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let tag = reader.u8()?;
    let elements = APDUS
        .iter()
        .find(|(known, ..)| *known == tag)
        .map_or(&[][..], |(.., elements)| elements);
    let length = read_length_form(reader, false)?;
    let mut contents = reader.sub(length)?;
    while let Some(tag) = contents.peek() {
        let (_, name, kind, content) = elements
            .iter()
            .find(|(known, ..)| *known == tag)
            .copied()
            .unwrap_or((tag, "element", "", Plain));
        notes.node(&mut contents, name, kind, |notes, reader| {
            reader.u8()?;
            let length = read_length_form(reader, false)?;
            let mut inner = reader.sub(length)?;
            element(notes, &mut inner, content, kind)?;
            inner.finish()
        })?;
    }
    Ok(())
}

fn element(
    notes: &mut Notes,
    reader: &mut Reader<'_>,
    content: Content,
    kind: &str,
) -> Result<(), DecodeError> {
    if !matches!(content, Plain) {
        if matches!(content, Diagnostic) {
            let source = reader.u8()?;
            notes.current().note = match source {
                0xA1 => "acse-service-user",
                0xA2 => "acse-service-provider",
                _ => return Err(reader.error(DecodeErrorKind::UnknownTag)),
            };
            read_length_form(reader, false)?;
        }
        reader.u8()?;
        let length = read_length_form(reader, false)?;
        if length > reader.remaining() {
            return Err(reader.error(DecodeErrorKind::LengthTooLarge));
        }
    }
    let length = reader.remaining();
    let value = match content {
        Apdu => {
            super::apdus::walk_any(notes, reader);
            return Ok(());
        }
        Integer | Diagnostic if length == 1 => Value::Unsigned(reader.u8()?.into()),
        Plain if length == 1 => Value::Unsigned(reader.u8()?.into()),
        Name => last(reader)?,
        Plain if kind == "mechanism" => last(reader)?,
        _ => octets(reader, length)?,
    };
    notes.current().value = value;
    Ok(())
}

/// The last octet of a name.
fn last(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let truncated = reader.error(DecodeErrorKind::Truncated);
    reader
        .rest()
        .last()
        .map(|octet| Value::Unsigned((*octet).into()))
        .ok_or(truncated)
}
