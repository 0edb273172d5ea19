//! A-XDR values as Python objects.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::octets::Octets;

/// An A-XDR bit-string.
#[pyclass(frozen, eq, hash, sequence, module = "dlms_fw._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct BitString {
    octets: Vec<u8>,
    length: usize,
}

impl BitString {
    /// The octets, most significant bit first.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The number of bits.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// From octets of which the first `length` bits count.
    pub(crate) const fn from_parts(octets: Vec<u8>, length: usize) -> Self {
        Self { octets, length }
    }
}

#[pymethods]
impl BitString {
    #[new]
    #[pyo3(signature = (bits = Vec::new()))]
    fn new(bits: Vec<bool>) -> Self {
        let mut octets = vec![0; bits.len().div_ceil(8)];
        for (number, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            octets[number / 8] |= 0x80 >> (number % 8);
        }
        Self {
            octets,
            length: bits.len(),
        }
    }

    #[staticmethod]
    fn from_bytes(octets: Octets<'_>, length: usize) -> PyResult<Self> {
        if octets.len() != length.div_ceil(8) {
            return Err(PyValueError::new_err(
                "the octets do not hold this number of bits",
            ));
        }
        Ok(Self {
            octets: octets.to_vec(),
            length,
        })
    }

    #[getter(octets)]
    fn octets_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.octets)
    }

    fn __len__(&self) -> usize {
        self.length
    }

    fn __getitem__(&self, index: usize) -> PyResult<bool> {
        if index >= self.length {
            return Err(PyIndexError::new_err("no such bit"));
        }
        Ok(self.octets[index / 8] & (0x80 >> (index % 8)) != 0)
    }
}
