"""The judgements of a transfer as pure functions: facts in, a decision out.

Each of them is small enough to be tested with every input that matters. Nothing here knows the state of the
machine, asks the meter anything or raises on what a meter said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from dlms_fw._core import BitString, BlockStatus, Data, Date, DateTime, ExceptionResponse, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.script_table import Script
from dlms_fw.cosem.single_action_schedule import ExecutionTime
from dlms_fw.enums import (
    ActionResult,
    ClockStatus,
    DataAccessResult,
    ImageTransferStatus,
    ScriptService,
    ServiceErrorCode,
    StateError,
)
from dlms_fw.logical_name import LogicalName
from dlms_fw.transfer.table import Outcome

# --- Answers ------------------------------------------------------------------------------------------------

_DATA_ACCESS: Final[Mapping[int, Outcome]] = MappingProxyType(
    {DataAccessResult.SUCCESS: Outcome.OK, DataAccessResult.TEMPORARY_FAILURE: Outcome.BUSY}
)
_ACTION: Final[Mapping[int, Outcome]] = MappingProxyType(
    {ActionResult.SUCCESS: Outcome.OK, ActionResult.TEMPORARY_FAILURE: Outcome.BUSY}
)
# Meters answer hardware-fault to verify and activate while the work goes on.
_LONG_ACTION: Final[Mapping[int, Outcome]] = MappingProxyType(
    {**_ACTION, ActionResult.HARDWARE_FAULT: Outcome.BUSY}
)
_EXCEPTION: Final[Mapping[int, Outcome]] = MappingProxyType(
    {
        ServiceErrorCode.OPERATION_NOT_POSSIBLE: Outcome.BUSY,
        ServiceErrorCode.SERVICE_NOT_SUPPORTED: Outcome.REFUSED,
        ServiceErrorCode.PDU_TOO_LONG: Outcome.REFUSED,
        # The association is out of step: a new one has new keys in use and new counters.
        ServiceErrorCode.DECIPHERING_ERROR: Outcome.LOST,
        ServiceErrorCode.INVOCATION_COUNTER_ERROR: Outcome.LOST,
    }
)


_REFUSED: Final = Outcome.REFUSED  # by this name it costs nothing


def outcome_of_data_access(result: int) -> Outcome:
    """What a data-access-result means."""
    return _DATA_ACCESS.get(result, _REFUSED)


def outcome_of_action(result: int, *, long_running: bool = False) -> Outcome:
    """What an action-result means; ``long_running`` for image_verify and image_activate."""
    return (_LONG_ACTION if long_running else _ACTION).get(result, _REFUSED)


def outcome_of_exception(response: ExceptionResponse) -> Outcome:
    """What an exception-response means.

    Where a service is not allowed and no reason is named, the meter knows no association.
    """
    outcome = _EXCEPTION.get(response.service_error)
    if outcome is None:
        not_allowed = response.state_error == StateError.SERVICE_NOT_ALLOWED
        outcome = Outcome.LOST if not_allowed else Outcome.REFUSED
    return outcome


def is_out_of_step(response: ExceptionResponse) -> bool:
    """Whether an exception-response says that keys or counters do not agree; only a new association helps."""
    return _EXCEPTION.get(response.service_error) is Outcome.LOST


# --- Active firmware ----------------------------------------------------------------------------------------


def octets_of(value: Data) -> bytes | None:
    """The octets of an octet-string or a text; ``None`` for anything else."""
    inner = value.value
    if isinstance(inner, bytes):
        return inner
    return inner.encode("utf-8", "surrogateescape") if isinstance(inner, str) else None


def identifiers_of(value: Data) -> tuple[bytes, ...] | None:
    """The identifiers in an active identifier object: one, or an array of them.

    Empty and erased elements are left out.
    """
    if value.tag not in (Tag.ARRAY, Tag.STRUCTURE):
        single = octets_of(value)
        return None if single is None else (single,)
    if not isinstance(value.value, tuple):
        return None
    members = [octets_of(member) for member in value.value]
    if any(member is None for member in members):
        return None
    return tuple(member for member in members if member and member.strip(b"\x00") and member.strip(b"\xff"))


def is_active(
    image_identifier: bytes,
    identifiers: Sequence[bytes] | None,
    *,
    position: Literal["first", "last", "auto"],
    signature_agrees: bool | None,
    before: Sequence[bytes] | None = None,
) -> bool:
    """Whether the meter runs the image with this identifier, compared octet by octet.

    Args:
        image_identifier: The identifier of the image.
        identifiers: What the meter shows now; ``None`` if it does not tell.
        position: Which of several is the active one.
        signature_agrees: Whether the active signature is the image's; ``None`` where one of them is unknown.
        before: What the meter showed before the activation, where that is what is being confirmed.
    """
    if not identifiers or signature_agrees is False:
        return False
    first, last = identifiers[0], identifiers[-1]
    if position != "auto":
        return image_identifier == (first if position == "first" else last)
    if first == last:
        return first == image_identifier
    if image_identifier not in (first, last):
        return False
    if signature_agrees:
        return True
    # Two candidates and no signature: only a change at the end where ours stands now is proof.
    if not before:
        return False
    return image_identifier == first != before[0] or image_identifier == last != before[-1]


# --- Completeness -------------------------------------------------------------------------------------------


class Completeness(NamedTuple):
    """What the meter has, as far as its two attributes can be believed.

    Attributes:
        block_status: The meter's blocks, ``None`` where only the first missing number can be believed.
        first_missing: That number, or the number of blocks if it says complete; ``None`` where the meter
            does not tell.
        warning: What is odd about the answers.
    """

    block_status: BlockStatus | None
    first_missing: int | None
    warning: str | None


def completeness(bits: BitString | None, first_missing: int | None, blocks: int) -> Completeness:
    """Hold image_transferred_blocks_status against image_first_not_transferred_block_number.

    The bitmap wins, unless its length is wrong, or unless reading its octets from the other end makes the
    two agree.
    """
    first = None if first_missing is None else min(first_missing, blocks)
    if bits is None:
        return Completeness(
            None, first, None if first is not None else "the meter does not tell which blocks it has"
        )
    block_status = _block_status(bits.octets, len(bits), blocks)
    if block_status is None:
        return Completeness(
            None, first, f"the bitmap has {len(bits)} bits for {blocks} blocks and is not used"
        )
    if first is None or first == block_status.first_not_transferred:
        return Completeness(block_status, first, None)
    reversed_status = _block_status(
        bytes(_REVERSED[octet] for octet in bits.octets), len(bits.octets) * 8, blocks
    )
    if reversed_status is not None and reversed_status.first_not_transferred == first:
        return Completeness(None, first, "the bitmap seems to be packed from the other end and is not used")
    return Completeness(
        block_status,
        first,
        f"the first missing block is {first}; by the bitmap it is {block_status.first_not_transferred}",
    )


_REVERSED: Final = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def _block_status(octets: bytes, length: int, blocks: int) -> BlockStatus | None:
    """The blocks in a bitmap; it may be too long by less than an octet if that padding is all the same."""
    padding = length - blocks
    needed = (blocks + 7) // 8
    if not 0 <= padding < 8 or len(octets) < (length + 7) // 8:
        return None
    whole = int.from_bytes(octets) >> (len(octets) * 8 - length)
    tail = whole & ((1 << padding) - 1)
    if tail not in (0, (1 << padding) - 1):
        return None
    used = (whole >> padding) << (needed * 8 - blocks)
    return BlockStatus.from_bit_string(BitString.from_bytes(used.to_bytes(needed), blocks), blocks)


def holds_unsent_block(what: Completeness, blocks_bound: int, blocks: int) -> bool:
    """Whether the meter has a block that we never sent.

    That is a bit at or above the bound or, without a bitmap, a first missing number above it.
    """
    if blocks_bound >= blocks:
        return False
    if what.block_status is None:
        return what.first_missing is not None and what.first_missing > blocks_bound
    runs = what.block_status.missing_runs()
    return not runs or runs[-1][0] > blocks_bound or sum(runs[-1]) != blocks


# --- Verification -------------------------------------------------------------------------------------------

_STATUS = ImageTransferStatus
VERIFICATION: Final[Mapping[Outcome, Mapping[int, Outcome]]] = MappingProxyType(
    {
        answer: MappingProxyType(
            {
                _STATUS.TRANSFER_NOT_INITIATED: Outcome.INCOMPLETE,
                _STATUS.TRANSFER_INITIATED: initiated,
                _STATUS.VERIFICATION_INITIATED: Outcome.BUSY,
                _STATUS.VERIFICATION_SUCCESSFUL: verified,
                _STATUS.VERIFICATION_FAILED: Outcome.INCOMPLETE,
                _STATUS.ACTIVATION_INITIATED: Outcome.COMPLETE,
                _STATUS.ACTIVATION_SUCCESSFUL: Outcome.COMPLETE,
                _STATUS.ACTIVATION_FAILED: Outcome.COMPLETE,
            }
        )
        for answer, initiated, verified in (
            (Outcome.OK, Outcome.BUSY, Outcome.OK),
            (Outcome.BUSY, Outcome.BUSY, Outcome.OK),
            (Outcome.REFUSED, Outcome.INCOMPLETE, Outcome.REFUSED),
            (Outcome.LOST, Outcome.INCOMPLETE, Outcome.OK),
        )
    }
)
"""``VERIFICATION[answer to image_verify][image_transfer_status]``: answer and status must agree. LOST
stands for no answer, and for a verification that the meter began by itself."""


def activate_info_fault(
    infos: Sequence[ImageToActivateInfo] | None,
    *,
    image_size: int,
    image_identifier: bytes,
    signature: bytes | None,
) -> str | None:
    """Why image_to_activate_info is not exactly our image, or ``None`` if it is.

    A ``signature`` of ``None`` is not compared.
    """
    if infos is None:
        return "image_to_activate_info cannot be read"
    if len(infos) != 1:
        return f"image_to_activate_info has {len(infos)} entries"
    info = infos[0]
    if info.image_to_activate_size != image_size:
        return f"image_to_activate_info has size {info.image_to_activate_size}, the image {image_size}"
    if info.image_to_activate_identification != image_identifier:
        return (
            f"image_to_activate_info has identifier {info.image_to_activate_identification.hex()}, "
            f"the image {image_identifier.hex()}"
        )
    if signature is not None and info.image_to_activate_signature != signature:
        return "image_to_activate_info has another signature than the image"
    return None


# --- After the activation -----------------------------------------------------------------------------------

OLD_FIRMWARE: Final[Mapping[int, Outcome]] = MappingProxyType(
    {
        _STATUS.TRANSFER_NOT_INITIATED: Outcome.REFUSED,
        _STATUS.TRANSFER_INITIATED: Outcome.REFUSED,
        _STATUS.VERIFICATION_INITIATED: Outcome.BUSY,
        _STATUS.VERIFICATION_SUCCESSFUL: Outcome.INCOMPLETE,
        _STATUS.VERIFICATION_FAILED: Outcome.REFUSED,
        _STATUS.ACTIVATION_INITIATED: Outcome.BUSY,
        _STATUS.ACTIVATION_SUCCESSFUL: Outcome.REFUSED,
        _STATUS.ACTIVATION_FAILED: Outcome.REFUSED,
    }
)
"""What the status means after image_activate while the old firmware is still the active one, once that has
settled."""

OLD_FIRMWARE_REASONS: Final[Mapping[int | None, str]] = MappingProxyType(
    {
        _STATUS.TRANSFER_NOT_INITIATED: "the meter fell back to the old firmware and discarded the new one",
        _STATUS.TRANSFER_INITIATED: "the meter runs the old firmware, and a transfer was initiated meanwhile",
        _STATUS.VERIFICATION_INITIATED: "the meter still verifies the image",
        _STATUS.VERIFICATION_SUCCESSFUL: "the old firmware runs; the image is kept and waits for activation",
        _STATUS.VERIFICATION_FAILED: "the image failed its verification at activation",
        _STATUS.ACTIVATION_INITIATED: "the activation does not end",
        _STATUS.ACTIVATION_SUCCESSFUL: "the meter says that it activated it, yet it runs the old firmware",
        _STATUS.ACTIVATION_FAILED: "the activation failed and the meter runs the old firmware",
        None: "the meter does not show the new firmware",
    }
)

FIRMWARE_EVENTS: Final[Mapping[int, str]] = MappingProxyType(
    {17: "firmware ready for activation", 18: "firmware activated", 51: "firmware verification failed"}
)
"""The codes of the standard event log that tell of a firmware upgrade."""


class LogEntry(NamedTuple):
    """One firmware event in the meter's log."""

    code: int
    meter_time: str | None


def firmware_events(entries: Sequence[Data]) -> list[LogEntry]:
    """The firmware events in entries of the standard event log.

    The clock is the first column, the code the second; a meter may have more.
    """
    found = []
    for entry in entries:
        columns = entry.value
        if not isinstance(columns, tuple) or len(columns) < 2:
            continue
        code = columns[1].value
        if isinstance(code, int) and code in FIRMWARE_EVENTS:
            found.append(LogEntry(code, _time_text(columns[0].value)))
    return found


def _time_text(value: object) -> str | None:
    try:
        moment = DateTime.from_bytes(value) if isinstance(value, bytes) else value
        return moment.to_datetime().isoformat() if isinstance(moment, DateTime) else None
    except ValueError:
        return None


# --- Scheduled activation -----------------------------------------------------------------------------------


class MeterClock(NamedTuple):
    """The local time of a meter, and its offset from UTC where the clock shows one."""

    local: datetime
    utc_offset: timedelta | None


def read_clock(value: DateTime) -> MeterClock | str:
    """The meter's clock, or why it cannot be relied on."""
    status = value.clock_status
    untrusted = ClockStatus.INVALID_VALUE | ClockStatus.INVALID_CLOCK_STATUS
    if status is not None and status & untrusted:
        return f"the meter's clock says that it is invalid (clock status {status:#04x})"
    try:
        moment = value.to_datetime()
    except ValueError as error:
        return f"the meter's clock shows no usable time: {error}"
    return MeterClock(moment.replace(tzinfo=None), moment.utcoffset())


def schedule_time(
    clock: MeterClock,
    target: datetime,
    wall_clock: datetime,
    *,
    clock_skew_seconds: float,
    margin_seconds: float,
) -> datetime | str:
    """The meter's local time for an activation, in whole seconds, or why it cannot be scheduled.

    Args:
        clock: The meter's clock.
        target: When; aware, or naive for the meter's local time.
        wall_clock: The driver's time now, aware.
        clock_skew_seconds: How far the meter's clock may be off.
        margin_seconds: How far in the future the time must be.
    """
    if clock.utc_offset is not None:
        skew = clock.local - clock.utc_offset - wall_clock.astimezone(UTC).replace(tzinfo=None)
        if abs(skew.total_seconds()) > clock_skew_seconds:
            return f"the meter's clock is off by {skew.total_seconds():+.0f} s"
    elif target.tzinfo is not None:
        return "the meter's clock has no deviation from UTC: give the time as the meter's local time"
    local = target
    if target.tzinfo is not None and clock.utc_offset is not None:
        try:
            local = target.astimezone(timezone(clock.utc_offset)).replace(tzinfo=None)
        except OverflowError:  # at either end of the calendar
            return f"{target.isoformat()} is no date in the meter's local time"
    if local <= clock.local + timedelta(seconds=margin_seconds):
        shown = clock.local.isoformat()
        return f"{local.isoformat()} is not at least {margin_seconds:.0f} s after the meter's {shown}"
    return local.replace(microsecond=0)


def execution_time(local: datetime) -> ExecutionTime:
    """One concrete moment for a single action schedule of type 1: hundredths 0, weekday not specified."""
    return ExecutionTime(
        Time(local.hour, local.minute, local.second, 0), Date(local.year, local.month, local.day, None)
    )


def shown_moment(entry: ExecutionTime) -> str:
    """A moment of a schedule for people, with ``*`` for what is not specified."""

    def two(value: int | None) -> str:
        return "*" if value is None else f"{value:02}"

    time, date = entry
    year = "*" if date.year is None else f"{date.year:04}"
    return (
        f"{year}-{two(date.month)}-{two(date.day_of_month)} "
        f"{two(time.hour)}:{two(time.minute)}:{two(time.second)}"
    )


def is_scheduled(entries: Sequence[ExecutionTime], local: datetime) -> bool:
    """Whether the schedule read back is exactly this moment.

    The meter may fill in the weekday and leave out the hundredths.
    """
    if len(entries) != 1:
        return False
    time, date = entries[0]
    shown = (date.year, date.month, date.day_of_month, time.hour, time.minute, time.second)
    wanted = (local.year, local.month, local.day, local.hour, local.minute, local.second)
    return shown == wanted and time.hundredths in (None, 0) and date.day_of_week in (None, local.isoweekday())


def activation_scripts(scripts: Sequence[Script], image_transfer: LogicalName) -> list[int]:
    """The identifiers of the scripts whose one action is image_activate of our image transfer object."""
    activate = ImageTransfer.image_activate.method_id
    wanted = (ScriptService.EXECUTE_METHOD, ImageTransfer.class_id, image_transfer, activate)
    return [
        script.script_identifier
        for script in scripts
        if script.script_identifier and len(script.actions) == 1 and tuple(script.actions[0][:4]) == wanted
    ]
