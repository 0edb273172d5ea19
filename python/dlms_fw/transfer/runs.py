"""How long a run of blocks is: what the link takes in about a tenth of a second.

So progress is told, cancelling is heard and deadlines are looked at as often as without runs; where a block
takes longer than that, a run is one block. Time is an argument.
"""

from __future__ import annotations

from typing import Final

RUN_SECONDS: Final = 0.1
"""How long nobody looks at what a run has come to."""
_MOST_BLOCKS: Final = 1024
_GROWTH: Final = 16
"""One block alone says little about the next thousand."""


class RunPace:
    """How many blocks are sent in a run.

    Attributes:
        blocks: That number.
    """

    def __init__(self) -> None:
        self.blocks = 1
        self._since = 0.0

    def begin(self, now: float) -> None:
        """A run begins."""
        self._since = now

    def ended(self, taken: int, now: float) -> None:
        """It is over, or has paused, and so many blocks were taken."""
        elapsed = now - self._since
        wanted = int(taken * RUN_SECONDS / elapsed) if elapsed > 0 else _MOST_BLOCKS
        self.blocks = max(1, min(wanted, self.blocks * _GROWTH, _MOST_BLOCKS))
