"""``dlms-fw upgrade``, ``info`` and ``sim`` as people and programs run them: real processes, real sockets."""

from __future__ import annotations

import json
import os

import pytest

from dlms_fw.cli.instructions import parse_activation, parse_limit
from dlms_fw.containers.description import Version
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.journal import Journal
from simulator import FIELDS, IDENTIFIER, SMALL, Workshop, quiet_port, shared_workshop, workshop

pytestmark = pytest.mark.rotating(3)

__all__ = ["shared_workshop", "workshop"]

MEBIBYTE = 1 << 20

# The main job


@pytest.mark.parametrize(
    ("scheme", "security"),
    [("tcp", "none"), ("tcp", "hls-gmac"), ("hdlc+tcp", "lls"), ("hdlc+tcp", "hls-gmac")],
)
@pytest.mark.proves("image-transfer-steps", "wrapper")
def test_a_mebibyte_arrives_to_the_octet_and_is_confirmed(
    workshop: Workshop, scheme: str, security: str
) -> None:
    image = workshop.image(os.urandom(MEBIBYTE))
    meter = workshop.meter(scheme=scheme, profile=security)
    ended = workshop.upgrade(meter.url, image, profile=security)
    told = ended.document
    assert ended.code == 0, ended
    assert told.keys() >= FIELDS
    assert (told["ok"], told["changed"], told["outcome"]) == (True, True, "activated")
    assert told["blocks_sent"] == told["blocks_total"] == -(-image.stat().st_size // told["block_size"])
    assert told["bytes"] == image.stat().st_size
    assert told["identifier"] == IDENTIFIER.hex().upper()
    assert [phase["phase"] for phase in told["phases"]] == [
        "identify", "prepare", "initiate", "transfer", "verify", "activate", "confirm",
    ]  # fmt: skip

    shown = workshop.info(meter.url, security)["firmware"][1]
    assert shown["identifiers"][0] == IDENTIFIER.hex().upper()
    assert shown["version"] == "2.4.1"
    assert bytes.fromhex(shown["signature"]) == image.read_bytes()[-64:]

    again = workshop.upgrade(meter.url, image, profile=security)
    assert again.code == 0
    assert (again.document["ok"], again.document["changed"]) == (True, False)
    assert again.document["outcome"] == "already-current"
    assert again.document["blocks_sent"] == 0

    assert meter.stop().code == 0
    assert meter.bank() == image.read_bytes()


def test_the_events_are_written_as_they_come(workshop: Workshop) -> None:
    meter = workshop.meter()
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), "--events", "events.ndjson")
    assert ended.code == 0, ended
    told = [json.loads(line) for line in (workshop.folder / "events.ndjson").read_text().splitlines()]
    assert told[0]["event"] == "plan_made"
    assert told[-1]["event"] == "finished"
    assert told[-1]["blocks_sent"] == ended.document["blocks_sent"]


def test_events_on_standard_output_keep_people_on_standard_error(workshop: Workshop) -> None:
    meter = workshop.meter()
    arguments = workshop.upgrade_arguments(meter.url, workshop.image(SMALL), "--events", "-")
    arguments.remove("--json")
    ended = workshop.run(*arguments)
    assert ended.code == 0, ended
    assert {json.loads(line)["event"] for line in ended.stdout.splitlines()} >= {"plan_made", "finished"}
    assert "done: the meter runs 4D4353010203" in ended.stderr


def test_people_get_a_line_for_each_phase(workshop: Workshop) -> None:
    meter = workshop.meter()
    arguments = workshop.upgrade_arguments(meter.url, workshop.image(os.urandom(300_000)))
    arguments.remove("--json")
    ended = workshop.run(*arguments)
    assert ended.code == 0, ended
    assert ended.stdout.startswith("done: the meter runs 4D4353010203 (")
    finished = [line.split()[1] for line in ended.stderr.splitlines() if line.startswith("  ok")]
    assert finished == ["identify", "prepare", "initiate", "transfer", "verify", "activate", "confirm"]
    assert "without protection" in ended.stderr


def test_a_dry_run_changes_nothing(workshop: Workshop) -> None:
    meter = workshop.meter()
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), "--dry-run")
    assert ended.code == 0, ended
    told = ended.document
    assert (told["outcome"], told["changed"], told["blocks_sent"]) == ("planned", False, 0)
    assert told["blocks_total"] == -(-(len(SMALL) + 168) // told["block_size"])
    assert workshop.info(meter.url)["image_transfer"]["status"] == ImageTransferStatus.TRANSFER_NOT_INITIATED


def test_a_raw_file_is_judged_by_the_meter_alone(workshop: Workshop) -> None:
    raw = workshop.folder / "vendor.bin"
    raw.write_bytes(SMALL)
    meter = workshop.meter("--accept-raw")
    options = ("--raw", "--identifier", "4D4353AABBCC", "--part", 1)
    ended = workshop.upgrade(meter.url, raw, *options, trust="")
    assert ended.code == 0, ended
    assert meter.stop().code == 0
    assert meter.bank() == SMALL


def test_never_activating_leaves_a_verified_image(workshop: Workshop) -> None:
    meter = workshop.meter()
    image = workshop.image(SMALL)
    ended = workshop.upgrade(meter.url, image, "--activate", "never")
    assert (ended.code, ended.document["outcome"]) == (0, "verified"), ended
    [resting] = workshop.info(meter.url)["image_transfer"]["to_activate"]
    assert resting["identifier"] == IDENTIFIER.hex().upper()
    now = workshop.upgrade(meter.url, image)
    assert (now.code, now.document["outcome"], now.document["blocks_sent"]) == (0, "activated", 0), now


def test_the_strategy_is_as_it_was_set_and_is_told(workshop: Workshop) -> None:
    meter = workshop.meter()
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), "--strategy", "unconfirmed")
    assert (ended.code, ended.document["strategy"]) == (0, "unconfirmed"), ended
    assert "strategy    unconfirmed: as it was set" in ended.stderr


def test_the_reason_is_in_the_record(workshop: Workshop) -> None:
    meter = workshop.meter("--allow-downgrade")
    older = workshop.image(SMALL, firmware_version=Version(0, 9, 0))
    ended = workshop.upgrade(meter.url, older, "--allow-downgrade", "--reason", "recall 17")
    assert ended.code == 0, ended
    with Journal(workshop.journal, read_only=True) as journal:
        asked, became = journal.runs()
    assert (asked["reason"], asked["flags"]) == ("recall 17", ["allow_downgrade", "allow_insecure"])
    assert (became["of"], became["outcome"]) == (1, "activated")


def test_without_a_journal_option_records_are_in_the_state_folder(workshop: Workshop) -> None:
    meter = workshop.meter()
    arguments = workshop.upgrade_arguments(meter.url, workshop.image(SMALL))
    place = arguments.index("--journal")
    del arguments[place : place + 2]
    assert workshop.run(*arguments).code == 0
    assert list((workshop.folder / "state-home" / "dlms-fw").glob("journal*"))


# Usage


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--raw",), "--identifier"),
        (("--identifier", "4D43"), "--raw"),
        (("--raw", "--identifier", "4D43", "--trust", "x.pem"), "exclude"),
        (("--activate", "soon"), "neither now"),
        (("--limit", "patience=3"), "no limit"),
        (("--limit", "busy_seconds=long"), "number"),
        (("--limit", "block_tries=0"), "block_tries"),
        (("--events", "-"), "standard output"),
        (("--config", "profiles.toml"), "--profile"),
        (("--config", "profiles.toml", "--profile", "hsl-gmac"), "hls-gmac"),
    ],
)
def test_usage_errors(shared_workshop: Workshop, options: tuple[str, ...], says: str) -> None:
    arguments = ["upgrade", f"tcp://127.0.0.1:{quiet_port()}", "nowhere.dfw", "--json", *options]
    ended = shared_workshop.run(*arguments)
    assert ended.code == 2, ended
    error = ended.document["error"]
    assert says in error["message"] + (error["hint"] or "")
    told = ended.document
    assert (told["command"], told["ok"], told["changed"], told["blocks_sent"]) == ("upgrade", False, False, 0)


# info and sim


def test_info_for_people(shared_workshop: Workshop) -> None:
    meter = shared_workshop.meter("--clock", "2026-03-01T12:00:00+00:00", profile="lls")
    ended = shared_workshop.run("info", meter.url, *shared_workshop.as_profile("lls"))
    assert ended.code == 0, ended
    rows = dict(line.split("  ", 1) for line in ended.stdout.splitlines() if line[0] != " ")
    assert rows["meter"].strip() == "MCS0040612345678"
    assert rows["type"].strip() == "MCS301"
    assert rows["clock"].strip().startswith("2026-03-01T12:00:0")
    assert rows["transfer"].strip() == "transfer not initiated (0), enabled"
    assert rows["schedule"].strip() == "none"
    assert "PDU 1024" in rows["link"]


def test_the_public_client_sees_who_it_is_and_no_more(shared_workshop: Workshop) -> None:
    meter = shared_workshop.meter(profile="hls-gmac")
    told = shared_workshop.run("info", f"{meter.url}?client=16", "--json").document
    assert told["identity"]["meter_type"] == "MCS301"
    assert (told["firmware"], told["clock"]) == ([], None)


def test_a_meter_says_where_it_listens_and_stops_when_told(workshop: Workshop) -> None:
    meter = workshop.meter()
    assert int(meter.url.rpartition(":")[2]) > 0
    ended = meter.stop()
    assert ended.code == 0
    assert "any client may manage this meter" in ended.stderr


def test_one_memory_belongs_to_one_meter(shared_workshop: Workshop) -> None:
    meter = shared_workshop.meter()
    ended = shared_workshop.run("sim", "--listen", "tcp://127.0.0.1:0", "--state", str(meter.state_folder))
    assert ended.code == 6
    assert "belongs to another running meter" in ended.stderr


@pytest.mark.parametrize("url", ["sim:", "udp://", "tcp://me:sesame@127.0.0.1"])
def test_a_meter_does_not_listen_on_nonsense(shared_workshop: Workshop, url: str) -> None:
    ended = shared_workshop.run("sim", "--listen", url, "--state", "nowhere")
    assert ended.code == 2
    assert "sesame" not in ended.stderr
    assert not (shared_workshop.folder / "nowhere").exists()


# The small things


def test_activation_times() -> None:
    assert parse_activation("now") == "immediate"
    assert parse_activation("never") == "never"
    assert str(parse_activation("2026-12-01T03:00+01:00")) == "2026-12-01 03:00:00+01:00"
    with pytest.raises(ValueError, match="neither now"):
        parse_activation("tomorrow")


def test_limits_are_the_numbers_of_the_policy() -> None:
    assert parse_limit("block_tries=5") == ("block_tries", 5)
    assert parse_limit("busy_seconds=0.5") == ("busy_seconds", 0.5)
    with pytest.raises(ValueError, match="no limit"):
        parse_limit("restart=1")
