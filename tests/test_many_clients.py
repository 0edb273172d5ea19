"""Several clients on one link to a meter, links that come and go, and whatever strangers send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw._core import (
    ActionRequest,
    AssociationRequest,
    AssociationResponse,
    GetRequest,
    GetResponse,
    InitiateRequest,
    Key,
    ReleaseRequest,
    SecurityContext,
)
from dlms_fw.errors import LinkError
from dlms_fw.session.client import ClientSession
from dlms_fw.session.events import AssociationEnded
from dlms_fw.session.server import ServerClient
from dlms_fw.session.states import State
from harness import (
    AUTHENTICATION_KEY,
    BROADCAST_KEY,
    BROADCAST_KEYS,
    CLIENT_TITLE,
    CLOCK_TIME,
    FULL,
    METER_TITLE,
    PROFILES,
    UNICAST_KEY,
    Challenges,
    ClientCounters,
    Pair,
    Responder,
    client_framing,
    server_client,
    unwrap,
    wrap,
)

GET = GetRequest(*CLOCK_TIME, invoke_id_and_priority=0xC1)
FINGERPRINT = Key(UNICAST_KEY).fingerprint


class TestManyClients:
    """Several clients on one link, and none of them gets what another has."""

    def test_side_by_side(self) -> None:
        profiles = {
            1: PROFILES["gmac"],
            2: replace(PROFILES["lls"], client_sap=2),
            16: replace(PROFILES["none"], client_sap=16),
        }
        clients: dict[int, ServerClient] = {sap: server_client(profile) for sap, profile in profiles.items()}
        clients[102] = ServerClient(
            keys=BROADCAST_KEYS,
            security_policy=FULL,
            pre_established=True,
            client_system_title=CLIENT_TITLE,
        )
        meter = Responder(clients)
        sessions = {
            sap: ClientSession(
                client_framing(profile), profile, challenge=Challenges(), counters=ClientCounters()
            )
            for sap, profile in profiles.items()
        }
        for session in sessions.values():
            session.connect()
            answer = meter.receive(session.associate())
            while answer:
                _, data = session.receive(answer)
                answer = meter.receive(data) if data else b""
            assert session.state is State.ASSOCIATED
        broadcast = SecurityContext(
            0,
            FULL,
            system_title=CLIENT_TITLE,
            peer_system_title=METER_TITLE,
            global_broadcast_encryption_key=BROADCAST_KEYS.global_broadcast_encryption_key,
            authentication_key=Key(AUTHENTICATION_KEY),
            invocation_counter=1,
            counter_limit=100,
        )
        for _ in range(3):
            for sap, session in sessions.items():
                (event,), _ = session.receive(meter.receive(session.send(GetRequest(*CLOCK_TIME))))
                assert isinstance(event, GetResponse), sap
                unconfirmed = ActionRequest(
                    18, bytes(6), 2, b"\0", confirmed=False, invoke_id_and_priority=0x81
                )
                assert meter.receive(wrap(broadcast.seal(unconfirmed.encode()), 102)) == b""
        assert [sap for sap, _ in meter.requests] == [1, 102, 2, 102, 16, 102] * 3
        assert meter.counters.last == {
            FINGERPRINT: 5,
            Key(BROADCAST_KEY).fingerprint: 9,
        }

    def test_in_one_piece(self) -> None:
        """Messages of two clients in one read: the first is answered to the first."""
        meter = Responder(
            {
                1: server_client(PROFILES["none"]),
                16: server_client(PROFILES["none"]),
            }
        )
        aarq = AssociationRequest(1, InitiateRequest(0x1F, 1024).encode()).encode()
        answer = meter.receive(
            wrap(aarq, 1) + wrap(aarq, 16) + wrap(GET.encode(), 1) + wrap(GET.encode(), 16)
        )
        saps = []
        while answer:
            length = 8 + int.from_bytes(answer[6:8], "big")
            saps.append((answer[5], answer[8]))
            answer = answer[length:]
        assert saps == [(1, 0x61), (16, 0x61), (1, 0xC4), (16, 0xC4)]
        assert [sap for sap, _ in meter.requests] == [1, 16]

    def test_a_pre_established_client(self) -> None:
        meter = Responder(
            {
                102: ServerClient(
                    keys=BROADCAST_KEYS,
                    security_policy=FULL,
                    pre_established=True,
                    client_system_title=CLIENT_TITLE,
                )
            }
        )
        assert meter.receive(wrap(GET.encode(), 102)) == b"", "in clear"
        assert meter.receive(wrap(b"\xcb\x00", 102)) == b"", "nonsense"
        assert meter.receive(wrap(ReleaseRequest(0).encode(), 102)) == b"", "cannot be released"
        aarq = AssociationRequest(1, InitiateRequest(0x1F, 1024).encode()).encode()
        answer = AssociationResponse.decode(unwrap(meter.receive(wrap(aarq, 102))))
        assert answer.result == 1
        assert meter.session.state is State.ASSOCIATED
        assert not meter.requests

    def test_many_strangers_leave_nothing_behind(self) -> None:
        meter = Responder({1: server_client(PROFILES["none"])})
        aarq = AssociationRequest(1, InitiateRequest(0x1F, 1024).encode()).encode()
        meter.receive(wrap(aarq))
        for sap in range(2, 200):
            assert AssociationResponse.decode(unwrap(meter.receive(wrap(aarq, sap)))).result == 1
        assert len(meter.session._associations) <= 16
        assert unwrap(meter.receive(wrap(GET.encode())))[0] == 0xC4


class TestEnds:
    def test_the_link_comes_again(self) -> None:
        pair = Pair(PROFILES["gmac"], hdlc=True)
        pair.associate()
        fresh = Pair(PROFILES["gmac"], hdlc=True, first_counter=500)
        fresh.meter = pair.meter
        fresh.associate()
        assert AssociationEnded(1, "link") in pair.meter.events
        assert fresh.get().result == 0

    def test_the_medium_goes(self) -> None:
        pair = Pair(PROFILES["gmac"])
        pair.associate()
        pair.meter.close()
        assert pair.meter.events[-1] == AssociationEnded(1, "closed")
        assert pair.meter.session.close() == []


@pytest.mark.parametrize("name", ["none", "gmac"])
@given(data=st.lists(st.binary(max_size=60), max_size=6), framed=st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_from_outside_raises_anything_else(name: str, data: list[bytes], *, framed: bool) -> None:
    pair = Pair(PROFILES[name])
    pair.associate()
    for piece in data:
        try:
            pair.meter.receive(wrap(piece) if framed and piece else piece)
        except LinkError:
            return
