"""When a request over datagrams is sent again."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlms_fw.driver.round_trips import RoundTrips
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LINKS
from link_site import LinkSite, image_of

LONGEST = 3.0


def taught(seconds: float, times: int = 20) -> RoundTrips:
    trips = RoundTrips(9, 30.0)
    for number in range(times):
        trips.asked(100.0 * number)
        trips.answered(100.0 * number + seconds)
    return trips


def waits(trips: RoundTrips, now: float, times: int) -> list[float]:
    """The waits of one request that is not answered."""
    found = []
    trips.asked(now)
    for _ in range(times):
        found.append(trips.wait_s(LONGEST, now))
        now += found[-1]
        trips.repeated()
    return found


def test_while_nothing_is_known_the_wait_is_the_longest() -> None:
    assert waits(RoundTrips(9, 30.0), 0.0, 10) == [LONGEST] * 10


def test_a_known_line_is_repeated_on_soon_and_then_later_each_time() -> None:
    found = waits(taught(0.5), 5000.0, 10)
    assert found[:4] == pytest.approx([1.0, 2.0, 3.0, 3.0], rel=0.05)
    assert sum(found) == pytest.approx(30.0), "all the time that a request has"


def test_the_wait_is_at_least_a_share_of_the_longest() -> None:
    assert waits(taught(0.001), 5000.0, 1) == [LONGEST / 8]


def test_a_repeated_request_teaches_nothing_and_the_wait_stays() -> None:
    trips = taught(0.2)
    trips.asked(5000.0)
    trips.repeated()
    trips.answered(5000.6)
    trips.asked(6000.0)
    assert trips.wait_s(LONGEST, 6000.0) == pytest.approx(0.8, rel=0.1)
    trips.answered(6000.6)
    trips.asked(7000.0)
    assert 0.6 < trips.wait_s(LONGEST, 7000.0) < 1.2


def test_behind_a_burst_nothing_is_known_and_nothing_learned() -> None:
    trips = taught(0.2)
    trips.forget(line_is_full=True)
    trips.asked(5000.0)
    assert trips.wait_s(LONGEST, 5000.0) == LONGEST
    trips.answered(5002.0)
    trips.asked(6000.0)
    assert trips.wait_s(LONGEST, 6000.0) == pytest.approx(0.4, rel=0.1)


def test_a_lost_datagram_on_a_power_line_does_not_cost_seconds(tmp_path: Path) -> None:
    site = LinkSite(LINKS["plc"], image_block_size=256, seed=4)
    with Journal(tmp_path / "journal") as journal, site.client(journal) as client:
        result = client.upgrade(image_of(16 * 1024), TransferPolicy(activate="never", strategy="sequential"))
    site.line.end()
    lost = site.line.accidents["loss"]
    assert lost >= 5
    seconds = next(phase.seconds for phase in result.phases if phase.phase.value == "transfer")
    undisturbed = 64 * 0.29
    assert seconds < undisturbed + 1.2 * lost
