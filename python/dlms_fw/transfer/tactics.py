"""What a run has learnt about sending blocks: the strategy in use, how far it goes, what was refused.

It outlives the steps, which are made afresh after every check and every lost link. Time is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from dlms_fw.transfer.link import LinkFacts
from dlms_fw.transfer.pacing import BurstPace, DepthProbe
from dlms_fw.transfer.runs import RunPace
from dlms_fw.transfer.strategies import MOST_REQUESTS, Choice, Means, Strategy, WantedStrategy, choose

_ENOUGH_OCTETS: Final = 16_384
"""More than this on its way at a time fills about every line; a measurement that says otherwise is chance."""
_LONG_ROUND_TRIP: Final = 0.05
"""Below this, a line is not idle for long: what looks so is another program that had the processor."""
_LOSSES_TO_LOWER: Final = 2
"""Links lost in a row, with nothing taken in between, before the strategy is made smaller."""
_LOOKS_UNPROVEN: Final = 2
"""Looks that find nothing of the first unconfirmed blocks, before these are given up."""
_LOOKS_IN_VAIN: Final = 5
"""The same where such blocks have arrived before."""


@lru_cache(maxsize=64)
def _shared(strategy: Strategy) -> Strategy:
    """One object for all meters that blocks are sent to in the same way."""
    return strategy


class Tactics:
    """The strategy of one run.

    Args:
        wanted: What the caller has set.
        link: What is known of the link.
        block_pause_seconds: The least pause after an unconfirmed block.
        requests_ahead: How many requests the caller lets be on their way at a time.
        longest_run_seconds: How long a run of blocks may take.

    Attributes:
        proven: Whether the meter has taken blocks in this way.
        probe: How many requests are on their way at a time.
        pace: How many unconfirmed blocks are sent between two looks, and how fast.
        run_pace: How many confirmed blocks are sent without looking at each answer.
        name: Of the strategy that blocks were last sent by; ``None`` before the first.
    """

    __slots__ = (
        "_alone",
        "_had",
        "_image_block_size",
        "_looks_in_vain",
        "_losses",
        "_news",
        "_refused",
        "_requests_ahead",
        "_saturated",
        "_strategy",
        "_suspicions",
        "_unjudged",
        "link",
        "name",
        "pace",
        "probe",
        "proven",
        "run_pace",
        "wanted",
    )

    def __init__(
        self,
        wanted: WantedStrategy,
        link: LinkFacts,
        block_pause_seconds: float,
        *,
        requests_ahead: int = MOST_REQUESTS,
        longest_run_seconds: float = 1.0,
    ) -> None:
        self.wanted: WantedStrategy = wanted
        self.link = link
        self.proven = False
        self.probe = DepthProbe(1)
        self.pace = BurstPace(block_pause_seconds, link.response_timeout_seconds)
        self.run_pace = RunPace(longest_run_seconds)
        self.name: str | None = None
        self._requests_ahead = requests_ahead
        self._refused: dict[Means, str] = {}
        self._saturated = False
        self._image_block_size = 0
        self._strategy: Strategy | None = None
        self._news: str | None = None
        self._suspicions = 0
        self._losses = 0
        self._alone = 0
        self._looks_in_vain = 0
        self._unjudged = 0
        self._had = 0

    def strategy(self, image_block_size: int) -> Strategy:
        """The strategy to go on with."""
        self._image_block_size = image_block_size
        if self._strategy is None:
            choice = choose(
                self.wanted, self.link, image_block_size, refused=self._refused, saturated=self._saturated
            )
            self._take(choice)
        assert self._strategy is not None  # noqa: S101 (just taken)
        return self._strategy

    def news(self) -> str | None:
        """Why the strategy is what it is, once after each change."""
        news, self._news = self._news, None
        return news

    def want(self, wanted: WantedStrategy) -> None:
        """The caller has set another strategy."""
        self.wanted = wanted
        self._strategy = None

    # What happens

    def answered(self, seconds: float) -> None:
        """Some request was answered after that time: the shortest is the round trip."""
        pace = self.pace
        if 0.0 < seconds < pace.round_trip_seconds or not pace.round_trip_seconds:
            pace.round_trip_seconds = seconds

    def taken(self, blocks: int, now: float, *, answers: int = 1) -> bool:
        """Confirmed requests were answered well. Whether another strategy would be faster now."""
        self.proven = True
        self._losses = self._suspicions = 0
        if self._strategy is not None and self._strategy.depth > 1 and not self.probe.settled:
            self.probe.answered(blocks, now, answers=answers)
            return self._outgrows(self._strategy)
        return False

    def _outgrows(self, strategy: Strategy) -> bool:
        """Whether the line has room for more than all invoke ids can keep on their way."""
        octets = strategy.depth * strategy.blocks_per_request * self._image_block_size
        if self.wanted != "automatic" or not self.probe.saturated or octets > _ENOUGH_OCTETS:
            return False
        if strategy.depth < MOST_REQUESTS:
            return False  # not the line stops us, but the caller
        if self.pace.round_trip_seconds < _LONG_ROUND_TRIP:
            return False
        self._saturated = True
        if Means.UNCONFIRMED in self._refused:
            return False
        self._strategy = None
        return True

    def taken_alone(self) -> bool:
        """A block that was refused in a list was taken alone. Whether lists are not used any more."""
        self._alone += 1
        if self._alone < 2:
            return False
        self.refuse(Means.LISTS, "blocks refused in one were taken alone")
        return True

    def suspect(self, means: Means, why: str) -> bool:
        """The meter was busy with a request it may not know. Whether that is enough to stop using it."""
        self._suspicions += 1
        if self.proven or self._suspicions < 2:
            return False
        self.refuse(means, why)
        return True

    def refuse(self, means: Means, why: str) -> None:
        """The meter does not take this: it is not tried again, and the next strategy is chosen."""
        self._refused[means] = f"{means.value}: {why}"
        self._strategy = None

    def lost(self) -> None:
        """The link was lost while blocks were on their way.

        What the meter has never taken is not tried again: it may have been what ended the link. What it has
        taken is made smaller when that happens twice in a row.
        """
        strategy = self._strategy
        if strategy is None or strategy.name in {"sequential", "elsewhere"}:
            return
        if not strategy.burst and strategy.blocks_per_request == self.probe.depth == 1:
            return  # so far it is nothing but one block after the other
        if not self.proven or (self.probe.depth > 1 and not self.probe.proven):
            self.refuse(self._unproven(strategy), "no answer to the first of them")
            return
        self._losses += 1
        if self._losses < _LOSSES_TO_LOWER:
            self.probe.restart()
            return
        self._losses = 0
        self._lower(strategy)

    def _unproven(self, strategy: Strategy) -> Means:
        """What of a strategy the meter has not taken yet."""
        if strategy.burst:
            return Means.UNCONFIRMED
        if strategy.name == "general-block-transfer":
            return Means.GENERAL_BLOCKS
        return Means.LISTS if not self.proven and strategy.blocks_per_request > 1 else Means.AHEAD

    @property
    def unjudged(self) -> bool:
        """Whether blocks were sent of which nobody has looked yet what has become."""
        return self._unjudged > 0

    def sending(self, blocks: int, transferred: int, now: float) -> None:
        """So many blocks are sent without an answer, to a meter that has so many."""
        if not self._unjudged:
            self._had = transferred
            self.pace.begin(now)
        self._unjudged += blocks

    def judge(self, transferred: int, now: float) -> bool:
        """The meter has so many blocks now. Whether sending without answers leads nowhere."""
        sent, taken = self._unjudged, max(0, transferred - self._had)
        self._unjudged = 0
        if taken:
            self.proven = True
            self._losses = self._looks_in_vain = 0
            self.pace.looked(sent, taken, now)
            return False
        self._looks_in_vain += 1
        if self._looks_in_vain < (_LOOKS_IN_VAIN if self.proven else _LOOKS_UNPROVEN):
            self.pace.looked(sent, taken, now)
            return False
        self.refuse(Means.UNCONFIRMED, "the blocks were not taken")
        return True

    def _lower(self, strategy: Strategy) -> None:
        """Half as much at a time; where there is no half, another strategy."""
        if strategy.burst:
            if not self.pace.lower():
                self.refuse(Means.UNCONFIRMED, "the link is lost each time")
        elif strategy.depth > 1 and self.probe.depth > 1:
            self.probe.lower()
            self._news = f"the link was lost twice with {self.probe.depth * 2} requests on their way"
        elif strategy.blocks_per_request > 1:
            smaller = strategy.blocks_per_request // 2
            if smaller > 1:
                self._strategy = replace(strategy, blocks_per_request=smaller)
                self._news = f"the link was lost twice with {strategy.blocks_per_request} blocks in a request"
            else:
                self.refuse(Means.LISTS, "the link is lost each time")

    def _take(self, choice: Choice) -> None:
        strategy, why = choice
        strategy = _shared(replace(strategy, depth=min(strategy.depth, self._requests_ahead)))
        self._strategy = strategy
        self._news = why
        self.name = strategy.name
        self.proven = False
        self._suspicions = self._losses = self._alone = self._looks_in_vain = 0
        self.probe = DepthProbe(strategy.depth)
