"""What logical names mean in short names, and back: requests, answers, places; neither session nor meter.

The octets that are written out follow the Green Book.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import _core
from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    GetRequest,
    GetResponse,
    InformationReport,
    ReadRequest,
    ReadResponse,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.cosem import (
    AssociationSN,
    AssociationSNV3,
    Clock,
    ProfileGeneric,
    ShortNameObject,
    well_known,
)
from dlms_fw.cosem.association_sn import short_name_objects
from dlms_fw.cosem.profile_generic import EntryDescriptor
from dlms_fw.cosem.short_names import attribute_offset, method_offset
from dlms_fw.driver import Statistics, note_aside
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import (
    ConfigurationError,
    LocalProtocolError,
)
from dlms_fw.notifications import ReportedValues
from dlms_fw.profile_files import parse_profile
from dlms_fw.session.aare import SHORT_NAME_CONFORMANCE
from dlms_fw.session.negotiated import missing
from dlms_fw.session.short_names import NotInObjectList, ShortNames
from meter_bench import (
    PLAIN,
)

CLOCK_PLACE = ShortNameObject(0x2BC0, 8, 0, well_known.CLOCK)


def names(*known: ShortNameObject) -> ShortNames:
    return ShortNames(known, SHORT_NAME_CONFORMANCE)


def test_requests_become_the_octets_of_the_green_book() -> None:
    clock = Clock(well_known.CLOCK)
    place = names(CLOCK_PLACE, ShortNameObject(0x0100, 7, 1, well_known.STANDARD_EVENT_LOG))
    log = ProfileGeneric(well_known.STANDARD_EVENT_LOG)
    for request, octets in (
        (clock.time.get_request(), "05 01 02 2BC8"),
        (clock.time_zone.set_request(-60), "06 01 02 2BD0 01 10FFC4"),
        (clock.time_zone.set_request(-60, confirmed=False), "16 01 02 2BD0 01 10FFC4"),
        (clock.shift_time(10).request, "06 01 02 2C48 01 10000A"),
        (clock.adjust_to_quarter().request, "06 01 02 2C20 01 0F00"),
        (clock.adjust_to_quarter().unconfirmed().request, "16 01 02 2C20 01 0F00"),
        (ActionRequest(8, well_known.CLOCK.to_bytes(), 1), "06 01 02 2C20 01 00"),
        (
            log.buffer.get_request(EntryDescriptor(1, 10).selection),
            "05 01 04 0108 02 0204 0600000001 060000000A 120001 120000",
        ),
        (
            RequestList([clock.time.get_request(), clock.status.get_request()]),
            "05 02 02 2BC8 02 2BD8",
        ),
        (
            AssociationSN(well_known.CURRENT_ASSOCIATION).getlist_by_classid(8).request,
            "05 01 04 FA20 00 120008",
        ),
    ):
        assert place.request(request).encode() == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("request_", "result", "answer"),
    [
        (GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2), b"\x00", GetResponse(0, b"\x00")),
        (GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2), 3, GetResponse(3)),
    ],
)
def test_answers_become_those_of_logical_names(
    request_: GetRequest, result: bytes | int, answer: Any
) -> None:
    place = names(CLOCK_PLACE)
    place.request(request_)
    assert place.response(ReadResponse([result])) == answer


def test_answers_to_writes_and_methods() -> None:
    place = names(CLOCK_PLACE)
    clock = CLOCK_PLACE.logical_name.to_bytes()
    place.request(SetRequest(8, clock, 3, b"\x10\x00\x00"))
    assert place.response(WriteResponse([0])) == SetResponse(0)
    place.request(ActionRequest(8, clock, 1, b"\x0f\x00"))
    assert place.response(WriteResponse([2])) == ActionResponse(2)
    place.request(RequestList([SetRequest(8, clock, 3, b"\x10\x00\x00")] * 2))
    assert place.response(WriteResponse([13])) == ResponseList([SetResponse(13)] * 2)  # refused as a whole


def test_a_list_that_is_not_shown_is_asked_object_by_object() -> None:
    place = names()
    clock = GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2)
    assert place.request(clock) == ReadRequest([0xFA08])
    question = place.response(ReadResponse([DataAccessResult.READ_WRITE_DENIED]))
    assert question == ReadRequest([(0xFA28, 0, bytes.fromhex("0202 120008 0906 0000010000FF"))])
    found = bytes.fromhex("0204 102BC0 120008 1100 0906 0000010000FF")
    assert place.response(ReadResponse([found])) == ReadRequest([0x2BC8])
    assert place.response(ReadResponse([b"\x00"])) == GetResponse(0, b"\x00")
    other = GetRequest(1, bytes(6), 2)
    assert isinstance(place.request(other), ReadRequest)
    assert place.response(ReadResponse([4])) == GetResponse(4)
    with pytest.raises(NotInObjectList) as caught:
        place.request(other)
    assert (caught.value.response, caught.value.result) == (GetResponse(4), 4)


def test_a_base_name_is_read_with_and_without_a_sign() -> None:
    for octets in (
        "0101 0204 10FA00 12000C 1101 0906 0000280000FF",
        "0101 0204 12FA00 12000C 1101 0906 0000280000FF",
    ):
        assert short_name_objects.decode(bytes.fromhex(octets), strict=False)[0].base_name == 0xFA00


@pytest.mark.parametrize(
    ("service", "request_"),
    [
        (Conformance.READ, GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2)),
        (Conformance.WRITE, SetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 3, b"\x10\x00\x00")),
        (
            Conformance.UNCONFIRMED_WRITE,
            SetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 3, b"\x10\x00\x00", confirmed=False),
        ),
        (
            Conformance.MULTIPLE_REFERENCES,
            RequestList([GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2)] * 2),
        ),
        (
            Conformance.PARAMETERIZED_ACCESS,
            GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2, (1, b"\x00")),
        ),
    ],
)
def test_what_was_not_negotiated_is_not_sent(service: Conformance, request_: Any) -> None:
    wire = names(CLOCK_PLACE).request(request_)
    assert missing(wire, SHORT_NAME_CONFORMANCE) == []
    assert missing(wire, SHORT_NAME_CONFORMANCE & ~service) == [str(service.name).lower().replace("_", "-")]


def test_unconfirmed_requests_need_a_place_that_is_known() -> None:
    write = SetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 3, b"\x10\x00\x00", confirmed=False)
    with pytest.raises(LocalProtocolError, match="not known yet"):
        names().request(write)


def test_offsets_are_those_of_the_blue_book() -> None:
    assert attribute_offset(18, 0, 7) == 0x30
    assert method_offset(18, 0, 1) == 0x40
    assert method_offset(7, 1, 2) == 0x60
    assert method_offset(12, 1, 8) == 0x58
    assert method_offset(70, 0, 2) == 0x28  # a class without a table here
    for class_id, version, attribute_id in ((12, AssociationSNV3.version, 5), (8, 0, 0)):
        with pytest.raises(LookupError):
            attribute_offset(class_id, version, attribute_id)
    with pytest.raises(LookupError):
        method_offset(22, 0, 1)


def test_a_name_beyond_16_bits_is_none() -> None:
    high = CLOCK_PLACE._replace(base_name=0xFFF8)
    with pytest.raises(LocalProtocolError, match="base name FFF8"):
        names(high).request(GetRequest(8, CLOCK_PLACE.logical_name.to_bytes(), 2))


def test_short_names_belong_to_an_association_that_has_them() -> None:
    with pytest.raises(ConfigurationError, match="short_names"):
        replace(PLAIN, short_names=(CLOCK_PLACE,)).check()


TABLE = {"client_sap": 1, "server_sap": 1, "authentication": "none", "referencing": "short-name"}
PLACE = {"base_name": 0x2BC0, "class_id": 8, "version": 0, "logical_name": "0-0:1.0.0.255"}


def test_a_profile_names_places(tmp_path: Path) -> None:
    profile = parse_profile({**TABLE, "short_names": [PLACE]}, "meter", folder=tmp_path)
    assert (profile.referencing, profile.short_names) == ("short-name", (CLOCK_PLACE,))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"referencing": "by-name"}, "referencing: one of logical-name, short-name"),
        ({"short_names": PLACE}, "short_names: an array of tables"),
        ({"short_names": [{**PLACE, "base_name": 0x10000}]}, r"short_names\[0\].base_name: a whole number"),
        (
            {"short_names": [{**PLACE, "logical_name": "clock"}]},
            r"short_names\[0\].logical_name: six",
        ),
        ({"short_names": [PLACE, {"base_name": 1}]}, r"short_names\[1\].class_id: is missing"),
        ({"short_names": [{**PLACE, "clas": 8}]}, r"short_names\[0\].clas: is not known"),
    ],
)
def test_a_profile_says_what_is_wrong_with_its_places(
    tmp_path: Path, changed: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigurationError, match=match):
        parse_profile({**TABLE, **changed}, "meter", folder=tmp_path)


@pytest.mark.parametrize(
    ("request_", "octets"),
    [
        (ReadRequest([0xFA08]), "050102fa08"),
        (ReadRequest([0xFD08, 0x2BD0]), "050202fd08022bd0"),
        (WriteRequest([0x3020], [b"\x03\x01"]), "0601023020010301"),
        (WriteRequest([0x3050], [b"\x0f\x00"]), "0601023050010f00"),
        (
            ReadRequest([(0x0108, 2, EntryDescriptor(1, 10).selection.parameters)]),
            "05010401080202040600000001060000000a120001120000",
        ),
    ],
    ids=["object list", "list", "write", "method", "parameterised access"],
)
def test_requests_are_those_of_another_implementation(
    request_: ReadRequest | WriteRequest, octets: str
) -> None:
    """Made by gurux-dlms 1.0.203 for base names FD00, 2BC0 (Clock), 3000 (Image transfer), 0100 (a log)."""
    assert request_.encode().hex() == octets
    assert _core.decode_apdu(bytes.fromhex(octets), "client") == request_


def test_a_report_is_handed_on_beside_the_answers() -> None:
    seen: list[object] = []
    report = InformationReport([0x0108], [b"\x11\x05"])
    note_aside(report, Statistics(), seen.append)
    assert seen == [ReportedValues(None, ((0x0108, _core.Data.decode(b"\x11\x05")),), report)]
