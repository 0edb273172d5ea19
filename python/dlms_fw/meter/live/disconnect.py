"""Disconnect control (class_id 70): who may disconnect and reconnect follows from a table.

The table is that of the Blue Book. A client acts *remotely*, by the methods or a schedule; a person acts *by
hand*, which a bench does by calling :meth:`LiveDisconnectControl.manual_reconnect`; and the meter acts
*locally* where a limiter or a monitor runs the script.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from dlms_fw.cosem.control import DisconnectControl
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.enums.control import ControlMode, ControlState
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.event_log import DisconnectEvent as _Event
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant

DISCONNECT_LOG: Final = "disconnect"
_MAIN_SWITCH: Final = bytes((96, 3, 10))
"""Value groups C to E of the object that switches what is measured."""


class Act(Enum):
    """What is asked of a disconnector."""

    REMOTE_DISCONNECT = "remote-disconnect"
    REMOTE_RECONNECT = "remote-reconnect"
    MANUAL_DISCONNECT = "manual-disconnect"
    MANUAL_RECONNECT = "manual-reconnect"
    LOCAL_DISCONNECT = "local-disconnect"
    LOCAL_RECONNECT = "local-reconnect"


class Transition(NamedTuple):
    """One arrow of the state diagram, and the modes in which it is there."""

    letter: str
    act: Act
    before: ControlState
    after: ControlState
    modes: frozenset[int]
    event: _Event


_DISCONNECTED, _CONNECTED, _READY = ControlState
_EVERY: Final = frozenset(range(1, 7))

TRANSITIONS: Final = tuple(
    Transition(letter, act, before, after, frozenset(modes), event)
    for letter, act, before, after, modes, event in (
        ("a", Act.REMOTE_RECONNECT, _DISCONNECTED, _CONNECTED, {2, 4}, _Event.REMOTE_CONNECTION),
        ("b", Act.REMOTE_DISCONNECT, _CONNECTED, _DISCONNECTED, _EVERY, _Event.REMOTE_DISCONNECTION),
        ("c", Act.REMOTE_DISCONNECT, _READY, _DISCONNECTED, _EVERY, _Event.REMOTE_DISCONNECTION),
        ("d", Act.REMOTE_RECONNECT, _DISCONNECTED, _READY, {1, 3, 5, 6}, _Event.READY_FOR_RECONNECTION),
        ("e", Act.MANUAL_RECONNECT, _READY, _CONNECTED, _EVERY, _Event.MANUAL_CONNECTION),
        ("f", Act.MANUAL_DISCONNECT, _CONNECTED, _READY, {1, 2, 5}, _Event.MANUAL_DISCONNECTION),
        ("g", Act.LOCAL_DISCONNECT, _CONNECTED, _READY, _EVERY, _Event.LOCAL_DISCONNECTION),
        ("h", Act.LOCAL_RECONNECT, _READY, _CONNECTED, {5, 6}, _Event.LOCAL_RECONNECTION),
    )
)

_BEYOND: Final = {Act.REMOTE_RECONNECT: _CONNECTED, Act.LOCAL_DISCONNECT: _DISCONNECTED}
"""Where more has been done already than an act asks for."""
_BY_HAND: Final = frozenset({Act.MANUAL_DISCONNECT, Act.MANUAL_RECONNECT})


def _known_mode(target: LiveDisconnectControl, value: ControlMode) -> None:  # noqa: ARG001 (for all alike)
    if value not in set(ControlMode):
        raise ValueError("no mode")


class LiveDisconnectControl(
    LiveObject, interface=DisconnectControl, own=("manual_disconnect", "manual_reconnect")
):
    """A disconnector. The one that is called 0-b:96.3.10.255 switches the load of the meter.

    An act that the table does not have in this mode and state is answered with other-reason; one that finds
    done what it asks for succeeds.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, {"control_state": _CONNECTED, **values}, plant)
        self._switches_load = self.logical_name.to_bytes()[2:5] == _MAIN_SWITCH
        self._switch()

    control_state = Kept(read_only=True)
    control_mode = Kept(check=_known_mode, then=lambda target: target._mode_changed())

    @property
    def output_state(self) -> bool:
        """Whether the load is connected."""
        return bool(self.control_state == _CONNECTED)

    def remote_disconnect(self) -> None:
        """Disconnect: for a client, or locally where the meter itself runs the script."""
        self._do(Act.LOCAL_DISCONNECT if self._plant.acts_locally else Act.REMOTE_DISCONNECT)

    def remote_reconnect(self) -> None:
        """Reconnect, or make ready for it: for a client, or locally where the meter runs the script."""
        self._do(Act.LOCAL_RECONNECT if self._plant.acts_locally else Act.REMOTE_RECONNECT)

    def manual_disconnect(self) -> None:
        """Somebody presses the button. Raises CosemFault where that does nothing."""
        self._do(Act.MANUAL_DISCONNECT)

    def manual_reconnect(self) -> None:
        """Somebody presses the button. Raises CosemFault where that does nothing."""
        self._do(Act.MANUAL_RECONNECT)

    def _do(self, act: Act) -> None:
        state = self.control_state
        allowed = [row for row in TRANSITIONS if row.act == act and self.control_mode in row.modes]
        for row in allowed:
            if row.before == state:
                self._remember(control_state=row.after)
                self._switch()
                self._plant.changed(self._reference("output_state"))
                self._plant.log_event(row.event, log=DISCONNECT_LOG)
                return
        is_done = state == _BEYOND.get(act) or state in {row.after for row in allowed}
        if not allowed or not is_done or act in _BY_HAND:
            raise CosemFault(ActionResult.OTHER_REASON)

    def _mode_changed(self) -> None:
        if self.control_mode == ControlMode.NONE and self.control_state != _CONNECTED:
            self._remember(control_state=_CONNECTED)
            self._switch()

    def _switch(self) -> None:
        if self._switches_load:
            self._plant.measurement.is_connected = self.output_state
