"""Timers of live objects: by the clock and by elapsed time, armed anew, stopped, too many, failing."""

from __future__ import annotations

import pytest

from dlms_fw.meter.clock import MeterClock, VirtualTime
from dlms_fw.meter.live.timers import (
    FEWEST_ENTRIES,
    LONGEST_WAIT_SECONDS,
    MOST_AT_ONCE,
    RETRY_SECONDS,
    Timer,
    Timers,
)
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.storage import Records


class Site:
    def __init__(self) -> None:
        records = Records(SimulatedMedium())
        MeterClock.create(records)
        self.time = VirtualTime(1_000_000.0)
        self.clock = MeterClock(records, self.time, utc_offset_minutes=0)
        self.timers = Timers(self.clock, self.time)
        self.ran: list[tuple[str, float]] = []

    def noting(self, name: str) -> Timer:
        return self.timers.timer(lambda due: self.ran.append((name, due)))

    def advance(self, seconds: float) -> list[tuple[str, float]]:
        self.time.advance(seconds)
        self.timers.advance()
        ran, self.ran[:] = list(self.ran), []
        return ran


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_timer_runs_once_at_its_moment(site: Site) -> None:
    timer = site.noting("a")
    timer.after(10)
    assert site.timers.deadline == 10
    assert site.advance(9.9) == []
    assert site.advance(0.1) == [("a", 10.0)]
    assert site.advance(100) == []
    assert site.timers.deadline is None


def test_those_by_the_clock_follow_it_and_run_in_its_order(site: Site) -> None:
    for name, moment in (("late", 300.0), ("early", 200.0)):
        site.noting(name).at_clock(site.clock.utc + moment)
    site.noting("elapsed").after(150)
    assert site.timers.deadline == 150
    site.clock.shift(400)
    assert site.timers.deadline == 0
    assert [name for name, _ in site.advance(0)] == ["early", "late"]
    assert [name for name, _ in site.advance(150)] == ["elapsed"]


def test_a_clock_set_back_makes_wait_longer(site: Site) -> None:
    site.noting("a").at_clock(site.clock.utc + 100)
    site.clock.shift(-50)
    assert site.advance(100) == []
    assert [name for name, _ in site.advance(50)] == ["a"]


def test_the_clock_is_looked_at_now_and_then_anyway(site: Site) -> None:
    site.noting("a").at_clock(site.clock.utc + 1e6)
    assert site.timers.deadline == LONGEST_WAIT_SECONDS


def test_armed_anew_or_stopped_only_the_last_word_counts(site: Site) -> None:
    timer, other = (
        site.timers.timer(lambda due: site.ran.append(("a", due))),
        site.timers.timer(site.ran.clear),
    )  # type: ignore[arg-type]
    timer.after(10)
    timer.at_clock(site.clock.utc + 20)
    timer.after(30)
    other.after(5)
    other.stop()
    assert site.advance(29) == []
    assert site.advance(1) == [("a", 30.0)]


def test_arming_for_ever_does_not_fill_the_memory(site: Site) -> None:
    timers = [site.timers.timer(lambda due: None) for _ in range(10)]
    for round_ in range(5_000):
        for timer in timers:
            timer.stop()
            timer.at_clock(2_000_000.0 + round_ % 3)
    assert len(site.timers._by_clock) <= FEWEST_ENTRIES + 1
    assert site.timers.deadline == LONGEST_WAIT_SECONDS


def test_a_timer_that_arms_itself_for_now_does_not_hang_the_meter(site: Site) -> None:
    count = 0

    def again(due: float) -> None:
        nonlocal count
        count += 1
        timer.after(0)

    timer = site.timers.timer(again)
    timer.after(0)
    site.timers.advance()
    assert count == MOST_AT_ONCE


def test_a_fault_of_the_memory_is_tried_again(site: Site) -> None:
    faults = [OSError(), OSError()]

    def write(due: float) -> None:
        if faults:
            raise faults.pop()
        site.ran.append(("written", due))

    site.timers.timer(write).after(0)
    assert site.advance(0) == []
    assert site.timers.deadline == RETRY_SECONDS
    assert site.advance(RETRY_SECONDS) == []
    assert [name for name, _ in site.advance(RETRY_SECONDS)] == ["written"]
