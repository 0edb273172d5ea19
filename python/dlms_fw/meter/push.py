"""What a simulated meter pushes: data-notifications of its name, its clock and its firmware, made and framed.

Octets out, octets in: :class:`MeterPush` knows no socket. :func:`push_to` sends them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, cast

from dlms_fw import axdr
from dlms_fw._core import (
    ApduReceiver,
    DataNotification,
    DataNotificationConfirm,
    DateTime,
    SecurityContext,
    decode_apdu,
)
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, DecodeError, SecurityError
from dlms_fw.meter.clients import PRE_ESTABLISHED
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.live.plant import Notification
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.security import COUNTER_MARGIN, COUNTER_STRIDE, SecurityPolicy, extend_counters

CONNECT_SECONDS: Final = 10.0
CONFIRMATION_SECONDS: Final = 10.0
_CONFIRMED: Final = 0x4000_0000
_INVOKE_ID: Final = 0x00FF_FFFF

_CONTENTS = axdr.structure(axdr.octet_string, axdr.date_time, axdr.array(axdr.octet_string))


def contents(meter: SimulatedMeter) -> bytes:
    """The logical device name, the clock's time, and the identifiers of the running firmware."""
    units = meter.units
    running = [part.firmware.identifier for part in units.firmware.memory.state.parts]
    return _CONTENTS.encode((meter.config.logical_device_name, units.clock.date_time, running))


class MeterPush:
    """One meter's notifications to one client.

    Args:
        meter: With power.
        framing: ``"wrapper"``, or ``"hdlc"`` for UI frames.
        client_sap: Whom they are for.
        confirmed: Whether they ask to be confirmed.
        contents: Gives the encoded body.
    """

    def __init__(
        self,
        meter: SimulatedMeter,
        framing: Framing = "wrapper",
        *,
        client_sap: int = PRE_ESTABLISHED,
        confirmed: bool = False,
        contents: Callable[[SimulatedMeter], bytes] = contents,
    ) -> None:
        self._meter = meter
        self._receiver = ApduReceiver("hdlc" if framing == "hdlc" else "wrapper", "client")
        self._client_sap = client_sap
        self._server_lower = meter.config.hdlc.server_lower if framing == "hdlc" else None
        self._class = _CONFIRMED if confirmed else 0
        self._contents = contents
        self._invoke_id = 0
        self._context = self._new_context()

    @property
    def is_confirmed(self) -> bool:
        """Whether they ask to be confirmed."""
        return bool(self._class)

    def message(self) -> bytes:
        """The next notification as it goes out."""
        moment = self._meter.units.clock.date_time
        return self._framed(moment, self._contents(self._meter), self._class, self._client_sap)

    def message_of(self, notification: Notification) -> bytes:
        """The notification of a push setup as it goes out."""
        service_class = _CONFIRMED if notification.confirmed else 0
        return self._framed(notification.date_time, notification.body, service_class, notification.client_sap)

    def _framed(self, moment: DateTime, body: bytes, service_class: int, client_sap: int) -> bytes:
        self._invoke_id = (self._invoke_id + 1) & _INVOKE_ID
        apdu = DataNotification(self._invoke_id | service_class, moment.to_bytes(), body).encode()
        context = self._context
        if context is not None:
            if context.counters_left < COUNTER_MARGIN:
                extend_counters(context, self._reserve)
            apdu = context.seal(apdu)
        return self._receiver.frame(
            client_sap, self._meter.config.server_sap, apdu, server_lower=self._server_lower
        )

    def receive(self, data: bytes) -> list[int]:
        """Takes what comes back: the invoke ids of what was confirmed. Raises nothing for octets."""
        confirmed = []
        for received in self._receiver.receive(data)[0]:
            octets = received.octets
            try:
                if self._context is not None:
                    octets = self._context.open(octets)
                apdu = decode_apdu(octets, "client")
            except (SecurityError, DecodeError):
                continue
            if isinstance(apdu, DataNotificationConfirm):
                confirmed.append(apdu.long_invoke_id_and_priority & _INVOKE_ID)
        return confirmed

    def _new_context(self) -> SecurityContext | None:
        config = self._meter.config
        key = config.global_unicast_encryption_key
        if config.security_policy is SecurityPolicy.NONE or key is None:
            return None
        self._key_fingerprint = key.fingerprint
        counters = self._reserve(COUNTER_STRIDE)
        return SecurityContext(
            config.security_suite,
            config.security_policy,
            system_title=config.system_title,
            peer_system_title=config.client_system_title,
            global_unicast_encryption_key=key,
            authentication_key=config.authentication_key,
            invocation_counter=counters.start,
            counter_limit=counters.stop,
            general=True,
        )

    def _reserve(self, count: int) -> range:
        return self._meter.units.counters.reserve(self._key_fingerprint, count)


async def push_to(
    push: MeterPush,
    endpoint: Endpoint,
    *,
    count: int = 1,
    every_s: float = 0.0,
    linger_s: float = 0.0,
    message: Callable[[], bytes] | None = None,
) -> list[int]:
    """Sends notifications over one connection, or from one UDP port; gives the invoke ids of the confirmed.

    Args:
        push: Makes them.
        endpoint: Where they go.
        count: How many.
        every_s: The time between two.
        message: Makes each, where it is not the next one of ``push``.
        linger_s: How long confirmations are waited for after the last; no longer than until all are there.

    Raises:
        OSError: it cannot be reached.
        ConfigurationError: there is no way to push there.
    """
    if endpoint.scheme not in {"tcp", "hdlc+tcp", "udp"}:
        raise ConfigurationError(f"a meter cannot push to {endpoint.scheme}://")
    loop = asyncio.get_running_loop()
    confirmed: list[int] = []
    all_there = asyncio.Event()

    def heard(data: bytes) -> None:
        confirmed.extend(push.receive(data))
        if len(confirmed) >= count:
            all_there.set()

    async with asyncio.timeout(CONNECT_SECONDS):
        line = await _open(loop, endpoint, heard)
    try:
        for number in range(count):
            if number:
                await asyncio.sleep(every_s)
            await line.send((message or push.message)())
        if linger_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger_s):
                    await all_there.wait()
    finally:
        line.close()
    return confirmed


async def push_periodically(push: MeterPush, endpoint: Endpoint, every_s: float) -> None:
    """Pushes over a new connection each time, for ever; a listener that is away is tried again the next time.

    It ends when the meter has lost its power, or cannot push any more.
    """
    while True:
        with contextlib.suppress(OSError):
            await push_to(push, endpoint, linger_s=CONFIRMATION_SECONDS if push.is_confirmed else 0.0)
        await asyncio.sleep(every_s)


class _Line(asyncio.Protocol, asyncio.DatagramProtocol):
    """The way to a listener: a stream or datagrams."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._transport: asyncio.BaseTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    async def send(self, data: bytes) -> None:
        """Send one message; waits while the listener does not read."""
        await self._writable.wait()
        if hasattr(self._transport, "sendto"):
            cast("asyncio.DatagramTransport", self._transport).sendto(data)
        else:
            cast("asyncio.Transport", self._transport).write(data)

    def close(self) -> None:
        """Close, after what was sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def pause_writing(self) -> None:
        """The listener does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (gone is gone)
        """It is closed: nobody waits for it any more."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Something came back."""
        self._heard(data)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 (connected)
        """Something came back."""
        self._heard(data)


async def _open(loop: asyncio.AbstractEventLoop, endpoint: Endpoint, heard: Callable[[bytes], None]) -> _Line:
    def line() -> _Line:
        return _Line(heard)

    if endpoint.scheme == "udp":
        return (await loop.create_datagram_endpoint(line, remote_addr=(endpoint.host, endpoint.port)))[1]
    return (await loop.create_connection(line, endpoint.host, endpoint.port))[1]
