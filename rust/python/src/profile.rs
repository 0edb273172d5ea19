//! The entries of a profile as rows of plain values: what was left out is put back, and deltas are added up.
//!
//! Null-data in a column stands for the value of the entry before; in a clock column for its time and one capture period more.
//! A delta stands for the value of the entry before and so much more.

use dlms_fw_core::axdr::{self, DataRef, Guard, Tag};
use dlms_fw_core::codec::{Parse, Reader};
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::data::Data;
use crate::datetime::DateTime;
use crate::plain;
use crate::value::{Made, integer, list_of, to_python, tuple_of, wire_fault};

/// The last value of a column.
#[derive(Default)]
enum Last<'py> {
    #[default]
    Nothing,
    Number(i128, Bound<'py, PyAny>),
    Moment(axdr::DateTime),
    Other(Bound<'py, PyAny>),
}

/// What one entry says of a column.
enum Cell<'py> {
    /// Null-data: as before.
    Same,
    Delta(i128),
    Value(Last<'py>),
}

/// A column: what it is for, and its last value.
struct Column<'py> {
    is_clock: bool,
    last: Last<'py>,
}

/// The rows of `entries`.
#[pyfunction]
#[pyo3(signature = (entries, *, clock_columns = Vec::new(), capture_period = 0))]
pub(crate) fn expand_rows<'py>(
    py: Python<'py>,
    entries: Bound<'py, PyAny>,
    clock_columns: Vec<usize>,
    capture_period: i64,
) -> PyResult<Bound<'py, PyList>> {
    let entries = crate::value::snapshot(&entries)?;
    let mut rows = Rows {
        py,
        clock_columns,
        capture_period,
        columns: Vec::new(),
    };
    list_of(py, entries.len(), |index| {
        let entry = entries.get_borrowed_item(index)?;
        let Ok(entry) = entry.cast::<Data>() else {
            return Err(not_a_row(index).into());
        };
        match Tag::try_from(entry.get().tag()) {
            Ok(Tag::Structure) => Ok(rows.row(entry.get())?.into_any()),
            _ => Err(not_a_row(index).into()),
        }
    })
}

fn not_a_row(index: usize) -> PyErr {
    PyTypeError::new_err(format!("[{index}]: an entry is a structure"))
}

struct Rows<'py> {
    py: Python<'py>,
    clock_columns: Vec<usize>,
    capture_period: i64,
    columns: Vec<Column<'py>>,
}

impl<'py> Rows<'py> {
    fn row(&mut self, entry: &Data) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.py;
        let Some(unopened) = entry.unopened() else {
            let members = entry.members(py)?;
            self.widen(members.len());
            return tuple_of(py, members.len(), |index| {
                let member = members.get_borrowed_item(index)?;
                let member = member.cast::<Data>().map_err(PyErr::from)?;
                let cell = self.member(index, member.get())?;
                self.put(index, cell, 0)
            });
        };
        let (mut reader, count) = unopened.open(py)?;
        let mut guard = unopened.guard();
        self.widen(count);
        tuple_of(py, count, |index| {
            let offset = reader.offset();
            let cell = self.node(index, &mut reader, &mut guard)?;
            self.put(index, cell, offset)
        })
    }

    fn widen(&mut self, count: usize) {
        for index in self.columns.len()..count {
            self.columns.push(Column {
                is_clock: self.clock_columns.contains(&index),
                last: Last::Nothing,
            });
        }
    }

    /// A column of an entry that is still octets.
    fn node(
        &self,
        index: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
    ) -> PyResult<Cell<'py>> {
        let py = self.py;
        let ahead = reader.clone();
        let node = DataRef::read(reader, &guard.options).map_err(wire_fault)?;
        if let Some(delta) = delta_of(&node) {
            return Ok(Cell::Delta(delta));
        }
        let last = match node {
            DataRef::NullData => return Ok(Cell::Same),
            DataRef::Array(_) | DataRef::Structure(_) | DataRef::CompactArray => {
                *reader = ahead;
                Last::Other(plain::read(py, reader, guard)?)
            }
            DataRef::DateTime(moment) => Last::Moment(moment),
            DataRef::OctetString(octets) if self.columns[index].is_clock => {
                match axdr::DateTime::parse_all(octets) {
                    Ok(moment) => Last::Moment(moment),
                    Err(_) => Last::Other(to_python(py, node)?),
                }
            }
            node => {
                let value = to_python(py, node)?;
                number_of(&node).map_or(Last::Other(value.clone()), |number| {
                    Last::Number(number, value)
                })
            }
        };
        Ok(Cell::Value(last))
    }

    /// A column of an entry whose members are there, as those of a compact array are.
    fn member(&self, index: usize, member: &Data) -> PyResult<Cell<'py>> {
        let mut octets = Vec::new();
        member.append_to(self.py, &mut octets)?;
        let mut reader = Reader::new(&octets);
        self.node(index, &mut reader, &mut Guard::new(axdr::Options::TOLERANT))
    }

    /// The value of a column, with what was left out put back.
    fn put(&mut self, index: usize, cell: Cell<'py>, offset: usize) -> Made<'py> {
        let py = self.py;
        let column = &mut self.columns[index];
        match (cell, &mut column.last) {
            (Cell::Value(last), place) => *place = last,
            (Cell::Same, Last::Moment(moment)) if column.is_clock && self.capture_period != 0 => {
                match moment.plus(self.capture_period) {
                    Some(next) => *moment = next,
                    None => column.last = Last::Nothing,
                }
            }
            (Cell::Same, _) => {}
            (Cell::Delta(delta), Last::Number(number, value)) => {
                *number = number.saturating_add(delta);
                *value = match i64::try_from(*number) {
                    Ok(number) => integer(py, number)?,
                    Err(_) => integer(py, *number)?,
                };
            }
            (Cell::Delta(_), _) => {
                return Err(DecodeError::new(DecodeErrorKind::Missing, offset).into());
            }
        }
        Ok(match &column.last {
            Last::Nothing => py.None().into_bound(py),
            Last::Number(_, value) | Last::Other(value) => value.clone(),
            Last::Moment(moment) => Bound::new(py, DateTime(*moment))?.into_any(),
        })
    }
}

fn delta_of(node: &DataRef<'_>) -> Option<i128> {
    Some(match node {
        DataRef::DeltaInteger(delta) => i128::from(*delta),
        DataRef::DeltaLong(delta) => i128::from(*delta),
        DataRef::DeltaDoubleLong(delta) => i128::from(*delta),
        DataRef::DeltaUnsigned(delta) => i128::from(*delta),
        DataRef::DeltaLongUnsigned(delta) => i128::from(*delta),
        DataRef::DeltaDoubleLongUnsigned(delta) => i128::from(*delta),
        _ => return None,
    })
}

fn number_of(node: &DataRef<'_>) -> Option<i128> {
    Some(match node {
        DataRef::Integer(number) => i128::from(*number),
        DataRef::Long(number) => i128::from(*number),
        DataRef::DoubleLong(number) => i128::from(*number),
        DataRef::Long64(number) => i128::from(*number),
        DataRef::Unsigned(number) => i128::from(*number),
        DataRef::LongUnsigned(number) => i128::from(*number),
        DataRef::DoubleLongUnsigned(number) => i128::from(*number),
        DataRef::Long64Unsigned(number) => i128::from(*number),
        _ => return None,
    })
}
