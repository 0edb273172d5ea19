"""How long a run of blocks is: what the link takes in about a tenth of a second, or a few dozen blocks.

So progress is told and deadlines are looked at about as often as without runs, and at least every second or
as often as the policy says; where a block takes longer than that, a run is one block. A few blocks are a run
even where they take longer than a tenth: with a thousand meters at once each one's blocks are far apart, and
looking at each of them would cost more than sending it. Time is an argument.
"""

from __future__ import annotations

from typing import Final

_USUAL_SECONDS: Final = 0.1
_FEW_BLOCKS: Final = 32
_MOST_BLOCKS: Final = 1024
_RUNS_AHEAD: Final = 4
_GROWTH: Final = 16
"""One block alone says little about the next thousand."""


class RunPace:
    """How many blocks are sent in a run.

    Args:
        longest_seconds: How long nobody looks at what a run has come to, at most.

    Attributes:
        blocks: That number.
    """

    __slots__ = ("_since", "blocks", "longest_seconds")

    def __init__(self, longest_seconds: float) -> None:
        self.longest_seconds = longest_seconds
        self.blocks = 1
        self._since = 0.0

    @property
    def blocks_ahead(self) -> int:
        """Blocks that are put on record before they are sent, so that a fast link seldom waits for a disk."""
        return self.blocks * _RUNS_AHEAD

    def begin(self, now: float) -> None:
        """A run begins."""
        self._since = now

    def ended(self, taken: int, now: float) -> None:
        """It is over, or has paused, and so many blocks were taken."""
        elapsed = now - self._since
        wanted = _MOST_BLOCKS
        if elapsed > 0:
            rate = taken / elapsed
            wanted = int(max(rate * _USUAL_SECONDS, min(_FEW_BLOCKS, rate * self.longest_seconds)))
        self.blocks = max(1, min(wanted, self.blocks * _GROWTH, _MOST_BLOCKS))
