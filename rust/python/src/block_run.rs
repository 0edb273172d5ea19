//! A run of image blocks: one crossing per block, both ways at once, and no object for any of them.

use std::cell::Cell;
use std::mem;
use std::ops::Range;

use dlms_fw_core::channel::{self, RunImage, RunLimits};
use dlms_fw_core::xdlms::descriptor::MethodDescriptor;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::channel::{Channel, Failure, object};
use crate::image::{BlockStatus, ImageBlocks, Reading};
use crate::octets::{Octets, with_copy};

/// Invoke ids have four bits.
const MOST_REQUESTS: usize = 16;

thread_local! {
    /// Where all runs of a thread write what they send, so that none keeps room of its own while it waits.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Image blocks that follow each other as fast as they are taken.
#[pyclass(module = "dlms_fw._core")]
pub(crate) struct BlockRun {
    run: channel::BlockRun,
    blocks: Py<ImageBlocks>,
    status: Py<BlockStatus>,
    channel: Option<Py<Channel>>,
    /// What was read of an image that is not in memory.
    ahead: Option<(Range<usize>, Py<PyBytes>)>,
    /// What is to be sent.
    reply: Vec<u8>,
    events: Vec<Py<PyAny>>,
    failure: Option<PyErr>,
    octets_sent: u64,
    octets_received: u64,
    watch: Watch,
}

/// Until when what is to come. All times are seconds of the clock that `now` is read from.
struct Watch {
    /// When the run is stopped.
    until: f64,
    /// When a block must have been taken.
    request_deadline: f64,
    /// When the next octets must have come.
    deadline: f64,
    request_seconds: f64,
    silence_seconds: f64,
    busy_seconds: f64,
}

impl Watch {
    /// Something came, or was said, at `now`.
    const fn go_on(&mut self, now: f64, progress: bool, peer_busy: bool) {
        if progress {
            self.request_deadline = now + self.request_seconds;
        }
        let patience = if peer_busy {
            self.busy_seconds
        } else {
            self.silence_seconds
        };
        self.deadline = self.request_deadline.min(now + patience);
    }
}

impl BlockRun {
    /// Takes what has come; whether the run is over.
    fn take(&mut self, py: Python<'_>, octets: &mut [u8], now: f64) -> PyResult<bool> {
        let Some(channel) = &self.channel else {
            return Ok(true);
        };
        let mut channel = channel.bind(py).try_borrow_mut()?;
        let Channel { channel, security } = &mut *channel;
        let mut lent = match security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let security = lent.as_mut().map(|security| &mut security.context);
        let blocks = self.blocks.get();
        let mut status = self.status.bind(py).try_borrow_mut()?;
        let ahead = &mut self.ahead;
        let mut image = RunImage {
            octets: &mut Reading { py, blocks, ahead },
            layout: *blocks.layout(),
            pad_last_block: blocks.pads_last_block(),
            status: &mut status.status,
        };
        let events = &mut self.events;
        let taken = self.run.counters().taken;
        channel.receive_run::<Failure>(
            &mut self.run,
            &mut image,
            octets,
            security,
            &mut self.reply,
            &mut |event| {
                let event = object(py, event).map_err(Failure::Python)?;
                events.push(event.unbind());
                Ok(())
            },
        )?;
        let progress = self.run.counters().taken > taken;
        self.watch.go_on(now, progress, channel.is_peer_busy());
        Ok(self.run.is_over(blocks.layout().blocks()))
    }

    /// Takes octets, which it leaves as they are, and gives those to send now; nothing where the run is over.
    pub(crate) fn answer<'py>(
        &mut self,
        py: Python<'py>,
        octets: &mut [u8],
        now: f64,
    ) -> Option<Bound<'py, PyBytes>> {
        self.goes_on(py, octets, now).then(|| self.reply(py))
    }

    /// The octets to send now.
    fn reply<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let reply = self.take_reply();
        let octets = PyBytes::new(py, &reply);
        Self::give_room(reply);
        octets
    }

    /// As [`BlockRun::reply`], in the room that is to be given back.
    pub(crate) fn take_reply(&mut self) -> Vec<u8> {
        mem::take(&mut self.reply)
    }

    /// Gives room back, for the next run.
    pub(crate) fn give_room(mut room: Vec<u8>) {
        room.clear();
        ROOM.set(room);
    }

    /// Takes what has come; whether the conversation goes on, and there may be something to send.
    pub(crate) fn goes_on(&mut self, py: Python<'_>, octets: &mut [u8], now: f64) -> bool {
        self.octets_received += octets.len() as u64;
        self.make_room();
        if now >= self.watch.until {
            self.run.stop();
        }
        let over = self.take(py, octets, now).unwrap_or_else(|failure| {
            self.failure = Some(failure);
            true
        });
        if !over {
            self.octets_sent += self.reply.len() as u64;
        }
        !over
    }

    /// Room for octets to send, of those that another run may have left.
    fn make_room(&mut self) {
        if self.reply.is_empty() {
            self.reply = ROOM.take();
        }
    }
}

#[pymethods]
impl BlockRun {
    #[new]
    #[pyo3(signature = (blocks, status, class_id, logical_name, method_id, *, start = 0, high = 0, last_invoke_id = None))]
    #[allow(
        clippy::too_many_arguments,
        reason = "they are the facts of one request, and where it stands"
    )]
    fn new(
        py: Python<'_>,
        blocks: Py<ImageBlocks>,
        status: Py<BlockStatus>,
        class_id: u16,
        logical_name: &[u8],
        method_id: i8,
        start: usize,
        high: usize,
        last_invoke_id: Option<u8>,
    ) -> PyResult<Self> {
        if blocks.get().layout().blocks() != status.bind(py).try_borrow()?.status.blocks() {
            return Err(PyValueError::new_err(
                "the status is one of another number of image blocks",
            ));
        }
        let method = MethodDescriptor {
            class_id,
            logical_name: crate::shared::logical_name(logical_name)?,
            method_id,
        };
        Ok(Self {
            run: channel::BlockRun::new(method, start, high, last_invoke_id),
            blocks,
            status,
            channel: None,
            ahead: None,
            reply: Vec::new(),
            events: Vec::new(),
            failure: None,
            octets_sent: 0,
            octets_received: 0,
            watch: Watch {
                until: f64::INFINITY,
                request_deadline: f64::INFINITY,
                deadline: f64::INFINITY,
                request_seconds: f64::INFINITY,
                silence_seconds: f64::INFINITY,
                busy_seconds: f64::INFINITY,
            },
        })
    }

    fn adopt(&mut self, invoke_id: u8, image_block_number: usize) {
        self.run.adopt(invoke_id, image_block_number);
    }

    #[pyo3(signature = (channel, *, bound, most, depth))]
    fn start<'py>(
        &mut self,
        py: Python<'py>,
        channel: Py<Channel>,
        bound: usize,
        most: usize,
        depth: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.make_room();
        if most == 0 || !(1..=MOST_REQUESTS).contains(&depth) {
            return Err(PyValueError::new_err(
                "a run has at least one request, and at most 16 at a time",
            ));
        }
        let limits = RunLimits { bound, most, depth };
        {
            let mut borrowed = channel.bind(py).try_borrow_mut()?;
            let Channel { channel, security } = &mut *borrowed;
            let mut lent = match security {
                Some(security) => Some(security.bind(py).try_borrow_mut()?),
                None => None,
            };
            let security = lent.as_mut().map(|security| &mut security.context);
            let mut status = self.status.bind(py).try_borrow_mut()?;
            let blocks = self.blocks.get();
            let ahead = &mut self.ahead;
            let mut image = RunImage {
                octets: &mut Reading { py, blocks, ahead },
                layout: *blocks.layout(),
                pad_last_block: blocks.pads_last_block(),
                status: &mut status.status,
            };
            channel.start_run(&mut self.run, limits, &mut image, security, &mut self.reply)?;
        }
        self.channel = Some(channel);
        Ok(self.reply(py))
    }

    fn receive<'py>(
        &mut self,
        py: Python<'py>,
        data: Octets<'_>,
        now: f64,
    ) -> Option<Bound<'py, PyBytes>> {
        with_copy(&data, |octets| self.answer(py, octets, now))
    }

    fn finish<'py>(
        &mut self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyBytes>)> {
        self.channel = None;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let events = PyList::new(py, self.events.drain(..))?;
        Ok((events, self.reply(py)))
    }

    #[pyo3(signature = (now, *, seconds, silence_seconds, busy_seconds, request_seconds))]
    const fn watch(
        &mut self,
        now: f64,
        seconds: f64,
        silence_seconds: f64,
        busy_seconds: f64,
        request_seconds: f64,
    ) {
        self.watch = Watch {
            until: now + seconds,
            request_deadline: now + request_seconds,
            deadline: now,
            request_seconds,
            silence_seconds,
            busy_seconds,
        };
        self.watch.go_on(now, false, false);
    }

    fn wait(&mut self, py: Python<'_>, now: f64) -> PyResult<()> {
        let busy = match &self.channel {
            Some(channel) => channel.bind(py).try_borrow()?.channel.is_peer_busy(),
            None => false,
        };
        self.watch.go_on(now, false, busy);
        Ok(())
    }

    #[getter]
    const fn deadline(&self) -> f64 {
        self.watch.deadline
    }

    #[getter]
    const fn request_deadline(&self) -> f64 {
        self.watch.request_deadline
    }

    #[getter]
    fn over(&self) -> bool {
        self.failure.is_some() || self.run.is_over(self.blocks.get().layout().blocks())
    }

    #[getter]
    fn waiting(&self) -> Vec<(u8, usize)> {
        self.run.waiting().collect()
    }

    #[getter]
    const fn next(&self) -> usize {
        self.run.next()
    }

    #[getter]
    const fn high(&self) -> usize {
        self.run.high()
    }

    #[getter]
    const fn last_invoke_id(&self) -> Option<u8> {
        self.run.last_invoke_id()
    }

    #[getter]
    const fn sent(&self) -> u64 {
        self.run.counters().sent
    }

    #[getter]
    const fn repeated(&self) -> u64 {
        self.run.counters().repeated
    }

    #[getter]
    const fn taken(&self) -> u64 {
        self.run.counters().taken
    }

    #[getter]
    const fn image_octets(&self) -> u64 {
        self.run.counters().image_octets
    }

    #[getter]
    const fn octets_sent(&self) -> u64 {
        self.octets_sent
    }

    #[getter]
    const fn octets_received(&self) -> u64 {
        self.octets_received
    }

    fn __repr__(&self) -> String {
        let counters = self.run.counters();
        format!(
            "<BlockRun {} sent, {} taken>",
            counters.sent, counters.taken
        )
    }
}
