"""A link that breaks once, after any octet of either end: the upgrade gets there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import meters
from dlms_fw.errors import TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.transfer import TransferPolicy, TransferResult
from dlms_fw.transports.faults import Break, Cut, End, LinkProfile
from link_site import LinkSite

BLOCKS = 64
POLICY = TransferPolicy(identifier_octets=6)
LINKS = {
    "hdlc": LinkProfile(
        name="serial", flavour="line", rate=115_200, bits_per_octet=10, half_duplex=True, turn_round_s=0.01
    ),
    "wrapper": LinkProfile(
        name="network", flavour="stream", rate=1e6, delay_s=(0.05, 0.05), piece_octets=1360, piece_overhead=40
    ),
}
BREAKS: tuple[Break, ...] = ("closed", "silent", "half-open")
LONGEST_S = 120.0 + 60.0 * (POLICY.confirm_looks + 1)
"""One request without an answer and the longest pause after it; where it was the order to activate, also the
looks until the old firmware is believed."""


def upgrade(site: LinkSite, journal: Journal) -> TransferResult:
    with site.client(journal) as client:
        return client.upgrade(Image.from_bytes(meters.container(blocks=BLOCKS)), POLICY)


def breaks(framing: str, cut: Cut, journal: Journal, healthy: LinkSite) -> None:
    """One upgrade over a link with this cut."""
    site = LinkSite(LINKS[framing], image_block_size=meters.BLOCK_SIZE, cut=cut)
    firmware, place = site.meter.units.firmware, f"{framing}, {cut}"
    try:
        result = upgrade(site, journal)
    except TransportError:
        # The first association is the caller's own to try again; a transfer goes on by itself.
        assert starts(site) == 0, place
        result = upgrade(site, journal)
    assert site.line.cut_left is None, place
    assert result.outcome in {"activated", "already-current"}, place
    assert firmware.running(1).identifier == meters.IDENTIFIER, place
    assert firmware.activation.reboots == 1, place
    assert starts(site) <= 2, place
    assert result.blocks_sent <= BLOCKS + 1, place
    assert site.time.elapsed - healthy.time.elapsed <= LONGEST_S, place


def starts(site: LinkSite) -> int:
    codes = [entry.code for entry in site.meter.units.standard_log.entries]
    return codes.count(StandardEvent.FIRMWARE_TRANSFER_STARTED)


def whole(framing: str, journal: Journal) -> LinkSite:
    """An upgrade without a cut, to know how many octets there are."""
    site = LinkSite(LINKS[framing], image_block_size=meters.BLOCK_SIZE)
    assert upgrade(site, journal).outcome == "activated"
    return site


def cuts(site: LinkSite, step: int, first: int) -> Iterator[Cut]:
    """Every so many octets of each end; the ways of breaking take turns."""
    for end, octets in site.line.octets.items():
        for turn, after in enumerate(range(first % step, octets, step)):
            yield Cut(after, end, BREAKS[(turn + first) % len(BREAKS)])


@pytest.mark.fault("L-15")
@pytest.mark.parametrize("framing", LINKS)
def test_sampled_octets(tmp_path: Path, framing: str) -> None:
    with Journal(tmp_path / "journal") as journal:
        healthy = whole(framing, journal)
        for cut in cuts(healthy, healthy.line.octets[End.CLIENT] // 5, date.today().toordinal() * 31):
            breaks(framing, cut, journal, healthy)


@pytest.mark.soak
@pytest.mark.parametrize("framing", LINKS)
@pytest.mark.parametrize("first", range(len(BREAKS)))
def test_every_seventh_octet(tmp_path: Path, framing: str, first: int) -> None:
    with Journal(tmp_path / "journal") as journal:
        healthy = whole(framing, journal)
        for cut in cuts(healthy, 7, first):
            breaks(framing, cut, journal, healthy)
