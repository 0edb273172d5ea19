"""Single action schedules (class_id 22) of any script: when they run is the rule of ``meter/schedule.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dlms_fw.cosem.server import CosemFault
from dlms_fw.cosem.single_action_schedule import ExecutionTime, SingleActionSchedule
from dlms_fw.enums import DataAccessResult, SingleActionScheduleType
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant
from dlms_fw.meter.schedule import NOT_SPECIFIED, Schedule
from dlms_fw.meter.state import ScheduleEntry

MOST_ENTRIES: Final = 100
_ONE_ENTRY: Final = frozenset({SingleActionScheduleType.ONE_TIME_WILDCARD_ALLOWED})
_SAME_TIME: Final = frozenset(
    {
        SingleActionScheduleType.SAME_TIMES_WILDCARD_NOT_ALLOWED,
        SingleActionScheduleType.SAME_TIMES_WILDCARD_ALLOWED,
    }
)
_CONCRETE_DATES: Final = frozenset(
    {
        SingleActionScheduleType.SAME_TIMES_WILDCARD_NOT_ALLOWED,
        SingleActionScheduleType.DIFFERENT_TIMES_WILDCARD_NOT_ALLOWED,
    }
)
_WEEKDAY: Final = 4


class LiveSingleActionSchedule(LiveObject, interface=SingleActionSchedule):
    """Runs its script at its times.

    An entry that has run, or that came too late, has its next moment, or none any more; it stays in
    ``execution_time``. That it runs is remembered before it does: a power cut in between costs a run, and
    never makes a second one.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._schedule = Schedule(plant.clock, grace_seconds=plant.grace_seconds)
        self._timer = plant.timer(self._run)
        due = self._memory.get("due")
        self._entries = self._armed(self.execution_time, due)
        self._arm_timer()

    executed_script = Kept()

    @property
    def type(self) -> SingleActionScheduleType:
        """Which entries are allowed."""
        kept = self._value("type")
        return kept or SingleActionScheduleType.ONE_TIME_WILDCARD_ALLOWED

    @type.setter  # noqa: A003 (the standard's word)
    def type(self, value: SingleActionScheduleType) -> None:
        self._check(value, self.execution_time)
        self._remember(type=value)

    @property
    def execution_time(self) -> list[ExecutionTime]:
        """As it was written."""
        return list(self._value("execution_time"))

    @execution_time.setter
    def execution_time(self, value: list[ExecutionTime]) -> None:
        self._check(self.type, value)
        try:
            entries = self._armed(value, None)
        except ValueError:
            raise CosemFault(DataAccessResult.OTHER_REASON) from None
        self._remember({"due": [entry.due for entry in entries]}, execution_time=value)
        self._entries = entries
        self._arm_timer()

    def _check(self, kind: SingleActionScheduleType, times: list[ExecutionTime]) -> None:
        """Raises CosemFault where the type does not allow these entries."""
        most = 1 if kind in _ONE_ENTRY else MOST_ENTRIES
        same = kind in _SAME_TIME and len({entry.time.to_bytes()[:3] for entry in times}) > 1
        open_dates = kind in _CONCRETE_DATES and any(_has_wildcard(entry) for entry in times)
        if len(times) > most or same or open_dates or kind not in set(SingleActionScheduleType):
            raise CosemFault(DataAccessResult.OTHER_REASON)

    def _armed(self, times: list[ExecutionTime], due: list[float | None] | None) -> list[ScheduleEntry]:
        """The entries with their next moments, the remembered ones where there are any. Raises ValueError."""
        now = self._plant.clock.utc
        entries = [self._schedule.arm(entry.time.to_bytes(), entry.date.to_bytes(), now) for entry in times]
        if due is None or len(due) != len(entries):
            return entries
        return [
            ScheduleEntry(entry.time, entry.date, moment) for entry, moment in zip(entries, due, strict=True)
        ]

    def _run(self, due: float) -> None:  # noqa: ARG002 (the entries know)
        now = self._plant.clock.utc
        polled = [self._schedule.poll(entry, now) for entry in self._entries]
        entries = [
            self._schedule.arm(entry.time, entry.date, now) if verdict == "fire" else entry
            for verdict, entry in polled
        ]
        if entries != self._entries:
            self._memory.store(due=[entry.due for entry in entries])
            self._entries = entries
        self._arm_timer()
        if any(verdict == "fire" for verdict, _ in polled):
            script = self.executed_script
            self._plant.run_script(script.script_logical_name, script.script_selector)

    def _arm_timer(self) -> None:
        due = min((entry.due for entry in self._entries if entry.due is not None), default=None)
        if due is None:
            self._timer.stop()
        else:
            self._timer.at_clock(due)


def _has_wildcard(entry: ExecutionTime) -> bool:
    date = entry.date.to_bytes()
    return NOT_SPECIFIED in date[:_WEEKDAY] or any(octet >= 0xFD for octet in date[2:_WEEKDAY])
