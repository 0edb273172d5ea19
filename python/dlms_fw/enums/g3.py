"""The enumerations of G3-PLC, with their codes."""

from __future__ import annotations

from enum import IntEnum


class Modulation(IntEnum):
    """``modulation`` towards a neighbour."""

    ROBUST = 0
    DBPSK = 1
    DQPSK = 2
    D8PSK = 3
    QAM_16 = 4


class GainResolution(IntEnum):
    """``tx_res``: the step of the transmit gain."""

    DB_6 = 0
    DB_3 = 1


class DeviceType(IntEnum):
    """``adp_device_type``: what a node is in its network."""

    PAN_DEVICE = 0
    PAN_COORDINATOR = 1
    NOT_DEFINED = 2
