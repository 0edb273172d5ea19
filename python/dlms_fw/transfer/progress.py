"""How far a transfer is, in blocks and in phases: two small clocks behind the events, that decide nothing."""

from __future__ import annotations

from collections.abc import Callable

from dlms_fw.events import Event, Phase, PhaseFinished, PhaseOutcome, PhaseStarted, Progress
from dlms_fw.transfer.job import Job
from dlms_fw.transfer.orders import PhaseTime
from dlms_fw.transfer.table import ROWS, TransferState

_REPORT_SECONDS = 0.1
_ORDER = list(Phase)
_RANK = {phase: rank for rank, phase in enumerate(_ORDER)}
# Phases that only some transfers have; passing them by is not worth a line.
_OPTIONAL = frozenset({Phase.SCHEDULE, Phase.ACTIVATE, Phase.CONFIRM})


class ProgressMeter:
    """Blocks done, rate and time left.

    Attributes:
        due: When the next report may come: the one comparison that it costs per block.
    """

    __slots__ = ("_began_at", "_bytes_before", "_done", "_job", "_reported_at", "due")

    def __init__(self, job: Job) -> None:
        self._job = job
        self._done = 0
        self._began_at: float | None = None
        self._bytes_before = 0
        self._reported_at = 0.0
        self.due = 0.0

    def begin(self) -> None:
        """Blocks are about to be sent, or to be sent again."""
        job = self._job
        if self._began_at is None:
            self._began_at = job.now
            self._bytes_before = job.bytes_sent
            self.report()
        self._reported_at = job.now

    def seconds_since_last(self) -> float:
        """Seconds since blocks were last seen to be taken."""
        return self._job.now - self._reported_at

    def report(self) -> None:
        """One event, if blocks are being sent at all."""
        job = self._job
        if self._began_at is None or job.blocks is None or job.block_status is None:
            return
        total, size = len(job.blocks), job.image.size
        self._done = max(self._done, job.block_status.transferred)
        bytes_done = min(self._done * job.blocks.image_block_size, size)
        elapsed = job.now - self._began_at
        rate = (job.bytes_sent - self._bytes_before) / elapsed if elapsed > 0 else 0.0
        self._reported_at = job.now
        self.due = job.now + _REPORT_SECONDS
        job.tell(
            Progress,
            Phase.TRANSFER,
            self._done,
            total,
            bytes_done,
            size,
            rate,
            (size - bytes_done) / rate if rate else None,
            job.retries,
        )


class PhaseClock:
    """Phases begin and end in order.

    Coming back to an earlier state is no new phase, unless the transfer begins anew.
    """

    __slots__ = ("_emit", "_phase", "_since", "_times")

    def __init__(self, emit: Callable[[Event], None] | None) -> None:
        """``emit`` is told of each beginning and end, where anybody listens."""
        self._emit = emit
        self._phase: Phase | None = None
        self._since = 0.0
        self._times: list[PhaseTime] = []

    @property
    def phase(self) -> Phase | None:
        """The phase that is going on."""
        return self._phase

    @property
    def times(self) -> tuple[PhaseTime, ...]:
        """The phases that have ended."""
        return tuple(self._times)

    def enter(self, state: TransferState, now: float) -> bool:
        """A state is entered; whether that moved the transfer on to another phase."""
        phase = ROWS[state].phase
        if not self._moves_to(phase, state):
            return False
        at, to = -1 if self._phase is None else _RANK[self._phase], _RANK[phase]
        self._end(now, PhaseOutcome.FAILED if to < at else PhaseOutcome.DONE)
        for skipped in _ORDER[at + 1 : to]:
            if skipped not in _OPTIONAL:
                self._add(skipped, PhaseOutcome.SKIPPED, now, 0.0)
        self._phase, self._since = phase, now
        if self._emit is not None:
            self._emit(PhaseStarted(now, phase))
        return True

    def leaves(self, phase: Phase, state: TransferState) -> bool:
        """Whether entering ``state`` would end ``phase``."""
        return self._phase is phase and self._moves_to(ROWS[state].phase, state)

    def _moves_to(self, phase: Phase, state: TransferState) -> bool:
        if self._phase is None or phase is self._phase:
            return self._phase is None
        return _RANK[phase] > _RANK[self._phase] or state is TransferState.INITIATE

    def finish(self, now: float, *, failed: bool) -> None:
        """The last phase ends."""
        self._end(now, PhaseOutcome.FAILED if failed else PhaseOutcome.DONE)
        self._phase = None

    def _end(self, now: float, outcome: PhaseOutcome) -> None:
        if self._phase is not None:
            self._add(self._phase, outcome, now, now - self._since)

    def _add(self, phase: Phase, outcome: PhaseOutcome, now: float, seconds: float) -> None:
        self._times.append(PhaseTime(phase, outcome, seconds))
        if self._emit is not None:
            self._emit(PhaseFinished(now, phase, outcome, seconds))
