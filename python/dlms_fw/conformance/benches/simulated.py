"""A bench around a simulated meter in this process, on a clock that moves when somebody sleeps."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from dlms_fw.conformance.benches.base import VERBS, Bench, Facts
from dlms_fw.errors import TransportError
from dlms_fw.meter.activation import bank_region
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import Cut, PowerCut, SimulatedMedium
from dlms_fw.meter.state import ActivationStep
from dlms_fw.meter.storage import ImageBlockStore
from dlms_fw.transports.base import TransportFactory
from dlms_fw.transports.loopback import LoopbackTransport

_CHALLENGE_OCTETS: Final = 32
_MEDIA: Final[tuple[Framing, ...]] = ("hdlc", "wrapper", "datagrams")
_NOW: Final = frozenset({"block", "verification"})
"""Steps that begin with the very next operation of the memory."""
_ACTIVATION_STEPS: Final = {
    "install": ActivationStep.INSTALL,
    "start": ActivationStep.START,
    "test": ActivationStep.TEST,
    "discard": ActivationStep.DISCARD_OLD,
}
_COUNTERS_OF_A_LIFE: Final = 1_000_000
_ANY_SIZE: Final = 1 << 30
_LIVE: Final = "live."
"""What the regions begin with in which the meter keeps what it measures and logs."""


class SimulatedBench(Bench):
    """A simulated meter, its memory, its time and its power."""

    name = "simulated meter"
    verbs = frozenset(VERBS)
    is_simulated = True

    def __init__(self, config: MeterConfig) -> None:
        self.config = config
        self.medium = SimulatedMedium()
        self.time = VirtualTime()
        self._meter: SimulatedMeter | None = None
        self._lives = 0
        self._wear: Counter[str] = Counter()
        self._fuse: tuple[ActivationStep, Cut] | None = None
        self._is_lit = False
        self._power_up()

    @property
    def meter(self) -> SimulatedMeter:
        """The meter itself. Raises LookupError while it has no power."""
        if self._meter is None:
            raise LookupError("the meter has no power")
        return self._meter

    def openers(self) -> Mapping[str, TransportFactory]:
        """Connections to it over every medium."""
        return {medium: self._opener(medium) for medium in _MEDIA}

    # Time

    def clock(self) -> float:
        """Virtual seconds."""
        return self.time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; the meter does what is due on the way."""
        end = self.time.elapsed + seconds
        while self._meter is not None and (due := self._meter.deadline) is not None and due <= end:
            self.time.advance_to(due)
            self._advance()
        self.time.advance_to(end)
        self._advance()

    def wall_clock(self) -> datetime:
        """The virtual time of day."""
        return datetime.fromtimestamp(self.time.wall(), UTC)

    def advance(self, seconds: float) -> None:
        """As :meth:`sleep`: there is one time."""
        self.sleep(seconds)

    def set_clock(self, moment: datetime) -> None:
        """Set the meter's clock past its interface."""
        clock = self.meter.units.clock
        clock.shift(moment.timestamp() - clock.utc)

    # Power

    def restart(self, seconds_without: float = 0.0) -> None:
        """Cut the power between two operations, and give it back after a time."""
        self._lose_power()
        self.sleep(seconds_without)
        self._power_up()

    def cut_power_at(self, step: str, **details: Any) -> None:
        """As the protocol has it; ``operation`` counts operations of the memory, ``seed`` is of the loss."""
        cut = Cut(details.get("operation", 0), details.get("when", "inside"), seed=details.get("seed", 0))
        if step in _NOW:
            self.medium.arm(cut)
        else:
            self._fuse = (_ACTIVATION_STEPS[step], cut)

    def has_power(self) -> bool:
        """Whether the power that was to be cut is still there."""
        return self._meter is not None

    def renew(self) -> None:
        """Another meter of the same kind, as it left the factory, under the same keys."""
        self._lose_power()
        self._lives += 1
        self.medium = SimulatedMedium()
        self._power_up()
        key = self.config.global_unicast_encryption_key
        if key is not None:  # it must not use the counters of the one before
            self.meter.units.counters.reserve(key.fingerprint, self._lives * _COUNTERS_OF_A_LIFE)

    # What it is and has

    def configure(self, **facts: Any) -> None:
        """Restart it with other settings of its maker: ``takes_older``, ``confirmation``."""
        names = {"takes_older": "allow_downgrade", "confirmation": "confirmation"}
        self._lose_power()
        self._power_up(replace(self.config, **{names[fact]: value for fact, value in facts.items()}))

    def read_slot(self, name: str) -> Facts:
        """Size and digest of ``image``, ``running.N`` and ``other.N``; ``wear`` of banks; ``memory``."""
        if name == "memory":
            kept = (each for each in self.medium.regions if not each.startswith(_LIVE))
            return {"size": sum(len(self.medium.read(each, 0, _ANY_SIZE)) for each in kept)}
        if name == "wear":
            return dict(self._wear)
        reception = self.meter.units.firmware.memory.state.reception
        size = _ANY_SIZE if name != "image" else 0 if reception is None else reception.size
        octets = self.medium.read(self._region(name), 0, size)
        return {"size": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}

    def inject(self, fault: str, **details: Any) -> None:
        """As the protocol has it."""
        if fault == "none":
            self.medium.failing.clear()
            self.medium.capacity = None
            self.medium.arm(None)
            self._fuse = None
            if self._meter is not None and self._meter.config != self.config:
                self.restart()
            self.meter.set_behaviour(self.config.behaviour)
        elif fault == "write-error":
            self.medium.failing.add(ImageBlockStore.BLOCKS)
        elif fault == "storage-full":
            self.medium.capacity = self.medium.size
        elif fault == "bit-rot":
            self.medium.rot(self._region(details["slot"]), details.get("offset", 0))
        else:
            self.meter.set_behaviour(FirmwareBehaviour(fault))

    # Below

    def _region(self, slot: str) -> str:
        kind, _, part = slot.partition(".")
        if kind == "image":
            return ImageBlockStore.BLOCKS
        banks = self.meter.units.firmware.memory.state.parts[int(part)]
        return bank_region(int(part), banks.running if kind == "running" else banks.other)

    def _power_up(self, config: MeterConfig | None = None) -> None:
        self.medium.on_operation = self._note_operation
        self._meter = SimulatedMeter(
            self.medium,
            config or self.config,
            self.time,
            challenge=lambda: os.urandom(_CHALLENGE_OCTETS),
        )

    def _lose_power(self) -> None:
        meter, self._meter = self._meter, None
        if meter is not None:
            meter.drop_connections()
        if self.medium.has_power:
            self.medium.cut_now()
        self.medium = self.medium.survivor()
        self._fuse, self._is_lit = None, False

    def _advance(self) -> None:
        if self._meter is not None:
            try:
                self._meter.advance()
            except PowerCut:
                self._lose_power()

    def _note_operation(self, operation: str, region: str) -> None:
        if operation == "erase":
            self._wear[region] += 1
        if self._fuse is None or self._meter is None:
            return
        step, cut = self._fuse
        is_there = self._meter.units.firmware.memory.state.step is step
        if is_there is not self._is_lit:
            self._is_lit = is_there
            self.medium.arm(cut if is_there else None)

    def _opener(self, medium: Framing) -> TransportFactory:
        def open_connection(_deadline: float) -> LoopbackTransport:
            if self._meter is None:
                raise TransportError("the meter has no power")
            line = _Line(self)
            line.connection = self._meter.connect(medium, line.cut)
            line.transport = LoopbackTransport(line, clock=self.clock, sleep=self.sleep)
            return line.transport

        return open_connection

    def receive(self, connection: MeterConnection, data: bytes) -> bytes:
        """What the meter answers on a connection; nothing where its power goes meanwhile."""
        try:
            return connection.receive(data)
        except PowerCut:
            self._lose_power()
            return b""


class _Line:
    """The meter's end of a connection, which the power may leave."""

    connection: MeterConnection
    transport: LoopbackTransport | None = None

    def __init__(self, bench: SimulatedBench) -> None:
        self._bench = bench

    def receive(self, data: bytes) -> bytes:
        return self._bench.receive(self.connection, data)

    def close(self) -> None:
        self.connection.close()

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.cut()
