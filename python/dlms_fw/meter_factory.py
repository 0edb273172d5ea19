"""Simulated meters for one test: in virtual time, or served on a medium in real time, and all gone after it.

The fixtures of ``pytest_plugin`` hand a factory out. It works as well without pytest:

    with MeterFactory() as make:
        meter = make(CIPHERED)
        served = make.serve("hdlc+tcp://127.0.0.1:0", CIPHERED)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.journal import Journal
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.model import MeterModel
from dlms_fw.meter.serve import BackgroundMeter, MeterServer
from dlms_fw.meter.storage import Medium
from dlms_fw.profiles import Profile
from dlms_fw.simulation import CIPHERED, Framing, Simulation, VirtualMeter, further_meter_config, link_profile
from dlms_fw.transports.faults import LinkProfile, ShapedLink

_T = TypeVar("_T")


class ServedMeter:
    """A simulated meter on a medium, in real time, in a thread of its own.

    Attributes:
        profile: Of the client that it was made for.
        config: What it is.
        memory: What it remembers.
        journal: The records of its clients, in memory.
    """

    def __init__(
        self, profile: Profile, config: MeterConfig, memory: Medium, background: BackgroundMeter
    ) -> None:
        self.profile = profile
        self.config = config
        self.memory = memory
        self.journal: Journal = MemoryJournal()
        self._background = background

    @property
    def url(self) -> str:
        """Where it listens; of a pseudo-terminal, where a client finds its other end."""
        return self._background.url

    def client(self, profile: Profile | None = None, journal: Journal | None = None) -> Client:
        """A blocking client of it, with the meter's records of clients or those given."""
        return Client(self.url, profile or self.profile, journal=journal or self.journal)

    def async_client(self, profile: Profile | None = None, journal: Journal | None = None) -> AsyncClient:
        """The same as an asyncio client."""
        return AsyncClient(self.url, profile or self.profile, journal=journal or self.journal)

    def call(self, function: Callable[[SimulatedMeter], _T]) -> _T:
        """Run a function of the meter on its own thread, and give what it returns.

        Raises:
            LookupError: The meter has no power.
        """

        def with_power(server: MeterServer) -> _T:
            if server.meter is None:
                raise LookupError("the meter has no power")
            return function(server.meter)

        return self._background.call(with_power)

    def cut_power(self) -> None:
        """Take the power away at once, as ``kill -9`` would."""
        self._background.call(MeterServer.cut_power)

    def power_up(self) -> None:
        """Give it back; the meter goes on where its memory says."""
        self._background.call(MeterServer.power_up)


class MeterFactory:
    """Makes simulated meters, and ends them.

    Args:
        simulation: The virtual clock of those that are called for.

    Attributes:
        simulation: As given, or one of its own.
    """

    def __init__(self, simulation: Simulation | None = None) -> None:
        self.simulation = simulation or Simulation()
        self._numbers = count()
        self._served = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all that are served."""
        self._served.close()

    def __call__(
        self,
        profile: Profile = CIPHERED,
        *,
        framing: Framing = "wrapper",
        model: str | Path | MeterModel = "mcs301",
        config: MeterConfig | None = None,
        memory: Medium | None = None,
        link: str | LinkProfile | None = None,
        **changes: Any,
    ) -> VirtualMeter:
        """A meter in virtual time; the arguments are those of :meth:`Simulation.meter`."""
        return self.simulation.meter(
            profile, framing=framing, model=model, config=config, memory=memory, link=link, **changes
        )

    def serve(
        self,
        listen: str = "tcp://127.0.0.1:0",
        profile: Profile = CIPHERED,
        *,
        model: str | Path | MeterModel = "mcs301",
        config: MeterConfig | None = None,
        memory: Medium | None = None,
        link: str | LinkProfile | None = None,
        **changes: Any,
    ) -> ServedMeter:
        """A meter on a medium, in real time.

        Args:
            listen: Where: ``tcp://``, ``udp://``, ``hdlc+tcp://`` (port 0 is any), or ``pty``, a serial line.
            profile: Its client's; the meter has the secrets and keys that this client expects.
            model: What kind of meter; the serial number is counted up for each further meter.
            config: What the meter is, in all; then there is no model.
            memory: What it remembers; otherwise it is new.
            link: What is between it and its clients, with TCP: a name of
                :data:`~dlms_fw.transports.faults.LINKS`, or a profile of one's own.
            changes: Fields of :class:`~dlms_fw.meter.configuration.MeterConfig` that are different.

        Raises:
            ConfigurationError: the configuration contradicts itself, or there is no such model or link.
            TransportError: the address cannot be listened on.
        """
        number = next(self._numbers)
        if config is None:
            config = further_meter_config(number, profile, model, **changes)
        kept = MemoryMedium() if memory is None else memory
        shape = link_profile(link)
        background = BackgroundMeter(
            config,
            lambda: kept,
            Endpoint.parse(listen, listen=True),
            links=None if shape is None else lambda: ShapedLink(shape, number),
        )
        return ServedMeter(profile, config, kept, self._served.enter_context(background))
