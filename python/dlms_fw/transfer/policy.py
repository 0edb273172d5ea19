"""What the caller decides about a transfer, and what it must know about meter and link.

Values only, all finite: this file asks nothing and moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from math import inf
from operator import attrgetter
from typing import Final, Literal, TypeAlias

from dlms_fw.transfer.strategies import MOST_REQUESTS, WANTED, WantedStrategy

Activation: TypeAlias = Literal["immediate", "never"] | datetime
"""When the image shall be activated; a naive ``datetime`` is the meter's own local time."""


@dataclass(frozen=True, slots=True)
class MeterObjects:
    """The logical names that a transfer uses; ``{part}`` is the number of the firmware part (value group B).

    The defaults are those of the MCS301; ``firmware_version`` is manufacturer specific. An object that the
    meter does not have is tolerated where nothing depends on it. An empty name is never asked for.
    """

    image_transfer: str = "0-0:44.0.0.255"
    active_identifier: str = "1-{part}:0.2.0.255"
    active_signature: str = "1-{part}:0.2.8.255"
    meter_type: str = "0-0:96.1.1.255"
    firmware_version: str = "1-{part}:0.2.128.255"
    clock: str = "0-0:1.0.0.255"
    activation_scheduler: str = "0-0:15.0.2.255"
    activation_scripts: str = "0-0:10.0.107.255"
    event_log: str = "0-0:99.98.0.255"


_USUAL_OBJECTS = MeterObjects()


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """What to do, what to insist on, and when to give up.

    Attributes:
        activate: Activate at once, never, or at a time. An aware ``datetime`` is converted with the
            deviation that the meter's clock shows now; give a naive one where daylight saving time begins
            or ends in between.
        restart: Discard a transfer that the meter holds, whoever's it is. Without it a foreign one is not
            touched.
        dry_run: Ask everything that can be asked without a change, then stop.
        allow_downgrade: Accept an image that is older than what the meter runs.
        allow_metrology: Accept an image for the metrological part (0).
        allow_insecure: Send the image over an association in which neither side proves itself by a key or a
            digest: without authentication, or with a password, and without authenticated messages.
        meter_type: What the inventory says; a meter that says otherwise is not touched.
        hardware: The meter's hardware revision by the inventory; no object of the meter tells it.
        identifier_octets: How long the image_identifier must be for this kind of meter; 6 for an MCS301.
        objects: Where the meter keeps its objects.
        active_identifier_position: Which element of an array of identifiers is the active one. ``auto``
            takes the first or the last, and wants a signature or a change as proof where they differ.
        compare_signature: Whether image_to_activate_info must hold the image's signature. Its content is
            manufacturer specific.
        pad_last_block: Fill the last block with zeros; image_size stays true.
        restore_enabled: After a confirmed activation write image_transfer_enabled back to FALSE if that is
            how it was found.
        settle_after_initiate_seconds: Pause between initiation and the first block, for meters that erase
            memory.
        strategy: How blocks are sent. ``automatic`` takes the best that the link allows and watches how it
            goes; a strategy that is named and cannot be used gives way to the next that can.
        requests_ahead: How many requests may be on their way at a time, 1 to 16, where the strategy sends
            several.
        block_runs: Send confirmed blocks in runs, where the driver can: as many in one go as the link takes
            in about a tenth of a second, or a few dozen. What goes over the line is the same.
        block_run_seconds: How long a run may take at most; progress is told at least so often, where blocks
            do not take longer. :class:`~dlms_fw.fleet.Fleet` takes a longer time.
        block_pause_seconds: Least pause after each unconfirmed block. It grows by itself where the meter
            drops what comes too fast.
        checkpoint_blocks: How many blocks are sent at most between two checkpoints; where the link takes them
            faster, as many as it takes in about half a second.
        block_tries: How often one block is sent before its refusal, or its loss in the meter, is final.
        block_rounds: How often the completeness check may send us back for blocks that the meter had
            acknowledged.
        full_restarts: How often the whole image is sent again in one run, after a failed verification or a
            meter that forgot.
        activations: How often image_activate is called in one run, when the old firmware came back and the
            image was kept.
        confirm_on_trial: Call image_activate once more while the meter runs the new firmware with status 5,
            for meters that keep it only when a client confirms it so.
        confirm_looks: How many readings in a row must show the old firmware before that is believed.
        busy_first_seconds: First pause after a temporary failure; doubles up to ``busy_longest_seconds``.
        busy_seconds: How long one question may be answered with temporary failure.
        initiate_seconds: How long an accepted initiation may take to show in the status.
        verify_poll_first_seconds: First pause between two looks at a running verification; doubles up to
            ``verify_poll_longest_seconds``.
        verify_seconds: Deadline of the verification.
        reconnect_first_seconds: Pause before the first connection after the activation; doubles up to
            ``reconnect_longest_seconds``.
        activation_seconds: Deadline from image_activate to the confirmation.
        losses_without_progress: How many lost links in a row, without one more answer that counts, end the
            run.
        link_pause_longest_seconds: Longest pause after lost links. The first loss is followed up at once,
            then the pause doubles.
        stall_seconds: Longest time between two blocks that the meter takes.
        run_seconds: Deadline of the whole run.
        clock_skew_seconds: How far the meter's clock may be off when an activation is scheduled.
        schedule_margin_seconds: How far in the future a scheduled activation must be.
        largest_image: Octets; a larger image is refused before anything is asked.
        most_blocks: A block size that makes more blocks than this is refused.
    """

    activate: Activation = "immediate"
    restart: bool = False
    dry_run: bool = False
    allow_downgrade: bool = False
    allow_metrology: bool = False
    allow_insecure: bool = False
    meter_type: str | None = None
    hardware: int | None = None
    identifier_octets: int | None = None
    objects: MeterObjects = _USUAL_OBJECTS
    active_identifier_position: Literal["first", "last", "auto"] = "auto"
    compare_signature: bool = True
    pad_last_block: bool = False
    restore_enabled: bool = False
    confirm_on_trial: bool = False
    settle_after_initiate_seconds: float = 0.0
    strategy: WantedStrategy = "automatic"
    requests_ahead: int = MOST_REQUESTS
    block_runs: bool = True
    block_run_seconds: float = 1.0
    block_pause_seconds: float = 0.0
    checkpoint_blocks: int = 256
    block_tries: int = 3
    block_rounds: int = 5
    full_restarts: int = 1
    activations: int = 2
    confirm_looks: int = 3
    busy_first_seconds: float = 1.0
    busy_longest_seconds: float = 60.0
    busy_seconds: float = 600.0
    initiate_seconds: float = 300.0
    verify_poll_first_seconds: float = 1.0
    verify_poll_longest_seconds: float = 60.0
    verify_seconds: float = 1_800.0
    reconnect_first_seconds: float = 2.0
    reconnect_longest_seconds: float = 60.0
    activation_seconds: float = 3_600.0
    losses_without_progress: int = 10
    link_pause_longest_seconds: float = 60.0
    stall_seconds: float = 600.0
    run_seconds: float = 7 * 86_400.0
    clock_skew_seconds: float = 60.0
    schedule_margin_seconds: float = 300.0
    largest_image: int = 16 * 1024 * 1024
    most_blocks: int = 1_048_576

    def __post_init__(self) -> None:
        if self.strategy not in WANTED:
            raise ValueError(f"strategy must be one of {', '.join(WANTED)}")
        if not 1 <= self.requests_ahead <= MOST_REQUESTS:
            raise ValueError(f"requests_ahead must be 1 to {MOST_REQUESTS}")
        for name in ("checkpoint_blocks", "block_tries", "activations", "confirm_looks", "most_blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name, value in zip(_NUMBERS, _numbers(self), strict=True):
            if value is not None and not 0 <= value < inf:
                raise ValueError(f"{name} must be finite and not negative")


_NUMBERS: Final = tuple(
    one.name for one in fields(TransferPolicy) if {"int", "float"} & set(one.type.split())
)
_numbers: Final = attrgetter(*_NUMBERS)
