"""``dlms-fw listen``: prints what meters push, one line each, until it is told to stop.

The first line on standard error is ``listening on URL …``. Standard output gets the notifications alone.
"""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import ExitStack
from typing import Any

import click

from dlms_fw.cli.outcome import Outcome, printable
from dlms_fw.endpoint import Endpoint
from dlms_fw.journal import Journal
from dlms_fw.profile_files import load_profiles
from dlms_fw.profiles import Profile
from dlms_fw.push.arrival import Arrival, ListenerLimits, Sender
from dlms_fw.push.documents import document, line
from dlms_fw.push.listener import PushListener


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--config", metavar="FILE", help="A TOML file with profiles: the meters' keys.")
@click.option("--profile", metavar="NAME", help="Which profile of it is for all other meters.")
@click.option("--accept-unprotected", is_flag=True, help="Plain messages of strangers, too.")
@click.option("--journal", metavar="FILE", help="Keep the meters' invocation counters there.")
@click.option("--json", "as_json", is_flag=True, help="Print each message as a line of JSON.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after so many messages.")
@click.option("--idle-timeout", type=click.FloatRange(0.1), metavar="SECONDS", help="Of a silent connection.")
@click.option("--max-connections", type=click.IntRange(1), help="At the same time.")
def listen(
    urls: tuple[str, ...],
    config: str | None,
    profile: str | None,
    accept_unprotected: bool,
    journal: str | None,
    as_json: bool,
    count: int | None,
    **limits: Any,
) -> None:
    """Print what meters push to tcp://[HOST]:PORT, udp:// or hdlc+tcp://; Ctrl-C or SIGTERM stop it.

    Without --config only plain messages are understood. With it each meter is known by the meter_system_title
    of its profile.
    """
    with Outcome("listen", as_json=False) as outcome, ExitStack() as stack:
        meters = None if config is None else _Meters(load_profiles(config), profile)
        if config is None and profile is not None:
            raise click.UsageError("--profile needs --config")
        listener = PushListener(
            *(Endpoint.parse(url, listen=True) for url in urls),
            meters=meters,
            journal=None if journal is None else stack.enter_context(Journal(journal)),
            accept_unprotected=meters is None or accept_unprotected,
            limits=_limits(limits),
        )
        asyncio.run(_print_all(listener, outcome, as_json=as_json, count=count))
        click.echo(_summary(listener), err=True)


class _Meters:
    """The profiles of a file, by the system titles that they pin; one of them may be for all others."""

    def __init__(self, profiles: dict[str, Profile], others: str | None) -> None:
        if others is not None and others not in profiles:
            raise click.UsageError(f"there is no profile {others} in that file")
        self._by_title = {
            profile.meter_system_title: profile
            for profile in profiles.values()
            if profile.meter_system_title is not None
        }
        self._others = None if others is None else profiles[others]

    def __call__(self, sender: Sender) -> Profile | None:
        if sender.system_title is None:
            return self._others
        return self._by_title.get(sender.system_title, self._others)


def _limits(given: dict[str, Any]) -> ListenerLimits:
    named = {"idle_timeout_s": given["idle_timeout"], "max_connections": given["max_connections"]}
    return ListenerLimits(**{name: value for name, value in named.items() if value is not None})


async def _print_all(listener: PushListener, outcome: Outcome, *, as_json: bool, count: int | None) -> None:
    loop = asyncio.get_running_loop()
    stopping: set[asyncio.Task[None]] = set()

    def stop() -> None:
        stopping.add(asyncio.ensure_future(listener.close()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with listener:
        click.echo(f"listening on {' '.join(listener.urls)}", err=True)
        async for arrival in listener:
            outcome.say(_shown(arrival, as_json=as_json))
            count = None if count is None else count - 1
            if count == 0:
                break


def _shown(arrival: Arrival, *, as_json: bool) -> str:
    return json.dumps(document(arrival)) if as_json else printable(line(arrival))


def _summary(listener: PushListener) -> str:
    told = listener.statistics
    refused = ", ".join(f"{reason} {number}" for reason, number in sorted(told.refused.items()))
    return f"{told.notifications} messages, {told.confirmed} confirmed; refused: {refused or 'none'}"
