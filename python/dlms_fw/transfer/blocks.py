"""TRANSFER_BLOCKS, one confirmed block after the other, and what all its strategies share.

The image was read once, into one immutable ``bytes`` object, and its digest and signature were checked over
that object; blocks are references into it. So what is sent is what was checked, and no block needs a digest
of its own on the way out. An image that stays in its file compares what it reads itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from dlms_fw._core import ActionResponse, BlockRun, ExceptionResponse
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import MethodRef
from dlms_fw.errors import RemoteProtocolError, TransferRefused
from dlms_fw.events import BlockRetried
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Asked, Job, Response, Step, action_result_name
from dlms_fw.transfer.orders import Run, Save
from dlms_fw.transfer.table import Outcome, TransferState

_MORE = Outcome.MORE  # by this name it costs nothing on the way of every block


@lru_cache(maxsize=16)
def _image_block_transfer(image_transfer: ImageTransfer) -> MethodRef[[int, bytes], None]:
    """One object for all meters that have it under one name."""
    return image_transfer.image_block_transfer


class BlockStep(Step):
    """What every way to send blocks does: raise the recorded bound before, and count."""

    __slots__ = (
        "_blocks",
        "_bound",
        "_call",
        "_last_size",
        "_next_number",
        "_runs",
        "_size",
        "_status",
        "_total",
    )

    waits_for = "the meter cannot take a block now"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._blocks, self._status = job.known_blocks()
        self._total = len(self._blocks)
        self._size = self._blocks.image_block_size
        self._last_size = job.image.size - (self._total - 1) * self._size
        self._call = _image_block_transfer(job.image_transfer)
        self._bound = 0 if job.checkpoint is None else min(job.checkpoint.blocks_bound, self._total)
        self._next_number = self._status.next_not_transferred(0)
        link = job.link
        # What is lost among datagrams is repeated by the driver, request by request.
        self._runs = job.policy.block_runs and link.block_runs and link.medium != "datagram"
        self._runs = self._runs and not link.short_names and link.fits_whole(self._size)

    def ascending(self, most: int) -> tuple[int, ...]:
        """The next missing blocks that have not been sent, so many at most."""
        return self._status.not_transferred(self._next_number, most)

    def raise_bound(self, numbers: Sequence[int]) -> Save:
        """The saving that must come before these blocks are sent; the last of them reaches the bound."""
        job = self.job
        blocks = max(job.policy.checkpoint_blocks, job.tactics.run_pace.blocks_ahead)
        bound = max(numbers[0] + blocks, numbers[-1] + 1)
        self._bound = min(bound, self._total)
        return job.save(TransferState.TRANSFER_BLOCKS, self._bound)

    def count(self, numbers: Sequence[int]) -> None:
        """Blocks are sent now, ascending."""
        job = self.job
        job.changed = True
        job.blocks_sent += len(numbers)
        job.bytes_sent += len(numbers) * self._size
        if numbers[-1] + 1 == self._total:
            job.bytes_sent -= self._size - self._last_size
        if numbers[0] < job.blocks_high:
            job.retries += sum(number < job.blocks_high for number in numbers)
        job.blocks_high = max(job.blocks_high, numbers[-1] + 1)

    def run(
        self,
        depth: int = 1,
        most: int = 0,
        *,
        last_invoke_id: int | None = None,
        waiting: Iterable[tuple[int, int]] = (),
    ) -> Run:
        """The next missing blocks below the bound, each as soon as there is room for it.

        Args:
            depth: Requests on their way at a time.
            most: Blocks; as many as the link takes in a while where that is 0.
            last_invoke_id: Of the request before, where we count them.
            waiting: Invoke ids and blocks that are on their way already.
        """
        job, pace = self.job, self.job.tactics.run_pace
        job.changed = True
        blocks = BlockRun(
            self._blocks,
            self._status,
            *self._call.target,
            start=self._next_number,
            high=job.blocks_high,
            last_invoke_id=last_invoke_id,
        )
        for invoke_id, number in waiting:
            blocks.adopt(invoke_id, number)
        pace.begin(job.now)
        most = min(most or max(pace.blocks, depth), self._bound - self._next_number)
        return Run(blocks, self._bound, most, depth, pace.longest_seconds)

    def count_run(self, blocks: BlockRun) -> None:
        """What a run has sent, and how fast it was taken."""
        job = self.job
        job.blocks_sent += blocks.sent
        job.bytes_sent += blocks.image_octets
        job.retries += blocks.repeated
        job.blocks_high = blocks.high
        self._next_number = blocks.next
        if blocks.taken:
            job.tactics.run_pace.ended(blocks.taken, job.now)

    def give_up_on(self, number: int, cause: str) -> Outcome:
        """A block is not taken, however often it is sent: the meter shall say what it has.

        Raises:
            TransferRefused: The completeness check has sent us back to this block, and it is refused again.
        """
        job = self.job
        rounds = job.attempts.get(number, 0) + 1
        job.attempts[number] = rounds
        if rounds > 1:
            raise job.error(TransferRefused, f"the meter refuses block {number}: {cause}")
        return Outcome.INCOMPLETE


class Sequential(BlockStep):
    """Sends missing blocks in ascending order, each confirmed before the next: the hot path."""

    __slots__ = ("_tries",)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._tries = 0

    def ask(self) -> Asked:
        """The next missing block, after raising the recorded bound where it is reached."""
        number = self._next_number
        if number >= self._bound:
            return Outcome.COMPLETE if number >= self._total else self.raise_bound((number,))
        if self._runs and not self._tries:
            return self.run()
        self.count((number,))
        return self._call.request(self._blocks[number])

    def ran(self, run: Run) -> Outcome:
        """What was taken is marked; the block on its way, if there is one, is the next that is answered."""
        blocks = run.blocks
        self.count_run(blocks)
        for _, number in blocks.waiting:
            self._next_number = number
        return _MORE

    def read(self, response: Response) -> Outcome:
        """Mark the block, or find out why it was not taken."""
        if type(response) is ActionResponse and response.result == 0:
            number = self._next_number
            self._status.mark(number)
            self._next_number = self._status.next_not_transferred(number + 1)
            self._tries = 0
            return _MORE
        return self._not_taken(response)

    def _not_taken(self, response: Response) -> Outcome:
        job = self.job
        if isinstance(response, ExceptionResponse):
            outcome = decisions.outcome_of_exception(response)
            cause = f"exception-response {response.service_error}"
        elif isinstance(response, ActionResponse):
            outcome = decisions.outcome_of_action(response.result)
            cause = action_result_name(response.result)
        else:
            raise RemoteProtocolError(f"a {type(response).__name__} to image_block_transfer")
        if outcome is Outcome.LOST:
            return outcome
        self._tries += 1
        job.tell(BlockRetried, self._next_number, self._tries, cause)
        if outcome is Outcome.BUSY or self._tries < job.policy.block_tries:
            # A refusal may be a passing one, too: the same block again, after a pause.
            return Outcome.BUSY
        return self.give_up_on(self._next_number, cause)
