//! The wrapper of IEC 62056-47 around APDUs on TCP and UDP: header, and a stream of octets cut into APDUs.
//!
//! The header carries two service access points (wPorts) and a length; a request goes from client to server, its answer
//! back with the ports exchanged. A byte stream has no mark to resynchronise on, so a wrong header ends it for good.
//! Knows neither role nor which ports are right: the caller compares them.

use core::ops::Range;

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind, LinkError, LinkErrorKind};

/// Octets of a header.
pub const HEADER_LENGTH: usize = 8;

/// The only version there is.
const VERSION: u16 = 1;

/// A wrapper header, without its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent the APDU.
    pub source_wport: u16,
    /// Whom it is for.
    pub destination_wport: u16,
    /// Octets of the APDU.
    pub length: u16,
}

impl<'a> Parse<'a> for Header {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        if reader.u16()? != VERSION {
            return Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, offset));
        }
        Ok(Self {
            source_wport: reader.u16()?,
            destination_wport: reader.u16()?,
            length: reader.u16()?,
        })
    }
}

impl Emit for Header {
    fn emitted_len(&self) -> usize {
        HEADER_LENGTH
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u16(VERSION);
        out.u16(self.source_wport);
        out.u16(self.destination_wport);
        out.u16(self.length);
    }
}

/// How long each of the whole messages is that `octets` consist of: what goes into one datagram, or came in one.
///
/// # Errors
/// [`LinkErrorKind::WrapperVersion`] or [`LinkErrorKind::WrapperLength`]: something else than whole messages.
pub fn message_lengths(mut octets: &[u8]) -> Result<Vec<usize>, LinkError> {
    let mut lengths = Vec::with_capacity(1);
    while !octets.is_empty() {
        let header = match Header::parse(&mut Reader::new(octets)) {
            Ok(header) => header,
            Err(error) if error.kind == DecodeErrorKind::Truncated => {
                return Err(LinkErrorKind::WrapperLength.into());
            }
            Err(_) => return Err(LinkErrorKind::WrapperVersion.into()),
        };
        let length = HEADER_LENGTH + usize::from(header.length);
        if header.length == 0 || length > octets.len() {
            return Err(LinkErrorKind::WrapperLength.into());
        }
        octets = &octets[length..];
        lengths.push(length);
    }
    Ok(lengths)
}

/// Cuts a stream of octets into APDUs.
///
/// [`Deframer::push`] octets as they come, then [`Deframer::poll`] until there is no header; after each the APDU is in
/// [`Deframer::message`]. Once drained it holds one unfinished APDU at most.
#[derive(Debug)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// First octet not yet dealt with.
    start: usize,
    message: Range<usize>,
    max_apdu: usize,
    failed: Option<LinkError>,
}

impl Deframer {
    /// One that takes APDUs of `max_apdu` octets at most.
    #[must_use]
    pub const fn new(max_apdu: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            message: 0..0,
            max_apdu,
            failed: None,
        }
    }

    /// Takes in octets from the medium; the last message is gone.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.message = 0..0;
        self.buffer.extend_from_slice(octets);
    }

    /// The header of the APDU that these octets begin with, and where in them it stands, if they come behind all others and it is whole. They
    /// are not taken in: whoever has dealt with them where they are does not push them. Where something is the matter with them, pushing tells.
    #[must_use]
    pub fn whole(&self, octets: &[u8]) -> Option<(Header, Range<usize>)> {
        if self.is_unfinished() || self.failed.is_some() {
            return None;
        }
        let header = Header::parse(&mut Reader::new(octets)).ok()?;
        let length = usize::from(header.length);
        let place = HEADER_LENGTH..HEADER_LENGTH + length;
        let is_good = (1..=self.max_apdu).contains(&length) && place.end <= octets.len();
        is_good.then_some((header, place))
    }

    /// The header of the next whole APDU.
    ///
    /// # Errors
    /// [`LinkErrorKind::WrapperVersion`] or [`LinkErrorKind::WrapperLength`], as soon as the octets show it and for ever
    /// after: close the connection.
    pub fn poll(&mut self) -> Result<Option<Header>, LinkError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.message = self.start..self.start;
        let octets = &self.buffer[self.start..];
        let header = match Header::parse(&mut Reader::new(octets)) {
            Ok(header) => header,
            Err(error) if error.kind == DecodeErrorKind::Truncated => return Ok(None),
            Err(_) => return self.fail(LinkErrorKind::WrapperVersion),
        };
        let length = usize::from(header.length);
        if length == 0 || length > self.max_apdu {
            return self.fail(LinkErrorKind::WrapperLength);
        }
        if octets.len() < HEADER_LENGTH + length {
            return Ok(None);
        }
        let apdu = self.start + HEADER_LENGTH;
        self.start = apdu + length;
        self.message = apdu..self.start;
        Ok(Some(header))
    }

    /// The APDU of the last header, for opening in place. Valid until the next [`Deframer::push`] or [`Deframer::poll`].
    pub fn message(&mut self) -> &mut [u8] {
        &mut self.buffer[self.message.clone()]
    }

    /// Whether octets of an unfinished APDU wait for the rest.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        self.start < self.buffer.len()
    }

    fn fail(&mut self, kind: LinkErrorKind) -> Result<Option<Header>, LinkError> {
        let error = kind.into();
        self.failed = Some(error);
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// GET of the clock's time, from client 1 to the management logical device.
    const WORKED: [u8; 21] = [
        0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x0D, //
        0xC0, 0x01, 0xC1, 0x00, 0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x02, 0x00,
    ];

    fn emitted(source_wport: u16, destination_wport: u16, apdu: &[u8]) -> Vec<u8> {
        let header = Header {
            source_wport,
            destination_wport,
            length: u16::try_from(apdu.len()).expect("fits"),
        };
        let mut out = header.to_vec();
        out.extend_from_slice(apdu);
        out
    }

    fn drained(
        deframer: &mut Deframer,
        octets: &[u8],
    ) -> Result<Vec<(Header, Vec<u8>)>, LinkErrorKind> {
        deframer.push(octets);
        let mut messages = Vec::new();
        while let Some(header) = deframer.poll().map_err(|error| error.kind)? {
            messages.push((header, deframer.message().to_vec()));
        }
        Ok(messages)
    }

    #[test]
    fn a_whole_message_is_seen_where_it_stands_and_only_behind_nothing_unfinished() {
        let octets = [emitted(16, 1, &[1, 2, 3]), emitted(16, 1, &[4; 30])].concat();
        let mut deframer = Deframer::new(30);
        let (header, place) = deframer.whole(&octets).expect("a message");
        assert_eq!((header.source_wport, &octets[place]), (16, &[1, 2, 3][..]));
        assert_eq!(deframer.whole(&octets[..10]), None);
        assert_eq!(deframer.whole(&[]), None);
        assert_eq!(deframer.whole(&[0; 16]), None, "no version");
        assert_eq!(deframer.whole(&emitted(16, 1, &[0; 31])), None, "too long");
        assert_eq!(deframer.whole(&emitted(16, 1, &[])), None);
        deframer.push(&octets[..10]);
        assert_eq!(deframer.whole(&octets[11..]), None);
        deframer.push(&octets[10..11]);
        assert!(deframer.poll().expect("good").is_some());
        assert!(deframer.whole(&octets[11..]).is_some());
        deframer.push(&[9; 8]);
        assert!(deframer.poll().is_err());
        assert_eq!(deframer.whole(&octets), None, "nothing more after an error");
    }

    // proves: wrapper-udp
    #[test]
    fn a_datagram_is_whole_messages_or_refused() {
        let two = [emitted(16, 1, &[1, 2, 3]), emitted(16, 1, &[4; 300])].concat();
        assert_eq!(message_lengths(&two), Ok(vec![11, 308]));
        assert_eq!(message_lengths(&[]), Ok(vec![]));
        for length in (1..two.len()).filter(|&length| length != 11) {
            assert!(message_lengths(&two[..length]).is_err(), "{length}");
        }
        let refused = |octets: &[u8]| message_lengths(octets).map_err(|error| error.kind);
        assert_eq!(
            refused(&emitted(1, 1, &[])),
            Err(LinkErrorKind::WrapperLength)
        );
        assert_eq!(refused(&[0x7E; 20]), Err(LinkErrorKind::WrapperVersion));
    }

    // proves: wrapper
    #[test]
    fn the_worked_example_octet_for_octet() {
        assert_eq!(emitted(1, 1, &WORKED[8..]), WORKED);
        let header = Header {
            source_wport: 1,
            destination_wport: 1,
            length: 13,
        };
        assert_eq!(header.to_vec(), WORKED[..8]);
        let mut deframer = Deframer::new(1024);
        assert_eq!(
            drained(&mut deframer, &WORKED),
            Ok(vec![(header, WORKED[8..].to_vec())])
        );
        assert!(!deframer.is_unfinished());
    }

    #[test]
    fn a_message_behind_another_keeps_its_own_length() {
        let mut out = emitted(16, 1, &[1, 2, 3]);
        out.extend(emitted(16, 1, &[4; 300]));
        let messages = drained(&mut Deframer::new(1024), &out).expect("valid");
        assert_eq!(
            messages
                .iter()
                .map(|(_, apdu)| apdu.len())
                .collect::<Vec<_>>(),
            [3, 300]
        );
    }

    #[test]
    fn an_apdu_may_be_changed_in_place() {
        let mut deframer = Deframer::new(1024);
        deframer.push(&[WORKED, WORKED].concat());
        assert!(deframer.poll().expect("valid").is_some());
        deframer.message().fill(0);
        assert!(deframer.poll().expect("valid").is_some());
        assert_eq!(deframer.message(), &WORKED[8..]);
        assert_eq!(deframer.poll(), Ok(None));
        assert!(deframer.message().is_empty());
    }

    #[test]
    fn l_17_another_version_ends_the_stream_for_good() {
        for version in [[0, 0], [0, 2], [0xFF, 0xFF]] {
            let mut deframer = Deframer::new(1024);
            assert_eq!(
                drained(&mut deframer, &version),
                Err(LinkErrorKind::WrapperVersion)
            );
            assert_eq!(
                drained(&mut deframer, &WORKED),
                Err(LinkErrorKind::WrapperVersion)
            );
        }
    }

    #[test]
    fn l_17_length_zero_or_above_the_limit_ends_the_stream_for_good() {
        for length in [[0, 0], [0x04, 0x01], [0xFF, 0xFF]] {
            let mut deframer = Deframer::new(1024);
            let header = [&WORKED[..6], &length].concat();
            assert_eq!(
                drained(&mut deframer, &header),
                Err(LinkErrorKind::WrapperLength)
            );
            assert_eq!(
                drained(&mut deframer, &WORKED),
                Err(LinkErrorKind::WrapperLength)
            );
        }
    }

    #[test]
    fn l_17_a_message_out_of_step_does_not_pass() {
        // The length is one too small: the last octet of the APDU is taken for the next header.
        let mut shifted = WORKED.to_vec();
        shifted[7] -= 1;
        let mut deframer = Deframer::new(1024);
        assert_eq!(
            drained(&mut deframer, &shifted).map(|messages| messages.len()),
            Ok(1)
        );
        assert!(deframer.is_unfinished());
        assert_eq!(
            drained(&mut deframer, &WORKED[..4]),
            Err(LinkErrorKind::WrapperVersion)
        );
    }

    proptest! {
        #[test]
        fn l_17_any_pieces_give_the_same_messages(
            apdus in prop::collection::vec((any::<u16>(), any::<u16>(), prop::collection::vec(any::<u8>(), 1..50)), 0..6),
            pieces in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let stream: Vec<u8> = apdus.iter().flat_map(|(from, to, apdu)| emitted(*from, *to, apdu)).collect();
            let mut deframer = Deframer::new(50);
            let (mut messages, mut rest, mut pieces) = (Vec::new(), &stream[..], pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*pieces.next().expect("endless")));
                messages.extend(drained(&mut deframer, piece).expect("valid"));
                rest = behind;
            }
            let found: Vec<_> = messages
                .into_iter()
                .map(|(header, apdu)| (header.source_wport, header.destination_wport, apdu))
                .collect();
            prop_assert_eq!(found, apdus);
            prop_assert!(!deframer.is_unfinished());
        }
    }
}
