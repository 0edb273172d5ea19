"""The image transfer process: a pure, table-driven machine. Re-exports only."""

from __future__ import annotations

from dlms_fw.transfer.checkpoint import Checkpoint
from dlms_fw.transfer.machine import Transfer
from dlms_fw.transfer.orders import PhaseTime, Reconnect, Save, TransferResult, Wait
from dlms_fw.transfer.policy import Activation, MeterObjects, PduLimits, TransferPolicy
from dlms_fw.transfer.schedule import withdraw_schedule
from dlms_fw.transfer.table import START, TERMINAL, TRANSITIONS, Outcome, Ownership, TransferState

__all__ = [
    "START",
    "TERMINAL",
    "TRANSITIONS",
    "Activation",
    "Checkpoint",
    "MeterObjects",
    "Outcome",
    "Ownership",
    "PduLimits",
    "PhaseTime",
    "Reconnect",
    "Save",
    "Transfer",
    "TransferPolicy",
    "TransferResult",
    "TransferState",
    "Wait",
    "withdraw_schedule",
]
