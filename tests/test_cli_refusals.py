"""``dlms-fw upgrade`` that must not succeed: the right exit code, one clear sentence, an unchanged meter.

And the ones that were interrupted: they stop in order, and the same command goes on.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.containers.description import Version
from dlms_fw.meter.state import ActivationStep
from simulator import FIELDS, SMALL, Ended, Workshop, quiet_port, shared_workshop, workshop
from wiretap import Way, Wiretap, is_block

pytestmark = pytest.mark.rotating(3)

__all__ = ["shared_workshop", "workshop"]

# Refused, each with its exit code and an unchanged meter


def refused(
    workshop: Workshop, image: Path, code: int, error: str, *options: object, **more: Any
) -> dict[str, Any]:
    """Try an upgrade that must be refused before anything in the meter changes."""
    meter = workshop.meter(profile=more.get("profile", ""))
    assert meter.stop().code == 0
    before = meter.firmware_memory()
    meter.start()
    ended = workshop.upgrade(meter.url, image, *options, **more)
    told = ended.document
    assert (ended.code, told["ok"], told["error"]["code"]) == (code, False, error), ended
    assert not told["changed"]
    assert told.keys() >= FIELDS
    assert meter.stop().code == 0
    assert meter.firmware_memory() == before
    return told


@pytest.mark.parametrize("key_file", ["guek.hex", "gak.hex"])
def test_a_wrong_key(workshop: Workshop, key_file: str) -> None:
    meter = workshop.meter(profile="hls-gmac")
    (workshop.folder / key_file).write_text("FF" * 16)
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), profile="hls-gmac")
    assert (ended.code, ended.document["error"]["code"]) == (4, "security.deciphering"), ended
    assert meter.stop().code == 0
    assert meter.state().reception is None


def test_a_wrong_password(workshop: Workshop) -> None:
    meter = workshop.meter(profile="lls")
    workshop.config.write_text(workshop.config.read_text().replace("env:METER_PASSWORD", "env:HOME"))
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), profile="lls")
    assert (ended.code, ended.document["error"]["code"]) == (4, "association.rejected"), ended


def test_no_profile_where_one_is_needed(workshop: Workshop) -> None:
    meter = workshop.meter(profile="hls-gmac")
    ended = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert (ended.code, ended.document["error"]["code"]) == (4, "association.rejected"), ended
    assert "--profile" in ended.document["error"]["hint"]


def tampered(workshop: Workshop) -> Path:
    image = workshop.image(SMALL)
    octets = bytearray(image.read_bytes())
    octets[len(octets) // 2] ^= 1
    image.write_bytes(octets)
    return image


def unsigned(workshop: Workshop) -> Path:
    return workshop.image(SMALL, key=None)


def signed_by_a_stranger(workshop: Workshop) -> Path:
    return workshop.image(SMALL, signer="stranger")


def with_a_wrong_signature(workshop: Workshop) -> Path:
    image = workshop.image(SMALL)
    octets = bytearray(image.read_bytes())
    octets[-1] ^= 1
    image.write_bytes(octets)
    return image


def missing(workshop: Workshop) -> Path:
    return workshop.folder / "nowhere.dfw"


@pytest.mark.fault("T-18")
@pytest.mark.parametrize(
    ("made", "error"),
    [
        (tampered, "image.digest"),
        (unsigned, "image.unsigned"),
        (signed_by_a_stranger, "image.untrusted"),
        (with_a_wrong_signature, "image.signature"),
        (missing, "image.file"),
    ],
)
def test_an_image_that_is_refused_opens_no_connection(
    shared_workshop: Workshop, made: Any, error: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        ended = shared_workshop.upgrade(url, made(shared_workshop))
        assert (ended.code, ended.document["error"]["code"]) == (5, error), ended
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_signature_needs_somebody_to_trust(shared_workshop: Workshop) -> None:
    ended = shared_workshop.upgrade(f"tcp://127.0.0.1:{quiet_port()}", shared_workshop.image(SMALL), trust="")
    assert (ended.code, ended.document["error"]["code"]) == (5, "image.untrusted"), ended
    assert "--trust" in ended.document["error"]["hint"]


@pytest.mark.fault("S-18")
def test_a_line_on_which_neither_side_proves_itself(workshop: Workshop) -> None:
    meter = workshop.meter()
    arguments = workshop.upgrade_arguments(meter.url, workshop.image(SMALL))
    arguments.remove("--allow-insecure")
    ended = workshop.run(*arguments)
    assert (ended.code, ended.document["error"]["code"]) == (2, "configuration.insecure"), ended
    assert ended.document["error"]["hint"].startswith("--allow-insecure lets it through")
    assert not ended.document["changed"]


@pytest.mark.fault("T-18")
def test_another_meter_type(workshop: Workshop) -> None:
    refused(workshop, workshop.image(SMALL, meter_type="MCS302"), 5, "image.meter-type")


def test_a_meter_that_is_not_what_was_said(workshop: Workshop) -> None:
    refused(workshop, workshop.image(SMALL), 5, "image.meter-type", "--meter-type", "AM550")


@pytest.mark.fault("T-21")
def test_an_older_version(workshop: Workshop) -> None:
    refused(workshop, workshop.image(SMALL, firmware_version=Version(0, 9, 9)), 5, "image.version")


@pytest.mark.fault("T-19")
def test_the_metrological_part_without_its_flag(workshop: Workshop) -> None:
    image = workshop.image(SMALL, part=0)
    refused(workshop, image, 5, "image.metrology")
    meter = workshop.meters[0]
    meter.start()
    hint = workshop.upgrade(meter.url, image).document["error"]["hint"]
    assert hint.startswith("--allow-metrology lets it through")
    assert workshop.upgrade(meter.url, image, "--allow-metrology").code == 0
    meter.stop()
    assert meter.bank(part=0) == image.read_bytes()


@pytest.mark.parametrize("command", ["upgrade", "info"])
def test_a_link_that_is_down(shared_workshop: Workshop, command: str) -> None:
    url = f"tcp://127.0.0.1:{quiet_port()}"
    if command == "info":
        ended = shared_workshop.run("info", url, "--json")
    else:
        ended = shared_workshop.upgrade(url, shared_workshop.image(SMALL))
    assert (ended.code, ended.document["error"]["code"]) == (3, "transport"), ended
    assert ended.document["error"]["retryable"]


def test_a_meter_that_another_client_uses(workshop: Workshop) -> None:
    """Two clients without common records: the meter keeps the second one out."""
    meter = workshop.meter()
    image = workshop.image(os.urandom(100_000))
    ended = []

    def begin_another(number: int, way: Way, apdu: bytes) -> None:
        if not ended and is_block(way, apdu, 20):
            other = workshop.folder / "other.sqlite3"
            ended.append(workshop.upgrade(meter.url, image, "--restart", journal=other, busy_seconds=0.5))

    with Wiretap(meter.url, begin_another) as line:
        first = workshop.upgrade(line.url, image)
    assert (ended[0].code, ended[0].document["error"]["code"]) == (6, "transfer.incomplete"), ended
    assert ended[0].document["blocks_sent"] == 0
    assert first.code == 0, first


@pytest.mark.fault("T-33")
def test_a_meter_that_this_user_upgrades_already(workshop: Workshop) -> None:
    """Two processes with the same records: the second one does not begin."""
    meter = workshop.meter()
    image = workshop.image(os.urandom(100_000))
    ended = []

    def begin_another(number: int, way: Way, apdu: bytes) -> None:
        if not ended and is_block(way, apdu, 20):
            ended.append(workshop.upgrade(meter.url, image))

    with Wiretap(meter.url, begin_another) as line:
        first = workshop.upgrade(line.url, image)
    assert (ended[0].code, ended[0].document["error"]["code"]) == (6, "busy"), ended
    assert first.code == 0, first


@pytest.mark.fault("T-12")
def test_a_foreign_transfer_is_not_touched(workshop: Workshop) -> None:
    meter = workshop.meter()
    theirs, ours = workshop.image(os.urandom(50_000)), workshop.image(SMALL)
    interrupted_at(workshop, meter.url, theirs, block=20, with_signal=signal.SIGKILL)
    before = workshop.info(meter.url)["image_transfer"]
    assert 20 <= before["first_missing_block"] <= 20 + 16  # as many requests as there are invoke ids

    nobody = workshop.folder / "nobody.sqlite3"
    ended = workshop.upgrade(meter.url, ours, journal=nobody)
    assert (ended.code, ended.document["error"]["code"]) == (6, "transfer.foreign"), ended
    assert not ended.document["changed"]
    assert workshop.info(meter.url)["image_transfer"] == before

    ended = workshop.upgrade(meter.url, ours, "--restart", journal=nobody)
    assert ended.code == 0, ended
    meter.stop()
    assert meter.bank() == ours.read_bytes()


@pytest.mark.fault("M-16")
def test_a_verification_that_fails_at_the_meter(workshop: Workshop) -> None:
    meter = workshop.meter(trust="stranger")
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), full_restarts=0)
    assert (ended.code, ended.document["error"]["code"]) == (7, "transfer.verification-failed"), ended
    meter.stop()
    state = meter.state()
    assert state.parts[1].firmware.version == "1.0.0"
    assert state.verified is None


@pytest.mark.fault("M-08")
@pytest.mark.parametrize("behaviour", ["no-boot", "fails-self-test"])
def test_a_firmware_that_does_not_work(workshop: Workshop, behaviour: str) -> None:
    """Manual page 116: the new firmware is discarded, the old one runs, and nobody says it went well."""
    meter = workshop.meter("--firmware-behaviour", behaviour)
    ended = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert (ended.code, ended.document["error"]["code"]) == (8, "transfer.activation-failed"), ended
    assert ended.document["changed"]
    meter.stop()
    state = meter.state()
    assert state.step is ActivationStep.IDLE
    assert state.parts[1].firmware.version == "1.0.0"
    assert state.parts[1].banks[state.parts[1].other] is None


# Interrupted


def interrupted_at(
    workshop: Workshop, url: str, image: Path, *, block: int, with_signal: signal.Signals, **more: Any
) -> Ended:
    """An upgrade that gets a signal while a block is under way."""
    running: list[subprocess.Popen[str]] = []
    sent = []

    def interrupt(number: int, way: Way, apdu: bytes) -> None:
        if not sent and is_block(way, apdu, block):
            sent.append(number)
            running[0].send_signal(with_signal)

    with Wiretap(url, interrupt) as line:
        running.append(workshop.popen(*workshop.upgrade_arguments(line.url, image, **more)))
        stdout, stderr = running[0].communicate(timeout=60)
    return Ended(running[0].returncode, stdout, stderr)


@pytest.mark.fault("K-07")
@pytest.mark.parametrize(
    ("with_signal", "security"),
    [
        (signal.SIGTERM, "none"),
        (signal.SIGHUP, "none"),
        (signal.SIGTERM, "hls-gmac"),
        (signal.SIGINT, "hls-gmac"),
    ],
)
def test_an_interrupted_upgrade_goes_on(
    workshop: Workshop, with_signal: signal.Signals, security: str
) -> None:
    # As slow as a meter, or all blocks are there before the signal is heard.
    meter = workshop.meter("--link", "ethernet", profile=security)
    image = workshop.image(os.urandom(200_000))
    ended = interrupted_at(workshop, meter.url, image, block=30, with_signal=with_signal, profile=security)
    assert ended.code == 130, ended
    told = ended.document
    assert (ended.code, told["error"]["code"]) == (130, "interrupted"), ended
    assert told["changed"]
    assert told["blocks_sent"] >= 30
    assert told["blocks_total"] > 200
    assert "Traceback" not in ended.stderr

    again = workshop.upgrade(meter.url, image, profile=security)
    assert again.code == 0, again
    in_doubt = 16  # requests that may be on their way
    assert told["blocks_sent"] + again.document["blocks_sent"] <= again.document["blocks_total"] + in_doubt


@pytest.mark.fault("K-07")
def test_when_nobody_reads_the_progress_the_upgrade_goes_on(workshop: Workshop) -> None:
    meter = workshop.meter()
    process = workshop.popen(*workshop.upgrade_arguments(meter.url, workshop.image(SMALL)))
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    assert (process.wait(60), told["outcome"]) == (0, "activated")


@pytest.mark.fault("K-07")
def test_when_nobody_reads_the_events_it_stops_in_order(workshop: Workshop) -> None:
    meter = workshop.meter()
    image = workshop.image(os.urandom(200_000))
    arguments = workshop.upgrade_arguments(meter.url, image, "--events", "-")
    arguments.remove("--json")
    process = workshop.popen(*arguments)
    assert process.stdout is not None
    assert "plan_made" in process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert "error: interrupted" in process.stderr.read()
    assert process.wait(60) == 130
    assert workshop.upgrade(meter.url, image).code == 0


def test_events_that_cannot_be_written_stop_it_in_order(workshop: Workshop) -> None:
    meter = workshop.meter()
    image = workshop.image(SMALL)
    ended = workshop.upgrade(meter.url, image, "--events", "/dev/full")
    assert (ended.code, ended.document["error"]["code"]) == (2, "configuration.output"), ended
    assert workshop.upgrade(meter.url, image).code == 0
