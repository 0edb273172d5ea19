"""The short way of image blocks through a meter: when it is opened, and what shuts it.

Where nothing could come of a block but that it is stored and answered with success, one crossing does it all
(:class:`~dlms_fw._core.BlockSink`), for one connection at a time. The way is opened by a block that went the
ordinary way. It is shut before anything else happens in the meter: other octets on any connection, another
state of the firmware, another word to the memory; what depends on it then finds everything as if each block
had gone the ordinary way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol, TypeGuard

from dlms_fw._core import ActionRequest, BlockSink
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.meter.image_store import ImageStore
from dlms_fw.meter.ownership import TransferOwnership
from dlms_fw.meter.units import MeterUnits
from dlms_fw.security import COUNTER_MARGIN
from dlms_fw.session.server import ServerSession, State

_CLASS_ID: Final = ImageTransfer.class_id
_METHOD_ID: Final = ImageTransfer.image_block_transfer.method_id


class BlockLine(Protocol):
    """A connection, as the way of its blocks sees it.

    Attributes:
        sink: Takes its blocks while the way is open.
        longest_silence: Seconds after which octets mean something else; infinite where they never do.
        heard_at: When octets came last, on the monotonic clock.
    """

    sink: BlockSink | None
    session: ServerSession
    longest_silence: float
    heard_at: float


def brings_block(request: object) -> TypeGuard[ActionRequest]:
    """Whether a request calls image_block_transfer of some image transfer object."""
    return (
        type(request) is ActionRequest and request.method_id == _METHOD_ID and request.class_id == _CLASS_ID
    )


class BlockWay:
    """The short way of one meter.

    Args:
        units: What the meter is made of.
        ownership: Who leads the transfer.
    """

    def __init__(self, units: MeterUnits, ownership: TransferOwnership) -> None:
        self._units = units
        self._ownership = ownership
        self._line: BlockLine | None = None
        self._note_written: Callable[[int], None] = lambda _: None
        units.firmware.memory.on_change = self.shut

    @property
    def is_open(self) -> bool:
        """Whether a connection has it."""
        return self._line is not None

    def open(self, line: BlockLine, store: object, request: ActionRequest) -> None:
        """Opens it after a block that was taken; not where a further one could mean something else.

        Args:
            line: The connection of the block.
            store: The object that has taken it.
            request: What has brought it.
        """
        self.shut()
        session, units = line.session, self._units
        association = session.association
        if type(store) is not ImageStore or association.state is not State.ASSOCIATED:
            return
        if units.firmware.deadline is not None:
            return
        lent = store.lend(self.shut)
        if lent is None:
            return
        plant = units.made_plant
        until = None if plant is None else plant.deadline
        bound = units.counters.accepted_bound(association.key_fingerprint)
        line.sink = BlockSink(
            session.channel,
            lent.received,
            lent.memory.blocks,
            lent.memory.digests,
            class_id=_CLASS_ID,
            logical_name=request.logical_name,
            method_id=_METHOD_ID,
            image_size=lent.reception.size,
            image_block_size=lent.reception.block_size,
            serial=lent.reception.serial,
            most_blocks=lent.memory.most,
            counter_margin=COUNTER_MARGIN,
            now=line.heard_at,
            until=math.inf if until is None else until,
            longest_silence=line.longest_silence,
            peer_counter=None if bound < 0 else bound,
            silent=association.is_silent,
        )
        self._line, self._note_written = line, lent.note_written

    def shut(self) -> None:
        """Shuts it, and makes up for what was left undone for each block."""
        line, self._line = self._line, None
        if line is None or line.sink is None:
            return
        sink, line.sink = line.sink, None
        sink.close()
        self._note_written(sink.taken)
        line.heard_at = sink.heard_at
        line.session.note_counter()
        if (called_at := sink.called_at) is not None:
            self._ownership.last_call = called_at
