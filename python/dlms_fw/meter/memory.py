"""Memory that never fails and never loses anything: for meters whose power nobody cuts, and for many of them.

It costs little for each operation and little for each meter. Where a test is about power, storage or their
faults, :class:`~dlms_fw.meter.power_cut.SimulatedMedium` is the memory to take.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping


class MemoryMedium:
    """A :class:`~dlms_fw.meter.storage.Medium` whose writes are durable at once.

    Args:
        content: What is in it, by region.
        capacity: Octets of all regions together; ``None`` has no end.
    """

    __slots__ = ("_capacity", "_regions")

    def __init__(self, content: Mapping[str, bytes] | None = None, *, capacity: int | None = None) -> None:
        # Regions that are written once and as a whole stay the octets they were written with, uncopied.
        self._regions: dict[str, bytes | bytearray] = dict(content or {})
        self._capacity = capacity

    def content(self) -> dict[str, bytes]:
        """All that is in it, by region."""
        return {region: bytes(octets) for region, octets in self._regions.items()}

    def read(self, region: str, offset: int, size: int) -> bytes:
        """What is there, shorter at the end of the region."""
        return bytes(self._regions.get(region, b"")[offset : offset + size])

    def write(self, region: str, offset: int, data: bytes) -> None:
        """Writes; what lies between the end of the region and the offset becomes zeros."""
        octets = self._regions.get(region)
        if not octets and offset == 0:
            self._regions[region] = bytes(data)
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
        self._regions[region] = b""

    def reserve(self, region: str, size: int) -> None:
        """Raises OSError where the capacity does not suffice."""
        if self._capacity is not None:
            others = sum(len(octets) for name, octets in self._regions.items() if name != region)
            if others + size > self._capacity:
                raise OSError(errno.ENOSPC, "no room left")

    def sync(self, region: str) -> None:
        """Nothing is left to be done."""

    def close(self) -> None:
        """Nothing to give back."""
