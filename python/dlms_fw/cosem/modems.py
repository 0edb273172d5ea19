"""Modems and mobile networks (class_id 27, 28, 29, 45, 47, 151): dialling, answering, and how well it works.

The tables of the Blue Book.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import (
    array,
    date_time_or_octets,
    double_long_unsigned,
    enumerated,
    integer,
    long_unsigned,
    octet_string,
    record,
    unsigned,
    visible_string,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import window_element
from dlms_fw.enums.modems import (
    AutoAnswerMode,
    AutoAnswerStatus,
    AutoConnectMode,
    CallType,
    CircuitSwitchedStatus,
    CoverageEnhancement,
    NetworkStatus,
    PacketSwitchedStatus,
)
from dlms_fw.enums.ports import BaudRate

__all__ = [
    "AdjacentCell",
    "AllowedCaller",
    "AutoAnswerV0",
    "AutoAnswerV2",
    "AutoConnect",
    "AutoConnectV2",
    "AutoDial",
    "CellInfo",
    "CellInfoV0",
    "GprsModemSetup",
    "GprsQualityOfService",
    "GsmDiagnostic",
    "GsmDiagnosticV0",
    "GsmDiagnosticV2",
    "InitializationString",
    "InitializationStringV0",
    "LteMonitoring",
    "LteMonitoringV0",
    "LteNetworkParameters",
    "LteNetworkParametersV0",
    "LteQualityOfService",
    "ModemConfiguration",
    "ModemConfigurationV0",
    "NumberOfRings",
    "QualityOfServiceElement",
]


# --- Modem configuration (class_id 27) ----------------------------------------------------------------------


class InitializationStringV0(NamedTuple):
    """What is sent to the modem, and what it should answer, in version 0."""

    request: bytes
    response: bytes


class InitializationString(NamedTuple):
    """What is sent to the modem, what it should answer, and how long to wait after that."""

    request: bytes
    response: bytes
    delay_after_response: int
    """In milliseconds."""


class ModemConfigurationV0(InterfaceClass, class_id=27, version=0):
    """Version 0 (PSTN modem configuration): without delays."""

    comm_speed = attribute(2, enumerated(BaudRate), static=True)
    initialization_string = attribute(
        3, array(record(InitializationStringV0, octet_string, octet_string)), static=True
    )
    modem_profile = attribute(4, array(octet_string), static=True)


class ModemConfiguration(InterfaceClass, class_id=27, version=1):
    """How a modem is initialised and what it answers."""

    comm_speed = attribute(2, enumerated(BaudRate), static=True)
    initialization_string = attribute(
        3, array(record(InitializationString, octet_string, octet_string, long_unsigned)), static=True
    )
    modem_profile = attribute(4, array(octet_string), static=True)
    """The words of the modem: OK, CONNECT, RING and so on, in the order of the standard."""


# --- Auto answer (class_id 28) ------------------------------------------------------------------------------


class NumberOfRings(NamedTuple):
    """How often it rings before the modem answers; 0 for no answer."""

    in_window: int
    out_of_window: int


class AllowedCaller(NamedTuple):
    """A number that may call, as text with wildcards, and what its calls are for."""

    caller_id: bytes
    call_type: CallType


class _AutoAnswerRows(InterfaceClass):
    """What all versions have in common."""

    mode = attribute(2, enumerated(AutoAnswerMode), static=True)
    listening_window = attribute(3, array(window_element), static=True)
    """When calls are answered; none means always."""
    status = attribute(4, enumerated(AutoAnswerStatus))
    number_of_calls = attribute(5, unsigned, static=True)
    """How many calls are answered within a window; 0 for no limit."""
    number_of_rings = attribute(6, record(NumberOfRings, unsigned, unsigned), static=True)


class AutoAnswerV0(_AutoAnswerRows, class_id=28, version=0):
    """Version 0: anybody may call."""


class AutoAnswerV2(_AutoAnswerRows, class_id=28, version=2):
    """When a modem answers, and whom."""

    list_of_allowed_callers = attribute(
        7, array(record(AllowedCaller, octet_string, enumerated(CallType))), static=True
    )
    """None means that anybody may call."""


# --- Auto dial and auto connect (class_id 29) ---------------------------------------------------------------


class _DialRows(InterfaceClass):
    """What all versions have in common."""

    mode = attribute(2, enumerated(AutoConnectMode), static=True)
    repetitions = attribute(3, unsigned, static=True)
    """How often an attempt that failed is repeated."""
    repetition_delay = attribute(4, long_unsigned, static=True)
    """In seconds."""
    calling_window = attribute(5, array(window_element), static=True)


class AutoDial(_DialRows, class_id=29, version=0):
    """Version 0 (PSTN auto dial): telephone numbers."""

    phone_list = attribute(6, array(octet_string), static=True)


class _ConnectRows(_DialRows):
    """What the versions with destinations have in common."""

    destination_list = attribute(6, array(octet_string), static=True)
    """Telephone numbers, addresses or names, tried in this order."""

    @method(1)
    def connect(self) -> None:
        """Connect now, as the mode says."""


class AutoConnect(_ConnectRows, class_id=29, version=1):
    """When a modem calls, and whom."""


class AutoConnectV2(_ConnectRows, class_id=29, version=2):
    """Version 2: the rows of version 1."""


# --- GPRS modem setup (class_id 45) -------------------------------------------------------------------------


class QualityOfServiceElement(NamedTuple):
    """One quality of service, in the codes of 3GPP TS 23.107."""

    precedence: int
    delay: int
    reliability: int
    peak_throughput: int
    mean_throughput: int


class GprsQualityOfService(NamedTuple):
    """What is taken where the network has it, and what is asked for."""

    default: QualityOfServiceElement
    requested: QualityOfServiceElement


_quality_of_service = record(QualityOfServiceElement, *[unsigned] * 5)


class GprsModemSetup(InterfaceClass, class_id=45, version=0):
    """How a modem gets into a packet-switched network."""

    apn = attribute(2, octet_string, static=True)
    """The access point name, as characters."""
    pin_code = attribute(3, long_unsigned, static=True)
    quality_of_service = attribute(
        4, record(GprsQualityOfService, _quality_of_service, _quality_of_service), static=True
    )


# --- GSM diagnostic (class_id 47) ---------------------------------------------------------------------------


class CellInfoV0(NamedTuple):
    """The cell of the modem, in version 0."""

    cell_id: int
    location_id: int
    signal_quality: int
    """0 to 31 for -113 to -51 dBm in steps of 2, 99 for unknown."""
    ber: int
    """The bit error rate, 0 to 7, 99 for unknown."""


class CellInfo(NamedTuple):
    """The cell of the modem."""

    cell_id: int
    location_id: int
    signal_quality: int
    """0 to 31 for -113 to -51 dBm in steps of 2, 99 for unknown."""
    ber: int
    """The bit error rate, 0 to 7, 99 for unknown."""
    mobile_country_code: int
    mobile_network_code: int
    channel_number: int


class AdjacentCell(NamedTuple):
    """Another cell that is heard."""

    cell_id: int
    signal_quality: int


class _GsmRows(InterfaceClass):
    """What all versions have in common."""

    operator = attribute(2, visible_string)
    status = attribute(3, enumerated(NetworkStatus))
    cs_attachment = attribute(4, enumerated(CircuitSwitchedStatus))
    ps_status = attribute(5, enumerated(PacketSwitchedStatus))
    capture_time = attribute(8, date_time_or_octets)
    """When all this was looked at."""


class GsmDiagnosticV0(_GsmRows, class_id=47, version=0):
    """Version 0: GSM cells, with 16 bits."""

    cell_info = attribute(6, record(CellInfoV0, long_unsigned, long_unsigned, unsigned, unsigned))
    adjacent_cells = attribute(7, array(record(AdjacentCell, long_unsigned, unsigned)))


class _UmtsRows(_GsmRows):
    """What the versions with cells of 32 bits have in common."""

    cell_info = attribute(
        6,
        record(
            CellInfo,
            double_long_unsigned,
            long_unsigned,
            unsigned,
            unsigned,
            long_unsigned,
            long_unsigned,
            double_long_unsigned,
        ),
    )
    adjacent_cells = attribute(7, array(record(AdjacentCell, double_long_unsigned, unsigned)))


class GsmDiagnostic(_UmtsRows, class_id=47, version=1):
    """How a modem is registered in a mobile network, and how well it hears it."""


class GsmDiagnosticV2(_UmtsRows, class_id=47, version=2):
    """Version 2: more packet-switched networks, in the rows of version 1."""


# --- LTE monitoring (class_id 151) --------------------------------------------------------------------------


class LteNetworkParametersV0(NamedTuple):
    """What version 0 tells of the network."""

    t3402: int
    """In seconds."""
    t3412: int
    """In seconds."""
    rsrq: int
    rsrp: int
    q_rx_lev_min: int


class LteNetworkParameters(NamedTuple):
    """Timers and thresholds that the network set."""

    t3402: int
    """In seconds."""
    t3412: int
    """In seconds."""
    t3412_ext2: int
    """In seconds."""
    t3324: int
    """In units of 10 milliseconds."""
    t_edrx: int
    """In units of 10 milliseconds."""
    t_ptw: int
    """In units of 10 milliseconds."""
    q_rx_lev_min: int
    q_rx_lev_min_ce: int
    q_rx_lev_min_ce1: int


class LteQualityOfService(NamedTuple):
    """How well the network is heard."""

    rsrq: int
    rsrp: int
    snr: int
    coverage_enhancement: CoverageEnhancement


class LteMonitoringV0(InterfaceClass, class_id=151, version=0, confirmed=False):
    """Version 0: network and quality in one structure."""

    lte_network_parameters = attribute(
        2, record(LteNetworkParametersV0, long_unsigned, long_unsigned, unsigned, unsigned, integer)
    )


class LteMonitoring(InterfaceClass, class_id=151, version=1, confirmed=False):
    """What an LTE network demands of a modem, and how well it is heard."""

    lte_network_parameters = attribute(
        2,
        record(
            LteNetworkParameters,
            long_unsigned,
            long_unsigned,
            double_long_unsigned,
            long_unsigned,
            double_long_unsigned,
            long_unsigned,
            integer,
            integer,
            integer,
        ),
    )
    lte_quality_of_service = attribute(
        3, record(LteQualityOfService, integer, integer, integer, enumerated(CoverageEnhancement))
    )
