//! Octets given by Python: borrowed where the object is `bytes`, copied at once where it could change under our hands.

use std::cell::Cell;
use std::ops::Deref;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::cells::cells;

/// An argument of type `Buffer`.
pub(crate) enum Octets<'a> {
    /// `bytes` never change, so they are only borrowed.
    Borrowed(&'a [u8]),
    /// Anything else is copied while the interpreter is held.
    Copied(Vec<u8>),
}

impl Deref for Octets<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(octets) => octets,
            Self::Copied(octets) => octets,
        }
    }
}

/// An argument of type `Buffer` as `bytes` that values can go on referring to: itself, or a copy.
pub(crate) struct Kept<'py>(pub(crate) Bound<'py, PyBytes>);

impl<'a, 'py> FromPyObject<'a, 'py> for Kept<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self(bytes.to_owned()));
        }
        let octets: Octets<'_> = object.extract()?;
        Ok(Self(PyBytes::new(object.py(), &octets)))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Octets<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(octets) = <&'a [u8]>::extract(object) {
            return Ok(Self::Borrowed(octets));
        }
        let buffer = PyBuffer::<u8>::get(&object)?;
        if !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("the buffer is not contiguous"));
        }
        Ok(Self::Copied(buffer.to_vec(object.py())?))
    }
}

thread_local! {
    /// Where what has come is copied to, of all connections of a thread: it stays in the cache, and none keeps room of its own while it waits.
    static ARRIVED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lets `act` work in a copy of the octets.
pub(crate) fn with_copy<T>(octets: &[u8], act: impl FnOnce(&mut [u8]) -> T) -> T {
    with_room(|room| room.extend_from_slice(octets), act)
}

/// Lets `act` work in a copy of the first octets of a buffer.
pub(crate) fn with_copy_of<T>(
    py: Python<'_>,
    buffer: &PyBuffer<u8>,
    size: usize,
    act: impl FnOnce(&mut [u8]) -> T,
) -> PyResult<T> {
    let octets = cells(buffer, py).and_then(|octets| octets.get(..size));
    let octets = octets.ok_or_else(|| PyBufferError::new_err("the buffer is too short"))?;
    Ok(with_room(
        |room| room.extend(octets.iter().map(Cell::get)),
        act,
    ))
}

fn with_room<T>(fill: impl FnOnce(&mut Vec<u8>), act: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut room = ARRIVED.take();
    room.clear();
    fill(&mut room);
    let result = act(&mut room);
    ARRIVED.set(room);
    result
}
