"""What sending to a group costs, by expectation: how often to send before anybody is asked, and what next.

Pure arithmetic over measured seconds and seen losses. A loss is the share of blocks that one member does not
get of what is sent to all; members lose independently of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MOST_ROUNDS: Final = 64
_LARGEST_LOSS: Final = 0.95


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that things take, as measured.

    Attributes:
        block: One block to the group, its pause included.
        look: To ask one member what it has, the association included.
        exchange: One small request and its answer.
        detail: To ask it which blocks it misses, on top of that.
        parallel: How many members can be talked to at the same time.
    """

    block: float
    look: float
    exchange: float
    detail: float
    parallel: int = 1

    @property
    def unicast_block(self) -> float:
        """One block to one member, with its answer."""
        return self.block + self.exchange


def expected_seconds(passes: int, members: int, blocks: int, losses: Sequence[float], costs: Costs) -> float:
    """How long it takes until nobody misses a block, where so many whole passes go before the first look.

    Args:
        passes: Whole passes before anybody is asked, at least 1.
        members: In the group.
        blocks: Of the image.
        losses: The losses of a sample of the members, at least one.
        costs: What things take.
    """
    seconds = passes * blocks * costs.block
    asked = float(members)
    for sent in range(passes, passes + _MOST_ROUNDS):
        misses = [min(loss, _LARGEST_LOSS) ** sent for loss in losses]
        incomplete = members * _mean([1.0 - (1.0 - miss) ** blocks for miss in misses])
        # Whoever misses something is asked for the bitmap, too, while the association is there.
        seconds += (asked * costs.look + incomplete * costs.detail) / costs.parallel
        if incomplete < 0.5:
            break
        missing = members * blocks * _mean(misses)
        union = blocks * (1.0 - (1.0 - _mean(misses)) ** members)
        by_unicast = missing * costs.unicast_block / costs.parallel
        if by_unicast <= union * costs.block:
            return seconds + by_unicast
        seconds += union * costs.block
        asked = incomplete
    return seconds


def blind_passes(
    members: int, blocks: int, losses: Sequence[float], costs: Costs, *, most: int, least: int = 1
) -> int:
    """How many whole passes to send before all members are asked; the cheapest by expectation."""
    if not losses:
        return least
    return min(
        range(least, max(least, most) + 1),
        key=lambda passes: expected_seconds(passes, members, blocks, losses, costs),
    )


def group_is_cheaper(union: int, missing: int, members: int, loss: float, costs: Costs) -> bool:
    """Whether the blocks that anybody misses go once more to the group, rather than to each member alone.

    Args:
        union: Blocks that at least one member misses.
        missing: Blocks that members miss, all together.
        members: That miss any.
        loss: Of the group.
        costs: What things take.
    """
    again = union * costs.block + members * costs.look / costs.parallel
    alone = missing * costs.unicast_block / costs.parallel
    return again < (1.0 - loss) * alone


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
