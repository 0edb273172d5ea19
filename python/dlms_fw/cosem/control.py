"""What watches values and acts on them (class_id 21, 68, 70, 71): monitors, limits and the switch of a load.

The tables of the Blue Book. What is to be done is always a script of a script table.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import BitString, DateTime
from dlms_fw.axdr import (
    any_data,
    array,
    bit_string,
    boolean,
    date_time_octets,
    double_long_unsigned,
    enumerated,
    long_unsigned,
    record,
    structure,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import ActionItem, action_item, value_definition
from dlms_fw.enums.control import ControlMode, ControlState

__all__ = [
    "ActionSet",
    "Arbitrator",
    "DisconnectControl",
    "EmergencyProfile",
    "Limiter",
    "LimiterActions",
    "RegisterMonitor",
]


class ActionSet(NamedTuple):
    """What to do when a value crosses a threshold."""

    action_up: ActionItem
    action_down: ActionItem


class RegisterMonitor(InterfaceClass, class_id=21, version=0):
    """Runs scripts when a value crosses thresholds."""

    thresholds = attribute(2, array(any_data), static=True)
    """Of the type of the value, in its scaler and unit."""
    monitored_value = attribute(3, value_definition, static=True)
    actions = attribute(4, array(record(ActionSet, action_item, action_item)), static=True)
    """One for each threshold."""


class Arbitrator(InterfaceClass, class_id=68, version=0):
    """Decides between actors that ask for contradictory actions, by permissions and weights."""

    actions = attribute(2, array(action_item), static=True)
    """What can be asked for."""
    permissions_table = attribute(3, array(bit_string), static=True)
    """One bit-string for each actor, with a bit for each action."""
    weightings_table = attribute(4, array(array(long_unsigned)), static=True)
    """One list for each actor, with a weight for each action."""
    most_recent_requests_table = attribute(5, array(bit_string))
    """One bit-string for each actor: the actions that it asked for last."""
    last_outcome = attribute(6, unsigned)
    """The number of the action that won last, from 1 on; 0 for none."""

    @method(1, structure(unsigned, bit_string), mandatory=True)
    def request_action(self, request_actor: int, request_action_list: BitString) -> None:
        """Ask for actions as one of the actors.

        Args:
            request_actor: The number of the actor.
            request_action_list: A bit for each action.
        """

    @method(2)
    def reset(self) -> None:
        """Forget the requests and the outcome."""


class DisconnectControl(InterfaceClass, class_id=70, version=0, short_name_methods=0x20):
    """The switch that connects and disconnects a load, or a valve."""

    output_state = attribute(2, boolean)
    """Whether the load is connected in fact."""
    control_state = attribute(3, enumerated(ControlState))
    control_mode = attribute(4, enumerated(ControlMode), static=True)

    @method(1, mandatory=True)
    def remote_disconnect(self) -> None:
        """Disconnect, if the mode allows it to a client."""

    @method(2, mandatory=True)
    def remote_reconnect(self) -> None:
        """Reconnect, or make ready for reconnection by hand; which of them follows from the mode."""


class EmergencyProfile(NamedTuple):
    """When the threshold for emergencies holds instead of the normal one."""

    emergency_profile_id: int
    emergency_activation_time: DateTime
    emergency_duration: int
    """In seconds."""


class LimiterActions(NamedTuple):
    """What a limiter does."""

    action_over_threshold: ActionItem
    action_under_threshold: ActionItem


class Limiter(InterfaceClass, class_id=71, version=0):
    """Runs scripts when a value stays above or below a threshold for too long."""

    monitored_value = attribute(2, value_definition, static=True)
    threshold_active = attribute(3, any_data)
    """The threshold that holds now, of the type of the value."""
    threshold_normal = attribute(4, any_data, static=True)
    threshold_emergency = attribute(5, any_data, static=True)
    min_over_threshold_duration = attribute(6, double_long_unsigned, static=True)
    """How long the value may be above before it matters, in seconds."""
    min_under_threshold_duration = attribute(7, double_long_unsigned, static=True)
    """How long the value must be below again, in seconds."""
    emergency_profile = attribute(
        8, record(EmergencyProfile, long_unsigned, date_time_octets, double_long_unsigned), static=True
    )
    emergency_profile_group_id_list = attribute(9, array(long_unsigned), static=True)
    """The emergency profiles that this limiter obeys."""
    emergency_profile_active = attribute(10, boolean)
    actions = attribute(11, record(LimiterActions, action_item, action_item), static=True)
