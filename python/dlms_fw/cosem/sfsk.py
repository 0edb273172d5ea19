"""S-FSK power line communication (class_id 50, 51, 52, 53, 55, 56): IEC 61334-5-1 and what lies above it.

The tables of the Blue Book.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    boolean,
    double_long_unsigned,
    enumerated,
    long_unsigned,
    octet_string,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums.sfsk import (
    DeltaElectricalPhase,
    InitiatorElectricalPhase,
    Repeater,
    TransmissionSpeed,
)

__all__ = [
    "ActiveInitiator",
    "DesynchronizationListing",
    "Frequencies",
    "Iec61334LlcSetup",
    "Iec61334LlcSetupV0",
    "ReplyStatus",
    "SFskActiveInitiator",
    "SFskBroadcastFrames",
    "SFskMacCounters",
    "SFskMacSynchronizationTimeouts",
    "SFskPhyMacSetup",
    "SFskPhyMacSetupV0",
    "SFskReportingSystemList",
    "SynchronizationRegisterElement",
]


class Frequencies(NamedTuple):
    """The two frequencies, in hertz."""

    mark_frequency: int
    space_frequency: int


class _PhyMacRows(InterfaceClass):
    """What both versions have in common."""

    initiator_electrical_phase = attribute(2, enumerated(InitiatorElectricalPhase), static=True)
    delta_electrical_phase = attribute(3, enumerated(DeltaElectricalPhase))
    max_receiving_gain = attribute(4, unsigned, static=True)
    """In steps of 6 dB."""
    max_transmitting_gain = attribute(5, unsigned, static=True)
    """As attenuation, in steps of 6 dB."""
    mac_address = attribute(8, long_unsigned)
    """0xFFE for a device that is new."""
    mac_group_addresses = attribute(9, array(long_unsigned), static=True)
    repeater = attribute(10, enumerated(Repeater), static=True)
    repeater_status = attribute(11, boolean)
    """Whether it repeats now."""
    min_delta_credit = attribute(12, unsigned)
    """How many repetitions were left at best: the distance to the initiator."""
    initiator_mac_address = attribute(13, long_unsigned)
    synchronization_locked = attribute(14, boolean)
    """Whether it stays with its initiator."""


class SFskPhyMacSetupV0(_PhyMacRows, class_id=50, version=0, confirmed=False):
    """Version 0: frequencies that only a management can read."""

    search_initiator_gain = attribute(6, unsigned, static=True)
    frequencies = attribute(7, record(Frequencies, long_unsigned, long_unsigned), static=True)


class SFskPhyMacSetup(_PhyMacRows, class_id=50, version=1):
    """The physical and the MAC layer."""

    search_initiator_threshold = attribute(6, unsigned, static=True)
    """The signal from which an initiator is good enough, in dBµV."""
    frequencies = attribute(7, record(Frequencies, double_long_unsigned, double_long_unsigned), static=True)
    transmission_speed = attribute(15, enumerated(TransmissionSpeed), static=True)


class ActiveInitiator(NamedTuple):
    """Who took this device into its network."""

    system_title: bytes
    mac_address: int
    l_sap_selector: int


class SFskActiveInitiator(InterfaceClass, class_id=51, version=0):
    """The initiator of this device."""

    active_initiator = attribute(2, record(ActiveInitiator, octet_string, long_unsigned, unsigned))

    @method(1)
    def reset_new_not_synchronized(self) -> None:
        """Leave the network: be new and not synchronized."""


class SFskMacSynchronizationTimeouts(InterfaceClass, class_id=52, version=0):
    """When a device gives its synchronization up."""

    search_initiator_timeout = attribute(2, long_unsigned, static=True)
    """How long a better initiator is looked for, in seconds."""
    synchronization_confirmation_timeout = attribute(3, long_unsigned, static=True)
    """In seconds."""
    timeout_not_addressed = attribute(4, long_unsigned, static=True)
    """In minutes."""
    timeout_frame_not_ok = attribute(5, long_unsigned, static=True)
    """In seconds."""


class SynchronizationRegisterElement(NamedTuple):
    """How often this device was synchronized with one initiator."""

    mac_address: int
    synchronizations: int


class DesynchronizationListing(NamedTuple):
    """How often synchronization was lost, by reason."""

    nb_physical_layer_desynchronization: int
    nb_time_out_not_addressed_desynchronization: int
    nb_timeout_frame_not_ok_desynchronization: int
    nb_write_request_desynchronization: int
    nb_wrong_initiator_desynchronization: int


class SFskBroadcastFrames(NamedTuple):
    """Broadcast frames of one source."""

    source_mac_address: int
    counter: int


class SFskMacCounters(InterfaceClass, class_id=53, version=0):
    """What the MAC layer has counted."""

    synchronization_register = attribute(
        2, array(record(SynchronizationRegisterElement, long_unsigned, double_long_unsigned))
    )
    desynchronization_listing = attribute(3, record(DesynchronizationListing, *[double_long_unsigned] * 5))
    broadcast_frames_counter = attribute(
        4, array(record(SFskBroadcastFrames, long_unsigned, double_long_unsigned))
    )
    repetitions_counter = attribute(5, double_long_unsigned)
    transmissions_counter = attribute(6, double_long_unsigned)
    crc_ok_frames_counter = attribute(7, double_long_unsigned)
    crc_nok_frames_counter = attribute(8, double_long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class ReplyStatus(NamedTuple):
    """Whether a reply waits at one LLC service access point."""

    l_sap_selector: int
    reply_status: Data


class Iec61334LlcSetupV0(InterfaceClass, class_id=55, version=0):
    """Version 0: the longest frame alone."""

    max_frame_length = attribute(2, unsigned, static=True)
    """In octets."""


class Iec61334LlcSetup(InterfaceClass, class_id=55, version=1):
    """The LLC sublayer of IEC 61334-4-32."""

    max_frame_length = attribute(2, unsigned, static=True)
    """In octets."""
    reply_status_list = attribute(3, array(record(ReplyStatus, unsigned, any_data)))


class SFskReportingSystemList(InterfaceClass, class_id=56, version=0):
    """The devices that reported themselves."""

    reporting_system_list = attribute(2, array(octet_string))
    """Their system titles."""
