"""What is said instead of the truth when an attribute is read: one function for each kind.

A function gets the honest answer, as it is encoded, and gives another one, or the same where there is
nothing to lie about. Only ``activates-by-itself`` does something besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from dlms_fw._core import BitString, Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data as DataObject
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.interface import AttributeRow, InterfaceClass
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.meter.image_store import ImageStore
from dlms_fw.meter.lies.telling import Telling

Answer: TypeAlias = Callable[[Telling, ServerObject, bytes], bytes]

_FIRST_MISSING = ImageTransfer.image_first_not_transferred_block_number.data_type
_STATUS = ImageTransfer.image_transfer_status.data_type
_INFO = ImageTransfer.image_to_activate_info.data_type
_BITMAP = ImageTransfer.image_transferred_blocks_status.data_type
_SIZE = ImageTransfer.image_block_size.data_type
_UNDEFINED_STATUS: Final = 9
_TEN_DAYS: Final = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Reading:
    """A lie about one attribute of one interface class."""

    interface: type[InterfaceClass]
    attribute_id: int
    answer: Answer

    def is_about(self, target: ServerObject, attribute_id: int) -> bool:
        """Whether it is this attribute that is being read; of Data only the active firmware identifiers."""
        if attribute_id != self.attribute_id or target.interface is not self.interface:
            return False
        return self.interface is not DataObject or target.logical_name.to_bytes()[2:] == b"\0\2\0\xff"


def _fixed(encoded: bytes) -> Answer:
    def answer(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
        del telling, target, honest
        return encoded

    return answer


def _stale(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del target
    telling.kept = telling.kept or honest
    return telling.kept


def _bits(change: Callable[[Telling, list[bool]], Sequence[bool]]) -> Answer:
    def answer(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
        del target
        return _BITMAP.encode(BitString(change(telling, list(_BITMAP.decode(honest)))))

    return answer


def _flipped(telling: Telling, bits: list[bool]) -> list[bool]:
    return [bit != (number == telling.lie.at_block) for number, bit in enumerate(bits)]


def _backwards(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del target
    return _FIRST_MISSING.encode(max(0, _FIRST_MISSING.decode(honest) - telling.told))


def _beyond(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del telling
    assert isinstance(target, ImageStore)  # noqa: S101 (no other object has this class)
    return _FIRST_MISSING.encode(
        max(_FIRST_MISSING.decode(honest), len(target.image_transferred_blocks_status)) + 1
    )


def _status(true: ImageTransferStatus, told: ImageTransferStatus) -> Answer:
    def answer(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
        del telling, target
        return _STATUS.encode(told) if _STATUS.decode(honest) is true else honest

    return answer


def _halved(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del telling, target
    return _SIZE.encode(max(1, _SIZE.decode(honest) // 2))


def _info(change: Callable[[ImageToActivateInfo], list[ImageToActivateInfo]]) -> Answer:
    def answer(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
        del telling, target
        return _INFO.encode([other for entry in _INFO.decode(honest) for other in change(entry)])

    return answer


def _other(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,)) if octets else b"\1"


def _other_size(entry: ImageToActivateInfo) -> list[ImageToActivateInfo]:
    return [entry._replace(image_to_activate_size=entry.image_to_activate_size + 1)]


def _other_identifier(entry: ImageToActivateInfo) -> list[ImageToActivateInfo]:
    identifier = _other(entry.image_to_activate_identification)
    return [entry._replace(image_to_activate_identification=identifier)]


def _other_signature(entry: ImageToActivateInfo) -> list[ImageToActivateInfo]:
    return [entry._replace(image_to_activate_signature=_other(entry.image_to_activate_signature))]


def _identifiers(change: Callable[[bytes], Data]) -> Answer:
    """Each identifier in another form, in the array of a part or alone."""

    def changed(value: Data) -> Data:
        if isinstance(value.value, tuple):
            return Data(value.tag, tuple(changed(member) for member in value.value))
        return change(value.value) if isinstance(value.value, bytes) else value

    def answer(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
        del telling, target
        return changed(Data.decode(honest)).encode()

    return answer


def _early(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del target
    incoming = telling.scene.incoming_identifier
    if incoming is None:
        return honest
    known = Data.decode(honest)
    others = known.value if isinstance(known.value, tuple) else (known,)
    return Data(Tag.ARRAY, (Data(Tag.OCTET_STRING, incoming), *others)).encode()


def _activates(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del telling
    assert isinstance(target, ImageStore)  # noqa: S101 (no other object has this class)
    if _STATUS.decode(honest) is ImageTransferStatus.VERIFICATION_SUCCESSFUL:
        with suppress(CosemFault):
            target.image_activate()
    return honest


def _later(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del telling, target
    time = Clock.time.data_type.decode(honest)
    moment = time.to_datetime() + _TEN_DAYS
    return Clock.time.data_type.encode(DateTime.from_datetime(moment, clock_status=time.clock_status))


def _elsewhere(telling: Telling, target: ServerObject, honest: bytes) -> bytes:
    del telling, target
    scripts = ScriptTable.scripts.data_type.decode(honest)
    return ScriptTable.scripts.data_type.encode(
        [
            script._replace(actions=[action._replace(index=1) for action in script.actions])
            for script in scripts
        ]
    )


def _of(row: AttributeRow[Any], interface: type[InterfaceClass], answer: Answer) -> Reading:
    return Reading(interface, row.attribute_id, answer)


def _image(row: AttributeRow[Any], answer: Answer) -> Reading:
    return Reading(ImageTransfer, row.attribute_id, answer)


_Status = ImageTransferStatus

READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {
        "enabled-false": _image(ImageTransfer.image_transfer_enabled, _fixed(bytes((Tag.BOOLEAN, 0)))),
        "block-size-zero": _image(ImageTransfer.image_block_size, _fixed(_SIZE.encode(0))),
        "block-size-large": _image(ImageTransfer.image_block_size, _fixed(_SIZE.encode(0xFFFF))),
        "block-size-half": _image(ImageTransfer.image_block_size, _halved),
        "bitmap-all-ones": _image(
            ImageTransfer.image_transferred_blocks_status, _bits(lambda _, bits: [True for _ in bits])
        ),
        "bitmap-all-zeros": _image(
            ImageTransfer.image_transferred_blocks_status, _bits(lambda _, bits: [False for _ in bits])
        ),
        "bitmap-reversed": _image(
            ImageTransfer.image_transferred_blocks_status, _bits(lambda _, bits: bits[::-1])
        ),
        "bitmap-short": _image(
            ImageTransfer.image_transferred_blocks_status, _bits(lambda _, bits: bits[:-1])
        ),
        "bitmap-long": _image(
            ImageTransfer.image_transferred_blocks_status, _bits(lambda _, bits: [*bits, *[True] * 9])
        ),
        "bitmap-flips-one": _image(ImageTransfer.image_transferred_blocks_status, _bits(_flipped)),
        "bitmap-stale": _image(ImageTransfer.image_transferred_blocks_status, _stale),
        "first-missing-zero": _image(
            ImageTransfer.image_first_not_transferred_block_number, _fixed(_FIRST_MISSING.encode(0))
        ),
        "first-missing-stuck": _image(ImageTransfer.image_first_not_transferred_block_number, _stale),
        "first-missing-backwards": _image(ImageTransfer.image_first_not_transferred_block_number, _backwards),
        "first-missing-beyond": _image(ImageTransfer.image_first_not_transferred_block_number, _beyond),
        "status-idle": _image(
            ImageTransfer.image_transfer_status, _fixed(_STATUS.encode(_Status.TRANSFER_NOT_INITIATED))
        ),
        "status-verifying": _image(
            ImageTransfer.image_transfer_status,
            _status(_Status.VERIFICATION_SUCCESSFUL, _Status.VERIFICATION_INITIATED),
        ),
        "status-verified-early": _image(
            ImageTransfer.image_transfer_status,
            _status(_Status.TRANSFER_INITIATED, _Status.VERIFICATION_SUCCESSFUL),
        ),
        "status-failed": _image(
            ImageTransfer.image_transfer_status,
            _status(_Status.VERIFICATION_SUCCESSFUL, _Status.VERIFICATION_FAILED),
        ),
        "status-activated-early": _image(
            ImageTransfer.image_transfer_status,
            _status(_Status.VERIFICATION_SUCCESSFUL, _Status.ACTIVATION_SUCCESSFUL),
        ),
        "status-undefined": _image(
            ImageTransfer.image_transfer_status, _fixed(bytes((Tag.ENUM, _UNDEFINED_STATUS)))
        ),
        "info-absent": _image(ImageTransfer.image_to_activate_info, _fixed(_INFO.encode([]))),
        "info-other-size": _image(ImageTransfer.image_to_activate_info, _info(_other_size)),
        "info-other-identifier": _image(ImageTransfer.image_to_activate_info, _info(_other_identifier)),
        "info-other-signature": _image(ImageTransfer.image_to_activate_info, _info(_other_signature)),
        "info-two-entries": _image(
            ImageTransfer.image_to_activate_info, _info(lambda entry: [entry, *_other_identifier(entry)])
        ),
        "identifier-old": _of(DataObject.value, DataObject, _stale),
        "identifier-early": _of(DataObject.value, DataObject, _early),
        "activates-by-itself": _image(ImageTransfer.image_transfer_status, _activates),
        "identifier-cut": _of(
            DataObject.value,
            DataObject,
            _identifiers(lambda identifier: Data(Tag.OCTET_STRING, identifier[:-1])),
        ),
        "identifier-text": _of(
            DataObject.value,
            DataObject,
            _identifiers(lambda identifier: Data(Tag.VISIBLE_STRING, identifier.hex())),
        ),
        "clock-wrong": _of(Clock.time, Clock, _later),
        "script-elsewhere": _of(ScriptTable.scripts, ScriptTable, _elsewhere),
    }
)
"""What is told instead, by kind."""
