"""HS-PLC, high speed power line communication by ISO/IEC 12139-1 (class_id 140 to 143).

The tables are not confirmed against the Blue Book.
"""

from __future__ import annotations

from dlms_fw.axdr import boolean, long64_unsigned, long_unsigned, octet_string, plain_enum
from dlms_fw.cosem.interface import InterfaceClass, attribute

__all__ = ["HsPlcCpasSetup", "HsPlcHdlcSsasSetup", "HsPlcIpSsasSetup", "HsPlcMacSetup"]


class HsPlcMacSetup(InterfaceClass, class_id=140, version=0, confirmed=False):
    """The MAC layer."""

    group_id = attribute(2, long64_unsigned, static=True)
    secondary_group_id = attribute(3, long64_unsigned, static=True)
    station_id = attribute(4, long64_unsigned, static=True)
    parent_station_id = attribute(5, long64_unsigned, static=True)
    repeater_status = attribute(6, boolean, static=True)
    encryption_mode = attribute(7, plain_enum, static=True)
    initial_encryption_key = attribute(8, octet_string, static=True)
    rts_cts = attribute(9, boolean, static=True)
    """Whether collisions are avoided by requests to send."""


class HsPlcCpasSetup(InterfaceClass, class_id=141, version=0, confirmed=False):
    """The CPAS sublayer."""

    cpas_address = attribute(2, long64_unsigned, static=True)
    cpas_ether_type = attribute(3, long_unsigned, static=True)
    master_station_cpas_address = attribute(4, long64_unsigned, static=True)


class HsPlcIpSsasSetup(InterfaceClass, class_id=142, version=0, confirmed=False):
    """The SSAS for IP."""

    ip_header_comp_type = attribute(2, plain_enum, static=True)
    ip_alive_time = attribute(3, long_unsigned, static=True)
    """In seconds; 0 for ever."""


class HsPlcHdlcSsasSetup(InterfaceClass, class_id=143, version=0, confirmed=False):
    """The SSAS for HDLC."""

    master_station_id = attribute(2, long64_unsigned, static=True)
