"""``dlms-fw profile``: rows of a load profile or an event log, printed as they come. Reads only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import click

from dlms_fw.cli.image import parsed_by
from dlms_fw.cli.objects_named import only_profile
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.reading.profile_description import ProfileColumn, chosen
from dlms_fw.reading.profile_reading import Between, Entries, Newest, ProfilePart, ProfileReading, ProfileRow
from dlms_fw.reading.readable import readable
from dlms_fw.units import Quantity

_LEAST_WIDTH: Final = 8
_TIME_WIDTH: Final = 29
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_TIME = parsed_by(datetime.fromisoformat)


@click.command("profile")
@reported("profile", lambda: {"logical_name": None, "columns": [], "rows": []})
@aimed
@click.argument("name", metavar="PROFILE")
@click.option("--from", "start", type=_TIME, metavar="TIME", help="Captured at this time or later, ISO 8601.")
@click.option("--to", "end", type=_TIME, metavar="TIME", help="Captured at this time or earlier.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="The newest N entries.")
@click.option(
    "--column", multiple=True, metavar="NAME", help="Only columns of this title or logical name; repeatable."
)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, with a line of titles.")
def profile(
    outcome: Outcome,
    target: Target,
    name: str,
    start: datetime | None,
    end: datetime | None,
    last: int | None,
    column: tuple[str, ...],
    as_csv: bool,
) -> None:
    """Show rows of a profile of the meter at URL, such as a load profile or an event log. Changes nothing.

    PROFILE is a logical name, or words of what it means. Times without an offset are the meter's local time.
    """
    part = _part(start, end, last)
    if as_csv and outcome.as_json:
        raise click.UsageError("--csv and --json exclude each other")
    facts = outcome.facts
    with target.client() as client:
        client.connect()
        logical_name = only_profile(client, name)
        described = client.profile_description(logical_name)
        columns = chosen(described, column)
        facts["logical_name"] = str(logical_name)
        facts["capture_period"] = described.capture_period
        facts["columns"] = [_column_document(it) for it in columns]
        widths, titles = [_width(it) for it in columns], [_title(it) for it in columns]
        outcome.say(_csv_line(titles) if as_csv else _aligned(titles, widths))
        for row in client.rows(ProfileReading(logical_name, part, columns=column)):
            if outcome.as_json:
                facts["rows"].append(_row_document(row))
            else:
                cells = [_cell(value) for value in row.values]
                outcome.say(_csv_line(cells) if as_csv else _aligned(cells, widths))


def _part(start: datetime | None, end: datetime | None, last: int | None) -> ProfilePart:
    if last is not None:
        if start is not None or end is not None:
            raise click.UsageError("--last goes without --from and --to")
        return Newest(last)
    if start is None and end is None:
        return Entries()
    return Between(start or _EARLIEST, end or _LATEST)


def _title(column: ProfileColumn) -> str:
    return f"{column.title} [{column.unit}]" if column.unit else column.title


def _width(column: ProfileColumn) -> int:
    return _TIME_WIDTH if column.is_clock else max(_LEAST_WIDTH, len(_title(column)))


def _cell(value: object) -> str:
    """A value in a cell; the unit stands in the title."""
    if isinstance(value, Quantity):
        return f"{value.value:f}"
    found = readable(value)
    return "" if found is None else str(found)


def _aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _column_document(column: ProfileColumn) -> dict[str, Any]:
    definition = column.definition
    return {
        "title": column.title,
        "class_id": definition.class_id,
        "logical_name": str(definition.logical_name),
        "attribute_id": definition.attribute_index,
        "data_index": definition.data_index,
        "unit": column.unit or None,
    }


def _row_document(row: ProfileRow) -> dict[str, Any]:
    values = [f"{it.value:f}" if isinstance(it, Quantity) else readable(it) for it in row.values]
    return {"entry": row.entry, "values": values}
