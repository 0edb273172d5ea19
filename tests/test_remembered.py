"""What the journal remembers of meters: the challenges they have used, and which of them share a key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dlms_fw.errors import AuthenticationError, SecurityError
from dlms_fw.journal import CHALLENGES_KEPT, Journal
from dlms_fw.ledger import Ledger
from dlms_fw.profiles import Profile
from dlms_fw.session.client import ClientSession
from dlms_fw.session.states import State
from harness import (
    METER_TITLE,
    PROFILES,
    Challenges,
    MeterCounters,
    Responder,
    client_framing,
    server_client,
)

OTHER_METER = bytes.fromhex("4D43530460BC6150")


def associate(
    profile: Profile,
    journal: Journal,
    challenge: Callable[[], bytes],
    *,
    title: bytes = METER_TITLE,
    counters: MeterCounters | None = None,
    place: str = "tcp://meter",
) -> ClientSession:
    """One association with one meter, as a driver does it."""
    meter = Responder({1: server_client(profile)}, challenge=challenge, system_title=title, counters=counters)
    ledger = Ledger(replace(profile, first_invocation_counter=1), journal, place=place)
    ledger.acquire()
    try:
        session = ledger.session(client_framing(profile), Challenges(7))
        session.connect()
        data = session.associate()
        while data:
            _, data = session.receive(meter.receive(data))
        assert session.state is State.ASSOCIATED
        ledger.verify(session)
        ledger.note(session)
        return session
    finally:
        ledger.release()


def fixed(challenge: bytes) -> Callable[[], bytes]:
    return lambda: challenge


@pytest.mark.fault("S-13")
@pytest.mark.parametrize("way", ["gmac", "gmac clear"])
def test_a_challenge_that_comes_again(tmp_path: Path, way: str) -> None:
    counters = MeterCounters()
    with Journal(tmp_path / "journal") as journal:
        associate(PROFILES[way], journal, fixed(b"constant"), counters=counters)
        associate(PROFILES[way], journal, fixed(b"another one"), counters=counters)
    with Journal(tmp_path / "journal") as journal:  # on the disk
        with pytest.raises(AuthenticationError, match="used this challenge before") as caught:
            associate(PROFILES[way], journal, fixed(b"constant"), counters=counters)
        assert caught.value.kind == "challenge"
        associate(PROFILES[way], journal, fixed(b"constant"), title=OTHER_METER)  # another meter may
    assert b"constant" not in (tmp_path / "journal").read_bytes()


@pytest.mark.fault("S-13")
def test_a_meter_without_a_title_is_known_by_its_place(tmp_path: Path) -> None:
    from test_mechanisms import profile

    md5 = profile("hls-md5", ciphered=False)
    with Journal(tmp_path / "journal") as journal:
        associate(md5, journal, fixed(b"constant"))
        associate(md5, journal, fixed(b"constant"), place="tcp://another")
        with pytest.raises(AuthenticationError, match="used this challenge before"):
            associate(md5, journal, fixed(b"constant"))


@pytest.mark.fault("S-13")
def test_only_a_meter_that_proves_itself_is_remembered(tmp_path: Path) -> None:
    """Who cannot prove itself cannot push genuine challenges out of the memory."""
    from dlms_fw._core import Key
    from test_mechanisms import profile

    md5 = profile("hls-md5", ciphered=False)
    with Journal(tmp_path / "journal") as journal:
        meter = Responder({1: server_client(md5, secret=Key(b"no"))}, challenge=fixed(b"constant"))
        session = Ledger(md5, journal, place="tcp://meter").session(client_framing(md5), Challenges())
        session.connect()
        _, pass_3 = session.receive(meter.receive(session.associate()))
        with pytest.raises(AuthenticationError):
            session.receive(meter.receive(pass_3))
        assert not journal.has_challenge("tcp://meter", b"constant")


@pytest.mark.fault("S-13")
def test_the_last_thousand_are_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal._pragma("synchronous = OFF")  # 1,000 writes; what is tested is which of them stay
        for number in range(CHALLENGES_KEPT + 2):
            journal.note_challenge("m", number.to_bytes(8))
        journal.note_challenge("other", b"x")
        assert not journal.has_challenge("m", (0).to_bytes(8))
        assert not journal.has_challenge("m", (1).to_bytes(8))
        assert journal.has_challenge("m", (2).to_bytes(8))
        assert journal.has_challenge("m", (CHALLENGES_KEPT + 1).to_bytes(8))
        assert journal.has_challenge("other", b"x")


def test_a_journal_that_was_made_without_challenges(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal._db.execute("DROP TABLE challenges")
    with Journal(path, read_only=True) as journal:
        assert journal.runs() == []
    with Journal(path) as journal:
        journal.note_challenge("m", b"x")
        assert journal.has_challenge("m", b"x")


@pytest.mark.fault("S-31")
def test_a_key_that_many_meters_share(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gmac = PROFILES["gmac"]
    with Journal(tmp_path / "journal") as journal:
        associate(gmac, journal, Challenges(100))
        assert not caplog.records
        associate(gmac, journal, Challenges(200), title=OTHER_METER)
        (warning,) = caplog.records
        assert warning.levelno == logging.WARNING
        assert "can pose as all of them" in warning.getMessage()
        assert OTHER_METER.hex().upper() in warning.getMessage()
        strict = replace(gmac, strict_keys=True)
        with pytest.raises(SecurityError, match="strict_keys") as caught:
            associate(strict, journal, Challenges(300), title=OTHER_METER)
        assert caught.value.kind == "shared-key"
        with pytest.raises(SecurityError, match="strict_keys"):  # before anything is sent
            Ledger(replace(strict, meter_system_title=METER_TITLE), journal).acquire()
        journal.forget_meter(OTHER_METER)
        associate(strict, journal, Challenges(400), counters=counters_above())


def counters_above() -> MeterCounters:
    """A meter that goes on above the counters it had used before."""
    counters = MeterCounters()
    key = PROFILES["gmac"].keys.global_unicast_encryption_key
    assert key is not None
    counters.reserved_to[key.fingerprint] = 10_000
    return counters
