"""The simulated meter on real sockets: listening, limits, reboots, power cuts, kill -9 and a clean stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import Busy, DlmsError, TransportError
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.power_cut import Cut, SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter, MeterServer
from dlms_fw.meter.storage import Directory, Medium
from dlms_fw.profiles import Profile
from meters import BLOCK_SIZE, IDENTIFIER, VENDOR_KEY, block, block_count, container

MANAGEMENT = Profile(client_sap=1, response_timeout_s=5.0)
IMAGE_TRANSFER = ImageTransfer(well_known.IMAGE_TRANSFER)
TIMINGS = ActivationTimings(install_seconds=0.05, reboot_seconds=0.3, self_test_seconds=0.05)
CONFIG = mcs301.configured(
    MANAGEMENT,
    image_block_size=BLOCK_SIZE,
    trusted=(VENDOR_KEY.public_key(),),
    timings=TIMINGS,
    verify_seconds=0.05,
)
ANY_PORT = Endpoint(scheme="tcp", host="127.0.0.1", port=0)


@contextlib.contextmanager
def running(
    memory: Path | Callable[[], Medium], endpoint: Endpoint = ANY_PORT, **limits: float
) -> Iterator[BackgroundMeter]:
    open_memory = (lambda: Directory(memory)) if isinstance(memory, Path) else memory
    with BackgroundMeter(CONFIG, open_memory, endpoint, **limits) as meter:  # type: ignore[arg-type]
        yield meter


def address(url: str) -> tuple[str, int]:
    endpoint = Endpoint.parse(url)
    return endpoint.host, endpoint.port


def status(url: str) -> int:
    with Client(url, MANAGEMENT) as client:
        return client.get(IMAGE_TRANSFER.image_transfer_status)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def send(client: Client, image: bytes, numbers: range) -> None:
    for number in numbers:
        client.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))


@pytest.mark.parametrize("scheme", ["tcp", "hdlc+tcp"])
def test_an_image_over_a_socket_survives_stop_and_start(tmp_path: Path, scheme: str) -> None:
    endpoint = Endpoint(scheme=scheme, host="127.0.0.1", port=0)  # type: ignore[arg-type]
    image = container()
    with running(tmp_path, endpoint) as meter, Client(meter.url, MANAGEMENT) as client:
        assert meter.url.startswith(f"{scheme}://127.0.0.1:")
        client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        send(client, image, range(5))
    with running(tmp_path, endpoint) as meter:
        with Client(meter.url, MANAGEMENT) as client:
            assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == 5
            send(client, image, range(5, block_count(image)))
            until(lambda: client.get(IMAGE_TRANSFER.image_transfer_status) == 3)
            client.exchange(IMAGE_TRANSFER.image_activate().request)
            with pytest.raises(DlmsError):  # the reboot ends the connection
                until(lambda: client.get(IMAGE_TRANSFER.image_transfer_status) == 6)
        with contextlib.suppress(DlmsError):
            status(meter.url)  # refused while it reboots
        until(lambda: not meter.call(lambda server: server.meter is None or server.meter.is_away))
        until(lambda: status(meter.url) == 6)
        with Client(meter.url, MANAGEMENT) as client:
            value = client.get(Data(well_known.active_firmware_identifier(1)).value).value
            assert value[0].value == IDENTIFIER  # type: ignore[index, union-attr]


@pytest.mark.fault("M-21")
def test_connections_beyond_the_limit_are_closed_at_once_and_the_others_served(tmp_path: Path) -> None:
    with running(tmp_path, max_connections=5) as meter, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address(meter.url))) for _ in range(5)]
        until(lambda: meter.call(lambda server: server.connections) == 5)
        for _ in range(50):
            with socket.create_connection(address(meter.url), timeout=5) as refused:
                assert not _is_alive(refused)
        assert meter.call(lambda server: server.connections) == 5
        idle.pop().close()
        until(lambda: meter.call(lambda server: server.connections) == 4)
        assert status(meter.url) == 0


@pytest.mark.fault("M-21")
def test_half_associations_and_garbage_leave_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path) as meter:
        for data in (b"", b"\0\1\0\1", b"\xff" * 300, b"\0\1\0\1\0\1\0\3\xc0\1\xc1", os.urandom(2000)):
            with socket.create_connection(address(meter.url), timeout=5) as line:
                line.sendall(data)
        until(lambda: meter.call(lambda server: server.connections) == 0)
        assert status(meter.url) == 0


def test_a_silent_connection_is_closed_after_a_time(tmp_path: Path) -> None:
    with (
        running(tmp_path, inactivity_seconds=0.2) as meter,
        socket.create_connection(address(meter.url), timeout=5) as line,
    ):
        started = time.monotonic()
        assert not _is_alive(line)
        assert time.monotonic() - started >= 0.15


READ = bytes.fromhex("0001 0010 0001 000d c001c1 0001 00002a0000ff 02 00")
"""The public client reads the logical device name, without an association: the meter refuses."""


def only_line(server: MeterServer) -> Any:
    """The one connection that the server has."""
    (line,) = server._lines
    return line


@pytest.mark.fault("M-21")
def test_who_does_not_read_its_answers_is_not_asked_for_more(tmp_path: Path) -> None:
    with running(tmp_path) as meter, socket.create_connection(address(meter.url), timeout=5) as line:
        line.sendall(READ)
        refusal = line.recv(100)
        assert refusal[8] == 0xD8
        meter.call(lambda server: only_line(server).pause_writing())  # the loop's word for it
        line.sendall(READ)
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(100)
        meter.call(lambda server: only_line(server).resume_writing())
        line.settimeout(5)
        assert line.recv(100) == refusal


def test_one_timer_watches_over_many_requests(tmp_path: Path) -> None:
    with running(tmp_path) as meter, socket.create_connection(address(meter.url), timeout=5) as line:
        timers = []
        for _ in range(50):
            line.sendall(READ)
            assert line.recv(100)[8] == 0xD8
            timers.append(meter.call(lambda server: only_line(server)._timer))
        assert len(set(map(id, timers))) == 1
        meter.call(lambda server: only_line(server)._watch())  # it fires, and the client has just spoken
        line.sendall(READ)
        assert line.recv(100)[8] == 0xD8
        assert meter.call(lambda server: only_line(server)._timer) is not timers[0]


def test_a_meter_that_has_no_power_answers_nobody_until_it_has() -> None:
    media = [SimulatedMedium()]
    image = container()

    def open_memory() -> Medium:
        media.append(media[-1].survivor())
        return media[-1]

    with running(open_memory) as meter:
        with Client(meter.url, MANAGEMENT) as client:
            client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
            send(client, image, range(3))
            meter.call(lambda server: media[-1].cut_now("kept"))
            with pytest.raises(DlmsError):
                send(client, image, range(3, 4))
        with pytest.raises(DlmsError):
            status(meter.url)
        meter.call(MeterServer.power_up)
        with Client(meter.url, MANAGEMENT) as client:
            assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == 3
            send(client, image, range(3, 12))
        meter.call(MeterServer.cut_power)
        meter.call(MeterServer.power_up)
        until(lambda: status(meter.url) == 3)


@pytest.mark.fault("M-01")
def test_a_power_cut_in_a_timer_takes_the_connections_with_it() -> None:
    medium = SimulatedMedium()
    with running(lambda: medium) as meter, Client(meter.url, MANAGEMENT) as client:
        image = container()
        client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        send(client, image, range(11))
        medium._cut = Cut(medium.operations + 8, "before", "kept")  # in the end of the verification
        send(client, image, range(11, 12))
        with pytest.raises(DlmsError):
            until(lambda: client.get(IMAGE_TRANSFER.image_transfer_status) == 3)
        assert meter.call(lambda server: server.meter) is None


def test_a_state_directory_in_use_and_an_address_in_use_are_told(tmp_path: Path) -> None:
    with running(tmp_path) as meter:
        with pytest.raises(Busy), running(tmp_path):
            pass
        taken = Endpoint.parse(meter.url)
        with pytest.raises(TransportError, match="cannot listen"), running(tmp_path / "other", taken):
            pass
        assert status(meter.url) == 0
    with running(tmp_path / "other"):
        pass


SERVE = """
import asyncio, sys
from test_serve import CONFIG, ANY_PORT
from dlms_fw.meter.serve import serve
from dlms_fw.meter.storage import Directory

def on_listening(url):
    print(url, flush=True)

asyncio.run(serve(CONFIG, lambda: Directory(sys.argv[1]), ANY_PORT, on_listening=on_listening))
"""


@contextlib.contextmanager
def process(state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A meter in a process of its own, and where it listens."""
    started = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(state)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    )
    try:
        assert started.stdout is not None
        yield started, started.stdout.readline().strip()
    finally:
        started.kill()
        started.communicate()


def test_kill_9_of_the_meter_takes_no_acknowledged_block(tmp_path: Path) -> None:
    image = container()
    for first in range(0, block_count(image), 4):
        with process(tmp_path) as (meter, url), Client(url, MANAGEMENT) as client:
            if first == 0:
                client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
            assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == first
            send(client, image, range(first, first + 4))
            meter.send_signal(signal.SIGKILL)
            meter.wait()
    with process(tmp_path) as (_, url):
        until(lambda: status(url) == 3)
        with Client(url, MANAGEMENT) as client:
            size, identifier, _ = client.get(IMAGE_TRANSFER.image_to_activate_info)[0]
            assert (size, identifier) == (len(image), IDENTIFIER)


def test_sigterm_stops_cleanly(tmp_path: Path) -> None:
    with process(tmp_path) as (meter, url), Client(url, MANAGEMENT) as client:
        client.get(IMAGE_TRANSFER.image_transfer_status)
        meter.send_signal(signal.SIGTERM)
        assert meter.wait(10) == 0
    with running(tmp_path) as again:
        codes = again.call(lambda server: [e.code for e in server.meter.units.standard_log.entries])  # type: ignore[union-attr]
        assert codes == [2, 1, 2]


def _is_alive(line: socket.socket) -> bool:
    """Whether the other end keeps the connection; waits for as long as the socket's timeout."""
    try:
        return line.recv(1) != b""
    except ConnectionError:
        return False
