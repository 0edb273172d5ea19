"""Activity calendars (class_id 20): the script that holds now, by season, week and day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from dlms_fw._core import DateTime
from dlms_fw.cosem.clock import moment_in_year
from dlms_fw.cosem.tariffs import ActivityCalendar, DayProfileAction, SeasonProfile
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.live.days import SPECIAL_DAYS_ENTRIES, midnight_after, special_day
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Attribute, Plant

DAYS_BACK: Final = 8
"""How far back the last action is looked for: a week has each day profile."""
_PARTS: Final = ("calendar_name", "season_profile", "week_profile_table", "day_profile_table")


class _Action(NamedTuple):
    """An action of the calendar, and when it began to hold, by local time."""

    since: datetime
    action: DayProfileAction


def _is_moment_or_none(target: LiveActivityCalendar, value: DateTime) -> None:
    """Raises ValueError where only some fields are left open."""
    if value != DateTime() and not _is_open(value):
        target._plant.clock.seconds(value)


def _is_open(value: DateTime) -> bool:
    octets = value.to_bytes()
    return set(octets[:8]) == {0xFF}


def _programmed(target: LiveActivityCalendar) -> None:
    target._plant.log_event(StandardEvent.PASSIVE_TIME_OF_USE_PROGRAMMED)


class LiveActivityCalendar(LiveObject, interface=ActivityCalendar):
    """Runs the script of each action when it begins to hold.

    After power up, after the clock was set, and when another calendar became active, the one action that
    holds then runs: what was missed before it is of no matter. A passive calendar becomes active at its time,
    or at once where that has passed.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._timer = plant.timer(self._switch)
        self._passive_timer = plant.timer(self._activate)
        self._holds: _Action | None = None
        plant.watch_clock(self._clock_set)
        plant.watch(self._attribute_changed)
        self._timer.at_clock(plant.clock.utc)
        self._arm_passive()

    calendar_name_active = Kept(read_only=True)
    season_profile_active = Kept(read_only=True)
    week_profile_table_active = Kept(read_only=True)
    day_profile_table_active = Kept(read_only=True)
    calendar_name_passive = Kept(then=_programmed)
    season_profile_passive = Kept(then=_programmed)
    week_profile_table_passive = Kept(then=_programmed)
    day_profile_table_passive = Kept(then=_programmed)
    activate_passive_calendar_time = Kept(check=_is_moment_or_none, then=lambda target: target._arm_passive())

    def activate_passive_calendar(self) -> None:
        """The passive calendar becomes the active one; it stays the passive one as well."""
        changes = {f"{part}_active": self._value(f"{part}_passive") for part in _PARTS}
        self._remember(activate_passive_calendar_time=DateTime(), **changes)
        self._passive_timer.stop()
        self._plant.log_event(StandardEvent.TIME_OF_USE_ACTIVATED)
        self._holds = None
        self._timer.at_clock(self._plant.clock.utc)

    def _activate(self, due: float) -> None:  # noqa: ARG002 (once it is due)
        self.activate_passive_calendar()

    def _arm_passive(self) -> None:
        value: DateTime = self.activate_passive_calendar_time
        if _is_open(value):
            self._passive_timer.stop()
        else:
            self._passive_timer.at_clock(self._plant.clock.seconds(value))

    def _attribute_changed(self, attribute: Attribute) -> None:
        if attribute == SPECIAL_DAYS_ENTRIES:
            self._timer.at_clock(self._plant.clock.utc)

    def _clock_set(self, before: float, after: float) -> None:  # noqa: ARG002
        self._timer.at_clock(after)

    def _switch(self, due: float) -> None:  # noqa: ARG002 (what holds is looked for)
        clock = self._plant.clock
        now = clock.utc
        local = clock.naive(now)
        moments = [midnight_after(local.date())]
        moments += [
            start for action in self._actions(local.date()) if (start := _start(action, local.date())) > local
        ]
        self._timer.at_clock(max(now + 1, min(clock.instant(moment, now) for moment in moments)))
        holds = self._holding(local)
        if holds is not None and holds != self._holds:
            self._holds = holds
            self._plant.run_script(holds.action.script_logical_name, holds.action.script_selector)

    def _holding(self, local: datetime) -> _Action | None:
        """The last action that has begun."""
        for back in range(DAYS_BACK if self.day_profile_table_active else 0):
            day = local.date() - timedelta(days=back)
            begun = [
                _Action(start, action)
                for action in self._actions(day)
                if (start := _start(action, day)) <= local
            ]
            if begun:
                return max(begun, key=lambda row: row.since)
        return None

    def _actions(self, day: date) -> list[DayProfileAction]:
        """Those of the day profile that holds on a day."""
        day_id = special_day(self._plant, day)
        if day_id is None:
            day_id = self._day_of_week(day)
        for profile in self.day_profile_table_active:
            if profile.day_id == day_id:
                return list(profile.day_schedule)
        return []

    def _day_of_week(self, day: date) -> int | None:
        season = self._season(day)
        for week in self.week_profile_table_active:
            if season is not None and week.week_profile_name == season.week_name:
                return int(week[day.isoweekday()])
        return None

    def _season(self, day: date) -> SeasonProfile | None:
        """The season that has begun last, a season beginning with its day."""
        begun = [
            (start, index)
            for index, season in enumerate(self.season_profile_active)
            if (start := _last_start(season.season_start, day)) is not None
        ]
        season: SeasonProfile | None = self.season_profile_active[max(begun)[1]] if begun else None
        return season


def _start(action: DayProfileAction, day: date) -> datetime:
    time = action.start_time
    return datetime(day.year, day.month, day.day, time.hour or 0, time.minute or 0, time.second or 0)


def _last_start(season_start: DateTime, day: date) -> date | None:
    """When a season began last on or before a day; the first day of all where its start is left open."""
    if _is_open(season_start) or season_start.date.month is None:
        return date.min
    for year in (day.year, day.year - 1):
        try:
            start = moment_in_year(season_start, year).date()
        except ValueError:
            continue
        if start <= day:
            return start
    fixed = season_start.date.year
    return moment_in_year(season_start, fixed).date() if fixed is not None and fixed < day.year - 1 else None
