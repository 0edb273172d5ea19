"""Signatures, general-ciphering, policies per direction: associations and upgrades of the simulated meter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import _core
from dlms_fw._core import GetRequest, GetResponse, Key, PrivateKey, WrapperFraming
from dlms_fw.async_client import AsyncClient
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism, Conformance, SecuritySuite
from dlms_fw.errors import AssociationRejected, AuthenticationError, ConfigurationError, SecurityError
from dlms_fw.image import Image
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profile_files import parse_profile
from dlms_fw.profiles import Profile
from dlms_fw.security import (
    KEY_INFORMATION,
    AsymmetricKeys,
    Keys,
    MessageProtection,
    SecurityPolicy,
)
from dlms_fw.session.client import ClientSession
from dlms_fw.session.server import RequestRefused, ServerSession
from dlms_fw.session.server_client import DEFAULT_CONFORMANCE, ServerClient
from dlms_fw.session.states import State
from meter_bench import CLIENT_TITLE, IMAGE_TRANSFER, Bench, transfer
from meters import IDENTIFIER, container

pytest_plugins = ["meter_fixtures"]

BOTH = SecurityPolicy.AUTHENTICATED_ENCRYPTED
METER_TITLE = bytes.fromhex("4D43530460BC614E")
CURVES = {1: ("P-256", 32), 2: ("P-384", 48)}
SIGNED = {"sign_requests": True, "signed_responses": True}


def scalar(suite: int, seed: int) -> PrivateKey:
    curve, width = CURVES[suite]
    return PrivateKey(curve, bytes([seed]) * width)


def profile_of(suite: int, policy: SecurityPolicy = BOTH, **protection: Any) -> Profile:
    length = 32 if suite == 2 else 16
    guek, gak, kek = (Key(bytes(range(start, start + length))) for start in (0, 64, 128))
    return Profile(
        client_sap=1,
        mechanism=AuthenticationMechanism.HIGH_LEVEL_GMAC,
        security_suite=SecuritySuite(suite),
        security_policy=policy,
        protection=MessageProtection(**protection),
        system_title=CLIENT_TITLE,
        meter_system_title=METER_TITLE,
        keys=Keys(global_unicast_encryption_key=guek, authentication_key=gak, master_key=kek),
        asymmetric_keys=AsymmetricKeys(
            signing_key=scalar(suite, 1),
            key_agreement_key=scalar(suite, 2),
            peer_signing_key=scalar(suite, 3).public,
            peer_key_agreement_key=scalar(suite, 4).public,
        ),
    )


def keys_of_meter(suite: int) -> AsymmetricKeys:
    return AsymmetricKeys(
        signing_key=scalar(suite, 3),
        key_agreement_key=scalar(suite, 4),
        peer_signing_key=scalar(suite, 1).public,
        peer_key_agreement_key=scalar(suite, 2).public,
    )


def stranger(profile: Profile) -> Profile:
    """One who has all symmetric keys, but not the signing key."""
    return replace(profile, asymmetric_keys=replace(profile.asymmetric_keys, signing_key=scalar(1, 9)))


class MeterWithKeys(Bench):
    """A meter with private keys of its own."""

    def __init__(self, profile: Profile, framing: Framing = "wrapper", **changes: object) -> None:
        suite = profile.security_suite.value
        super().__init__(profile, framing, **({"asymmetric_keys": keys_of_meter(suite)} | changes))


FORMS: dict[str, dict[str, Any]] = {
    "service-specific": {},
    "general": {"ciphering": "general"},
    **{
        f"general-ciphering, {name}": {"ciphering": "general-ciphering", "key_information": name}
        for name in KEY_INFORMATION
    },
}


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("suite", "framing"), [(1, "wrapper"), (2, "hdlc")])
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.proves("general-ciphering", "general-signing", "security-combinations")
def test_an_association_in_every_form(suite: int, framing: Framing, form: str, *, signed: bool) -> None:
    profile = profile_of(suite, **FORMS[form], **(SIGNED if signed else {}))
    with MeterWithKeys(profile, framing).client() as client:
        assert client.get(IMAGE_TRANSFER.image_block_size) == 64


@pytest.mark.parametrize("policy", list(SecurityPolicy))
@pytest.mark.parametrize("response_policy", list(SecurityPolicy))
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.proves("security-directions")
def test_each_direction_has_a_policy_of_its_own(
    policy: SecurityPolicy, response_policy: SecurityPolicy
) -> None:
    profile = profile_of(1, policy, response_policy=response_policy)
    if not profile.is_protected:
        return
    with MeterWithKeys(profile).client() as client:
        assert client.get(IMAGE_TRANSFER.image_block_size) == 64


@pytest.mark.parametrize(
    ("suite", "form"),
    [(1, "general-ciphering, one-pass-diffie-hellman"), (2, "general-ciphering, wrapped")],
)
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.proves("general-ciphering", "general-signing")
def test_an_image_is_transferred_signed_and_ciphered(suite: int, form: str, framing: Framing) -> None:
    image = container(blocks=12)
    bench = MeterWithKeys(profile_of(suite, **FORMS[form], **SIGNED), framing)
    with bench.client() as client:
        transfer(client, image, IDENTIFIER)
        assert client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number) == 12


# Two sessions, octets in hand


class Counters:
    """Invocation counters of either side, in memory."""

    def __init__(self) -> None:
        self.next, self.last = 1, -1

    def reserve(self, key: object, count: int) -> range:
        taken = range(self.next, self.next + count)
        self.next = taken.stop
        return taken

    def last_accepted(self, _key: str) -> int:
        return self.last

    def accepted(self, _key: str, counter: int) -> None:
        self.last = counter


class Pair:
    """A client's and a meter's session, associated: ``profile`` is the client's, ``known`` the meter's."""

    def __init__(self, profile: Profile, known: Profile | None = None) -> None:
        known = known or profile
        suite = profile.security_suite.value
        self.client = ClientSession(
            WrapperFraming(1, 1),
            profile,
            challenge=lambda: b"c" * 16,
            counters=Counters(),  # type: ignore[arg-type]
            randomness=lambda length: bytes([0x5A]) * length,
        )
        self.server = ServerSession(
            WrapperFraming(1, 1),
            {
                1: ServerClient(
                    mechanism=5,
                    keys=known.keys,
                    security_suite=known.security_suite,
                    security_policy=known.security_policy,
                    protection=known.protection,
                    asymmetric_keys=keys_of_meter(suite),
                    conformance=DEFAULT_CONFORMANCE | Conformance.GENERAL_PROTECTION,
                    client_system_title=CLIENT_TITLE,
                )
            },
            system_title=METER_TITLE,
            challenge=lambda: b"s" * 16,
            counters=Counters(),
            randomness=lambda length: bytes([0x33]) * length,
        )
        self.client.connect()
        octets = self.client.associate()
        while octets:
            _, answer = self.server.receive(octets)
            octets = self.client.receive(answer)[1]
        assert self.client.state is State.ASSOCIATED

    def ask(self) -> bytes:
        return self.client.send(GET_CLOCK)

    def answer(self, octets: bytes) -> bytes:
        """The meter takes a request and answers it."""
        events, _ = self.server.receive(octets)
        request = events[0]
        assert isinstance(request, GetRequest), events
        return self.server.respond(
            GetResponse(0, b"\x11\x2a", invoke_id_and_priority=request.invoke_id_and_priority or 0)
        )

    def refused(self, octets: bytes) -> str:
        """Why the meter does not take a request."""
        events, _ = self.server.receive(octets)
        assert isinstance(events[0], RequestRefused), events
        return events[0].reason


GET_CLOCK = GetRequest(8, bytes.fromhex("0000010000FF"), 2)
ONE_PASS = {"ciphering": "general-ciphering", "key_information": "one-pass-diffie-hellman"}
TAGS = {
    "service-specific": (0xC8, 0xCC),
    "general": (0xDB, 0xDB),
    **{name: (0xDD, 0xDD) for name in FORMS if name.startswith("general-ciphering")},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_in_the_form_of_the_request(form: str) -> None:
    """Whatever form the meter itself would use."""
    for signed in (False, True):
        pair = Pair(profile_of(1, **FORMS[form], **(SIGNED if signed else {})), profile_of(1))
        request = pair.ask()
        answer = pair.answer(request)
        assert (request[8], answer[8]) == ((0xDF, 0xDF) if signed else TAGS[form])
        events, _ = pair.client.receive(answer)
        assert isinstance(events[0], GetResponse)
        assert events[0].data == b"\x11\x2a"


@pytest.mark.fault("S-04")
@pytest.mark.parametrize("form", [name for name in FORMS if name.startswith("general-ciphering")])
def test_repetitions_and_answers_to_others_are_dropped(form: str) -> None:
    pair = Pair(profile_of(1, **FORMS[form], **SIGNED))
    request = pair.ask()
    first = pair.answer(request)
    assert pair.refused(request) == "replay"
    assert pair.client.receive(first)[0]
    events, _ = pair.client.receive(first)
    assert isinstance(events[0], _core.Discarded)
    pair.ask()
    (old,), _ = pair.client.receive(first)
    assert isinstance(old, _core.Discarded)


@pytest.mark.fault("S-10", "S-09")
@pytest.mark.parametrize("form", [name for name in FORMS if name != "service-specific"])
def test_our_own_message_is_not_an_answer(form: str) -> None:
    pair = Pair(profile_of(1, **FORMS[form]))
    (event,), _ = pair.client.receive(pair.ask())
    assert isinstance(event, _core.Discarded)
    assert event.reason == "system-title"


@pytest.mark.fault("S-02")
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (SIGNED | ONE_PASS, ONE_PASS),
        (SIGNED, {}),
        (ONE_PASS, {}),
        (ONE_PASS, {"ciphering": "general"}),
    ],
    ids=["no signature", "no signature, glo", "glo for general-ciphering", "general-glo for it"],
)
def test_an_answer_that_is_protected_less_ends_the_association(
    asked: dict[str, Any], given: dict[str, Any]
) -> None:
    """The weaker answer is genuine: it is made by the meter's own keys, to a weaker request."""
    weak = Pair(profile_of(1, **given), profile_of(1))
    for _ in range(3):
        answer = weak.answer(weak.ask())
    pair = Pair(profile_of(1, **asked), profile_of(1))
    pair.ask()
    with pytest.raises(SecurityError) as error:
        pair.client.receive(answer)
    assert error.value.kind == "downgrade"


@pytest.mark.fault("S-01", "S-02")
@pytest.mark.parametrize(
    ("needs", "sends"),
    [
        (profile_of(1, sign_requests=True), profile_of(1)),
        (profile_of(1), profile_of(1, SecurityPolicy.AUTHENTICATED)),
        (profile_of(1), profile_of(1, SecurityPolicy.NONE, **SIGNED)),
        (profile_of(1, **SIGNED), stranger(profile_of(1, **SIGNED))),
    ],
    ids=["no signature", "not encrypted", "signed only", "another signer"],
)
def test_a_request_that_is_protected_less_gets_no_further_than_pass_3(needs: Profile, sends: Profile) -> None:
    with pytest.raises((AssociationRejected, AuthenticationError)):
        Pair(sends, needs)


@pytest.mark.fault("S-03")
def test_a_key_that_was_not_decided_on_is_dropped() -> None:
    wrapped = Pair(profile_of(1, ciphering="general-ciphering", key_information="wrapped"))
    for _ in range(3):
        answer = wrapped.answer(wrapped.ask())
    pair = Pair(profile_of(1, **ONE_PASS))
    pair.ask()
    (event,), _ = pair.client.receive(answer)
    assert isinstance(event, _core.Discarded)
    assert event.reason == "key-information"


@pytest.mark.parametrize("scheme", ["tcp", "hdlc+tcp"])
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.proves("general-ciphering", "general-signing")
def test_the_asyncio_client_does_the_same(scheme: str) -> None:
    profile = profile_of(1, **ONE_PASS, **SIGNED)
    config = mcs301.configured(profile, asymmetric_keys=keys_of_meter(1), image_block_size=64)
    endpoint = Endpoint(scheme=scheme, host="127.0.0.1", port=0)

    async def run(url: str) -> int:
        async with AsyncClient(url, profile, journal=Bench.journal) as client:
            return await client.get(IMAGE_TRANSFER.image_block_size)

    with BackgroundMeter(config, SimulatedMedium, endpoint) as meter:
        assert asyncio.run(run(meter.url)) == 64


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"meter_system_title": None}, "meter_system_title: missing"),
        ({"asymmetric_keys": AsymmetricKeys()}, "signing_key: missing"),
        ({"security_suite": SecuritySuite.AES_GCM_128}, "security_suite: 0 knows neither"),
        ({"protection": MessageProtection(ciphering="glo")}, "ciphering: one of"),
    ],
)
def test_what_is_missing_for_it_is_named(changes: dict[str, Any], mistake: str) -> None:
    profile = replace(profile_of(1, **ONE_PASS, **SIGNED), **changes)
    with pytest.raises(ConfigurationError, match=mistake):
        profile.check()


def test_a_file_says_how_messages_are_protected(tmp_path: Path) -> None:
    """The options of a TOML profile, beside keys that are read elsewhere."""
    table = {
        "client_sap": 1,
        "server_sap": 1,
        "authentication": "hls-gmac",
        "system_title": CLIENT_TITLE.hex(),
        "meter_system_title": METER_TITLE.hex(),
        "global_unicast_encryption_key": "env:KEY",
        "authentication_key": "env:KEY",
        "master_key": "env:KEY",
        "ciphering": "general-ciphering",
        "key_information": "wrapped",
        "response_policy": "authenticated",
        "header_authenticated": False,
        "older_algorithm_ids": True,
    }
    profile = parse_profile(table, "p", folder=tmp_path, environ={"KEY": "00" * 16})
    assert profile.protection == MessageProtection(
        ciphering="general-ciphering",
        key_information="wrapped",
        response_policy=SecurityPolicy.AUTHENTICATED,
        header_authenticated=False,
        older_algorithm_ids=True,
    )
    assert profile.keys.master_key is not None


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.proves("general-ciphering", "general-signing")
def test_a_whole_upgrade_signed_and_under_agreed_keys(framing: Framing) -> None:
    bench = MeterWithKeys(profile_of(2, **FORMS["general-ciphering, static-unified"], **SIGNED), framing)
    with bench.client() as client:
        result = client.upgrade(Image.from_bytes(container(blocks=12)))
    assert result.outcome == "activated"
