"""The conformance suite as a command: chosen cases, reports, expectations, declarations, benches."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dlms_fw._core import Key
from dlms_fw.cli.root import main
from dlms_fw.conformance.benches.command import CommandBench
from dlms_fw.conformance.catalogue import Case
from dlms_fw.conformance.declaration_file import load_declaration
from dlms_fw.conformance.expectations import Expectation, judged
from dlms_fw.conformance.report import Report
from dlms_fw.conformance.report_page import page
from dlms_fw.conformance.runner import Result as CaseResult
from dlms_fw.conformance.simulated import simulated
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, Verdict
from dlms_fw.conformance.wire.hdlc_frames import ServerAddress
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profiles import Profile

PASSWORD = b"sesame-27182818"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["conformance", *arguments])


def test_chosen_cases_against_a_simulated_meter(tmp_path: Path) -> None:
    reports = [str(tmp_path / name) for name in ("report.json", "report.html")]
    ended = run("sim:", "--case", "HD-01", "--group", "wrapper", "--json", *options("--report", *reports))
    document = json.loads(ended.stdout)
    assert (ended.exit_code, document["ok"], document["schema"]) == (0, True, "dlms-fw/1")
    assert document["counts"] == {"PASS": 11, "FAIL": 0, "INCONCLUSIVE": 0, "INAPPLICABLE": 0}
    written = json.loads(Path(reports[0]).read_text())
    assert [row["id"] for row in written["cases"]] == [f"HD-{1:02}", *(f"WR-{n:02}" for n in range(1, 11))]
    html = Path(reports[1]).read_text()
    assert 'id="WR-10"' in html
    assert "http" not in html
    assert "<script" not in html


def options(name: str, *values: str) -> list[str]:
    return [word for value in values for word in (name, value)]


def test_the_list_needs_no_meter() -> None:
    ended = run("--list", "--group", "wrapper")
    assert ended.exit_code == 0
    assert ended.output.count("WR-") == 10
    assert "HD-" not in ended.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which meter"),
        (("sim:", "--case", "HD-99"), "HD-99"),
        (("sim:", "tcp://meter"), "sim: stands alone"),
        (("sim:", "--report", "report.pdf"), ".html or a .json"),
        (("sim:", "--bench-command", "true"), "its own bench"),
        (("tcp://a", "tcp://b"), "one meter is tested"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], words: str) -> None:
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert words in ended.output


def test_a_meter_that_is_not_there_is_a_matter_of_the_link(free_port: int, tmp_path: Path) -> None:
    ended = run(f"tcp://127.0.0.1:{free_port}", "--case", "WR-01", "--journal", str(tmp_path / "journal.db"))
    assert ended.exit_code == 3


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# Known failures


EXPECTED = """
[AP-01]
reason = "a defect of the meter"
since = 2026-11-27
"""


def test_a_pass_that_nobody_expected_is_told(tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.write_text(EXPECTED)
    ended = run("sim:", "--case", "AP-01", "--expect", str(file))
    assert ended.exit_code == 9
    assert "not as expected: AP-01" in ended.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[XX-01]\nreason = 'a'\nsince = 2026-11-27\n", "no case XX-01"),
        ("[AP-01]\nreason = 'a'\n", "since a day"),
        ("[AP-01]\nreason = 'a'\nsince = 2026-11-27\nverdict = 'PASS'\n", "FAIL or INCONCLUSIVE"),
        ("AP-01 = 1\n", "a table"),
    ],
)
def test_an_expectation_has_a_case_a_reason_and_a_day(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.write_text(text)
    ended = run("sim:", "--case", "AP-01", "--expect", str(file))
    assert ended.exit_code == 2
    assert words in ended.output


def a_result(verdict: Verdict, reason: str = "", steps: tuple[str, ...] = ()) -> CaseResult:
    return CaseResult(
        Case(id="AP-01", group="application", title="", does="", expects=""), verdict, reason, steps
    )


@pytest.mark.parametrize(
    ("verdict", "known", "surprise"),
    [
        (Verdict.FAIL, None, True),
        (Verdict.PASS, None, False),
        (Verdict.INCONCLUSIVE, None, False),
        (Verdict.FAIL, Verdict.FAIL, False),
        (Verdict.PASS, Verdict.FAIL, True),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, False),
        (Verdict.FAIL, Verdict.INCONCLUSIVE, True),
        (Verdict.INAPPLICABLE, Verdict.FAIL, False),
    ],
)
def test_what_is_a_surprise(verdict: Verdict, known: Verdict | None, surprise: bool) -> None:
    expectations = {} if known is None else {"AP-01": Expectation(known, "why", date(2026, 11, 27))}
    assert judged([a_result(verdict)], expectations)[0].is_surprise is surprise


# Reports


def test_no_secret_gets_into_a_report() -> None:
    profile = Profile(client_sap=1, mechanism=1, password=Key(PASSWORD))
    declaration, bench = simulated(profile)
    spoken = a_result(Verdict.FAIL, f"saw {PASSWORD.hex().upper()} <b>", (f"said {PASSWORD.decode()}",))
    report = Report.of(declaration, bench.name, bench.wall_clock(), frozenset(), judged([spoken], {}))
    for text in (report.as_json(), page(report)):
        assert PASSWORD.decode() not in text
        assert PASSWORD.hex() not in text.lower()
        assert "(removed)" in text
    assert "<b>" not in page(report)
    assert PASSWORD.decode() not in repr(replace(report, judged=[]))


# Declarations

DECLARATION = """
[profiles.manager]
client_sap = 1
server_sap = 1
authentication = "lls"
password = "env:METER_PASSWORD"

[profiles.everybody]
client_sap = 16
authentication = "none"
server_sap = 1

[conformance]
clients = { management = "manager", public = "everybody" }
endpoints = { hdlc = "hdlc+tcp://meter.example:4059" }
server_addresses = ["1/17:4", "1:1"]
readable = "1:0-0:96.1.0.255:2"
writable = "1:0-0:96.3.0.255:2"
other_value = "0301"
profile_generic = "1-0:99.1.0.255"
silence_s = 2
mutations = 50
"""
ENVIRONMENT = {"METER_PASSWORD": PASSWORD.decode()}


def declared(folder: Path, text: str = DECLARATION) -> Path:
    file = folder / "meter.toml"
    file.write_text(text)
    return file


def test_a_declaration_out_of_a_file(tmp_path: Path) -> None:
    found = load_declaration(declared(tmp_path), ("tcp://meter.example",), environ=ENVIRONMENT)
    assert found.name == "meter"
    assert {role: profile.client_sap for role, profile in found.clients.items()} == {
        "management": 1,
        "public": 16,
        "low": 16,
    }
    assert sorted(found.endpoints) == ["hdlc", "wrapper"]
    assert found.server_addresses == (ServerAddress(1, 17, 4), ServerAddress(1))
    assert str(found.readable) == "1:0-0:96.1.0.255:2"
    assert found.other_value == b"\x03\x01"
    assert (found.silence_s, found.mutations) == (2.0, 50)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("readable", "readible", "readible is not known"),
        ('"1:0-0:96.1.0.255:2"', '"1-0"', "conformance.readable: 1-0 is not of the form"),
        ("mutations = 50", 'mutations = "many"', "conformance.mutations: int is needed"),
        ('"1/17:4"', '"1/17:3"', "1/17:3 is not of the form"),
        ("hdlc = ", "wrapper = ", "is not wrapper"),
        ("management = ", "boss = ", "role management is missing"),
        ("[conformance]", "[other]", "no [conformance]"),
        ("silence_s = 2", "firmware = { images = { goods = 'x' } }", "firmware.images: goods is not known"),
    ],
)
def test_a_mistake_in_a_declaration_is_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = declared(tmp_path, DECLARATION.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load_declaration(file, environ=ENVIRONMENT)
    assert words in str(caught.value)


# Over a real medium


def test_a_meter_on_tcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METER_PASSWORD", PASSWORD.decode())
    profile = Profile(client_sap=1, mechanism=1, password=Key(PASSWORD))
    listen = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
    text = DECLARATION.replace("silence_s = 2", "silence_s = 0.3").replace("endpoints", "# endpoints")
    with BackgroundMeter(mcs301.configured(profile), lambda: Directory(tmp_path / "state"), listen) as meter:
        ended = run(
            meter.url,
            *("--config", str(declared(tmp_path, text)), "--journal", str(tmp_path / "journal.db"), "--json"),
            *options("--case", "HD-01", "WR-01", "WR-06", "WR-07", "WR-08", "AP-22", "AP-30", "IT-01"),
        )
    document: dict[str, Any] = json.loads(ended.stdout)
    assert PASSWORD.decode() not in ended.output
    found = {row["id"]: (row["verdict"], row["reason"]) for row in document["cases"]}
    assert {number for number, (verdict, _) in found.items() if verdict == "PASS"} == {
        *("WR-01", "WR-06", "WR-07", "WR-08", "AP-22")
    }
    assert found["HD-01"] == ("INAPPLICABLE", "the meter was not declared to be reached over HDLC")
    assert found["AP-30"][0] == found["IT-01"][0] == "INAPPLICABLE"
    assert ended.exit_code == 0


# Benches

BENCH = f"""#!{sys.executable}
import json, sys
verb, *rest = sys.argv[1:]
if verb == "verbs":
    print("restart cut_power_at read_slot inject".replace(" ", chr(10)))
elif verb == "has_power":
    print("no")
elif verb == "read_slot":
    print(json.dumps({{"size": 7, "asked": rest}}))
elif verb == "inject":
    sys.stderr.write("the relay is stuck" + chr(10))
    sys.exit(1)
elif verb == "restart" and float(rest[0]) > 5:
    sys.exit(2)
"""


def test_a_bench_behind_a_command(tmp_path: Path) -> None:
    program = tmp_path / "bench"
    program.write_text(BENCH)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    bench = CommandBench(str(program))
    assert bench.verbs == {"restart", "cut_power_at", "read_slot", "inject"}
    bench.restart(1.0)
    bench.cut_power_at("block", operation=3)
    assert not bench.has_power()
    assert bench.read_slot("image") == {"size": 7, "asked": ["image"]}
    with pytest.raises(Inconclusive, match="the relay is stuck"):
        bench.inject("bit-rot", slot="image")
    with pytest.raises(Inapplicable, match="cannot restart 9"):
        bench.restart(9.0)
    with pytest.raises(Inapplicable, match="cannot do advance"):
        bench.advance(1.0)
    bench.close()


def test_a_bench_that_cannot_be_run_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match="does not tell its verbs"):
        CommandBench("/nowhere/bench")
