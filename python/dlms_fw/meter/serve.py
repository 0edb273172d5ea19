"""A simulated meter on TCP: sockets, timers and signals around a ``SimulatedMeter``.

``tcp://`` speaks the wrapper, ``hdlc+tcp://`` HDLC. Nothing is printed here. The meter's state is safe
against ``kill -9`` at any instant, because the meter records before it acts; a clean stop only saves it a few
invocation counters.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Final, Self, TypeVar

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import TransportError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import Framing, MeterConnection, SimulatedMeter
from dlms_fw.meter.power_cut import PowerCut
from dlms_fw.meter.storage import Medium

MAX_CONNECTIONS: Final = 100
INACTIVITY_SECONDS: Final = 300.0
CHALLENGE_OCTETS: Final = 32
_READ_SIZE: Final = 65_536
_START_SECONDS: Final = 30.0

_T = TypeVar("_T")


class SystemTime:
    """The time source of the operating system."""

    def monotonic(self) -> float:
        """Never jumps."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class MeterServer:
    """One meter listening at one endpoint, on the running event loop.

    Attributes:
        meter: The meter while it has power, else ``None``.
    """

    def __init__(
        self,
        config: MeterConfig,
        open_memory: Callable[[], Medium],
        endpoint: Endpoint,
        *,
        on_power_up: Callable[[SimulatedMeter], object] | None = None,
        max_connections: int = MAX_CONNECTIONS,
        inactivity_seconds: float = INACTIVITY_SECONDS,
    ) -> None:
        """``open_memory`` is called at each power-up, e.g. ``lambda: Directory(path)``.

        ``on_power_up`` gets the meter after that, before anybody can connect.
        """
        self._config = config
        self._open_memory = open_memory
        self._endpoint = endpoint
        self._framing: Framing = "wrapper" if endpoint.scheme == "tcp" else "hdlc"
        self._on_power_up = on_power_up
        self._max_connections = max_connections
        self._inactivity_seconds = inactivity_seconds
        self._memory: Medium | None = None
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.meter: SimulatedMeter | None = None

    @property
    def url(self) -> str:
        """Where it listens; with the port that was picked, once it does."""
        return str(self._endpoint)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._tasks)

    async def start(self) -> None:
        """Powers up and listens.

        Raises:
            Busy: The memory belongs to another process.
            ConfigurationError: The memory belongs to another meter.
            TransportError: The address cannot be listened on.
        """
        self.power_up()
        try:
            self._server = await asyncio.start_server(self._accept, self._endpoint.host, self._endpoint.port)
        except OSError as error:
            self._release_memory()
            raise TransportError(f"cannot listen on {self.url}: {error.strerror or error}") from None
        port = self._server.sockets[0].getsockname()[1]
        self._endpoint = replace(self._endpoint, port=port)

    async def stop(self) -> None:
        """Ends connections, stops the meter cleanly and gives its memory back."""
        if self._server is not None:
            self._server.close()
        if self.meter is not None:
            with contextlib.suppress(OSError):
                self.meter.stop()
        self._lose_power()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def power_up(self) -> None:
        """Gives the meter power; what its memory holds decides where it goes on."""
        self._memory = self._open_memory()
        try:
            self.meter = SimulatedMeter(
                self._memory, self._config, SystemTime(), challenge=lambda: os.urandom(CHALLENGE_OCTETS)
            )
            if self._on_power_up is not None:
                self._on_power_up(self.meter)
        except BaseException:
            self.meter = None
            self._release_memory()
            raise
        self._set_timer()

    def cut_power(self) -> None:
        """Takes the power away at once, as kill -9 would; :meth:`power_up` gives it back."""
        meter = self.meter
        self._lose_power()
        if meter is not None:
            meter.drop_connections()

    def _lose_power(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.meter = None
        self._release_memory()

    def _release_memory(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the peer is gone, silent for too long, or the server stops
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meter = self.meter
        if meter is None or len(self._tasks) > self._max_connections:
            return
        try:
            connection = meter.connect(self._framing, writer.transport.abort)
        except TransportError:
            return
        try:
            while connection.is_open:
                async with asyncio.timeout(self._inactivity_seconds):
                    data = await reader.read(_READ_SIZE)
                if not data or not connection.is_open:
                    return
                writer.write(self._receive(connection, data))
                async with asyncio.timeout(self._inactivity_seconds):
                    await writer.drain()
        finally:
            if self.meter is meter:
                connection.close()

    def _receive(self, connection: MeterConnection, data: bytes) -> bytes:
        try:
            answer = connection.receive(data)
        except PowerCut:
            self.cut_power()
            return b""
        self._set_timer()
        return answer

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = None if self.meter is None else self.meter.deadline
        if deadline is not None:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._advance)

    def _advance(self) -> None:
        if self.meter is None:
            return
        try:
            self.meter.advance()
        except PowerCut:
            self.cut_power()
            return
        self._set_timer()


async def serve(
    config: MeterConfig,
    open_memory: Callable[[], Medium],
    endpoint: Endpoint,
    *,
    on_listening: Callable[[str], None],
    on_power_up: Callable[[SimulatedMeter], object] | None = None,
    max_connections: int = MAX_CONNECTIONS,
    inactivity_seconds: float = INACTIVITY_SECONDS,
) -> None:
    """Runs a meter until SIGTERM or SIGINT; ``on_listening`` is told the URL once a client may connect."""
    server = MeterServer(
        config,
        open_memory,
        endpoint,
        on_power_up=on_power_up,
        max_connections=max_connections,
        inactivity_seconds=inactivity_seconds,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await server.start()
    try:
        on_listening(server.url)
        await ended.wait()
    finally:
        await server.stop()


class BackgroundMeter:
    """A meter on TCP in a thread of its own.

    ``with BackgroundMeter(config, open_memory, endpoint) as meter:`` a client may connect to ``meter.url``.
    """

    def __init__(
        self,
        config: MeterConfig,
        open_memory: Callable[[], Medium],
        endpoint: Endpoint,
        *,
        max_connections: int = MAX_CONNECTIONS,
        inactivity_seconds: float = INACTIVITY_SECONDS,
    ) -> None:
        self.server = MeterServer(
            config,
            open_memory,
            endpoint,
            max_connections=max_connections,
            inactivity_seconds=inactivity_seconds,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated meter", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.server.url

    def call(self, function: Callable[[MeterServer], _T]) -> _T:
        """Runs a function on the meter's own thread and gives what it returns."""

        async def called() -> _T:
            return function(self.server)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(_START_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(_START_SECONDS)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(_START_SECONDS)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
