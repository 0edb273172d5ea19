"""Lines that several members share: one talker at a time, for one association or one burst."""

from __future__ import annotations

import asyncio

from dlms_fw.endpoint import Endpoint


class Line:
    """One line, such as a bus behind one gateway.

    Attributes:
        waiting: Talkers that wait for it.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Wait until nobody else talks on it."""
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1

    def give(self) -> None:
        """Let the next one talk."""
        self._lock.release()


class Turn:
    """One talker's hold on a line; taking what is held and giving what is not are no mistakes.

    Args:
        line: The line.
        at_once: How many talkers there may be on all lines together.
    """

    def __init__(self, line: Line, at_once: asyncio.Semaphore | None = None) -> None:
        self.line = line
        self._at_once = at_once
        self._is_held = False

    async def take(self) -> None:
        """Wait for the line."""
        if self._is_held:
            return
        await self.line.take()
        try:
            if self._at_once is not None:
                await self._at_once.acquire()
        except BaseException:
            self.line.give()
            raise
        self._is_held = True

    def give(self) -> None:
        """Leave the line to others."""
        if self._is_held:
            self._is_held = False
            self.line.give()
            if self._at_once is not None:
                self._at_once.release()


class Lines:
    """All lines of an upgrade, by name."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def of(self, endpoint: Endpoint, name: str | None) -> Line:
        """The line with that name; where it has none, addresses of the same place share one."""
        return self._lines.setdefault(name or str(endpoint), Line())
