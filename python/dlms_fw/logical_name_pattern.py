"""Logical names that are meant together: ``"1-0:*.8.0.255"``, or reduced forms such as ``"1.8.0"``."""

from __future__ import annotations

import re
from typing import Final

from dlms_fw.logical_name import LogicalName, LogicalNameLike

__all__ = ["LogicalNamePattern"]

_GROUP = r"(\d{1,3}|\*)"
_FULL: Final = re.compile(
    rf"{_GROUP}[-.]{_GROUP}[:.]{_GROUP}\.{_GROUP}\.{_GROUP}(?:[.*]|\.)(\d{{1,3}}|\*)", re.ASCII
)
_REDUCED: Final = re.compile(
    rf"(?:{_GROUP}-{_GROUP}:)?{_GROUP}\.{_GROUP}\.{_GROUP}(?:[.*](\d{{1,3}}|\*))?", re.ASCII
)
_ANY: Final = "*"


class LogicalNamePattern:
    """Some value groups of a logical name; the others may be anything.

    ``*`` stands for any value of a group. ``"1.8.0"`` is value groups C, D and E of any medium and channel;
    A and B are any where they are left out, and so is F.
    """

    def __init__(self, pattern: LogicalNameLike) -> None:
        """Raises ValueError where the text is no such pattern, TypeError where it is no text."""
        self._text = str(pattern) if isinstance(pattern, str) else str(LogicalName(pattern))
        self._groups = _parse(self._text)

    def matches(self, name: LogicalName) -> bool:
        """Whether a logical name is meant."""
        return all(
            wanted is None or wanted == octet
            for wanted, octet in zip(self._groups, name.to_bytes(), strict=True)
        )

    @property
    def is_exact(self) -> bool:
        """Whether one logical name is meant."""
        return None not in self._groups

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"LogicalNamePattern({self._text!r})"


def _parse(text: str) -> tuple[int | None, ...]:
    match = _FULL.fullmatch(text.strip()) or _REDUCED.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"not a logical name: {text!r}; write it as '1-0:1.8.0.255', '1-0:*.8.0.255' or '1.8.0'"
        )
    groups = [None if group in {None, _ANY} else int(group) for group in match.groups()]
    if any(group is not None and group > 255 for group in groups):
        raise ValueError(f"not a logical name: {text!r}; each value group is at most 255")
    return tuple(groups)
