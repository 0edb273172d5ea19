"""The measurement of a meter: powers now, energies so far, and what single registers make of them.

A value is computed when it is asked for, from the load and the time of the world that has passed with power
on. Energies are kept over power cuts; a cut without warning costs at most the last quarter of an hour, as
memory is not written more often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clock import TimeSource
from dlms_fw.meter.live.load import Load, chance
from dlms_fw.meter.live.memory import Cell
from dlms_fw.meter.live.timers import Timers
from dlms_fw.meter.storage import Json

REACTIVE_RATIO: Final = 0.3
"""Reactive over active power of the load, inductive."""
NOMINAL_VOLTAGE: Final = 230.0
NOMINAL_FREQUENCY: Final = 50.0
CHECKPOINT_SECONDS: Final = 900.0
"""Between two times that the energies are written."""
LONGEST_COUNT_SECONDS: Final = 366 * 86_400.0
"""Who asks after a longer time has had the clock of the world set, and has consumed nothing meanwhile."""
_APPARENT_RATIO: Final = math.hypot(1.0, REACTIVE_RATIO)
_PHASES: Final = (0.4, 0.35, 0.25)
"""The share of each phase in the load."""

_SHARES: Final[dict[int, tuple[float, float]]] = {
    1: (1, 0),
    2: (0, 1),
    3: (REACTIVE_RATIO, 0),
    4: (0, REACTIVE_RATIO),
    5: (REACTIVE_RATIO, 0),
    6: (0, 0),
    7: (0, REACTIVE_RATIO),
    8: (0, 0),
    9: (_APPARENT_RATIO, 0),
    10: (0, _APPARENT_RATIO),
    15: (1, 1),
    16: (1, -1),
}
"""By value group C: how much of the imported and of the exported active power a quantity is."""


class Measurement:
    """Powers and energies; quantities are named by value group C of a logical name with A = 1."""

    def __init__(self, source: TimeSource, load: Load, cell: Cell, timers: Timers) -> None:
        self._source = source
        self._load = load
        self._cell = cell
        self._imported = float(cell.get("imported", 0.0))
        self._exported = float(cell.get("exported", 0.0))
        self._accounts: dict[str, list[float | None]] = dict(cell.get("accounts", {}))
        self._until = source.wall()
        self._is_connected = True
        self.listeners: list[Callable[[], None]] = []
        """Called after the load was changed or switched from outside."""
        self._checkpoint = timers.timer(self._write)
        self._checkpoint.after(CHECKPOINT_SECONDS)

    @property
    def load(self) -> Load:
        """What hangs on the meter; another one may be put there."""
        return self._load

    @load.setter
    def load(self, load: Load) -> None:
        self._count()
        self._load = load
        self._tell()

    @property
    def is_connected(self) -> bool:
        """Whether the disconnector lets the load through."""
        return self._is_connected

    @is_connected.setter
    def is_connected(self, value: bool) -> None:
        self._count()
        self._is_connected = value
        self._tell()

    @property
    def next_change(self) -> float:
        """Seconds until a power may be another one; infinity where it stays."""
        now = self._source.wall()
        return self._load.next_change(now) - now

    def power(self, quantity: int) -> float | None:
        """What is measured now in W, var, VA, V, A, Hz or without a unit; ``None`` if nothing of it is."""
        total, phase = _phase_of(quantity)
        share = 1.0 if phase is None else _PHASES[phase]
        active = self._load.power(self._source.wall()) * share if self._is_connected else 0.0
        if total in _SHARES:
            imported, exported = _SHARES[total]
            return imported * max(active, 0.0) + exported * max(-active, 0.0)
        if total == _VOLTAGE:
            return self._voltage(phase or 0)
        if total == _CURRENT:
            shared = active if phase is not None else active * _PHASES[0]
            return abs(shared) * _APPARENT_RATIO / self._voltage(phase or 0)
        if total == _POWER_FACTOR:
            return 1 / _APPARENT_RATIO if active else 1.0
        if total == _FREQUENCY:
            return NOMINAL_FREQUENCY
        return None

    def energy(self, quantity: int) -> float | None:
        """What has been counted in the life of the meter, in Wh, varh or VAh; ``None`` if nothing is."""
        total, phase = _phase_of(quantity)
        if total not in _SHARES:
            return None
        self._count()
        imported, exported = _SHARES[total]
        share = 1.0 if phase is None else _PHASES[phase]
        return share * (imported * self._imported + exported * self._exported)

    def account(self, name: LogicalName, initial: float = 0.0) -> Account:
        """The count of one register, which can be reset and stopped; ``initial`` is its first value."""
        return Account(self, str(name), name.to_bytes()[2], initial)

    def settle(self) -> None:
        """Makes the energies durable. Raises OSError."""
        self._cell.store(**self._state())

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    def _voltage(self, phase: int) -> float:
        slot = math.floor(self._source.wall() / 60)
        return NOMINAL_VOLTAGE + 6 * (chance(phase, slot) - 0.5)

    def _count(self) -> None:
        """Counts what has been consumed since the last time, slot by slot."""
        now = self._source.wall()
        if not self._is_connected or not 0 < now - self._until <= LONGEST_COUNT_SECONDS:
            self._until = now
            return
        while self._until < now:
            end = min(now, self._load.next_change(self._until))
            energy = self._load.power(self._until) * (end - self._until) / 3600
            self._imported += max(energy, 0.0)
            self._exported += max(-energy, 0.0)
            self._until = end

    def _state(self) -> Json:
        self._count()
        return {"imported": self._imported, "exported": self._exported, "accounts": self._accounts}

    def _write(self, due: float) -> None:  # noqa: ARG002 (when it was due makes no difference)
        self.settle()
        self._checkpoint.after(CHECKPOINT_SECONDS)

    def state_of(self, name: str) -> list[float | None]:
        """What is remembered of a register: an offset, and the value that it stands still at if it does.

        Both are without the first value of the register.
        """
        return self._accounts.get(name, [0.0, None])

    def remember(self, name: str, state: list[float | None]) -> None:
        """Remembers it, durably within a minute."""
        self._accounts[name] = state
        self._cell.keep(**self._state())


@dataclass(frozen=True, slots=True)
class Account:
    """One register's own count of a quantity: the count of the meter, moved by an offset, or stopped."""

    measurement: Measurement
    name: str
    quantity: int
    initial: float

    @property
    def reading(self) -> float:
        """In Wh, varh or VAh."""
        offset, stopped = self._state
        return self.initial + (self._total + (offset or 0.0) if stopped is None else stopped)

    def reset(self) -> None:
        """From 0 again."""
        _, stopped = self._state
        if stopped is None:
            self.measurement.remember(self.name, [-self._total - self.initial, None])
        else:
            self.measurement.remember(self.name, [0.0, -self.initial])

    @property
    def is_running(self) -> bool:
        """Whether it counts."""
        return self._state[1] is None

    def run(self) -> None:
        """Goes on counting."""
        stopped = self._state[1]
        if stopped is not None:
            self.measurement.remember(self.name, [stopped - self._total, None])

    def stop(self) -> None:
        """Keeps its value until it runs again."""
        if self.is_running:
            self.measurement.remember(self.name, [0.0, self.reading - self.initial])

    @property
    def _total(self) -> float:
        return self.measurement.energy(self.quantity) or 0.0

    @property
    def _state(self) -> list[float | None]:
        return self.measurement.state_of(self.name)


_POWER_FACTOR: Final = 13
_CURRENT: Final = 11
_VOLTAGE: Final = 12
_FREQUENCY: Final = 14


def _phase_of(quantity: int) -> tuple[int, int | None]:
    """The quantity of all phases that a value group C is about, and the phase if it is of one."""
    if 21 <= quantity <= 80:
        return (quantity - 1) % 20 + 1, (quantity - 21) // 20
    return quantity, None
