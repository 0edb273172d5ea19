"""The guard of instruction counts: what it lets pass, and what not. `make instructions` does the counting."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from benches.instructions import __main__ as command
from benches.instructions.counting import features
from benches.instructions.record import COUNTS, Record, load, store
from benches.instructions.verdict import compared, text

HERE = {"rustc": "1", "valgrind": "3"}


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "counts.toml"
    store(path, Record(HERE, {"seal-128": 1000, "fcs-128": 200}))
    monkeypatch.setattr(command, "environment", lambda: HERE)
    return path


def ends_with(held: Path, monkeypatch: pytest.MonkeyPatch, counts: Mapping[str, int], *options: str) -> int:
    monkeypatch.setattr(command, "counted", lambda runner: dict(counts))
    return command.main([*options, "--counts", str(held), "run-case"])


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"seal-128": 1000, "fcs-128": 200}, 0),
        ({"seal-128": 1030, "fcs-128": 100}, 0),
        ({"seal-128": 1031, "fcs-128": 100}, 1),
        ({"seal-128": 1000}, 1),
        ({"seal-128": 1000, "fcs-128": 200, "new": 1}, 1),
    ],
    ids=["the same", "a little more", "too much", "one is gone", "one is not held"],
)
def test_growth_ends_with_one(
    held: Path, monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], code: int
) -> None:
    assert ends_with(held, monkeypatch, counts) == code


def test_other_tools_are_no_verdict(
    held: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "environment", lambda: {**HERE, "rustc": "2"})
    assert ends_with(held, monkeypatch, {"seal-128": 1, "fcs-128": 1}) == 2
    assert "rustc: 1 then, 2 now" in capsys.readouterr().out


def test_an_update_is_what_is_held_from_then_on(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = {"seal-128": 2000, "other": 5}
    assert ends_with(held, monkeypatch, grown, "--update") == 0
    assert load(held).counts == grown
    assert ends_with(held, monkeypatch, grown) == 0


def test_the_table_names_what_is_worse() -> None:
    lines = text(compared({"a": 100, "b": 100}, {"a": 150, "b": 90}, 0.03)).splitlines()
    assert lines[1].split() == ["a", "100", "150", "+50.0%", "worse"]
    assert lines[2].split() == ["b", "100", "90", "-10.0%"]


def test_features_of_a_processor() -> None:
    assert features("processor : 0\nflags\t\t: fpu aes avx2\nflags : none\n") == {"fpu", "aes", "avx2"}
    assert features("Features : other") == set()


def test_every_case_of_the_crate_is_held() -> None:
    sources = Path(__file__).parents[1].joinpath("rust", "benches", "src").glob("*.rs")
    found = subprocess.run(
        ["grep", "-ohE", r'Case::new\("[a-z0-9-]+"', *sources], capture_output=True, text=True, check=True
    )
    names = {line.partition('"')[2].rstrip('"') for line in found.stdout.splitlines()}
    assert names == set(load(COUNTS).counts)
