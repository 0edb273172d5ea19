"""The table of the activation: using, testing, confirming, discarding (MCS301 manual, page 116).

Everything that moves an activation stands here as data; ``docs/make_state_diagrams.py`` draws it. Each step
is recorded before it is taken. The rules that the table keeps:

- power off before the confirmation boots the old firmware, keeps the new image, and starts nothing again;
- a firmware that cannot be installed, does not boot, fails its test or is not confirmed is discarded;
- neither version is discarded before that is decided, and what is left of discarding is done at power-up.

How a step is done, and how long it takes, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from dlms_fw.meter.state import ActivationStep

Confirmation: TypeAlias = Literal["self-test", "call", "read-back", "never"]
"""What confirms a new firmware, which the manual leaves open: its own self-test; ``image_activate``, called
once more while it runs on trial; a client that reads its identifier meanwhile; or nothing."""


class FirmwareBehaviour(Enum):
    """What a new firmware does when it is tried."""

    GOOD = "good"
    NO_BOOT = "no-boot"
    """It does not start; the watchdog restarts the meter."""
    FAILS_SELF_TEST = "fails-self-test"
    HANGS = "hangs"
    """It stops in its self-test; the watchdog restarts the meter."""
    MUTE = "mute"
    """It passes its self-test and answers nobody while it is on trial."""


class Outcome(Enum):
    """How a step ended."""

    COMMANDED = "commanded"
    DONE = "done"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    POWER_OFF = "power off"

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name each time


class Move(NamedTuple):
    """One cell of the table: the next step, and what the outcome means here."""

    step: ActivationStep
    meaning: str


class Row(NamedTuple):
    """One row: what is going on, the firmware that runs meanwhile, and the moves."""

    what: str
    runs: Literal["confirmed", "on trial"]
    moves: Mapping[Outcome, Move]


_S = ActivationStep
_O = Outcome
_KEPT: Final = Move(_S.IDLE, "the old firmware boots, the image is kept, the meter waits for a command")

ROWS: Final[Mapping[ActivationStep, Row]] = MappingProxyType(
    {
        _S.IDLE: Row(
            "nothing",
            "confirmed",
            {_O.COMMANDED: Move(_S.INSTALL, "the stored image was verified once more")},
        ),
        _S.INSTALL: Row(
            "using: the image is copied into the bank that does not run",
            "confirmed",
            {
                _O.DONE: Move(_S.START, "the copy was read back"),
                _O.FAILED: Move(_S.DISCARD_NEW, "the bank cannot be written"),
                _O.POWER_OFF: _KEPT,
            },
        ),
        _S.START: Row(
            "using: the meter restarts into the new bank, on trial",
            "on trial",
            {
                _O.DONE: Move(_S.TEST, "it is whole, and boots"),
                _O.FAILED: Move(_S.DISCARD_NEW, "it does not boot, or is not what was verified"),
                _O.POWER_OFF: _KEPT,
            },
        ),
        _S.TEST: Row(
            "testing: the self-test of the new firmware",
            "on trial",
            {
                _O.DONE: Move(_S.CONFIRM, "passed, and somebody else confirms"),
                _O.CONFIRMED: Move(_S.DISCARD_OLD, "passed, and that confirms it"),
                _O.FAILED: Move(_S.DISCARD_NEW, "not passed, or the watchdog ended it"),
                _O.POWER_OFF: _KEPT,
            },
        ),
        _S.CONFIRM: Row(
            "testing: the new firmware runs and waits to be confirmed",
            "on trial",
            {
                _O.CONFIRMED: Move(_S.DISCARD_OLD, "confirmed in time"),
                _O.FAILED: Move(_S.DISCARD_NEW, "not confirmed in time"),
                _O.POWER_OFF: _KEPT,
            },
        ),
        _S.DISCARD_OLD: Row(
            "discarding: the bank of the old firmware is erased",
            "confirmed",
            {
                _O.DONE: Move(_S.IDLE, "the new firmware is alone"),
                _O.POWER_OFF: Move(_S.DISCARD_OLD, "the new firmware boots; the rest is done at power-up"),
            },
        ),
        _S.DISCARD_NEW: Row(
            "discarding: the new firmware and its image are erased, the old one boots",
            "confirmed",
            {
                _O.DONE: Move(_S.IDLE, "the old firmware is alone; a new transfer is needed"),
                _O.POWER_OFF: Move(_S.DISCARD_NEW, "the old firmware boots; the rest is done at power-up"),
            },
        ),
    }
)

TRANSITIONS: Final[Mapping[ActivationStep, Mapping[Outcome, ActivationStep]]] = MappingProxyType(
    {
        step: MappingProxyType({outcome: move.step for outcome, move in row.moves.items()})
        for step, row in ROWS.items()
    }
)
"""Where each outcome of each step leads."""
