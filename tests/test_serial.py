"""Serial lines on pseudo-terminals: HDLC at once and after mode E, echoes, owners, and whole upgrades."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.endpoint import Endpoint, SerialSettings
from dlms_fw.errors import Busy, ConfigurationError, ResponseTimeout, TransportError
from dlms_fw.image import Image
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profiles import Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports import serial as serial_module
from dlms_fw.transports.mode_e import Line
from dlms_fw.transports.serial import AsyncSerialTransport, SerialTransport
from meters import BLOCK_SIZE, VENDOR_KEY, container
from simulator import QUICK, SMALL, Workshop, workshop

__all__ = ["workshop"]  # a fixture

MANAGEMENT = Profile(client_sap=1, response_timeout_s=1.0, request_deadline_s=10.0, connect_timeout_s=10.0)
TIMINGS = ActivationTimings(install_seconds=0.01, reboot_seconds=0.05, self_test_seconds=0.01)
TIME = Clock(well_known.CLOCK).time
DIRECT = SerialSettings()


@contextlib.contextmanager
def running(listen: str, **limits: Any) -> Iterator[BackgroundMeter]:
    config = mcs301.configured(
        MANAGEMENT,
        image_block_size=BLOCK_SIZE,
        trusted=(VENDOR_KEY.public_key(),),
        timings=TIMINGS,
        verify_seconds=0.01,
    )
    medium = SimulatedMedium()
    with BackgroundMeter(config, lambda: medium, Endpoint.parse(listen, listen=True), **limits) as meter:
        yield meter


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def speed(device: str) -> int:
    """The rate that a pseudo-terminal is set to, seen from anywhere."""
    other = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return int(termios.tcgetattr(other)[5])
    finally:
        os.close(other)


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """One end of a pseudo-terminal, and the name of the other."""
    own, other = os.openpty()
    tty.setraw(other)
    try:
        yield own, os.ttyname(other)
    finally:
        os.close(own)
        os.close(other)


class Echo:
    """A half-duplex adapter in front of a meter: what the client says comes back to it first."""

    def __init__(self, device: str) -> None:
        self._meter = os.open(device, os.O_RDWR | os.O_NOCTTY)
        self._own, self._other = os.openpty()
        tty.setraw(self._other)
        self.device = os.ttyname(self._other)
        self.echoed = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Echo:  # noqa: PYI034
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for descriptor in (self._meter, self._own, self._other):
            os.close(descriptor)

    def _run(self) -> None:
        while not self._ended.is_set():
            ready, _, _ = select.select([self._own, self._meter], [], [], 0.05)
            if self._own in ready:
                # The adapter hands on the rate as well as the octets.
                termios.tcsetattr(self._meter, termios.TCSANOW, termios.tcgetattr(self._other))
                said = os.read(self._own, 4096)
                os.write(self._own, said)
                self.echoed += len(said)
                os.write(self._meter, said)
            if self._meter in ready:
                os.write(self._own, os.read(self._meter, 4096))


class TestPort:
    def test_octets_go_and_come(self) -> None:
        with terminal() as (own, device):
            port = SerialTransport.open(device, SerialSettings(baud=19_200), soon())
            assert speed(device) == termios.B19200
            port.send(b"\x7e\x00\xff\x11\x13", soon())
            assert os.read(own, 100) == b"\x7e\x00\xff\x11\x13"
            os.write(own, bytes(range(256)))
            received = b""
            while len(received) < 256:
                received += port.receive(soon())
            assert received == bytes(range(256))
            with pytest.raises(ResponseTimeout):
                port.receive(soon(0.05))
            port.close()
            port.close()
            with pytest.raises(TransportError):
                port.send(b"x", soon())
            with pytest.raises(TransportError):
                port.receive(soon())

    def test_asyncio(self) -> None:
        async def run(own: int, device: str) -> None:
            port = await AsyncSerialTransport.open(device, SerialSettings(baud=2400), soon())
            assert speed(device) == termios.B2400
            await port.send(b"\x7e\x00\xff", soon())
            await port.flush()
            assert os.read(own, 100) == b"\x7e\x00\xff"
            os.write(own, b"\x00\x11\xff")
            assert await port.receive(soon()) == b"\x00\x11\xff"
            with pytest.raises(ResponseTimeout):
                await port.receive(soon(0.05))
            await port.switch(Line(baud=9600))
            assert speed(device) == termios.B9600
            await port.close()
            await port.close()
            with pytest.raises(TransportError):
                await port.send(b"x", soon())
            with pytest.raises(TransportError):
                await port.switch(Line(baud=300))

        with terminal() as (own, device):
            asyncio.run(run(own, device))

    @pytest.mark.fault("L-22")
    def test_a_port_has_one_owner(self) -> None:
        async def second(device: str) -> None:
            with pytest.raises(Busy, match="in use"):
                await AsyncSerialTransport.open(device, DIRECT, soon())

        with terminal() as (_, device):
            first = SerialTransport.open(device, DIRECT, soon())
            with pytest.raises(Busy, match="in use by another program"):
                SerialTransport.open(device, DIRECT, soon())
            asyncio.run(second(device))
            first.close()
            SerialTransport.open(device, DIRECT, soon()).close()

    def test_what_cannot_be_opened(self) -> None:
        with pytest.raises(TransportError, match="opening /dev/no-such-port"):
            SerialTransport.open("/dev/no-such-port", DIRECT, soon())
        with pytest.raises(TransportError, match="opening /dev/no-such-port"):
            asyncio.run(AsyncSerialTransport.open("/dev/no-such-port", DIRECT, soon()))
        with terminal() as (_, device), pytest.raises(ResponseTimeout):
            SerialTransport.open(device, DIRECT, soon(-1))

    def test_without_the_library_it_is_said_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "serialx", None)
        with pytest.raises(ConfigurationError, match="serialx") as caught:
            SerialTransport.open("/dev/ttyS0", DIRECT, soon())
        assert caught.value.hint == "pip install 'dlms-fw[serial]'"

    @pytest.mark.fault("L-21")
    def test_a_rate_that_is_not_taken_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with terminal() as (_, device):
            port = SerialTransport.open(device, DIRECT, soon())
            monkeypatch.setattr(termios, "tcsetattr", lambda *_: None)
            with pytest.raises(TransportError, match="does not take 300 baud") as caught:
                port._switch(Line(baud=300))
            assert caught.value.code == "transport.baud"
            port.close()


class TestMeter:
    @pytest.mark.proves("serial", "mode-e")
    @pytest.mark.parametrize("listen", ["pty", "pty?mode=e", "pty?mode=e&baud=19200&software-parity=yes"])
    def test_reading(self, listen: str) -> None:
        async def run(url: str) -> None:
            async with AsyncClient(url, MANAGEMENT) as client:
                assert await client.get(TIME) is not None

        with running(listen) as meter:
            assert meter.url.startswith("serial:///dev/")
            endpoint = Endpoint.parse(meter.url)
            with Client(meter.url, MANAGEMENT) as client:
                assert client.get(TIME) is not None
                assert speed(endpoint.device) == getattr(termios, f"B{endpoint.serial.baud}")
            asyncio.run(run(meter.url))

    @pytest.mark.proves("serial", "mode-e")
    def test_mode_e_sets_the_form_of_the_characters_and_the_rate(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A pseudo-terminal keeps the rate but forces 8N1, so the form is looked at where it is asked for.
        taken: list[tuple[Line, int]] = []
        check = serial_module._check_taken

        def note(port: Any, line: Line) -> None:
            check(port, line)
            taken.append((line, termios.tcgetattr(port.fileno())[5]))

        monkeypatch.setattr(serial_module, "_check_taken", note)
        with running("pty?mode=e") as meter:
            device = Endpoint.parse(meter.url).device
            SerialTransport.open(device, SerialSettings(mode="e", baud=4800), soon()).close()
            assert speed(device) == termios.B4800
        seven = {"data_bits": 7, "parity": "even"}
        assert taken == [
            (Line(baud=4800), termios.B4800),
            (Line(baud=300, **seven), termios.B300),  # type: ignore[arg-type]
            (Line(baud=4800, **seven), termios.B4800),  # type: ignore[arg-type]
            (Line(baud=4800), termios.B4800),
        ]

    @pytest.mark.fault("L-21")
    def test_at_another_rate_the_meter_is_not_understood(self) -> None:
        quick = Profile(client_sap=1, response_timeout_s=0.05, request_deadline_s=0.5)
        with running("pty?baud=9600") as meter:
            wrong = meter.url.partition("?")[0] + "?baud=19200"
            with pytest.raises(TransportError), Client(wrong, quick):
                pass
            with Client(meter.url, MANAGEMENT) as client:
                assert client.get(TIME) is not None

    @pytest.mark.fault("L-21")
    @pytest.mark.parametrize("listen", ["pty", "pty?mode=e"])
    def test_an_echo_on_the_line(self, listen: str) -> None:
        with running(listen) as meter:
            endpoint = Endpoint.parse(meter.url)
            with Echo(endpoint.device) as adapter:
                url = meter.url.replace(endpoint.device, adapter.device)
                with Client(url, MANAGEMENT) as client:
                    for _ in range(3):
                        assert client.get(TIME) is not None
                assert adapter.echoed > 100

    def test_nobody_signs_on_within_the_deadline(self) -> None:
        with terminal() as (_, device), pytest.raises(ResponseTimeout, match="signing on"):
            SerialTransport.open(device, SerialSettings(mode="e"), soon(0.3))

        async def run(device: str) -> None:
            with pytest.raises(ResponseTimeout):
                await AsyncSerialTransport.open(device, SerialSettings(mode="e"), soon(0.3))

        with terminal() as (_, device):
            asyncio.run(run(device))

    def test_after_silence_the_meter_returns_to_the_sign_on(self) -> None:
        with running("pty?mode=e", inactivity_seconds=0.3) as meter:
            endpoint = Endpoint.parse(meter.url)
            SerialTransport.open(endpoint.device, endpoint.serial, soon()).close()  # and says nothing more
            end = soon()
            while True:
                with contextlib.suppress(TransportError), Client(meter.url, MANAGEMENT) as client:
                    assert client.get(TIME) is not None
                    break
                assert time.monotonic() < end

    @pytest.mark.proves("serial", "mode-e")
    @pytest.mark.parametrize("listen", ["pty", "pty?mode=e"])
    def test_an_upgrade_with_its_reboot(self, listen: str) -> None:
        image = Image.from_bytes(container())
        with running(listen) as meter, Client(meter.url, MANAGEMENT) as client:
            result = client.upgrade(image, TransferPolicy(allow_insecure=True, **QUICK))
            assert result.outcome == "activated"


class TestCommandLine:
    @pytest.mark.proves("serial", "mode-e")
    @pytest.mark.parametrize("listen", ["pty", "pty?mode=e&baud=115200"])
    def test_two_processes(self, workshop: Workshop, listen: str) -> None:
        meter = workshop.meter(listen=listen)
        image = Image.open(workshop.image(SMALL))
        with Client(meter.url, MANAGEMENT) as client:
            result = client.upgrade(image, TransferPolicy(allow_insecure=True, **QUICK))
            assert result.outcome == "activated"

    def test_a_meter_on_a_port_of_its_own(self, workshop: Workshop, tmp_path: Path) -> None:
        """A real port on both sides: two pseudo-terminals, joined like a null-modem cable."""
        with terminal() as (left, ours), terminal() as (right, theirs):
            ended = threading.Event()

            def cable() -> None:
                while not ended.is_set():
                    for end in select.select([left, right], [], [], 0.05)[0]:
                        os.write(right if end == left else left, os.read(end, 4096))

            thread = threading.Thread(target=cable)
            thread.start()
            try:
                meter = workshop.meter(listen=f"serial://{theirs}?mode=e")
                assert workshop.info(f"serial://{ours}?mode=e")["identity"]
                busy = workshop.run("info", f"serial://{theirs}", "--json")
                assert busy.document["error"]["code"] == "busy"
                assert meter.stop().code == 0
            finally:
                ended.set()
                thread.join()


class TestInProcess:
    def test_a_meter_in_this_process(self) -> None:
        with Client("sim:", MANAGEMENT) as client:
            assert client.get(TIME) is not None
            result = client.upgrade(
                Image.from_bytes(container()), TransferPolicy(allow_insecure=True, **QUICK)
            )
            assert result.outcome == "activated"

        async def run() -> None:
            async with AsyncClient("sim:", MANAGEMENT) as client:
                assert await client.get(TIME) is not None

        asyncio.run(run())

    def test_info(self, workshop: Workshop) -> None:
        assert workshop.info("sim:")["identity"]
        assert workshop.info("sim:", "hls-gmac")["identity"]
