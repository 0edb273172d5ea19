"""One meter: transfers and bare echoes in turns, over loopback TCP."""

from __future__ import annotations

from collections.abc import Callable

from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.figures import Findings, beside, image_lines
from dlms_fw.bench.places import Place, usage
from dlms_fw.bench.spent import median_of
from dlms_fw.bench.table import Figure, Line
from dlms_fw.bench.transfer import TransferBench
from dlms_fw.events import Callback, Event
from dlms_fw.journal import Journal


async def transfers(
    conditions: Conditions,
    place: Place,
    journal: Journal,
    *,
    rounds: int,
    on_event: Callable[[int], Callback],
) -> Findings:
    """Measures so many transfers after one that warms up, each with an echo beside it.

    Args:
        conditions: What is transferred, and how.
        place: Where the meter is.
        journal: The client's records.
        rounds: Transfers that count.
        on_event: Gives what hears the events of a round; the first is 0, the one that warms up.

    Raises:
        DlmsError: a transfer has failed.
        MeasurementFailed: the echo has.
    """
    ours, baseline = [], []
    resident = 0

    def note(event: Event) -> None:
        nonlocal resident
        resident = max(resident, usage().resident)
        hear(event)

    async with TransferBench.at(place, conditions, conditions.image(), journal) as bench:
        hear = on_event(0)
        sample = await bench.transfer(note)
        for number in range(1, rounds + 1):
            hear = on_event(number)
            sample = await bench.transfer(note)
            ours.append(sample.spent)
            baseline.append(await bench.echo(sample.traffic))
    mine, theirs = median_of(ours), median_of(baseline)
    blocks = conditions.blocks
    lines = image_lines(conditions, mine.seconds, "bare echo", theirs.seconds)
    if place.usage is None:
        lines.append(beside("CPU per block, both ends", mine.cpu / blocks, "bare echo", theirs.cpu / blocks))
    else:
        lines.append(beside("CPU per block, client", mine.cpu / blocks, "bare echo", theirs.cpu / blocks))
        lines.append(
            beside("CPU per block, meter", mine.peer_cpu / blocks, "bare echo", theirs.peer_cpu / blocks)
        )
    if resident:
        lines.append(Line("memory of the process, image included", Figure(resident, "B")))
    facts = {
        "requests": sample.traffic.round_trips,
        "request_octets": sample.traffic.request,
        "answer_octets": sample.traffic.answer,
        "strategy": sample.result.strategy,
        "rounds": rounds,
    }
    return Findings(tuple(lines), facts)
