//! date-time, date and time as meters write them: every octet kept as it came, wildcards and impossible values too.
//!
//! What cannot be a point in time is still a value (a schedule "every day at 02:30" lives from it). Turning one into a
//! clock time is for whoever knows a calendar.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// "Not specified" in any one-octet field.
pub const NOT_SPECIFIED: u8 = 0xFF;
/// "Not specified" in the year.
pub const YEAR_NOT_SPECIFIED: u16 = 0xFFFF;
/// "Not specified" in the deviation.
pub const DEVIATION_NOT_SPECIFIED: i16 = i16::MIN;

/// A date, 5 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    /// 0 to 65534, or [`YEAR_NOT_SPECIFIED`].
    pub year: u16,
    /// 1 to 12; 0xFD daylight savings end, 0xFE daylight savings begin.
    pub month: u8,
    /// 1 to 31; 0xFD second last day, 0xFE last day of the month.
    pub day_of_month: u8,
    /// 1 Monday to 7 Sunday.
    pub day_of_week: u8,
}

impl Date {
    /// Nothing specified.
    pub const UNSPECIFIED: Self = Self {
        year: YEAR_NOT_SPECIFIED,
        month: NOT_SPECIFIED,
        day_of_month: NOT_SPECIFIED,
        day_of_week: NOT_SPECIFIED,
    };
}

impl Parse<'_> for Date {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [year_high, year_low, month, day_of_month, day_of_week] = reader.array()?;
        Ok(Self {
            year: u16::from_be_bytes([year_high, year_low]),
            month,
            day_of_month,
            day_of_week,
        })
    }
}

impl Emit for Date {
    fn emitted_len(&self) -> usize {
        5
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u16(self.year);
        out.put(&[self.month, self.day_of_month, self.day_of_week]);
    }
}

/// A time of day, 4 octets; each field may be [`NOT_SPECIFIED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Hundredths of a second, 0 to 99.
    pub hundredths: u8,
}

impl Time {
    /// Nothing specified.
    pub const UNSPECIFIED: Self = Self {
        hour: NOT_SPECIFIED,
        minute: NOT_SPECIFIED,
        second: NOT_SPECIFIED,
        hundredths: NOT_SPECIFIED,
    };
}

impl Parse<'_> for Time {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [hour, minute, second, hundredths] = reader.array()?;
        Ok(Self {
            hour,
            minute,
            second,
            hundredths,
        })
    }
}

impl Emit for Time {
    fn emitted_len(&self) -> usize {
        4
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&[self.hour, self.minute, self.second, self.hundredths]);
    }
}

/// A date and time with its deviation from UTC, 12 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The date in local time.
    pub date: Date,
    /// The time of day in local time.
    pub time: Time,
    /// UTC minus local time in minutes, -720 to 840, or [`DEVIATION_NOT_SPECIFIED`].
    pub deviation: i16,
    /// Bits 0 invalid, 1 doubtful, 2 different clock base, 3 invalid status, 7 daylight saving; or [`NOT_SPECIFIED`].
    pub clock_status: u8,
}

impl DateTime {
    /// Nothing specified.
    pub const UNSPECIFIED: Self = Self {
        date: Date::UNSPECIFIED,
        time: Time::UNSPECIFIED,
        deviation: DEVIATION_NOT_SPECIFIED,
        clock_status: NOT_SPECIFIED,
    };
}

impl Parse<'_> for DateTime {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.sub(12)?;
        Ok(Self {
            date: Date::parse(&mut fields)?,
            time: Time::parse(&mut fields)?,
            deviation: fields.i16()?,
            clock_status: fields.u8()?,
        })
    }
}

impl Emit for DateTime {
    fn emitted_len(&self) -> usize {
        12
    }

    fn emit(&self, out: &mut Writer<'_>) {
        self.date.emit(out);
        self.time.emit(out);
        out.i16(self.deviation);
        out.u8(self.clock_status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind::Truncated;
    use proptest::prelude::*;

    #[test]
    fn the_end_of_summer_time_is_the_last_sunday_of_october() {
        let octets = [
            0xFF, 0xFF, 0x0A, 0xFE, 0x07, 0x03, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00,
        ];
        let moment = DateTime::parse_all(&octets).expect("12 octets");
        assert_eq!(
            moment.date,
            Date {
                year: YEAR_NOT_SPECIFIED,
                month: 10,
                day_of_month: 0xFE,
                day_of_week: 7
            }
        );
        assert_eq!(moment.time.hour, 3);
        assert_eq!(moment.deviation, DEVIATION_NOT_SPECIFIED);
        assert_eq!(moment.clock_status, 0);
        assert_eq!(moment.to_vec(), octets);
        for cut in 0..12 {
            assert_eq!(
                DateTime::parse_all(&octets[..cut]),
                Err(DecodeError::new(Truncated, cut))
            );
        }
    }

    #[test]
    fn unspecified_is_what_the_standard_says() {
        assert_eq!(
            DateTime::UNSPECIFIED.to_vec(),
            [
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0xFF
            ]
        );
    }

    proptest! {
        #[test]
        fn every_twelve_octets_survive(octets: [u8; 12]) {
            let moment = DateTime::parse_all(&octets).expect("12 octets");
            prop_assert_eq!(moment.to_vec(), octets);
        }
    }
}
