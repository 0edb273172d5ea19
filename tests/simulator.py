"""Simulated meters and commands as real processes: started with care, always ended.

A :class:`Workshop` is one folder with keys, profiles and images, its simulated meters and its commands.
Whatever a test does, the processes that it started are gone afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import signing_keys
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.meter.activation import bank_region
from dlms_fw.meter.state import MeterState, state_from_json
from dlms_fw.meter.storage import Directory, Records
from dlms_fw.signing_keys import PrivateKey

CLIENT_TITLE = bytes.fromhex("4D4D4D0000BC614E")
METER_TITLE = bytes.fromhex("4D43530460BC614E")
UNICAST_KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
AUTHENTICATION_KEY = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
IDENTIFIER = bytes.fromhex("4D4353010203")
START_S = 60.0
SMALL = random.Random(7).randbytes(20_000)
"""A payload of a few blocks."""
FIELDS = {
    "ok", "changed", "identifier", "sha256", "block_size", "blocks_total", "blocks_sent", "bytes", "seconds",
    "retries", "phases",
}  # fmt: skip
"""What the JSON document of an upgrade has at least, however it ended."""

PROFILES = f"""\
[profiles.none]
client_sap = 1
server_sap = 1
authentication = "none"

[profiles.lls]
client_sap = 1
server_sap = 1
authentication = "lls"
password = "env:METER_PASSWORD"

[profiles.hls-gmac]
client_sap = 1
server_sap = 1
authentication = "hls-gmac"
security_suite = 0
security_policy = "authenticated-encrypted"
system_title = "{CLIENT_TITLE.hex()}"
meter_system_title = "{METER_TITLE.hex()}"
global_unicast_encryption_key = "file:guek.hex"
authentication_key = "file:gak.hex"
max_pdu_size = 1024
"""

QUICK = {
    "verify_poll_first_seconds": 0.05,
    "verify_poll_longest_seconds": 0.5,
    "reconnect_first_seconds": 0.1,
    "reconnect_longest_seconds": 0.3,
    "link_pause_longest_seconds": 0.2,
    "busy_first_seconds": 0.1,
}
"""Limits for a meter that is quick."""


@cache
def vendor(name: str = "vendor") -> PrivateKey:
    """A vendor's key, the same one in the whole run."""
    return signing_keys.generate()


def container(payload: bytes, *, signer: str = "vendor", **changes: Any) -> bytes:
    """A signed DFW container for an MCS301."""
    fields: dict[str, Any] = {
        "image_identifier": IDENTIFIER,
        "part": 1,
        "meter_type": "MCS301",
        "firmware_version": Version(2, 4, 1),
        "key": vendor(signer),
    }
    return dfw.build(payload, **(fields | changes))


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output; nothing else may be there."""
        assert self.stdout.count("\n") == 1, self
        document: dict[str, Any] = json.loads(self.stdout)
        return document


class Meter:
    """A ``dlms-fw sim`` process and its memory."""

    def __init__(self, workshop: Workshop, listen: str, profile: str, options: tuple[str, ...]) -> None:
        self.state_folder = workshop.folder / f"meter-{len(workshop.meters)}"
        self._workshop = workshop
        self._listen = listen
        self._options = (*workshop.as_profile(profile), *options)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start it, after a stop at the same address."""
        assert self._process is None
        arguments = ["sim", "--listen", self._listen, "--state", str(self.state_folder), *self._options]
        self._process = self._workshop.popen(*arguments)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if ready else ""
        assert line.startswith("listening on "), (line, self.stop())
        self.url = self._listen = line.removeprefix("listening on ").strip()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate(timeout=START_S)
        self._process = None

    def stop(self) -> Ended:
        """SIGTERM, and wait until it is gone."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=START_S)
        return Ended(process.returncode, stdout, stderr)

    # What its memory holds, while it does not run

    def state(self) -> MeterState:
        """What it remembers about its firmware."""
        with contextlib.closing(Directory(self.state_folder)) as medium:
            return state_from_json(Records(medium).require("firmware"))

    def bank(self, part: int = 1) -> bytes:
        """The octets of the bank that boots."""
        running = self.state().parts[part].running
        return (self.state_folder / bank_region(part, running)).read_bytes()

    def firmware_memory(self) -> dict[str, str]:
        """A digest of everything that a refused upgrade must not have touched."""
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(self.state_folder.iterdir())
            if file.name.startswith(("firmware.", "incoming.", "part-"))
        }


@dataclass
class Workshop:
    """One folder with everything for an upgrade, and the processes that work in it."""

    folder: Path
    meters: list[Meter] = field(default_factory=list)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "profiles.toml"
        self.config.write_text(PROFILES)
        self.journal = self.folder / "journal.sqlite3"
        for name, octets in (("guek.hex", UNICAST_KEY), ("gak.hex", AUTHENTICATION_KEY)):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(octets.hex())
        self.trust("vendor")

    def trust(self, name: str) -> Path:
        """The public key of a vendor."""
        path = self.folder / f"{name}.pem"
        path.write_bytes(signing_keys.public_pem(vendor(name).public_key()))
        return path

    def image(self, payload: bytes, **changes: Any) -> Path:
        """The file of a signed container."""
        data = container(payload, **changes)
        path = self.folder / f"{hashlib.sha256(data).hexdigest()[:12]}.dfw"
        path.write_bytes(data)
        return path

    def as_profile(self, profile: str) -> tuple[str, ...]:
        """The options for a profile; ``""`` is for none."""
        return ("--config", str(self.config), "--profile", profile) if profile else ()

    def meter(
        self,
        *options: object,
        scheme: str = "tcp",
        listen: str = "",
        profile: str = "",
        trust: str = "vendor",
    ) -> Meter:
        """A running simulated meter, quick to restart."""
        given = tuple(map(str, options))
        quick = () if "--reboot-seconds" in given else ("--reboot-seconds", "0.1")
        meter = Meter(
            self,
            listen or f"{scheme}://127.0.0.1:0",
            profile,
            (*given, *quick, "--trust", str(self.trust(trust))),
        )
        self.meters.append(meter)
        meter.start()
        return meter

    def upgrade_arguments(
        self,
        url: str,
        image: Path,
        *options: object,
        profile: str = "",
        trust: str = "vendor",
        journal: Path | None = None,
        **limits: float,
    ) -> list[str]:
        """The command line of an upgrade with ``--json``."""
        arguments = ["upgrade", url, str(image), "--json", *self.as_profile(profile)]
        arguments += ["--journal", str(journal or self.journal)]
        if trust:
            arguments += ["--trust", str(self.trust(trust))]
        for name, value in (QUICK | limits).items():
            arguments += ["--limit", f"{name}={value}"]
        if profile in {"", "none", "lls"}:
            arguments.append("--allow-insecure")
        return [*arguments, *map(str, options)]

    def upgrade(self, url: str, image: Path, *options: object, **more: Any) -> Ended:
        """An upgrade, run to its end."""
        return self.run(*self.upgrade_arguments(url, image, *options, **more))

    def info(self, url: str, profile: str = "") -> dict[str, Any]:
        """What ``info`` says of a meter."""
        ended = self.run("info", url, "--json", *self.as_profile(profile), "--journal", str(self.journal))
        assert ended.code == 0, ended
        return ended.document

    def run(self, *arguments: str) -> Ended:
        """A command, run to its end."""
        process = self.popen(*arguments)
        stdout, stderr = process.communicate(timeout=START_S)
        return Ended(process.returncode, stdout, stderr)

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that has been started; it is killed at the end of the test if it still runs."""
        environment = {
            **os.environ,
            "METER_PASSWORD": "sesame-31415",
            "XDG_STATE_HOME": str(self.folder / "state-home"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "dlms_fw", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=self.folder,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End whatever runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
                process.communicate(timeout=START_S)


def quiet_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop for one test."""
    made = Workshop(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def shared_workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A workshop for the tests of a module that leave a meter as it was."""
    made = Workshop(tmp_path_factory.mktemp("workshop"))
    try:
        yield made
    finally:
        made.close()
