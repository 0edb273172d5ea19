"""How long an image takes to a group on one medium, in virtual time, against one meter after the other.

    python -m benches.multicast_times [--image-kib 64] [--members 1,10,100] [--medium plc]

Real clients and real simulated meters on a bus that takes its time; nothing is measured by the clock on the
wall. Unicast is one ordinary upgrade over the same medium, times the number of members, with one confirmed
block after the other and with the best strategy. What only comes once for each meter, identification,
initiation and verification, is in "whole" on both sides; "blocks" is the time for blocks and for asking what
has arrived, associations included.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import meters
from dlms_fw.async_client import AsyncClient
from dlms_fw.conformance.benches.group import CHALLENGES
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.connection import Framing
from dlms_fw.multicast import MulticastReport
from dlms_fw.transfer import TransferPolicy, TransferResult, WantedStrategy
from dlms_fw.transports.faults import LINKS, LinkProfile
from group_bench import GroupBench

BLOCK_SIZE = 128


@dataclass(frozen=True)
class Medium:
    """One shared medium.

    Attributes:
        response_timeout_s: After which a frame is repeated; a datagram after a third of it.
    """

    name: str
    framing: Framing
    link: LinkProfile
    response_timeout_s: float


MEDIA = (
    Medium("power line, 20 kbit/s, 5 % of fragments lost", "datagrams", LINKS["plc"], 3.0),
    Medium(
        "RS-485, 19,200 bit/s, 0.1 % of frames lost", "hdlc", replace(LINKS["rs485-19200"], loss=0.001), 0.5
    ),
    Medium(
        "RS-485, 115,200 bit/s, 0.1 % of frames lost", "hdlc", replace(LINKS["rs485-115200"], loss=0.001), 0.5
    ),
)


def image(kib: int) -> Image:
    """An image of about that size for the simulated meters."""
    return Image.from_bytes(meters.container(blocks=kib * 1024 // meters.BLOCK_SIZE))


def bench_on(medium: Medium, members: int) -> GroupBench:
    """So many meters on it."""
    bench = GroupBench(medium.framing, medium.link, seed=1)
    for _ in range(members):
        bench.add(image_block_size=BLOCK_SIZE, line="medium", response_timeout_s=medium.response_timeout_s)
    return bench


async def alone(medium: Medium, what: Image, strategy: WantedStrategy, journal: Journal) -> TransferResult:
    """One meter, alone on the medium."""
    bench = bench_on(medium, 1)
    loop = asyncio.get_running_loop()
    member = bench.members[0]
    client = AsyncClient(
        member.url,
        member.profile,
        journal=journal,
        open_transport=lambda deadline: bench.open(client.endpoint, deadline),
        clock=loop.time,
        challenge=lambda: next(CHALLENGES).to_bytes(16),
    )
    async with client:
        return await client.upgrade(what, TransferPolicy(activate="never", strategy=strategy))


def blocks_seconds(result: TransferResult) -> float:
    """From the first block to the last answer."""
    return sum(phase.seconds for phase in result.phases if phase.phase.value == "transfer")


def fresh_journal(folder: str, number: list[int]) -> Journal:
    """Another journal: each bench has new meters with the titles of the old ones."""
    number[0] += 1
    return Journal(Path(folder) / f"{number[0]}.sqlite3")


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--image-kib", type=int, default=64)
    arguments.add_argument("--members", default="1,10,100")
    arguments.add_argument("--medium", choices=[medium.link.name for medium in MEDIA])
    told = arguments.parse_args()
    what = image(told.image_kib)
    print(f"{len(what.data):,} octets in blocks of {BLOCK_SIZE}\n")
    print("| medium | members | passes | looks | group: blocks | whole | alone: blocks | whole | times |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        count = [0]
        for medium in (each for each in MEDIA if told.medium in {None, each.link.name}):
            with fresh_journal(folder, count) as journal:
                one = run_virtually(alone(medium, what, "sequential", journal))
            for members in map(int, told.members.split(",")):
                with fresh_journal(folder, count) as journal:
                    report = run_virtually(group_of(medium, what, members, journal))
                assert report.ok, [row.error for row in report.members if row.error]
                parts = report.seconds
                whole = parts.survey + parts.preparation + parts.distribution + parts.completion
                blocks = parts.sending + parts.looking
                print(
                    f"| {medium.name} | {members} | {report.blocks_sent / (report.blocks_total or 1):.2f} "
                    f"| {report.looks} | {blocks:,.0f} s | {whole:,.0f} s "
                    f"| {blocks_seconds(one) * members:,.0f} s | {one.seconds * members:,.0f} s "
                    f"| {blocks_seconds(one) * members / blocks:.1f} |",
                    flush=True,
                )


async def group_of(medium: Medium, what: Image, members: int, journal: Journal) -> MulticastReport:
    """The same to a group."""
    bench = bench_on(medium, members)
    return await bench.upgrade(what, journal, group=bench.group("medium")).run()


if __name__ == "__main__":
    main()
