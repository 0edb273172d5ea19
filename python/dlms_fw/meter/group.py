"""Several simulated meters on one line: logical devices of a physical device, a bus, or behind a gateway.

On a line everybody hears everything and answers to what is addressed to him: the SAP of a logical device, the
lower address of a physical device on an HDLC bus, the address behind a gateway. So nothing is routed here. A
gateway answers for meters that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from dlms_fw._core import ApduReceiver, ExceptionResponse, Gateway
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import Framing, MeterConnection, SimulatedMeter

FIRST_ON_A_BUS: Final = 16
"""Lower addresses below are reserved."""
_NAME_DIGITS: Final = 8
_SERIAL_NUMBERS: Final = 1 << 28


def logical_devices(config: MeterConfig, count: int) -> list[MeterConfig]:
    """One physical device with so many logical devices, the management logical device first.

    Each has a name and a system title of its own; the SAP assignment of the first lists all.
    """
    devices = [
        replace(_numbered(config, number), server_sap=config.server_sap + number) for number in range(count)
    ]
    others = {device.server_sap: device.logical_device_name for device in devices[1:]}
    return [replace(devices[0], other_logical_devices=others), *devices[1:]]


def bus(config: MeterConfig, count: int) -> list[MeterConfig]:
    """So many meters on one HDLC line, their lower addresses one after the other.

    The first has that of the configuration, or :data:`FIRST_ON_A_BUS`.
    """
    first = config.hdlc.server_lower
    first = FIRST_ON_A_BUS if first is None else first
    return [
        replace(_numbered(config, number), hdlc=replace(config.hdlc, server_lower=first + number))
        for number in range(count)
    ]


def behind_gateway(config: MeterConfig, count: int, *, network_id: int) -> list[MeterConfig]:
    """So many meters behind a gateway, their addresses 0001, 0002 and so on, as two octets."""
    return [
        replace(_numbered(config, number), gateway=Gateway(network_id, (number + 1).to_bytes(2, "big")))
        for number in range(count)
    ]


def _numbered(config: MeterConfig, number: int) -> MeterConfig:
    """The same meter with another serial number."""
    title = int.from_bytes(config.system_title, "big")
    serial = (title + number) % _SERIAL_NUMBERS
    name = config.logical_device_name
    digits = name[-_NAME_DIGITS:]
    if digits.isdigit():
        following = (int(digits) + number) % 10**_NAME_DIGITS
        name = name[:-_NAME_DIGITS] + str(following).zfill(_NAME_DIGITS).encode()
    return replace(
        config,
        system_title=(title - title % _SERIAL_NUMBERS + serial).to_bytes(len(config.system_title), "big"),
        logical_device_name=name,
    )


class MeterGroup:
    """Simulated meters that share each line to them.

    Args:
        meters: With power, each with an address of its own.

    Raises:
        ConfigurationError: two of them have the same address.
    """

    def __init__(self, meters: Sequence[SimulatedMeter]) -> None:
        self.meters = list(meters)
        self._connections: set[GroupConnection] = set()
        addresses = [
            (meter.config.server_sap, meter.config.hdlc.server_lower, meter.config.gateway)
            for meter in self.meters
        ]
        if len(set(addresses)) != len(addresses):
            raise ConfigurationError("two meters on one line have the same address")

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next, on the monotonic clock; ``None`` while nothing goes on."""
        return min((due for meter in self.meters if (due := meter.deadline) is not None), default=None)

    def advance(self) -> None:
        """Does all that is due."""
        for meter in self.meters:
            meter.advance()

    def connect(self, framing: Framing, on_drop: Callable[[], None] | None = None) -> GroupConnection:
        """A new line to all of them; ``on_drop`` is called when it makes no sense any more."""
        connection = GroupConnection(self, framing, on_drop)
        self._connections.add(connection)
        return connection

    def drop_connections(self) -> None:
        """Ends every line."""
        for connection in list(self._connections):
            connection.drop()

    def stop(self) -> None:
        """A clean stop of all."""
        self.drop_connections()
        for meter in self.meters:
            meter.stop()

    def forget(self, connection: GroupConnection) -> None:
        """A line is over."""
        self._connections.discard(connection)


class GroupConnection:
    """One line: what a client sends goes into ``receive``, what comes out goes back.

    A meter that is away hears nothing, and the line stays for the others.
    """

    def __init__(self, group: MeterGroup, framing: Framing, on_drop: Callable[[], None] | None) -> None:
        self._group = group
        self._framing: Framing = framing
        self._on_drop = on_drop
        self._stations = [_Station(meter, framing) for meter in group.meters]
        known = {meter.config.gateway for meter in group.meters} - {None}
        self._gateway = _GatewayRefusals(known) if known and framing == "wrapper" else None
        self.is_open = True

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
            self._group.forget(self)

    def drop(self) -> None:
        """The line is cut."""
        if self.is_open:
            self.close()
            if self._on_drop is not None:
                self._on_drop()


class _Station:
    """One meter on one line."""

    def __init__(self, meter: SimulatedMeter, framing: Framing) -> None:
        self._meter = meter
        self._framing: Framing = framing
        self._connection: MeterConnection | None = None
        self.gave_up = False
        """Whether the octets heard last have made it end its connection."""

    def receive(self, data: bytes) -> bytes:
        self._meter.advance()
        self.gave_up = False
        if self._connection is None or not self._connection.is_open:
            try:
                self._connection = self._meter.connect(self._framing)
            except TransportError:
                return b""
        answer = self._connection.receive(data)
        self.gave_up = not self._connection.is_open and not self._meter.is_away
        return answer

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
        apdus, _ = self._receiver.receive(data)
        return b"".join(
            self._receiver.answer(received, self._refusal)
            for received in apdus
            if received.gateway is not None and received.gateway not in self._known
        )
