//! GET, SET and ACTION responses in their normal form, and the two ways of saying that an APDU could not be processed.

use dlms_fw_core::xdlms::action::{self, ActionOutcome, ActionResponseForm};
use dlms_fw_core::xdlms::exception::{self, ServiceErrorCode};
use dlms_fw_core::xdlms::get::{self, GetResponseForm};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::result::{DataAccessResult, GetDataResult};
use dlms_fw_core::xdlms::set::{self, SetResponseForm};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{EncodedData, shown};

/// The octet of a response that was not told the one of its request.
const DEFAULT_INVOKE: u8 = 0xC1;

/// GET.response, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct GetResponse {
    #[pyo3(get)]
    result: u8,
    data: Option<EncodedData>,
    #[pyo3(get)]
    invoke_id_and_priority: u8,
}

impl GetResponse {
    pub(crate) fn from_core(
        py: Python<'_>,
        result: &GetDataResult<'_>,
        invoke: InvokeIdAndPriority,
    ) -> Self {
        let (result, data) = match result {
            GetDataResult::Data(data) => (0, Some(EncodedData::new(py, *data))),
            GetDataResult::DataAccessResult(result) => ((*result).into(), None),
        };
        Self {
            result,
            data,
            invoke_id_and_priority: invoke.0,
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Given(InvokeIdAndPriority(self.invoke_id_and_priority))
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> get::GetResponse<'a> {
        get::GetResponse {
            invoke_id_and_priority: invoke,
            form: GetResponseForm::Normal(self.item(py)),
        }
    }

    pub(super) fn item<'a>(&'a self, py: Python<'a>) -> GetDataResult<'a> {
        match &self.data {
            Some(data) => GetDataResult::Data(data.raw(py)),
            None => GetDataResult::DataAccessResult(self.result.into()),
        }
    }
}

#[pymethods]
impl GetResponse {
    #[new]
    #[pyo3(signature = (result, data = None, *, invoke_id_and_priority = DEFAULT_INVOKE))]
    fn new(result: u8, data: Option<EncodedData>, invoke_id_and_priority: u8) -> PyResult<Self> {
        if data.is_some() != (result == 0) {
            return Err(PyValueError::new_err(
                "data goes with result 0, and only with it",
            ));
        }
        Ok(Self {
            result,
            data,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn data(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.data.as_ref().map(|data| data.object(py))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let Self {
            result,
            data,
            invoke_id_and_priority,
        } = self;
        let data = shown(data.as_ref());
        format!(
            "GetResponse(result={result}, data={data}, invoke_id_and_priority={invoke_id_and_priority})"
        )
    }
}

/// SET.response, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct SetResponse {
    #[pyo3(get)]
    result: u8,
    #[pyo3(get)]
    invoke_id_and_priority: u8,
}

impl SetResponse {
    pub(crate) fn from_core(
        _py: Python<'_>,
        result: DataAccessResult,
        invoke: InvokeIdAndPriority,
    ) -> Self {
        Self {
            result: result.into(),
            invoke_id_and_priority: invoke.0,
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Given(InvokeIdAndPriority(self.invoke_id_and_priority))
    }

    pub(crate) fn wire(&self, _py: Python<'_>, invoke: InvokeIdAndPriority) -> set::SetResponse {
        set::SetResponse {
            invoke_id_and_priority: invoke,
            form: SetResponseForm::Normal(self.item()),
        }
    }

    pub(super) fn item(&self) -> DataAccessResult {
        self.result.into()
    }
}

#[pymethods]
impl SetResponse {
    #[new]
    #[pyo3(signature = (result, *, invoke_id_and_priority = DEFAULT_INVOKE))]
    fn new(result: u8, invoke_id_and_priority: u8) -> Self {
        Self {
            result,
            invoke_id_and_priority,
        }
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let Self {
            result,
            invoke_id_and_priority,
        } = self;
        format!("SetResponse(result={result}, invoke_id_and_priority={invoke_id_and_priority})")
    }
}

/// ACTION.response, normal form.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ActionResponse {
    #[pyo3(get)]
    result: u8,
    data: Option<EncodedData>,
    #[pyo3(get)]
    data_result: Option<u8>,
    #[pyo3(get)]
    invoke_id_and_priority: u8,
}

impl ActionResponse {
    pub(crate) fn from_core(
        py: Python<'_>,
        outcome: &ActionOutcome<'_>,
        invoke: InvokeIdAndPriority,
    ) -> Self {
        let (data, data_result) = match outcome.return_parameters {
            None => (None, None),
            Some(GetDataResult::Data(data)) => (Some(EncodedData::new(py, data)), None),
            Some(GetDataResult::DataAccessResult(result)) => (None, Some(result.into())),
        };
        Self {
            result: outcome.result.into(),
            data,
            data_result,
            invoke_id_and_priority: invoke.0,
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Given(InvokeIdAndPriority(self.invoke_id_and_priority))
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> action::ActionResponse<'a> {
        action::ActionResponse {
            invoke_id_and_priority: invoke,
            form: ActionResponseForm::Normal(self.item(py)),
        }
    }

    pub(super) fn item<'a>(&'a self, py: Python<'a>) -> ActionOutcome<'a> {
        let data = self
            .data
            .as_ref()
            .map(|data| GetDataResult::Data(data.raw(py)));
        let data_result = self
            .data_result
            .map(|result| GetDataResult::DataAccessResult(result.into()));
        ActionOutcome {
            result: self.result.into(),
            return_parameters: data.or(data_result),
        }
    }
}

#[pymethods]
impl ActionResponse {
    #[new]
    #[pyo3(signature = (result, data = None, *, data_result = None, invoke_id_and_priority = DEFAULT_INVOKE))]
    fn new(
        result: u8,
        data: Option<EncodedData>,
        data_result: Option<u8>,
        invoke_id_and_priority: u8,
    ) -> PyResult<Self> {
        if data.is_some() && data_result.is_some() {
            return Err(PyValueError::new_err(
                "a method returns data or a data_result, not both",
            ));
        }
        Ok(Self {
            result,
            data,
            data_result,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn data(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.data.as_ref().map(|data| data.object(py))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!(
            "ActionResponse(result={}, data={}, data_result={}, invoke_id_and_priority={})",
            self.result,
            shown(self.data.as_ref()),
            shown(self.data_result.as_ref()),
            self.invoke_id_and_priority,
        )
    }
}

/// exception-response.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ExceptionResponse {
    response: exception::ExceptionResponse,
}

impl ExceptionResponse {
    pub(crate) const fn from_core(
        _py: Python<'_>,
        response: &exception::ExceptionResponse,
    ) -> Self {
        Self {
            response: *response,
        }
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) const fn wire(
        &self,
        _py: Python<'_>,
        _invoke: InvokeIdAndPriority,
    ) -> exception::ExceptionResponse {
        self.response
    }
}

#[pymethods]
impl ExceptionResponse {
    #[new]
    #[pyo3(signature = (state_error, service_error, *, invocation_counter = None))]
    fn new(state_error: u8, service_error: u8, invocation_counter: Option<u32>) -> PyResult<Self> {
        let service_error = service_error.into();
        if invocation_counter.is_some() && service_error != ServiceErrorCode::InvocationCounterError
        {
            return Err(PyValueError::new_err(
                "an invocation_counter goes with service_error 6 only",
            ));
        }
        let response = exception::ExceptionResponse {
            state_error: state_error.into(),
            service_error,
            invocation_counter,
        };
        Ok(Self { response })
    }

    #[getter]
    fn state_error(&self) -> u8 {
        self.response.state_error.into()
    }

    #[getter]
    fn service_error(&self) -> u8 {
        self.response.service_error.into()
    }

    #[getter]
    fn invocation_counter(&self) -> Option<u32> {
        self.response.invocation_counter
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.response)
    }

    fn __repr__(&self) -> String {
        format!(
            "ExceptionResponse(state_error={}, service_error={}, invocation_counter={})",
            self.state_error(),
            self.service_error(),
            shown(self.response.invocation_counter.as_ref()),
        )
    }
}

/// confirmedServiceError.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ConfirmedServiceError {
    error: exception::ConfirmedServiceError,
}

impl ConfirmedServiceError {
    pub(crate) const fn from_core(
        _py: Python<'_>,
        error: &exception::ConfirmedServiceError,
    ) -> Self {
        Self { error: *error }
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) const fn wire(
        &self,
        _py: Python<'_>,
        _invoke: InvokeIdAndPriority,
    ) -> exception::ConfirmedServiceError {
        self.error
    }
}

#[pymethods]
impl ConfirmedServiceError {
    #[new]
    fn new(service: u8, error_choice: u8, value: u8) -> Self {
        let error = exception::ConfirmedServiceError {
            service: service.into(),
            error_choice: error_choice.into(),
            value,
        };
        Self { error }
    }

    #[getter]
    fn service(&self) -> u8 {
        self.error.service.into()
    }

    #[getter]
    fn error_choice(&self) -> u8 {
        self.error.error_choice.into()
    }

    #[getter]
    fn value(&self) -> u8 {
        self.error.value
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.error)
    }

    fn __repr__(&self) -> String {
        let (service, error_choice, value) = (self.service(), self.error_choice(), self.value());
        format!(
            "ConfirmedServiceError(service={service}, error_choice={error_choice}, value={value})"
        )
    }
}
