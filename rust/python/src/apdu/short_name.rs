//! Read, Write and `InformationReport`: what refers to variables by short names. A variable is a number, or a number, a selector and
//! a parameter; a result is the value, or the number that says why there is none.

use dlms_fw_core::apdu::Apdu;
use dlms_fw_core::axdr::RawData;
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::result::DataAccessResult;
use dlms_fw_core::xdlms::sequence_of::SequenceOf;
use dlms_fw_core::xdlms::short_name::access::VariableAccess;
use dlms_fw_core::xdlms::short_name::read::{self, ReadResult};
use dlms_fw_core::xdlms::short_name::report;
use dlms_fw_core::xdlms::short_name::write::{self, WriteResult};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::Parameter;
use super::action::HeldParameter;
use crate::errors::Error;
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{EncodedData, SharedBytes, shown_bool};

/// An attribute or a method, and what is wanted of it.
#[derive(PartialEq, Eq, Hash)]
struct Variable {
    short_name: u16,
    access: Option<(u8, EncodedData)>,
}

impl<'py> FromPyObject<'_, 'py> for Variable {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok((short_name, selector, parameter)) = object.extract::<(u16, u8, EncodedData)>() {
            let access = Some((selector, parameter));
            return Ok(Self { short_name, access });
        }
        Ok(Self {
            short_name: object.extract()?,
            access: None,
        })
    }
}

impl Variable {
    fn wire<'a>(&'a self, py: Python<'a>) -> VariableAccess<'a> {
        match &self.access {
            None => VariableAccess::Name(self.short_name),
            Some((selector, parameter)) => VariableAccess::Parameterised {
                variable_name: self.short_name,
                selector: *selector,
                parameter: parameter.raw(py),
            },
        }
    }

    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.access {
            None => Ok(self.short_name.into_pyobject(py)?.into_any()),
            Some((selector, parameter)) => Ok((self.short_name, *selector, parameter.object(py))
                .into_pyobject(py)?
                .into_any()),
        }
    }
}

/// The variables of a request, at least one.
#[derive(PartialEq, Eq, Hash)]
struct Variables(Vec<Variable>);

impl Variables {
    fn new(variables: Vec<Variable>) -> PyResult<Self> {
        if variables.is_empty() {
            return Err(PyValueError::new_err("at least one variable is named"));
        }
        Ok(Self(variables))
    }

    fn from_core(py: Python<'_>, variables: &SequenceOf<VariableAccess<'_>>) -> PyResult<Self> {
        let variables = variables.0.iter().map(|access| match access {
            VariableAccess::Name(short_name) => Ok(Variable {
                short_name: *short_name,
                access: None,
            }),
            VariableAccess::Parameterised {
                variable_name,
                selector,
                parameter,
            } => Ok(Variable {
                short_name: *variable_name,
                access: Some((*selector, EncodedData::new(py, *parameter))),
            }),
            _ => block(),
        });
        variables.collect::<PyResult<_>>().map(Self)
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> SequenceOf<VariableAccess<'a>> {
        SequenceOf(self.0.iter().map(|variable| variable.wire(py)).collect())
    }

    fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let objects = self.0.iter().map(|variable| variable.object(py));
        PyTuple::new(py, objects.collect::<PyResult<Vec<_>>>()?)
    }

    fn shown(&self) -> String {
        let names = self.0.iter().map(|variable| match &variable.access {
            None => format!("{:04X}", variable.short_name),
            Some((selector, parameter)) => {
                format!("{:04X}({selector}, {parameter:?})", variable.short_name)
            }
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The channel takes block forms off before; here one is out of place.
fn block<T>() -> PyResult<T> {
    Err(Error::from(DecodeError::new(DecodeErrorKind::UnexpectedApdu, 1)).into())
}

fn as_many(variables: &[Variable], values: usize) -> PyResult<()> {
    if variables.len() == values {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{} variables and {values} values",
        variables.len()
    )))
}

/// `ReadRequest`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ReadRequest {
    variables: Variables,
}

impl ReadRequest {
    pub(crate) fn from_core(py: Python<'_>, request: &read::ReadRequest<'_>) -> PyResult<Self> {
        let variables = Variables::from_core(py, &request.0)?;
        Ok(Self { variables })
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Alone { confirmed: true }
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> read::ReadRequest<'a> {
        read::ReadRequest(self.variables.wire(py))
    }
}

#[pymethods]
impl ReadRequest {
    #[new]
    fn new(variables: Vec<Variable>) -> PyResult<Self> {
        Ok(Self {
            variables: Variables::new(variables)?,
        })
    }

    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.variables.tuple(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!("ReadRequest({})", self.variables.shown())
    }
}

/// `WriteRequest`, or `UnconfirmedWriteRequest` where no answer is wanted.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct WriteRequest {
    variables: Variables,
    data: Vec<HeldParameter>,
    #[pyo3(get)]
    confirmed: bool,
}

impl WriteRequest {
    pub(crate) fn from_core<const TAG: u8>(
        py: Python<'_>,
        request: &write::Write<'_, RawData<'_>, TAG>,
    ) -> PyResult<Self> {
        let data = request.data.0.iter();
        Ok(Self {
            variables: Variables::from_core(py, &request.variables)?,
            data: data
                .map(|data| HeldParameter::Data(EncodedData::new(py, *data)))
                .collect(),
            confirmed: TAG == <write::WriteRequest<'_>>::TAG,
        })
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Alone {
            confirmed: self.confirmed,
        }
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> Apdu<'a, Parameter<'a>> {
        let variables = self.variables.wire(py);
        let data = SequenceOf(self.data.iter().map(|data| data.wire(py)).collect());
        if self.confirmed {
            write::WriteRequest { variables, data }.into()
        } else {
            write::UnconfirmedWriteRequest { variables, data }.into()
        }
    }
}

#[pymethods]
impl WriteRequest {
    #[new]
    #[pyo3(signature = (variables, data, *, confirmed = true))]
    fn new(variables: Vec<Variable>, data: Vec<HeldParameter>, confirmed: bool) -> PyResult<Self> {
        as_many(&variables, data.len())?;
        Ok(Self {
            variables: Variables::new(variables)?,
            data,
            confirmed,
        })
    }

    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.variables.tuple(py)
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.data.iter().map(|data| data.object(py)))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!(
            "WriteRequest({}, confirmed={})",
            self.variables.shown(),
            shown_bool(self.confirmed)
        )
    }
}

/// A value, or why there is none.
#[derive(PartialEq, Eq, Hash)]
enum Outcome {
    Data(EncodedData),
    Error(u8),
}

/// The number of a data-access-error, which is never success.
fn data_access_error(result: u8) -> PyResult<u8> {
    if result == 0 {
        return Err(PyValueError::new_err(
            "success brings a value, not a data-access-result",
        ));
    }
    Ok(result)
}

impl<'py> FromPyObject<'_, 'py> for Outcome {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyBytes>() {
            return object.extract().map(Self::Data);
        }
        data_access_error(object.extract()?).map(Self::Error)
    }
}

/// `ReadResponse`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ReadResponse {
    results: Vec<Outcome>,
}

impl ReadResponse {
    pub(crate) fn from_core(py: Python<'_>, response: &read::ReadResponse<'_>) -> PyResult<Self> {
        let results = response.0.0.iter().map(|result| match result {
            ReadResult::Data(data) => Ok(Outcome::Data(EncodedData::new(py, *data))),
            ReadResult::DataAccessError(error) => Ok(Outcome::Error((*error).into())),
            _ => block(),
        });
        Ok(Self {
            results: results.collect::<PyResult<_>>()?,
        })
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> read::ReadResponse<'a> {
        let results = self.results.iter().map(|result| match result {
            Outcome::Data(data) => ReadResult::Data(data.raw(py)),
            Outcome::Error(error) => ReadResult::DataAccessError((*error).into()),
        });
        read::ReadResponse(SequenceOf(results.collect()))
    }
}

#[pymethods]
impl ReadResponse {
    #[new]
    const fn new(results: Vec<Outcome>) -> Self {
        Self { results }
    }

    #[getter]
    fn results<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let results = self.results.iter().map(|result| match result {
            Outcome::Data(data) => Ok(data.object(py).into_bound(py).into_any()),
            Outcome::Error(error) => Ok(error.into_pyobject(py)?.into_any()),
        });
        PyTuple::new(py, results.collect::<PyResult<Vec<_>>>()?)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let results = self.results.iter().map(|result| match result {
            Outcome::Data(data) => format!("{data:?}"),
            Outcome::Error(error) => format!("{error}"),
        });
        format!("ReadResponse({})", results.collect::<Vec<_>>().join(", "))
    }
}

/// `WriteResponse`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct WriteResponse {
    results: Vec<u8>,
}

impl WriteResponse {
    pub(crate) fn from_core(_py: Python<'_>, response: &write::WriteResponse) -> PyResult<Self> {
        let results = response.0.0.iter().map(|result| match result {
            WriteResult::Success => Ok(DataAccessResult::Success.into()),
            WriteResult::DataAccessError(error) => Ok((*error).into()),
            WriteResult::BlockNumber(_) => block(),
        });
        Ok(Self {
            results: results.collect::<PyResult<_>>()?,
        })
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire(
        &self,
        _py: Python<'_>,
        _invoke: InvokeIdAndPriority,
    ) -> write::WriteResponse {
        let results = self.results.iter().map(|&result| match result {
            0 => WriteResult::Success,
            error => WriteResult::DataAccessError(error.into()),
        });
        write::WriteResponse(SequenceOf(results.collect()))
    }
}

#[pymethods]
impl WriteResponse {
    #[new]
    fn new(results: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        // One by one, because octets are no list of results.
        let results = results.iter().map(PyAnyMethods::extract);
        Ok(Self {
            results: results.collect::<PyResult<_>>()?,
        })
    }

    #[getter]
    fn results<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.results)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!("WriteResponse({:?})", self.results)
    }
}

/// `InformationReportRequest`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct InformationReport {
    variables: Variables,
    data: Vec<EncodedData>,
    current_time: Option<SharedBytes>,
}

impl InformationReport {
    pub(crate) fn from_core(
        py: Python<'_>,
        report: &report::InformationReport<'_>,
    ) -> PyResult<Self> {
        let data = report.data.0.iter();
        Ok(Self {
            variables: Variables::from_core(py, &report.variables)?,
            data: data.map(|data| EncodedData::new(py, *data)).collect(),
            current_time: report.current_time.map(|time| SharedBytes::new(py, time)),
        })
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> report::InformationReport<'a> {
        report::InformationReport {
            current_time: self.current_time.as_ref().map(|time| time.octets(py)),
            variables: self.variables.wire(py),
            data: SequenceOf(self.data.iter().map(|data| data.raw(py)).collect()),
        }
    }
}

#[pymethods]
impl InformationReport {
    #[new]
    #[pyo3(signature = (variables, data, *, current_time = None))]
    fn new(
        variables: Vec<Variable>,
        data: Vec<EncodedData>,
        current_time: Option<SharedBytes>,
    ) -> PyResult<Self> {
        as_many(&variables, data.len())?;
        Ok(Self {
            variables: Variables::new(variables)?,
            data,
            current_time,
        })
    }

    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.variables.tuple(py)
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.data.iter().map(|data| data.object(py)))
    }

    #[getter]
    fn current_time(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.current_time.as_ref().map(|time| time.object(py))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        format!("InformationReport({})", self.variables.shown())
    }
}
