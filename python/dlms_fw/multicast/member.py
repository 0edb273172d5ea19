"""One member of a group: the ordinary upgrade of one meter, whose blocks come from the group.

It talks while it has its turn on the line, and gives it back whenever it has to wait. What it finds out about
itself is told to its group, which says what to do next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from dlms_fw.async_client import AsyncClient
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.driver import is_loss
from dlms_fw.errors import DecodeError, DlmsError, ServiceError
from dlms_fw.multicast.census import Survey
from dlms_fw.multicast.group import Member
from dlms_fw.multicast.lines import Turn
from dlms_fw.transfer import Elsewhere, Transfer, WantedStrategy
from dlms_fw.transfer.decisions import completeness

_SHORT_WAIT_S = 2.0
"""A pause for which the association is kept, and the line with it, while nobody else waits for it."""

_T = TypeVar("_T")

Runs: TypeAlias = tuple[tuple[int, int], ...]


class Instruction(Enum):
    """What the group tells a member that waits for blocks."""

    LOOK = "ask the meter what it has"
    FILL = "get the rest by unicast"


class Look(NamedTuple):
    """What a look at a member has shown.

    Attributes:
        missing: What it misses; ``None`` where it could not be asked.
        seconds: How long it took to hear how far the meter has come, association included.
        exchange_seconds: How long one question of it took.
        detail_seconds: How long it took on top of that to hear all that is missing, and to leave.
    """

    missing: Runs | None
    seconds: float
    exchange_seconds: float
    detail_seconds: float = 0.0


class MemberClient(AsyncClient):
    """A client that holds its line only while it is connected.

    Args:
        member: The meter.
        turn: Its hold on the line.
        sleep: Passes time.
        options: Those of :class:`~dlms_fw.async_client.AsyncClient`.

    Attributes:
        blocks_elsewhere: What is done when the transfer wants its blocks.
    """

    def __init__(
        self,
        member: Member,
        turn: Turn,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Any,
    ) -> None:
        super().__init__(member.url, member.profile, sleep=self.pause, **options)
        self._turn = turn
        self._pass_time = sleep
        self._connect_seconds = 0.0
        self.blocks_elsewhere: Callable[[Transfer, Elsewhere], Awaitable[None]]

    sends_blocks = False

    async def elsewhere(self, transfer: Transfer, order: Elsewhere) -> None:
        """Blocks come from the group."""
        await self.blocks_elsewhere(transfer, order)

    async def connect(self) -> None:
        """Wait for the line, then connect."""
        await self._turn.take()
        began = self._clock()
        await super().connect()
        self._connect_seconds = self._clock() - began

    async def close(self) -> None:
        """Release the association and the line."""
        try:
            await super().close()
        finally:
            self._turn.give()

    async def leave(self) -> None:
        """Give the association and the line up for a while."""
        await self._leave()
        self._turn.give()

    async def survey(self, image_transfer: ImageTransfer, counter_object: int | None) -> Survey:
        """Who it is, and what must be the same for all; the association stays open. Raises DlmsError."""
        if self._session is None:
            await self.connect()
        meter = await self.meter_identity()
        questions: list[AttributeRef[Any]] = [image_transfer.image_block_size]
        if counter_object is not None:
            questions.append(Data(well_known.invocation_counter(counter_object)).value)
        block_size, *told = await self.get_list(questions)
        if isinstance(block_size, ServiceError):
            raise block_size
        accepted = next((each.value for each in told if not isinstance(each, ServiceError)), None)
        return Survey(meter, block_size, accepted if isinstance(accepted, int) else None)

    async def look(self, image_transfer: ImageTransfer, blocks: int) -> Look:
        """What the meter misses. Where that is nothing, the association stays open. Raises DlmsError."""
        await self._turn.take()
        began = self._clock()
        if self._session is None:
            await self.connect()
        asked = self._clock()
        first = await self._told(image_transfer.image_first_not_transferred_block_number)
        told = self._clock()
        if first is not None and first >= blocks:
            return Look((), told - began, told - asked)
        bits = await self._told(image_transfer.image_transferred_blocks_status)
        what = completeness(bits, first, blocks)
        if what.block_status is not None:
            missing = tuple(what.block_status.missing_runs())
        else:
            known = what.first_missing or 0
            missing = ((known, blocks - known),)
        if missing:
            await self.leave()
        return Look(missing, told - began, told - asked, self._clock() - told)

    async def pause(self, seconds: float) -> None:
        """Let time pass; others have the line meanwhile, where that is longer than to associate anew."""
        if seconds > (self._connect_seconds if self._turn.line.waiting else _SHORT_WAIT_S):
            await self.leave()
        await self._pass_time(seconds)

    async def _told(self, ref: AttributeRef[_T]) -> _T | None:
        """The value, or nothing where the meter does not tell."""
        try:
            return await self.get(ref)
        except (ServiceError, DecodeError):
            return None


class Seat:
    """A member's place in its group: where the two meet.

    Args:
        client: The member's.
        image_transfer: The object that is asked.
        blocks: Of the image.
        missed_looks: Times in a row that it may be unreachable when it is asked.
        fill_strategy: How it gets by unicast what it misses in the end.

    Attributes:
        missing: What it misses, as far as it knows, while it waits.
        blocks_by_multicast: Blocks that it has from the group.
        looks: Times that it was asked.
        is_waiting: Whether it waits for blocks.
        has_ended: Whether its upgrade is over.
        changed: Set when one of these has changed.
    """

    def __init__(
        self,
        client: MemberClient,
        image_transfer: ImageTransfer,
        blocks: int,
        *,
        missed_looks: int,
        fill_strategy: WantedStrategy,
    ) -> None:
        self.missing: Runs = ()
        self.blocks_by_multicast = 0
        self.looks = 0
        self.is_waiting = False
        self.has_ended = False
        self.changed = asyncio.Event()
        self._client = client
        self._image_transfer = image_transfer
        self._blocks = blocks
        self._missed_looks = missed_looks
        self._fill_strategy: WantedStrategy = fill_strategy
        self._is_alone = False
        self._missed = 0
        self._instructions: asyncio.Queue[Instruction] = asyncio.Queue()
        self._answer: asyncio.Future[Look] | None = None
        client.blocks_elsewhere = self._on_elsewhere

    # The group's side

    async def look(self) -> Look:
        """Have the meter asked. A member that has ended meanwhile misses nothing that could be sent."""
        if not self.is_waiting:
            return _NOTHING_MISSING
        self._answer = asyncio.get_running_loop().create_future()
        self._instructions.put_nowait(Instruction.LOOK)
        return await self._answer

    def fill(self) -> None:
        """Leave the rest to unicast, now or when it comes to that."""
        self._is_alone = True
        if self.is_waiting:
            self._instructions.put_nowait(Instruction.FILL)

    def end(self) -> None:
        """The member's upgrade is over."""
        self.has_ended = True
        self._stop_waiting(_NOTHING_MISSING)

    # The member's side

    async def _on_elsewhere(self, transfer: Transfer, order: Elsewhere) -> None:
        if self._is_alone or not await self._gets_all_from_group(order):
            transfer.use_strategy(self._fill_strategy)
        # Where the transfer asks again, after a failed verification or because the meter forgot, the group
        # has given it what it could.
        self._is_alone = True

    async def _gets_all_from_group(self, order: Elsewhere) -> bool:
        """Wait and look as the group says; whether nothing is missing in the end."""
        self.missing = order.missing
        await self._client.leave()
        self.is_waiting = True
        self.changed.set()
        while await self._instructions.get() is Instruction.LOOK:
            look = await self._look()
            if look.missing is not None:
                self.blocks_by_multicast += max(0, _count(self.missing) - _count(look.missing))
                self.missing = look.missing
            if look.missing == () or self._missed > self._missed_looks:
                self._stop_waiting(look)
                return look.missing == ()
            self._tell(look)
        self.is_waiting = False
        return False

    async def _look(self) -> Look:
        self.looks += 1
        try:
            look = await self._client.look(self._image_transfer, self._blocks)
        except DlmsError as error:
            if not is_loss(error):
                raise
            await self._client.leave()
            self._missed += 1
            return Look(None, 0.0, 0.0)
        self._missed = 0
        return look

    def _stop_waiting(self, look: Look) -> None:
        self.is_waiting = False
        self._tell(look)
        self.changed.set()

    def _tell(self, look: Look) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(look)


_NOTHING_MISSING = Look((), 0.0, 0.0)


def _count(runs: Runs) -> int:
    return sum(count for _, count in runs)
