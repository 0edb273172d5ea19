//! The one place where errors of the core become exceptions of `dlms_fw.errors`.

use dlms_fw_core::channel::ChannelError;
use dlms_fw_core::error::{
    DecodeError, LinkError, LinkErrorKind, SecurityError, SecurityErrorKind,
};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};

mod python {
    pyo3::import_exception!(dlms_fw.errors, AuthenticationError);
    pyo3::import_exception!(dlms_fw.errors, DecodeError);
    pyo3::import_exception!(dlms_fw.errors, LinkError);
    pyo3::import_exception!(dlms_fw.errors, LocalProtocolError);
    pyo3::import_exception!(dlms_fw.errors, RemoteProtocolError);
    pyo3::import_exception!(dlms_fw.errors, ReplayError);
    pyo3::import_exception!(dlms_fw.errors, ResponseTimeout);
    pyo3::import_exception!(dlms_fw.errors, SecurityError);
}

/// An error of the core on its way to Python.
#[derive(Debug)]
pub(crate) enum Error {
    /// Bytes that could not be decoded.
    Decode(DecodeError),
    /// A link that cannot go on.
    Link(LinkError),
    /// Protection that is wrong or missing.
    Security(SecurityError),
    /// What was asked for is forbidden here; nothing was sent.
    Local(String),
}

impl From<ChannelError> for Error {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Decode(error) => Self::Decode(error),
            ChannelError::Link(error) => Self::Link(error),
            ChannelError::Security(error) => Self::Security(error),
            error => Self::Local(error.to_string()),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<SecurityError> for Error {
    fn from(error: SecurityError) -> Self {
        Self::Security(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        Python::attach(|py| error.to_exception(py).unwrap_or_else(|failure| failure))
    }
}

impl Error {
    fn to_exception(&self, py: Python<'_>) -> PyResult<PyErr> {
        match self {
            Self::Decode(error) => {
                let facts =
                    [("kind", error.kind.code().into_pyobject(py)?.into_any())].into_py_dict(py)?;
                facts.set_item("offset", error.offset)?;
                raise(
                    &py.get_type::<python::DecodeError>(),
                    &error.to_string(),
                    &facts,
                )
            }
            Self::Local(message) => Ok(python::LocalProtocolError::new_err(message.clone())),
            Self::Link(error) if error.kind == LinkErrorKind::RetriesExhausted => {
                Ok(python::ResponseTimeout::new_err(error.to_string()))
            }
            Self::Link(error) => {
                let facts = [("kind", error.kind.code())].into_py_dict(py)?;
                raise(
                    &py.get_type::<python::LinkError>(),
                    &error.to_string(),
                    &facts,
                )
            }
            Self::Security(error) => {
                let facts = [("kind", error.kind.code())].into_py_dict(py)?;
                facts.set_item("expected_counter", error.expected_counter)?;
                let class = match error.kind {
                    SecurityErrorKind::Tag
                    | SecurityErrorKind::Proof
                    | SecurityErrorKind::Signature => py.get_type::<python::AuthenticationError>(),
                    SecurityErrorKind::Replay => py.get_type::<python::ReplayError>(),
                    _ => py.get_type::<python::SecurityError>(),
                };
                raise(&class, &error.to_string(), &facts)
            }
        }
    }
}

/// The peer broke the rules in a way that has no offset.
pub(crate) fn remote_protocol_error(message: impl Into<String>) -> PyErr {
    python::RemoteProtocolError::new_err(message.into())
}

fn raise(class: &Bound<'_, PyType>, message: &str, facts: &Bound<'_, PyDict>) -> PyResult<PyErr> {
    Ok(PyErr::from_value(class.call((message,), Some(facts))?))
}
