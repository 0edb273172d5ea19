"""Associations beside the plain way: dedicated keys, one in another's place, releases, none asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import (
    AssociationRequest,
    AssociationResponse,
    GetRequest,
    InitiateRequest,
    InitiateResponse,
    Key,
    ReleaseRequest,
    ReleaseResponse,
    SetRequest,
)
from dlms_fw.async_client import AsyncClient
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.enums import AcseServiceProviderDiagnostic, AcseServiceUserDiagnostic, SecuritySuite
from dlms_fw.errors import ConfigurationError, LocalProtocolError, SecurityError
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.session.aare import rejection
from dlms_fw.session.events import AssociationEnded, AssociationFailed, RequestRefused
from dlms_fw.session.server import ServerSession
from dlms_fw.session.states import State
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from harness import (
    CLIENT_TITLE,
    CLOCK_TIME,
    FULL,
    PROFILES,
    Pair,
    Responder,
    exception,
    server_client,
    unwrap,
    wrap,
)
from meter_bench import GAK, GBEK, GMAC, GUEK, IMAGE_TRANSFER, PLAIN, Bench
from meters import IDENTIFIER, block, block_count, container

DEDICATED = bytes(range(0x30, 0x40))


def sent(pair: Pair) -> list[int]:
    """The tags of all APDUs that went over the wire."""
    return [data[8] for _, data in pair.wire]


# Dedicated keys


def with_dedicated_key(way: str, **changed: Any) -> Profile:
    return replace(PROFILES[way], dedicated_key=True, **changed)


@pytest.mark.fault("S-26")
@pytest.mark.proves("acse-dedicated-key")
@pytest.mark.parametrize("way", ["gmac", "lls ciphered"])
def test_a_dedicated_key_is_used_both_ways(way: str) -> None:
    given: list[int] = []

    def source(octets: int) -> bytes:
        given.append(octets)
        return bytes((len(given) + n) & 0xFF for n in range(octets))

    pair = Pair(with_dedicated_key(way), dedicated_key=source)
    pair.associate()
    assert pair.get().result == 0
    assert pair.get().result == 0
    high = [0xD3, 0xD7] if way == "gmac" else []
    assert sent(pair) == [0x60, 0x61, *high, 0xD0, 0xD4, 0xD0, 0xD4]
    assert all(bytes(range(1, 17)) not in data for _, data in pair.wire), "never in the clear"
    pair.drive(pair.session.release())
    context = pair.session.context
    assert context is not None
    with pytest.raises(SecurityError):  # wiped: nothing can be opened under it any more
        context.open(next(data[8:] for mine, data in reversed(pair.wire) if not mine and data[8] == 0xD4))
    pair.associate()
    assert given == [16, 16], "a fresh one for each association"
    assert pair.get().result == 0


@pytest.mark.fault("S-26")
@pytest.mark.fault("S-37")
@pytest.mark.parametrize("octets", [b"", bytes(16), b"\x11" * 16, bytes(range(15))])
def test_a_source_that_is_not_random(octets: bytes) -> None:
    pair = Pair(with_dedicated_key("gmac"), dedicated_key=lambda _: octets)
    pair.connect()
    with pytest.raises(LocalProtocolError, match="not random"):
        pair.session.associate()


@pytest.mark.fault("S-26")
def test_a_dedicated_key_that_comes_again() -> None:
    pair = Pair(with_dedicated_key("gmac"), dedicated_key=lambda _: DEDICATED)
    pair.associate()
    pair.drive(pair.session.release())
    with pytest.raises(LocalProtocolError, match="not random"):
        pair.session.associate()


@pytest.mark.fault("S-26")
def test_where_a_dedicated_key_makes_no_sense() -> None:
    for changed in (
        {"security_policy": SecurityPolicy.AUTHENTICATED},
        {"security_policy": SecurityPolicy.NONE},
    ):
        with pytest.raises(ConfigurationError, match="dedicated_key: the InitiateRequest"):
            with_dedicated_key("gmac", **changed).check()
    with pytest.raises(ConfigurationError, match="source of random octets"):
        Pair(with_dedicated_key("gmac"))


@pytest.mark.fault("S-26")
@pytest.mark.parametrize("way", ["none", "lls"])
def test_the_meter_refuses_a_dedicated_key_in_the_clear(way: str) -> None:
    profile = PROFILES[way]
    meter = Responder({1: server_client(profile)})
    initiate = InitiateRequest(0x1F, 1024, dedicated_key=DEDICATED).encode()
    password = None if profile.password is None else profile.password.expose()
    request = AssociationRequest(
        1, initiate, mechanism=profile.mechanism or None, authentication_value=password
    )
    answer = AssociationResponse.decode(unwrap(meter.receive(wrap(request.encode()))))
    assert answer.result == 1
    assert meter.events == [AssociationFailed(1, "dedicated-key")]


# Another association in the place of one


@pytest.mark.proves("acse-again")
@pytest.mark.parametrize("way", ["none", "lls", "gmac", "gmac clear"])
@pytest.mark.parametrize("hdlc", [False, True])
def test_associate_while_associated(way: str, *, hdlc: bool) -> None:
    pair = Pair(PROFILES[way], hdlc=hdlc)
    pair.associate()
    assert pair.get().result == 0
    pair.associate()
    assert AssociationEnded(1, "replaced") in pair.meter.events
    assert pair.get().result == 0
    pair.drive(pair.session.release())
    pair.associate()
    assert pair.get().result == 0


def test_two_clients_take_turns_on_one_link() -> None:
    """Each keeps its own association while the other one speaks."""
    pair = Pair(PROFILES["gmac"])
    public = replace(PROFILES["none"], client_sap=16)
    other = Pair(public)
    pair.meter.session._clients = {1: server_client(pair.profile), 16: server_client(public)}
    other.meter = pair.meter
    for _ in range(2):
        pair.associate()
        other.associate()
        for _ in range(2):
            assert pair.get().result == 0
            assert other.get().result == 0
        other.drive(other.session.release())
        assert pair.get().result == 0
        pair.drive(pair.session.release())


# Releases


@pytest.mark.proves("acse-release")
@pytest.mark.parametrize("reason", [0, 1, 30])
@pytest.mark.parametrize("way", ["none", "gmac"])
def test_a_release_has_a_reason(way: str, reason: int) -> None:
    pair = Pair(PROFILES[way])
    pair.associate()
    asked = pair.session.release(reason)
    request = ReleaseRequest.decode(asked[8:])
    assert request.reason == reason
    assert (request.user_information is None) is (way == "none")
    answer = pair.meter.receive(asked)
    response = ReleaseResponse.decode(answer[8:])
    assert response.reason == 0
    assert (response.user_information is None) is (way == "none")
    pair.session.receive(answer)
    assert pair.session.state is State.CONNECTED
    assert pair.meter.events[-1] == AssociationEnded(1, "released")


@pytest.mark.parametrize("answer", [b"", b"\xd8\x01\x01", ReleaseResponse(1).encode(), b"\x63\x00"])
def test_other_answers_to_a_release(answer: bytes) -> None:
    """Silence, an exception, "not finished" and no reason: each time it is over."""
    pair = Pair(PROFILES["gmac"])
    pair.associate()
    pair.session.release()
    if answer:
        pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(answer))) + answer)
    else:
        assert pair.session.handle_timeout() == b""
    assert pair.session.state is State.CONNECTED
    assert pair.session.association is None


def test_a_release_response_that_somebody_else_has_made() -> None:
    pair = Pair(PROFILES["gmac"])
    pair.associate()
    genuine = bytearray(pair.meter.receive(pair.session.release()))
    genuine[-1] ^= 1
    with pytest.raises(SecurityError):
        pair.session.receive(bytes(genuine))
    assert pair.session.state is State.CONNECTED


def test_a_release_response_with_a_plain_initiate_is_no_proof_and_no_harm() -> None:
    pair = Pair(PROFILES["gmac"])
    pair.associate()
    pair.session.release()
    answer = ReleaseResponse(0, InitiateResponse(0x1F, 500).encode()).encode()
    pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(answer))) + answer)
    assert pair.session.state is State.CONNECTED


def test_a_forged_release_is_refused() -> None:
    pair = Pair(PROFILES["gmac"])
    pair.associate()
    asked = bytearray(pair.session.release())
    asked[-1] ^= 1
    assert exception(pair.meter.receive(bytes(asked))) == (1, 5)
    assert pair.meter.session.state is State.ASSOCIATED
    strict = Pair(PROFILES["gmac"], client=server_client(PROFILES["gmac"], protected_release=True))
    strict.associate()
    assert exception(strict.meter.receive(wrap(ReleaseRequest(0).encode()))) == (1, 1)
    assert strict.meter.events[-1] == RequestRefused(1, "downgrade")
    assert strict.get().result == 0
    strict.drive(strict.session.release())
    assert strict.meter.events[-1] == AssociationEnded(1, "released")


def test_a_release_before_pass_3_ends_it_too() -> None:
    pair = Pair(PROFILES["gmac clear"])
    pair.connect()
    _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
    assert unwrap(pair.meter.receive(wrap(ReleaseRequest(0).encode())))[0] == 0x63
    assert pair.meter.session.state is State.CONNECTED
    pair.meter.receive(pass_3)
    assert pair.meter.session.state is State.CONNECTED


# Refusals in words


@pytest.mark.proves("acse-diagnostics")
def test_every_diagnostic_has_words_and_a_hint() -> None:
    for source, codes in ((1, AcseServiceUserDiagnostic), (2, AcseServiceProviderDiagnostic)):
        for known in codes:  # type: ignore[attr-defined]
            error = rejection(AssociationResponse(1, 1, known, None, diagnostic_source=source))
            assert known.name.lower().replace("_", " ") in str(error)
            assert error.hint
    strange = rejection(AssociationResponse(1, 2, 99, None))
    assert "for now (diagnostic 99)" in str(strange)
    assert strange.hint is None


# Associations that were there before


def broadcasting(**changed: Any) -> Profile:
    settings: dict[str, Any] = {
        "name": "102",
        "client_sap": 102,
        "pre_established": True,
        "security_policy": FULL,
        "system_title": CLIENT_TITLE,
        "keys": Keys(global_broadcast_encryption_key=GBEK, authentication_key=GAK),
        "invocation_counter_object": 2,
    }
    return Profile(**(settings | changed))


def stored(bench: Bench) -> int:
    store = bench.meter.units.firmware.image_store
    return sum(bool(bit) for bit in store.image_transferred_blocks_status)


@pytest.mark.proves("acse-pre-established")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("ciphered", [False, True])
def test_blocks_to_a_meter_that_never_answers(tmp_path: Path, framing: Any, *, ciphered: bool) -> None:
    """Client 102: no AARQ, no RLRQ, the broadcast key where there is a policy, and no answer to anything."""
    bench = Bench(
        GMAC if ciphered else PLAIN, framing, global_broadcast_encryption_key=GBEK if ciphered else None
    )
    image = container()
    profile = broadcasting() if ciphered else Profile(client_sap=102, pre_established=True)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client() as management:
            management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        bench.sleep(20)  # its owner is idle
        with bench.client(profile) as client:
            assert client.association is not None
            for number in range(block_count(image)):
                call = IMAGE_TRANSFER.image_block_transfer(number, block(image, number)).unconfirmed()
                client.send(call.request)
            with pytest.raises(LocalProtocolError, match="want no answer"):
                client.exchange(GetRequest(*CLOCK_TIME))
            with pytest.raises(LocalProtocolError, match="would answer this"):
                client.send(SetRequest(*CLOCK_TIME, b"\x00"))
            assert client.statistics.requests == block_count(image)
        assert stored(bench) == block_count(image)


@pytest.mark.proves("acse-pre-established")
def test_the_same_with_asyncio(tmp_path: Path) -> None:
    bench = Bench(GMAC, global_broadcast_encryption_key=GBEK)
    image = container(blocks=3)

    async def sleep(seconds: float) -> None:
        bench.sleep(seconds)

    async def tell(journal: Journal) -> None:
        async def open_transport(_deadline: float) -> AsyncLoopbackTransport:
            return AsyncLoopbackTransport(
                LoopbackTransport(bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep)
            )

        client = AsyncClient(
            "tcp://meter",
            broadcasting(),
            journal=journal,
            open_transport=open_transport,
            clock=bench.time.monotonic,
            sleep=sleep,
        )
        async with client:
            for number in range(block_count(image)):
                call = IMAGE_TRANSFER.image_block_transfer(number, block(image, number)).unconfirmed()
                await client.send(call.request)

    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client() as management:
            management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        bench.sleep(20)
        asyncio.run(tell(journal))
    assert stored(bench) == block_count(image)


def test_what_a_pre_established_association_sends() -> None:
    pair = Pair(broadcasting(), client=server_client(broadcasting(), pre_established=True))
    pair.associate()
    assert pair.session.state is State.ASSOCIATED
    assert not pair.wire
    data = pair.session.send(SetRequest(*CLOCK_TIME, b"\x00", confirmed=False))
    sealed = data[8:]
    assert sealed[:10] == b"\xdb\x08" + CLIENT_TITLE  # the meter has no other place to know our title from
    assert sealed[11] == 0x70  # authenticated, encrypted, broadcast key
    assert pair.meter.receive(data) == b""
    assert len(pair.meter.requests) == 1
    for wanting in (GetRequest(*CLOCK_TIME), SetRequest(*CLOCK_TIME, b"\x00")):
        with pytest.raises(LocalProtocolError, match="no answer"):
            pair.session.send(wanting)
    assert pair.session.release() == b""
    assert pair.session.state is State.CONNECTED


def test_profiles_that_contradict_themselves() -> None:
    for changed in ({"mechanism": 1, "password": Key(b"x")}, {"mechanism": 5}, {"dedicated_key": True}):
        with pytest.raises(ConfigurationError, match="pre_established: without an AARQ"):
            broadcasting(**changed).check()
    with pytest.raises(ConfigurationError, match="global_unicast_encryption_key: missing"):
        broadcasting(keys=Keys(authentication_key=GAK)).check()
    unicast = broadcasting(keys=Keys(global_unicast_encryption_key=GUEK, authentication_key=GAK))
    unicast.check()
    assert unicast.counter_key is GUEK
    assert broadcasting().counter_key is GBEK
    assert SecuritySuite(0) is unicast.security_suite


# Unconfirmed ones


@pytest.mark.parametrize("way", ["none", "gmac"])
def test_a_client_that_allows_no_response_gets_none(way: str) -> None:
    """An unconfirmed association: taken or not, the meter is silent; HLS cannot be done that way."""
    profile = PROFILES[way]
    pair = Pair(profile)
    pair.connect()
    meter, context = pair.meter, None
    if way == "gmac":
        context = pair.session._new_context(None)
    plain = InitiateRequest(0x1F, 1024, response_allowed=False).encode()
    request = AssociationRequest(
        1 if context is None else 3,
        plain if context is None else context.seal(plain),
        mechanism=profile.mechanism or None,
        authentication_value=bytes(16) if profile.mechanism else None,
        calling_ap_title=profile.system_title,
    )
    assert meter.receive(wrap(request.encode())) == b""
    if way == "gmac":
        assert meter.events == [AssociationFailed(1, "unconfirmed")]
        return
    assert meter.session.state is State.ASSOCIATED
    assert isinstance(meter.session, ServerSession)
    set_ = SetRequest(*CLOCK_TIME, b"\x00", invoke_id_and_priority=0xC1)
    assert meter.receive(wrap(set_.encode())) == b""
    assert len(meter.requests) == 1
    assert meter.receive(wrap(ReleaseRequest(0).encode())) == b""
    assert meter.session.state is State.CONNECTED


def test_the_association_object_says_how_it_was_made(tmp_path: Path) -> None:
    bench = Bench(GMAC)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        with bench.client(replace(GMAC, dedicated_key=True)) as client:
            association = AssociationLN("0-0:40.0.0.255")
            assert client.get(association.authentication_mechanism_name).mechanism_id_element == 5
