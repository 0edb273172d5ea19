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
from typing import Any, Concatenate, NoReturn, ParamSpec, Self, TextIO

import click

from dlms_fw.errors import (
    ActivationFailed,
    AssociationRejected,
    Busy,
    ConfigurationError,
    DlmsError,
    ImageRejected,
    JournalError,
    KeyChangeFailed,
    LocalProtocolError,
    NotConforming,
    RemoteProtocolError,
    SecurityError,
    ServiceError,
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
    NOT_CONFORMING = 9
    INTERRUPTED = 130


EXIT_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (ConfigurationError, ExitCode.USAGE),
    (LocalProtocolError, ExitCode.USAGE),
    (ImageRejected, ExitCode.IMAGE_REFUSED),
    (SecurityError, ExitCode.AUTHENTICATION),
    (KeyChangeFailed, ExitCode.AUTHENTICATION),
    (AssociationRejected, ExitCode.AUTHENTICATION),
    (VerificationFailed, ExitCode.VERIFICATION_FAILED),
    (ActivationFailed, ExitCode.NOT_CONFIRMED),
    (NotConforming, ExitCode.NOT_CONFORMING),
    # A foreign transfer, a busy meter, a meter that refuses: nothing was lost, a later try may work.
    (TransferError, ExitCode.INCOMPLETE),
    (Busy, ExitCode.INCOMPLETE),
    (ServiceError, ExitCode.INCOMPLETE),
    (JournalError, ExitCode.USAGE),
    (TransportError, ExitCode.LINK),
    # A peer that breaks the rules is no better than a line that does.
    (RemoteProtocolError, ExitCode.LINK),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (click.Abort, ExitCode.INTERRUPTED),
)
"""The first row that fits counts; an error without a row is ``UNEXPECTED``."""


_ARGUMENTS = frozenset({"allow_downgrade", "allow_insecure", "allow_metrology", "restart"})
"""Arguments of the library that are options of the same name on the command line."""


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

    def __init__(self, command: str, *, as_json: bool, facts: dict[str, Any] | None = None) -> None:
        self.command = command
        self.as_json = as_json
        self.facts: dict[str, Any] = {} if facts is None else facts

    def say(self, text: str) -> None:
        """One or more lines for a person. Raises ConfigurationError where they cannot be written."""
        if not self.as_json:
            _print(printable(text))

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
            if not self.as_json:
                return
            try:
                print_document({**self._head(ok=True), **self.facts})
            except ConfigurationError as unwritable:
                write_line(sys.stderr, one_line(unwritable))
                raise SystemExit(int(ExitCode.USAGE)) from unwritable
            return
        if isinstance(error, SystemExit | click.ClickException | click.exceptions.Exit | GeneratorExit):
            return
        if isinstance(error, BrokenPipeError) and not isinstance(error, DlmsError):
            return
        code = exit_code_of(error)
        if code is ExitCode.UNEXPECTED and not isinstance(error, DlmsError):
            traceback.print_exception(error)
        if self.as_json:
            tell_in_json({**self._head(ok=False), **self.facts}, error)
        else:
            write_line(sys.stderr, one_line(error))
        raise SystemExit(int(code)) from error

    def _head(self, *, ok: bool) -> dict[str, Any]:
        return {"schema": SCHEMA, "command": self.command, "ok": ok, "changed": False}


def reported(
    command: str, unknown: Callable[[], dict[str, Any]] = dict
) -> Callable[[Callable[Concatenate[Outcome, P], None]], Callable[P, None]]:
    """Give a click command the option ``--json`` and, as first argument, its :class:`Outcome`.

    ``unknown`` gives the facts as they are while nothing is known; the document has them however it ends, and
    so it has where the command line was wrong.
    """

    def decorate(function: Callable[Concatenate[Outcome, P], None]) -> Callable[P, None]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with Outcome(command, as_json=bool(kwargs.pop("as_json")), facts=unknown()) as outcome:
                function(outcome, *args, **kwargs)

        _UNKNOWN[run] = lambda: {"command": command, **unknown()}
        return click.option(
            "--json", "as_json", is_flag=True, help="Print exactly one JSON document, errors included."
        )(run)

    return decorate


_UNKNOWN: dict[object, Callable[[], dict[str, Any]]] = {}


def tell_early(error: click.ClickException | click.Abort, *, as_json: bool) -> NoReturn:
    """End a command line that was wrong, or that was interrupted before its command ran."""
    code = error.exit_code if isinstance(error, click.ClickException) else int(exit_code_of(error))
    if as_json:
        context = error.ctx if isinstance(error, click.UsageError) else None
        unknown = dict if context is None else _UNKNOWN.get(context.command.callback, dict)
        tell_in_json({"schema": SCHEMA, "ok": False, "changed": False, **unknown()}, error)
    elif isinstance(error, click.ClickException):
        error.show()
    else:
        write_line(sys.stderr, one_line(error))
    raise SystemExit(code)


def tell_in_json(document: dict[str, Any], error: BaseException) -> None:
    """The document of a failure; where it cannot be written, standard error gets the line for a person."""
    try:
        print_document({**document, "error": describe(error)})
    except BrokenPipeError:
        silence(sys.stdout)
    except ConfigurationError as unwritable:
        write_line(sys.stderr, one_line(unwritable))
        write_line(sys.stderr, one_line(error))


def describe(error: BaseException) -> dict[str, Any]:
    """The ``error`` object of the JSON document."""
    if isinstance(error, DlmsError):
        hint = _as_typed(error.hint)
        return {"code": error.code, "message": str(error), "hint": hint, "retryable": error.retryable}
    if isinstance(error, click.ClickException):
        return {"code": "usage", "message": error.format_message(), "hint": None, "retryable": False}
    if exit_code_of(error) is ExitCode.INTERRUPTED:
        return {"code": "interrupted", "message": "interrupted", "hint": None, "retryable": True}
    return {
        "code": "unexpected",
        "message": f"{type(error).__name__}: {error}",
        "hint": "this is a defect of dlms-fw: please report it with the trace above",
        "retryable": False,
    }


def _as_typed(hint: str | None) -> str | None:
    """The library's hints begin with the argument that helps; on the command line that is an option."""
    first, space, rest = (hint or "").partition(" ")
    return f"--{first.replace('_', '-')}{space}{rest}" if first in _ARGUMENTS else hint


def one_line(error: BaseException) -> str:
    """What standard error gets, hint included."""
    described = describe(error)
    hint = f" ({described['hint']})" if described["hint"] else ""
    return printable(" ".join(f"error: {described['message']}{hint}".split()))


def print_document(document: dict[str, Any]) -> None:
    """One JSON document on standard output, in ASCII, so no terminal can spoil it.

    Raises:
        ConfigurationError: standard output cannot be written.
    """
    _print(json.dumps(document))


def _print(text: str) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise ConfigurationError(
            f"standard output cannot be written: {error.strerror or error}", code="configuration.output"
        ) from error


def write_line(stream: TextIO, text: str) -> None:
    """A line for a person. Where it cannot be written it goes nowhere: the meter matters more than that."""
    try:
        click.echo(text, file=stream)
    except OSError:
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
