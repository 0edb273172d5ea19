"""TRANSFER_BLOCKS and CHECK_BLOCKS: send what is missing, then ask the meter what it has.

The image was read once, into one immutable ``bytes`` object, and its digest and signature were checked over
that object; blocks are references into it. So what is sent is what was checked, and no block needs a digest
of its own on the way out.
"""

from __future__ import annotations

from dlms_fw._core import ActionResponse, ExceptionResponse
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import ForeignTransfer, RemoteProtocolError, TransferIncomplete, TransferRefused
from dlms_fw.events import BlockRetried, GapsFound
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Asked, Get, Interview, Job, Response, Step, action_result_name
from dlms_fw.transfer.table import Outcome, TransferState

_MORE = Outcome.MORE  # by this name it costs nothing on the way of every block
# The meter has begun to verify, so it has all blocks. The status has been read just before.
_PAST_BLOCKS = (ImageTransferStatus.VERIFICATION_INITIATED, ImageTransferStatus.VERIFICATION_SUCCESSFUL)


class TransferBlocks(Step):
    """Sends missing blocks in ascending order, each confirmed before the next: the hot path."""

    waits_for = "the meter cannot take a block now"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._blocks, self._status = job.known_blocks()
        self._total = len(self._blocks)
        self._size = self._blocks.image_block_size
        self._last_size = len(job.image.data) - (self._total - 1) * self._size
        self._call = job.image_transfer.image_block_transfer
        self._bound = 0 if job.checkpoint is None else job.checkpoint.blocks_bound
        self._next = self._status.next_not_transferred(0)
        self._tries = 0

    def ask(self) -> Asked:
        """The next missing block, after raising the recorded bound where it is reached."""
        number, job = self._next, self.job
        if number >= self._bound or number >= self._total:
            if number >= self._total:
                return Outcome.COMPLETE
            self._bound = min(number + job.policy.checkpoint_blocks, self._total)
            return job.save(TransferState.TRANSFER_BLOCKS, self._bound)
        job.changed = True
        job.blocks_sent += 1
        job.bytes_sent += self._size if number + 1 < self._total else self._last_size
        if number < job.blocks_high:
            job.retries += 1
        else:
            job.blocks_high = number + 1
        return self._call.request(self._blocks[number])

    def read(self, response: Response) -> Outcome:
        """Mark the block, or find out why it was not taken."""
        if type(response) is ActionResponse and response.result == 0:
            number = self._next
            self._status.mark(number)
            self._next = self._status.next_not_transferred(number + 1)
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
        job.emit(BlockRetried(job.now, self._next, self._tries, cause))
        if outcome is Outcome.BUSY or self._tries < job.policy.block_tries:
            # A refusal may be a passing one, too: the same block again, after a pause.
            return Outcome.BUSY
        return self._give_up_on(self._next, cause)

    def _give_up_on(self, number: int, cause: str) -> Outcome:
        job = self.job
        rounds = job.attempts.get(number, 0) + 1
        job.attempts[number] = rounds
        if rounds > 1:
            # The completeness check has sent us back to this block, and it is refused again.
            raise job.error(TransferRefused, f"the meter refuses block {number}: {cause}")
        return Outcome.INCOMPLETE


class CheckBlocks(Interview):
    """Compares what the meter says it has with what it acknowledged, and with what we can have sent."""

    def __init__(self, job: Job) -> None:
        self._bits = Get(job.image_transfer.image_transferred_blocks_status)
        self._first = Get(job.image_transfer.image_first_not_transferred_block_number)
        self._past_blocks = job.image_transfer_status in _PAST_BLOCKS
        super().__init__(job, *(() if self._past_blocks else (self._bits, self._first)))

    def judge(self) -> Outcome:
        """Complete, incomplete, not ours, or never begun."""
        job = self.job
        if self._past_blocks:
            return Outcome.COMPLETE
        _, acknowledged = job.known_blocks()
        blocks = len(acknowledged)
        bound = 0 if job.checkpoint is None else job.checkpoint.blocks_bound
        what = decisions.completeness(self._bits.value, self._first.value, blocks)
        if what.warning is not None:
            job.warn("completeness", what.warning)
        if decisions.holds_unsent_block(what, bound, blocks):
            raise job.error(
                ForeignTransfer,
                f"the meter has blocks that we never sent (ours are below {bound})",
                hint="restart discards what the meter holds",
            )
        if bound == 0:
            return Outcome.OK
        lost = self._take(what)
        _, now = job.known_blocks()
        if now.complete:
            return Outcome.COMPLETE
        if lost:
            self._count_round(lost)
        return Outcome.INCOMPLETE

    def _take(self, what: decisions.Completeness) -> list[int]:
        """Let the meter's word replace ours; returns the blocks that it acknowledged and does not have."""
        job = self.job
        _, acknowledged = job.known_blocks()
        if what.block_status is not None:
            lost = [
                number
                for first, count in what.block_status.missing_runs()
                for number in range(first, min(first + count, job.blocks_high))
                if acknowledged[number]
            ]
            job.block_status = what.block_status
            return lost
        first = what.first_missing
        if first is None:
            if acknowledged.complete:
                return []
            raise job.error(
                TransferRefused,
                "the meter does not tell which blocks it has, so the transfer cannot go on",
                hint="restart sends the image from the beginning",
            )
        for number in range(first):
            acknowledged.mark(number)
        if first == len(acknowledged):
            return []
        lost = [first] if acknowledged[first] else []
        acknowledged.mark(first, transferred=False)
        return lost

    def _count_round(self, lost: list[int]) -> None:
        job = self.job
        job.rounds += 1
        runs: list[tuple[int, int]] = []
        for number in lost:
            tries = job.attempts.get(number, 1) + 1
            job.attempts[number] = tries
            if tries > job.policy.block_tries:
                raise job.error(
                    TransferIncomplete,
                    f"the meter acknowledges block {number} and does not keep it, {tries - 1} times",
                    retryable=True,
                )
            if runs and sum(runs[-1]) == number:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((number, 1))
        job.emit(GapsFound(job.now, len(lost), tuple(runs)))
        if job.rounds > job.policy.block_rounds:
            raise job.error(
                TransferIncomplete,
                f"{len(lost)} acknowledged blocks are missing after {job.rounds - 1} rounds",
                retryable=True,
            )
