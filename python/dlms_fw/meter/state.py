"""What the meter remembers about its firmware: one record, replaced as a whole, its rules held each time.

Everything that decides which firmware boots, which image may be activated and when stands in one
:class:`MeterState`, so a power cut finds either the old or the new value of all of it. This file knows the
rules of two banks; it does not know how an image is received, verified or started.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Final, NamedTuple

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.meter.storage import Json, RecordLost, Records, StorageError

IDENTIFIERS_KEPT: Final = 16
"""How many identifiers of a part are kept; the MCS301 promises at least ten (manual, page 117)."""


class ActivationStep(Enum):
    """Where an activation stands; written before the step is taken."""

    IDLE = "idle"
    INSTALL = "install"
    """Using: the new image is being copied into the bank that does not run."""
    START = "start"
    """Using: the new bank is complete; the meter reboots into it, once, on trial."""
    TEST = "test"
    """Testing: the new firmware runs on trial."""
    CONFIRM = "confirm"
    """Testing: it has passed its self-test, and waits until somebody confirms it."""
    DISCARD_OLD = "discard-old"
    """The new firmware is confirmed; the old one is being erased."""
    DISCARD_NEW = "discard-new"
    """The new firmware was found bad; it and its image are being erased."""

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name each time


class Trigger(Enum):
    """Who asked for an activation."""

    ON_DEMAND = "on-demand"
    SCHEDULED = "scheduled"

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A firmware that was found good: what a bank holds, or what the image received is to become.

    Attributes:
        part: Value group B: 0 metrology, 1 application, 2 communication module.
        identifier: The identifier it was initiated with.
        version: ``X.Y.Z``, or empty where a raw image does not say.
        size: Octets of the image.
        sha256: Of the image.
        signature: Raw r||s, 64 octets; empty where a raw image has none.
    """

    part: int
    identifier: bytes
    version: str
    size: int
    sha256: bytes
    signature: bytes
    record: str = field(default="", init=False, repr=False, compare=False)
    """As it was written first; it stands in many records."""


@dataclass(frozen=True, slots=True)
class FirmwarePart:
    """One firmware part with its two banks."""

    running: int
    """The bank whose firmware boots: 0 or 1."""
    banks: tuple[Firmware | None, Firmware | None]
    identifiers: tuple[bytes, ...] = ()
    """All identifiers that this part has run, the newest last."""
    record: str = field(default="", init=False, repr=False, compare=False)
    """As it was written first."""

    @property
    def other(self) -> int:
        """The bank that does not run."""
        return 1 - self.running

    @property
    def firmware(self) -> Firmware:
        """The confirmed firmware."""
        firmware = self.banks[self.running]
        if firmware is None:
            raise StorageError("the running bank is empty")
        return firmware

    def having_run(self, identifier: bytes) -> FirmwarePart:
        """The same with one more identifier, the newest, unless it is that already."""
        if self.identifiers[-1:] == (identifier,):
            return self
        return FirmwarePart(self.running, self.banks, (*self.identifiers, identifier)[-IDENTIFIERS_KEPT:])

    def with_bank(self, bank: int, firmware: Firmware | None) -> FirmwarePart:
        """The same with other content in one bank."""
        banks = (firmware, self.banks[1]) if bank == 0 else (self.banks[0], firmware)
        return FirmwarePart(self.running, banks, self.identifiers)


@dataclass(frozen=True, slots=True)
class Reception:
    """An image that has been initiated."""

    serial: int
    """Differs for each initiation in the life of the meter."""
    identifier: bytes
    size: int
    block_size: int

    @property
    def block_count(self) -> int:
        """Number of blocks; the last one may be short."""
        return -(-self.size // self.block_size)


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One execution_time of the activation scheduler, as written, and what it was taken to mean."""

    time: bytes
    """4 octets."""
    date: bytes
    """5 octets."""
    due: float | None
    """When it fires, in seconds since 1970 (UTC) of the meter's own clock; ``None`` never."""


class MeterState(NamedTuple):
    """Everything that is decided about firmware, in one piece."""

    parts: tuple[FirmwarePart, ...]
    image_transfer_status: ImageTransferStatus = ImageTransferStatus.TRANSFER_NOT_INITIATED
    image_transfer_enabled: bool = True
    serial: int = 0
    reception: Reception | None = None
    verified: Firmware | None = None
    step: ActivationStep = ActivationStep.IDLE
    trigger: Trigger | None = None
    schedule: tuple[ScheduleEntry, ...] = ()

    def having(self, **changes: Any) -> MeterState:
        """The same with these fields changed."""
        return self._replace(**changes)

    def parts_with(self, number: int, part: FirmwarePart) -> tuple[FirmwarePart, ...]:
        """All firmware parts, one of them changed."""
        return (*self.parts[:number], part, *self.parts[number + 1 :])


class StateMemory:
    """The state in memory and in its record, never different: :meth:`commit` is durable when it returns."""

    RECORD: Final = "firmware"

    def __init__(self, records: Records) -> None:
        """Raises RecordLost."""
        self._records = records
        text = records.load_text(self.RECORD)
        if text is None:
            raise RecordLost(self.RECORD)
        self.state = _state_of(text)
        self.on_change: Callable[[], None] = lambda: None
        """Called before the state becomes another one."""

    @classmethod
    def create(cls, records: Records, factory: MeterState) -> None:
        """What a new meter remembers."""
        records.create(cls.RECORD, state_record(factory))

    def commit(self, **changes: Any) -> None:
        """Changes some fields at once. Raises OSError, and then nothing has changed."""
        self.commit_state(self.state.having(**changes))

    def commit_state(self, new: MeterState) -> None:
        """Replaces the state. A change that breaks a rule raises StorageError before it is written."""
        check_change(self.state, new)
        self._store(new)

    def rescue(self, part: int) -> None:
        """Boots the other bank of a part whose running bank is damaged; its firmware has been verified."""
        damaged = self.state.parts[part]
        rescued = replace(damaged, running=damaged.other)
        parts = self.state.parts_with(part, rescued.having_run(rescued.firmware.identifier))
        self._store(self.state.having(parts=parts))

    def _store(self, new: MeterState) -> None:
        self.on_change()
        self._records.store(self.RECORD, state_record(new))
        self.state = new


_STATUS = ImageTransferStatus
_VERIFIED, _ACTIVATING = _STATUS.VERIFICATION_SUCCESSFUL, _STATUS.ACTIVATION_INITIATED
_WITH_IMAGE = frozenset(
    {_STATUS.TRANSFER_INITIATED, _STATUS.VERIFICATION_INITIATED, _STATUS.VERIFICATION_SUCCESSFUL}
)
_ON_TRIAL = frozenset(
    {ActivationStep.INSTALL, ActivationStep.START, ActivationStep.TEST, ActivationStep.CONFIRM}
)
_CONFIRMED_FROM = frozenset({ActivationStep.TEST, ActivationStep.CONFIRM})


def check_change(old: MeterState, new: MeterState) -> None:
    """The rules that no write may break; raises StorageError naming the one that would be."""
    for before, after in zip(old.parts, new.parts, strict=True):
        if after.banks[after.running] is None:
            raise StorageError("the bank that boots would be empty")
        if before.running != after.running:
            if old.step not in _CONFIRMED_FROM or new.step is not ActivationStep.DISCARD_OLD:
                raise StorageError("another bank would boot without a passed test")
            if before.banks != after.banks:
                raise StorageError("a bank would change in the moment of confirmation")
        for bank in (0, 1):
            if before.banks[bank] is None or after.banks[bank] is not None:
                continue
            if old.step not in {ActivationStep.DISCARD_OLD, ActivationStep.DISCARD_NEW} and (
                new.step is not ActivationStep.INSTALL
            ):
                raise StorageError("a firmware would be discarded before confirmation")
    status = new.image_transfer_status
    if status in _WITH_IMAGE and new.reception is None:
        raise StorageError("the status speaks of an image that is not there")
    if status == _VERIFIED and new.verified is None:
        raise StorageError("an image would count as verified without a verification")
    if new.step in _ON_TRIAL and (new.reception is None or new.verified is None):
        raise StorageError("the new image would be gone while its firmware is on trial")
    if (new.step in _ON_TRIAL) != (status == _ACTIVATING):
        raise StorageError("the status and the step of the activation would contradict each other")


# What a member of an enumeration is written as, without asking it each time.
_STEP_NAMES: Final = {step: step.value for step in ActivationStep}
_TRIGGER_RECORDS: Final[dict[Trigger | None, str]] = {one: _quoted(one.value) for one in Trigger} | {
    None: "null"
}


def state_record(state: MeterState) -> str:
    """The record of a state: JSON, its names in order and nothing between them, as all records are."""
    reception, schedule, trigger = state.reception, state.schedule, state.trigger
    received = reception and (
        f'[{reception.serial},"{reception.identifier.hex()}",{reception.size},{reception.block_size}]'
    )
    entries = "[]"
    if schedule:
        entries = json.dumps([[entry.time.hex(), entry.date.hex(), entry.due] for entry in schedule])
        entries = entries.replace(" ", "")
    parts = ",".join([part.record or _part_record(part) for part in state.parts])
    return (
        f'{{"image_transfer_enabled":{"true" if state.image_transfer_enabled else "false"},'
        f'"image_transfer_status":{state.image_transfer_status:d},"parts":[{parts}],'
        f'"reception":{received or "null"},"schedule":{entries},"serial":{state.serial},'
        f'"step":"{_STEP_NAMES[state.step]}","trigger":{_TRIGGER_RECORDS[trigger]},'
        f'"verified":{_firmware_record(state.verified)}}}'
    )


@lru_cache(maxsize=16)  # meters of a campaign begin alike, and states do not change
def _state_of(text: str) -> MeterState:
    return state_from_json(json.loads(text))


def state_from_json(value: Json) -> MeterState:
    """The state in a record; what is there has passed the digest of the record."""
    reception = value["reception"]
    return MeterState(
        parts=tuple(
            FirmwarePart(
                part["running"],
                (_firmware_from_json(part["banks"][0]), _firmware_from_json(part["banks"][1])),
                tuple(map(bytes.fromhex, part["identifiers"])),
            )
            for part in value["parts"]
        ),
        image_transfer_status=ImageTransferStatus(value["image_transfer_status"]),
        image_transfer_enabled=value["image_transfer_enabled"],
        serial=value["serial"],
        reception=reception and Reception(reception[0], bytes.fromhex(reception[1]), *reception[2:]),
        verified=_firmware_from_json(value["verified"]),
        step=ActivationStep(value["step"]),
        trigger=value["trigger"] and Trigger(value["trigger"]),
        schedule=tuple(
            ScheduleEntry(bytes.fromhex(time), bytes.fromhex(date), due)
            for time, date, due in value["schedule"]
        ),
    )


def _part_record(part: FirmwarePart) -> str:
    first, second = part.banks
    identifiers = '","'.join([one.hex() for one in part.identifiers])
    listed = f'"{identifiers}"' if identifiers else ""
    record = (
        f'{{"banks":[{_firmware_record(first)},{_firmware_record(second)}],'
        f'"identifiers":[{listed}],"running":{part.running}}}'
    )
    object.__setattr__(part, "record", record)
    return record


def _firmware_record(firmware: Firmware | None) -> str:
    if firmware is None:
        return "null"
    if not firmware.record:
        record = (
            f'{{"identifier":"{firmware.identifier.hex()}","part":{firmware.part},'
            f'"sha256":"{firmware.sha256.hex()}","signature":"{firmware.signature.hex()}",'
            f'"size":{firmware.size},"version":{_quoted(firmware.version)}}}'
        )
        object.__setattr__(firmware, "record", record)
    return firmware.record


def _firmware_from_json(value: Json | None) -> Firmware | None:
    if value is None:
        return None
    return Firmware(
        part=value["part"],
        identifier=bytes.fromhex(value["identifier"]),
        version=value["version"],
        size=value["size"],
        sha256=bytes.fromhex(value["sha256"]),
        signature=bytes.fromhex(value["signature"]),
    )
