//! `InitiateRequest` and `InitiateResponse`: what AARQ and AARE carry as user-information, as frozen Python classes.

use dlms_fw_core::codec::Parse;
use dlms_fw_core::xdlms::conformance::Conformance;
use dlms_fw_core::xdlms::exception::ConfirmedServiceError;
use dlms_fw_core::xdlms::initiate;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{Error, remote_protocol_error};
use crate::image::emitted;
use crate::octets::Octets;
use crate::shared::SharedBytes;

/// The version of DLMS that all these standards are about.
const DLMS_VERSION: u8 = 6;
/// The vaa-name of logical name referencing.
const LOGICAL_NAME_REFERENCING: u16 = 0x0007;

fn conformance(bits: u32) -> PyResult<Conformance> {
    Conformance::from_bits(bits).ok_or_else(|| PyValueError::new_err("conformance has 24 bits"))
}

/// `InitiateRequest`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct InitiateRequest {
    conformance: Conformance,
    #[pyo3(get)]
    client_max_receive_pdu_size: u16,
    dedicated_key: Option<SharedBytes>,
    #[pyo3(get)]
    response_allowed: bool,
    #[pyo3(get)]
    quality_of_service: Option<i8>,
    #[pyo3(get)]
    dlms_version_number: u8,
}

#[pymethods]
impl InitiateRequest {
    #[new]
    #[pyo3(signature = (
        conformance, client_max_receive_pdu_size, *, dedicated_key = None, response_allowed = true,
        quality_of_service = None, dlms_version_number = DLMS_VERSION,
    ))]
    fn new(
        conformance: u32,
        client_max_receive_pdu_size: u16,
        dedicated_key: Option<SharedBytes>,
        response_allowed: bool,
        quality_of_service: Option<i8>,
        dlms_version_number: u8,
    ) -> PyResult<Self> {
        let conformance = self::conformance(conformance)?;
        Ok(Self {
            conformance,
            client_max_receive_pdu_size,
            dedicated_key,
            response_allowed,
            quality_of_service,
            dlms_version_number,
        })
    }

    #[staticmethod]
    fn decode(py: Python<'_>, data: Octets<'_>) -> PyResult<Self> {
        let request = initiate::InitiateRequest::parse_all(&data).map_err(Error::from)?;
        Ok(Self {
            conformance: request.proposed_conformance,
            client_max_receive_pdu_size: request.client_max_receive_pdu_size,
            dedicated_key: request.dedicated_key.map(|key| SharedBytes::new(py, key)),
            response_allowed: request.response_allowed,
            quality_of_service: request.proposed_quality_of_service,
            dlms_version_number: request.proposed_dlms_version_number,
        })
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let request = initiate::InitiateRequest {
            dedicated_key: self.dedicated_key.as_ref().map(|key| key.octets(py)),
            response_allowed: self.response_allowed,
            proposed_quality_of_service: self.quality_of_service,
            proposed_dlms_version_number: self.dlms_version_number,
            proposed_conformance: self.conformance,
            client_max_receive_pdu_size: self.client_max_receive_pdu_size,
        };
        emitted(py, &request)
    }

    #[getter(conformance)]
    fn conformance_bits(&self) -> u32 {
        self.conformance.bits()
    }

    #[getter]
    fn dedicated_key(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.dedicated_key.as_ref().map(|key| key.object(py))
    }

    fn __repr__(&self) -> String {
        format!(
            "InitiateRequest(conformance=0x{:06X}, client_max_receive_pdu_size={}, dedicated_key={}, \
             dlms_version_number={})",
            self.conformance.bits(),
            self.client_max_receive_pdu_size,
            if self.dedicated_key.is_some() {
                "…"
            } else {
                "None"
            },
            self.dlms_version_number,
        )
    }
}

/// `InitiateResponse`.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct InitiateResponse {
    conformance: Conformance,
    #[pyo3(get)]
    server_max_receive_pdu_size: u16,
    #[pyo3(get)]
    quality_of_service: Option<i8>,
    #[pyo3(get)]
    dlms_version_number: u8,
    #[pyo3(get)]
    vaa_name: u16,
}

#[pymethods]
impl InitiateResponse {
    #[new]
    #[pyo3(signature = (
        conformance, server_max_receive_pdu_size, *, quality_of_service = None, dlms_version_number = DLMS_VERSION,
        vaa_name = LOGICAL_NAME_REFERENCING,
    ))]
    fn new(
        conformance: u32,
        server_max_receive_pdu_size: u16,
        quality_of_service: Option<i8>,
        dlms_version_number: u8,
        vaa_name: u16,
    ) -> PyResult<Self> {
        let conformance = self::conformance(conformance)?;
        Ok(Self {
            conformance,
            server_max_receive_pdu_size,
            quality_of_service,
            dlms_version_number,
            vaa_name,
        })
    }

    #[staticmethod]
    fn decode(data: Octets<'_>) -> PyResult<Self> {
        if data.first() == Some(&ConfirmedServiceError::TAG) {
            let error = ConfirmedServiceError::parse_all(&data).map_err(Error::from)?;
            return Err(remote_protocol_error(refusal(&error)));
        }
        let response = initiate::InitiateResponse::parse_all(&data).map_err(Error::from)?;
        Ok(Self {
            conformance: response.negotiated_conformance,
            server_max_receive_pdu_size: response.server_max_receive_pdu_size,
            quality_of_service: response.negotiated_quality_of_service,
            dlms_version_number: response.negotiated_dlms_version_number,
            vaa_name: response.vaa_name,
        })
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let response = initiate::InitiateResponse {
            negotiated_quality_of_service: self.quality_of_service,
            negotiated_dlms_version_number: self.dlms_version_number,
            negotiated_conformance: self.conformance,
            server_max_receive_pdu_size: self.server_max_receive_pdu_size,
            vaa_name: self.vaa_name,
        };
        emitted(py, &response)
    }

    #[getter(conformance)]
    fn conformance_bits(&self) -> u32 {
        self.conformance.bits()
    }

    fn __repr__(&self) -> String {
        format!(
            "InitiateResponse(conformance=0x{:06X}, server_max_receive_pdu_size={}, dlms_version_number={}, \
             vaa_name=0x{:04X})",
            self.conformance.bits(),
            self.server_max_receive_pdu_size,
            self.dlms_version_number,
            self.vaa_name,
        )
    }
}

/// Why the server refused to initiate, in words.
fn refusal(error: &ConfirmedServiceError) -> String {
    let (service, choice) = (u8::from(error.service), u8::from(error.error_choice));
    let reason = match (choice, error.value) {
        (6, 0) => "other reason",
        (6, 1) => "the DLMS version is too low",
        (6, 2) => "incompatible conformance",
        (6, 3) => "the PDU size is too short",
        (6, 4) => "refused by the VDE handler",
        _ => "an error that is not of initiate",
    };
    let value = error.value;
    format!(
        "the server refused to initiate: {reason} (confirmedServiceError {service}, {choice}, {value})"
    )
}
