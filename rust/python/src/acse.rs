//! The APDUs of association control as frozen Python classes. Their reprs show no challenge, no password and no user-information.

use dlms_fw_core::acse::Authentication;
use dlms_fw_core::acse::aare::{self, ResultSourceDiagnostic};
use dlms_fw_core::acse::{aarq, release};
use dlms_fw_core::codec::Parse;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Error;
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::octets::Octets;
use crate::shared::SharedBytes;

/// A copy of optional octets.
fn shared(py: Python<'_>, octets: Option<&[u8]>) -> Option<SharedBytes> {
    octets.map(|octets| SharedBytes::new(py, octets))
}

/// The octets of an optional object.
fn octets<'a>(py: Python<'a>, shared: Option<&'a SharedBytes>) -> Option<&'a [u8]> {
    shared.map(|shared| shared.octets(py))
}

/// The object itself.
fn object(py: Python<'_>, shared: Option<&SharedBytes>) -> Option<Py<PyBytes>> {
    shared.map(|shared| shared.object(py))
}

/// What a repr shows of octets that are, or may hold, a secret.
const fn hidden(shared: Option<&SharedBytes>) -> &'static str {
    if shared.is_some() { "…" } else { "None" }
}

/// What a repr shows of an optional number.
fn number(value: Option<u8>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

/// Mechanism-name and authentication-value, as AARQ and AARE have them.
#[derive(PartialEq, Eq, Hash)]
struct Authenticating {
    requested: bool,
    mechanism: Option<u8>,
    value: Option<SharedBytes>,
}

impl Authenticating {
    /// Without a mechanism there is nothing that a value could belong to.
    fn new(mechanism: Option<u8>, value: Option<SharedBytes>) -> PyResult<Self> {
        if value.is_some() && mechanism.is_none() {
            return Err(PyValueError::new_err(
                "an authentication_value goes with a mechanism",
            ));
        }
        Ok(Self {
            requested: mechanism.is_some(),
            mechanism,
            value,
        })
    }

    fn from_core(py: Python<'_>, authentication: &Authentication<'_>) -> Self {
        let Authentication {
            requested,
            mechanism,
            value,
        } = *authentication;
        Self {
            requested,
            mechanism,
            value: shared(py, value),
        }
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> Authentication<'a> {
        Authentication {
            requested: self.requested,
            mechanism: self.mechanism,
            value: octets(py, self.value.as_ref()),
        }
    }

    fn shown(&self) -> String {
        let (mechanism, value) = (number(self.mechanism), hidden(self.value.as_ref()));
        format!("mechanism={mechanism}, authentication_value={value}")
    }
}

/// AARQ.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AssociationRequest {
    #[pyo3(get)]
    application_context: u8,
    user_information: Option<SharedBytes>,
    authentication: Authenticating,
    calling_ap_title: Option<SharedBytes>,
    calling_ae_qualifier: Option<SharedBytes>,
    #[pyo3(get)]
    client_user_id: Option<u8>,
    #[pyo3(get)]
    protocol_version_supported: bool,
}

impl AssociationRequest {
    pub(crate) fn from_core(py: Python<'_>, request: &aarq::AssociationRequest<'_>) -> Self {
        Self {
            application_context: request.application_context,
            user_information: shared(py, request.user_information),
            authentication: Authenticating::from_core(py, &request.authentication),
            calling_ap_title: shared(py, request.calling_ap_title),
            calling_ae_qualifier: shared(py, request.calling_ae_qualifier),
            client_user_id: request.client_user_id,
            protocol_version_supported: request.protocol_version_supported,
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
            protocol_version_supported: self.protocol_version_supported,
            application_context: self.application_context,
            calling_ap_title: octets(py, self.calling_ap_title.as_ref()),
            calling_ae_qualifier: octets(py, self.calling_ae_qualifier.as_ref()),
            client_user_id: self.client_user_id,
            authentication: self.authentication.wire(py),
            user_information: octets(py, self.user_information.as_ref()),
        }
    }
}

#[pymethods]
impl AssociationRequest {
    #[new]
    #[pyo3(signature = (
        application_context, user_information, *, mechanism = None, authentication_value = None,
        calling_ap_title = None, calling_ae_qualifier = None, client_user_id = None,
    ))]
    fn new(
        application_context: u8,
        user_information: Option<SharedBytes>,
        mechanism: Option<u8>,
        authentication_value: Option<SharedBytes>,
        calling_ap_title: Option<SharedBytes>,
        calling_ae_qualifier: Option<SharedBytes>,
        client_user_id: Option<u8>,
    ) -> PyResult<Self> {
        Ok(Self {
            application_context,
            user_information,
            authentication: Authenticating::new(mechanism, authentication_value)?,
            calling_ap_title,
            calling_ae_qualifier,
            client_user_id,
            protocol_version_supported: true,
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
    fn mechanism(&self) -> Option<u8> {
        self.authentication.mechanism
    }

    #[getter]
    fn authentication_value(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.authentication.value.as_ref())
    }

    #[getter]
    fn calling_ap_title(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.calling_ap_title.as_ref())
    }

    #[getter]
    fn calling_ae_qualifier(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.calling_ae_qualifier.as_ref())
    }

    fn __repr__(&self) -> String {
        format!(
            "AssociationRequest(application_context={}, user_information={}, {}, client_user_id={})",
            self.application_context,
            hidden(self.user_information.as_ref()),
            self.authentication.shown(),
            number(self.client_user_id),
        )
    }
}

/// AARE.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AssociationResponse {
    protocol_version_supported: bool,
    #[pyo3(get)]
    application_context: u8,
    #[pyo3(get)]
    result: u8,
    diagnostic: ResultSourceDiagnostic,
    user_information: Option<SharedBytes>,
    authentication: Authenticating,
    responding_ap_title: Option<SharedBytes>,
    responding_ae_qualifier: Option<SharedBytes>,
}

impl AssociationResponse {
    pub(crate) fn from_core(py: Python<'_>, response: &aare::AssociationResponse<'_>) -> Self {
        Self {
            protocol_version_supported: response.protocol_version_supported,
            application_context: response.application_context,
            result: response.result.into(),
            diagnostic: response.diagnostic,
            user_information: shared(py, response.user_information),
            authentication: Authenticating::from_core(py, &response.authentication),
            responding_ap_title: shared(py, response.responding_ap_title),
            responding_ae_qualifier: shared(py, response.responding_ae_qualifier),
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
            protocol_version_supported: self.protocol_version_supported,
            application_context: self.application_context,
            result: self.result.into(),
            diagnostic: self.diagnostic,
            responding_ap_title: octets(py, self.responding_ap_title.as_ref()),
            responding_ae_qualifier: octets(py, self.responding_ae_qualifier.as_ref()),
            authentication: self.authentication.wire(py),
            user_information: octets(py, self.user_information.as_ref()),
        }
    }
}

#[pymethods]
impl AssociationResponse {
    #[new]
    #[pyo3(signature = (
        application_context, result, diagnostic, user_information, *, diagnostic_source = 1, mechanism = None,
        authentication_value = None, responding_ap_title = None, responding_ae_qualifier = None,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        application_context: u8,
        result: u8,
        diagnostic: u8,
        user_information: Option<SharedBytes>,
        diagnostic_source: u8,
        mechanism: Option<u8>,
        authentication_value: Option<SharedBytes>,
        responding_ap_title: Option<SharedBytes>,
        responding_ae_qualifier: Option<SharedBytes>,
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
            protocol_version_supported: true,
            application_context,
            result,
            diagnostic,
            user_information,
            authentication: Authenticating::new(mechanism, authentication_value)?,
            responding_ap_title,
            responding_ae_qualifier,
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
    fn diagnostic(&self) -> u8 {
        match self.diagnostic {
            ResultSourceDiagnostic::ServiceUser(value)
            | ResultSourceDiagnostic::ServiceProvider(value) => value,
        }
    }

    #[getter]
    fn diagnostic_source(&self) -> u8 {
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
    fn mechanism(&self) -> Option<u8> {
        self.authentication.mechanism
    }

    #[getter]
    fn authentication_value(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.authentication.value.as_ref())
    }

    #[getter]
    fn responding_ap_title(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.responding_ap_title.as_ref())
    }

    #[getter]
    fn responding_ae_qualifier(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        object(py, self.responding_ae_qualifier.as_ref())
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

/// The two release APDUs are alike; each is a class of its own.
macro_rules! release {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
        #[derive(PartialEq, Eq, Hash)]
        pub(crate) struct $name {
            #[pyo3(get)]
            reason: Option<u8>,
            user_information: Option<SharedBytes>,
        }

        impl $name {
            pub(crate) fn from_core(py: Python<'_>, release: &release::$name<'_>) -> Self {
                Self { reason: release.reason, user_information: shared(py, release.user_information) }
            }

            #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
            pub(crate) const fn invoke(&self) -> Invoke {
                Invoke::None
            }

            pub(crate) fn wire<'a>(&'a self, py: Python<'a>, _invoke: InvokeIdAndPriority) -> release::$name<'a> {
                release::$name { reason: self.reason, user_information: octets(py, self.user_information.as_ref()) }
            }
        }

        #[pymethods]
        impl $name {
            #[new]
            #[pyo3(signature = (reason = None, user_information = None))]
            fn new(reason: Option<u8>, user_information: Option<SharedBytes>) -> Self {
                Self { reason, user_information }
            }

            #[staticmethod]
            fn decode(py: Python<'_>, data: Octets<'_>) -> PyResult<Self> {
                let release = release::$name::parse_all(&data).map_err(Error::from)?;
                Ok(Self::from_core(py, &release))
            }

            fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
                emitted(py, &self.wire(py, self.invoke().or_default()))
            }

            #[getter]
            fn user_information(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
                object(py, self.user_information.as_ref())
            }

            fn __repr__(&self) -> String {
                let (reason, information) = (number(self.reason), hidden(self.user_information.as_ref()));
                format!(concat!(stringify!($name), "(reason={}, user_information={})"), reason, information)
            }
        }
    };
}

release! {
    /// RLRQ.
    ReleaseRequest
}

release! {
    /// RLRE.
    ReleaseResponse
}
