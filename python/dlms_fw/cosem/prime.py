"""PRIME power line communication (class_id 80 to 86). The tables of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import (
    array,
    double_long_unsigned,
    enumerated,
    flags,
    integer,
    long,
    long_unsigned,
    octet_string,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums.prime import MacCapabilities, MacState

__all__ = [
    "AvailableSwitch",
    "DirectConnection",
    "MulticastEntry",
    "PhyCommunication",
    "PrimeApplicationIdentification",
    "PrimeLlcSscsSetup",
    "PrimeMacCounters",
    "PrimeMacFunctionalParameters",
    "PrimeMacNetworkAdministrationData",
    "PrimeMacSetup",
    "PrimePhysicalLayerCounters",
]


class PrimeLlcSscsSetup(InterfaceClass, class_id=80, version=0):
    """The convergence sublayer for IEC 61334-4-32."""

    service_node_address = attribute(2, long_unsigned)
    """Given by the base node; 0xFFE for a node that is new."""
    base_node_address = attribute(3, long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Forget the address: be new."""


class PrimePhysicalLayerCounters(InterfaceClass, class_id=81, version=0):
    """What the physical layer has counted."""

    phy_stats_crc_incorrect_count = attribute(2, long_unsigned)
    phy_stats_crc_failed_count = attribute(3, long_unsigned)
    phy_stats_tx_drop_count = attribute(4, long_unsigned)
    phy_stats_rx_drop_count = attribute(5, long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class PrimeMacSetup(InterfaceClass, class_id=82, version=0):
    """The parameters of the MAC layer."""

    mac_min_switch_search_time = attribute(2, unsigned, static=True)
    """In seconds."""
    mac_max_promotion_pdu = attribute(3, unsigned, static=True)
    mac_promotion_pdu_tx_period = attribute(4, unsigned, static=True)
    """In seconds."""
    mac_beacons_per_frame = attribute(5, unsigned, static=True)
    mac_scp_max_tx_attempts = attribute(6, unsigned, static=True)
    mac_ctl_re_tx_timer = attribute(7, unsigned, static=True)
    """In seconds."""
    mac_max_ctl_re_tx = attribute(8, unsigned, static=True)


class PrimeMacFunctionalParameters(InterfaceClass, class_id=83, version=0):
    """What the MAC layer does now."""

    mac_lnid = attribute(2, long)
    mac_lsid = attribute(3, unsigned)
    mac_sid = attribute(4, unsigned)
    mac_sna = attribute(5, octet_string)
    """The EUI-48 of the base node."""
    mac_state = attribute(6, enumerated(MacState))
    mac_scp_length = attribute(7, long)
    """In symbols."""
    mac_node_hierarchy_level = attribute(8, unsigned)
    mac_beacon_slot_count = attribute(9, unsigned)
    mac_beacon_rx_slot = attribute(10, unsigned)
    mac_beacon_tx_slot = attribute(11, unsigned)
    mac_beacon_rx_frequency = attribute(12, unsigned)
    mac_beacon_tx_frequency = attribute(13, unsigned)
    mac_capabilities = attribute(14, flags(MacCapabilities, long_unsigned))


class PrimeMacCounters(InterfaceClass, class_id=84, version=0):
    """What the MAC layer has counted."""

    mac_tx_data_pkt_count = attribute(2, double_long_unsigned)
    mac_rx_data_pkt_count = attribute(3, double_long_unsigned)
    mac_tx_ctrl_pkt_count = attribute(4, double_long_unsigned)
    mac_rx_ctrl_pkt_count = attribute(5, double_long_unsigned)
    mac_csma_fail_count = attribute(6, double_long_unsigned)
    mac_csma_ch_busy_count = attribute(7, double_long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class MulticastEntry(NamedTuple):
    """A multicast group and how many members it has below this node."""

    mcast_entry_lcid: int
    mcast_entry_members: int


class DirectConnection(NamedTuple):
    """A direct connection that is switched here."""

    dconn_entry_src_sid: int
    dconn_entry_src_lnid: int
    dconn_entry_src_lcid: int
    dconn_entry_dst_sid: int
    dconn_entry_dst_lnid: int
    dconn_entry_dst_lcid: int
    dconn_entry_did: bytes


class AvailableSwitch(NamedTuple):
    """A switch that is heard."""

    slist_entry_sna: bytes
    slist_entry_lsid: int
    slist_entry_level: int
    slist_entry_rx_lvl: int
    slist_entry_rx_snr: int


class PhyCommunication(NamedTuple):
    """How a neighbour is spoken to and heard."""

    phy_comm_eui: bytes
    phy_comm_tx_power: int
    phy_comm_tx_cod: int
    phy_comm_rx_cod: int
    phy_comm_rx_lvl: int
    phy_comm_snr: int
    phy_comm_tx_power_mod: int
    phy_comm_tx_cod_mod: int
    phy_comm_rx_cod_mod: int


class PrimeMacNetworkAdministrationData(InterfaceClass, class_id=85, version=0):
    """What a node knows of its network."""

    mac_list_multicast_entries = attribute(2, array(record(MulticastEntry, integer, long)))
    mac_list_switch_table = attribute(3, array(long))
    mac_list_direct_table = attribute(4, array(record(DirectConnection, *[long] * 6, octet_string)))
    mac_list_available_switches = attribute(
        5, array(record(AvailableSwitch, octet_string, long, integer, integer, integer))
    )
    mac_list_phy_comm = attribute(6, array(record(PhyCommunication, octet_string, *[integer] * 8)))

    @method(1)
    def reset(self) -> None:
        """Clear the tables."""


class PrimeApplicationIdentification(InterfaceClass, class_id=86, version=0):
    """Who made the node, and what runs on it."""

    firmware_version = attribute(2, octet_string, static=True)
    vendor_id = attribute(3, long_unsigned, static=True)
    """Given by the PRIME Alliance."""
    product_id = attribute(4, long_unsigned, static=True)
