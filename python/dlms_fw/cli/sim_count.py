"""``dlms-fw sim --count``: many meters in one process, each at an address and with a memory of its own.

They have nothing to do with each other, unlike ``--meters``, which are on one line.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import click

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.storage import Directory, Medium

Spread: TypeAlias = Literal["ports", "addresses"]
_Command: TypeAlias = Callable[..., None]

FILES_OF_A_METER: Final = 40
"""A meter keeps the files of its memory open, and its clients."""
_LAST_PORT: Final = 0xFFFF


def count_options(command: _Command) -> _Command:
    """Adds the options."""
    spread = click.option(
        "--spread",
        type=click.Choice(["ports", "addresses"]),
        default="ports",
        show_default=True,
        help="What is counted up for --count: ports (0 is any each time), or the host's IP address.",
    )
    count = click.option(
        "--count",
        type=click.IntRange(1, 10_000),
        default=1,
        show_default=True,
        help="So many meters, each at its own address, with its own serial number and memory.",
    )
    return count(spread(command))


def address_of(endpoint: Endpoint, number: int, spread: Spread) -> Endpoint:
    """Where the meter of that number listens, counted from 0.

    Raises:
        ConfigurationError: There is no such address.
    """
    if number == 0 or endpoint.scheme == "pty":
        return endpoint
    if not endpoint.is_network:
        raise ConfigurationError(
            f"one {endpoint.scheme} line is for one meter", hint="--meters puts several on it, or use pty"
        )
    if spread == "addresses":
        return replace(endpoint, host=_address_after(endpoint.host, number))
    if endpoint.port == 0:
        return endpoint
    if endpoint.port + number > _LAST_PORT:
        raise ConfigurationError(f"port {endpoint.port} + {number} is above {_LAST_PORT}")
    return replace(endpoint, port=endpoint.port + number)


def _address_after(host: str, number: int) -> str:
    try:
        return str(ipaddress.ip_address(host) + number)
    except ValueError:
        raise ConfigurationError(
            f"--spread addresses counts from an IP address, and {host} + {number} is none"
        ) from None


def memory_of(state: str | None, number: int, count: int, *, volatile: bool) -> Callable[[], Medium]:
    """Opens the memory of the meter of that number: a directory of its own, or one that ends with it.

    Raises:
        ConfigurationError: The command line does not say which.
    """
    if volatile is (state is not None):
        raise ConfigurationError(
            "a meter needs a memory", hint="give it --state DIR, or --volatile where it may forget everything"
        )
    if state is None:
        memory = MemoryMedium()
        return lambda: memory
    folder = Path(state) if count == 1 else Path(state) / f"meter-{number + 1:0{len(str(count))}}"
    return lambda: Directory(folder)
