"""An event loop whose time jumps to the next timer when nothing else is to be done.

It leans on two queues of the standard library's own event loop, which every release has had so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Nothing outside is waited for; hours pass in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def _run_once(self) -> None:
        if not vars(self)["_ready"]:
            self._now = max(self._now, self._next_timer().when())
        super()._run_once()  # type: ignore[misc]

    def _next_timer(self) -> asyncio.TimerHandle:
        timers: list[asyncio.TimerHandle] = vars(self)["_scheduled"]
        if timers and not timers[0].cancelled():
            return timers[0]  # it is a heap
        waiting = [timer for timer in timers if not timer.cancelled()]
        if not waiting:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        return min(waiting)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
