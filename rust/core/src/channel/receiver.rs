//! Receiving from any number of stations on one medium: whole APDUs, with the addresses they came with.
//!
//! For what hears many and is asked nothing: whoever listens for notifications, and a gateway. Wrapper messages, or HDLC UI frames;
//! the prefix of a gateway is taken off, and blocks of general block transfer are put together. Protection stays on: whose keys are
//! needed is known only once it is known who sent it.
//!
//! What is not a message for us is counted and dropped. Only a wrapper stream can break for good.

use crate::apdu::Role;
use crate::codec::{Emit, Parse};
use crate::error::{LinkError, LinkErrorKind};
use crate::gateway::Prefix;
use crate::hdlc::address::Address;
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::deframer::Deframer as FrameDeframer;
use crate::hdlc::frame::{Frame, MAX_FRAME_LENGTH, MAX_HEADER_LENGTH};
use crate::security::originator;
use crate::wrapper::{self, Deframer as WrapperDeframer, Header};
use crate::xdlms::general_block::GeneralBlock;
use crate::xdlms::general_block_transfer::UnconfirmedReceiver;

/// Stations whose blocks are put together at the same time; the one that has been silent longest gives way.
const MAX_ASSEMBLIES: usize = 16;
/// HCS and FCS.
const CHECKS: usize = 4;

const LLC_COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];
const LLC_RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];

/// What carries the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// The wrapper of TCP and UDP.
    Wrapper,
    /// UI frames.
    Hdlc,
}

/// The two ends of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Service access points of client and server.
    Wrapper {
        /// Of the client.
        client_sap: u16,
        /// Of the logical device.
        server_sap: u16,
    },
    /// HDLC addresses of client and server.
    Hdlc {
        /// Of the client.
        client: Address,
        /// Of the server.
        server: Address,
    },
}

impl Station {
    /// The service access point of the client.
    #[must_use]
    pub const fn client_sap(&self) -> u16 {
        match self {
            Self::Wrapper { client_sap, .. } => *client_sap,
            Self::Hdlc { client, .. } => client.upper(),
        }
    }

    /// The logical device.
    #[must_use]
    pub const fn server_sap(&self) -> u16 {
        match self {
            Self::Wrapper { server_sap, .. } => *server_sap,
            Self::Hdlc { server, .. } => server.upper(),
        }
    }

    /// The physical device; none over the wrapper, or in an address of one octet.
    #[must_use]
    pub const fn server_lower(&self) -> Option<u16> {
        match self {
            Self::Wrapper { .. } => None,
            Self::Hdlc { server, .. } => server.lower(),
        }
    }
}

/// A whole APDU as it was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Whom it came from, and for whom it is.
    pub station: Station,
    /// What a gateway put in front of it.
    pub gateway: Option<Prefix<'a>>,
    /// Who says to have sent it; not verified.
    pub system_title: Option<[u8; 8]>,
    /// The APDU, protection included.
    pub apdu: &'a [u8],
}

enum Carrier {
    Wrapper(WrapperDeframer),
    Hdlc(FrameDeframer),
}

/// Listens on one medium.
pub struct Receiver {
    /// Who sends what is heard.
    sender: Role,
    carrier: Carrier,
    max_apdu: usize,
    /// APDUs that come in blocks, by the station; the one heard last stands last.
    assemblies: Vec<(Station, UnconfirmedReceiver)>,
    dropped: u64,
}

impl Receiver {
    /// Hears what comes from `sender`: APDUs of at most `max_apdu` octets.
    #[must_use]
    pub fn new(medium: Medium, sender: Role, max_apdu: usize) -> Self {
        let carrier = match medium {
            // A gateway's prefix comes on top of an APDU of the largest size.
            Medium::Wrapper => Carrier::Wrapper(WrapperDeframer::new(
                max_apdu.saturating_add(crate::gateway::MAX_ADDRESS + 5),
            )),
            Medium::Hdlc => Carrier::Hdlc(FrameDeframer::new()),
        };
        Self {
            sender,
            carrier,
            max_apdu,
            assemblies: Vec::new(),
            dropped: 0,
        }
    }

    /// What was no message for us: damaged frames, frames that are not UI, other LLC octets, blocks that lead to nothing.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        match &self.carrier {
            Carrier::Wrapper(_) => self.dropped,
            Carrier::Hdlc(deframer) => self.dropped.saturating_add(deframer.counters().frames()),
        }
    }

    /// Whether a wrapper message has begun and is not whole.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper(deframer) => deframer.is_unfinished(),
            Carrier::Hdlc(_) => false,
        }
    }

    /// Takes octets in any pieces; `sink` is given each APDU that is whole.
    ///
    /// # Errors
    /// [`LinkError`] where a wrapper stream cannot go on, or an error of `sink`.
    pub fn receive<E: From<LinkError>>(
        &mut self,
        octets: &[u8],
        sink: &mut dyn FnMut(Received<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            sender,
            carrier,
            max_apdu,
            assemblies,
            dropped,
        } = self;
        match carrier {
            Carrier::Wrapper(deframer) => {
                deframer.push(octets);
                while let Some(header) = deframer.poll()? {
                    let station = station_of(*sender, header);
                    let message = deframer.message();
                    let taken = deliver(*max_apdu, assemblies, station, message, sink)?;
                    *dropped += u64::from(!taken);
                }
            }
            Carrier::Hdlc(deframer) => {
                deframer.push(octets);
                while let Some(frame) = deframer.next_frame() {
                    let taken = match unconfirmed(*sender, &frame) {
                        Some((station, message)) => {
                            deliver(*max_apdu, assemblies, station, message, sink)?
                        }
                        None => false,
                    };
                    *dropped += u64::from(!taken);
                }
            }
        }
        Ok(())
    }

    /// One APDU to a station, framed as answers to what is heard are; `gateway` names the meter behind one.
    ///
    /// # Errors
    /// [`LinkErrorKind::ApduTooLong`].
    pub fn frame(
        &self,
        station: &Station,
        gateway: Option<&Prefix<'_>>,
        apdu: &[u8],
    ) -> Result<Vec<u8>, LinkError> {
        let message = match gateway {
            None => apdu.to_vec(),
            Some(prefix) => [&prefix.to_vec()[..], apdu].concat(),
        };
        match station {
            Station::Wrapper {
                client_sap,
                server_sap,
            } => {
                let length =
                    u16::try_from(message.len()).map_err(|_| LinkErrorKind::ApduTooLong)?;
                let (source_wport, destination_wport) = match self.sender {
                    Role::Server => (*client_sap, *server_sap),
                    Role::Client => (*server_sap, *client_sap),
                };
                let mut out = Vec::with_capacity(wrapper::HEADER_LENGTH + message.len());
                out.extend(
                    Header {
                        source_wport,
                        destination_wport,
                        length,
                    }
                    .to_vec(),
                );
                out.extend(message);
                Ok(out)
            }
            Station::Hdlc { client, server } => {
                let (source, destination, llc) = match self.sender {
                    Role::Server => (*client, *server, LLC_COMMAND),
                    Role::Client => (*server, *client, LLC_RESPONSE),
                };
                let information = [&llc[..], &message].concat();
                if information.len() > MAX_FRAME_LENGTH - MAX_HEADER_LENGTH - CHECKS {
                    return Err(LinkErrorKind::ApduTooLong.into());
                }
                Ok(Frame {
                    destination,
                    source,
                    control: Control {
                        kind: FrameKind::Ui,
                        poll_final: false,
                    },
                    segmentation: false,
                    information: &information,
                }
                .to_vec())
            }
        }
    }
}

const fn station_of(sender: Role, header: Header) -> Station {
    let (client_sap, server_sap) = match sender {
        Role::Server => (header.destination_wport, header.source_wport),
        Role::Client => (header.source_wport, header.destination_wport),
    };
    Station::Wrapper {
        client_sap,
        server_sap,
    }
}

/// The message of a UI frame, where it is one of that sender.
fn unconfirmed<'a>(sender: Role, frame: &Frame<'a>) -> Option<(Station, &'a [u8])> {
    if frame.control.kind != FrameKind::Ui || frame.segmentation {
        return None;
    }
    let (llc, client, server) = match sender {
        Role::Server => (LLC_RESPONSE, frame.destination, frame.source),
        Role::Client => (LLC_COMMAND, frame.source, frame.destination),
    };
    let message = frame.information.strip_prefix(&llc)?;
    Some((Station::Hdlc { client, server }, message))
}

/// Hands a message on; false where it leads to nothing.
fn deliver<E>(
    max_apdu: usize,
    assemblies: &mut Vec<(Station, UnconfirmedReceiver)>,
    station: Station,
    message: &[u8],
    sink: &mut dyn FnMut(Received<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let Ok((gateway, apdu)) = Prefix::split(message) else {
        return Ok(false);
    };
    if apdu.is_empty() || apdu.len() > max_apdu {
        return Ok(false);
    }
    let mut hand_on = |apdu: &[u8]| {
        sink(Received {
            station,
            gateway,
            system_title: originator(apdu),
            apdu,
        })
    };
    if apdu[0] != GeneralBlock::TAG {
        hand_on(apdu)?;
        return Ok(true);
    }
    let Ok(block) = GeneralBlock::parse_all(apdu) else {
        return Ok(false);
    };
    match assembly(assemblies, station).receive(&block, max_apdu) {
        Ok(Some(whole)) if !whole.is_empty() => {
            assemblies.retain(|(of, _)| *of != station);
            hand_on(&whole)?;
            Ok(true)
        }
        Ok(_) => Ok(true),
        Err(_) => {
            assemblies.retain(|(of, _)| *of != station);
            Ok(false)
        }
    }
}

fn assembly(
    assemblies: &mut Vec<(Station, UnconfirmedReceiver)>,
    station: Station,
) -> &mut UnconfirmedReceiver {
    match assemblies.iter().position(|(of, _)| *of == station) {
        Some(place) => assemblies[place..].rotate_left(1),
        None => {
            if assemblies.len() == MAX_ASSEMBLIES {
                assemblies.remove(0);
            }
            assemblies.push((station, UnconfirmedReceiver::default()));
        }
    }
    let last = assemblies.len() - 1;
    &mut assemblies[last].1
}
