"""What an upgrade is told on the command line, be it of one meter or of many: the image, and what to do.

Options become values here. What is done with them is the commands' matter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from dlms_fw.cli.image import IDENTIFIER, parsed_by
from dlms_fw.cli.outcome import describe, silence
from dlms_fw.containers.description import PARTS
from dlms_fw.errors import ConfigurationError, ImageRejected
from dlms_fw.image import Image, read_file
from dlms_fw.journal import Journal
from dlms_fw.transfer import Activation, TransferPolicy
from dlms_fw.transfer.strategies import WANTED

LIMITS = {
    field.name: int if field.type == "int" else float
    for field in fields(TransferPolicy)
    if field.type in {"int", "float"}
}
"""What ``--limit`` can change: the numbers of the policy."""


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


@dataclass(frozen=True, slots=True)
class Instructions:
    """What was typed.

    Attributes:
        file: The image.
        trust: Trusted public keys.
        raw: Whether the image is a vendor's file as it is.
        identifier: The identifier of a raw image.
        part: Its firmware part.
        policy: What is to be done.
        reason: Why, for the record.
        events_file: Where events go.
    """

    file: str
    trust: tuple[str, ...]
    raw: bool
    identifier: bytes | None
    part: int | None
    policy: TransferPolicy
    reason: str | None
    events_file: str | None

    def check(self, *, as_json: bool) -> None:
        """Raises UsageError where two things want standard output."""
        if self.events_file == "-" and as_json:
            raise click.UsageError(
                "--events - and --json both want standard output; write the events to a file"
            )

    def image(self) -> Image:
        """The image, judged as far as that goes without a meter. Raises ImageRejected."""
        return open_image(self.file, self.trust, raw=self.raw, identifier=self.identifier, part=self.part)


_OPTIONS = (
    click.argument("file", metavar="IMAGE"),
    click.option(
        "--trust", multiple=True, metavar="FILE", help="A trusted public key, PEM; may be repeated."
    ),
    click.option(
        "--activate",
        type=ACTIVATION,
        default="now",
        show_default=True,
        metavar="now|never|TIME",
        help="TIME is ISO 8601; without an offset it is the meter's local time.",
    ),
    click.option("--raw", is_flag=True, help="IMAGE is a vendor's file as it is: only the meter judges it."),
    click.option("--identifier", type=IDENTIFIER, metavar="HEX", help="With --raw: the image identifier."),
    click.option(
        "--part", type=click.IntRange(PARTS.start, PARTS.stop - 1), help="With --raw: the firmware part."
    ),
    click.option("--meter-type", metavar="TEXT", help="What the meter must call itself."),
    click.option("--restart", is_flag=True, help="Discard a transfer that the meter holds, whoever's it is."),
    click.option("--allow-downgrade", is_flag=True, help="Let an older version through."),
    click.option("--allow-metrology", is_flag=True, help="Let part 0, the metrological firmware, through."),
    click.option("--allow-insecure", is_flag=True, help="Let it go where neither side proves itself."),
    click.option(
        "--strategy",
        type=click.Choice([name for name in WANTED if name != "elsewhere"]),
        default="automatic",
        show_default=True,
        help="How blocks are sent.",
    ),
    click.option("--reason", metavar="TEXT", help="Why, for the record."),
    click.option("--dry-run", is_flag=True, help="Ask everything, change nothing, show the plan."),
    click.option(
        "--limit",
        "limits",
        type=LIMIT,
        multiple=True,
        metavar="NAME=NUMBER",
        help="Change a deadline or a count, e.g. busy_seconds=60; may be repeated.",
    ),
    click.option("--events", "events_file", metavar="FILE|-", help="Write each event as a line of JSON."),
)


def instructed(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument ``IMAGE`` and the options for it, and as last one :class:`Instructions`."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        limits = dict(kwargs.pop("limits"))
        told = {name: kwargs.pop(name) for name in _OF_POLICY}
        try:
            policy = TransferPolicy(**told, **limits)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        rest = {name: kwargs.pop(name) for name in _OF_INSTRUCTIONS}
        function(*args, Instructions(policy=policy, **rest), **kwargs)

    command = run
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OF_POLICY = (
    "activate",
    "restart",
    "dry_run",
    "allow_downgrade",
    "allow_metrology",
    "allow_insecure",
    "meter_type",
    "strategy",
)
_OF_INSTRUCTIONS = tuple(field.name for field in fields(Instructions) if field.name != "policy")


@contextmanager
def recorded(
    journal: Journal, command: str, facts: dict[str, Any], instructions: Instructions
) -> Iterator[None]:
    """Two lines in the journal around a run: what was asked for and why, and what became of it."""
    policy = instructions.policy
    flags = ("restart", "dry_run", "allow_downgrade", "allow_metrology", "allow_insecure")
    number = journal.note_run(
        {
            "at": _now(),
            "command": command,
            "url": facts["url"],
            "identifier": facts["identifier"],
            "sha256": facts["sha256"],
            "activate": str(policy.activate),
            "flags": [flag for flag in flags if getattr(policy, flag)],
            "reason": instructions.reason,
        }
    )
    try:
        yield
    except BaseException as error:
        journal.note_run(
            {"at": _now(), "of": number, "meter": facts.get("meter"), "outcome": "failed", **describe(error)}
        )
        raise
    journal.note_run({"at": _now(), "of": number, "meter": facts.get("meter"), "outcome": facts["outcome"]})


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
    if not trust:
        raise ImageRejected(
            "whom to trust was not said, so a signature would prove nothing",
            reason="untrusted",
            hint="give the vendor's public key with --trust FILE",
        )
    return Image.open(file, trusted=trust)


@contextmanager
def ndjson(file: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Writes each event that it is given as one line of JSON; ``-`` is standard output.

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

        def write(event: dict[str, Any]) -> None:
            try:
                stream.write(json.dumps(event).encode() + b"\n")
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
