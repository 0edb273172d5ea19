"""The meter's local time and its clock beside ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dlms_fw._core import Date, DateTime, Time
from dlms_fw.cosem import Clock
from dlms_fw.cosem.clock import LAST_DAY
from dlms_fw.enums import ClockStatus, Conformance, DataAccessResult
from dlms_fw.errors import ServiceError
from dlms_fw.listed import Room
from dlms_fw.reading.clock_reading import next_second
from dlms_fw.reading.meter_zone import MeterZone, date_time_in, meter_zone
from profile_meter import Meter, zone_values

HOUR = timedelta(hours=1)
BERLIN = MeterZone(
    HOUR,
    HOUR,
    DateTime(Date(None, 3, LAST_DAY, 7), Time(2, 0, 0, 0)),
    DateTime(Date(None, 10, LAST_DAY, 7), Time(3, 0, 0, 0)),
)
SYDNEY = MeterZone(
    10 * HOUR,
    HOUR,
    DateTime(Date(None, 10, 1, 7), Time(2, 0, 0, 0)),
    DateTime(Date(None, 4, 1, 7), Time(3, 0, 0, 0)),
)
ROOM = Room(Conformance.MULTIPLE_REFERENCES)


@pytest.mark.parametrize(
    ("zone", "name"),
    [(BERLIN, "Europe/Berlin"), (SYDNEY, "Australia/Sydney"), (MeterZone(2 * HOUR), "Etc/GMT-2")],
)
@pytest.mark.proves("reading-local-time")
def test_local_time_is_that_of_the_place(zone: MeterZone, name: str) -> None:
    moment = datetime(2025, 12, 30, tzinfo=UTC)
    while moment.year < 2027:
        ours, theirs = moment.astimezone(zone), moment.astimezone(ZoneInfo(name))
        assert ours.replace(tzinfo=None) == theirs.replace(tzinfo=None)
        assert ours.fold == theirs.fold
        assert ours.utcoffset() == theirs.utcoffset()
        assert ours.dst() == theirs.dst()
        assert ours.astimezone(UTC) == moment
        moment += timedelta(minutes=30) if moment.month in {3, 4, 10} else timedelta(hours=11)


def test_offsets_have_names() -> None:
    assert str(BERLIN.tzname(datetime(2026, 7, 1))) == "UTC+02:00"
    assert MeterZone(timedelta(hours=-3, minutes=-30)).tzname(None) == "UTC-03:30"


def test_a_moment_as_the_meter_writes_it() -> None:
    summer = date_time_in(BERLIN, datetime(2026, 7, 1, 10, tzinfo=UTC))
    assert summer.to_datetime().isoformat() == "2026-07-01T12:00:00+02:00"
    assert (summer.deviation, summer.clock_status) == (-120, ClockStatus.DAYLIGHT_SAVING_ACTIVE)
    winter = date_time_in(BERLIN, datetime(2026, 1, 1, 10), opposite_deviation=True)
    assert (winter.time.hour, winter.deviation, winter.clock_status) == (10, 60, 0)
    assert BERLIN.moment(winter, opposite_deviation=True) == datetime(2026, 1, 1, 9, tzinfo=UTC)
    assert BERLIN.moment(DateTime(Date(2026, 7, 1), Time(12, 0, 0))) == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("second", "way_s", "turn", "pause_s"),
    [
        (10.0, 0.0, 10, 0.0),
        (10.25, 0.0, 11, 0.75),
        (10.25, 0.5, 11, 0.25),
        (10.75, 0.5, 12, 0.75),
        (59.5, 2.0, 62, 0.5),
    ],
)
def test_a_clock_is_set_at_the_turn_of_a_second(
    second: float, way_s: float, turn: int, pause_s: float
) -> None:
    minute = datetime(2026, 11, 27, 4, 30, tzinfo=UTC)
    found, pause = next_second(minute + timedelta(seconds=second), way_s)
    assert (found - minute, pause) == (timedelta(seconds=turn), pytest.approx(pause_s))


def read(meter: Meter, *, opposite_deviation: bool = False) -> MeterZone:
    return meter.walk(meter_zone(Clock("0-0:1.0.0.255"), ROOM, opposite_deviation=opposite_deviation))


class TestTheZoneOfAMeter:
    NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)

    def meter(self, zone: MeterZone = BERLIN) -> Meter:
        return Meter(zone_values(zone, self.NOW))

    def refuse(self, meter: Meter, *attribute_ids: int) -> None:
        for attribute_id in attribute_ids:
            meter.refused[8, "0-0:1.0.0.255", attribute_id] = DataAccessResult.READ_WRITE_DENIED

    def test_is_read_in_one_request(self) -> None:
        meter = self.meter()
        assert read(meter) == BERLIN
        assert len(meter.requests) == 1

    def test_without_daylight_saving_it_is_an_offset(self) -> None:
        assert read(self.meter(MeterZone(-5 * HOUR))) == MeterZone(-5 * HOUR)

    def test_the_time_shown_counts_where_the_rules_do_not_explain_it(self) -> None:
        meter = self.meter()
        self.refuse(meter, 5)
        assert read(meter) == MeterZone(2 * HOUR)  # a fixed +1 would be wrong now
        meter = self.meter()
        meter.values[8, "0-0:1.0.0.255", 3] = Clock.time_zone.data_type.encode(0)
        assert read(meter) == MeterZone(2 * HOUR)
        self.refuse(meter, 3)
        assert read(meter) == MeterZone(2 * HOUR)

    def test_the_zone_counts_where_the_time_names_no_deviation(self) -> None:
        meter = self.meter()
        meter.values[8, "0-0:1.0.0.255", 2] = Clock.time.data_type.encode(DateTime())
        assert read(meter) == BERLIN
        self.refuse(meter, 2)
        assert read(meter) == BERLIN
        self.refuse(meter, 3)
        with pytest.raises(ServiceError):
            read(meter)

    @pytest.mark.proves("reading-local-time")
    def test_the_other_sign(self) -> None:
        meter = self.meter()
        shown = date_time_in(BERLIN, self.NOW, opposite_deviation=True)
        meter.values[8, "0-0:1.0.0.255", 2] = Clock.time.data_type.encode(shown)
        meter.values[8, "0-0:1.0.0.255", 3] = Clock.time_zone.data_type.encode(60)
        assert read(meter, opposite_deviation=True) == BERLIN
