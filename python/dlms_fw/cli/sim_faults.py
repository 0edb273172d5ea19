"""The options of ``dlms-fw sim`` that make the meter misbehave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from dlms_fw.meter.lies.files import load_lies
from dlms_fw.meter.lies.kinds import KINDS
from dlms_fw.meter.lies.lie import Lie

_F = TypeVar("_F", bound=Callable[..., Any])


def _list_faults(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    for name, kind in KINDS.items():
        parameters = ", ".join(f"{key}={value}" for key, value in kind.defaults.items())
        click.echo(f"{name:<26}{kind.text}{f' ({parameters})' if parameters else ''}")
    context.exit()


def fault_options(command: _F) -> _F:
    """``--fault``, ``--faults`` and ``--list-faults``."""
    for option in (
        click.option(
            "--list-faults",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_list_faults,
            help="List the ways to misbehave, and end.",
        ),
        click.option(
            "--faults", metavar="FILE", help="Misbehave as this TOML file says: [[fault]] with name, ..."
        ),
        click.option(
            "--fault",
            multiple=True,
            metavar="NAME[:PARAMETER=VALUE,...]",
            help="Misbehave like this; may be repeated.",
        ),
    ):
        command = option(command)
    return command


def faults(settings: dict[str, Any]) -> tuple[Lie, ...]:
    """What was asked for. Raises ConfigurationError."""
    from_file = () if settings["faults"] is None else load_lies(settings["faults"])
    return (*from_file, *(Lie.parse(text) for text in settings["fault"]))
