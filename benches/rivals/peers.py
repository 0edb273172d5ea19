"""The scripts of this folder, each running in the environment of the other implementations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests"))

from peers.run import Peer  # noqa: E402 (it lies beside the tests that use it)

GURUX, COSEM = "gurux-dlms", "dlms-cosem"
_LIMITS = {"limits": {"cpu_seconds": 900}}


def peer(script: str, config: dict[str, Any] | None = None) -> Peer:
    """One script, running; to be used as a context."""
    return Peer(str(HERE / script), (config or {}) | _LIMITS)
