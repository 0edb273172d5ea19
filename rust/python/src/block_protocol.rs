//! An asyncio protocol whose image blocks, and what they are answered with, do not pass through Python.
//!
//! The transport stays the owner of its socket: it opens and closes it, and keeps what the kernel does not take. It or a poller receives. While
//! it keeps nothing, what is to be sent is offered to the kernel here, without the transport's own functions in between.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::block_run::BlockRun;
use crate::block_sink::BlockSink;
use crate::cells::{cells, writable_cells};
use crate::octets::with_copy_of;
use crate::sockets::{Descriptor, borrowed};

/// What octets are given to first.
enum Way {
    /// A client's run.
    Run(Py<BlockRun>),
    /// A meter's connection, whose `sink` is what takes blocks, if anything does.
    Connection(Py<PyAny>),
}

/// The way out.
struct Exit {
    transport: Py<PyAny>,
    /// Of the transport's socket, where octets go to the line as they are.
    socket: Option<Descriptor>,
    /// Whether the transport is known to keep nothing back.
    is_clear: AtomicBool,
}

impl Exit {
    fn of(transport: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = transport.py();
        let about = |name| transport.call_method1(intern!(py, "get_extra_info"), (name,));
        let socket = about(intern!(py, "socket"))?;
        // What is enciphered on its way is not for us to send.
        let plain = !socket.is_none() && about(intern!(py, "sslcontext"))?.is_none();
        let descriptor = if plain {
            let number = socket.call_method0(intern!(py, "fileno"))?;
            number.extract::<Descriptor>().ok()
        } else {
            None
        };
        #[cfg(unix)]
        let descriptor = descriptor.filter(|&descriptor| descriptor >= 0);
        Ok(Self {
            transport: transport.clone().unbind(),
            socket: descriptor,
            is_clear: AtomicBool::new(false),
        })
    }

    /// Sends what the kernel takes at once, and leaves the rest to the transport. Its errors are the transport's to find.
    fn send(&self, octets: &Bound<'_, PyBytes>) -> PyResult<()> {
        let py = octets.py();
        let transport = self.transport.bind(py);
        let mut sent = 0;
        if let Some(descriptor) = self.socket
            && self.is_clear(transport)?
        {
            let octets = octets.as_bytes();
            sent = py
                .detach(|| borrowed(descriptor).write(octets))
                .unwrap_or_default();
            if sent == octets.len() {
                return Ok(());
            }
        }
        self.is_clear.store(false, Ordering::Relaxed);
        let write = intern!(py, "write");
        if sent == 0 {
            transport.call_method1(write, (octets,))?;
        } else {
            let rest = PyBytes::new(py, &octets.as_bytes()[sent..]);
            transport.call_method1(write, (rest,))?;
        }
        Ok(())
    }

    fn is_clear(&self, transport: &Bound<'_, PyAny>) -> PyResult<bool> {
        if self.is_clear.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let name = intern!(transport.py(), "get_write_buffer_size");
        let is_clear = transport.call_method0(name)?.extract::<usize>()? == 0;
        self.is_clear.store(is_clear, Ordering::Relaxed);
        Ok(is_clear)
    }
}

/// Where octets come from and go to.
struct Line {
    object: Py<PyAny>,
    buffer: PyBuffer<u8>,
    exit: Arc<Exit>,
    clock: Py<PyAny>,
}

/// A protocol of which the image blocks never leave the core.
#[pyclass(subclass, module = "dlms_fw._core")]
pub(crate) struct BlockProtocol {
    line: Option<Line>,
    way: Option<Way>,
}

/// What became of octets.
enum Outcome<'py> {
    /// They are answered with these, possibly none.
    Answer(Bound<'py, PyBytes>),
    /// They end a run.
    Over,
    /// They have not been dealt with.
    Left,
}

/// What a socket that can be read has come to.
pub(crate) enum Arrival {
    /// Everything that had come has been dealt with.
    Taken,
    /// There may be more.
    More,
    /// It has ended or failed: its transport is to find out how.
    Ended,
}

thread_local! {
    /// What all lines of a thread receive into: none keeps room of its own.
    static RECEIVED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl BlockProtocol {
    /// The way out, for as long as something is being sent: what the transport does then may close the line.
    fn exit(&self) -> Option<Arc<Exit>> {
        self.line.as_ref().map(|line| Arc::clone(&line.exit))
    }

    /// Gives octets to the run or the sink, which may change them where they are dealt with.
    fn take<'py>(&self, py: Python<'py>, octets: &mut [u8]) -> PyResult<Outcome<'py>> {
        let (Some(line), Some(way)) = (&self.line, &self.way) else {
            return Ok(Outcome::Left);
        };
        let now = || line.clock.bind(py).call0()?.extract::<f64>();
        match way {
            Way::Run(run) => {
                let mut run = run.bind(py).try_borrow_mut()?;
                let reply = run.answer(py, octets, now()?);
                Ok(reply.map_or(Outcome::Over, Outcome::Answer))
            }
            Way::Connection(connection) => {
                let sink = connection.bind(py).getattr(intern!(py, "sink"))?;
                let Ok(sink) = sink.cast::<BlockSink>() else {
                    return Ok(Outcome::Left);
                };
                let mut sink = sink.try_borrow_mut()?;
                let answer = sink.answer(py, octets, now()?)?;
                Ok(answer.map_or(Outcome::Left, Outcome::Answer))
            }
        }
    }

    fn take_from_buffer<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Outcome<'py>> {
        let (Some(line), Some(_)) = (&self.line, &self.way) else {
            return Ok(Outcome::Left);
        };
        with_copy_of(py, &line.buffer, size, |octets| self.take(py, octets))?
    }

    /// Puts octets where the deriving class looks for them.
    fn lay_down(&self, py: Python<'_>, octets: &[u8]) -> PyResult<()> {
        let line = self.line.as_ref();
        let place = line.and_then(|line| writable_cells(&line.buffer, py)?.get(..octets.len()));
        let place = place.ok_or_else(|| PyBufferError::new_err("the buffer is too short"))?;
        for (cell, octet) in place.iter().zip(octets) {
            cell.set(*octet);
        }
        Ok(())
    }

    /// Sends the answer, or tells the deriving class what it has to do.
    fn go_on(
        slf: &Bound<'_, Self>,
        outcome: PyResult<Outcome<'_>>,
        exit: Option<Arc<Exit>>,
        nbytes: usize,
    ) -> PyResult<()> {
        let py = slf.py();
        match outcome {
            Ok(Outcome::Answer(octets)) => match exit {
                Some(exit) if !octets.as_bytes().is_empty() => exit.send(&octets),
                _ => slf.call_method0(intern!(py, "_unanswered")).map(drop),
            },
            Ok(Outcome::Over) => slf.call_method0(intern!(py, "_run_over")).map(drop),
            Ok(Outcome::Left) => slf.call_method1(intern!(py, "_come"), (nbytes,)).map(drop),
            Err(error) => slf
                .call_method1(intern!(py, "_failed"), (error.into_value(py),))
                .map(drop),
        }
    }

    /// Receives once from the socket of the line, and does with what has come as [`BlockProtocol::buffer_updated`].
    pub(crate) fn receive(slf: &Bound<'_, Self>, descriptor: Descriptor) -> PyResult<Arrival> {
        let mut room = RECEIVED.take();
        let result = Self::receive_into(slf, descriptor, &mut room);
        RECEIVED.set(room);
        result
    }

    fn receive_into(
        slf: &Bound<'_, Self>,
        descriptor: Descriptor,
        room: &mut Vec<u8>,
    ) -> PyResult<Arrival> {
        let py = slf.py();
        let (outcome, exit, length) = {
            let this = slf.try_borrow()?;
            let Some(line) = &this.line else {
                return Ok(Arrival::Taken);
            };
            room.resize(line.buffer.item_count(), 0);
            let length = match borrowed(descriptor).read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Arrival::Taken),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Arrival::More),
                Err(_) | Ok(0) => return Ok(Arrival::Ended),
                Ok(length) => length,
            };
            let outcome = this.take(py, &mut room[..length]);
            if matches!(outcome, Ok(Outcome::Left)) {
                this.lay_down(py, &room[..length])?;
            }
            (outcome, this.exit(), length)
        };
        Self::go_on(slf, outcome, exit, length)?;
        Ok(if length < room.len() {
            Arrival::Taken
        } else {
            Arrival::More
        })
    }
}

#[pymethods]
impl BlockProtocol {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    const fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            line: None,
            way: None,
        }
    }

    fn open_line(
        &mut self,
        py: Python<'_>,
        buffer: Py<PyAny>,
        transport: &Bound<'_, PyAny>,
        clock: Py<PyAny>,
    ) -> PyResult<()> {
        let octets = PyBuffer::get(buffer.bind(py))?;
        if cells(&octets, py).is_none() {
            return Err(PyBufferError::new_err("the buffer is not contiguous"));
        }
        self.line = Some(Line {
            object: buffer,
            buffer: octets,
            exit: Arc::new(Exit::of(transport)?),
            clock,
        });
        Ok(())
    }

    fn close_line(&mut self) {
        self.line = None;
        self.way = None;
    }

    fn put(slf: &Bound<'_, Self>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let exit = slf.try_borrow()?.exit();
        exit.map_or(Ok(()), |exit| exit.send(data))
    }

    fn begin_run(&mut self, run: Py<BlockRun>) {
        self.way = Some(Way::Run(run));
    }

    fn end_run(&mut self) {
        self.way = None;
    }

    fn follow_sink(&mut self, connection: Py<PyAny>) {
        self.way = Some(Way::Connection(connection));
    }

    #[allow(
        unused_variables,
        reason = "the name is asyncio's, the buffer always the same"
    )]
    fn get_buffer(&self, py: Python<'_>, sizehint: isize) -> PyResult<Py<PyAny>> {
        let line = self.line.as_ref();
        let line = line.ok_or_else(|| PyBufferError::new_err("the line is closed"))?;
        Ok(line.object.clone_ref(py))
    }

    fn buffer_updated(slf: &Bound<'_, Self>, nbytes: usize) -> PyResult<()> {
        let (outcome, exit) = {
            let this = slf.try_borrow()?;
            (this.take_from_buffer(slf.py(), nbytes), this.exit())
        };
        Self::go_on(slf, outcome, exit, nbytes)
    }
}
