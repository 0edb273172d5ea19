//! What carries APDUs: an HDLC link or the wrapper. Takes a whole APDU, gives whole APDUs back, and says when the link comes and goes.

mod upkeep;

use core::ops::Range;

use crate::apdu::Role;
use crate::codec::{Emit, Writer};
use crate::error::{LinkError, LinkErrorKind};
use crate::gateway::Prefix;
pub use crate::hdlc::link::Destination;
use crate::hdlc::link::{DisconnectReason as HdlcReason, Event, Link, State};
use crate::wrapper::{self, Deframer, Header};

use super::{ChannelError, DisconnectReason};

/// What a link agreed on, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The longest information field we may send, in octets.
    pub max_info_field_length_transmit: u16,
    /// The longest information field we may get, in octets.
    pub max_info_field_length_receive: u16,
    /// How many frames we may send before an acknowledgement.
    pub window_size_transmit: u8,
    /// How many frames the peer may send before an acknowledgement.
    pub window_size_receive: u8,
}

/// What came out of the framing.
#[derive(Clone, Copy)]
pub(super) enum Input {
    /// The link is up.
    Connected(LinkState),
    /// The link is down.
    Disconnected(DisconnectReason),
    /// A whole APDU has been put into the buffer.
    Message {
        /// In a server the client, where that is not the one of the message before.
        new_client_sap: Option<u16>,
        /// Whom the UI frame was sent to that it came in.
        unconfirmed: Option<Destination>,
    },
}

/// The lower layer of one channel.
pub struct Framing {
    role: Role,
    /// In a server, the client that spoke last; `None` before the first message of a connection.
    client_sap: Option<u16>,
    /// The client of a message that waits, where that is another one; the one before may still be answered.
    next_client_sap: Option<u16>,
    server_sap: u16,
    carrier: Carrier,
    gateway: Gateway,
}

/// Who the meter is to the gateway in front of it; nothing where there is none.
#[derive(Default)]
struct Gateway {
    /// In front of what we send.
    ours: Vec<u8>,
    /// In front of what comes.
    theirs: Vec<u8>,
    /// Messages for, or from, another meter.
    dropped: u64,
}

/// An exception-response: the one thing that a gateway says for itself.
const EXCEPTION_RESPONSE: u8 = 0xD8;

impl Gateway {
    /// Takes the prefix off a message; false where the message is not ours.
    fn admits(&mut self, message: &mut Vec<u8>) -> bool {
        if self.theirs.is_empty() || message.first() == Some(&EXCEPTION_RESPONSE) {
            return true;
        }
        if message.starts_with(&self.theirs) && message.len() > self.theirs.len() {
            message.drain(..self.theirs.len());
            return true;
        }
        self.dropped += 1;
        false
    }
}

enum Carrier {
    Wrapper {
        deframer: Deframer,
        dropped: u64,
    },
    Hdlc {
        link: Box<Link>,
        /// What asks for no answer goes in UI frames.
        unconfirmed_as_ui: bool,
    },
}

impl Framing {
    /// The wrapper between two service access points; a server takes any client.
    #[must_use]
    pub fn wrapper(role: Role, client_sap: u16, server_sap: u16, max_apdu: usize) -> Self {
        let carrier = Carrier::Wrapper {
            deframer: Deframer::new(max_apdu),
            dropped: 0,
        };
        Self {
            role,
            client_sap: (role == Role::Client).then_some(client_sap),
            next_client_sap: None,
            server_sap,
            carrier,
            gateway: Gateway::default(),
        }
    }

    /// An HDLC link; its addresses carry the service access points. With `unconfirmed_as_ui` an APDU that asks for no
    /// answer is sent in a UI frame, connected or not, and otherwise in I frames.
    #[must_use]
    pub fn hdlc(
        role: Role,
        client_sap: u16,
        server_sap: u16,
        link: Link,
        unconfirmed_as_ui: bool,
    ) -> Self {
        let client_sap = (role == Role::Client).then_some(client_sap);
        Self {
            role,
            client_sap,
            next_client_sap: None,
            server_sap,
            carrier: Carrier::Hdlc {
                link: Box::new(link),
                unconfirmed_as_ui,
            },
            gateway: Gateway::default(),
        }
    }

    /// The same to a meter behind a gateway, or in a server for a meter that is behind one.
    #[must_use]
    pub fn behind_gateway(mut self, network_id: u8, physical_device_address: &[u8]) -> Self {
        let prefix = |is_request| {
            Prefix {
                is_request,
                network_id,
                physical_device_address,
            }
            .to_vec()
        };
        self.gateway = Gateway {
            ours: prefix(self.role == Role::Client),
            theirs: prefix(self.role == Role::Server),
            dropped: 0,
        };
        self
    }

    pub(super) fn client_sap(&self) -> u16 {
        self.client_sap.unwrap_or(0)
    }

    pub(super) const fn server_sap(&self) -> u16 {
        self.server_sap
    }

    pub(super) fn is_connected(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper { .. } => true,
            Carrier::Hdlc { link, .. } => link.state() == State::Connected,
        }
    }

    pub(super) fn connect(&mut self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        match &mut self.carrier {
            Carrier::Wrapper { .. } => Ok(()),
            Carrier::Hdlc { link, .. } => link.connect(out),
        }
    }

    pub(super) fn disconnect(&mut self, out: &mut Vec<u8>) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            link.disconnect(out);
        }
    }

    /// Whether nothing is under way below that would be repeated by itself.
    pub(super) fn is_idle(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper { .. } => true,
            Carrier::Hdlc { link, .. } => link.is_idle(),
        }
    }

    /// The octets of an APDU together with its header, where that is simply a header and the APDU.
    pub(super) const fn direct_len(&self, apdu_length: usize) -> Option<usize> {
        let length = self.gateway.ours.len() + apdu_length;
        match &self.carrier {
            Carrier::Wrapper { .. } if length <= u16::MAX as usize => {
                Some(wrapper::HEADER_LENGTH + length)
            }
            _ => None,
        }
    }

    /// Writes the header that stands in front of an APDU of this length.
    pub(super) fn write_header(&self, apdu_length: usize, out: &mut [u8]) -> Result<(), LinkError> {
        let length = u16::try_from(self.gateway.ours.len() + apdu_length)
            .map_err(|_| LinkErrorKind::ApduTooLong)?;
        let (source_wport, destination_wport) = match self.role {
            Role::Client => (self.client_sap(), self.server_sap),
            Role::Server => (self.server_sap, self.client_sap()),
        };
        let header = Header {
            source_wport,
            destination_wport,
            length,
        };
        let mut out = Writer::new(out);
        header.emit(&mut out);
        out.put(&self.gateway.ours);
        out.finish();
        Ok(())
    }

    /// Sends one APDU of `apdu_length` octets, which `fill` writes at its place.
    pub(super) fn send(
        &mut self,
        apdu_length: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), ChannelError>,
    ) -> Result<(), ChannelError> {
        let header_length = wrapper::HEADER_LENGTH + self.gateway.ours.len();
        match &mut self.carrier {
            Carrier::Wrapper { .. } => {
                let start = out.len();
                out.resize(start + header_length + apdu_length, 0);
                let (header, slot) = out[start..].split_at_mut(header_length);
                let written = self
                    .write_header(apdu_length, header)
                    .map_err(ChannelError::from)
                    .and_then(|()| fill(slot));
                if written.is_err() {
                    out.truncate(start);
                }
                written
            }
            Carrier::Hdlc { link, .. } => {
                let message = link.begin_message()?;
                message.extend_from_slice(&self.gateway.ours);
                let start = message.len();
                message.resize(start + apdu_length, 0);
                fill(&mut message[start..])?;
                Ok(link.finish_message(out)?)
            }
        }
    }

    /// Whether what asks for no answer is sent in UI frames.
    pub(super) const fn sends_unconfirmed(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper { .. } => false,
            Carrier::Hdlc {
                unconfirmed_as_ui, ..
            } => *unconfirmed_as_ui,
        }
    }

    /// The octets of the longest APDU that one UI frame carries now.
    pub(super) fn unconfirmed_room(&self) -> usize {
        match &self.carrier {
            Carrier::Wrapper { .. } => 0,
            Carrier::Hdlc { link, .. } => link
                .unconfirmed_room()
                .saturating_sub(self.gateway.ours.len()),
        }
    }

    /// Sends one APDU in a UI frame; `fill` writes it at its place.
    pub(super) fn send_unconfirmed(
        &mut self,
        apdu_length: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), ChannelError>,
    ) -> Result<(), ChannelError> {
        match &mut self.carrier {
            Carrier::Wrapper { .. } => Err(LinkError::from(LinkErrorKind::ApduTooLong).into()),
            Carrier::Hdlc { link, .. } => {
                let prefix = &self.gateway.ours;
                link.send_unconfirmed(prefix.len() + apdu_length, out, |place| {
                    let (front, slot) = place.split_at_mut(prefix.len());
                    front.copy_from_slice(prefix);
                    fill(slot)
                })
            }
        }
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        match &mut self.carrier {
            Carrier::Wrapper { deframer, .. } => deframer.push(octets),
            Carrier::Hdlc { link, .. } => link.push(octets),
        }
    }

    /// Where in octets that have just come a whole APDU of the same peer stands, if nothing needs to be put together or kept for it:
    /// it can be taken from there instead of being pushed.
    pub(super) fn whole(&self, octets: &[u8]) -> Option<Range<usize>> {
        let Carrier::Wrapper { deframer, .. } = &self.carrier else {
            return None;
        };
        if !self.gateway.theirs.is_empty() {
            return None;
        }
        let (header, place) = deframer.whole(octets)?;
        let (client, server) = self.ends(header);
        (server == self.server_sap && self.client_sap == Some(client)).then_some(place)
    }

    /// Client and server of a message that has come.
    const fn ends(&self, header: Header) -> (u16, u16) {
        match self.role {
            Role::Client => (header.destination_wport, header.source_wport),
            Role::Server => (header.source_wport, header.destination_wport),
        }
    }

    /// The next thing that happened; a message is put into `message`.
    pub(super) fn poll(
        &mut self,
        out: &mut Vec<u8>,
        message: &mut Vec<u8>,
    ) -> Result<Option<Input>, LinkError> {
        loop {
            let input = self.poll_carrier(out, message)?;
            if !matches!(input, Some(Input::Message { .. })) || self.gateway.admits(message) {
                return Ok(input);
            }
        }
    }

    fn poll_carrier(
        &mut self,
        out: &mut Vec<u8>,
        message: &mut Vec<u8>,
    ) -> Result<Option<Input>, LinkError> {
        let mut unconfirmed = None;
        let client_sap = match &mut self.carrier {
            Carrier::Wrapper { deframer, dropped } => loop {
                let Some(header) = deframer.poll()? else {
                    return Ok(None);
                };
                let (client, server) = match self.role {
                    Role::Client => (header.destination_wport, header.source_wport),
                    Role::Server => (header.source_wport, header.destination_wport),
                };
                let ours = server == self.server_sap
                    && (self.role == Role::Server || self.client_sap == Some(client));
                if ours {
                    message.clear();
                    message.extend_from_slice(deframer.message());
                    break client;
                }
                *dropped += 1;
            },
            Carrier::Hdlc { link, .. } => match link.poll(out)? {
                None => return Ok(None),
                Some(Event::Connected(parameters)) => {
                    if self.role == Role::Server {
                        self.client_sap = None;
                    }
                    return Ok(Some(Input::Connected(LinkState {
                        max_info_field_length_transmit: parameters.max_info_field_length_transmit(),
                        max_info_field_length_receive: parameters.max_info_field_length_receive(),
                        window_size_transmit: parameters.window_size_transmit(),
                        window_size_receive: parameters.window_size_receive(),
                    })));
                }
                Some(Event::Disconnected(reason)) => {
                    return Ok(Some(Input::Disconnected(match reason {
                        HdlcReason::Disc => DisconnectReason::Disc,
                        HdlcReason::Dm => DisconnectReason::Dm,
                        HdlcReason::Frmr => DisconnectReason::Frmr {
                            rejection: link.rejection(),
                        },
                    })));
                }
                Some(event @ (Event::Apdu | Event::UnconfirmedApdu { .. })) => {
                    if let Event::UnconfirmedApdu { destination } = event {
                        unconfirmed = Some(destination);
                    }
                    // The buffers change places, so that neither is allocated anew.
                    message.clear();
                    core::mem::swap(message, link.message());
                    match self.role {
                        Role::Client => self.client_sap(),
                        Role::Server => link.message_source().upper(),
                    }
                }
            },
        };
        self.next_client_sap = (self.client_sap != Some(client_sap)).then_some(client_sap);
        Ok(Some(Input::Message {
            new_client_sap: self.next_client_sap,
            unconfirmed,
        }))
    }

    /// Server: from now on the client of the message polled last is spoken to.
    pub(super) fn turn_to_next_client(&mut self) {
        self.client_sap = self.next_client_sap.take().or(self.client_sap);
    }

    /// Frames dropped, frames repeated, and APDUs from UI frames.
    pub(super) fn frame_counters(&self) -> (u64, u64, u64) {
        let (dropped, repeated, unconfirmed) = match &self.carrier {
            Carrier::Wrapper { dropped, .. } => (*dropped, 0, 0),
            Carrier::Hdlc { link, .. } => (
                link.statistics().frames_dropped(),
                link.statistics().frames_repeated,
                link.statistics().unconfirmed,
            ),
        };
        (dropped + self.gateway.dropped, repeated, unconfirmed)
    }
}
