"""Local and wired ports (class_id 19, 23, 24, 124): speeds, addresses, windows, and who is locked out.

The tables of the Blue Book. What HDLC parameters mean for a link is in ``dlms_fw.profiles``.
"""

from __future__ import annotations

from dlms_fw.axdr import (
    array,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    plain_enum,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums.ports import (
    BaudRate,
    LocalPortMode,
    LocalPortResponseTime,
    ProtectionMode,
    ProtectionStatus,
    TwistedPairMode,
)

__all__ = [
    "CommunicationPortProtection",
    "IecHdlcSetup",
    "IecHdlcSetupV0",
    "IecLocalPortSetup",
    "IecLocalPortSetupV0",
    "IecTwistedPairSetup",
    "IecTwistedPairSetupV0",
]


class _LocalPortRows(InterfaceClass):
    """What both versions have in common."""

    default_mode = attribute(2, enumerated(LocalPortMode), static=True)
    default_baud = attribute(3, enumerated(BaudRate), static=True)
    """The speed of the opening."""
    prop_baud = attribute(4, enumerated(BaudRate), static=True)
    """The speed that the meter proposes."""
    response_time = attribute(5, enumerated(LocalPortResponseTime), static=True)
    device_addr = attribute(6, octet_string, static=True)
    """The device address of IEC 62056-21, as characters."""
    pass_p1 = attribute(7, octet_string, static=True)
    """Password 1 of IEC 62056-21."""
    pass_p2 = attribute(8, octet_string, static=True)
    """Password 2 of IEC 62056-21."""
    pass_w5 = attribute(9, octet_string, static=True)
    """The password W5, which national applications have."""


class IecLocalPortSetupV0(_LocalPortRows, class_id=19, version=0):
    """Version 0: an optical port or another one with IEC 62056-21."""


class IecLocalPortSetup(_LocalPortRows, class_id=19, version=1):
    """Version 1: the rows of version 0; ``default_mode`` may leave the protocol open."""


class _HdlcRows(InterfaceClass):
    """What both versions have in common."""

    comm_speed = attribute(2, enumerated(BaudRate), static=True)
    window_size_transmit = attribute(3, unsigned, static=True)
    """Frames before an acknowledgement, 1 to 7."""
    window_size_receive = attribute(4, unsigned, static=True)
    inter_octet_time_out = attribute(7, long_unsigned, static=True)
    """The longest gap within a frame, in milliseconds."""
    inactivity_time_out = attribute(8, long_unsigned, static=True)
    """After which a silent link is taken down, in seconds; 0 for never."""
    device_address = attribute(9, long_unsigned, static=True)
    """The lower HDLC address."""


class IecHdlcSetupV0(_HdlcRows, class_id=23, version=0):
    """Version 0: information fields of up to 255 octets."""

    max_info_field_length_transmit = attribute(5, unsigned, static=True)
    max_info_field_length_receive = attribute(6, unsigned, static=True)


class IecHdlcSetup(_HdlcRows, class_id=23, version=1):
    """The parameters of one HDLC channel, as the meter would negotiate them."""

    max_info_field_length_transmit = attribute(5, long_unsigned, static=True)
    """The longest information field that is sent, in octets."""
    max_info_field_length_receive = attribute(6, long_unsigned, static=True)


class IecTwistedPairSetupV0(InterfaceClass, class_id=24, version=0, confirmed=False):
    """Version 0: the addresses of a device on a twisted pair (IEC 62056-31)."""

    secondary_address = attribute(2, octet_string, static=True)
    primary_address_list = attribute(3, array(octet_string), static=True)
    tabi_list = attribute(4, array(integer), static=True)
    fatal_error = attribute(5, plain_enum)
    """The last fatal error of the protocol."""


class IecTwistedPairSetup(InterfaceClass, class_id=24, version=1):
    """A device on a twisted pair (IEC 62056-31)."""

    mode = attribute(2, enumerated(TwistedPairMode), static=True)
    speed = attribute(3, enumerated(BaudRate), static=True)
    primary_address_list = attribute(4, array(unsigned), static=True)
    """The primary stations that it answers to."""
    tabi_list = attribute(5, array(integer), static=True)
    """The TAB(i) by which it is found when it was forgotten."""


class CommunicationPortProtection(InterfaceClass, class_id=124, version=0):
    """Locks a port for a while that grows with each failed attempt to associate."""

    protection_mode = attribute(2, enumerated(ProtectionMode), static=True)
    allowed_failed_attempts = attribute(3, long_unsigned, static=True)
    """How many may fail before the port is locked."""
    initial_lockout_time = attribute(4, double_long_unsigned, static=True)
    """In seconds."""
    steepness_factor = attribute(5, unsigned, static=True)
    """What each lockout time is multiplied by for the next."""
    max_lockout_time = attribute(6, double_long_unsigned, static=True)
    """In seconds; 0 for no limit."""
    port_reference = attribute(7, logical_name_octets, static=True)
    """The set-up of the port that is protected."""
    protection_status = attribute(8, enumerated(ProtectionStatus))
    failed_attempts = attribute(9, double_long_unsigned)
    """Since the last success or reset."""
    cumulative_failed_attempts = attribute(10, double_long_unsigned)
    """Ever; it is never reset."""

    @method(1)
    def reset(self) -> None:
        """Forget the failed attempts and unlock the port."""
