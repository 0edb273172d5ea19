"""How every command ends: one exit code, and one line or one JSON document that says why.

Commands say what they did; only this file knows exit codes and turns exceptions into words. Its only
neighbour is the family of exceptions.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TextIO

import click

from dlms_fw.errors import (
    ActivationFailed,
    AssociationRejected,
    Busy,
    ConfigurationError,
    DlmsError,
    ImageRejected,
    JournalError,
    LocalProtocolError,
    RemoteProtocolError,
    SecurityError,
    TransferError,
    TransportError,
    VerificationFailed,
)

P = ParamSpec("P")
SCHEMA = "dlms-fw/1"


class ExitCode(IntEnum):
    """What a command's exit code means. After 6 and 130 the same command goes on where it stopped."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    LINK = 3
    AUTHENTICATION = 4
    IMAGE_REFUSED = 5
    INCOMPLETE = 6
    VERIFICATION_FAILED = 7
    NOT_CONFIRMED = 8
    INTERRUPTED = 130


EXIT_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (ConfigurationError, ExitCode.USAGE),
    (LocalProtocolError, ExitCode.USAGE),
    (ImageRejected, ExitCode.IMAGE_REFUSED),
    (SecurityError, ExitCode.AUTHENTICATION),
    (AssociationRejected, ExitCode.AUTHENTICATION),
    (VerificationFailed, ExitCode.VERIFICATION_FAILED),
    (ActivationFailed, ExitCode.NOT_CONFIRMED),
    # A foreign transfer, a busy meter, a meter that refuses: nothing was lost, a later try may work.
    (TransferError, ExitCode.INCOMPLETE),
    (Busy, ExitCode.INCOMPLETE),
    (JournalError, ExitCode.USAGE),
    (TransportError, ExitCode.LINK),
    # A peer that breaks the rules is no better than a line that does.
    (RemoteProtocolError, ExitCode.LINK),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (click.Abort, ExitCode.INTERRUPTED),
)
"""The first row that fits counts; an error without a row is ``UNEXPECTED``."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of a command that ended with ``error``."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), ExitCode.UNEXPECTED)


class Outcome:
    """What a command found out, and how it ended.

    A context manager around the whole command. With ``as_json``, standard output gets exactly one JSON
    document with ``facts``, ``ok`` and, on failure, ``error``; whatever :meth:`say` is given goes nowhere.
    Otherwise :meth:`say` prints, and an error becomes one line on standard error.

    Attributes:
        facts: Fields of the JSON document; a command adds them as it learns them, so a failure keeps what was
            known.
    """

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        self.facts: dict[str, Any] = {}

    def say(self, text: str) -> None:
        """One or more lines for a person."""
        if not self.as_json:
            click.echo(printable(text))

    def table(self, rows: list[tuple[str, str]]) -> None:
        """Names and values in two columns."""
        width = max(len(name) for name, _ in rows)
        self.say("\n".join(f"{name:<{width}}  {value}" for name, value in rows))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A reader that went away, a usage error and a finished command are click's matter.
        if error is None:
            if self.as_json:
                print_document({**self._head(ok=True), **self.facts})
            return
        if isinstance(error, click.UsageError) and error.ctx is None:
            error.ctx = click.get_current_context(silent=True)
        if isinstance(error, SystemExit | click.ClickException | click.exceptions.Exit | GeneratorExit):
            return
        if isinstance(error, BrokenPipeError) and not isinstance(error, DlmsError):
            return
        code = exit_code_of(error)
        if code is ExitCode.UNEXPECTED and not isinstance(error, DlmsError):
            traceback.print_exception(error)
        if self.as_json:
            print_document({**self._head(ok=False), **self.facts, "error": describe(error)})
        else:
            write_line(sys.stderr, one_line(error))
        raise SystemExit(int(code)) from error

    def _head(self, *, ok: bool) -> dict[str, Any]:
        return {"schema": SCHEMA, "command": self.command, "ok": ok}


def reported(
    command: str, blank_facts: Callable[[], dict[str, Any]] = dict
) -> Callable[[Callable[Concatenate[Outcome, P], None]], Callable[P, None]]:
    """Give a click command the option ``--json`` and, as first argument, its :class:`Outcome`.

    ``blank_facts`` gives the fields that every document of the command has, whatever happened.
    """

    def decorate(function: Callable[Concatenate[Outcome, P], None]) -> Callable[P, None]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with Outcome(command, as_json=bool(kwargs.pop("as_json"))) as outcome:
                outcome.facts.update(blank_facts())
                function(outcome, *args, **kwargs)

        return click.option(
            "--json", "as_json", is_flag=True, help="Print exactly one JSON document, errors included."
        )(run)

    return decorate


def describe(error: BaseException) -> dict[str, Any]:
    """The ``error`` object of the JSON document."""
    if isinstance(error, DlmsError):
        return {"code": error.code, "message": str(error), "hint": error.hint, "retryable": error.retryable}
    if exit_code_of(error) is ExitCode.INTERRUPTED:
        return {"code": "interrupted", "message": "interrupted", "hint": None, "retryable": True}
    return {
        "code": "unexpected",
        "message": f"{type(error).__name__}: {error}",
        "hint": "this is a defect of dlms-fw: please report it with the trace above",
        "retryable": False,
    }


def one_line(error: BaseException) -> str:
    """What standard error gets, hint included."""
    described = describe(error)
    hint = f" ({described['hint']})" if described["hint"] else ""
    return printable(" ".join(f"error: {described['message']}{hint}".split()))


def print_document(document: dict[str, Any]) -> None:
    """One JSON document on standard output, in ASCII, so no terminal can spoil it."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def write_line(stream: TextIO, text: str) -> None:
    """A line for a person. Where nobody reads any more it goes nowhere: the meter matters more than that."""
    try:
        click.echo(text, file=stream)
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let a stream that nobody reads end in nothing, or closing it at exit would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(text: str) -> str:
    """Text without characters that a terminal would obey; meters and files do not get to move the cursor."""
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
