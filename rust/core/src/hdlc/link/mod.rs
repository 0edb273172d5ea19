//! The HDLC link between one client and one server in normal response mode: connect, number, window, acknowledge,
//! segment, repeat.
//!
//! Rules:
//! - What sets the link up and takes it down stands in one table, in `machine.rs`; what is numbered, in `exchange.rs`.
//! - The poll/final bit is the turn to speak. The client has it first, gives it away with P on the last frame of a burst
//!   and gets it back with F. Whoever gets the turn sends again what is not acknowledged: on a line that keeps its order
//!   it was lost.
//! - Only the client repeats when time is up. A server speaks when asked.
//! - Octets in, octets and events out. No IO, no clock. Time is somebody calling
//!   [`Link::handle_timeout`] when nothing has come for the response timeout (client),
//!   [`Link::handle_inter_octet_timeout`] when a frame does not go on (both),
//!   [`Link::handle_inactivity_timeout`] when nobody has spoken for the inactivity timeout (server), and
//!   [`Link::keep_alive`] before the server does that (client).
//! - What does not fit is dropped and counted. An error means that the link is gone and has to be connected again.
//!
//! Order of calls in a client: [`Link::connect`], then [`Link::push`] what arrives and [`Link::poll`] until there is no
//! more event; with [`Event::Connected`], [`Link::begin_message`] and [`Link::finish_message`] for each APDU, with
//! [`Event::Apdu`] read [`Link::message`]; [`Link::disconnect`]. A server does the same without the first and the last.

mod echo;
mod exchange;
mod machine;
mod reassembly;
mod segmenter;
mod statistics;
#[cfg(test)]
mod tests;

use crate::error::{LinkError, LinkErrorKind};
use crate::hdlc::address::Address;
use crate::hdlc::control::FrameKind;
use crate::hdlc::deframer::Deframer;
use crate::hdlc::parameters::Parameters;

use machine::Machine;
pub use statistics::Statistics;

/// Which end of the link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The primary station.
    Client,
    /// The secondary station.
    Server,
}

/// What a link is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The client; a server learns it anew from every SNRM.
    pub client_address: Address,
    /// The server, in the form that is used on the line.
    pub server_address: Address,
    /// What a client proposes, and the most that a server grants, from its own view.
    pub parameters: Parameters,
    /// How often in a row the client repeats or polls without getting any further.
    pub max_retries: u8,
    /// How often in a row the client may hear RNR before it gives up.
    pub max_busy_polls: u16,
    /// The longest APDU to put together, in octets; also the most that may wait to be sent.
    pub max_apdu: usize,
    /// Server: groups whose UI frames it takes besides its own.
    pub group_addresses: Vec<Address>,
    /// The longest information field of a UI frame sent, in octets; none is the one of I frames, which is 128 while there
    /// is no link.
    pub max_info_field_length_unconfirmed: Option<u16>,
}

/// Why a link is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// DISC, sent or received.
    Disc,
    /// The server says that it is in disconnected mode.
    Dm,
    /// A frame was rejected, by the server or by us in that role.
    Frmr,
}

impl Config {
    /// A link between these two with the default parameters, three retries, 120 polls of a busy peer, APDUs up to 64 KiB, and no groups.
    #[must_use]
    pub fn between(client_address: Address, server_address: Address) -> Self {
        Self {
            client_address,
            server_address,
            parameters: Parameters::default(),
            max_retries: 3,
            max_busy_polls: 120,
            max_apdu: 65_536,
            group_addresses: Vec::new(),
            max_info_field_length_unconfirmed: None,
        }
    }
}

/// Whom a UI frame was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// This station alone.
    Individual,
    /// A group that this station belongs to.
    Group,
    /// All stations, all physical or all logical devices.
    AllStations,
}

/// What happened on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link is up with these parameters, as seen from this side. Whatever was under way before is gone.
    Connected(Parameters),
    /// The link is down.
    Disconnected(DisconnectReason),
    /// [`Link::message`] holds a whole APDU, from I frames.
    Apdu,
    /// [`Link::message`] holds a whole APDU, from a UI frame.
    UnconfirmedApdu {
        /// Whom it was sent to.
        destination: Destination,
    },
}

/// How far the set-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No link.
    Disconnected,
    /// Client: SNRM sent.
    Connecting,
    /// The link is up.
    Connected,
    /// Client: DISC sent.
    Disconnecting,
    /// Server: FRMR answers everything until SNRM or DISC.
    Rejecting,
}

/// One end of an HDLC link.
#[derive(Debug)]
pub struct Link {
    deframer: Deframer,
    machine: Machine,
}

impl Link {
    /// A link that is not connected.
    #[must_use]
    pub fn new(role: Role, config: Config) -> Self {
        Self {
            deframer: Deframer::new(),
            machine: Machine::new(role, config),
        }
    }

    // --- Commands ---

    /// Client: asks for a link, from any state; whatever was under way is forgotten. A server that does not take the
    /// proposed parameters (DM, FRMR, or nothing for half of the retries) is asked without any.
    ///
    /// # Errors
    /// [`LinkErrorKind::NotConnected`] in a server, which cannot begin; [`LinkErrorKind::AllStations`].
    pub fn connect(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        if self.machine.role == Role::Server {
            return Err(LinkErrorKind::NotConnected.into());
        }
        self.machine.check_named()?;
        self.deframer.clear();
        self.machine.reset();
        self.machine.plain = false;
        self.machine.state = State::Connecting;
        self.machine.put_snrm(out);
        Ok(())
    }

    /// Client: takes the link down; [`Event::Disconnected`] follows. A server may not speak unasked: it forgets the link
    /// and answers DM from now on.
    pub fn disconnect(&mut self, out: &mut Vec<u8>) {
        let machine = &mut self.machine;
        let active = matches!(machine.state, State::Connecting | State::Connected);
        machine.reset();
        machine.state = State::Disconnected;
        if active && machine.role == Role::Client {
            machine.state = State::Disconnecting;
            machine.put(FrameKind::Disc, true, &[], out);
        }
    }

    /// Opens a message: append the APDU to the buffer. What stands in it already (the LLC octets, messages that wait)
    /// must stay, so the APDU begins at the length found here. A message that was opened and not finished is gone.
    ///
    /// # Errors
    /// [`LinkErrorKind::NotConnected`]; [`LinkErrorKind::Busy`] where messages of [`Config::max_apdu`] octets wait already.
    pub fn begin_message(&mut self) -> Result<&mut Vec<u8>, LinkError> {
        let machine = &mut self.machine;
        if machine.state != State::Connected {
            return Err(LinkErrorKind::NotConnected.into());
        }
        if machine.segmenter.pending() > machine.config.max_apdu {
            return Err(LinkErrorKind::Busy.into());
        }
        Ok(machine.segmenter.begin(machine.llc_sent()))
    }

    /// Closes the message and sends as much of it as turn and window allow; the rest follows from [`Link::poll`].
    ///
    /// # Errors
    /// [`LinkErrorKind::NotConnected`].
    pub fn finish_message(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        if self.machine.state != State::Connected {
            return Err(LinkErrorKind::NotConnected.into());
        }
        self.machine.segmenter.finish();
        if self.machine.turn {
            self.machine.transmit(out);
        }
        Ok(())
    }

    /// Sends an APDU of `apdu_length` octets, which `fill` writes at its place, to the peer in one UI frame, connected or
    /// not; the peer may be a group. Nobody acknowledges it. While the other side of a link may speak, it waits.
    ///
    /// # Errors
    /// [`LinkErrorKind::ApduTooLong`] beyond [`Link::unconfirmed_room`]; [`LinkErrorKind::AllStations`] in a client;
    /// [`LinkErrorKind::Busy`] where UI frames of [`Config::max_apdu`] octets wait already; or the error of `fill`.
    /// Nothing has been sent then.
    pub fn send_unconfirmed<E: From<LinkError>>(
        &mut self,
        apdu_length: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let machine = &mut self.machine;
        machine.check_named()?;
        if apdu_length > machine.unconfirmed_room() {
            return Err(LinkError::from(LinkErrorKind::ApduTooLong).into());
        }
        if machine.unconfirmed_waiting.len() > machine.config.max_apdu {
            return Err(LinkError::from(LinkErrorKind::Busy).into());
        }
        let mut information = core::mem::take(&mut machine.unconfirmed_sent);
        information.clear();
        information.extend_from_slice(&machine.llc_sent());
        let start = information.len();
        information.resize(start + apdu_length, 0);
        let filled = fill(&mut information[start..]);
        if filled.is_ok() {
            machine.put_unconfirmed(&information, out);
        }
        machine.unconfirmed_sent = information;
        filled
    }

    /// The octets of the longest APDU that one UI frame carries now.
    #[must_use]
    pub fn unconfirmed_room(&self) -> usize {
        self.machine.unconfirmed_room()
    }

    /// Server: acknowledges an APDU to which no answer will be given now. A poll waits for the answer otherwise, and the
    /// client with it.
    pub fn acknowledge(&mut self, out: &mut Vec<u8>) {
        let machine = &mut self.machine;
        if machine.role == Role::Server && machine.state == State::Connected && machine.turn {
            machine.transmit(out);
        }
    }

    /// Whether this side takes no I frames for now. While it does not, it says RNR instead of RR and drops what comes; a
    /// server says so when it is polled, a client when it asks.
    pub const fn set_busy(&mut self, busy: bool) {
        self.machine.busy = busy;
    }

    /// Whether the other side takes no I frames for now; a client asks again with [`Link::handle_timeout`], which it may
    /// call sooner than for a loss.
    #[must_use]
    pub const fn is_peer_busy(&self) -> bool {
        self.machine.peer_busy
    }

    /// Whether this side may speak and everything it has said has arrived.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let machine = &self.machine;
        machine.state == State::Connected && machine.turn && machine.segmenter.pending() == 0
    }

    /// Client: asks the server for a sign of life, so that its inactivity timeout does not strike during a long pause.
    /// Returns whether there was anything to ask: not while an answer is awaited anyway.
    pub fn keep_alive(&mut self, out: &mut Vec<u8>) -> bool {
        let machine = &mut self.machine;
        let idle =
            machine.role == Role::Client && machine.state == State::Connected && machine.turn;
        if idle {
            machine.ask(out);
        }
        idle
    }

    // --- What comes in ---

    /// Takes in octets from the medium.
    pub fn push(&mut self, octets: &[u8]) {
        self.deframer.push(octets);
    }

    /// Deals with what came in, up to the next event; answers are appended to `out`. Call it until there is no event.
    ///
    /// # Errors
    /// [`LinkError`]: the link is down now.
    pub fn poll(&mut self, out: &mut Vec<u8>) -> Result<Option<Event>, LinkError> {
        while let Some(frame) = self.deframer.next_frame() {
            if let Some(event) = self.machine.handle(&frame, out)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Whether the beginning of a frame has come and not its end.
    #[must_use]
    pub const fn has_unfinished(&self) -> bool {
        self.deframer.has_unfinished()
    }

    /// No octet came for the inter-octet timeout: an unfinished frame is given up, so call [`Link::poll`] afterwards.
    pub fn handle_inter_octet_timeout(&mut self) {
        self.deframer.abandon_unfinished();
    }

    /// Server: no frame came for the inactivity timeout. The link is gone, without a word; what comes now is answered by
    /// DM. Returns whether there was a link.
    pub fn handle_inactivity_timeout(&mut self) -> bool {
        let machine = &mut self.machine;
        let linked = machine.role == Role::Server && machine.state != State::Disconnected;
        if linked {
            self.deframer.clear();
            machine.reset();
            machine.state = State::Disconnected;
        }
        linked
    }

    /// Nothing came for the response timeout: a client repeats or polls, and says so with `true`. An unfinished frame is
    /// given up, so call [`Link::poll`] afterwards.
    ///
    /// # Errors
    /// [`LinkErrorKind::RetriesExhausted`]: the link is down now.
    pub fn handle_timeout(&mut self, out: &mut Vec<u8>) -> Result<bool, LinkError> {
        self.deframer.abandon_unfinished();
        self.machine.handle_timeout(out)
    }

    // --- Getters ---

    /// The APDU of the last event, without its LLC octets, for opening in place. Valid until the next [`Link::poll`].
    pub const fn message(&mut self) -> &mut Vec<u8> {
        if self.machine.unconfirmed_delivered {
            self.machine.unconfirmed.octets()
        } else {
            self.machine.reassembly.octets()
        }
    }

    /// Who sent that APDU.
    #[must_use]
    pub const fn message_source(&self) -> Address {
        self.machine.message_source
    }

    /// The other end of the link; a server knows it from the last SNRM.
    #[must_use]
    pub const fn peer(&self) -> Address {
        self.machine.peer
    }

    /// How far the set-up is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.machine.state
    }

    /// The parameters in force, as seen from this side.
    #[must_use]
    pub const fn parameters(&self) -> Parameters {
        self.machine.parameters
    }

    /// The information field of the FRMR after [`DisconnectReason::Frmr`], said or heard: the control field that was
    /// rejected, the sequence numbers, the reasons. None where it was not three octets.
    #[must_use]
    pub const fn rejection(&self) -> Option<[u8; 3]> {
        self.machine.rejection
    }

    /// What has been dropped and repeated so far.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        Statistics {
            damaged: *self.deframer.counters(),
            ..self.machine.statistics
        }
    }
}
