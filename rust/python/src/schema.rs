//! `Schema`: a type compiled once, plain Python values to A-XDR and back in one crossing.
//!
//! Decoding walks the octets and the type together and makes the final Python objects at once; there is no tree in
//! between. Encoding takes a snapshot of every sequence before it looks at its elements, because looking at an element can
//! run Python code that changes the sequence.

use std::sync::Arc;

use dlms_fw_core::axdr::{CompactArray, DataRef, Description, Guard, Options, Tag};
use dlms_fw_core::codec::Reader;
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple, PyType};

use crate::data::{Data, member_of};
use crate::misfit::{Misfit, Step};
use crate::octets::Octets;
use crate::value::{append, octets, snapshot, to_python, wire_fault, with_node};

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

    #[pyo3(signature = (data, *, strict = true))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        data: Octets<'_>,
        strict: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = if strict {
            Options::STRICT
        } else {
            Options::TOLERANT
        };
        let mut reader = Reader::new(&data);
        let value = self
            .kind
            .read(py, &mut reader, &mut Guard::new(options), None)?;
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

impl Kind {
    /// Reads one value: with its tag, or inside a compact array by its description.
    fn read<'py>(
        &self,
        py: Python<'py>,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
        description: Option<&Description>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let offset = reader.offset();
        let node = match description {
            None => DataRef::read(reader, &guard.options),
            Some(description) => DataRef::read_described(description, reader, &guard.options),
        };
        self.read_node(
            py,
            node.map_err(wire_fault)?,
            offset,
            reader,
            guard,
            description,
        )
    }

    fn read_node<'py>(
        &self,
        py: Python<'py>,
        node: DataRef<'_>,
        offset: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
        description: Option<&Description>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let refused = |kind| Err(wire_fault(DecodeError::new(kind, offset)));
        match (self, node) {
            (Self::Simple(tag), node) if *tag == node.tag() => to_python(py, node),
            (Self::FixedOctetString(length), DataRef::OctetString(octets)) => {
                if octets.len() != *length {
                    return refused(DecodeErrorKind::WrongLength);
                }
                Ok(PyBytes::new(py, octets).into_any())
            }
            (Self::Structure(members, record), DataRef::Structure(count)) => {
                if count != members.len() {
                    return refused(DecodeErrorKind::WrongLength);
                }
                guard.enter(offset).map_err(wire_fault)?;
                let mut values = Vec::with_capacity(count);
                for (index, member) in members.iter().enumerate() {
                    let inner = description.and_then(|around| member_of(around, index));
                    values.push(member.read(py, reader, guard, inner)?);
                }
                guard.leave();
                let values = PyTuple::new(py, values)?;
                match record {
                    None => Ok(values.into_any()),
                    Some(record) => record.make.bind(py).call1((record.class.bind(py), values)),
                }
            }
            (Self::Array(element), DataRef::Array(count)) => {
                guard.enter(offset).map_err(wire_fault)?;
                let inner = description.and_then(|around| member_of(around, 0));
                let values = element.read_elements(py, count, reader, guard, inner)?;
                guard.leave();
                Ok(values)
            }
            (Self::Array(element), DataRef::CompactArray) => {
                guard.enter(offset).map_err(wire_fault)?;
                let mut array = CompactArray::read(reader, guard).map_err(wire_fault)?;
                let inner = Some(&array.description);
                let values =
                    element.read_elements(py, array.elements, &mut array.contents, guard, inner)?;
                guard.leave();
                Ok(values)
            }
            (Self::Any, node) => {
                let value = Data::read_node(py, node, offset, reader, guard, description)?;
                Ok(Bound::new(py, value)?.into_any())
            }
            (Self::Choice(alternatives), node) => {
                match alternatives.iter().find(|kind| kind.takes(node.tag())) {
                    Some(kind) => kind.read_node(py, node, offset, reader, guard, description),
                    None => refused(DecodeErrorKind::UnexpectedTag),
                }
            }
            (Self::Converted { inner, decode, .. }, node) => {
                let value = inner.read_node(py, node, offset, reader, guard, description)?;
                match decode.bind(py).call1((value,)) {
                    Err(error) if error.is_instance_of::<PyValueError>(py) => {
                        refused(DecodeErrorKind::ValueOutOfRange)
                    }
                    value => value,
                }
            }
            _ => refused(DecodeErrorKind::UnexpectedTag),
        }
    }

    fn read_elements<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        reader: &mut Reader<'_>,
        guard: &mut Guard,
        description: Option<&Description>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.read(py, reader, guard, description)?);
        }
        Ok(PyList::new(py, values)?.into_any())
    }

    /// Whether a value with this tag can be of this type.
    fn takes(&self, tag: Tag) -> bool {
        match self {
            Self::Simple(own) => *own == tag,
            Self::FixedOctetString(_) => tag == Tag::OctetString,
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

fn shared(schemas: &[Bound<'_, Schema>]) -> (Box<[Arc<Kind>]>, usize) {
    let kinds = schemas
        .iter()
        .map(|schema| Arc::clone(&schema.get().kind))
        .collect();
    let levels = schemas.iter().map(|schema| schema.get().levels).max();
    (kinds, levels.unwrap_or(0))
}
