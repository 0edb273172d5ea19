//! Keys and the security context.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use dlms_fw_core::image::digest;
use dlms_fw_core::security::{
    self, Ciphering, GeneralKeyMaterial, KeyInformation, KeyMaterial, Protection, SecuritySuite,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::asymmetric::{PrivateKey, PublicKey, identifiers};
use crate::errors::Error;
use crate::octets::Octets;

/// What is hashed in front of a key, so that a fingerprint is never the plain digest of a key.
const FINGERPRINT_PREFIX: &[u8] = b"dlms_fw key fingerprint\0";

/// Secret octets, wiped when dropped.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct Key {
    octets: Secret,
}

/// The octets of a key; `Debug` says nothing about them.
struct Secret(Vec<u8>);

impl Drop for Secret {
    fn drop(&mut self) {
        security::wipe(&mut self.0);
    }
}

impl Key {
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets.0
    }

    pub(crate) fn of(octets: &[u8]) -> Self {
        Self {
            octets: Secret(octets.to_vec()),
        }
    }
}

/// Enough to tell keys apart: the first octets of a digest that is no plain digest of the key.
pub(crate) fn fingerprint(octets: &[u8]) -> String {
    let hashed = Secret([FINGERPRINT_PREFIX, octets].concat());
    digest(&hashed.0).sha256[..4]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

#[pymethods]
impl Key {
    #[new]
    fn new(octets: Octets<'_>) -> PyResult<Self> {
        if octets.is_empty() {
            return Err(PyValueError::new_err("a key has at least one octet"));
        }
        Ok(Self::of(&octets))
    }

    #[getter]
    fn fingerprint(&self) -> String {
        fingerprint(self.octets())
    }

    fn wrap<'py>(
        &self,
        py: Python<'py>,
        key_encrypting_key: &Self,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let wrapped =
            security::wrap_key(key_encrypting_key.octets(), self.octets()).map_err(Error::from)?;
        Ok(PyBytes::new(py, &wrapped))
    }

    #[staticmethod]
    fn unwrap(key_encrypting_key: &Self, octets: Octets<'_>) -> PyResult<Self> {
        let key =
            security::unwrap_key(key_encrypting_key.octets(), &octets).map_err(Error::from)?;
        Ok(Self::of(&key))
    }

    fn expose<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.octets())
    }

    fn __len__(&self) -> usize {
        self.octets().len()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            security::equal_in_constant_time(self.octets(), other.get().octets())
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.fingerprint().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!(
            "<Key {} bits {}>",
            self.octets().len() * 8,
            self.fingerprint()
        )
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err(
            "a Key cannot be pickled or copied",
        ))
    }
}

/// Keys, titles, counters and the replay check of one association.
#[pyclass(module = "dlms_fw._core")]
pub(crate) struct SecurityContext {
    pub(crate) context: security::SecurityContext,
}

#[pymethods]
impl SecurityContext {
    #[new]
    #[pyo3(signature = (
        suite, policy, *, system_title, peer_system_title = None, global_unicast_encryption_key = None,
        authentication_key = None, global_broadcast_encryption_key = None, dedicated_key = None,
        invocation_counter = 0, counter_limit = 0, peer_invocation_counter = None, general = false,
        floor = None,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        suite: u8,
        policy: u8,
        system_title: &[u8],
        peer_system_title: Option<&[u8]>,
        global_unicast_encryption_key: Option<&Bound<'_, Key>>,
        authentication_key: Option<&Bound<'_, Key>>,
        global_broadcast_encryption_key: Option<&Bound<'_, Key>>,
        dedicated_key: Option<&Bound<'_, Key>>,
        invocation_counter: u32,
        counter_limit: u32,
        peer_invocation_counter: Option<u32>,
        general: bool,
        floor: Option<u8>,
    ) -> PyResult<Self> {
        let suite = SecuritySuite::from_id(suite)
            .ok_or_else(|| PyValueError::new_err("security suites are 0, 1 and 2"))?;
        let floor = protection(floor.unwrap_or(policy))?;
        let policy = protection(policy)?;
        let keys = KeyMaterial {
            global_unicast_encryption_key: octets_of(global_unicast_encryption_key),
            global_broadcast_encryption_key: octets_of(global_broadcast_encryption_key),
            dedicated_key: octets_of(dedicated_key),
            authentication_key: octets_of(authentication_key),
        };
        let mut context =
            security::SecurityContext::new(suite, policy, title(system_title)?, &keys)
                .map_err(Error::from)?;
        context
            .set_peer_system_title(peer_system_title.map(title).transpose()?)
            .map_err(Error::from)?;
        context.set_peer_counter(peer_invocation_counter);
        context.set_floor(floor);
        if general {
            context.set_ciphering(Ciphering::General);
        }
        let mut context = Self { context };
        context.extend(invocation_counter, counter_limit.max(invocation_counter))?;
        Ok(context)
    }

    #[pyo3(signature = (
        randomness, *, key_information = None, signing_key = None, key_agreement_key = None,
        peer_signing_key = None, peer_key_agreement_key = None, master_key = None,
        older_algorithm_ids = false, header_authenticated = true,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn use_general_protection(
        &mut self,
        randomness: &[u8],
        key_information: Option<&str>,
        signing_key: Option<&PrivateKey>,
        key_agreement_key: Option<&PrivateKey>,
        peer_signing_key: Option<&PublicKey>,
        peer_key_agreement_key: Option<&PublicKey>,
        master_key: Option<&Bound<'_, Key>>,
        older_algorithm_ids: bool,
        header_authenticated: bool,
    ) -> PyResult<()> {
        let ciphering = key_information.map(key_information_of).transpose()?;
        self.context
            .set_general_keys(GeneralKeyMaterial {
                signing_key: signing_key.map(|key| key.key.clone()),
                key_agreement_key: key_agreement_key.map(|key| key.key.clone()),
                peer_signing_key: peer_signing_key.map(|key| key.key),
                peer_key_agreement_key: peer_key_agreement_key.map(|key| key.key),
                master_key: octets_of(master_key),
                randomness,
                identifiers: identifiers(older_algorithm_ids),
            })
            .map_err(Error::from)?;
        self.context.set_header_authenticated(header_authenticated);
        if let Some(kind) = ciphering {
            self.context
                .set_ciphering(Ciphering::GeneralCiphering(kind));
        }
        Ok(())
    }

    #[getter]
    fn floor(&self) -> u8 {
        self.context.floor().bits()
    }

    fn forget_dedicated_key(&mut self) {
        self.context.forget_dedicated_key();
    }

    #[getter]
    fn suite(&self) -> u8 {
        self.context.suite().id()
    }

    #[getter]
    fn policy(&self) -> u8 {
        self.context.policy().bits()
    }

    #[getter]
    fn system_title<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.context.system_title())
    }

    #[getter]
    fn peer_system_title<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.context
            .peer_system_title()
            .map(|title| PyBytes::new(py, title))
    }

    #[setter]
    fn set_peer_system_title(&mut self, peer: Option<&[u8]>) -> PyResult<()> {
        Ok(self
            .context
            .set_peer_system_title(peer.map(title).transpose()?)
            .map_err(Error::from)?)
    }

    #[getter]
    fn received_protection(&self) -> u8 {
        self.context.received_protection().bits()
    }

    #[getter]
    fn answer_protection(&self) -> u8 {
        self.context.answer_protection().bits()
    }

    #[setter]
    fn set_answer_protection(&mut self, bits: u8) -> PyResult<()> {
        self.context.set_answer_protection(protection(bits)?);
        Ok(())
    }

    #[getter]
    fn invocation_counter(&self) -> u32 {
        self.context.invocation_counter()
    }

    #[getter]
    fn counters_left(&self) -> u32 {
        self.context.counters_left()
    }

    fn extend(&mut self, invocation_counter: u32, counter_limit: u32) -> PyResult<()> {
        if self.context.extend(invocation_counter, counter_limit) {
            return Ok(());
        }
        let next = self.context.invocation_counter();
        Err(PyValueError::new_err(format!(
            "counters {invocation_counter}..{counter_limit} would go below {next}, which is the next one to use"
        )))
    }

    #[getter]
    fn peer_invocation_counter(&self) -> Option<u32> {
        self.context.peer_counter()
    }

    #[setter]
    fn set_peer_invocation_counter(&mut self, counter: u32) -> PyResult<()> {
        if self
            .context
            .peer_counter()
            .is_some_and(|last| counter < last)
        {
            return Err(PyValueError::new_err(
                "an accepted counter is never forgotten",
            ));
        }
        self.context.set_peer_counter(Some(counter));
        Ok(())
    }

    fn seal<'py>(&mut self, py: Python<'py>, apdu: Octets<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let tag = apdu.first().copied().unwrap_or_default();
        let protection = self.context.message_protection(tag, false).protection;
        let sealed = self.context.seal(&apdu, protection).map_err(Error::from)?;
        Ok(PyBytes::new(py, &sealed))
    }

    fn open<'py>(&mut self, py: Python<'py>, apdu: Octets<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let mut octets = apdu.to_vec();
        let plain = self
            .context
            .open_in_place(&mut octets)
            .map_err(Error::from)?;
        Ok(PyBytes::new(py, &octets[plain]))
    }

    fn gmac<'py>(
        &mut self,
        py: Python<'py>,
        challenge: Octets<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let proof = self.context.gmac(&challenge).map_err(Error::from)?;
        Ok(PyBytes::new(py, &proof))
    }

    fn verify_gmac(&mut self, challenge: Octets<'_>, proof: Octets<'_>) -> PyResult<()> {
        Ok(self
            .context
            .verify_gmac(&challenge, &proof)
            .map_err(Error::from)?)
    }

    fn __repr__(&self) -> String {
        format!(
            "<SecurityContext suite {} policy 0x{:02X} next counter {}>",
            self.suite(),
            self.policy(),
            self.invocation_counter()
        )
    }
}

fn octets_of<'a>(key: Option<&'a Bound<'_, Key>>) -> Option<&'a [u8]> {
    key.map(|key| key.get().octets())
}

fn protection(bits: u8) -> PyResult<Protection> {
    Protection::from_bits(bits)
        .ok_or_else(|| PyValueError::new_err("a policy has the bits 0x10, 0x20 and 0x40"))
}

fn key_information_of(name: &str) -> PyResult<KeyInformation> {
    Ok(match name {
        "none" => KeyInformation::None,
        "identified" => KeyInformation::Identified,
        "wrapped" => KeyInformation::Wrapped,
        "one-pass-diffie-hellman" => KeyInformation::OnePassDiffieHellman,
        "static-unified" => KeyInformation::StaticUnified,
        _ => return Err(PyValueError::new_err("no such key information")),
    })
}

fn title(octets: &[u8]) -> PyResult<[u8; 8]> {
    octets
        .try_into()
        .map_err(|_| PyValueError::new_err("a system title has 8 octets"))
}
