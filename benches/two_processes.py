"""A client in this process and its meter in another, and what each of them needs while blocks are sent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from dlms_fw.events import Event, Phase, PhaseFinished, PhaseStarted
from dlms_fw.transfer import TransferPolicy

MIB = 1024 * 1024
POLICY = TransferPolicy(
    activate="never",
    restart=True,
    allow_insecure=True,
    strategy="sequential",
    verify_poll_first_seconds=0.01,
    largest_image=256 * MIB,
)


@dataclass
class Meter:
    """The other process."""

    url: str
    echo_port: int
    process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """CPU seconds that it has used so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


@contextmanager
def meter_process(scheme: str, protection: str, block_size: int, folder: Path) -> Iterator[Meter]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benches.meter_process"),
            *(f"{scheme}://127.0.0.1:0", protection, str(block_size), str(folder)),
        ],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            url, port = process.stdout.readline().split()
            yield Meter(url, int(port), process)
        finally:
            process.kill()


@dataclass
class Sample:
    """What was seen of the phase in which blocks are sent, round by round."""

    meter: Meter
    seconds: list[float] = field(default_factory=list)
    client_cpu: list[float] = field(default_factory=list)
    meter_cpu: list[float] = field(default_factory=list)
    _start: tuple[float, float] = (0.0, 0.0)

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.TRANSFER:
            self._start = process_time(), self.meter.cpu_seconds()
        elif isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER:
            self.client_cpu.append(process_time() - self._start[0])
            self.meter_cpu.append(self.meter.cpu_seconds() - self._start[1])
            self.seconds.append(event.seconds)
