"""Upgrades over bad links: pieces lost, doubled, overtaken and damaged, up to three in ten, by a seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

import meters
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.activation import bank_region
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports import faults
from dlms_fw.transports.faults import LinkProfile
from link_site import LinkSite

BLOCKS = 12
MAX_PDU_SIZE = 256
"""Two blocks in a list."""
IMAGE = meters.container(blocks=BLOCKS)
DAY_S = 86_400.0
POLICY = TransferPolicy(identifier_octets=6, run_seconds=DAY_S)
LINKS = {
    "line": LinkProfile(
        name="serial", flavour="line", rate=19_200, bits_per_octet=10, half_duplex=True, turn_round_s=0.01
    ),
    "stream": LinkProfile(
        name="network", flavour="stream", rate=40e3, delay_s=(0.2, 0.4), piece_octets=536, piece_overhead=40
    ),
    "datagram": replace(faults.LINKS["plc"], loss=0.0),
}
KINDS = ("loss", "duplication", "reorder", "corruption")
TRIES = 3
"""How often the same command is given again before the upgrade counts as not finished."""
FINISHED = {"activated", "already-current"}
"""The second where the answer to the order to activate was lost for good, and the command was given again."""
SEEDS_IN_SAMPLE = 10
SEEDS = 2_000


@dataclass(frozen=True)
class Ended:
    """How one upgrade went."""

    worst: float
    outcome: str
    accidents: Counter[str]


def noisy(flavour: str, chance: random.Random) -> LinkProfile:
    """A link with one kind of accident, or with some of each; at most a tenth, or three."""
    most = chance.choice((0.1, 0.3))
    kinds = chance.choice((*((kind,) for kind in KINDS), KINDS))
    return replace(LINKS[flavour], **{kind: chance.uniform(0.0, most) for kind in kinds})


def upgrade(flavour: str, seed: int, journal: Journal) -> Ended:
    """One upgrade, and all that must hold however it ends."""
    link = noisy(flavour, random.Random(f"{flavour} {seed}"))
    site = LinkSite(link, image_block_size=meters.BLOCK_SIZE, max_pdu_size=MAX_PDU_SIZE, seed=seed)
    firmware, place = site.meter.units.firmware, f"seed {seed}, {link}"
    outcome, losses, sent, told = "", 0, 0, list[str]()
    for _ in range(TRIES):
        try:
            result = site.upgrade(journal, Image.from_bytes(IMAGE), POLICY)
        except DlmsError as error:
            outcome = error.code
            told.append(f"{error!r} {error}")
            losses += 1
        else:
            outcome, losses, sent = result.outcome, losses + result.link_losses, sent + result.blocks_sent
            break
    finished = outcome in FINISHED
    assert site.time.elapsed <= TRIES * DAY_S, place
    assert firmware.activation.reboots <= 1, place
    assert not any(site.tells_a_key(text) for text in told), place
    if finished or firmware.running(1).identifier == meters.IDENTIFIER:
        assert firmware.running(1).identifier == meters.IDENTIFIER, place
        assert firmware.activation.reboots == 1, place
        part = firmware.memory.state.parts[1]
        assert site.memory.read(bank_region(1, part.running), 0, len(IMAGE) + 1) == IMAGE, place
    site.line.end()
    accidents = site.line.accidents
    if finished:
        # Bursts over datagrams are not answered, so a block of theirs is sent again for each that was lost.
        lost = accidents["loss"] + accidents["corruption"] if flavour == "datagram" else 0
        assert sent <= BLOCKS + lost + losses * (1 + site.window), place
    return Ended(max(getattr(link, kind) for kind in KINDS), outcome, accidents)


@pytest.mark.fault("L-07", "L-08")
@pytest.mark.parametrize("flavour", LINKS)
def test_sampled_seeds(tmp_path: Path, flavour: str) -> None:
    first = date.today().toordinal() * SEEDS_IN_SAMPLE
    with Journal(tmp_path / "journal") as journal:
        for seed in range(first, first + SEEDS_IN_SAMPLE):
            ended = upgrade(flavour, seed, journal)
            if ended.worst <= 0.1:
                assert ended.outcome in FINISHED, f"seed {seed}"


@pytest.mark.soak
@pytest.mark.parametrize("flavour", LINKS)
def test_many_seeds(tmp_path: Path, flavour: str) -> None:
    gentle, rough, accidents = Counter[str](), Counter[str](), Counter[str]()
    with Journal(tmp_path / "journal") as journal:
        for seed in range(SEEDS):
            ended = upgrade(flavour, seed, journal)
            (gentle if ended.worst <= 0.1 else rough)[ended.outcome] += 1
            accidents += ended.accidents
    print(f"{flavour}: up to 10 %: {dict(gentle)}; up to 30 %: {dict(rough)}; {dict(accidents)}")
    assert min(accidents[kind] for kind in KINDS) >= 50
    assert sum(gentle[outcome] for outcome in FINISHED) >= 0.999 * gentle.total()
