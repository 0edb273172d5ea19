"""``dlms-fw multicast``: one image to a group of meters, and a row for each of them in the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

import click

from dlms_fw.cli import progress
from dlms_fw.cli.instructions import Instructions, instructed, ndjson, recorded
from dlms_fw.cli.members import read_members
from dlms_fw.cli.outcome import Outcome, printable, reported, write_line
from dlms_fw.cli.target import Target, aimed, without_security
from dlms_fw.events import Event, Finished, event_to_dict
from dlms_fw.journal import Journal
from dlms_fw.multicast import (
    Group,
    GroupEvent,
    GroupLooked,
    GroupPassSent,
    GroupReady,
    GroupRefused,
    MulticastPolicy,
    MulticastReport,
    MulticastUpgrade,
)
from dlms_fw.multicast.group import PRE_ESTABLISHED_CLIENT
from dlms_fw.multicast.report import GOALS
from dlms_fw.profile_files import load_profile
from dlms_fw.profiles import Profile


def _unknown() -> dict[str, Any]:
    return {
        "outcome": "failed",
        "changed": False,
        "identifier": None,
        "sha256": None,
        "block_size": None,
        "blocks_total": None,
        "passes": 0,
        "blocks_sent": 0,
        "looks": 0,
        "seconds": {},
        "members": [],
    }


@click.command()
@reported("multicast", _unknown)
@aimed
@instructed
@click.option("--members", "members_file", required=True, metavar="FILE", help="TOML or CSV: the meters.")
@click.option("--interface", metavar="NAME", help="Network interface that multicast is sent through.")
@click.option("--ttl", type=click.IntRange(1, 255), default=1, show_default=True, help="Routers to pass, +1.")
@click.option(
    "--block-pause",
    type=click.FloatRange(0.0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Least pause after each block to the group; it grows by itself.",
)
def multicast(
    outcome: Outcome,
    target: Target,
    instructions: Instructions,
    members_file: str,
    interface: str | None,
    ttl: int,
    block_pause: float,
) -> None:
    """Bring the firmware IMAGE into a group of meters at URL, and into each of them what it has missed.

    URL is udp:// with a multicast address, or hdlc+tcp:// with the group's address as ?server=. --profile is
    that of the group: pre-established, with the broadcast key. The file of --members has url and profile of
    each meter. Blocks go to all at once; all else goes to each meter alone.
    """
    instructions.check(as_json=outcome.as_json)
    image = instructions.image()
    outcome.facts.update(identifier=image.image_identifier.hex().upper(), sha256=image.sha256.hex())
    profile = target.profile if target.has_profile else _group_without_security()
    members = read_members(members_file, _profiles(target))
    told_to_a_person = sys.stderr if outcome.as_json or instructions.events_file == "-" else sys.stdout
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(target.journal_path))
        write = None
        if instructions.events_file is not None:
            write = stack.enter_context(ndjson(instructions.events_file))
        stack.enter_context(recorded(journal, "multicast", outcome.facts, instructions))
        begun: set[str] = set()
        upgrade = MulticastUpgrade(
            image,
            members,
            Group(outcome.facts["url"], profile, interface, ttl),
            instructions.policy,
            multicast=MulticastPolicy(block_pause_seconds=block_pause),
            journal=journal,
            on_event=_subscriber(write, begun),
        )
        try:
            report = asyncio.run(upgrade.run())
        finally:
            _take(outcome.facts, upgrade.report)
        _tell_who_never_began(report, begun)
        _raise_first_failure(report)
    reached = f"{len(report.members)} meters, {report.blocks_sent} blocks to the group"
    write_line(told_to_a_person, printable(f"done: {reached}"))


def _group_without_security() -> Profile:
    return Profile(name="(none given)", client_sap=PRE_ESTABLISHED_CLIENT, pre_established=True)


def _profiles(target: Target) -> Callable[[str | None], Profile]:
    @cache
    def profile_of(name: str | None) -> Profile:
        if name is None or target.config is None:
            return without_security()
        return load_profile(target.config, name)

    return profile_of


def _take(facts: dict[str, Any], report: MulticastReport) -> None:
    told = report.to_dict()
    told["identifier"] = report.identifier.hex().upper()
    facts.update(told)
    facts["outcome"] = "done" if report.ok else "failed"
    facts["changed"] = any(row.changed for row in report.members)


def _raise_first_failure(report: MulticastReport) -> None:
    """What failed goes before what was excluded, which had to be expected."""
    for outcome in ("failed", "excluded"):
        for row in report.members:
            if row.outcome == outcome and row.error is not None:
                raise row.error


def _tell_who_never_began(report: MulticastReport, begun: set[str]) -> None:
    """A line for each member that was not reached or left out before its upgrade began."""
    for row in report.members:
        if row.member not in begun and row.error is not None:
            write_line(sys.stderr, printable(f"  !!  {row.member}  {row.outcome}: {row.error}"))


def _subscriber(write: Callable[[dict[str, Any]], None] | None, begun: set[str]) -> Callable[..., None]:
    """Gets each event; people get a line for what concerns the group, and one for each member's end."""

    def subscriber(member: str | None, event: Event | GroupEvent) -> None:
        if member is not None:
            begun.add(member)
        if write is not None:
            write({"member": member, **event_to_dict(event)})
        line = _line(member, event)
        if line is not None:
            write_line(sys.stderr, printable(f"  {line}"))

    return subscriber


def _line(member: str | None, event: Event | GroupEvent) -> str | None:
    match event:
        case GroupReady():
            return f"..  ready       {event.members} meters miss {event.missing} blocks"
        case GroupPassSent():
            return f"..  pass {event.number:<5}  {progress.duration(event.seconds):>8}  {event.blocks} blocks"
        case GroupLooked():
            incomplete = f"{event.incomplete} of the group miss {event.missing} blocks"
            return f"..  looked      {event.asked} asked, {incomplete}"
        case GroupRefused():
            return f"!!  group       {event.error_message}; the rest goes by unicast"
        case Finished():
            mark = "ok" if event.outcome in GOALS else "!!"
            why = "" if event.error_message is None else f": {event.error_message}"
            return f"{mark}  {member}  {event.outcome}{why}"
        case _:
            return None
