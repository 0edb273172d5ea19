//! Simple values of the Data CHOICE and the Python objects that stand for them, both ways.

use std::fmt::Display;

use dlms_fw_core::axdr::{self, DataRef, Options, Tag, Take};
use dlms_fw_core::codec::{Emit, Reader, Writer};
use dlms_fw_core::error::DecodeError;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyMemoryView, PySequence, PyString,
    PyTuple,
};
use pyo3::{PyClass, PyClassInitializer};

use crate::bits::BitString;
use crate::datetime::{Date, DateTime, Time};
use crate::errors::Error;
use crate::misfit::Misfit;
use crate::octets::Octets;

/// A fault in the octets, as an exception.
pub(crate) fn wire_fault(error: DecodeError) -> PyErr {
    Error::from(error).into()
}

/// Why no value was made. It takes one register, since it comes back from every value.
pub(crate) struct Failure(Box<PyErr>);

impl From<DecodeError> for Failure {
    #[cold]
    fn from(error: DecodeError) -> Self {
        Self(Box::new(wire_fault(error)))
    }
}

impl From<PyErr> for Failure {
    #[cold]
    fn from(error: PyErr) -> Self {
        Self(Box::new(error))
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}

/// A value, or why there is none.
pub(crate) type Made<'py> = Result<Bound<'py, PyAny>, Failure>;

/// Makes the Python value of each node.
#[derive(Clone, Copy)]
pub(crate) struct ToPython<'py>(pub(crate) Python<'py>);

impl<'py> Take<'_> for ToPython<'py> {
    type Made = Bound<'py, PyAny>;
    type Error = Failure;

    #[inline(always)]
    fn take(self, node: DataRef<'_>) -> Made<'py> {
        Ok(to_python(self.0, node)?)
    }
}

/// One value that has no members, with its tag. It stays a function of its own, so that loops over members are short.
#[inline(never)]
pub(crate) fn read_simple<'py>(
    py: Python<'py>,
    reader: &mut Reader<'_>,
    options: &Options,
) -> Made<'py> {
    DataRef::take(reader, options, ToPython(py))
}

/// The Python value of a node that has no members; of a head, `None`.
#[inline(always)]
pub(crate) fn to_python<'py>(py: Python<'py>, node: DataRef<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match node {
        DataRef::NullData
        | DataRef::DontCare
        | DataRef::Array(_)
        | DataRef::Structure(_)
        | DataRef::CompactArray => py.None().into_bound(py),
        DataRef::Boolean(value) => PyBool::new(py, value).to_owned().into_any(),
        DataRef::BitString(bits) => object(py, BitString::from(bits))?,
        DataRef::DoubleLong(value) | DataRef::DeltaDoubleLong(value) => integer(py, value)?,
        DataRef::DoubleLongUnsigned(value) | DataRef::DeltaDoubleLongUnsigned(value) => {
            integer(py, value)?
        }
        DataRef::FloatingPoint(octets) => PyBytes::new(py, &octets).into_any(),
        DataRef::OctetString(octets) | DataRef::GeneralizedTime(octets) => {
            PyBytes::new(py, octets).into_any()
        }
        DataRef::VisibleString(octets) => text(py, octets, Text::Ascii)?,
        DataRef::Utf8String(octets) => text(py, octets, Text::Utf8)?,
        DataRef::Bcd(value)
        | DataRef::Unsigned(value)
        | DataRef::Enum(value)
        | DataRef::DeltaUnsigned(value) => integer(py, value)?,
        DataRef::Integer(value) | DataRef::DeltaInteger(value) => integer(py, value)?,
        DataRef::Long(value) | DataRef::DeltaLong(value) => integer(py, value)?,
        DataRef::LongUnsigned(value) | DataRef::DeltaLongUnsigned(value) => integer(py, value)?,
        DataRef::Long64(value) => integer(py, value)?,
        DataRef::Long64Unsigned(value) => integer(py, value)?,
        DataRef::Float32(bits) => PyFloat::new(py, widen(bits)).into_any(),
        DataRef::Float64(bits) => PyFloat::new(py, f64::from_bits(bits)).into_any(),
        DataRef::DateTime(value) => object(py, DateTime(value))?,
        DataRef::Date(value) => object(py, Date(value))?,
        DataRef::Time(value) => object(py, Time(value))?,
    })
}

/// A new object of one of our classes.
#[inline(never)]
fn object<T: PyClass + Into<PyClassInitializer<T>>>(
    py: Python<'_>,
    value: T,
) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, value)?.into_any())
}

/// A tuple of `count` values that are made one after another.
#[inline]
pub(crate) fn tuple_of<'py>(
    py: Python<'py>,
    count: usize,
    make: impl FnMut(usize) -> Made<'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, (0..count).map(make).map(Place))
}

/// A list of `count` values that are made one after another.
#[inline]
pub(crate) fn list_of<'py>(
    py: Python<'py>,
    count: usize,
    make: impl FnMut(usize) -> Made<'py>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, (0..count).map(make).map(Place))
}

/// What goes into a place of a tuple or list; a failure ends the whole.
struct Place<'py>(Made<'py>);

impl<'py> IntoPyObject<'py> for Place<'py> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Failure;

    #[inline(always)]
    fn into_pyobject(self, _: Python<'py>) -> Made<'py> {
        self.0
    }
}

/// Hands the node of type `tag` that `value` stands for to `sink`; it borrows from the value.
pub(crate) fn with_node<T>(
    tag: Tag,
    value: &Bound<'_, PyAny>,
    sink: impl FnOnce(DataRef<'_>) -> T,
) -> Result<T, Misfit> {
    let node = match tag {
        Tag::NullData | Tag::DontCare => {
            if !value.is_none() {
                return Err(Misfit::expected("None", value));
            }
            if tag == Tag::NullData {
                DataRef::NullData
            } else {
                DataRef::DontCare
            }
        }
        Tag::Array | Tag::Structure | Tag::CompactArray => {
            return Err(Misfit::value(format!(
                "{} is not a simple type",
                tag.name()
            )));
        }
        Tag::Boolean => match value.cast::<PyBool>() {
            Ok(truth) => DataRef::Boolean(truth.is_true()),
            Err(_) => return Err(Misfit::expected("bool", value)),
        },
        Tag::BitString => {
            let bits = instance::<BitString>("BitString", value)?;
            return match axdr::BitString::new(bits.get().octets(), bits.get().length()) {
                Some(bits) => Ok(sink(DataRef::BitString(bits))),
                None => Err(Misfit::value(
                    "a bit-string of another length than its octets",
                )),
            };
        }
        Tag::FloatingPoint => match <[u8; 4]>::try_from(&*octets(value)?) {
            Ok(octets) => DataRef::FloatingPoint(octets),
            Err(_) => return Err(Misfit::value("expected 4 octets")),
        },
        Tag::OctetString => return Ok(sink(DataRef::OctetString(&octets(value)?))),
        Tag::GeneralizedTime => return Ok(sink(DataRef::GeneralizedTime(&octets(value)?))),
        Tag::VisibleString => {
            return with_text(value, Text::Ascii, |octets| {
                sink(DataRef::VisibleString(octets))
            });
        }
        Tag::Utf8String => {
            return with_text(value, Text::Utf8, |octets| {
                sink(DataRef::Utf8String(octets))
            });
        }
        Tag::DoubleLong => DataRef::DoubleLong(number(tag, value, i32::MIN, i32::MAX)?),
        Tag::DoubleLongUnsigned => {
            DataRef::DoubleLongUnsigned(number(tag, value, u32::MIN, u32::MAX)?)
        }
        Tag::Bcd => DataRef::Bcd(number(tag, value, u8::MIN, u8::MAX)?),
        Tag::Integer => DataRef::Integer(number(tag, value, i8::MIN, i8::MAX)?),
        Tag::Long => DataRef::Long(number(tag, value, i16::MIN, i16::MAX)?),
        Tag::Unsigned => DataRef::Unsigned(number(tag, value, u8::MIN, u8::MAX)?),
        Tag::LongUnsigned => DataRef::LongUnsigned(number(tag, value, u16::MIN, u16::MAX)?),
        Tag::Long64 => DataRef::Long64(number(tag, value, i64::MIN, i64::MAX)?),
        Tag::Long64Unsigned => DataRef::Long64Unsigned(number(tag, value, u64::MIN, u64::MAX)?),
        Tag::Enum => DataRef::Enum(number(tag, value, u8::MIN, u8::MAX)?),
        Tag::Float32 => DataRef::Float32(narrow(float(value)?)?),
        Tag::Float64 => DataRef::Float64(float(value)?.to_bits()),
        Tag::DateTime => DataRef::DateTime(instance::<DateTime>("DateTime", value)?.get().0),
        Tag::Date => DataRef::Date(instance::<Date>("Date", value)?.get().0),
        Tag::Time => DataRef::Time(instance::<Time>("Time", value)?.get().0),
        Tag::DeltaInteger => DataRef::DeltaInteger(number(tag, value, i8::MIN, i8::MAX)?),
        Tag::DeltaLong => DataRef::DeltaLong(number(tag, value, i16::MIN, i16::MAX)?),
        Tag::DeltaDoubleLong => DataRef::DeltaDoubleLong(number(tag, value, i32::MIN, i32::MAX)?),
        Tag::DeltaUnsigned => DataRef::DeltaUnsigned(number(tag, value, u8::MIN, u8::MAX)?),
        Tag::DeltaLongUnsigned => {
            DataRef::DeltaLongUnsigned(number(tag, value, u16::MIN, u16::MAX)?)
        }
        Tag::DeltaDoubleLongUnsigned => {
            DataRef::DeltaDoubleLongUnsigned(number(tag, value, u32::MIN, u32::MAX)?)
        }
    };
    Ok(sink(node))
}

/// Appends the tag and the body of a node.
pub(crate) fn append(out: &mut Vec<u8>, node: &impl Emit) {
    append_with(out, node.emitted_len(), |out| node.emit(out));
}

/// Appends the body of a node, as the contents of a compact array have it.
pub(crate) fn append_body(out: &mut Vec<u8>, node: &DataRef<'_>) {
    append_with(out, node.body_len(), |out| node.emit_body(out));
}

fn append_with(out: &mut Vec<u8>, length: usize, emit: impl FnOnce(&mut Writer<'_>)) {
    let start = out.len();
    out.resize(start + length, 0);
    let mut writer = Writer::new(&mut out[start..]);
    emit(&mut writer);
    writer.finish();
}

/// The octets of a value of type octet-string.
pub(crate) fn octets<'a>(value: &'a Bound<'_, PyAny>) -> Result<Octets<'a>, Misfit> {
    value.extract::<Octets<'a>>().map_err(|error| {
        if error.is_instance_of::<PyTypeError>(value.py()) {
            Misfit::expected("bytes", value)
        } else {
            Misfit::Exception(error)
        }
    })
}

/// A Python integer.
pub(crate) fn integer<'py, T>(py: Python<'py>, value: T) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py, Target = PyInt, Output = Bound<'py, PyInt>>,
    PyErr: From<T::Error>,
{
    Ok(value.into_pyobject(py)?.into_any())
}

fn number<T: TryFrom<i128> + Display>(
    tag: Tag,
    value: &Bound<'_, PyAny>,
    low: T,
    high: T,
) -> Result<T, Misfit> {
    let py = value.py();
    if value.is_instance_of::<PyBool>() {
        return Err(Misfit::expected("int", value));
    }
    let wide = match value.extract::<i64>() {
        Ok(number) => Some(i128::from(number)),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
            value.extract::<u64>().ok().map(i128::from)
        }
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            return Err(Misfit::expected("int", value));
        }
        Err(error) => return Err(Misfit::Exception(error)),
    };
    wide.and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            let found = wide.map_or_else(|| "the number".to_owned(), |number| number.to_string());
            Misfit::overflow(format!(
                "{found} does not fit {} ({low}..{high})",
                tag.name()
            ))
        })
}

fn float(value: &Bound<'_, PyAny>) -> Result<f64, Misfit> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return value
            .extract()
            .map_err(|error| Misfit::raised(value.py(), error));
    }
    Err(Misfit::expected("float", value))
}

fn instance<'a, 'py, T: PyClass>(
    name: &str,
    value: &'a Bound<'py, PyAny>,
) -> Result<&'a Bound<'py, T>, Misfit> {
    value.cast::<T>().map_err(|_| Misfit::expected(name, value))
}

/// A single as a double. A NaN keeps its sign and payload, which the conversion of the processor would make quiet.
fn widen(bits: u32) -> f64 {
    let single = f32::from_bits(bits);
    if !single.is_nan() {
        return f64::from(single);
    }
    let sign = u64::from(bits >> 31) << 63;
    let payload = u64::from(bits & 0x007F_FFFF) << 29;
    f64::from_bits(sign | 0x7FF0_0000_0000_0000 | payload)
}

/// A double as a single, rounded to nearest; the reverse of [`widen`] for NaN.
fn narrow(double: f64) -> Result<u32, Misfit> {
    if double.is_nan() {
        let bits = double.to_bits();
        let [sign, ..] = bits.to_be_bytes();
        let [_, _, _, _, a, b, c, d] = ((bits >> 29) & 0x007F_FFFF).to_be_bytes();
        let payload = u32::from_be_bytes([a, b, c, d]);
        let payload = if payload == 0 { 0x0040_0000 } else { payload };
        return Ok(u32::from(sign & 0x80) << 24 | 0x7F80_0000 | payload);
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest single is what is asked for"
    )]
    let single = double as f32;
    if single.is_infinite() && double.is_finite() {
        return Err(Misfit::overflow(format!("{double} does not fit float32")));
    }
    Ok(single.to_bits())
}

#[derive(Clone, Copy)]
enum Text {
    Ascii,
    Utf8,
}

impl Text {
    const fn encoding(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf-8",
        }
    }

    const fn holds(self, text: &str) -> bool {
        match self {
            Self::Ascii => text.is_ascii(),
            Self::Utf8 => true,
        }
    }
}

/// Text as `str`; octets that are none become surrogate escapes, so that they survive the way back.
fn text<'py>(py: Python<'py>, octets: &[u8], text: Text) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(octets) {
        Ok(valid) if text.holds(valid) => Ok(PyString::new(py, valid).into_any()),
        _ => PyBytes::new(py, octets)
            .call_method1(intern!(py, "decode"), (text.encoding(), "surrogateescape")),
    }
}

fn with_text<T>(
    value: &Bound<'_, PyAny>,
    text: Text,
    sink: impl FnOnce(&[u8]) -> T,
) -> Result<T, Misfit> {
    let py = value.py();
    let Ok(string) = value.cast::<PyString>() else {
        return Err(Misfit::expected("str", value));
    };
    match string.to_str() {
        Ok(valid) if text.holds(valid) => Ok(sink(valid.as_bytes())),
        _ => {
            let octets = string
                .call_method1(intern!(py, "encode"), (text.encoding(), "surrogateescape"))
                .map_err(|_| {
                    Misfit::value(format!(
                        "the text has characters outside {}",
                        text.encoding()
                    ))
                })?;
            Ok(sink(
                octets.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes(),
            ))
        }
    }
}

/// The elements of a sequence as they are now.
pub(crate) fn snapshot<'py>(value: &Bound<'py, PyAny>) -> Result<Bound<'py, PyTuple>, Misfit> {
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return Ok(tuple.clone());
    }
    if let Ok(list) = value.cast::<PyList>() {
        return Ok(list.to_tuple());
    }
    let is_text = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>();
    match value.cast::<PySequence>() {
        Ok(sequence) if !is_text => Ok(sequence.to_tuple()?),
        _ => Err(Misfit::expected("a sequence", value)),
    }
}
