//! Plain Python values straight from the octets, with no `Data` in between: how a generic decode is read when nobody asks for tags.

use dlms_fw_core::axdr::compact_array::Shape;
use dlms_fw_core::axdr::{CompactArray, DataRef, Description, Guard, Tag};
use dlms_fw_core::codec::Reader;
use pyo3::prelude::*;

use crate::value::{Made, ToPython, read_simple, tuple_of};

const ARRAY: u8 = Tag::Array.code();
const STRUCTURE: u8 = Tag::Structure.code();
const COMPACT_ARRAY: u8 = Tag::CompactArray.code();

/// One value with its tag: nested tuples of plain values.
pub(crate) fn read<'py>(py: Python<'py>, reader: &mut Reader<'_>, guard: &mut Guard) -> Made<'py> {
    read_here(py, reader, guard)
}

/// As [`read`], in the midst of the loop over the members of something.
#[inline(always)]
fn read_here<'py>(py: Python<'py>, reader: &mut Reader<'_>, guard: &mut Guard) -> Made<'py> {
    match reader.peek() {
        Some(ARRAY | STRUCTURE) => read_members(py, reader, guard),
        Some(COMPACT_ARRAY) => read_compact(py, reader, guard),
        _ => read_simple(py, reader, &guard.options),
    }
}

fn read_members<'py>(py: Python<'py>, reader: &mut Reader<'_>, guard: &mut Guard) -> Made<'py> {
    let offset = reader.offset();
    let count = DataRef::read_head(reader, &guard.options)?;
    guard.enter(offset)?;
    guard.count(count, offset)?;
    let members = tuple_of(py, count, |_| read_here(py, reader, guard))?;
    guard.leave();
    Ok(members.into_any())
}

fn read_compact<'py>(py: Python<'py>, reader: &mut Reader<'_>, guard: &mut Guard) -> Made<'py> {
    guard.enter(reader.offset())?;
    reader.expect(COMPACT_ARRAY)?;
    let CompactArray {
        description,
        elements,
        mut contents,
    } = CompactArray::read(reader, guard)?;
    let elements = tuple_of(py, elements, |_| {
        read_described(py, &description, &mut contents, guard)
    })?;
    guard.leave();
    Ok(elements.into_any())
}

/// One value as a compact array has it.
fn read_described<'py>(
    py: Python<'py>,
    description: &Description,
    reader: &mut Reader<'_>,
    guard: &mut Guard,
) -> Made<'py> {
    Ok(match description.shape() {
        Shape::Simple(tag) => DataRef::take_body(*tag, reader, &guard.options, ToPython(py))?,
        Shape::Array(count, element) => tuple_of(py, usize::from(*count), |_| {
            read_described(py, element, reader, guard)
        })?
        .into_any(),
        Shape::Structure(members) => tuple_of(py, members.len(), |index| {
            read_described(py, &members[index], reader, guard)
        })?
        .into_any(),
    })
}
