"""Client and server sessions, joined: every way to associate, and every lie that must not be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw._core import (
    AssociationResponse,
    DataNotification,
    Discarded,
    GetRequest,
    InitiateResponse,
)
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    ConfigurationError,
    DlmsError,
    LocalProtocolError,
    RemoteProtocolError,
    ResponseTimeout,
    SecurityError,
)
from dlms_fw.security import SecurityPolicy
from dlms_fw.session.events import Associated, AssociationEnded
from dlms_fw.session.states import State
from harness import (
    CLIENT_TITLE,
    CLOCK_TIME,
    METER_TITLE,
    PROFILES,
    Challenges,
    MeterCounters,
    Pair,
    server_client,
)

WAYS = [(name, hdlc) for name in PROFILES for hdlc in (False, True)]
CIPHERED = ["lls ciphered", "gmac", "gmac authenticated"]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]} {'hdlc' if way[1] else 'wrapper'}")
def pair(request: pytest.FixtureRequest) -> Pair:
    name, hdlc = request.param
    return Pair(PROFILES[name], hdlc=hdlc)


class TestAssociation:
    def test_from_the_link_to_its_end(self, pair: Pair) -> None:
        pair.associate()
        assert pair.session.state is State.ASSOCIATED
        assert pair.meter.session.state is State.ASSOCIATED
        assert pair.session.association is not None
        assert pair.session.association.server_max_receive_pdu_size == 1024
        if pair.profile.needs_keys:
            assert pair.session.association.meter_system_title == METER_TITLE
        assert pair.meter.events == [Associated(1, pair.profile.mechanism)]
        for _ in range(3):
            assert pair.get().result == 0
        pair.drive(pair.session.release())
        assert pair.session.state is State.CONNECTED
        assert pair.meter.events[-1] == AssociationEnded(1, "released")
        with pytest.raises(LocalProtocolError):
            pair.session.send(GetRequest(*CLOCK_TIME))
        pair.drive(pair.session.disconnect())
        assert pair.session.state is State.DISCONNECTED

    def test_again_on_the_same_link(self, pair: Pair) -> None:
        for _ in range(3):
            pair.associate()
            assert pair.get().result == 0
            pair.drive(pair.session.release())

    def test_again_without_release(self, pair: Pair) -> None:
        """The meter is asked for a new association while it believes in the old one."""
        pair.associate()
        pair.session._abort()
        pair.associate()
        assert AssociationEnded(1, "replaced") in pair.meter.events
        assert pair.get().result == 0

    @pytest.mark.fault("S-20")
    def test_no_counter_is_used_twice(self, pair: Pair) -> None:
        for _ in range(3):
            pair.associate()
            for _ in range(5):
                pair.get()
            pair.drive(pair.session.release())
        history = pair.meter.counters.history
        assert history == sorted(set(history))
        assert len(history) > 15 or not pair.profile.needs_keys or pair.profile.name == "gmac clear"

    def test_many_requests_need_many_reservations(self) -> None:
        pair = Pair(PROFILES["gmac"])
        pair.associate()
        for _ in range(600):
            assert pair.get().result == 0
        assert pair.client_counters.reserved_to == 768
        assert max(pair.meter.counters.history) < 768
        history = pair.meter.counters.history
        assert history == sorted(set(history))
        # No number is lost where ranges follow each other; the one inside the proof is no message's own.
        assert sorted({*history, 1}) == list(range(603))

    @pytest.mark.parametrize("octets", [64, 200, 1024])
    def test_long_values_in_blocks(self, pair: Pair, octets: int) -> None:
        from dlms_fw import axdr

        pair.meter.values[CLOCK_TIME] = axdr.octet_string.encode(bytes(range(256)) * 20)
        small = replace(pair.profile, max_pdu_size=octets)
        other = Pair(small, hdlc=pair.meter.session.channel.connected is False)
        other.meter.values = pair.meter.values
        other.associate()
        response = other.get()
        assert response.data is not None
        assert axdr.octet_string.decode(response.data) == bytes(range(256)) * 20

    def test_a_profile_with_keys_needs_counters(self) -> None:
        from dlms_fw.session.client import ClientSession
        from harness import client_framing

        with pytest.raises(ConfigurationError, match="journal"):
            ClientSession(client_framing(PROFILES["gmac"]), PROFILES["gmac"], challenge=Challenges())


class TestOrder:
    """What may be asked for when."""

    @pytest.mark.fault("S-16")
    def test_nothing_is_requested_before_the_meter_has_proved_itself(self) -> None:
        pair = Pair(PROFILES["gmac"])
        request = GetRequest(*CLOCK_TIME)
        with pytest.raises(LocalProtocolError):
            pair.session.send(request)
        pair.connect()
        with pytest.raises(LocalProtocolError):
            pair.session.send(request)
        data = pair.session.associate()
        with pytest.raises(LocalProtocolError):
            pair.session.send(request)
        _, pass_3 = pair.session.receive(pair.meter.receive(data))
        assert pair.session.state is State.AUTHENTICATING
        with pytest.raises(LocalProtocolError):
            pair.session.send(request)
        pair.session.receive(pair.meter.receive(pass_3))
        assert pair.session.state is State.ASSOCIATED

    def test_steps_out_of_order(self) -> None:
        pair = Pair(PROFILES["none"])
        for command in (pair.session.associate, pair.session.release, pair.session.disconnect):
            with pytest.raises(LocalProtocolError):
                command()
        pair.associate()
        with pytest.raises(LocalProtocolError):
            pair.session.connect()
        assert pair.session.state is State.ASSOCIATED

    def test_silence(self, pair: Pair) -> None:
        pair.connect()
        data = pair.session.associate()
        with pytest.raises(ResponseTimeout):
            repeat_until_timeout(pair, data)

    def test_a_meter_that_says_nothing_to_a_release(self) -> None:
        pair = Pair(PROFILES["gmac"])
        pair.associate()
        pair.session.release()
        assert pair.session.handle_timeout() == b""
        assert pair.session.state is State.CONNECTED

    @pytest.mark.fault("L-16")
    def test_the_meter_takes_the_link_down(self) -> None:
        pair = Pair(PROFILES["gmac"], hdlc=True)
        pair.associate()
        pair.session.receive(bytes.fromhex("7EA00703211F8CAE7E".replace("8CAE", "8CAE")))
        # A DM with a wrong check sequence changes nothing; a right one ends it all.
        assert pair.session.state is State.ASSOCIATED
        pair.session.receive(dm_frame())
        assert pair.session.state is State.DISCONNECTED
        with pytest.raises(LocalProtocolError):
            pair.session.send(GetRequest(*CLOCK_TIME))
        pair.meter.session.close()


def repeat_until_timeout(pair: Pair, data: bytes) -> None:
    for _ in range(20):
        again = pair.session.handle_timeout()
        assert again in {b"", data} or len(again) < len(data)


def dm_frame() -> bytes:
    """DM from server 1 to client 1, with its check sequence."""
    body = bytes.fromhex("A00703031F")
    remainder = 0xFFFF
    for octet in body:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x8408 if remainder & 1 else 0)
    return b"\x7e" + body + (remainder ^ 0xFFFF).to_bytes(2, "little") + b"\x7e"


# Lies in the AARE


def lying(pair: Pair, change: Callable[[AssociationResponse], dict[str, Any]]) -> None:
    """Let the meter's AARE be changed on the way (wrapper only)."""

    def tamper(data: bytes) -> bytes:
        if data[8:9] != b"\x61":
            return data
        aare = AssociationResponse.decode(data[8:])
        fields: dict[str, Any] = {
            "application_context": aare.application_context,
            "result": aare.result,
            "diagnostic": aare.diagnostic,
            "user_information": aare.user_information,
            "diagnostic_source": aare.diagnostic_source,
            "mechanism": aare.mechanism,
            "authentication_value": aare.authentication_value,
            "responding_ap_title": aare.responding_ap_title,
        }
        apdu = AssociationResponse(**{**fields, **change(aare)}).encode()
        return data[:6] + len(apdu).to_bytes(2, "big") + apdu

    pair.to_client = tamper


TINY = InitiateResponse(0x1F, 11).encode()
SHORT_NAMES = InitiateResponse(0x1F, 500, vaa_name=0xFA00).encode()
VERSION_5 = InitiateResponse(0x1F, 500, dlms_version_number=5).encode()
WIDER = InitiateResponse(0x40_001F, 500).encode()
CLEAR = InitiateResponse(0x1F, 500).encode()
TINY = InitiateResponse(0x1F, 11).encode()
OURS = (1).to_bytes(16, "big")

LIES: list[tuple[str, str, str, dict[str, Any], type[DlmsError], str]] = [
    ("S-11", "gmac", "another context", {"application_context": 1}, RemoteProtocolError, "context"),
    ("S-11", "lls", "a ciphered context", {"application_context": 3}, RemoteProtocolError, "context"),
    ("S-11", "gmac", "another mechanism", {"mechanism": 1}, RemoteProtocolError, "mechanism"),
    (
        "S-11",
        "gmac",
        "no mechanism",
        {"mechanism": None, "authentication_value": None},
        RemoteProtocolError,
        "mechanism",
    ),
    ("S-11", "lls", "a higher mechanism", {"mechanism": 5}, RemoteProtocolError, "mechanism"),
    ("S-11", "lls", "a diagnostic", {"diagnostic": 14}, RemoteProtocolError, "diagnostic"),
    ("S-11", "gmac", "another diagnostic", {"diagnostic": 13}, RemoteProtocolError, "diagnostic"),
    ("S-09", "gmac", "another title", {"responding_ap_title": b"MCSxxxxx"}, SecurityError, "tag"),
    ("S-10", "gmac", "our own title", {"responding_ap_title": CLIENT_TITLE}, SecurityError, "own"),
    ("S-09", "gmac", "no title", {"responding_ap_title": None}, RemoteProtocolError, "title"),
    ("S-09", "gmac", "a short title", {"responding_ap_title": b"MCS"}, RemoteProtocolError, "title"),
    ("C-19", "none", "tiny APDUs", {"user_information": TINY}, RemoteProtocolError, "at most 11 octets"),
    ("S-12", "gmac", "a clear initiate", {"user_information": CLEAR}, SecurityError, "not protected"),
    ("S-12", "gmac", "no initiate", {"user_information": None}, RemoteProtocolError, "user information"),
    ("S-12", "none", "more services", {"user_information": WIDER}, RemoteProtocolError, "not proposed"),
    ("S-12", "none", "version 5", {"user_information": VERSION_5}, RemoteProtocolError, "version"),
    ("S-12", "none", "short names", {"user_information": SHORT_NAMES}, RemoteProtocolError, "vaa"),
    ("S-12", "none", "nonsense", {"user_information": b"\x08\x00"}, RemoteProtocolError, ""),
    ("S-12", "none", "an error", {"user_information": b"\x0e\x01\x06\x02"}, RemoteProtocolError, ""),
    ("S-13", "gmac", "a short one", {"authentication_value": bytes(7)}, AuthenticationError, "7 octets"),
    ("S-13", "gmac", "a long one", {"authentication_value": bytes(65)}, AuthenticationError, "65 octets"),
    ("S-13", "gmac", "no challenge", {"authentication_value": None}, AuthenticationError, "0 octets"),
    ("S-14", "gmac", "our challenge", {"authentication_value": OURS}, AuthenticationError, "own challenge"),
]


class TestLies:
    @pytest.mark.parametrize(
        ("way", "fields", "error", "text"),
        [
            pytest.param(way, fields, error, text, id=f"{way}: {what}", marks=pytest.mark.fault(row))
            for row, way, what, fields, error, text in LIES
        ],
    )
    def test_an_aare_that_is_refused(
        self, way: str, fields: dict[str, Any], error: type[DlmsError], text: str
    ) -> None:
        pair = Pair(PROFILES[way])
        pair.connect()
        lying(pair, lambda _: fields)
        with pytest.raises(error) as caught:
            pair.associate()
        assert text in str(caught.value)
        assert pair.session.state is State.CONNECTED
        assert not pair.meter.requests
        assert len([data for mine, data in pair.wire if mine]) == 1, "nothing was sent after the AARQ"

    @pytest.mark.fault("C-19")
    @pytest.mark.parametrize("octets", [0, 12, 0xFFFF])
    def test_apdu_sizes_that_are_taken(self, octets: int) -> None:
        """0 is no limit, the least is taken, and a meter may take more than we do."""
        pair = Pair(PROFILES["none"])
        pair.connect()
        information = InitiateResponse(0x1F, octets).encode()
        lying(pair, lambda _: {"user_information": information})
        pair.associate()
        assert pair.session.association is not None
        assert pair.session.association.server_max_receive_pdu_size == octets
        if octets == 12:
            with pytest.raises(LocalProtocolError):
                pair.session.send(GetRequest(*CLOCK_TIME))
        else:
            assert pair.get().result == 0

    @pytest.mark.fault("S-09")
    def test_another_meter_than_the_pinned_one(self) -> None:
        pair = Pair(replace(PROFILES["gmac"], meter_system_title=b"MCS12345"))
        with pytest.raises(AuthenticationError, match="4D43533132333435"):
            pair.associate()
        pinned = Pair(replace(PROFILES["gmac"], meter_system_title=METER_TITLE))
        pinned.associate()
        assert pinned.session.state is State.ASSOCIATED

    @pytest.mark.fault("S-04")
    def test_a_replayed_aare_of_a_known_meter(self) -> None:
        counters = MeterCounters()
        profile = replace(PROFILES["lls ciphered"], meter_system_title=METER_TITLE)
        first = Pair(profile, meter_counters=counters)
        first.associate()
        assert first.session.context is not None
        seen = first.session.context.peer_invocation_counter
        old = next(data for mine, data in first.wire if not mine and data[8:9] == b"\x61")
        second = Pair(profile, meter_counters=counters, first_counter=1000, meter_counter=seen)
        second.connect()
        second.to_client = lambda _: old
        with pytest.raises(SecurityError) as caught:
            second.associate()
        assert caught.value.kind == "replay"

        assert caught.value.hint is not None
        assert "trust_meter_counter_reset" in caught.value.hint

    @pytest.mark.parametrize(
        ("apdu", "reason"),
        [(b"\x0e\x01\x06\x02", "none of the services"), (b"\x0e\x01\x00\x01", "confirmed service error")],
    )
    def test_a_confirmed_service_error_instead_of_an_aare(self, apdu: bytes, reason: str) -> None:
        pair = Pair(PROFILES["none"])
        pair.connect()
        pair.session.associate()
        with pytest.raises(AssociationRejected, match=reason):
            pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu)
        assert pair.session.state is State.CONNECTED

    @pytest.mark.fault("S-15")
    def test_our_own_proof_sent_back(self) -> None:
        pair = Pair(PROFILES["gmac clear"])
        pair.connect()
        _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
        proof = pass_3[-17:]
        invoke_id = pass_3[10]
        apdu = bytes((0xC7, 1, invoke_id, 0, 1, 0, 9, 17)) + proof
        with pytest.raises(AuthenticationError, match="our own proof"):
            pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu)
        assert pair.session.state is State.CONNECTED

    @pytest.mark.fault("S-16")
    @pytest.mark.parametrize(
        "tail", ["", "0100", "01000900", "0100" + "0911" + "00" * 17, "0100" + "0F00", "0103"]
    )
    def test_pass_4_that_proves_nothing(self, tail: str) -> None:
        pair = Pair(PROFILES["gmac clear"])
        pair.connect()
        _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
        apdu = bytes((0xC7, 1, pass_3[10], 0)) + (bytes.fromhex(tail) or b"\0")
        with pytest.raises((AuthenticationError, RemoteProtocolError)):
            pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu)
        assert pair.session.state is not State.ASSOCIATED
        with pytest.raises(LocalProtocolError):
            pair.session.send(GetRequest(*CLOCK_TIME))

    @pytest.mark.fault("S-01")
    @pytest.mark.parametrize("way", CIPHERED)
    def test_an_answer_in_clear(self, way: str) -> None:
        pair = Pair(PROFILES[way])
        pair.associate()
        pair.session.send(GetRequest(*CLOCK_TIME))
        apdu = bytes.fromhex("C401C1000600000001")
        with pytest.raises(SecurityError) as caught:
            pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu)
        assert caught.value.kind == "downgrade"
        assert pair.session.state is State.CONNECTED
        with pytest.raises(LocalProtocolError):
            pair.session.send(GetRequest(*CLOCK_TIME))

    @pytest.mark.fault("S-02")
    def test_the_policy_is_ours(self) -> None:
        """A meter that wants less does not get us to accept less."""
        pair = Pair(
            PROFILES["gmac"],
            client=server_client(PROFILES["gmac"], security_policy=SecurityPolicy.AUTHENTICATED),
        )
        with pytest.raises(SecurityError) as caught:
            pair.associate()
        assert caught.value.kind == "downgrade"
        assert pair.session.state is State.CONNECTED
        weak = replace(PROFILES["gmac"], security_policy=SecurityPolicy.AUTHENTICATED)
        refused = Pair(weak, client=server_client(PROFILES["gmac"]))
        with pytest.raises((AssociationRejected, SecurityError)):
            refused.associate()
        assert not refused.meter.requests

    @pytest.mark.fault("S-06")
    def test_a_forged_answer_changes_nothing(self) -> None:
        pair = Pair(PROFILES["gmac"])
        pair.associate()
        answer = pair.meter.receive(pair.session.send(GetRequest(*CLOCK_TIME)))
        forged = bytearray(answer)
        forged[11:15] = b"\xff\xff\xff\xf0"
        events, _ = pair.session.receive(bytes(forged))
        assert [type(event) for event in events] == [Discarded]
        assert events[0].reason == "authentication-tag"
        (event,), _ = pair.session.receive(answer)
        assert event.result == 0
        (again,), _ = pair.session.receive(answer)
        assert isinstance(again, Discarded)
        assert again.reason == "replay"


class TestAside:
    def test_a_notification_while_waiting(self) -> None:
        pair = Pair(PROFILES["gmac"])
        pair.associate()
        request = pair.session.send(GetRequest(*CLOCK_TIME))
        pushed = pair.meter.session.notify(DataNotification(1, b"", b"\x00"))
        events, _ = pair.session.receive(pushed + pair.meter.receive(request))
        assert [type(event).__name__ for event in events] == ["DataNotification", "GetResponse"]

    @pytest.mark.fault("L-18")
    def test_an_answer_to_another_request(self) -> None:
        pair = Pair(PROFILES["none"])
        pair.associate()
        pair.session.send(GetRequest(*CLOCK_TIME))
        apdu = bytes.fromhex("C401CF000600000001")
        (event,), _ = pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu)
        assert isinstance(event, Discarded)
        assert event.reason == "invoke-id"
        assert pair.session.state is State.ASSOCIATED
