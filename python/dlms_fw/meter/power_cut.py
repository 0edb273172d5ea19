"""Memory whose power can be cut at any operation: what tests and demonstrations put under a simulated meter.

It may not know what lies above it: it only sees regions, writes and barriers, and is as unkind as a real
memory may be.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NoReturn, TypeAlias, get_args

When: TypeAlias = Literal["before", "inside", "after"]
Unsynced: TypeAlias = Literal["lost", "kept", "mixed"]
Tear: TypeAlias = Literal["prefix", "suffix", "garbage", "erased"]
TEARS: Final[tuple[Tear, ...]] = get_args(Tear)
_Change: TypeAlias = tuple[int, bytes] | None  # offset and octets, or None for an erasure


class PowerCut(BaseException):
    """The power has gone. Not an ``Exception``: no code of the meter may survive it by catching errors."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the power goes, and what becomes of writes that no barrier has covered.

    Attributes:
        operation: The operation (write, erase, reserve, sync) counted from 0.
        when: Before it, inside it (a torn write, a half-done barrier) or after it.
        unsynced: Writes without a barrier are all lost, all kept, or each kept, lost or torn by chance.
        tear: What is left of a torn write: its beginning, its end, or its beginning with nonsense or erased
            memory behind it; drawn each time where it is ``None``.
        seed: Of all that chance.
    """

    operation: int
    when: When = "before"
    unsynced: Unsynced = "mixed"
    tear: Tear | None = None
    seed: int = 0


class SimulatedMedium:
    """A medium in memory; :meth:`survivor` is what the next power-up finds after the cut.

    Attributes:
        operations: How many were finished so far.
        failing: Regions that answer with errors.
        capacity: Limits the sum of all regions in octets.
        on_operation: Is told each operation and its region before it begins.
    """

    def __init__(
        self,
        content: Mapping[str, bytes | bytearray] | None = None,
        *,
        cut: Cut | None = None,
        capacity: int | None = None,
    ) -> None:
        self._durable = {region: bytearray(octets) for region, octets in (content or {}).items()}
        self._unsynced: list[tuple[str, _Change]] = []
        self._seen = {region: bytearray(octets) for region, octets in self._durable.items()}
        self._cut = cut
        self._random = random.Random(cut.seed if cut else 0)  # noqa: S311 - repeatable faults, not secrets
        self._has_power = True
        self.operations = 0
        self.failing: set[str] = set()
        self.capacity = capacity
        self.on_operation: Callable[[str, str], object] | None = None

    @property
    def has_power(self) -> bool:
        """Whether the power has not gone."""
        return self._has_power

    @property
    def regions(self) -> list[str]:
        """The names of all regions."""
        return sorted(self._seen)

    @property
    def size(self) -> int:
        """Octets in all regions, as they are seen now."""
        return sum(map(len, self._seen.values()))

    def arm(self, cut: Cut | None) -> None:
        """Have the power go at an operation counted from now, or not at all."""
        self._cut = None if cut is None else replace(cut, operation=self.operations + cut.operation)
        self._random = random.Random(cut.seed if cut else 0)  # noqa: S311 - repeatable faults, not secrets

    def read(self, region: str, offset: int, size: int) -> bytes:
        """What is seen now, durable or not."""
        self._need_power()
        return bytes(self._seen.get(region, b"")[offset : offset + size])

    def write(self, region: str, offset: int, data: bytes) -> None:
        """Seen at once, durable after ``sync``."""
        self._operate(region, (offset, bytes(data)))

    def erase(self, region: str) -> None:
        """Seen at once, durable after ``sync``."""
        self._operate(region, None)

    def reserve(self, region: str, size: int) -> None:
        """Raises OSError where the capacity does not suffice."""
        if self._begin("reserve", region):
            self._die()
        if self.capacity is not None:
            others = sum(len(octets) for name, octets in self._seen.items() if name != region)
            if others + size > self.capacity:
                raise OSError(errno.ENOSPC, "no room left")
        self._end()

    def sync(self, region: str) -> None:
        """Makes the changes of the region durable; a cut inside makes any part of them durable."""
        self._fail(region)
        if self._begin("sync", region):
            self._settle(region, "mixed")
            self._die()
        self._settle(region, "kept")
        self._end()

    def close(self) -> None:
        """Nothing to give back."""

    def rot(self, region: str, offset: int) -> None:
        """Turns one bit of a durable octet."""
        self._durable[region][offset] ^= 0x01
        self._seen[region][offset] ^= 0x01

    def cut_now(self, unsynced: Unsynced = "mixed") -> None:
        """The power goes between two operations; every later call raises PowerCut."""
        for region in sorted({region for region, _ in self._unsynced}):
            self._settle(region, unsynced)
        self._has_power = False

    def survivor(self, cut: Cut | None = None) -> SimulatedMedium:
        """The memory as the next power-up finds it; while there still is power, as it is seen now."""
        content = self._seen if self._has_power else self._durable
        return SimulatedMedium(content, cut=cut, capacity=self.capacity)

    def fork(self, cut: Cut) -> SimulatedMedium:
        """The same memory once more, with what is not synced yet; its operations count from 0."""
        twin = SimulatedMedium(self._durable, cut=cut, capacity=self.capacity)
        twin._unsynced = list(self._unsynced)
        twin._seen = {region: bytearray(octets) for region, octets in self._seen.items()}
        return twin

    def _operate(self, region: str, change: _Change) -> None:
        self._fail(region)
        if self._begin("erase" if change is None else "write", region):
            for earlier in sorted({name for name, _ in self._unsynced}):
                self._settle(earlier, self._cut.unsynced if self._cut else "mixed")
            self._tear(region, change)
            self._die()
        self._unsynced.append((region, change))
        _apply(self._seen, region, change)
        self._end()

    def _begin(self, operation: str, region: str) -> bool:
        """Whether the power goes inside the operation that begins now; cuts it where it goes before."""
        self._need_power()
        if self.on_operation is not None:
            self.on_operation(operation, region)
        cut = self._cut
        if cut is None or cut.operation != self.operations:
            return False
        if cut.when == "before":
            self._die()
        return cut.when == "inside"

    def _end(self) -> None:
        cut = self._cut
        if cut is not None and cut.operation == self.operations and cut.when == "after":
            self._die()
        self.operations += 1

    def _die(self) -> NoReturn:
        self.cut_now(self._cut.unsynced if self._cut else "mixed")
        raise PowerCut

    def _fail(self, region: str) -> None:
        if region in self.failing:
            raise OSError(errno.EIO, f"the region {region!r} fails")

    def _need_power(self) -> None:
        if not self._has_power:
            raise PowerCut

    def _settle(self, region: str, unsynced: Unsynced) -> None:
        """Turns unsynced changes of a region into durable ones, as the manner of the loss says."""
        left: list[tuple[str, _Change]] = []
        for name, change in self._unsynced:
            if name != region:
                left.append((name, change))
            elif unsynced == "kept":
                _apply(self._durable, region, change)
            elif unsynced == "mixed":
                fate = self._random.choice(("kept", "lost", "torn"))
                if fate == "kept":
                    _apply(self._durable, region, change)
                elif fate == "torn":
                    self._tear(region, change)
        self._unsynced = left

    def _tear(self, region: str, change: _Change) -> None:
        """Only a part of a write or of an erasure arrives."""
        chance = self._random
        tear = self._cut.tear if self._cut and self._cut.tear else chance.choice(TEARS)
        octets = self._durable.setdefault(region, bytearray())
        if change is None:
            middle = chance.randint(0, len(octets))
            _tear_erasure(octets, middle, tear, chance)
            return
        offset, data = change
        middle = chance.randint(0, len(data))
        if tear == "suffix":
            torn = (offset + middle, data[middle:])
        else:
            torn = (offset, data[:middle] + _rest(len(data) - middle, tear, chance))
        _apply(self._durable, region, torn)


def _tear_erasure(octets: bytearray, middle: int, tear: Tear, chance: random.Random) -> None:
    if tear == "suffix":
        octets[:middle] = b"\xff" * middle
    else:
        octets[middle:] = _rest(len(octets) - middle, tear, chance)


def _rest(size: int, tear: Tear, chance: random.Random) -> bytes:
    """What stands where the rest of a torn write was to be; with ``prefix`` what stood there before."""
    if tear == "garbage":
        return chance.randbytes(size)
    return b"\xff" * size if tear == "erased" else b""


def _apply(content: dict[str, bytearray], region: str, change: _Change) -> None:
    octets = content.setdefault(region, bytearray())
    if change is None:
        octets.clear()
        return
    offset, data = change
    if len(octets) < offset:
        octets.extend(bytes(offset - len(octets)))
    octets[offset : offset + len(data)] = data
