//! A meter's way for image blocks: one crossing from the octets of the line to those of the answer.

use std::cell::Cell;
use std::ops::Range;

use dlms_fw_core::channel::{self, BlockLimits, BlockMemory, BlockReception};
use dlms_fw_core::image::{self, BlockLayout, STORED_BLOCK_DIGEST_LENGTH};
use dlms_fw_core::xdlms::descriptor::MethodDescriptor;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::apdu::ActionRequest;
use crate::cells::writable_cells;
use crate::channel::{Channel, Failure, object};
use crate::image::BlockStatus;
use crate::octets::{Octets, with_copy};
use crate::shared::logical_name;

/// Where an image is received: its blocks and their digests.
struct Memory {
    blocks: PyBuffer<u8>,
    digests: PyBuffer<u8>,
}

impl Memory {
    /// Raises `BufferError` where the image does not fit or nothing can be written.
    fn new(
        py: Python<'_>,
        blocks: PyBuffer<u8>,
        digests: PyBuffer<u8>,
        layout: &BlockLayout,
    ) -> PyResult<Self> {
        let table = layout.blocks() * STORED_BLOCK_DIGEST_LENGTH;
        for (buffer, length) in [(&blocks, layout.image_size()), (&digests, table)] {
            if writable_cells(buffer, py).is_none_or(|octets| octets.len() < length) {
                return Err(PyBufferError::new_err(
                    "the image does not fit the memory, or nothing can be written there",
                ));
            }
        }
        Ok(Self { blocks, digests })
    }

    fn lent<'a>(&'a self, held: Python<'a>) -> Option<Lent<'a>> {
        Some(Lent {
            blocks: writable_cells(&self.blocks, held)?,
            digests: writable_cells(&self.digests, held)?,
        })
    }
}

/// How an image falls into the blocks of a status.
fn layout_of(
    status: &BlockStatus,
    image_size: usize,
    image_block_size: usize,
) -> PyResult<BlockLayout> {
    BlockLayout::new(image_size, image_block_size)
        .filter(|layout| layout.blocks() == status.status.blocks())
        .ok_or_else(|| PyValueError::new_err("the status is that of another image"))
}

/// The open way for the blocks of one image over one channel.
#[pyclass(module = "dlms_fw._core")]
pub(crate) struct BlockSink {
    channel: Py<Channel>,
    status: Py<BlockStatus>,
    memory: Option<Memory>,
    sink: channel::BlockSink,
    most_blocks: usize,
    until: f64,
    longest_silence: f64,
    heard_at: f64,
    called_at: Option<f64>,
    /// What the channel has made of octets that were more than blocks.
    rest: Option<Rest>,
}

/// Events, and octets to be sent first.
type Rest = (Py<PyList>, Py<PyBytes>);

/// The two buffers, while the interpreter is held.
struct Lent<'a> {
    blocks: &'a [Cell<u8>],
    digests: &'a [Cell<u8>],
}

impl BlockMemory for Lent<'_> {
    fn write_block(&mut self, offset: usize, octets: &[u8]) {
        put(&self.blocks[offset..], octets);
    }

    fn write_digest(&mut self, offset: usize, digest: &[u8]) {
        put(&self.digests[offset..], digest);
    }

    fn holds(&self, place: Range<usize>, octets: &[u8]) -> bool {
        self.blocks[place]
            .iter()
            .map(Cell::get)
            .eq(octets.iter().copied())
    }

    fn read_block(&self, place: Range<usize>) -> Vec<u8> {
        self.blocks[place].iter().map(Cell::get).collect()
    }
}

fn put(place: &[Cell<u8>], octets: &[u8]) {
    for (cell, octet) in place[..octets.len()].iter().zip(octets) {
        cell.set(*octet);
    }
}

thread_local! {
    /// Where all ways of a thread write what they answer.
    static ANSWERS: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl BlockSink {
    /// Takes octets, which it leaves as they are, and gives those of the answers; nothing where the ordinary way is to go on.
    pub(crate) fn answer<'py>(
        &mut self,
        py: Python<'py>,
        octets: &mut [u8],
        now: f64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut out = ANSWERS.take();
        out.clear();
        let answered = self.take(py, octets, now, &mut out);
        ANSWERS.set(out);
        answered
    }

    fn take<'py>(
        &mut self,
        py: Python<'py>,
        octets: &mut [u8],
        now: f64,
        out: &mut Vec<u8>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(memory) = &self.memory else {
            return Ok(None);
        };
        if self.rest.is_some() || now >= self.until || now - self.heard_at >= self.longest_silence {
            return Ok(None);
        }
        let Some(mut memory) = memory.lent(py) else {
            return Ok(None);
        };
        let mut channel = self.channel.bind(py).try_borrow_mut()?;
        let Channel { channel, security } = &mut *channel;
        let mut lent = match security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let security = lent.as_mut().map(|security| &mut security.context);
        if !self.sink.is_open(security.as_deref()) {
            return Ok(None);
        }
        let left = self.sink.blocks_left();
        let mut status = self.status.bind(py).try_borrow_mut()?;
        let way = (&mut self.sink, &mut status.status, &mut memory);
        let mut events: Option<Bound<'py, PyList>> = None;
        self.heard_at = now;
        let only_blocks =
            channel.receive_blocks::<Failure, _>(octets, security, way, out, &mut |event| {
                let event = object(py, event).map_err(Failure::Python)?;
                events
                    .get_or_insert_with(|| PyList::empty(py))
                    .append(event)
                    .map_err(Failure::Python)
            })?;
        let answer = PyBytes::new(py, out);
        if !only_blocks {
            let events = events.unwrap_or_else(|| PyList::empty(py));
            self.rest = Some((events.unbind(), answer.unbind()));
            return Ok(None);
        }
        if self.sink.blocks_left() != left {
            self.called_at = Some(now);
        }
        Ok(Some(answer))
    }
}

#[pymethods]
impl BlockSink {
    #[new]
    #[pyo3(signature = (
        channel, status, blocks, digests, *, class_id, logical_name, method_id, image_size, image_block_size,
        serial, most_blocks, counter_margin, now, until, longest_silence, peer_counter = None,
        silent = false,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        py: Python<'_>,
        channel: Py<Channel>,
        status: Py<BlockStatus>,
        blocks: PyBuffer<u8>,
        digests: PyBuffer<u8>,
        class_id: u16,
        logical_name: &[u8],
        method_id: i8,
        image_size: usize,
        image_block_size: usize,
        serial: u64,
        most_blocks: usize,
        counter_margin: u32,
        now: f64,
        until: f64,
        longest_silence: f64,
        peer_counter: Option<u32>,
        silent: bool,
    ) -> PyResult<Self> {
        let layout = layout_of(&status.borrow(py), image_size, image_block_size)?;
        let memory = Memory::new(py, blocks, digests, &layout)?;
        let reception = BlockReception {
            method: MethodDescriptor {
                class_id,
                logical_name: self::logical_name(logical_name)?,
                method_id,
            },
            layout,
            serial,
        };
        let limits = BlockLimits {
            blocks: most_blocks,
            peer_counter,
            counter_margin,
            silent,
        };
        Ok(Self {
            channel,
            status,
            memory: Some(memory),
            sink: channel::BlockSink::new(reception, limits),
            most_blocks,
            until,
            longest_silence,
            heard_at: now,
            called_at: None,
            rest: None,
        })
    }

    fn receive<'py>(
        &mut self,
        py: Python<'py>,
        data: Octets<'_>,
        now: f64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        with_copy(&data, |octets| self.answer(py, octets, now))
    }

    /// What else came, once.
    fn take_rest(&mut self) -> Option<Rest> {
        self.rest.take()
    }

    /// Lets go of the memory; nothing is taken any more.
    fn close(&mut self) {
        self.memory = None;
    }

    #[getter]
    fn taken(&self) -> usize {
        self.most_blocks - self.sink.blocks_left()
    }

    #[getter]
    fn heard_at(&self) -> f64 {
        self.heard_at
    }

    #[getter]
    fn called_at(&self) -> Option<f64> {
        self.called_at
    }
}

/// Stores the blocks that the calls of a list bring, from `first` on, while each calls the method of that one.
#[pyfunction]
#[pyo3(signature = (calls, first, status, blocks, digests, *, image_size, image_block_size, serial, most_blocks))]
#[allow(
    clippy::too_many_arguments,
    reason = "keyword arguments of a Python function"
)]
pub(crate) fn store_image_blocks(
    calls: &Bound<'_, PyTuple>,
    first: usize,
    status: &Bound<'_, BlockStatus>,
    blocks: PyBuffer<u8>,
    digests: PyBuffer<u8>,
    image_size: usize,
    image_block_size: usize,
    serial: u64,
    most_blocks: usize,
) -> PyResult<usize> {
    let py = calls.py();
    let mut status = status.try_borrow_mut()?;
    let layout = layout_of(&status, image_size, image_block_size)?;
    let memory = Memory::new(py, blocks, digests, &layout)?;
    let method = calls
        .get_item(first)?
        .cast::<ActionRequest>()?
        .get()
        .method();
    let reception = BlockReception {
        method,
        layout,
        serial,
    };
    let Some(mut memory) = memory.lent(py) else {
        return Ok(0);
    };
    let mut stored = 0;
    while stored < most_blocks && first + stored < calls.len() {
        let call = calls.get_item(first + stored)?;
        let Ok(call) = call.cast::<ActionRequest>() else {
            break;
        };
        let call = call.get();
        if call.method() != method {
            break;
        }
        let taken = call
            .octets(py)
            .and_then(|octets| reception.store(octets, &mut status.status, &mut memory));
        if taken.is_none() {
            break;
        }
        stored += 1;
    }
    Ok(stored)
}

/// What is kept beside a stored block.
#[pyfunction]
pub(crate) fn stored_block_digest<'py>(
    py: Python<'py>,
    serial: u64,
    image_block_number: u32,
    image_block_value: Octets<'_>,
) -> Bound<'py, PyBytes> {
    let digest = image::stored_block_digest(serial, image_block_number, &image_block_value);
    PyBytes::new(py, &digest)
}
