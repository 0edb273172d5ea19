"""Counting by callgrind: a case with few and with many operations; the difference is operations alone."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

WARM_UP: Final = 10
OPERATIONS: Final = 200
LONG: Final = {"profile-extent-1000": 10, "profile-nodes-1000": 10, "block-status-4096": 50}
"""Cases of which fewer operations are enough."""
FEATURES: Final = ("aes", "avx", "avx2", "erms", "pclmulqdq", "sse4_1", "ssse3")
"""What the code under valgrind asks the processor for."""
_COLLECTED: Final = re.compile(r"Collected : (\d+)")


def counted(runner: Path) -> dict[str, int]:
    """Instructions of one operation, by the name of the case."""
    names = subprocess.run([runner], check=True, capture_output=True, text=True).stdout.split()
    return {name: instructions(runner, name, LONG.get(name, OPERATIONS)) for name in names}


def instructions(runner: Path, name: str, operations: int) -> int:
    few, many = (total(runner, name, times) for times in (WARM_UP, WARM_UP + operations))
    return round((many - few) / operations)


def total(runner: Path, name: str, times: int) -> int:
    """All instructions of the program."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        str(runner),
        name,
        str(times),
    ]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = _COLLECTED.search(report)
    if found is None:
        raise RuntimeError(f"callgrind counted nothing for {name}: {report[-200:]}")
    return int(found[1])


def environment() -> Mapping[str, str]:
    """What the counts depend on besides the code."""
    version = {
        tool: subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        for tool in ("rustc", "valgrind")
    }
    return {
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "features": " ".join(sorted(features(Path("/proc/cpuinfo").read_text()) & set(FEATURES))),
        **version,
    }


def features(cpuinfo: str) -> set[str]:
    """The flags of the first processor; none where it lists none."""
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), ":")
    return set(flags.partition(":")[2].split())
