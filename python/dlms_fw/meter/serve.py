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
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.group import GroupedMeter
from dlms_fw.meter.meter import Framing, MeterConnection, SimulatedMeter
from dlms_fw.meter.power_cut import PowerCut
from dlms_fw.meter.storage import Medium

MAX_CONNECTIONS: Final = 100
INACTIVITY_SECONDS: Final = 300.0
CHALLENGE_OCTETS: Final = 32
_START_SECONDS: Final = 30.0

_T = TypeVar("_T")


class SystemTime:
    """The time source of the operating system."""

    monotonic = staticmethod(time.monotonic)
    """Never jumps."""
    wall = staticmethod(time.time)
    """Seconds since 1970, UTC."""


class MeterServer:
    """One meter listening at one endpoint, on the running event loop.

    Attributes:
        meter: The meter while it has power, else ``None``.
        inactivity_seconds: After this long without a sign a connection is closed.
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
        if endpoint.scheme == "udp":
            raise ConfigurationError("a meter is not served on udp://")
        self._config = config
        self._open_memory = open_memory
        self._endpoint = endpoint
        self._framing: Framing = "wrapper" if endpoint.scheme == "tcp" else "hdlc"
        self._on_power_up = on_power_up
        self._max_connections = max_connections
        self.inactivity_seconds = inactivity_seconds
        self._memory: Medium | None = None
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lines: set[_Line] = set()
        self.meter: SimulatedMeter | None = None

    @property
    def url(self) -> str:
        """Where it listens; with the port that was picked, once it does."""
        return str(self._endpoint)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._lines)

    async def start(self) -> None:
        """Powers up and listens.

        Raises:
            Busy: The memory belongs to another process.
            ConfigurationError: The memory belongs to another meter.
            TransportError: The address cannot be listened on.
        """
        self.power_up()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Line(self), self._endpoint.host, self._endpoint.port
            )
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
        for line in self._lines:
            line.abort()
        while self._lines:  # the loop tells each of them in its next round
            await asyncio.sleep(0)

    def power_up(self) -> None:
        """Gives the meter power; what its memory holds decides where it goes on."""
        self._memory = self._open_memory()
        try:
            make = GroupedMeter if self._config.neighbours else SimulatedMeter
            self.meter = make(
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

    def _admit(self, line: _Line) -> tuple[SimulatedMeter, MeterConnection] | None:
        """The meter's side of a new connection, or ``None`` where it is to be closed at once."""
        meter = self.meter
        if meter is None or len(self._lines) >= self._max_connections:
            return None
        try:
            connection = meter.connect(self._framing, line.abort)
        except TransportError:
            return None
        self._lines.add(line)
        return meter, connection

    def _receive(self, connection: MeterConnection, data: bytes) -> bytes:
        try:
            answer = connection.receive(data)
        except PowerCut:
            self.cut_power()
            return b""
        self._set_timer()
        return answer

    def _forget(self, line: _Line, meter: SimulatedMeter, connection: MeterConnection) -> None:
        self._lines.discard(line)
        if self.meter is meter:
            connection.close()

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


class _Line(asyncio.Protocol):
    """One client's connection, as the loop sees it.

    The answer is written where the request is read, so an exchange costs one round of the loop and no task.
    One timer serves the limit of inactivity: it looks when it fires how long ago something moved.
    """

    def __init__(self, server: MeterServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._admitted: tuple[SimulatedMeter, MeterConnection] | None = None
        self._active_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Close at once; what was not sent is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_server makes)
        self._transport = transport
        self._admitted = self._server._admit(self)
        if self._admitted is None:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Octets have come: the meter answers at once."""
        transport, admitted = self._transport, self._admitted
        if transport is None or admitted is None:
            return
        connection = admitted[1]
        self._active_at = self._loop.time()
        answer = self._server._receive(connection, data)
        if not connection.is_open:
            transport.abort()
        elif answer:
            transport.write(answer)

    def eof_received(self) -> None:
        """The client says no more; nobody waits for an answer."""
        self.abort()

    def pause_writing(self) -> None:
        """The client does not read its answers: it is not asked for more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        self._active_at = self._loop.time()
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (gone is gone)
        """The connection is over, whoever ended it."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._admitted is not None:
            self._server._forget(self, *self._admitted)

    def _watch(self) -> None:
        silent_at = self._active_at + self._server.inactivity_seconds
        if self._loop.time() < silent_at:
            self._timer = self._loop.call_at(silent_at, self._watch)
        else:
            self.abort()


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
