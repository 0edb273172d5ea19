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

import random
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from dlms_fw import hls
from dlms_fw._core import Key
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import TransportError
from dlms_fw.journal import Journal
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig, numbered
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import PowerCut, SimulatedMedium, Unsynced
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.storage import Medium
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport

__all__ = ["CIPHERED", "PLAIN", "MemoryJournal", "SimulatedMedium", "Simulation", "VirtualMeter"]

Framing: TypeAlias = Literal["wrapper", "hdlc"]

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CHALLENGE_OCTETS: Final = 32
_ENDPOINTS: Final = {
    "wrapper": Endpoint.parse("tcp://simulated-meter"),
    "hdlc": Endpoint.parse("hdlc+tcp://simulated-meter"),
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


class Simulation:
    """A virtual clock, one source of chance, and the meters that live by them.

    Args:
        seed: Of all challenges and keys that are made; two simulations with one seed do the same.
        start: The time of day at the beginning, aware.

    Attributes:
        time: The clock; :meth:`sleep` moves it.
        journal: The records of the clients, in memory.
        meters: All meters, in the order in which they were made.
    """

    def __init__(self, *, seed: int = 0, start: datetime = START) -> None:
        self.time = VirtualTime(start.timestamp())
        self.journal: Journal = MemoryJournal()
        self.meters: list[VirtualMeter] = []
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
        config: MeterConfig | None = None,
        memory: Medium | None = None,
        **changes: Any,
    ) -> VirtualMeter:
        """A further meter, with power.

        Args:
            profile: Its client's; the meter has the secrets and keys that this client expects.
            framing: How they speak.
            config: What the meter is; otherwise an MCS301 for the profile. Its serial number is counted up
                for each further meter.
            memory: What it remembers; otherwise it is new, and nothing that is written gets lost. A
                :class:`~dlms_fw.meter.power_cut.SimulatedMedium` can lose what no barrier has covered.
            changes: Fields of :class:`~dlms_fw.meter.configuration.MeterConfig` that are different.

        Raises:
            ConfigurationError: the configuration contradicts itself.
        """
        if config is None:
            config = mcs301.configured(profile, **changes)
            if profile.meter_system_title is None:
                config = numbered(config, len(self.meters))
        made = VirtualMeter(self, profile, config, framing, MemoryMedium() if memory is None else memory)
        self.meters.append(made)
        return made

    def sleep(self, seconds: float) -> None:
        """Let time pass; whatever a meter has to do meanwhile it does at its moment."""
        end = self.time.elapsed + seconds
        while (due := self._due()) is not None and due <= end:
            self.time.advance_to(due)
            self._advance()
        self.time.advance_to(end)
        self._advance()

    async def sleep_async(self, seconds: float) -> None:
        """The same for asyncio clients, which take turns only where they wait for something else."""
        self.sleep(seconds)

    def _due(self) -> float | None:
        deadlines = [meter.deadline for meter in self.meters]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def _advance(self) -> None:
        for meter in self.meters:
            meter.advance()


class VirtualMeter:
    """A simulated meter in virtual time, with its memory, its power switch and its clients.

    Attributes:
        profile: Of the client that it was made for.
        config: What it is.
        memory: What it remembers.
        framing: How it speaks.
        endpoint: How its clients call it; nothing is there that another process could reach.
    """

    def __init__(
        self, simulation: Simulation, profile: Profile, config: MeterConfig, framing: Framing, memory: Medium
    ) -> None:
        self.profile = profile
        self.config = config
        self.memory = memory
        self.framing: Framing = framing
        self.endpoint = _ENDPOINTS[framing]
        self._simulation = simulation
        self._meter: SimulatedMeter | None = None
        self.power_up()

    @property
    def powered(self) -> SimulatedMeter:
        """The meter itself. Raises LookupError while it has no power."""
        if self._meter is None:
            raise LookupError("the meter has no power")
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
            sleep=simulation.sleep,
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
            sleep=simulation.sleep_async,
            wall_clock=simulation.now,
            challenge=simulation.challenge,
            randomness=simulation.randomness,
        )

    def open(self, deadline: float) -> LoopbackTransport:  # noqa: ARG002 (it never waits)
        """A medium to the meter, for a client. Raises TransportError without power and during a reboot."""
        if self._meter is None:
            raise TransportError("the meter has no power")
        line = _Line(self, self._meter)
        simulation = self._simulation
        line.transport = LoopbackTransport(line, clock=simulation.time.monotonic, sleep=simulation.sleep)
        return line.transport

    async def open_async(self, deadline: float) -> AsyncLoopbackTransport:
        """As :meth:`open`."""
        return AsyncLoopbackTransport(self.open(deadline))

    # Power and time

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


class _Line:
    """What a client sends to a meter; it breaks with the meter's power, and when the meter ends it."""

    def __init__(self, site: VirtualMeter, meter: SimulatedMeter) -> None:
        self._site = site
        self._connection = meter.connect(site.framing, self._drop)
        self.transport: LoopbackTransport | None = None

    def receive(self, data: bytes) -> bytes:
        try:
            return self._connection.receive(data)
        except PowerCut:
            self._site.cut_power()
            return b""

    def close(self) -> None:
        self._connection.close()

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.cut()
