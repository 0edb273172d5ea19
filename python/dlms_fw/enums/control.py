"""The enumerations of limits, loads and functions, with their codes."""

from __future__ import annotations

from enum import IntEnum

# --- Disconnect control (Blue Book, class_id 70) --------------------------------------------------


class ControlState(IntEnum):
    """``control_state`` of a disconnect control: how the load is, as the meter sees it."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class ControlMode(IntEnum):
    """``control_mode`` of a disconnect control: who may disconnect, who reconnect, and how far.

    In modes 1 to 6 a client and the meter itself may disconnect, and a person may reconnect by hand where the
    state is ready for reconnection.
    """

    NONE = 0
    """Always connected."""
    MODE_1 = 1
    """By hand disconnects; a client makes ready for reconnection."""
    MODE_2 = 2
    """By hand disconnects; a client reconnects."""
    MODE_3 = 3
    """A client makes ready for reconnection."""
    MODE_4 = 4
    """A client reconnects."""
    MODE_5 = 5
    """By hand disconnects; a client makes ready for reconnection; the meter itself reconnects."""
    MODE_6 = 6
    """A client makes ready for reconnection; the meter itself reconnects."""
