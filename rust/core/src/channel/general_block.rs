//! General block transfer of a channel: an APDU is sealed as a whole first and cut then; it is put together first and opened then.
//!
//! When it is used, who follows whom, and what its blocks mean to the link below. How blocks are counted, repeated and acknowledged
//! is the machine's matter, in `xdlms::general_block_transfer`.

use crate::apdu::{Apdu, Role};
use crate::codec::{Emit, Parse, Writer};
use crate::error::DecodeError;
use crate::security::{SecurityContext, is_protected};
use crate::xdlms::action::{ActionOutcome, ActionResponse, ActionResponseForm};
use crate::xdlms::exception::{ExceptionResponse, ServiceErrorCode, StateError};
use crate::xdlms::general_block::GeneralBlock;
use crate::xdlms::general_block_transfer::{
    Exchange, Received, State, TooManyBlocks, UnconfirmedReceiver, UnconfirmedSender,
};
use crate::xdlms::get::{GetResponse, GetResponseForm};
use crate::xdlms::result::{ActionResult, DataAccessResult, GetDataResult};
use crate::xdlms::set::{SetResponse, SetResponseForm};

use super::framing::Framing;
use super::outstanding::Service;
use super::receive::Sink;
use super::{Channel, ChannelError, Event, Negotiation};

/// The conformance bit general-block-transfer.
const GENERAL_BLOCK_TRANSFER: u32 = 0x20_0000;
/// Octets of a block where the peer has no limit.
const UNLIMITED: usize = 0x4000;
const CONFIRMED: u8 = 0x40;

/// When a channel cuts an APDU that does not fit into general blocks. Where the peer began with them, it is always followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneralBlockUse {
    /// Never, and blocks that come mean nothing.
    Off,
    /// Where no transfer of the service itself was negotiated, or the APDU has none.
    WhenNeeded,
    /// Rather than the transfer of the service itself.
    Always,
}

/// What a channel keeps for it.
#[derive(Debug)]
pub(super) struct GeneralBlocks {
    when: GeneralBlockUse,
    role: Role,
    window: u8,
    acknowledges_last: bool,
    silent: bool,
    limit: usize,
    /// Made for the first block of either side; most channels see none.
    exchange: Option<Box<Exchange>>,
    /// The same for blocks that nobody acknowledges.
    unconfirmed: Option<Box<UnconfirmedReceiver>>,
    /// An APDU that came in blocks is being looked at.
    delivering: bool,
}

impl GeneralBlocks {
    pub(super) fn new(role: Role, limit: usize) -> Self {
        Self {
            when: GeneralBlockUse::WhenNeeded,
            role,
            window: 1,
            acknowledges_last: true,
            silent: false,
            limit,
            exchange: None,
            unconfirmed: None,
            delivering: false,
        }
    }

    /// Forgets all but how it is used.
    pub(super) fn reset(&mut self) {
        self.exchange = None;
        self.unconfirmed = None;
        self.silent = false;
    }

    fn exchange(&mut self) -> &mut Exchange {
        self.exchange.get_or_insert_with(|| {
            let mut exchange = Exchange::new(self.role, self.limit);
            exchange.configure(self.window, self.acknowledges_last);
            exchange.reset(self.silent);
            Box::new(exchange)
        })
    }

    fn state(&self) -> State {
        self.exchange
            .as_ref()
            .map_or(State::Idle, |exchange| exchange.state())
    }

    /// Nothing came in time; whether there is anything to repeat.
    pub(super) fn handle_timeout(&mut self) -> bool {
        self.exchange
            .as_mut()
            .is_some_and(|exchange| exchange.handle_timeout())
    }

    /// Server: a request came in blocks, so that its answer must go in blocks.
    pub(super) fn answer_is_due(&self) -> bool {
        self.state() == State::Due
    }

    /// An APDU goes out or has come in whole: that is the end of what went in blocks.
    pub(super) fn end(&mut self) {
        if self.state() != State::Idle && !self.delivering {
            self.exchange().end();
        }
    }
}

impl Channel {
    /// When general block transfer is used, how many blocks go in one go (1 to 63), and whether a client acknowledges the last block
    /// of an answer.
    pub fn use_general_blocks(
        &mut self,
        when: GeneralBlockUse,
        window: u8,
        acknowledges_last: bool,
    ) {
        let general_blocks = &mut self.general_blocks;
        general_blocks.when = when;
        general_blocks.window = window;
        general_blocks.acknowledges_last = acknowledges_last;
        if let Some(exchange) = &mut general_blocks.exchange {
            exchange.configure(window, acknowledges_last);
        }
    }

    /// From now on what does not fit goes in general blocks, even where its service has blocks of its own.
    pub fn prefer_general_blocks(&mut self) {
        if self.general_blocks.when == GeneralBlockUse::WhenNeeded {
            self.general_blocks.when = GeneralBlockUse::Always;
        }
    }

    /// Server: this client is never answered, not even a block of its.
    pub fn never_answer(&mut self) {
        self.general_blocks.exchange = None;
        self.general_blocks.silent = true;
    }

    pub(super) fn takes_general_blocks(&self) -> bool {
        self.general_blocks.when != GeneralBlockUse::Off
            && !self.general_blocks.delivering
            && self.negotiation.is_some_and(|negotiation: Negotiation| {
                negotiation.conformance & GENERAL_BLOCK_TRANSFER != 0
            })
    }

    /// Whether an APDU that does not fit is cut into general blocks before anything else is tried.
    pub(super) fn prefers_general_blocks(&self, apdu: &[u8]) -> bool {
        let always = self.general_blocks.when == GeneralBlockUse::Always;
        (always || is_unconfirmed(apdu)) && self.takes_general_blocks()
    }

    /// Seals an APDU as a whole and begins to send it in blocks; all of them at once where nobody will acknowledge them.
    pub(super) fn send_general_blocks(
        &mut self,
        tag: u8,
        apdu: &dyn Emit,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        if self.role == Role::Client && self.general_blocks.state() == State::Sending {
            return Err(ChannelError::BlockTransferInProgress);
        }
        let plain = apdu.to_vec();
        let length = self
            .seal_plan(tag, plain.len(), security.as_deref())
            .map_or(plain.len(), |plan| plan.sealed_len());
        let limit = self.limit();
        let does_not_fit = ChannelError::DoesNotFit {
            length,
            limit: limit.unwrap_or(usize::MAX),
        };
        let Some(size) = GeneralBlock::largest_data(limit.unwrap_or(UNLIMITED)) else {
            return Err(does_not_fit);
        };
        let unconfirmed = is_unconfirmed(&plain);
        if length.div_ceil(size) > usize::from(u16::MAX)
            || unconfirmed && length > self.max_receive_apdu_size
        {
            return Err(does_not_fit);
        }
        let sealed = self.sealed(tag, &plain.as_slice(), security)?;
        let refused = |TooManyBlocks| does_not_fit;
        if !unconfirmed {
            let exchange = self.general_blocks.exchange();
            exchange.send(sealed, size).map_err(refused)?;
            return self.put_general_blocks(out);
        }
        let mut blocks = UnconfirmedSender::new(sealed, size).map_err(refused)?;
        let start = out.len();
        while let Some(block) = blocks.next_block() {
            put(&mut self.framing, &block, out)?;
        }
        self.count_sent(out.len() - start);
        Ok(())
    }

    /// Sends the blocks that are due.
    pub(super) fn put_general_blocks(&mut self, out: &mut Vec<u8>) -> Result<(), ChannelError> {
        let start = out.len();
        if let Some(exchange) = &mut self.general_blocks.exchange {
            while let Some(block) = exchange.next_block() {
                put(&mut self.framing, &block, out)?;
            }
        }
        self.count_sent(out.len() - start);
        Ok(())
    }

    /// Server: acknowledges a request that gets no answer, its blocks as well as its frames.
    pub(super) fn acknowledge_unanswered(&mut self, out: &mut Vec<u8>) -> Result<(), ChannelError> {
        if self.general_blocks.answer_is_due() {
            self.general_blocks.exchange().acknowledge();
            self.put_general_blocks(out)?;
        }
        let start = out.len();
        self.framing.acknowledge(out);
        self.count_sent(out.len() - start);
        Ok(())
    }

    /// An APDU came whole, not in blocks.
    pub(super) fn note_whole(&mut self, apdu: &Apdu<'_>) {
        let unasked = matches!(
            apdu,
            Apdu::DataNotification(_) | Apdu::EventNotification(_) | Apdu::InformationReport(_)
        );
        // A client may hear something else while its answer is arriving.
        if !unasked
            && (self.role == Role::Server || self.general_blocks.state() != State::Collecting)
        {
            self.general_blocks.end();
        }
    }

    /// One block as it came.
    pub(super) fn handle_general_block<E: From<ChannelError>>(
        &mut self,
        message: &[u8],
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        let block = match GeneralBlock::parse_all(message) {
            Ok(block) => block,
            Err(error) => return self.refuse_general_block(error, out).map_err(E::from),
        };
        if block.window == 0 && !block.block_data.is_empty() {
            return self.handle_unconfirmed_block(&block, security, out, sink);
        }
        let unique = block
            .block_data
            .first()
            .is_some_and(|&tag| is_protected(tag));
        let received = match self.general_blocks.exchange().receive(&block, unique) {
            Ok(received) => received,
            Err(kind) => {
                let error = DecodeError::new(kind, 0);
                return self.refuse_general_block(error, out).map_err(E::from);
            }
        };
        let start = out.len();
        self.put_general_blocks(out)?;
        match received {
            Received::Whole(apdu) => self.deliver(apdu, security, out, sink),
            Received::Aborted if self.role == Role::Client => sink(Event::Apdu(self.aborted())),
            Received::Nothing | Received::Aborted => {
                if out.len() == start {
                    self.await_next_block(out);
                }
                Ok(())
            }
        }
    }

    fn handle_unconfirmed_block<E: From<ChannelError>>(
        &mut self,
        block: &GeneralBlock<'_>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        let limit = self.max_receive_apdu_size;
        let unconfirmed = self
            .general_blocks
            .unconfirmed
            .get_or_insert_with(Box::default);
        match unconfirmed.receive(block, limit) {
            Ok(Some(apdu)) => self.deliver(apdu, security, out, sink),
            Ok(None) => {
                self.await_next_block(out);
                Ok(())
            }
            Err(kind) => {
                self.apdus_discarded += 1;
                self.await_next_block(out);
                if self.role == Role::Server {
                    return Ok(()); // nobody waits for an answer
                }
                sink(Event::Discarded {
                    reason: kind.code(),
                    expected_counter: None,
                })
            }
        }
    }

    /// A whole APDU out of blocks goes the way of every other.
    fn deliver<E: From<ChannelError>>(
        &mut self,
        mut apdu: Vec<u8>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
        sink: &mut Sink<'_, E>,
    ) -> Result<(), E> {
        self.general_blocks.delivering = true;
        let handled = self.handle(&mut apdu, security, out, sink);
        self.general_blocks.delivering = false;
        handled
    }

    /// A block that cannot be: a client gives up, a server says so and serves on.
    fn refuse_general_block(
        &mut self,
        error: DecodeError,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        self.general_blocks.exchange().end();
        if self.role == Role::Client {
            return Err(error.into());
        }
        self.apdus_discarded += 1;
        let start = out.len();
        if self.general_blocks.silent {
            self.framing.acknowledge(out);
        } else {
            put(&mut self.framing, &GeneralBlock::ABORT, out)?;
        }
        self.count_sent(out.len() - start);
        Ok(())
    }

    /// Nothing is to be said about a block, but the link below may need a word before more can come.
    fn await_next_block(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.framing.await_message(out);
        self.count_sent(out.len() - start);
    }

    /// Client: the answer that stands for a request which the peer has aborted.
    fn aborted(&mut self) -> Apdu<'static> {
        let asked = self.outstanding.only();
        self.end_everything();
        match asked {
            Some((invoke, Service::Get)) => GetResponse {
                invoke_id_and_priority: invoke,
                form: GetResponseForm::Normal(GetDataResult::DataAccessResult(
                    DataAccessResult::LongGetAborted,
                )),
            }
            .into(),
            Some((invoke, Service::Set)) => SetResponse {
                invoke_id_and_priority: invoke,
                form: SetResponseForm::Normal(DataAccessResult::LongSetAborted),
            }
            .into(),
            Some((invoke, Service::Action)) => ActionResponse {
                invoke_id_and_priority: invoke,
                form: ActionResponseForm::Normal(ActionOutcome {
                    result: ActionResult::LongActionAborted,
                    return_parameters: None,
                }),
            }
            .into(),
            _ => ExceptionResponse {
                state_error: StateError::ServiceNotAllowed,
                service_error: ServiceErrorCode::OtherReason,
                invocation_counter: None,
            }
            .into(),
        }
    }
}

fn put(
    framing: &mut Framing,
    block: &GeneralBlock<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ChannelError> {
    framing.send(block.emitted_len(), out, |slot| {
        let mut slot = Writer::new(slot);
        block.emit(&mut slot);
        slot.finish();
        Ok(())
    })
}

/// Whether nobody answers, and so nobody acknowledges, a plain APDU: by its service class, or because it never is.
pub(super) fn is_unconfirmed(apdu: &[u8]) -> bool {
    let class = |at: usize| apdu.get(at).is_some_and(|octet| octet & CONFIRMED == 0);
    match apdu.first() {
        Some(0x0F | 0x10 | 0x16 | 0x18 | 0xC2) => true, // notifications, their confirmation, unconfirmed write
        Some(0xC1 | 0xC3) => class(2),
        Some(0xD9) => class(1),
        _ => false,
    }
}
