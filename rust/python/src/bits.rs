//! The bit-string as a Python object. Knows nothing of what its bits mean.

use dlms_fw_core::axdr;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyIterator, PyList};

use crate::octets::Octets;

/// An A-XDR bit-string: exact number of bits; bit 0 is the most significant bit of the first octet.
#[pyclass(frozen, eq, hash, sequence, module = "dlms_fw._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct BitString {
    octets: Vec<u8>,
    length: usize,
}

impl BitString {
    /// The octets, most significant bit first, unused bits zero.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The number of bits.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// From just as many octets as `length` bits need; bits beyond them are cleared.
    pub(crate) fn from_parts(mut octets: Vec<u8>, length: usize) -> Self {
        if let (Some(last), used @ 1..) = (octets.last_mut(), length % 8) {
            *last &= 0xFF << (8 - used);
        }
        Self { octets, length }
    }

    fn bits(&self) -> impl ExactSizeIterator<Item = bool> {
        (0..self.length).map(|index| self.octets[index / 8] & (0x80 >> (index % 8)) != 0)
    }
}

impl From<axdr::BitString<'_>> for BitString {
    fn from(bits: axdr::BitString<'_>) -> Self {
        Self::from_parts(bits.octets().to_vec(), bits.len())
    }
}

#[pymethods]
impl BitString {
    #[new]
    #[pyo3(signature = (bits = None), text_signature = "(bits=())")]
    fn new(bits: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut octets = Vec::new();
        let mut length = 0;
        let Some(bits) = bits else {
            return Ok(Self { octets, length });
        };
        for bit in bits.try_iter()? {
            let bit = bit?;
            let Ok(bit) = bit.cast::<PyBool>() else {
                let found = bit.get_type().name()?;
                return Err(PyTypeError::new_err(format!(
                    "a bit is a bool, not {found}"
                )));
            };
            if length % 8 == 0 {
                octets.push(0);
            }
            if let (Some(last), true) = (octets.last_mut(), bit.is_true()) {
                *last |= 0x80 >> (length % 8);
            }
            length += 1;
        }
        Ok(Self { octets, length })
    }

    #[staticmethod]
    fn from_bytes(octets: Octets<'_>, length: usize) -> PyResult<Self> {
        if octets.len() != length.div_ceil(8) {
            return Err(PyValueError::new_err(format!(
                "{length} bits take {} octets, not {}",
                length.div_ceil(8),
                octets.len()
            )));
        }
        Ok(Self::from_parts(octets.to_vec(), length))
    }

    #[getter(octets)]
    fn octets_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.octets)
    }

    fn __len__(&self) -> usize {
        self.length
    }

    fn __getitem__(&self, index: isize) -> PyResult<bool> {
        let from_start = if index < 0 {
            index.checked_add_unsigned(self.length)
        } else {
            Some(index)
        };
        from_start
            .and_then(|index| usize::try_from(index).ok())
            .filter(|index| *index < self.length)
            .map(|index| self.octets[index / 8] & (0x80 >> (index % 8)) != 0)
            .ok_or_else(|| PyIndexError::new_err("no such bit"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.bits())?.try_iter()
    }

    fn __repr__(&self) -> String {
        const SHOWN: usize = 64;
        let bits: String = self
            .bits()
            .take(SHOWN)
            .map(|bit| if bit { '1' } else { '0' })
            .collect();
        let more = if self.length > SHOWN { "…" } else { "" };
        format!("<BitString of {}: {bits}{more}>", self.length)
    }
}
