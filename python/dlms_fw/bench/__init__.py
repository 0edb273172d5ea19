"""Benchmarks: how something is measured beside a baseline, and the table in which it is shown.

A measurement is a ratio: ours and a baseline run in turns in one process, so both see the same machine.
Nothing fails because it is slow; a target that is missed is shown as missed.
"""

from __future__ import annotations

from dlms_fw.bench.measure import (
    Comparison,
    Fresh,
    MeasurementFailed,
    Work,
    calls,
    compare,
    in_fresh_process,
    loop,
)
from dlms_fw.bench.table import Figure, Line, Row, Table, Target

__all__ = [
    "Comparison",
    "Figure",
    "Fresh",
    "Line",
    "MeasurementFailed",
    "Row",
    "Table",
    "Target",
    "Work",
    "calls",
    "compare",
    "in_fresh_process",
    "loop",
]
