"""The table of the image transfer: every state, every outcome, and where it leads.

Everything that moves the machine's state lives in this file, as data; `docs/make_state_diagrams.py` draws
it. Two tables: `TRANSITIONS[state][outcome] -> state`, and `START[ownership][image_transfer_status] ->
outcome`, which says what a status found in the meter means for us. This file does not know what is asked of
the meter or how an answer is read.

The rules that the tables keep:

- Before the gate in `READ_ACTIVE` has passed, nothing is written to the meter.
- `INITIATE` is never entered to resume: it would wipe what the meter already has.
- `ACTIVATE` is entered from `CHECK_IMAGE` only, which has just read the status and image_to_activate_info.
- After `ACTIVATE` every answer, silence and a dropped link lead to `CONFIRM`; only a matching active
  identifier leads out of it well.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from dlms_fw.events import Phase


class TransferState(Enum):
    """A state of our machine; not to be confused with the meter's image_transfer_status."""

    READ_ACTIVE = "read-active"
    READ_PARAMETERS = "read-parameters"
    READ_STATUS = "read-status"
    ENABLE = "enable"
    INITIATE = "initiate"
    POLL_INITIATE = "poll-initiate"
    TRANSFER_BLOCKS = "transfer-blocks"
    CHECK_BLOCKS = "check-blocks"
    VERIFY = "verify"
    POLL_VERIFY = "poll-verify"
    CHECK_IMAGE = "check-image"
    SCHEDULE = "schedule"
    ACTIVATE = "activate"
    CONFIRM = "confirm"
    TIDY = "tidy"
    PLANNED = "planned"
    VERIFIED = "verified"
    SCHEDULED = "scheduled"
    DONE = "done"
    FAILED = "failed"

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name for every block


class Outcome(Enum):
    """What an answer means for the state that asked."""

    OK = "ok"
    MORE = "more"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    CHANGED = "changed"
    BUSY = "busy"
    REFUSED = "refused"
    LOST = "lost"

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name each time


class Ownership(Enum):
    """Whose transfer it is that the meter holds, by the checkpoint of this meter."""

    __hash__ = object.__hash__

    NONE = "no checkpoint"
    OTHER = "checkpoint of another image"
    UNSENT = "ours, no block sent"
    OURS = "ours, blocks sent"
    ORDERED = "ours, activation ordered"
    RESTART = "the caller said restart"


class Move(NamedTuple):
    """One cell of the table: the next state, and what the outcome means here."""

    state: TransferState
    meaning: str


class Row(NamedTuple):
    """One row: what the state asks of the meter, the phase it belongs to, and its moves."""

    phase: Phase
    asks: str
    moves: Mapping[Outcome, Move]


_S = TransferState
_O = Outcome

ROWS: Final[Mapping[TransferState, Row]] = MappingProxyType(
    {
        _S.READ_ACTIVE: Row(
            Phase.IDENTIFY,
            "active identifier, active signature, meter type, firmware version; image_transfer_status where "
            "the image is active already",
            {
                _O.MORE: Move(_S.READ_ACTIVE, "next question"),
                _O.OK: Move(_S.READ_PARAMETERS, "the image fits this meter"),
                _O.COMPLETE: Move(_S.DONE, "already current"),
                _O.BUSY: Move(_S.READ_ACTIVE, "wait"),
                _O.REFUSED: Move(_S.FAILED, "the image is not for this meter"),
                _O.LOST: Move(_S.READ_ACTIVE, "ask again"),
            },
        ),
        _S.READ_PARAMETERS: Row(
            Phase.PREPARE,
            "image_block_size, image_transfer_enabled",
            {
                _O.MORE: Move(_S.READ_PARAMETERS, "next question"),
                _O.OK: Move(_S.READ_STATUS, "the block size can be used"),
                _O.BUSY: Move(_S.READ_PARAMETERS, "wait"),
                _O.REFUSED: Move(_S.FAILED, "the block size cannot be used, or has changed"),
                _O.LOST: Move(_S.READ_PARAMETERS, "ask again"),
            },
        ),
        _S.READ_STATUS: Row(
            Phase.PREPARE,
            "image_transfer_status",
            {
                _O.OK: Move(_S.ENABLE, "begin anew"),
                _O.INCOMPLETE: Move(_S.ENABLE, "ours: go on where it stopped"),
                _O.COMPLETE: Move(_S.CONFIRM, "ours: activation was ordered"),
                _O.MORE: Move(_S.PLANNED, "dry run: enough is known"),
                _O.BUSY: Move(_S.READ_ACTIVE, "the meter is activating: wait, then look again"),
                _O.REFUSED: Move(_S.FAILED, "the transfer is not ours"),
                _O.LOST: Move(_S.READ_PARAMETERS, "ask again"),
            },
        ),
        _S.ENABLE: Row(
            Phase.PREPARE,
            "set image_transfer_enabled to TRUE where it is FALSE, and read it back",
            {
                _O.MORE: Move(_S.ENABLE, "next question"),
                _O.OK: Move(_S.INITIATE, "enabled; begin anew"),
                _O.INCOMPLETE: Move(_S.CHECK_BLOCKS, "enabled; go on where it stopped"),
                _O.BUSY: Move(_S.ENABLE, "wait"),
                _O.REFUSED: Move(_S.FAILED, "cannot be enabled"),
                _O.LOST: Move(_S.READ_PARAMETERS, "look again"),
            },
        ),
        _S.INITIATE: Row(
            Phase.INITIATE,
            "image_transfer_initiate",
            {
                _O.OK: Move(_S.POLL_INITIATE, "accepted"),
                _O.BUSY: Move(_S.POLL_INITIATE, "temporary failure: wait, then look"),
                _O.REFUSED: Move(_S.FAILED, "refused, or no restart is left"),
                _O.LOST: Move(_S.READ_PARAMETERS, "unknown whether it arrived: look again"),
            },
        ),
        _S.POLL_INITIATE: Row(
            Phase.INITIATE,
            "image_transfer_status",
            {
                _O.MORE: Move(_S.POLL_INITIATE, "initiated: pause for the meter's memory"),
                _O.OK: Move(_S.TRANSFER_BLOCKS, "initiated"),
                _O.BUSY: Move(_S.POLL_INITIATE, "not yet: wait"),
                _O.INCOMPLETE: Move(_S.INITIATE, "it was busy: initiate again"),
                _O.REFUSED: Move(_S.FAILED, "answer and status disagree"),
                _O.LOST: Move(_S.READ_PARAMETERS, "look again"),
            },
        ),
        _S.TRANSFER_BLOCKS: Row(
            Phase.TRANSFER,
            "image_block_transfer; what has arrived of unconfirmed blocks",
            {
                _O.MORE: Move(_S.TRANSFER_BLOCKS, "taken: next block"),
                _O.COMPLETE: Move(_S.READ_STATUS, "all sent: the meter's status decides"),
                _O.INCOMPLETE: Move(_S.READ_STATUS, "one block is not taken: look what is missing"),
                _O.CHANGED: Move(_S.TRANSFER_BLOCKS, "another strategy"),
                _O.BUSY: Move(_S.TRANSFER_BLOCKS, "not taken: wait, same block"),
                _O.REFUSED: Move(_S.FAILED, "a block is refused for good"),
                _O.LOST: Move(_S.READ_PARAMETERS, "the meter says what it has"),
            },
        ),
        _S.CHECK_BLOCKS: Row(
            Phase.TRANSFER,
            "image_transferred_blocks_status, image_first_not_transferred_block_number",
            {
                _O.MORE: Move(_S.CHECK_BLOCKS, "next question"),
                _O.COMPLETE: Move(_S.VERIFY, "nothing is missing"),
                _O.INCOMPLETE: Move(_S.TRANSFER_BLOCKS, "send what is missing"),
                _O.OK: Move(_S.INITIATE, "nothing was ever sent: begin anew"),
                _O.BUSY: Move(_S.CHECK_BLOCKS, "wait"),
                _O.REFUSED: Move(_S.FAILED, "blocks we never sent, or no end of gaps"),
                _O.LOST: Move(_S.READ_PARAMETERS, "look again"),
            },
        ),
        _S.VERIFY: Row(
            Phase.VERIFY,
            "image_verify, unless the meter has begun by itself",
            {
                _O.OK: Move(_S.POLL_VERIFY, "answered: the status decides"),
                _O.COMPLETE: Move(_S.POLL_VERIFY, "not called: the meter has begun by itself"),
                _O.BUSY: Move(_S.POLL_VERIFY, "running: wait"),
                _O.REFUSED: Move(_S.POLL_VERIFY, "answered: the status decides"),
                _O.LOST: Move(_S.POLL_VERIFY, "unknown whether it arrived: the status decides"),
            },
        ),
        _S.POLL_VERIFY: Row(
            Phase.VERIFY,
            "image_transfer_status",
            {
                _O.OK: Move(_S.CHECK_IMAGE, "verified"),
                _O.BUSY: Move(_S.POLL_VERIFY, "running: wait"),
                _O.INCOMPLETE: Move(_S.READ_STATUS, "not verified: look again, restart at most once"),
                _O.COMPLETE: Move(_S.CONFIRM, "the meter activates by itself"),
                _O.REFUSED: Move(_S.FAILED, "answer and status disagree, or out of time"),
                _O.LOST: Move(_S.POLL_VERIFY, "ask again"),
            },
        ),
        _S.CHECK_IMAGE: Row(
            Phase.VERIFY,
            "image_transfer_status, image_to_activate_info; execution_time where nothing is to be activated",
            {
                _O.MORE: Move(_S.CHECK_IMAGE, "next question"),
                _O.OK: Move(_S.ACTIVATE, "exactly our image: activate now"),
                _O.INCOMPLETE: Move(_S.SCHEDULE, "exactly our image: activate later"),
                _O.COMPLETE: Move(_S.VERIFIED, "exactly our image: do not activate"),
                _O.BUSY: Move(_S.CHECK_IMAGE, "wait"),
                _O.REFUSED: Move(_S.FAILED, "not exactly our image"),
                _O.LOST: Move(_S.CHECK_IMAGE, "ask again"),
            },
        ),
        _S.SCHEDULE: Row(
            Phase.SCHEDULE,
            "clock, scripts, executed_script; set execution_time and read it back",
            {
                _O.MORE: Move(_S.SCHEDULE, "next question"),
                _O.OK: Move(_S.SCHEDULED, "read back as written"),
                _O.BUSY: Move(_S.SCHEDULE, "wait"),
                _O.REFUSED: Move(_S.FAILED, "clock, script or schedule is not as it must be"),
                _O.LOST: Move(_S.CHECK_IMAGE, "look again, then write again"),
            },
        ),
        _S.ACTIVATE: Row(
            Phase.ACTIVATE,
            "image_activate",
            {
                _O.OK: Move(_S.CONFIRM, "answered"),
                _O.BUSY: Move(_S.CONFIRM, "running"),
                _O.REFUSED: Move(_S.CONFIRM, "refused: the meter shows what it runs"),
                _O.LOST: Move(_S.CONFIRM, "no answer is normal: it restarts"),
            },
        ),
        _S.CONFIRM: Row(
            Phase.CONFIRM,
            "reconnect; active identifier and signature, image_transfer_status, event log",
            {
                _O.MORE: Move(_S.CONFIRM, "next question"),
                _O.OK: Move(_S.TIDY, "the meter runs the new firmware"),
                _O.INCOMPLETE: Move(_S.CHECK_IMAGE, "old firmware, image kept: activate once more"),
                _O.BUSY: Move(_S.CONFIRM, "not yet: reconnect later"),
                _O.REFUSED: Move(_S.FAILED, "the meter runs the old firmware"),
                _O.LOST: Move(_S.CONFIRM, "not back yet: reconnect later"),
            },
        ),
        _S.TIDY: Row(
            Phase.CONFIRM,
            "clear execution_time; image_transfer_enabled back to FALSE where that is the policy",
            {
                _O.MORE: Move(_S.TIDY, "next question"),
                _O.OK: Move(_S.DONE, "nothing is left behind"),
                _O.BUSY: Move(_S.TIDY, "wait"),
                _O.REFUSED: Move(_S.DONE, "left as it is, with a warning"),
                _O.LOST: Move(_S.TIDY, "ask again"),
            },
        ),
    }
)
"""All rows, in the order in which an undisturbed transfer passes them."""

TRANSITIONS: Final[Mapping[TransferState, Mapping[Outcome, TransferState]]] = MappingProxyType(
    {
        state: MappingProxyType({outcome: move.state for outcome, move in row.moves.items()})
        for state, row in ROWS.items()
    }
)
"""The moves alone: ``TRANSITIONS[state][outcome] -> state``. A missing outcome is one that the state cannot
have."""

TERMINAL: Final = frozenset({_S.PLANNED, _S.VERIFIED, _S.SCHEDULED, _S.DONE, _S.FAILED})
"""The states without a row: the machine has nothing more to ask."""

START: Final[Mapping[Ownership, Mapping[int, Outcome]]] = MappingProxyType(
    {
        ownership: MappingProxyType(dict(enumerate(outcomes)))
        for ownership, outcomes in {
            # image_transfer_status 0 to 7, in order
            Ownership.NONE: (_O.OK, _O.REFUSED, _O.REFUSED, _O.REFUSED, _O.OK, _O.BUSY, _O.OK, _O.OK),
            Ownership.OTHER: (_O.OK, _O.REFUSED, _O.REFUSED, _O.REFUSED, _O.OK, _O.BUSY, _O.OK, _O.OK),
            Ownership.UNSENT: (_O.OK, _O.INCOMPLETE, _O.REFUSED, _O.REFUSED, _O.OK, _O.BUSY, _O.OK, _O.OK),
            Ownership.OURS: (_O.OK, *3 * (_O.INCOMPLETE,), _O.OK, _O.COMPLETE, _O.OK, _O.OK),
            Ownership.ORDERED: (_O.COMPLETE, _O.REFUSED, *2 * (_O.INCOMPLETE,), *4 * (_O.COMPLETE,)),
            Ownership.RESTART: (*5 * (_O.OK,), _O.BUSY, _O.OK, _O.OK),
        }.items()
    }
)
"""What the status found in the meter means, by whose transfer it is; read with the row of ``READ_STATUS``.

An activation that we ordered (``ORDERED``) and that is not to be seen any more is looked into by
``CONFIRM``, which reports it. A status that is not listed (the standard ends at 7) is contradictory, and
stops the transfer.
"""
