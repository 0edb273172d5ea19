"""The main job through both drivers: links that break, clients that die, and no number used twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import Key
from dlms_fw.errors import (
    AuthenticationError,
    Busy,
    DlmsError,
    JournalError,
    TransferError,
    TransferIncomplete,
)
from dlms_fw.events import Event, Finished, LinkLost
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferPolicy, TransferResult
from harness import PROFILES
from meter_site import Killed, Site, WiredMeter, journal_at, nonces_are_unique
from scripted_meter import NEW, raw_image

IMAGE = raw_image(740)
POLICY = TransferPolicy(identifier_octets=6, allow_insecure=True, strategy="sequential")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_at(tmp_path) as journal:
        yield journal


def upgrade(
    site: Site, journal: Journal | None, *, asynchronous: bool = False, **options: Any
) -> TransferResult:
    """One run of either driver."""
    events: list[Event] = []
    options.setdefault("on_event", events.append)
    if asynchronous:
        return asyncio.run(_upgrade(site, journal, options))
    with site.client(journal) as client:
        return client.upgrade(IMAGE, POLICY, **options)


async def _upgrade(site: Site, journal: Journal | None, options: dict[str, Any]) -> TransferResult:
    async with site.async_client(journal) as client:
        return await client.upgrade(IMAGE, POLICY, **options)


def sites() -> list[Any]:
    return [
        pytest.param(way, hdlc, asynchronous, id=f"{way} {'hdlc' * hdlc}{' async' * asynchronous}")
        for way in ("none", "lls", "gmac", "gmac authenticated")
        for hdlc in (False, True)
        for asynchronous in (False, True)
    ]


@pytest.mark.parametrize(("way", "hdlc", "asynchronous"), sites())
@pytest.mark.proves("image-transfer-steps")
def test_from_beginning_to_end(journal: Journal, way: str, *, hdlc: bool, asynchronous: bool) -> None:
    site = Site(way, hdlc=hdlc, meter=WiredMeter())
    result = upgrade(site, journal, asynchronous=asynchronous)
    assert result.outcome == "activated"
    assert site.meter is not None
    assert site.meter.holds(IMAGE)
    assert site.meter.active == [NEW]
    assert site.meter.blocks_taken == list(range(12))
    assert nonces_are_unique(site)
    again = upgrade(site, journal, asynchronous=asynchronous)
    assert (again.outcome, again.changed) == ("already-current", False)
    assert site.meter.activations == 1


@pytest.mark.fault("T-35")
@pytest.mark.fault("L-15")
@pytest.mark.fault("L-18")
@pytest.mark.parametrize("fate", ["lost request", "lost answer", "silence"])
@pytest.mark.parametrize(("way", "hdlc"), [("gmac", False), ("gmac", True), ("none", False)])
@pytest.mark.proves("image-transfer-resume")
def test_the_link_breaks_at_every_piece(tmp_path: Path, way: str, fate: str, *, hdlc: bool) -> None:
    whole = Site(way, hdlc=hdlc, meter=WiredMeter(), max_info=512)
    with journal_at(tmp_path / "whole") as journal, whole.client(journal) as client:
        connected = whole.sent
        client.upgrade(IMAGE, POLICY)
        last = whole.sent
    for cut in range(connected + 2, last, 1 if fate == "lost answer" else 3):
        site = Site(way, hdlc=hdlc, meter=WiredMeter(), max_info=512)
        site.fate = lambda n, cut=cut: fate if n == cut else ""  # type: ignore[misc]
        with journal_at(tmp_path / str(cut)) as journal:
            result = upgrade(site, journal)
        assert result.outcome in {"activated", "already-current"}, cut
        assert site.meter is not None
        assert site.meter.active == [NEW]
        assert site.meter.initiations <= 2
        assert len(site.meter.blocks_taken) <= 12 + 1, "at most the block in flight comes again"
        assert site.meter.activations == 1
        assert nonces_are_unique(site)


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_client_dies_at_every_piece(tmp_path: Path, *, asynchronous: bool) -> None:
    whole = Site("gmac", meter=WiredMeter())
    with journal_at(tmp_path / "whole") as journal:
        upgrade(whole, journal)
    for death in range(3, whole.sent - 3, 3 if asynchronous else 1):
        site = Site("gmac", meter=WiredMeter())
        site.fate = lambda n, death=death: "killed" if n == death else ""  # type: ignore[misc]
        with journal_at(tmp_path / str(death)) as journal, pytest.raises(Killed):
            upgrade(site, journal, asynchronous=asynchronous)
        site.clock.sleep(60)
        with journal_at(tmp_path / str(death)) as journal:
            result = upgrade(site, journal, asynchronous=asynchronous)
        assert result.outcome in {"activated", "already-current"}, death
        assert site.meter is not None
        assert site.meter.active == [NEW]
        assert site.meter.initiations <= 2, "again only where no block can have been sent"
        assert len(site.meter.blocks_taken) <= 12 + 1
        assert site.meter.activations == 1
        assert nonces_are_unique(site)


@pytest.mark.fault("T-35")
def test_the_meter_drops_the_association_all_the_time(journal: Journal) -> None:
    site = Site("gmac", meter=WiredMeter())
    site.fate = lambda n: "lost answer" if n % 9 == 0 else ""
    result = upgrade(site, journal)
    assert result.outcome == "activated"
    assert result.link_losses >= 3
    assert nonces_are_unique(site)


def test_a_link_that_never_comes_back(journal: Journal) -> None:
    site = Site("gmac", meter=WiredMeter())
    events: list[Event] = []

    def fate(n: int) -> str:
        site.unreachable = n >= 12
        return "lost answer" if n == 12 else ""

    site.fate = fate
    with pytest.raises(TransferIncomplete) as caught:
        upgrade(site, journal, on_event=events.append)
    assert caught.value.retryable
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, LinkLost) for event in events) > 3
    site.unreachable = False
    site.fate = lambda _: ""
    assert upgrade(site, journal).outcome == "activated"
    assert site.meter is not None
    assert site.meter.initiations == 1


@pytest.mark.fault("T-11")
@pytest.mark.fault("S-38")
def test_keys_that_change_in_the_middle_are_not_tried_again(journal: Journal) -> None:
    site = Site("gmac", meter=WiredMeter())
    events: list[Event] = []

    def fate(n: int) -> str:
        if n == 14:
            changed = replace(PROFILES["gmac"].keys, authentication_key=Key(bytes(16)))
            site.clients[1] = replace(site.clients[1], keys=changed)
            return "lost answer"
        return ""

    site.fate = fate
    before = len(site.connections)
    with pytest.raises(AuthenticationError):
        upgrade(site, journal, on_event=events.append)
    refused = [event for event in site.events if type(event).__name__ == "AssociationFailed"]
    assert len(refused) == 1
    assert len(site.connections) - before <= 5
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.error_code is not None
    assert last.error_code.startswith("security")


@pytest.mark.fault("T-33")
def test_two_clients_of_one_meter(journal: Journal) -> None:
    site = Site("none", meter=WiredMeter())
    with site.client(journal) as first:
        meter = first.meter_identity()
        with Journal(journal.path) as other, other.lease(f"meter {meter}"), pytest.raises(Busy):
            first.upgrade(IMAGE, POLICY)
    assert site.meter is not None
    assert site.meter.initiations == 0


@pytest.mark.fault("R-04")
def test_a_journal_that_cannot_be_written_stops_before_sending(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site("none", meter=WiredMeter())
    events: list[Event] = []

    def full(*_: Any) -> None:
        raise JournalError("no space", code="journal.full")

    monkeypatch.setattr(journal, "save_checkpoint", full)
    with pytest.raises(JournalError):
        upgrade(site, journal, on_event=events.append)
    assert site.meter is not None
    assert site.meter.blocks_taken == []
    assert site.meter.initiations == 0
    assert isinstance(events[-1], Finished)


def test_without_a_journal_there_is_no_resume(journal: Journal) -> None:
    site = Site("none", meter=WiredMeter())
    site.fate = lambda n: "killed" if n == 14 else ""
    with pytest.raises(Killed):
        upgrade(site, None)
    site.fate = lambda _: ""
    with pytest.raises(TransferError) as caught:
        upgrade(site, None)
    assert caught.value.code == "transfer.foreign"


def test_the_meter_type_of_the_profile_counts(journal: Journal) -> None:
    site = Site("none", meter=WiredMeter())
    other = replace(site.profile, meter_type="MCS999")
    with site.client(journal, other) as client, pytest.raises(DlmsError) as caught:
        client.upgrade(IMAGE, POLICY)
    assert caught.value.code == "image.meter-type"
    assert site.meter is not None
    assert site.meter.writes == []


def test_the_identity_of_a_meter(journal: Journal) -> None:
    with Site("gmac").client(journal) as client:
        assert client.meter_identity() == "4D43530460BC614E"
    site = Site("none")
    with site.client(journal) as client:
        assert client.meter_identity() == "tcp://meter.example:4059"
        name = b"MCS0040612345678"
        values = site.connections[-1].values
        values[(1, bytes((0, 0, 42, 0, 0, 255)), 2)] = axdr.octet_string.encode(name)
        assert client.meter_identity() == name.hex().upper()
