"""Many meters at once from one asyncio process: the small sibling of ``benches/fleet.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benches import fleet, fleet_parties  # noqa: E402 (found by the path above)

METERS = 20


@pytest.mark.parametrize("ciphered", [True, False], ids=["ciphered", "plain"])
def test_twenty_meters_are_upgraded_at_once_and_none_waits_for_the_others(ciphered: bool) -> None:
    run = fleet.measure(METERS, 16 * 1024, ciphered=ciphered, block_size=1024)
    assert run.failures == []
    assert len(run.finished) == METERS
    assert run.blocks == METERS * 16
    assert len(run.phases["transfer"]) == METERS
    assert any("last/median" in line for line in run.lines(16 * 1024))


def test_a_limit_of_open_files_that_cannot_be_raised_is_said() -> None:
    with pytest.raises(SystemExit, match="the hard limit is"):
        fleet_parties.allow_files(1 << 40)
