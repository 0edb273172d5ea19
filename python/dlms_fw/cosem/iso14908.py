"""ISO/IEC 14908 power line communication (class_id 130 to 133), as in IEC 62056-8-8.

The tables are not confirmed against the Blue Book.
"""

from __future__ import annotations

from dlms_fw.axdr import double_long_unsigned, long_unsigned, octet_string, plain_enum, unsigned
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = [
    "Iso14908Diagnostic",
    "Iso14908DiagnosticV0",
    "Iso14908Identification",
    "Iso14908ProtocolSetup",
    "Iso14908ProtocolStatus",
    "Iso14908ProtocolStatusV0",
]


class Iso14908Identification(InterfaceClass, class_id=130, version=0, confirmed=False):
    """Who the device is in its network."""

    node_id = attribute(2, unsigned, static=True)
    subnet_id = attribute(3, unsigned, static=True)
    domain_id = attribute(4, octet_string, static=True)
    program_id = attribute(5, octet_string, static=True)
    unique_node_id = attribute(6, octet_string, static=True)


class Iso14908ProtocolSetup(InterfaceClass, class_id=131, version=0, confirmed=False):
    """The parameters of the device."""

    inactivity_timeout = attribute(2, long_unsigned, static=True)
    """After which it counts as out of communication, in minutes."""


class Iso14908ProtocolStatusV0(InterfaceClass, class_id=132, version=0, confirmed=False):
    """Version 0: without a method."""

    transmission_errors = attribute(2, long_unsigned)
    transmit_tx_failure = attribute(3, long_unsigned)
    transmit_tx_retries = attribute(4, long_unsigned)
    receive_tx_full = attribute(5, long_unsigned)
    lost_messages = attribute(6, long_unsigned)
    missed_messages = attribute(7, long_unsigned)
    layer2_received = attribute(8, long_unsigned)
    layer3_received = attribute(9, long_unsigned)
    messages_received = attribute(10, double_long_unsigned)
    messages_validated = attribute(11, double_long_unsigned)


class Iso14908ProtocolStatus(Iso14908ProtocolStatusV0, class_id=132, version=1, confirmed=False):
    """What the protocol has counted."""

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class Iso14908DiagnosticV0(InterfaceClass, class_id=133, version=0, confirmed=False):
    """Version 0: without a method."""

    plc_signal_quality_status = attribute(2, plain_enum)
    com_module_state = attribute(3, plain_enum)
    received_message_status = attribute(4, unsigned)
    no_receive_buffer = attribute(5, long_unsigned)
    transmit_no_data = attribute(6, long_unsigned)
    backlog_overflows = attribute(7, long_unsigned)
    late_ack = attribute(8, long_unsigned)
    frequency_invalid = attribute(9, long_unsigned)


class Iso14908Diagnostic(Iso14908DiagnosticV0, class_id=133, version=1, confirmed=False):
    """How the device is in its network."""

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""
