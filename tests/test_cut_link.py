"""A link that breaks once, after any octet of either end: the upgrade gets there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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
MAX_PDU_SIZE = 256
"""Two blocks in a list, so that all that may be on its way at a time is half of the image."""
POLICIES = {
    strategy: TransferPolicy(identifier_octets=6, strategy=strategy)
    for strategy in ("sequential", "automatic")
}
LINKS = {
    "hdlc": LinkProfile(
        name="serial", flavour="line", rate=115_200, bits_per_octet=10, half_duplex=True, turn_round_s=0.01
    ),
    "wrapper": LinkProfile(
        name="network", flavour="stream", rate=1e6, delay_s=(0.05, 0.05), piece_octets=1360, piece_overhead=40
    ),
}
BREAKS: tuple[Break, ...] = ("closed", "silent", "half-open")
LONGEST_S = 120.0 + 60.0 * (POLICIES["automatic"].confirm_looks + 1)
"""One request without an answer and the longest pause after it; where it was the order to activate, also the
looks until the old firmware is believed."""


def upgrade(
    framing: str, strategy: str, journal: Journal, cut: Cut | None = None
) -> tuple[LinkSite, TransferResult]:
    """A whole upgrade over one link, by the run that finished."""
    site = LinkSite(LINKS[framing], image_block_size=meters.BLOCK_SIZE, max_pdu_size=MAX_PDU_SIZE, cut=cut)
    image, policy = Image.from_bytes(meters.container(blocks=BLOCKS)), POLICIES[strategy]
    try:
        return site, site.upgrade(journal, image, policy)
    except TransportError:
        # The first association is the caller's own to try again; a transfer goes on by itself.
        assert starts(site) == 0, cut
        return site, site.upgrade(journal, image, policy)


def breaks(framing: str, strategy: str, cut: Cut, journal: Journal, healthy: LinkSite) -> None:
    """One upgrade over a link with this cut."""
    site, result = upgrade(framing, strategy, journal, cut)
    firmware, place = site.meter.units.firmware, f"{framing}, {strategy}, {cut}"
    assert site.line.cut_left is None, place
    assert result.outcome in {"activated", "already-current"}, place
    assert firmware.running(1).identifier == meters.IDENTIFIER, place
    assert firmware.activation.reboots == 1, place
    assert starts(site) <= 2, place
    assert result.blocks_sent <= BLOCKS + site.window, place
    assert site.time.elapsed - healthy.time.elapsed <= LONGEST_S, place


def starts(site: LinkSite) -> int:
    """How often the meter has begun to receive an image."""
    codes = [entry.code for entry in site.meter.units.standard_log.entries]
    return codes.count(StandardEvent.FIRMWARE_TRANSFER_STARTED)


def whole(framing: str, strategy: str, journal: Journal) -> LinkSite:
    """An upgrade without a cut, to know how many octets there are."""
    site, result = upgrade(framing, strategy, journal)
    assert result.outcome == "activated"
    assert result.blocks_sent == BLOCKS
    return site


def cuts(site: LinkSite, step: int, first: int) -> Iterator[Cut]:
    """Every so many octets of each end; the ways of breaking take turns."""
    for end, octets in site.line.octets.items():
        for turn, after in enumerate(range(first % step, octets, step)):
            yield Cut(after, end, BREAKS[(turn + first) % len(BREAKS)])


WAYS = pytest.mark.parametrize("framing", LINKS)
STRATEGIES = pytest.mark.parametrize("strategy", POLICIES)


@pytest.mark.fault("L-19")
@WAYS
def test_a_link_that_drips_ends_by_the_deadline(tmp_path: Path, framing: str) -> None:
    site = LinkSite(replace(LINKS[framing], rate=0.8, piece_octets=1, piece_overhead=0))
    with Journal(tmp_path / "journal") as journal, pytest.raises(TransportError):
        site.client(journal).connect()
    assert site.time.elapsed <= site.profile.request_deadline_s + 1.0


@pytest.mark.fault("L-15", "L-19")
@WAYS
@STRATEGIES
def test_sampled_octets(tmp_path: Path, framing: str, strategy: str) -> None:
    with Journal(tmp_path / "journal") as journal:
        healthy = whole(framing, strategy, journal)
        step = healthy.line.octets[End.CLIENT] // 3
        for cut in cuts(healthy, step, date.today().toordinal() * 31):
            breaks(framing, strategy, cut, journal, healthy)


@pytest.mark.soak
@WAYS
@STRATEGIES
def test_every_seventh_octet(tmp_path: Path, framing: str, strategy: str) -> None:
    with Journal(tmp_path / "journal") as journal:
        healthy = whole(framing, strategy, journal)
        tried = 0
        for cut in cuts(healthy, 7, date.today().toordinal()):
            breaks(framing, strategy, cut, journal, healthy)
            tried += 1
    print(f"{framing}, {strategy}: {tried} cuts")
