//! A Python value that does not fit its type: what is wrong and the path to it, turned into an exception only when
//! nothing else takes the value.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Why a value could not be encoded.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// The value is wrong.
    Value(Box<Reason>),
    /// Something else went wrong while looking at it; passed on as it is.
    Exception(PyErr),
}

/// What is wrong with the value, and where.
#[derive(Debug)]
pub(crate) struct Reason {
    kind: Kind,
    message: String,
    /// From the inside out, because it grows while the error travels up.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Kind {
    Type,
    Value,
    Overflow,
}

/// One step on the way to a value.
#[derive(Debug)]
pub(crate) enum Step {
    /// An element of an array, or a member without a name.
    Index(usize),
    /// A member with a name.
    Name(String),
}

impl Misfit {
    fn new(kind: Kind, message: String) -> Self {
        Self::Value(Box::new(Reason {
            kind,
            message,
            path: Vec::new(),
        }))
    }

    /// The value is of another type than `expected`.
    pub(crate) fn expected(expected: &str, value: &Bound<'_, PyAny>) -> Self {
        let found = value
            .get_type()
            .name()
            .map_or_else(|_| "another type".to_owned(), |name| name.to_string());
        Self::new(Kind::Type, format!("expected {expected}, got {found}"))
    }

    /// The type is right and the value is not.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(Kind::Value, message.into())
    }

    /// A number is outside its range.
    pub(crate) fn overflow(message: impl Into<String>) -> Self {
        Self::new(Kind::Overflow, message.into())
    }

    /// What a look at the value raised: a misfit if it speaks of the value, anything else as it is.
    pub(crate) fn raised(py: Python<'_>, error: PyErr) -> Self {
        let kind = if error.is_instance_of::<PyTypeError>(py) {
            Kind::Type
        } else if error.is_instance_of::<PyOverflowError>(py) {
            Kind::Overflow
        } else if error.is_instance_of::<PyValueError>(py) {
            Kind::Value
        } else {
            return Self::Exception(error);
        };
        Self::new(kind, error.value(py).to_string())
    }

    /// The same, seen from one step further out.
    pub(crate) fn at(mut self, step: Step) -> Self {
        if let Self::Value(reason) = &mut self {
            reason.path.push(step);
        }
        self
    }
}

impl From<PyErr> for Misfit {
    fn from(error: PyErr) -> Self {
        Self::Exception(error)
    }
}

impl From<Misfit> for PyErr {
    fn from(misfit: Misfit) -> Self {
        let reason = match misfit {
            Misfit::Value(reason) => reason,
            Misfit::Exception(error) => return error,
        };
        let mut message = String::new();
        for step in reason.path.iter().rev() {
            match step {
                Step::Index(index) => message.push_str(&format!("[{index}]")),
                Step::Name(name) if message.is_empty() => message.push_str(name),
                Step::Name(name) => message.push_str(&format!(".{name}")),
            }
        }
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&reason.message);
        match reason.kind {
            Kind::Type => PyTypeError::new_err(message),
            Kind::Value => PyValueError::new_err(message),
            Kind::Overflow => PyOverflowError::new_err(message),
        }
    }
}
