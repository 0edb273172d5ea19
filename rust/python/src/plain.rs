//! Plain Python values straight from the octets, with no `Data` in between: how a generic decode is read when nobody asks for tags.

use dlms_fw_core::axdr::compact_array::Shape;
use dlms_fw_core::axdr::{CompactArray, DataRef, Description, Guard};
use dlms_fw_core::codec::Reader;
use pyo3::prelude::*;

use crate::value::{to_python, tuple_of, wire_fault};

/// One value with its tag: nested tuples of plain values.
pub(crate) fn read<'py>(
    py: Python<'py>,
    reader: &mut Reader<'_>,
    guard: &mut Guard,
) -> PyResult<Bound<'py, PyAny>> {
    let offset = reader.offset();
    let node = DataRef::read(reader, &guard.options).map_err(wire_fault)?;
    match node {
        DataRef::Array(count) | DataRef::Structure(count) => {
            guard.enter(offset).map_err(wire_fault)?;
            guard.count(count, offset).map_err(wire_fault)?;
            let members = tuple_of(py, count, |_| read(py, reader, guard))?;
            guard.leave();
            Ok(members.into_any())
        }
        DataRef::CompactArray => {
            guard.enter(offset).map_err(wire_fault)?;
            let CompactArray {
                description,
                elements,
                mut contents,
            } = CompactArray::read(reader, guard).map_err(wire_fault)?;
            let elements = tuple_of(py, elements, |_| {
                read_described(py, &description, &mut contents, guard)
            })?;
            guard.leave();
            Ok(elements.into_any())
        }
        node => to_python(py, node),
    }
}

/// One value as a compact array has it.
fn read_described<'py>(
    py: Python<'py>,
    description: &Description,
    reader: &mut Reader<'_>,
    guard: &mut Guard,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match description.shape() {
        Shape::Simple(tag) => {
            let node = DataRef::read_body(*tag, reader, &guard.options).map_err(wire_fault)?;
            to_python(py, node)?
        }
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
