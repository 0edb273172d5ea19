//! A-XDR values as nodes: by the nodes of the decoder itself, so that neither can disagree.

use super::node::{Notes, Value};
use crate::axdr::{CompactArray, DataRef, Guard, Options, RawData};
use crate::codec::{Parse, Reader};
use crate::error::DecodeError;

/// One value under `name`.
pub(super) fn walk(
    name: &'static str,
    notes: &mut Notes,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let mut guard = Guard::new(Options::TOLERANT);
    value(name, notes, reader, &mut guard)
}

/// The recursion is bounded by the guard.
fn value(
    name: &'static str,
    notes: &mut Notes,
    reader: &mut Reader<'_>,
    guard: &mut Guard,
) -> Result<(), DecodeError> {
    notes.node(reader, name, "", |notes, reader| {
        let offset = reader.offset();
        let node = DataRef::read(reader, &guard.options)?;
        notes.current().kind = node.tag().name();
        match node {
            DataRef::Array(count) | DataRef::Structure(count) => {
                guard.enter(offset)?;
                for _ in 0..count {
                    value("", notes, reader, guard)?;
                }
                guard.leave();
            }
            DataRef::CompactArray => {
                guard.enter(offset)?;
                CompactArray::read(reader, guard)?;
                guard.leave();
                notes.current().value = Value::Data;
            }
            _ => notes.current().value = Value::Data,
        }
        Ok(())
    })
}

/// Whether all of `octets` is one value.
pub(super) fn is_data(octets: &[u8]) -> bool {
    RawData::parse_all(octets).is_ok()
}
