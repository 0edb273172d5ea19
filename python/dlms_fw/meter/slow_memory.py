"""Memory that needs time for image blocks, as flash does, for a meter in virtual or in real time.

It passes everything on and only counts: whoever has the medium asks how long the meter was busy.
"""

from __future__ import annotations

from dlms_fw.meter.storage import ImageBlockStore, Medium


class SlowMemory:
    """A :class:`~dlms_fw.meter.storage.Medium` around another one.

    Args:
        memory: Where everything is kept.
        seconds_per_block: How long the meter needs for an image block.
    """

    def __init__(self, memory: Medium, seconds_per_block: float) -> None:
        self._memory = memory
        self._seconds_per_block = seconds_per_block
        self._worked = 0.0
        self.read = memory.read
        self.erase = memory.erase
        self.reserve = memory.reserve
        self.sync = memory.sync
        self.close = memory.close

    def write(self, region: str, offset: int, data: bytes) -> None:
        """Write, and count where it is an image block."""
        self._memory.write(region, offset, data)
        if region == ImageBlockStore.BLOCKS:
            self._worked += self._seconds_per_block

    def work(self) -> float:
        """Seconds of work since the last time that this was asked."""
        worked, self._worked = self._worked, 0.0
        return worked
