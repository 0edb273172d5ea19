//! Values that the APDU classes hold: `bytes` that are shared with Python, and what is checked when they come in.

use std::fmt;
use std::hash::{Hash, Hasher};

use dlms_fw_core::axdr::RawData;
use dlms_fw_core::codec::Parse;
use dlms_fw_core::image::ImageBlock;
use dlms_fw_core::xdlms::descriptor::LogicalName;
use pyo3::PyClass;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::types::PyBytes;

/// A `bytes` object, equal by its octets; `Debug` says only how many they are, because any of them may be a secret.
pub(crate) struct SharedBytes(Py<PyBytes>);

impl SharedBytes {
    /// A copy of `octets`.
    pub(crate) fn new(py: Python<'_>, octets: &[u8]) -> Self {
        Self(PyBytes::new(py, octets).unbind())
    }

    /// The octets.
    pub(crate) fn octets<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        self.0.as_bytes(py)
    }

    /// The object.
    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyBytes> {
        self.0.clone_ref(py)
    }
}

impl From<Bound<'_, PyBytes>> for SharedBytes {
    fn from(octets: Bound<'_, PyBytes>) -> Self {
        Self(octets.unbind())
    }
}

impl<'py> FromPyObject<'_, 'py> for SharedBytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(object.cast::<PyBytes>()?.to_owned().unbind()))
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &Self) -> bool {
        Python::attach(|py| self.octets(py) == other.octets(py))
    }
}

impl Eq for SharedBytes {}

impl Hash for SharedBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Python::attach(|py| self.octets(py).hash(state));
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} octets>", Python::attach(|py| self.octets(py).len()))
    }
}

/// One complete A-XDR value, tag included, as `bytes`.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct EncodedData(SharedBytes);

impl EncodedData {
    /// A copy of a value that has been parsed.
    pub(crate) fn new(py: Python<'_>, data: RawData<'_>) -> Self {
        Self(SharedBytes::new(py, data.as_bytes()))
    }

    /// The value.
    pub(crate) fn raw<'a>(&'a self, py: Python<'a>) -> RawData<'a> {
        RawData::trusted(self.0.octets(py))
    }

    /// The object.
    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyBytes> {
        self.0.object(py)
    }
}

impl fmt::Debug for EncodedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'py> FromPyObject<'_, 'py> for EncodedData {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let value: SharedBytes = object.extract()?;
        let octets = value.octets(object.py());
        // An image block, which most requests bring, is a complete value of a form that is soon looked through.
        if ImageBlock::parse_all(octets).is_err() {
            RawData::parse_all(octets).map_err(|error| {
                PyValueError::new_err(format!("not one complete A-XDR value: {error}"))
            })?;
        }
        Ok(Self(value))
    }
}

/// A frozen class with a value.
pub(crate) trait Value: PyClass<Frozen = True> + Sync + Eq + Hash {}

impl<T: PyClass<Frozen = True> + Sync + Eq + Hash> Value for T {}

/// A Python object of such a class, equal by its value.
pub(crate) struct Shared<T>(pub(crate) Py<T>);

impl<T: Value> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<T: Value> Eq for Shared<T> {}

impl<T: Value> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.get().hash(state);
    }
}

/// The six octets of a logical name.
pub(crate) fn logical_name(octets: &[u8]) -> PyResult<LogicalName> {
    octets.try_into().map(LogicalName).map_err(|_| {
        PyValueError::new_err(format!("a logical name has 6 octets, not {}", octets.len()))
    })
}

/// `None` as Python writes it, or the value.
pub(crate) fn shown<T: fmt::Debug>(value: Option<&T>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("{value:?}"))
}

/// A truth value as Python writes it.
pub(crate) const fn shown_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
