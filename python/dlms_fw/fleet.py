"""Many meters from one asyncio process: clients that share an image, a journal and an event loop.

What a thousand clients would stumble over together is here: records that each wait for the disk, connections
that are all opened in the same moment, and the limit of open files. Each client is an ordinary
:class:`~dlms_fw.async_client.AsyncClient`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dlms_fw.async_client import AsyncClient
from dlms_fw.deferred_journal import deferred
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, DlmsError
from dlms_fw.events import Callback
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.transfer import TransferPolicy, TransferResult
from dlms_fw.transports.base import (
    AsyncTransport,
    AsyncTransportFactory,
    Conversation,
)

__all__ = ["Fleet", "Outcome", "allow_open_files"]

FILES_PER_METER = 4
"""A socket, the leases of the meter and of its key, and one more while it is asked for its counter."""
FILES_BESIDE = 100
"""What else a process has open."""
BLOCK_RUN_SECONDS = 20.0
"""How long a run of blocks may take: a thousand meters take turns, and the blocks of each are far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one meter: a result, or the error that ended its upgrade.

    Attributes:
        endpoint: Which meter.
        result: Of the upgrade.
        error: Why there is none; what is no :class:`~dlms_fw.errors.DlmsError` is a defect.
    """

    endpoint: Endpoint
    result: TransferResult | None = None
    error: Exception | None = None


class Fleet:
    """Clients of many meters on one event loop.

    Args:
        journal: Our records. What the clients of one moment write goes to the disk together, and none of them
            sends anything before that.
        connecting: How many connections are being opened at the same time.
    """

    def __init__(self, journal: Journal | None = None, *, connecting: int = 100) -> None:
        self._journal = None if journal is None else deferred(journal)
        self._opening = asyncio.Semaphore(connecting)
        self._settling: asyncio.Future[None] | None = None

    def client(self, url: str | Endpoint, profile: Profile, **options: Any) -> AsyncClient:
        """A client of one meter; see :class:`~dlms_fw.async_client.AsyncClient` for the options."""
        client = AsyncClient(url, profile, journal=self._journal, **options)
        client._open_transport = _Patient(self, client._open_transport)
        return client

    async def upgrade(
        self,
        url: str | Endpoint,
        profile: Profile,
        image: Image,
        policy: TransferPolicy | None = None,
        *,
        on_event: Callback | None = None,
        **options: Any,
    ) -> TransferResult:
        """Upgrade one meter and leave it; raises what :meth:`AsyncClient.upgrade` raises."""
        policy = patient(policy)
        client = self.client(url, profile, **options)
        try:
            async with client:
                return await client.upgrade(image, policy, on_event=on_event)
        finally:
            await self.settled()

    async def upgrade_all(
        self,
        meters: Iterable[tuple[str | Endpoint, Profile]],
        image: Image,
        policy: TransferPolicy | None = None,
        *,
        at_once: int = 1000,
        on_event: Callable[[Endpoint], Callback | None] = lambda _: None,
    ) -> AsyncIterator[Outcome]:
        """Upgrade many meters with one image; gives what became of each as soon as it is known.

        Args:
            meters: Where each is, and who we are to it; taken as there is room for more.
            image: Shared by all; nothing of it is copied.
            policy: For all of them.
            at_once: How many are worked on at the same time.
            on_event: Gives what hears the events of one meter.

        Raises:
            ConfigurationError: so many need more open files than the process may have.
        """
        allow_open_files(FILES_PER_METER * at_once + FILES_BESIDE)
        waiting: set[asyncio.Task[Outcome]] = set()
        try:
            for url, profile in meters:
                endpoint = url if isinstance(url, Endpoint) else Endpoint.parse(url)
                told = self._outcome(endpoint, profile, image, policy, on_event(endpoint))
                waiting.add(asyncio.create_task(told))
                while len(waiting) >= at_once:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield task.result()
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def settled(self) -> None:
        """Everything that was written is on the disk. Raises JournalError."""
        if self._journal is None or self._journal.is_settled:
            return
        if self._settling is None:
            loop = asyncio.get_running_loop()
            self._settling = loop.create_future()
            loop.call_soon(self._settle, self._settling)  # after all that is ready to write now
        await asyncio.shield(self._settling)

    def _settle(self, settling: asyncio.Future[None]) -> None:
        self._settling = None
        assert self._journal is not None  # noqa: S101 (only then there is something to settle)
        try:
            self._journal.commit()
        except DlmsError as error:
            settling.set_exception(error)
            settling.exception()  # whoever waits gets it; where nobody does any more, that is no fault
        else:
            settling.set_result(None)

    async def _outcome(
        self,
        endpoint: Endpoint,
        profile: Profile,
        image: Image,
        policy: TransferPolicy | None,
        on_event: Callback | None,
    ) -> Outcome:
        try:
            result = await self.upgrade(endpoint, profile, image, policy, on_event=on_event)
        except Exception as error:  # noqa: BLE001 (handed on; no meter stops another)
            return Outcome(endpoint=endpoint, error=error)
        return Outcome(endpoint=endpoint, result=result)


@dataclass(frozen=True, slots=True)
class _Patient:
    """Opens a medium when there is room; the time to connect begins then."""

    fleet: Fleet
    open_transport: AsyncTransportFactory

    async def __call__(self, deadline: float) -> AsyncTransport:
        loop = asyncio.get_running_loop()
        seconds = deadline - loop.time()
        async with self.fleet._opening:
            medium = await self.open_transport(loop.time() + seconds)
        kind = _Conversing if hasattr(medium, "converse") else _Settled
        return kind(self.fleet, medium)


class _Settled:
    """A medium on which nothing leaves before the records that it depends on are on the disk.

    A conversation depends on none but those that were made before its first octets were sent.
    """

    __slots__ = ("_fleet", "_transport")

    def __init__(self, fleet: Fleet, transport: Any) -> None:
        self._fleet = fleet
        self._transport = transport

    async def send(self, data: bytes, deadline: float) -> None:
        """Hand ``data`` to the medium."""
        await self._fleet.settled()
        await self._transport.send(data, deadline)

    # Awaited as they are: bound methods, or coroutines in between, would be there for each meter.

    def receive(self, deadline: float) -> Coroutine[Any, Any, bytes]:
        """What has arrived."""
        received: Coroutine[Any, Any, bytes] = self._transport.receive(deadline)
        return received

    def close(self) -> Coroutine[Any, Any, None]:
        """Give the medium back."""
        closed: Coroutine[Any, Any, None] = self._transport.close()
        return closed


class _Conversing(_Settled):
    """The same for a medium that carries on a conversation itself."""

    __slots__ = ()

    def converse(self, conversation: Conversation) -> Coroutine[Any, Any, None]:
        """Let the medium do it."""
        conversed: Coroutine[Any, Any, None] = self._transport.converse(conversation)
        return conversed


@lru_cache(maxsize=16)
def patient(policy: TransferPolicy | None = None) -> TransferPolicy:
    """A policy for one meter of many, whose blocks go out in runs even where they are seconds apart.

    Each meter tells of its progress less often then; all together tell often enough. Equal policies give one
    and the same.
    """
    policy = policy or TransferPolicy()
    return replace(policy, block_run_seconds=max(policy.block_run_seconds, BLOCK_RUN_SECONDS))


def allow_open_files(needed: int) -> None:
    """Raise the soft limit of open files of this process to ``needed``, where it is lower.

    Raises:
        ConfigurationError: the hard limit is lower, too; with what to do.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in {soft, hard} and hard < needed:
        raise ConfigurationError(
            f"{needed} open files are needed, and this process may have {hard}",
            code="configuration.open-files",
            hint=f"raise the hard limit (ulimit -Hn {needed}), or work on fewer meters at the same time",
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
