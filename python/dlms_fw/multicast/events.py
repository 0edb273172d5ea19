"""What a group goes through, besides the events of its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class GroupReady:
    """Members wait for blocks; the first are sent now.

    Attributes:
        members: That wait.
        missing: Blocks that they miss, all together.
    """

    at: float
    members: int
    blocks_total: int
    missing: int


@dataclass(frozen=True, slots=True)
class GroupPassSent:
    """Blocks have been sent to the group.

    Attributes:
        number: Of the pass, from 1.
        blocks: Sent in it.
        pause_seconds: After each.
    """

    at: float
    number: int
    blocks: int
    seconds: float
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class GroupLooked:
    """Members have been asked what they have.

    Attributes:
        asked: How many were.
        incomplete: How many of the group miss blocks, as far as is known.
        missing: Blocks that they miss, all together.
    """

    at: float
    asked: int
    incomplete: int
    missing: int


@dataclass(frozen=True, slots=True)
class GroupRefused:
    """The group could not be sent to; its members get the rest by unicast."""

    at: float
    error_code: str
    error_message: str


GroupEvent: TypeAlias = GroupReady | GroupPassSent | GroupLooked | GroupRefused
"""Any event of a group; :func:`dlms_fw.events.event_to_dict` takes it, too."""
