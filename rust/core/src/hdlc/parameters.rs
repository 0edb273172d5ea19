//! Negotiated link parameters, carried in the information field of SNRM and UA (IEC 62056-46, 6.4.4.4.3.2).
//!
//! Knows the two views: what one side calls transmit, the other calls receive. Values are octets and frames, never time.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind, LinkError, LinkErrorKind};

/// The largest information field, in octets.
pub const MAX_INFO_FIELD_LENGTH: u16 = 2030;

/// The largest window, in frames.
pub const MAX_WINDOW_SIZE: u8 = 7;

const FORMAT_IDENTIFIER: u8 = 0x81;
const GROUP_IDENTIFIER: u8 = 0x80;
const INFO_FIELD_LENGTH_TRANSMIT: u8 = 0x05;
const INFO_FIELD_LENGTH_RECEIVE: u8 = 0x06;
const WINDOW_SIZE_TRANSMIT: u8 = 0x07;
const WINDOW_SIZE_RECEIVE: u8 = 0x08;

/// Sizes of information fields (octets) and windows (frames) as one side sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    max_info_field_length_transmit: u16,
    max_info_field_length_receive: u16,
    window_size_transmit: u8,
    window_size_receive: u8,
}

impl Default for Parameters {
    /// The values that hold where nothing is said: 128 octets, a window of 1.
    fn default() -> Self {
        Self {
            max_info_field_length_transmit: 128,
            max_info_field_length_receive: 128,
            window_size_transmit: 1,
            window_size_receive: 1,
        }
    }
}

impl Parameters {
    /// Parameters of the given values: information fields 1..=2030 octets, windows 1..=7 frames.
    ///
    /// # Errors
    /// [`LinkErrorKind::Parameter`].
    pub fn new(
        max_info_field_length_transmit: u16,
        max_info_field_length_receive: u16,
        window_size_transmit: u8,
        window_size_receive: u8,
    ) -> Result<Self, LinkError> {
        let lengths = [
            max_info_field_length_transmit,
            max_info_field_length_receive,
        ];
        let windows = [window_size_transmit, window_size_receive];
        if lengths
            .iter()
            .all(|length| (1..=MAX_INFO_FIELD_LENGTH).contains(length))
            && windows
                .iter()
                .all(|window| (1..=MAX_WINDOW_SIZE).contains(window))
        {
            Ok(Self {
                max_info_field_length_transmit,
                max_info_field_length_receive,
                window_size_transmit,
                window_size_receive,
            })
        } else {
            Err(LinkErrorKind::Parameter.into())
        }
    }

    /// Octets of the largest information field that this side sends.
    #[must_use]
    pub const fn max_info_field_length_transmit(&self) -> u16 {
        self.max_info_field_length_transmit
    }

    /// Octets of the largest information field that this side takes.
    #[must_use]
    pub const fn max_info_field_length_receive(&self) -> u16 {
        self.max_info_field_length_receive
    }

    /// I frames that this side sends before it waits for an acknowledgement.
    #[must_use]
    pub const fn window_size_transmit(&self) -> u8 {
        self.window_size_transmit
    }

    /// I frames that this side takes before it acknowledges.
    #[must_use]
    pub const fn window_size_receive(&self) -> u8 {
        self.window_size_receive
    }

    /// What holds for this side after the other side has said `peer`, from its own view: the smaller of each pair, so
    /// that an answer above the proposal changes nothing.
    #[must_use]
    pub fn negotiate(&self, peer: &Self) -> Self {
        Self {
            max_info_field_length_transmit: self
                .max_info_field_length_transmit
                .min(peer.max_info_field_length_receive),
            max_info_field_length_receive: self
                .max_info_field_length_receive
                .min(peer.max_info_field_length_transmit),
            window_size_transmit: self.window_size_transmit.min(peer.window_size_receive),
            window_size_receive: self.window_size_receive.min(peer.window_size_transmit),
        }
    }

    /// Reads the information field of a SNRM or UA; an empty one means the defaults.
    ///
    /// Values above the range are taken for the largest of it; unknown parameters are skipped.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`], [`DecodeErrorKind::TrailingData`], [`DecodeErrorKind::UnexpectedTag`] for another
    /// format or group, [`DecodeErrorKind::WrongLength`] for a value that does not take 1, 2 or 4 octets,
    /// [`DecodeErrorKind::ValueOutOfRange`] for 0, [`DecodeErrorKind::Duplicate`].
    pub fn parse_information(information: &[u8]) -> Result<Self, DecodeError> {
        if information.is_empty() {
            Ok(Self::default())
        } else {
            Self::parse_all(information)
        }
    }
}

impl<'a> Parse<'a> for Parameters {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(FORMAT_IDENTIFIER)?;
        reader.expect(GROUP_IDENTIFIER)?;
        let length = reader.u8()?;
        let mut group = reader.sub(length.into())?;
        let mut values = Self::default();
        let mut seen = [false; 4];
        while !group.is_empty() {
            let offset = group.offset();
            let identifier = group.u8()?;
            let length = group.u8()?;
            let mut field = group.sub(length.into())?;
            let index = match identifier {
                INFO_FIELD_LENGTH_TRANSMIT..=WINDOW_SIZE_RECEIVE => {
                    usize::from(identifier - INFO_FIELD_LENGTH_TRANSMIT)
                }
                _ => continue,
            };
            if core::mem::replace(&mut seen[index], true) {
                return Err(DecodeError::new(DecodeErrorKind::Duplicate, offset));
            }
            let value = value(&mut field)?;
            let length = u16::try_from(value)
                .unwrap_or(u16::MAX)
                .min(MAX_INFO_FIELD_LENGTH);
            let window = u8::try_from(value).unwrap_or(u8::MAX).min(MAX_WINDOW_SIZE);
            match identifier {
                INFO_FIELD_LENGTH_TRANSMIT => values.max_info_field_length_transmit = length,
                INFO_FIELD_LENGTH_RECEIVE => values.max_info_field_length_receive = length,
                WINDOW_SIZE_TRANSMIT => values.window_size_transmit = window,
                _ => values.window_size_receive = window,
            }
        }
        Ok(values)
    }
}

/// A parameter value of 1, 2 or 4 octets, which is not 0.
fn value(field: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let offset = field.offset();
    let value = match field.remaining() {
        1 => field.u8()?.into(),
        2 => field.u16()?.into(),
        4 => field.u32()?,
        _ => return Err(field.error(DecodeErrorKind::WrongLength)),
    };
    if value == 0 {
        Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, offset))
    } else {
        Ok(value)
    }
}

/// Information field lengths take one octet where they fit into it and two otherwise, windows always four: the form
/// that meters expect.
impl Emit for Parameters {
    fn emitted_len(&self) -> usize {
        let lengths = [
            self.max_info_field_length_transmit,
            self.max_info_field_length_receive,
        ];
        3 + lengths
            .iter()
            .map(|length| if *length > 0xFF { 4 } else { 3 })
            .sum::<usize>()
            + 2 * 6
    }

    fn emit(&self, out: &mut Writer<'_>) {
        #[expect(clippy::cast_possible_truncation, reason = "23 octets at most")]
        let group_length = (self.emitted_len() - 3) as u8;
        out.put(&[FORMAT_IDENTIFIER, GROUP_IDENTIFIER, group_length]);
        for (identifier, length) in [
            (
                INFO_FIELD_LENGTH_TRANSMIT,
                self.max_info_field_length_transmit,
            ),
            (
                INFO_FIELD_LENGTH_RECEIVE,
                self.max_info_field_length_receive,
            ),
        ] {
            match u8::try_from(length) {
                Ok(length) => out.put(&[identifier, 1, length]),
                Err(_) => {
                    out.put(&[identifier, 2]);
                    out.u16(length);
                }
            }
        }
        for (identifier, window) in [
            (WINDOW_SIZE_TRANSMIT, self.window_size_transmit),
            (WINDOW_SIZE_RECEIVE, self.window_size_receive),
        ] {
            out.put(&[identifier, 4]);
            out.u32(window.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdlc::testing::hex;
    use proptest::prelude::*;

    fn parsed(information: &str) -> Result<Parameters, DecodeErrorKind> {
        Parameters::parse_information(&hex(information)).map_err(|error| error.kind)
    }

    // proves: hdlc-negotiation
    #[test]
    fn worked_information_fields() {
        let large = Parameters::new(2030, 2030, 1, 1).expect("within range");
        for (octets, parameters) in [
            (
                "818012050180060180070400000001080400000001",
                Parameters::default(),
            ),
            ("818014050207EE060207EE070400000001080400000001", large),
        ] {
            assert_eq!(parsed(octets), Ok(parameters));
            assert_eq!(parameters.to_vec(), hex(octets));
        }
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(parsed(""), Ok(Parameters::default()));
        assert_eq!(parsed("818000"), Ok(Parameters::default()));
    }

    #[test]
    fn every_width_of_value() {
        let expected = Parameters::new(64, 512, 3, 7).expect("within range");
        assert_eq!(
            parsed("818010 050140 06020200 070103 080400000007"),
            Ok(expected)
        );
        assert_eq!(
            parsed("818014 050400000040 060400000200 07020003 080107"),
            Err(DecodeErrorKind::Truncated)
        );
        assert_eq!(
            parsed("818013 050400000040 060400000200 07020003 080107"),
            Ok(expected)
        );
    }

    #[test]
    fn an_unknown_parameter_is_skipped() {
        let expected = Parameters::new(64, 128, 1, 1).expect("within range");
        assert_eq!(parsed("818007 09020000 050140"), Ok(expected));
        assert_eq!(
            parsed("818007 0903000005 0140"),
            Err(DecodeErrorKind::Truncated)
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (octets, kind) in [
            ("81", DecodeErrorKind::Truncated),
            ("8180", DecodeErrorKind::Truncated),
            ("818012050180", DecodeErrorKind::Truncated),
            ("81800105", DecodeErrorKind::Truncated),
            ("8180020501", DecodeErrorKind::Truncated),
            ("81800205018000", DecodeErrorKind::Truncated),
            ("81800305018000", DecodeErrorKind::TrailingData),
            ("808003050180", DecodeErrorKind::UnexpectedTag),
            ("818103050180", DecodeErrorKind::UnexpectedTag),
            ("8180020500", DecodeErrorKind::WrongLength),
            ("8180050503000080", DecodeErrorKind::WrongLength),
            ("818003050100", DecodeErrorKind::ValueOutOfRange),
            ("8180060704 00000000", DecodeErrorKind::ValueOutOfRange),
            ("818006050180050180", DecodeErrorKind::Duplicate),
        ] {
            assert_eq!(parsed(octets), Err(kind), "{octets}");
        }
    }

    #[test]
    fn values_above_the_range_become_the_largest() {
        let expected = Parameters::new(2030, 2030, 7, 7).expect("within range");
        assert_eq!(
            parsed("818013 0502FFFF 0604FFFFFFFF 070108 080400000100"),
            Ok(expected)
        );
    }

    #[test]
    fn values_outside_the_range_cannot_be_proposed() {
        for (length, window) in [(0, 1), (2031, 1), (128, 0), (128, 8)] {
            assert!(Parameters::new(length, 128, 1, window).is_err());
            assert!(Parameters::new(128, length, window, 1).is_err());
        }
    }

    #[test]
    fn l_10_an_answer_above_the_proposal_is_clamped() {
        let proposal = Parameters::new(256, 512, 2, 3).expect("within range");
        let answer = Parameters::new(2030, 2030, 7, 7).expect("within range");
        assert_eq!(proposal.negotiate(&answer), proposal);
        let smaller = Parameters::new(128, 64, 1, 1).expect("within range");
        assert_eq!(
            proposal.negotiate(&smaller),
            Parameters::new(64, 128, 1, 1).expect("within range")
        );
    }

    proptest! {
        #[test]
        fn whatever_can_be_proposed_survives_a_round_trip(
            transmit in 1_u16..=2030, receive in 1_u16..=2030, windows in (1_u8..=7, 1_u8..=7),
        ) {
            let parameters = Parameters::new(transmit, receive, windows.0, windows.1).expect("within range");
            prop_assert_eq!(Parameters::parse_all(&parameters.to_vec()), Ok(parameters));
        }

        #[test]
        fn both_sides_negotiate_the_same(
            lengths in prop::array::uniform4(1_u16..=2030), windows in prop::array::uniform4(1_u8..=7),
        ) {
            let client = Parameters::new(lengths[0], lengths[1], windows[0], windows[1]).expect("within range");
            let server = Parameters::new(lengths[2], lengths[3], windows[2], windows[3]).expect("within range");
            let at_server = server.negotiate(&client);
            let at_client = client.negotiate(&at_server);
            prop_assert_eq!(at_client.max_info_field_length_transmit, at_server.max_info_field_length_receive);
            prop_assert_eq!(at_client.max_info_field_length_receive, at_server.max_info_field_length_transmit);
            prop_assert_eq!(at_client.window_size_transmit, at_server.window_size_receive);
            prop_assert_eq!(at_client.window_size_receive, at_server.window_size_transmit);
        }

        #[test]
        fn any_octets_parse_or_are_refused(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(parameters) = Parameters::parse_information(&octets) {
                prop_assert!((1..=MAX_INFO_FIELD_LENGTH).contains(&parameters.max_info_field_length_transmit));
                prop_assert!((1..=MAX_WINDOW_SIZE).contains(&parameters.window_size_receive));
            }
        }
    }
}
