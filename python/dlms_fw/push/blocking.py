"""The listener for programs without an event loop: it runs on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from dlms_fw.endpoint import Endpoint
from dlms_fw.journal import Journal
from dlms_fw.push.arrival import Arrival, ListenerLimits, ListenerStatistics, Meters
from dlms_fw.push.listener import PushListener

_START_S = 30.0


class BlockingPushListener:
    """A :class:`~dlms_fw.push.listener.PushListener` that is iterated over with ``for``.

    ``with BlockingPushListener("tcp://:4059") as listener:`` and then ``for arrival in listener:``. The
    arguments are those of ``PushListener``; a function for ``meters`` is called on the listener's thread.
    """

    def __init__(
        self,
        *addresses: str | Endpoint,
        meters: Meters | None = None,
        journal: Journal | None = None,
        accept_unprotected: bool | None = None,
        limits: ListenerLimits | None = None,
    ) -> None:
        self._listener = PushListener(
            *addresses,
            meters=meters,
            journal=journal,
            accept_unprotected=accept_unprotected,
            limits=limits,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="push listener", daemon=True)
        self._lock = threading.Lock()
        self._running = False

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return self._listener.urls

    @property
    def statistics(self) -> ListenerStatistics:
        """What it has done so far."""
        return self._listener.statistics

    def start(self) -> None:
        """Listen. Raises TransportError where an address cannot be listened on."""
        self._thread.start()
        self._running = True
        try:
            asyncio.run_coroutine_threadsafe(self._listener.start(), self._loop).result(_START_S)
        except BaseException:
            self._end()
            raise

    def receive(self, timeout_s: float | None = None) -> Arrival | None:
        """The next notification; ``None`` when none has come in time, or the listener is closed."""
        with self._lock:
            if not self._running:
                return self._listener.receive_nowait()
            future = asyncio.run_coroutine_threadsafe(self._receive(timeout_s), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # or it would take the next notification from whoever asks next
            raise

    async def _receive(self, timeout_s: float | None) -> Arrival | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._listener.receive()
        except TimeoutError:
            return None

    def close(self) -> None:
        """Stop listening; whoever waits is told at once. May be called from any thread, and twice."""
        with self._lock:
            if not self._running:
                return
            self._running = False
        asyncio.run_coroutine_threadsafe(self._listener.close(), self._loop).result(_START_S)
        self._end()

    def __iter__(self) -> Iterator[Arrival]:
        while (arrival := self.receive()) is not None:
            yield arrival

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _end(self) -> None:
        self._running = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
