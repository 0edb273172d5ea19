//! The octets of a Python buffer, in place.

use std::cell::Cell;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

/// The octets of a buffer while the interpreter is held; `None` where they do not lie side by side.
pub(crate) fn cells<'a>(buffer: &'a PyBuffer<u8>, _held: Python<'a>) -> Option<&'a [Cell<u8>]> {
    let octets = buffer.as_slice_ptr()?;
    // SAFETY: an exported buffer neither moves nor shrinks, and it is exported as long as it is borrowed here. Cells may
    // change under us. The interpreter is held, so only this thread can change them, and it keeps no `&[u8]` to memory that
    // can be written: what a meter lends is touched here alone, and what a medium receives is copied before it is read.
    Some(unsafe { &*(octets.as_ptr() as *const [Cell<u8>]) })
}

/// As [`cells`]; `None`, too, where they must not be written.
pub(crate) fn writable_cells<'a>(
    buffer: &'a PyBuffer<u8>,
    held: Python<'a>,
) -> Option<&'a [Cell<u8>]> {
    (!buffer.readonly()).then(|| cells(buffer, held)).flatten()
}
