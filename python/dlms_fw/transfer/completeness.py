"""CHECK_BLOCKS: the meter says what it has; what is missing is sent again, within bounds."""

from __future__ import annotations

from dlms_fw._core import BitString, BlockStatus
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import ForeignTransfer, TransferIncomplete, TransferRefused
from dlms_fw.events import GapsFound
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Job
from dlms_fw.transfer.questions import Get, Interview
from dlms_fw.transfer.table import Outcome

# The meter has begun to verify, so it has all blocks. The status has been read just before.
_PAST_BLOCKS = (ImageTransferStatus.VERIFICATION_INITIATED, ImageTransferStatus.VERIFICATION_SUCCESSFUL)


def blocks_questions(job: Job) -> tuple[Get[BitString], Get[int]]:
    """The two questions for what has arrived."""
    blocks, _ = job.known_blocks()
    image_transfer = job.image_transfer
    return (
        Get(image_transfer.image_transferred_blocks_status, octets=bitmap_octets(len(blocks))),
        Get(image_transfer.image_first_not_transferred_block_number),
    )


def bitmap_octets(blocks: int) -> int:
    """Octets of a bitmap of so many blocks, with its tag and length."""
    return 1 + 5 + (blocks + 7) // 8


class CheckBlocks(Interview):
    """Compares what the meter says it has with what it acknowledged, and with what we can have sent."""

    def __init__(self, job: Job) -> None:
        self._bits, self._first = blocks_questions(job)
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
        if bound == 0 and job.tactics.wanted == "elsewhere":
            return Outcome.OK  # what goes to a group may come before we are ready for it: begin anew
        if decisions.holds_unsent_block(what, bound, blocks):
            raise job.error(
                ForeignTransfer,
                f"the meter has blocks that we never sent (ours are below {bound})",
                hint="restart discards what the meter holds",
            )
        if bound == 0:
            return Outcome.OK
        before = acknowledged.transferred
        lost = self._take(what)
        _, now = job.known_blocks()
        if now.complete:
            return Outcome.COMPLETE
        if job.tactics.unjudged:
            self.answers_are_progress = now.transferred > before
            self._judge_unconfirmed(now)
        elif lost:
            self._count_round(lost)
        return Outcome.INCOMPLETE

    def _judge_unconfirmed(self, now: BlockStatus) -> None:
        """Losses are normal where nothing is answered: they are bounded by progress alone."""
        job = self.job
        runs = tuple(now.missing_runs())
        job.tell(GapsFound, len(now) - now.transferred, runs)
        if job.tactics.judge(now.transferred, job.now) and job.tactics.wanted == "elsewhere":
            raise job.error(
                TransferIncomplete,
                "no block has arrived by the other way, twice in a row",
                hint="run it again with another strategy: it goes on where it stopped",
                retryable=True,
            )

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
        job.tell(GapsFound, len(lost), tuple(runs))
        if job.rounds > job.policy.block_rounds:
            raise job.error(
                TransferIncomplete,
                f"{len(lost)} acknowledged blocks are missing after {job.rounds - 1} rounds",
                retryable=True,
            )
