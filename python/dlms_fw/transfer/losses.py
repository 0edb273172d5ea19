"""Losses of the link or the association: how many, whether there were enough of them, how long to pause.

Where the transfer looks again after one is the table's matter, and what it does about it the machine's.
"""

from __future__ import annotations

from dlms_fw.events import LinkLost, LinkRestored
from dlms_fw.transfer.job import Job, Step
from dlms_fw.transfer.orders import Reconnect, Wait
from dlms_fw.transfer.table import TransferState

_MOST_DOUBLINGS = 16
"""Of the pause; far beyond the longest one that a policy may ask for."""


class Losses:
    """What the losses of one transfer come to.

    Attributes:
        total: All of them.
        in_a_row: Those since the transfer last moved.
        lost_at: When the link was lost, until the meter answers again.
    """

    __slots__ = ("_job", "in_a_row", "lost_at", "total")

    def __init__(self, job: Job) -> None:
        self._job = job
        self.total = 0
        self.in_a_row = 0
        self.lost_at: float | None = None

    def happened(self, cause: str) -> None:
        """One more."""
        job = self._job
        job.lists.lost()
        if job.state is TransferState.TRANSFER_BLOCKS:
            job.tactics.lost()
        self.total += 1
        self.in_a_row += 1
        if self.lost_at is None:
            self.lost_at = job.now
        job.tell(LinkLost, cause, self.in_a_row)

    def restored(self) -> None:
        """The meter has answered."""
        if self.lost_at is not None:
            lost_at, self.lost_at = self.lost_at, None
            self._job.tell(LinkRestored, self._job.now - lost_at)

    def are_enough(self, step: Step) -> bool:
        """Whether it is no use to go on: by the clock where a step waits for a meter that is away."""
        job, since = self._job, step.waiting_since()
        if step.outlasts_losses and since is not None:
            return job.now - since >= step.patience
        return self.in_a_row > job.policy.losses_without_progress

    def pause(self, cause: str, *, reconnect: bool) -> Wait | Reconnect | None:
        """What is to be done before the next request: nothing after the first, then more each time."""
        doublings = min(self.in_a_row - 2, _MOST_DOUBLINGS)
        longest = self._job.policy.link_pause_longest_seconds
        seconds = 0.0 if doublings < 0 else min(2.0**doublings, longest)
        if reconnect:
            return Reconnect(seconds, cause)
        return Wait(seconds, cause) if seconds else None
