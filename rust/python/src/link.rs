//! What a channel is framed with, and the events that are not APDUs.

use dlms_fw_core::apdu::Role;
use dlms_fw_core::channel::{ChannelError, Destination, DisconnectReason, Framing, LinkState};
use dlms_fw_core::hdlc::address::{Address, AddressSize};
use dlms_fw_core::hdlc::link::{Config, Link, Role as LinkRole};
use dlms_fw_core::hdlc::parameters::{MAX_INFO_FIELD_LENGTH, Parameters};
use dlms_fw_core::wrapper::message_lengths;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Error;
use crate::gateway::Gateway;
use crate::octets::Octets;

/// The wrapper between two service access points.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct WrapperFraming {
    #[pyo3(get)]
    client_sap: u16,
    #[pyo3(get)]
    server_sap: u16,
    #[pyo3(get)]
    gateway: Option<Gateway>,
    #[pyo3(get)]
    pub(crate) datagrams: bool,
    pub(crate) max_retries: u8,
}

impl WrapperFraming {
    pub(crate) fn framing(&self, role: Role, max_apdu: usize) -> Framing {
        let framing = Framing::wrapper(role, self.client_sap, self.server_sap, max_apdu);
        behind(self.gateway.as_ref(), framing)
    }
}

#[pymethods]
impl WrapperFraming {
    #[new]
    #[pyo3(signature = (client_sap, server_sap, *, gateway = None, datagrams = false, max_retries = 3))]
    const fn new(
        client_sap: u16,
        server_sap: u16,
        gateway: Option<Gateway>,
        datagrams: bool,
        max_retries: u8,
    ) -> Self {
        Self {
            client_sap,
            server_sap,
            gateway,
            datagrams,
            max_retries,
        }
    }

    fn __repr__(&self) -> String {
        format!(
            "WrapperFraming(client_sap={}, server_sap={})",
            self.client_sap, self.server_sap
        )
    }
}

/// The address of a server, in the shortest form that fits where no size is given.
pub(crate) fn server_address(
    server_upper: u16,
    server_lower: Option<u16>,
    address_size: Option<u8>,
) -> PyResult<Address> {
    let size = match (address_size, server_lower) {
        (Some(1), _) | (None, None) => AddressSize::One,
        (Some(2), _) => AddressSize::Two,
        (Some(4), _) => AddressSize::Four,
        (None, Some(lower)) if lower < 0x80 && server_upper < 0x80 => AddressSize::Two,
        (None, Some(_)) => AddressSize::Four,
        (Some(_), _) => {
            return Err(PyValueError::new_err(
                "server addresses have 1, 2 or 4 octets",
            ));
        }
    };
    Address::new(server_upper, server_lower, size)
        .map_err(|_| PyValueError::new_err("the server address is outside its range"))
}

/// Octets of each of the whole wrapper messages that `data` consists of.
#[pyfunction]
pub(crate) fn wrapper_message_lengths(data: Octets<'_>) -> PyResult<Vec<usize>> {
    Ok(message_lengths(&data).map_err(|error| Error::from(ChannelError::Link(error)))?)
}

/// HDLC between a client and a server address.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct HdlcFraming {
    #[pyo3(get)]
    client_sap: u8,
    #[pyo3(get)]
    server_upper: u16,
    #[pyo3(get)]
    server_lower: Option<u16>,
    client_address: Address,
    server_address: Address,
    parameters: Parameters,
    max_retries: u8,
    max_busy_polls: u16,
    group_addresses: Vec<Address>,
    #[pyo3(get)]
    unconfirmed_as_ui: bool,
    max_info_field_length_unconfirmed: Option<u16>,
    #[pyo3(get)]
    gateway: Option<Gateway>,
}

/// The framing, with the prefix of a gateway where there is one.
fn behind(gateway: Option<&Gateway>, framing: Framing) -> Framing {
    match gateway {
        None => framing,
        Some(gateway) => {
            framing.behind_gateway(gateway.network_id(), gateway.physical_device_address())
        }
    }
}

impl HdlcFraming {
    pub(crate) fn framing(&self, role: Role, max_apdu: usize) -> PyResult<Framing> {
        if role == Role::Client && self.server_address.has_all_station_half() {
            return Err(PyValueError::new_err(
                "a client speaks to stations that were named, never to all",
            ));
        }
        let config = Config {
            client_address: self.client_address,
            server_address: self.server_address,
            parameters: self.parameters,
            max_retries: self.max_retries,
            max_busy_polls: self.max_busy_polls,
            max_apdu,
            group_addresses: self.group_addresses.clone(),
            max_info_field_length_unconfirmed: self.max_info_field_length_unconfirmed,
        };
        let link_role = match role {
            Role::Client => LinkRole::Client,
            Role::Server => LinkRole::Server,
        };
        let framing = Framing::hdlc(
            role,
            u16::from(self.client_sap),
            self.server_upper,
            Link::new(link_role, config),
            self.unconfirmed_as_ui,
        );
        Ok(behind(self.gateway.as_ref(), framing))
    }
}

#[pymethods]
impl HdlcFraming {
    #[new]
    #[pyo3(signature = (
        client_sap, server_upper, server_lower = None, *, address_size = None,
        max_info_field_length_transmit = 128, max_info_field_length_receive = 128,
        window_size_transmit = 1, window_size_receive = 1, max_retries = 3, max_busy_polls = 120,
        group_addresses = Vec::new(), unconfirmed_as_ui = false, max_info_field_length_unconfirmed = None, gateway = None,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        client_sap: u8,
        server_upper: u16,
        server_lower: Option<u16>,
        address_size: Option<u8>,
        max_info_field_length_transmit: u16,
        max_info_field_length_receive: u16,
        window_size_transmit: u8,
        window_size_receive: u8,
        max_retries: u8,
        max_busy_polls: u16,
        group_addresses: Vec<(u16, Option<u16>)>,
        unconfirmed_as_ui: bool,
        max_info_field_length_unconfirmed: Option<u16>,
        gateway: Option<Gateway>,
    ) -> PyResult<Self> {
        let refused = |what: &str| PyValueError::new_err(format!("{what} is outside its range"));
        let client_address =
            Address::client(client_sap).map_err(|_| refused("the client address"))?;
        let server_address = server_address(server_upper, server_lower, address_size)?;
        let group_addresses = group_addresses
            .into_iter()
            .map(|(upper, lower)| Address::new(upper, lower, server_address.size()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| refused("a group address"))?;
        if group_addresses.iter().any(Address::has_all_station_half) {
            return Err(refused("a group address"));
        }
        if max_info_field_length_unconfirmed
            .is_some_and(|length| !(1..=MAX_INFO_FIELD_LENGTH).contains(&length))
        {
            return Err(refused("an information field length (1..2030)"));
        }
        let parameters = Parameters::new(
            max_info_field_length_transmit,
            max_info_field_length_receive,
            window_size_transmit,
            window_size_receive,
        )
        .map_err(|_| refused("an information field length (1..2030) or window size (1..7)"))?;
        Ok(Self {
            client_sap,
            server_upper,
            server_lower,
            client_address,
            server_address,
            parameters,
            max_retries,
            max_busy_polls,
            group_addresses,
            unconfirmed_as_ui,
            max_info_field_length_unconfirmed,
            gateway,
        })
    }

    fn __repr__(&self) -> String {
        let lower = self
            .server_lower
            .map_or_else(|| "None".to_owned(), |lower| lower.to_string());
        format!(
            "HdlcFraming(client_sap={}, server_upper={}, server_lower={lower}, address_size={})",
            self.client_sap,
            self.server_upper,
            self.server_address.size().octets()
        )
    }
}

/// The link is up.
#[pyclass(frozen, get_all, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct LinkConnected {
    max_info_field_length_transmit: u16,
    max_info_field_length_receive: u16,
    window_size_transmit: u8,
    window_size_receive: u8,
}

impl From<LinkState> for LinkConnected {
    fn from(state: LinkState) -> Self {
        Self {
            max_info_field_length_transmit: state.max_info_field_length_transmit,
            max_info_field_length_receive: state.max_info_field_length_receive,
            window_size_transmit: state.window_size_transmit,
            window_size_receive: state.window_size_receive,
        }
    }
}

#[pymethods]
impl LinkConnected {
    fn __repr__(&self) -> String {
        format!(
            "LinkConnected(transmit={}x{}, receive={}x{})",
            self.max_info_field_length_transmit,
            self.window_size_transmit,
            self.max_info_field_length_receive,
            self.window_size_receive
        )
    }
}

/// The link is down.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct LinkDisconnected {
    #[pyo3(get)]
    reason: &'static str,
    rejection: Option<[u8; 3]>,
}

impl From<DisconnectReason> for LinkDisconnected {
    fn from(why: DisconnectReason) -> Self {
        let reason = match why {
            DisconnectReason::Disc => "disc",
            DisconnectReason::Dm => "dm",
            DisconnectReason::Frmr { .. } => "frmr",
        };
        let rejection = match why {
            DisconnectReason::Frmr { rejection } => rejection,
            _ => None,
        };
        Self { reason, rejection }
    }
}

#[pymethods]
impl LinkDisconnected {
    #[getter]
    fn rejection<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.rejection
            .map(|information| PyBytes::new(py, &information))
    }

    fn __repr__(&self) -> String {
        format!("LinkDisconnected(reason={:?})", self.reason)
    }
}

/// Server: a message of another client waits.
#[pyclass(frozen, get_all, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PeerChanged {
    pub(crate) client_sap: u16,
}

#[pymethods]
impl PeerChanged {
    fn __repr__(&self) -> String {
        format!("PeerChanged(client_sap={})", self.client_sap)
    }
}

/// Server: the next event is about an APDU from a UI frame.
#[pyclass(frozen, get_all, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct UnconfirmedFrame {
    destination: &'static str,
}

impl From<Destination> for UnconfirmedFrame {
    fn from(destination: Destination) -> Self {
        let destination = match destination {
            Destination::Individual => "individual",
            Destination::Group => "group",
            Destination::AllStations => "all-stations",
        };
        Self { destination }
    }
}

#[pymethods]
impl UnconfirmedFrame {
    fn __repr__(&self) -> String {
        format!("UnconfirmedFrame(destination={:?})", self.destination)
    }
}

/// An APDU was refused and dropped without harm.
#[pyclass(frozen, get_all, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Discarded {
    pub(crate) reason: &'static str,
    pub(crate) expected_counter: Option<u32>,
}

#[pymethods]
impl Discarded {
    fn __repr__(&self) -> String {
        format!("Discarded(reason={:?})", self.reason)
    }
}
