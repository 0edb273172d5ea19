//! The link without its stream: undamaged frames in, octets and events out; here, whom it listens to and how it is set
//! up and taken down.
//!
//! The rules stand at the top of `mod.rs`.

use super::echo::Echo;
use super::exchange::Violation;
use super::reassembly::{Progress, Reassembly};
use super::segmenter::Segmenter;
use super::statistics::{Statistics, count};
use super::{Config, Destination, DisconnectReason, Event, Role, State};
use crate::codec::{Emit, Writer};
use crate::error::{LinkError, LinkErrorKind};
use crate::hdlc::address::{Address, AddressSize};
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::frame::Frame;
use crate::hdlc::parameters::Parameters;

/// LLC octets before an APDU of a client and of a server.
const LLC_COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];
const LLC_RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];

/// One end of the link, fed with frames.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) role: Role,
    pub(super) config: Config,
    pub(super) state: State,
    pub(super) own: Address,
    pub(super) peer: Address,
    pub(super) parameters: Parameters,
    pub(super) segmenter: Segmenter,
    pub(super) reassembly: Reassembly,
    pub(super) unconfirmed: Reassembly,
    pub(super) unconfirmed_delivered: bool,
    /// UI frames that may be sent when it is our turn.
    pub(super) unconfirmed_waiting: Vec<u8>,
    /// The information field of the last UI frame; kept for its capacity.
    pub(super) unconfirmed_sent: Vec<u8>,
    pub(super) message_source: Address,
    /// V(R), the number of the I frame expected next.
    pub(super) receive_sequence: u8,
    /// I frames accepted since we last acknowledged any.
    pub(super) unacknowledged: u8,
    /// Whether this side may speak.
    pub(super) turn: bool,
    /// An I frame was missing since we last spoke.
    pub(super) gap: bool,
    /// We take no I frames for now.
    pub(super) busy: bool,
    /// The peer said RNR.
    pub(super) peer_busy: bool,
    /// RNR in a row.
    pub(super) busy_polls: u16,
    /// Client: the SNRM goes without parameters, because the server does not take ours.
    pub(super) plain: bool,
    pub(super) echo: Echo,
    /// Something new was acknowledged or accepted since the last final bit.
    pub(super) progress: bool,
    /// Repetitions and polls in a row without progress.
    pub(super) retries: u8,
    /// Repetitions since the last answer.
    pub(super) repeats_unanswered: u8,
    /// Final bits that may still arrive because of repetitions that were not needed.
    pub(super) stale_finals: u8,
    /// The information field of the last FRMR, said or heard.
    pub(super) rejection: Option<[u8; 3]>,
    pub(super) statistics: Statistics,
}

/// What the set-up does besides changing its state.
enum Action {
    /// Client: the parameters of the UA hold.
    TakeAnswer,
    /// Server: grant what the SNRM proposes, answer UA.
    Grant,
    AnswerUa,
    AnswerDm,
    Report(DisconnectReason),
    Fail(LinkErrorKind),
    /// Client: ask again without parameters.
    AskPlainly,
    /// Server: the frame breaks a rule.
    Reject(Violation),
    Drop,
}

impl Machine {
    pub(super) fn new(role: Role, config: Config) -> Self {
        let (own, peer, llc) = match role {
            Role::Client => (config.client_address, config.server_address, LLC_RESPONSE),
            Role::Server => (config.server_address, config.client_address, LLC_COMMAND),
        };
        let max_apdu = config.max_apdu;
        Self {
            role,
            config,
            state: State::Disconnected,
            own,
            peer,
            parameters: Parameters::default(),
            segmenter: Segmenter::default(),
            reassembly: Reassembly::new(llc, max_apdu),
            unconfirmed: Reassembly::new(llc, max_apdu),
            unconfirmed_delivered: false,
            unconfirmed_waiting: Vec::new(),
            unconfirmed_sent: Vec::new(),
            message_source: peer,
            receive_sequence: 0,
            unacknowledged: 0,
            turn: false,
            gap: false,
            busy: false,
            peer_busy: false,
            busy_polls: 0,
            plain: false,
            echo: Echo::default(),
            progress: false,
            retries: 0,
            repeats_unanswered: 0,
            stale_finals: 0,
            rejection: None,
            statistics: Statistics::default(),
        }
    }

    pub(super) const fn llc_sent(&self) -> [u8; 3] {
        match self.role {
            Role::Client => LLC_COMMAND,
            Role::Server => LLC_RESPONSE,
        }
    }

    /// Sequence numbers, buffers and counters of repetitions as at the beginning of a link.
    pub(super) fn reset(&mut self) {
        self.parameters = Parameters::default();
        self.segmenter.clear();
        self.reassembly.clear();
        self.unconfirmed_waiting.clear();
        self.receive_sequence = 0;
        self.unacknowledged = 0;
        self.turn = self.role == Role::Client;
        self.gap = false;
        self.peer_busy = false;
        self.busy_polls = 0;
        self.progress = false;
        self.retries = 0;
        self.repeats_unanswered = 0;
        self.stale_finals = 0;
    }

    pub(super) fn handle(
        &mut self,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        let Some(destination) = self.concerns(frame) else {
            return Ok(None);
        };
        if frame.source == self.own && self.echo.takes(frame) {
            count(&mut self.statistics.echoes);
            return Ok(None);
        }
        match frame.control.kind {
            FrameKind::I {
                send_sequence,
                receive_sequence,
            } => self.handle_information(frame, send_sequence, receive_sequence, out),
            FrameKind::Rr { receive_sequence } => {
                self.handle_supervisory(frame, receive_sequence, false, out)
            }
            FrameKind::Rnr { receive_sequence } => {
                self.handle_supervisory(frame, receive_sequence, true, out)
            }
            FrameKind::Ui => Ok(self.handle_unconfirmed(frame, destination)),
            _ => self.handle_unnumbered(frame, out),
        }
    }

    /// As whom a frame concerns us, being from somebody we talk to; counts it otherwise.
    fn concerns(&mut self, frame: &Frame<'_>) -> Option<Destination> {
        let from_somebody = match self.role {
            Role::Client => frame.source == self.peer,
            Role::Server => frame.source.size() == AddressSize::One,
        };
        // Of a frame to several stations none may answer, so it can only be one that asks for nothing.
        let unanswered = frame.control
            == Control {
                kind: FrameKind::Ui,
                poll_final: false,
            };
        let destination = self.destination(&frame.destination).filter(|destination| {
            from_somebody && (*destination == Destination::Individual || unanswered)
        });
        if destination.is_none() {
            let own = frame.source == self.own;
            count(if own {
                &mut self.statistics.echoes
            } else {
                &mut self.statistics.other_address
            });
        }
        destination
    }

    /// As whom we are meant by an address, if at all.
    fn destination(&self, address: &Address) -> Option<Destination> {
        if *address == self.own {
            Some(Destination::Individual)
        } else if self.role == Role::Client {
            None
        } else if self.config.group_addresses.contains(address) {
            Some(Destination::Group)
        } else {
            address
                .includes(&self.own)
                .then_some(Destination::AllStations)
        }
    }

    /// The set-up of the link, as one table.
    fn handle_unnumbered(
        &mut self,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        use FrameKind::{Disc, Dm, Frmr, Snrm, Ua, Unknown};
        use State::{Connected, Connecting, Disconnected, Disconnecting, Rejecting};

        let peer = self.role == Role::Client || frame.source == self.peer;
        let (action, next) = match (self.role, self.state, frame.control.kind, peer) {
            (Role::Client, Connecting, Ua, _) => (Action::TakeAnswer, Connected),
            (Role::Client, Connecting, Dm | Frmr, _) if self.proposal().is_some() => {
                (Action::AskPlainly, Connecting)
            }
            (Role::Client, Connecting, Dm, _) => {
                (Action::Fail(LinkErrorKind::Refused), Disconnected)
            }
            (Role::Client, Connecting, Frmr, _) => {
                (Action::Fail(LinkErrorKind::FrameRejected), Disconnected)
            }
            (Role::Client, Connected, Dm, _) => {
                (Action::Report(DisconnectReason::Dm), Disconnected)
            }
            (Role::Client, Connected, Frmr, _) => {
                (Action::Report(DisconnectReason::Frmr), Disconnected)
            }
            (Role::Client, Disconnecting, Ua | Dm, _) => {
                (Action::Report(DisconnectReason::Disc), Disconnected)
            }
            // A second client is refused; the first does not notice.
            (Role::Server, state @ (Connected | Rejecting), Snrm | Disc, false) => {
                (Action::AnswerDm, state)
            }
            (Role::Server, _, Snrm, _) => (Action::Grant, Connected),
            (Role::Server, Disconnected, Disc, _) => (Action::AnswerDm, Disconnected),
            (Role::Server, _, Disc, _) => (Action::AnswerUa, Disconnected),
            (Role::Server, Connected, Unknown(_), true) => {
                (Action::Reject(Violation::Control), Rejecting)
            }
            (_, state, _, _) => (Action::Drop, state),
        };
        // A secondary station speaks when it is polled: commands that do not poll mean nothing to it.
        let unpolled = self.role == Role::Server && !frame.control.poll_final;
        let action = if unpolled { Action::Drop } else { action };
        match action {
            Action::Drop => count(&mut self.statistics.unexpected),
            Action::TakeAnswer | Action::Grant => return Ok(self.establish(frame, next, out)),
            Action::Reject(violation) => return self.reject(frame, violation, out),
            Action::AskPlainly => {
                self.plain = true;
                self.put_snrm(out);
            }
            Action::AnswerDm => self.put_to(frame.source, Dm, true, &[], out),
            Action::AnswerUa => {
                self.reset();
                self.state = next;
                self.put(Ua, true, &[], out);
                return Ok(Some(Event::Disconnected(DisconnectReason::Disc)));
            }
            Action::Report(reason) => {
                self.rejection = frame.information.first_chunk().copied();
                self.reset();
                self.state = next;
                return Ok(Some(Event::Disconnected(reason)));
            }
            Action::Fail(kind) => {
                self.reset();
                self.state = next;
                return Err(kind.into());
            }
        }
        Ok(None)
    }

    /// The link is up, unless the parameters of the SNRM or UA cannot be read.
    fn establish(&mut self, frame: &Frame<'_>, next: State, out: &mut Vec<u8>) -> Option<Event> {
        let Ok(said) = Parameters::parse_information(frame.information) else {
            count(&mut self.statistics.malformed);
            return None;
        };
        self.reset();
        self.state = next;
        self.parameters = if self.plain {
            Parameters::default().negotiate(&said)
        } else {
            self.config.parameters.negotiate(&said)
        };
        if self.role == Role::Server {
            self.peer = frame.source;
            self.put(FrameKind::Ua, true, &self.parameters.to_vec(), out);
        }
        Some(Event::Connected(self.parameters))
    }

    fn handle_unconfirmed(&mut self, frame: &Frame<'_>, destination: Destination) -> Option<Event> {
        let whole = !frame.segmentation
            && self.unconfirmed.accept(frame.information, false) == Progress::Complete;
        if !whole {
            count(&mut self.statistics.malformed);
            return None;
        }
        self.unconfirmed_delivered = true;
        count(&mut self.statistics.unconfirmed);
        self.message_source = frame.source;
        Some(Event::UnconfirmedApdu { destination })
    }

    /// Sends a UI frame, at once unless a link gives the turn to the other side.
    pub(super) fn put_unconfirmed(&mut self, information: &[u8], out: &mut Vec<u8>) {
        if self.state != State::Connected || self.turn {
            self.put(FrameKind::Ui, false, information, out);
            return;
        }
        let mut waiting = core::mem::take(&mut self.unconfirmed_waiting);
        self.put(FrameKind::Ui, false, information, &mut waiting);
        self.unconfirmed_waiting = waiting;
    }

    /// The octets of the longest APDU that one UI frame carries now.
    pub(super) fn unconfirmed_room(&self) -> usize {
        let information = self
            .config
            .max_info_field_length_unconfirmed
            .unwrap_or_else(|| self.parameters.max_info_field_length_transmit());
        usize::from(information).saturating_sub(self.llc_sent().len())
    }

    /// A client speaks to stations that were named, never to all of them.
    pub(super) fn check_named(&self) -> Result<(), LinkError> {
        if self.role == Role::Client && self.peer.has_all_station_half() {
            return Err(LinkErrorKind::AllStations.into());
        }
        Ok(())
    }

    /// What the SNRM proposes; nothing where it goes without saying, or where the server does not take it.
    fn proposal(&self) -> Option<Parameters> {
        let proposal = self.config.parameters;
        (!self.plain && proposal != Parameters::default()).then_some(proposal)
    }

    /// SNRM with our proposal.
    pub(super) fn put_snrm(&mut self, out: &mut Vec<u8>) {
        let information = self
            .proposal()
            .map_or_else(Vec::new, |proposal| proposal.to_vec());
        self.put(FrameKind::Snrm, true, &information, out);
    }

    pub(super) fn put(
        &mut self,
        kind: FrameKind,
        poll_final: bool,
        information: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.put_to(self.peer, kind, poll_final, information, out);
    }

    pub(super) fn put_to(
        &mut self,
        to: Address,
        kind: FrameKind,
        poll_final: bool,
        information: &[u8],
        out: &mut Vec<u8>,
    ) {
        let control = Control { kind, poll_final };
        let frame = Frame {
            destination: to,
            source: self.own,
            control,
            segmentation: false,
            information,
        };
        self.echo.note(&frame);
        put_frame(&frame, out);
    }
}

/// Appends the wire form of `frame`.
pub(super) fn put_frame(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + frame.emitted_len(), 0);
    let mut into = Writer::new(&mut out[start..]);
    frame.emit(&mut into);
    into.finish();
}
