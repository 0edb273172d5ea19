"""The server's side of a session, spoken to by clients that do not keep the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    AssociationRequest,
    AssociationResponse,
    ExceptionResponse,
    GetRequest,
    InitiateRequest,
    Key,
    ReleaseRequest,
    SecurityContext,
    SetRequest,
    WrapperFraming,
)
from dlms_fw.errors import ConfigurationError, LocalProtocolError
from dlms_fw.session.events import Associated, AssociationFailed, RequestRefused
from dlms_fw.session.server import ServerSession
from dlms_fw.session.states import State
from harness import (
    CLIENT_TITLE,
    CLOCK_TIME,
    FULL,
    KEYS,
    METER_TITLE,
    PROFILES,
    UNICAST_KEY,
    Challenges,
    MeterCounters,
    Pair,
    Responder,
    exception,
    server_client,
    unwrap,
    wrap,
)

GET = GetRequest(*CLOCK_TIME, invoke_id_and_priority=0xC1)
FINGERPRINT = Key(UNICAST_KEY).fingerprint


class TestNotAssociated:
    @pytest.mark.parametrize(
        "request_", [GET, SetRequest(*CLOCK_TIME, b"\0"), ActionRequest(8, CLOCK_TIME[1], 1)]
    )
    def test_services_are_not_allowed(self, request_: Any) -> None:
        meter = Responder({1: server_client(PROFILES["none"])})
        apdu = bytearray(request_.encode())
        apdu[2] = 0xC1
        assert exception(meter.receive(wrap(bytes(apdu)))) == (1, 1)
        assert meter.events == [RequestRefused(1, "not-associated")]
        apdu[2] = 0x81  # unconfirmed: no answer at all
        assert meter.receive(wrap(bytes(apdu))) == b""
        assert not meter.requests

    def test_a_release_of_nothing(self) -> None:
        meter = Responder({1: server_client(PROFILES["none"])})
        assert unwrap(meter.receive(wrap(ReleaseRequest(0).encode())))[0] == 0x63
        assert not meter.events

    def test_before_pass_3_only_pass_3(self) -> None:
        pair = Pair(PROFILES["gmac clear"])
        pair.connect()
        pair.meter.receive(pair.session.associate())
        assert pair.meter.session.state is State.AUTHENTICATING
        assert exception(pair.meter.receive(wrap(GET.encode()))) == (1, 1)
        for object_, method in ((15, 2), (64, 1)):
            other = ActionRequest(object_, bytes((0, 0, 40, 0, 0, 255)), method, invoke_id_and_priority=0xC1)
            assert exception(pair.meter.receive(wrap(other.encode()))) == (1, 1)
        assert not pair.meter.requests
        assert pair.meter.session.state is State.AUTHENTICATING

    @pytest.mark.fault("S-16")
    def test_pass_3_twice(self) -> None:
        pair = Pair(PROFILES["gmac clear"])
        pair.connect()
        _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
        pair.meter.receive(pass_3)
        assert pair.meter.session.state is State.ASSOCIATED
        pair.meter.receive(pass_3)  # now a method like any other, for the meter to judge
        assert [type(request) for _, request in pair.meter.requests] == [ActionRequest]

    def test_a_wrong_pass_3_ends_it(self) -> None:
        pair = Pair(PROFILES["gmac clear"])
        pair.connect()
        _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
        wrong = pass_3[:-1] + bytes([pass_3[-1] ^ 1])
        assert unwrap(pair.meter.receive(wrong))[3] == 250
        assert pair.meter.events == [AssociationFailed(1, "proof")]
        assert exception(pair.meter.receive(pass_3)) == (1, 1), "there is no second try"


class TestAarq:
    def aarq(self, **changed: Any) -> bytes:
        fields: dict[str, Any] = {
            "application_context": 1,
            "user_information": InitiateRequest(0x1F, 1024).encode(),
        }
        return wrap(AssociationRequest(**{**fields, **changed}).encode())

    @pytest.mark.fault("C-19")
    @pytest.mark.parametrize(
        ("changed", "diagnostic", "initiate_error"),
        [
            ({}, 0, None),
            ({"application_context": 2}, 2, None),
            ({"application_context": 9}, 2, None),
            ({"mechanism": 1, "authentication_value": b"x"}, 11, None),
            ({"user_information": None}, 1, 0),
            ({"user_information": b"\x01\x00"}, 1, 0),
            ({"user_information": InitiateRequest(0x1F, 1024, dlms_version_number=5).encode()}, 1, 1),
            ({"user_information": InitiateRequest(0x1F, 1024, dlms_version_number=7).encode()}, 0, None),
            ({"user_information": InitiateRequest(0x40_0000, 1024).encode()}, 1, 2),
            ({"user_information": InitiateRequest(0, 1024).encode()}, 1, 2),
            ({"user_information": InitiateRequest(0x1F, 11).encode()}, 1, 3),
            ({"user_information": InitiateRequest(0x1F, 12).encode()}, 0, None),
            ({"user_information": InitiateRequest(0x1F, 0).encode()}, 0, None),
            ({"calling_ap_title": b"dummy"}, 0, None),
        ],
    )
    def test_without_security(
        self, changed: dict[str, Any], diagnostic: int, initiate_error: int | None
    ) -> None:
        meter = Responder({1: server_client(PROFILES["none"])})
        answer = AssociationResponse.decode(unwrap(meter.receive(self.aarq(**changed))))
        refused = diagnostic != 0
        assert (answer.result, answer.diagnostic) == (int(refused), diagnostic)
        if initiate_error is not None:
            assert answer.user_information == bytes((0x0E, 1, 6, initiate_error))
        assert isinstance(meter.events[0], AssociationFailed if refused else Associated)

    def test_no_common_version(self) -> None:
        meter = Responder({1: server_client(PROFILES["none"])})
        apdu = bytearray(unwrap(self.aarq()))
        apdu[2:2] = bytes.fromhex("80020700")  # a protocol-version without version 1
        apdu[1] += 4
        answer = AssociationResponse.decode(unwrap(meter.receive(wrap(bytes(apdu)))))
        assert (answer.result, answer.diagnostic_source, answer.diagnostic) == (1, 2, 2)

    @pytest.mark.parametrize("length", [7, 8, 64, 65])
    def test_the_length_of_a_challenge(self, length: int) -> None:
        meter = Responder({1: server_client(PROFILES["gmac clear"])})
        data = self.aarq(mechanism=5, authentication_value=bytes(length), calling_ap_title=CLIENT_TITLE)
        answer = AssociationResponse.decode(unwrap(meter.receive(data)))
        assert answer.result == (0 if length in {8, 64} else 1)
        assert answer.diagnostic == (14 if length in {8, 64} else 13)

    @pytest.mark.parametrize("title", [None, b"short", b"too long a title", METER_TITLE])
    def test_titles(self, title: bytes | None) -> None:
        meter = Responder({1: server_client(PROFILES["gmac clear"])})
        data = self.aarq(mechanism=5, authentication_value=bytes(16), calling_ap_title=title)
        answer = AssociationResponse.decode(unwrap(meter.receive(data)))
        assert (answer.result, answer.diagnostic) == (1, 3)

    @pytest.mark.fault("S-14")
    def test_the_challenges_always_differ(self) -> None:
        """A client that foresees our challenge does not get it back."""
        meter = Responder({1: server_client(PROFILES["gmac clear"])}, challenge=Challenges(0))
        foreseen = (1).to_bytes(16, "big")
        data = self.aarq(mechanism=5, authentication_value=foreseen, calling_ap_title=CLIENT_TITLE)
        answer = AssociationResponse.decode(unwrap(meter.receive(data)))
        assert answer.authentication_value == (2).to_bytes(16, "big")

    @pytest.mark.fault("S-37")
    def test_challenges_that_are_not_random(self) -> None:
        meter = Responder({1: server_client(PROFILES["gmac clear"])}, challenge=lambda: bytes(16))
        data = self.aarq(mechanism=5, authentication_value=bytes(16), calling_ap_title=CLIENT_TITLE)
        with pytest.raises(ConfigurationError):
            meter.receive(data)

    @pytest.mark.parametrize("name", list(PROFILES))
    def test_cut_at_every_octet(self, name: str) -> None:
        pair = Pair(PROFILES[name])
        pair.connect()
        apdu = unwrap(pair.session.associate())
        for length in range(1, len(apdu)):
            meter = Responder({1: server_client(PROFILES[name])})
            answer = unwrap(meter.receive(wrap(apdu[:length])))
            assert answer[0] == 0xD8 or AssociationResponse.decode(answer).result == 1
            assert meter.session.state is State.CONNECTED

    def test_ciphered_only_means_ciphered_only(self) -> None:
        """A clear InitiateRequest in a ciphered context."""
        meter = Responder({1: server_client(PROFILES["lls ciphered"])})
        value = PROFILES["lls ciphered"].password
        assert value is not None
        data = self.aarq(
            application_context=3,
            mechanism=1,
            authentication_value=value.expose(),
            calling_ap_title=CLIENT_TITLE,
        )
        answer = AssociationResponse.decode(unwrap(meter.receive(data)))
        assert answer.result == 1
        assert meter.events == [AssociationFailed(1, "ciphering")]

    @pytest.mark.fault("S-26")
    def test_a_dedicated_key(self) -> None:
        """Only taken inside a ciphered InitiateRequest; from then on it is the key of the association."""
        profile = PROFILES["lls ciphered"]
        meter = Responder({1: server_client(profile)})
        dedicated = Key(bytes(range(0x30, 0x40)))

        def context(**keys: Any) -> SecurityContext:
            return SecurityContext(
                0,
                FULL,
                system_title=CLIENT_TITLE,
                peer_system_title=METER_TITLE,
                global_unicast_encryption_key=KEYS.global_unicast_encryption_key,
                authentication_key=KEYS.authentication_key,
                invocation_counter=100,
                counter_limit=200,
                **keys,
            )

        assert profile.password is not None
        ours = context()
        initiate = InitiateRequest(0x1F, 1024, dedicated_key=dedicated.expose()).encode()
        data = self.aarq(
            application_context=3,
            user_information=ours.seal(initiate),
            mechanism=1,
            authentication_value=profile.password.expose(),
            calling_ap_title=CLIENT_TITLE,
        )
        assert AssociationResponse.decode(unwrap(meter.receive(data))).result == 0
        with_dedicated = context(dedicated_key=dedicated)
        with_dedicated.extend(150, 200)
        sealed = with_dedicated.seal(GET.encode())
        assert sealed[0] == 0xD0
        answer = unwrap(meter.receive(wrap(sealed)))
        assert answer[0] == 0xD4
        assert with_dedicated.open(answer)[:4] == bytes.fromhex("C401C100")

        wrong = InitiateRequest(0x1F, 1024, dedicated_key=b"short").encode()
        ours.extend(160, 200)
        data = self.aarq(
            application_context=3,
            user_information=ours.seal(wrong),
            mechanism=1,
            authentication_value=profile.password.expose(),
            calling_ap_title=CLIENT_TITLE,
        )
        assert AssociationResponse.decode(unwrap(meter.receive(data))).result == 1


class TestProtection:
    def pair(self, name: str = "gmac", **options: Any) -> Pair:
        pair = Pair(PROFILES[name], **options)
        pair.associate()
        return pair

    @pytest.mark.fault("S-04")
    def test_a_replayed_request(self) -> None:
        pair = self.pair()
        request = pair.session.send(GetRequest(*CLOCK_TIME))
        assert pair.meter.receive(request)[8] == 0xCC
        answer = unwrap(pair.meter.receive(request))
        used = pair.meter.counters.last[FINGERPRINT]
        assert answer == ExceptionResponse(1, 6, invocation_counter=used + 1).encode()
        assert len(pair.meter.requests) == 1
        assert pair.meter.events[-1] == RequestRefused(1, "replay")
        pair.session.receive(wrap(answer)[:2] + bytes((0, 1, 0, 1)) + wrap(answer)[6:])
        assert pair.get().result == 0

    @pytest.mark.fault("S-04")
    def test_a_request_replayed_on_another_link(self) -> None:
        counters = MeterCounters()
        one = self.pair(meter_counters=counters)
        other = self.pair(meter_counters=counters, first_counter=1000)
        request = other.session.send(GetRequest(*CLOCK_TIME))
        other.meter.receive(request)
        assert exception(one.meter.receive(request)) == (1, 6)
        assert not one.meter.requests

    @pytest.mark.fault("S-06")
    @pytest.mark.parametrize("place", [10, 12, 15, 20, -1])
    def test_a_forged_request(self, place: int) -> None:
        pair = self.pair()
        before = dict(pair.meter.counters.last)
        request = pair.session.send(GetRequest(*CLOCK_TIME))
        forged = bytearray(request)
        forged[place] ^= 0x20
        refused = unwrap(pair.meter.receive(bytes(forged)))
        assert refused[0] == 0xD8
        assert pair.meter.counters.last == before
        assert not pair.meter.requests
        assert pair.meter.receive(request)[8] == 0xCC

    @pytest.mark.fault("S-01")
    @pytest.mark.parametrize("way", ["gmac", "lls ciphered", "gmac authenticated"])
    def test_a_request_in_clear(self, way: str) -> None:
        """Whoever injects one gets nothing, and does not end what others have."""
        pair = self.pair(way)
        assert exception(pair.meter.receive(wrap(GET.encode()))) == (1, 1)
        assert pair.meter.events[-1] == RequestRefused(1, "downgrade")
        assert not pair.meter.requests
        assert pair.get().result == 0

    def test_a_ciphered_request_in_a_clear_association(self) -> None:
        ciphered = self.pair()
        clear = self.pair("none")
        answer = clear.meter.receive(ciphered.session.send(GetRequest(*CLOCK_TIME)))
        assert unwrap(answer)[0] == 0xD8
        assert not clear.meter.requests

    def test_a_forged_release(self) -> None:
        pair = self.pair()
        forged = ReleaseRequest(0, b"\x21\x1b\x30\x00\x00\x20\x00" + bytes(22)).encode()
        assert exception(pair.meter.receive(wrap(forged))) == (1, 5)
        assert pair.meter.session.state is State.ASSOCIATED
        assert pair.get().result == 0

    def test_an_answer_that_is_too_long(self) -> None:
        profile = replace(PROFILES["none"], max_pdu_size=100)
        pair = Pair(profile, client=server_client(profile, conformance=0x10))
        pair.associate()
        pair.meter.values[CLOCK_TIME] = axdr.octet_string.encode(bytes(1000))
        (event,) = pair.drive(pair.session.send(GetRequest(*CLOCK_TIME)))
        assert isinstance(event, ExceptionResponse)
        assert (event.state_error, event.service_error) == (1, 4)

    def test_notifications_only_to_who_is_associated(self) -> None:
        pair = Pair(PROFILES["none"])
        pair.connect()
        with pytest.raises(LocalProtocolError):
            pair.meter.session.notify(None)  # type: ignore[arg-type]

    def test_keys_need_a_place_for_counters(self) -> None:
        with pytest.raises(ConfigurationError):
            ServerSession(
                WrapperFraming(1, 1),
                {1: server_client(PROFILES["gmac"])},
                system_title=METER_TITLE,
                challenge=Challenges(),
            )
