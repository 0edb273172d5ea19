"""Whole transfers, one after the other: the public asyncio client and a simulated meter, over loopback TCP.

Both are on the running event loop, or the meter is in another process. Nothing is left out of the client:
events, progress, deadlines, and a journal that is on the disk. The meter forgets everything when it ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from dlms_fw.async_client import AsyncClient
from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.echo import Traffic, echo
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.places import Place
from dlms_fw.bench.spent import Spent, TransferWatch
from dlms_fw.driver import Statistics
from dlms_fw.events import Callback, Event
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.transfer import TransferResult


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of one transfer.

    Attributes:
        spent: In the phase in which the blocks are sent.
        traffic: What went over the line in it, request by request, on average.
        result: What the client says.
    """

    spent: Spent
    traffic: Traffic
    result: TransferResult


class TransferBench:
    """A client that transfers one image to one meter, again and again."""

    def __init__(self, client: AsyncClient, conditions: Conditions, image: Image, place: Place) -> None:
        self.client = client
        self.conditions = conditions
        self.image = image
        self._place = place

    @classmethod
    @asynccontextmanager
    async def at(
        cls, place: Place, conditions: Conditions, image: Image, journal: Journal
    ) -> AsyncIterator[TransferBench]:
        """Connected to the meter there."""
        async with AsyncClient(place.urls[0], conditions.profile(), journal=journal) as client:
            yield cls(client, conditions, image, place)

    def with_window(self, window: int) -> TransferBench:
        """The same, with another number of requests on their way and the strategy that goes with it."""
        conditions = replace(self.conditions, window=window, strategy=None)
        return TransferBench(self.client, conditions, self.image, self._place)

    async def transfer(self, on_event: Callback | None = None) -> Sample:
        """One transfer of the whole image. Raises DlmsError."""
        counted = _Counted(self.client.statistics)
        watch = TransferWatch(began=counted.begin, peer_cpu=self._place.cpu)

        def note(event: Event) -> None:
            watch(event)
            if on_event is not None:
                on_event(event)

        result = await self.client.upgrade(self.image, self.conditions.policy, on_event=note)
        if watch.spent is None or result.outcome != "verified":
            raise MeasurementFailed(f"the transfer ended as {result.outcome}, not as verified")
        return Sample(watch.spent, counted.traffic(self.conditions.window), result)

    async def echo(self, traffic: Traffic) -> Spent:
        """As many round trips as the transfer needed, of as many octets. Raises MeasurementFailed."""
        return await echo(self._place.echo_port, traffic, peer_cpu=self._place.cpu)


class _Counted:
    """What a client has sent and received since a phase began."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        now = self._statistics
        self._before = now.requests, now.octets_sent, now.octets_received

    def traffic(self, window: int) -> Traffic:
        """As so many requests of one length."""
        now = self._statistics
        requests, sent, received = self._before
        count = max(1, now.requests - requests)
        return Traffic(
            count,
            max(1, round((now.octets_sent - sent) / count)),
            max(1, round((now.octets_received - received) / count)),
            window,
        )
