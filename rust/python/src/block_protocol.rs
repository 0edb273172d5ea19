//! The receiving half of an asyncio protocol: image blocks, and what they are answered with, do not pass through Python.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::block_run::BlockRun;
use crate::block_sink::BlockSink;
use crate::cells::cells;
use crate::octets::with_copy_of;

/// What octets are given to first.
enum Way {
    /// A client's run.
    Run(Py<BlockRun>),
    /// A meter's connection, whose `sink` is what takes blocks, if anything does.
    Connection(Py<PyAny>),
}

/// Where octets come from and go to.
struct Line {
    object: Py<PyAny>,
    buffer: PyBuffer<u8>,
    write: Py<PyAny>,
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

impl BlockProtocol {
    fn take<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Outcome<'py>> {
        let (Some(line), Some(way)) = (&self.line, &self.way) else {
            return Ok(Outcome::Left);
        };
        let now = || line.clock.bind(py).call0()?.extract::<f64>();
        match way {
            Way::Run(run) => {
                let mut run = run.bind(py).try_borrow_mut()?;
                let now = now()?;
                let reply =
                    with_copy_of(py, &line.buffer, size, |octets| run.answer(py, octets, now))?;
                Ok(reply.map_or(Outcome::Over, Outcome::Answer))
            }
            Way::Connection(connection) => {
                let sink = connection.bind(py).getattr(intern!(py, "sink"))?;
                let Ok(sink) = sink.cast::<BlockSink>() else {
                    return Ok(Outcome::Left);
                };
                let mut sink = sink.try_borrow_mut()?;
                let now = now()?;
                let answer = with_copy_of(py, &line.buffer, size, |octets| {
                    sink.answer(py, octets, now)
                })?;
                Ok(answer?.map_or(Outcome::Left, Outcome::Answer))
            }
        }
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
        write: Py<PyAny>,
        clock: Py<PyAny>,
    ) -> PyResult<()> {
        let octets = PyBuffer::get(buffer.bind(py))?;
        if cells(&octets, py).is_none() {
            return Err(PyBufferError::new_err("the buffer is not contiguous"));
        }
        self.line = Some(Line {
            object: buffer,
            buffer: octets,
            write,
            clock,
        });
        Ok(())
    }

    fn close_line(&mut self) {
        self.line = None;
        self.way = None;
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
        let py = slf.py();
        let (outcome, write) = {
            let this = slf.try_borrow()?;
            let outcome = this.take(py, nbytes);
            let write = this.line.as_ref().map(|line| line.write.clone_ref(py));
            (outcome, write)
        };
        match outcome {
            Ok(Outcome::Answer(octets)) => match write {
                Some(write) if !octets.as_bytes().is_empty() => {
                    write.call1(py, (octets,)).map(drop)
                }
                _ => slf.call_method0(intern!(py, "_unanswered")).map(drop),
            },
            Ok(Outcome::Over) => slf.call_method0(intern!(py, "_run_over")).map(drop),
            Ok(Outcome::Left) => slf.call_method1(intern!(py, "_come"), (nbytes,)).map(drop),
            Err(error) => slf
                .call_method1(intern!(py, "_failed"), (error.into_value(py),))
                .map(drop),
        }
    }
}
