"""What members tell of themselves, and what that means for their group: pure, no IO and no clock.

Some are asked first and settle the block size of the group; the others are asked when their turn comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dlms_fw.errors import ImageRejected


class Survey(NamedTuple):
    """What is asked of every member before anything is written to it.

    Attributes:
        meter: What names it in our records.
        image_block_size: In octets.
        accepted_counter: The last invocation counter that it took under the key of the group, where it
            tells.
    """

    meter: str
    image_block_size: int
    accepted_counter: int | None


class Census:
    """Who belongs to the group.

    Args:
        next_counter: Where the group's stream of invocation counters goes on for a member that has accepted
            this one.

    Attributes:
        image_block_size: Of the group; 0 until it is settled.
        first_counter: The lowest invocation counter that all members accept who have told so far.
    """

    def __init__(self, next_counter: Callable[[int], int]) -> None:
        self.image_block_size = 0
        self.first_counter = 0
        self._next_counter = next_counter
        self._known: dict[str, str] = {}

    def settle(self, surveys: Iterable[Survey]) -> int:
        """Take the block size that most of these members have; 0 where there are none."""
        sizes = Counter(survey.image_block_size for survey in surveys if survey.image_block_size)
        self.image_block_size = max(sizes, key=lambda each: (sizes[each], -each), default=0)
        return self.image_block_size

    def admit(self, label: str, survey: Survey) -> None:
        """Let a member in.

        Raises:
            ImageRejected: it does not belong to the group; nothing is to be written to it.
        """
        first = self._known.setdefault(survey.meter, label)
        if first != label:
            raise ImageRejected(f"{label}: it is the same meter as {first}", reason="listed-twice")
        size = survey.image_block_size
        if size != self.image_block_size or not size:
            raise ImageRejected(
                f"{label}: its blocks have {size} octets, those of the group {self.image_block_size}",
                reason="block-size",
            )
        if survey.accepted_counter is not None:
            self.first_counter = max(self.first_counter, self._next_counter(survey.accepted_counter))
