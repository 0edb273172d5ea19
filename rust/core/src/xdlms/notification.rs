//! What a server sends unasked: event-notification-request (one attribute) and data-notification (a push list), and how a
//! client confirms the latter.

use super::datablock::parse_octets;
use super::descriptor::AttributeDescriptor;
use super::invoke::LongInvokeIdAndPriority;
use super::parse_flag;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The length of a date-time.
const DATE_TIME: u8 = 12;

/// A date-time as the long services carry it: an octet-string of 12 octets, or an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct OptionalDateTime(pub Option<[u8; DATE_TIME as usize]>);

impl<'a> Parse<'a> for OptionalDateTime {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let wrong_length = reader.error(DecodeErrorKind::WrongLength);
        match parse_octets(reader)? {
            [] => Ok(Self(None)),
            octets => octets
                .try_into()
                .map(|octets| Self(Some(octets)))
                .map_err(|_| wrong_length),
        }
    }
}

impl Emit for OptionalDateTime {
    fn emitted_len(&self) -> usize {
        1 + self.0.map_or(0, |octets| octets.len())
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match &self.0 {
            None => out.u8(0),
            Some(octets) => {
                out.u8(DATE_TIME);
                out.put(octets);
            }
        }
    }
}

/// Event-Notification-Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventNotification<'a> {
    /// When the event happened, as the 12 octets of a date-time.
    pub time: Option<[u8; DATE_TIME as usize]>,
    /// The attribute that is reported.
    pub attribute: AttributeDescriptor,
    /// Its value.
    pub data: RawData<'a>,
}

impl EventNotification<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xC2;
}

impl<'a> Parse<'a> for EventNotification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let time = if parse_flag(reader)? {
            // An older text has 12 octets without a length. No date-time begins with 0C: that would be the year 3072.
            if reader.peek() == Some(DATE_TIME) {
                reader.u8()?;
            }
            Some(reader.array()?)
        } else {
            None
        };
        Ok(Self {
            time,
            attribute: AttributeDescriptor::parse(reader)?,
            data: RawData::parse(reader)?,
        })
    }
}

impl Emit for EventNotification<'_> {
    fn emitted_len(&self) -> usize {
        let time = if self.time.is_some() {
            2 + usize::from(DATE_TIME)
        } else {
            1
        };
        1 + time + self.attribute.emitted_len() + self.data.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        match &self.time {
            None => out.u8(0),
            Some(time) => {
                out.put(&[1, DATE_TIME]);
                out.put(time);
            }
        }
        self.attribute.emit(out);
        self.data.emit(out);
    }
}

/// Data-Notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataNotification<'a> {
    /// The invoke id, service class and priority, long form.
    pub long_invoke_id_and_priority: LongInvokeIdAndPriority,
    /// When it was made.
    pub date_time: OptionalDateTime,
    /// The values, most often a structure.
    pub notification_body: RawData<'a>,
}

impl DataNotification<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x0F;
}

impl<'a> Parse<'a> for DataNotification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self {
            long_invoke_id_and_priority: LongInvokeIdAndPriority(reader.u32()?),
            date_time: OptionalDateTime::parse(reader)?,
            notification_body: RawData::parse(reader)?,
        })
    }
}

impl Emit for DataNotification<'_> {
    fn emitted_len(&self) -> usize {
        1 + 4 + self.date_time.emitted_len() + self.notification_body.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        out.u32(self.long_invoke_id_and_priority.0);
        self.date_time.emit(out);
        self.notification_body.emit(out);
    }
}

/// Data-Notification-Confirm, of the newer editions: the client has the data-notification of this invoke id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataNotificationConfirm {
    /// That of the notification.
    pub long_invoke_id_and_priority: LongInvokeIdAndPriority,
    /// When it was confirmed.
    pub date_time: OptionalDateTime,
}

impl DataNotificationConfirm {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x10;
}

impl Parse<'_> for DataNotificationConfirm {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self {
            long_invoke_id_and_priority: LongInvokeIdAndPriority(reader.u32()?),
            date_time: OptionalDateTime::parse(reader)?,
        })
    }
}

impl Emit for DataNotificationConfirm {
    fn emitted_len(&self) -> usize {
        1 + 4 + self.date_time.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        out.u32(self.long_invoke_id_and_priority.0);
        self.date_time.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<EventNotification<'_>>(samples::EVENT_NOTIFICATIONS);
        check_samples::<DataNotification<'_>>(samples::DATA_NOTIFICATIONS);
        check_samples::<DataNotificationConfirm>(samples::DATA_NOTIFICATION_CONFIRMS);
    }

    #[test]
    fn event_time_is_read_with_and_without_its_length() {
        let with = hex("C2 01 0C 07E90C1803021E00008000FF 0001 0000600B00FF 02 1105");
        let without = hex("C2 01 07E90C1803021E00008000FF 0001 0000600B00FF 02 1105");
        let parsed = EventNotification::parse_all(&with).expect("a complete APDU");
        assert!(parsed.time.is_some());
        assert_eq!(EventNotification::parse_all(&without), Ok(parsed));
    }

    #[test]
    fn a_date_time_has_twelve_octets_or_none() {
        let octets = hex("0F 40000001 04 07E90C18 00");
        assert_eq!(
            DataNotification::parse_all(&octets),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 5))
        );
    }
}
