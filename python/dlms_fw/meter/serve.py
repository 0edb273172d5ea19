"""A simulated meter on a medium: timers, signals and power around a ``SimulatedMeter``.

``tcp://`` and ``udp://`` speak the wrapper, ``hdlc+tcp://`` and serial lines HDLC; each medium is a file of
``listeners``.
Nothing is printed here. The meter's state is safe against ``kill -9`` at any instant, because the meter
records before it acts; a clean stop only saves it a few invocation counters.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.deliveries import Deliveries
from dlms_fw.meter.group import GroupedMeter
from dlms_fw.meter.listeners.base import Host, Line, Listener
from dlms_fw.meter.listeners.serial import SerialListener
from dlms_fw.meter.listeners.shaped import ShapedTcpLine
from dlms_fw.meter.listeners.tcp import TcpLine, TcpListener
from dlms_fw.meter.listeners.udp import UdpListener
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import PowerCut
from dlms_fw.meter.storage import Medium
from dlms_fw.transports.faults import ShapedLink

MAX_CONNECTIONS: Final = 100
INACTIVITY_SECONDS: Final = 300.0
CHALLENGE_OCTETS: Final = 32
_START_SECONDS: Final = 30.0
_SERVED: Final = frozenset({"tcp", "udp", "hdlc+tcp", "serial", "pty"})

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
        groups: Sequence[str] = (),
        links: Callable[[], ShapedLink] | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        """``open_memory`` is called at each power-up, e.g. ``lambda: Directory(path)``.

        ``on_power_up`` gets the meter after that, before anybody can connect. ``groups`` are multicast
        addresses that a meter on UDP listens to as well, besides those of its configuration, without ever
        answering there. ``links`` makes the link that each connection over TCP passes through.
        ``deliveries`` sends what push setups push; without, nobody does.
        """
        if endpoint.scheme not in _SERVED:
            raise ConfigurationError(f"a meter cannot be served on {endpoint.scheme}:")
        if endpoint.is_network and not endpoint.host:
            raise ConfigurationError("a meter is served at an address of this machine", hint="name a host")
        if links is not None and endpoint.scheme not in {"tcp", "hdlc+tcp"}:
            raise ConfigurationError(
                f"a link is put between connections over TCP, not {endpoint.scheme}:",
                hint="listen on tcp:// or hdlc+tcp://",
            )
        self._config = config
        self._open_memory = open_memory
        self._endpoint = endpoint
        self._groups = (*config.multicast_groups, *groups)
        self._links = links
        self._deliveries = deliveries
        self._on_power_up = on_power_up
        self._max_connections = max_connections
        self.inactivity_seconds = inactivity_seconds
        self._memory: Medium | None = None
        self._listener: Listener | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lines: set[Line] = set()
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
            self._listener = await self._listen()
        except BaseException:
            self._lose_power()
            raise
        self._endpoint = self._listener.endpoint

    async def stop(self) -> None:
        """Ends connections, stops the meter cleanly and gives its memory back."""
        if self._listener is not None:
            await self._listener.close()
        if self.meter is not None:
            with contextlib.suppress(OSError):
                self.meter.stop()
        self._lose_power()
        for line in list(self._lines):
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
        if self._deliveries is not None:
            self._deliveries.end()
        self.meter = None
        self._release_memory()

    def _release_memory(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    # What lines ask for

    def admit(self, line: Line, framing: Framing) -> tuple[SimulatedMeter, MeterConnection] | None:
        """The meter's side of a new line, or ``None`` where it is to be closed at once."""
        meter = self.meter
        if meter is None or len(self._lines) >= self._max_connections:
            return None
        try:
            connection = meter.connect(framing, line.abort)
        except TransportError:
            return None
        self._lines.add(line)
        return meter, connection

    def receive(self, connection: MeterConnection, data: bytes) -> bytes:
        """What the meter answers; nothing where its power fails meanwhile."""
        sink = connection.sink
        try:
            answer = connection.receive(data)
        except PowerCut:
            self.cut_power()
            return b""
        if (
            sink is None or connection.sink is not sink
        ):  # blocks alone change nothing that the meter waits for
            self._set_timer()
        return answer

    def forget(self, line: Line, meter: SimulatedMeter, connection: MeterConnection) -> None:
        """A line is over."""
        self._lines.discard(line)
        if self.meter is meter:
            connection.close()

    # Below

    async def _listen(self) -> Listener:
        if self._endpoint.scheme == "udp":
            return await UdpListener.open(self, self._endpoint, self._groups)
        if self._endpoint.scheme in {"serial", "pty"}:
            return await SerialListener.open(self, self._endpoint)
        return await TcpListener.open(
            self, self._endpoint, None if self._links is None else self._shaped_line
        )

    def _shaped_line(self, host: Host, framing: Framing) -> TcpLine:
        assert self._links is not None  # noqa: S101 (the caller looked)
        return ShapedTcpLine(host, framing, self._links())

    def _set_timer(self) -> None:
        if self._deliveries is not None and self.meter is not None:
            self._deliveries.take(self.meter, self._delivered)
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

    def _delivered(self, tell: Callable[[], None]) -> None:
        """A notification has gone out, or has not."""
        try:
            tell()
        except PowerCut:
            self.cut_power()
        except OSError:
            pass  # the memory fails: that it went out is not remembered
        else:
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
    groups: Sequence[str] = (),
    links: Callable[[], ShapedLink] | None = None,
    deliveries: Deliveries | None = None,
) -> None:
    """Runs a meter until SIGTERM or SIGINT; ``on_listening`` is told the URL once a client may connect."""
    server = MeterServer(
        config,
        open_memory,
        endpoint,
        on_power_up=on_power_up,
        max_connections=max_connections,
        inactivity_seconds=inactivity_seconds,
        groups=groups,
        links=links,
        deliveries=deliveries,
    )
    await serve_all([server], on_listening=on_listening)


async def serve_all(servers: Iterable[MeterServer], *, on_listening: Callable[[str], None]) -> None:
    """Runs meters until SIGTERM or SIGINT; ``on_listening`` is told each URL once a client may connect.

    Where one of them cannot be started, those that were are stopped and its error is raised.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as running:
        for server in servers:
            await server.start()
            running.push_async_callback(server.stop)
            on_listening(server.url)
            if ended.is_set():
                return
        await ended.wait()


class BackgroundMeter:
    """A meter on a medium, in a thread of its own.

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
        groups: Sequence[str] = (),
        links: Callable[[], ShapedLink] | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        self.server = MeterServer(
            config,
            open_memory,
            endpoint,
            max_connections=max_connections,
            inactivity_seconds=inactivity_seconds,
            groups=groups,
            links=links,
            deliveries=deliveries,
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
