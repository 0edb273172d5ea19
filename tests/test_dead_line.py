"""A line that goes dead after any octet, in virtual time: every wait ends, and the upgrade gets there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from dlms_fw.errors import TransportError
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import Break, Cut, LinkProfile, VirtualLine, VirtualTransport
from harness import VirtualClock
from meter_site import Site, SiteResponder, WiredMeter, journal_at, nonces_are_unique
from scripted_meter import NEW, raw_image

AT_ONCE = LinkProfile(name="line", flavour="line", rate=1e12)
IMAGE = raw_image(740)
BLOCKS = 12
POLICY = TransferPolicy(identifier_octets=6, allow_insecure=True)
LONGEST_S = 120.0 + 60.0 * (POLICY.confirm_looks + 1)
"""One request without an answer and the longest pause after it; where it was the order to activate, also the
looks until the old firmware is believed."""

SAMPLE = 9
"""How many places are tried of each kind in a normal run; they begin at another octet every day."""


class MortalSite(Site):
    """A site whose line lets some octets through, both ways together, and then dies once."""

    def __init__(self, way: str, *, hdlc: bool, cut: Cut | None = None) -> None:
        super().__init__(way, hdlc=hdlc, meter=WiredMeter(), max_info=512)
        self.line = VirtualLine(AT_ONCE, self._connect, SiteTime(self.clock), cut=cut)

    def open(self, deadline: float) -> VirtualTransport:  # type: ignore[override]
        return self.line.open(deadline)

    def _connect(self, on_drop: Callable[[], None]) -> SiteResponder:
        self.connections.append(SiteResponder(self))
        return self.connections[-1]


class SiteTime:
    """The clock of a site, to be moved by its line."""

    def __init__(self, clock: VirtualClock) -> None:
        self.monotonic = clock
        self.advance = clock.sleep


def whole(way: str, folder: Path, *, hdlc: bool) -> MortalSite:
    """An upgrade without a fault, to know how long it is."""
    site = MortalSite(way, hdlc=hdlc)
    with journal_at(folder) as journal, site.client(journal) as client:
        assert client.upgrade(IMAGE, POLICY).outcome == "activated"
    return site


def dies_after(octets: int, way: str, folder: Path, healthy: MortalSite, how: Break) -> None:
    """One upgrade over a line that dies at this place."""
    site = MortalSite(way, hdlc=healthy.hdlc, cut=Cut(octets, how=how))
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
DEATHS = pytest.mark.parametrize("how", ["closed", "silent"])


@pytest.mark.fault("L-15")
@WAYS
@DEATHS
def test_sampled_octets(tmp_path: Path, way: str, how: Break, *, hdlc: bool) -> None:
    healthy = whole(way, tmp_path / "whole", hdlc=hdlc)
    carried = sum(healthy.line.octets.values())
    step = carried // SAMPLE
    for octets in range(date.today().toordinal() % step, carried, step):
        dies_after(octets, way, tmp_path, healthy, how)


@pytest.mark.soak
@WAYS
@DEATHS
def test_every_octet(tmp_path: Path, way: str, how: Break, *, hdlc: bool) -> None:
    healthy = whole(way, tmp_path / "whole", hdlc=hdlc)
    for octets in range(sum(healthy.line.octets.values())):
        dies_after(octets, way, tmp_path, healthy, how)
