"""Options of ``dlms-fw sim`` for what manuals leave open, each called as its field in the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, get_args, get_type_hints

import click

from dlms_fw.meter.configuration import MeterConfig

_Command: TypeAlias = Callable[..., None]

_HELP: Final = {
    "transfer_after_restart": "What becomes of an unfinished transfer in a power cut.",
    "transfer_when_disabled": "What becomes of a transfer when transfers are disabled.",
    "initiate_in_transfer": "What an initiation in the middle of a transfer does.",
    "differing_block": "What other octets for a block that is there do.",
    "confirmation": "What confirms a new firmware.",
}


def switch_options(command: _Command) -> _Command:
    """Adds the options."""
    hints = get_type_hints(MeterConfig)
    for name, text in reversed(_HELP.items()):
        choice = click.Choice(get_args(hints[name]))
        command = click.option(f"--{name.replace('_', '-')}", type=choice, help=text)(command)
    restart = click.option("--no-restart", is_flag=True, help="A new firmware takes over in running.")
    patience = click.option(
        "--confirmation-seconds", type=click.FloatRange(0, 86_400), help="How long it waits for that."
    )
    return restart(patience(command))


def switches(settings: dict[str, Any]) -> dict[str, Any]:
    """The fields that were given."""
    fields = {name: settings[name] for name in _HELP}
    return fields | {"activation_restarts": False if settings["no_restart"] else None}
