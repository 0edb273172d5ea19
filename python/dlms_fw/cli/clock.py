"""``dlms-fw clock``: a meter's time beside ours; and set or shift it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import click

from dlms_fw.cli.image import parsed_by
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.reading.clock_reading import LARGEST_SHIFT_S, ClockReading
from dlms_fw.reading.readable import flag_names

_NOW: Final = "now"


def _goal(text: str) -> str | datetime:
    return text if text == _NOW else datetime.fromisoformat(text)


@click.command("clock")
@reported("clock", lambda: {"before": None, "after": None})
@aimed
@click.option(
    "--set",
    "goal",
    type=parsed_by(_goal),
    metavar="now|TIME",
    help="Set it: to now, or to a time in ISO 8601; without an offset it is the meter's local time.",
)
@click.option(
    "--shift",
    type=click.IntRange(-LARGEST_SHIFT_S, LARGEST_SHIFT_S),
    metavar="SECONDS",
    help="Move it by so many seconds.",
)
def clock(outcome: Outcome, target: Target, goal: str | datetime | None, shift: int | None) -> None:
    """Show the time of the meter at URL and how far it is from ours; --set and --shift change it."""
    if goal is not None and shift is not None:
        raise click.UsageError("--set and --shift exclude each other")
    facts = outcome.facts
    with target.client() as client:
        client.connect()
        before = client.clock_reading()
        facts["before"] = _document(before)
        outcome.say(_line(before))
        if goal is None and shift is None:
            return
        if shift is not None:
            after = client.shift_clock(shift)
        else:
            after = client.set_clock(goal if isinstance(goal, datetime) else None)
        facts["changed"] = True
        facts["after"] = _document(after)
        outcome.say(_line(after))


def _document(reading: ClockReading) -> dict[str, Any]:
    return {
        "time": reading.time.isoformat(),
        "raw": reading.date_time.to_bytes().hex().upper(),
        "status": None if reading.status is None else flag_names(reading.status),
        "skew_seconds": round(reading.skew.total_seconds(), 3),
        "uncertainty_seconds": round(reading.uncertainty.total_seconds(), 3),
        "round_trip_seconds": round(reading.round_trip_s, 3),
    }


def _line(reading: ClockReading) -> str:
    seconds = reading.skew.total_seconds()
    ahead = "ahead of" if seconds >= 0 else "behind"
    doubts = flag_names(reading.status) if reading.status else []
    status = f"; {', '.join(doubts)}" if doubts else ""
    return (
        f"{reading.time.isoformat()}  {abs(seconds):.1f} s {ahead} ours, "
        f"give or take {reading.uncertainty.total_seconds():.1f} s{status}"
    )
