"""One image to a group of meters: the driver, with asyncio.

Each member goes through its own ordinary upgrade, by unicast: it is identified, initiated, asked what it has,
verified and activated alone. Only the blocks come to all at once. Nothing that happens to one member stops
the others.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from dlms_fw._core import ImageBlocks
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.driver import is_loss, policy_for
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, DlmsError, ImageRejected, SecurityError
from dlms_fw.events import Event, Finished
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.multicast.census import Census, Survey
from dlms_fw.multicast.distribution import Distribution, LookAt, SendBlocks
from dlms_fw.multicast.events import GroupEvent, GroupLooked, GroupPassSent, GroupReady, GroupRefused
from dlms_fw.multicast.group import Group, Member, check_member
from dlms_fw.multicast.lines import Lines, Turn
from dlms_fw.multicast.member import MemberClient, Seat
from dlms_fw.multicast.policy import MulticastPolicy
from dlms_fw.multicast.report import MemberOutcome, MemberReport, MulticastReport
from dlms_fw.multicast.sender import GroupClient, check_block_fits
from dlms_fw.security import resynchronised_counter
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.base import AsyncTransport

_T = TypeVar("_T")

OpenTransport: TypeAlias = Callable[[Endpoint, float], Awaitable[AsyncTransport]]
"""Opens a medium to an address before a deadline."""
MemberCallback: TypeAlias = Callable[[str | None, Event | GroupEvent], None]
"""Gets each event with the name of its member, or ``None`` where it is the group's."""


class MulticastUpgrade:
    """One image to a group.

    Args:
        image: The image; its signature is for the caller to verify first.
        members: The meters, at least one.
        group: How they are spoken to together.
        policy: What is done to each of them.
        multicast: How blocks go to the group.
        journal: Keeps invocation counters and checkpoints; needed with keys.
        on_event: Is told what goes on.
        open_transport: Opens the media; by default as the addresses say.
        options: Further ones of each member's :class:`~dlms_fw.async_client.AsyncClient`.
    """

    def __init__(
        self,
        image: Image,
        members: Sequence[Member],
        group: Group,
        policy: TransferPolicy | None = None,
        *,
        multicast: MulticastPolicy | None = None,
        journal: Journal | None = None,
        on_event: MemberCallback | None = None,
        open_transport: OpenTransport | None = None,
        **options: Any,
    ) -> None:
        self._image = image
        self._group = group
        self._policy = policy or TransferPolicy()
        self._multicast = multicast or MulticastPolicy()
        self._journal = journal
        self._on_event = on_event
        self._open_transport = open_transport
        self._options = options
        self._image_transfer = ImageTransfer(self._policy.objects.image_transfer)
        self._clock: Callable[[], float] = options.get("clock", time.monotonic)
        self._lines = Lines()
        self._at_once = asyncio.Semaphore(self._multicast.most_at_once)
        self._check(members)
        self._census = Census(self._next_counter)
        self._entries = [self._entry(member) for member in members]
        self.report = MulticastReport(
            image.image_identifier, image.sha256, members=[entry.report for entry in self._entries]
        )

    async def run(self) -> MulticastReport:
        """Bring the image into every member, as far as the policy says; never raises for one of them.

        Raises:
            ConfigurationError: the group cannot be spoken to in this way; nothing was sent.
            Busy: another process sends to this group.
        """
        with ExitStack() as leases:
            self._own_group_key(leases)
            block_size = await self._survey()
            ready = [entry for entry in self._entries if entry.report.error is None]
            if not block_size:
                return self.report
            check_block_fits(self._group, block_size)
            blocks = self._image.blocks(block_size)
            self.report.block_size, self.report.blocks_total = block_size, len(blocks)
            for entry in ready:
                entry.seat = self._seat(entry, len(blocks))
            tasks = [asyncio.create_task(self._upgrade(entry)) for entry in ready]
            try:
                await self._gather(ready)
                await self._send_to_group(ready, block_size)
                for entry in ready:
                    entry.seat.fill()
                began = self._clock()
                await asyncio.gather(*tasks)
                self.report.seconds.completion = self._clock() - began
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return self.report

    # Before anything is sent

    def _check(self, members: Sequence[Member]) -> None:
        if not members:
            raise ConfigurationError("a group needs members", code="configuration.group")
        insecure = self._policy.allow_insecure or self._policy.dry_run
        self._group.endpoint()
        self._group.check(allow_insecure=insecure)
        if self._journal is None and any(
            profile.needs_keys for profile in (self._group.profile, *(each.profile for each in members))
        ):
            raise ConfigurationError("protection by keys needs a journal to keep the invocation counters in")
        names = Counter(member.label for member in members)
        for member in members:
            if names[member.label] > 1:
                raise ConfigurationError(f"{member.label} is listed twice", code="configuration.group")
            check_member(member, self._group)
            policy_for(member.profile, self._policy)

    def _own_group_key(self, leases: ExitStack) -> None:
        key = self._group.profile.keys.global_broadcast_encryption_key
        if self._journal is not None and key is not None:
            leases.enter_context(self._journal.lease(f"group key {key.fingerprint}"))

    async def _survey(self) -> int:
        """Ask members who they are until it is known how large the group's blocks are; gives that size.

        Of a large group a few are enough. The others are asked over the association in which they get ready.
        """
        began = self._clock()
        await asyncio.gather(*(self._survey_ahead(entry) for entry in self._first_asked()))
        if not self._census.settle(self._surveys()):
            await asyncio.gather(
                *(self._survey_ahead(entry) for entry in self._entries if entry.report.error is None)
            )
            self._census.settle(self._surveys())
        for entry in self._entries:
            if entry.survey is not None:
                with self._reported(entry):
                    self._census.admit(entry.member.label, entry.survey)
        self.report.seconds.survey = self._clock() - began
        return self._census.image_block_size

    def _first_asked(self) -> list[_Entry]:
        policy, entries = self._multicast, self._entries
        if len(entries) <= policy.sample_above:
            return entries
        return entries[:: max(1, len(entries) // policy.sample)][: policy.sample]

    def _surveys(self) -> list[Survey]:
        return [entry.survey for entry in self._entries if entry.survey is not None]

    async def _survey_ahead(self, entry: _Entry) -> None:
        with self._reported(entry):
            try:
                await self._patiently(entry.client, lambda: self._survey_one(entry))
            finally:
                await entry.client.close()

    async def _survey_one(self, entry: _Entry) -> Survey:
        counter = self._group.profile.invocation_counter_object if self._group.profile.is_protected else None
        entry.survey = survey = await entry.client.survey(self._image_transfer, counter)
        entry.report.meter = survey.meter
        return survey

    @contextmanager
    def _reported(self, entry: _Entry) -> Iterator[None]:
        """What ends here is reported for its member and stops no other."""
        try:
            yield
        except DlmsError as error:
            entry.report.error = error
            entry.report.outcome = "excluded" if isinstance(error, ImageRejected) else "failed"

    async def _patiently(self, client: MemberClient, call: Callable[[], Awaitable[_T]]) -> _T:
        """Do it, and again after a pause where the meter could not be reached, so many times."""
        for _ in range(self._multicast.tries - 1):
            try:
                return await call()
            except DlmsError as error:
                if not is_loss(error):
                    raise
            await client.pause(self._multicast.pause_seconds)
        return await call()

    def _next_counter(self, accepted: int) -> int:
        """Where the group's stream goes on for a member; one that asks for too much is not followed."""
        profile, journal = self._group.profile, self._journal
        key = profile.keys.global_broadcast_encryption_key
        if journal is None or key is None or profile.system_title is None:
            return 0
        try:
            return resynchronised_counter(
                journal.counters(key.fingerprint, profile.system_title).next, accepted + 1
            )
        except SecurityError:
            return 0

    # Members

    def _seat(self, entry: _Entry, blocks: int) -> Seat:
        return Seat(
            entry.client,
            self._image_transfer,
            blocks,
            missed_looks=self._multicast.missed_looks,
            fill_strategy=self._policy.strategy,
        )

    async def _upgrade(self, entry: _Entry) -> None:
        report, seat = entry.report, entry.seat
        with self._reported(entry):
            try:
                report.outcome = await self._patiently(entry.client, lambda: self._bring(entry))
            finally:
                report.blocks_by_multicast, report.looks = seat.blocks_by_multicast, seat.looks
                await entry.client.close()
                seat.end()

    async def _bring(self, entry: _Entry) -> MemberOutcome:
        if entry.survey is None:
            self._census.admit(entry.member.label, await self._survey_one(entry))
        result = await entry.client.upgrade(
            self._image,
            replace(self._policy, strategy="elsewhere"),
            on_event=lambda event: self._on_member_event(entry, event),
        )
        return result.outcome

    def _on_member_event(self, entry: _Entry, event: Event) -> None:
        if isinstance(event, Finished):
            entry.report.changed = event.changed
            entry.report.blocks_by_unicast = event.blocks_sent
        if self._on_event is not None:
            self._on_event(entry.member.label, event)

    async def _gather(self, ready: list[_Entry]) -> None:
        """Until every member waits for blocks or has ended, or none has for longer than is worth waiting."""
        began = self._clock()
        getting_ready = {asyncio.create_task(entry.seat.changed.wait()) for entry in ready}
        try:
            while getting_ready:
                done, getting_ready = await asyncio.wait(
                    getting_ready,
                    timeout=self._multicast.gather_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    break  # who comes later has missed what was sent
        finally:
            for task in getting_ready:
                task.cancel()
        self.report.seconds.preparation = self._clock() - began

    # The group

    async def _send_to_group(self, ready: list[_Entry], block_size: int) -> None:
        sender = self._sender(self._census.first_counter)
        try:
            await self._distribute(ready, sender, block_size)
        finally:
            await sender.close()
            self.report.unexpected_answers = sender.unexpected_answers

    async def _distribute(self, ready: list[_Entry], sender: GroupClient, block_size: int) -> None:
        began = self._clock()
        blocks = self._image.blocks(block_size)
        lines = min(len({id(entry.turn.line) for entry in ready}), self._multicast.most_at_once)
        distribution: Distribution[_Entry] = Distribution(len(blocks), self._multicast, parallel=lines)
        self._admit(ready, distribution)
        self._tell(GroupReady(self._clock(), len(distribution.members), len(blocks), distribution.missing))
        while (order := distribution.next_order()) is not None:
            if isinstance(order, SendBlocks):
                await self._send(order, sender, distribution, blocks)
            elif isinstance(order, LookAt):
                await self._look(order, distribution)
            else:
                for entry in order.members:
                    entry.seat.fill()
                distribution.handle_filled()
            self._admit(ready, distribution)
        self.report.passes = distribution.passes
        self.report.blocks_sent = distribution.blocks_sent
        self.report.looks = distribution.looks
        self.report.pause_seconds = distribution.pause_seconds
        seconds = self.report.seconds
        seconds.distribution = self._clock() - began
        seconds.sending, seconds.looking = distribution.sending_seconds, distribution.looking_seconds

    def _admit(self, ready: list[_Entry], distribution: Distribution[_Entry]) -> None:
        """Who has come to wait for blocks gets a place; who waits no more gives it back."""
        for entry in ready:
            if entry.seat.is_waiting and not entry.is_admitted:
                entry.is_admitted = True
                distribution.join(entry, entry.seat.missing)
            elif not entry.seat.is_waiting:
                distribution.leave(entry)

    async def _send(
        self, order: SendBlocks, sender: GroupClient, distribution: Distribution[_Entry], blocks: ImageBlocks
    ) -> None:
        try:
            seconds = await sender.send_blocks(
                blocks,
                order.numbers,
                transfer_of=self._image_transfer.image_block_transfer,
                pause=order.pause_seconds,
                burst=self._multicast.burst_blocks,
            )
        except DlmsError as error:
            self.report.group_error = error
            self._tell(GroupRefused(self._clock(), error.code, str(error)))
            distribution.handle_refused()
        else:
            distribution.handle_sent(seconds)
            sent = len(order.numbers)
            self._tell(GroupPassSent(self._clock(), distribution.passes, sent, seconds, order.pause_seconds))

    async def _look(self, order: LookAt[_Entry], distribution: Distribution[_Entry]) -> None:
        looks = await asyncio.gather(*(entry.seat.look() for entry in order.members))
        for entry, look in zip(order.members, looks, strict=True):
            if look.missing is not None:
                distribution.handle_missing(entry, look.missing)
            if look.seconds:
                distribution.measured(
                    look_seconds=look.seconds,
                    exchange_seconds=look.exchange_seconds,
                    detail_seconds=look.detail_seconds,
                )
            if look.missing == ():
                distribution.leave(entry)
        asked, missing = len(looks), distribution.missing
        self._tell(GroupLooked(self._clock(), asked, len(distribution.members), missing))
        distribution.handle_looked()

    # Made of what was given

    def _turn(self, url: str, line: str | None) -> Turn:
        return Turn(self._lines.of(Endpoint.parse(url), line), self._at_once)

    def _entry(self, member: Member) -> _Entry:
        turn = self._turn(member.url, member.line)
        medium = self._medium(Endpoint.parse(member.url))
        return _Entry(
            member, turn, MemberClient(member, turn, journal=self._journal, **medium, **self._options)
        )

    def _sender(self, first_counter: int) -> GroupClient:
        # It takes no place among the members: with all of them waiting for blocks, it could get none.
        turn = Turn(self._lines.of(Endpoint.parse(self._group.url), self._group.line))
        return GroupClient(
            self._group,
            turn,
            first_counter=first_counter,
            journal=self._journal,
            **self._medium(self._group.endpoint()),
            **self._options,
        )

    def _medium(self, endpoint: Endpoint) -> dict[str, Any]:
        """How a client opens its medium, where the caller has said."""
        opened = self._open_transport
        return {} if opened is None else {"open_transport": partial(opened, endpoint)}

    def _tell(self, event: GroupEvent) -> None:
        if self._on_event is not None:
            self._on_event(None, event)


class _Entry:
    """All about one member."""

    seat: Seat

    def __init__(self, member: Member, turn: Turn, client: MemberClient) -> None:
        self.member = member
        self.turn = turn
        self.client = client
        self.report = MemberReport(member.label)
        self.survey: Survey | None = None
        self.is_admitted = False
