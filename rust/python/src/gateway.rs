//! Which meter behind a gateway is meant.

use dlms_fw_core::gateway::MAX_ADDRESS;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::octets::Octets;

/// A network behind a gateway, and a physical device in it.
#[pyclass(frozen, eq, hash, from_py_object, module = "dlms_fw._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Gateway {
    #[pyo3(get)]
    network_id: u8,
    #[pyo3(get)]
    physical_device_address: Vec<u8>,
}

impl Gateway {
    pub(crate) fn of(network_id: u8, physical_device_address: &[u8]) -> Self {
        Self {
            network_id,
            physical_device_address: physical_device_address.to_vec(),
        }
    }

    pub(crate) const fn network_id(&self) -> u8 {
        self.network_id
    }

    pub(crate) fn physical_device_address(&self) -> &[u8] {
        &self.physical_device_address
    }
}

#[pymethods]
impl Gateway {
    #[new]
    fn new(network_id: u8, physical_device_address: Octets<'_>) -> PyResult<Self> {
        if physical_device_address.len() > MAX_ADDRESS {
            return Err(PyValueError::new_err(
                "the address of a physical device has at most 255 octets",
            ));
        }
        Ok(Self::of(network_id, &physical_device_address))
    }

    fn __repr__(&self) -> String {
        let address: String = self
            .physical_device_address
            .iter()
            .map(|octet| format!("{octet:02X}"))
            .collect();
        format!("Gateway(network_id={}, {address})", self.network_id)
    }
}
