//! AARE.

use dlms_fw_core::acse::aare::{self, ResultSourceDiagnostic};
use dlms_fw_core::codec::Parse;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Authentication, Entity, hidden, object, octets, shared};
use crate::errors::Error;
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::octets::Octets;
use crate::shared::SharedBytes;

/// AARE.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AssociationResponse {
    #[pyo3(get)]
    protocol_version: Option<u8>,
    #[pyo3(get)]
    application_context: u8,
    #[pyo3(get)]
    result: u8,
    diagnostic: ResultSourceDiagnostic,
    responding: Entity,
    authentication: Authentication,
    implementation_information: Option<SharedBytes>,
    user_information: Option<SharedBytes>,
}

impl AssociationResponse {
    pub(crate) fn from_core(py: Python<'_>, response: &aare::AssociationResponse<'_>) -> Self {
        Self {
            protocol_version: response.protocol_version,
            application_context: response.application_context,
            result: response.result.into(),
            diagnostic: response.diagnostic,
            responding: Entity::from_core(py, &response.responding),
            authentication: Authentication::from_core(py, &response.authentication),
            implementation_information: shared(py, response.implementation_information),
            user_information: shared(py, response.user_information),
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
    ) -> aare::AssociationResponse<'a> {
        aare::AssociationResponse {
            protocol_version: self.protocol_version,
            application_context: self.application_context,
            result: self.result.into(),
            diagnostic: self.diagnostic,
            responding: self.responding.wire(py),
            authentication: self.authentication.wire(py),
            implementation_information: octets(py, self.implementation_information.as_ref()),
            user_information: octets(py, self.user_information.as_ref()),
        }
    }
}

#[pymethods]
impl AssociationResponse {
    #[new]
    #[pyo3(signature = (
        application_context, result, diagnostic, user_information, *, diagnostic_source = 1, mechanism = None,
        authentication_value = None, authentication_value_choice = 0, acse_requirements = None,
        protocol_version = None, responding_ap_title = None, responding_ae_qualifier = None,
        responding_ap_invocation_id = None, responding_ae_invocation_id = None, implementation_information = None,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        py: Python<'_>,
        application_context: u8,
        result: u8,
        diagnostic: u8,
        user_information: Option<SharedBytes>,
        diagnostic_source: u8,
        mechanism: Option<u8>,
        authentication_value: Option<SharedBytes>,
        authentication_value_choice: u8,
        acse_requirements: Option<bool>,
        protocol_version: Option<u8>,
        responding_ap_title: Option<SharedBytes>,
        responding_ae_qualifier: Option<SharedBytes>,
        responding_ap_invocation_id: Option<i32>,
        responding_ae_invocation_id: Option<i32>,
        implementation_information: Option<SharedBytes>,
    ) -> PyResult<Self> {
        let diagnostic = match diagnostic_source {
            1 => ResultSourceDiagnostic::ServiceUser(diagnostic),
            2 => ResultSourceDiagnostic::ServiceProvider(diagnostic),
            _ => {
                return Err(PyValueError::new_err(
                    "diagnostic_source is 1 (user) or 2 (provider)",
                ));
            }
        };
        Ok(Self {
            protocol_version,
            application_context,
            result,
            diagnostic,
            responding: Entity {
                ap_title: responding_ap_title,
                ae_qualifier: responding_ae_qualifier,
                ap_invocation_id: responding_ap_invocation_id,
                ae_invocation_id: responding_ae_invocation_id,
            },
            authentication: Authentication::new(
                py,
                acse_requirements,
                mechanism,
                authentication_value,
                authentication_value_choice,
            )?,
            implementation_information,
            user_information,
        })
    }

    #[staticmethod]
    fn decode(py: Python<'_>, data: Octets<'_>) -> PyResult<Self> {
        let response = aare::AssociationResponse::parse_all(&data).map_err(Error::from)?;
        Ok(Self::from_core(py, &response))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    #[getter]
    const fn diagnostic(&self) -> u8 {
        match self.diagnostic {
            ResultSourceDiagnostic::ServiceUser(value)
            | ResultSourceDiagnostic::ServiceProvider(value) => value,
        }
    }

    #[getter]
    const fn diagnostic_source(&self) -> u8 {
        match self.diagnostic {
            ResultSourceDiagnostic::ServiceUser(_) => 1,
            ResultSourceDiagnostic::ServiceProvider(_) => 2,
        }
    }

    #[getter]
    fn user_information(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.user_information.as_ref())
    }

    #[getter]
    const fn acse_requirements(&self) -> bool {
        self.authentication.requested
    }

    #[getter]
    const fn mechanism(&self) -> Option<u8> {
        self.authentication.mechanism
    }

    #[getter]
    fn authentication_value(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.authentication.value.as_ref())
    }

    #[getter]
    const fn authentication_value_choice(&self) -> u8 {
        self.authentication.choice
    }

    #[getter]
    fn responding_ap_title(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.responding.ap_title.as_ref())
    }

    #[getter]
    fn responding_ae_qualifier(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.responding.ae_qualifier.as_ref())
    }

    #[getter]
    const fn responding_ap_invocation_id(&self) -> Option<i32> {
        self.responding.ap_invocation_id
    }

    #[getter]
    const fn responding_ae_invocation_id(&self) -> Option<i32> {
        self.responding.ae_invocation_id
    }

    #[getter]
    fn implementation_information(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.implementation_information.as_ref())
    }

    fn __repr__(&self) -> String {
        format!(
            "AssociationResponse(application_context={}, result={}, diagnostic={}, user_information={}, \
             diagnostic_source={}, {})",
            self.application_context,
            self.result,
            self.diagnostic(),
            hidden(self.user_information.as_ref()),
            self.diagnostic_source(),
            self.authentication.shown(),
        )
    }
}
