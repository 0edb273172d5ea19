"""What is told at the beginning and at the end of a transfer, put together from what is known of it."""

from __future__ import annotations

from typing import Literal

from dlms_fw.errors import DlmsError
from dlms_fw.events import Finished, PlanMade
from dlms_fw.transfer.job import Job
from dlms_fw.transfer.orders import PhaseTime, TransferResult


def plan_made(job: Job) -> PlanMade:
    """What is going to be done."""
    image, activate = job.image, job.policy.activate
    return PlanMade(
        job.now,
        job.meter,
        image.image_identifier,
        image.sha256,
        image.size,
        image.part,
        activate if isinstance(activate, str) else activate.isoformat(),
        job.knows_image(),
        job.policy.dry_run,
    )


def result_of(
    job: Job,
    outcome: Literal["activated", "already-current", "scheduled", "verified", "planned"],
    link_losses: int,
    phases: tuple[PhaseTime, ...],
) -> TransferResult:
    """What was reached."""
    return TransferResult(
        outcome=outcome,
        changed=job.changed,
        identifier=job.image.image_identifier,
        sha256=job.image.sha256,
        block_size=None if job.blocks is None else job.blocks.image_block_size,
        blocks_total=job.blocks_total,
        blocks_sent=job.blocks_sent,
        bytes=job.bytes_sent,
        seconds=job.now - job.started,
        retries=job.retries,
        rounds=job.rounds,
        link_losses=link_losses,
        phases=phases,
        strategy=job.tactics.name,
    )


def finished(job: Job, outcome: str, error: DlmsError | None = None) -> Finished:
    """The last event."""
    return Finished(
        job.now,
        outcome,
        job.changed,
        job.now - job.started,
        None if job.blocks is None else job.blocks.image_block_size,
        job.blocks_total,
        job.blocks_sent,
        job.bytes_sent,
        job.retries,
        None if error is None else error.code,
        None if error is None else str(error),
    )
