//! A run of image blocks: each answer that says success lets the next block go, within the same call.
//!
//! Requests, invoke ids and counters are those of single requests, octet for octet; only nobody above is asked in between.
//! Whatever is no plain success ends the run and goes up as it would have come. Which invoke ids still stand for which
//! blocks is told, so that the answers to them can be told apart without the run.

use core::ops::Range;
use std::collections::VecDeque;

use crate::apdu::Apdu;
use crate::image::{BlockLayout, BlockStatus, ImageBlock};
use crate::security::SecurityContext;
use crate::xdlms::action::{ActionRequest, ActionRequestForm, ActionResponseForm};
use crate::xdlms::descriptor::MethodDescriptor;
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::result::ActionResult;

use super::receive::Sink;
use super::{Channel, ChannelError, Event};

/// Where the octets of an image are.
pub trait ImageOctets<E> {
    /// Those of one block.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn octets(&mut self, range: Range<usize>) -> Result<&[u8], E>;
}

impl<E> ImageOctets<E> for &[u8] {
    fn octets(&mut self, range: Range<usize>) -> Result<&[u8], E> {
        Ok(&self[range])
    }
}

/// The image that a run takes its blocks from, and what its receiver has of it.
pub struct RunImage<'a, E> {
    /// The whole image.
    pub octets: &'a mut dyn ImageOctets<E>,
    /// How it is cut.
    pub layout: BlockLayout,
    /// Whether the last block is filled up with zeros.
    pub pad_last_block: bool,
    /// Blocks are marked here as they are taken.
    pub status: &'a mut BlockStatus,
}

impl<E> RunImage<'_, E> {
    fn block(&mut self, number: usize) -> Result<Option<ImageBlock<'_>>, E> {
        let (Some(range), Ok(image_block_number)) =
            (self.layout.range(number), u32::try_from(number))
        else {
            return Ok(None);
        };
        let padding = if self.pad_last_block {
            self.layout.image_block_size() - range.len()
        } else {
            0
        };
        Ok(Some(ImageBlock {
            image_block_number,
            image_block_value: self.octets.octets(range)?,
            padding,
        }))
    }
}

/// How far a run may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// No block with this number or above is sent.
    pub bound: usize,
    /// So many requests are sent at most.
    pub most: usize,
    /// So many are on their way at a time, 1 to 16.
    pub depth: usize,
}

/// What a run has done, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounters {
    /// Requests sent.
    pub sent: u64,
    /// Requests sent for blocks below the highest one that had been sent before.
    pub repeated: u64,
    /// Octets of the image sent, without padding.
    pub image_octets: u64,
    /// Blocks that the peer has taken.
    pub taken: u64,
}

/// One pass over the missing blocks of an image, ascending.
#[derive(Debug)]
pub struct BlockRun {
    method: MethodDescriptor,
    limits: RunLimits,
    /// Where the next missing block is looked for.
    next: usize,
    /// One more than the highest number ever sent.
    high: usize,
    /// The invoke id given last, where ids are counted here and not by the channel.
    last_invoke_id: Option<u8>,
    /// Requests not answered yet, oldest first: invoke id and block number.
    waiting: VecDeque<(u8, usize)>,
    counters: RunCounters,
    /// Something came that is not the run's.
    stopped: bool,
    /// It was asked to end.
    ending: bool,
}

impl BlockRun {
    /// A run that sends blocks from `next` on by `method`; those below `high` have been sent before. With `last_invoke_id`
    /// the invoke ids follow that one, otherwise the one that the channel gave last.
    #[must_use]
    pub fn new(
        method: MethodDescriptor,
        next: usize,
        high: usize,
        last_invoke_id: Option<u8>,
    ) -> Self {
        let limits = RunLimits {
            bound: 0,
            most: 0,
            depth: 1,
        };
        Self {
            method,
            limits,
            next,
            high,
            last_invoke_id,
            waiting: VecDeque::new(),
            counters: RunCounters::default(),
            stopped: false,
            ending: false,
        }
    }

    /// A request that was sent without the run, and waits: its answer may be taken by the run.
    pub fn adopt(&mut self, invoke_id: u8, block_number: usize) {
        self.waiting.push_back((invoke_id, block_number));
    }

    /// Requests not answered yet, oldest first: invoke id and block number.
    pub fn waiting(&self) -> impl Iterator<Item = (u8, usize)> {
        self.waiting.iter().copied()
    }

    /// Where the next missing block is looked for.
    #[must_use]
    pub const fn next(&self) -> usize {
        self.next
    }

    /// One more than the highest number ever sent.
    #[must_use]
    pub const fn high(&self) -> usize {
        self.high
    }

    /// The invoke id given last, where the run counts them.
    #[must_use]
    pub const fn last_invoke_id(&self) -> Option<u8> {
        self.last_invoke_id
    }

    /// What has been done so far.
    #[must_use]
    pub const fn counters(&self) -> RunCounters {
        self.counters
    }

    /// Ends the run with what comes next: it is taken, and lets nothing go any more.
    pub const fn stop(&mut self) {
        self.limits.most = 0;
        self.ending = true;
    }

    /// Whether nothing is to be expected of the run any more: it was stopped, something else came, all is answered, or more
    /// could be on its way than its limits allow.
    #[must_use]
    pub fn is_over(&self, blocks: usize) -> bool {
        self.stopped
            || self.ending
            || self.waiting.is_empty()
            || self.waiting.len() < self.limits.depth && self.next < blocks && !self.may_send()
    }

    const fn may_send(&self) -> bool {
        self.limits.most > 0 && self.next < self.limits.bound
    }

    /// Marks the block whose success an event tells; false where it tells anything else, or that of another request than
    /// the oldest one.
    fn takes(&mut self, event: &Event<'_>, status: &mut BlockStatus) -> bool {
        let Event::Apdu(Apdu::ActionResponse(response)) = event else {
            return false;
        };
        let ActionResponseForm::Normal(outcome) = &response.form else {
            return false;
        };
        let invoke_id = response.invoke_id_and_priority.invoke_id();
        match self.waiting.front() {
            Some(&(oldest, number))
                if oldest == invoke_id && outcome.result == ActionResult::Success =>
            {
                self.waiting.pop_front();
                status.set(number, true);
                self.counters.taken += 1;
                true
            }
            _ => false,
        }
    }

    fn note_sent(&mut self, number: usize, invoke: InvokeIdAndPriority, octets: usize) {
        self.waiting.push_back((invoke.invoke_id(), number));
        self.last_invoke_id = self.last_invoke_id.map(|_| invoke.invoke_id());
        self.limits.most -= 1;
        self.counters.sent += 1;
        self.counters.image_octets += octets as u64;
        if number < self.high {
            self.counters.repeated += 1;
        }
        self.high = self.high.max(number + 1);
    }
}

impl Channel {
    /// Begins a run, or goes on with one: sends as many requests as its limits allow. Octets are appended to `out`.
    ///
    /// # Errors
    /// `DoesNotFit` where a block does not go out in one APDU; those of [`Channel::send`]; those of the image.
    pub fn start_run<E: From<ChannelError>>(
        &mut self,
        run: &mut BlockRun,
        limits: RunLimits,
        image: &mut RunImage<'_, E>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), E> {
        run.limits = limits;
        run.stopped = false;
        run.ending = false;
        self.feed(run, image, security, out)
    }

    /// As [`Channel::receive`], which leaves the octets as they are, but success of the oldest request of the run marks its block and lets the next one go.
    /// Anything else ends the run and is given to `sink`, and so is all that comes behind it.
    ///
    /// # Errors
    /// Those of [`Channel::receive`] and [`Channel::start_run`]. What was marked before is marked.
    pub fn receive_run<E: From<ChannelError>>(
        &mut self,
        run: &mut BlockRun,
        image: &mut RunImage<'_, E>,
        octets: &mut [u8],
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        let status = &mut *image.status;
        let lent = security.as_deref_mut();
        let received = self.receive_in_place::<E>(octets, lent, out, &mut |event| {
            if !run.stopped && run.takes(&event, status) {
                return Ok(());
            }
            run.stopped = true;
            sink(event)
        });
        run.stopped |= received.is_err();
        received?;
        if !run.stopped {
            self.feed(run, image, security, out)?;
        }
        Ok(())
    }

    /// Sends the next missing blocks, as long as there is room.
    fn feed<E: From<ChannelError>>(
        &mut self,
        run: &mut BlockRun,
        image: &mut RunImage<'_, E>,
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), E> {
        run.next = image.status.next_not_transferred(run.next);
        while run.waiting.len() < run.limits.depth && run.may_send() {
            let number = run.next;
            let invoke = self.run_invoke_id(run)?;
            let Some(block) = image.block(number)? else {
                return Ok(());
            };
            let octets = block.image_block_value.len();
            self.send_block(run.method, block, invoke, security.as_deref_mut(), out)?;
            run.note_sent(number, invoke, octets);
            run.next = image.status.next_not_transferred(number + 1);
        }
        Ok(())
    }

    fn run_invoke_id(&self, run: &BlockRun) -> Result<InvokeIdAndPriority, ChannelError> {
        let free = match run.last_invoke_id {
            Some(last) => self.outstanding.free_after(last),
            None => self.outstanding.free(),
        };
        let id = free.ok_or(ChannelError::InvokeIdInUse)?;
        Ok(InvokeIdAndPriority::new(id, true, true))
    }

    fn send_block(
        &mut self,
        method: MethodDescriptor,
        block: ImageBlock<'_>,
        invoke_id_and_priority: InvokeIdAndPriority,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let parameter = Some(block);
        let apdu = Apdu::ActionRequest(ActionRequest {
            invoke_id_and_priority,
            form: ActionRequestForm::Normal { method, parameter },
        });
        let plan = self.plan(apdu.tag(), &apdu, security.as_deref());
        self.check_whole(&plan)?;
        match self.direct_len(&plan) {
            Some(length) => {
                let start = out.len();
                out.resize(start + length, 0);
                let written = self.write(&plan, &apdu, security, &mut out[start..]);
                if written.is_err() {
                    out.truncate(start);
                }
                written?;
            }
            None => self.send(&plan, &apdu, security, out)?,
        }
        self.sent(&apdu);
        Ok(())
    }
}
