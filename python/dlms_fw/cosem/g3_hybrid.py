"""G3-PLC with radio beside the power line (class_id 91 and 92 in version 4, 160, 161, 162).

These tables are not confirmed against the Blue Book: their rows come from lists, and what arrays hold is left
open. Attributes have the names of the standard (ITU-T G.9903), where their units are told.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from dlms_fw.axdr import (
    any_data,
    array,
    bit_string,
    boolean,
    double_long_unsigned,
    long_unsigned,
    plain_enum,
    unsigned,
)
from dlms_fw.cosem.g3 import DuplicateDetectionRows, LinkQualityRows, PosTableEntry, pos_table
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = [
    "G3AdaptationLayerSetupV4",
    "G3HybridAdaptationLayerSetup",
    "G3HybridAdaptationLayerSetupV0",
    "G3HybridMacLayerCounters",
    "G3HybridMacSetup",
    "G3HybridMacSetupV0",
    "G3MacSetupV4",
]


class G3MacSetupV4(DuplicateDetectionRows, class_id=91, version=4, confirmed=False):
    """Version 4: recent entries, and the length of the preamble."""

    mac_pos_table_entry_ttl = attribute(10, unsigned, static=True)
    """In minutes."""
    mac_pos_recent_entry_threshold = attribute(27, unsigned, static=True)
    """In minutes."""
    mac_pos_recent_entries = attribute(28, long_unsigned, static=True)
    mac_preamble_length = attribute(29, unsigned, static=True)


class G3AdaptationLayerSetupV4(LinkQualityRows, class_id=92, version=4, confirmed=False):
    """Version 4: route requests that wait for each other, and Trickle for broadcasts."""

    adp_delay_low_lqi = attribute(24, long_unsigned, static=True)
    adp_delay_high_lqi = attribute(25, long_unsigned, static=True)
    adp_rreq_jitter_low_lqi = attribute(26, unsigned, static=True)
    adp_rreq_jitter_high_lqi = attribute(27, unsigned, static=True)
    adp_trickle_data_enabled = attribute(28, boolean, static=True)
    adp_trickle_lqi_threshold_low = attribute(29, unsigned, static=True)
    adp_trickle_step = attribute(30, unsigned, static=True)
    adp_trickle_imin = attribute(31, long_unsigned, static=True)
    adp_trickle_max_ki = attribute(32, unsigned, static=True)
    adp_trickle_adaptive_imin = attribute(33, boolean, static=True)
    adp_trickle_adaptive_ki = attribute(34, boolean, static=True)
    adp_cluster_trickle_enabled = attribute(35, boolean, static=True)
    adp_cluster_min_lqi = attribute(36, unsigned, static=True)
    adp_cluster_trickle_k = attribute(37, unsigned, static=True)
    adp_cluster_rreq_route_cost_deviation = attribute(38, unsigned, static=True)
    adp_cluster_trickle_i = attribute(39, long_unsigned, static=True)
    adp_trickle_lqi_threshold_high = attribute(40, unsigned, static=True)


class G3HybridMacLayerCounters(InterfaceClass, class_id=160, version=0, confirmed=False):
    """What the MAC layer of the radio has counted; the rows of class_id 90, as far as we know."""

    mac_tx_data_packet_count_rf = attribute(2, double_long_unsigned)
    mac_rx_data_packet_count_rf = attribute(3, double_long_unsigned)
    mac_tx_cmd_packet_count_rf = attribute(4, double_long_unsigned)
    mac_rx_cmd_packet_count_rf = attribute(5, double_long_unsigned)
    mac_csma_fail_count_rf = attribute(6, double_long_unsigned)
    mac_csma_no_ack_count_rf = attribute(7, double_long_unsigned)
    mac_bad_crc_count_rf = attribute(8, double_long_unsigned)
    mac_tx_data_broadcast_count_rf = attribute(9, double_long_unsigned)
    mac_rx_data_broadcast_count_rf = attribute(10, double_long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class _HybridMacRows(InterfaceClass):
    """What both versions have in common."""

    mac_max_be_rf = attribute(2, unsigned, static=True)
    mac_max_csma_backoffs_rf = attribute(3, unsigned, static=True)
    mac_max_frame_retries_rf = attribute(4, unsigned, static=True)
    mac_min_be_rf = attribute(5, unsigned, static=True)
    mac_frame_counter_rf = attribute(6, double_long_unsigned)
    mac_duplicate_detection_ttl_rf = attribute(7, unsigned, static=True)
    """In seconds."""
    mac_pos_table_rf = attribute(8, array(any_data))
    mac_operating_mode_rf = attribute(9, unsigned, static=True)
    mac_channel_number_rf = attribute(10, long_unsigned, static=True)
    mac_duty_cycle_usage_rf = attribute(11, unsigned)
    """In percent."""
    mac_duty_cycle_period_rf = attribute(12, long_unsigned, static=True)
    """In seconds."""
    mac_duty_cycle_limit_rf = attribute(13, long_unsigned, static=True)
    """In seconds."""
    mac_duty_cycle_threshold_rf = attribute(14, unsigned, static=True)
    """In percent."""
    mac_disable_phy_rf = attribute(15, boolean, static=True)
    mac_frequency_band_rf = attribute(16, plain_enum, static=True)
    mac_transmit_atten_rf = attribute(17, unsigned, static=True)
    """In dB."""
    mac_adaptive_power_step_rf = attribute(18, unsigned, static=True)
    """In dB."""
    mac_adaptive_power_high_bound_rf = attribute(19, unsigned, static=True)
    mac_adaptive_power_low_bound_rf = attribute(20, unsigned, static=True)

    @method(1, long_unsigned, returns=pos_table)
    def mac_get_pos_table_entry_rf(self, mac_short_address: int) -> list[PosTableEntry]:
        """The entry of one device that is heard."""


class G3HybridMacSetupV0(_HybridMacRows, class_id=161, version=0, confirmed=False):
    """Version 0: without frequency hopping, as far as we know."""


class G3HybridMacSetup(_HybridMacRows, class_id=161, version=1, confirmed=False):
    """The parameters of the MAC layer of the radio."""

    mac_pos_recent_entries_rf = attribute(21, long_unsigned)
    mac_hopping_enabled_rf = attribute(22, boolean, static=True)
    mac_broadcast_interval_duration_rf = attribute(23, long_unsigned, static=True)
    mac_broadcast_slot_duration_rf = attribute(24, unsigned, static=True)
    mac_unicast_slot_duration_rf = attribute(25, unsigned, static=True)
    mac_extended_bitmap_rf = attribute(26, bit_string, static=True)
    mac_beacon_randomization_window_length_rf = attribute(27, long_unsigned, static=True)
    mac_additional_channel_scan_time_rf = attribute(28, unsigned, static=True)
    mac_max_cca_attempts_retries_rf = attribute(29, unsigned, static=True)
    mac_min_inter_tx_interval_rf = attribute(30, long_unsigned, static=True)
    mac_initial_retry_time_rf = attribute(31, long_unsigned, static=True)
    mac_maximum_retry_time_rf = attribute(32, long_unsigned, static=True)
    mac_max_clock_drift_rf = attribute(33, unsigned, static=True)
    mac_fh_unicast_schedule_address_rf = attribute(34, long_unsigned, static=True)
    mac_fh_unicast_slot_number_rf = attribute(35, long_unsigned, static=True)
    mac_fh_unicast_offset_rf = attribute(36, unsigned, static=True)
    mac_min_guard_time_rf = attribute(37, unsigned, static=True)
    mac_max_bcast_resync_wait_unit_rf = attribute(38, unsigned, static=True)


class _HybridAdaptationRows(InterfaceClass):
    """What both versions have in common, as far as we know."""

    adp_routing_table = attribute(2, array(any_data))
    adp_blacklist_table = attribute(3, array(any_data))
    adp_low_lqi_value_rf = attribute(4, unsigned, static=True)
    adp_high_lqi_value_rf = attribute(5, unsigned, static=True)
    adp_routing_configuration_rf = attribute(6, array(any_data), static=True)
    adp_use_backup_media = attribute(7, boolean, static=True)
    adp_weak_lqi_value_rf = attribute(8, unsigned, static=True)


class G3HybridAdaptationLayerSetupV0(_HybridAdaptationRows, class_id=162, version=0, confirmed=False):
    """Version 0, as far as we know."""


class G3HybridAdaptationLayerSetup(_HybridAdaptationRows, class_id=162, version=1, confirmed=False):
    """The parameters of the adaptation layer over both media."""

    adp_trickle_lqi_threshold_low_rf = attribute(9, unsigned, static=True)
    adp_delay_low_lqi_rf = attribute(10, long_unsigned, static=True)
    adp_delay_high_lqi_rf = attribute(11, long_unsigned, static=True)
    adp_rreq_jitter_low_lqi_rf = attribute(12, unsigned, static=True)
    adp_rreq_jitter_high_lqi_rf = attribute(13, unsigned, static=True)
    adp_cluster_trickle_i_rf = attribute(14, long_unsigned, static=True)
    adp_cluster_trickle_k_rf = attribute(15, unsigned, static=True)
    adp_cluster_min_lqi_rf = attribute(16, unsigned, static=True)
    adp_last_gasp = attribute(17, boolean, static=True)
    adp_probing_interval = attribute(18, unsigned, static=True)
    adp_trickle_lqi_threshold_high_rf = attribute(19, unsigned, static=True)
