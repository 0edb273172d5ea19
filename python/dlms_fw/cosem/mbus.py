"""M-Bus (class_id 25, 72, 73, 74, 76, 77): the meters behind this one, and the ports to them and to itself.

The tables of the Blue Book; what the numbers of a slave mean is in EN 13757.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import (
    any_data,
    array,
    date_time_or_octets,
    double_long_unsigned,
    enumerated,
    logical_name_octets,
    long_unsigned,
    octet_string,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import window_element
from dlms_fw.enums.mbus import (
    AddressState,
    DataHeaderType,
    EncryptionKeyStatus,
    LinkStatus,
    PortCommunicationState,
)
from dlms_fw.enums.ports import BaudRate

__all__ = [
    "BroadcastFrameCounter",
    "CaptureDefinitionElement",
    "DlmsServerMBusPortSetup",
    "MBusCaptureTime",
    "MBusClient",
    "MBusClientV0",
    "MBusData",
    "MBusDiagnostic",
    "MBusMasterPortSetup",
    "MBusSlavePortSetup",
    "WirelessModeQChannel",
]


class MBusSlavePortSetup(InterfaceClass, class_id=25, version=0):
    """A wired M-Bus port at which this meter is a slave."""

    default_baud = attribute(2, enumerated(BaudRate), static=True)
    avail_baud = attribute(3, enumerated(BaudRate), static=True)
    """The speed that may be asked for after the opening."""
    addr_state = attribute(4, enumerated(AddressState), static=True)
    bus_address = attribute(5, unsigned, static=True)


class CaptureDefinitionElement(NamedTuple):
    """Which data record of the slave is captured."""

    data_information_block: bytes
    value_information_block: bytes


class MBusData(NamedTuple):
    """A data record for the slave."""

    data_information_block: bytes
    value_information_block: bytes
    data: Data


class _MBusClientRows(InterfaceClass):
    """What all versions have in common."""

    mbus_port_reference = attribute(2, logical_name_octets, static=True)
    """The M-Bus master port."""
    capture_definition = attribute(
        3, array(record(CaptureDefinitionElement, octet_string, octet_string)), static=True
    )
    capture_period = attribute(4, double_long_unsigned, static=True)
    """In seconds; 0 where something else triggers the capture."""
    primary_address = attribute(5, unsigned)
    """0 for a slave without one."""
    identification_number = attribute(6, double_long_unsigned)
    """Eight digits, as BCD."""
    manufacturer_id = attribute(7, long_unsigned)
    """Three letters of five bits each."""
    device_version = attribute(8, unsigned)
    """The ``version`` of the Blue Book; the version of the slave."""
    device_type = attribute(9, unsigned)
    """The medium: 2 electricity, 3 gas, 4 heat, 7 water and so on."""
    access_number = attribute(10, unsigned)
    status = attribute(11, unsigned)
    alarm = attribute(12, unsigned)

    @method(1, unsigned)
    def slave_install(self, primary_address: int) -> None:
        """Give a slave that has none a primary address, and read who it is."""

    @method(2)
    def slave_deinstall(self) -> None:
        """Take the primary address back, and forget the slave and its keys."""

    @method(3)
    def capture(self) -> None:
        """Capture the defined data records now."""

    @method(4)
    def reset_alarm(self) -> None:
        """Reset the alarm of the slave."""

    @method(5)
    def synchronize_clock(self) -> None:
        """Set the clock of the slave."""

    @method(6, array(record(MBusData, octet_string, octet_string, any_data)))
    def data_send(self, data: list[MBusData]) -> None:
        """Send data records to the slave."""

    @method(7, octet_string)
    def set_encryption_key(self, encryption_key: bytes) -> None:
        """Tell this meter the key of the slave; no octets for none."""

    @method(8, octet_string)
    def transfer_key(self, encrypted_key: bytes) -> None:
        """Send the slave a key, enciphered under its default key."""


class MBusClientV0(_MBusClientRows, class_id=72, version=0, short_name_methods=0x60):
    """Version 0: without the configuration word."""


class MBusClient(_MBusClientRows, class_id=72, version=1, short_name_methods=0x70):
    """One meter behind this one, as an M-Bus slave."""

    configuration = attribute(13, long_unsigned)
    """The configuration word of the slave: how it enciphers."""
    encryption_key_status = attribute(14, enumerated(EncryptionKeyStatus))


class WirelessModeQChannel(InterfaceClass, class_id=73, version=1):
    """A channel of wireless mode Q (EN 13757-5)."""

    addr_state = attribute(2, enumerated(AddressState), static=True)
    device_address = attribute(3, octet_string, static=True)
    address_mask = attribute(4, octet_string, static=True)
    """The group address."""


class MBusMasterPortSetup(InterfaceClass, class_id=74, version=0):
    """A wired M-Bus port at which this meter is the master."""

    comm_speed = attribute(2, enumerated(BaudRate), static=True)


class DlmsServerMBusPortSetup(InterfaceClass, class_id=76, version=0):
    """An M-Bus port, wired or wireless, at which this meter is a DLMS server."""

    mbus_profile_selection = attribute(2, logical_name_octets, static=True)
    """The object with the lower layers."""
    port_communication_state = attribute(3, enumerated(PortCommunicationState))
    data_header_type = attribute(4, enumerated(DataHeaderType), static=True)
    primary_address = attribute(5, unsigned)
    identification_number = attribute(6, double_long_unsigned)
    manufacturer_id = attribute(7, long_unsigned)
    device_version = attribute(8, unsigned)
    """The ``version`` of the Blue Book; the version of the device."""
    device_type = attribute(9, unsigned)
    max_pdu_size = attribute(10, long_unsigned, static=True)
    """In octets."""
    listening_window = attribute(11, array(window_element), static=True)
    """When it can be called."""


class BroadcastFrameCounter(NamedTuple):
    """Broadcast frames of one client."""

    client_id: int
    counter: int
    timestamp: DateTime


class MBusCaptureTime(NamedTuple):
    """Which attribute changed last, and when."""

    attribute_id: int
    timestamp: DateTime


class MBusDiagnostic(InterfaceClass, class_id=77, version=0):
    """How well an M-Bus port works."""

    received_signal_strength = attribute(2, unsigned)
    """In dBm without its minus."""
    channel_id = attribute(3, unsigned)
    link_status = attribute(4, enumerated(LinkStatus))
    broadcast_frames_counter = attribute(
        5, array(record(BroadcastFrameCounter, unsigned, double_long_unsigned, date_time_or_octets))
    )
    transmissions_counter = attribute(6, double_long_unsigned)
    fcs_ok_frames_counter = attribute(7, double_long_unsigned)
    fcs_nok_frames_counter = attribute(8, double_long_unsigned)
    capture_time = attribute(9, record(MBusCaptureTime, unsigned, date_time_or_octets))

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""
