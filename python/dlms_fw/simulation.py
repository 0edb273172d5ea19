"""Simulated meters and their clients in one thread, on one virtual clock: what a test of an upgrade needs.

Nothing sleeps, no socket is opened and nothing is written to a disk: a wait moves the clock, and what the
meter has to do meanwhile is done on the way. All chance comes from one seed, so a run is the same each time.
Client, session, protection, framing, transfer, the meter and its storage are the ones that are used on a
real line.

    simulation = Simulation()
    meter = simulation.meter(CIPHERED, trusted=(vendor,))
    with meter.client() as client:
        result = client.upgrade(image)
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from dlms_fw import hls
from dlms_fw._core import Key
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.journal import Journal
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig, numbered
from dlms_fw.meter.connection import Framing as MeterFraming
from dlms_fw.meter.connection import MeterConnection
from dlms_fw.meter.firmware import factory_memory
from dlms_fw.meter.lies.kinds import Value
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.meter.lies.telling import Telling
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.model import MeterModel
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.model_settings import configured
from dlms_fw.meter.power_cut import PowerCut, SimulatedMedium, Unsynced
from dlms_fw.meter.storage import Medium
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.base import AsyncTransport, Transport
from dlms_fw.transports.faults import (
    LINKS,
    AsyncVirtualTransport,
    LinkProfile,
    VirtualLine,
    VirtualTransport,
)
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport

__all__ = ["CIPHERED", "PLAIN", "MemoryJournal", "SimulatedMedium", "Simulation", "VirtualMeter"]

Framing: TypeAlias = Literal["wrapper", "hdlc"]

START: Final = datetime(2026, 1, 14, 10, 7, 30, tzinfo=UTC)
"""In the midst of a month, a day and a quarter of an hour: no calendar of a meter has anything due then."""
_CHALLENGE_OCTETS: Final = 32
_ENDPOINTS: Final = {
    "wrapper": Endpoint.parse("tcp://simulated-meter"),
    "hdlc": Endpoint.parse("hdlc+tcp://simulated-meter"),
    "datagrams": Endpoint.parse("udp://simulated-meter"),
}

PLAIN: Final = Profile(name="plain", client_sap=1)
"""A management client that proves nothing, to a meter that asks for nothing."""

CIPHERED: Final = Profile(
    name="ciphered",
    client_sap=1,
    mechanism=hls.GMAC,
    security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=bytes.fromhex("4D4D4D0000BC614E"),
    keys=Keys(
        global_unicast_encryption_key=Key(bytes(range(0x10))),
        authentication_key=Key(bytes(range(0xD0, 0xE0))),
    ),
    first_invocation_counter=1,
)
"""HLS with GMAC, everything authenticated and encrypted. Its keys are known to everybody.

It knows that a new meter accepts every invocation counter; without that, a client would ask the meter first.
"""


def meter_config(profile: Profile, model: str | Path | MeterModel = "mcs301", **changes: Any) -> MeterConfig:
    """The meter of a model, by its name or its file, that a client with this profile talks to.

    Args:
        profile: The client's.
        model: What kind of meter.
        changes: Fields of :class:`~dlms_fw.meter.configuration.MeterConfig` that are different.

    Raises:
        ConfigurationError: there is no such model, or the configuration contradicts itself.
    """
    return configured(model if isinstance(model, MeterModel) else load_model(model), profile, **changes)


def further_meter_config(
    number: int, profile: Profile, model: str | Path | MeterModel, **changes: Any
) -> MeterConfig:
    """As :func:`meter_config`, with a serial number that is so much higher, unless the client expects one."""
    config = meter_config(profile, model, **changes)
    return numbered(config, number) if number and profile.meter_system_title is None else config


def link_profile(link: str | LinkProfile | None) -> LinkProfile | None:
    """A link by its name. Raises ConfigurationError."""
    if not isinstance(link, str):
        return link
    if link not in LINKS:
        raise ConfigurationError(f"there is no link {link!r}", hint=f"there are {', '.join(LINKS)}")
    return LINKS[link]


class Simulation:
    """A virtual clock, one source of chance, and the meters that live by them.

    Args:
        seed: Of all challenges and keys that are made; two simulations with one seed do the same.
        start: The time of day at the beginning, aware.

    Attributes:
        time: The clock; :meth:`sleep` moves it.
        journal: The records of the clients, in memory.
        meters: All meters, in the order in which they were made.
        touched: Those that somebody has talked to since it was last looked who has something to do when.
    """

    def __init__(self, *, seed: int = 0, start: datetime = START) -> None:
        self.time = VirtualTime(start.timestamp())
        self.journal: Journal = MemoryJournal()
        self.meters: list[VirtualMeter] = []
        self._agenda: list[tuple[float, int, VirtualMeter]] = []
        self._order = count()
        self._handled: dict[VirtualMeter, None] = {}
        self.touched: dict[VirtualMeter, None] = {}
        self.randomness = random.Random(seed).randbytes  # noqa: S311 (repeatable, and the keys are no secrets)

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.fromtimestamp(self.time.wall(), UTC)

    def challenge(self) -> bytes:
        """A challenge for an authentication."""
        return self.randomness(_CHALLENGE_OCTETS)

    def meter(
        self,
        profile: Profile = PLAIN,
        *,
        framing: Framing = "wrapper",
        model: str | Path | MeterModel = "mcs301",
        config: MeterConfig | None = None,
        memory: Medium | None = None,
        link: str | LinkProfile | None = None,
        **changes: Any,
    ) -> VirtualMeter:
        """A further meter, with power.

        Args:
            profile: Its client's; the meter has the secrets and keys that this client expects.
            framing: How they speak.
            model: What kind of meter: the name of a model that ships with the library, the file of one, or
                one that was made. The serial number is counted up for each further meter.
            config: What the meter is, in all; then there is no model.
            memory: What it remembers; otherwise it is new, and nothing that is written gets lost. A
                :class:`~dlms_fw.meter.power_cut.SimulatedMedium` can lose what no barrier has covered.
            link: What is between them: the name of one of :data:`~dlms_fw.transports.faults.LINKS`, or a
                profile of one's own. Otherwise octets are there at once.
            changes: Fields of :class:`~dlms_fw.meter.configuration.MeterConfig` that are different.

        Raises:
            ConfigurationError: the configuration contradicts itself, or there is no such model or link.
        """
        number = len(self.meters)
        if config is None:
            config = further_meter_config(number, profile, model, **changes)
        memory = MemoryMedium(factory_memory(config)) if memory is None else memory
        self.meters.append(VirtualMeter(self, profile, config, framing, memory, link_profile(link), number))
        return self.meters[-1]

    def sleep(self, seconds: float) -> None:
        """Let time pass; whatever a meter has to do meanwhile it does at its moment."""
        end = self.time.elapsed + seconds
        while (due := self.deadline) is not None and due <= end:
            self.time.advance_to(due)
            self.advance()
        self.time.advance_to(end)
        self.advance()

    @property
    def deadline(self) -> float | None:
        """When some meter has something to do by itself."""
        for meter in (*self._handled, *self.touched):
            self.note(meter)
        self.touched.clear()
        agenda = self._agenda
        while agenda and agenda[0][0] != agenda[0][2].due:
            heapq.heappop(agenda)
        return agenda[0][0] if agenda else None

    def advance(self) -> None:
        """Have every meter do what is due."""
        now, agenda = self.time.elapsed, self._agenda
        due = list(self._handled)
        while agenda and agenda[0][0] <= now:
            moment, _, meter = heapq.heappop(agenda)
            if moment == meter.due and meter not in self._handled:
                meter.due = None
                due.append(meter)
        for meter in due:
            meter.advance()

    def note(self, meter: VirtualMeter, *, handled: bool = False) -> None:
        """A meter may have something else to do by itself now.

        ``handled``: somebody has it in his hands and may do what nobody is told of; it is asked each time.
        """
        if handled:
            self._handled[meter] = None
        due = meter.deadline
        if due != meter.due:
            meter.due = due
            if due is not None:
                heapq.heappush(self._agenda, (due, next(self._order), meter))


class VirtualMeter:
    """A simulated meter in virtual time, with its memory, its power switch and its clients.

    Attributes:
        profile: Of the client that it was made for.
        config: What it is.
        memory: What it remembers.
        framing: How it speaks.
        endpoint: How its clients call it; nothing is there that another process could reach.
        line: The place where its clients connect, where a link is between them.
    """

    def __init__(
        self,
        simulation: Simulation,
        profile: Profile,
        config: MeterConfig,
        framing: Framing,
        memory: Medium,
        link: LinkProfile | None,
        seed: int,
    ) -> None:
        self.profile = profile
        self.config = config
        self.memory = memory
        self.framing: MeterFraming = framing
        if link is not None and link.flavour == "datagram":
            if framing == "hdlc":
                raise ConfigurationError(f"HDLC does not go over {link.name}, which carries datagrams")
            self.framing = "datagrams"
        self.endpoint = _ENDPOINTS[self.framing]
        self.line: VirtualLine | None = None
        self._sleep: Callable[[float], None] = simulation.sleep
        if link is not None:
            self.line = VirtualLine(link, self._line_to, simulation.time, seed=seed, agenda=simulation)
            self._sleep = self.line.sleep
        self.due: float | None = None
        """The moment that the simulation has noted for it."""
        self._simulation = simulation
        self._meter: SimulatedMeter | None = None
        self.power_up()

    @property
    def powered(self) -> SimulatedMeter:
        """The meter itself. Raises LookupError while it has no power."""
        if self._meter is None:
            raise LookupError("the meter has no power")
        self._simulation.note(self, handled=True)
        return self._meter

    # Clients

    def client(self, profile: Profile | None = None, journal: Journal | None = None) -> Client:
        """A blocking client on the virtual clock, with the records of the simulation or those given."""
        simulation = self._simulation
        return Client(
            self.endpoint,
            profile or self.profile,
            journal=journal or simulation.journal,
            open_transport=self.open,
            clock=simulation.time.monotonic,
            sleep=self._sleep,
            wall_clock=simulation.now,
            challenge=simulation.challenge,
            randomness=simulation.randomness,
        )

    def async_client(self, profile: Profile | None = None, journal: Journal | None = None) -> AsyncClient:
        """The same as an asyncio client."""
        simulation = self._simulation
        return AsyncClient(
            self.endpoint,
            profile or self.profile,
            journal=journal or simulation.journal,
            open_transport=self.open_async,
            clock=simulation.time.monotonic,
            sleep=self._sleep_async,
            wall_clock=simulation.now,
            challenge=simulation.challenge,
            randomness=simulation.randomness,
        )

    def open(self, deadline: float) -> Transport:
        """A medium to the meter, for a client.

        Raises:
            TransportError: The meter has no power, or reboots.
            ResponseTimeout: The link is slower than that.
        """
        if self.line is not None:
            return self.line.open(deadline)
        opened: list[LoopbackTransport] = []
        peer = self._line_to(lambda: opened[0].cut() if opened else None)
        clock = self._simulation.time.monotonic
        opened.append(LoopbackTransport(peer, clock=clock, sleep=self._simulation.sleep))
        return opened[0]

    async def open_async(self, deadline: float) -> AsyncTransport:
        """As :meth:`open`."""
        opened = self.open(deadline)
        if isinstance(opened, VirtualTransport):
            return AsyncVirtualTransport(opened)
        assert isinstance(opened, LoopbackTransport)  # noqa: S101 (there is no third)
        return AsyncLoopbackTransport(opened)

    def _line_to(self, on_drop: Callable[[], None]) -> _Line:
        if self._meter is None:
            raise TransportError("the meter has no power")
        return _Line(self, self._meter.connect(self.framing, on_drop), self._simulation.touched)

    async def _sleep_async(self, seconds: float) -> None:
        self._sleep(seconds)

    # Power and time

    def lie(self, name: str, **parameters: Value) -> Telling:
        """Have it misbehave from now on, over power cuts too.

        Args:
            name: Of :data:`~dlms_fw.meter.lies.kinds.KINDS`.
            parameters: What that kind takes.

        Returns:
            How often it has been told since the meter got power.

        Raises:
            ConfigurationError: There is no such kind, or it takes no such parameter.
        """
        lie = Lie.made(name, parameters)
        self.config = replace(self.config, lies=(*self.config.lies, lie))
        return self.powered.lie(lie)

    def cut_power(self, unsynced: Unsynced = "kept") -> None:
        """Take the power away.

        Args:
            unsynced: What becomes of writes that no barrier has covered, where the memory is a
                :class:`~dlms_fw.meter.power_cut.SimulatedMedium`.
        """
        if self._meter is None:
            return
        meter, self._meter = self._meter, None
        meter.drop_connections()
        if isinstance(self.memory, SimulatedMedium):
            self.memory.cut_now(unsynced)
            self.memory = self.memory.survivor()

    def power_up(self) -> None:
        """Give it power; it goes on where its memory says. With power already it is restarted."""
        self.cut_power()
        simulation = self._simulation
        self._meter = SimulatedMeter(
            self.memory,
            self.config,
            simulation.time,
            challenge=simulation.challenge,
            randomness=simulation.randomness,
        )
        simulation.note(self)

    @property
    def deadline(self) -> float | None:
        """When the meter has something to do by itself, on the virtual clock."""
        return None if self._meter is None else self._meter.deadline

    def advance(self) -> None:
        """Do what is due; a memory whose power goes meanwhile leaves the meter without."""
        if self._meter is not None:
            try:
                self._meter.advance()
            except PowerCut:
                self.cut_power()
        self._simulation.note(self)


class _Line:
    """What a client sends to a meter; it breaks with the meter's power, and when the meter ends it."""

    def __init__(
        self, site: VirtualMeter, connection: MeterConnection, touched: dict[VirtualMeter, None]
    ) -> None:
        self._site = site
        self._connection = connection
        self._touched = touched

    def receive(self, data: bytes) -> bytes:
        self._touched[self._site] = None
        try:
            return self._connection.receive(data)
        except PowerCut:
            self._site.cut_power()
            return b""

    def close(self) -> None:
        self._connection.close()
