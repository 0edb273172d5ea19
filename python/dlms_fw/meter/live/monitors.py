"""Register monitors and limiters (class_id 21, 71): scripts that run when a value crosses a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dlms_fw._core import Data
from dlms_fw.cosem.control import Limiter, RegisterMonitor
from dlms_fw.cosem.references import ActionItem
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.event_log import DisconnectEvent
from dlms_fw.meter.live.disconnect import DISCONNECT_LOG
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant
from dlms_fw.meter.live.watching import ValueWatch, plain_number
from dlms_fw.meter.storage import Json

MOST_THRESHOLDS: Final = 16


def _thresholds_allowed(target: LiveRegisterMonitor, value: list[Data]) -> None:  # noqa: ARG001
    if len(value) > MOST_THRESHOLDS or any(plain_number(threshold) is None for threshold in value):
        raise ValueError("too many thresholds, or one that is no number")


def _nothing_seen(target: LiveRegisterMonitor) -> Json:  # noqa: ARG001
    return {"above": None}


class LiveRegisterMonitor(LiveObject, interface=RegisterMonitor):
    """Runs a script when the value rises above a threshold, and another one when it is no longer above.

    Where the value stood is remembered over power cuts; the first look of all runs nothing.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._watch = ValueWatch(plant, lambda: self.monitored_value, self._look)

    thresholds = Kept(check=_thresholds_allowed, beside=_nothing_seen, then=lambda target: target._begin())
    monitored_value = Kept(beside=_nothing_seen, then=lambda target: target._begin())
    actions = Kept()

    def _begin(self) -> None:
        self._watch.soon()

    def _look(self, value: float | None) -> None:
        if value is None:
            return
        above = [value > (plain_number(threshold) or 0.0) for threshold in self.thresholds]
        before = self._memory.get("above")
        if above == before:
            return
        self._memory.store(above=above)
        if before is None:
            return
        for actions, now, was in zip(self.actions, above, before, strict=False):
            if now != was:
                script = actions.action_up if now else actions.action_down
                self._plant.run_script(script.script_logical_name, script.script_selector, local=True)


class LiveLimiter(LiveObject, interface=Limiter):
    """Runs a script when the value has stayed above the threshold for long enough, and one when it is below.

    In an emergency, from its activation time on and for its duration, the other threshold holds.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._is_above = False
        self._has_acted = False
        self._emergency = False
        self._acting = plant.timer(self._act)
        self._emergency_timer = plant.timer(self._emergency_changes)
        self._watch = ValueWatch(plant, lambda: self.monitored_value, self._look)
        self._emergency_timer.at_clock(plant.clock.utc)
        plant.watch_clock(self._clock_set)

    monitored_value = Kept(then=lambda target: target._watch.soon())
    threshold_normal = Kept(then=lambda target: target._threshold_changed())
    threshold_emergency = Kept(then=lambda target: target._threshold_changed())
    min_over_threshold_duration = Kept()
    min_under_threshold_duration = Kept()
    emergency_profile = Kept(then=lambda target: target._emergency_changes(0.0))
    emergency_profile_group_id_list = Kept(then=lambda target: target._emergency_changes(0.0))
    actions = Kept()

    @property
    def threshold_active(self) -> Data:
        """The threshold that holds now."""
        threshold: Data = self.threshold_emergency if self._emergency else self.threshold_normal
        return threshold

    @property
    def emergency_profile_active(self) -> bool:
        """Whether there is an emergency."""
        return self._emergency

    def _threshold_changed(self) -> None:
        self._plant.changed(self._reference("threshold_active"))
        self._plant.log_event(DisconnectEvent.LIMITER_THRESHOLD_CHANGED, log=DISCONNECT_LOG)
        self._watch.soon()

    def _look(self, value: float | None) -> None:
        threshold = plain_number(self.threshold_active)
        is_above = value is not None and threshold is not None and value > threshold
        if is_above == self._is_above:
            return
        self._is_above = is_above
        if is_above == self._has_acted:
            self._acting.stop()  # it has gone back before the time was over
        else:
            self._acting.after(
                float(self.min_over_threshold_duration if is_above else self.min_under_threshold_duration)
            )

    def _act(self, due: float) -> None:  # noqa: ARG002 (the time is over)
        self._has_acted = self._is_above
        over = self._is_above
        code = DisconnectEvent.LIMITER_THRESHOLD_EXCEEDED if over else DisconnectEvent.LIMITER_THRESHOLD_OK
        self._plant.log_event(code, log=DISCONNECT_LOG)
        actions = self.actions
        script: ActionItem = actions.action_over_threshold if over else actions.action_under_threshold
        self._plant.run_script(script.script_logical_name, script.script_selector, local=True)

    def _clock_set(self, before: float, after: float) -> None:  # noqa: ARG002
        self._emergency_timer.at_clock(after)

    def _emergency_changes(self, due: float) -> None:  # noqa: ARG002 (the clock decides)
        profile, now = self.emergency_profile, self._plant.clock.utc
        was = self._emergency
        try:
            begin = self._plant.clock.seconds(profile.emergency_activation_time)
        except ValueError:
            begin = None
        self._emergency_timer.stop()
        self._emergency = False
        if begin is not None and profile.emergency_profile_id in self.emergency_profile_group_id_list:
            end = begin + profile.emergency_duration
            self._emergency = begin <= now < end
            if now < end:
                self._emergency_timer.at_clock(end if self._emergency else begin)
        if self._emergency != was:
            self._threshold_changed()
            self._plant.changed(self._reference("emergency_profile_active"))
