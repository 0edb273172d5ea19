//! The entries of a profile as rows of plain values: what was left out is put back, and deltas are added up.
//!
//! Null-data in a column stands for the value of the entry before; in a clock column for its time and one capture period more.
//! A delta stands for the value of the entry before and so much more.

use dlms_fw_core::axdr::{self, DataRef, Guard, Tag, Take};
use dlms_fw_core::codec::{Parse, Reader};
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::data::Data;
use crate::datetime::DateTime;
use crate::plain;
use crate::value::{Failure, Made, integer, list_of, to_python, tuple_of};

const ARRAY: u8 = Tag::Array.code();
const STRUCTURE: u8 = Tag::Structure.code();
const COMPACT_ARRAY: u8 = Tag::CompactArray.code();

/// The last value of a column.
#[derive(Default)]
enum Last<'py> {
    #[default]
    Nothing,
    Number(i128, Bound<'py, PyAny>),
    Moment(axdr::DateTime),
    Other(Bound<'py, PyAny>),
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
                self.member(index, member.get())
            });
        };
        let (mut reader, count) = unopened.open(py)?;
        let mut guard = unopened.guard();
        self.widen(count);
        tuple_of(py, count, |index| self.cell(index, &mut reader, &mut guard))
    }

    fn widen(&mut self, count: usize) {
        for index in self.columns.len()..count {
            self.columns.push(Column {
                is_clock: self.clock_columns.contains(&index),
                last: Last::Nothing,
            });
        }
    }

    /// The value of a column of an entry that is still octets.
    fn cell(&mut self, index: usize, reader: &mut Reader<'_>, guard: &mut Guard) -> Made<'py> {
        let column = &mut self.columns[index];
        if let Some(ARRAY | STRUCTURE | COMPACT_ARRAY) = reader.peek() {
            let value = plain::read(self.py, reader, guard)?;
            column.last = Last::Other(value.clone());
            return Ok(value);
        }
        let cell = Cell {
            py: self.py,
            column,
            capture_period: self.capture_period,
            offset: reader.offset(),
        };
        DataRef::take(reader, &guard.options, cell)
    }

    /// The value of a column of an entry whose members are there, as those of a compact array are.
    fn member(&mut self, index: usize, member: &Data) -> Made<'py> {
        let mut octets = Vec::new();
        member
            .append_to(self.py, &mut octets)
            .map_err(PyErr::from)?;
        let mut guard = Guard::new(axdr::Options::TOLERANT);
        self.cell(index, &mut Reader::new(&octets), &mut guard)
    }
}

/// What an entry has in a column, in the making.
struct Cell<'a, 'py> {
    py: Python<'py>,
    column: &'a mut Column<'py>,
    capture_period: i64,
    offset: usize,
}

impl<'py> Take<'_> for Cell<'_, 'py> {
    type Made = Bound<'py, PyAny>;
    type Error = Failure;

    #[inline(always)]
    fn take(self, node: DataRef<'_>) -> Made<'py> {
        if let Some(delta) = delta_of(&node) {
            return self.added(delta);
        }
        match node {
            DataRef::NullData => return self.again(),
            DataRef::DateTime(moment) => return self.at(moment),
            DataRef::OctetString(octets) if self.column.is_clock => {
                if let Ok(moment) = axdr::DateTime::parse_all(octets) {
                    return self.at(moment);
                }
            }
            _ => {}
        }
        let value = to_python(self.py, node)?;
        self.column.last = match number_of(&node) {
            Some(number) => Last::Number(number, value.clone()),
            None => Last::Other(value.clone()),
        };
        Ok(value)
    }
}

impl<'py> Cell<'_, 'py> {
    fn at(self, moment: axdr::DateTime) -> Made<'py> {
        self.column.last = Last::Moment(moment);
        Ok(Bound::new(self.py, DateTime(moment))?.into_any())
    }

    /// The value of the entry before, of a clock column one capture period later.
    fn again(self) -> Made<'py> {
        match &self.column.last {
            Last::Nothing => Ok(self.py.None().into_bound(self.py)),
            Last::Number(_, value) | Last::Other(value) => Ok(value.clone()),
            Last::Moment(moment) if self.column.is_clock && self.capture_period != 0 => {
                match moment.plus(self.capture_period) {
                    Some(next) => self.at(next),
                    None => {
                        self.column.last = Last::Nothing;
                        self.again()
                    }
                }
            }
            Last::Moment(moment) => Ok(Bound::new(self.py, DateTime(*moment))?.into_any()),
        }
    }

    /// The number of the entry before and so much more.
    #[inline(never)]
    fn added(self, delta: i128) -> Made<'py> {
        let Last::Number(number, value) = &mut self.column.last else {
            return Err(DecodeError::new(DecodeErrorKind::Missing, self.offset).into());
        };
        *number = number.saturating_add(delta);
        *value = match i64::try_from(*number) {
            Ok(number) => integer(self.py, number)?,
            Err(_) => integer(self.py, *number)?,
        };
        Ok(value.clone())
    }
}

#[inline(always)]
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

#[inline(always)]
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
