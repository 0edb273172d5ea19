"""``dlms-fw record``: everything that a client may read of a meter, into one file. Reads only."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from dlms_fw.cli.outcome import Outcome, printable, reported, write_line
from dlms_fw.cli.target import Target, aimed
from dlms_fw.errors import ConfigurationError
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.record import MeterRecord, record_text
from dlms_fw.recorder import DEFAULT_ENTRIES, record_meter

_ALL: Final = "all"


@click.command("record")
@reported("record", lambda: {"output": None, "complete": None})
@aimed
@click.option("--output", metavar="FILE", help="Write it there; by default to standard output.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Objects with this logical name; may be repeated."
)
@click.option(
    "--rows",
    default=str(DEFAULT_ENTRIES),
    show_default=True,
    metavar="N|all",
    help="The newest entries of each profile.",
)
def record(outcome: Outcome, target: Target, output: str | None, only: tuple[str, ...], rows: str) -> None:
    """Read the whole meter at URL into a JSON document. Secrets are left out. Changes nothing.

    What the meter refuses is noted. Where it ends the association, that is noted as well, and the rest is
    read over a new one. dlms-fw sim --from serves a record.
    """
    if outcome.as_json and output is None:
        raise click.UsageError("--json goes with --output: standard output has the record itself")
    patterns = [_pattern(it) for it in only]
    entries = _entries(rows)
    with target.client() as client:
        client.connect()
        made, error = record_meter(
            client, now=datetime.now().astimezone(), only=patterns, entries=entries, progress=_show_progress
        )
    _write(outcome, output, made)
    if error is not None:
        raise error


def _write(outcome: Outcome, output: str | None, made: MeterRecord) -> None:
    text = record_text(made)
    if output is None:
        outcome.say(text.rstrip("\n"))
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{output} cannot be written: {error.strerror}", code="configuration.output"
        ) from None
    attributes = [it for recorded in made.objects for it in recorded.attributes.values()]
    counts = {
        "objects": len(made.objects),
        "attributes": sum(it.raw is not None for it in attributes),
        "refused": sum(it.result is not None for it in attributes),
        "failed": sum(it.failure is not None for it in attributes),
        "secrets_left_out": sum(it.is_secret for it in attributes),
    }
    outcome.facts.update(output=output, complete=made.is_complete, **counts)
    told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
    outcome.say(f"{output}: {told}")


def _show_progress(number: int, total: int, it: VisibleObject) -> None:
    write_line(sys.stderr, printable(f"{number}/{total}  {it.logical_name}  {it.name}"))


def _pattern(text: str) -> LogicalNamePattern:
    try:
        return LogicalNamePattern(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None


def _entries(text: str) -> int | None:
    if text == _ALL:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise click.BadParameter("a number from 1 on, or all, is needed", param_hint="--rows")
    return int(text)
