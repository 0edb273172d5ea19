"""What the machine asks of its driver besides requests to the meter, and the result it hands over in the end.

Waiting, saving and reconnecting are values: whoever drives the machine carries them out, with or without
``await``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from dlms_fw._core import ActionRequest, BlockRun
from dlms_fw.events import Phase, PhaseOutcome
from dlms_fw.transfer.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait this long, the association may stay open, then ask again."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Release the association and the link, wait, associate again, then ask again.

    Where that fails, tell ``handle_lost``; the machine knows that a meter may be away for a while.
    """

    after_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Save:
    """Make this checkpoint durable before anything else is asked or sent."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Burst:
    """Send these unconfirmed requests, pause, then tell ``handle_sent``; nothing answers them."""

    requests: tuple[ActionRequest, ...]
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Send these blocks, each as soon as there is room for it; when the run is over, tell ``handle_run``.

    What came to end it and is an answer goes to ``handle_response`` afterwards. Only a driver that says so
    in :class:`~dlms_fw.transfer.link.LinkFacts` is asked for it.

    Attributes:
        blocks: The run, which keeps what was sent and taken.
        bound: No block with this number or above is sent.
        most: So many requests are sent at most; fewer where invocation counters run out.
        depth: So many are on their way at a time.
        seconds: It is stopped after that time, so that somebody looks at what it has come to.
    """

    blocks: BlockRun
    bound: int
    most: int
    depth: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Blocks come to the meter by another way; tell ``handle_sent`` when they should have arrived.

    The bound is on record, so all of them may be sent. Then the meter is asked what it has.

    Attributes:
        missing: Runs of blocks that the meter does not have, as far as is known, as (first, count).
    """

    missing: tuple[tuple[int, int], ...]


class PhaseTime(NamedTuple):
    """How long a phase took and how it ended."""

    phase: Phase
    outcome: PhaseOutcome
    seconds: float


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A transfer that reached its goal.

    Attributes:
        outcome: What was reached; ``"verified"`` rests in the meter, ``"planned"`` is the end of a dry run.
        changed: Whether anything in the meter is different now.
        identifier: The image_identifier.
        block_size: The meter's image_block_size, ``None`` where it was not asked.
        blocks_sent: image_block_transfer requests sent in this run, repetitions included.
        bytes: Octets of the image sent in this run, repetitions included.
        retries: Blocks sent more than once in this run.
        rounds: Completeness checks that found acknowledged blocks missing.
        link_losses: Lost links and associations in this run.
        strategy: How blocks were sent last; ``None`` where none was.
    """

    outcome: Literal["activated", "already-current", "scheduled", "verified", "planned"]
    changed: bool
    identifier: bytes
    sha256: bytes
    block_size: int | None
    blocks_total: int | None
    blocks_sent: int
    bytes: int
    seconds: float
    retries: int
    rounds: int
    link_losses: int
    phases: tuple[PhaseTime, ...]
    strategy: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-able values."""
        return {
            "outcome": self.outcome,
            "changed": self.changed,
            "identifier": self.identifier.hex(),
            "sha256": self.sha256.hex(),
            "block_size": self.block_size,
            "blocks_total": self.blocks_total,
            "blocks_sent": self.blocks_sent,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "retries": self.retries,
            "rounds": self.rounds,
            "link_losses": self.link_losses,
            "strategy": self.strategy,
            "phases": [
                {"phase": phase.value, "outcome": outcome.value, "seconds": round(seconds, 3)}
                for phase, outcome, seconds in self.phases
            ],
        }
