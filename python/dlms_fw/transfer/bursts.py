"""TRANSFER_BLOCKS without an answer to each block: in unconfirmed bursts, or by a way that is not ours.

What has arrived is known only when the meter is asked, and that is what progress is measured by: losses on
the way are normal here. After the last burst CHECK_BLOCKS asks; in between the first missing number is
enough, as long as nothing is missing.
"""

from __future__ import annotations

from typing import Any, Final

from dlms_fw._core import BitString
from dlms_fw.transfer import decisions
from dlms_fw.transfer.blocks import BlockStep
from dlms_fw.transfer.job import Asked, Job, Response
from dlms_fw.transfer.orders import Burst, Elsewhere
from dlms_fw.transfer.questions import Get
from dlms_fw.transfer.strategies import Means
from dlms_fw.transfer.table import Outcome

_MOST_REQUESTS: Final = 64
"""In one order, so that events and cancelling are not kept waiting."""


class Bursts(BlockStep):
    """Sends missing blocks unconfirmed, and looks after each burst what has arrived."""

    one_by_one = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._pace = job.tactics.pace
        self._sent = 0
        self._first: Get[int] | None = None
        self._bits: Get[BitString] | None = None
        # There were gaps, so the first one tells little, and the bitmap has been found to agree with it.
        self._bitmap_alone = False

    def ask(self) -> Asked:
        """The next blocks, or what has become of those before."""
        look: Get[Any] | None = self._bits or self._first
        if look is not None:
            return look.request()
        if self._next_number >= self._total:
            return Outcome.COMPLETE
        if self._sent >= self._pace.burst:
            return self._look().request()
        most = 1 if self._pace.pause_seconds else _MOST_REQUESTS
        numbers = self.ascending(min(most, self._pace.burst - self._sent))
        if numbers[-1] >= self._bound:
            return self.raise_bound(numbers)
        return self._burst(numbers)

    def _look(self) -> Get[Any]:
        image_transfer = self.job.image_transfer
        if self._bitmap_alone or self._first is not None:
            self._bits = Get(image_transfer.image_transferred_blocks_status)
            return self._bits
        self._first = Get(image_transfer.image_first_not_transferred_block_number)
        return self._first

    def _burst(self, numbers: tuple[int, ...]) -> Burst:
        job = self.job
        job.tactics.sending(len(numbers), self._status.transferred, job.now)
        self._sent += len(numbers)
        self._next_number = self._status.next_not_transferred(numbers[-1] + 1)
        self.count(numbers)
        requests = self._blocks.requests(numbers, *self._call.target, confirmed=False)
        return Burst(tuple(requests), self._pace.pause_seconds)

    def done(self) -> Outcome:
        """The blocks are sent, which says nothing yet."""
        return Outcome.MORE

    def read(self, response: Response) -> Outcome:
        """What has arrived; where something is missing, the bitmap says what."""
        look: Get[Any] | None = self._bits or self._first
        assert look is not None  # noqa: S101 (nothing else is asked)
        outcome = look.read(response)
        if outcome is Outcome.BUSY or outcome is Outcome.LOST:
            return outcome
        first = None if self._first is None else self._first.value
        if self._bits is None:
            if first is None or first < self._next_number:
                self._look()
                return Outcome.MORE
            self._bitmap_alone = False
            for number in range(self._next_number):
                self._status.mark(number)
            return self._looked()
        if self._bits.value is None and self._first is None:
            self._bitmap_alone, self._bits = False, None
            self._look()
            return Outcome.MORE
        return self._compare(decisions.completeness(self._bits.value, first, self._total))

    def _compare(self, what: decisions.Completeness) -> Outcome:
        job = self.job
        if decisions.holds_unsent_block(what, self._bound, self._total):
            return Outcome.INCOMPLETE
        self._bitmap_alone = what.block_status is not None and what.warning is None
        if what.block_status is not None:
            job.block_status = self._status = what.block_status
        elif what.first_missing is not None:
            for number in range(what.first_missing):
                self._status.mark(number)
        else:
            job.tactics.refuse(Means.UNCONFIRMED, "the meter does not tell which blocks it has")
            return Outcome.CHANGED
        return self._looked()

    def _looked(self) -> Outcome:
        job = self.job
        self._first = self._bits = None
        self._sent = 0
        self._next_number = self._status.next_not_transferred(0)
        refused = job.tactics.judge(self._status.transferred, job.now)
        return Outcome.CHANGED if refused else Outcome.MORE


class FromElsewhere(BlockStep):
    """Waits for blocks that somebody else sends, to many meters at a time."""

    one_by_one = False

    def ask(self) -> Asked:
        """That they may be sent now, once it is on record."""
        job = self.job
        if self._next_number >= self._total:
            return Outcome.COMPLETE
        if self._bound < self._total:
            return self.raise_bound((0, self._total - 1))
        job.changed = True
        job.tactics.sending(self._total - self._status.transferred, self._status.transferred, job.now)
        return Elsewhere(tuple(self._status.missing_runs()))

    def done(self) -> Outcome:
        """They should have arrived: the meter says what has."""
        return Outcome.COMPLETE
