"""Serial ports: HDLC at once, or after the sign-on of mode E. Needs the extra ``serial``.

A port belongs to one program at a time. Echoes of our own octets are taken out, noise is the link's matter.
The library below is serialx, and only this file knows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from dlms_fw.endpoint import SerialSettings
from dlms_fw.errors import Busy, ConfigurationError, DlmsError, TransportError
from dlms_fw.transports.base import AsyncTransport, closed_by_peer, no_answer, transport_error
from dlms_fw.transports.echo import EchoFilter
from dlms_fw.transports.mode_e import Line, Listen, ModeEClient, ModeEMeter, Pause, Send, Switch
from dlms_fw.transports.waiting import BUFFER_LIMIT, CHUNK, Waiter, remaining

if TYPE_CHECKING:
    from serialx import BaseSerial, BaseSerialTransport

_LONGEST_WAIT_S: Final = 3600.0
_CLOSE_S: Final = 2.0


class SerialTransport:
    """A serial port for the blocking driver; made by :meth:`open`."""

    def __init__(self, port: BaseSerial) -> None:
        self._port = port
        self._echo = EchoFilter()
        self._received = b""
        self._room = bytearray(CHUNK)

    @classmethod
    def open(cls, device: str, settings: SerialSettings, deadline: float) -> SerialTransport:
        """Open the port, and sign on where the settings ask for mode E.

        Raises:
            Busy: another program has the port.
            ConfigurationError: the extra is missing, or the port cannot be set like that.
            TransportError, ResponseTimeout: there is no such port, or nobody signs on.
        """
        doing = f"opening {device}"
        line = line_of(settings)
        try:
            remaining(deadline, doing)
            port = _library().Serial(device, **_port_settings(line))
            port.open()
        except Exception as error:  # the library has several kinds
            raise _opening_error(error, device) from error
        transport = cls(port)
        try:
            _check_taken(port, line)
            if settings.mode == "e":
                transport._sign_on(settings, deadline)
        except BaseException:
            transport.close()
            raise
        return transport

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all of ``data`` to the port. Raises TransportError, ResponseTimeout."""
        if not self._port.is_open:
            raise closed_by_peer()
        self._echo.sent(data)
        try:
            self._port.write(data, timeout=min(remaining(deadline, "sending"), _LONGEST_WAIT_S))
        except TransportError:
            raise
        except TimeoutError:
            raise no_answer("sending") from None
        except OSError as error:
            raise transport_error(error, "sending") from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        if self._received:
            data, self._received = self._received, b""
            return data
        while not (data := self._read(remaining(deadline, "receiving"))):
            pass
        return data

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError, ValueError):
            self._port.close()

    def _read(self, seconds: float) -> bytes:
        if not self._port.is_open:
            raise closed_by_peer()
        try:
            length = self._port.readinto(self._room, timeout=min(seconds, _LONGEST_WAIT_S))
        except TimeoutError:
            return b""
        except OSError as error:
            raise transport_error(error, "receiving") from error
        return self._echo.received(bytes(self._room[:length]))

    def _sign_on(self, settings: SerialSettings, deadline: float) -> None:
        machine = sign_on(settings)
        actions = machine.start()
        while True:
            action = actions.pop(0)
            left = remaining(deadline, "signing on")
            if isinstance(action, Send):
                self.send(action.octets, deadline)
                self._port.flush()
            elif isinstance(action, Switch):
                self._switch(action.line)
            elif isinstance(action, Pause):
                time.sleep(min(action.seconds, left))
            elif isinstance(action, Listen):
                seconds = left if action.seconds is None else min(action.seconds, left)
                try:
                    data = self.receive(time.monotonic() + seconds)
                except TimeoutError:
                    actions = machine.handle_silence()
                else:
                    actions = machine.receive(data)
            else:
                self._received = action.octets
                return

    def _switch(self, line: Line) -> None:
        try:
            if not _set(self._port, line):
                self._port.reconfigure_port(**_port_settings(line))
        except Exception as error:  # the library has several kinds
            raise _setting_error(error, line) from error
        _check_taken(self._port, line)


class AsyncSerialTransport(Waiter, asyncio.Protocol):
    """A serial port for the asyncio driver; made by :meth:`open`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._port: BaseSerialTransport | None = None
        self._echo = EchoFilter()
        self._received = bytearray()

    @classmethod
    async def open(cls, device: str, settings: SerialSettings, deadline: float) -> AsyncSerialTransport:
        """As :meth:`SerialTransport.open`."""
        loop = asyncio.get_running_loop()
        line = line_of(settings)
        transport = cls(loop)
        try:
            async with asyncio.timeout_at(deadline):
                transport._port, _ = await _library().create_serial_connection(
                    loop, lambda: transport, device, **_port_settings(line)
                )
        except TimeoutError:
            raise no_answer(f"opening {device}") from None
        except Exception as error:  # the library has several kinds
            raise _opening_error(error, device) from error
        try:
            _check_taken(transport._port.serial, line)
            if settings.mode == "e":
                transport._received[:0] = await carry_out(sign_on(settings), transport, deadline)
        except BaseException:
            await transport.close()
            raise
        return transport

    async def send(self, data: bytes, deadline: float) -> None:
        """Hand ``data`` to the loop and wait while it is full. Raises TransportError, ResponseTimeout."""
        if self._error is not None:
            raise self._error
        if self._port is None:
            raise closed_by_peer()
        self._echo.sent(data)
        self._port.write(data)
        while not self._writable:
            await self._wait(deadline, "sending")

    async def receive(self, deadline: float) -> bytes:
        """What has arrived, at least one octet. Raises TransportError, ResponseTimeout."""
        while not self._received:
            if self._error is not None:
                raise self._error
            await self._wait(deadline, "receiving")
        data = bytes(self._received)
        self._received.clear()
        if len(data) >= BUFFER_LIMIT and self._port is not None:
            self._port.resume_reading()
        return data

    async def flush(self) -> None:
        """Wait until all octets have left. Raises TransportError."""
        if self._port is not None:
            await self._port.flush()

    async def switch(self, line: Line) -> None:
        """Set the port. Raises TransportError, ConfigurationError."""
        if self._port is None:
            raise closed_by_peer()
        try:
            if not _set(self._port.serial, line):
                await self._port.reconfigure_port(**_port_settings(line))
        except Exception as error:  # the library has several kinds
            raise _setting_error(error, line) from error
        _check_taken(self._port.serial, line)

    async def close(self) -> None:
        """Give the port back; what was not sent is dropped."""
        self._stop_timer()
        port, self._port = self._port, None
        if port is not None:
            port.abort()
            with contextlib.suppress(TimeoutError, OSError):  # until then nobody else could open it
                await asyncio.wait_for(port.wait_closed(), _CLOSE_S)

    # Called by the loop

    def data_received(self, data: bytes) -> None:
        """Collect octets and wake the driver."""
        self._received += self._echo.received(data)
        if len(self._received) >= BUFFER_LIMIT and self._port is not None:
            self._port.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The port is gone."""
        self._fail(transport_error(exc, "connected") if isinstance(exc, OSError) else closed_by_peer())


class AsyncPort(AsyncTransport, Protocol):
    """A port on which a sign-on can be carried out."""

    async def flush(self) -> None:
        """Wait until all octets have left."""
        ...

    async def switch(self, line: Line) -> None:
        """Set the port."""
        ...


async def carry_out(machine: ModeEClient | ModeEMeter, port: AsyncPort, deadline: float) -> bytes:
    """Do what a sign-on says until HDLC begins; the octets that it begins with.

    Raises:
        TransportError: it fails.
        ResponseTimeout: at the deadline.
    """
    actions = machine.start()
    while True:
        action = actions.pop(0)
        left = remaining(deadline, "signing on")
        if isinstance(action, Send):
            await port.send(action.octets, deadline)
            await port.flush()
        elif isinstance(action, Switch):
            await port.switch(action.line)
        elif isinstance(action, Pause):
            await asyncio.sleep(min(action.seconds, left))
        elif isinstance(action, Listen):
            seconds = left if action.seconds is None else min(action.seconds, left)
            try:
                data = await port.receive(time.monotonic() + seconds)
            except TimeoutError:
                actions = machine.handle_silence()
            else:
                actions = machine.receive(data)
        else:
            return action.octets


def line_of(settings: SerialSettings) -> Line:
    """The form of the characters while HDLC is spoken."""
    return Line(
        baud=settings.baud,
        data_bits=settings.data_bits,
        parity=settings.parity,
        stop_bits=settings.stop_bits,
    )


def sign_on(settings: SerialSettings) -> ModeEClient:
    """The client's sign-on for these settings."""
    return ModeEClient(line_of(settings), device=settings.device, software_parity=settings.software_parity)


def _library() -> Any:
    try:
        import serialx  # here, as it is an extra and takes its time
    except ImportError:
        raise ConfigurationError(
            "serial ports need the library serialx",
            code="configuration.extra",
            hint="pip install 'dlms-fw[serial]'",
        ) from None
    return serialx


def _port_settings(line: Line) -> dict[str, Any]:
    library = _library()
    parity = {"none": library.Parity.NONE, "even": library.Parity.EVEN, "odd": library.Parity.ODD}
    return {
        "baudrate": line.baud,
        "byte_size": line.data_bits,
        "parity": parity[line.parity],
        "stopbits": library.StopBits(line.stop_bits),
    }


def _set(port: BaseSerial, line: Line) -> bool:
    """Set the port where termios can; the library would throw away what has come and not yet gone."""
    try:
        import termios
    except ImportError:
        return False
    speed = getattr(termios, f"B{line.baud}", None)
    if speed is None:
        return False
    size = {7: termios.CS7, 8: termios.CS8}[line.data_bits]
    parity = {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}[line.parity]
    stop = termios.CSTOPB if line.stop_bits == 2 else 0
    attributes = termios.tcgetattr(port.fileno())
    form = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB
    attributes[2] = (attributes[2] & ~form) | size | parity | stop
    attributes[4] = attributes[5] = speed
    try:
        termios.tcsetattr(port.fileno(), termios.TCSADRAIN, attributes)
    except termios.error as error:
        raise OSError(*error.args) from error
    return True


def _check_taken(port: BaseSerial, line: Line) -> None:
    """A driver may round a rate, or keep the old one, without a word. Raises TransportError."""
    try:
        import termios
    except ImportError:  # Windows refuses what it cannot do
        return
    wanted = getattr(termios, f"B{line.baud}", None)
    try:
        _, _, _, _, input_speed, output_speed, _ = termios.tcgetattr(port.fileno())
    except termios.error:
        return
    if wanted is not None and {input_speed, output_speed} != {wanted}:
        raise TransportError(f"the port does not take {line.baud} baud", code="transport.baud")


def _opening_error(error: Exception, device: str) -> DlmsError:
    if isinstance(error, DlmsError):
        return error
    if isinstance(error, OSError):
        if error.errno in {errno.EBUSY, errno.EWOULDBLOCK}:
            return Busy(f"{device} is in use by another program")
        return transport_error(error, f"opening {device}")
    return ConfigurationError(f"{device} cannot be used like that: {error}", code="configuration.serial")


def _setting_error(error: Exception, line: Line) -> DlmsError:
    if isinstance(error, OSError):
        return transport_error(error, f"setting {line.baud} baud")
    return ConfigurationError(f"the port cannot be set to {line.baud} baud: {error}")
