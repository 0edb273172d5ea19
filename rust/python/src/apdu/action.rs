//! ACTION requests in their normal form. The parameter may be an image block, which is only referred to until it is written.

use std::hash::{Hash, Hasher};

use dlms_fw_core::axdr::RawData;
use dlms_fw_core::codec::{Emit, Writer};
use dlms_fw_core::image;
use dlms_fw_core::xdlms::action::{self, ActionItem, ActionRequestForm};
use dlms_fw_core::xdlms::descriptor::MethodDescriptor;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::request::service_class;
use crate::image::{ImageBlock, emitted};
use crate::invoke::Invoke;
use crate::shared::{EncodedData, shown, shown_bool};

/// The parameter of an ACTION.request in its borrowed form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter<'a> {
    /// Octets in wire form.
    Data(RawData<'a>),
    /// A block that writes itself.
    Block(image::ImageBlock<'a>),
}

impl Emit for Parameter<'_> {
    #[inline]
    fn emitted_len(&self) -> usize {
        match self {
            Self::Data(data) => data.emitted_len(),
            Self::Block(block) => block.emitted_len(),
        }
    }

    #[inline]
    fn emit(&self, out: &mut Writer<'_>) {
        match self {
            Self::Data(data) => data.emit(out),
            Self::Block(block) => block.emit(out),
        }
    }
}

/// What Python gave as a parameter, or as a value to write.
pub(super) enum HeldParameter {
    Data(EncodedData),
    Block(Py<ImageBlock>),
}

impl HeldParameter {
    pub(super) fn wire<'a>(&'a self, py: Python<'a>) -> Parameter<'a> {
        match self {
            Self::Data(data) => Parameter::Data(data.raw(py)),
            Self::Block(block) => Parameter::Block(block.get().wire(py)),
        }
    }

    /// The object that Python gave.
    pub(super) fn object(&self, py: Python<'_>) -> Py<PyAny> {
        match self {
            Self::Data(data) => data.object(py).into_any(),
            Self::Block(block) => block.clone_ref(py).into_any(),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for HeldParameter {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(block) = object.cast::<ImageBlock>() {
            return Ok(Self::Block(block.to_owned().unbind()));
        }
        object.extract().map(Self::Data)
    }
}

/// By wire form, so that a block equals its octets.
impl PartialEq for HeldParameter {
    fn eq(&self, other: &Self) -> bool {
        Python::attach(|py| match (self, other) {
            (Self::Data(data), Self::Data(other)) => data == other,
            _ => self.wire(py).to_vec() == other.wire(py).to_vec(),
        })
    }
}

impl Eq for HeldParameter {}

impl Hash for HeldParameter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Python::attach(|py| self.wire(py).to_vec().hash(state));
    }
}

/// ACTION.request, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ActionRequest {
    method: MethodDescriptor,
    parameter: Option<HeldParameter>,
    #[pyo3(get)]
    confirmed: bool,
    #[pyo3(get)]
    invoke_id_and_priority: Option<u8>,
}

/// null-data, which stands in a list for a parameter that is absent.
pub(super) const NULL_DATA: RawData<'static> = RawData::trusted(&[0]);

impl ActionRequest {
    pub(crate) fn from_core(
        py: Python<'_>,
        method: &MethodDescriptor,
        parameter: Option<&RawData<'_>>,
        invoke: Option<InvokeIdAndPriority>,
    ) -> Self {
        Self {
            method: *method,
            parameter: parameter.map(|data| HeldParameter::Data(EncodedData::new(py, *data))),
            confirmed: invoke.is_none_or(InvokeIdAndPriority::confirmed),
            invoke_id_and_priority: invoke.map(|octet| octet.0),
        }
    }

    pub(super) fn from_item(py: Python<'_>, item: &ActionItem<RawData<'_>>) -> Self {
        let parameter = Some(&item.parameter).filter(|data| **data != NULL_DATA);
        Self::from_core(py, &item.method, parameter, None)
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::of_request(self.invoke_id_and_priority, self.confirmed)
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> action::ActionRequest<'a, Parameter<'a>> {
        let parameter = self.parameter.as_ref().map(|parameter| parameter.wire(py));
        let form = ActionRequestForm::Normal {
            method: self.method,
            parameter,
        };
        action::ActionRequest {
            invoke_id_and_priority: invoke,
            form,
        }
    }

    pub(super) fn item<'a>(&'a self, py: Python<'a>) -> ActionItem<Parameter<'a>> {
        let parameter = self
            .parameter
            .as_ref()
            .map_or(Parameter::Data(NULL_DATA), |parameter| parameter.wire(py));
        ActionItem {
            method: self.method,
            parameter,
        }
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    pub(crate) const fn with_block(
        method: MethodDescriptor,
        block: Py<ImageBlock>,
        confirmed: bool,
    ) -> Self {
        Self {
            method,
            parameter: Some(HeldParameter::Block(block)),
            confirmed,
            invoke_id_and_priority: None,
        }
    }

    pub(crate) const fn method(&self) -> MethodDescriptor {
        self.method
    }

    /// The parameter as octets, where it is there as such.
    pub(crate) fn octets<'a>(&'a self, py: Python<'a>) -> Option<&'a [u8]> {
        match &self.parameter {
            Some(HeldParameter::Data(data)) => Some(data.raw(py).as_bytes()),
            _ => None,
        }
    }
}

#[pymethods]
impl ActionRequest {
    #[new]
    #[pyo3(signature = (
        class_id, logical_name, method_id, parameter = None, *, confirmed = true, invoke_id_and_priority = None
    ))]
    fn new(
        class_id: u16,
        logical_name: &[u8],
        method_id: i8,
        parameter: Option<HeldParameter>,
        confirmed: bool,
        invoke_id_and_priority: Option<u8>,
    ) -> PyResult<Self> {
        Ok(Self {
            method: MethodDescriptor {
                class_id,
                logical_name: crate::shared::logical_name(logical_name)?,
                method_id,
            },
            parameter,
            confirmed: service_class(confirmed, invoke_id_and_priority)?,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn class_id(&self) -> u16 {
        self.method.class_id
    }

    #[getter]
    fn logical_name<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.method.logical_name.0)
    }

    #[getter]
    fn method_id(&self) -> i8 {
        self.method.method_id
    }

    #[getter]
    fn parameter(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.parameter
            .as_ref()
            .map(|parameter| parameter.object(py))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let MethodDescriptor {
            class_id,
            logical_name,
            method_id,
        } = self.method;
        let parameter = match &self.parameter {
            None => "None".to_owned(),
            Some(HeldParameter::Data(data)) => format!("{data:?}"),
            Some(HeldParameter::Block(block)) => block.get().shown(),
        };
        format!(
            "ActionRequest(class_id={class_id}, logical_name={logical_name}, method_id={method_id}, \
             parameter={parameter}, confirmed={}, invoke_id_and_priority={})",
            shown_bool(self.confirmed),
            shown(self.invoke_id_and_priority.as_ref()),
        )
    }
}
