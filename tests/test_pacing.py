"""How many requests go ahead, how long bursts are, and how fast: what is found for links of a known kind."""

from __future__ import annotations

import pytest

from dlms_fw.enums import Conformance
from dlms_fw.transfer.link import LinkFacts
from dlms_fw.transfer.pacing import BurstPace, DepthProbe
from dlms_fw.transfer.runs import RunPace
from dlms_fw.transfer.strategies import Means
from dlms_fw.transfer.tactics import Tactics


def depth_over(round_trip: float, seconds_per_request: float) -> DepthProbe:
    """What is found over a link that carries one request after the other, and answers a round trip later."""
    probe, now, line_free_at = DepthProbe(16), 0.0, 0.0
    due: list[float] = []
    for _ in range(400):
        while len(due) < probe.depth:
            line_free_at = max(line_free_at, now) + seconds_per_request
            due.append(line_free_at + round_trip)
        now = due.pop(0)
        if not probe.settled:
            probe.answered(7, now)
    return probe


@pytest.mark.parametrize(
    ("round_trip", "seconds_per_request", "saturated"),
    [
        (1.0, 0.001, True),
        (1.0, 0.02, True),
        (1.0, 0.2, False),
        (0.1, 0.1, False),
        (0.0, 0.1, False),
        (0.0, 0.0, False),
    ],
)
def test_whether_the_line_has_room_beyond_all_invoke_ids(
    round_trip: float, seconds_per_request: float, *, saturated: bool
) -> None:
    probe = depth_over(round_trip, seconds_per_request)
    assert probe.settled
    assert probe.proven
    assert probe.depth == 16
    assert probe.saturated is saturated


def test_a_lost_link_is_no_measure() -> None:
    probe = DepthProbe(16)
    for now in range(6):
        probe.answered(1, float(now))
    depth = probe.depth
    probe.restart()
    probe.answered(1, 1_000.0)
    assert probe.depth == depth
    probe.lower()
    assert (probe.depth, probe.settled) == (depth // 2, True)


def pause_found(needed: float, rounds: int = 40) -> tuple[float, int]:
    """The pause that is found for a meter that needs that long for a block, and the longest burst."""
    pace, now, longest = BurstPace(0.0, 30.0), 0.0, 0
    for _ in range(rounds):
        pace.begin(now)
        burst = pace.burst
        now += burst * max(pace.pause_seconds, 0.0001)
        taken = burst if pace.pause_seconds >= needed else max(1, burst // 8)
        pace.looked(burst, taken, now)
        longest = max(longest, burst)
    return pace.pause_seconds, longest


@pytest.mark.parametrize("needed", [0.003, 0.01, 0.05, 0.4])
def test_the_pause_that_is_found(needed: float) -> None:
    pause, longest = pause_found(needed)
    assert needed <= pause <= max(needed * 1.6, 0.005)
    assert longest > 16


def test_without_losses_there_is_no_pause() -> None:
    assert pause_found(0.0) == (0.0, 4096)


def test_losses_of_the_line_do_not_slow_it_down() -> None:
    pace = BurstPace(0.0, 30.0)
    for now in range(20):
        pace.begin(float(now))
        pace.looked(pace.burst, pace.burst * 9 // 10, now + 0.5)
    assert pace.pause_seconds == 0.0
    assert pace.burst > 64


def test_a_burst_does_not_outlast_the_patience_for_its_answer() -> None:
    pace, now = BurstPace(0.0, 10.0), 0.0
    for _ in range(30):
        pace.begin(now)
        now += pace.burst * 0.1
        pace.looked(pace.burst, pace.burst, now)
    assert pace.burst * 0.1 <= 10.0 * 0.5


@pytest.mark.parametrize("round_trip", [0.06, 2.0])
def test_a_line_that_takes_more_than_all_invoke_ids_gets_bursts(round_trip: float) -> None:
    tactics = Tactics("automatic", LinkFacts(medium="stream"), 0.0)
    assert tactics.strategy(64).name == "pipelined"
    tactics.answered(round_trip)
    now, changed = 0.0, False
    while not changed:
        now += 1.0 / tactics.probe.depth
        changed = tactics.taken(1, now)
        assert now < 100
    assert tactics.strategy(64).name == "unconfirmed"
    assert "16" in (tactics.news() or "")
    for given_up in (False, True):
        tactics.sending(4, 100, now)
        assert tactics.judge(100, now) is given_up
    assert tactics.strategy(64).name == "pipelined"


def test_what_is_lost_again_and_again_is_made_smaller() -> None:
    link = LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES, medium="hdlc", max_pdu_size=1024)
    tactics = Tactics("with-list", link, 0.0)
    sizes = [tactics.strategy(64).blocks_per_request]
    tactics.taken(sizes[0], 1.0)
    while tactics.strategy(64).name == "with-list":
        tactics.lost()
        sizes.append(tactics.strategy(64).blocks_per_request)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2:] == [2, 1] or sizes[-2:] == [3, 1]
    assert tactics.news() is not None


def test_what_was_never_taken_is_given_up_at_the_first_loss() -> None:
    link = LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES, medium="stream", max_pdu_size=1024)
    tactics = Tactics("automatic", link, 0.0)
    assert tactics.strategy(64).blocks_per_request > 1
    tactics.lost()
    second = tactics.strategy(64)
    assert (second.name, second.blocks_per_request) == ("pipelined", 1)
    tactics.taken(1, 1.0)
    tactics.lost()
    assert tactics.strategy(64).name == "sequential"
    assert Means.AHEAD.value in (tactics.news() or "")


def test_a_fast_line_stays_with_what_is_confirmed() -> None:
    tactics, now = Tactics("automatic", LinkFacts(medium="stream"), 0.0), 0.0
    assert tactics.strategy(64).name == "pipelined"
    tactics.answered(0.001)
    for _ in range(200):
        now += 0.01 / tactics.probe.depth
        assert not tactics.taken(1, now)
    assert tactics.probe.saturated
    assert tactics.strategy(64).name == "pipelined"


@pytest.mark.parametrize(
    ("block_seconds", "longest", "blocks"),
    [
        (0.0, 1.0, 1024),  # a clock that stood still
        (0.000_01, 1.0, 1024),
        (0.001, 1.0, 100),
        (0.01, 1.0, 32),
        (0.1, 1.0, 10),
        (0.6, 1.0, 1),
        (5.0, 1.0, 1),
        (0.6, 20.0, 32),
        (1.0, 20.0, 20),
        (30.0, 20.0, 1),
    ],
)
def test_a_run_is_as_long_as_the_link_is_fast(block_seconds: float, longest: float, blocks: int) -> None:
    pace, now = RunPace(longest), 0.0
    assert pace.blocks == 1
    for _ in range(4):
        pace.begin(now)
        now += pace.blocks * block_seconds
        pace.ended(pace.blocks, now)
    assert pace.blocks == pytest.approx(blocks, abs=1)
