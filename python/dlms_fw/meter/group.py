"""Several simulated meters on one line: logical devices of a physical device, a bus, or behind a gateway.

On a line everybody hears everything and answers to what is addressed to him: the SAP of a logical device, the
lower address of a physical device on an HDLC bus, the address behind a gateway. So nothing is routed here. A
gateway answers for meters that it does not know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from dlms_fw._core import ApduReceiver, ExceptionResponse, Gateway
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.clock import TimeSource
from dlms_fw.meter.configuration import MeterConfig, numbered
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.storage import Medium

FIRST_ON_A_BUS: Final = 16
"""Lower addresses below are reserved."""


def logical_devices(config: MeterConfig, count: int) -> MeterConfig:
    """One physical device with so many logical devices, the management logical device first.

    Each has a name and a system title of its own; the SAP assignment of the first lists all.
    """
    devices = [
        replace(numbered(config, number), server_sap=config.server_sap + number) for number in range(count)
    ]
    others = {device.server_sap: device.logical_device_name for device in devices[1:]}
    return _together([replace(devices[0], other_logical_devices=others), *devices[1:]])


def bus(config: MeterConfig, count: int) -> MeterConfig:
    """So many meters on one HDLC line, their lower addresses one after the other.

    The first has that of the configuration, or :data:`FIRST_ON_A_BUS`.
    """
    first = config.hdlc.server_lower
    first = FIRST_ON_A_BUS if first is None else first
    return _together(
        [
            replace(numbered(config, number), hdlc=replace(config.hdlc, server_lower=first + number))
            for number in range(count)
        ]
    )


def behind_gateway(config: MeterConfig, count: int, *, network_id: int = 1) -> MeterConfig:
    """So many meters behind a gateway, their addresses 0001, 0002 and so on, as two octets."""
    return _together(
        [
            replace(numbered(config, number), gateway=Gateway(network_id, (number + 1).to_bytes(2, "big")))
            for number in range(count)
        ]
    )


def _together(configs: Sequence[MeterConfig]) -> MeterConfig:
    return replace(configs[0], neighbours=tuple(configs[1:]))


class GroupedMeter(SimulatedMeter):
    """A meter whose lines lead to its neighbours as well.

    They share one memory, each with regions of its own. All else but lines and time is each one's own matter.

    Attributes:
        neighbours: The others, with power.
    """

    def __init__(
        self,
        medium: Medium,
        config: MeterConfig,
        time_source: TimeSource,
        *,
        challenge: Callable[[], bytes],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Powers all of them up; the arguments are those of a :class:`SimulatedMeter`.

        Raises:
            ConfigurationError: two of them have the same address, and what a meter raises.
        """
        super().__init__(medium, config, time_source, challenge=challenge, randomness=randomness)
        self.neighbours = tuple(
            SimulatedMeter(
                _Partition(medium, f"neighbour-{number}."),
                neighbour,
                time_source,
                challenge=challenge,
                randomness=randomness,
            )
            for number, neighbour in enumerate(config.neighbours, start=1)
        )
        addresses = {
            (meter.config.server_sap, meter.config.hdlc.server_lower, meter.config.gateway)
            for meter in self.meters
        }
        if len(addresses) != len(self.meters):
            raise ConfigurationError("two meters on one line have the same address")

    @property
    def meters(self) -> list[SimulatedMeter]:
        """All of them, this one first."""
        return [self, *self.neighbours]

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next, on the monotonic clock; ``None`` while nothing goes on."""
        dues = [super().deadline, *(neighbour.deadline for neighbour in self.neighbours)]
        return min((due for due in dues if due is not None), default=None)

    def advance(self) -> None:
        """Does all that is due, at each of them."""
        super().advance()
        for neighbour in self.neighbours:
            neighbour.advance()

    def connect(self, framing: Framing, on_drop: Callable[[], None] | None = None) -> MeterConnection:
        """A new line to all of them; ``on_drop`` is called when it makes no sense any more."""
        return _Line(self, framing, on_drop)

    def connect_alone(self, framing: Framing) -> MeterConnection:
        """A connection to this one only. Raises TransportError if away."""
        return super().connect(framing)

    def stop(self) -> None:
        """A clean stop of all."""
        super().stop()
        for neighbour in self.neighbours:
            neighbour.stop()


class _Partition:
    """The regions of a memory whose names begin alike, as a memory."""

    def __init__(self, medium: Medium, prefix: str) -> None:
        self._medium = medium
        self._prefix = prefix

    def read(self, region: str, offset: int, size: int) -> bytes:
        return self._medium.read(self._prefix + region, offset, size)

    def write(self, region: str, offset: int, data: bytes) -> None:
        self._medium.write(self._prefix + region, offset, data)

    def erase(self, region: str) -> None:
        self._medium.erase(self._prefix + region)

    def reserve(self, region: str, size: int) -> None:
        self._medium.reserve(self._prefix + region, size)

    def sync(self, region: str) -> None:
        self._medium.sync(self._prefix + region)

    def close(self) -> None:
        """It is given back as a whole."""


class _Line(MeterConnection):
    """One line to several meters. One that is away hears nothing, and the line stays for the others."""

    def __init__(self, meter: GroupedMeter, framing: Framing, on_drop: Callable[[], None] | None) -> None:
        self._on_drop = on_drop
        own = _Station(meter, lambda: meter.connect_alone(framing))
        others = [_Station(other, partial(other.connect, framing)) for other in meter.neighbours]
        self._stations = [own, *others]
        known = {other.config.gateway for other in meter.meters} - {None}
        self._gateway = _GatewayRefusals(known) if known and framing != "hdlc" else None
        self.is_open = True

    @property
    def is_linked(self) -> bool:
        """Whether the link to any of them is up."""
        return self.is_open and any(station.is_linked for station in self._stations)

    @property
    def is_associated(self) -> bool:
        """Whether a client has an association with any of them."""
        return self.is_open and any(station.is_associated for station in self._stations)

    def receive(self, data: bytes) -> bytes:
        """Takes octets in any pieces and gives what is answered at once, possibly nothing."""
        if not self.is_open:
            return b""
        out = b"".join(station.receive(data) for station in self._stations)
        if self._gateway is not None:
            out += self._gateway.receive(data)
        if all(station.gave_up for station in self._stations):
            self.drop()  # to nobody these octets make sense
        return out

    def close(self) -> None:
        """The client is gone."""
        if self.is_open:
            self.is_open = False
            for station in self._stations:
                station.close()


class _Station:
    """One meter on one line; the connection is made anew after each time that it was away."""

    def __init__(self, meter: SimulatedMeter, connect: Callable[[], MeterConnection]) -> None:
        self._meter = meter
        self._connect = connect
        self._connection: MeterConnection | None = None
        self.gave_up = False
        """Whether the octets heard last have made it end its connection."""

    def receive(self, data: bytes) -> bytes:
        self._meter.advance()
        self.gave_up = False
        if self._connection is None or not self._connection.is_open:
            try:
                self._connection = self._connect()
            except TransportError:
                return b""
        answer = self._connection.receive(data)
        self.gave_up = not self._connection.is_open and not self._meter.is_away
        return answer

    @property
    def is_linked(self) -> bool:
        return self._connection is not None and self._connection.is_linked

    @property
    def is_associated(self) -> bool:
        return self._connection is not None and self._connection.is_associated

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _GatewayRefusals:
    """What a gateway says for meters that it does not know: an exception-response in their name."""

    def __init__(self, known: set[Gateway | None]) -> None:
        self._known = known
        self._receiver = ApduReceiver("wrapper", "client")
        self._refusal = ExceptionResponse(
            StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OPERATION_NOT_POSSIBLE
        ).encode()

    def receive(self, data: bytes) -> bytes:
        apdus, error = self._receiver.receive(data)
        if error is not None:  # the next datagram has nothing to do with this one
            self._receiver = ApduReceiver("wrapper", "client")
        return b"".join(
            self._receiver.answer(received, self._refusal)
            for received in apdus
            if received.gateway is not None and received.gateway not in self._known
        )
