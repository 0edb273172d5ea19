"""What one client of many takes in the middle of its transfer: octets that Python allocates, no clock."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlms_fw.bench.conditions import KIB, Conditions
from dlms_fw.bench.places import Place, elsewhere
from dlms_fw.events import Event, Phase, PhaseFinished
from dlms_fw.fleet import Fleet
from dlms_fw.journal import Journal

METERS = 50
MOST_OCTETS = 13 * KIB
"""Of one session; what the core allocates besides its objects does not count here."""
CONDITIONS = Conditions(size=16 * KIB, security="hls-gmac")


@contextmanager
def counted() -> Iterator[None]:
    gc.collect()
    tracemalloc.start(1)
    try:
        yield
    finally:
        tracemalloc.stop()


async def most_octets(place: Place, journal: Journal) -> int:
    """What all clients take together where the first of them has sent its last block."""
    fleet, image, policy, most = Fleet(journal), CONDITIONS.image(), CONDITIONS.policy, 0

    def note(event: Event) -> None:
        nonlocal most
        if isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER and not most:
            most, _ = tracemalloc.get_traced_memory()

    meters = list(zip(place.urls, map(CONDITIONS.profile, range(METERS)), strict=True))
    await fleet.upgrade(*meters[0], image, policy)  # whatever comes into being once is there
    with counted():
        upgrades = (fleet.upgrade(*meter, image, policy, on_event=note) for meter in meters)
        results = await asyncio.gather(*upgrades)
    assert {result.outcome for result in results} == {"verified"}
    return most


def test_a_session_in_the_middle_of_its_transfer_is_small(tmp_path: Path) -> None:
    with elsewhere(CONDITIONS, METERS) as place, Journal(tmp_path / "journal") as journal:
        octets = asyncio.run(most_octets(place, journal)) / METERS
    assert 0 < octets <= MOST_OCTETS, octets
