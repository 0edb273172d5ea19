"""Meters with short names, from the typed object to the octets and back: client, session and simulated meter.

The octets that are written out follow the Green Book.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw import _core, axdr
from dlms_fw._core import (
    ActionRequest,
    GetRequest,
    GetResponse,
    InformationReport,
    ReadRequest,
    ReadResponse,
    RequestList,
    ResponseList,
    WrapperFraming,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.async_client import AsyncClient
from dlms_fw.cosem import (
    AssociationSNV2,
    AttributeIdentification,
    ObjectIdentification,
    ShortNameObject,
    well_known,
)
from dlms_fw.cosem.profile_generic import EntryDescriptor
from dlms_fw.cosem.short_names import method_offset
from dlms_fw.enums import ApplicationContext, DataAccessResult
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    LocalProtocolError,
    NotNegotiated,
    RemoteProtocolError,
    ServiceError,
)
from dlms_fw.image import Image
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.connection import Framing
from dlms_fw.profiles import Profile
from dlms_fw.session.aare import SHORT_NAME_CONFORMANCE
from dlms_fw.session.client import ClientSession
from dlms_fw.session.server import ServerClient, ServerSession
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


def test_access_is_not_there() -> None:
    with (
        Bench(by_short_name(PLAIN)).client() as client,
        pytest.raises(LocalProtocolError, match="AccessRequest"),
    ):
        client.access([IMAGE_TRANSFER.image_block_size])


def test_lists_of_typed_requests_go_by_short_names() -> None:
    with Bench(by_short_name(PLAIN)).client() as client:
        assert client.get_list([IMAGE_TRANSFER.image_block_size, CLOCK.time_zone]) == [64, 0]


def test_a_schedule_is_written_like_any_attribute() -> None:
    bench = Bench(by_short_name(PLAIN))
    with bench.client() as client:
        assert client.get(SCHEDULER.execution_time) == []


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
