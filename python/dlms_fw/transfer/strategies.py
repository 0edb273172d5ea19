"""The ways to bring blocks into a meter, which of them a link allows, and which is taken: tables and values.

A strategy is a point in a small space: how many blocks go in one request, how many requests may be on their
way, and whether they are confirmed. Each needs some means of the link; where these are missing, or the meter
has refused them, the next one in the order is taken. The last one, one confirmed block after the other, needs
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from dlms_fw.enums import Conformance
from dlms_fw.transfer.link import LinkFacts, Medium

StrategyName: TypeAlias = Literal[
    "sequential", "with-list", "pipelined", "general-block-transfer", "unconfirmed", "elsewhere"
]
WantedStrategy: TypeAlias = StrategyName | Literal["automatic"]
"""What a caller may ask for."""
WANTED: Final = (
    "automatic",
    "sequential",
    "with-list",
    "pipelined",
    "general-block-transfer",
    "unconfirmed",
    "elsewhere",
)

MOST_REQUESTS: Final = 16
"""Invoke ids have four bits."""
FIRST_BURST: Final = 4
"""Blocks of the first burst, after which it is looked whether the meter has taken any."""
_LIST_OCTETS: Final = 2048
"""A list need not be longer than this where several may be on their way, or the line is slow."""
_LONE_LIST_OCTETS: Final = 8192
"""A list on a stream that waits for its answer alone."""
_LONG_LIST_OCTETS: Final = 16384
"""A list that is streamed in general blocks; the meter must have room for it."""


class Means(Enum):
    """What a strategy needs of link and meter, and what the meter may refuse."""

    __hash__ = object.__hash__

    LISTS = "requests with a list"
    AHEAD = "several requests at a time"
    GENERAL_BLOCKS = "lists in general blocks"
    UNCONFIRMED = "unconfirmed requests"


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to send blocks.

    Attributes:
        blocks_per_request: At most; the meter answers each of them.
        depth: Requests that may be on their way at a time.
        burst: Unconfirmed blocks between two looks at what has arrived; 0 where each is confirmed.
    """

    name: StrategyName
    blocks_per_request: int = 1
    depth: int = 1
    burst: int = 0


class Choice(NamedTuple):
    """A strategy, and why it was taken."""

    strategy: Strategy
    why: str


_NEEDS: Final[Mapping[StrategyName, tuple[Means, ...]]] = MappingProxyType(
    {
        "sequential": (),
        "with-list": (Means.LISTS,),
        "pipelined": (Means.AHEAD,),
        "general-block-transfer": (Means.GENERAL_BLOCKS, Means.LISTS),
        "unconfirmed": (Means.UNCONFIRMED,),
        "elsewhere": (),
    }
)

_AUTOMATIC: Final[Mapping[Medium | None, tuple[StrategyName, ...]]] = MappingProxyType(
    {
        "stream": ("pipelined", "with-list", "general-block-transfer", "sequential"),
        "datagram": ("unconfirmed", "sequential"),
        "hdlc": ("general-block-transfer", "with-list", "sequential"),
        None: ("with-list", "sequential"),
    }
)
"""What is taken by itself, best first.

On datagrams every confirmed request that is lost costs a repetition or an association, so that a bitmap at
the end is cheaper. Over HDLC one request is answered at a time, and long ones save turning the line round;
some meters do not even acknowledge the frames of what they shall not answer.
"""
_SATURATED: Final[tuple[StrategyName, ...]] = ("unconfirmed", *_AUTOMATIC["stream"])
"""The same once all invoke ids were on their way and the line could still take more."""

_FALLBACK: Final[Mapping[StrategyName, tuple[StrategyName, ...]]] = MappingProxyType(
    {
        "sequential": (),
        "with-list": ("sequential",),
        "pipelined": ("with-list", "sequential"),
        "general-block-transfer": ("with-list", "sequential"),
        "unconfirmed": ("with-list", "sequential"),
        "elsewhere": (),
    }
)
"""What follows where the strategy that the caller has set cannot be used."""


def choose(
    wanted: WantedStrategy,
    link: LinkFacts,
    image_block_size: int,
    *,
    refused: Mapping[Means, str] = MappingProxyType({}),
    saturated: bool = False,
) -> Choice:
    """The best strategy that the link allows.

    Args:
        wanted: What the caller has set.
        link: What is known of the link.
        image_block_size: Octets of a block.
        refused: What the meter has refused, and how.
        saturated: Whether all invoke ids were on their way at a time, and the line could take more.
    """
    return _choice(wanted, link, image_block_size, tuple(refused.items()), saturated)


@lru_cache(maxsize=64)  # the meters of a fleet are much alike
def _choice(
    wanted: WantedStrategy,
    link: LinkFacts,
    image_block_size: int,
    refusals: tuple[tuple[Means, str], ...],
    saturated: bool,
) -> Choice:
    refused = dict(refusals)
    if wanted == "automatic":
        order, reason = _AUTOMATIC[link.medium], f"best for {_MEDIUM_NAMES[link.medium]}"
        if saturated and link.medium == "stream":
            order, reason = _SATURATED, f"the line takes more than {MOST_REQUESTS} requests at a time"
    else:
        order = (wanted, *_FALLBACK[wanted])
        reason = "as it was set"
    impediments: list[str] = []
    for name in order:
        impediment = _impediment(name, link, image_block_size, refused)
        if impediment is None:
            break
        impediments.append(f"not {name}: {impediment}")
    why = "; ".join(impediments) or reason
    return Choice(_strategy(name, link, image_block_size, refused), why)


_MEDIUM_NAMES: Final[Mapping[Medium | None, str]] = MappingProxyType(
    {"stream": "a stream", "datagram": "datagrams", "hdlc": "HDLC", None: "an unknown medium"}
)


def _impediment(
    name: StrategyName, link: LinkFacts, image_block_size: int, refused: Mapping[Means, str]
) -> str | None:
    """Why a strategy cannot be used, or ``None``."""
    for means in _NEEDS[name]:
        if means in refused:
            return refused[means]
        lacking = _LACKING[means](link)
        if lacking is not None:
            return lacking
    if name == "with-list" and link.blocks_per_list(image_block_size, _LONE_LIST_OCTETS) < 2:
        return f"two blocks of {image_block_size} octets do not fit one request"
    if name in {"pipelined", "unconfirmed"} and not link.fits_whole(image_block_size):
        return "a block needs block transfer, which is answered one at a time"
    if name == "general-block-transfer":
        whole = link.blocks_per_list(image_block_size, _LONG_LIST_OCTETS)
        if link.blocks_per_list(image_block_size, _LONG_LIST_OCTETS, one_pdu=False) <= whole:
            return "a list needs no general blocks here"
    return None


def _lacks_lists(link: LinkFacts) -> str | None:
    if Conformance.MULTIPLE_REFERENCES in link.conformance:
        return None
    return "multiple-references was not negotiated"


def _lacks_ahead(link: LinkFacts) -> str | None:
    if link.medium == "hdlc":
        return "HDLC has one request at a time"
    if link.medium is None:
        return "the medium is not known"
    return "requests by short names have no invoke ids" if link.short_names else None


def _lacks_general_blocks(link: LinkFacts) -> str | None:
    if Conformance.GENERAL_BLOCK_TRANSFER not in link.conformance:
        return "general-block-transfer was not negotiated"
    return None


def _lacks_unconfirmed(link: LinkFacts) -> str | None:
    if link.short_names and Conformance.UNCONFIRMED_WRITE not in link.conformance:
        return "unconfirmed-write was not negotiated"
    return None


_LACKING: Final[Mapping[Means, Callable[[LinkFacts], str | None]]] = MappingProxyType(
    {
        Means.LISTS: _lacks_lists,
        Means.AHEAD: _lacks_ahead,
        Means.GENERAL_BLOCKS: _lacks_general_blocks,
        Means.UNCONFIRMED: _lacks_unconfirmed,
    }
)


def _strategy(
    name: StrategyName, link: LinkFacts, image_block_size: int, refused: Mapping[Means, str]
) -> Strategy:
    """The parameters with which a strategy begins."""
    if name == "with-list":
        octets = _LIST_OCTETS if link.medium == "hdlc" else _LONE_LIST_OCTETS
        return Strategy(name, max(2, link.blocks_per_list(image_block_size, octets)))
    if name == "pipelined":
        lists = Means.LISTS not in refused and _lacks_lists(link) is None
        blocks = link.blocks_per_list(image_block_size, _LIST_OCTETS) if lists else 1
        return Strategy(name, blocks, MOST_REQUESTS)
    if name == "general-block-transfer":
        return Strategy(name, link.blocks_per_list(image_block_size, _LONG_LIST_OCTETS, one_pdu=False))
    if name == "unconfirmed":
        return Strategy(name, burst=FIRST_BURST)
    return Strategy(name)
