"""How the benchmarks measure: ours and a reference in turns, and a table of the ratios at the end.

A case is timed in rounds of many operations. Before each round of ours, pytest-benchmark's set-up step runs
and times one round of the reference, so both see the same machine at the same moment: the ratio of the two
medians is worth more than either. What only computes is timed in CPU seconds, so that a neighbour who gets
the core for a while does not count. Nothing here fails because it was slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from dlms_fw.bench.measure import Work, timed

ROUNDS = 21
"""Rounds of each case, each with its reference beside it."""
WARM_UP_ROUNDS = 2
_TABLE = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--image-kib", type=int, default=4096, help="Size of the image in bench_transfer.py, in KiB."
    )
    parser.addoption(
        "--operations",
        type=int,
        default=None,
        help="Operations of a round, instead of each case's own number.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--operations") is not None:
        # Each case of these starts a process, and two corners show that they work.
        left_out = [item for item in items if not _a_corner(item)]
        items[:] = [item for item in items if _a_corner(item)]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        if "compare" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=time.process_time))


def _a_corner(item: pytest.Item) -> bool:
    name, _, case = item.name.partition("[")
    if name == "test_image_transfer":
        return case in {"128-wrapper-plain]", "1024-hdlc-ciphered]"}
    return name != "test_strategies" or case.startswith("1024-")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[_TABLE]:
        terminalreporter.section("beside a reference in the same run")
        for line in config.stash[_TABLE]:
            terminalreporter.write_line(line)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Iterator[Callable[[str], None]]:
    """Adds a line to the table at the end; a case that did not finish adds none."""
    lines: list[str] = []
    yield lines.append
    pytestconfig.stash[_TABLE] += lines


@pytest.fixture
def compare(
    benchmark: BenchmarkFixture, pytestconfig: pytest.Config, report: Callable[[str], None]
) -> Callable[..., None]:
    """Times ours, beside a reference where there is one."""

    def measure(
        name: str,
        ours: Callable[[int], Work],
        reference: Callable[[int], Work] | None = None,
        *,
        beside: str = "",
        operations: int = 256,
        octets: int | None = None,
    ) -> None:
        """``ours`` and ``reference`` make the work of so many operations, each with ``octets`` of payload."""
        operations = pytestconfig.getoption("--operations") or operations
        our_work = ours(operations)
        their_work = None if reference is None else reference(operations)
        their_seconds: list[float] = []

        def set_up() -> tuple[tuple[Any], dict[str, Any]]:
            if their_work is not None:
                their_seconds.append(timed(their_work))
            return (our_work.prepare(),), {}

        benchmark.extra_info.update(operations=operations, octets=octets, beside=beside)
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            our_work.run, setup=set_up, rounds=ROUNDS, warmup_rounds=WARM_UP_ROUNDS
        )
        if benchmark.stats is None:  # run once, to see that it works
            return
        seconds = benchmark.stats.stats.median / operations
        line = f"{name:<46} {seconds * 1e9:>9,.0f} ns"
        if octets is not None:
            line += f" {octets / seconds / 1e6:>8,.0f} MB/s"
        if their_seconds:
            theirs = median(their_seconds[WARM_UP_ROUNDS:]) / operations
            benchmark.extra_info.update(reference_seconds=theirs, ratio=theirs / seconds)
            line += f"   {beside} {theirs * 1e9:,.0f} ns: {theirs / seconds:.2f} x as fast"
        report(line)

    return measure
