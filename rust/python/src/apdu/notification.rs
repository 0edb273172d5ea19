//! What a server sends unasked.

use dlms_fw_core::xdlms::descriptor::AttributeDescriptor;
use dlms_fw_core::xdlms::invoke::{InvokeIdAndPriority, LongInvokeIdAndPriority};
use dlms_fw_core::xdlms::notification::{self, OptionalDateTime};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{EncodedData, logical_name};

/// The 12 octets of a date-time.
fn date_time(octets: &[u8]) -> PyResult<[u8; 12]> {
    octets.try_into().map_err(|_| {
        PyValueError::new_err(format!("a date-time has 12 octets, not {}", octets.len()))
    })
}

/// The 12 octets of a date-time, or none.
pub(super) fn optional_date_time(octets: &[u8]) -> PyResult<OptionalDateTime> {
    Ok(OptionalDateTime(if octets.is_empty() {
        None
    } else {
        Some(date_time(octets)?)
    }))
}

/// The object of an optional date-time: `bytes`, empty where there is none.
pub(super) fn date_time_object(py: Python<'_>, date_time: OptionalDateTime) -> Bound<'_, PyBytes> {
    PyBytes::new(py, date_time.0.as_ref().map_or(&[], |octets| &octets[..]))
}

/// data-notification.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct DataNotification {
    #[pyo3(get)]
    long_invoke_id_and_priority: u32,
    date_time: OptionalDateTime,
    data: EncodedData,
}

impl DataNotification {
    pub(crate) fn from_core(
        py: Python<'_>,
        notification: &notification::DataNotification<'_>,
    ) -> Self {
        Self {
            long_invoke_id_and_priority: notification.long_invoke_id_and_priority.0,
            date_time: notification.date_time,
            data: EncodedData::new(py, notification.notification_body),
        }
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> notification::DataNotification<'a> {
        notification::DataNotification {
            long_invoke_id_and_priority: LongInvokeIdAndPriority(self.long_invoke_id_and_priority),
            date_time: self.date_time,
            notification_body: self.data.raw(py),
        }
    }
}

#[pymethods]
impl DataNotification {
    #[new]
    fn new(
        long_invoke_id_and_priority: u32,
        date_time: &[u8],
        data: EncodedData,
    ) -> PyResult<Self> {
        Ok(Self {
            long_invoke_id_and_priority,
            date_time: optional_date_time(date_time)?,
            data,
        })
    }

    #[getter]
    fn date_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        date_time_object(py, self.date_time)
    }

    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.object(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let date_time = self.date_time.0.map_or(0, |octets| octets.len());
        format!(
            "DataNotification(long_invoke_id_and_priority={}, date_time=<{date_time} octets>, data={:?})",
            self.long_invoke_id_and_priority, self.data
        )
    }
}

/// data-notification-confirm.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct DataNotificationConfirm {
    confirm: notification::DataNotificationConfirm,
}

impl DataNotificationConfirm {
    pub(crate) const fn from_core(confirm: &notification::DataNotificationConfirm) -> Self {
        Self { confirm: *confirm }
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) const fn wire(
        &self,
        _py: Python<'_>,
        _invoke: InvokeIdAndPriority,
    ) -> notification::DataNotificationConfirm {
        self.confirm
    }
}

#[pymethods]
impl DataNotificationConfirm {
    #[new]
    #[pyo3(signature = (long_invoke_id_and_priority, date_time = Vec::new()))]
    fn new(long_invoke_id_and_priority: u32, date_time: Vec<u8>) -> PyResult<Self> {
        Ok(Self {
            confirm: notification::DataNotificationConfirm {
                long_invoke_id_and_priority: LongInvokeIdAndPriority(long_invoke_id_and_priority),
                date_time: optional_date_time(&date_time)?,
            },
        })
    }

    #[getter]
    const fn long_invoke_id_and_priority(&self) -> u32 {
        self.confirm.long_invoke_id_and_priority.0
    }

    #[getter]
    fn date_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        date_time_object(py, self.confirm.date_time)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.confirm)
    }

    fn __repr__(&self) -> String {
        format!(
            "DataNotificationConfirm(long_invoke_id_and_priority={})",
            self.long_invoke_id_and_priority()
        )
    }
}

/// event-notification-request.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct EventNotification {
    attribute: AttributeDescriptor,
    data: EncodedData,
    time: Option<[u8; 12]>,
}

impl EventNotification {
    pub(crate) fn from_core(
        py: Python<'_>,
        notification: &notification::EventNotification<'_>,
    ) -> Self {
        Self {
            attribute: notification.attribute,
            data: EncodedData::new(py, notification.data),
            time: notification.time,
        }
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> notification::EventNotification<'a> {
        notification::EventNotification {
            time: self.time,
            attribute: self.attribute,
            data: self.data.raw(py),
        }
    }
}

#[pymethods]
impl EventNotification {
    #[new]
    #[pyo3(signature = (class_id, logical_name, attribute_id, data, *, time = None))]
    fn new(
        class_id: u16,
        logical_name: &[u8],
        attribute_id: i8,
        data: EncodedData,
        time: Option<&[u8]>,
    ) -> PyResult<Self> {
        let logical_name = self::logical_name(logical_name)?;
        let attribute = AttributeDescriptor {
            class_id,
            logical_name,
            attribute_id,
        };
        Ok(Self {
            attribute,
            data,
            time: time.map(date_time).transpose()?,
        })
    }

    #[getter]
    fn class_id(&self) -> u16 {
        self.attribute.class_id
    }

    #[getter]
    fn logical_name<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.attribute.logical_name.0)
    }

    #[getter]
    fn attribute_id(&self) -> i8 {
        self.attribute.attribute_id
    }

    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.object(py)
    }

    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.time.map(|octets| PyBytes::new(py, &octets))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let AttributeDescriptor {
            class_id,
            logical_name,
            attribute_id,
        } = self.attribute;
        let time = if self.time.is_some() {
            "<12 octets>"
        } else {
            "None"
        };
        format!(
            "EventNotification(class_id={class_id}, logical_name={logical_name}, attribute_id={attribute_id}, \
             data={:?}, time={time})",
            self.data
        )
    }
}
