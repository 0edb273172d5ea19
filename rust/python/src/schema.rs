//! `Schema`: a type compiled once, plain Python values to A-XDR and back in one crossing.
//!
//! Decoding walks the octets and the type together and makes the final Python objects at once; there is no tree in
//! between. Encoding takes a snapshot of every sequence before it looks at its elements, because looking at an element can
//! run Python code that changes the sequence.

use std::sync::Arc;

use dlms_fw_core::axdr::length::{length_len, write_length};
use dlms_fw_core::axdr::{CompactArray, DataRef, Description, Guard, Options, Tag, Take};
use dlms_fw_core::codec::{Emit, Reader, Writer};
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};

use crate::data::{Data, Source};
use crate::limits::{Limits, options};
use crate::misfit::{Misfit, Step};
use crate::octets::Kept;
use crate::value::{
    Failure, Made, append, list_of, octets, read_simple, snapshot, to_python, tuple_of, wire_fault,
    with_node,
};

/// Types nested deeper than this are refused, so that all recursion over a type is bounded.
const MAX_LEVELS: usize = 64;

/// A type compiled once.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct Schema {
    kind: Arc<Kind>,
    levels: usize,
}

enum Kind {
    Simple(Tag),
    FixedOctetString(usize),
    /// An octet-string that holds a value of this type, or the value itself.
    Carried(Tag),
    Structure(Box<[Arc<Kind>]>, Option<Record>),
    Array(Arc<Kind>),
    Any,
    Choice(Box<[Arc<Kind>]>),
    Converted {
        inner: Arc<Kind>,
        decode: Py<PyAny>,
        encode: Option<Py<PyAny>>,
    },
}

/// The `NamedTuple` class that the values of a structure become.
struct Record {
    class: Py<PyType>,
    /// `tuple.__new__`, which makes an instance without running the class's own Python code.
    make: Py<PyAny>,
    fields: Vec<String>,
}

#[pymethods]
impl Schema {
    #[staticmethod]
    fn primitive(tag: u8) -> PyResult<Self> {
        match Tag::try_from(tag) {
            Ok(Tag::Array | Tag::Structure | Tag::CompactArray) | Err(_) => Err(
                PyValueError::new_err(format!("no simple type has the tag {tag}")),
            ),
            Ok(tag) => Self::new(Kind::Simple(tag), 0),
        }
    }

    #[staticmethod]
    fn fixed_octet_string(length: usize) -> PyResult<Self> {
        Self::new(Kind::FixedOctetString(length), 0)
    }

    #[staticmethod]
    fn carried(tag: u8) -> PyResult<Self> {
        match Tag::try_from(tag) {
            Ok(tag @ (Tag::Date | Tag::Time | Tag::DateTime)) => Self::new(Kind::Carried(tag), 0),
            _ => Err(PyValueError::new_err(format!(
                "no type that octet-strings carry has the tag {tag}"
            ))),
        }
    }

    #[staticmethod]
    #[pyo3(signature = (members, *, record = None))]
    fn structure(
        members: Vec<Bound<'_, Self>>,
        record: Option<Bound<'_, PyType>>,
    ) -> PyResult<Self> {
        let record = record
            .map(|class| Record::new(&class, members.len()))
            .transpose()?;
        let (kinds, levels) = shared(&members);
        Self::new(Kind::Structure(kinds, record), levels)
    }

    #[staticmethod]
    fn array(element: &Bound<'_, Self>) -> PyResult<Self> {
        let element = element.get();
        Self::new(Kind::Array(Arc::clone(&element.kind)), element.levels)
    }

    #[staticmethod]
    fn any() -> PyResult<Self> {
        Self::new(Kind::Any, 0)
    }

    #[staticmethod]
    fn choice(alternatives: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        if alternatives.is_empty() {
            return Err(PyValueError::new_err("a choice needs an alternative"));
        }
        let (kinds, levels) = shared(&alternatives);
        Self::new(Kind::Choice(kinds), levels)
    }

    #[staticmethod]
    #[pyo3(signature = (inner, decode, encode = None))]
    fn converted(
        inner: &Bound<'_, Self>,
        decode: Py<PyAny>,
        encode: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let Self { kind, levels } = inner.get();
        Self::new(
            Kind::Converted {
                inner: Arc::clone(kind),
                decode,
                encode,
            },
            *levels,
        )
    }

    fn encode<'py>(
        &self,
        py: Python<'py>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        self.kind.append(value, &mut out)?;
        Ok(PyBytes::new(py, &out))
    }

    #[pyo3(signature = (data, *, strict = true, limits = None))]
    fn decode<'py>(
        &self,
        data: Kept<'py>,
        strict: bool,
        limits: Option<&Bound<'py, Limits>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut reader = Reader::new(data.0.as_bytes());
        let mut decoding = Decoding {
            py: data.0.py(),
            source: Source {
                octets: &data.0,
                start: 0,
            },
            guard: Guard::new(options(strict, limits)),
        };
        let value = self.kind.read(&mut decoding, &mut reader, None)?;
        reader.finish().map_err(wire_fault)?;
        Ok(value)
    }

    fn __repr__(&self) -> String {
        format!("<Schema {}>", self.kind.name())
    }
}

impl Schema {
    fn new(kind: Kind, levels: usize) -> PyResult<Self> {
        if levels >= MAX_LEVELS {
            return Err(PyValueError::new_err("the type is nested too deep"));
        }
        Ok(Self {
            kind: Arc::new(kind),
            levels: levels + 1,
        })
    }
}

impl Record {
    fn new(class: &Bound<'_, PyType>, members: usize) -> PyResult<Self> {
        let py = class.py();
        let name = class.name()?;
        let fields: Vec<String> = match class.getattr(intern!(py, "_fields")) {
            Ok(fields) if class.is_subclass_of::<PyTuple>()? => fields.extract()?,
            _ => {
                return Err(PyTypeError::new_err(format!(
                    "{name} is not a NamedTuple class"
                )));
            }
        };
        if fields.len() != members {
            let count = fields.len();
            return Err(PyValueError::new_err(format!(
                "{name} has {count} fields, the structure {members} members"
            )));
        }
        let make = py.get_type::<PyTuple>().getattr(intern!(py, "__new__"))?;
        Ok(Self {
            class: class.clone().unbind(),
            make: make.unbind(),
            fields,
        })
    }
}

/// What all reading of one decoding shares.
struct Decoding<'a, 'py> {
    py: Python<'py>,
    source: Source<'a, 'py>,
    guard: Guard,
}

impl Decoding<'_, '_> {
    fn enter(&mut self, offset: usize) -> Result<(), Failure> {
        Ok(self.guard.enter(offset)?)
    }
}

/// A refusal of the value at `offset`.
fn refused<T>(kind: DecodeErrorKind, offset: usize) -> Result<T, Failure> {
    Err(DecodeError::new(kind, offset).into())
}

/// The type of the value that comes next: its tag, or inside a compact array its description's.
#[inline]
fn coming(reader: &Reader<'_>, description: Option<&Description>) -> Result<Tag, DecodeError> {
    match description {
        Some(description) => Ok(description.tag()),
        None => match reader.peek() {
            Some(code) => {
                Tag::try_from(code).map_err(|kind| DecodeError::new(kind, reader.offset()))
            }
            None => Err(reader.error(DecodeErrorKind::Truncated)),
        },
    }
}

/// Makes the value of a node without members, as a type wants it.
struct ToKind<'a, 'py> {
    py: Python<'py>,
    kind: &'a Kind,
    offset: usize,
}

impl<'py> Take<'_> for ToKind<'_, 'py> {
    type Made = Bound<'py, PyAny>;
    type Error = Failure;

    #[inline(always)]
    fn take(self, node: DataRef<'_>) -> Made<'py> {
        match (self.kind, node) {
            (Kind::FixedOctetString(length), DataRef::OctetString(octets))
                if octets.len() != *length =>
            {
                refused(DecodeErrorKind::WrongLength, self.offset)
            }
            (Kind::Carried(tag), DataRef::OctetString(octets)) => {
                let mut reader = Reader::new(octets);
                match &DataRef::read_body(*tag, &mut reader, &Options::STRICT) {
                    Ok(node) if reader.is_empty() => Ok(to_python(self.py, *node)?),
                    _ => refused(DecodeErrorKind::WrongLength, self.offset),
                }
            }
            (_, node) => Ok(to_python(self.py, node)?),
        }
    }
}

impl Kind {
    /// Reads one value: with its tag, or inside a compact array by its description.
    fn read<'py>(
        &self,
        decoding: &mut Decoding<'_, 'py>,
        reader: &mut Reader<'_>,
        description: Option<&Description>,
    ) -> Made<'py> {
        let py = decoding.py;
        if let (Self::Simple(own), None) = (self, description)
            && reader.peek() == Some(own.code())
        {
            return read_simple(py, reader, &decoding.guard.options);
        }
        let offset = reader.offset();
        let tag = coming(reader, description)?;
        if !self.takes(tag) {
            return refused(DecodeErrorKind::UnexpectedTag, offset);
        }
        match self {
            Self::Simple(_) | Self::FixedOctetString(_) | Self::Carried(_) => {
                if description.is_none() {
                    reader.expect(tag.code())?;
                }
                let kind = self;
                let taker = ToKind { py, kind, offset };
                DataRef::take_body(tag, reader, &decoding.guard.options, taker)
            }
            Self::Structure(members, record) => {
                let count = match description {
                    None => head(decoding, reader)?,
                    Some(description) => description.count(),
                };
                if count != members.len() {
                    return refused(DecodeErrorKind::WrongLength, offset);
                }
                decoding.enter(offset)?;
                let values = tuple_of(py, count, |index| {
                    let inner = description.and_then(|around| around.member(index));
                    members[index].read(decoding, reader, inner)
                })?;
                decoding.guard.leave();
                match record {
                    None => Ok(values.into_any()),
                    Some(record) => Ok(record
                        .make
                        .bind(py)
                        .call1((record.class.bind(py), values))?),
                }
            }
            Self::Array(element) => {
                decoding.enter(offset)?;
                let values = if tag == Tag::CompactArray {
                    reader.expect(tag.code())?;
                    let CompactArray {
                        description,
                        elements,
                        mut contents,
                    } = CompactArray::read(reader, &mut decoding.guard)?;
                    list_of(py, elements, |_| {
                        element.read(decoding, &mut contents, Some(&description))
                    })?
                } else {
                    let count = match description {
                        None => head(decoding, reader)?,
                        Some(description) => description.count(),
                    };
                    let inner = description.and_then(|around| around.member(0));
                    list_of(py, count, |_| element.read(decoding, reader, inner))?
                };
                decoding.guard.leave();
                Ok(values.into_any())
            }
            Self::Any => {
                let Decoding { source, guard, .. } = decoding;
                let value = match description {
                    None => Data::read(source, reader, guard),
                    Some(description) => Data::read_described(py, description, reader, guard),
                };
                Ok(Bound::new(py, value?)?.into_any())
            }
            Self::Choice(alternatives) => match alternatives.iter().find(|kind| kind.takes(tag)) {
                Some(kind) => kind.read(decoding, reader, description),
                None => refused(DecodeErrorKind::UnexpectedTag, offset),
            },
            Self::Converted { inner, decode, .. } => {
                let value = inner.read(decoding, reader, description)?;
                match decode.bind(py).call1((value,)) {
                    Err(error) if error.is_instance_of::<PyValueError>(py) => {
                        refused(DecodeErrorKind::ValueOutOfRange, offset)
                    }
                    value => Ok(value?),
                }
            }
        }
    }

    /// Whether a value with this tag can be of this type.
    fn takes(&self, tag: Tag) -> bool {
        match self {
            Self::Simple(own) => *own == tag,
            Self::FixedOctetString(_) => tag == Tag::OctetString,
            Self::Carried(own) => tag == Tag::OctetString || tag == *own,
            Self::Structure(..) => tag == Tag::Structure,
            Self::Array(_) => matches!(tag, Tag::Array | Tag::CompactArray),
            Self::Any => true,
            Self::Choice(alternatives) => alternatives.iter().any(|kind| kind.takes(tag)),
            Self::Converted { inner, .. } => inner.takes(tag),
        }
    }

    fn append(&self, value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let py = value.py();
        match self {
            Self::Simple(tag) => with_node(*tag, value, |node| append(out, &node)),
            Self::FixedOctetString(length) => {
                let octets = octets(value)?;
                if octets.len() != *length {
                    return Err(Misfit::value(format!(
                        "expected {length} octets, got {}",
                        octets.len()
                    )));
                }
                append(out, &DataRef::OctetString(&octets));
                Ok(())
            }
            Self::Carried(tag) => with_node(*tag, value, |node| {
                out.push(Tag::OctetString.code());
                append(out, &Prefixed(&node));
            }),
            Self::Structure(members, record) => {
                let values = snapshot(value)?;
                if values.len() != members.len() {
                    let (due, found) = (members.len(), values.len());
                    return Err(Misfit::value(format!(
                        "expected {due} members, got {found}"
                    )));
                }
                append(out, &DataRef::Structure(members.len()));
                for (index, (member, value)) in
                    members.iter().zip(values.iter_borrowed()).enumerate()
                {
                    member.append(&value, out).map_err(|misfit| {
                        misfit.at(match record {
                            Some(record) => Step::Name(record.fields[index].clone()),
                            None => Step::Index(index),
                        })
                    })?;
                }
                Ok(())
            }
            Self::Array(element) => {
                let values = snapshot(value)?;
                append(out, &DataRef::Array(values.len()));
                for (index, value) in values.iter_borrowed().enumerate() {
                    element
                        .append(&value, out)
                        .map_err(|misfit| misfit.at(Step::Index(index)))?;
                }
                Ok(())
            }
            Self::Any => match value.cast::<Data>() {
                Ok(data) => data.get().append_to(py, out),
                Err(_) => Err(Misfit::expected("Data", value)),
            },
            Self::Choice(alternatives) => {
                let start = out.len();
                for kind in alternatives {
                    match kind.append(value, out) {
                        Err(Misfit::Value(_)) => out.truncate(start),
                        done => return done,
                    }
                }
                Err(Misfit::expected(&self.name(), value))
            }
            Self::Converted {
                inner,
                encode: None,
                ..
            } => inner.append(value, out),
            Self::Converted {
                inner,
                encode: Some(encode),
                ..
            } => {
                let value = encode
                    .bind(py)
                    .call1((value,))
                    .map_err(|error| Misfit::raised(py, error))?;
                inner.append(&value, out)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Simple(tag) => tag.name().to_owned(),
            Self::FixedOctetString(length) => format!("octet-string({length})"),
            Self::Carried(tag) => format!("octet-string of a {}", tag.name()),
            Self::Structure(members, None) => format!("structure of {}", members.len()),
            Self::Structure(members, Some(record)) => {
                format!(
                    "structure of {} ({})",
                    members.len(),
                    record.fields.join(", ")
                )
            }
            Self::Array(element) => format!("array of {}", element.name()),
            Self::Any => "data".to_owned(),
            Self::Choice(kinds) => kinds
                .iter()
                .map(|kind| kind.name())
                .collect::<Vec<_>>()
                .join(" or "),
            Self::Converted { inner, .. } => inner.name(),
        }
    }
}

/// The number of members that an array or structure announces.
#[inline]
fn head(decoding: &mut Decoding<'_, '_>, reader: &mut Reader<'_>) -> Result<usize, Failure> {
    let offset = reader.offset();
    let count = DataRef::read_head(reader, &decoding.guard.options)?;
    decoding.guard.count(count, offset)?;
    Ok(count)
}

/// The body of a node as an octet-string has it, its length in front.
struct Prefixed<'a>(&'a DataRef<'a>);

impl Emit for Prefixed<'_> {
    fn emitted_len(&self) -> usize {
        let length = self.0.body_len();
        length_len(length) + length
    }

    fn emit(&self, out: &mut Writer<'_>) {
        write_length(out, self.0.body_len());
        self.0.emit_body(out);
    }
}

fn shared(schemas: &[Bound<'_, Schema>]) -> (Box<[Arc<Kind>]>, usize) {
    let kinds = schemas
        .iter()
        .map(|schema| Arc::clone(&schema.get().kind))
        .collect();
    let levels = schemas.iter().map(|schema| schema.get().levels).max();
    (kinds, levels.unwrap_or(0))
}
