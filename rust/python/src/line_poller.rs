//! Receives for all lines of an event loop: of what their image blocks need, nothing passes through Python.
//!
//! The loop watches one descriptor, that of an `epoll` which watches the lines' sockets. It tells of each arrival once, so what was told is
//! always dealt with before anything is raised.

use std::collections::HashMap;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::block_protocol::{Arrival, BlockProtocol};
use crate::sockets::Descriptor;

/// Arrivals that are dealt with before the loop gets its turn.
const MOST_ARRIVALS: i32 = 64;
/// Pieces of one arrival that are received in a turn: who sends faster than that does not keep the others waiting.
const MOST_PIECES: usize = 16;
/// `EPOLLERR` and `EPOLLHUP`: the transport asks the kernel why.
const BROKEN: u32 = 0x08 | 0x10;
/// `EPOLLRDHUP`: behind what has come is the end.
const ENDING: u32 = 0x2000;
/// `EPOLLIN` and `EPOLLET`.
const WATCHED: u32 = 0x01 | ENDING | 1 << 31;

/// The lines of one loop.
#[pyclass(weakref, module = "dlms_fw._core")]
pub(crate) struct LinePoller {
    epoll: Py<PyAny>,
    lines: HashMap<Descriptor, Py<BlockProtocol>>,
}

impl LinePoller {
    /// The line of a descriptor, unless it was removed meanwhile.
    fn line<'py>(
        slf: &Bound<'py, Self>,
        descriptor: Descriptor,
    ) -> PyResult<Option<Bound<'py, BlockProtocol>>> {
        let this = slf.try_borrow()?;
        let line = this.lines.get(&descriptor);
        Ok(line.map(|line| line.bind(slf.py()).clone()))
    }

    /// Deals with what has come on one line.
    fn arrived(slf: &Bound<'_, Self>, descriptor: Descriptor, mask: u32) -> PyResult<()> {
        let py = slf.py();
        let mut broken = mask & BROKEN != 0;
        for _ in 0..MOST_PIECES {
            let Some(line) = Self::line(slf, descriptor)? else {
                return Ok(());
            };
            let arrival = if broken {
                Ok(Arrival::Ended)
            } else {
                BlockProtocol::receive(&line, descriptor)
            };
            match arrival {
                Ok(Arrival::Taken) if mask & ENDING == 0 => return Ok(()),
                Ok(Arrival::Taken) => broken = true,
                Ok(Arrival::More) => {}
                Ok(Arrival::Ended) => {
                    return line.call_method0(intern!(py, "_ended")).map(drop);
                }
                Err(error) => {
                    let name = intern!(py, "_broken");
                    return line.call_method1(name, (error.into_value(py),)).map(drop);
                }
            }
        }
        Self::tell_again(slf, descriptor)
    }

    /// Has the kernel tell once more, in another turn, what a line still has.
    fn tell_again(slf: &Bound<'_, Self>, descriptor: Descriptor) -> PyResult<()> {
        let py = slf.py();
        let this = slf.try_borrow()?;
        if this.lines.contains_key(&descriptor) {
            let epoll = this.epoll.bind(py);
            epoll.call_method1(intern!(py, "modify"), (descriptor, WATCHED))?;
        }
        Ok(())
    }
}

#[pymethods]
impl LinePoller {
    #[new]
    fn new(epoll: Py<PyAny>) -> Self {
        Self {
            epoll,
            lines: HashMap::new(),
        }
    }

    fn add(
        &mut self,
        py: Python<'_>,
        line: Py<BlockProtocol>,
        descriptor: Descriptor,
    ) -> PyResult<()> {
        let epoll = self.epoll.bind(py);
        epoll.call_method1(intern!(py, "register"), (descriptor, WATCHED))?;
        self.lines.insert(descriptor, line);
        Ok(())
    }

    fn remove(
        &mut self,
        py: Python<'_>,
        line: &Bound<'_, BlockProtocol>,
        descriptor: Descriptor,
    ) -> PyResult<()> {
        if self
            .lines
            .get(&descriptor)
            .is_some_and(|known| known.is(line))
        {
            self.lines.remove(&descriptor);
            let epoll = self.epoll.bind(py);
            epoll.call_method1(intern!(py, "unregister"), (descriptor,))?;
        }
        Ok(())
    }

    fn receive(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let epoll = slf.try_borrow()?.epoll.clone_ref(py);
        let arrivals = epoll
            .bind(py)
            .call_method1(intern!(py, "poll"), (0, MOST_ARRIVALS))?;
        let mut failure = None;
        for arrival in arrivals.cast::<PyList>()? {
            let (descriptor, mask) = arrival.extract::<(Descriptor, u32)>()?;
            if let Err(error) = Self::arrived(slf, descriptor, mask) {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn __len__(&self) -> usize {
        self.lines.len()
    }
}
