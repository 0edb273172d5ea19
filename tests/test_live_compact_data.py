"""Compact data: values and types apart, captured on demand or when they are read."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data_sets import CompactDataV0, RestrictedCaptureObject
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition
from dlms_fw.cosem.push_setup import RestrictionElement
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums.data_sets import CaptureMethod
from dlms_fw.enums.push_setup import RestrictionType
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.compact_data import LiveCompactDataV0, compacted
from dlms_fw.meter.live.plant import MeterPlant
from plant_bench import PlantBench

COMPACT, OTHER, ENERGY, NAME, PROFILE = (
    LogicalName(text)
    for text in ("0-0:66.0.1.255", "0-0:66.0.2.255", "1-0:1.8.0.255", "0-0:96.1.0.255", "1-0:99.1.0.255")
)
OWN_ID, COUNT, TEXT = (
    CaptureObjectDefinition(62, COMPACT, 4),
    CaptureObjectDefinition(3, ENERGY, 2),
    CaptureObjectDefinition(1, NAME, 2),
)


class Compacting(PlantBench):
    def __init__(self, version: int = 0, **values: object) -> None:
        self._version = version
        self._values = {"capture_objects": [OWN_ID, COUNT, TEXT], "template_id": 5, **values}
        super().__init__(self._objects)

    def _objects(self, plant: MeterPlant) -> Iterable[ServerObject]:
        yield LIVE[3, 0](ENERGY, {}, plant)
        yield LIVE[1, 0](NAME, {"value": Data(Tag.OCTET_STRING, b"MCS")}, plant)
        yield LIVE[7, 1](PROFILE, {"capture_objects": [COUNT], "capture_period": 900}, plant)
        yield LIVE[62, self._version](COMPACT, self._values, plant)
        each_other = {
            "capture_objects": [CaptureObjectDefinition(62, COMPACT, 2)],
            "capture_method": CaptureMethod.IMPLICIT_CAPTURE,
        }
        yield LIVE[62, 0](OTHER, each_other, plant)

    @property
    def compact(self) -> LiveCompactDataV0:
        found = self.objects[62, COMPACT.to_bytes()]
        assert isinstance(found, LiveCompactDataV0)
        return found


def test_the_buffer_has_the_values_and_the_template_their_types() -> None:
    bench = Compacting()
    assert bench.compact.compact_buffer == b""
    bench.pass_time(3600)
    bench.compact.capture()
    bench.pass_time(3600)
    assert bench.compact.compact_buffer == bytes.fromhex("05 000003e8 03") + b"MCS"
    assert bench.compact.template_description == bytes.fromhex("02 03 11 06 09")
    bench.power_cycle()
    assert bench.compact.compact_buffer[1:5] == bytes.fromhex("000003e8")
    bench.compact.reset()
    assert bench.compact.compact_buffer == bench.compact.template_description == b""


def test_an_implicit_capture_is_of_the_moment_of_the_reading() -> None:
    bench = Compacting(capture_method=CaptureMethod.IMPLICIT_CAPTURE)
    for wanted in (0, 1000):
        assert int.from_bytes(bench.compact.compact_buffer[1:5], "big") == wanted
        bench.pass_time(3600)
    assert bench.compact.template_description == bytes.fromhex("02 03 11 06 09")


@pytest.mark.parametrize("size", [0, 1, 60, 62, 63, 64, 125, 126, 127, 128, 130, 254, 255, 300, 40_000])
def test_values_of_any_length_come_apart(size: int) -> None:
    values = [Data(Tag.OCTET_STRING, bytes(size)), Data(Tag.NULL_DATA)]
    buffer, template = compacted(values)
    assert template == bytes.fromhex("02 02 09 00")
    assert buffer == values[0].encode()[1:]
    row = Data.decode(bytes((Tag.COMPACT_ARRAY,)) + template + Data(Tag.OCTET_STRING, buffer).encode()[1:])
    assert row.plain() == ((bytes(size), None),)


def test_nothing_but_nulls_is_nothing() -> None:
    assert compacted([Data(Tag.NULL_DATA)] * 3) == (b"", b"")


def test_entries_of_a_profile_can_be_chosen_in_version_1() -> None:
    numbers = Data(Tag.STRUCTURE, tuple(Data(Tag.DOUBLE_LONG_UNSIGNED, number) for number in (2, 3)))
    last = RestrictionElement(RestrictionType.BY_ENTRY, numbers)
    bench = Compacting(1, capture_objects=[RestrictedCaptureObject(7, PROFILE, 2, 0, last, [])])
    bench.pass_time(3600)
    bench.compact.capture()
    assert bench.compact.compact_buffer == (500).to_bytes(4, "big") + (750).to_bytes(4, "big")
    assert bench.compact.template_description == bytes.fromhex("02 01 01 0002 02 01 06")


def test_other_objects_empty_the_buffer_and_itself_is_refused() -> None:
    bench = Compacting()
    bench.compact.capture()
    written = CompactDataV0.capture_objects.data_type.encode
    with pytest.raises(CosemFault):
        bench.compact.write(3, written([CaptureObjectDefinition(62, COMPACT, 2)]))
    assert bench.compact.compact_buffer != b""
    bench.compact.write(3, written([COUNT]))
    assert bench.compact.compact_buffer == b""


def test_two_that_capture_each_other_come_to_an_end() -> None:
    other = CaptureObjectDefinition(62, OTHER, 2)
    bench = Compacting(capture_objects=[other], capture_method=CaptureMethod.IMPLICIT_CAPTURE)
    assert len(bench.compact.compact_buffer) < 20
