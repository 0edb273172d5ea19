"""Each request is held against the negotiated conformance: what it lacks is neither sent nor served."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    DataNotificationConfirm,
    ExceptionResponse,
    GetRequest,
    RequestList,
    SetRequest,
    decode_apdu,
)
from dlms_fw.enums import Conformance
from dlms_fw.errors import LocalProtocolError, NotNegotiated
from dlms_fw.session.events import RequestRefused
from dlms_fw.session.negotiated import missing, needed
from dlms_fw.session.server import DEFAULT_CONFORMANCE
from harness import CLOCK_TIME, PROFILES, Pair, server_client, unwrap, wrap

EVERYTHING = sum(service.value for service in Conformance)
PART = (1, b"\x02\x00")
NAME = CLOCK_TIME[1]
REQUESTS: dict[str, tuple[Any, Conformance]] = {
    "GET": (GetRequest(*CLOCK_TIME), Conformance.GET),
    "GET of a part": (GetRequest(*CLOCK_TIME, PART), Conformance.GET | Conformance.SELECTIVE_ACCESS),
    "GET of all": (GetRequest(8, NAME, 0), Conformance.GET | Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET),
    "SET": (SetRequest(*CLOCK_TIME, b"\x00"), Conformance.SET),
    "SET, unconfirmed": (SetRequest(*CLOCK_TIME, b"\x00", confirmed=False), Conformance.SET),
    "SET of a part": (SetRequest(*CLOCK_TIME, b"\x00", PART), Conformance.SET | Conformance.SELECTIVE_ACCESS),
    "SET of all": (
        SetRequest(8, NAME, 0, b"\x00"),
        Conformance.SET | Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET,
    ),
    "ACTION": (ActionRequest(8, NAME, 1), Conformance.ACTION),
    "ACTION, unconfirmed": (ActionRequest(8, NAME, 1, confirmed=False), Conformance.ACTION),
    "GET, list": (
        RequestList([GetRequest(*CLOCK_TIME), GetRequest(*CLOCK_TIME, PART)]),
        Conformance.GET | Conformance.MULTIPLE_REFERENCES | Conformance.SELECTIVE_ACCESS,
    ),
    "ACTION, list": (
        RequestList([ActionRequest(8, NAME, 1)]),
        Conformance.ACTION | Conformance.MULTIPLE_REFERENCES,
    ),
    "ACCESS": (AccessRequest([GetRequest(*CLOCK_TIME)]), Conformance.ACCESS),
    "a confirmation": (DataNotificationConfirm(1), Conformance.DATA_NOTIFICATION),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_a_request_needs(name: str) -> None:
    request, services = REQUESTS[name]
    assert needed(request) == services
    assert missing(request, EVERYTHING) == []
    for service in services:
        assert missing(request, EVERYTHING & ~service) == [str(service.name).lower().replace("_", "-")]


def without(service: Conformance) -> Pair:
    """An association that has everything but this service."""
    profile = PROFILES["none"]
    pair = Pair(profile, client=server_client(profile, conformance=DEFAULT_CONFORMANCE & ~service))
    pair.associate()
    return pair


CASES = [(name, service) for name, (_, services) in REQUESTS.items() for service in services]


@pytest.mark.proves("not-negotiated")
@pytest.mark.parametrize(("name", "service"), CASES, ids=[f"{name}, {it.name}" for name, it in CASES])
def test_nothing_is_sent_without_it(name: str, service: Conformance) -> None:
    pair = without(service)
    sent = pair.session.channel.statistics["octets_sent"]
    with pytest.raises(NotNegotiated, match=str(service.name).lower().replace("_", "-")) as error:
        pair.session.send(REQUESTS[name][0])
    assert isinstance(error.value, LocalProtocolError)
    assert pair.session.channel.statistics["octets_sent"] == sent
    # The association is as good as before, and no invoke id is taken.
    if not Conformance.GET & service:
        assert pair.get().result == 0


@pytest.mark.proves("not-negotiated")
def test_many_at_once_are_not_sent_without_it() -> None:
    request = ActionRequest(8, NAME, 1, confirmed=False)
    pair = without(Conformance.ACTION)
    sent = pair.session.channel.statistics["octets_sent"]
    with pytest.raises(NotNegotiated, match="action"):
        pair.session.send_many([request, request])
    assert pair.session.channel.statistics["octets_sent"] == sent
    assert pair.session.send_many([]) == b""
    assert len(without(Conformance.ACCESS).session.send_many([request])) > 8


@pytest.mark.proves("not-negotiated")
@pytest.mark.parametrize("name", ["GET", "GET of a part", "SET", "ACTION", "GET, list"])
def test_a_client_that_sends_it_all_the_same_is_told(name: str) -> None:
    request, services = REQUESTS[name]
    pair = without(max(services, key=lambda service: service.value))
    answer = pair.meter.receive(wrap(_confirmed(request)))
    refusal = decode_apdu(unwrap(answer), "server")
    assert isinstance(refusal, ExceptionResponse)
    assert refusal.service_error == 2
    assert pair.meter.events[-1] == RequestRefused(1, "not-negotiated")
    assert pair.meter.requests == []


def _confirmed(request: Any) -> bytes:
    """Its octets with an invoke id, confirmed."""
    octets = bytearray(request.encode())
    octets[2] = 0xC1
    return bytes(octets)
