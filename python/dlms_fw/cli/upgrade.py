"""``dlms-fw upgrade``: the main job. The image is judged first, then a connection is opened, then the rest.

What happens to the meter is the transfer's matter; here it is asked for, watched and told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import click

from dlms_fw import events
from dlms_fw.cli import progress
from dlms_fw.cli.instructions import Instructions, instructed, ndjson, recorded
from dlms_fw.cli.outcome import Outcome, printable, reported, write_line
from dlms_fw.cli.target import Target, aimed
from dlms_fw.events import Event, event_to_dict
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferResult

_GOALS = {
    "activated": "done: the meter runs {identifier}",
    "already-current": "nothing to do: the meter runs {identifier} already",
    "scheduled": "done: the meter will activate {identifier} at {activate}",
    "verified": "done: {identifier} is in the meter, verified and not activated",
    "planned": "dry run: nothing was written to the meter",
}


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
@instructed
def upgrade(outcome: Outcome, target: Target, instructions: Instructions) -> None:
    """Bring the firmware IMAGE into the meter at URL: transfer, verify, activate, confirm.

    URL is tcp://HOST:PORT (wrapper) or hdlc+tcp://HOST:PORT. The image's signature is checked before a
    connection is opened. After an interruption the same command goes on where it stopped.
    """
    tally = Tally(outcome.facts)
    instructions.check(as_json=outcome.as_json)
    policy = instructions.policy
    image = instructions.image()
    tally.take_image(image)
    events_file = instructions.events_file
    told_to_a_person = sys.stderr if outcome.as_json or events_file == "-" else sys.stdout
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(target.journal_path))
        client = stack.enter_context(target.client(journal))
        subscribers: list[Callable[[Event], None]] = [tally]
        if events_file is not None:
            write = stack.enter_context(ndjson(events_file))
            subscribers.append(lambda event: write(event_to_dict(event)))
        subscribers.append(stack.enter_context(progress.shown(sys.stderr)))
        stack.enter_context(recorded(journal, "upgrade", outcome.facts, instructions))
        result = client.upgrade(image, policy, on_event=lambda event: _tell(subscribers, event))
    tally.take_result(result)
    activate = policy.activate
    sentence = _GOALS[result.outcome].format(
        identifier=result.identifier.hex().upper(),
        activate=activate.isoformat() if isinstance(activate, datetime) else activate,
    )
    write_line(told_to_a_person, printable(f"{sentence} ({progress.duration(result.seconds)})"))


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


def _tell(subscribers: list[Callable[[Event], None]], event: Event) -> None:
    for subscriber in subscribers:
        subscriber(event)
