"""``dlms-fw objects``, ``read``, ``profile``, ``clock`` and ``record``, each with a meter in this process."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dlms_fw.cli.objects_named import Named, named
from dlms_fw.cli.root import main
from dlms_fw.record import load_record
from simulator import Workshop, workshop

__all__ = ["workshop"]

METER = "sim:?client=1"


def run(*arguments: str, code: int = 0) -> str:
    """What a command has printed."""
    ended = CliRunner().invoke(main, list(arguments))
    assert ended.exit_code == code, (ended.stdout, ended.stderr, ended.exception)
    assert "Traceback" not in ended.stderr
    return ended.stdout


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    """The one JSON document of a command."""
    text = run(*arguments, "--json", code=code)
    assert text.count("\n") == 1
    told: dict[str, Any] = json.loads(text)
    assert told["ok"] is (code == 0)
    assert told["command"] == arguments[0]
    return told


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1-0:1.8.0.255", Named("1-0:1.8.0.255", None, None)),
        ("1-0:1.8.0.255:3", Named("1-0:1.8.0.255", "3", None)),
        ("1-0:1.8.0.*", Named("1-0:1.8.0.*", None, None)),
        ("1-0:1.8.0.255:*", Named("1-0:1.8.0.255", "*", None)),
        ("1.8.0:scaler_unit", Named("1.8.0", "scaler_unit", None)),
        ("1/0-0:42.0.0.255:-4", Named("0-0:42.0.0.255", "-4", 1)),
        ("active energy import: total", Named("active energy import: total", None, None)),
        ("clock:time", Named("clock", "time", None)),
        ("8/clock", Named("clock", None, 8)),
    ],
)
def test_objects_are_named_as_people_do(text: str, parts: Named) -> None:
    assert named(text) == parts


def test_objects() -> None:
    lines = run("objects", METER).splitlines()
    assert len(lines) > 15
    (clock,) = (line for line in lines if line.startswith("0-0:1.0.0.255 "))
    words = clock.split()
    assert words[:4] == ["0-0:1.0.0.255", "8/0", "clock", "2rw"]
    assert words[-8:] == ["9r", "methods", "1", "2", "3", "4", "5", "6"]
    told = document("objects", METER, "--class", "18", "--name", "44.0.*", "--text", "image TRANSFER")
    (image_transfer,) = told["objects"]
    assert image_transfer["class"] == "ImageTransfer"
    assert image_transfer["attributes"]["5"] == ["read", "write"]
    assert image_transfer["methods"]["2"] == ["access"]
    assert document("objects", METER, "--text", "unheard of")["objects"] == []
    run("objects", METER, "--name", "1.8", code=2)


def test_read() -> None:
    assert run("read", METER, "1/0-0:42.0.0.255") == (
        "0-0:42.0.0.255     logical device name, value: MCS0040612345678\n"
    )
    lines = run("read", METER, "image transfer", "clock:clock_base", "0-0:1.0.0.255:8").splitlines()
    assert "0-0:44.0.0.255     image transfer, image_transfer_status: transfer-not-initiated" in lines
    assert lines[-2:] == [
        "0-0:1.0.0.255      clock, clock_base: internal-crystal",
        "0-0:1.0.0.255      clock, daylight_savings_enabled: false",
    ]
    (reading,) = document("read", METER, "0-0:44.0.0.255:image_block_size")["readings"]
    assert (reading["value"], reading["raw"], reading["attribute_id"]) == (960, "06000003C0", 2)
    logs = document("read", METER, "0-0:99.98.0.255")["readings"]
    assert [it["attribute_id"] for it in logs] == [3, 4, 5, 6, 7, 8]  # its rows are those of another command
    association = document("read", METER, "current association")["readings"]
    assert 7 not in [it["attribute_id"] for it in association]


def test_what_cannot_be_read() -> None:
    told = document("read", METER, "0-0:44.0.0.255:5", "0-0:40.0.0.255:7", "0-0:44.0.0.255:6", code=6)
    values = [(it["value"], it["refused"]) for it in told["readings"]]
    assert values == [(True, None), (None, "read write denied"), ("transfer-not-initiated", None)]
    assert told["error"]["code"] == "service"
    assert document("read", METER, "9.9.9", code=2)["error"]["code"] == "configuration.object"
    error = document("read", METER, "clock:colour", code=2)["error"]
    assert "clock_base" in error["hint"]
    run("read", METER, code=2)


def test_profile() -> None:
    lines = run("profile", METER, "standard event log").splitlines()
    assert lines[0].split() == ["clock", "event", "code", "event", "code", "10"]
    assert len(lines) >= 2
    rows = list(csv.reader(io.StringIO(run("profile", METER, "0-0:99.98.0.255", "--csv", "--last", "1"))))
    assert rows[0] == ["clock", "event code", "event code 10"]
    (row,) = rows[1:]
    now = datetime.now().astimezone()
    assert abs(datetime.fromisoformat(row[0]) - now) < timedelta(minutes=5)
    told = document(
        "profile", METER, "0-0:99.98.0.255", "--from", "2020-01-01", "--to", "2099-01-01T12:00:00+02:00"
    )
    assert told["columns"][0] == {
        "title": "clock", "class_id": 8, "logical_name": "0-0:1.0.0.255", "attribute_id": 2, "data_index": 0,
        "unit": None,
    }  # fmt: skip
    assert told["rows"][-1]["values"][1:] == [int(cell) for cell in row[1:]]
    assert document("profile", METER, "0-0:99.98.0.255", "--to", "2020-01-01")["rows"] == []
    told = document("profile", METER, "0-0:99.98.0.255", "--column", "event code")
    assert [column["title"] for column in told["columns"]] == ["clock", "event code"]
    assert [len(it["values"]) for it in told["rows"]] == [2] * len(told["rows"])
    run("profile", METER, "0-0:99.98.0.255", "--column", "colour", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("log",),
        ("0-0:99.98.0.255", "--last", "0"),
        ("0-0:99.98.0.255", "--last", "1", "--from", "2020-01-01"),
        ("0-0:99.98.0.255", "--csv", "--json"),
        ("0-0:99.98.0.255", "--from", "yesterday"),
    ],
)
def test_what_is_no_profile(arguments: tuple[str, ...]) -> None:
    run("profile", METER, *arguments, code=2)


def test_clock() -> None:
    told = document("clock", METER)
    assert abs(told["before"]["skew_seconds"]) <= told["before"]["uncertainty_seconds"]
    assert (told["changed"], told["after"]) == (False, None)
    told = document("clock", METER, "--shift", "-300")
    assert told["changed"]
    assert abs(told["after"]["skew_seconds"] + 300) < 2
    told = document("clock", METER, "--set", "2031-07-01T12:00:00+02:00")
    assert told["after"]["time"].startswith("2031-07-01T10:00:0")
    lines = run("clock", METER, "--set", "now").splitlines()
    assert len(lines) == 2
    assert "of ours, give or take" in lines[1] or "behind ours, give or take" in lines[1]
    run("clock", METER, "--set", "now", "--shift", "1", code=2)
    run("clock", METER, "--set", "soon", code=2)
    run("clock", METER, "--shift", "901", code=2)
    assert document("clock", "sim:?client=16", code=6)["before"] is None
    told = document("clock", "sim:?client=2", "--set", "now", code=6)
    assert told["before"] is not None
    assert not told["changed"]


def test_record(tmp_path: Path) -> None:
    output = tmp_path / "meter.json"
    told = document("record", METER, "--output", str(output))
    record = load_record(output)
    assert (told["complete"], told["objects"], told["refused"]) == (True, len(record.objects), 0)
    left_out = [number for it in record.objects for number, found in it.attributes.items() if found.is_secret]
    assert told["secrets_left_out"] == len(left_out) >= 1
    printed = run("record", METER, "--only", "0-0:42.0.0.255", "--rows", "all")
    assert '"value": "MCS0040612345678"' in printed
    assert json.loads(printed)["complete"]
    run("record", METER, "--json", code=2)
    run("record", METER, "--rows", "none", code=2)
    run("record", METER, "--only", "x", code=2)
    run("record", METER, "--output", str(tmp_path), code=2)


def test_a_record_is_served(workshop: Workshop) -> None:
    output = workshop.folder / "meter.json"
    with_one = run("record", METER, "--output", str(output))
    meter = workshop.meter("--from", str(output))
    again = workshop.folder / "again.json"
    assert workshop.run("record", meter.url, "--output", str(again)).code == 0
    assert json.loads(again.read_text())["objects"] == json.loads(output.read_text())["objects"]
    assert with_one.startswith(str(output))
    assert (
        workshop.run("sim", "--listen", "tcp://127.0.0.1:0", "--state", "x", "--from", "none.json").code == 2
    )
