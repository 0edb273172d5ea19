"""Scheduled activation, with real processes: the meter's own clock decides, and a person may overrule it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from dlms_fw._core import DateTime
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.profiles import Profile
from simulator import IDENTIFIER, SMALL, Ended, Meter, Workshop, workshop

pytestmark = pytest.mark.rotating(3)

__all__ = ["workshop"]

WITHIN_S = 20.0


def soon(minutes: float = 20) -> datetime:
    """A time of day that lies far enough ahead."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).replace(microsecond=0)


def scheduled(workshop: Workshop, meter: Meter, at: datetime) -> Ended:
    """An upgrade that leaves the activation to the meter."""
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), "--activate", at.isoformat())
    assert (ended.code, ended.document["outcome"]) == (0, "scheduled"), ended
    return ended


def set_clock(meter: Meter, to: datetime) -> None:
    """Set the meter's clock as an operator would."""
    with Client(meter.url, Profile(client_sap=1)) as client:
        client.set(Clock(well_known.CLOCK).time, DateTime.from_datetime(to))


def version(workshop: Workshop, meter: Meter) -> str | None:
    """What the meter runs; ``None`` while it does not answer."""
    ended = workshop.run("info", meter.url, "--json")
    return ended.document["firmware"][1]["version"] if ended.code == 0 else None


def wait_for_version(workshop: Workshop, meter: Meter, wanted: str) -> None:
    """Until the meter runs it."""
    until = time.monotonic() + WITHIN_S
    while version(workshop, meter) != wanted:
        assert time.monotonic() < until, "the meter does not run it"
        time.sleep(0.2)


@pytest.mark.proves("image-transfer-schedule")
def test_the_meter_activates_when_its_clock_says_so(workshop: Workshop) -> None:
    meter, at = workshop.meter(), soon()
    told = scheduled(workshop, meter, at).document
    assert [phase["phase"] for phase in told["phases"]][-1] == "schedule"
    shown = workshop.info(meter.url)
    assert shown["schedule"] == [f"{at:%Y-%m-%d %H:%M:%S}"]
    assert shown["firmware"][1]["version"] == "1.0.0"

    set_clock(meter, at - timedelta(seconds=60))
    assert version(workshop, meter) == "1.0.0"
    set_clock(meter, at - timedelta(seconds=1))
    wait_for_version(workshop, meter, "2.4.1")
    assert workshop.info(meter.url)["schedule"] == []
    events = workshop.info(meter.url)["events"]
    assert [event["code"] for event in events] == [17, 18]

    again = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert (again.code, again.document["outcome"]) == (0, "already-current"), again


def test_it_survives_the_death_of_the_meter(workshop: Workshop) -> None:
    """The schedule is in the meter's memory; what fell due while it was off is made up for."""
    meter, at = workshop.meter(), soon()
    scheduled(workshop, meter, at)
    set_clock(meter, at - timedelta(seconds=1))
    meter.kill()
    time.sleep(1.5)
    meter.start()
    wait_for_version(workshop, meter, "2.4.1")


@pytest.mark.parametrize("offset", [-300, 60])
def test_a_time_without_an_offset_is_the_meters_own(workshop: Workshop, offset: int) -> None:
    meter = workshop.meter("--utc-offset", offset)
    local = (soon() + timedelta(minutes=offset)).replace(tzinfo=None)
    scheduled(workshop, meter, local)
    assert workshop.info(meter.url)["schedule"] == [f"{local:%Y-%m-%d %H:%M:%S}"]


def test_activation_on_demand_overrules_a_schedule(workshop: Workshop) -> None:
    meter, at = workshop.meter(), soon()
    scheduled(workshop, meter, at)
    now = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert (now.code, now.document["outcome"], now.document["blocks_sent"]) == (0, "activated", 0), now
    shown = workshop.info(meter.url)
    assert shown["firmware"][1]["identifiers"][0] == IDENTIFIER.hex().upper()
    assert shown["schedule"] == []
    set_clock(meter, at + timedelta(seconds=5))
    time.sleep(1.5)
    assert [event["code"] for event in workshop.info(meter.url)["events"]] == [17, 18]


def test_another_time_replaces_the_first(workshop: Workshop) -> None:
    meter, first, second = workshop.meter(), soon(20), soon(40)
    scheduled(workshop, meter, first)
    assert scheduled(workshop, meter, second).document["blocks_sent"] == 0
    assert workshop.info(meter.url)["schedule"] == [f"{second:%Y-%m-%d %H:%M:%S}"]


@pytest.mark.fault("T-30")
def test_a_schedule_is_taken_back(workshop: Workshop) -> None:
    meter, at = workshop.meter(), soon()
    scheduled(workshop, meter, at)
    for changed in (True, False):
        ended = workshop.run("cancel", meter.url, "--json", "--journal", str(workshop.journal))
        assert (ended.code, ended.document["changed"]) == (0, changed), ended
    shown = workshop.info(meter.url)
    assert (shown["schedule"], shown["image_transfer"]["status_name"]) == ([], "verification successful")

    set_clock(meter, at + timedelta(seconds=5))
    time.sleep(1.5)
    assert version(workshop, meter) == "1.0.0"
    now = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert (now.code, now.document["outcome"], now.document["blocks_sent"]) == (0, "activated", 0), now


@pytest.mark.fault("T-29")
@pytest.mark.parametrize(
    ("clock", "at", "says"),
    [
        (None, soon(-5), "not at least 300 s after"),
        (None, soon(1), "not at least 300 s after"),
        ("2000-01-01T00:00:00+00:00", soon(20), "the meter's clock is off by"),
    ],
    ids=["past", "too soon", "wrong clock"],
)
def test_a_schedule_that_is_refused(workshop: Workshop, clock: str | None, at: datetime, says: str) -> None:
    """Nothing is scheduled, and the image rests in the meter, verified."""
    meter = workshop.meter(*(() if clock is None else ("--clock", clock)))
    ended = workshop.upgrade(meter.url, workshop.image(SMALL), "--activate", at.isoformat())
    error = ended.document["error"]
    assert (ended.code, error["code"]) == (6, "transfer.schedule"), ended
    assert says in error["message"]
    shown = workshop.info(meter.url)
    assert (shown["schedule"], shown["image_transfer"]["status_name"]) == ([], "verification successful")
