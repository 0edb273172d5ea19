//! The channel: APDUs in, octets out; octets in, events out. Framing, ciphering, block transfer and invoke ids of one association.
//!
//! It plans the length of everything, lets the APDU write itself at its final place, seals it there and frames it, so one image
//! block costs one pass. It knows no socket and no clock: a timeout is a call. The security context is lent for each call, because
//! the association above it owns it.

mod access;
#[cfg(test)]
mod access_tests;
mod block_run;
mod block_sink;
mod datagrams;
mod framing;
mod general_block;
mod outstanding;
mod receive;
mod receiver;
mod requests;
mod responses;
mod send;
mod short_name;
#[cfg(test)]
mod tests;

use core::fmt;

pub use block_run::{BlockRun, ImageOctets, RunCounters, RunImage, RunLimits};
pub use block_sink::{BlockLimits, BlockMemory, BlockReception, BlockSink};
pub use framing::{Destination, Framing, LinkState};
pub use general_block::GeneralBlockUse;
pub use receiver::{Medium, Received, Receiver, Station};
pub use send::Plan;

use crate::apdu::{Apdu, Role};
use crate::codec::Limits;
use crate::error::{DecodeError, LinkError, SecurityError};
use crate::security::SecurityContext;
use crate::xdlms::block_transfer::{Assembler, BlockService, Splitter};
use access::LongOutstanding;
use datagrams::Datagrams;
use general_block::GeneralBlocks;
use outstanding::Outstanding;
use short_name::ShortNameTransfers;

/// The outcome of the initiate exchange, as far as sending is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiation {
    /// The conformance both sides have, bit 0 of the standard as `0x80_0000`.
    pub conformance: u32,
    /// The largest APDU the peer takes, in octets; 0 is no limit.
    pub peer_max_receive_pdu_size: u16,
}

impl Negotiation {
    const fn permits(&self, service: BlockService) -> bool {
        let bit = match service {
            BlockService::Get => 0x00_1000,
            BlockService::Set => 0x00_0800,
            BlockService::Action => 0x00_0400,
        };
        self.conformance & bit != 0
    }
}

/// What an octet stream meant.
#[derive(Debug)]
pub enum Event<'a> {
    /// The link is up, with these parameters; an association that existed is gone.
    LinkConnected(LinkState),
    /// The link is down.
    LinkDisconnected(DisconnectReason),
    /// Server: a message of another client waits until its security context has been set.
    PeerChanged {
        /// The service access point of that client.
        client_sap: u16,
    },
    /// Server: the next event is about an APDU that came in a UI frame. Nothing may be answered to it.
    UnconfirmedFrame {
        /// Whom the frame was sent to.
        destination: Destination,
    },
    /// An APDU was dropped without harm.
    Discarded {
        /// Why, as a stable code.
        reason: &'static str,
        /// The smallest counter that would have been accepted, where that is the reason.
        expected_counter: Option<u32>,
    },
    /// A complete plain APDU, never one of the block forms.
    Apdu(Apdu<'a>),
}

/// Why a link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// DISC, asked for by either side.
    Disc,
    /// The peer is in disconnected mode.
    Dm,
    /// A frame was rejected, by the peer or, in a server, by us.
    Frmr {
        /// What the FRMR says: the control field that was rejected, the sequence numbers, the reasons.
        rejection: Option<[u8; 3]>,
    },
}

/// Why a channel could not do what it was asked, or cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// Bytes of the peer that could not be decoded.
    Decode(DecodeError),
    /// The link cannot go on.
    Link(LinkError),
    /// Protection is missing or could not be made; the association must end.
    Security(SecurityError),
    /// The request does not fit the peer's PDU size and no block transfer was negotiated; nothing was sent.
    DoesNotFit {
        /// The length of the APDU as it would be sent.
        length: usize,
        /// The peer's limit.
        limit: usize,
    },
    /// An APDU that asks for no answer does not fit into one UI frame; nothing was sent.
    DoesNotFitUi {
        /// The length of the APDU as it would be sent.
        length: usize,
        /// The longest that one UI frame carries now.
        limit: usize,
    },
    /// All sixteen invoke ids are outstanding, or the one asked for is.
    InvokeIdInUse,
    /// A request without an invoke id waits for its answer, and a second one could not be told apart.
    RequestOutstanding,
    /// A block transfer in this direction has not been finished.
    BlockTransferInProgress,
}

impl From<DecodeError> for ChannelError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<LinkError> for ChannelError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<SecurityError> for ChannelError {
    fn from(error: SecurityError) -> Self {
        Self::Security(error)
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Security(error) => error.fmt(f),
            Self::DoesNotFit { length, limit } => write!(
                f,
                "the APDU of {length} octets does not fit the peer's limit of {limit}, and no block transfer was negotiated"
            ),
            Self::DoesNotFitUi { length, limit } => write!(
                f,
                "the APDU of {length} octets does not fit into one UI frame, which carries {limit}"
            ),
            Self::InvokeIdInUse => f.write_str("the invoke id is still outstanding"),
            Self::RequestOutstanding => {
                f.write_str("a request with short names is still outstanding")
            }
            Self::BlockTransferInProgress => {
                f.write_str("another block transfer has not been finished")
            }
        }
    }
}

impl core::error::Error for ChannelError {}

/// Counters of what was dropped, repeated and carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Octets handed out to be sent.
    pub octets_sent: u64,
    /// Octets received.
    pub octets_received: u64,
    /// APDUs refused and dropped.
    pub apdus_discarded: u64,
    /// Frames dropped: bad check sequences, other addresses, out of sequence.
    pub frames_dropped: u64,
    /// Frames sent again.
    pub frames_repeated: u64,
    /// APDUs received in UI frames.
    pub unconfirmed_received: u64,
}

/// One association's way to the wire and back.
pub struct Channel {
    role: Role,
    framing: Framing,
    negotiation: Option<Negotiation>,
    max_receive_apdu_size: usize,
    limits: Limits,
    outstanding: Outstanding,
    long_outstanding: LongOutstanding,
    /// A long APDU of ours that the peer is taking block by block.
    splitter: Option<Box<Splitter>>,
    /// A long APDU of the peer that we are collecting.
    assembler: Option<Box<Assembler>>,
    /// The same where variables have short names.
    short_names: ShortNameTransfers,
    /// A long APDU of either side in blocks that are of no service.
    general_blocks: GeneralBlocks,
    /// Where messages may be lost: what is repeated.
    datagrams: Option<Datagrams>,
    /// Server: the number of the last datablock of the SET that is being answered.
    last_set_block: Option<u32>,
    /// The message being looked at; kept for its capacity, and over a change of the peer.
    message: Vec<u8>,
    message_waits: bool,
    /// Whom the UI frame was sent to that the waiting message came in.
    message_unconfirmed: Option<Destination>,
    octets_sent: u64,
    octets_received: u64,
    apdus_discarded: u64,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Channel {
    /// A channel over `framing` that reassembles APDUs of at most `max_receive_apdu_size` octets.
    #[must_use]
    pub fn new(role: Role, framing: Framing, max_receive_apdu_size: usize) -> Self {
        Self {
            role,
            framing,
            negotiation: None,
            max_receive_apdu_size,
            limits: Limits::DEFAULT,
            outstanding: Outstanding::default(),
            long_outstanding: LongOutstanding::default(),
            splitter: None,
            assembler: None,
            short_names: ShortNameTransfers::default(),
            general_blocks: GeneralBlocks::new(role, max_receive_apdu_size),
            datagrams: None,
            last_set_block: None,
            message: Vec::new(),
            message_waits: false,
            message_unconfirmed: None,
            octets_sent: 0,
            octets_received: 0,
            apdus_discarded: 0,
        }
    }

    /// How much of the data in what comes from now on is believed.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether APDUs can be sent.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.framing.is_connected()
    }

    /// Whether the link has nothing on its way: over HDLC every frame was acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.framing.is_idle()
    }

    /// The service access point of the client; in a server, of the one that spoke last.
    #[must_use]
    pub fn client_sap(&self) -> u16 {
        self.framing.client_sap()
    }

    /// The service access point of the server.
    #[must_use]
    pub fn server_sap(&self) -> u16 {
        self.framing.server_sap()
    }

    /// Notes the outcome of the initiate exchange.
    pub const fn negotiate(&mut self, negotiation: Negotiation) {
        self.negotiation = Some(negotiation);
    }

    /// Forgets outstanding requests, block transfers and the negotiation; the link stays.
    pub fn reset_association(&mut self) {
        self.negotiation = None;
        self.outstanding = Outstanding::default();
        self.long_outstanding = LongOutstanding::default();
        self.end_everything();
        self.general_blocks.reset();
        self.last_set_block = None;
    }

    /// Nothing is waited for any more, and nothing goes on in blocks.
    fn end_everything(&mut self) {
        self.outstanding.clear();
        self.long_outstanding.clear();
        self.splitter = None;
        self.assembler = None;
        self.short_names.clear();
    }

    /// Begins to set up the link: the octets to send are appended to `out`.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn connect(&mut self, out: &mut Vec<u8>) -> Result<(), ChannelError> {
        self.counting(out, |channel, out| Ok(channel.framing.connect(out)?))
    }

    /// Begins to take down the link.
    pub fn disconnect(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.framing.disconnect(out);
        self.count_sent(out.len() - start);
    }

    /// Server: what came last gets no answer; appends what blocks and link owe for it all the same.
    ///
    /// # Errors
    /// [`ChannelError`] where a block cannot be sent.
    pub fn acknowledge(&mut self, out: &mut Vec<u8>) -> Result<(), ChannelError> {
        self.acknowledge_unanswered(out)
    }

    /// No octet came for the response timeout: appends what is to be repeated.
    ///
    /// # Errors
    /// `RetriesExhausted` when nothing is left to try; over the wrapper at once, unless general blocks are under way, or datagrams
    /// are used and the request may be repeated. Those of sealing a request anew.
    pub fn handle_timeout(
        &mut self,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        if self.framing.is_idle() && self.general_blocks.handle_timeout() {
            return self.put_general_blocks(out);
        }
        if self.repeat_requests(security, out)? {
            return Ok(());
        }
        self.counting(out, |channel, out| {
            Ok(channel.framing.handle_timeout(out)?)
        })
    }

    /// Over HDLC, no octet came for the inter-octet timeout: gives up an unfinished frame. Call [`Channel::receive`] with no
    /// octets afterwards, for what stood behind its beginning.
    pub fn handle_inter_octet_timeout(&mut self) {
        self.framing.handle_inter_octet_timeout();
    }

    /// Whether a frame has begun and not ended, so that the inter-octet timeout runs.
    #[must_use]
    pub fn has_unfinished(&self) -> bool {
        self.framing.has_unfinished()
    }

    /// Server, over HDLC: no frame came for the inactivity timeout. Gives up the link without a word, and says whether there
    /// was one; the association is gone with it.
    pub fn handle_inactivity_timeout(&mut self) -> bool {
        let linked = self.framing.handle_inactivity_timeout();
        if linked {
            self.reset_association();
        }
        linked
    }

    /// Client, over HDLC: asks for a sign of life, unless an answer is awaited anyway.
    pub fn keep_alive(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.framing.keep_alive(out);
        self.count_sent(out.len() - start);
    }

    /// Over HDLC: whether we say RNR and take no requests or answers for now.
    pub fn set_busy(&mut self, busy: bool) {
        self.framing.set_busy(busy);
    }

    /// Over HDLC: whether the other side has said RNR.
    #[must_use]
    pub fn is_peer_busy(&self) -> bool {
        self.framing.is_peer_busy()
    }

    /// What has been carried and dropped so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let (frames_dropped, frames_repeated, unconfirmed_received) = self.framing.frame_counters();
        Statistics {
            octets_sent: self.octets_sent,
            octets_received: self.octets_received,
            apdus_discarded: self.apdus_discarded,
            frames_dropped,
            frames_repeated,
            unconfirmed_received,
        }
    }

    fn counting(
        &mut self,
        out: &mut Vec<u8>,
        act: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), ChannelError>,
    ) -> Result<(), ChannelError> {
        let start = out.len();
        let result = act(self, out);
        self.count_sent(out.len() - start);
        result
    }

    const fn count_sent(&mut self, octets: usize) {
        self.octets_sent += octets as u64;
    }
}
