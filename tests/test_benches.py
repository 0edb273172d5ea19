"""The benchmarks run, quickly and without measuring, so that they cannot rot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docs_scripts import check_freshness

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.rotating(3)
def test_the_benchmarks_run() -> None:
    run(
        *("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "benches"),
        *("--benchmark-disable", "--operations", "2", "--image-kib", "64"),
    )


def test_the_table_is_measured_and_written(tmp_path: Path) -> None:
    report, picture = tmp_path / "report.json", tmp_path / "picture.svg"
    text = run("benches", "--quick", "--rows", "6-9", "--json", str(report), "--svg", str(picture))
    rows = json.loads(report.read_text())["tables"][0]["rows"]
    assert [row["number"] for row in rows] == [6, 7, 8, 9]
    assert not [row["error"] for row in rows if row["error"]]
    assert "AESGCM.encrypt" in text
    assert picture.read_text().startswith("<svg")


@pytest.mark.rotating(6)
@pytest.mark.parametrize("rows", ["1-5", "10-14", "15,16", "17,19", "18", "20-22", "23"])
def test_every_row_is_measured(tmp_path: Path, rows: str) -> None:
    report = tmp_path / "report.json"
    run("benches", "--quick", "--rows", rows, "--json", str(report))
    (table,) = json.loads(report.read_text())["tables"]
    assert table["rows"]
    assert not [row["error"] for row in table["rows"] if row["error"]]


@pytest.mark.rotating(6)
def test_the_other_implementations_are_measured(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    text = run("benches", "--quick", "--rivals", "--json", str(report))
    (table,) = json.loads(report.read_text())["tables"]
    assert len(table["rows"]) == 15
    assert not [row["error"] for row in table["rows"] if row["error"]]
    assert "gurux-dlms" in text
    assert "dlms-cosem" in text


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(AssertionError, match="no such rows: 24"):
        run("benches", "--rows", "9,24")


def test_the_page_shows_the_report_that_lies_beside_it() -> None:
    check_freshness("make_benchmark_tables")
