"""The peer's end of the differential tests: batches of cases in, one JSON line each, and their answers out.

A batch is a list of ``[operation, kind, argument]``; its answer has one entry per case, ``[true, value]`` or
``[false, what went wrong]``. A case that uses up its time (of the processor: a busy machine decides nothing)
is interrupted and answered like one that went wrong. This file runs in the peers' environment and knows
neither `dlms_fw` nor a referee.
"""

import json
import signal
import sys

import peer_io


class SlowError(Exception):
    """The case took longer than it may."""


def serve(operations: dict) -> None:
    """Answer batches until standard input ends; ``operations`` is a function by (operation, kind)."""
    config, reports = peer_io.begin()
    seconds = config["case_seconds"]
    signal.signal(signal.SIGVTALRM, _interrupt)
    reports.send(kinds=sorted({f"{operation} {kind}" for operation, kind in operations}))
    for line in sys.stdin:
        reports.send(answers=[_answer(operations, seconds, *case) for case in json.loads(line)])


def _answer(operations: dict, seconds: float, operation: str, kind: str, argument: object) -> list:
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        function = operations[operation, kind]
        return [True, function(argument)]
    except BaseException as error:  # noqa: BLE001 - referees raise anything, and exit
        return [False, f"{type(error).__name__}: {error}"[:300]]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _interrupt(_signal: int, _frame: object) -> None:
    raise SlowError
