//! Date, time and date-time as Python objects, and the way to and from `datetime`.
//!
//! Every octet is kept; only `to_datetime` judges whether it is a point in time.

use dlms_fw_core::axdr::{self, datetime};
use dlms_fw_core::codec::{Emit, Parse};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTime, PyTimeAccess,
    PyTzInfo,
};

use crate::octets::Octets;

/// A COSEM date (5 octets).
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Date(pub(crate) axdr::Date);

/// A COSEM time (4 octets).
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Time(pub(crate) axdr::Time);

/// A COSEM date-time (12 octets).
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct DateTime(pub(crate) axdr::DateTime);

#[pymethods]
impl Date {
    #[new]
    #[pyo3(signature = (year = None, month = None, day_of_month = None, day_of_week = None))]
    fn new(
        year: Option<u16>,
        month: Option<u8>,
        day_of_month: Option<u8>,
        day_of_week: Option<u8>,
    ) -> Self {
        Self(axdr::Date {
            year: year.unwrap_or(datetime::YEAR_NOT_SPECIFIED),
            month: field(month),
            day_of_month: field(day_of_month),
            day_of_week: field(day_of_week),
        })
    }

    #[staticmethod]
    fn from_bytes(octets: Octets<'_>) -> PyResult<Self> {
        exactly(&octets, 5).map(Self)
    }

    #[staticmethod]
    fn from_date(value: &Bound<'_, PyDate>) -> PyResult<Self> {
        Ok(Self(axdr::Date {
            year: u16::try_from(value.get_year())?,
            month: value.get_month(),
            day_of_month: value.get_day(),
            day_of_week: value.call_method0("isoweekday")?.extract()?,
        }))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_vec())
    }

    fn to_date<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDate>> {
        let year = self.year().map(i32::from);
        PyDate::new(
            py,
            due("year", year)?,
            due("month", self.month())?,
            due("day of month", self.day_of_month())?,
        )
    }

    #[getter]
    fn year(&self) -> Option<u16> {
        (self.0.year != datetime::YEAR_NOT_SPECIFIED).then_some(self.0.year)
    }

    #[getter]
    fn month(&self) -> Option<u8> {
        specified(self.0.month)
    }

    #[getter]
    fn day_of_month(&self) -> Option<u8> {
        specified(self.0.day_of_month)
    }

    #[getter]
    fn day_of_week(&self) -> Option<u8> {
        specified(self.0.day_of_week)
    }

    fn __repr__(&self) -> String {
        let fields = [
            shown("year", self.year()),
            shown("month", self.month()),
            shown("day_of_month", self.day_of_month()),
            shown("day_of_week", self.day_of_week()),
        ];
        format!("Date({})", joined(fields))
    }
}

#[pymethods]
impl Time {
    #[new]
    #[pyo3(signature = (hour = None, minute = None, second = None, hundredths = None))]
    fn new(
        hour: Option<u8>,
        minute: Option<u8>,
        second: Option<u8>,
        hundredths: Option<u8>,
    ) -> Self {
        Self(axdr::Time {
            hour: field(hour),
            minute: field(minute),
            second: field(second),
            hundredths: field(hundredths),
        })
    }

    #[staticmethod]
    fn from_bytes(octets: Octets<'_>) -> PyResult<Self> {
        exactly(&octets, 4).map(Self)
    }

    #[staticmethod]
    fn from_time(value: &Bound<'_, PyTime>) -> PyResult<Self> {
        Ok(Self(axdr::Time {
            hour: value.get_hour(),
            minute: value.get_minute(),
            second: value.get_second(),
            hundredths: u8::try_from(value.get_microsecond() / 10_000)?,
        }))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_vec())
    }

    fn to_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTime>> {
        PyTime::new(
            py,
            due("hour", self.hour())?,
            due("minute", self.minute())?,
            due("second", self.second())?,
            microseconds(self.0.hundredths),
            None,
        )
    }

    #[getter]
    fn hour(&self) -> Option<u8> {
        specified(self.0.hour)
    }

    #[getter]
    fn minute(&self) -> Option<u8> {
        specified(self.0.minute)
    }

    #[getter]
    fn second(&self) -> Option<u8> {
        specified(self.0.second)
    }

    #[getter]
    fn hundredths(&self) -> Option<u8> {
        specified(self.0.hundredths)
    }

    fn __repr__(&self) -> String {
        let fields = [
            shown("hour", self.hour()),
            shown("minute", self.minute()),
            shown("second", self.second()),
            shown("hundredths", self.hundredths()),
        ];
        format!("Time({})", joined(fields))
    }
}

#[pymethods]
impl DateTime {
    #[new]
    #[pyo3(signature = (date = None, time = None, deviation = None, clock_status = None))]
    fn new(
        date: Option<&Bound<'_, Date>>,
        time: Option<&Bound<'_, Time>>,
        deviation: Option<i16>,
        clock_status: Option<u8>,
    ) -> Self {
        Self(axdr::DateTime {
            date: date.map_or(axdr::Date::UNSPECIFIED, |date| date.get().0),
            time: time.map_or(axdr::Time::UNSPECIFIED, |time| time.get().0),
            deviation: deviation.unwrap_or(datetime::DEVIATION_NOT_SPECIFIED),
            clock_status: field(clock_status),
        })
    }

    #[staticmethod]
    fn from_bytes(octets: Octets<'_>) -> PyResult<Self> {
        exactly(&octets, 12).map(Self)
    }

    #[staticmethod]
    #[pyo3(signature = (value, *, clock_status = None, opposite_deviation = false))]
    fn from_datetime(
        value: &Bound<'_, PyDateTime>,
        clock_status: Option<u8>,
        opposite_deviation: bool,
    ) -> PyResult<Self> {
        let year = u16::try_from(value.get_year())?;
        let day_of_week = value.call_method0("isoweekday")?.extract()?;
        let hundredths = u8::try_from(value.get_microsecond() / 10_000)?;
        let offset = value.call_method0("utcoffset")?;
        let deviation = if offset.is_none() {
            datetime::DEVIATION_NOT_SPECIFIED
        } else {
            let deviation = deviation_of(offset.cast::<PyDelta>()?)?;
            if opposite_deviation {
                -deviation
            } else {
                deviation
            }
        };
        Ok(Self(axdr::DateTime {
            date: axdr::Date {
                year,
                month: value.get_month(),
                day_of_month: value.get_day(),
                day_of_week,
            },
            time: axdr::Time {
                hour: value.get_hour(),
                minute: value.get_minute(),
                second: value.get_second(),
                hundredths,
            },
            deviation,
            clock_status: field(clock_status),
        }))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_vec())
    }

    #[pyo3(signature = (*, opposite_deviation = false))]
    fn to_datetime<'py>(
        &self,
        py: Python<'py>,
        opposite_deviation: bool,
    ) -> PyResult<Bound<'py, PyDateTime>> {
        self.point_in_time(py, opposite_deviation).map_err(|error| {
            let reason = error.value(py);
            PyValueError::new_err(format!("{} is no point in time: {reason}", self.__repr__()))
        })
    }

    #[getter]
    fn date(&self) -> Date {
        Date(self.0.date)
    }

    #[getter]
    fn time(&self) -> Time {
        Time(self.0.time)
    }

    #[getter]
    fn deviation(&self) -> Option<i16> {
        (self.0.deviation != datetime::DEVIATION_NOT_SPECIFIED).then_some(self.0.deviation)
    }

    #[getter]
    fn clock_status(&self) -> Option<u8> {
        specified(self.0.clock_status)
    }

    fn __repr__(&self) -> String {
        let fields = [
            Some(self.date().__repr__()),
            Some(self.time().__repr__()),
            shown("deviation", self.deviation()),
            shown("clock_status", self.clock_status()),
        ];
        format!("DateTime({})", joined(fields))
    }
}

impl DateTime {
    fn point_in_time<'py>(
        &self,
        py: Python<'py>,
        opposite_deviation: bool,
    ) -> PyResult<Bound<'py, PyDateTime>> {
        let axdr::DateTime { date, time, .. } = self.0;
        let year = Date(date).year().map(i32::from);
        let zone = match self.deviation() {
            None => None,
            Some(deviation) => {
                let sign = if opposite_deviation { 60 } else { -60 };
                let offset = PyDelta::new(py, 0, sign * i32::from(deviation), 0, true)?;
                Some(PyTzInfo::fixed_offset(py, offset)?)
            }
        };
        PyDateTime::new(
            py,
            due("year", year)?,
            due("month", specified(date.month))?,
            due("day of month", specified(date.day_of_month))?,
            due("hour", specified(time.hour))?,
            due("minute", specified(time.minute))?,
            due("second", specified(time.second))?,
            microseconds(time.hundredths),
            zone.as_ref(),
        )
    }
}

fn due<T>(name: &str, value: Option<T>) -> PyResult<T> {
    value.ok_or_else(|| PyValueError::new_err(format!("the {name} is not specified")))
}

/// Most meters leave the hundredths out; that is the whole second.
fn microseconds(hundredths: u8) -> u32 {
    u32::from(specified(hundredths).unwrap_or(0)) * 10_000
}

fn field(value: Option<u8>) -> u8 {
    value.unwrap_or(datetime::NOT_SPECIFIED)
}

fn specified(octet: u8) -> Option<u8> {
    (octet != datetime::NOT_SPECIFIED).then_some(octet)
}

fn shown<T: std::fmt::Display>(name: &str, value: Option<T>) -> Option<String> {
    value.map(|value| format!("{name}={value}"))
}

fn joined(fields: [Option<String>; 4]) -> String {
    fields.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn exactly<'a, T: Parse<'a>>(octets: &'a [u8], size: usize) -> PyResult<T> {
    T::parse_all(octets)
        .map_err(|_| PyValueError::new_err(format!("expected {size} octets, got {}", octets.len())))
}

/// UTC minus local time in minutes, from Python's local minus UTC.
fn deviation_of(offset: &Bound<'_, PyDelta>) -> PyResult<i16> {
    let seconds = offset.get_days() * 86_400 + offset.get_seconds();
    if seconds % 60 != 0 || offset.get_microseconds() != 0 {
        return Err(PyValueError::new_err(
            "the UTC offset is not a whole number of minutes",
        ));
    }
    Ok(i16::try_from(-seconds / 60)?)
}
