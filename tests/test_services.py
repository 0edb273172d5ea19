"""The services by logical name in all their forms, between a client and the whole simulated meter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw import _core
from dlms_fw._core import ActionRequest, DataNotification, DateTime, EventNotification, GetRequest, SetRequest
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.confirmed_service_errors import VALUES, confirmed_service_error_text
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.profile_generic import EntryDescriptor
from dlms_fw.driver import Statistics, note_aside
from dlms_fw.enums import ActionResult, Conformance, DataAccessResult
from dlms_fw.errors import LocalProtocolError, NotNegotiated, ServiceError
from dlms_fw.listed import Room, readings
from dlms_fw.notifications import PushedData, ReportedEvent, notification
from dlms_fw.session.aare import PROPOSED_CONFORMANCE
from dlms_fw.session.server import NotificationConfirmed
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from harness import CLOCK_TIME
from meter_bench import CLOCK, GMAC, IMAGE_TRANSFER, LOGICAL_DEVICE_NAME, PLAIN, STANDARD_LOG, Bench
from meter_site import Site

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

ENABLED = IMAGE_TRANSFER.image_transfer_enabled
UNDEFINED = Clock("0-0:1.0.9.255")
DATE_TIME = bytes.fromhex("07E90C1803021E00008000FF")


def limited(bench: Bench, without: Conformance, size: int | None = None) -> Bench:
    """The same meter with fewer services for the management client."""
    client = bench.meter._clients[1]
    bench.meter._clients[1] = replace(
        client,
        conformance=client.conformance & ~without,
        max_receive_pdu_size=size or client.max_receive_pdu_size,
    )
    return bench


def results(outcomes: list[Any]) -> list[int | None]:
    return [outcome.result if isinstance(outcome, ServiceError) else None for outcome in outcomes]


# --- Lists --------------------------------------------------------------------------------------------------


@pytest.mark.proves("get-with-list", "set-with-list", "action-with-list", "typed-lists")
@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["plain", "ciphered"])
def test_many_things_in_one_request(profile: Any) -> None:
    with Bench(profile).client() as client:
        before = client.statistics.requests
        name, undefined, size = client.get_list(
            [LOGICAL_DEVICE_NAME.value, UNDEFINED.time, IMAGE_TRANSFER.image_block_size]
        )
        assert (name.value, size) == (b"MCS0040612345678", 64)  # type: ignore[union-attr]
        assert results([undefined]) == [DataAccessResult.OBJECT_UNDEFINED]
        written = client.set_list([ENABLED.to(False), LOGICAL_DEVICE_NAME.value.to(name)])  # type: ignore[arg-type]
        assert results(written) == [None, DataAccessResult.READ_WRITE_DENIED]
        assert client.get(ENABLED) is False
        called = client.action_list([CLOCK.adjust_to_quarter(), UNDEFINED.adjust_to_quarter()])
        assert results(called) == [None, ActionResult.OBJECT_UNDEFINED]
        assert client.statistics.requests == before + 4


@pytest.mark.proves("typed-lists-fall-back")
def test_without_multiple_references_things_are_asked_one_by_one() -> None:
    with limited(Bench(), Conformance.MULTIPLE_REFERENCES).client() as client:
        before = client.statistics.requests
        assert results(client.get_list([CLOCK.time, UNDEFINED.time, CLOCK.time_zone])) == [None, 4, None]
        assert results(client.set_list([ENABLED.to(False), ENABLED.to(True)])) == [None, None]
        assert client.statistics.requests == before + 5
        with pytest.raises(NotNegotiated, match="multiple-references"):
            client.exchange(_core.RequestList([GetRequest(8, bytes(6), 2)]))


@pytest.mark.fault("C-24")
@pytest.mark.proves("typed-lists-split")
@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["plain", "ciphered"])
def test_what_does_not_fit_one_request_goes_in_several(profile: Any) -> None:
    blocks = Conformance.BLOCK_TRANSFER_WITH_ACTION | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    with limited(Bench(profile), blocks, 130).client() as client:
        before = client.statistics.requests
        assert client.get_list([CLOCK.time_zone] * 40) == [client.get(CLOCK.time_zone)] * 40
        assert 4 < client.statistics.requests - before < 25
        assert client.set_list([ENABLED.to(True)] * 40) == [None] * 40
        assert client.action_list([CLOCK.adjust_to_quarter()] * 40) == [None] * 40


def test_batches_fill_what_there_is() -> None:
    plan = readings([CLOCK.time_zone] * 7, Room(Conformance.MULTIPLE_REFERENCES, 3 + 6 + 9 + 3 * 11))
    request = next(plan)
    sizes = []
    while True:
        items = request.items if isinstance(request, _core.RequestList) else (request,)
        sizes.append(len(items))
        answers = [_core.GetResponse(0, b"\x10\x00\x3c")] * len(items)
        try:
            request = plan.send(_core.ResponseList(answers) if len(items) > 1 else answers[0])
        except StopIteration as stop:
            values = stop.value
            break
    assert sizes == [3, 3, 1]
    assert values == [60] * 7


def test_a_list_refused_as_a_whole_is_refused_item_by_item() -> None:
    plan = readings([CLOCK.time, CLOCK.time_zone], Room(Conformance.MULTIPLE_REFERENCES))
    next(plan)
    with pytest.raises(StopIteration) as done:
        plan.send(_core.GetResponse(250))
    assert results(done.value.value) == [250, 250]
    plan = readings([CLOCK.time, CLOCK.time_zone], Room(Conformance.MULTIPLE_REFERENCES))
    next(plan)
    with pytest.raises(ServiceError, match="pdu too long"):
        plan.send(_core.ExceptionResponse(1, 4))


@pytest.mark.proves("get-with-list-in-blocks", "set-with-list-in-blocks", "action-with-list-in-blocks")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["plain", "ciphered"])
def test_lists_longer_than_a_pdu_go_in_blocks_both_ways(profile: Any, framing: Any) -> None:
    bench = limited(Bench(replace(profile, max_pdu_size=140), framing), Conformance(0), 140)
    with bench.client() as client:
        objects = client.get(STANDARD_LOG.capture_objects)
        refs = [STANDARD_LOG.capture_objects, IMAGE_TRANSFER.image_block_size] * 3
        assert client.get_list(refs) == [objects, 64] * 3
        table = ENABLED.set_request(True)
        listed = _core.RequestList([table] * 14)
        assert len(listed.encode()) > 140
        with pytest.raises(LocalProtocolError):  # the descriptors alone do not fit a first block
            client.exchange(listed)
        assert client.set_list([ENABLED.to(True)] * 14) == [None] * 14
        initiate = IMAGE_TRANSFER.image_transfer_initiate(b"MCS102", 1000)
        block = IMAGE_TRANSFER.image_block_transfer(0, bytes(64))
        assert client.action_list([initiate, block, block, block]) == [None] * 4


# --- Single forms -------------------------------------------------------------------------------------------


@pytest.mark.proves("get-normal", "set-normal", "action-normal", "get-selective-access")
def test_single_forms_and_parts_of_a_buffer(management: Client) -> None:
    management.set(ENABLED, False)
    assert management.get(ENABLED) is False
    management.action(CLOCK.adjust_to_quarter())
    first = EntryDescriptor(1, 1).selection
    (entry,) = management.get(STANDARD_LOG.buffer, first)
    listed, enabled = management.get_list([STANDARD_LOG.buffer.part(first), ENABLED])
    assert (listed, enabled) == ([entry], False)


@pytest.mark.proves("attribute-0-get", "attribute-0-set")
def test_all_attributes_at_once(management: Client) -> None:
    name = IMAGE_TRANSFER.instance_id.to_bytes()
    response = management.exchange(GetRequest(18, name, 0))
    assert isinstance(response, _core.GetResponse)
    members = _core.Data.decode(response.data or b"").value
    assert isinstance(members, tuple)
    assert len(members) == len(ImageTransfer.attributes) == 7
    assert (members[0].value, members[1].value, members[4].value) == (name, 64, True)

    def write(data: bytes) -> int:
        answer = management.exchange(SetRequest(18, name, 0, data))
        assert isinstance(answer, _core.SetResponse)
        return answer.result

    assert write(b"\x02\x07" + bytes(4) + b"\x03\x00" + bytes(2)) == 0
    assert management.get(ENABLED) is False
    for data, result in {
        b"\x02\x02\x00\x00": DataAccessResult.TYPE_UNMATCHED,
        b"\x11\x05": DataAccessResult.TYPE_UNMATCHED,
        b"\x02\x07" + bytes(7): DataAccessResult.READ_WRITE_DENIED,
        b"\x02\x07\x09\x06" + name + bytes(3) + b"\x03\x01" + bytes(2): DataAccessResult.READ_WRITE_DENIED,
    }.items():
        assert write(data) == result
    assert management.get(ENABLED) is False
    whole = management.exchange(GetRequest(18, name, 0, (1, b"\0")))
    assert whole == _core.GetResponse(13, invoke_id_and_priority=whole.invoke_id_and_priority)  # type: ignore[union-attr]


def test_all_attributes_need_their_service() -> None:
    bench = limited(
        Bench(), Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET | Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET
    )
    with bench.client() as client:
        with pytest.raises(NotNegotiated, match="attribute0-supported-with-get"):
            client.exchange(GetRequest(8, bytes(6), 0))
        with pytest.raises(NotNegotiated, match="attribute0-supported-with-set"):
            client.exchange(_core.RequestList([SetRequest(8, bytes(6), 0, b"\0")]))


@pytest.mark.proves("unconfirmed-forms")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["plain", "ciphered"])
def test_what_is_unconfirmed_is_done_and_not_answered(profile: Any, framing: Any) -> None:
    with Bench(profile, framing).client() as client:
        client.send(ENABLED.set_request(False, confirmed=False))
        assert client.get(ENABLED) is False
        client.send(
            _core.RequestList([ENABLED.to(value, confirmed=False).request for value in (False, True)])
        )
        client.send(CLOCK.adjust_to_quarter().unconfirmed().request)
        assert client.get(ENABLED) is True
        client.send(_core.AccessRequest([ENABLED.set_request(False)], confirmed=False))
        assert client.get(ENABLED) is False
        for answered in (CLOCK.time.get_request(), ENABLED.set_request(True)):
            with pytest.raises(LocalProtocolError, match="would answer"):
                client.send(answered)


@pytest.mark.fault("L-18")
@pytest.mark.proves("invoke-ids")
def test_invoke_ids_go_round_and_priority_is_kept(management: Client) -> None:
    seen = []
    for _ in range(33):
        response = management.exchange(CLOCK.time_zone.get_request())
        assert isinstance(response, _core.GetResponse)
        seen.append(response.invoke_id_and_priority & 0x0F)
    first = seen[0]
    assert seen == [(first + n) % 16 for n in range(33)]
    normal = GetRequest(8, CLOCK.instance_id.to_bytes(), 3, invoke_id_and_priority=0x45)
    response = management.exchange(normal)
    assert isinstance(response, _core.GetResponse)
    assert response.invoke_id_and_priority == 0x45


# --- ACCESS -------------------------------------------------------------------------------------------------


@pytest.mark.proves("access", "access-protection")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["plain", "ciphered"])
def test_reads_writes_and_calls_in_one_access(profile: Any, framing: Any) -> None:
    with Bench(profile, framing).client() as client:
        before = client.statistics.requests
        zone, set_, denied, undefined, done, log = client.access(
            [
                CLOCK.time_zone,
                ENABLED.to(False),
                LOGICAL_DEVICE_NAME.value.to(_core.Data(9, b"x")),
                UNDEFINED.time,
                CLOCK.adjust_to_quarter(),
                STANDARD_LOG.buffer.part(EntryDescriptor(1, 1).selection),
            ],
            date_time=DateTime.from_bytes(DATE_TIME),
        )
        assert client.statistics.requests == before + 1
        assert (type(zone), set_, done, len(log)) == (int, None, None, 1)
        assert results([denied, undefined]) == [3, 4]
        assert client.get(ENABLED) is False


@pytest.mark.proves("access-break-on-error", "access-self-descriptive")
def test_access_stops_at_the_first_error_where_asked_to(management: Client) -> None:
    items = [UNDEFINED.time.get_request(), ENABLED.set_request(False), CLOCK.adjust_to_quarter().request]
    request = _core.AccessRequest(items, break_on_error=True, self_descriptive=True)
    response = management.exchange(request)
    assert isinstance(response, _core.AccessResponse)
    assert [item.result for item in response.items] == [4, 250, 250]
    assert response.request_items is not None
    assert [type(item) for item in response.request_items] == [GetRequest, SetRequest, ActionRequest]
    assert management.get(ENABLED) is True
    broken = management.access([UNDEFINED.time, ENABLED.to(False)], break_on_error=True)
    assert results(broken) == [4, 250]
    going_on = management.access([UNDEFINED.time, ENABLED.to(False)])
    assert results(going_on) == [4, None]
    assert management.get(ENABLED) is False


@pytest.mark.proves("not-negotiated")
def test_access_that_was_not_negotiated_is_neither_sent_nor_served() -> None:
    bench = limited(Bench(), Conformance.ACCESS)
    with bench.client() as client:
        before = client.statistics.octets_sent
        with pytest.raises(NotNegotiated, match="the association has no access"):
            client.access([CLOCK.time_zone])
        assert client.statistics.octets_sent == before
        # A client that sends it all the same is told so.
        assert client._session is not None
        client._session._agreed = int(PROPOSED_CONFORMANCE)
        with pytest.raises(ServiceError, match="service not supported"):
            client.access([CLOCK.time_zone])
        assert client.get(CLOCK.time_zone) is not None


@pytest.mark.fault("C-24")
def test_access_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    with limited(Bench(), Conformance.GENERAL_BLOCK_TRANSFER, 100).client() as client:
        before = client.statistics.octets_sent
        with pytest.raises(LocalProtocolError, match="does not fit"):
            client.access([CLOCK.time_zone] * 20)
        assert client.statistics.octets_sent == before
        assert len(client.access([CLOCK.time_zone] * 3)) == 3


def test_an_access_whose_answer_does_not_fit_is_told_so() -> None:
    with Bench(replace(PLAIN, max_pdu_size=64)).client() as client:
        with pytest.raises(ServiceError, match="pdu too long"):
            client.access([STANDARD_LOG.capture_objects] * 3)
        assert client.get(CLOCK.time_zone) is not None


def test_the_asyncio_client_has_the_same_services(bench: Bench) -> None:
    async def run() -> None:
        async def open_transport(_: float) -> AsyncLoopbackTransport:
            inner = LoopbackTransport(bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep)
            return AsyncLoopbackTransport(inner)

        client = AsyncClient("tcp://meter", PLAIN, open_transport=open_transport, clock=bench.time.monotonic)
        async with client:
            assert await client.set_list([ENABLED.to(False)]) == [None]
            assert await client.access([ENABLED, ENABLED.to(True)]) == [False, None]
            await client.send(ENABLED.set_request(False, confirmed=False))
            assert await client.get_list([ENABLED, IMAGE_TRANSFER.image_block_size]) == [False, 64]
            assert await client.action_list([CLOCK.adjust_to_quarter()] * 2) == [None, None]

    asyncio.run(run())


# --- What nobody asked for ----------------------------------------------------------------------------------


@pytest.mark.proves("data-notification", "data-notification-confirm", "notifications-ciphered")
@pytest.mark.parametrize("way", ["none", "gmac"])
def test_a_push_is_decoded_and_can_be_confirmed(way: str) -> None:
    site = Site(way)
    pushed = DataNotification(0x40000007, DATE_TIME, bytes.fromhex("0202110509024142"))
    seen: list[Any] = []

    def confirm(told: Any) -> None:
        seen.append(told)
        client.confirm(told)

    client = site.client(Bench.journal, on_notification=confirm)
    with client:
        connection = site.connections[-1]
        plain = connection.receive
        notes = [connection.session.notify(pushed)]
        connection.receive = lambda data: (notes.pop() if notes else b"") + plain(data)  # type: ignore[method-assign]
        client.get(CLOCK.time)
    (told,) = seen
    assert isinstance(told, PushedData)
    assert (told.invoke_id, told.wants_confirmation) == (7, True)
    assert told.date_time == DateTime.from_bytes(DATE_TIME)
    assert told.value.plain() == (5, b"AB")
    assert NotificationConfirmed(1, 7) in site.events


@pytest.mark.proves("event-notification")
def test_an_event_names_its_attribute() -> None:
    reported = EventNotification(*CLOCK_TIME[:2], 3, b"\x10\x00\x3c", time=DATE_TIME)
    told = notification(reported)
    assert isinstance(told, ReportedEvent)
    assert (told.time, told.value.value) == (DateTime.from_bytes(DATE_TIME), 60)
    assert told.ref() == CLOCK.time_zone
    assert CLOCK.time_zone.decode(told.apdu.data) == 60
    assert replace(told, class_id=9999).ref() is None


def test_a_notification_that_cannot_be_believed_costs_nothing() -> None:
    statistics, seen = Statistics(), []
    note_aside(EventNotification(*CLOCK_TIME, b"\x11\x01"), statistics, seen.append)
    assert len(seen) == 1
    nested = b"\x02\x01" * 16 + b"\x11\x05"
    note_aside(EventNotification(*CLOCK_TIME, nested), statistics, seen.append)
    assert len(seen) + sum(statistics.discarded.values()) == 2


# --- Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.proves("confirmed-service-error")
def test_every_code_of_a_confirmed_service_error_has_words() -> None:
    for kind, values in VALUES.items():
        for value in values:
            assert "code" not in confirmed_service_error_text(5, kind, value)
    assert confirmed_service_error_text(1, 6, 2) == "initiate error, initiate, incompatible conformance"
    assert confirmed_service_error_text(99, 8, 7) == "code 99, change scope, code 7"
    assert confirmed_service_error_text(6, 77, 1) == "write, code 77, code 1"


@pytest.mark.proves("exception-response")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_core.ExceptionResponse(1, 1), "service not allowed, operation not possible"),
        (_core.ExceptionResponse(2, 2), "service unknown, service not supported"),
        (_core.ExceptionResponse(1, 6, invocation_counter=9), "invocation counter error"),
        (_core.ExceptionResponse(7, 99), "code 7, code 99"),
        (_core.ConfirmedServiceError(5, 5, 1), "read, access, scope of access violated"),
    ],
)
def test_refusals_of_a_whole_request_are_told_in_words(
    answer: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site("none")
    with site.client() as client:
        (connection,) = site.connections
        connection.answer = lambda _: answer  # type: ignore[method-assign]
        monkeypatch.setattr(
            type(connection.session), "respond", lambda session, response: session.channel.send(response)
        )
        for ask in (
            lambda: client.get(CLOCK.time),
            lambda: client.get_list([CLOCK.time, CLOCK.time_zone]),
        ):
            with pytest.raises(ServiceError, match=words):
                ask()
