"""One asyncio process upgrades many meters at once; the meters are served by another process.

    .venv/bin/python -m benches.fleet --meters 1000 --image-kib 64

Prints what each meter costs in memory and CPU, the throughput, and how fair it is: when the first, the middle
and the last meter were done. The image is shared by all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time

from benches.fleet_parties import profile_of, resident_octets
from benches.parties import image, profile
from dlms_fw.events import Event, PhaseFinished
from dlms_fw.fleet import Fleet
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferPolicy


@dataclass
class Run:
    """What was seen."""

    meters: int
    finished: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)
    blocks: int = 0
    losses: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu: float = 0.0
    client_memory: int = 0
    meters_cpu: float = 0.0
    meters_memory: int = 0

    def note(self, event: Event) -> None:
        if isinstance(event, PhaseFinished):
            self.phases.setdefault(event.phase.value, []).append(event.seconds)

    def lines(self, size: int) -> Iterator[str]:
        """What is printed; ``size`` is that of the image."""
        done = len(self.finished)
        count = max(1, done)
        yield f"{done} of {self.meters} meters upgraded in {self.seconds:.1f} s, {self.losses} links lost"
        for name, cpu, memory in (
            ("client", self.client_cpu, self.client_memory),
            ("meters", self.meters_cpu, self.meters_memory),
        ):
            kibibytes = memory / 1024 / self.meters
            yield f"{name}: {1000 * cpu / count:.1f} ms of CPU and {kibibytes:.0f} KiB of memory a meter"
        blocks, meters = self.blocks / self.seconds, count / self.seconds
        octets = meters * size / (1 << 20)
        yield f"throughput: {blocks:,.0f} blocks/s, {octets:.2f} MiB/s of images, {meters:.1f} meters/s"
        if self.finished:
            first, middle, last = min(self.finished), median(self.finished), max(self.finished)
            yield (
                f"done after: first {first:.1f} s, median {middle:.1f} s, last {last:.1f} s; "
                f"last/median {last / middle:.2f}"
            )
        for name, seconds in self.phases.items():
            yield f"  {name:<10} median {median(seconds):6.2f} s, longest {max(seconds):6.2f} s"


class Meters:
    """The process with the meters."""

    def __init__(self, count: int, protection: str, block_size: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benches.fleet_meters", str(count), protection, str(block_size)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.urls: list[str] = json.loads(self._process.stdout.readline())

    def usage(self) -> tuple[float, int]:
        """CPU seconds and resident octets so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        cpu, memory = self._process.stdout.readline().split()
        return float(cpu), int(memory)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


POLICY = TransferPolicy(
    allow_insecure=True, verify_poll_first_seconds=0.5, reconnect_first_seconds=1.5, compare_signature=False
)


async def upgrade_all(
    run: Run, urls: list[str], shared: Image, journal: Journal | None, *, ciphered: bool
) -> None:
    start = time.monotonic()
    common = profile(ciphered=ciphered)
    meters = ((url, profile_of(common, number)) for number, url in enumerate(urls))
    fleet = Fleet(journal)
    async for outcome in fleet.upgrade_all(meters, shared, POLICY, on_event=lambda _: run.note):
        run.client_memory = max(run.client_memory, resident_octets())
        if outcome.result is None:
            run.failures.append(f"{outcome.endpoint}: {type(outcome.error).__name__}: {outcome.error}")
            continue
        run.finished.append(time.monotonic() - start)
        run.blocks += outcome.result.blocks_sent
        run.losses += outcome.result.link_losses
    run.seconds = time.monotonic() - start


def measure(count: int, size: int, *, ciphered: bool, block_size: int, with_journal: bool = True) -> Run:
    """One run."""
    run = Run(count)
    shared = image(size)
    meters = Meters(count, "ciphered" if ciphered else "plain", block_size)
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            journal = stack.enter_context(Journal(Path(folder) / "journal")) if with_journal else None
            memory, cpu = resident_octets(), process_time()
            meters_cpu, _ = meters.usage()
            asyncio.run(upgrade_all(run, meters.urls, shared, journal, ciphered=ciphered))
            run.client_cpu = process_time() - cpu
            run.client_memory = max(0, run.client_memory - memory)
            after, run.meters_memory = meters.usage()
            run.meters_cpu = after - meters_cpu
    finally:
        meters.close()
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--image-kib", type=int, default=64)
    parser.add_argument("--block-size", type=int, default=1024)
    parser.add_argument("--plain", action="store_true", help="without keys")
    parser.add_argument("--no-journal", action="store_true", help="keep no records; with --plain only")
    given = parser.parse_args()
    size = given.image_kib * 1024
    run = measure(
        given.meters,
        size,
        ciphered=not given.plain,
        block_size=given.block_size,
        with_journal=not given.no_journal,
    )
    print("\n".join(run.lines(size)))
    for failure in run.failures[:10]:
        print(f"failed: {failure}", file=sys.stderr)
    if run.failures:
        raise SystemExit(f"{len(run.failures)} meters were not upgraded")


if __name__ == "__main__":
    main()
