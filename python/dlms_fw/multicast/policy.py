"""What the caller decides about an upgrade of a group: values, all finite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastPolicy:
    """How blocks go to a group. What goes to each member is :class:`~dlms_fw.transfer.TransferPolicy`.

    Attributes:
        block_pause_seconds: Least pause after each block to the group. It grows by itself where members drop
            what comes too fast.
        burst_blocks: Blocks between two moments at which others may have a shared line.
        most_blind_passes: Whole passes, at most, before all members are asked what they have.
        sample_above: Groups larger than this show their loss by a sample after the first pass.
        sample: Members in that sample.
        trial_blocks: Blocks that show to a sample whether a slower pace is worth it.
        most_rounds: Times that all incomplete members are asked, before the rest goes by unicast.
        tries: Times that a member is called at first, before it is given up.
        pause_seconds: Between two of these.
        gather_seconds: How long the first pass waits, after one member has got ready, for another one to.
            Who comes later has missed what was sent.
        missed_looks: Times in a row that a member may be unreachable when it is asked, until it is left to
            unicast.
        most_at_once: Members that are talked to at the same time, where they are on different lines.
    """

    block_pause_seconds: float = 0.0
    burst_blocks: int = 64
    most_blind_passes: int = 8
    sample_above: int = 10
    sample: int = 5
    trial_blocks: int = 128
    most_rounds: int = 30
    tries: int = 3
    pause_seconds: float = 10.0
    gather_seconds: float = 300.0
    missed_looks: int = 2
    most_at_once: int = 64

    def __post_init__(self) -> None:
        counts = (
            "burst_blocks",
            "most_blind_passes",
            "sample",
            "most_rounds",
            "most_at_once",
            "tries",
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in self.__slots__:
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be finite and not negative")
