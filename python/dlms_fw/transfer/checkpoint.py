"""The client's own record of one transfer: what proves that a transfer found in a meter is ours.

The meter does not say which image it is receiving, so the proof is ours to keep: the digest of the image,
and an upper bound of the block numbers that may have been sent. A bit that is set at or above the bound was
never sent by us. The bound is raised, and saved, before blocks below it are sent. Pure values; where they
are kept is the driver's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dlms_fw.errors import JournalError
from dlms_fw.transfer.table import Ownership, TransferState

_FORMAT: Final = 1

_ORDERED: Final = frozenset({TransferState.ACTIVATE, TransferState.SCHEDULED})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the transfer of one image to one meter has come, for sure.

    Attributes:
        meter: The identity of the meter, as the driver names it.
        sha256: Digest of the whole image.
        image_block_size: The meter's block size; block numbers mean nothing without it.
        state: The last state that had to be recorded before it was entered.
        blocks_bound: No block with this number or above has been sent since the last initiation.
    """

    meter: str
    sha256: bytes
    image_identifier: bytes
    image_size: int
    image_block_size: int
    state: TransferState
    blocks_bound: int

    def to_dict(self) -> dict[str, Any]:
        """The checkpoint as JSON-able values."""
        return {
            "format": _FORMAT,
            "meter": self.meter,
            "sha256": self.sha256.hex(),
            "image_identifier": self.image_identifier.hex(),
            "image_size": self.image_size,
            "image_block_size": self.image_block_size,
            "state": self.state.value,
            "blocks_bound": self.blocks_bound,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Checkpoint:
        """The checkpoint in a record; raises JournalError where it cannot be trusted."""
        try:
            if record["format"] != _FORMAT:
                raise JournalError(
                    f"a checkpoint of format {record['format']!r}; this version knows {_FORMAT}"
                )
            checkpoint = cls(
                meter=_text(record["meter"]),
                sha256=bytes.fromhex(_text(record["sha256"])),
                image_identifier=bytes.fromhex(_text(record["image_identifier"])),
                image_size=_count(record["image_size"]),
                image_block_size=_count(record["image_block_size"]),
                state=TransferState(record["state"]),
                blocks_bound=_count(record["blocks_bound"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(f"a checkpoint that cannot be read: {error!r}") from error
        if len(checkpoint.sha256) != 32:
            raise JournalError("a checkpoint without a SHA-256 digest")
        return checkpoint


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFFFF_FFFF:
        raise ValueError(f"{value!r} is no count")
    return value


def ownership(
    checkpoint: Checkpoint | None,
    *,
    meter: str,
    sha256: bytes,
    image_identifier: bytes,
    image_size: int,
    image_block_size: int,
) -> Ownership:
    """Whose transfer the meter can hold, by our record of it.

    A record of another meter is none, and so is one of a transfer that is over.
    """
    if checkpoint is None or checkpoint.meter != meter or checkpoint.state is TransferState.DONE:
        return Ownership.NONE
    ours = (sha256, image_identifier, image_size, image_block_size)
    recorded = (
        checkpoint.sha256,
        checkpoint.image_identifier,
        checkpoint.image_size,
        checkpoint.image_block_size,
    )
    if recorded != ours:
        return Ownership.OTHER
    if checkpoint.state in _ORDERED:
        return Ownership.ORDERED
    return Ownership.OURS if checkpoint.blocks_bound else Ownership.UNSENT
