//! `Data`: a value with its tag, as a generic decode gives it and an `any` attribute takes it.
//!
//! What can be constructed can be encoded: values are checked against their tag at once, and nested no deeper than the
//! hard limit, so that all recursion over them is bounded. An array or structure that was decoded has been checked as a whole
//! and stays octets until somebody looks at its members: a profile of 100,000 rows is one object, not a million.

use std::ops::Range;
use std::sync::Arc;

use dlms_fw_core::axdr::compact_array::Shape;
use dlms_fw_core::axdr::{
    CompactArray, DataRef, Description, Guard, Options, RawData, Tag, length,
};
use dlms_fw_core::codec::{self, Emit, Reader, Writer};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::limits::{Limits, options};
use crate::misfit::Misfit;
use crate::octets::{Kept, Octets};
use crate::plain;
use crate::value::{
    Made, append, append_body, snapshot, to_python, tuple_of, wire_fault, with_node,
};

const ARRAY: u8 = Tag::Array.code();
const STRUCTURE: u8 = Tag::Structure.code();

/// One value of the Data CHOICE with its tag.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct Data {
    tag: Tag,
    content: Content,
    /// How many arrays and structures are nested in it, itself included.
    depth: usize,
}

enum Content {
    /// A value without members.
    Simple(Py<PyAny>),
    /// Members that are there.
    Members {
        members: Py<PyTuple>,
        /// Of a compact array, what its elements are made of.
        description: Option<Arc<Description>>,
    },
    /// Members that are still octets.
    Octets(Unopened, PyOnceLock<Py<PyTuple>>),
}

/// The octets of a value that have been found to be one, as a part of those that were given to the decoder.
pub(crate) struct Unopened {
    source: Py<PyBytes>,
    range: Range<usize>,
    strict: bool,
    /// Whether encoding would give the same octets again.
    emittable: bool,
}

impl Unopened {
    fn octets<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        &self.source.as_bytes(py)[self.range.clone()]
    }

    /// A guard that lets pass what has been let pass before.
    pub(crate) const fn guard(&self) -> Guard {
        Guard::new(Options {
            strict: self.strict,
            limits: codec::Limits {
                max_depth: u32::MAX,
                max_elements: u32::MAX,
                max_expansion: u32::MAX,
                max_length: u32::MAX,
            },
        })
    }

    /// A reader behind the head of the array or structure, and the number of its members.
    pub(crate) fn open<'a>(&'a self, py: Python<'a>) -> PyResult<(Reader<'a>, usize)> {
        let mut reader = Reader::new(self.octets(py));
        let options = self.guard().options;
        let count = DataRef::read_head(&mut reader, &options).map_err(wire_fault)?;
        Ok((reader, count))
    }

    fn members<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (mut reader, count) = self.open(py)?;
        let mut guard = self.guard();
        let source = Source {
            octets: self.source.bind(py),
            start: self.range.start,
        };
        tuple_of(py, count, |_| {
            Ok(Bound::new(py, Data::read(&source, &mut reader, &mut guard)?)?.into_any())
        })
    }
}

/// Where values come from: the object that a reader reads, and where in it the reader began.
pub(crate) struct Source<'a, 'py> {
    pub(crate) octets: &'a Bound<'py, PyBytes>,
    pub(crate) start: usize,
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
    #[pyo3(signature = (data, *, strict = true, limits = None))]
    fn decode(data: Kept<'_>, strict: bool, limits: Option<&Bound<'_, Limits>>) -> PyResult<Self> {
        let mut reader = Reader::new(data.0.as_bytes());
        let source = Source {
            octets: &data.0,
            start: 0,
        };
        let mut guard = Guard::new(options(strict, limits));
        let value = Self::read(&source, &mut reader, &mut guard)?;
        reader.finish().map_err(wire_fault)?;
        Ok(value)
    }

    #[staticmethod]
    #[pyo3(signature = (data, *, strict = true, limits = None))]
    fn decode_plain<'py>(
        py: Python<'py>,
        data: Octets<'_>,
        strict: bool,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut reader = Reader::new(&data);
        let mut guard = Guard::new(options(strict, limits));
        let value = plain::read(py, &mut reader, &mut guard)?;
        reader.finish().map_err(wire_fault)?;
        Ok(value)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        self.append_to(py, &mut out)?;
        Ok(PyBytes::new(py, &out))
    }

    #[getter]
    pub(crate) fn tag(&self) -> u8 {
        self.tag.code()
    }

    #[getter]
    pub(crate) fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.content {
            Content::Simple(value) => Ok(value.bind(py).clone()),
            _ => Ok(self.members(py)?.into_any()),
        }
    }

    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.content {
            Content::Simple(value) => Ok(value.bind(py).clone()),
            Content::Octets(unopened, _) => {
                let mut reader = Reader::new(unopened.octets(py));
                Ok(plain::read(py, &mut reader, &mut unopened.guard())?)
            }
            Content::Members { members, .. } => {
                let members = members.bind(py);
                let plain = tuple_of(py, members.len(), |index| {
                    let member = members.get_borrowed_item(index)?;
                    Ok(member
                        .cast::<Self>()
                        .map_err(PyErr::from)?
                        .get()
                        .plain(py)?)
                })?;
                Ok(plain.into_any())
            }
        }
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
                    && self.description() == other.description()
                    && self.value(py)?.eq(other.value(py)?)?
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
        let value = self.value(py)?.hash()?;
        Ok(value.rotate_left(8) ^ isize::from(self.tag.code()))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 8;
        let name = self.tag.name();
        if let Content::Simple(value) = &self.content {
            return Ok(if value.is_none(py) {
                format!("<{name}>")
            } else {
                format!("<{name} {}>", value.bind(py).repr()?)
            });
        }
        let members = self.members(py)?;
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
            content: Content::Simple(value.unbind()),
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
        if depth >= codec::Limits::HARD_MAX_DEPTH {
            return Err(PyValueError::new_err("the values are nested too deep"));
        }
        let description = match tag {
            Tag::CompactArray => Some(Arc::new(common_description(py, members)?)),
            _ => None,
        };
        Ok(Self {
            tag,
            content: Content::Members {
                members: members.clone().unbind(),
                description,
            },
            depth: depth + 1,
        })
    }

    /// Reads one value with its tag; the members of an array or structure are checked and left as octets.
    pub(crate) fn read(
        source: &Source<'_, '_>,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
    ) -> PyResult<Self> {
        let offset = reader.offset();
        if let Some(head @ (ARRAY | STRUCTURE)) = reader.peek() {
            let (octets, observed) = guard
                .observe(|guard| RawData::read_guarded(reader, guard))
                .map_err(wire_fault)?;
            let start = source.start + offset;
            let unopened = Unopened {
                source: source.octets.clone().unbind(),
                range: start..start + octets.as_bytes().len(),
                strict: guard.options.strict,
                emittable: observed.emittable,
            };
            return Ok(Self {
                tag: if head == ARRAY {
                    Tag::Array
                } else {
                    Tag::Structure
                },
                content: Content::Octets(unopened, PyOnceLock::new()),
                depth: observed.depth,
            });
        }
        let py = source.octets.py();
        match DataRef::read(reader, &guard.options).map_err(wire_fault)? {
            DataRef::CompactArray => Self::read_compact(py, offset, reader, guard),
            node => Ok(Self::simple(node.tag(), to_python(py, node)?)),
        }
    }

    fn read_compact(
        py: Python<'_>,
        offset: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
    ) -> PyResult<Self> {
        guard.enter(offset).map_err(wire_fault)?;
        let CompactArray {
            description,
            elements,
            mut contents,
        } = CompactArray::read(reader, guard).map_err(wire_fault)?;
        let mut depth = 0;
        let members = tuple_of(py, elements, |_| {
            let element = Self::read_described(py, &description, &mut contents, guard)?;
            depth = depth.max(element.depth);
            Ok(Bound::new(py, element)?.into_any())
        })?;
        guard.leave();
        Ok(Self {
            tag: Tag::CompactArray,
            content: Content::Members {
                members: members.unbind(),
                description: Some(Arc::new(description)),
            },
            depth: depth + 1,
        })
    }

    /// Reads one value as a compact array has it.
    pub(crate) fn read_described(
        py: Python<'_>,
        description: &Description,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
    ) -> PyResult<Self> {
        let mut depth = 0;
        let mut made = |member: PyResult<Self>| -> Made<'_> {
            let member = member?;
            depth = depth.max(member.depth);
            Ok(Bound::new(py, member)?.into_any())
        };
        let (tag, members) = match description.shape() {
            Shape::Simple(tag) => {
                let node = DataRef::read_body(*tag, reader, &guard.options).map_err(wire_fault)?;
                return Ok(Self::simple(*tag, to_python(py, node)?));
            }
            Shape::Array(count, element) => {
                let members = tuple_of(py, usize::from(*count), |_| {
                    made(Self::read_described(py, element, reader, guard))
                })?;
                (Tag::Array, members)
            }
            Shape::Structure(members) => {
                let members = tuple_of(py, members.len(), |index| {
                    made(Self::read_described(py, &members[index], reader, guard))
                })?;
                (Tag::Structure, members)
            }
        };
        Ok(Self {
            tag,
            content: Content::Members {
                members: members.unbind(),
                description: None,
            },
            depth: depth + 1,
        })
    }

    /// What it is made of, where that is still octets.
    pub(crate) const fn unopened(&self) -> Option<&Unopened> {
        match &self.content {
            Content::Octets(unopened, _) => Some(unopened),
            _ => None,
        }
    }

    fn description(&self) -> Option<&Description> {
        match &self.content {
            Content::Members { description, .. } => description.as_deref(),
            _ => None,
        }
    }

    /// The members of an array, structure or compact array; of a simple value, none.
    pub(crate) fn members<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.content {
            Content::Simple(_) => Ok(PyTuple::empty(py)),
            Content::Members { members, .. } => Ok(members.bind(py).clone()),
            Content::Octets(unopened, opened) => {
                let members =
                    opened.get_or_try_init(py, || unopened.members(py).map(Bound::unbind))?;
                Ok(members.bind(py).clone())
            }
        }
    }

    /// Appends the wire form.
    pub(crate) fn append_to(&self, py: Python<'_>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match &self.content {
            Content::Simple(value) => {
                return with_node(self.tag, value.bind(py), |node| append(out, &node));
            }
            Content::Octets(unopened, _) if unopened.emittable => {
                out.extend_from_slice(unopened.octets(py));
                return Ok(());
            }
            _ => {}
        }
        if let Some(description) = self.description() {
            return self.append_compact(py, description, out);
        }
        let members = self.members(py)?;
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
        if let Content::Simple(value) = &self.content {
            return with_node(self.tag, value.bind(py), |node| {
                append_body(out, &node);
            });
        }
        for member in self.members(py)?.iter_borrowed() {
            member
                .cast::<Self>()
                .map_err(PyErr::from)?
                .get()
                .append_contents(py, out)?;
        }
        Ok(())
    }

    /// What a compact array would say of this value; `None` where it cannot.
    fn describe(&self, py: Python<'_>) -> PyResult<Option<Description>> {
        if let Content::Simple(_) = self.content {
            return Ok(Description::simple(self.tag));
        }
        let members = self.members(py)?;
        match self.tag {
            Tag::Structure => members
                .iter_borrowed()
                .map(|member| member.cast::<Self>()?.get().describe(py))
                .collect::<PyResult<Option<_>>>()
                .map(|members| members.map(Description::structure)),
            Tag::Array => {
                let element = common_description(py, &members).ok();
                Ok(element.and_then(|element| {
                    Some(Description::array(
                        u16::try_from(members.len()).ok()?,
                        element,
                    ))
                }))
            }
            _ => Ok(None),
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

fn common_description(py: Python<'_>, members: &Bound<'_, PyTuple>) -> PyResult<Description> {
    let mut common: Option<Description> = None;
    for (index, member) in members.iter_borrowed().enumerate() {
        let description = member.cast::<Data>()?.get().describe(py)?.ok_or_else(|| {
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
