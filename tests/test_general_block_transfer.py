"""General block transfer from profile to meter: who uses it when; lies, loss and long images."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import ActionRequest, Channel, DataNotification, GetRequest, SetRequest, WrapperFraming
from dlms_fw.driver import link_facts
from dlms_fw.enums import Conformance, DataAccessResult
from dlms_fw.errors import (
    ConfigurationError,
    DecodeError,
    LocalProtocolError,
    ResponseTimeout,
    TransferRefused,
)
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter import meter
from dlms_fw.meter.connection import Framing
from dlms_fw.profile_files import parse_profile
from dlms_fw.profiles import Profile
from dlms_fw.session.server import DEFAULT_CONFORMANCE, ServerClient
from dlms_fw.transfer import TransferPolicy
from harness import CLOCK_TIME, PROFILES, Pair, Responder, server_client, unwrap, wrap
from meter_bench import GMAC, IMAGE_TRANSFER, LLS, PLAIN, Bench
from meter_site import Site, journal_at
from meters import IDENTIFIER, container

pytest_plugins = ["meter_fixtures"]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_at(tmp_path) as journal:
        yield journal


GENERAL = Conformance.GENERAL_BLOCK_TRANSFER
SERVICE_BLOCKS = (
    Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)
ONLY_GENERAL = DEFAULT_CONFORMANCE & ~SERVICE_BLOCKS
BLOCK = 0xE0
LONG = axdr.octet_string.encode(bytes(range(250)) * 8)


def with_blocks(profile: Profile, use: Any = "when-needed", **changed: Any) -> Profile:
    return replace(profile, general_block_transfer=use, **changed)


def tags(pair: Pair) -> set[tuple[bool, int]]:
    """The first octets of all that went over the wrapper, and whether the client said them."""
    said = set()
    for from_client, octets in pair.wire:
        while octets:
            said.add((from_client, octets[8]))
            octets = octets[8 + int.from_bytes(octets[6:8], "big") :]
    return said


# --- Options and negotiation --------------------------------------------------------------------------------


@pytest.mark.proves("gbt-option")
@pytest.mark.parametrize("use", ["off", "when-needed", "always"])
@pytest.mark.parametrize("offered", [False, True])
def test_it_is_negotiated_where_both_sides_have_it(use: str, offered: bool) -> None:
    profile = with_blocks(PROFILES["none"], use)
    conformance = DEFAULT_CONFORMANCE if offered else DEFAULT_CONFORMANCE & ~GENERAL
    pair = Pair(profile, client=server_client(profile, conformance=conformance))
    pair.associate()
    assert pair.session.association is not None
    assert bool(pair.session.association.conformance & GENERAL) == (offered and use != "off")
    pair.meter.values[CLOCK_TIME] = LONG
    pair.wire.clear()
    assert pair.get().data == LONG
    assert tags(pair) == {(True, 0xC0), (False, 0xC4)}, "the meter prefers the blocks of GET"


@pytest.mark.proves("gbt-option", "gbt-choice")
@pytest.mark.parametrize("way", ["none", "gmac"])
def test_a_meter_without_blocks_of_get_answers_in_general_blocks(way: str) -> None:
    profile = with_blocks(PROFILES[way], general_block_transfer_window=3, max_pdu_size=128)
    pair = Pair(profile, client=server_client(profile, conformance=ONLY_GENERAL))
    pair.associate()
    pair.meter.values[CLOCK_TIME] = LONG
    pair.wire.clear()
    assert pair.get().data == LONG
    assert pair.get().data == LONG
    ciphered = way == "gmac"
    assert tags(pair) == {(True, 0xC8 if ciphered else 0xC0), (True, BLOCK), (False, BLOCK)}
    for from_client, octets in pair.wire:
        assert from_client or octets.count(b"\0\1\0\1\0\1") <= 3, "three blocks in one go"


@pytest.mark.proves("gbt-option")
def test_what_was_not_negotiated_is_an_unexpected_apdu() -> None:
    channel = Channel("client", WrapperFraming(1, 1))
    channel.negotiate(DEFAULT_CONFORMANCE & ~GENERAL, 500)
    channel.send(GetRequest(*CLOCK_TIME))
    block = wrap(bytes.fromhex("E0 81 0001 0000 04 C401C100"))
    (event,), reply = channel.receive(block)
    assert (type(event).__name__, reply) == ("Discarded", b"")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("general_block_transfer", "sometimes"),
        ("general_block_transfer_window", 0),
        ("general_block_transfer_window", 64),
        ("general_block_transfer_acknowledge_last", "no"),
    ],
)
def test_options_that_cannot_be_are_mistakes(tmp_path: Path, key: str, value: object) -> None:
    table = {"client_sap": 1, "server_sap": 1, "authentication": "none", key: value}
    with pytest.raises(ConfigurationError, match=key):
        parse_profile(table, "field", folder=tmp_path)


def test_options_are_read(tmp_path: Path) -> None:
    table = {
        "client_sap": 1,
        "server_sap": 1,
        "authentication": "none",
        "general_block_transfer": "always",
        "general_block_transfer_window": 5,
        "general_block_transfer_acknowledge_last": False,
    }
    profile = parse_profile(table, "field", folder=tmp_path)
    assert profile.general_block_transfer == "always"
    assert profile.general_block_transfer_window == 5
    assert not profile.general_block_transfer_acknowledge_last
    with pytest.raises(ConfigurationError, match="general_block_transfer_window"):
        replace(profile, general_block_transfer_window=64).check()


# --- Services -----------------------------------------------------------------------------------------------


@pytest.mark.proves("gbt-services", "gbt-framings", "gbt-ciphered")
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("hdlc", [False, True])
@pytest.mark.parametrize("way", ["none", "lls ciphered", "gmac"])
@pytest.mark.parametrize("window", [1, 63])
def test_both_clients_get_set_and_act(
    journal: Journal, way: str, hdlc: bool, asynchronous: bool, window: int
) -> None:
    site = Site(way, hdlc=hdlc, conformance=ONLY_GENERAL, max_receive_pdu_size=150)
    profile = with_blocks(site.profile, max_pdu_size=150, general_block_transfer_window=window)
    requests = [
        GetRequest(*CLOCK_TIME),
        SetRequest(*CLOCK_TIME, LONG),
        ActionRequest(8, CLOCK_TIME[1], 1, LONG),
        GetRequest(*CLOCK_TIME),
    ]
    arrived: list[Any] = []
    answers: list[Any] = []
    if asynchronous:

        async def run() -> None:
            async with site.async_client(journal, profile) as client:
                site.connections[-1].values[CLOCK_TIME] = LONG
                answers.extend([await client.exchange(request) for request in requests])
                arrived.extend(site.connections[-1].requests)

        asyncio.run(run())
    else:
        with site.client(journal, profile) as client:
            site.connections[-1].values[CLOCK_TIME] = LONG
            answers.extend(client.exchange(request) for request in requests)
            arrived.extend(site.connections[-1].requests)
    assert [answer.result for answer in answers] == [0, 0, 0, 0]
    assert answers[0].data == answers[3].data == LONG
    sent = [request for _, request in arrived if type(request) is not GetRequest]
    assert [getattr(request, "data", None) or request.parameter for request in sent] == [LONG, LONG]


@pytest.mark.proves("gbt-acknowledgement")
@pytest.mark.parametrize("acknowledge", [True, False])
def test_the_last_block_of_an_answer_is_acknowledged_if_wanted(acknowledge: bool) -> None:
    profile = with_blocks(
        PROFILES["none"], max_pdu_size=128, general_block_transfer_acknowledge_last=acknowledge
    )
    pair = Pair(profile, client=server_client(profile, conformance=ONLY_GENERAL))
    pair.associate()
    pair.meter.values[CLOCK_TIME] = axdr.octet_string.encode(bytes(200))
    pair.wire.clear()
    for _ in range(2):
        pair.get()
    acknowledgements = [unwrap(octets) for client, octets in pair.wire if client and octets[8] == BLOCK]
    first = bytes.fromhex("E0 BF 0001 0001 00")
    last = bytes.fromhex("E0 BF 0002 0002 00")
    assert acknowledgements == [first, *([last] if acknowledge else [])] * 2


def test_a_request_that_does_not_fit_is_refused_without_it() -> None:
    profile = PROFILES["none"]
    pair = Pair(profile, client=server_client(profile, conformance=ONLY_GENERAL, max_receive_pdu_size=100))
    pair.associate()
    with pytest.raises(LocalProtocolError, match="does not fit"):
        pair.session.send(SetRequest(*CLOCK_TIME, LONG))


@pytest.mark.proves("gbt-notification")
def test_a_long_notification_arrives() -> None:
    profile = with_blocks(PROFILES["gmac"], max_pdu_size=128)
    pair = Pair(profile)
    pair.associate()
    pushed = pair.meter.session.notify(DataNotification(1, b"", LONG))
    assert pushed[8] == BLOCK
    (event,), reply = pair.session.receive(pushed)
    assert isinstance(event, DataNotification)
    assert (event.data, reply) == (LONG, b"")


# --- Lies, aborts, silence ----------------------------------------------------------------------------------

LIES = {
    "acknowledges what was never sent": "E0 01 0001 0009 02 C401",
    "jumps": "E0 01 0041 0000 02 C401",
    "begins at nothing": "E0 01 0000 0000 02 C401",
    "is shorter than it says": "E0 01 0001 0000 09 C401",
}


@pytest.mark.fault("C-21")
@pytest.mark.parametrize("lie", LIES)
def test_a_client_that_is_lied_to_closes_the_connection(lie: str) -> None:
    site = Site("none", conformance=ONLY_GENERAL)
    client = site.client(profile=with_blocks(site.profile))
    client.connect()
    (connection,) = site.connections
    connection.receive = lambda _: wrap(bytes.fromhex(LIES[lie]))  # type: ignore[method-assign]
    with pytest.raises(DecodeError):
        client.exchange(GetRequest(*CLOCK_TIME))
    assert connection.closed


@pytest.mark.fault("C-21")
@pytest.mark.parametrize("lie", LIES)
def test_a_meter_that_is_lied_to_aborts_and_serves_on(lie: str) -> None:
    pair = Pair(with_blocks(PROFILES["none"]))
    pair.associate()
    assert unwrap(pair.meter.receive(wrap(bytes.fromhex(LIES[lie])))) == bytes.fromhex("E0 80 0000 0000 00")
    assert pair.meter.requests == []
    assert pair.get().result == 0


@pytest.mark.fault("C-21")
def test_a_meter_that_is_sent_blocks_for_ever_keeps_no_more_than_its_limit() -> None:
    pair = Pair(with_blocks(PROFILES["none"]))
    pair.associate()
    answers = []
    for number in range(1, 1000):
        block = bytes.fromhex("E0 41") + number.to_bytes(2, "big") + b"\0\0\x78" + bytes(120)
        answers.append(pair.meter.receive(wrap(block)))
        if answers[-1] and unwrap(answers[-1]) == bytes.fromhex("E0 80 0000 0000 00"):
            break
    assert len(answers) == 65_536 // 120 + 1
    assert pair.get().result == 0


@pytest.mark.fault("C-21")
def test_a_meter_that_streams_for_ever_ends_by_the_deadline() -> None:
    site = Site("none", conformance=ONLY_GENERAL)
    client = site.client(profile=with_blocks(site.profile))
    client.connect()
    (connection,) = site.connections
    numbers = iter(range(1, 4))

    def answer(_: bytes) -> bytes:
        number = next(numbers, None)
        return b"" if number is None else wrap(bytes((BLOCK, 0x41, 0, number, 0, 0, 1, 0)))

    connection.receive = answer  # type: ignore[method-assign]
    begin = site.clock.now
    with pytest.raises(ResponseTimeout):
        client.exchange(GetRequest(*CLOCK_TIME))
    assert site.clock.now - begin <= site.profile.request_deadline_s
    assert connection.closed


@pytest.mark.proves("gbt-abort")
def test_an_abort_is_a_service_error_and_the_association_lives() -> None:
    site = Site("none", conformance=ONLY_GENERAL)
    with site.client(profile=with_blocks(site.profile, max_pdu_size=128)) as client:
        (connection,) = site.connections
        connection.values[CLOCK_TIME] = LONG
        receive = connection.receive

        def aborting(data: bytes) -> bytes:
            return wrap(bytes.fromhex("E0 80 0000 0000 00")) if data[8] == BLOCK else receive(data)

        connection.receive = aborting  # type: ignore[method-assign]
        answer: Any = client.exchange(GetRequest(*CLOCK_TIME))
        assert answer.result == DataAccessResult.LONG_GET_ABORTED
        connection.receive = receive  # type: ignore[method-assign]
        answer = client.exchange(GetRequest(*CLOCK_TIME))
        assert answer.data == LONG


@pytest.mark.proves("gbt-timeouts", "gbt-lost-blocks")
@pytest.mark.parametrize("lost", range(1, 12))
def test_one_lost_message_is_made_good(lost: int) -> None:
    site = Site("none", conformance=ONLY_GENERAL, max_receive_pdu_size=200)
    profile = with_blocks(site.profile, max_pdu_size=200, general_block_transfer_window=4)
    with site.client(profile=profile) as client:
        (connection,) = site.connections
        connection.values[CLOCK_TIME] = LONG
        receive, seen = connection.receive, 0

        def losing(data: bytes) -> bytes:
            nonlocal seen
            kept = b""
            while data:
                size = 8 + int.from_bytes(data[6:8], "big")
                seen += 1
                kept += b"" if seen == lost else data[:size]
                data = data[size:]
            return receive(kept) if kept else b""

        connection.receive = losing  # type: ignore[method-assign]
        action: Any = client.exchange(ActionRequest(8, CLOCK_TIME[1], 1, LONG))
        assert action.result == 0
        assert len([request for _, request in connection.requests if type(request) is ActionRequest]) == 1
        assert seen >= lost


# --- The meter ----------------------------------------------------------------------------------------------


@pytest.mark.proves("gbt-image-transfer")
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize(
    ("profile", "window"), [(PLAIN, 1), (LLS, 5), (GMAC, 63)], ids=["none", "lls", "gmac"]
)
def test_an_upgrade_whose_blocks_are_longer_than_the_largest_apdu(
    monkeypatch: pytest.MonkeyPatch, profile: Profile, framing: Framing, window: int
) -> None:
    _only_general(monkeypatch)
    profile = with_blocks(profile, max_pdu_size=100, general_block_transfer_window=window)
    bench = Bench(profile, framing, image_block_size=512)
    image = Image.from_bytes(container(blocks=30))
    with bench.client() as client:
        assert client.association is not None
        assert client._session is not None
        assert link_facts(client._session, client.endpoint).carries(512)
        result = client.upgrade(image, TransferPolicy(allow_insecure=True))
    assert result.changed
    region = f"part-1.bank-{bench.meter.units.firmware.memory.state.parts[1].running}"
    assert bench.medium.read(region, 0, len(image.data)) == image.data


@pytest.mark.proves("gbt-option")
@pytest.mark.usefixtures("meter_journal")
def test_without_it_such_an_upgrade_is_refused_before_anything_is_initiated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _only_general(monkeypatch)
    bench = Bench(replace(PLAIN, max_pdu_size=100), image_block_size=512)
    with bench.client() as client, pytest.raises(TransferRefused, match="does not fit") as refused:
        client.upgrade(Image.from_bytes(container(blocks=60)), TransferPolicy(allow_insecure=True))
    assert "general_block_transfer" in str(refused.value.hint)


@pytest.mark.proves("gbt-option")
@pytest.mark.usefixtures("meter_journal")
def test_a_meter_can_be_told_not_to_offer_it() -> None:
    for offered in ("off", "when-needed", "always"):
        bench = Bench(with_blocks(PLAIN), general_block_transfer=offered)
        with bench.client() as client:
            assert client.association is not None
            assert bool(client.association.conformance & GENERAL) == (offered != "off")
            assert client.get(IMAGE_TRANSFER.image_block_size) == 64


@pytest.mark.proves("gbt-choice")
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize(("preferred", "tag"), [("when-needed", 0xC4), ("always", BLOCK)])
def test_the_meter_says_which_blocks_its_answers_go_in(preferred: str, tag: int) -> None:
    bench = Bench(with_blocks(PLAIN, max_pdu_size=100), general_block_transfer=preferred)
    received = []
    with bench.client() as client:
        assert client._transport is not None
        receive = client._transport.receive

        def listening(deadline: float) -> Any:
            data = receive(deadline)
            received.append(bytes(data)[8])
            return data

        client._transport.receive = listening  # type: ignore[method-assign]
        client.exchange(GetRequest(15, bytes((0, 0, 40, 0, 0, 255)), 2))
    assert received[0] == tag


@pytest.mark.proves("gbt-pre-established")
@pytest.mark.parametrize("window", [0, 4])
def test_client_102_speaks_in_blocks_and_hears_nothing(window: int) -> None:
    meter = Responder({102: ServerClient(pre_established=True, conformance=DEFAULT_CONFORMANCE)})
    value = axdr.octet_string.encode(bytes(100))
    request = ActionRequest(8, CLOCK_TIME[1], 1, value, invoke_id_and_priority=0x01).encode()
    for number in range(4):
        piece = request[number * 30 : number * 30 + 30]
        control = window | (0x80 if number == 3 else 0x40)
        block = bytes((BLOCK, control, 0, number + 1, 0, 0, len(piece))) + piece
        assert meter.receive(wrap(block, 102)) == b""
    ((sap, arrived),) = meter.requests
    assert (sap, arrived.parameter) == (102, value)


@pytest.mark.usefixtures("meter_journal")
def test_unconfirmed_blocks_of_an_image_go_in_general_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    _only_general(monkeypatch)
    bench = Bench(with_blocks(PLAIN, max_pdu_size=100), image_block_size=512)
    with bench.client() as client:
        image = container(blocks=20)
        client.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        assert client._session is not None
        assert client._transport is not None
        requests = [
            IMAGE_TRANSFER.image_block_transfer(number, image[number * 512 :][:512]).unconfirmed().request
            for number in range(-(-len(image) // 512))
        ]
        client._transport.send(client._session.channel.send_many(requests), bench.time.monotonic() + 10)
        assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == len(requests)


def _only_general(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meters without blocks of GET, SET and ACTION."""
    clients = meter.clients
    monkeypatch.setattr(
        meter,
        "clients",
        lambda *told: {
            sap: replace(client, conformance=client.conformance & ~SERVICE_BLOCKS)
            for sap, client in clients(*told).items()
        },
    )
