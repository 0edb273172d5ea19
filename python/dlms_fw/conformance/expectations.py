"""Failures that are known: which case, why, and since when. A pass that nobody expected is told too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from dlms_fw.conformance.runner import Result
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.errors import ConfigurationError
from dlms_fw.toml_files import read_toml

_KNOWN: Final = {"FAIL": Verdict.FAIL, "INCONCLUSIVE": Verdict.INCONCLUSIVE}


@dataclass(frozen=True, slots=True)
class Expectation:
    """A case that is known not to pass.

    Attributes:
        verdict: FAIL or INCONCLUSIVE.
        reason: Why that is known and accepted.
        since: The day on which it was.
    """

    verdict: Verdict
    reason: str
    since: date


@dataclass(frozen=True, slots=True)
class Judged:
    """A result beside what was expected of it."""

    result: Result
    expectation: Expectation | None

    @property
    def is_surprise(self) -> bool:
        """Whether it did not end as it was expected to: a new failure, or a pass that nobody expected."""
        if self.expectation is None:
            return self.result.verdict is Verdict.FAIL
        return self.result.verdict in {Verdict.PASS, Verdict.FAIL} - {self.expectation.verdict}


def judged(results: Sequence[Result], expectations: Mapping[str, Expectation]) -> list[Judged]:
    """Each result beside its expectation."""
    return [Judged(result, expectations.get(result.case.id)) for result in results]


def load_expectations(path: str | Path, known: Collection[str]) -> dict[str, Expectation]:
    """Read a file of expectations: a table for each id, with ``reason``, ``since`` and perhaps ``verdict``.

    Args:
        path: TOML.
        known: The ids that there are.

    Raises:
        ConfigurationError: it cannot be read, or names no case, no reason or no day.
    """
    document = read_toml(Path(path), "the expectations")
    found: dict[str, Expectation] = {}
    for number, row in document.items():
        if number not in known:
            raise ConfigurationError(f"{path}: there is no case {number}")
        found[number] = _expectation(f"{path}, {number}", row)
    return found


def _expectation(where: str, row: object) -> Expectation:
    if not isinstance(row, dict) or set(row) - {"verdict", "reason", "since"}:
        raise ConfigurationError(f"{where}: a table with reason, since and perhaps verdict is needed")
    reason, since = row.get("reason"), row.get("since")
    if not isinstance(reason, str) or not reason or not isinstance(since, date):
        raise ConfigurationError(f"{where}: reason is a text, and since a day such as 2026-11-27")
    verdict = _KNOWN.get(row.get("verdict", "FAIL"))
    if verdict is None:
        raise ConfigurationError(f"{where}: verdict is FAIL or INCONCLUSIVE")
    return Expectation(verdict, reason, since)
