"""Fifty members that lose up to two blocks in five, and five that do not belong there, seed after seed."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dlms_fw.conformance.benches.group import OTHER_GROUP_KEY, stored
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.journal import Journal
from dlms_fw.meter.bus import Station
from dlms_fw.multicast import MulticastReport
from dlms_fw.transports.faults import LINKS
from group_bench import GroupBench, image

MEMBERS, WRONG, SEEDS = 50, 5, 120
SHARED, SEPARATE = (replace(LINKS[name], loss=0.0) for name in ("plc", "ethernet"))
TODAY = int(os.environ.get("DLMS_FW_SEED") or date.today().toordinal())


@pytest.fixture
def journals() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


async def strike(journal: Journal, seed: int) -> tuple[MulticastReport, list[Station], list[Station], int]:
    """One group, upgraded; gives the report, the right members, the wrong ones, and the image's blocks."""
    chance = random.Random(seed)
    blocks = chance.randrange(8, 25)
    shared = chance.random() < 0.7
    bench = GroupBench(link=SHARED if shared else SEPARATE, seed=seed)
    wrong_places = set(chance.sample(range(MEMBERS + WRONG), WRONG))
    right: list[Station] = []
    wrong: list[Station] = []
    for number in range(MEMBERS + WRONG):
        line = "plc" if shared else None
        loss = chance.uniform(0.0, 0.4)
        if number in wrong_places:
            kind = chance.choice(
                [{"model": "OTHER1"}, {"image_block_size": 128}, {"factory_version": "9.0.0"}]
            )
            wrong.append(bench.add(line=line, group_loss=loss, **kind))
        elif chance.random() < 0.04:
            right.append(bench.add(line=line, group_loss=loss, key=OTHER_GROUP_KEY))
        else:
            busy = chance.choice([0.0, 0.0, 0.0, 0.1])
            right.append(bench.add(line=line, group_loss=loss, busy_seconds=busy))
    group = bench.group("plc" if shared else None)
    report = await bench.upgrade(image(blocks), journal, group=group).run()
    return report, right, wrong, blocks


def judge(folder: Path, seed: int) -> None:
    with Journal(folder / f"{seed}.sqlite3") as journal:
        report, right, wrong, blocks = run_virtually(strike(journal, seed))
    outcomes = sorted(row.outcome for row in report.members)
    assert outcomes == ["excluded"] * WRONG + ["verified"] * MEMBERS, f"seed {seed}"
    assert [stored(station) for station in right] == [blocks] * MEMBERS, f"seed {seed}"
    for station in wrong:
        assert station.meter is not None
        assert station.meter.units.firmware.image_store.image_transfer_status == 0, f"seed {seed}"
    assert sum(row.changed for row in report.members) == MEMBERS, f"seed {seed}"


@pytest.mark.fault("G-02", "G-03")
def test_a_group_of_today(journals: Path) -> None:
    judge(journals, TODAY)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_groups(journals: Path) -> None:
    for seed in range(SEEDS):
        judge(journals, seed)
