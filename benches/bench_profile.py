"""A profile of 100,000 rows, a time and four registers each, to Python values: beside both peers in one run.

The peers run in their own environment (`make .venv/.peers`) and in a process of their own, in the same run
and on the same octets. All times are CPU milliseconds of one decoding, garbage collector off. The peers make
an object for each value, which is what their users get; ours are the ways that ours get the same values.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.profile_rows import TYPED, WITH_TIME, for_peers, profile
from dlms_fw._core import Data, expand_rows

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
SCRIPT = Path(__file__).with_name("profile_peers.py")
ROWS, ROUNDS, PEER_ROUNDS = 100_000, 21, 3


def rows_of(octets: bytes) -> list[tuple[object, ...]]:
    entries = Data.decode(octets).value
    assert isinstance(entries, tuple)
    return expand_rows(entries, clock_columns=[0], capture_period=900)


WAYS: dict[str, Callable[[bytes], object]] = {
    "generic, all values": Data.decode_plain,
    "generic, checked, values on demand": Data.decode,
    "by a compiled type": TYPED.decode,
    "by a compiled type, times as DateTime": WITH_TIME.decode,
    "as rows, what was left out put back": rows_of,
}


@pytest.fixture(scope="module")
def peers() -> dict[tuple[int, int], dict[str, float]]:
    return {}


def peer_times(
    known: dict[tuple[int, int], dict[str, float]], octets: bytes, rows: int, rounds: int
) -> dict[str, float]:
    if (rows, rounds) not in known:
        done = subprocess.run(
            [PYTHON, "-E", "-s", SCRIPT, str(rows), str(rounds)],
            input=for_peers(octets, rows),
            capture_output=True,
            timeout=600,
            check=True,
        )
        known[rows, rounds] = {name: median(times) for name, times in json.loads(done.stdout).items()}
    return known[rows, rounds]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.benchmark(timer=process_time)
def test_profile_decode(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    report: Callable[[str], None],
    peers: dict[tuple[int, int], dict[str, float]],
    way: str,
) -> None:
    quick = pytestconfig.getoption("--operations") is not None
    rows, rounds = (50, 1) if quick else (ROWS, ROUNDS)
    octets = profile(rows)
    theirs = peer_times(peers, octets, rows, 1 if quick else PEER_ROUNDS)

    benchmark.extra_info.update(rows=rows, octets=len(octets), peers=theirs)
    benchmark.pedantic(WAYS[way], args=(octets,), rounds=rounds, warmup_rounds=1)  # type: ignore[no-untyped-call]
    if benchmark.stats is None:  # run once, to see that it works
        return
    ours = benchmark.stats.stats.median * 1e3
    beside = "".join(f"   {name} {time:,.0f} ms: {time / ours:.0f} x" for name, time in theirs.items())
    report(f"profile of {rows:,} rows, {way:<38} {ours:>7.1f} ms{beside}")
