"""The meter's end of a pseudo-terminal: a serial line without a port, for tries and tests.

The kernel keeps the rate that the client has set, so the meter can tell whether it would be understood: what
it says at another rate than the client listens at arrives as noise, as on a real line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
import tty
from typing import Final

from dlms_fw.transports.base import closed_by_peer, transport_error
from dlms_fw.transports.mode_e import Line
from dlms_fw.transports.waiting import BUFFER_LIMIT, CHUNK, Waiter

_NOISE: Final = b"\xf8"
_OUTPUT_SPEED: Final = 5


class PtyPort(Waiter):
    """A pseudo-terminal of which this is the end without a name.

    Attributes:
        device: The name of the other end.
    """

    def __init__(self, line: Line) -> None:
        super().__init__(asyncio.get_running_loop())
        self._own, self._other = os.openpty()
        self._line = line
        self._received = bytearray()
        self._unsent = bytearray()
        tty.setraw(self._other)  # kept open, or the kernel would end ours when the client closes its
        os.set_blocking(self._own, False)
        self.device = os.ttyname(self._other)
        self._loop.add_reader(self._own, self._read)

    async def send(self, data: bytes, deadline: float) -> None:  # noqa: ARG002 (a line does not wait)
        """Say something at our rate; what nobody reads is lost."""
        if self._own < 0:
            raise closed_by_peer()
        heard = data if self._is_understood() else _NOISE * len(data)
        if len(self._unsent) + len(heard) <= BUFFER_LIMIT:
            self._unsent += heard
        self._write()

    async def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        while not self._received:
            if self._error is not None:
                raise self._error
            await self._wait(deadline, "receiving")
        data = bytes(self._received)
        self._received.clear()
        return data

    async def flush(self) -> None:
        """All has left at once."""

    async def switch(self, line: Line) -> None:
        """Talk at this rate from now on; the client's settings are the client's."""
        self._line = line

    async def close(self) -> None:
        """Take the line away."""
        self._stop_timer()
        own, self._own = self._own, -1
        if own >= 0:
            self._loop.remove_reader(own)
            self._loop.remove_writer(own)
            os.close(own)
            os.close(self._other)

    def _is_understood(self) -> bool:
        speed = termios.tcgetattr(self._other)[_OUTPUT_SPEED]
        return bool(speed == getattr(termios, f"B{self._line.baud}", speed))

    def _read(self) -> None:
        try:
            data = os.read(self._own, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._loop.remove_reader(self._own)
            self._fail(transport_error(error, "receiving"))
            return
        if len(self._received) + len(data) <= BUFFER_LIMIT:
            self._received += data
        self._wake()

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._unsent[: os.write(self._own, self._unsent)]
        if self._unsent:
            self._loop.add_writer(self._own, self._write)
        else:
            self._loop.remove_writer(self._own)
