"""The times of images over the links of the field are those of the table; who changes one redraws it.

``python docs/make_netsim_page.py --small`` redraws the table of this test, without the option also the page.
"""

from __future__ import annotations

import pytest

import netsim
from dlms_fw.transports.faults import LINKS
from docs_scripts import DOCS, check_freshness


def lines_of(text: str, link: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"{link} ")]


@pytest.mark.parametrize("link", [name for name in LINKS if name not in netsim.UNTRIED])
def test_the_times_are_those_of_the_table(link: str) -> None:
    cases = [case for case in netsim.grid(whole=False) if case.link == link]
    now = netsim.table(netsim.rows(cases, netsim.SMALL_IMAGE_OCTETS), netsim.SMALL_IMAGE_OCTETS)
    stored = netsim.SNAPSHOT.read_text(encoding="utf-8")
    assert lines_of(now, link) == lines_of(stored, link), "run make_netsim_page.py --small"


def test_the_table_reads_back() -> None:
    stored = netsim.SNAPSHOT.read_text(encoding="utf-8")
    assert netsim.table(netsim.parsed(stored), netsim.SMALL_IMAGE_OCTETS) == stored
    assert [row.case for row in netsim.parsed(stored)] == list(netsim.grid(whole=False))


def test_the_drawn_page_is_fresh() -> None:
    check_freshness("make_netsim_page")


def usual() -> dict[tuple[str, int], dict[str, float]]:
    """The seconds of the page by link and block size, at the loss of the profile, for each strategy."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in netsim.parsed((DOCS / "times.txt").read_text(encoding="utf-8")):
        case = row.case
        if case.loss == LINKS[case.link].loss and case.hdlc in {None, netsim.OFTEN_MET}:
            found.setdefault((case.link, case.block_size), {})[case.strategy] = row.seconds
    return found


def test_the_automatic_choice_is_about_the_best() -> None:
    for place, seconds in usual().items():
        best = min(seconds.values())
        by_chance = 1.15 if LINKS[place[0]].loss else 1.05  # each time is that of one seed
        assert seconds["automatic"] <= by_chance * best, (place, seconds)


@pytest.mark.parametrize(("link", "factor"), [("gprs", 8), ("lte-m", 8), ("nbiot", 20)])
def test_the_automatic_choice_is_worth_it(link: str, factor: float) -> None:
    seconds = usual()[link, 256]
    assert seconds["sequential"] >= factor * seconds["automatic"]


@pytest.mark.soak
def test_the_times_of_the_page_are_those_of_today() -> None:
    stored = (DOCS / "times.txt").read_text(encoding="utf-8")
    rows = netsim.rows(netsim.grid(whole=True), netsim.IMAGE_OCTETS)
    assert netsim.table(rows, netsim.IMAGE_OCTETS) == stored
