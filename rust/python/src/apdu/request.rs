//! GET and SET requests in their normal form.

use dlms_fw_core::xdlms::descriptor::{AttributeDescriptor, AttributeSelection, SelectiveAccess};
use dlms_fw_core::xdlms::get::{self, GetRequestForm};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::set::{self, SetItem, SetRequestForm};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{EncodedData, logical_name, shown, shown_bool};

/// An attribute, and the part of it that is meant.
#[derive(PartialEq, Eq, Hash)]
struct Target {
    attribute: AttributeDescriptor,
    selection: Option<(u8, EncodedData)>,
}

impl Target {
    fn new(
        class_id: u16,
        name: &[u8],
        attribute_id: i8,
        selection: Option<(u8, EncodedData)>,
    ) -> PyResult<Self> {
        let attribute = AttributeDescriptor {
            class_id,
            logical_name: logical_name(name)?,
            attribute_id,
        };
        Ok(Self {
            attribute,
            selection,
        })
    }

    fn from_core(py: Python<'_>, attribute: &AttributeSelection<'_>) -> Self {
        Self {
            attribute: attribute.attribute,
            selection: attribute.access_selection.map(|access| {
                (
                    access.access_selector,
                    EncodedData::new(py, access.access_parameters),
                )
            }),
        }
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> AttributeSelection<'a> {
        AttributeSelection {
            attribute: self.attribute,
            access_selection: self
                .selection
                .as_ref()
                .map(|(access_selector, parameters)| SelectiveAccess {
                    access_selector: *access_selector,
                    access_parameters: parameters.raw(py),
                }),
        }
    }

    fn selection(&self, py: Python<'_>) -> Option<(u8, Py<PyBytes>)> {
        self.selection
            .as_ref()
            .map(|(selector, parameters)| (*selector, parameters.object(py)))
    }

    fn shown(&self) -> String {
        let AttributeDescriptor {
            class_id,
            logical_name,
            attribute_id,
        } = self.attribute;
        let selection = self
            .selection
            .as_ref()
            .map_or_else(String::new, |(selector, parameters)| {
                format!(", selection=({selector}, {parameters:?})")
            });
        format!(
            "class_id={class_id}, logical_name={logical_name}, attribute_id={attribute_id}{selection}"
        )
    }
}

/// The service class: what the octet says where it is given.
pub(super) fn service_class(confirmed: bool, invoke_id_and_priority: Option<u8>) -> PyResult<bool> {
    match invoke_id_and_priority.map(|octet| InvokeIdAndPriority(octet).confirmed()) {
        Some(true) if !confirmed => Err(PyValueError::new_err(
            "invoke_id_and_priority says that the request is confirmed",
        )),
        Some(given) => Ok(given),
        None => Ok(confirmed),
    }
}

/// GET.request, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct GetRequest {
    target: Target,
    #[pyo3(get)]
    invoke_id_and_priority: Option<u8>,
}

impl GetRequest {
    pub(crate) fn from_core(
        py: Python<'_>,
        attribute: &AttributeSelection<'_>,
        invoke: Option<InvokeIdAndPriority>,
    ) -> Self {
        Self {
            target: Target::from_core(py, attribute),
            invoke_id_and_priority: invoke.map(|octet| octet.0),
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::of_request(self.invoke_id_and_priority, true)
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> get::GetRequest<'a> {
        get::GetRequest {
            invoke_id_and_priority: invoke,
            form: GetRequestForm::Normal(self.item(py)),
        }
    }

    pub(super) fn item<'a>(&'a self, py: Python<'a>) -> AttributeSelection<'a> {
        self.target.wire(py)
    }
}

#[pymethods]
impl GetRequest {
    #[new]
    #[pyo3(signature = (class_id, logical_name, attribute_id, selection = None, *, invoke_id_and_priority = None))]
    fn new(
        class_id: u16,
        logical_name: &[u8],
        attribute_id: i8,
        selection: Option<(u8, EncodedData)>,
        invoke_id_and_priority: Option<u8>,
    ) -> PyResult<Self> {
        Ok(Self {
            target: Target::new(class_id, logical_name, attribute_id, selection)?,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn class_id(&self) -> u16 {
        self.target.attribute.class_id
    }

    #[getter]
    fn logical_name<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.target.attribute.logical_name.0)
    }

    #[getter]
    fn attribute_id(&self) -> i8 {
        self.target.attribute.attribute_id
    }

    #[getter]
    fn selection(&self, py: Python<'_>) -> Option<(u8, Py<PyBytes>)> {
        self.target.selection(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let invoke = shown(self.invoke_id_and_priority.as_ref());
        format!(
            "GetRequest({}, invoke_id_and_priority={invoke})",
            self.target.shown()
        )
    }
}

/// SET.request, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct SetRequest {
    target: Target,
    data: EncodedData,
    #[pyo3(get)]
    confirmed: bool,
    #[pyo3(get)]
    invoke_id_and_priority: Option<u8>,
}

impl SetRequest {
    pub(crate) fn from_core(
        py: Python<'_>,
        item: &SetItem<'_>,
        invoke: Option<InvokeIdAndPriority>,
    ) -> Self {
        Self {
            target: Target::from_core(py, &item.attribute),
            data: EncodedData::new(py, item.data),
            confirmed: invoke.is_none_or(InvokeIdAndPriority::confirmed),
            invoke_id_and_priority: invoke.map(|octet| octet.0),
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::of_request(self.invoke_id_and_priority, self.confirmed)
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> set::SetRequest<'a> {
        set::SetRequest {
            invoke_id_and_priority: invoke,
            form: SetRequestForm::Normal(self.item(py)),
        }
    }

    pub(super) fn item<'a>(&'a self, py: Python<'a>) -> SetItem<'a> {
        SetItem {
            attribute: self.target.wire(py),
            data: self.data.raw(py),
        }
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }
}

#[pymethods]
impl SetRequest {
    #[new]
    #[pyo3(signature = (
        class_id, logical_name, attribute_id, data, selection = None, *, confirmed = true, invoke_id_and_priority = None
    ))]
    fn new(
        class_id: u16,
        logical_name: &[u8],
        attribute_id: i8,
        data: EncodedData,
        selection: Option<(u8, EncodedData)>,
        confirmed: bool,
        invoke_id_and_priority: Option<u8>,
    ) -> PyResult<Self> {
        Ok(Self {
            target: Target::new(class_id, logical_name, attribute_id, selection)?,
            data,
            confirmed: service_class(confirmed, invoke_id_and_priority)?,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn class_id(&self) -> u16 {
        self.target.attribute.class_id
    }

    #[getter]
    fn logical_name<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.target.attribute.logical_name.0)
    }

    #[getter]
    fn attribute_id(&self) -> i8 {
        self.target.attribute.attribute_id
    }

    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.object(py)
    }

    #[getter]
    fn selection(&self, py: Python<'_>) -> Option<(u8, Py<PyBytes>)> {
        self.target.selection(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!(
            "SetRequest({}, data={:?}, confirmed={}, invoke_id_and_priority={})",
            self.target.shown(),
            self.data,
            shown_bool(self.confirmed),
            shown(self.invoke_id_and_priority.as_ref()),
        )
    }
}
