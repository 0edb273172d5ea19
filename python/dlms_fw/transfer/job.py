"""What is known in the middle of a transfer: the facts that the steps share, and how a step asks.

A step is one state's side of the conversation: what it asks, and how an answer is read into an outcome.
Steps are made afresh each time a state is entered and hold nothing that outlives it; what does is here, in
:class:`Job`. Neither knows the table: where an outcome leads is not a step's business.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    BlockStatus,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ImageBlocks,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
)
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.enums import ActionResult, DataAccessResult, ImageTransferStatus
from dlms_fw.errors import TransferError, TransferIncomplete
from dlms_fw.events import Event, MeterStatus, StrategyChosen, Warned
from dlms_fw.image import Image, Version
from dlms_fw.transfer.checkpoint import Checkpoint, ownership
from dlms_fw.transfer.link import LinkFacts
from dlms_fw.transfer.orders import Burst, Elsewhere, Reconnect, Run, Save, Wait
from dlms_fw.transfer.policy import TransferPolicy
from dlms_fw.transfer.question_lists import QuestionLists
from dlms_fw.transfer.strategies import Strategy
from dlms_fw.transfer.table import Outcome, Ownership, TransferState
from dlms_fw.transfer.tactics import Tactics

E = TypeVar("E", bound=TransferError)
P = ParamSpec("P")

Request: TypeAlias = GetRequest | SetRequest | ActionRequest | RequestList
Response: TypeAlias = GetResponse | SetResponse | ActionResponse | ResponseList | ExceptionResponse
Asked: TypeAlias = Request | Run | Burst | Elsewhere | Wait | Save | Reconnect | Outcome
"""What a step wants next; an :class:`Outcome` where it knows without asking."""


@lru_cache(maxsize=16)
def _image_transfer(logical_name: str) -> ImageTransfer:
    """Nearly all meters have it under one name, so one object names it."""
    return ImageTransfer(logical_name)


class Job:
    """The facts of one transfer. Plain attributes, written by the steps.

    Attributes:
        now: The driver's monotonic time at the call being served.
        identifiers_before: The active identifiers of each part asked for, as they were before anything was
            written.
        fresh: Whether the way leads to an initiation, or goes on with what the meter has.
        restart: Whether a transfer found in the meter is to be discarded; spent by a successful initiation.
        sendings: How often the whole image has been begun, a transfer found and continued included.
        block_status: Blocks that the meter acknowledged or reported; the meter's word replaces ours at each
            check.
        attempts: How often a block was sent in vain, for blocks where that happened.
        changed: Whether anything was written to the meter.
        emit: Where events go; ``None`` where nobody listens.
        tactics: How blocks are sent, and what has been learnt about that.
        lists: The same about asking several questions at a time.
    """

    __slots__ = (
        "activated_at",
        "activation_refused",
        "activations",
        "already_current",
        "attempts",
        "block_status",
        "blocks",
        "blocks_high",
        "blocks_sent",
        "bytes_sent",
        "changed",
        "checkpoint",
        "current_version",
        "emit",
        "enabled_at_start",
        "foreign_activation_since",
        "fresh",
        "identifiers_before",
        "image",
        "image_transfer",
        "image_transfer_status",
        "initiate_answer",
        "initiate_since",
        "link",
        "lists",
        "meter",
        "now",
        "old_firmware_looks",
        "policy",
        "reconnect_wanted",
        "restart",
        "retries",
        "rounds",
        "sendings",
        "started",
        "state",
        "status_before_initiate",
        "tactics",
        "transfer_enabled",
        "verification_failed",
        "verify_answer",
        "verify_since",
        "wall_clock",
    )

    def __init__(
        self,
        image: Image,
        policy: TransferPolicy,
        *,
        meter: str,
        checkpoint: Checkpoint | None,
        current_version: Version | None,
        link: LinkFacts,
        wall_clock: datetime | None,
        emit: Callable[[Event], None] | None,
    ) -> None:
        self.image = image
        self.policy = policy
        self.meter = meter
        self.checkpoint = checkpoint
        self.current_version = current_version
        self.link = link
        self.wall_clock = wall_clock
        self.emit = emit
        self.image_transfer = _image_transfer(policy.objects.image_transfer)
        self.state = TransferState.READ_ACTIVE
        self.now = 0.0
        self.started = 0.0
        self.changed = False

        self.identifiers_before: tuple[tuple[bytes, ...] | None, ...] | None = None
        self.already_current = False
        self.blocks: ImageBlocks | None = None
        self.transfer_enabled: bool | None = None
        self.enabled_at_start: bool | None = None
        self.image_transfer_status: int | None = None
        self.foreign_activation_since: float | None = None

        self.fresh = True
        self.restart = policy.restart
        self.sendings = 0
        self.initiate_since: float | None = None
        self.initiate_answer = Outcome.LOST
        self.status_before_initiate: int | None = None

        self.block_status: BlockStatus | None = None
        self.blocks_high = 0
        self.attempts: dict[int, int] = {}
        self.tactics = Tactics(
            policy.strategy,
            link,
            policy.block_pause_seconds,
            requests_ahead=policy.requests_ahead,
            longest_run_seconds=policy.block_run_seconds,
        )
        self.lists = QuestionLists(link)
        self.blocks_sent = 0
        self.bytes_sent = 0
        self.retries = 0
        self.rounds = 0

        self.verify_answer = Outcome.LOST
        self.verify_since: float | None = None
        self.verification_failed = False
        self.activations = 0
        self.activation_refused: str | None = None
        self.activated_at: float | None = None
        self.reconnect_wanted = False
        self.old_firmware_looks = 0

    def knows_image(self) -> bool:
        """Whether the checkpoint is one of this image in this meter."""
        if self.checkpoint is None:
            return False
        return self._ownership(self.checkpoint.image_block_size) not in (Ownership.NONE, Ownership.OTHER)

    @property
    def blocks_total(self) -> int | None:
        """Image blocks of the image, once the block size is known."""
        return None if self.blocks is None else len(self.blocks)

    def known_blocks(self) -> tuple[ImageBlocks, BlockStatus]:
        """The blocks and what the meter has of them; only after the parameters have been read."""
        if self.blocks is None or self.block_status is None:
            raise AssertionError("the block size was not read before it was needed")
        return self.blocks, self.block_status

    def strategy(self) -> Strategy:
        """How blocks are sent now; told where that is new."""
        strategy = self.tactics.strategy(self.known_blocks()[0].image_block_size)
        why = self.tactics.news()
        if why is not None:
            self.tell(
                StrategyChosen,
                strategy.name,
                strategy.blocks_per_request,
                strategy.depth,
                strategy.burst,
                why,
            )
        return strategy

    def save(self, state: TransferState, blocks_bound: int) -> Save:
        """Record that ``state`` is about to be entered and that blocks below ``blocks_bound`` may be sent."""
        blocks, _ = self.known_blocks()
        self.checkpoint = Checkpoint(
            meter=self.meter,
            sha256=self.image.sha256,
            image_identifier=self.image.image_identifier,
            image_size=self.image.size,
            image_block_size=blocks.image_block_size,
            state=state,
            blocks_bound=blocks_bound,
        )
        return Save(self.checkpoint)

    def ownership(self) -> Ownership:
        """Whose transfer the meter can hold."""
        return self._ownership(self.known_blocks()[0].image_block_size)

    def _ownership(self, image_block_size: int) -> Ownership:
        return ownership(
            self.checkpoint,
            meter=self.meter,
            sha256=self.image.sha256,
            image_identifier=self.image.image_identifier,
            image_size=self.image.size,
            image_block_size=image_block_size,
        )

    def take_status(self, status: int) -> None:
        """Note the image_transfer_status, and tell where it is new."""
        if status != self.image_transfer_status:
            self.image_transfer_status = status
            self.tell(MeterStatus, int(status), status_name(status))

    def warn(self, code: str, text: str) -> None:
        """Tell something that does not stop the transfer."""
        self.tell(Warned, code, text)

    def tell(self, event: Callable[Concatenate[float, P], Event], *facts: P.args, **named: P.kwargs) -> None:
        """Tell an event of this moment; it is made only where anybody listens."""
        if self.emit is not None:
            self.emit(event(self.now, *facts, **named))

    def error(self, kind: type[E], message: str, *, hint: str | None = None, retryable: bool = False) -> E:
        """An error of this transfer, with the state that it is in."""
        return kind(
            message,
            state=self.state.value,
            image_transfer_status=None
            if self.image_transfer_status is None
            else int(self.image_transfer_status),
            hint=hint,
            retryable=retryable,
        )


class Step:
    """One state's side of the conversation.

    Attributes:
        pause_first: First pause in seconds after ``BUSY``; doubles up to ``pause_longest``.
        patience: How long ``BUSY`` may go on, in seconds.
        waits_for: What that waiting is for, in words.
        answers_are_progress: Whether any answer shows that the link is good for something.
        outlasts_losses: Whether lost links are normal here, and only ``patience`` ends them.
        may_be_left: Whether the transfer has reached its goal even if this step never succeeds.
        one_by_one: Whether each request that it makes waits for its answer before anything else happens.
        general_blocks: Whether long requests shall go in general blocks.
    """

    __slots__ = ("job", "patience", "pause_first", "pause_longest")

    waits_for = "the meter is busy"
    answers_are_progress = False
    outlasts_losses = False
    may_be_left = False
    one_by_one = True
    general_blocks = False

    def __init__(self, job: Job) -> None:
        self.job = job
        self.pause_first = job.policy.busy_first_seconds
        self.pause_longest = job.policy.busy_longest_seconds
        self.patience = job.policy.busy_seconds

    def ask(self) -> Asked:
        """What to ask now; called again after each answer, wait and saving, until an outcome leads on."""
        raise NotImplementedError

    def ask_ahead(self) -> Request | Run | Save | None:
        """What may be asked, or must be saved, before the last question is answered; mostly nothing."""
        return None

    def ran(self, run: Run) -> Outcome:
        """What a run has come to; what is still on its way is answered later."""
        raise NotImplementedError

    def done(self) -> Outcome:
        """What it means that the driver has carried out an order which the meter does not answer."""
        raise NotImplementedError

    def read(self, response: Response) -> Outcome | None:
        """What the answer means; ``None`` where it means no more than that something is asked in another way.

        Raises a TransferError or ImageRejected where the transfer cannot go on.
        """
        raise NotImplementedError

    def waiting_since(self) -> float | None:
        """Since when ``BUSY`` counts, where that is not since its first time in this state."""
        return None

    def pause(self, seconds: float) -> Wait | Reconnect | None:
        """How to pass the time after ``BUSY``."""
        return Wait(seconds, self.waits_for)

    def out_of_patience(self) -> TransferError:
        """The error when ``BUSY`` has gone on for too long."""
        return self.job.error(
            TransferIncomplete,
            f"gave up after {self.patience:.0f} s: {self.waits_for}",
            hint="run it again later: it goes on where it stopped",
            retryable=True,
        )


_STATUS_NAMES: Final = {int(status): status.name.lower().replace("_", " ") for status in ImageTransferStatus}


def status_name(status: int) -> str:
    """The standard's name of an image_transfer_status."""
    return _STATUS_NAMES.get(status) or f"unknown status {int(status)}"


def data_access_result_name(result: int) -> str:
    """The standard's name of a data-access-result."""
    return _name(DataAccessResult, result)


def action_result_name(result: int) -> str:
    """The standard's name of an action-result."""
    return _name(ActionResult, result)


def _name(kind: type[DataAccessResult | ActionResult], result: int) -> str:
    try:
        return kind(result).name.lower().replace("_", "-")
    except ValueError:
        return f"result {result}"
