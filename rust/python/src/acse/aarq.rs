//! AARQ.

use dlms_fw_core::acse::aarq;
use dlms_fw_core::codec::Parse;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Authentication, Entity, hidden, number, object, octets, shared};
use crate::errors::Error;
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::octets::Octets;
use crate::shared::SharedBytes;

/// AARQ.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AssociationRequest {
    #[pyo3(get)]
    protocol_version: Option<u8>,
    #[pyo3(get)]
    application_context: u8,
    called: Entity,
    calling: Entity,
    authentication: Authentication,
    implementation_information: Option<SharedBytes>,
    user_information: Option<SharedBytes>,
}

impl AssociationRequest {
    pub(crate) fn from_core(py: Python<'_>, request: &aarq::AssociationRequest<'_>) -> Self {
        Self {
            protocol_version: request.protocol_version,
            application_context: request.application_context,
            called: Entity::from_core(py, &request.called),
            calling: Entity::from_core(py, &request.calling),
            authentication: Authentication::from_core(py, &request.authentication),
            implementation_information: shared(py, request.implementation_information),
            user_information: shared(py, request.user_information),
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
    ) -> aarq::AssociationRequest<'a> {
        aarq::AssociationRequest {
            protocol_version: self.protocol_version,
            application_context: self.application_context,
            called: self.called.wire(py),
            calling: self.calling.wire(py),
            authentication: self.authentication.wire(py),
            implementation_information: octets(py, self.implementation_information.as_ref()),
            user_information: octets(py, self.user_information.as_ref()),
        }
    }
}

#[pymethods]
impl AssociationRequest {
    #[new]
    #[pyo3(signature = (
        application_context, user_information, *, mechanism = None, authentication_value = None,
        authentication_value_choice = 0, acse_requirements = None, protocol_version = None,
        called_ap_title = None, called_ae_qualifier = None, called_ap_invocation_id = None,
        called_ae_invocation_id = None, calling_ap_title = None, calling_ae_qualifier = None,
        calling_ap_invocation_id = None, client_user_id = None, implementation_information = None,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        py: Python<'_>,
        application_context: u8,
        user_information: Option<SharedBytes>,
        mechanism: Option<u8>,
        authentication_value: Option<SharedBytes>,
        authentication_value_choice: u8,
        acse_requirements: Option<bool>,
        protocol_version: Option<u8>,
        called_ap_title: Option<SharedBytes>,
        called_ae_qualifier: Option<SharedBytes>,
        called_ap_invocation_id: Option<i32>,
        called_ae_invocation_id: Option<i32>,
        calling_ap_title: Option<SharedBytes>,
        calling_ae_qualifier: Option<SharedBytes>,
        calling_ap_invocation_id: Option<i32>,
        client_user_id: Option<u8>,
        implementation_information: Option<SharedBytes>,
    ) -> PyResult<Self> {
        Ok(Self {
            protocol_version,
            application_context,
            called: Entity {
                ap_title: called_ap_title,
                ae_qualifier: called_ae_qualifier,
                ap_invocation_id: called_ap_invocation_id,
                ae_invocation_id: called_ae_invocation_id,
            },
            calling: Entity {
                ap_title: calling_ap_title,
                ae_qualifier: calling_ae_qualifier,
                ap_invocation_id: calling_ap_invocation_id,
                // The field has one octet in all of DLMS, also where INTEGER would need a second one for the sign.
                ae_invocation_id: client_user_id.map(|id| i32::from(id.cast_signed())),
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
        let request = aarq::AssociationRequest::parse_all(&data).map_err(Error::from)?;
        Ok(Self::from_core(py, &request))
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
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
    fn called_ap_title(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.called.ap_title.as_ref())
    }

    #[getter]
    fn called_ae_qualifier(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.called.ae_qualifier.as_ref())
    }

    #[getter]
    const fn called_ap_invocation_id(&self) -> Option<i32> {
        self.called.ap_invocation_id
    }

    #[getter]
    const fn called_ae_invocation_id(&self) -> Option<i32> {
        self.called.ae_invocation_id
    }

    #[getter]
    fn calling_ap_title(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.calling.ap_title.as_ref())
    }

    #[getter]
    fn calling_ae_qualifier(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.calling.ae_qualifier.as_ref())
    }

    #[getter]
    const fn calling_ap_invocation_id(&self) -> Option<i32> {
        self.calling.ap_invocation_id
    }

    #[getter]
    const fn client_user_id(&self) -> Option<i32> {
        match self.calling.ae_invocation_id {
            Some(id @ -128..0) => Some(id + 256),
            id => id,
        }
    }

    #[getter]
    fn implementation_information(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.implementation_information.as_ref())
    }

    fn __repr__(&self) -> String {
        format!(
            "AssociationRequest(application_context={}, user_information={}, {}, client_user_id={})",
            self.application_context,
            hidden(self.user_information.as_ref()),
            self.authentication.shown(),
            number(self.client_user_id()),
        )
    }
}
