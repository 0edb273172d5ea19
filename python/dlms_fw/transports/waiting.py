"""Waiting until a deadline, for media that the operating system can be asked about.

Blocking it is one ``poll``; under asyncio one timer serves all deadlines of a medium. The clock is
``time.monotonic``, in asyncio the loop's.
"""

from __future__ import annotations

import asyncio
import select
import time
from typing import Final

from dlms_fw.errors import TransportError
from dlms_fw.transports.base import no_answer

CHUNK = 65_536
"""Octets asked for at a time; no datagram is longer."""
BUFFER_LIMIT = 1 << 20
"""Octets that a peer may pour in unread before reading from it is paused."""
LONGEST_WAIT_S = 3600.0
"""A deadline may be farther away than the kernel can count; then it is looked at again."""

WAITING_SLOTS: Final = ("_deadline", "_error", "_loop", "_timer", "_waiter", "_writable")
"""The attributes of a :class:`Waiter`, for a class that derives from it and has no dictionary."""
_NO_SLOTS: Final[tuple[str, ...]] = ()
"""A class with slots of its own would not go together with one of the core as another base."""


def remaining(deadline: float, doing: str) -> float:
    """Seconds until ``deadline``. Raises ResponseTimeout where there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise no_answer(doing)
    return seconds


def wait(poller: select.poll, deadline: float, doing: str) -> None:
    """Until the medium is ready, or has failed, which the next call on it tells. Raises ResponseTimeout."""
    while not poller.poll(min(remaining(deadline, doing), LONGEST_WAIT_S) * 1000.0):
        pass


class Waiter:
    """What an asyncio medium waits with; its protocol calls :meth:`_wake` whenever something has changed.

    One timer serves all deadlines: it is moved only when it fires too early, so an exchange costs no timer.
    """

    __slots__ = _NO_SLOTS

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._writable = True
        self._error: TransportError | None = None

    def pause_writing(self) -> None:
        """The loop's buffer is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """The loop's buffer has room again."""
        self._writable = True
        self._wake()

    def _fail(self, error: TransportError) -> None:
        """The medium is gone; the next call tells why."""
        self._error = error
        self._writable = True
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wait(self, deadline: float, doing: str) -> asyncio.Future[None]:
        """To be awaited until something has changed: no coroutine, as each that waits takes a frame of it."""
        if deadline <= self._loop.time():
            raise no_answer(doing)
        self._move(deadline)
        self._waiter = self._loop.create_future()
        return self._waiter

    def _move(self, deadline: float) -> None:
        """What is waited for must come until then."""
        self._deadline = deadline
        if self._timer is None or self._timer.when() > deadline:
            self._stop_timer()
            self._timer = self._loop.call_at(deadline, self._ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        else:
            self._wake()
