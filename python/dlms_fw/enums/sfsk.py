"""The enumerations of S-FSK power line communication, with their codes."""

from __future__ import annotations

from enum import IntEnum


class InitiatorElectricalPhase(IntEnum):
    """``initiator_electrical_phase``: the phase that the initiator is on."""

    NOT_DEFINED = 0
    PHASE_1 = 1
    PHASE_2 = 2
    PHASE_3 = 3


class DeltaElectricalPhase(IntEnum):
    """``delta_electrical_phase``: the phase of this device against that of the initiator."""

    NOT_DEFINED = 0
    SAME_PHASE = 1
    DEGREES_60 = 2
    DEGREES_120 = 3
    DEGREES_180 = 4
    DEGREES_MINUS_120 = 5
    DEGREES_MINUS_60 = 6


class Repeater(IntEnum):
    """``repeater``: whether this device repeats frames."""

    NEVER = 0
    ALWAYS = 1
    DYNAMIC = 2


class TransmissionSpeed(IntEnum):
    """``transmission_speed``: the baud rate at 50 Hz."""

    BAUD_300 = 0
    BAUD_600 = 1
    BAUD_1200 = 2
    BAUD_2400 = 3
    BAUD_4800 = 4
