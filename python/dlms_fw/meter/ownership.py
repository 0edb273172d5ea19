"""One owner of the image transfer at a time: two associations must not mix their blocks.

Who calls a method owns the process until its connection ends or it has been quiet for a while. Others get
temporary-failure meanwhile. A pre-established client never owns it: its blocks are part of the transfer that
the owner leads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.meter.caller import Caller

_BLOCK: Final = ImageTransfer.image_block_transfer.method_id


class TransferOwnership:
    """Who may call the methods of the image transfer object now."""

    def __init__(self, *, idle_seconds: float, monotonic: Callable[[], float]) -> None:
        self._idle_seconds = idle_seconds
        self._monotonic = monotonic
        self._owner: tuple[object, int] | None = None
        self.last_call = 0.0
        """When the owner has called last, on the monotonic clock."""

    def admits(self, caller: Caller, method_id: int) -> bool:
        """Whether the caller may call the method; it owns the process then."""
        association, now = caller.association, self._monotonic()
        if association.pre_established:
            return method_id == _BLOCK
        key = caller.connection, association.client_sap
        if self._owner is not None and self._owner != key and now - self.last_call < self._idle_seconds:
            return False
        self._owner, self.last_call = key, now
        return True

    def release(self, connection: object, client_sap: int) -> None:
        """An association is over."""
        if self._owner == (connection, client_sap):
            self._owner = None
