"""Memory that never fails and never loses anything: for meters whose power nobody cuts, and for many of them.

It costs little for each operation and little for each meter. Where a test is about power, storage or their
faults, :class:`~dlms_fw.meter.power_cut.SimulatedMedium` is the memory to take.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from dlms_fw.meter.storage import Loans

_SHARED_FROM: Final = 4096
_SHARED_TO: Final = 1 << 20
"""Octets of a region that is looked at whether another meter has the same."""


class MemoryMedium:
    """A :class:`~dlms_fw.meter.storage.Medium` whose writes are durable at once.

    Args:
        content: What is in it, by region.
        capacity: Octets of all regions together; ``None`` has no end.
    """

    __slots__ = ("_capacity", "_loans", "_regions")
    is_durable: Final = True
    _latest: ClassVar[bytes] = b""

    def __init__(self, content: Mapping[str, bytes] | None = None, *, capacity: int | None = None) -> None:
        # Regions that are written once and as a whole stay the octets they were written with, uncopied.
        self._regions: dict[str, bytes | bytearray] = dict(content or {})
        self._capacity = capacity
        self._loans = Loans()

    def content(self) -> dict[str, bytes]:
        """All that is in it, by region."""
        return {region: bytes(octets) for region, octets in self._regions.items()}

    def read(self, region: str, offset: int, size: int) -> bytes:
        """What is there, shorter at the end of the region."""
        octets = self._regions.get(region, b"")
        if offset == 0 and len(octets) <= size and type(octets) is bytearray:
            # Who reads all of it has written all of it: as octets it can be handed on, and shared.
            self._loans.end(region)
            octets = self._regions[region] = _shared(bytes(octets))
        return bytes(octets[offset : offset + size])

    def write(self, region: str, offset: int, data: bytes) -> None:
        """Writes; what lies between the end of the region and the offset becomes zeros."""
        self._loans.end(region)
        octets = self._regions.get(region)
        if not octets and offset == 0:
            self._regions[region] = _shared(bytes(data))
            return
        if type(octets) is not bytearray:
            octets = self._regions[region] = bytearray(octets or b"")
        end = len(octets)
        if end == offset:
            octets += data
            return
        if end < offset:
            octets.extend(bytes(offset - end))
        octets[offset : offset + len(data)] = data

    def erase(self, region: str) -> None:
        """Makes the region empty."""
        self._loans.end(region)
        self._regions[region] = b""

    def reserve(self, region: str, size: int) -> None:
        """Raises OSError where the capacity does not suffice."""
        if self._capacity is not None:
            others = sum(len(octets) for name, octets in self._regions.items() if name != region)
            if others + size > self._capacity:
                raise OSError(errno.ENOSPC, "no room left")

    def lend(self, region: str, size: int, reclaim: Callable[[], None]) -> bytearray | None:
        """The octets of a region, filled up with zeros; not where there is an end to the capacity."""
        if self._capacity is not None:
            return None
        self._loans.end(region)
        octets = self._regions.get(region)
        if type(octets) is not bytearray:
            octets = self._regions[region] = bytearray(octets or b"")
        if len(octets) < size:
            octets.extend(bytes(size - len(octets)))
        self._loans.lend(region, reclaim)
        return octets

    def sync(self, region: str) -> None:
        """Nothing is left to be done."""

    def close(self) -> None:
        """Nothing to give back."""


def _shared(octets: bytes) -> bytes:
    """The same octets, as the one object that another meter may have; meters of a fleet get one image."""
    if _SHARED_FROM <= len(octets) <= _SHARED_TO:
        if octets == MemoryMedium._latest:
            return MemoryMedium._latest
        MemoryMedium._latest = octets
    return octets
