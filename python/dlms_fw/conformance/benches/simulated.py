"""A bench around a simulated meter in this process, on a clock that moves when somebody sleeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from dlms_fw.conformance.benches.base import Bench
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import Framing, SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.transports.base import TransportFactory
from dlms_fw.transports.loopback import LoopbackTransport

_CHALLENGE_OCTETS: Final = 32
_MEDIA: Final[tuple[Framing, ...]] = ("hdlc", "wrapper", "datagrams")


class SimulatedBench(Bench):
    """A simulated meter, its memory and its time."""

    name = "simulated meter"
    verbs = frozenset({"restart", "advance"})

    def __init__(self, config: MeterConfig) -> None:
        self.config = config
        self.medium = SimulatedMedium()
        self.time = VirtualTime()
        self._power_up()

    def openers(self) -> Mapping[str, TransportFactory]:
        """Connections to it over every medium."""
        return {medium: self._opener(medium) for medium in _MEDIA}

    def clock(self) -> float:
        """Virtual seconds."""
        return self.time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; the meter does what is due on the way."""
        end = self.time.elapsed + seconds
        while (due := self.meter.deadline) is not None and due <= end:
            self.time.advance(max(0.0, due - self.time.elapsed))
            self.meter.advance()
        self.time.advance(max(0.0, end - self.time.elapsed))
        self.meter.advance()

    def wall_clock(self) -> datetime:
        """The virtual time of day."""
        return datetime.fromtimestamp(self.time.wall(), UTC)

    def restart(self) -> None:
        """Cut the power between two operations, and give it back."""
        self.meter.drop_connections()
        self.medium.cut_now()
        self.medium = self.medium.survivor()
        self._power_up()

    def advance(self, seconds: float) -> None:
        """As :meth:`sleep`: there is one time."""
        self.sleep(seconds)

    def _power_up(self) -> None:
        self.meter = SimulatedMeter(
            self.medium, self.config, self.time, challenge=lambda: os.urandom(_CHALLENGE_OCTETS)
        )

    def _opener(self, medium: Framing) -> TransportFactory:
        def open_connection(_deadline: float) -> LoopbackTransport:
            opened: list[LoopbackTransport] = []
            connection = self.meter.connect(medium, lambda: opened[0].cut() if opened else None)
            opened.append(LoopbackTransport(connection, clock=self.clock, sleep=self.sleep))
            return opened[0]

        return open_connection
