"""The image transfer process: a pure, table-driven machine. Re-exports only."""

from __future__ import annotations

from dlms_fw.transfer.checkpoint import Checkpoint
from dlms_fw.transfer.link import LinkFacts, Medium
from dlms_fw.transfer.machine import Transfer
from dlms_fw.transfer.orders import Burst, Elsewhere, PhaseTime, Reconnect, Run, Save, TransferResult, Wait
from dlms_fw.transfer.policy import Activation, MeterObjects, TransferPolicy
from dlms_fw.transfer.schedule import withdraw_schedule
from dlms_fw.transfer.strategies import Strategy, WantedStrategy
from dlms_fw.transfer.table import START, TERMINAL, TRANSITIONS, Outcome, Ownership, TransferState

__all__ = [
    "START",
    "TERMINAL",
    "TRANSITIONS",
    "Activation",
    "Burst",
    "Checkpoint",
    "Elsewhere",
    "LinkFacts",
    "Medium",
    "MeterObjects",
    "Outcome",
    "Ownership",
    "PhaseTime",
    "Reconnect",
    "Run",
    "Save",
    "Strategy",
    "Transfer",
    "TransferPolicy",
    "TransferResult",
    "TransferState",
    "Wait",
    "WantedStrategy",
    "withdraw_schedule",
]
