"""Many meters at once: as many clients on one event loop, one image for all of them.

All are associated before the first begins, so what is timed is transfers, and the questions before and after
the blocks that come to lie between them.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from dlms_fw.async_client import AsyncClient
from dlms_fw.bench.conditions import MIB, Conditions
from dlms_fw.bench.echo import Traffic, echo
from dlms_fw.bench.figures import Findings, beside, faster
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.places import Place, usage
from dlms_fw.bench.spent import Spent, Stopwatch
from dlms_fw.bench.table import Figure, Line
from dlms_fw.events import Callback, Event, Phase, PhaseFinished, PhaseStarted
from dlms_fw.fleet import FILES_BESIDE, Fleet, allow_open_files, patient
from dlms_fw.journal import Journal

_FILES_PER_METER: Final = 8
"""A listening socket, both ends of a connection and of an echo, and the client's leases."""


class _Together:
    """From the first block of any meter to the last of all."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._watch: Stopwatch | None = None
        self.finished: list[float] = []
        self.spent: Spent | None = None
        self.resident = 0

    def note(self, event: Event, meters: int) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.TRANSFER:
            if self._watch is None:
                self._watch = Stopwatch(self._place.cpu)
        elif isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER and self._watch is not None:
            self.finished.append(self._watch.seconds)
            self.resident = max(self.resident, usage().resident)
            if len(self.finished) == meters:
                self.spent = self._watch.spent()


@dataclass(frozen=True, slots=True)
class AtOnce:
    """What was seen of transfers that were all under way at once.

    Attributes:
        meters: How many.
        requests: Of all of them.
        traffic: What went over the line of each, on average.
        spent: From the first block of any to the last of all.
        echoes: In as many bare echoes of that traffic.
        finished: Seconds from the first block of any to the last of each.
        grown: Octets of memory that this process has more; 0 where this system does not tell.
        grown_there: The same of the meters' process; 0 where that is this one.
    """

    meters: int
    requests: int
    traffic: Traffic
    spent: Spent
    echoes: Spent
    finished: tuple[float, ...]
    grown: int
    grown_there: int

    @property
    def unfairness(self) -> float:
        """How many times as long as the median meter the last one took."""
        return max(self.finished) / median(self.finished)


async def transfers_at_once(
    conditions: Conditions,
    place: Place,
    journal: Journal,
    *,
    on_event: Callable[[int], Callback],
) -> Findings:
    """What :func:`measured_at_once` finds, as lines of a table; arguments and errors are the same."""
    found = await measured_at_once(conditions, place, journal, on_event=on_event)
    facts = {
        "meters": found.meters,
        "requests": found.requests,
        "request_octets": found.traffic.request,
        "answer_octets": found.traffic.answer,
        "finished_seconds": [round(seconds, 3) for seconds in found.finished],
    }
    return Findings(tuple(_lines(conditions, place, found)), facts)


async def measured_at_once(
    conditions: Conditions,
    place: Place,
    journal: Journal,
    *,
    on_event: Callable[[int], Callback] = lambda _: lambda _: None,
) -> AtOnce:
    """Transfers one image to all meters of a place at once, then has as many echoes at once.

    Args:
        conditions: What is transferred, and how.
        place: Where the meters are.
        journal: The clients' records.
        on_event: Gives what hears the events of the client of that number.

    Raises:
        DlmsError: a transfer has failed.
        MeasurementFailed: an echo has.
        ConfigurationError: so many need more open files than the process may have.
    """
    meters = len(place.urls)
    allow_open_files(_FILES_PER_METER * meters + FILES_BESIDE)
    image, together = conditions.image(), _Together(place)
    before, there = usage(), None if place.usage is None else place.usage()
    fleet = Fleet(journal)

    async def transfer(client: AsyncClient, number: int) -> None:
        hear = on_event(number)

        def note(event: Event) -> None:
            together.note(event, meters)
            hear(event)

        await client.upgrade(image, patient(conditions.policy), on_event=note)

    async with AsyncExitStack() as stack:
        clients = [fleet.client(url, conditions.profile(at)) for at, url in enumerate(place.urls)]
        for client in clients:
            stack.push_async_callback(client.close)
        await _all(client.connect() for client in clients)
        # What making them has left to be collected would fall due in the midst of either, or not, by chance.
        gc.collect()
        began = _totals(clients)
        await _all(transfer(client, number) for number, client in enumerate(clients))
        ended = _totals(clients)
        if together.spent is None:
            raise MeasurementFailed("a transfer has sent no block")
        grown_there = 0 if there is None or place.usage is None else place.usage().resident - there.resident
    gc.collect()
    requests, sent, received = (after - before for before, after in zip(began, ended, strict=True))
    each = Traffic(
        round(requests / meters), round(sent / requests), round(received / requests), conditions.window
    )
    return AtOnce(
        meters,
        requests,
        each,
        together.spent,
        await echo(place.echo_port, each, connections=meters, peer_cpu=place.cpu),
        tuple(together.finished),
        max(0, together.resident - before.resident),
        max(0, grown_there),
    )


def _lines(conditions: Conditions, place: Place, found: AtOnce) -> list[Line]:
    spent, alike, name = found.spent, found.echoes, "bare echoes"
    meters, blocks = found.meters, conditions.blocks * found.meters
    lines = [
        beside("all images", spent.seconds, name, alike.seconds),
        faster("image blocks", blocks, "/s", spent.seconds, name, alike.seconds),
        faster("throughput", conditions.size * meters / MIB, "MiB/s", spent.seconds, name, alike.seconds),
        beside("CPU per block, both ends", spent.all_cpu / blocks, name, alike.all_cpu / blocks),
        Line(
            "last meter done",
            Figure(max(found.finished)),
            "median meter",
            Figure(median(found.finished)),
            found.unfairness,
        ),
    ]
    ends = "both ends, with its image" if place.usage is None else "client, image shared"
    for who, grown in ((ends, found.grown), ("meter, with its image", found.grown_there)):
        if grown:
            lines.append(Line(f"memory per meter, {who}", Figure(grown / meters, "B")))
    return lines


def _totals(clients: Iterable[AsyncClient]) -> tuple[int, int, int]:
    """Requests, octets sent and octets received by all clients so far."""
    counted = [client.statistics for client in clients]
    return (
        sum(each.requests for each in counted),
        sum(each.octets_sent for each in counted),
        sum(each.octets_received for each in counted),
    )


async def _all(works: Iterable[Coroutine[Any, Any, object]]) -> None:
    """All of them at once; the first failure ends the others and is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
