"""``dlms-fw upgrade``: the main job. The image is judged first, then a connection is opened, then the rest.

What happens to the meter is the transfer's matter; here it is asked for, watched and told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import click

from dlms_fw import events
from dlms_fw.cli import progress
from dlms_fw.cli.image import IDENTIFIER, parsed_by
from dlms_fw.cli.outcome import Outcome, describe, printable, reported, silence, write_line
from dlms_fw.cli.target import Target, aimed
from dlms_fw.containers.description import PARTS
from dlms_fw.errors import ConfigurationError, ImageRejected
from dlms_fw.events import Event, event_to_dict
from dlms_fw.image import Image, read_file
from dlms_fw.journal import Journal
from dlms_fw.transfer import Activation, TransferPolicy, TransferResult, WantedStrategy
from dlms_fw.transfer.strategies import WANTED

LIMITS = {
    field.name: int if field.type == "int" else float
    for field in fields(TransferPolicy)
    if field.type in {"int", "float"}
}
"""What ``--limit`` can change: the numbers of the policy."""

_GOALS = {
    "activated": "done: the meter runs {identifier}",
    "already-current": "nothing to do: the meter runs {identifier} already",
    "scheduled": "done: the meter will activate {identifier} at {activate}",
    "verified": "done: {identifier} is in the meter, verified and not activated",
    "planned": "dry run: nothing was written to the meter",
}


def parse_activation(text: str) -> Activation:
    """``now``, ``never`` or an ISO 8601 time. Raises ValueError."""
    if text == "now":
        return "immediate"
    if text == "never":
        return "never"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither now, never nor a time such as 2026-12-01T03:00+01:00"
        ) from None


def parse_limit(text: str) -> tuple[str, float]:
    """``NAME=NUMBER`` of the policy. Raises ValueError."""
    name, _, value = text.partition("=")
    if name not in LIMITS:
        raise ValueError(f"{name!r} is no limit; there are: {', '.join(LIMITS)}")
    try:
        return name, LIMITS[name](value)
    except ValueError:
        raise ValueError(f"{name} takes a number, not {value!r}") from None


ACTIVATION = parsed_by(parse_activation)
LIMIT = parsed_by(parse_limit)


def _unknown() -> dict[str, Any]:
    return {
        "outcome": "failed",
        "changed": False,
        "meter": None,
        "identifier": None,
        "sha256": None,
        "block_size": None,
        "blocks_total": None,
        "blocks_sent": 0,
        "bytes": 0,
        "seconds": 0.0,
        "retries": 0,
        "link_losses": 0,
        "strategy": None,
        "phases": [],
        "warnings": [],
    }


@click.command()
@reported("upgrade", _unknown)
@aimed
@click.argument("file", metavar="IMAGE")
@click.option("--trust", multiple=True, metavar="FILE", help="A trusted public key, PEM; may be repeated.")
@click.option(
    "--activate",
    type=ACTIVATION,
    default="now",
    show_default=True,
    metavar="now|never|TIME",
    help="TIME is ISO 8601; without an offset it is the meter's local time.",
)
@click.option("--raw", is_flag=True, help="IMAGE is a vendor's file as it is: only the meter judges it.")
@click.option("--identifier", type=IDENTIFIER, metavar="HEX", help="With --raw: the image identifier.")
@click.option(
    "--part", type=click.IntRange(PARTS.start, PARTS.stop - 1), help="With --raw: the firmware part."
)
@click.option("--meter-type", metavar="TEXT", help="What the meter must call itself.")
@click.option("--restart", is_flag=True, help="Discard a transfer that the meter holds, whoever's it is.")
@click.option("--allow-downgrade", is_flag=True, help="Let an older version through.")
@click.option("--allow-metrology", is_flag=True, help="Let part 0, the metrological firmware, through.")
@click.option("--allow-insecure", is_flag=True, help="Let it go where neither side proves itself.")
@click.option(
    "--strategy",
    type=click.Choice([name for name in WANTED if name != "elsewhere"]),
    default="automatic",
    show_default=True,
    help="How blocks are sent.",
)
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@click.option("--dry-run", is_flag=True, help="Ask everything, change nothing, show the plan.")
@click.option(
    "--limit",
    "limits",
    type=LIMIT,
    multiple=True,
    metavar="NAME=NUMBER",
    help="Change a deadline or a count, e.g. busy_seconds=60; may be repeated.",
)
@click.option("--events", "events_file", metavar="FILE|-", help="Write each event as a line of JSON.")
def upgrade(
    outcome: Outcome,
    target: Target,
    file: str,
    trust: tuple[str, ...],
    activate: Activation,
    raw: bool,
    identifier: bytes | None,
    part: int | None,
    meter_type: str | None,
    restart: bool,
    allow_downgrade: bool,
    allow_metrology: bool,
    allow_insecure: bool,
    strategy: WantedStrategy,
    reason: str | None,
    dry_run: bool,
    limits: tuple[tuple[str, Any], ...],
    events_file: str | None,
) -> None:
    """Bring the firmware IMAGE into the meter at URL: transfer, verify, activate, confirm.

    URL is tcp://HOST:PORT (wrapper) or hdlc+tcp://HOST:PORT. The image's signature is checked before a
    connection is opened. After an interruption the same command goes on where it stopped.
    """
    tally = Tally(outcome.facts)
    if events_file == "-" and outcome.as_json:
        raise click.UsageError("--events - and --json both want standard output; write the events to a file")
    try:
        policy = TransferPolicy(
            activate=activate,
            restart=restart,
            dry_run=dry_run,
            allow_downgrade=allow_downgrade,
            allow_metrology=allow_metrology,
            allow_insecure=allow_insecure,
            meter_type=meter_type,
            strategy=strategy,
            **dict(limits),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    image = open_image(file, trust, raw=raw, identifier=identifier, part=part)
    tally.take_image(image)
    told_to_a_person = sys.stderr if outcome.as_json or events_file == "-" else sys.stdout
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(target.journal_path))
        client = stack.enter_context(target.client(journal))
        subscribers: list[Callable[[Event], None]] = [tally]
        if events_file is not None:
            subscribers.append(stack.enter_context(ndjson(events_file)))
        subscribers.append(stack.enter_context(progress.shown(sys.stderr)))
        stack.enter_context(recorded(journal, outcome.facts, policy, reason))
        result = client.upgrade(image, policy, on_event=lambda event: _tell(subscribers, event))
    tally.take_result(result)
    sentence = _GOALS[result.outcome].format(
        identifier=result.identifier.hex().upper(),
        activate=activate.isoformat() if isinstance(activate, datetime) else activate,
    )
    write_line(told_to_a_person, printable(f"{sentence} ({progress.duration(result.seconds)})"))


@contextmanager
def recorded(
    journal: Journal, facts: dict[str, Any], policy: TransferPolicy, reason: str | None
) -> Iterator[None]:
    """Two lines in the journal around a run: what was asked for and why, and what became of it."""
    flags = ("restart", "dry_run", "allow_downgrade", "allow_metrology", "allow_insecure")
    number = journal.note_run(
        {
            "at": _now(),
            "command": "upgrade",
            "url": facts["url"],
            "identifier": facts["identifier"],
            "sha256": facts["sha256"],
            "activate": str(policy.activate),
            "flags": [flag for flag in flags if getattr(policy, flag)],
            "reason": reason,
        }
    )
    try:
        yield
    except BaseException as error:
        journal.note_run(
            {"at": _now(), "of": number, "meter": facts["meter"], "outcome": "failed", **describe(error)}
        )
        raise
    journal.note_run({"at": _now(), "of": number, "meter": facts["meter"], "outcome": facts["outcome"]})


def open_image(
    file: str, trust: tuple[str, ...], *, raw: bool, identifier: bytes | None, part: int | None
) -> Image:
    """The image, judged as far as that goes without a meter.

    Raises:
        ImageRejected: It cannot be read, is damaged, or nobody trusted signed it.
    """
    if raw:
        if identifier is None:
            raise click.UsageError("--raw needs --identifier: a raw file does not say its own")
        if trust:
            raise click.UsageError(
                "--raw and --trust exclude each other: a raw file has no signature of ours"
            )
        return Image.raw(read_file(file), identifier, part)
    if identifier is not None or part is not None:
        raise click.UsageError("--identifier and --part are for --raw: a container says its own")
    image = Image.open(file)
    if not trust:
        raise ImageRejected(
            "whom to trust was not said, so the signature proves nothing",
            reason="untrusted",
            hint="give the vendor's public key with --trust FILE",
        )
    image.verify(trust)
    return image


class Tally:
    """Fills the facts of the JSON document while the transfer runs, so a failure keeps what was known."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def take_image(self, image: Image) -> None:
        """What is known before the meter is asked."""
        self._facts.update(identifier=image.image_identifier.hex().upper(), sha256=image.sha256.hex())

    def take_result(self, result: TransferResult) -> None:
        """How it ended."""
        told = result.to_dict()
        told["identifier"] = result.identifier.hex().upper()
        self._facts.update(told)

    def __call__(self, event: Event) -> None:
        """The subscriber."""
        facts = self._facts
        if isinstance(event, events.PlanMade):
            facts["meter"] = event.meter
        elif isinstance(event, events.PhaseFinished):
            facts["phases"].append(
                {
                    "phase": event.phase.value,
                    "outcome": event.outcome.value,
                    "seconds": round(event.seconds, 3),
                }
            )
        elif isinstance(event, events.StrategyChosen):
            facts["strategy"] = event.strategy
        elif isinstance(event, events.LinkLost):
            facts["link_losses"] += 1
        elif isinstance(event, events.Warned):
            facts["warnings"].append({"code": event.code, "text": event.text})
        elif isinstance(event, events.Finished):
            facts.update(
                outcome=event.outcome,
                changed=event.changed,
                seconds=round(event.seconds, 3),
                block_size=event.block_size,
                blocks_total=event.blocks_total,
                blocks_sent=event.blocks_sent,
                bytes=event.bytes_sent,
                retries=event.retries,
            )


@contextmanager
def ndjson(file: str) -> Iterator[Callable[[Event], None]]:
    """A subscriber that writes each event as one line of JSON; ``-`` is standard output.

    Where it cannot, the transfer stops in order: with a ConfigurationError, or as interrupted where whoever
    read the events has gone.
    """
    with ExitStack() as stack:
        stream: Any = sys.stdout.buffer
        if file != "-":
            try:
                stream = stack.enter_context(open(file, "wb", buffering=0))
            except OSError as error:
                raise _unwritable(file, error) from error

        def write(event: Event) -> None:
            try:
                stream.write(json.dumps(event_to_dict(event)).encode() + b"\n")
                stream.flush()
            except BrokenPipeError as error:
                silence(sys.stdout)
                raise click.Abort from error
            except OSError as error:
                raise _unwritable(file, error) from error

        yield write


def _unwritable(file: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{file} cannot be written: {error.strerror or error}", code="configuration.output"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _tell(subscribers: list[Callable[[Event], None]], event: Event) -> None:
    for subscriber in subscribers:
        subscriber(event)
