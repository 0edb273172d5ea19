//! `Limits`: how much of what comes is believed, as a frozen value that every decoding takes.

use dlms_fw_core::axdr::Options;
use dlms_fw_core::codec;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The limits of one decoding.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    #[pyo3(get)]
    max_depth: u32,
    #[pyo3(get)]
    max_elements: u32,
    #[pyo3(get)]
    max_expansion: u32,
    #[pyo3(get)]
    max_length: u32,
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (
        *,
        max_depth = codec::Limits::DEFAULT.max_depth,
        max_elements = codec::Limits::DEFAULT.max_elements,
        max_expansion = codec::Limits::DEFAULT.max_expansion,
        max_length = codec::Limits::DEFAULT.max_length,
    ))]
    fn new(
        max_depth: u32,
        max_elements: u32,
        max_expansion: u32,
        max_length: u32,
    ) -> PyResult<Self> {
        let limit = codec::Limits::HARD_MAX_DEPTH;
        if max_depth as usize > limit {
            let message = format!("max_depth is at most {limit}");
            return Err(PyValueError::new_err(message));
        }
        Ok(Self {
            max_depth,
            max_elements,
            max_expansion,
            max_length,
        })
    }

    fn __repr__(&self) -> String {
        format!(
            "Limits(max_depth={}, max_elements={}, max_expansion={}, max_length={})",
            self.max_depth, self.max_elements, self.max_expansion, self.max_length
        )
    }
}

/// What was asked for, or the default.
pub(crate) fn core_limits(limits: Option<&Bound<'_, Limits>>) -> codec::Limits {
    limits.map_or(codec::Limits::DEFAULT, |limits| {
        let limits = limits.get();
        codec::Limits {
            max_depth: limits.max_depth,
            max_elements: limits.max_elements,
            max_expansion: limits.max_expansion,
            max_length: limits.max_length,
        }
    })
}

/// The options of a decoding.
pub(crate) fn options(strict: bool, limits: Option<&Bound<'_, Limits>>) -> Options {
    Options {
        strict,
        limits: core_limits(limits),
    }
}
