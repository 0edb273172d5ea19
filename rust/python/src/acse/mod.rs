//! The APDUs of association control as frozen Python classes. Their reprs show no challenge, no password and no user-information.

mod aare;
mod aarq;
mod release;

use dlms_fw_core::acse::entity::ApplicationEntity;
use dlms_fw_core::acse::{self, AuthenticationValue};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::shared::SharedBytes;

pub(crate) use self::aare::AssociationResponse;
pub(crate) use self::aarq::AssociationRequest;
pub(crate) use self::release::{ReleaseRequest, ReleaseResponse};

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
fn number<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

/// The requirements, mechanism-name and authentication-value, as AARQ and AARE have them.
#[derive(PartialEq, Eq, Hash)]
struct Authentication {
    requested: bool,
    mechanism: Option<u8>,
    value: Option<SharedBytes>,
    choice: u8,
}

impl Authentication {
    /// Without a mechanism there is nothing that a value could belong to.
    fn new(
        py: Python<'_>,
        requested: Option<bool>,
        mechanism: Option<u8>,
        value: Option<SharedBytes>,
        choice: u8,
    ) -> PyResult<Self> {
        if let Some(value) = &value {
            if mechanism.is_none() {
                return Err(PyValueError::new_err(
                    "an authentication_value goes with a mechanism",
                ));
            }
            if AuthenticationValue::new(choice, value.octets(py)).is_none() {
                return Err(PyValueError::new_err(
                    "authentication_value_choice is 0 (charstring), 1 (bitstring, the count of unused bits first), \
                     2 (external) or 3 (other)",
                ));
            }
        }
        Ok(Self {
            requested: requested.unwrap_or(mechanism.is_some()),
            mechanism,
            value,
            choice,
        })
    }

    fn from_core(py: Python<'_>, authentication: &acse::Authentication<'_>) -> Self {
        let value = authentication.value;
        Self {
            requested: authentication.requested,
            mechanism: authentication.mechanism,
            value: shared(py, value.map(|value| value.contents)),
            choice: value.map_or(0, |value| value.choice),
        }
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> acse::Authentication<'a> {
        acse::Authentication {
            requested: self.requested,
            mechanism: self.mechanism,
            value: octets(py, self.value.as_ref())
                .and_then(|contents| AuthenticationValue::new(self.choice, contents)),
        }
    }

    fn shown(&self) -> String {
        let (mechanism, value) = (number(self.mechanism), hidden(self.value.as_ref()));
        format!("mechanism={mechanism}, authentication_value={value}")
    }
}

/// Called, calling or responding entity.
#[derive(PartialEq, Eq, Hash)]
struct Entity {
    ap_title: Option<SharedBytes>,
    ae_qualifier: Option<SharedBytes>,
    ap_invocation_id: Option<i32>,
    ae_invocation_id: Option<i32>,
}

impl Entity {
    fn from_core(py: Python<'_>, entity: &ApplicationEntity<'_>) -> Self {
        Self {
            ap_title: shared(py, entity.ap_title),
            ae_qualifier: shared(py, entity.ae_qualifier),
            ap_invocation_id: entity.ap_invocation_id,
            ae_invocation_id: entity.ae_invocation_id,
        }
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> ApplicationEntity<'a> {
        ApplicationEntity {
            ap_title: octets(py, self.ap_title.as_ref()),
            ae_qualifier: octets(py, self.ae_qualifier.as_ref()),
            ap_invocation_id: self.ap_invocation_id,
            ae_invocation_id: self.ae_invocation_id,
        }
    }
}
