"""Which step serves which state, and which of them sends blocks by which strategy: two tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from dlms_fw.transfer.activation import Activate, Confirm, Tidy
from dlms_fw.transfer.blocks import Sequential
from dlms_fw.transfer.bursts import Bursts, FromElsewhere
from dlms_fw.transfer.completeness import CheckBlocks
from dlms_fw.transfer.identify import ReadActive
from dlms_fw.transfer.job import Job, Step
from dlms_fw.transfer.prepare import Enable, Initiate, PollInitiate, ReadParameters, ReadStatus
from dlms_fw.transfer.schedule import Schedule
from dlms_fw.transfer.strategies import StrategyName
from dlms_fw.transfer.table import TransferState
from dlms_fw.transfer.verification import CheckImage, PollVerify, Verify
from dlms_fw.transfer.windowed import Windowed

_S = TransferState

SENDERS: Final[Mapping[StrategyName, type[Step]]] = MappingProxyType(
    {
        "sequential": Sequential,
        "with-list": Windowed,
        "pipelined": Windowed,
        "general-block-transfer": Windowed,
        "unconfirmed": Bursts,
        "elsewhere": FromElsewhere,
    }
)
"""What sends blocks by each strategy."""


def _transfer_blocks(job: Job) -> Step:
    return SENDERS[job.strategy().name](job)


STEPS: Final[Mapping[TransferState, Callable[[Job], Step]]] = MappingProxyType(
    {
        _S.READ_ACTIVE: ReadActive,
        _S.READ_PARAMETERS: ReadParameters,
        _S.READ_STATUS: ReadStatus,
        _S.ENABLE: Enable,
        _S.INITIATE: Initiate,
        _S.POLL_INITIATE: PollInitiate,
        _S.TRANSFER_BLOCKS: _transfer_blocks,
        _S.CHECK_BLOCKS: CheckBlocks,
        _S.VERIFY: Verify,
        _S.POLL_VERIFY: PollVerify,
        _S.CHECK_IMAGE: CheckImage,
        _S.SCHEDULE: Schedule,
        _S.ACTIVATE: Activate,
        _S.CONFIRM: Confirm,
        _S.TIDY: Tidy,
    }
)
"""What each state asks and how it reads the answers."""
