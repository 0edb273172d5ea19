"""Measuring: ours and its baseline in turns, round by round, in one process; memory in a process of its own.

Other work on the machine hits both sides alike, so the ratio of the medians is worth more than either. What
only computes is timed in CPU seconds, so that a neighbour who gets the core for a while does not count.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat, starmap
from statistics import median
from typing import Any

from dlms_fw.bench.table import Figure, Line, Target
from dlms_fw.errors import DlmsError

__all__ = [
    "Comparison",
    "Fresh",
    "MeasurementFailed",
    "Work",
    "calls",
    "compare",
    "in_fresh_process",
    "loop",
    "medians",
    "operations_of_a_round",
    "timed",
    "without_garbage_collector",
]

ROUNDS = 9
"""Rounds of each side, at least."""
WARM_UP_ROUNDS = 2
ROUND_SECONDS = 0.004
"""How long a round takes, so that reading the clock costs nothing."""
MOST_OPERATIONS = 1 << 22


class MeasurementFailed(DlmsError):
    """Something could not be measured; the text says what and why."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Work:
    """All operations of one round.

    Attributes:
        run: Does them; gets what ``prepare`` made.
        prepare: Makes what a round needs anew; its time does not count.
    """

    run: Callable[[Any], object]
    prepare: Callable[[], Any] = lambda: None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of one operation of ours and of the baseline: the median of all rounds."""

    ours: float
    baseline: float

    @property
    def time_ratio(self) -> float:
        """How many times as long as the baseline ours took."""
        return self.ours / self.baseline

    @property
    def speed_ratio(self) -> float:
        """How many times as fast as the baseline ours was."""
        return self.baseline / self.ours

    def line(self, what: str, baseline_name: str, target: Target | None, *, speed: bool) -> Line:
        """A line of the table, with the ratio of speeds or that of times."""
        ratio = self.speed_ratio if speed else self.time_ratio
        return Line(what, Figure(self.ours), baseline_name, Figure(self.baseline), ratio, target)


def calls(function: Callable[..., object], *arguments: object) -> Callable[[int], Work]:
    """Work that calls a function so many times with the same arguments, in a loop that runs in C."""
    return lambda operations: Work(
        lambda _: deque(starmap(function, repeat(arguments, operations)), maxlen=0)
    )


def loop(operations: int) -> Work:
    """The loop of :func:`calls` without the calls, to be subtracted where a call takes nanoseconds."""
    return Work(lambda _: deque(repeat((), operations), maxlen=0))


def compare(
    ours: Callable[[int], Work],
    baseline: Callable[[int], Work],
    *,
    overhead: Callable[[int], Work] | None = None,
    rounds: int = ROUNDS,
    operations: int | Sequence[int | None] | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Comparison:
    """Times two sides in turns.

    Args:
        ours: Makes the work of so many operations.
        baseline: The same of the other side.
        overhead: What is in both sides and does not count, such as :func:`loop`; timed in turns with them.
        rounds: Rounds of each side; 1 measures nothing and shows that it works.
        operations: Operations of a round, of both or of each side; found so that a round takes some
            milliseconds where not given.
        clock: CPU seconds of the process; ``time.perf_counter`` for what waits.
    """
    makes = (ours, baseline) if overhead is None else (ours, baseline, overhead)
    seconds = medians(makes, rounds=rounds, operations=operations, clock=clock)
    idle = seconds[2] if overhead is not None else 0.0
    # A clock has a step; nothing takes less than no time.
    return Comparison(*(max(each - idle, 1e-12) for each in seconds[:2]))


def medians(
    makes: Sequence[Callable[[int], Work]],
    *,
    rounds: int = ROUNDS,
    operations: int | Sequence[int | None] | None = None,
    clock: Callable[[], float] = time.process_time,
) -> list[float]:
    """Seconds of one operation of each side, of any number of them; see :func:`compare`."""
    given = operations if isinstance(operations, Sequence) else [operations] * len(makes)
    counts = [
        count or (1 if rounds == 1 else operations_of_a_round(make, clock))
        for make, count in zip(makes, given, strict=True)
    ]
    works = [make(count) for make, count in zip(makes, counts, strict=True)]
    found: list[list[float]] = [[] for _ in works]
    for number in range(-WARM_UP_ROUNDS if rounds > 1 else 0, rounds):
        for times, work in zip(found, works, strict=True):
            seconds = timed(work, clock)
            if number >= 0:
                times.append(seconds)
    return [median(times) / count for times, count in zip(found, counts, strict=True)]


def timed(work: Work, clock: Callable[[], float] = time.process_time) -> float:
    """Seconds of one round."""
    prepared = work.prepare()
    with without_garbage_collector():
        start = clock()
        work.run(prepared)
        return clock() - start


def operations_of_a_round(make: Callable[[int], Work], clock: Callable[[], float] = time.process_time) -> int:
    """How many operations take some milliseconds."""
    operations = 1
    while operations < MOST_OPERATIONS:
        seconds = timed(make(operations), clock)
        if seconds >= ROUND_SECONDS / 2:
            return max(1, round(operations * ROUND_SECONDS / seconds))
        operations *= 4
    return MOST_OPERATIONS


@contextmanager
def without_garbage_collector() -> Iterator[None]:
    """Nothing is collected meanwhile."""
    enabled = gc.isenabled()
    gc.collect(0)
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a function gave in a process of its own, and the memory of that process.

    Attributes:
        result: What the function returned.
        before: Memory when its module was imported and nothing done, in octets, by the names of ``/proc``:
            ``VmHWM`` (the most that ever was resident), ``VmRSS`` (resident), ``RssAnon`` (of it, what no
            file stands behind).
        after: The same when the function had returned, its result still alive.
    """

    result: Any
    before: Mapping[str, int]
    after: Mapping[str, int]

    @property
    def peak(self) -> int:
        """The most that was resident, in octets, the interpreter and all libraries included."""
        return self.after["VmHWM"]


def in_fresh_process(
    function: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    python: str = sys.executable,
    timeout: float = 300.0,
) -> Fresh:
    """Calls a function in a new interpreter.

    Args:
        function: ``module:name``, importable in the working directory.
        arguments: Its keyword arguments, as far as JSON carries them; so with what it returns.
        python: The interpreter.
        timeout: Seconds after which the process is ended.

    Raises:
        MeasurementFailed: It failed, took too long, or this system does not tell its memory.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [python, "-m", "dlms_fw.bench.fresh", function],
            input=json.dumps(dict(arguments or {})),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"{function} took more than {timeout:.0f} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise MeasurementFailed(f"{function}: {last}")
    return Fresh(**json.loads(done.stdout))
