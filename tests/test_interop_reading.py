"""Reading between strangers: a meter of Gurux' into a record and back, and their clients at our meter."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dlms_fw._core import Data, DateTime
from dlms_fw.client import Client
from dlms_fw.cosem import DemandRegister, ExtendedRegister, Register
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.live.load import HouseholdLoad
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.model_settings import configured
from dlms_fw.meter.recorded import recorded_model
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profiles import Profile
from dlms_fw.reading.profile_reading import Between, Newest, ProfileReading
from dlms_fw.record import MeterRecord, parse_record, record_text
from dlms_fw.recorder import record_meter
from dlms_fw.units import Quantity
from interop import NAME, gurux_meter
from interop_live import Visitor

MANAGEMENT = Profile(client_sap=1, max_pdu_size=1024)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
GURUX_READS = (
    ["read", 3, "1.0.1.8.0.255", 2],
    ["read", 3, "1.0.1.8.0.255", 3],
    ["read", 4, "1.0.1.6.0.255", 5],
    ["read", 5, "1.0.1.4.0.255", 3],
    ["read", 8, "0.0.1.0.0.255", 2],
    ["read", 7, "1.0.99.1.0.255", 2],
    ["read", 7, "1.0.99.1.0.255", 3],
    ["read", 17, "0.0.41.0.0.255", 2],
    ["read", 23, "0.0.22.0.0.255", 9],
    ["read", 15, "0.0.40.0.0.255", 2],
)


@pytest.fixture(scope="module")
def gurux() -> Iterator[Visitor]:
    with Visitor("gurux_visitor.py") as visitor:
        yield visitor


def recorded(url: str, *, by_gurux: bool = False) -> MeterRecord:
    with Client(url, MANAGEMENT) as client:
        record, error = record_meter(client, now=NOW)
    assert error is None
    lost = {
        (str(it.object.logical_name), number)
        for it in record.objects
        for number, found in it.attributes.items()
        if found.failure is not None
    }
    # Their association object ends with an exception there, and the connection with it.
    assert lost == ({("0-0:40.0.0.255", 5)} if by_gurux else set())
    return record


@pytest.mark.proves("interop-live-records")
def test_a_record_of_a_gurux_meter_serves_the_same(tmp_path: Path, gurux: Visitor) -> None:
    with gurux_meter(tmp_path, catalogue=True) as peer:
        url = f"tcp://127.0.0.1:{peer.report()['port']}"
        theirs = recorded(url, by_gurux=True)
        with Client(url, MANAGEMENT) as client:
            check_values(client)
        seen_by_gurux = gurux.visit_url(url, "none", *GURUX_READS)

    config = configured(recorded_model(parse_record(record_text(theirs))), MANAGEMENT)
    endpoint = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
    with BackgroundMeter(config, lambda: Directory(tmp_path / "state"), endpoint) as meter:
        ours = recorded(meter.url)
        with Client(meter.url, MANAGEMENT) as client:
            check_values(client)
            # Theirs does not know this: the record is a meter that does.
            newest = list(client.rows(ProfileReading("1-0:99.1.0.255", Newest(2))))
            assert [row.entry for row in newest] == [3, 4]
        seen_of_ours = gurux.visit_url(meter.url, "none", *GURUX_READS)
        assert seen_of_ours[:-1] == seen_by_gurux[:-1]
        assert rights_in(seen_of_ours[-1]) == rights_in(seen_by_gurux[-1])
    assert len(theirs.objects) == 16
    their_objects = {it.object.logical_name: it for it in theirs.objects}
    for it in ours.objects:
        other = their_objects.pop(it.object.logical_name)
        if it.object.class_id == 15:
            continue
        assert it.attributes == other.attributes
        assert it.object.rights is not None
        assert other.object.rights is not None
        assert it.object.rights.attributes == other.object.rights.attributes
        assert it.object.rights.methods == other.object.rights.methods
    assert not their_objects


def rights_in(object_list: list[Any]) -> dict[Any, Any]:
    """Access modes of all objects but the association itself; selectors apart, which theirs does not name."""
    return {
        (class_id, version, name): ([mode[:2] for mode in attributes], methods)
        for class_id, version, name, (attributes, methods) in object_list
        if class_id != 15
    }


def check_values(client: Client) -> None:
    registers = [
        Register("1-0:1.8.0.255"),
        Register("1-0:32.7.0.255"),
        ExtendedRegister("1-0:1.6.0.255"),
        DemandRegister("1-0:1.4.0.255").last_average_value,
    ]
    assert [str(it) for it in client.quantities(registers)] == ["12345.6 Wh", "230.1 V", "7700 W", "7 W"]
    (device,) = client.logical_devices()
    assert device == (1, NAME)
    rows = list(client.rows(ProfileReading("1-0:99.1.0.255")))
    assert [str(row["1-0:1.8.0.255"]) for row in rows] == [
        "12300.0 Wh",
        "12300.1 Wh",
        "12300.2 Wh",
        "12300.3 Wh",
    ]
    link = client.association_view().find("0-0:22.0.0.255")
    assert link is not None
    assert [link.may_read(number) for number in (6, 7)] == [True, False]


# Their clients at our meter


HOURS = 6
PROFILE, ENERGY, CLOCK, LOG = "1.0.99.1.0.255", "1.0.1.8.0.255", "0.0.1.0.0.255", "0.0.99.98.0.255"
VIEW = "0.0.40.0.0.255"
QUARTER_S = 900
POWERED_TWICE = [StandardEvent.POWER_UP, StandardEvent.POWER_DOWN, StandardEvent.POWER_UP]


class LivedMeter(NamedTuple):
    """A meter that has measured for some hours up to now."""

    url: str
    config: MeterConfig
    since: float
    """When it was first powered up, in seconds since 1970."""

    def energy(self, until: float) -> float:
        """What has been consumed until then, in Wh: the load is constant between its changes."""
        load, moment, total = HouseholdLoad(zlib.crc32(self.config.system_title)), self.since, 0.0
        while moment < until:
            following = min(load.next_change(moment), until)
            total += load.power(moment) * (following - moment) / 3600
            moment = following
        return total

    @property
    def captures(self) -> list[float]:
        """The moments at which the load profile was captured."""
        first = math.floor(self.since / QUARTER_S) + 1
        return [number * QUARTER_S for number in range(first, first + HOURS * 4)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedMeter]:
    """A simulated mcs301, which measures in virtual time first and is then served."""
    memory = tmp_path_factory.mktemp("lived") / "state"
    config, since = MeterConfig(), time.time() - HOURS * 3600 - 1
    clock = VirtualTime(since)
    medium = Directory(memory)
    meter = SimulatedMeter(medium, config, clock, challenge=lambda: bytes(16))
    while (due := meter.deadline) is not None and due <= HOURS * 3600:
        clock.advance(max(0.0, due - clock.elapsed))
        meter.advance()
    medium.close()
    endpoint = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
    with BackgroundMeter(config, lambda: Directory(memory), endpoint) as served:
        yield LivedMeter(served.url, config, since)


@pytest.fixture(scope="module")
def cosem() -> Iterator[Visitor]:
    with Visitor("cosem_visitor.py") as visitor:
        yield visitor


def two_hours(meter: LivedMeter) -> tuple[datetime, datetime, list[int]]:
    """The ends of a range, and the numbers of the captures in it."""
    captures = meter.captures[4:12]
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (captures[0], captures[-1]))
    return start, end, list(range(4, 12))


def local_octets(moment: datetime) -> str:
    """As the visitor takes it: without a deviation. The meter's local time is UTC."""
    return DateTime.from_datetime(moment.replace(tzinfo=None), clock_status=0).to_bytes().hex()


def check_rows(meter: LivedMeter, rows: list[list[Any]], numbers: list[int]) -> None:
    """Times, and energies to the Wh."""
    assert len(rows) == len(numbers)
    for row, number in zip(rows, numbers, strict=True):
        moment = meter.captures[number]
        assert DateTime.from_bytes(row[0]).to_datetime() == datetime.fromtimestamp(moment, UTC)
        assert row[1] == 0
        assert row[2] == pytest.approx(meter.energy(moment), abs=1)


def check_energy(meter: LivedMeter, value: int, asked_at: float) -> None:
    # Between its two lives it had no power for a moment.
    assert meter.energy(asked_at - 60) - 1 <= value <= meter.energy(time.time()) + 1


def check_clock(octets: bytes, asked_at: float) -> None:
    shown = DateTime.from_bytes(octets).to_datetime().timestamp()
    assert asked_at - 1 <= shown <= time.time() + 1


def check_view(meter: LivedMeter, elements: list[Any]) -> None:
    """What they were told of objects and rights is what our client makes of it."""
    with Client(meter.url, MANAGEMENT) as client:
        view = client.association_view()
    assert len(elements) == len(view) > 100
    for class_id, version, name, (attributes, methods) in elements:
        seen = view.find(name, class_id)
        assert seen is not None
        assert seen.version == version
        for attribute_id, mode, _ in attributes:
            assert seen.may_read(attribute_id) is (mode in {1, 3, 4, 6})
            assert seen.may_write(attribute_id) is (mode in {2, 3, 5, 6})
        for method_id, mode in methods:
            assert seen.may_call(method_id) is bool(mode)


@pytest.mark.proves("interop-live-reading")
def test_a_gurux_client_reads_our_meter(lived: LivedMeter, gurux: Visitor) -> None:
    start, end, numbers = two_hours(lived)
    asked_at = time.time()
    view, clock, energy, scaler_unit, by_range, by_entry, log = gurux.visit_url(
        lived.url,
        "none",
        ["read", 15, VIEW, 2],
        ["read", 8, CLOCK, 2],
        ["read", 3, ENERGY, 2],
        ["read", 3, ENERGY, 3],
        ["by-range", PROFILE, local_octets(start), local_octets(end)],
        ["by-entry", PROFILE, 5, 2],
        ["by-entry", LOG, 1, 2],
    )
    check_view(lived, [(*it[:2], bytes.fromhex(it[2]), it[3]) for it in view])
    check_clock(bytes.fromhex(clock), asked_at)
    check_energy(lived, energy, asked_at)
    assert scaler_unit == [0, 30]
    check_rows(lived, [[bytes.fromhex(row[0]), *row[1:]] for row in by_range], numbers)
    check_rows(lived, [[bytes.fromhex(row[0]), *row[1:]] for row in by_entry], [4, 5])
    assert [row[1] for row in log] == POWERED_TWICE[:2]


@pytest.mark.proves("interop-live-reading")
def test_a_dlms_cosem_client_reads_our_meter(lived: LivedMeter, cosem: Visitor) -> None:
    start, end, numbers = two_hours(lived)
    asked_at = time.time()
    view, clock, energy, scaler_unit, by_range, log = (
        Data.decode(bytes.fromhex(it)).plain()
        for it in cosem.visit_url(
            lived.url,
            "none",
            ["read", 15, VIEW, 2],
            ["read", 8, CLOCK, 2],
            ["read", 3, ENERGY, 2],
            ["read", 3, ENERGY, 3],
            ["by-range", PROFILE, start.isoformat(), end.isoformat()],
            ["read", 7, LOG, 2],
        )
    )
    check_view(lived, list(view))  # type: ignore[call-overload]
    check_clock(clock, asked_at)  # type: ignore[arg-type]
    check_energy(lived, energy, asked_at)  # type: ignore[arg-type]
    assert scaler_unit == (0, 30)
    check_rows(lived, list(by_range), numbers)  # type: ignore[call-overload]
    assert [row[1] for row in log] == POWERED_TWICE  # type: ignore[attr-defined]


@pytest.mark.proves("interop-live-reading")
def test_our_client_reads_the_same(lived: LivedMeter) -> None:
    start, end, numbers = two_hours(lived)
    with Client(lived.url, MANAGEMENT) as client:
        reading = client.clock_reading()
        assert abs(reading.skew) <= reading.uncertainty
        rows = list(client.rows(ProfileReading("1-0:99.1.0.255", Between(start, end), rows_per_slice=3)))
        assert [row.time for row in rows] == [
            datetime.fromtimestamp(lived.captures[number], UTC) for number in numbers
        ]
        for row, number in zip(rows, numbers, strict=True):
            energy = row["active energy import, total"]
            assert isinstance(energy, Quantity)
            assert energy.unit.symbol == "Wh"
            assert float(energy.value) == pytest.approx(lived.energy(lived.captures[number]), abs=1)
