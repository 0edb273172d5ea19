//! A meter's way for image blocks: while it is open, a block is opened, checked, stored and answered in one go.
//!
//! It takes what the ordinary way would take with nothing but success: a block of an image that is being received, or the same block
//! again. Whatever else comes ends it. Then the blocks that came with the same octets are handed on as well, as if nothing had been done with them: a
//! block that comes again is answered with success, so the ordinary way goes on where this one stopped, octet for octet.
//!
//! What may happen between two calls is the caller's matter, who opens the way and shuts it.

use core::ops::Range;

use crate::apdu::Apdu;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse};
use crate::image::{
    BlockLayout, BlockStatus, ImageBlock, STORED_BLOCK_DIGEST_LENGTH, stored_block_digest,
};
use crate::security::SecurityContext;
use crate::xdlms::action::{
    ActionOutcome, ActionRequest, ActionRequestForm, ActionResponse, ActionResponseForm,
};
use crate::xdlms::descriptor::MethodDescriptor;
use crate::xdlms::general_block::GeneralBlock;
use crate::xdlms::invoke::InvokeIdAndPriority;
use crate::xdlms::result::ActionResult;

use super::framing::Input;
use super::receive::Sink;
use super::{Channel, ChannelError, Event};

/// Where the blocks of an image lie, and beside them a digest of each.
pub trait BlockMemory {
    /// Puts octets at this place of the image.
    fn write_block(&mut self, offset: usize, octets: &[u8]);

    /// Puts the digest of a block at this place of the table.
    fn write_digest(&mut self, offset: usize, digest: &[u8]);

    /// Whether these octets are at this place of the image.
    fn holds(&self, place: Range<usize>, octets: &[u8]) -> bool {
        self.read_block(place) == octets
    }

    /// The octets at this place of the image.
    fn read_block(&self, place: Range<usize>) -> Vec<u8>;
}

/// An image that is being received.
#[derive(Clone, Copy, Debug)]
pub struct BlockReception {
    /// The method that brings its blocks.
    pub method: MethodDescriptor,
    /// How it falls into blocks.
    pub layout: BlockLayout,
    /// Of the transfer; goes into the digest of each block.
    pub serial: u64,
}

impl BlockReception {
    /// Stores the block that is a call's parameter, where the ordinary way would do nothing else with it: one that is missing and not the
    /// last, or that is there already. Returns its number.
    pub fn store<M: BlockMemory>(
        &self,
        parameter: &[u8],
        status: &mut BlockStatus,
        memory: &mut M,
    ) -> Option<u32> {
        let block = ImageBlock::parse_all(parameter).ok()?;
        let (number, value) = (block.image_block_number, block.image_block_value);
        let index = number as usize;
        let place = self.layout.range(index)?;
        if value.len() != place.len() {
            return None;
        }
        if status.get(index) == Some(true) {
            return memory.holds(place, value).then_some(number);
        }
        // The last missing block begins the verification.
        if status.transferred() + 1 >= status.blocks() {
            return None;
        }
        memory.write_block(place.start, value);
        let digest = stored_block_digest(self.serial, number, value);
        memory.write_digest(index * STORED_BLOCK_DIGEST_LENGTH, &digest);
        status.set(index, true);
        Some(number)
    }
}

/// How far the way is open.
#[derive(Clone, Copy, Debug)]
pub struct BlockLimits {
    /// Blocks that may be taken before the memory must be made durable.
    pub blocks: usize,
    /// The highest invocation counter of the peer that has been recorded, where messages are ciphered.
    pub peer_counter: Option<u32>,
    /// With fewer counters left for answers than this more must be reserved.
    pub counter_margin: u32,
    /// The client is never answered: what asks for an answer is not taken.
    pub silent: bool,
}

/// A block that was taken by the call that is going on.
#[derive(Clone, Copy, Debug)]
struct Taken {
    invoke: InvokeIdAndPriority,
    number: u32,
}

/// The open way of one image.
#[derive(Debug)]
pub struct BlockSink {
    reception: BlockReception,
    limits: BlockLimits,
    /// Kept for its capacity.
    taken: Vec<Taken>,
}

impl BlockSink {
    /// A way for the blocks of `reception`.
    #[must_use]
    pub const fn new(reception: BlockReception, limits: BlockLimits) -> Self {
        Self {
            reception,
            limits,
            taken: Vec::new(),
        }
    }

    /// Whether something may be received: there are counters to answer with, and room before the memory must be made durable.
    #[must_use]
    pub fn is_open(&self, security: Option<&SecurityContext>) -> bool {
        self.limits.blocks > 0 && self.answers(security) > 0
    }

    /// Blocks that may still be taken before the memory must be made durable.
    #[must_use]
    pub const fn blocks_left(&self) -> usize {
        self.limits.blocks
    }

    /// How many answers can be given before counters must be reserved.
    fn answers(&self, security: Option<&SecurityContext>) -> usize {
        security
            .filter(|_| !self.limits.silent)
            .map_or(usize::MAX, |security| {
                let left =
                    (security.counters_left() + 1).saturating_sub(self.limits.counter_margin);
                left as usize
            })
    }

    /// Stores a block, where the ordinary way would do nothing else with it.
    fn take<M: BlockMemory>(
        &mut self,
        apdu: &Apdu<'_>,
        security: Option<&SecurityContext>,
        status: &mut BlockStatus,
        memory: &mut M,
    ) -> Option<InvokeIdAndPriority> {
        let Apdu::ActionRequest(request) = apdu else {
            return None;
        };
        let ActionRequestForm::Normal {
            method,
            parameter: Some(parameter),
        } = &request.form
        else {
            return None;
        };
        let invoke = request.invoke_id_and_priority;
        let recorded = |counter| self.limits.peer_counter.is_some_and(|last| counter <= last);
        if *method != self.reception.method
            || self.taken.len() >= self.limits.blocks
            || (self.limits.silent && invoke.confirmed())
            || !security
                .and_then(SecurityContext::peer_counter)
                .is_none_or(recorded)
        {
            return None;
        }
        let number = self.reception.store(parameter.as_bytes(), status, memory)?;
        self.taken.push(Taken { invoke, number });
        Some(invoke)
    }

    /// The requests that were taken, as they came.
    fn hand_on<E: From<ChannelError>, M: BlockMemory>(
        &mut self,
        memory: &M,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        for taken in self.taken.drain(..) {
            let place = self.reception.layout.range(taken.number as usize);
            let value = memory.read_block(place.unwrap_or_default());
            let parameter = ImageBlock {
                image_block_number: taken.number,
                image_block_value: &value,
                padding: 0,
            }
            .to_vec();
            let request = ActionRequest {
                invoke_id_and_priority: taken.invoke,
                form: ActionRequestForm::Normal {
                    method: self.reception.method,
                    parameter: Some(RawData::trusted(&parameter)),
                },
            };
            sink(Event::Apdu(request.into()))?;
        }
        Ok(())
    }
}

impl Channel {
    /// As [`Channel::receive`] in a server, while `blocks` is open for its client. Returns whether all that came were blocks that were
    /// taken: then `sink` has been told nothing and `out` holds the answers. Otherwise `sink` has been told everything, and the way is to
    /// be shut.
    ///
    /// # Errors
    /// As [`Channel::receive`] and [`Channel::send`]. Blocks that came before are stored, and not answered.
    pub fn receive_blocks<E: From<ChannelError>, M: BlockMemory>(
        &mut self,
        octets: &mut [u8],
        mut security: Option<&mut SecurityContext>,
        (blocks, status, memory): (&mut BlockSink, &mut BlockStatus, &mut M),
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<bool, E> {
        blocks.taken.clear();
        let answers = blocks.answers(security.as_deref());
        let mut rest = octets;
        while blocks.taken.len() < answers
            && let Some((message, behind)) = self.split_whole(&mut rest)
        {
            rest = behind;
            let way = (&mut *blocks, &mut *status, &mut *memory);
            let taken = self.take_message(message, security.as_deref_mut(), way, out, sink);
            if !matches!(taken, Ok(true)) {
                self.push(rest);
                taken?;
                self.receive(&[], security, out, sink)?;
                return Ok(false);
            }
            if rest.is_empty() {
                self.answer_blocks(blocks, security, out)?;
                return Ok(true);
            }
        }
        self.push(rest);
        loop {
            let start = out.len();
            let input = self
                .framing
                .poll(out, &mut self.message)
                .map_err(ChannelError::from);
            self.count_sent(out.len() - start);
            let Some(input) = input? else {
                self.answer_blocks(blocks, security, out)?;
                return Ok(true);
            };
            let is_plain = matches!(
                input,
                Input::Message {
                    new_client_sap: None,
                    unconfirmed: None
                }
            );
            if !is_plain || blocks.taken.len() >= answers || self.begins_with_general_block() {
                blocks.hand_on(memory, sink)?;
                if self.take_input(input, sink)?.is_continue() {
                    self.receive(&[], security, out, sink)?;
                }
                return Ok(false);
            }
            let mut message = core::mem::take(&mut self.message);
            let way = (&mut *blocks, &mut *status, &mut *memory);
            let taken = self.take_message(&mut message, security.as_deref_mut(), way, out, sink);
            self.message = message;
            if !taken? {
                self.receive(&[], security, out, sink)?;
                return Ok(false);
            }
        }
    }

    /// Takes a message as a block, or else the ordinary way; whether it was a block.
    fn take_message<E: From<ChannelError>, M: BlockMemory>(
        &mut self,
        message: &mut [u8],
        mut security: Option<&mut SecurityContext>,
        (blocks, status, memory): (&mut BlockSink, &mut BlockStatus, &mut M),
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<bool, E> {
        let apdu = match self.read(message, security.as_deref_mut()) {
            Ok(apdu) => apdu,
            Err(refusal) => {
                blocks.hand_on(memory, sink)?;
                self.refuse(refusal, sink)?;
                return Ok(false);
            }
        };
        let Some(invoke) = blocks.take(&apdu, security.as_deref(), status, memory) else {
            blocks.hand_on(memory, sink)?;
            self.handle_apdu(apdu, security, out, sink)?;
            return Ok(false);
        };
        self.note_whole(&apdu);
        self.begin_answer();
        if !invoke.confirmed() {
            self.acknowledge_unanswered(out)?;
        }
        Ok(true)
    }

    /// Success for each confirmed block that was taken.
    fn answer_blocks(
        &mut self,
        blocks: &mut BlockSink,
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        blocks.limits.blocks -= blocks.taken.len();
        for taken in blocks.taken.drain(..) {
            if !taken.invoke.confirmed() {
                continue;
            }
            let response: Apdu<'_> = ActionResponse {
                invoke_id_and_priority: taken.invoke,
                form: ActionResponseForm::Normal(ActionOutcome {
                    result: ActionResult::Success,
                    return_parameters: None,
                }),
            }
            .into();
            let plan = self.plan(response.tag(), &response, security.as_deref());
            self.send(&plan, &response, security.as_deref_mut(), out)?;
            self.sent(&response);
        }
        Ok(())
    }

    fn begins_with_general_block(&self) -> bool {
        self.message.first() == Some(&GeneralBlock::TAG)
    }
}
