"""``dlms-fw demo``: the main job from nothing, with everything real but the meter.

Two random keys, a vendor's key pair, an image of about a megabyte, a simulated meter in a process of its own,
and a line between them that breaks once. All of it lives in a temporary folder and is gone afterwards.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import click

from dlms_fw import _core, regular_file, signing_keys
from dlms_fw.cli import progress
from dlms_fw.cli.outcome import Outcome
from dlms_fw.cli.target import signals_interrupt
from dlms_fw.client import Client
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image, read_file
from dlms_fw.journal import Journal
from dlms_fw.profile_files import load_profile
from dlms_fw.transfer import TransferPolicy, decisions

PART = 1
IDENTIFIER = bytes.fromhex("4D4353020401")
TRANSFER_S = 2.5
"""How long the line takes for the image: long enough to see a bar."""
START_S = 30.0
POLICY = TransferPolicy(verify_poll_first_seconds=0.2, reconnect_first_seconds=0.5)

_PROFILE = """\
[profiles.management]
client_sap = 1
server_sap = 1
authentication = "hls-gmac"
security_suite = 0
security_policy = "authenticated-encrypted"
system_title = "4D4D4D0000BC614E"
meter_system_title = "4D43530460BC614E"
global_unicast_encryption_key = "file:guek.hex"
authentication_key = "file:gak.hex"
max_pdu_size = 1024
"""

_NEXT = """
Next, with two terminals:
  dlms-fw image keygen --out vendor.key --public vendor.pem
  dlms-fw sim --listen tcp://127.0.0.1:4059 --state meter --trust vendor.pem
  dlms-fw info tcp://127.0.0.1:4059"""


class DemoFailed(DlmsError):
    """The demonstration could not be given, or did not end as it should."""

    code = "demo"


@click.command()
def demo() -> None:
    """Upgrade a simulated meter over TCP, ciphered, with a broken line on the way. Needs nothing."""
    with Outcome("demo", as_json=False) as outcome, signals_interrupt(), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlms-fw-demo-")))
        profile = _make_keys(folder)
        image = _make_image(folder)
        outcome.say(f"image   {image.payload.nbytes:,} octets signed by a new vendor key (ECDSA P-256)")
        url = stack.enter_context(simulated_meter(folder, profile))
        outcome.say(f"meter   a simulated MCS301 in its own process, {url}")
        line = stack.enter_context(Line(Endpoint.parse(url), breaks_after=image.size // 2))
        outcome.say("link    HLS with GMAC, AES-128-GCM, through a line that breaks half way\n")

        image.verify([folder / "vendor.pem"])
        journal = stack.enter_context(Journal(folder / "journal.sqlite3"))
        with Client(line.endpoint, load_profile(profile, "management"), journal=journal) as client:
            with progress.shown(sys.stdout) as show:
                result = client.upgrade(image, POLICY, on_event=show)
            active = _active_identifier(client)
        if active != IDENTIFIER or result.outcome != "activated":
            raise DemoFailed(f"the meter runs {active.hex().upper()}, not {IDENTIFIER.hex().upper()}")
        if result.link_losses == 0:
            raise DemoFailed("the line should have broken, and did not")
        outcome.say(
            f"\ndone    {result.blocks_sent} blocks sent for {result.blocks_total}, "
            f"in {progress.duration(result.seconds)}; the meter runs {active.hex().upper()}"
        )
        outcome.say(_NEXT)


def _make_keys(folder: Path) -> Path:
    """A profile that points to two new keys; both sides read it."""
    for name in ("guek.hex", "gak.hex"):
        regular_file.create(folder / name, os.urandom(16).hex().encode(), mode=0o600)
    profile = folder / "dlms-fw.toml"
    profile.write_text(_PROFILE, encoding="utf-8")
    return profile


def _make_image(folder: Path) -> Image:
    """A real file of about a megabyte, signed: our own extension module."""
    key = signing_keys.generate()
    signing_keys.write_pair(key, folder / "vendor.key", folder / "vendor.pem")
    data = dfw.build(
        read_file(_core.__file__),
        image_identifier=IDENTIFIER,
        part=PART,
        meter_type="MCS301",
        firmware_version=Version(2, 4, 1),
        key=key,
    )
    return Image.from_bytes(data)


def _active_identifier(client: Client) -> bytes:
    value = client.get(Data(well_known.active_firmware_identifier(PART)).value)
    return (decisions.identifiers_of(value) or (b"",))[0]


@contextmanager
def simulated_meter(folder: Path, profile: Path) -> Iterator[str]:
    """A meter in a process of its own, which is gone when the block ends; gives its address."""
    command = [sys.executable, "-m", "dlms_fw", "sim", "--listen", "tcp://127.0.0.1:0"]
    command += ["--state", str(folder / "meter"), "--trust", str(folder / "vendor.pem")]
    command += ["--config", str(profile), "--profile", "management"]
    with (folder / "meter.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - our own
    try:
        yield _address(process, folder / "meter.log")
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else ""
    _, found, url = line.strip().partition("listening on ")
    if not found:
        raise DemoFailed(f"the simulated meter did not start: {log.read_text(errors='replace').strip()}")
    return url


class Line:
    """A slow line to a meter that breaks once: octets pass both ways until enough of them have gone there."""

    def __init__(self, meter: Endpoint, *, breaks_after: int) -> None:
        self._meter = meter
        self._breaks_at: int | None = breaks_after
        self._octets_per_second = 2 * breaks_after / TRANSFER_S
        self._passed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self.endpoint = Endpoint(scheme="tcp", host="127.0.0.1", port=self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The thread waits in accept, which a closed socket does not always wake: knock once.
        address = self._listener.getsockname()
        self._breaks_at = -1
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=1).close()
        self._thread.join(START_S)
        self._listener.close()

    def _run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client:
                if self._breaks_at == -1:
                    return
                with contextlib.suppress(OSError):
                    self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        """One connection, until either side or the line ends it."""
        with socket.create_connection((self._meter.host, self._meter.port), timeout=START_S) as meter:
            for end in (client, meter):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready, _, _ = select.select([client, meter], [], [], START_S)
                if not ready:
                    return
                for end in ready:
                    data = end.recv(65_536)
                    if not data:
                        return
                    if end is client:
                        self._passed += len(data)
                        if self._breaks_at is not None and self._passed > self._breaks_at:
                            self._breaks_at = None
                            return
                        time.sleep(len(data) / self._octets_per_second)
                    (meter if end is client else client).sendall(data)
