//! The channel: the two heavy crossings, one each way per APDU.

use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::channel::{self, ChannelError, Event, GeneralBlockUse, Negotiation};
use dlms_fw_core::security;
use dlms_fw_core::xdlms::general_block::GeneralBlock;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::apdu::{Outgoing, Parameter, incoming};
use crate::errors::Error;
use crate::invoke::Invoke;
use crate::limits::{Limits, core_limits};
use crate::link::{
    Discarded, HdlcFraming, LinkConnected, LinkDisconnected, PeerChanged, UnconfirmedFrame,
    WrapperFraming,
};
use crate::octets::Octets;
use crate::security::SecurityContext;

/// The cap of a reassembled APDU where none is given: 16 MiB.
const MAX_RECEIVE_APDU_SIZE: usize = 16 << 20;

/// One association's way to the wire and back.
#[pyclass(module = "dlms_fw._core")]
pub(crate) struct Channel {
    pub(crate) channel: channel::Channel,
    pub(crate) security: Option<Py<SecurityContext>>,
}

/// Why receiving stopped: our rules, or an exception while an event was made.
pub(crate) enum Failure {
    Channel(ChannelError),
    Python(PyErr),
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Channel(error) => Error::from(error).into(),
            Failure::Python(error) => error,
        }
    }
}

impl Channel {
    fn invoke(&self, invoke: Invoke) -> Result<InvokeIdAndPriority, ChannelError> {
        match invoke {
            Invoke::None | Invoke::NextLong | Invoke::Alone { confirmed: false } => {
                Ok(InvokeIdAndPriority(0))
            }
            Invoke::Alone { confirmed: true } => {
                self.channel.sole_request()?;
                Ok(InvokeIdAndPriority(0))
            }
            Invoke::Next { confirmed } => self.channel.invoke_id(None, confirmed),
            Invoke::Given(octet) => self.channel.invoke_id(Some(octet.0), octet.confirmed()),
        }
    }
}

/// Sends in whatever pieces are needed; octets are appended to `out`.
fn send(
    channel: &mut channel::Channel,
    apdu: &Apdu<'_, Parameter<'_>>,
    security: Option<&mut security::SecurityContext>,
    out: &mut Vec<u8>,
) -> Result<(), ChannelError> {
    let plan = channel.plan(apdu.tag(), apdu, security.as_deref());
    channel.send(&plan, apdu, security, out)?;
    channel.sent(apdu);
    Ok(())
}

#[pymethods]
impl Channel {
    #[new]
    #[pyo3(signature = (
        role, framing, *, max_receive_apdu_size = MAX_RECEIVE_APDU_SIZE, limits = None,
        general_block_transfer = "when-needed", general_block_transfer_window = GeneralBlock::MAX_WINDOW,
        general_block_transfer_acknowledge_last = true,
    ))]
    fn new(
        role: &str,
        framing: &Bound<'_, PyAny>,
        max_receive_apdu_size: usize,
        limits: Option<&Bound<'_, Limits>>,
        general_block_transfer: &str,
        general_block_transfer_window: u8,
        general_block_transfer_acknowledge_last: bool,
    ) -> PyResult<Self> {
        let role = match role {
            "client" => Role::Client,
            "server" => Role::Server,
            _ => return Err(PyValueError::new_err("a role is \"client\" or \"server\"")),
        };
        let carrier = if let Ok(wrapper) = framing.cast::<WrapperFraming>() {
            wrapper.get().framing(role, max_receive_apdu_size)
        } else if let Ok(hdlc) = framing.cast::<HdlcFraming>() {
            hdlc.get().framing(role, max_receive_apdu_size)?
        } else {
            return Err(PyTypeError::new_err(
                "a framing is a WrapperFraming or an HdlcFraming",
            ));
        };
        let general_blocks = match general_block_transfer {
            "off" => GeneralBlockUse::Off,
            "when-needed" => GeneralBlockUse::WhenNeeded,
            "always" => GeneralBlockUse::Always,
            _ => {
                return Err(PyValueError::new_err(
                    "general block transfer is \"off\", \"when-needed\" or \"always\"",
                ));
            }
        };
        if !(1..=GeneralBlock::MAX_WINDOW).contains(&general_block_transfer_window) {
            return Err(PyValueError::new_err(
                "a window of general block transfer has 1 to 63 blocks",
            ));
        }
        let mut channel = channel::Channel::new(role, carrier, max_receive_apdu_size);
        if let Ok(framing) = framing.cast::<WrapperFraming>()
            && framing.get().datagrams
        {
            channel.use_datagrams(framing.get().max_retries);
        }
        channel.use_general_blocks(
            general_blocks,
            general_block_transfer_window,
            general_block_transfer_acknowledge_last,
        );
        channel.set_limits(core_limits(limits));
        Ok(Self {
            channel,
            security: None,
        })
    }

    fn connect<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        self.channel.connect(&mut out).map_err(Error::from)?;
        Ok(PyBytes::new(py, &out))
    }

    fn disconnect<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        self.channel.disconnect(&mut out);
        PyBytes::new(py, &out)
    }

    fn send<'py>(
        &mut self,
        py: Python<'py>,
        apdu: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let outgoing = Outgoing::cast(apdu)?;
        let invoke = self.invoke(outgoing.invoke()).map_err(Error::from)?;
        let mut wire = outgoing.wire(py, invoke);
        if let (Apdu::AccessRequest(request), Invoke::NextLong) = (&mut wire, outgoing.invoke()) {
            let options = request.long_invoke_id_and_priority;
            request.long_invoke_id_and_priority = self.channel.next_long_invoke_id(options);
        }
        let mut lent = match &self.security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let security = lent.as_mut().map(|security| &mut security.context);
        let channel = &mut self.channel;
        let plan = channel.plan(wire.tag(), &wire, security.as_deref());
        let Some(length) = channel.direct_len(&plan) else {
            let mut out = Vec::new();
            send(channel, &wire, security, &mut out).map_err(Error::from)?;
            return Ok(PyBytes::new(py, &out));
        };
        let octets = PyBytes::new_with(py, length, |out| {
            channel
                .write(&plan, &wire, security, out)
                .map_err(|error| Error::from(error).into())
        })?;
        channel.sent(&wire);
        Ok(octets)
    }

    fn send_many<'py>(
        &mut self,
        py: Python<'py>,
        apdus: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let outgoing = apdus
            .iter()
            .map(Outgoing::cast)
            .collect::<PyResult<Vec<_>>>()?;
        if !outgoing
            .iter()
            .all(|apdu| matches!(apdu.invoke(), Invoke::Next { confirmed: false }))
        {
            return Err(PyValueError::new_err(
                "only unconfirmed requests can be sent many at a time",
            ));
        }
        let invoke = InvokeIdAndPriority::new(1, false, true);
        let wires: Vec<_> = outgoing.iter().map(|apdu| apdu.wire(py, invoke)).collect();
        let mut lent = match &self.security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let mut security = lent.as_mut().map(|security| &mut security.context);
        let channel = &mut self.channel;
        let out = py.detach(|| {
            let mut out = Vec::new();
            for wire in &wires {
                let plan = channel.plan(wire.tag(), wire, security.as_deref());
                channel.check_room(&plan)?;
            }
            for wire in &wires {
                send(channel, wire, security.as_deref_mut(), &mut out)?;
            }
            Ok::<_, ChannelError>(out)
        });
        Ok(PyBytes::new(py, &out.map_err(Error::from)?))
    }

    fn receive<'py>(
        &mut self,
        py: Python<'py>,
        data: Octets<'_>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyBytes>)> {
        let events = PyList::empty(py);
        let mut reply = Vec::new();
        let mut lent = match &self.security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let security = lent.as_mut().map(|security| &mut security.context);
        self.channel
            .receive::<Failure>(&data, security, &mut reply, &mut |event| {
                let event = object(py, event).map_err(Failure::Python)?;
                events.append(event).map_err(Failure::Python)
            })?;
        Ok((events, PyBytes::new(py, &reply)))
    }

    fn acknowledge<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        self.channel.acknowledge(&mut out).map_err(Error::from)?;
        Ok(PyBytes::new(py, &out))
    }

    fn handle_timeout<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        let mut lent = match &self.security {
            Some(security) => Some(security.bind(py).try_borrow_mut()?),
            None => None,
        };
        let security = lent.as_mut().map(|security| &mut security.context);
        self.channel
            .handle_timeout(security, &mut out)
            .map_err(Error::from)?;
        Ok(PyBytes::new(py, &out))
    }

    fn handle_inter_octet_timeout(&mut self) {
        self.channel.handle_inter_octet_timeout();
    }

    fn handle_inactivity_timeout(&mut self) -> bool {
        self.channel.handle_inactivity_timeout()
    }

    fn keep_alive<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        self.channel.keep_alive(&mut out);
        PyBytes::new(py, &out)
    }

    #[getter]
    fn unfinished(&self) -> bool {
        self.channel.has_unfinished()
    }

    fn set_busy(&mut self, busy: bool) {
        self.channel.set_busy(busy);
    }

    #[getter]
    fn peer_busy(&self) -> bool {
        self.channel.is_peer_busy()
    }

    #[getter]
    fn security(&self, py: Python<'_>) -> Option<Py<SecurityContext>> {
        self.security
            .as_ref()
            .map(|security| security.clone_ref(py))
    }

    #[setter]
    fn set_security(&mut self, context: Option<Py<SecurityContext>>) {
        self.security = context;
    }

    #[pyo3(signature = (conformance, peer_max_receive_pdu_size, *, unanswered = false))]
    fn negotiate(&mut self, conformance: u32, peer_max_receive_pdu_size: u16, unanswered: bool) {
        if unanswered {
            self.channel.never_answer();
        }
        self.channel.negotiate(Negotiation {
            conformance,
            peer_max_receive_pdu_size,
        });
    }

    fn prefer_general_blocks(&mut self) {
        self.channel.prefer_general_blocks();
    }

    fn reset_association(&mut self) {
        self.security = None;
        self.channel.reset_association();
    }

    #[getter]
    fn idle(&self) -> bool {
        self.channel.is_idle()
    }

    #[getter]
    fn connected(&self) -> bool {
        self.channel.is_connected()
    }

    #[getter]
    fn client_sap(&self) -> u16 {
        self.channel.client_sap()
    }

    #[getter]
    fn server_sap(&self) -> u16 {
        self.channel.server_sap()
    }

    #[getter]
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let statistics = self.channel.statistics();
        let counters = PyDict::new(py);
        counters.set_item("frames_dropped", statistics.frames_dropped)?;
        counters.set_item("frames_repeated", statistics.frames_repeated)?;
        counters.set_item("unconfirmed_received", statistics.unconfirmed_received)?;
        counters.set_item("octets_sent", statistics.octets_sent)?;
        counters.set_item("octets_received", statistics.octets_received)?;
        counters.set_item("apdus_discarded", statistics.apdus_discarded)?;
        Ok(counters)
    }
}

/// The Python object of an event.
pub(crate) fn object<'py>(py: Python<'py>, event: Event<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match event {
        Event::Apdu(apdu) => incoming(py, &apdu)?,
        Event::LinkConnected(state) => Bound::new(py, LinkConnected::from(state))?.into_any(),
        Event::LinkDisconnected(reason) => {
            Bound::new(py, LinkDisconnected::from(reason))?.into_any()
        }
        Event::UnconfirmedFrame { destination } => {
            Bound::new(py, UnconfirmedFrame::from(destination))?.into_any()
        }
        Event::PeerChanged { client_sap } => Bound::new(py, PeerChanged { client_sap })?.into_any(),
        Event::Discarded {
            reason,
            expected_counter,
        } => Bound::new(
            py,
            Discarded {
                reason,
                expected_counter,
            },
        )?
        .into_any(),
    })
}
