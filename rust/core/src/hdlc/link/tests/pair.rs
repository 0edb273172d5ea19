//! A client and a server joined by a line whose faults come from a seed. There is no clock: when nothing is on the line,
//! the response timeout has passed.

use super::{config, feed, symmetric};
use crate::error::{LinkError, LinkErrorKind};
use crate::hdlc::control::FrameKind;
use crate::hdlc::frame::Frame;
use crate::hdlc::link::{Config, Event, Link, Role};
use crate::hdlc::parameters::Parameters;

/// What the line does to a frame, each in parts of 1000.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) lose: u32,
    pub(super) double: u32,
    /// One bit flipped.
    pub(super) flip: u32,
    /// One octet left out.
    pub(super) cut: u32,
    /// Noise before the frame.
    pub(super) noise: u32,
    /// The frame changes places with the one behind it.
    pub(super) reorder: u32,
    /// The frame arrives only before what is sent next in the same direction.
    pub(super) late: u32,
}

/// A small generator, so that a seed says everything.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d]) % sides
    }

    fn hits(&mut self, per_mille: u32) -> bool {
        self.roll(1000) < per_mille
    }

    fn position(&mut self, length: usize) -> usize {
        self.roll(u32::try_from(length).expect("short")) as usize
    }
}

/// The frames of what was said.
fn split(octets: &[u8]) -> Vec<&[u8]> {
    let (mut frames, mut rest) = (Vec::new(), octets);
    while !rest.is_empty() {
        let length = 2 + usize::from(u16::from_be_bytes([rest[1], rest[2]]) & 0x07FF);
        let (frame, behind) = rest.split_at(length);
        frames.push(frame);
        rest = behind;
    }
    frames
}

/// Whether damage is such that a check sequence of 16 bits misses it, as it does once in 65,536; nobody can tell then.
fn passes_for_a_frame(damaged: &[u8]) -> bool {
    let octets = &damaged[1..];
    // Where an octet is missing, the flag behind the frame is taken for its last one.
    Frame::parse(&octets[..octets.len() - 1]).is_ok() || Frame::parse(octets).is_ok()
}

pub(super) struct Pair {
    pub(super) client: Link,
    pub(super) server: Link,
    parameters: Parameters,
    dice: Dice,
    faults: Faults,
    /// What the client said after the answer, because of faults.
    left_over: Vec<u8>,
    /// What arrives late, of the client and of the server.
    late: [Vec<u8>; 2],
    /// Whether a SNRM said no parameters, so that the defaults may hold.
    asked_without: bool,
    /// APDUs from UI frames.
    pub(super) unconfirmed_at_server: Vec<Vec<u8>>,
    pub(super) at_server: Vec<Vec<u8>>,
    pub(super) at_client: Vec<Vec<u8>>,
    pub(super) frames: usize,
    pub(super) timeouts: usize,
}

impl Pair {
    pub(super) fn new(parameters: Parameters, max_retries: u8, faults: Faults, seed: u64) -> Self {
        let config = Config {
            max_retries,
            ..config(parameters)
        };
        Self {
            client: Link::new(Role::Client, config.clone()),
            server: Link::new(Role::Server, config),
            parameters,
            dice: Dice(seed),
            faults,
            left_over: Vec::new(),
            late: [Vec::new(), Vec::new()],
            asked_without: false,
            unconfirmed_at_server: Vec::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            frames: 0,
            timeouts: 0,
        }
    }

    pub(super) fn perfect(info_field_length: u16, window_size: u8) -> Self {
        Self::new(
            symmetric(info_field_length, window_size),
            3,
            Faults::default(),
            0,
        )
    }

    /// Connects; the server's view of events is checked by what follows.
    pub(super) fn connect(&mut self) -> Result<(), LinkErrorKind> {
        let mut out = Vec::new();
        self.client.connect(&mut out).expect("a client can");
        self.run(out, &mut |_| None, |events| {
            events
                .iter()
                .any(|event| matches!(event, Event::Connected(_)))
        })
    }

    /// Sends `request`, lets the server answer by `answer`, and returns when an APDU has come back.
    pub(super) fn ask(
        &mut self,
        request: &[u8],
        answer: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), LinkErrorKind> {
        self.ask_after(&[], request, answer)
    }

    /// The same, with a UI frame before it unless that is empty.
    pub(super) fn ask_after(
        &mut self,
        unconfirmed: &[u8],
        request: &[u8],
        answer: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), LinkErrorKind> {
        let mut out = core::mem::take(&mut self.left_over);
        if !unconfirmed.is_empty() {
            self.client
                .send_unconfirmed(unconfirmed.len(), &mut out, |place| {
                    place.copy_from_slice(unconfirmed);
                    Ok::<_, LinkError>(())
                })
                .map_err(|error| error.kind)?;
        }
        out.extend(super::send(&mut self.client, request));
        self.run(out, answer, |events| events.contains(&Event::Apdu))
    }

    /// Carries octets to and fro, lets time pass when the line is silent, until `done` with the events of the client.
    fn run(
        &mut self,
        mut out: Vec<u8>,
        answer: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
        done: fn(&[Event]) -> bool,
    ) -> Result<(), LinkErrorKind> {
        loop {
            let arriving = self.line(Role::Client, &out);
            let answered = self.server_takes(&arriving, answer);
            let arriving = self.line(Role::Server, &answered);
            out = Vec::new();
            let mut events = Vec::new();
            self.client.push(&arriving);
            while let Some(event) = self.client.poll(&mut out).map_err(|error| error.kind)? {
                match event {
                    Event::Apdu => self.at_client.push(self.client.message().clone()),
                    Event::Disconnected(_) => return Err(LinkErrorKind::FrameRejected),
                    _ => {}
                }
                events.push(event);
            }
            if done(&events) {
                self.left_over = out;
                return Ok(());
            }
            if out.is_empty() {
                self.timeouts += 1;
                self.client
                    .handle_timeout(&mut out)
                    .map_err(|error| error.kind)?;
            }
        }
    }

    fn server_takes(
        &mut self,
        octets: &[u8],
        answer: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        self.server.push(octets);
        while let Some(event) = self
            .server
            .poll(&mut out)
            .expect("a server says FRMR instead")
        {
            match event {
                Event::Apdu => {
                    let request = self.server.message().clone();
                    let reply = answer(&request);
                    self.at_server.push(request);
                    match reply {
                        Some(reply) => out.extend(super::send(&mut self.server, &reply)),
                        None => self.server.acknowledge(&mut out),
                    }
                }
                Event::UnconfirmedApdu { .. } => {
                    self.unconfirmed_at_server
                        .push(self.server.message().clone());
                }
                Event::Connected(_) | Event::Disconnected(_) => {}
            }
        }
        out
    }

    /// What arrives of `octets`, said by `from`.
    fn line(&mut self, from: Role, octets: &[u8]) -> Vec<u8> {
        let mut frames = split(octets);
        self.check_bursts(&frames);
        for behind in 1..frames.len() {
            if self.dice.hits(self.faults.reorder) {
                frames.swap(behind - 1, behind);
            }
        }
        let mut arriving = core::mem::take(&mut self.late[from as usize]);
        for frame in frames {
            let length = frame.len();
            self.frames += 1;
            if self.dice.hits(self.faults.lose) {
                continue;
            }
            if self.dice.hits(self.faults.late) {
                self.late[from as usize].extend_from_slice(frame);
                continue;
            }
            let whole = frame;
            let mut frame = frame.to_vec();
            if self.dice.hits(self.faults.flip) {
                let bit = self.dice.position(8 * frame.len());
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            if self.dice.hits(self.faults.cut) {
                frame.remove(self.dice.position(length));
            }
            if frame != whole && passes_for_a_frame(&frame) {
                frame = whole.to_vec();
            }
            if self.dice.hits(self.faults.noise) {
                arriving
                    .extend((0..self.dice.roll(30)).map(|_| self.dice.roll(256).to_le_bytes()[0]));
            }
            arriving.extend_from_slice(&frame);
            if self.dice.hits(self.faults.double) {
                arriving.extend_from_slice(&frame);
            }
        }
        arriving
    }

    /// What is said keeps to the window and to the information field that were agreed.
    fn check_bursts(&mut self, frames: &[&[u8]]) {
        // Both ends have the same parameters of their own.
        let parameters = self.parameters.negotiate(&self.parameters);
        let frames: Vec<Frame<'_>> = frames
            .iter()
            .map(|frame| Frame::parse(&frame[1..frame.len() - 1]).expect("what we say is valid"))
            .collect();
        // Each final bit ends a burst; a doubled poll is answered by two.
        for burst in frames.split_inclusive(|frame| frame.control.poll_final) {
            let numbers: Vec<u8> = burst
                .iter()
                .filter_map(|frame| match frame.control.kind {
                    FrameKind::I { send_sequence, .. } => Some(send_sequence),
                    _ => None,
                })
                .collect();
            assert!(numbers.len() <= usize::from(parameters.window_size_transmit()));
            assert!(numbers.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 8));
        }
        for frame in &frames {
            self.asked_without |=
                frame.control.kind == FrameKind::Snrm && frame.information.is_empty();
            let numbered = matches!(frame.control.kind, FrameKind::I { .. } | FrameKind::Ui);
            let agreed = parameters.max_info_field_length_transmit();
            let default = Parameters::default().max_info_field_length_transmit();
            let longest = usize::from(if self.asked_without {
                agreed.max(default)
            } else {
                agreed
            });
            assert!(!numbered || frame.information.len() <= longest);
        }
    }

    /// Takes the link down and checks that both ends know.
    pub(super) fn disconnect(&mut self) {
        assert!(self.left_over.is_empty());
        let mut out = Vec::new();
        self.client.disconnect(&mut out);
        let (events, answer) = feed(&mut self.server, &out).expect("no error");
        assert_eq!(events.len(), 1);
        let (events, out) = feed(&mut self.client, &answer).expect("no error");
        assert_eq!((events.len(), out.len()), (1, 0));
    }
}
