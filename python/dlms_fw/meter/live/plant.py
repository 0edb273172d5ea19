"""What a live object may use of its meter, and the one implementation of it.

A live object does something: it advances, captures, switches, runs scripts. All that reaches it from outside
comes through its plant: the clock, timers, the other objects of the meter, memory, logs, and the way for what
is pushed. There is no IO and no clock of the computer in here; time moves when the meter is advanced.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from dlms_fw._core import DateTime
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clock import MeterClock, TimeSource
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.live.alarms import ALARM_DESCRIPTOR, NV_MEMORY_ALARM, Alarms
from dlms_fw.meter.live.load import Load
from dlms_fw.meter.live.measurement import Measurement
from dlms_fw.meter.live.memory import Cell, Cells, Rows
from dlms_fw.meter.live.profile_status import ProfileStatus
from dlms_fw.meter.live.timers import Timer, Timers
from dlms_fw.meter.storage import Medium, Records

MOST_PUSHES: Final = 64
"""Notifications that wait for a driver; the oldest goes where there are more."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of one object of the meter."""

    class_id: int
    logical_name: LogicalName
    attribute_id: int


@dataclass(frozen=True, slots=True)
class Notification:
    """What a push setup has to send, for the drivers.

    Attributes:
        push_setup: The object that it comes from.
        transport: The transport service, by the number of the Blue Book (0 TCP, 1 UDP, ...).
        destination: As it stands in the push setup.
        message: The message type, by the number of the Blue Book (0 xDLMS, ...).
        client_sap: Whom it is for.
        date_time: When it was made.
        body: The encoded values.
        confirmed: Whether it asks to be confirmed.
    """

    push_setup: LogicalName
    transport: int
    destination: bytes
    message: int
    client_sap: int
    date_time: DateTime
    body: bytes
    confirmed: bool = False


class Outgoing(NamedTuple):
    """A notification on its way to a driver, who says what became of it: one of the two, once."""

    notification: Notification
    sent: Callable[[], None]
    """It went out, or where it asks for that, it was confirmed."""
    failed: Callable[[], None]
    """It did not."""


class Plant(Protocol):
    """What a live object may use of its meter."""

    @property
    def clock(self) -> MeterClock:
        """The meter's clock."""

    @property
    def measurement(self) -> Measurement:
        """Powers and energies."""

    @property
    def alarms(self) -> Alarms:
        """The alarm register with its filter and its descriptor."""

    def timer(self, action: Callable[[float], None]) -> Timer:
        """A timer, not armed; the action is given the moment for which it was armed."""

    def read(self, attribute: Attribute, selection: tuple[int, bytes] | None = None) -> bytes:
        """The encoded value of an attribute of an object of this meter, or a part, whoever may read it.

        Raises CosemFault.
        """

    def write(self, attribute: Attribute, data: bytes) -> None:
        """Sets an attribute of an object of this meter, whoever may write it. Raises CosemFault, OSError."""

    def invoke(
        self, class_id: int, logical_name: LogicalName, method_id: int, parameter: bytes
    ) -> bytes | None:
        """Calls a method of an object of this meter, whoever may call it. Raises CosemFault, OSError."""

    def attribute_ids(self, class_id: int, logical_name: LogicalName) -> list[int]:
        """The public attributes of an object of this meter. Raises CosemFault."""

    def watch(self, listener: Callable[[Attribute], None]) -> None:
        """Calls the listener after an attribute of a live object was set or has changed by itself."""

    def changed(self, attribute: Attribute) -> None:
        """Tells the listeners that an attribute has another value."""

    def watch_clock(self, listener: Callable[[float, float], None]) -> None:
        """Calls the listener when the clock was set, with where it stood and stands (seconds, UTC)."""

    def log_event(self, code: int, parameter: int = 0, *, log: str = "standard") -> None:
        """Adds to an event log of the meter."""

    def memory(self, class_id: int, logical_name: LogicalName) -> Cell:
        """The record of an object."""

    def rows(self, name: str, *, places: int, room: int, epoch: int) -> Rows:
        """A ring of rows."""

    def forget_rows(self, name: str) -> None:
        """Gives the memory of a ring back."""

    @property
    def grace_seconds(self) -> float:
        """How late something scheduled may still begin, after power off or with the clock set forward."""

    def run_script(self, script_table: LogicalName, script_identifier: int, *, local: bool = False) -> None:
        """Runs a script unasked: where it fails nobody is told. Identifier 0 is none.

        ``local``: whether the meter itself has decided so, not a client by a schedule.
        """

    @property
    def acts_locally(self) -> bool:
        """Whether a script runs because the meter itself has decided so."""

    @property
    def power_failures(self) -> int:
        """How often the power has gone."""

    @property
    def profile_status(self) -> ProfileStatus:
        """What happened in the current periods of load profiles."""

    def monotonic(self) -> float:
        """The time that waiting is measured by, in seconds."""

    def nested(self, deepest: int) -> contextlib.AbstractContextManager[None]:
        """What runs inside may run the same again, so many times. Raises CosemFault where it is too many."""

    def random_below(self, limit: int) -> int:
        """A random whole number from 0 up to ``limit``, which it does not reach."""

    def push(self, outgoing: Outgoing) -> None:
        """Hands a notification to the drivers."""


class MeterPlant:
    """The plant of one meter with power; its owner advances it."""

    def __init__(
        self,
        medium: Medium,
        records: Records,
        clock: MeterClock,
        source: TimeSource,
        *,
        load: Load,
        grace_seconds: float,
        log_event: Callable[[str, int, int], None],
        randomness: Callable[[int], bytes],
        find: Callable[[int, LogicalName], ServerObject],
    ) -> None:
        """Powers up.

        Args:
            medium: The meter's memory.
            records: Over the same.
            clock: The meter's clock.
            source: What it stands on.
            load: What hangs on the meter.
            grace_seconds: How late something scheduled may still begin.
            log_event: Takes the name of a log, a code and a parameter.
            randomness: Gives that many random octets.
            find: Gives an object of the meter. Raises CosemFault for one that is not there.
        """
        self._medium = medium
        self._timers = Timers(clock, source)
        self._cells = Cells(records, self._timers, self._record_lost)
        self._log_event = log_event
        self._randomness = randomness
        self._find = find
        self._listeners: list[Callable[[Attribute], None]] = []
        self._outgoing: deque[Outgoing] = deque()
        self._depth = 0
        self.clock = clock
        self.grace_seconds = grace_seconds
        self.acts_locally = False
        self._cell_of_power = self._cells.cell("live.power")
        was_down = self._cell_of_power.get("failures") is not None
        self._cell_of_power.keep(failures=self.power_failures + 1 if was_down else 0)
        self.profile_status = ProfileStatus(clock, was_down=was_down)
        self.alarms = Alarms(self._cells.cell("live.alarms"), log_event=self.log_event)
        self.alarms.listeners.append(lambda: self.changed(Attribute(Data.class_id, ALARM_DESCRIPTOR, 2)))
        self._daylight_saving = self._timers.timer(self._daylight_saving_changes)
        self._arm_daylight_saving()
        clock.listeners.append(lambda *_: self._arm_daylight_saving())
        self.measurement = Measurement(source, load, self._cells.cell("live.measurement"), self._timers)

    # What the owner of the meter uses

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next, on the monotonic clock; ``None`` while nothing is to come."""
        return self._timers.deadline

    def advance(self) -> None:
        """Does all that is due."""
        self._timers.advance()

    def take_notifications(self) -> list[Outgoing]:
        """What is to be pushed, in the order in which it was made; the caller says what became of each."""
        taken = list(self._outgoing)
        self._outgoing.clear()
        return taken

    def power_down(self) -> None:
        """A clean stop: what was only kept is made durable. Raises OSError."""
        self.measurement.settle()
        self._cells.settle()

    # What live objects use

    def timer(self, action: Callable[[float], None]) -> Timer:
        """A timer, not armed."""
        return self._timers.timer(action)

    def read(self, attribute: Attribute, selection: tuple[int, bytes] | None = None) -> bytes:
        """By the object's own dispatch."""
        found = self._find(attribute.class_id, attribute.logical_name)
        return found.read(attribute.attribute_id, selection)

    def write(self, attribute: Attribute, data: bytes) -> None:
        """By the object's own dispatch."""
        self._find(attribute.class_id, attribute.logical_name).write(attribute.attribute_id, data)
        self.changed(attribute)

    def invoke(
        self, class_id: int, logical_name: LogicalName, method_id: int, parameter: bytes
    ) -> bytes | None:
        """By the object's own dispatch."""
        return self._find(class_id, logical_name).invoke(method_id, parameter)

    def attribute_ids(self, class_id: int, logical_name: LogicalName) -> list[int]:
        """Of its interface class."""
        return [number for number in self._find(class_id, logical_name).interface.attributes if number > 0]

    def watch(self, listener: Callable[[Attribute], None]) -> None:
        """For as long as the meter has power."""
        self._listeners.append(listener)

    def changed(self, attribute: Attribute) -> None:
        """Tells everybody; who has told it must not tell it again from there."""
        for listener in self._listeners:
            listener(attribute)

    def watch_clock(self, listener: Callable[[float, float], None]) -> None:
        """For as long as the meter has power."""
        self.clock.listeners.append(listener)

    def log_event(self, code: int, parameter: int = 0, *, log: str = "standard") -> None:
        """Adds to an event log."""
        self._log_event(log, code, parameter)

    def memory(self, class_id: int, logical_name: LogicalName) -> Cell:
        """A record named after the object."""
        return self._cells.cell(f"live.{class_id}-{logical_name.to_bytes().hex()}")

    def rows(self, name: str, *, places: int, room: int, epoch: int) -> Rows:
        """A region named so."""
        return Rows(self._medium, f"live.{name}", places=places, room=room, epoch=epoch)

    def forget_rows(self, name: str) -> None:
        """Erases it. Raises OSError."""
        self._medium.erase(f"live.{name}")
        self._medium.sync(f"live.{name}")

    def run_script(self, script_table: LogicalName, script_identifier: int, *, local: bool = False) -> None:
        """By the object's own dispatch."""
        if not script_identifier:
            return
        execute = ScriptTable.execute
        parameter = execute.encode_parameter(script_identifier)
        before, self.acts_locally = self.acts_locally, local
        try:
            with contextlib.suppress(CosemFault, OSError):
                self.invoke(ScriptTable.class_id, script_table, execute.method_id, parameter)
        finally:
            self.acts_locally = before

    @property
    def power_failures(self) -> int:
        """Counted when the power is back."""
        return int(self._cell_of_power.get("failures", 0))

    def monotonic(self) -> float:
        """That of the timers."""
        return self._timers.monotonic()

    @contextlib.contextmanager
    def nested(self, deepest: int) -> Iterator[None]:
        """Counts how deep it is."""
        if self._depth >= deepest:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def random_below(self, limit: int) -> int:
        """From the randomness that was handed in."""
        return int.from_bytes(self._randomness(8), "big") % limit

    def push(self, outgoing: Outgoing) -> None:
        """Kept until a driver takes it."""
        self._outgoing.append(outgoing)
        if len(self._outgoing) > MOST_PUSHES:
            self._outgoing.popleft().failed()

    def _arm_daylight_saving(self) -> None:
        change = self.clock.local_time.next_change(self.clock.utc)
        if change is None:
            self._daylight_saving.stop()
        else:
            self._daylight_saving.at_clock(change)

    def _daylight_saving_changes(self, due: float) -> None:  # noqa: ARG002 (it is due)
        self.log_event(StandardEvent.DAYLIGHT_SAVING_CHANGED)
        self._arm_daylight_saving()

    def _record_lost(self) -> None:
        # Later, as the record of the alarms may be the one.
        self._timers.timer(self._tell_of_loss).after(0.0)

    def _tell_of_loss(self, due: float) -> None:  # noqa: ARG002
        self.log_event(StandardEvent.NV_MEMORY_ERROR)
        self.alarms.raise_alarm(NV_MEMORY_ALARM)


def no_object(class_id: int, logical_name: LogicalName) -> ServerObject:  # noqa: ARG001
    """Finds none."""
    raise CosemFault(DataAccessResult.OBJECT_UNDEFINED)
