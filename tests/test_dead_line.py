"""A line that goes dead after any octet, in virtual time: every wait ends, and the upgrade gets there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dlms_fw.errors import TransportError
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from meter_site import Site, SiteResponder, WiredMeter, journal_at, nonces_are_unique
from scripted_meter import NEW, raw_image

IMAGE = raw_image(740)
BLOCKS = 12
POLICY = TransferPolicy(identifier_octets=6, allow_insecure=True)
LONGEST_S = 120.0 + 60.0 * (POLICY.confirm_looks + 1)
"""One request without an answer and the longest pause after it; where it was the order to activate, also the
looks until the old firmware is believed."""

SAMPLE = 9
"""How many places are tried of each kind in a normal run; they begin at another octet every day."""


class MortalSite(Site):
    """A site whose line lets some octets through, both ways together, and then dies once.

    Attributes:
        left: Octets that still get through; ``None`` for all.
        silently: Dead means that nothing comes any more; otherwise the connection is closed.
        carried: Octets that got through so far.
    """

    def __init__(self, way: str, *, hdlc: bool, left: int | None = None, silently: bool = False) -> None:
        super().__init__(way, hdlc=hdlc, meter=WiredMeter(), max_info=512)
        self.left = left
        self.silently = silently
        self.carried = 0

    def open(self, deadline: float) -> MortalLine:  # type: ignore[override]
        self.connections.append(SiteResponder(self))
        return MortalLine(self)

    def burn(self, data: bytes) -> bytes:
        """What of ``data`` gets through."""
        if self.left is not None:
            data = data[: self.left]
            self.left -= len(data)
        self.carried += len(data)
        return data


class MortalLine(LoopbackTransport):
    """One connection of such a site."""

    def __init__(self, site: MortalSite) -> None:
        super().__init__(site.connections[-1], clock=site.clock, sleep=site.clock.sleep)
        self._site = site
        self._dead = False

    def send(self, data: bytes, deadline: float) -> None:
        if self._dead:
            if not self._site.silently:
                super().send(data, deadline)
            return
        allowed = self._site.burn(data)
        if allowed:
            super().send(allowed, deadline)
        self._die_after(data, allowed)

    def feed(self, data: bytes) -> None:
        if not self._dead:
            allowed = self._site.burn(data)
            super().feed(allowed)
            self._die_after(data, allowed)

    def _die_after(self, data: bytes, allowed: bytes) -> None:
        if len(allowed) < len(data):
            self._dead = True
            self._site.left = None
            if not self._site.silently:
                self.close()


def whole(way: str, folder: Path, *, hdlc: bool) -> MortalSite:
    """An upgrade without a fault, to know how long it is."""
    site = MortalSite(way, hdlc=hdlc)
    with journal_at(folder) as journal, site.client(journal) as client:
        assert client.upgrade(IMAGE, POLICY).outcome == "activated"
    return site


def dies_after(octets: int, way: str, folder: Path, healthy: MortalSite, *, silently: bool) -> None:
    """One upgrade over a line that dies at this place."""
    site = MortalSite(way, hdlc=healthy.hdlc, left=octets, silently=silently)
    assert site.meter is not None
    place = f"dead after {octets} octets"
    with journal_at(folder / str(octets)) as journal:
        try:
            with site.client(journal) as client:
                result = client.upgrade(IMAGE, POLICY)
        except TransportError:
            # The first association is the caller's own to try again; a transfer goes on by itself.
            assert site.meter.initiations == 0, place
            with site.client(journal) as client:
                result = client.upgrade(IMAGE, POLICY)
    assert result.outcome in {"activated", "already-current"}, place
    assert site.meter.active == [NEW], place
    assert site.meter.activations == 1, place
    assert site.meter.initiations <= 2, place
    assert len(site.meter.blocks_taken) <= BLOCKS + 1, place
    assert nonces_are_unique(site), place
    assert site.clock.now - healthy.clock.now <= LONGEST_S, place


WAYS = pytest.mark.parametrize(("way", "hdlc"), [("gmac", False), ("gmac", True), ("none", False)])
DEATHS = pytest.mark.parametrize("silently", [False, True], ids=["closed", "silent"])


@pytest.mark.fault("L-15")
@WAYS
@DEATHS
def test_sampled_octets(tmp_path: Path, way: str, *, hdlc: bool, silently: bool) -> None:
    healthy = whole(way, tmp_path / "whole", hdlc=hdlc)
    step = healthy.carried // SAMPLE
    for octets in range(date.today().toordinal() % step, healthy.carried, step):
        dies_after(octets, way, tmp_path, healthy, silently=silently)


@pytest.mark.soak
@WAYS
@DEATHS
def test_every_octet(tmp_path: Path, way: str, *, hdlc: bool, silently: bool) -> None:
    healthy = whole(way, tmp_path / "whole", hdlc=hdlc)
    for octets in range(healthy.carried):
        dies_after(octets, way, tmp_path, healthy, silently=silently)
