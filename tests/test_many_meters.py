"""A thousand simulated meters fit one process: here some of them, with their share of the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

MOST_KIB_A_METER = 200
"""A thousand of these, and the 51 MiB of the library, are less than 256 MiB."""


def test_what_a_meter_adds_to_a_process() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benches.many_meters", "--meters", "60", "--image-kib", "64"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    *_, upgraded = run.stdout.splitlines()
    assert upgraded.startswith("upgraded, 64 KiB each"), run.stdout
    kib = float(upgraded.rpartition("peak")[2].rpartition(",")[2].split()[0])
    assert 0 < kib < MOST_KIB_A_METER, run.stdout
