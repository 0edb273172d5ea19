//! Keys on elliptic curves, and keys derived from what two of them share.

use dlms_fw_core::security::{
    self, Algorithm, AlgorithmIdentifiers, Curve, Derivation, Scheme, SecuritySuite,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Error;
use crate::octets::Octets;
use crate::security::{Key, fingerprint};

/// A private key on P-256 or P-384.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct PrivateKey {
    pub(crate) key: security::PrivateKey,
}

#[pymethods]
impl PrivateKey {
    #[new]
    fn new(curve: &str, octets: Octets<'_>) -> PyResult<Self> {
        Self::from(security::PrivateKey::from_scalar(named(curve)?, &octets))
    }

    #[staticmethod]
    fn from_randomness(curve: &str, randomness: Octets<'_>) -> PyResult<Self> {
        Self::from(security::PrivateKey::from_randomness(
            named(curve)?,
            &randomness,
        ))
    }

    #[staticmethod]
    fn from_pkcs8(der: Octets<'_>) -> PyResult<Self> {
        Self::from(security::PrivateKey::from_pkcs8(&der))
    }

    #[getter]
    fn curve(&self) -> &'static str {
        self.key.curve().name()
    }

    #[getter]
    fn public(&self) -> PublicKey {
        PublicKey {
            key: self.key.public(),
        }
    }

    #[getter]
    fn fingerprint(&self) -> String {
        self.public().fingerprint()
    }

    fn sign<'py>(&self, py: Python<'py>, data: Octets<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let signature = self.key.sign(&[&data]).map_err(Error::from)?;
        Ok(PyBytes::new(py, &signature))
    }

    fn agree(&self, public: &PublicKey) -> PyResult<Key> {
        let secret = self.key.agree(&public.key).map_err(Error::from)?;
        Ok(Key::of(&secret))
    }

    fn __repr__(&self) -> String {
        format!("<PrivateKey {} {}>", self.curve(), self.fingerprint())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a PrivateKey cannot be pickled or copied",
        ))
    }
}

impl PrivateKey {
    fn from(
        key: Result<security::PrivateKey, dlms_fw_core::error::SecurityError>,
    ) -> PyResult<Self> {
        Ok(Self {
            key: key.map_err(Error::from)?,
        })
    }
}

/// A public key on P-256 or P-384.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq)]
pub(crate) struct PublicKey {
    pub(crate) key: security::PublicKey,
}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.octets().hash(state);
    }
}

#[pymethods]
impl PublicKey {
    #[new]
    fn new(curve: &str, octets: Octets<'_>) -> PyResult<Self> {
        let key = security::PublicKey::from_octets(named(curve)?, &octets).map_err(Error::from)?;
        Ok(Self { key })
    }

    #[staticmethod]
    fn from_spki(der: Octets<'_>) -> PyResult<Self> {
        let key = security::PublicKey::from_spki(&der).map_err(Error::from)?;
        Ok(Self { key })
    }

    #[getter]
    fn curve(&self) -> &'static str {
        self.key.curve().name()
    }

    #[getter]
    fn fingerprint(&self) -> String {
        fingerprint(&self.key.octets())
    }

    fn verify(&self, data: Octets<'_>, signature: Octets<'_>) -> PyResult<()> {
        Ok(self.key.verify(&[&data], &signature).map_err(Error::from)?)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.key.octets())
    }

    fn __repr__(&self) -> String {
        format!("<PublicKey {} {}>", self.curve(), self.fingerprint())
    }
}

#[pyfunction]
#[pyo3(signature = (
    shared_secret, suite, scheme, *, originator_system_title, recipient_system_title, transaction_id = None,
    key_wrapping = false, older_algorithm_ids = false,
))]
#[allow(
    clippy::too_many_arguments,
    reason = "keyword arguments of a Python function"
)]
pub(crate) fn derive_key(
    shared_secret: &Key,
    suite: u8,
    scheme: &str,
    originator_system_title: &[u8],
    recipient_system_title: &[u8],
    transaction_id: Option<&[u8]>,
    key_wrapping: bool,
    older_algorithm_ids: bool,
) -> PyResult<Key> {
    let suite = SecuritySuite::from_id(suite)
        .ok_or_else(|| PyValueError::new_err("security suites are 0, 1 and 2"))?;
    let scheme = match scheme {
        "ephemeral-unified" => Scheme::EphemeralUnified,
        "one-pass-diffie-hellman" => Scheme::OnePassDiffieHellman,
        "static-unified" => Scheme::StaticUnified,
        _ => return Err(PyValueError::new_err("no such scheme of key agreement")),
    };
    let derivation = Derivation {
        suite,
        scheme,
        algorithm: if key_wrapping {
            Algorithm::AesWrap
        } else {
            Algorithm::AesGcm
        },
        identifiers: identifiers(older_algorithm_ids),
        originator_system_title,
        recipient_system_title,
        transaction_id: transaction_id.unwrap_or_default(),
    };
    let key = derivation
        .key(shared_secret.octets())
        .map_err(Error::from)?;
    Ok(Key::of(&key))
}

/// Which names of the algorithms go into a derivation.
pub(crate) const fn identifiers(older: bool) -> AlgorithmIdentifiers {
    if older {
        AlgorithmIdentifiers::Older
    } else {
        AlgorithmIdentifiers::Current
    }
}

fn named(curve: &str) -> PyResult<Curve> {
    Curve::from_name(curve)
        .ok_or_else(|| PyValueError::new_err("a curve is \"P-256\" or \"P-384\""))
}
