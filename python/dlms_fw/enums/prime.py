"""The enumerations of PRIME power line communication, with their codes."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class MacState(IntEnum):
    """``mac_state``: what a node is in its network."""

    DISCONNECTED = 0
    TERMINAL = 1
    SWITCH = 2
    BASE = 3


class MacCapabilities(IntFlag):
    """``mac_capabilities`` of a node."""

    SWITCH = 0x01
    PACKET_AGGREGATION = 0x02
    CONTENTION_FREE_PERIOD = 0x04
    DIRECT_CONNECTION = 0x08
    MULTICAST = 0x10
    PHY_ROBUSTNESS_MANAGEMENT = 0x20
    ARQ = 0x40
    DIRECT_CONNECTION_SWITCHING = 0x100
    MULTICAST_SWITCHING = 0x200
    PHY_ROBUSTNESS_MANAGEMENT_SWITCHING = 0x400
    ARQ_BUFFERING_SWITCHING = 0x800
