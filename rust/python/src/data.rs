//! `Data`: a value with its tag, as a generic decode gives it and an `any` attribute takes it.
//!
//! What can be constructed can be encoded: values are checked against their tag at once, and nested no deeper than the
//! hard limit, so that all recursion over them is bounded.

use std::sync::Arc;

use dlms_fw_core::axdr::compact_array::Shape;
use dlms_fw_core::axdr::{CompactArray, DataRef, Description, Guard, Options, Tag, length};
use dlms_fw_core::codec::{Emit, Reader, Writer};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::misfit::Misfit;
use crate::octets::Octets;
use crate::value::{append, append_body, snapshot, to_python, wire_fault, with_node};

/// One value of the Data CHOICE with its tag.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct Data {
    tag: Tag,
    value: Py<PyAny>,
    /// Of a compact array, what its elements are made of.
    description: Option<Arc<Description>>,
    /// How many arrays and structures are nested in it, itself included.
    depth: usize,
}

#[pymethods]
impl Data {
    #[new]
    #[pyo3(signature = (tag, value = None))]
    fn new(py: Python<'_>, tag: u8, value: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        let tag = Tag::try_from(tag)
            .map_err(|_| PyValueError::new_err(format!("no type has the tag {tag}")))?;
        let value = value.unwrap_or_else(|| py.None().into_bound(py));
        if matches!(tag, Tag::Array | Tag::Structure | Tag::CompactArray) {
            return Self::with_members(tag, &snapshot(&value)?);
        }
        // A value is kept as decoding would give it back: an IntEnum as int, a bytearray as bytes.
        let value = with_node(tag, &value, |node| to_python(py, node))??;
        Ok(Self::simple(tag, value))
    }

    #[staticmethod]
    #[pyo3(signature = (data, *, strict = true, max_depth = Options::STRICT.max_depth))]
    fn decode(py: Python<'_>, data: Octets<'_>, strict: bool, max_depth: usize) -> PyResult<Self> {
        if max_depth > Options::HARD_MAX_DEPTH {
            let limit = Options::HARD_MAX_DEPTH;
            return Err(PyValueError::new_err(format!(
                "max_depth is at most {limit}"
            )));
        }
        let mut guard = Guard::new(Options {
            strict,
            max_depth,
            ..Options::STRICT
        });
        let mut reader = Reader::new(&data);
        let value = Self::read(py, &mut reader, &mut guard)?;
        reader.finish().map_err(wire_fault)?;
        Ok(value)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        self.append_to(py, &mut out)?;
        Ok(PyBytes::new(py, &out))
    }

    #[getter]
    fn tag(&self) -> u8 {
        self.tag.code()
    }

    #[getter]
    fn value(&self, py: Python<'_>) -> Py<PyAny> {
        self.value.clone_ref(py)
    }

    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(members) = self.members(py) else {
            return Ok(self.value.bind(py).clone());
        };
        let plain = members
            .iter_borrowed()
            .map(|member| member.cast::<Self>()?.get().plain(py))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, plain)?.into_any())
    }

    fn __richcmp__(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        operator: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let equal = match other.cast::<Self>() {
            Ok(other) => {
                let other = other.get();
                self.tag == other.tag
                    && self.description == other.description
                    && self.value.bind(py).eq(other.value.bind(py))?
            }
            Err(_) => return Ok(py.NotImplemented()),
        };
        match operator {
            CompareOp::Eq => Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind()),
            CompareOp::Ne => Ok((!equal).into_pyobject(py)?.to_owned().into_any().unbind()),
            _ => Ok(py.NotImplemented()),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let value = self.value.bind(py).hash()?;
        Ok(value.rotate_left(8) ^ isize::from(self.tag.code()))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 8;
        let name = self.tag.name();
        let Some(members) = self.members(py) else {
            return Ok(if self.value.is_none(py) {
                format!("<{name}>")
            } else {
                format!("<{name} {}>", self.value.bind(py).repr()?)
            });
        };
        let mut shown = Vec::new();
        for member in members.iter_borrowed().take(SHOWN) {
            shown.push(member.cast::<Self>()?.get().__repr__(py)?);
        }
        if members.len() > SHOWN {
            shown.push(format!("… {} in all", members.len()));
        }
        Ok(format!("<{name} ({})>", shown.join(", ")))
    }
}

impl Data {
    fn simple(tag: Tag, value: Bound<'_, PyAny>) -> Self {
        Self {
            tag,
            value: value.unbind(),
            description: None,
            depth: 0,
        }
    }

    fn with_members(tag: Tag, members: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = members.py();
        let mut depth = 0;
        for (index, member) in members.iter_borrowed().enumerate() {
            let Ok(member) = member.cast::<Self>() else {
                let found = member.get_type().name()?;
                return Err(PyTypeError::new_err(format!(
                    "[{index}]: expected Data, got {found}"
                )));
            };
            depth = depth.max(member.get().depth);
        }
        if depth >= Options::HARD_MAX_DEPTH {
            return Err(PyValueError::new_err("the values are nested too deep"));
        }
        let description = match tag {
            Tag::CompactArray => Some(Arc::new(common_description(py, members)?)),
            _ => None,
        };
        Ok(Self {
            tag,
            value: members.clone().into_any().unbind(),
            description,
            depth: depth + 1,
        })
    }

    /// Reads one value with its tag.
    pub(crate) fn read(
        py: Python<'_>,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
    ) -> PyResult<Self> {
        let offset = reader.offset();
        let node = DataRef::read(reader, &guard.options).map_err(wire_fault)?;
        Self::read_node(py, node, offset, reader, guard, None)
    }

    /// Reads what follows a node that has just been read at `offset`; inside a compact array, by its description.
    pub(crate) fn read_node(
        py: Python<'_>,
        node: DataRef<'_>,
        offset: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
        description: Option<&Description>,
    ) -> PyResult<Self> {
        let mut members = Vec::new();
        let mut compact = None;
        match node {
            DataRef::Array(count) | DataRef::Structure(count) => {
                guard.enter(offset).map_err(wire_fault)?;
                for index in 0..count {
                    members.push(Self::read_member(py, index, reader, guard, description)?);
                }
            }
            DataRef::CompactArray => {
                guard.enter(offset).map_err(wire_fault)?;
                let CompactArray {
                    description,
                    elements,
                    mut contents,
                } = CompactArray::read(reader, guard).map_err(wire_fault)?;
                for _ in 0..elements {
                    let offset = contents.offset();
                    let node = DataRef::read_described(&description, &mut contents, &guard.options)
                        .map_err(wire_fault)?;
                    members.push(Self::read_node(
                        py,
                        node,
                        offset,
                        &mut contents,
                        guard,
                        Some(&description),
                    )?);
                }
                compact = Some(Arc::new(description));
            }
            _ => return Ok(Self::simple(node.tag(), to_python(py, node)?)),
        }
        guard.leave();
        let depth = 1 + members.iter().map(|member| member.depth).max().unwrap_or(0);
        let value = PyTuple::new(py, members)?.into_any().unbind();
        Ok(Self {
            tag: node.tag(),
            value,
            description: compact,
            depth,
        })
    }

    fn read_member(
        py: Python<'_>,
        index: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
        around: Option<&Description>,
    ) -> PyResult<Self> {
        let Some(description) = around.and_then(|around| member_of(around, index)) else {
            return Self::read(py, reader, guard);
        };
        let offset = reader.offset();
        let node =
            DataRef::read_described(description, reader, &guard.options).map_err(wire_fault)?;
        Self::read_node(py, node, offset, reader, guard, Some(description))
    }

    /// The members of an array, structure or compact array.
    fn members<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyTuple>> {
        match self.tag {
            Tag::Array | Tag::Structure | Tag::CompactArray => {
                self.value.bind(py).cast::<PyTuple>().ok().cloned()
            }
            _ => None,
        }
    }

    /// Appends the wire form.
    pub(crate) fn append_to(&self, py: Python<'_>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let Some(members) = self.members(py) else {
            return with_node(self.tag, self.value.bind(py), |node| append(out, &node));
        };
        if let Some(description) = self.description.as_deref() {
            return self.append_compact(py, description, out);
        }
        let count = members.len();
        if count > length::MAX_LENGTH {
            return Err(Misfit::value("more elements than a count can say"));
        }
        let head = if self.tag == Tag::Array {
            DataRef::Array(count)
        } else {
            DataRef::Structure(count)
        };
        append(out, &head);
        for member in members.iter_borrowed() {
            member
                .cast::<Self>()
                .map_err(PyErr::from)?
                .get()
                .append_to(py, out)?;
        }
        Ok(())
    }

    fn append_compact(
        &self,
        py: Python<'_>,
        description: &Description,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        if matches!(description.shape(), Shape::Array(..)) {
            return Err(Misfit::value(
                "a compact-array whose elements are arrays is decoded, but not encoded",
            ));
        }
        let mut contents = Vec::new();
        self.append_contents(py, &mut contents)?;
        out.push(Tag::CompactArray.code());
        append(out, description);
        append(out, &Prefixed(&contents));
        Ok(())
    }

    /// Appends the wire form without any tags and counts.
    fn append_contents(&self, py: Python<'_>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let Some(members) = self.members(py) else {
            return with_node(self.tag, self.value.bind(py), |node| {
                append_body(out, &node);
            });
        };
        for member in members.iter_borrowed() {
            member
                .cast::<Self>()
                .map_err(PyErr::from)?
                .get()
                .append_contents(py, out)?;
        }
        Ok(())
    }

    /// What a compact array would say of this value; `None` where it cannot.
    fn describe(&self, py: Python<'_>) -> Option<Description> {
        let Some(members) = self.members(py) else {
            return Description::simple(self.tag);
        };
        match self.tag {
            Tag::Structure => members
                .iter_borrowed()
                .map(|member| member.cast::<Self>().ok()?.get().describe(py))
                .collect::<Option<_>>()
                .map(Description::structure),
            Tag::Array => {
                let count = u16::try_from(members.len()).ok()?;
                Some(Description::array(
                    count,
                    common_description(py, &members).ok()?,
                ))
            }
            _ => None,
        }
    }
}

/// Octets with their length in front.
struct Prefixed<'a>(&'a [u8]);

impl Emit for Prefixed<'_> {
    fn emitted_len(&self) -> usize {
        length::octets_len(self.0)
    }

    fn emit(&self, out: &mut Writer<'_>) {
        length::write_octets(out, self.0);
    }
}

/// The description of member `index` of what `description` describes.
pub(crate) fn member_of(description: &Description, index: usize) -> Option<&Description> {
    match description.shape() {
        Shape::Simple(_) => None,
        Shape::Array(_, element) => Some(element),
        Shape::Structure(members) => members.get(index),
    }
}

fn common_description(py: Python<'_>, members: &Bound<'_, PyTuple>) -> PyResult<Description> {
    let mut common: Option<Description> = None;
    for (index, member) in members.iter_borrowed().enumerate() {
        let description = member.cast::<Data>()?.get().describe(py).ok_or_else(|| {
            PyValueError::new_err(format!(
                "[{index}]: a compact-array cannot describe this value"
            ))
        })?;
        if common.as_ref().is_some_and(|common| *common != description) {
            return Err(PyValueError::new_err(format!(
                "[{index}]: the elements of a compact-array are all of one type"
            )));
        }
        common = Some(description);
    }
    common
        .filter(|description| !description.is_zero_width())
        .ok_or_else(|| {
            PyValueError::new_err("a compact-array is made of elements that have octets")
        })
}
