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

impl Date {
    /// The number of the day, counted from 1 March of the year 0; `None` where it is no day of the calendar.
    fn days(&self) -> Option<i64> {
        let (year, month, day) = (self.year, self.month, self.day_of_month);
        if year == YEAR_NOT_SPECIFIED || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        // Years that begin in March have their leap day at the end, where it moves no other.
        let since_march = (i64::from(month) + 9) % 12;
        let year = i64::from(year) - i64::from(month <= 2);
        let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = days + (153 * since_march + 2) / 5 + i64::from(day) - 1;
        (Self::from_days(days)?.day_of_month == day).then_some(days)
    }

    /// The day with this number, weekday included; `None` where it is outside the years that can be written.
    fn from_days(days: i64) -> Option<Self> {
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let since_march = (5 * of_year + 2) / 153;
        let month = (since_march + 2) % 12 + 1;
        let year = 400 * era + year + i64::from(month <= 2);
        let date = Self {
            year: u16::try_from(year).ok()?,
            month: u8::try_from(month).ok()?,
            day_of_month: u8::try_from(of_year - (153 * since_march + 2) / 5 + 1).ok()?,
            // 1 March of the year 0 was a Wednesday.
            day_of_week: u8::try_from((days + 2).rem_euclid(7) + 1).ok()?,
        };
        (date.year != YEAR_NOT_SPECIFIED).then_some(date)
    }
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

impl DateTime {
    /// The moment `seconds` later, or earlier where they are negative, by the same clock: deviation and status stay, a weekday is
    /// set anew, hundredths stay. `None` where it is no point in time, or the other would not be one.
    #[must_use]
    pub fn plus(&self, seconds: i64) -> Option<Self> {
        const DAY: i64 = 86_400;
        let Time {
            hour,
            minute,
            second,
            hundredths,
        } = self.time;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let of_day = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        let moment = self.date.days()?.checked_mul(DAY)?.checked_add(of_day)?;
        let moment = moment.checked_add(seconds)?;
        let mut date = Date::from_days(moment.div_euclid(DAY))?;
        if self.date.day_of_week == NOT_SPECIFIED {
            date.day_of_week = NOT_SPECIFIED;
        }
        let of_day = moment.rem_euclid(DAY);
        let part = |value: i64| u8::try_from(value).ok();
        Some(Self {
            date,
            time: Time {
                hour: part(of_day / 3600)?,
                minute: part(of_day / 60 % 60)?,
                second: part(of_day % 60)?,
                hundredths,
            },
            ..*self
        })
    }
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

    fn moment(text: &str) -> DateTime {
        let octets: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
            .collect();
        DateTime::parse_all(&octets).expect("12 octets")
    }

    #[test]
    fn a_capture_period_later_by_the_calendar() {
        // 2026-11-22 was a Sunday, 2028-02-29 a Tuesday.
        for (from, seconds, to) in [
            (
                "07EA0B160717000000FFC400",
                3600,
                Some("07EA0B170100000000FFC400"),
            ),
            (
                "07EA0B16FF173B3B638000FF",
                1,
                Some("07EA0B17FF000000638000FF"),
            ),
            ("07EC021C010A00FF00800000", 900, None),
            (
                "07EC021C010A000000800000",
                86_400,
                Some("07EC021D020A000000800000"),
            ),
            (
                "07EC021C010A000000800000",
                172_800,
                Some("07EC0301030A000000800000"),
            ),
            (
                "07EA01010400000000FFC400",
                -1,
                Some("07E90C1F03173B3B00FFC400"),
            ),
            ("07EA021E0100000000FFC400", 1, None),
            ("FFFF01010100000000FFC400", 1, None),
            ("07EAFE010100000000FFC400", 1, None),
            ("FFFE0C1F05173B3B00FFC400", 1, None),
            ("000001010600000000FFC400", -1, None),
        ] {
            assert_eq!(moment(from).plus(seconds), to.map(moment), "{from}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_again(days in 0..20_000_000_i64) {
            if let Some(date) = Date::from_days(days) {
                prop_assert_eq!(date.days(), Some(days));
            }
        }

        #[test]
        fn every_twelve_octets_survive(octets: [u8; 12]) {
            let moment = DateTime::parse_all(&octets).expect("12 octets");
            prop_assert_eq!(moment.to_vec(), octets);
        }
    }
}
