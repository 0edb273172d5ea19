"""The times of images over the links of the field are those of the table; who changes one redraws it.

``python docs/make_netsim_page.py --small`` redraws the table of this test, without the option also the page.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import netsim
from dlms_fw.transports.faults import LINKS

SCRIPT = Path(__file__).parent.parent / "docs" / "make_netsim_page.py"


def lines_of(text: str, link: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"{link} ")]


@pytest.mark.parametrize("link", [name for name in LINKS if name not in netsim.UNTRIED])
def test_the_times_are_those_of_the_table(link: str) -> None:
    cases = [case for case in netsim.grid(whole=False) if case.link == link]
    now = netsim.table(netsim.rows(cases, netsim.SMALL_IMAGE_OCTETS), netsim.SMALL_IMAGE_OCTETS)
    stored = netsim.SNAPSHOT.read_text(encoding="utf-8")
    assert lines_of(now, link) == lines_of(stored, link), f"run {SCRIPT.name} --small"


def test_the_table_reads_back() -> None:
    stored = netsim.SNAPSHOT.read_text(encoding="utf-8")
    assert netsim.table(netsim.parsed(stored), netsim.SMALL_IMAGE_OCTETS) == stored
    assert [row.case for row in netsim.parsed(stored)] == list(netsim.grid(whole=False))


def test_the_drawn_page_is_fresh() -> None:
    check = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.soak
def test_the_times_of_the_page_are_those_of_today() -> None:
    stored = (SCRIPT.parent / "times.txt").read_text(encoding="utf-8")
    rows = netsim.rows(netsim.grid(whole=True), netsim.IMAGE_OCTETS)
    assert netsim.table(rows, netsim.IMAGE_OCTETS) == stored
