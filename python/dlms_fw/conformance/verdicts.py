"""How a case ends."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The four ends of a case."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INAPPLICABLE = "INAPPLICABLE"


class CaseEnd(Exception):
    """A procedure ends with something other than PASS.

    No DlmsError: a procedure that judges the errors of the library does not catch its own end.

    Attributes:
        verdict: Which end.
        reason: Why, as one sentence.
    """

    verdict: Verdict

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Failed(CaseEnd):
    """The meter did not do what the case expects.

    Attributes:
        expected: What should have been seen.
        observed: What was.
    """

    verdict = Verdict.FAIL

    def __init__(self, expected: str, observed: str) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed


class Inconclusive(CaseEnd):
    """The case could not be carried through, so it says nothing about the meter."""

    verdict = Verdict.INCONCLUSIVE


class Inapplicable(CaseEnd):
    """The case is not about such a meter, or needs what is not there or not allowed."""

    verdict = Verdict.INAPPLICABLE


class SuiteError(Exception):
    """The suite contradicts itself: a case without a procedure, an id twice, a need that nobody knows."""


def expect(condition: bool, expected: str, observed: object) -> None:
    """Raises Failed where the condition does not hold."""
    if not condition:
        raise Failed(expected, str(observed))
