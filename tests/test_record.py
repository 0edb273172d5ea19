"""Records: a whole meter into a document, and back into a meter that answers alike."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import GetRequest, GetResponse, Key
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.access_rights import ObjectRights
from dlms_fw.enums import AttributeAccessFlags, DataAccessResult
from dlms_fw.errors import ConfigurationError, ServiceError, TransportError
from dlms_fw.logical_name import LogicalName
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.meter.model import MeterModel
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.model_settings import configured
from dlms_fw.meter.recorded import recorded_model
from dlms_fw.profiles import Profile
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.reading.profile_reading import Between, Newest, ProfileReading
from dlms_fw.record import (
    MeterRecord,
    RecordedAttribute,
    RecordedObject,
    is_secret,
    load_record,
    parse_record,
    record_text,
)
from dlms_fw.recorder import Recording, record_meter
from meter_bench import GMAC, LLS, PLAIN, Bench, MakeBench

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
LOG = well_known.STANDARD_EVENT_LOG
Target = tuple[int, str, int]
pytest_plugins = ["meter_fixtures"]


class Witness(Client):
    """A client that notes what it asks for, and for which some attributes are special."""

    asked: list[Target]
    lost: frozenset[Target] = frozenset()
    refused: dict[Target, int]

    def exchange(self, request: Any) -> Any:
        if isinstance(request, GetRequest):
            key = request.class_id, str(LogicalName(request.logical_name)), request.attribute_id
            self.asked.append(key)
            if key in self.lost:
                self._drop()
                raise TransportError("gone")
            if key in self.refused:
                return GetResponse(self.refused[key])
        return super().exchange(request)


def witness(bench: Bench) -> Witness:
    client = Witness(
        bench.url,
        bench.profile,
        journal=bench.journal,
        open_transport=bench.open,
        clock=bench.time.monotonic,
        sleep=bench.sleep,
    )
    client.asked, client.refused = [], {}
    return client


def recorded(bench: Bench, **options: Any) -> Recording:
    with bench.client() as client:
        return record_meter(client, now=NOW, **options)


def found(record: MeterRecord, name: str | LogicalName) -> dict[int, RecordedAttribute]:
    (it,) = (it for it in record.objects if it.object.logical_name == LogicalName(name))
    return dict(it.attributes)


def without_association(record: MeterRecord) -> dict[Any, Any]:
    return {
        (it.object.class_id, it.object.version, it.object.logical_name): (it.object.rights, it.attributes)
        for it in record.objects
        if it.object.logical_name != well_known.CURRENT_ASSOCIATION
    }


def served(make_bench: MakeBench, record: MeterRecord, profile: Profile) -> Bench:
    model = recorded_model(record, with_keys=profile.needs_keys)
    return powered(make_bench(profile), model, profile)


def powered(bench: Bench, model: MeterModel, profile: Profile) -> Bench:
    """The bench with a meter of another model, which has never had power before."""
    bench.config = configured(model, profile, utc_offset_minutes=0)
    bench.medium = type(bench.medium)()
    bench.power_up()
    return bench


@pytest.mark.parametrize(
    "profile", [PLAIN, LLS, replace(PLAIN, referencing="short-name")], ids=["none", "lls", "short"]
)
@pytest.mark.proves("reading-record")
def test_a_meter_of_a_record_has_the_same_record(make_bench: MakeBench, profile: Profile) -> None:
    bench = make_bench(profile)
    with bench.client() as client:
        for year in (2030, 2031, 2032):
            client.set_clock(datetime(year, 1, 1, tzinfo=UTC))
    first, error = recorded(bench)
    assert error is None
    again = parse_record(record_text(first))
    assert again == first
    second, _ = recorded(served(make_bench, again, profile))
    assert without_association(second) == without_association(first)
    assert second.association == first.association
    assert len(first.objects) > 15
    if profile.referencing == "logical-name":
        third, _ = recorded(served(make_bench, again, replace(profile, client_sap=1)))
        assert record_text(third) == record_text(second)


@pytest.mark.parametrize("name", ["idis-p2", "generic"])
def test_every_model_can_be_recorded_and_served(make_bench: MakeBench, name: str) -> None:
    bench = powered(make_bench(PLAIN), load_model(name), PLAIN)
    first, error = recorded(bench)
    assert error is None
    assert not [it for found in first.objects for it in found.attributes.values() if it.failure or it.result]
    second, _ = recorded(served(make_bench, first, PLAIN))
    assert without_association(second) == without_association(first)


def test_a_meter_with_keys_counts(make_bench: MakeBench) -> None:
    profile = replace(GMAC, trust_meter_counter_reset=True)
    first, _ = recorded(make_bench(profile, association_version=3))
    assert first.association["security_policy"] == "authenticated-encrypted"
    bench = served(make_bench, parse_record(record_text(first)), profile)
    counters = {it.object.logical_name for it in first.objects} & {
        well_known.invocation_counter(e) for e in range(3)
    }
    second, _ = recorded(bench)
    same, other = without_association(first), without_association(second)
    for key in list(same):
        if key[2] in counters:
            del same[key], other[key]
    assert same == other
    again, _ = recorded(bench)
    name = well_known.invocation_counter(0)
    assert found(again, name)[2].raw > found(second, name)[2].raw  # type: ignore[operator]


def test_rows_of_a_recorded_profile_are_selected(make_bench: MakeBench) -> None:
    bench = make_bench(LLS)
    with bench.client() as client:
        for year in (2030, 2031, 2032):
            client.set_clock(datetime(year, 1, 1, tzinfo=UTC))
        rows = [row.values for row in client.rows(ProfileReading(LOG))]
    record, _ = recorded(bench)
    with served(make_bench, record, LLS).client() as client:
        assert [row.values for row in client.rows(ProfileReading(LOG, rows_per_slice=2))] == rows
        assert [row.values for row in client.rows(ProfileReading(LOG, Newest(3)))] == rows[-3:]
        part = Between(datetime(2030, 6, 1, tzinfo=UTC), datetime(2031, 6, 1, tzinfo=UTC))
        between = list(client.rows(ProfileReading(LOG, part)))
        assert [row.values for row in between] == [it for it in rows if part.start <= it[0] <= part.end]  # type: ignore[operator]
        assert between


def test_the_newest_rows_are_kept(make_bench: MakeBench) -> None:
    bench = make_bench(LLS)
    with bench.client() as client:
        for year in (2030, 2031, 2032):
            client.set_clock(datetime(year, 1, 1, tzinfo=UTC))
        rows = [row.values for row in client.rows(ProfileReading(LOG))]
    record, _ = recorded(bench, entries=2)
    buffer = found(record, LOG)[2]
    assert buffer.entries == len(rows)
    assert buffer.raw is not None
    assert len(axdr.array(axdr.any_data).decode(buffer.raw)) == 2
    with served(make_bench, record, LLS).client() as client:
        assert [row.values for row in client.rows(ProfileReading(LOG))] == rows[-2:]
    everything, _ = recorded(bench, entries=None)
    assert found(everything, LOG)[2].entries is None


@pytest.mark.proves("reading-record")
def test_secrets_are_not_asked_for(make_bench: MakeBench) -> None:
    password = b"no-secret-of-anybody"
    bench = make_bench(replace(LLS, password=Key(password)))
    with witness(bench) as client:
        view = client.association_view()
        association = view.find(well_known.CURRENT_ASSOCIATION)
        assert association is not None
        assert association.rights is not None
        association.rights.attributes[7] |= AttributeAccessFlags.READ  # type: ignore[index]
        client.asked.clear()
        record, _ = record_meter(client, now=NOW)
        assert not [it for it in client.asked if is_secret(it[0], it[2])]
    assert found(record, well_known.CURRENT_ASSOCIATION)[7] == RecordedAttribute(is_secret=True)
    text = record_text(record)
    assert password.decode() not in text
    assert password.hex().upper() not in text
    (document,) = (it for it in json.loads(text)["objects"] if it["logical_name"] == "0-0:40.0.0.255")
    assert document["attributes"]["7"] == {
        "name": "secret", "access": ["read", "write"], "secret": True,
    }  # fmt: skip


@pytest.mark.proves("reading-record")
def test_what_is_refused_or_lost_is_noted(make_bench: MakeBench) -> None:
    bench = make_bench(LLS)
    with witness(bench) as client:
        client.lost = frozenset({(8, "0-0:1.0.0.255", 3), (8, "0-0:1.0.0.255", 9), (18, "0-0:44.0.0.255", 3)})
        client.refused = {(18, "0-0:44.0.0.255", 7): 3, (18, "0-0:44.0.0.255", 6): 77}
        record, error = record_meter(client, now=NOW)
        assert client.statistics.associations == 4
    assert error is None
    assert record.is_complete
    clock, image = found(record, well_known.CLOCK), found(record, well_known.IMAGE_TRANSFER)
    assert clock[3] == RecordedAttribute(failure="gone")
    assert clock[4].raw is not None
    assert image[7] == RecordedAttribute(result=3)
    assert image[6] == RecordedAttribute(result=77)
    assert parse_record(record_text(record)) == record
    assert '"refused": "read-write-denied"' in record_text(record)

    again, _ = recorded(served(make_bench, record, LLS))
    clock, image = found(again, well_known.CLOCK), found(again, well_known.IMAGE_TRANSFER)
    assert image[7] == RecordedAttribute(result=3)
    assert image[6].result == clock[3].result == DataAccessResult.OTHER_REASON


def test_a_meter_that_always_goes_ends_the_record(make_bench: MakeBench) -> None:
    bench = make_bench(LLS)
    with witness(bench) as client:
        client.lost = frozenset((8, "0-0:1.0.0.255", number) for number in range(2, 10))
        record, error = record_meter(client, now=NOW)
    assert isinstance(error, TransportError)
    assert not record.is_complete
    assert record.objects[-1].object.logical_name == well_known.CLOCK
    assert len(record.objects[-1].attributes) == 5
    assert parse_record(record_text(record)) == record


def test_a_part_of_a_meter(make_bench: MakeBench) -> None:
    told: list[tuple[int, int, str]] = []
    record, _ = recorded(
        make_bench(LLS),
        only=[LogicalNamePattern("1-*:0.2.0.255"), LogicalNamePattern("0-0:42.0.0.255")],
        progress=lambda number, total, it: told.append((number, total, str(it.logical_name))),
    )
    names = ["0-0:42.0.0.255", "1-0:0.2.0.255", "1-1:0.2.0.255", "1-2:0.2.0.255"]
    assert [str(it.object.logical_name) for it in record.objects] == names
    assert told == [(number, 4, name) for number, name in enumerate(names, 1)]


def test_a_record_is_for_people_too(make_bench: MakeBench, tmp_path: Path) -> None:
    record, _ = recorded(make_bench(LLS))
    text = record_text(record)
    (tmp_path / "meter.json").write_text(text)
    assert load_record(tmp_path / "meter.json") == record
    document = json.loads(text)
    (clock,) = (it for it in document["objects"] if it["class_id"] == 8)
    assert clock["name"] == "clock"
    assert clock["attributes"]["2"]["value"].startswith("20")
    assert clock["attributes"]["9"]["value"] == "internal-crystal"
    assert clock["methods"]["6"] == {"name": "shift_time", "access": ["access"]}
    assert document["meter"]["logical_device_name"] == "MCS0040612345678"
    assert text == record_text(record)


def registers() -> MeterRecord:
    read = AttributeAccessFlags.READ
    energy = VisibleObject(
        3, 0, LogicalName("1-0:1.8.0.255"), ObjectRights({1: read, 2: read, 3: read}, {}, {})
    )
    unknown = VisibleObject(
        9000, 7, LogicalName("0-0:96.99.0.255"), ObjectRights({1: read, -3: read}, {}, {})
    )
    number, wh = axdr.double_long_unsigned.encode(1234), bytes.fromhex("02020FFF161E")
    return MeterRecord(
        meter={},
        association={"client_sap": 1},
        objects=(
            RecordedObject(energy, {2: RecordedAttribute(raw=number), 3: RecordedAttribute(raw=wh)}),
            RecordedObject(unknown, {-3: RecordedAttribute(raw=b"\x11\x05")}),
        ),
    )


@pytest.mark.proves("reading-unknown-classes")
def test_registers_and_unknown_classes(make_bench: MakeBench) -> None:
    record = registers()
    document = json.loads(record_text(record))
    assert document["objects"][0]["attributes"]["2"]["quantity"] == "123.4 Wh"
    assert document["objects"][1]["attributes"]["-3"] == {
        "name": "attribute_minus_3", "access": ["read"], "value": 5, "raw": "1105",
    }  # fmt: skip
    record = parse_record(record_text(record))
    with served(make_bench, record, PLAIN).client() as client:
        energy, unknown = (it for it in client.association_view() if it.class_id != 15)
        assert str(client.quantity(energy.instance)) == "123.4 Wh"
        assert (unknown.class_id, unknown.version, unknown.attribute_ids) == (9000, 7, (-3, 1))
        assert client.get(unknown.attribute(-3)).value == 5
        with pytest.raises(ServiceError):
            client.get(unknown.attribute(2))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"format": "dlms-fw/meter-record/1"', '"format": "other"', "format: a record says"),
        ("{", "[", "no JSON"),
        ('"class_id": 3', '"class_id": 70000', r"objects\[0\]: class_id: 0 to 65535"),
        ('"class_id": 3', '"class_id": true', "class_id: a number is needed"),
        ("1-0:1.8.0.255", "1-0:1.8.0", "logical_name: not a logical name"),
        ('"raw": "06000004D2"', '"raw": "0600"', r"attributes\.2: raw: this is no value"),
        ('"raw": "06000004D2"', '"raw": "?"', "hex digits"),
        ('"access": ["read"]', '"access": ["rede"]', "there is no access 'rede'"),
        ('"2": {', '"two": {', "'two' is no id"),
        ('"2": {', '"400": {', "'400' is no id"),
        ('"complete": true', '"complete": 1', "complete: true or false is needed"),
        ('"objects": [', '"object": [', "objects: a list is needed"),
        ('"objects": [\n {', '"objects": [7, {', "a JSON object is needed"),
    ],
)
def test_mistakes_in_a_record_are_told_with_their_place(before: str, after: str, message: str) -> None:
    text = record_text(registers())
    assert before in text
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_record(text.replace(before, after, 1), where="m.json")
    assert str(caught.value).startswith("m.json")
    assert caught.value.code == "configuration.record"


def test_a_record_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_record(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b"\xe9")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_record(tmp_path / "latin.json")
