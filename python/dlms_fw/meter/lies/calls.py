"""What is done instead of what was asked: methods not carried out, or answered otherwise than they went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import MethodRow
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.errors import DecodeError
from dlms_fw.meter.lies.telling import Telling

Invoke: TypeAlias = Callable[[bytes | None], bytes | None]
"""The honest method, with its encoded parameter."""
Behaviour: TypeAlias = Callable[[Telling, Invoke, bytes | None], bytes | None]

_BLOCK = ImageTransfer.image_block_transfer


@dataclass(frozen=True, slots=True)
class Calling:
    """A lie about one method of the image transfer."""

    method_id: int
    behave: Behaviour


def block_number(parameter: bytes | None) -> int | None:
    """The block that a call of image_block_transfer is about; ``None`` where it is nonsense."""
    try:
        return None if parameter is None else int(_BLOCK.decode_parameter(parameter)[0])
    except DecodeError:
        return None


def _nothing(telling: Telling, invoke: Invoke, parameter: bytes | None) -> None:
    del telling, invoke, parameter


def _done_but_refused(telling: Telling, invoke: Invoke, parameter: bytes | None) -> None:
    del telling
    invoke(parameter)
    raise CosemFault(ActionResult.OTHER_REASON)


def _faulty(result: ActionResult) -> Behaviour:
    def behave(telling: Telling, invoke: Invoke, parameter: bytes | None) -> None:
        del telling, invoke, parameter
        raise CosemFault(result)

    return behave


def _spoiled(telling: Telling, invoke: Invoke, parameter: bytes | None) -> bytes | None:
    del telling
    return invoke(None if parameter is None else parameter[:-1] + bytes((parameter[-1] ^ 1,)))


def _drips(telling: Telling, invoke: Invoke, parameter: bytes | None) -> bytes | None:
    if telling.paused():
        raise CosemFault(ActionResult.TEMPORARY_FAILURE)
    return invoke(parameter)


def _restarts(telling: Telling, invoke: Invoke, parameter: bytes | None) -> bytes | None:
    returned = invoke(parameter)
    telling.scene.restart(telling.lie)
    return returned


def _of(row: MethodRow[..., None], behave: Behaviour) -> Calling:
    return Calling(row.method_id, behave)


_busy: Final = _faulty(ActionResult.TEMPORARY_FAILURE)

CALLINGS: Final[Mapping[str, Calling]] = MappingProxyType(
    {
        "initiate-not-done": _of(ImageTransfer.image_transfer_initiate, _nothing),
        "initiate-refused-but-done": _of(ImageTransfer.image_transfer_initiate, _done_but_refused),
        "initiate-busy": _of(ImageTransfer.image_transfer_initiate, _busy),
        "block-not-stored": _of(_BLOCK, _nothing),
        "block-never-stored": _of(_BLOCK, _nothing),
        "block-spoiled": _of(_BLOCK, _spoiled),
        "block-refused-but-stored": _of(_BLOCK, _done_but_refused),
        "block-busy": _of(_BLOCK, _busy),
        "block-hardware-fault": _of(_BLOCK, _faulty(ActionResult.HARDWARE_FAULT)),
        "reboot": _of(_BLOCK, _restarts),
        "slow-drip": _of(_BLOCK, _drips),
        "verify-busy": _of(ImageTransfer.image_verify, _busy),
        "verify-refused": _of(ImageTransfer.image_verify, _done_but_refused),
        "activate-not-done": _of(ImageTransfer.image_activate, _nothing),
        "activate-refused-but-done": _of(ImageTransfer.image_activate, _done_but_refused),
        "activate-busy": _of(ImageTransfer.image_activate, _busy),
    }
)
"""What is done instead, by kind."""
