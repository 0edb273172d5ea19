"""Finds the container format of a file by its magic: ours first, then plug-ins.

A plug-in is a module, or any object, with the three names of :class:`ContainerFormat`, announced under the
entry point group ``dlms_fw.containers``. Plug-ins are code, so they are imported only for a file that is none
of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dlms_fw.containers import dfw
from dlms_fw.containers.description import Container
from dlms_fw.errors import ConfigurationError, ImageRejected

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "dlms_fw.containers"
MAGIC_MINIMUM = 4
"""Octets; shorter ones would claim files by accident."""

MAGIC_LIMIT = 4096
"""Octets at the beginning of a file that are enough to tell its format."""


@runtime_checkable
class ContainerFormat(Protocol):
    """One kind of firmware file.

    ``NAME`` goes into :attr:`Container.format`; ``MAGIC`` is what its files begin with, 4 to 4096 octets.
    ``parse`` gets the whole file, checks all that needs no key, and raises ImageRejected for what it refuses.
    """

    NAME: str
    MAGIC: bytes

    def parse(self, data: bytes, /) -> Container:
        """What the container says."""


def find(data: bytes) -> ContainerFormat | None:
    """The format whose magic ``data`` begins with, or ``None``; its first ``MAGIC_LIMIT`` octets will do."""
    return next((known for known in _formats() if data.startswith(known.MAGIC)), None)


def parse(data: bytes) -> Container:
    """What a file of any known format says.

    Raises:
        ImageRejected: ``container`` where no format knows it, else what the format finds wrong.
    """
    return known_format(data).parse(data)


def known_format(data: bytes) -> ContainerFormat:
    """As :func:`find`; raises ImageRejected ``container`` where no format knows it."""
    container_format = find(data)
    if container_format is None:
        raise ImageRejected(
            "this is no known firmware container",
            reason="container",
            hint="a vendor's raw file needs an explicit image identifier",
        )
    return container_format


def _formats() -> Iterator[ContainerFormat]:
    yield dfw
    yield from _plug_ins(entry_points)


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """What the installed packages announce in this group."""
    from importlib.metadata import entry_points as announced  # here, as our own containers do without it

    return announced(group=group)


@lru_cache(maxsize=1)
def _plug_ins(installed: Callable[..., Iterable[EntryPoint]]) -> tuple[ContainerFormat, ...]:
    """Looked for once: to read what all installed packages announce takes longer than to digest an image."""
    return tuple(_loaded(installed(group=GROUP)))


def _loaded(announced: Iterable[EntryPoint]) -> Iterator[ContainerFormat]:
    for entry_point in sorted(announced, key=lambda entry_point: entry_point.name):
        try:
            plug_in = entry_point.load()
        except Exception as error:
            raise _unusable(entry_point.name, f"cannot be loaded: {error}") from error
        if not isinstance(plug_in, ContainerFormat) or not MAGIC_MINIMUM <= len(plug_in.MAGIC) <= MAGIC_LIMIT:
            raise _unusable(
                entry_point.name, f"needs NAME, MAGIC of {MAGIC_MINIMUM} to {MAGIC_LIMIT} octets, and parse"
            )
        yield plug_in


def _unusable(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"the container plug-in {name!r} {why}", code="configuration.plug-in")
