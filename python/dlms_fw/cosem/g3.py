"""G3-PLC (class_id 90, 91, 92): power line communication by ITU-T G.9903. The tables of the Blue Book.

Attributes have the names of the standard, where their units are told.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import BitString
from dlms_fw.axdr import (
    any_data,
    array,
    bit_string,
    boolean,
    double_long_unsigned,
    enumerated,
    integer,
    long_unsigned,
    octet_string,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums.g3 import DeviceType, GainResolution, Modulation

__all__ = [
    "BlacklistEntry",
    "BroadcastLogEntry",
    "ContextInformation",
    "DuplicateDetectionRows",
    "G3AdaptationLayerSetup",
    "G3AdaptationLayerSetupV0",
    "G3AdaptationLayerSetupV2",
    "G3AdaptationLayerSetupV3",
    "G3MacLayerCounters",
    "G3MacSetup",
    "G3MacSetupV0",
    "G3MacSetupV2",
    "G3MacSetupV3",
    "LinkQualityRows",
    "MacKey",
    "NeighbourTableEntry",
    "PosTableEntry",
    "RoutingConfiguration",
    "RoutingTableEntry",
    "pos_table",
]


class G3MacLayerCounters(InterfaceClass, class_id=90, version=1):
    """What the MAC layer has counted."""

    mac_tx_data_packet_count = attribute(2, double_long_unsigned)
    mac_rx_data_packet_count = attribute(3, double_long_unsigned)
    mac_tx_cmd_packet_count = attribute(4, double_long_unsigned)
    mac_rx_cmd_packet_count = attribute(5, double_long_unsigned)
    mac_csma_fail_count = attribute(6, double_long_unsigned)
    mac_csma_no_ack_count = attribute(7, double_long_unsigned)
    mac_bad_crc_count = attribute(8, double_long_unsigned)
    mac_tx_data_broadcast_count = attribute(9, double_long_unsigned)
    mac_rx_data_broadcast_count = attribute(10, double_long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


# --- MAC setup (class_id 91) --------------------------------------------------------------------------------


class MacKey(NamedTuple):
    """A group key; it is not shown."""

    key_id: int
    key: bytes

    def __repr__(self) -> str:
        return f"MacKey(key_id={self.key_id}, key=...)"


class NeighbourTableEntry(NamedTuple):
    """How one neighbour is spoken to and heard."""

    short_address: int
    payload_modulation_scheme: bool
    """Whether it is coherent."""
    tone_map: BitString
    modulation: Modulation
    tx_gain: int
    tx_res: GainResolution
    tx_coeff: BitString
    lqi: int
    phase_differential: int
    """In steps of 60 degrees."""
    tmr_valid_time: int
    """In minutes."""
    neighbour_valid_time: int
    """In minutes."""


class PosTableEntry(NamedTuple):
    """One device that is heard."""

    short_address: int
    lqi: int
    valid_time: int
    """In minutes."""


_neighbour_table = array(
    record(
        NeighbourTableEntry,
        long_unsigned,
        boolean,
        bit_string,
        enumerated(Modulation),
        integer,
        enumerated(GainResolution),
        bit_string,
        unsigned,
        integer,
        unsigned,
        unsigned,
    )
)
pos_table = array(record(PosTableEntry, long_unsigned, unsigned, unsigned))


class _MacRows(InterfaceClass):
    """What all versions have in common."""

    mac_short_address = attribute(2, long_unsigned)
    """0xFFFF for a device that has none."""
    mac_rc_coord = attribute(3, long_unsigned)
    """The cost of the route to the coordinator."""
    mac_pan_id = attribute(4, long_unsigned)
    """0xFFFF for a device that is in no network."""
    mac_key_table = attribute(5, array(record(MacKey, unsigned, octet_string)))
    mac_frame_counter = attribute(6, double_long_unsigned)
    mac_tone_mask = attribute(7, bit_string, static=True)
    mac_tmr_ttl = attribute(8, unsigned, static=True)
    """In minutes."""
    mac_max_frame_retries = attribute(9, unsigned, static=True)
    mac_neighbour_table = attribute(11, _neighbour_table)
    mac_high_priority_window_size = attribute(12, unsigned, static=True)
    mac_csma_fairness_limit = attribute(13, unsigned, static=True)
    mac_beacon_randomization_window_length = attribute(14, unsigned, static=True)
    """In seconds."""
    mac_a = attribute(15, unsigned, static=True)
    mac_k = attribute(16, unsigned, static=True)
    mac_min_cw_attempts = attribute(17, unsigned, static=True)
    mac_cenelec_legacy_mode = attribute(18, unsigned, static=True)
    mac_fcc_legacy_mode = attribute(19, unsigned, static=True)
    mac_max_be = attribute(20, unsigned, static=True)
    mac_max_csma_backoffs = attribute(21, unsigned, static=True)
    mac_min_be = attribute(22, unsigned, static=True)

    @method(1, long_unsigned, returns=_neighbour_table)
    def mac_get_neighbour_table_entry(self, mac_short_address: int) -> list[NeighbourTableEntry]:
        """The entry of one neighbour."""


class _NeighbourTtlRows(_MacRows):
    """What the versions up to 3 have in common."""

    mac_neighbour_table_entry_ttl = attribute(10, unsigned, static=True)
    """In minutes."""


class G3MacSetupV0(_NeighbourTtlRows, class_id=91, version=0, confirmed=False):
    """Version 0 (G3 NB OFDM PLC MAC setup): as far as we know, the rows of version 1."""


class G3MacSetup(_NeighbourTtlRows, class_id=91, version=1, confirmed=False):
    """The parameters of the MAC layer."""


class _PosTableRows(_MacRows):
    """What the versions from 2 on have in common."""

    mac_broadcast_max_cw_enabled = attribute(23, boolean, static=True)
    mac_transmit_atten = attribute(24, unsigned, static=True)
    """In dB."""
    mac_pos_table = attribute(25, pos_table)


class G3MacSetupV2(_NeighbourTtlRows, _PosTableRows, class_id=91, version=2):
    """Version 2: the table of all devices that are heard."""


class DuplicateDetectionRows(_PosTableRows):
    """What the versions from 3 on have in common."""

    mac_duplicate_detection_ttl = attribute(26, unsigned, static=True)
    """In seconds."""

    @method(2, long_unsigned, returns=pos_table)
    def mac_get_pos_table_entry(self, mac_short_address: int) -> list[PosTableEntry]:
        """The entry of one device that is heard."""


class G3MacSetupV3(_NeighbourTtlRows, DuplicateDetectionRows, class_id=91, version=3):
    """Version 3: the detection of duplicates."""


# --- 6LoWPAN adaptation layer setup (class_id 92) -----------------------------------------------------------


class RoutingConfiguration(NamedTuple):
    """The parameters of the LOADng routing."""

    adp_net_traversal_time: int
    """In seconds."""
    adp_routing_table_entry_ttl: int
    """In minutes."""
    adp_kr: int
    adp_km: int
    adp_kc: int
    adp_kq: int
    adp_kh: int
    adp_krt: int
    adp_rreq_retries: int
    adp_rreq_rerr_wait: int
    """In seconds."""
    adp_blacklist_table_entry_ttl: int
    """In minutes."""
    adp_unicast_rreq_gen_enable: bool
    adp_rlc_enabled: bool
    adp_add_rev_link_cost: int


class RoutingTableEntry(NamedTuple):
    """The next hop to one destination."""

    destination_address: int
    next_hop_address: int
    route_cost: int
    hop_count: int
    weak_link_count: int
    valid_time: int
    """In minutes."""


class ContextInformation(NamedTuple):
    """A prefix that headers are compressed by."""

    cid: BitString
    context_length: int
    context: bytes
    c: bool
    """Whether it is used for compression."""
    valid_lifetime: int
    """In minutes."""


class BlacklistEntry(NamedTuple):
    """A neighbour that is not to be used for a while."""

    neighbour_address: int
    valid_time: int
    """In minutes."""


class BroadcastLogEntry(NamedTuple):
    """A broadcast that was seen."""

    source_address: int
    sequence_number: int
    valid_time: int
    """In minutes."""


class _AdaptationRows(InterfaceClass):
    """What all versions have in common."""

    adp_max_hops = attribute(2, unsigned, static=True)
    adp_weak_lqi_value = attribute(3, unsigned, static=True)
    adp_security_level = attribute(4, unsigned, static=True)
    adp_prefix_table = attribute(5, array(any_data))
    adp_routing_configuration = attribute(
        6,
        array(
            record(
                RoutingConfiguration,
                unsigned,
                long_unsigned,
                *[unsigned] * 8,
                long_unsigned,
                boolean,
                boolean,
                unsigned,
            )
        ),
        static=True,
    )
    adp_broadcast_log_table_entry_ttl = attribute(7, long_unsigned, static=True)
    """In minutes."""
    adp_routing_table = attribute(
        8,
        array(
            record(
                RoutingTableEntry,
                long_unsigned,
                long_unsigned,
                long_unsigned,
                unsigned,
                unsigned,
                long_unsigned,
            )
        ),
    )
    adp_context_information_table = attribute(
        9, array(record(ContextInformation, bit_string, unsigned, octet_string, boolean, long_unsigned))
    )
    adp_blacklist_table = attribute(10, array(record(BlacklistEntry, long_unsigned, long_unsigned)))
    adp_broadcast_log_table = attribute(
        11, array(record(BroadcastLogEntry, long_unsigned, unsigned, long_unsigned))
    )
    adp_group_table = attribute(12, array(long_unsigned))
    adp_max_join_wait_time = attribute(13, long_unsigned, static=True)
    """In seconds."""
    adp_path_discovery_time = attribute(14, unsigned, static=True)
    """In seconds."""
    adp_active_key_index = attribute(15, unsigned, static=True)
    adp_metric_type = attribute(16, unsigned, static=True)


class G3AdaptationLayerSetupV0(_AdaptationRows, class_id=92, version=0, confirmed=False):
    """Version 0 (G3 NB OFDM PLC 6LoWPAN adaptation layer setup), as far as we know."""


class _DeviceTypeRows(_AdaptationRows):
    """What the versions from 1 on have in common."""

    adp_coord_short_address = attribute(17, long_unsigned, static=True)
    adp_disable_default_routing = attribute(18, boolean, static=True)
    adp_device_type = attribute(19, enumerated(DeviceType), static=True)


class G3AdaptationLayerSetup(_DeviceTypeRows, class_id=92, version=1):
    """The parameters of the 6LoWPAN adaptation layer."""


class _DefaultRouteRows(_DeviceTypeRows):
    """What the versions from 2 on have in common."""

    adp_default_coord_route_enabled = attribute(20, boolean, static=True)
    adp_destination_address_set = attribute(21, array(long_unsigned))


class G3AdaptationLayerSetupV2(_DefaultRouteRows, class_id=92, version=2):
    """Version 2: the default route to the coordinator."""


class LinkQualityRows(_DefaultRouteRows):
    """What the versions from 3 on have in common."""

    adp_low_lqi_value = attribute(22, unsigned, static=True)
    adp_high_lqi_value = attribute(23, unsigned, static=True)


class G3AdaptationLayerSetupV3(LinkQualityRows, class_id=92, version=3):
    """Version 3: when a link is good or bad."""
