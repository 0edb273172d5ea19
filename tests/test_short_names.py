"""Meters with short names, from the typed object to the octets and back: client, session and simulated meter.

The octets that are written out follow the Green Book.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import _core, axdr
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
    WrapperFraming,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.async_client import AsyncClient
from dlms_fw.cosem import (
    AssociationSN,
    AssociationSNV2,
    AssociationSNV3,
    AttributeIdentification,
    Clock,
    ObjectIdentification,
    ProfileGeneric,
    ShortNameObject,
    well_known,
)
from dlms_fw.cosem.association_sn import short_name_objects
from dlms_fw.cosem.profile_generic import EntryDescriptor
from dlms_fw.cosem.short_names import attribute_offset, method_offset
from dlms_fw.driver import Statistics, note_aside
from dlms_fw.enums import ApplicationContext, Conformance, DataAccessResult
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    ConfigurationError,
    LocalProtocolError,
    NotNegotiated,
    RemoteProtocolError,
    ServiceError,
)
from dlms_fw.image import Image
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.connection import Framing
from dlms_fw.notifications import ReportedValues
from dlms_fw.profile_files import parse_profile
from dlms_fw.profiles import Profile
from dlms_fw.session.aare import SHORT_NAME_CONFORMANCE
from dlms_fw.session.client import ClientSession
from dlms_fw.session.negotiated import missing
from dlms_fw.session.server import ServerClient, ServerSession
from dlms_fw.session.short_names import NotInObjectList, ShortNames
from dlms_fw.session.states import State
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from meter_bench import (
    CLIENT_TITLE,
    CLOCK,
    GMAC,
    IMAGE_TRANSFER,
    LLS,
    LOGICAL_DEVICE_NAME,
    PLAIN,
    PUBLIC,
    SCHEDULER,
    STANDARD_LOG,
    Bench,
)
from meters import IDENTIFIER, container

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

ASSOCIATION = AssociationSNV2(well_known.CURRENT_ASSOCIATION)
CLOCK_PLACE = ShortNameObject(0x2BC0, 8, 0, well_known.CLOCK)


def by_short_name(profile: Profile, **changes: Any) -> Profile:
    return replace(profile, referencing="short-name", **changes)


def ways() -> list[Any]:
    return [
        pytest.param(by_short_name(profile), framing, id=f"{name} {framing}")
        for name, profile in (("none", PLAIN), ("lls", LLS), ("gmac", GMAC))
        for framing in ("wrapper", "hdlc")
    ]


# --- The whole way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("profile", "framing"), ways())
@pytest.mark.proves("sn-upgrade", "sn-contexts", "sn-hls", "sn-mapping")
def test_an_upgrade_from_end_to_end(profile: Profile, framing: Framing) -> None:
    bench = Bench(profile, framing)
    image = Image.from_bytes(container(blocks=40))
    with bench.client() as client:
        result = client.upgrade(image, TransferPolicy(allow_insecure=True))
    assert result.changed
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


@pytest.mark.parametrize("size", [64, 200], ids=["every read in blocks", "long ones in blocks"])
@pytest.mark.proves("sn-object-list")
def test_a_small_pdu_cuts_the_object_list_and_the_blocks(size: int) -> None:
    profile = by_short_name(PLAIN, max_pdu_size=size)
    bench = Bench(profile, max_pdu_size=size, image_block_size=192)
    image = Image.from_bytes(container(blocks=12))
    with bench.client() as client:
        assert client.upgrade(image, TransferPolicy(allow_insecure=True)).changed
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


def test_the_asyncio_client_does_the_same() -> None:
    bench = Bench(by_short_name(PLAIN))

    async def connect(deadline: float) -> AsyncLoopbackTransport:
        line = LoopbackTransport(bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep)
        return AsyncLoopbackTransport(line)

    async def read() -> Any:
        async with AsyncClient("tcp://meter", bench.profile, open_transport=connect) as client:
            absent = await client.exchange(GetRequest(1, bytes(6), 2))
            return await client.get(LOGICAL_DEVICE_NAME.value), absent

    value, absent = asyncio.run(read())
    assert value.value == b"MCS0040612345678"
    assert absent == GetResponse(DataAccessResult.OBJECT_UNDEFINED)


def test_typed_objects_are_the_same_over_both() -> None:
    for profile in (PLAIN, by_short_name(PLAIN)):
        bench = Bench(profile, referencing="both")
        with bench.client() as client:
            assert client.get(IMAGE_TRANSFER.image_block_size) == 64
            assert client.get(CLOCK.time_zone) == 0
            assert len(client.get(STANDARD_LOG.buffer, EntryDescriptor(1, 1).selection)) == 1
            client.set(IMAGE_TRANSFER.image_transfer_enabled, True)
            client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, 100))
            assert client.get(IMAGE_TRANSFER.image_transfer_status) == 1
            with pytest.raises(ServiceError) as caught:
                client.set(IMAGE_TRANSFER.image_block_size, 1)
            assert caught.value.result == DataAccessResult.READ_WRITE_DENIED
            two = client.exchange(
                RequestList(
                    [
                        IMAGE_TRANSFER.image_block_size.get_request(),
                        GetRequest(1, bytes(6), 2),
                        IMAGE_TRANSFER.image_transfer_enabled.get_request(),
                    ]
                )
            )
            assert isinstance(two, ResponseList)
            assert [item.result for item in two.items] == [0, DataAccessResult.OBJECT_UNDEFINED, 0]


@pytest.mark.proves("sn-both")
def test_the_application_context_decides_where_both_are_allowed() -> None:
    bench = Bench(PLAIN, referencing="both")
    for profile, class_id in ((PLAIN, 15), (by_short_name(PLAIN), 12)):
        with bench.client(profile) as client:
            association = client.exchange(GetRequest(class_id, well_known.CURRENT_ASSOCIATION.to_bytes(), 2))
            assert isinstance(association, GetResponse)
            assert association.result == 0
            listed = _core.Data.decode(association.data or b"").plain()
            assert isinstance(listed, tuple)
            classes = {element[0] if class_id == 15 else element[1] for element in listed}
            assert {12, 15} & classes == {class_id}
    for meter, client_way in (("logical-name", "short-name"), ("short-name", "logical-name")):
        bench = Bench(PLAIN, referencing=meter)
        profile = replace(PLAIN, referencing=client_way)  # type: ignore[arg-type]
        with pytest.raises(AssociationRejected, match="application context"):
            bench.client(profile).connect()


@pytest.mark.proves("sn-raw")
def test_raw_requests_go_as_they_are() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        answer = client.exchange(ReadRequest([0xFD08, 0x0000]))
        assert answer == ReadResponse(
            [axdr.octet_string.encode(b"MCS0040612345678"), DataAccessResult.OBJECT_UNDEFINED]
        )
        denied = client.exchange(WriteRequest([0xFD08], [b"\x11\x05"]))
        assert denied == WriteResponse([DataAccessResult.READ_WRITE_DENIED])
    with Bench(PLAIN).client() as client, pytest.raises(NotNegotiated, match="the association has no read"):
        client.exchange(ReadRequest([0xFD08]))


@pytest.mark.proves("sn-association")
def test_association_sn_tells_where_things_are() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        listed = client.get(ASSOCIATION.object_list)
        places = {(element.class_id, element.logical_name): element for element in listed}
        assert places[12, well_known.CURRENT_ASSOCIATION].base_name == 0xFA00
        assert places[17, well_known.SAP_ASSIGNMENT].base_name == 0xFC00
        assert places[1, well_known.LOGICAL_DEVICE_NAME].base_name == 0xFD00
        assert len({element.base_name for element in listed}) == len(listed)
        clock = places[8, well_known.CLOCK]
        assert client.action(ASSOCIATION.getobj_by_logicalname(8, well_known.CLOCK)) == clock
        assert client.action(ASSOCIATION.getlist_by_classid(8)) == [clock]
        rights = {access.base_name: access for access in client.get(ASSOCIATION.access_rights_list)}
        assert rights.keys() == {element.base_name for element in listed}
        assert client.get(ASSOCIATION.security_setup_reference) == well_known.SECURITY_SETUP
        read = client.action(
            ASSOCIATION.read_by_logicalname(
                [
                    AttributeIdentification(18, well_known.IMAGE_TRANSFER, 2),
                    AttributeIdentification(1, LogicalName("0-0:99.99.99.255"), 2),
                ]
            )
        )
        assert read.plain() == (64, None)
        every = client.action(
            ASSOCIATION.read_by_logicalname([AttributeIdentification(8, well_known.CLOCK, 0)])
        )
        assert every.plain()[0][0] == well_known.CLOCK.to_bytes()  # type: ignore[index]
        (description,) = client.action(
            ASSOCIATION.get_attributes_and_methods([ObjectIdentification(8, well_known.CLOCK)])
        )
        assert list(description.read_attributes) == [True] * 9
        # Not the logical name, the status and the clock base.
        assert list(description.write_attributes) == [n not in {1, 4, 9} for n in range(1, 10)]
        assert list(description.methods) == [True] * 6
        for refused in (
            ASSOCIATION.getobj_by_logicalname(8, LogicalName("0-0:1.0.9.255")),
            ASSOCIATION.get_attributes_and_methods([ObjectIdentification(3, well_known.CLOCK)]),
            ASSOCIATION.change_lls_secret(b"12345678"),
            ASSOCIATION.change_hls_secret(b"12345678"),
            ASSOCIATION.get_hls_challenge(),
            ASSOCIATION.reply_to_hls_challenge(b"12345678"),
        ):
            with pytest.raises(ServiceError):
                client.action(refused)


def test_the_rights_are_those_of_the_client() -> None:
    bench = Bench(by_short_name(PLAIN))
    public = by_short_name(PUBLIC)
    with bench.client(public) as client:
        listed = client.get(ASSOCIATION.object_list)
        assert well_known.IMAGE_TRANSFER not in {element.logical_name for element in listed}
        assert client.get(LOGICAL_DEVICE_NAME.value).value == b"MCS0040612345678"
        with pytest.raises(ServiceError):
            client.get(IMAGE_TRANSFER.image_block_size)  # it does not see the object
    with bench.client() as client:
        places = {element.logical_name: element for element in client.get(ASSOCIATION.object_list)}
        name = places[well_known.IMAGE_TRANSFER].base_name + 8
    with bench.client(public) as client:  # nor does it help to know the name
        assert client.exchange(ReadRequest([name])) == ReadResponse([DataAccessResult.READ_WRITE_DENIED])


def test_what_short_names_cannot_say_is_refused_before_it_is_sent() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        client.get(ASSOCIATION.object_list)
        sent = client.statistics.octets_sent
        clock = well_known.CLOCK.to_bytes()
        for request, match in (
            (GetRequest(8, clock, 0), "attribute 0 of class 8"),
            (GetRequest(8, clock, -1), "attribute -1 of class 8"),
            (GetRequest(8, clock, 13), "attribute 13 of class 8"),
            (ActionRequest(8, clock, -1, b"\x0f\x00"), "method -1 of class 8"),
            (
                ActionRequest(1, well_known.LOGICAL_DEVICE_NAME.to_bytes(), 1, b"\x0f\x00"),
                "method 1 of class 1",
            ),
            (
                RequestList(
                    [
                        ASSOCIATION.getlist_by_classid(8).request,
                        CLOCK.adjust_to_minute().request,
                    ]
                ),
                "not in one list",
            ),
        ):
            # Nothing is known of the objects yet but in the first case; the list may be read for it.
            with pytest.raises(LocalProtocolError, match=match):
                client.exchange(request)
        assert client.statistics.octets_sent >= sent
        assert client.get(CLOCK.time_zone) == 0  # and the association is as good as before


def test_the_object_list_is_read_once() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        client.get(CLOCK.time_zone)
        first = client.statistics.octets_received
        client.get(CLOCK.time_zone)
        assert client.statistics.octets_received - first < 40
        first = client.statistics.octets_sent
        assert client.exchange(GetRequest(1, bytes(6), 2)) == GetResponse(DataAccessResult.OBJECT_UNDEFINED)
        assert client.statistics.octets_sent == first  # that is known already


def test_what_the_profile_knows_is_not_asked_for() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        places = [e for e in client.get(ASSOCIATION.object_list) if e.logical_name == well_known.CLOCK]
    known = by_short_name(PLAIN, short_names=tuple(places))
    with bench.client(known) as client:
        client.get(CLOCK.time_zone)
        assert client.statistics.octets_received < 150


def test_unconfirmed_writes_are_carried_out_and_not_answered() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        places = {element.logical_name: element for element in client.get(ASSOCIATION.object_list)}
    session, answer = session_with(bench)
    enable = places[well_known.IMAGE_TRANSFER].base_name + 4 * 8
    assert answer(session.send(WriteRequest([enable], [b"\x03\x00"], confirmed=False))) == b""
    events, _ = session.receive(answer(session.send(ReadRequest([enable]))))
    assert events == [ReadResponse([b"\x03\x00"])]


def session_with(bench: Bench) -> tuple[ClientSession, Any]:
    """A session that is associated, and the meter behind it."""
    connection = bench.connect()
    session = ClientSession(WrapperFraming(1, 1), bench.profile, challenge=lambda: bytes(16))
    session.connect()
    session.receive(connection.receive(session.associate()))
    assert session.state is State.ASSOCIATED
    return session, connection.receive


def test_nobody_speaks_both_languages_in_one_association() -> None:
    bench = Bench(by_short_name(PLAIN), referencing="both")
    session, answer = session_with(bench)
    by_logical_name = GetRequest(1, well_known.LOGICAL_DEVICE_NAME.to_bytes(), 2)
    events, _ = session.receive(answer(session.channel.send(by_logical_name)))
    assert [type(event) for event in events] == [_core.ExceptionResponse]


# --- Reports -----------------------------------------------------------------------------------------------


def test_a_report_of_the_meter_reaches_who_asked_for_reports() -> None:
    profile = by_short_name(PLAIN)
    server = ServerSession(
        WrapperFraming(0, 1),
        {1: ServerClient(referencing=("short-name",))},
        system_title=b"MMM\0\0\0\0\1",
        challenge=lambda: bytes(16),
    )
    client = ClientSession(WrapperFraming(1, 1), profile, challenge=lambda: bytes(16))
    client.connect()
    _, data = server.receive(client.associate())
    client.receive(data)
    report = InformationReport([0x0108], [b"\x11\x05"], current_time=b"20251224023000Z")
    events, _ = client.receive(server.notify(report))
    assert events == [report]


# --- Sessions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "context"),
    [
        (PLAIN, ApplicationContext.SHORT_NAME_REFERENCING_NO_CIPHERING),
        (LLS, ApplicationContext.SHORT_NAME_REFERENCING_NO_CIPHERING),
    ],
)
def test_the_aarq_asks_for_short_names_and_their_services(
    profile: Profile, context: ApplicationContext
) -> None:
    session = ClientSession(WrapperFraming(1, 1), by_short_name(profile), challenge=lambda: bytes(16))
    session.connect()
    request = _core.decode_apdu(session.associate()[8:], "client")
    assert isinstance(request, _core.AssociationRequest)
    assert request.application_context == context
    initiate = _core.InitiateRequest.decode(request.user_information or b"")
    # read, write, unconfirmed-write, block-transfer 11 and 12, multiple-references, information-report,
    # parameterized-access: bits 3, 4, 5, 11, 12, 14, 15, 18
    assert initiate.conformance == 0x1C1B20
    assert initiate.conformance == SHORT_NAME_CONFORMANCE


@pytest.mark.fault("S-11")
@pytest.mark.parametrize(
    ("context", "conformance", "vaa_name", "match"),
    [
        (2, 0x1C1B20, 0x0007, "vaa-name"),
        (1, 0x1C1B20, 0xFA00, "application context 1"),
        (2, 0x1C1B30, 0xFA00, "not proposed"),
    ],
)
def test_another_acceptance_than_what_was_asked_for_ends_it(
    context: int, conformance: int, vaa_name: int, match: str
) -> None:
    session = ClientSession(WrapperFraming(1, 1), by_short_name(PLAIN), challenge=lambda: bytes(16))
    session.connect()
    session.associate()
    initiate = _core.InitiateResponse(conformance, 500, vaa_name=vaa_name).encode()
    aare = _core.AssociationResponse(context, 0, 0, initiate).encode()
    with pytest.raises(RemoteProtocolError, match=match):
        session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(aare))) + aare)
    assert session.state is State.CONNECTED


def test_pass_3_is_a_read_of_reply_to_hls_with_parameters() -> None:
    bench = Bench(by_short_name(GMAC, security_policy=GMAC.security_policy))
    wrong = by_short_name(GMAC, keys=replace(GMAC.keys, authentication_key=_core.Key(bytes(16))))
    with pytest.raises((AuthenticationError, AssociationRejected)):
        bench.client(wrong).connect()
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_block_size) == 64


# --- The translation alone ---------------------------------------------------------------------------------


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


def test_access_is_not_there() -> None:
    with (
        Bench(by_short_name(PLAIN)).client() as client,
        pytest.raises(LocalProtocolError, match="AccessRequest"),
    ):
        client.access([IMAGE_TRANSFER.image_block_size])


def test_lists_of_typed_requests_go_by_short_names() -> None:
    with Bench(by_short_name(PLAIN)).client() as client:
        assert client.get_list([IMAGE_TRANSFER.image_block_size, CLOCK.time_zone]) == [64, 0]


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


def test_a_schedule_is_written_like_any_attribute() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        assert client.get(SCHEDULER.execution_time) == []


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


def test_an_aarq_of_another_implementation_is_accepted() -> None:
    """Made by gurux-dlms 1.0.203: application context 2, without the block forms."""
    connection = Bench(by_short_name(PLAIN)).connect()
    aarq = "000100010001001f601da109060760857405080102be10040e01000000065f1f04001c03200400"
    response = _core.decode_apdu(connection.receive(bytes.fromhex(aarq))[8:], "server")
    assert isinstance(response, _core.AssociationResponse)
    assert (response.application_context, response.result, response.diagnostic) == (2, 0, 0)
    initiate = _core.InitiateResponse.decode(response.user_information or b"")
    assert (initiate.conformance, initiate.vaa_name) == (0x1C0320, 0xFA00)


@pytest.mark.parametrize("mechanism", [3, 6], ids=["hls-md5", "hls-sha256"])
def test_every_mechanism_of_hls_works_over_short_names(mechanism: int) -> None:
    profile = by_short_name(
        PLAIN, mechanism=mechanism, password=_core.Key(b"shared secret"), system_title=CLIENT_TITLE
    )
    bench = Bench(profile)
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_block_size) == 64
    wrong = replace(profile, password=_core.Key(b"another one"))
    with pytest.raises(AuthenticationError, match="did not accept our proof"):
        bench.client(wrong).connect()


def test_the_client_that_is_never_answered_writes_unconfirmed() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        places = {element.logical_name: element for element in client.get(ASSOCIATION.object_list)}
        client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, 100))
    connection = bench.connect()
    channel = _core.Channel("client", WrapperFraming(102, 1))
    transfer = places[well_known.IMAGE_TRANSFER].base_name + method_offset(18, 0, 2)
    block = IMAGE_TRANSFER.image_block_transfer(0, bytes(64)).request.parameter or b""
    assert connection.receive(channel.send(ReadRequest([0xFD08]))) == b""
    assert connection.receive(channel.send(WriteRequest([transfer], [block], confirmed=False))) == b""
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == 1


def test_a_report_is_handed_on_beside_the_answers() -> None:
    seen: list[object] = []
    report = InformationReport([0x0108], [b"\x11\x05"])
    note_aside(report, Statistics(), seen.append)
    assert seen == [ReportedValues(None, ((0x0108, _core.Data.decode(b"\x11\x05")),), report)]
