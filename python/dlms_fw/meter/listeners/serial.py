"""A meter on a serial line: HDLC at once, or after the sign-on of mode E, to which it returns.

There is one client at a time, and nothing tells when it has gone but DISC or silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Final

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import DlmsError
from dlms_fw.meter.listeners.base import Host, Line
from dlms_fw.transports.mode_e import ModeEMeter, check_baud
from dlms_fw.transports.serial import AsyncPort, AsyncSerialTransport, carry_out, line_of

_OPENING_S: Final = 10.0
_SENDING_S: Final = 30.0
_FAR_S: Final = 3600.0
_LOOK_S: Final = 0.5


class SerialListener:
    """A port of its own, or one end of a pseudo-terminal."""

    def __init__(self, host: Host, endpoint: Endpoint, port: AsyncPort) -> None:
        self.endpoint = endpoint
        self._host = host
        self._port = port
        self._uses_mode_e = endpoint.serial.mode == "e"
        self._line = Line(host, "hdlc")
        self._task = asyncio.get_running_loop().create_task(self._run())

    @classmethod
    async def open(cls, host: Host, endpoint: Endpoint) -> SerialListener:
        """Open the port. Raises TransportError, Busy, ConfigurationError."""
        settings = endpoint.serial
        if settings.mode == "e":
            check_baud(settings.baud)
        if endpoint.scheme == "pty":
            from dlms_fw.meter.listeners.pty import PtyPort  # here, as not every system has them

            pty = PtyPort(line_of(settings))
            return cls(host, replace(endpoint, scheme="serial", device=pty.device), pty)
        # The port is only opened here; the sign-on is the client's.
        port = await AsyncSerialTransport.open(
            endpoint.device, replace(settings, mode="hdlc"), time.monotonic() + _OPENING_S
        )
        return cls(host, endpoint, port)

    async def close(self) -> None:
        """Listen no more and give the port back."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            while True:
                if self._uses_mode_e:
                    await self._answer_sign_on()
                await self._serve_link()
        except DlmsError:
            return  # the port is gone
        finally:
            self._line.lost()
            await self._port.close()

    async def _answer_sign_on(self) -> None:
        settings = self.endpoint.serial
        machine = ModeEMeter(settings.baud, device=settings.device, software_parity=settings.software_parity)
        while True:
            try:
                await carry_out(machine, self._port, time.monotonic() + _FAR_S)
            except TimeoutError:
                continue
            return

    async def _serve_link(self) -> None:
        """HDLC; with mode E until the link ends or nothing is said for too long."""
        line = self._line
        was_linked = False
        silent_at = time.monotonic() + self._host.inactivity_seconds
        while not (
            self._uses_mode_e and ((was_linked and not line.is_linked) or time.monotonic() > silent_at)
        ):
            was_linked = line.is_linked
            try:
                data = await self._port.receive(time.monotonic() + _LOOK_S)
            except TimeoutError:  # the meter may have rebooted, or the line may have been silent too long
                continue
            silent_at = time.monotonic() + self._host.inactivity_seconds
            if not line.is_open and not line.open():
                continue  # without power nobody is there
            answer = line.take(data)
            if answer and line.is_open:
                await self._port.send(answer, time.monotonic() + _SENDING_S)
                await self._port.flush()
        line.lost()
