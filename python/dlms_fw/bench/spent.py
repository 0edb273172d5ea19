"""What a piece of work has taken: seconds on the wall and on the CPU, from one moment to another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from dlms_fw.events import Event, Phase, PhaseFinished, PhaseStarted


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used up.

    Attributes:
        seconds: On the wall.
        cpu: CPU seconds of this process, the kernel's on its behalf included.
        peer_cpu: The same of the process at the other end, where there is one.
    """

    seconds: float
    cpu: float
    peer_cpu: float = 0.0

    @property
    def all_cpu(self) -> float:
        """CPU seconds of both ends."""
        return self.cpu + self.peer_cpu


def median_of(rounds: Sequence[Spent]) -> Spent:
    """Each figure's own median."""
    return Spent(
        median(each.seconds for each in rounds),
        median(each.cpu for each in rounds),
        median(each.peer_cpu for each in rounds),
    )


class Stopwatch:
    """Runs from when it is made; ``peer_cpu`` tells the CPU seconds of the other process so far."""

    def __init__(self, peer_cpu: Callable[[], float] = lambda: 0.0) -> None:
        self._peer_cpu = peer_cpu
        self._peer_began = peer_cpu()
        self._cpu_began = time.process_time()
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """On the wall, since it was made."""
        return time.perf_counter() - self._began

    def spent(self) -> Spent:
        """Since it was made."""
        seconds = self.seconds
        cpu = time.process_time() - self._cpu_began
        return Spent(seconds, cpu, self._peer_cpu() - self._peer_began)


class TransferWatch:
    """A subscriber of a transfer's events that times the phase in which the blocks are sent.

    Attributes:
        began: Called when that phase begins.
        spent: What it has taken, once it is over.
    """

    def __init__(
        self, *, began: Callable[[], object] = lambda: None, peer_cpu: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.began = began
        self.spent: Spent | None = None
        self._peer_cpu = peer_cpu
        self._watch: Stopwatch | None = None

    def __call__(self, event: Event) -> None:
        """The subscriber."""
        if isinstance(event, PhaseStarted) and event.phase is Phase.TRANSFER:
            self.began()
            self._watch = Stopwatch(self._peer_cpu)
        elif isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER and self._watch is not None:
            self.spent = self._watch.spent()
