"""Wi-SUN field area networks (class_id 95 to 98), with their routing (RFC 6550) and multicast (RFC 7731).

The tables are not confirmed against the Blue Book; structures whose members are not known are any data.
"""

from __future__ import annotations

from dlms_fw.axdr import any_data, boolean, long, long_unsigned, octet_string, plain_enum, unsigned
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = ["MplDiagnostic", "RplDiagnostic", "WiSunDiagnostic", "WiSunSetup"]


class WiSunSetup(InterfaceClass, class_id=95, version=0, confirmed=False):
    """The parameters of the network."""

    network_name = attribute(2, octet_string, static=True)
    routing_method = attribute(3, plain_enum)
    pan_id = attribute(4, long_unsigned)
    disc_imin = attribute(5, unsigned, static=True)
    disc_imax = attribute(6, unsigned, static=True)
    data_message_imin = attribute(7, unsigned, static=True)
    data_message_imax = attribute(8, unsigned, static=True)
    default_dio_interval_min = attribute(9, unsigned, static=True)
    default_dio_interval_doublings = attribute(10, unsigned, static=True)
    channel_plan = attribute(11, any_data, static=True)
    channel_function = attribute(12, plain_enum, static=True)
    excluded_channels = attribute(13, any_data, static=True)
    join_state = attribute(14, plain_enum)
    reg_channel_exclusions = attribute(15, any_data, static=True)

    @method(1)
    def reset_join_state(self) -> None:
        """Join again from the beginning."""


class WiSunDiagnostic(InterfaceClass, class_id=96, version=0, confirmed=False):
    """What a node has counted. No row of it is known; see ``raw_interface_class``."""


class RplDiagnostic(InterfaceClass, class_id=97, version=0, confirmed=False):
    """The place of a node in the routing tree (RFC 6550)."""

    rpl_instance_id = attribute(2, unsigned)
    dodag_version_number = attribute(3, unsigned)
    dodag_rank = attribute(4, long)
    grounded = attribute(5, boolean)
    mode_of_operation = attribute(6, plain_enum)
    dodag_prf = attribute(7, unsigned)
    dodag_dtsn = attribute(8, unsigned)
    dodag_id = attribute(9, octet_string)

    @method(1)
    def reset(self) -> None:
        """Reset what it tells."""


class MplDiagnostic(InterfaceClass, class_id=98, version=0, confirmed=False):
    """The parameters of multicast (RFC 7731): of data messages (``dm``) and of control messages (``c``)."""

    proactive_forwarding = attribute(2, boolean)
    z = attribute(3, unsigned)
    tunit = attribute(4, unsigned)
    se_lifetime = attribute(5, long_unsigned)
    dm_k = attribute(6, unsigned)
    dm_imin = attribute(7, long_unsigned)
    dm_imax = attribute(8, unsigned)
    dm_t_exp = attribute(9, long_unsigned)
    c_k = attribute(10, unsigned)
    c_imin = attribute(11, long_unsigned)
    c_imax = attribute(12, unsigned)
    c_t_exp = attribute(13, long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Reset what it tells."""
