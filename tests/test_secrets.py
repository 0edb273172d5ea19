"""Nothing that is written, said or logged shows a key, a password or an image; no protection is no secret."""

from __future__ import annotations

import base64
import json
import logging
import random
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from dlms_fw._core import Key
from dlms_fw.cli.outcome import ExitCode
from dlms_fw.errors import ConfigurationError
from dlms_fw.events import Event, event_to_dict
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferPolicy
from meter_site import Site, WiredMeter, journal_at
from scripted_meter import raw_image
from simulator import AUTHENTICATION_KEY, START_S, UNICAST_KEY, Ended, Workshop, workshop

__all__ = ["workshop"]

POLICY = TransferPolicy(identifier_octets=6, allow_insecure=True)
WRONG_KEY = bytes.fromhex("A1B2C3D4E5F60718293A4B5C6D7E8F90")
PASSWORD = b"sesame-31415"


def forms(secret: bytes) -> Iterable[bytes]:
    """How a secret could show, in small letters."""
    yield secret
    for separator in ("", " ", ":", "-", ", "):
        yield (
            secret.hex(separator).encode()
            if len(separator) == 1
            else separator.join(f"{octet:02x}" for octet in secret).encode()
        )
    yield ", ".join(map(str, secret)).encode()
    yield ",".join(map(str, secret)).encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield repr(secret)[2:-1].encode()


def shown(secret: bytes, artefacts: dict[str, bytes]) -> list[str]:
    """The artefacts that show a secret."""
    wanted = [form.lower() for form in forms(secret)]
    return [name for name, octets in artefacts.items() if any(form in octets.lower() for form in wanted)]


def artefacts(folder: Path, said: list[Ended], but: set[str]) -> dict[str, bytes]:
    """Everything that processes have left behind."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in but
    }
    return files | {f"output {number}": repr(ended).encode() for number, ended in enumerate(said)}


@pytest.mark.fault("S-28")
def test_what_would_be_found_is_found() -> None:
    for form in forms(UNICAST_KEY):
        assert shown(UNICAST_KEY, {"here": b"..." + form.upper() + b"...", "not here": form[:-2]}) == ["here"]


@pytest.mark.fault("S-28")
def test_no_process_leaves_a_secret_behind(workshop: Workshop) -> None:
    """Client and meter: runs that work, one that does not, and a question; with keys and with a password."""
    said: list[Ended] = []
    image = workshop.image(random.Random(3).randbytes(5000))
    meter = workshop.meter(profile="hls-gmac")
    arguments = workshop.upgrade_arguments(
        meter.url, image, "--events", workshop.folder / "events.ndjson", profile="hls-gmac"
    )
    arguments.remove("--json")
    said.append(workshop.run(*arguments))
    said.append(workshop.run("info", meter.url, *workshop.as_profile("hls-gmac")))
    (workshop.folder / "gak.hex").write_text(WRONG_KEY.hex())
    said.append(workshop.upgrade(meter.url, image, profile="hls-gmac"))
    said.append(meter.stop())
    guarded = workshop.meter(profile="lls")
    said.append(workshop.upgrade(guarded.url, image, profile="lls"))
    said.append(guarded.stop())
    assert [ended.code for ended in said] == [0, 0, ExitCode.AUTHENTICATION, 0, 0, 0], said
    found = artefacts(workshop.folder, said, but={"guek.hex", "gak.hex"})
    assert {"events.ndjson", "journal.sqlite3", "output 5"} <= found.keys()
    assert any(name.startswith("meter-0/") for name in found)
    for secret in (UNICAST_KEY, AUTHENTICATION_KEY, WRONG_KEY, PASSWORD):
        assert shown(secret, found) == []


@pytest.mark.fault("K-07")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop(workshop: Workshop, number: signal.Signals) -> None:
    """By a meter that says nothing: the exit code says so, the journal is whole, the key is free again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(START_S)
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        process = workshop.popen(
            *workshop.upgrade_arguments(url, workshop.image(bytes(100)), profile="hls-gmac")
        )
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1024)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=START_S)
    ended = Ended(process.returncode, stdout, stderr)
    assert ended.code == ExitCode.INTERRUPTED, ended
    assert ended.document["ok"] is False
    with Journal(workshop.journal) as journal:
        stream = journal.counters(Key(UNICAST_KEY).fingerprint, bytes.fromhex("4D4D4D0000BC614E"))
        journal.acquire(stream.lease_name)


@pytest.mark.fault("S-30")
@pytest.mark.fault("S-28")
def test_neither_log_nor_events_show_the_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    image = raw_image(740)
    events: list[Event] = []
    site = Site("gmac", meter=WiredMeter())
    site.fate = lambda n: "lost answer" if n == 14 else ""
    with journal_at(tmp_path) as journal, site.client(journal) as client:
        client.upgrade(image, POLICY, on_event=events.append)
    told = {
        "log": caplog.text.encode(),
        "events": json.dumps([event_to_dict(event) for event in events]).encode(),
        "objects": repr(events).encode(),
        **{path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()},
    }
    assert len(events) > 20
    for start in range(0, 740 - 16, 16):
        assert shown(image.data[start : start + 16], told) == []


@pytest.mark.fault("S-18")
@pytest.mark.parametrize(
    ("way", "warned"), [("none", True), ("lls", True), ("gmac clear", True), ("gmac", False)]
)
def test_an_image_without_protection_is_not_sent_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str, *, warned: bool
) -> None:
    site = Site(way, meter=WiredMeter())
    with journal_at(tmp_path) as journal, site.client(journal) as client:
        client.upgrade(raw_image(100), POLICY)
    said = [record for record in caplog.records if "without protection" in record.getMessage()]
    assert len(said) == warned
    assert all(record.levelno == logging.WARNING and way in record.getMessage() for record in said)


@pytest.mark.fault("S-18")
@pytest.mark.parametrize("way", ["none", "lls"])
def test_an_image_is_not_sent_where_neither_side_proves_itself(tmp_path: Path, way: str) -> None:
    site = Site(way, meter=WiredMeter())
    with journal_at(tmp_path) as journal, site.client(journal) as client:
        sent = site.sent
        with pytest.raises(ConfigurationError, match="neither side proves itself") as caught:
            client.upgrade(raw_image(100), TransferPolicy(identifier_octets=6))
        assert caught.value.code == "configuration.insecure"
        assert site.sent == sent, "nothing was sent"
        client.upgrade(raw_image(100), TransferPolicy(identifier_octets=6, dry_run=True))
