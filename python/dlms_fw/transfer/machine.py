"""Transfer: the image transfer process as one pure machine, driven by whoever can exchange a request.

No IO, no clock, no randomness: time is an argument, waiting and saving are values handed out. The machine
walks the table; what to ask and how to read an answer is the matter of the steps, one for each state.

The calls, in order:

    transfer = Transfer(image, policy, meter=..., checkpoint=..., on_event=...)
    while (asked := transfer.next_request(now)) is not None:
        # Save: make it durable. Wait: sleep. Reconnect: a new link and association after a pause.
        # Burst: send what is not answered, pause, then transfer.handle_sent(now).
        # Run: send blocks as they are taken, then transfer.handle_run(now), and handle_response for the rest.
        # Anything else is a request: exchange it for a response, then
        transfer.handle_response(response, now)
        # or, where the link or the association is gone,
        transfer.handle_lost(cause, now)
    transfer.result

A driver that can match answers to requests may ask `next_ahead` after each request and each answer, for one
more that may go out before the others are answered; while `outstanding`, it receives and tells. One that
does not gets one block at a time.

After `handle_lost` the driver associates anew before the next request. Failures come out of `next_request` as
exceptions, after everything that must be saved has been handed out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from dlms_fw._core import ActionRequest, GetRequest, RequestList, SetRequest
from dlms_fw.errors import (
    ActivationFailed,
    DlmsError,
    ImageRejected,
    LocalProtocolError,
    TransferError,
    TransferIncomplete,
)
from dlms_fw.events import Callback, Event, Phase, Waiting
from dlms_fw.image import Image, Version
from dlms_fw.transfer.checkpoint import Checkpoint
from dlms_fw.transfer.identify import ReadActive
from dlms_fw.transfer.job import Asked, Job, Request, Response, Step
from dlms_fw.transfer.link import LinkFacts
from dlms_fw.transfer.losses import Losses
from dlms_fw.transfer.orders import Burst, Elsewhere, Reconnect, Run, Save, TransferResult, Wait
from dlms_fw.transfer.policy import TransferPolicy
from dlms_fw.transfer.progress import PhaseClock, ProgressMeter
from dlms_fw.transfer.report import finished, plan_made, result_of
from dlms_fw.transfer.steps import STEPS
from dlms_fw.transfer.strategies import WantedStrategy
from dlms_fw.transfer.table import TERMINAL, TRANSITIONS, Outcome, TransferState

_S = TransferState
# By these names they cost nothing on the way of every answer.
_MORE, _BUSY, _LOST = Outcome.MORE, Outcome.BUSY, Outcome.LOST
_TRANSFER, _TRANSFER_BLOCKS = Phase.TRANSFER, TransferState.TRANSFER_BLOCKS


_GOALS: Final[Mapping[TransferState, Literal["activated", "scheduled", "verified", "planned"]]] = (
    MappingProxyType(
        {_S.DONE: "activated", _S.SCHEDULED: "scheduled", _S.VERIFIED: "verified", _S.PLANNED: "planned"}
    )
)
# Once image_activate may have been sent, stopping half way would only hide what became of it.
_PAST_CANCELLING: Final = frozenset({_S.CONFIRM, _S.TIDY}) | TERMINAL
Order: TypeAlias = Run | Burst | Elsewhere | Wait | Save | Reconnect
"""What the driver is to do besides exchanging requests."""
_IMAGE_SIZE_LIMIT: Final = 0xFFFF_FFFF
"""image_size is a double-long-unsigned."""
_PAUSES: Final = (Wait, Save, Reconnect)  # a union would be made anew each time
_REQUESTS: Final = frozenset({GetRequest, SetRequest, ActionRequest, RequestList})


class Transfer:
    """One transfer of one image to one meter.

    Args:
        image: What to transfer; verify its signature first, the machine cannot.
        meter: The identity of the meter, as it shall stand in the checkpoint.
        checkpoint: What :class:`Save` handed out last for this meter, if anything.
        current_version: What the client's own records say that the meter runs, for a meter that does not
            tell.
        link: What the association can carry, and over what; judged before anything is initiated.
        wall_clock: The time of day at the first ``next_request``, aware; needed to schedule an activation.
        on_event: Subscriber of the event stream, called where the driver calls the machine.

    Attributes:
        one_by_one: Whether all that may come now is a request that waits for its answer, alone.

    Raises:
        ValueError: An activation is to be scheduled and ``wall_clock`` is missing or naive.
        ImageRejected: The image is empty or larger than the policy allows.
    """

    __slots__ = (
        "_asked_at",
        "_begun",
        "_busy_since",
        "_cancelled",
        "_failure",
        "_job",
        "_losses",
        "_on_event",
        "_outstanding",
        "_pending",
        "_phases",
        "_progress",
        "_result",
        "_run",
        "_step",
        "one_by_one",
    )

    def __init__(
        self,
        image: Image,
        policy: TransferPolicy | None = None,
        *,
        meter: str = "",
        checkpoint: Checkpoint | None = None,
        current_version: Version | None = None,
        link: LinkFacts | None = None,
        wall_clock: datetime | None = None,
        on_event: Callback | None = None,
    ) -> None:
        policy = policy or TransferPolicy()
        if isinstance(policy.activate, datetime) and (wall_clock is None or wall_clock.utcoffset() is None):
            raise ValueError("to schedule an activation, wall_clock must be given with its offset from UTC")
        if not 0 < image.size <= min(policy.largest_image, _IMAGE_SIZE_LIMIT):
            raise ImageRejected(
                f"an image of {image.size} octets; 1 to {policy.largest_image} are allowed",
                reason="size",
            )
        self._job = Job(
            image,
            policy,
            meter=meter,
            checkpoint=checkpoint,
            current_version=current_version,
            link=link or LinkFacts(),
            wall_clock=wall_clock if isinstance(policy.activate, datetime) else None,
            emit=None if on_event is None else self._emit,
        )
        self._on_event = on_event
        self._phases = PhaseClock(self._job.emit)
        self._progress = ProgressMeter(self._job)
        self._losses = Losses(self._job)
        self._step: Step = ReadActive(self._job)
        self.one_by_one = True
        self._begun = False
        self._pending: Wait | Save | Reconnect | None = None
        self._outstanding = 0
        self._run: Run | None = None
        self._asked_at = 0.0
        self._failure: DlmsError | None = None
        self._result: TransferResult | None = None
        self._cancelled: str | None = None
        self._busy_since: float | None = None

    @property
    def image(self) -> Image:
        """What is transferred."""
        return self._job.image

    @property
    def state(self) -> TransferState:
        """Where the machine is."""
        return self._job.state

    @property
    def result(self) -> TransferResult | None:
        """What was reached, once ``next_request`` has returned ``None``."""
        return self._result

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint handed out last, or the one that the machine was made with."""
        return self._job.checkpoint

    @property
    def outstanding(self) -> int:
        """Requests that have neither been answered nor been lost."""
        return self._outstanding

    @property
    def general_blocks(self) -> bool:
        """Whether what does not fit the PDU size shall go in general blocks, not in those of its service."""
        return self._step.general_blocks

    def use_strategy(self, wanted: WantedStrategy) -> None:
        """Send blocks in another way from the next completeness check on."""
        self._job.tactics.want(wanted)

    # --- The driver's calls ---------------------------------------------------------------------------------

    def next_request(self, now: float) -> Request | Order | None:
        """What the driver shall do next; ``None`` when the goal is reached.

        Raises:
            TransferError: The transfer ended without its goal; the same again at every further call.
            ImageRejected: The image is not for this meter; nothing was written to it.
            LocalProtocolError: The last request has not been answered.
        """
        job = self._job
        job.now = now
        if self._pending is not None:
            pending, self._pending = self._pending, None
            job.lists.told.clear()
            return pending
        if self._failure is not None:
            raise self._failure
        if self._outstanding:
            raise LocalProtocolError("the last request has neither been answered nor been lost")
        if not self._begun:
            self._begin()
        if self._cancelled is not None and job.state not in _PAST_CANCELLING:
            self._fail(job.error(TransferIncomplete, f"cancelled: {self._cancelled}", retryable=True))
            return self.next_request(now)
        while job.state not in TERMINAL:
            try:
                asked: Asked = self._step.ask()
            except (TransferError, ImageRejected) as error:
                self._fail(error)
                return self.next_request(now)
            if not isinstance(asked, Outcome):
                job.lists.told.clear()
                return self._hand_out(asked, now)
            self._follow(asked)
            if self._pending is not None or self._failure is not None:
                return self.next_request(now)
        return None

    def _hand_out(self, asked: Request | Order, now: float) -> Request | Order:
        if isinstance(asked, _PAUSES):
            self._tell_waiting(asked)
            return asked
        self._outstanding = 1
        self._asked_at = now
        if isinstance(asked, Run):
            self._run = asked
        return asked

    def next_ahead(self, now: float) -> Request | Run | Save | None:
        """One more request, or run of them, that may go out before the last is answered; ``None`` where not.

        What is to be saved is made durable before the next call, as ever.
        """
        job = self._job
        if not self._outstanding or self._failure is not None or self._cancelled is not None:
            return None
        job.now = now
        asked = self._step.ask_ahead()
        if type(asked) in _REQUESTS:
            self._outstanding += 1
        elif isinstance(asked, Run):
            self._run = asked
        return asked

    def handle_run(self, now: float) -> None:
        """The run handed out last is over, and what it has come to stands in it."""
        job, run = self._job, self._run
        job.now = now
        if run is None:
            raise LocalProtocolError("there was no run")
        outcome = self._take_run()
        if self._failure is None:
            self._outstanding = len(run.blocks.waiting)
            if outcome is not _MORE:
                self._follow(outcome)
            elif now >= self._progress.due:
                self._watch_progress()

    def handle_sent(self, now: float) -> None:
        """What is not answered has been sent, and the pause is over."""
        self._job.now = now
        if not self._outstanding and self._failure is None:
            raise LocalProtocolError("there was nothing to be sent")
        self._outstanding = 0
        if self._failure is None:
            self._follow(self._step.done())

    def handle_response(self, response: Response, now: float) -> None:
        """The meter's answer to the last request.

        Raises:
            RemoteProtocolError: The response is not one to that request.
        """
        job = self._job
        job.now = now
        if not self._outstanding:
            raise LocalProtocolError("a response without a request")
        self._outstanding -= 1
        losses = self._losses
        if losses.lost_at is not None:
            losses.restored()
        try:
            outcome = self._step.read(response)
        except (TransferError, ImageRejected) as error:
            self._fail(error)
            return
        if outcome is None:
            return
        if outcome is _MORE and self._busy_since is None:
            if now >= self._progress.due:
                self._watch_progress()
            if losses.in_a_row and job.state is _TRANSFER_BLOCKS:
                losses.in_a_row = 0
            return
        job.tactics.answered(now - self._asked_at)
        if outcome is not _MORE:
            # An exception-response ends whatever was on its way.
            self._outstanding = 0
        if outcome is _LOST:
            # The meter answered that it knows no association; the driver believes that there is one.
            self._lose("the meter knows no association any more", reconnect=True)
            return
        if self._step.answers_are_progress:
            losses.in_a_row = 0
        self._follow(outcome)

    def handle_lost(self, cause: str, now: float) -> None:
        """The link or the association is gone, the last request timed out, or associating anew failed."""
        self._job.now = now
        self._take_run()
        self._outstanding = 0
        if self._failure is None and self._job.state not in TERMINAL:
            self._lose(cause, reconnect=False)

    @property
    def asks_list(self) -> bool:
        """Whether what is on its way is a list of questions, all of which may be asked one by one."""
        return self._job.lists.on_its_way

    def handle_list_refused(self, cause: str, now: float) -> None:
        """The list on its way cannot be asked, or got no answer to a list: ask one by one from now on."""
        self._job.now = now
        self._job.lists.refuse(cause)
        self._outstanding = 0

    def abort(self, error: DlmsError, now: float) -> None:
        """The driver cannot go on, for a reason that is no loss: the event stream ends with its error."""
        self._job.now = now
        self._take_run()
        if self._failure is None and self._job.state not in TERMINAL:
            self._fail(error)

    def cancel(self, reason: str) -> None:
        """Stop at the next safe point, with the meter ready to go on.

        Once the activation has been ordered, the run goes on until it is known what became of it.
        """
        self._cancelled = reason

    def _take_run(self) -> Outcome:
        """Count what the run that was handed out has come to, however it ended."""
        job = self._job
        run, self._run = self._run, None
        if run is None or job.state is not _TRANSFER_BLOCKS:
            return _MORE
        outcome = self._step.ran(run)
        if run.blocks.taken:
            self._losses.restored()
            self._losses.in_a_row = 0
            if self._busy_since is not None:
                job.tactics.answered(job.now - self._asked_at)
                self._busy_since = None
        return outcome

    # --- Walking the table ----------------------------------------------------------------------------------

    def _follow(self, outcome: Outcome) -> None:
        """Take the move that the table has for this outcome."""
        job, step = self._job, self._step
        state = TRANSITIONS[job.state][outcome]
        if outcome is _BUSY:
            if not self._wait_busy(step):
                return
        else:
            self._busy_since = None
        if state is not job.state or outcome not in (_MORE, _BUSY):
            self._enter(state)

    def _enter(self, state: TransferState) -> None:
        job = self._job
        if state in TERMINAL:
            job.state = state
            self._finish(state)
            return
        if self._phases.leaves(_TRANSFER, state):
            self._progress.report()
        job.state = state
        if self._phases.enter(state, job.now):
            self._losses.in_a_row = 0
        if self._overdue():
            return
        self._step = STEPS[state](job)
        self.one_by_one = self._step.one_by_one
        if state is _TRANSFER_BLOCKS:
            self._progress.begin()

    def _wait_busy(self, step: Step) -> bool:
        """Hand out a pause, unless there has been enough of them; the longer it takes the longer they get."""
        job = self._job
        if self._busy_since is None:
            self._busy_since = job.now
        since = step.waiting_since()
        elapsed = job.now - (self._busy_since if since is None else since)
        if elapsed >= step.patience:
            self._out_of_patience(step)
            return False
        seconds = min(max(step.pause_first, elapsed), step.pause_longest, step.patience - elapsed)
        self._pending = step.pause(seconds)
        if self._pending is not None:
            self._tell_waiting(self._pending)
        return True

    def _out_of_patience(self, step: Step) -> None:
        if step.may_be_left:
            self._job.warn("left-untidy", step.waits_for)
            self._busy_since = None
            self._enter(TRANSITIONS[self._job.state][Outcome.REFUSED])
        else:
            self._fail(step.out_of_patience())

    def _lose(self, cause: str, *, reconnect: bool) -> None:
        """A lost link never loses work: the table says where to look again."""
        job, step, losses = self._job, self._step, self._losses
        losses.happened(cause)
        if losses.are_enough(step):
            if step.outlasts_losses or step.may_be_left:
                self._out_of_patience(step)
                return
            lost = f"the link was lost {losses.in_a_row} times without progress, last: {cause}"
            hint = "run it again: it goes on where it stopped"
            self._fail(job.error(TransferIncomplete, lost, hint=hint, retryable=True))
            return
        self._busy_since = None
        self._enter(TRANSITIONS[job.state][_LOST])
        if self._failure is not None:
            return
        if job.state is _S.CONFIRM:
            job.reconnect_wanted = True
            return
        pause = losses.pause(cause, reconnect=reconnect)
        if pause is not None:
            self._pending = pause
            self._tell_waiting(pause)

    # --- Beginning and end ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        job = self._job
        self._begun = True
        job.started = job.now
        if job.emit is not None:
            job.emit(plan_made(job))
        self._phases.enter(job.state, job.now)

    def _finish(self, state: TransferState) -> None:
        job = self._job
        outcome = "already-current" if job.already_current else _GOALS[state]
        self._phases.finish(job.now, failed=False)
        if state in (_S.DONE, _S.SCHEDULED) and not job.already_current:
            self._pending = job.save(state, len(job.known_blocks()[0]))
        self._result = result_of(job, outcome, self._losses.total, self._phases.times)
        if job.emit is not None:
            job.emit(finished(job, outcome))

    def _fail(self, error: DlmsError) -> None:
        job = self._job
        if self._phases.phase is Phase.TRANSFER:
            self._progress.report()
        job.state = _S.FAILED
        self._outstanding = 0
        self._pending = None
        self._failure = error
        self._phases.finish(job.now, failed=True)
        if isinstance(error, ActivationFailed) and job.blocks is not None:
            # The order is spent. Only an image that the meter has kept is still ours to go on with.
            kept = error.retryable
            self._pending = job.save(_S.ACTIVATE if kept else _S.FAILED, len(job.blocks) if kept else 0)
        if job.emit is not None:
            job.emit(finished(job, "failed", error))

    def _watch_progress(self) -> None:
        """At most ten times a second: report, and see that blocks keep coming."""
        job = self._job
        if job.state is not _TRANSFER_BLOCKS:
            return
        if self._progress.seconds_since_last() > job.policy.stall_seconds:
            slow = f"less than one block in {job.policy.stall_seconds:.0f} s"
            hint = "run it again over a better link: it goes on where it stopped"
            self._fail(job.error(TransferIncomplete, slow, hint=hint, retryable=True))
        elif not self._overdue():
            self._progress.report()

    def _overdue(self) -> bool:
        """Whether the run has taken longer than it may; if so, it ends."""
        job = self._job
        overdue = job.now - job.started > job.policy.run_seconds
        if overdue:
            self._fail(job.error(TransferIncomplete, "the run has taken longer than it may", retryable=True))
        return overdue

    def _tell_waiting(self, pause: Wait | Reconnect | Save) -> None:
        if not isinstance(pause, Save):
            seconds = pause.seconds if isinstance(pause, Wait) else pause.after_seconds
            self._job.tell(Waiting, pause.reason, self._job.now + seconds)

    def _emit(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except BaseException:
            # Whoever listens has given up: stop here, with the meter as resumable as after any crash.
            self._on_event = None
            if self._failure is None:
                self._failure = self._job.error(
                    TransferIncomplete, "the subscriber of the events failed", retryable=True
                )
                self._pending = None
            raise
