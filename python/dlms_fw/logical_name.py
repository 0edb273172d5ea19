"""The logical name of a COSEM object: six octets, written as an OBIS code.

Knows the forms that people write and the form on the wire; nothing about what the values mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_FORMS = re.compile(
    r"(?:(\d{1,3})\.(\d{1,3})\.|(\d{1,3})-(\d{1,3}):)(\d{1,3})\.(\d{1,3})\.(\d{1,3})[.*](\d{1,3})", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True, init=False, repr=False)
class LogicalName:
    """The logical name of an object: value groups A to F, one octet each (Blue Book, OBIS structure).

    Written ``"0-0:44.0.0.255"``, ``"0-0:44.0.0*255"`` or ``"0.0.44.0.0.255"``; ordered by its octets.
    """

    octets: bytes

    def __init__(self, value: LogicalNameLike) -> None:
        """Takes one of the written forms, the six octets, or another logical name.

        Raises:
            ValueError: The text is none of the forms, a group is above 255, or there are not six octets.
            TypeError: The value is neither text nor octets.
        """
        if isinstance(value, LogicalName):
            octets = value.octets
        elif isinstance(value, str):
            octets = _parse(value)
        elif isinstance(value, bytes | bytearray | memoryview):
            octets = bytes(value)
        else:
            raise TypeError(f"a logical name is made from str or bytes, not {type(value).__name__}")
        if len(octets) != 6:
            raise ValueError(f"a logical name has 6 octets, not {len(octets)}")
        object.__setattr__(self, "octets", octets)

    def to_bytes(self) -> bytes:
        """The six octets, as on the wire."""
        return self.octets

    def __str__(self) -> str:
        a, b, c, d, e, f = self.octets
        return f"{a}-{b}:{c}.{d}.{e}.{f}"

    def __repr__(self) -> str:
        return f"LogicalName({str(self)!r})"


LogicalNameLike: TypeAlias = LogicalName | str | bytes | bytearray | memoryview


@lru_cache(maxsize=4096)
def _parse(text: str) -> bytes:
    match = _FORMS.fullmatch(text.strip())
    groups = [int(group) for group in match.groups() if group is not None] if match else []
    if len(groups) != 6:
        raise ValueError(f"not a logical name: {text!r}; write it as '0-0:44.0.0.255' or '0.0.44.0.0.255'")
    if max(groups) > 255:
        raise ValueError(f"not a logical name: {text!r}; each value group is at most 255")
    return bytes(groups)
