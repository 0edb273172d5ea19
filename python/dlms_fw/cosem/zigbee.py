"""ZigBee (class_id 101 to 105): the network of a home, its coordinator, and tunnels through it.

The tables are not confirmed against the Blue Book; parameters whose types are not known are any data.
"""

from __future__ import annotations

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    boolean,
    double_long_unsigned,
    long_unsigned,
    octet_string,
    plain_enum,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = [
    "ZigbeeNetworkControl",
    "ZigbeeSasApsFragmentation",
    "ZigbeeSasJoin",
    "ZigbeeSasStartup",
    "ZigbeeTunnelSetup",
]


class ZigbeeSasStartup(InterfaceClass, class_id=101, version=0, confirmed=False):
    """How a device creates or joins a network."""

    short_address = attribute(2, long_unsigned)
    extended_pan_id = attribute(3, octet_string)
    pan_id = attribute(4, long_unsigned)
    channel_mask = attribute(5, double_long_unsigned)
    protocol_version = attribute(6, unsigned, static=True)
    stack_profile = attribute(7, plain_enum, static=True)
    start_up_control = attribute(8, unsigned)
    trust_centre_address = attribute(9, octet_string)
    link_key = attribute(10, octet_string)
    network_key = attribute(11, octet_string)
    use_insecure_join = attribute(12, boolean, static=True)


class ZigbeeSasJoin(InterfaceClass, class_id=102, version=0, confirmed=False):
    """How a device joins, and joins again."""

    scan_attempts = attribute(2, unsigned, static=True)
    time_between_scans = attribute(3, long_unsigned, static=True)
    """In milliseconds."""
    rejoin_interval = attribute(4, long_unsigned, static=True)
    """In seconds."""
    rejoin_retry_interval = attribute(5, long_unsigned, static=True)
    """In seconds."""


class ZigbeeSasApsFragmentation(InterfaceClass, class_id=103, version=0, confirmed=False):
    """How APS messages are cut into fragments."""

    aps_interframe_delay = attribute(2, long_unsigned, static=True)
    """In milliseconds."""
    aps_max_window_size = attribute(3, long_unsigned, static=True)


class ZigbeeNetworkControl(InterfaceClass, class_id=104, version=0, confirmed=False):
    """What a coordinator does, and which devices it knows."""

    enable_disable_joining = attribute(2, boolean, static=True)
    join_timeout = attribute(3, long_unsigned, static=True)
    """In seconds."""
    active_devices = attribute(4, array(any_data))

    @method(1, any_data, mandatory=True)
    def register_device(self, data: Data) -> None:
        """Let a device join."""

    @method(2, any_data, mandatory=True)
    def unregister_device(self, data: Data) -> None:
        """Remove a device."""

    @method(3)
    def unregister_all_devices(self) -> None:
        """Remove all devices."""

    @method(4, any_data)
    def backup_pan(self, data: Data) -> None:
        """Write down what is needed to restore the network."""

    @method(5, any_data)
    def restore_pan(self, data: Data) -> None:
        """Restore the network from what was written down."""

    @method(6, any_data)
    def identify_device(self, data: Data) -> None:
        """Let a device show itself."""

    @method(7, any_data)
    def remove_mirror(self, data: Data) -> None:
        """Remove the mirror of a device."""

    @method(8, any_data)
    def update_network_key(self, data: Data) -> None:
        """Give the network another key."""

    @method(9, any_data)
    def update_link_key(self, data: Data) -> None:
        """Give a device another link key."""

    @method(10, any_data, mandatory=True)
    def create_pan(self, data: Data) -> None:
        """Create the network."""

    @method(11, any_data, mandatory=True)
    def remove_pan(self, data: Data) -> None:
        """Remove the network."""


class ZigbeeTunnelSetup(InterfaceClass, class_id=105, version=0, confirmed=False):
    """A tunnel for APDUs between two devices."""

    max_incoming_transfer_size = attribute(2, long_unsigned, static=True)
    """In octets."""
    max_outgoing_transfer_size = attribute(3, long_unsigned, static=True)
    """In octets."""
    protocol_address = attribute(4, octet_string, static=True)
    close_tunnel_timeout = attribute(5, long_unsigned, static=True)
    """In seconds."""
