"""``dlms-fw bench``: every way to measure transfers what it says, and ends; what it found is told in full."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from dlms_fw.bench.conditions import MIB
from dlms_fw.bench.loops import runner
from dlms_fw.cli.bench import SIZE, parse_size
from dlms_fw.cli.root import main


def run(*arguments: str, code: int = 0) -> Result:
    ended = CliRunner().invoke(main, ["bench", *arguments])
    assert ended.exit_code == code, (ended.stdout, ended.stderr, ended.exception)
    assert "Traceback" not in ended.stderr
    return ended


def document(*arguments: str, code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(*arguments, "--json", code=code).stdout)
    assert told["ok"] is (code == 0)
    return told


def named(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {line["what"]: line for line in told["lines"]}


@pytest.mark.parametrize(
    ("text", "octets"),
    [("65536", 65536), ("64KiB", 65536), ("64 kib", 65536), ("16MiB", 16 * MIB), ("1G", 1 << 30), ("7B", 7)],
)
def test_a_size_is_understood(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "MiB", "1.5MiB", "-1", "64 Kb2", "12TiB"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        SIZE(text)


def test_one_meter_in_one_process() -> None:
    told = document("--size", "40KiB", "--block", "512", "--rounds", "2")
    assert told["conditions"] == {
        "size": 40960,
        "block": 512,
        "security": "hls-gmac",
        "framing": "wrapper",
        "window": 1,
        "strategy": "sequential",
    }
    assert (told["strategy"], told["rounds"]) == ("sequential", 2)
    assert told["requests"] >= 80
    assert 512 < told["request_octets"] < 700
    assert {"processor", "python", "load"} <= told["machine"].keys()
    lines = named(told)
    for what in ("image", "image blocks", "throughput", "CPU per block, both ends"):
        assert lines[what]["baseline_name"] == "bare echo"
        assert lines[what]["ours"]["value"] > 0
        assert lines[what]["baseline"]["value"] > 0
    blocks, seconds = lines["image blocks"]["ours"]["value"], lines["image"]["ours"]["value"]
    assert blocks * seconds == pytest.approx(80)
    assert lines["image"]["ratio"] == pytest.approx(lines["image"]["baseline"]["value"] / seconds)


def test_what_is_told_to_a_person() -> None:
    shown = run("--size", "20KiB", "--security", "none", "--rounds", "1")
    assert shown.stdout.startswith(
        "image   20 KiB in 20 blocks of 1,024 octets\nhow     none, wrapper, sequential\n"
    )
    assert "loopback TCP, asyncio, one process" in shown.stdout
    assert "bare echo" in shown.stdout
    assert "without protection" not in shown.stderr


def test_a_process_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "has ended" in run("--process", "two", "--size", "1KiB", code=1).stderr


def test_two_processes_and_several_requests_at_a_time() -> None:
    told = document("--size", "64KiB", "--process", "two", "--window", "4", "--rounds", "1")
    assert (told["strategy"], told["conditions"]["window"]) == ("pipelined", 4)
    assert {"CPU per block, client", "CPU per block, meter"} <= named(told).keys()


def test_uvloop_and_hdlc() -> None:
    pytest.importorskip("uvloop")
    told = document(
        "--size", "20KiB", "--loop", "uvloop", "--framing", "hdlc", "--window", "7", "--rounds", "1"
    )
    assert told["strategy"] == "sequential"


@pytest.mark.parametrize("process", ["one", "two"])
def test_many_meters(process: str) -> None:
    told = document("--size", "8KiB", "--meters", "5", "--process", process)
    assert told["meters"] == len(told["finished_seconds"]) == 5
    assert told["requests"] >= 5 * 8
    fairness = named(told)["last meter done"]
    assert fairness["ratio"] >= 1
    assert fairness["ours"]["value"] == pytest.approx(max(told["finished_seconds"]), abs=0.001)


def test_plain_calls() -> None:
    ciphered = named(document("--size", "16KiB", "--medium", "memory", "--rounds", "1"))
    assert ciphered["image"]["baseline_name"] == "4 AES-GCM operations"
    plain = named(document("--size", "16KiB", "--medium", "memory", "--rounds", "1", "--security", "lls"))
    assert plain["image"]["baseline"] is None


@pytest.mark.parametrize(
    ("link", "framing", "strategy"),
    [
        ("gprs", "wrapper", "pipelined"),
        ("rs485-19200", "hdlc", "with-list"),
        ("plc", "wrapper", "unconfirmed"),
    ],
)
def test_an_emulated_link_takes_virtual_time(link: str, framing: str, strategy: str) -> None:
    told = document("--size", "20KiB", "--block", "256", "--link", link)
    assert (told["conditions"]["framing"], told["strategy"]) == (framing, strategy)
    blocks = named(told)["image blocks"]
    assert blocks["baseline_name"] == "the line alone"
    assert blocks["baseline"]["value"] < blocks["ours"]["value"] <= told["virtual_seconds"]
    assert 0 < told["share_of_the_line"] < 1


def test_one_after_the_other_over_a_link_is_slower() -> None:
    alone = document("--size", "20KiB", "--link", "gprs", "--window", "1")
    assert (alone["strategy"], alone["conditions"]["strategy"]) == ("sequential", "sequential")
    assert alone["virtual_seconds"] > document("--size", "20KiB", "--link", "gprs")["virtual_seconds"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--link", "gprs", "--meters", "2"], "--meters does not go with it"),
        (["--link", "gprs", "--process", "two"], "--process two does not go with it"),
        (["--medium", "memory", "--loop", "uvloop"], "--loop uvloop does not go with it"),
        (["--size", "much"], "is no size"),
        (["--framing", "hdlc", "--window", "8"], "1 to 7"),
        (["--link", "plc", "--framing", "hdlc"], "HDLC does not go over plc"),
        (["--size", "64MiB", "--block", "16"], "are too many"),
        (["--size", "0"], "1 to 1,073,741,824 octets"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], why: str) -> None:
    assert why in run(*arguments, code=2).stderr


@pytest.mark.parametrize("more", [[], ["--meters", "3"], ["--medium", "memory"], ["--link", "gprs"]])
def test_it_ends_at_its_deadline(more: list[str]) -> None:
    told = document("--size", "32MiB", "--deadline", "0.1", *more, code=2)
    assert told["error"]["code"] == "configuration.deadline"
    assert told["conditions"]["size"] == 32 * MIB


def test_a_loop_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert "pip install 'dlms-fw[uvloop]'" in run("--loop", "uvloop", code=2).stderr
    with runner("asyncio"):
        pass
