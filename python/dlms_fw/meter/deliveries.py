"""Sends what the push setups of a served meter push: each to its own destination, or all to one place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from dlms_fw.endpoint import Endpoint
from dlms_fw.enums.push_setup import MessageType, TransportService
from dlms_fw.errors import ConfigurationError, DlmsError
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.group import GroupedMeter
from dlms_fw.meter.live.plant import Notification, Outgoing
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.push import CONFIRMATION_SECONDS, MeterPush, push_to

_SCHEMES: Final[dict[int, str]] = {TransportService.TCP: "tcp", TransportService.UDP: "udp"}


def destination_of(notification: Notification) -> Endpoint:
    """Where a push setup wants it sent, with ``host:port`` as its destination.

    Raises:
        ConfigurationError: There is no way to send it there.
    """
    scheme = _SCHEMES.get(notification.transport)
    if scheme is None or notification.message != MessageType.AXDR_ENCODED_APDU:
        raise ConfigurationError(
            f"a simulated meter pushes A-XDR over TCP and UDP, not transport service {notification.transport}"
        )
    try:
        place = notification.destination.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigurationError("the destination of a push setup is no text") from None
    return Endpoint.parse(f"{scheme}://{place}")


class Deliveries:
    """The notifications of one served meter, or of all that are served together, on their way."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        """With ``endpoint`` all of them go there."""
        self._endpoint = endpoint
        self._pushes: dict[tuple[SimulatedMeter, Framing], MeterPush] = {}
        self._meter: SimulatedMeter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, meter: SimulatedMeter, done: Callable[[Callable[[], None]], None]) -> None:
        """Begins to send what there is; ``done`` is given what to tell the meter of each afterwards."""
        if meter is not self._meter:
            self.end()
            self._meter = meter
        for member in meter.meters if isinstance(meter, GroupedMeter) else [meter]:
            for outgoing in member.take_notifications():
                task = asyncio.ensure_future(self._deliver(member, outgoing, done))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def end(self) -> None:
        """The meter has no power any more."""
        for task in self._tasks:
            task.cancel()
        self._pushes.clear()
        self._meter = None

    async def _deliver(
        self, meter: SimulatedMeter, outgoing: Outgoing, done: Callable[[Callable[[], None]], None]
    ) -> None:
        has_arrived = False
        with contextlib.suppress(OSError, TimeoutError, DlmsError):
            has_arrived = await self._send(meter, outgoing.notification)
        done(outgoing.sent if has_arrived else outgoing.failed)

    async def _send(self, meter: SimulatedMeter, notification: Notification) -> bool:
        endpoint = self._endpoint or destination_of(notification)
        framing: Framing = "hdlc" if endpoint.scheme == "hdlc+tcp" else "wrapper"
        push = self._pushes.get((meter, framing)) or MeterPush(meter, framing)
        self._pushes[meter, framing] = push
        confirmed = await push_to(
            push,
            endpoint,
            message=lambda: push.message_of(notification),
            linger_s=CONFIRMATION_SECONDS if notification.confirmed else 0.0,
        )
        return bool(confirmed) or not notification.confirmed
