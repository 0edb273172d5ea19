"""The asyncio client: one meter, one association at a time, over any transport.

The same text as the blocking client, with ``await``; a test holds the two together. One task at a time may
use it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dlms_fw.async_readings import AsyncReadings
from dlms_fw.async_services import AsyncServices
from dlms_fw.async_upgrades import AsyncUpgrades
from dlms_fw.driver import (
    RESPONSES,
    Response,
    Statistics,
    association_attempts,
    check_unanswered,
    counter_of,
    counter_request,
    does_not_tell,
    expected_counter,
    framing,
    is_settled,
    link_ended,
    may_be_counter,
    may_be_lost,
    note_aside,
    patience,
    public_endpoint,
    public_profile,
    round_trips,
    silence,
)
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import DlmsError, LocalProtocolError, ResponseTimeout
from dlms_fw.journal import Journal
from dlms_fw.ledger import Ledger
from dlms_fw.profiles import Profile
from dlms_fw.reading.known import Known
from dlms_fw.session.client import Association, ClientSession, Message, Request
from dlms_fw.session.short_names import NotInObjectList
from dlms_fw.session.states import State
from dlms_fw.transports.base import AsyncTransport, AsyncTransportFactory
from dlms_fw.transports.opening import AsyncOpener

if TYPE_CHECKING:
    from dlms_fw._core import Event, LinkConnected

_ASSOCIATED = State.ASSOCIATED  # by this name it costs nothing on the way of every block
_PARTING_TIMEOUT_S = 5.0
"""How long to wait for the meter when saying goodbye."""


def _fresh_challenge() -> bytes:
    return os.urandom(32)


def _local_time() -> datetime:
    return datetime.now().astimezone()


class AsyncClient(AsyncServices, AsyncReadings, AsyncUpgrades):
    """A client of one meter.

    Args:
        url: Where the meter is, see :class:`dlms_fw.endpoint.Endpoint`.
        profile: Who we are and what we accept.
        journal: Our records; needed with keys, and to resume transfers.
        open_transport: Opens the medium instead of what the address says; called anew for every connection.
        on_notification: Gets what a meter says unasked.
        clock: Monotonic time in seconds, the one that the transport's deadlines are on.
        sleep: Passes time.
        wall_clock: The time of day, aware; activations are scheduled by it.
        challenge: Gives fresh random challenges.
        randomness: Gives that many random octets, for keys that are made.
    """

    def __init__(
        self,
        url: str | Endpoint,
        profile: Profile,
        *,
        journal: Journal | None = None,
        open_transport: AsyncTransportFactory | None = None,
        on_notification: Callable[[Any], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        wall_clock: Callable[[], datetime] = _local_time,
        challenge: Callable[[], bytes] = _fresh_challenge,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.endpoint = url if isinstance(url, Endpoint) else Endpoint.parse(url)
        self.profile = profile
        self.statistics = Statistics()
        self._journal = journal
        self._open_transport = open_transport or self._opener()
        self._on_notification = on_notification
        self._clock = clock
        self._sleep = sleep
        self._wall_clock = wall_clock
        self._challenge = challenge
        self._randomness = randomness
        self._framing = framing(self.endpoint, profile)
        self._ledger = Ledger(profile, journal, place=self.endpoint, now=wall_clock)
        self._learnt: Known | None = None
        self._transport: AsyncTransport | None = None
        self._session: ClientSession | None = None
        self._busy = False
        self._response_timeout = silence(self.endpoint, profile)
        self._round_trips = round_trips(self.endpoint, profile)
        self._request_deadline = profile.request_deadline_s

    async def __aenter__(self) -> Self:
        if self._session is None:
            await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # The association

    @property
    def association(self) -> Association | None:
        """What was agreed with the meter, or ``None`` while not associated."""
        return None if self._session is None else self._session.association

    @property
    def link(self) -> LinkConnected | None:
        """What was agreed for the HDLC link, seen from here; ``None`` while there is none."""
        return None if self._session is None else self._session.link

    async def connect(self) -> None:
        """Open the medium, bring up the link, associate and prove each other.

        Where our records hold nothing for this meter, or it says that our invocation counter is too low, its
        counter is read through the public client, at most once. It is read, too, where a GMAC proof was the
        first that showed the meter a counter, and was refused. A refused secret is never tried again.

        Raises:
            TransportError: the meter cannot be reached.
            AssociationRejected, AuthenticationError: it refused us, or could not prove itself.
            Busy: another process uses this key.
        """
        await self._drop()
        self._ledger.acquire()
        try:
            asked = self._ledger.must_ask
            if asked:
                self._ledger.learn(await self._accepted_from())
            try:
                await self._associate()
            except DlmsError as error:
                if asked or not may_be_counter(error, self.profile) or not await self._catch_up(error):
                    raise
                await self._associate()
        except BaseException:
            await self._drop()
            self._ledger.release()
            raise

    async def close(self) -> None:
        """Release the association and close everything; never raises for a meter that is gone already."""
        with contextlib.suppress(DlmsError):
            await self._part()
        await self._drop()
        self._ledger.release()

    def change_profile(self, profile: Profile) -> None:
        """Be who this profile says from the next association on, with its keys.

        Raises:
            LocalProtocolError: while associated.
        """
        if self._session is not None:
            raise LocalProtocolError("the profile is changed between two associations")
        self._ledger.release()
        self.profile = profile
        self._framing = framing(self.endpoint, profile)
        self._ledger = Ledger(profile, self._journal)
        self._response_timeout = silence(self.endpoint, profile)
        self._round_trips = round_trips(self.endpoint, profile)
        self._request_deadline = profile.request_deadline_s

    # Services

    async def exchange(self, request: Request) -> Response:
        """Ask and wait for the answer, whatever it says; other messages do not end the wait.

        Raises:
            TransportError, LinkError: the meter is gone; the connection has been closed.
            SecurityError: the association is over, because a message was protected too little.
        """
        session, transport = self._session, self._transport
        if session is None or transport is None:
            raise LocalProtocolError("not connected to a meter")
        if self._busy:
            raise LocalProtocolError("another request is still being answered")
        self._busy = True
        try:
            deadline = self._clock() + self._request_deadline
            data = session.send(request)
            self.statistics.requests += 1
            await self._send(data, deadline)
            if self._round_trips is not None:
                self._round_trips.asked(self._clock())
            answer: Response | None = None
            while answer is None:
                for event in await self._receive(session, transport, deadline):
                    if isinstance(event, RESPONSES):
                        answer = event
                    else:
                        note_aside(event, self.statistics, self._on_notification)
                if session.state is not _ASSOCIATED:
                    raise link_ended(session)
            if self._round_trips is not None:
                self._round_trips.answered(self._clock())
        except LocalProtocolError:
            raise
        except NotInObjectList as known:
            return known.response
        except BaseException:
            await self._drop()
            raise
        finally:
            self._busy = False
        return answer

    async def send(self, message: Message) -> None:
        """Say what is not answered: an unconfirmed request, or a confirmation.

        The meter may be behind: over HDLC it acknowledges with the next answer.

        Raises:
            LocalProtocolError: an answer would be due, or the message does not fit; nothing was sent.
            TransportError: the meter is gone; the connection has been closed.
        """
        session, transport = self._session, self._transport
        if session is None or transport is None:
            raise LocalProtocolError("not connected to a meter")
        check_unanswered(message)
        try:
            deadline = self._clock() + self._request_deadline
            data = session.send(message)
            self.statistics.requests += 1
            await self._send(data, deadline)
            await self._wait_until(lambda: is_settled(session), session, transport, deadline)
        except LocalProtocolError:
            raise
        except BaseException:
            await self._drop()
            raise

    async def keep_alive(self) -> None:
        """Ask the meter for a sign of life, so that it does not end an idle HDLC link.

        For programs that pause between requests: within half of the meter's inactivity timeout. Pauses of an
        upgrade see to it themselves. Over the wrapper nothing is sent.

        Raises:
            TransportError, LinkError: the meter is gone; the connection has been closed.
        """
        session, transport = self._session, self._transport
        if session is None or transport is None:
            raise LocalProtocolError("not connected to a meter")
        if not (data := session.keep_alive()):
            return
        try:
            deadline = self._clock() + self._request_deadline
            await self._send(data, deadline)
            await self._wait_until(lambda: session.channel.idle, session, transport, deadline)
        except BaseException:
            await self._drop()
            raise

    async def read_invocation_counter(self) -> int:
        """The last counter that the meter has accepted under our key, read through the public client.

        On a connection of its own; it must not be open otherwise where the medium takes one connection only.

        Raises:
            ServiceError: the meter does not tell.
        """
        self.statistics.counters_read += 1
        public = AsyncClient(
            public_endpoint(self.endpoint),
            public_profile(self.profile),
            open_transport=self._open_transport,
            clock=self._clock,
            sleep=self._sleep,
        )
        async with public:
            return counter_of(await public.exchange(counter_request(self.profile)))

    # Below

    async def _associate(self) -> None:
        for within_s in association_attempts(self.profile, self._round_trips):
            try:
                await self._try_to_associate(within_s)
            except DlmsError as error:
                if math.isinf(within_s) or not may_be_lost(error):
                    raise
                await self._drop()
            else:
                return

    async def _try_to_associate(self, within_s: float) -> None:
        session = self._ledger.session(self._framing, self._challenge, self._randomness)
        self._session = session
        self._transport = await self._open_transport(self._clock() + self.profile.connect_timeout_s)
        await self._until(State.CONNECTED, session.connect())
        await self._until(State.ASSOCIATED, session.associate(), within_s)
        self._ledger.verify(session)
        self._ledger.note(session)
        self.statistics.associations += 1

    async def _until(self, goal: State, data: bytes, within_s: float = math.inf) -> None:
        session, transport = self._session, self._transport
        assert session is not None  # noqa: S101 (set by the callers)
        assert transport is not None  # noqa: S101 (set by the callers)
        deadline = self._clock() + min(within_s, self._request_deadline)
        await self._send(data, deadline)
        while session.state is not goal or not is_settled(session):
            for event in await self._receive(session, transport, deadline):
                note_aside(event, self.statistics, self._on_notification)
            if session.state is State.DISCONNECTED and goal is not State.DISCONNECTED:
                raise link_ended(session)

    async def _receive(
        self, session: ClientSession, transport: AsyncTransport, deadline: float
    ) -> list[Event]:
        wait = patience(session, self._response_timeout)
        if self._round_trips is not None:
            wait = self._round_trips.wait_s(wait, self._clock())
        try:
            data = await transport.receive(min(deadline, self._clock() + wait))
        except ResponseTimeout:
            if self._clock() >= deadline:
                raise
            if self._round_trips is not None:
                self._round_trips.repeated()
            await self._send(session.handle_timeout(), deadline)
            return []
        self.statistics.octets_received += len(data)
        events, reply = session.receive(data)
        if reply:
            await self._send(reply, deadline)
        return events

    async def _wait_until(
        self,
        done: Callable[[], bool],
        session: ClientSession,
        transport: AsyncTransport,
        deadline: float,
    ) -> None:
        """Wait for what the link owes us where no answer comes."""
        while not done():
            for event in await self._receive(session, transport, deadline):
                note_aside(event, self.statistics, self._on_notification)
            if session.state is not _ASSOCIATED:
                raise link_ended(session)

    async def _send(self, data: bytes, deadline: float) -> None:
        if data and self._transport is not None:
            self.statistics.octets_sent += len(data)
            await self._transport.send(data, deadline)

    async def _catch_up(self, error: DlmsError) -> bool:
        """After a failed association: whether the meter's counter is above ours, which is then moved up."""
        ours = None if self._session is None else self._session.started_at
        await self._drop()
        if ours is None:
            return False
        theirs = expected_counter(error)
        if theirs is None:
            theirs = await self._accepted_from()
        if theirs is None or theirs <= ours:
            return False
        self._ledger.learn(theirs)
        return True

    async def _accepted_from(self) -> int | None:
        """The lowest counter that the meter should accept, or ``None`` where it does not tell."""
        try:
            return await self.read_invocation_counter() + 1
        except DlmsError as error:
            if not does_not_tell(error):
                raise
            return None

    async def _leave(self) -> None:
        with contextlib.suppress(DlmsError):
            await self._part()
        await self._drop()

    async def _part(self) -> None:
        """Release and disconnect, politely but briefly."""
        session = self._session
        if session is None or self._transport is None:
            return
        self._response_timeout = self._request_deadline = min(_PARTING_TIMEOUT_S, self._response_timeout)
        try:
            if session.state is State.ASSOCIATED:
                await self._until(State.CONNECTED, session.release())
            if session.state is State.CONNECTED:
                await self._until(State.DISCONNECTED, session.disconnect())
        finally:
            self._response_timeout = silence(self.endpoint, self.profile)
            self._request_deadline = self.profile.request_deadline_s

    async def _drop(self) -> None:
        """Close the medium; whatever was under way is gone."""
        session, transport = self._session, self._transport
        self._session = self._transport = None
        if self._round_trips is not None:
            self._round_trips.forget()
        if transport is not None:
            await transport.close()
        if session is not None:
            self._ledger.note(session)

    def _opener(self) -> AsyncTransportFactory:
        if self.endpoint.scheme == "sim":
            from dlms_fw.meter.in_process import InProcessMeter  # here, as most clients need no meter

            return InProcessMeter(self.profile).open_async
        return AsyncOpener(self.endpoint)


async def connect(
    url: str | Endpoint, profile: Profile, *, journal: Journal | None = None, **options: Any
) -> AsyncClient:
    """A client that is connected; see :class:`AsyncClient` for the options.

    Use it as a context manager, so that the association is released.
    """
    client = AsyncClient(url, profile, journal=journal, **options)
    await client.connect()
    return client
