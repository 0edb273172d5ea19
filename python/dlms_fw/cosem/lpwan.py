"""Low power wide area networks (class_id 126 to 129): SCHC (RFC 8724) and LoRaWAN.

The tables are not confirmed against the Blue Book; structures and parameters that are not known are any data.
"""

from __future__ import annotations

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    boolean,
    double_long_unsigned,
    integer,
    octet_string,
    plain_enum,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = ["LoRaWanDiagnostic", "LoRaWanSetup", "SchcLpwanDiagnostic", "SchcLpwanSetup"]


class SchcLpwanSetup(InterfaceClass, class_id=126, version=0, confirmed=False):
    """The rules by which headers are compressed and messages are cut."""

    lpwan_reference = attribute(2, octet_string, static=True)
    """The logical name of the network below."""
    schc_cd_rules = attribute(3, array(any_data), static=True)
    schc_fr_param = attribute(4, any_data, static=True)


class SchcLpwanDiagnostic(InterfaceClass, class_id=127, version=0, confirmed=False):
    """What SCHC has counted."""

    schc_packets_tx_counter = attribute(2, double_long_unsigned)
    schc_packets_rx_counter = attribute(3, double_long_unsigned)
    schc_fragments_tx_counter = attribute(4, double_long_unsigned)
    schc_fragments_rx_counter = attribute(5, double_long_unsigned)
    schc_ack_tx_counter = attribute(6, double_long_unsigned)
    schc_ack_rx_counter = attribute(7, double_long_unsigned)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""


class LoRaWanSetup(InterfaceClass, class_id=128, version=0, confirmed=False):
    """The parameters of a LoRaWAN device."""

    device_class = attribute(2, plain_enum)
    """The ``class`` of the Blue Book: A, B or C."""
    state = attribute(3, plain_enum)
    max_transmit_eirp_setting = attribute(4, integer, static=True)
    """In dBm."""
    adr_mode = attribute(5, boolean)
    regional_parameters = attribute(6, plain_enum)
    device_operation = attribute(7, any_data)
    modem_versions = attribute(8, any_data, static=True)
    dev_addr = attribute(9, double_long_unsigned)
    join_strategy = attribute(10, plain_enum)
    multicasts_parameters = attribute(11, array(any_data))

    @method(1)
    def disconnect_from_network(self) -> None:
        """Leave the network."""

    @method(2, any_data)
    def change_class(self, data: Data) -> None:
        """Become a device of another class."""

    @method(3, any_data)
    def change_region(self, data: Data) -> None:
        """Use the parameters of another region."""


class LoRaWanDiagnostic(InterfaceClass, class_id=129, version=0, confirmed=False):
    """What a LoRaWAN device has counted, and how well it hears."""

    internal_error_code = attribute(2, plain_enum)
    out_frames_u_counter = attribute(3, double_long_unsigned)
    out_frames_c_counter = attribute(4, double_long_unsigned)
    in_frames_u_counter = attribute(5, double_long_unsigned)
    in_frames_c_counter = attribute(6, double_long_unsigned)
    in_mac_command_counter = attribute(7, double_long_unsigned)
    in_mac_ans_error_counter = attribute(8, double_long_unsigned)
    in_mac_ignored_counter = attribute(9, double_long_unsigned)
    in_per = attribute(10, integer)
    in_mean_rssi_rx1 = attribute(11, integer)
    in_mean_snr_rx1 = attribute(12, integer)
    in_mean_rssi_rx2 = attribute(13, integer)
    in_mean_snr_rx2 = attribute(14, integer)

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""
