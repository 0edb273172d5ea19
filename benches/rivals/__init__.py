"""Beside the other implementations in Python: the same work in the same run.

They live in an environment of their own (`make .venv/.peers`) and run in processes of their own; rounds of
ours and of each of them take turns. What they make is compared with what we make before anything is measured.
Gurux' library in C was measured on another day on the same kind of machine; its lines say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from benches.rivals.steps import steps
from benches.rivals.transfers import transfers
from benches.rows import guarded
from dlms_fw.bench.table import Row, Table

TITLE = "dlms_fw beside other implementations"


def table(*, quick: bool) -> Table:
    """All of them; what cannot be measured shows why."""
    return Table(TITLE, tuple(_rows(quick)))


def _rows(quick: bool) -> Iterator[Row]:
    cases = chain(transfers(quick=quick), steps(quick=quick))
    for number, (measure, lines) in enumerate(cases, start=1):
        yield guarded(number, measure, lines)
