"""Results in the words of the standard: a case that judges a refusal judges which one it was."""

from __future__ import annotations

from typing import Final

from dlms_fw._core import ActionResponse, ExceptionResponse, SetResponse
from dlms_fw.conformance.verdicts import Inconclusive, expect
from dlms_fw.enums import ActionResult, DataAccessResult

SUCCESS: Final = "success"
RUNNING: Final = "temporary-failure"
"""What a call says that goes on, and also what a busy meter says."""


def word_of(response: object) -> str:
    """What an answer to a call or to a writing says. Raises Inconclusive where it is none."""
    if isinstance(response, ActionResponse):
        return _word(ActionResult, response.result)
    if isinstance(response, SetResponse):
        return _word(DataAccessResult, response.result)
    if isinstance(response, ExceptionResponse):
        return "exception-response"
    raise Inconclusive(f"the meter answered with {type(response).__name__}")


def expect_refused(result: str, what: str, *, busy_is_refusal: bool = True) -> None:
    """Raises Failed where a call was not refused."""
    accepted = {SUCCESS} if busy_is_refusal else {SUCCESS, RUNNING}
    expect(result not in accepted, f"{what} to be refused", result)


def _word(results: type[ActionResult | DataAccessResult], result: int) -> str:
    try:
        return results(result).name.lower().replace("_", "-")
    except ValueError:
        return f"result {result}"
