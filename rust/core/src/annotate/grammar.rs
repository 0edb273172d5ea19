//! Layouts as tables: the fields of an APDU in the order of the standard's ASN.1, and the one function that walks them.
//!
//! The parsers of this crate stay the judges of what is valid; a table only gives names and places.

use super::data;
use super::node::{Notes, Value, octets};
use crate::axdr::length::read_length_form;
use crate::codec::{Parse, Reader};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::conformance::Conformance;

/// One field: its name, and what its value counts.
pub(super) enum Field {
    U8(&'static str, &'static str),
    I8(&'static str, &'static str),
    U16(&'static str, &'static str),
    U32(&'static str, &'static str),
    /// So many octets.
    Fixed(&'static str, &'static str, usize),
    /// A length and octets.
    String(&'static str, &'static str),
    /// A length and octets that are an APDU.
    Apdu(&'static str),
    /// One A-XDR value.
    Data(&'static str),
    /// Fields under one name.
    Group(&'static str, &'static [Field]),
    /// A presence octet, then the fields or nothing.
    Optional(&'static str, &'static [Field]),
    /// A selecting octet, then the fields of that alternative.
    Choice(&'static str, &'static [Alternative]),
    /// A count, then as many items.
    List(&'static str, &'static str, &'static [Field]),
    /// A date-time of 12 octets whose length may be left out.
    EventTime(&'static str),
    /// The conformance block.
    Conformance(&'static str),
}

/// The number of an alternative, its name and its fields.
pub(super) struct Alternative(
    pub(super) u8,
    pub(super) &'static str,
    pub(super) &'static [Field],
);

/// Reads `fields` one after another into children of the node being made.
pub(super) fn walk(
    fields: &[Field],
    notes: &mut Notes,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    fields
        .iter()
        .try_for_each(|field| walk_one(field, notes, reader))
}

fn walk_one(field: &Field, notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    match field {
        Field::U8(name, kind) => notes
            .leaf(reader, name, kind, |reader| {
                Ok(Value::Unsigned(reader.u8()?.into()))
            })
            .map(drop),
        Field::I8(name, kind) => notes
            .leaf(reader, name, kind, |reader| {
                Ok(Value::Signed(reader.i8()?.into()))
            })
            .map(drop),
        Field::U16(name, kind) => notes
            .leaf(reader, name, kind, |reader| {
                Ok(Value::Unsigned(reader.u16()?.into()))
            })
            .map(drop),
        Field::U32(name, kind) => notes
            .leaf(reader, name, kind, |reader| {
                Ok(Value::Unsigned(reader.u32()?.into()))
            })
            .map(drop),
        Field::Fixed(name, kind, count) => notes
            .leaf(reader, name, kind, |reader| octets(reader, *count))
            .map(drop),
        Field::String(name, kind) => notes
            .leaf(reader, name, kind, |reader| {
                let length = read_length_form(reader, false)?;
                octets(reader, length)
            })
            .map(drop),
        Field::Apdu(name) => notes.node(reader, name, "", |notes, reader| {
            let length = read_length_form(reader, false)?;
            let mut inner = reader.sub(length)?;
            super::apdus::walk_any(notes, &mut inner);
            Ok(())
        }),
        Field::Data(name) => data::walk(name, notes, reader),
        Field::Group(name, fields) => notes.node(reader, name, "", |notes, reader| {
            walk(fields, notes, reader)
        }),
        Field::Optional(name, fields) => notes.node(reader, name, "", |notes, reader| {
            if reader.u8()? == 0 {
                notes.current().note = "absent";
                return Ok(());
            }
            walk(fields, notes, reader)
        }),
        Field::Choice(name, alternatives) => choose(name, alternatives, notes, reader),
        Field::List(name, item, fields) => notes.node(reader, name, "", |notes, reader| {
            let count = read_length_form(reader, false)?;
            notes.current().value = Value::Unsigned(count as u64);
            notes.current().kind = "count";
            for _ in 0..count {
                match fields {
                    [field] => walk_one(field, notes, reader)?,
                    _ => notes.node(reader, item, "", |notes, reader| {
                        walk(fields, notes, reader)
                    })?,
                }
            }
            Ok(())
        }),
        Field::EventTime(name) => notes
            .leaf(reader, name, "date-time", |reader| {
                if reader.peek() == Some(12) {
                    reader.u8()?;
                }
                octets(reader, 12)
            })
            .map(drop),
        Field::Conformance(name) => notes
            .leaf(reader, name, "conformance", |reader| {
                Ok(Value::Unsigned(Conformance::parse(reader)?.bits().into()))
            })
            .map(drop),
    }
}

fn choose(
    name: &'static str,
    alternatives: &[Alternative],
    notes: &mut Notes,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let mut chosen = None;
    notes.node(reader, name, "choice", |notes, reader| {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let code = reader.u8()?;
        notes.current().value = Value::Unsigned(code.into());
        let alternative = alternatives
            .iter()
            .find(|alternative| alternative.0 == code)
            .ok_or(unknown)?;
        notes.current().note = alternative.1;
        chosen = Some(alternative);
        Ok(())
    })?;
    chosen.map_or(Ok(()), |alternative| walk(alternative.2, notes, reader))
}
