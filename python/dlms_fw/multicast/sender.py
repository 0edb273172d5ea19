"""What speaks to the group: unconfirmed image blocks and nothing else, under the one key of the group.

A group answers nothing. What comes from it all the same is counted and not looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dlms_fw._core import ActionRequest, ImageBlocks
from dlms_fw.async_client import AsyncClient
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import MethodRef
from dlms_fw.driver import framing
from dlms_fw.errors import ConfigurationError, DlmsError, LocalProtocolError, ResponseTimeout
from dlms_fw.journal import Journal
from dlms_fw.multicast.group import Group
from dlms_fw.multicast.lines import Turn
from dlms_fw.security import SYSTEM_TITLE_LENGTH
from dlms_fw.session.client import Message
from dlms_fw.transfer import Burst, LinkFacts
from dlms_fw.transports.base import AsyncTransport
from dlms_fw.transports.udp import AsyncUdpGroupTransport

_BLOCK_TRANSFER = (ImageTransfer.class_id, ImageTransfer.image_block_transfer.method_id)
_LLC_OCTETS = 3


class GroupClient(AsyncClient):
    """The pre-established client that sends blocks to a group.

    Args:
        group: The group.
        turn: Its hold on the line.
        first_counter: The lowest invocation counter that all members accept; 0 where that is not known.
        journal: Keeps the invocation counters.
        options: Those of :class:`~dlms_fw.async_client.AsyncClient`.

    Attributes:
        unexpected_answers: Pieces that came from the group.
    """

    def __init__(
        self, group: Group, turn: Turn, *, first_counter: int, journal: Journal | None, **options: Any
    ) -> None:
        endpoint = group.endpoint()
        if endpoint.scheme == "udp":
            options.setdefault("open_transport", self._open_group)
        given = group.profile.first_invocation_counter or 0
        # A group cannot be asked for its counter: it goes on from ours, or from what members have told.
        profile = replace(group.profile, first_invocation_counter=max(first_counter, given, 1))
        super().__init__(endpoint, profile, journal=journal, **options)
        self._framing = framing(endpoint, profile, group=True)
        self.unexpected_answers = 0
        self._group = group
        self._turn = turn

    async def send(self, message: Message) -> None:
        """Say something to the group.

        Raises:
            LocalProtocolError: it is no image block. Whatever else is done to a meter is done to it alone.
        """
        if not is_block(message):
            raise LocalProtocolError("only image blocks go to a group; all else goes to each meter alone")
        await super().send(message)

    async def send_blocks(
        self,
        blocks: ImageBlocks,
        numbers: tuple[int, ...],
        *,
        transfer_of: MethodRef[[int, bytes], None],
        pause: float,
        burst: int,
    ) -> float:
        """Send these blocks, and leave the line to others now and then.

        Returns:
            How many seconds that took, without the time for which others had the line.

        Raises:
            TransportError: the group cannot be sent to, twice in a row.
        """
        seconds = 0.0
        at_once = 1 if pause else burst
        try:
            for start in range(0, len(numbers), at_once):
                some = numbers[start : start + at_once]
                requests = tuple(_unconfirmed(transfer_of.request(blocks[number])) for number in some)
                await self._turn.take()
                began = self._clock()
                await self._say(Burst(requests, pause))
                seconds += self._clock() - began
                if self._turn.line.waiting:
                    await self.leave_line()
        finally:
            await self.leave_line()
        return seconds

    async def leave_line(self) -> None:
        """Close the medium, where others share it, and let them talk."""
        await self._leave()
        self._turn.give()

    async def _say(self, burst: Burst) -> None:
        if self._session is None:
            await self.connect()
        try:
            await self._send_burst(burst)
        except DlmsError as error:
            if not error.retryable:
                raise
            await self.connect()
            await self._send_burst(burst)
        await self._ignore_answers()

    async def _ignore_answers(self) -> None:
        while self._transport is not None:
            try:
                await self._transport.receive(self._clock())
            except ResponseTimeout:
                return
            self.unexpected_answers += 1

    async def _open_group(self, deadline: float) -> AsyncTransport:  # noqa: ARG002 (nothing is waited for)
        return await AsyncUdpGroupTransport.open(
            self.endpoint.host, self.endpoint.port, interface=self._group.interface, ttl=self._group.ttl
        )


def is_block(message: Message) -> bool:
    """Whether a message is an unconfirmed image_block_transfer, which alone goes to a group."""
    return (
        isinstance(message, ActionRequest)
        and not message.confirmed
        and (message.class_id, message.method_id) == _BLOCK_TRANSFER
    )


def check_block_fits(group: Group, image_block_size: int) -> None:
    """Raises ConfigurationError where a block does not fit one message, or one frame, to the group."""
    profile = group.profile
    overhead = 0
    if profile.is_protected:  # with our title in it: no association has told it before
        overhead = profile.protection.overhead(profile.security_suite) + 1 + SYSTEM_TITLE_LENGTH
    limit = profile.max_pdu_size
    if group.endpoint().is_hdlc:
        limit = min(limit, profile.hdlc.max_info_field_length - _LLC_OCTETS)
    if not LinkFacts(max_pdu_size=limit, ciphering_overhead=overhead).carries(image_block_size):
        raise ConfigurationError(
            f"a block of {image_block_size} octets does not fit one message to the group, "
            f"which has at most {limit} octets with its protection",
            code="configuration.group",
            hint="a group gets no segments; raise max_pdu_size or max_info_field_length, or go by unicast",
        )


def _unconfirmed(request: ActionRequest) -> ActionRequest:
    return ActionRequest(
        request.class_id, request.logical_name, request.method_id, request.parameter, confirmed=False
    )
