"""What a client sees of a meter, registers as quantities, and the clock, over an association."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import axdr
from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem import (
    AssociationLN,
    Clock,
    DemandRegister,
    ImageTransfer,
    ProfileGeneric,
    Register,
    SecuritySetup,
    well_known,
)
from dlms_fw.enums import AttributeAccessFlags, Conformance, DataAccessResult, MethodAccessFlags
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError, ServiceError
from dlms_fw.listed import Room
from dlms_fw.logical_name import LogicalName
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.reading.association_view import AssociationView, VisibleObject, association_view
from dlms_fw.reading.known import Known
from dlms_fw.reading.profile_reading import Between, Newest, ProfileReading
from dlms_fw.reading.registers import decimal_of, quantities
from dlms_fw.units import Quantity, unit
from meter_bench import GMAC, LLS, PLAIN, PUBLIC, Bench, MakeBench
from profile_meter import Meter

LISTS = Room(Conformance.MULTIPLE_REFERENCES)
SINGLE = Room(Conformance(0))


pytest_plugins = ["meter_fixtures"]


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench(LLS)


def view_of(bench: Bench, profile: Any = None) -> AssociationView:
    with bench.client(profile) as client:
        return client.association_view()


# The association view


@pytest.mark.proves("reading-view")
def test_every_version_of_association_tells_the_same(make_bench: MakeBench) -> None:
    views = []
    for version in range(4):
        view = view_of(make_bench(PLAIN, association_version=version))
        assert (view.class_id, view.version) == (15, version)
        views.append({(it.class_id, it.logical_name): it.rights for it in view if it.class_id != 15})
    assert views[0] == views[1] == views[2] == views[3]
    assert len(views[0]) > 15


def test_protection_is_told_by_flags_as_far_as_the_version_has_words(make_bench: MakeBench) -> None:
    rights = []
    for version in (1, 3):
        bench = make_bench(
            replace(GMAC, trust_meter_counter_reset=True),
            association_version=version,
            security_setup_version=1,
        )
        found = view_of(bench).find(well_known.SECURITY_SETUP)
        assert found is not None
        assert found.rights is not None
        rights.append(found.rights)
    by_word, by_flags = rights
    assert by_flags.methods.keys() == by_word.methods.keys()
    for method_id, flags in by_word.methods.items():
        asked = MethodAccessFlags.ACCESS | MethodAccessFlags.AUTHENTICATED_REQUEST
        assert flags & MethodAccessFlags.ACCESS == by_flags.methods[method_id] & MethodAccessFlags.ACCESS
        assert flags in {MethodAccessFlags(0), MethodAccessFlags.ACCESS, asked}


@pytest.mark.proves("reading-view")
def test_short_names_tell_the_same_objects(make_bench: MakeBench) -> None:
    by_logical_name = view_of(make_bench(PLAIN))
    profile = replace(PLAIN, referencing="short-name")
    by_short_name = view_of(make_bench(profile))
    assert by_short_name.class_id == 12
    assert all(it.base_name is not None for it in by_short_name)
    theirs = {(it.class_id, it.logical_name): it.rights for it in by_short_name}
    for it in by_logical_name:
        if it.class_id != 15:
            assert theirs[it.class_id, it.logical_name] == it.rights


def test_the_public_client_sees_little(make_bench: MakeBench) -> None:
    view = view_of(make_bench(PLAIN), PUBLIC)
    assert view.find(well_known.LOGICAL_DEVICE_NAME) is not None
    assert not any(it.may_write(number) for it in view for number in it.attribute_ids)
    assert view.find(well_known.IMAGE_TRANSFER) is None


def test_objects_are_typed_and_found(bench: Bench) -> None:
    with bench.client() as client:
        (image_transfer,) = client.objects(class_id=18)
        assert image_transfer.instance == ImageTransfer("0-0:44.0.0.255")
        assert image_transfer.name == "image transfer"
        assert image_transfer.may_call(1)
        assert client.get(image_transfer.attribute(2)) == 64
        assert image_transfer.attribute(2) == ImageTransfer("0-0:44.0.0.255").image_block_size
        logs = client.objects(text="Detection LOG") + client.objects(text="log EVENT")
        assert {it.interface for it in logs} == {ProfileGeneric}
        assert set(client.objects(logical_name="0-0:99.98.*.255", class_id=7)) >= set(logs)
        assert logs[0].rights is not None
        assert logs[0].rights.selectors[2] == (1, 2)
        assert client.objects(text="event log", version=0) == []
        requests = client.statistics.requests
        client.objects()
        assert client.statistics.requests == requests
    with bench.client() as client:
        client.objects()
        assert client.statistics.requests > 0


def test_a_new_association_has_a_view_of_its_own(bench: Bench) -> None:
    client = bench.client()
    client.connect()
    managing = client.association_view()
    client.close()
    client.change_profile(PUBLIC)
    client.connect()
    assert len(client.association_view()) < len(managing)
    client.close()


@pytest.mark.proves("reading-logical-devices")
def test_logical_devices(bench: Bench) -> None:
    with bench.client() as client:
        (device,) = client.logical_devices()
        assert device.sap == 1
        assert device.name == bench.config.logical_device_name.decode()


def listing(*elements: tuple[int, int, str, list[Any], list[Any]]) -> bytes:
    """An object list with modes as plain numbers."""
    item = axdr.structure(axdr.integer, axdr.plain_enum, axdr.null_data)
    methods = axdr.array(axdr.structure(axdr.integer, axdr.choice(axdr.boolean, axdr.plain_enum)))
    element = axdr.structure(
        axdr.long_unsigned,
        axdr.unsigned,
        axdr.logical_name_octets,
        axdr.structure(axdr.array(item), methods),
    )
    return axdr.array(element).encode(
        [
            (class_id, version, LogicalName(name), ([(n, mode, None) for n, mode in attributes], calls))
            for class_id, version, name, attributes, calls in elements
        ]
    )


@pytest.mark.proves("reading-unknown-classes")
def test_unknown_classes_are_objects_too() -> None:
    meter = Meter({
        (15, "0-0:40.0.0.255", 2): listing(
            (8192, 3, "0-0:96.50.0.255", [(1, 1), (2, 3), (-4, 1)], [(1, 1)]),
            (15, 2, "0-0:40.0.1.255", [], [])
        ),
        (8192, "0-0:96.50.0.255", 2): axdr.any_data.encode(Data(Tag.UNSIGNED, 7)),
    })  # fmt: skip
    view = meter.walk(association_view())
    assert view.version == 2
    unknown = view[0]
    assert (unknown.class_id, unknown.version) == (8192, 3)
    assert unknown.attribute_ids == (-4, 1, 2)
    assert unknown.may_write(2)
    ref = unknown.attribute(2)
    response = meter.answer(ref.get_request())
    assert ref.decode(response.data) == Data(Tag.UNSIGNED, 7)
    assert repr(unknown.attribute(-4)) == 'Raw8192V3("0-0:96.50.0.255").attribute_minus_4'
    assert unknown.interface not in AssociationLN.registry.values()
    assert unknown.instance == unknown.instance


def test_modes_that_no_version_has_allow_nothing() -> None:
    flagged = listing((3, 0, "1-0:1.8.0.255", [(2, 0x45)], [(1, 0x21)]), (15, 3, "0-0:40.0.0.255", [], []))
    plain = listing((3, 0, "1-0:1.8.0.255", [(2, 0x45)], [(1, 0x21)]), (15, 1, "0-0:40.0.0.255", [], []))
    absent = listing((3, 0, "1-0:1.8.0.255", [(2, 4)], [(1, True)]))
    rights = []
    for octets in (flagged, plain, absent):
        view = Meter({(15, "0-0:40.0.0.255", 2): octets}).walk(association_view())
        rights.append(view[0].rights)
    first, second, third = rights
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.attributes[2] == (
        AttributeAccessFlags.READ
        | AttributeAccessFlags.AUTHENTICATED_REQUEST
        | AttributeAccessFlags.ENCRYPTED_RESPONSE
    )
    assert (second.may_read(2), second.may_call(1)) == (False, False)
    assert (third.may_read(2), third.may_call(1)) == (True, True)
    assert not third.may_write(2)
    assert not third.may_read(9)


def test_rights_that_are_not_told_are_taken_for_granted() -> None:
    clock = VisibleObject(8, 0, well_known.CLOCK)
    assert clock.attribute_ids == tuple(range(1, 10))
    assert clock.may_read(2)
    assert clock.may_write(2)
    assert clock.may_call(6)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("1.8.0", "1-0:1.8.0.255 1-1:1.8.0.255 1-0:1.8.0.3"),
        ("1.8.*", "1-0:1.8.0.255 1-0:1.8.1.255 1-1:1.8.0.255 1-0:1.8.0.3"),
        ("1-0:1.8.0", "1-0:1.8.0.255 1-0:1.8.0.3"),
        ("1.8.0*3", "1-0:1.8.0.3"),
        ("1-0:*.8.0.255", "1-0:1.8.0.255 1-0:2.8.0.255"),
        ("*-*:1.8.1.255", "1-0:1.8.1.255"),
        ("1.0.2.8.0.255", "1-0:2.8.0.255"),
        ("1-0:2.8.0*255", "1-0:2.8.0.255"),
    ],
)
def test_patterns(pattern: str, names: str) -> None:
    everything = ["1-0:1.8.0.255", "1-0:1.8.1.255", "1-1:1.8.0.255", "1-0:2.8.0.255", "1-0:1.8.0.3"]
    found = LogicalNamePattern(pattern)
    assert {it for it in everything if found.matches(LogicalName(it))} == set(names.split())


@pytest.mark.parametrize("text", ["", "1.8", "1-0:1.8.0.256", "a.b.c", "1.8.0.0.0", "1-0:1.8.0.255.1"])
def test_no_patterns(text: str) -> None:
    with pytest.raises(ValueError, match="not a logical name"):
        LogicalNamePattern(text)


# Registers


IMPORT, EXPORT, VOLTAGE = (Register(name) for name in ("1-0:1.8.0.255", "1-0:2.8.0.255", "1-0:32.7.0.255"))


def registers() -> Meter:
    scaler_unit = axdr.structure(axdr.integer, axdr.plain_enum)
    return Meter({
        (3, "1-0:1.8.0.255", 2): axdr.double_long_unsigned.encode(123456),
        (3, "1-0:1.8.0.255", 3): scaler_unit.encode((1, 30)),
        (3, "1-0:32.7.0.255", 2): axdr.float32.encode(230.1),
        (3, "1-0:32.7.0.255", 3): axdr.structure(axdr.integer, axdr.unsigned).encode((0, 35)),
        (5, "1-0:1.4.0.255", 2): axdr.long.encode(-5),
        (5, "1-0:1.4.0.255", 3): axdr.long.encode(-7),
        (5, "1-0:1.4.0.255", 4): scaler_unit.encode((-2, 27)),
    })  # fmt: skip


@pytest.mark.proves("reading-registers")
def test_a_register_is_a_quantity() -> None:
    meter, known = registers(), Known()
    demand = DemandRegister("1-0:1.4.0.255")
    last = VisibleObject(5, 0, LogicalName("1-0:1.4.0.255")).attribute(3)
    for _ in range(2):
        told = meter.walk(quantities([IMPORT, VOLTAGE, demand, last], known, LISTS))
        assert told == [
            Quantity(Decimal("1234560"), unit(30)),
            Quantity(Decimal("230.1"), unit(35)),
            Quantity(Decimal("-0.05"), unit(27)),
            Quantity(Decimal("-0.07"), unit(27)),
        ]
    assert [len(request.items) for request in meter.requests] == [7, 4]
    assert [str(it) for it in told] == ["1234560 Wh", "230.1 V", "-0.05 W", "-0.07 W"]


@pytest.mark.proves("reading-registers")
def test_without_lists_each_is_a_request() -> None:
    meter, known = registers(), Known()
    for _ in range(2):
        meter.walk(quantities([IMPORT, VOLTAGE], known, SINGLE))
    assert len(meter.requests) == 4 + 2


@pytest.mark.proves("reading-registers")
def test_what_is_refused_and_what_is_no_number_is_told_for_each() -> None:
    meter = registers()
    meter.refused[3, "1-0:32.7.0.255", 2] = DataAccessResult.READ_WRITE_DENIED
    meter.values[3, "1-0:2.8.0.255", 2] = axdr.octet_string.encode(b"?")
    meter.refused[3, "1-0:1.8.0.255", 3] = DataAccessResult.READ_WRITE_DENIED
    energy, nothing, denied = meter.walk(quantities([IMPORT, EXPORT, VOLTAGE], Known(), LISTS))
    assert energy == Quantity(Decimal(123456), unit(255))
    assert isinstance(nothing, RemoteProtocolError)
    assert isinstance(denied, ServiceError)
    assert denied.result == DataAccessResult.READ_WRITE_DENIED


def test_what_is_no_register_is_a_mistake_of_ours() -> None:
    clock = Clock(well_known.CLOCK)
    for wrong in (clock, clock.time, VisibleObject(3, 0, IMPORT.instance_id).attribute(3)):
        with pytest.raises(TypeError, match="no scaler and unit"):
            registers().walk(quantities([wrong], Known(), LISTS))


@given(st.floats(width=32, allow_nan=False))
def test_a_float32_is_what_was_meant(number: float) -> None:
    text = decimal_of(number)
    assert axdr.float32.decode(axdr.float32.encode(float(text))) == number
    assert len(text.as_tuple().digits) <= 9


@given(st.floats(1e-30, 1e300) | st.floats(-1e300, -1e-30))
def test_a_float64_is_not_rounded_where_it_is_none_of_32(number: float) -> None:
    assert abs(float(decimal_of(number)) - number) <= abs(number) * 1e-6
    assert decimal_of(0.1) == Decimal("0.1")
    assert decimal_of(1 << 63) == 1 << 63


# The clock, and rows, over an association


@pytest.mark.proves("reading-clock")
def test_the_clock_beside_ours(bench: Bench) -> None:
    client = bench.client()
    client._wall_clock = lambda: datetime.fromtimestamp(bench.time.wall(), UTC)
    with client:
        at_first = client.clock_reading()
        assert abs(at_first.skew) <= at_first.uncertainty
        assert at_first.is_valid
        assert at_first.status == 0
        assert at_first.time.utcoffset() is not None

        behind = client.shift_clock(-90)
        assert abs(behind.skew + timedelta(seconds=90)) <= behind.uncertainty
        bench.sleep(0.37)
        again = client.set_clock()
        assert abs(again.skew) < timedelta(milliseconds=20)  # hundredths of the meter's clock
        goal = datetime(2031, 7, 1, 12, tzinfo=UTC)
        there = client.set_clock(goal)
        assert there.time - goal < timedelta(seconds=1)
        local = client.set_clock(datetime(2031, 7, 1, 12))
        offset = timedelta(minutes=bench.config.utc_offset_minutes)
        assert local.time.replace(tzinfo=None) == datetime(2031, 7, 1, 12)
        assert local.time.utcoffset() == offset

        with pytest.raises(LocalProtocolError, match="at most 900"):
            client.shift_clock(901)
        client._wall_clock = lambda: goal


@pytest.mark.proves("reading-clock")
def test_a_clock_that_may_not_be_set(make_bench: MakeBench) -> None:
    bench = make_bench(PLAIN)
    with bench.client(replace(PLAIN, client_sap=2)) as client:
        before = client.clock_reading().time
        with pytest.raises(ServiceError) as caught:
            client.set_clock(datetime(2031, 1, 1, tzinfo=UTC))
        assert caught.value.result == DataAccessResult.READ_WRITE_DENIED
        assert client.clock_reading().time == before
    with bench.client(PUBLIC) as client, pytest.raises(ServiceError):
        client.set_clock()


def test_the_event_log_by_time_and_the_newest(bench: Bench) -> None:
    with bench.client() as client:
        for _ in range(5):
            client.set_clock(datetime(2030, 1, 1, tzinfo=UTC))
        everything = list(client.rows(ProfileReading(well_known.STANDARD_EVENT_LOG, rows_per_slice=3)))
        assert [row["event code"] for row in everything[-4:]] == [4, 5, 4, 5]
        newest = list(client.rows(ProfileReading(well_known.STANDARD_EVENT_LOG, Newest(4))))
        assert [row.values for row in newest] == [row.values for row in everything[-4:]]
        part = Between(datetime(2029, 12, 31, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC))
        in_2030 = list(client.rows(ProfileReading(well_known.STANDARD_EVENT_LOG, part)))
        assert [row.values for row in in_2030] == [
            row.values for row in everything if row.time is not None and row.time.year in {2029, 2030}
        ]
        described = client.profile_description(well_known.STANDARD_EVENT_LOG)
        assert described.columns[0].is_clock
        client.forget_objects()
        assert client.profile_description(well_known.STANDARD_EVENT_LOG) == described


def test_the_asyncio_client_reads_alike(bench: Bench) -> None:
    async def read() -> None:
        async with bench.async_client() as client:
            assert (await client.objects(class_id=18))[0].instance == ImageTransfer("0-0:44.0.0.255")
            assert [device.sap for device in await client.logical_devices()] == [1]
            reading = ProfileReading(well_known.STANDARD_EVENT_LOG, rows_per_slice=2)
            assert [row.entry async for row in client.rows(reading)]
            assert (await client.set_clock(datetime(2030, 1, 1, tzinfo=UTC))).time.year == 2030
            await client.shift_clock(3)
            with pytest.raises(ServiceError):
                await client.quantity(Register("1-9:1.8.0.255"))

    asyncio.run(read())


def test_no_class_of_the_view_is_left_out(bench: Bench) -> None:
    view = view_of(bench)
    assert {it.class_id for it in view} >= {SecuritySetup.class_id, ProfileGeneric.class_id, Clock.class_id}
    assert len(view.select()) == len(view) == len(view[0:])
