//! General block transfer as one small machine: any APDU in numbered blocks, both ways within one exchange, what is lost repeated.
//!
//! Rules:
//! - Each side counts its blocks from 1 within an exchange; an acknowledgement without data has a number as well, and keeps it until
//!   the peer has taken note of it.
//! - A block says which number of the peer is the last before which none is missing. Whoever sends goes on behind that, with at most
//!   as many blocks as the peer takes in one go, and then waits for its turn. So what was lost is sent again, and nothing else.
//! - Whoever collects keeps what stands behind a gap, asks for the gap alone, and drops what has come before.
//! - The answer is itself the acknowledgement of the request. A peer that asked in blocks is answered in blocks.
//! - Time is somebody calling [`Exchange::handle_timeout`]. Repetitions without progress have an end, memory has a limit.
//!
//! It knows no cipher and no framing: APDUs come and go as they are on the wire, protection included. What is not confirmed is not
//! acknowledged either: [`UnconfirmedSender`] and [`UnconfirmedReceiver`].

mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

use super::general_block::GeneralBlock;
use crate::apdu::Role;
use crate::error::DecodeErrorKind;
use incoming::{Incoming, Taken};
use outgoing::Outgoing;
pub use outgoing::TooManyBlocks;

/// Block numbers have 16 bits and do not begin again.
pub const MAX_BLOCK_NUMBER: u32 = 0xFFFF;
const MAX_WINDOW: u8 = GeneralBlock::MAX_WINDOW;
/// How often in a row the peer may make us speak without bringing anything forward.
const MAX_ROUNDS: u8 = 8;
/// How often in a row something is repeated because nothing came.
const MAX_TIMEOUTS: u8 = 3;
/// Octets sent in one go, whatever the window: links below have buffers, too.
const MAX_BURST: usize = 1 << 15;

/// How far an exchange is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing has been sent or received in blocks.
    #[default]
    Idle,
    /// The peer lacks blocks of our APDU.
    Sending,
    /// Client: the request has arrived, its answer has not begun.
    Awaiting,
    /// The peer's APDU has begun to arrive.
    Collecting,
    /// Server: the request is whole, its answer is due.
    Due,
    /// Everything has arrived. Blocks that come again are acknowledged again.
    Finished,
}

/// What a block brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing to hand on.
    Nothing,
    /// A whole APDU, as it was before it was cut.
    Whole(Vec<u8>),
    /// The peer has given up what was under way.
    Aborted,
}

/// What is to be said because of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Nothing,
    /// The blocks that the peer lacks.
    Blocks,
    /// A block without data.
    Acknowledgement,
}

/// One request and its answer, as far as they go in blocks. After each call, [`Exchange::next_block`] until there is none.
#[derive(Debug)]
pub struct Exchange {
    role: Role,
    state: State,
    /// Blocks in one go, in either direction.
    window: u8,
    /// What the peer takes in one go; it says so with each block.
    peer_window: u8,
    /// Octets of the largest APDU that is put together.
    limit: usize,
    /// Client: whether the last block of an answer is acknowledged.
    acknowledges_last: bool,
    /// Server: nothing is ever said.
    silent: bool,
    outgoing: Outgoing,
    incoming: Incoming,
    /// Blocks taken since we spoke.
    fresh: u8,
    rounds: u8,
    timeouts: u8,
}

impl Exchange {
    /// An exchange that puts APDUs of at most `limit` octets together.
    #[must_use]
    pub fn new(role: Role, limit: usize) -> Self {
        Self {
            role,
            state: State::Idle,
            window: 1,
            peer_window: 1,
            limit,
            acknowledges_last: true,
            silent: false,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            fresh: 0,
            rounds: 0,
            timeouts: 0,
        }
    }

    /// How many blocks go in one go, 1 to 63, and whether a client acknowledges the last block of an answer.
    pub fn configure(&mut self, window: u8, acknowledges_last: bool) {
        self.window = window.clamp(1, MAX_WINDOW);
        self.acknowledges_last = acknowledges_last;
    }

    /// Forgets the exchange and the peer's window. A silent server collects, but never says anything.
    pub fn reset(&mut self, silent: bool) {
        self.end();
        self.peer_window = 1;
        self.silent = silent;
    }

    /// Forgets the exchange. A client knows from now on how many blocks the server takes. A server begins each answer to a request
    /// that came whole with a single block: until the client has acknowledged it, it may expect no more.
    pub fn end(&mut self) {
        if self.role == Role::Server {
            self.peer_window = 1;
        }
        self.state = State::Idle;
        self.outgoing = Outgoing::default();
        self.incoming = Incoming::default();
        self.fresh = 0;
        self.rounds = 0;
        self.timeouts = 0;
    }

    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Sends an APDU in blocks of `block_size` octets: a request, or the answer to the one that has arrived. While it is not known how
    /// many the peer takes, the first block goes alone.
    ///
    /// # Errors
    /// [`TooManyBlocks`]; nothing has changed then.
    pub fn send(&mut self, apdu: Vec<u8>, block_size: usize) -> Result<(), TooManyBlocks> {
        if apdu.len().div_ceil(block_size) > MAX_BLOCK_NUMBER as usize {
            return Err(TooManyBlocks);
        }
        if self.state != State::Due {
            self.end();
        }
        self.outgoing.begin(apdu, block_size)?;
        self.state = State::Sending;
        self.say(Say::Blocks);
        Ok(())
    }

    /// Server: acknowledges a request that gets no answer.
    pub fn acknowledge(&mut self) {
        if self.state == State::Due && !self.silent {
            self.state = State::Finished;
            self.say(Say::Acknowledgement);
        }
    }

    /// Takes a block. Two APDUs that are `unique` are never alike: what looks the same is the same. A request that is not may have been
    /// made twice, and is taken as such once the first has been answered.
    ///
    /// # Errors
    /// Where the peer breaks the rules: numbers that cannot be, more than the limit, no end of repetitions. The exchange is over then.
    pub fn receive(
        &mut self,
        block: &GeneralBlock<'_>,
        unique: bool,
    ) -> Result<Received, DecodeErrorKind> {
        if block.is_abort() {
            let over = matches!(self.state, State::Idle | State::Finished);
            self.end();
            return Ok(if over {
                Received::Nothing
            } else {
                Received::Aborted
            });
        }
        let received = self.accept(block, unique);
        if received.is_err() {
            self.end();
        }
        received
    }

    fn accept(
        &mut self,
        block: &GeneralBlock<'_>,
        unique: bool,
    ) -> Result<Received, DecodeErrorKind> {
        let mut acknowledged = block.block_number_ack;
        if self.begins_anew(block, unique) {
            self.incoming = Incoming::default();
            self.fresh = 0;
            self.rounds = 0;
            if self.role == Role::Server {
                self.outgoing = Outgoing::default();
                acknowledged = 0;
            }
        } else if block.block_number == 1 {
            self.incoming.forget_ahead();
        }
        let forward = self
            .outgoing
            .acknowledge(acknowledged.into())
            .ok_or(DecodeErrorKind::ValueOutOfRange)?;
        if block.window > 0 {
            self.peer_window = block.window;
        } else if self.outgoing.is_wanted() {
            self.end();
            return Ok(Received::Aborted); // it takes no block
        }
        let taken = self.incoming.take(block, self.limit)?;
        // An acknowledgement brings nothing, whatever its number.
        let new = taken != Taken::Nothing && !block.block_data.is_empty();
        self.fresh += u8::from(new);
        if forward || new {
            self.rounds = 0;
            self.timeouts = 0;
        }
        self.state = self.state_after(&taken);
        let say = self.answer_to(block, &taken);
        if say != Say::Nothing {
            self.rounds += u8::from(!forward && !new);
            if self.rounds > MAX_ROUNDS {
                return Err(DecodeErrorKind::Duplicate);
            }
            self.say(say);
        }
        Ok(match taken {
            Taken::Whole(apdu) => Received::Whole(apdu),
            _ => Received::Nothing,
        })
    }

    /// Whether a block belongs to an APDU that has not begun yet: only then is there another first one.
    fn begins_anew(&self, block: &GeneralBlock<'_>, unique: bool) -> bool {
        if block.block_number != 1 || block.block_data.is_empty() {
            return false;
        }
        let is_whole = self.incoming.is_whole;
        if self.incoming.has_taken(block) {
            let answered = is_whole && self.state != State::Due && self.outgoing.was_sent();
            return self.role == Role::Server && answered && !unique;
        }
        is_whole || block.block_number_ack == 0
    }

    fn state_after(&mut self, taken: &Taken) -> State {
        match (taken, self.role) {
            (Taken::Whole(_), Role::Server) => State::Due,
            (Taken::Whole(_), Role::Client) => {
                self.outgoing.give_up(); // an answer ends its request
                State::Finished
            }
            _ if self.incoming.is_open() => State::Collecting,
            _ if self.outgoing.is_wanted() => State::Sending,
            (_, Role::Client) if self.state == State::Sending => State::Awaiting,
            (_, Role::Server) if self.state == State::Sending => State::Finished,
            _ => self.state,
        }
    }

    /// What is to be said because of a block. Nothing while the peer is not done speaking, unless it has sent all that we take in one go.
    fn answer_to(&self, block: &GeneralBlock<'_>, taken: &Taken) -> Say {
        let done = !block.streaming || self.fresh >= self.window;
        match (taken, self.state) {
            _ if self.silent || !done => Say::Nothing,
            (Taken::Whole(_), State::Finished) if self.acknowledges_last => Say::Acknowledgement,
            (Taken::Whole(_), _) => Say::Nothing, // the answer acknowledges
            _ if self.outgoing.is_wanted() => Say::Blocks,
            // An acknowledgement is not acknowledged: that would have no end.
            _ if block.block_data.is_empty() => Say::Nothing,
            _ => Say::Acknowledgement,
        }
    }

    /// Nothing came in time: repeats what may have been lost. Returns whether there was anything to repeat, and a try left.
    pub fn handle_timeout(&mut self) -> bool {
        let say = match self.state {
            State::Sending => Say::Blocks,
            State::Collecting if self.outgoing.is_wanted() => Say::Blocks,
            State::Awaiting | State::Collecting => Say::Acknowledgement,
            State::Idle | State::Due | State::Finished => return false,
        };
        if self.silent || self.timeouts >= MAX_TIMEOUTS {
            return false;
        }
        self.timeouts += 1;
        self.say(say);
        true
    }

    fn say(&mut self, say: Say) {
        let window = self.window.min(self.peer_window);
        match say {
            Say::Nothing => return,
            Say::Blocks => self.outgoing.begin_burst(window.into(), MAX_BURST),
            Say::Acknowledgement => self.outgoing.begin_acknowledgement(),
        }
        self.fresh = 0;
    }

    /// The next block that must go out now.
    pub fn next_block(&mut self) -> Option<GeneralBlock<'_>> {
        let expects_nothing =
            self.role == Role::Client || !matches!(self.state, State::Collecting | State::Due);
        let gap = self.incoming.gap().unwrap_or(u32::MAX);
        let window = u8::try_from(gap).map_or(self.window, |gap| gap.min(self.window));
        let block_number_ack = u16::try_from(self.incoming.in_sequence).unwrap_or(u16::MAX);
        let block = self.outgoing.next_block(expects_nothing)?;
        Some(GeneralBlock {
            window,
            block_number_ack,
            ..block
        })
    }
}

/// An APDU that goes out in blocks which nobody acknowledges.
#[derive(Debug)]
pub struct UnconfirmedSender(Outgoing);

impl UnconfirmedSender {
    /// Takes the APDU.
    ///
    /// # Errors
    /// [`TooManyBlocks`].
    pub fn new(apdu: Vec<u8>, block_size: usize) -> Result<Self, TooManyBlocks> {
        let mut outgoing = Outgoing::default();
        outgoing.begin(apdu, block_size)?;
        outgoing.begin_burst(u32::MAX, usize::MAX);
        Ok(Self(outgoing))
    }

    /// The next block.
    pub fn next_block(&mut self) -> Option<GeneralBlock<'_>> {
        self.0.next_block(true)
    }
}

/// Collects what comes in blocks of window 0. Nothing that is missing is ever sent again.
#[derive(Debug, Default)]
pub struct UnconfirmedReceiver(Incoming);

impl UnconfirmedReceiver {
    /// Takes a block; the APDU where it was the last one missing.
    ///
    /// # Errors
    /// Where it cannot belong to what has begun: what was collected is forgotten.
    pub fn receive(
        &mut self,
        block: &GeneralBlock<'_>,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, DecodeErrorKind> {
        let begins = block.block_number == 1 && (self.0.is_whole || !self.0.has_taken(block));
        if begins {
            self.0 = Incoming::default();
        } else if block.block_number == 1 {
            self.0.forget_ahead();
        }
        match self.0.take(block, limit) {
            Ok(Taken::Whole(apdu)) => Ok(Some(apdu)),
            Ok(_) => Ok(None),
            Err(kind) => {
                self.0 = Incoming::default();
                Err(kind)
            }
        }
    }
}
