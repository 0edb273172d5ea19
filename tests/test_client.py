"""The blocking client in virtual time: services, deadlines, counters, and what is never repeated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import (
    ActionResponse,
    DataNotification,
    DateTime,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    Key,
    SetResponse,
)
from dlms_fw.client import Client, connect
from dlms_fw.cosem import Clock, ImageTransfer
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    Busy,
    ConfigurationError,
    DlmsError,
    LocalProtocolError,
    ReplayError,
    ResponseTimeout,
    SecurityError,
    ServiceError,
    TransportError,
)
from dlms_fw.journal import Journal
from dlms_fw.notifications import PushedData
from dlms_fw.security import COUNTER_JUMP
from dlms_fw.session.events import AssociationEnded, AssociationFailed
from harness import (
    AUTHENTICATION_KEY,
    CLOCK_TIME,
    KEYS,
    METER_TITLE,
    PASSWORD,
    PROFILES,
    UNICAST_KEY,
    VirtualClock,
    server_client,
)
from meter_site import PUBLIC, Site, journal_at, nonces_are_unique

CLOCK = Clock("0-0:1.0.0.255")
FINGERPRINT = Key(UNICAST_KEY).fingerprint


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_at(tmp_path) as journal:
        yield journal


@pytest.fixture(params=[(way, hdlc) for way in PROFILES for hdlc in (False, True)], ids=str)
def site(request: pytest.FixtureRequest) -> Site:
    way, hdlc = request.param
    return Site(way, hdlc=hdlc)


class TestServices:
    def test_all_of_them(self, site: Site, journal: Journal) -> None:
        with site.client(journal) as client:
            assert client.association is not None
            assert isinstance(client.get(CLOCK.time), DateTime)
            client.set(CLOCK.time_zone, 60)
            assert client.action(CLOCK.adjust_to_quarter()) is None
            with pytest.raises(ServiceError, match="object undefined") as caught:
                client.get(ImageTransfer("0-0:44.0.0.255").image_block_size)
            assert caught.value.result == 4
            assert client.get(CLOCK.time) is not None
        assert site.connections[-1].closed
        assert site.events[-1] == AssociationEnded(1, "released")
        assert client.statistics.requests == 5
        assert client.statistics.associations == 1
        assert client.statistics.octets_sent > 100
        with pytest.raises(LocalProtocolError, match="not connected"):
            client.get(CLOCK.time)

    def test_results_in_words(self, journal: Journal) -> None:
        site = Site("none")
        with site.client() as client:
            (connection,) = site.connections
            answers: list[Any] = [
                GetResponse(99, invoke_id_and_priority=0xC1),
                SetResponse(3, invoke_id_and_priority=0xC2),
                ActionResponse(2, invoke_id_and_priority=0xC3),
                ActionResponse(0, data_result=3, invoke_id_and_priority=0xC4),
                ExceptionResponse(1, 6, invocation_counter=77),
            ]
            connection.answer = lambda _: answers.pop(0)  # type: ignore[method-assign]
            with pytest.raises(ServiceError, match="code 99"):
                client.get(CLOCK.time)
            with pytest.raises(ServiceError, match="read write denied"):
                client.set(CLOCK.time_zone, 60)
            with pytest.raises(ServiceError, match="temporary failure"):
                client.action(CLOCK.adjust_to_quarter())
            with pytest.raises(ServiceError, match="return parameters"):
                client.action(CLOCK.adjust_to_quarter())
            with pytest.raises(ServiceError, match="invocation counter error") as caught:
                client.get(CLOCK.time)
            assert caught.value.invocation_counter == 77

    def test_one_request_at_a_time(self) -> None:
        site = Site("none")
        client = site.client(on_notification=lambda _: client.get(CLOCK.time))
        client.connect()
        (connection,) = site.connections
        plain = connection.receive
        connection.receive = (  # type: ignore[method-assign]
            lambda data: connection.session.notify(DataNotification(1, b"", b"\0")) + plain(data)
        )
        with pytest.raises(LocalProtocolError, match="another request"):
            client.get(CLOCK.time)
        client.close()

    def test_notifications(self) -> None:
        site = Site("none")
        seen: list[Any] = []
        with site.client(on_notification=seen.append) as client:
            (connection,) = site.connections
            plain = connection.receive
            connection.receive = (  # type: ignore[method-assign]
                lambda data: connection.session.notify(DataNotification(1, b"", b"\0")) + plain(data)
            )
            client.get(CLOCK.time)
        assert [type(event) for event in seen[:1]] == [PushedData]

    def test_connect_gives_a_connected_client(self) -> None:
        site = Site("none")
        client = connect(site.url, site.profile, open_transport=site.open, clock=site.clock)
        assert client.association is not None
        with client:
            client.get(CLOCK.time)
        assert len(site.connections) == 1

    def test_long_answers(self, site: Site, journal: Journal) -> None:
        value = axdr.octet_string.encode(bytes(5000))
        with site.client(journal, replace(site.profile, max_pdu_size=200)) as client:
            site.connections[-1].values[CLOCK_TIME] = value
            response = client.exchange(GetRequest(*CLOCK_TIME))
            assert isinstance(response, GetResponse)
            assert response.data == value
        assert nonces_are_unique(site)


class TestDeadlines:
    @pytest.mark.fault("L-15")
    @pytest.mark.fault("S-24")
    def test_silence(self, site: Site, journal: Journal) -> None:
        client = site.client(journal)
        client.connect()
        begin, sent = site.clock.now, site.sent
        site.fate = lambda _: "silence"
        with pytest.raises(ResponseTimeout):
            client.get(CLOCK.time)
        waited = site.clock.now - begin
        assert waited <= site.profile.request_deadline_s
        assert waited == 30.0 or site.hdlc
        assert site.sent - sent == 1 or site.hdlc, "over a stream nothing is repeated"
        assert site.connections[-1].closed
        with pytest.raises(LocalProtocolError):
            client.get(CLOCK.time)
        site.fate = lambda _: ""
        client.connect()
        client.get(CLOCK.time)
        client.close()
        assert nonces_are_unique(site)

    @pytest.mark.fault("L-19")
    def test_a_slow_drip_does_not_go_on_for_ever(self) -> None:
        site = Site("none")
        client = site.client()
        client.connect()
        line = client._transport
        assert line is not None
        drip = iter(bytes.fromhex("0001000100010009C401C1000600000001") * 9)

        def sleep(seconds: float) -> None:
            VirtualClock.sleep(site.clock, min(seconds, 20.0))
            line.feed(bytes([next(drip)]) if seconds >= 20.0 else b"")  # type: ignore[attr-defined]

        line._sleep = sleep  # type: ignore[attr-defined]
        site.fate = lambda _: "silence"
        begin = site.clock.now
        with pytest.raises(ResponseTimeout):
            client.get(CLOCK.time)
        assert site.clock.now - begin <= 120.0

    def test_goodbye_is_short(self, journal: Journal) -> None:
        site = Site("gmac", hdlc=True)
        client = site.client(journal)
        client.connect()
        site.fate = lambda _: "silence"
        begin = site.clock.now
        client.close()
        assert site.clock.now - begin <= 30.0
        assert site.connections[-1].closed

    @pytest.mark.fault("L-19")
    @pytest.mark.parametrize("fate", ["lost request", "lost answer"])
    def test_a_connection_that_breaks(self, site: Site, journal: Journal, fate: str) -> None:
        client = site.client(journal)
        client.connect()
        cut = site.sent + 1
        site.fate = lambda n: fate if n == cut else ""
        with pytest.raises(TransportError):
            client.get(CLOCK.time)
        client.connect()
        client.get(CLOCK.time)
        client.close()
        assert nonces_are_unique(site)

    def test_nobody_there(self, journal: Journal) -> None:
        site = Site("gmac")
        site.unreachable = True
        with pytest.raises(TransportError), site.client(journal):
            pass
        other = Journal(journal.path)
        other.acquire(other.counters(FINGERPRINT, PROFILES["gmac"].system_title or b"").lease_name)
        other.close()


class TestCounters:
    @pytest.mark.fault("S-20")
    def test_a_new_journal_asks_the_meter(self, journal: Journal) -> None:
        site = Site("gmac")
        site.counters.last[FINGERPRINT] = 5000
        with site.client(journal) as client:
            client.get(CLOCK.time)
        assert site.saps() == [16, 1]
        assert client.statistics.counters_read == 1
        assert min(site.counters.history) == 5001
        with site.client(journal) as client:
            client.get(CLOCK.time)
        assert site.saps() == [16, 1, 1], "once"
        assert nonces_are_unique(site)

    def test_a_pinned_meter_that_is_new_is_asked(self, journal: Journal) -> None:
        site = Site("gmac")
        site.counters.last[FINGERPRINT] = 9000
        journal.reserve(FINGERPRINT, site.profile.system_title or b"", at_least=0, count=100)
        pinned = replace(site.profile, meter_system_title=METER_TITLE)
        with site.client(journal, pinned):
            assert site.saps() == [16, 1]
        with site.client(journal, pinned):
            assert site.saps() == [16, 1, 1]
        assert min(site.counters.history) == 9001

    def test_where_to_begin_can_be_said(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal, replace(site.profile, first_invocation_counter=777)):
            assert site.saps() == [1]
        assert min(site.counters.history) == 777

    @pytest.mark.parametrize("result", [3, 4])
    def test_a_meter_that_does_not_tell(
        self, journal: Journal, result: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        site = Site("gmac")
        site.counter_result = result
        with site.client(journal):
            assert site.saps() == [16, 1]
        assert min(site.counters.history) == 1
        assert "beginning with 1" in caplog.text

    def test_a_meter_without_public_client(self, journal: Journal) -> None:
        site = Site("gmac", clients={1: server_client(PROFILES["gmac"])})
        with site.client(journal):
            assert site.saps() == [16, 1]
        assert min(site.counters.history) == 1

    def test_a_link_that_breaks_while_asking(self, journal: Journal) -> None:
        """Nothing is begun by guess."""
        site = Site("gmac")
        site.fate = lambda n: "lost answer" if n == 2 else ""
        with pytest.raises(TransportError):
            site.client(journal).connect()
        assert site.saps() == [16]
        assert journal.reserved_to(FINGERPRINT, site.profile.system_title or b"") is None

    @pytest.mark.fault("S-25")
    def test_another_program_has_used_the_key(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal):
            pass
        site.counters.last[FINGERPRINT] = 50_000
        with site.client(journal) as client:
            client.get(CLOCK.time)
        assert client.statistics.associations == 1
        assert site.saps() == [16, 1, 1, 1], "one try more, and no question: the refusal said the counter"
        assert nonces_are_unique(site)

    def test_a_proof_with_a_counter_that_is_too_low(self, journal: Journal) -> None:
        """Messages are not protected, so the proof is the first that shows the meter a counter."""
        site = Site("gmac clear")
        with site.client(journal):
            pass
        site.counters.last[FINGERPRINT] = 50_000
        with site.client(journal) as client:
            client.get(CLOCK.time)
        assert client.statistics.counters_read == 1
        assert site.saps() == [16, 1, 1, 16, 1]
        assert site.counters.history[-1] == 50_001
        assert nonces_are_unique(site)

    def test_a_proof_that_is_refused_for_another_reason(self, journal: Journal) -> None:
        """The meter's counter is not above ours: a proof is not made again, as meters count wrong ones."""
        site = Site("gmac clear")
        with site.client(journal):
            pass
        wrong = replace(KEYS, authentication_key=Key(bytes(16)))
        begin = len(site.connections)
        with pytest.raises(AuthenticationError) as caught:
            site.client(journal, replace(site.profile, keys=wrong)).connect()
        assert caught.value.kind == "proof-refused"
        assert site.saps()[begin:] == [1, 16]

    def test_a_refused_proof_behind_protected_messages(self, journal: Journal) -> None:
        """What protects the messages has shown that the counter is high enough."""
        profile = replace(PROFILES["gmac"], mechanism=6, password=Key(b"the secret of both"))
        site = Site(clients={1: server_client(profile), **PUBLIC})
        with site.client(journal, profile):
            pass
        begin = len(site.connections)
        with pytest.raises(AuthenticationError) as caught:
            site.client(journal, replace(profile, password=Key(b"a secret of nobody"))).connect()
        assert caught.value.kind == "proof-refused"
        assert site.saps()[begin:] == [1]

    def test_a_little_ahead_is_enough(self, journal: Journal) -> None:
        """The meter's counter lies within the range that the failed try had reserved."""
        site = Site("gmac")
        with site.client(journal):
            pass
        title = site.profile.system_title or b""
        reserved = journal.reserved_to(FINGERPRINT, title)
        assert reserved is not None
        site.counters.last[FINGERPRINT] = reserved + 10
        with site.client(journal) as client:
            client.get(CLOCK.time)
        assert nonces_are_unique(site)

    @pytest.mark.fault("S-23")
    def test_absurdly_far_ahead(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal):
            pass
        site.counters.last[FINGERPRINT] = 3 * COUNTER_JUMP
        before = journal.reserved_to(FINGERPRINT, site.profile.system_title or b"")
        with pytest.raises(SecurityError) as caught:
            site.client(journal).connect()
        assert caught.value.kind == "counter-jump"
        after = journal.reserved_to(FINGERPRINT, site.profile.system_title or b"")
        assert after is not None
        assert before is not None
        assert after - before <= 256

    @pytest.mark.fault("S-25")
    def test_a_meter_that_is_never_satisfied(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal):
            pass
        ahead = iter(range(10_000, 10_000_000, 10_000))
        site.counters.last_accepted = lambda _: next(ahead)  # type: ignore[method-assign]
        begin = len(site.connections)
        with pytest.raises(ReplayError):
            site.client(journal).connect()
        assert len(site.connections) - begin == 2

    def test_the_meters_counter_never_lowers_ours(self, journal: Journal) -> None:
        site = Site("gmac")
        title = site.profile.system_title or b""
        journal.reserve(FINGERPRINT, title, at_least=70_000, count=1)
        site.counters.last[FINGERPRINT] = 5
        pinned = replace(site.profile, meter_system_title=METER_TITLE)
        with site.client(journal, pinned):
            assert site.saps() == [16, 1]
        assert min(site.counters.history) == 70_001

    @pytest.mark.fault("S-04")
    def test_a_meter_whose_counter_went_back(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal) as client:
            client.get(CLOCK.time)
        site.counters.reserved_to.clear()
        with pytest.raises(ReplayError, match="not above the last one seen"):
            site.client(journal).connect()
        with site.client(journal, replace(site.profile, trust_meter_counter_reset=True)) as client:
            client.get(CLOCK.time)

    @pytest.mark.fault("S-20")
    def test_an_old_copy_of_the_journal_is_put_back(self, tmp_path: Path) -> None:
        """The meter refuses what it has seen, and the stream goes on above it."""
        site = Site("gmac")
        file = tmp_path / "journal.sqlite3"
        with journal_at(tmp_path) as journal, site.client(journal):
            pass
        copy = file.read_bytes()
        with journal_at(tmp_path) as journal, site.client(journal) as client:
            client.get(CLOCK.time)
        file.write_bytes(copy)
        with journal_at(tmp_path) as journal, site.client(journal) as client:
            client.get(CLOCK.time)
        assert site.saps() == [16, 1, 1, 1, 1], "refused once"
        assert nonces_are_unique(site)

    def test_keys_without_a_journal(self) -> None:
        with pytest.raises(ConfigurationError, match="journal"):
            Site("gmac").client()

    @pytest.mark.fault("S-21")
    def test_two_owners_of_a_key(self, journal: Journal) -> None:
        site = Site("gmac")
        with site.client(journal), Journal(journal.path) as other:
            with pytest.raises(Busy):
                site.client(other).connect()
            with site.client(journal):
                pass
        with Journal(journal.path) as other, site.client(other):
            pass


class TestNeverRepeated:
    @pytest.mark.fault("S-38")
    def test_a_wrong_password(self, journal: Journal) -> None:
        site = Site("lls")
        wrong = replace(site.profile, password=Key(b"wrong"))
        with pytest.raises(AssociationRejected, match="authentication failure"):
            site.client(journal, wrong).connect()
        assert site.events.count(AssociationFailed(1, "password")) == 1

    @pytest.mark.fault("S-38")
    @pytest.mark.parametrize("way", ["gmac", "gmac clear", "lls ciphered"])
    def test_a_wrong_key(self, journal: Journal, way: str) -> None:
        site = Site(way)
        wrong = replace(site.profile, keys=replace(KEYS, authentication_key=Key(bytes(16))))
        with site.client(journal):
            pass
        begin = len(site.events)
        with pytest.raises(AuthenticationError):
            site.client(journal, wrong).connect()
        failures = [event for event in site.events[begin:] if isinstance(event, AssociationFailed)]
        assert len(failures) == 1


@pytest.mark.fault("S-28")
def test_no_secret_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[bytes] = []
    for way, profile in PROFILES.items():
        site = Site(way)
        with journal_at(tmp_path / way) as journal:
            with site.client(journal) as client:
                client.get(CLOCK.time)
                shown.append(repr(vars(client)).encode())
            keys = replace(KEYS, authentication_key=Key(UNICAST_KEY))
            shown.append(told(site.client(journal, replace(profile, password=Key(PASSWORD[::-1])))))
            shown.append(told(site.client(journal, replace(profile, keys=keys))))
    shown += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    shown.append(caplog.text.encode())
    everything = b"\n".join(shown).lower()
    for secret in (UNICAST_KEY, AUTHENTICATION_KEY, PASSWORD, PASSWORD[::-1]):
        for form in (secret, secret.hex().encode(), secret.hex(" ").encode(), repr(secret).encode()[2:-1]):
            assert form.lower() not in everything


def told(client: Client) -> bytes:
    """All that an attempt to connect says when it fails."""
    try:
        client.connect()
    except DlmsError as error:
        return f"{error!r} {error} {error.hint} {vars(error)} {error.__cause__!r}".encode()
    client.close()
    return b""
