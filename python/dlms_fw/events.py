"""The one stream of events that progress bars, JSON output, journals, plots and metrics subscribe to.

Rules of the stream: the first event is :class:`PlanMade`, the last always :class:`Finished`, also after an
error. :class:`Progress` comes at most ten times a second, and once more when the phase ends; its ``done``
never falls. ``at`` is the driver's monotonic time in seconds. This module knows no COSEM object and no
transport, and nothing here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Phase(Enum):
    """What a person sees of a transfer, in order. A run may skip phases, and goes back only for a restart."""

    IDENTIFY = "identify"
    PREPARE = "prepare"
    INITIATE = "initiate"
    TRANSFER = "transfer"
    VERIFY = "verify"
    SCHEDULE = "schedule"
    ACTIVATE = "activate"
    CONFIRM = "confirm"

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name each time


class PhaseOutcome(Enum):
    """How a phase ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlanMade:
    """What is going to be done; nothing has been asked of the meter yet.

    Attributes:
        image_size: Octets to transfer, container included.
        activate: ``"immediate"``, ``"never"`` or the ISO 8601 time of the schedule.
        known: Whether a checkpoint of this image exists, so that the transfer may go on where it stopped.
    """

    at: float
    meter: str
    image_identifier: bytes
    sha256: bytes
    image_size: int
    part: int | None
    activate: str
    known: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class MeterIdentified:
    """What the meter says of itself; ``None`` where it has no such object.

    Attributes:
        image_identifiers: The identifiers of the image's part as the object holds them, one or several.
    """

    at: float
    image_identifiers: tuple[bytes, ...] | None
    signature: bytes | None
    meter_type: str | None
    firmware_version: str | None


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase began."""

    at: float
    phase: Phase


@dataclass(frozen=True, slots=True)
class PhaseFinished:
    """A phase ended, or was not needed (``skipped``, zero seconds)."""

    at: float
    phase: Phase
    outcome: PhaseOutcome
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the blocks are.

    Attributes:
        done: Image blocks that the meter has.
        total: Image blocks of the image.
        bytes_done: Octets of the image that the meter has.
        bytes_total: Octets of the image.
        rate: Octets per second sent in this run, 0.0 while unknown.
        eta: Seconds until the last block at this rate, ``None`` while unknown.
        retries: Blocks sent more than once so far.
    """

    at: float
    phase: Phase
    done: int
    total: int
    bytes_done: int
    bytes_total: int
    rate: float
    eta: float | None
    retries: int


@dataclass(frozen=True, slots=True)
class StrategyChosen:
    """How image blocks are sent from now on.

    Attributes:
        strategy: Its name, as in the policy.
        blocks_per_request: Image blocks in one request, at most.
        depth: Requests that may be on their way at a time, at most.
        burst: Unconfirmed image blocks between two looks at what has arrived, at first; 0 where each is
            confirmed.
        why: The reason, for a person.
    """

    at: float
    strategy: str
    blocks_per_request: int
    depth: int
    burst: int
    why: str


@dataclass(frozen=True, slots=True)
class BlockRetried:
    """An image block was not taken and will be sent again."""

    at: float
    image_block_number: int
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class GapsFound:
    """The completeness check found blocks missing in the meter; ``runs`` are (first, count)."""

    at: float
    count: int
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link or the association is gone; the driver makes a new one."""

    at: float
    cause: str
    losses_without_progress: int


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """The meter answers again."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """The meter's image_transfer_status changed, as far as we have seen."""

    at: float
    image_transfer_status: int
    name: str


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A firmware event in the meter's own event log, read as evidence after an activation."""

    at: float
    code: int
    name: str
    meter_time: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is asked of the meter until ``until`` (on the scale of ``at``)."""

    at: float
    reason: str
    until: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should know and that does not stop the transfer; ``code`` is stable."""

    at: float
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end, well or badly.

    Attributes:
        outcome: As in the result, or ``"failed"``.
        block_size: The meter's image_block_size, ``None`` where it was not asked.
        blocks_sent: Image blocks sent in this run, repetitions included.
        bytes_sent: Octets of the image sent in this run, repetitions included.
        retries: Blocks sent more than once in this run.
        error_code: The code of the error, ``None`` if there is none.
    """

    at: float
    outcome: str
    changed: bool
    seconds: float
    block_size: int | None
    blocks_total: int | None
    blocks_sent: int
    bytes_sent: int
    retries: int
    error_code: str | None = None
    error_message: str | None = None


Event: TypeAlias = (
    PlanMade
    | MeterIdentified
    | PhaseStarted
    | PhaseFinished
    | Progress
    | StrategyChosen
    | BlockRetried
    | GapsFound
    | LinkLost
    | LinkRestored
    | MeterStatus
    | LoggedEvent
    | Waiting
    | Warned
    | Finished
)
"""Any event of the stream."""

Callback: TypeAlias = Callable[[Event], None]
"""A subscriber. Where it raises, the transfer stops cleanly and can be resumed; it is not called again."""

_WORD_START: Final = re.compile(r"(?<!^)(?=[A-Z])")


def event_to_dict(event: DataclassInstance) -> dict[str, Any]:
    """An event as JSON-able values: ``event`` is its name, octets are hex, enumerations their value."""
    named: dict[str, Any] = {"event": _WORD_START.sub("_", type(event).__name__).lower()}
    named.update((field.name, _plain(getattr(event, field.name))) for field in fields(event))
    return named


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    return value
