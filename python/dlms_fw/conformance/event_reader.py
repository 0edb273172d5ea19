"""What a meter has logged since a moment: the evidence of an upgrade."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from dlms_fw._core import Data, DateTime
from dlms_fw.conformance.image_process import ImageProcess
from dlms_fw.conformance.verdicts import Inapplicable, expect
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric, expanded_rows
from dlms_fw.errors import ServiceError

_LOOKED_AT: Final = 100
"""Entries from the end of the log that count as old; a case leaves fewer."""
_GRAIN: Final = timedelta(seconds=1)
_TIME, _CODE, _PARAMETER = range(3)


class Event(NamedTuple):
    """One entry: when, what, and about which firmware part where the log tells."""

    time: datetime | None
    code: int
    part: int | None


class EventReader:
    """Reads the standard event log of the meter in a process; made at the moment from which events count.

    Raises Inapplicable where the meter has no such log.
    """

    def __init__(self, process: ImageProcess) -> None:
        self._process = process
        names = process.facts.objects
        self._log = ProfileGeneric(names.event_log)
        self._clock = Clock(names.clock)
        try:
            self._first = max(1, process.client.get(self._log.entries_in_use) - _LOOKED_AT + 1)
            self._old = Counter(self._read())
        except ServiceError as error:
            raise Inapplicable(f"the event log cannot be read: {error}") from None
        self._since = self._now()

    def news(self) -> list[Event]:
        """What has been added."""
        left = Counter(self._old)
        added = []
        for event in self._read():
            if left[event] > 0:
                left[event] -= 1
            else:
                added.append(event)
        return added

    def all(self) -> list[Event]:
        """What is there now."""
        return self._read()

    def lost(self) -> list[Event]:
        """What was there at the beginning and is gone."""
        return list((self._old - Counter(self._read())).elements())

    def expect_one(self, name: str, part: int | None = None) -> None:
        """Raises Failed unless the declared event of that name was logged once, in time, for that part."""
        code = getattr(self._process.facts.events, name)
        if code is None:
            self._process.site.step(f"{name}: no event was declared for it")
            return
        found = [event for event in self.news() if event.code == code]
        expect(len(found) == 1, f"event {code} ({name}) once", f"{len(found)} times")
        event, now = found[0], self._now()
        if event.time is not None and self._since is not None and now is not None:
            in_time = self._since - _GRAIN <= event.time <= now + _GRAIN
            expect(in_time, f"a time of event {code} from {self._since} to {now}", event.time)
        if part is not None and self._process.facts.event_has_part:
            expect(event.part == part, f"part {part} with event {code}", event.part)
        self._process.site.step(f"{name}: event {code}")

    def expect_none(self, name: str) -> None:
        """Raises Failed where the declared event of that name was logged."""
        code = getattr(self._process.facts.events, name)
        found = [event for event in self.news() if event.code == code]
        expect(not found, f"no event {code} ({name})", f"{len(found)} times")

    def _read(self) -> list[Event]:
        client = self._process.client
        in_use = client.get(self._log.entries_in_use)
        if in_use < self._first:
            return []
        entries = client.get(self._log.buffer, EntryDescriptor(self._first, in_use).selection)
        return [_event(row) for row in expanded_rows(entries)]

    def _now(self) -> datetime | None:
        try:
            return _moment(self._process.client.get(self._clock.time))
        except ServiceError:
            return None


def _event(row: tuple[object, ...]) -> Event:
    code = _number(row[_CODE]) if len(row) > _CODE else None
    part = _number(row[_PARAMETER]) if len(row) > _PARAMETER else None
    return Event(_moment(row[_TIME]), -1 if code is None else code, part)


def _number(value: object) -> int | None:
    value = value.value if isinstance(value, Data) else value
    return value if isinstance(value, int) else None


def _moment(value: object) -> datetime | None:
    value = value.value if isinstance(value, Data) else value
    try:
        moment = DateTime.from_bytes(value) if isinstance(value, bytes) else value
        return moment.to_datetime() if isinstance(moment, DateTime) else None
    except ValueError:
        return None
