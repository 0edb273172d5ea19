//! Whole APDUs from any number of stations, with the addresses they came with.

use dlms_fw_core::apdu::Role;
use dlms_fw_core::channel::{Medium, Received, Receiver, Station};
use dlms_fw_core::error::LinkError;
use dlms_fw_core::gateway::Prefix;
use dlms_fw_core::hdlc::address::Address;
use dlms_fw_core::security::is_protected;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::errors::Error;
use crate::gateway::Gateway;
use crate::link::server_address;
use crate::octets::Octets;

/// One APDU as it was transmitted.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct ReceivedApdu {
    station: Station,
    #[pyo3(get)]
    gateway: Option<Gateway>,
    system_title: Option<[u8; 8]>,
    #[pyo3(get)]
    octets: Py<PyBytes>,
}

impl ReceivedApdu {
    fn from_core(py: Python<'_>, received: &Received<'_>) -> Self {
        let gateway = received
            .gateway
            .map(|prefix| Gateway::of(prefix.network_id, prefix.physical_device_address));
        Self {
            station: received.station,
            gateway,
            system_title: received.system_title,
            octets: PyBytes::new(py, received.apdu).unbind(),
        }
    }
}

#[pymethods]
impl ReceivedApdu {
    #[getter]
    const fn client_sap(&self) -> u16 {
        self.station.client_sap()
    }

    #[getter]
    const fn server_sap(&self) -> u16 {
        self.station.server_sap()
    }

    #[getter]
    const fn server_lower(&self) -> Option<u16> {
        self.station.server_lower()
    }

    #[getter]
    fn system_title<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.system_title.map(|title| PyBytes::new(py, &title))
    }

    #[getter]
    fn is_protected(&self, py: Python<'_>) -> bool {
        self.octets
            .as_bytes(py)
            .first()
            .is_some_and(|&tag| is_protected(tag))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "<ReceivedApdu client_sap={} server_sap={} {} octets>",
            self.client_sap(),
            self.server_sap(),
            self.octets.as_bytes(py).len()
        )
    }
}

/// Hears what comes from one side.
#[pyclass(module = "dlms_fw._core")]
pub(crate) struct ApduReceiver {
    receiver: Receiver,
    medium: Medium,
    sender: Role,
}

/// Why receiving stopped.
enum Failure {
    Link(LinkError),
    Python(PyErr),
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

#[pymethods]
impl ApduReceiver {
    #[new]
    #[pyo3(signature = (framing, sender, *, max_apdu_size = 65_535))]
    fn new(framing: &str, sender: &str, max_apdu_size: usize) -> PyResult<Self> {
        let medium = match framing {
            "wrapper" => Medium::Wrapper,
            "hdlc" => Medium::Hdlc,
            _ => {
                return Err(PyValueError::new_err(
                    "the framing is \"wrapper\" or \"hdlc\"",
                ));
            }
        };
        let sender = match sender {
            "client" => Role::Client,
            "server" => Role::Server,
            _ => {
                return Err(PyValueError::new_err(
                    "the sender is \"client\" or \"server\"",
                ));
            }
        };
        Ok(Self {
            receiver: Receiver::new(medium, sender, max_apdu_size),
            medium,
            sender,
        })
    }

    fn receive<'py>(
        &mut self,
        py: Python<'py>,
        data: Octets<'_>,
    ) -> PyResult<(Bound<'py, PyList>, Option<PyErr>)> {
        let apdus = PyList::empty(py);
        let received = self.receiver.receive::<Failure>(&data, &mut |received| {
            let apdu = ReceivedApdu::from_core(py, &received);
            apdus.append(apdu).map_err(Failure::Python)
        });
        match received {
            Ok(()) => Ok((apdus, None)),
            Err(Failure::Link(error)) => Ok((apdus, Some(Error::from(error).into()))),
            Err(Failure::Python(error)) => Err(error),
        }
    }

    fn answer<'py>(
        &self,
        py: Python<'py>,
        received: &Bound<'_, ReceivedApdu>,
        octets: Octets<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let received = received.get();
        let prefix = received.gateway.as_ref().map(|gateway| Prefix {
            is_request: self.sender == Role::Server,
            network_id: gateway.network_id(),
            physical_device_address: gateway.physical_device_address(),
        });
        let framed = self
            .receiver
            .frame(&received.station, prefix.as_ref(), &octets)
            .map_err(Error::from)?;
        Ok(PyBytes::new(py, &framed))
    }

    #[pyo3(signature = (client_sap, server_sap, octets, *, server_lower = None))]
    fn frame<'py>(
        &self,
        py: Python<'py>,
        client_sap: u16,
        server_sap: u16,
        octets: Octets<'_>,
        server_lower: Option<u16>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let station = match self.medium {
            Medium::Wrapper => Station::Wrapper {
                client_sap,
                server_sap,
            },
            Medium::Hdlc => Station::Hdlc {
                client: u8::try_from(client_sap)
                    .ok()
                    .and_then(|sap| Address::client(sap).ok())
                    .ok_or_else(|| {
                        PyValueError::new_err("the client address is outside its range")
                    })?,
                server: server_address(server_sap, server_lower, None)?,
            },
        };
        let framed = self
            .receiver
            .frame(&station, None, &octets)
            .map_err(Error::from)?;
        Ok(PyBytes::new(py, &framed))
    }

    #[getter]
    const fn unfinished(&self) -> bool {
        self.receiver.is_unfinished()
    }

    #[getter]
    const fn dropped(&self) -> u64 {
        self.receiver.dropped()
    }
}
