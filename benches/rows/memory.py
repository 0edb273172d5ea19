"""Rows 15, 16 and 18: memory of a transfer, each measured in a process of its own that does nothing else.

What counts is what comes on top of the libraries, which are all imported before: the peak of what is resident
(`VmHWM`), and for an image in its file what has no file behind it (`RssAnon`), because the file's pages are
the system's to keep or to drop.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benches.rows import Options, row
from dlms_fw.async_client import AsyncClient
from dlms_fw.bench.conditions import KIB, MIB, Conditions
from dlms_fw.bench.fresh import memory
from dlms_fw.bench.measure import MeasurementFailed, in_fresh_process
from dlms_fw.bench.places import Place, elsewhere, here
from dlms_fw.bench.table import Figure, Line, Row, Target
from dlms_fw.events import Event, Phase, PhaseFinished
from dlms_fw.fleet import FILES_BESIDE, FILES_PER_METER, Fleet, allow_open_files, patient
from dlms_fw.image import Image
from dlms_fw.journal import Journal

SECONDS = 600.0
"""After which a measurement is given up."""
CIPHERED = Conditions(size=64 * MIB, security="hls-gmac", window=8)


def rows(options: Options) -> Iterator[Row]:
    """The rows of this group that are wanted."""
    large = replace(CIPHERED, size=MIB) if options.quick else CIPHERED
    for number, lines in (
        (15, _client_alone(large)),
        (16, _both_ends(large)),
        (18, _sessions(5 if options.quick else 1000)),
    ):
        if number in options.wanted:
            yield row(number, lines)


# --- one large image ---


def _client_alone(conditions: Conditions) -> Iterator[Line]:
    size = conditions.size
    found = fresh("client", conditions, in_file=False)
    yield Line(
        "in memory: peak, less 8 MiB",
        Figure(found["grown"], "B"),
        "image",
        Figure(size, "B"),
        max(0, found["grown"] - 8 * MIB) / size,
        Target.at_most(1.0),
    )
    found = fresh("client", conditions, in_file=True)
    yield Line(
        "in its file: anonymous",
        Figure(found["anonymous"], "B"),
        "16 MiB",
        Figure(16 * MIB, "B"),
        found["anonymous"] / (16 * MIB),
        Target.at_most(1.0),
    )


def _both_ends(conditions: Conditions) -> Iterator[Line]:
    size = conditions.size
    for what, in_file in (("in memory", False), ("in its file", True)):
        found = fresh("both_ends", conditions, in_file=in_file)
        yield Line(
            f"{what}: peak, less 32 MiB",
            Figure(found["grown"], "B"),
            "2 images",
            Figure(2 * size, "B"),
            max(0, found["grown"] - 32 * MIB) / (2 * size),
            Target.at_most(1.0),
        )
        yield Line(f"{what}: peak, interpreter and libraries included", Figure(found["peak"], "B"))


def fresh(function: str, conditions: Conditions, *, in_file: bool) -> dict[str, int]:
    """Octets that came on top when one of the functions below had run in a process of its own."""
    fresh = in_fresh_process(
        f"{__name__}:{function}", {"conditions": asdict(conditions), "in_file": in_file}, timeout=SECONDS
    )
    return {
        "grown": fresh.peak - fresh.before["VmRSS"],
        "anonymous": fresh.result["anonymous"] - fresh.before["RssAnon"],
        "peak": fresh.peak,
    }


def client(conditions: dict[str, Any], in_file: bool) -> dict[str, int]:
    """Transfers an image to a meter in another process; gives the most octets of anonymous memory."""
    _forget_the_peak()
    told = Conditions(**conditions)
    with elsewhere(told) as place:
        return asyncio.run(_transfer(told, place, in_file=in_file))


def both_ends(conditions: dict[str, Any], in_file: bool) -> dict[str, int]:
    """The same with the meter in this process."""
    _forget_the_peak()
    told = Conditions(**conditions)

    async def run() -> dict[str, int]:
        async with here(told) as place:
            return await _transfer(told, place, in_file=in_file)

    return asyncio.run(run())


def _forget_the_peak() -> None:
    """Importing needs more than what stays of it: where the system can forget that, it does not count."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


async def _transfer(conditions: Conditions, place: Place, *, in_file: bool) -> dict[str, int]:
    most = 0

    def note(_: Event) -> None:
        nonlocal most
        most = max(most, memory()["RssAnon"])

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        image = _image_in(Path(folder) / "image", conditions) if in_file else conditions.image()
        async with AsyncClient(place.urls[0], conditions.profile(), journal=journal) as meter:
            result = await meter.upgrade(image, conditions.policy, on_event=note)
        if result.outcome != "verified":
            raise MeasurementFailed(f"the transfer ended as {result.outcome}")
    return {"anonymous": most}


def _image_in(path: Path, conditions: Conditions) -> Image:
    """The image of these conditions, in a file that is written without it ever being in memory."""
    part = replace(conditions, size=min(conditions.size, MIB)).image()
    with path.open("wb") as stream:
        for _ in range(conditions.size // part.size):
            stream.write(part.data)
    return Image.raw_file(path, part.image_identifier, part.part)


# --- many sessions ---


def _sessions(meters: int) -> Iterator[Line]:
    for what, function in (
        ("associated, no transfer", "associated"),
        ("in the middle of transfers", "transferring"),
    ):
        found = session_octets(function, meters)
        yield Line(
            what,
            Figure(found / meters, "B"),
            "16 KiB",
            Figure(16 * KIB, "B"),
            found / meters / (16 * KIB),
            Target.at_most(1.0),
        )


def session_octets(function: str, meters: int) -> int:
    """What one of the functions below says, in a process of its own."""
    octets: int = in_fresh_process(f"{__name__}:{function}", {"meters": meters}, timeout=SECONDS).result
    return octets


SMALL = Conditions(size=64 * KIB, security="hls-gmac")


def associated(meters: int) -> int:
    """Octets that so many clients with their associations take, records included."""

    async def run(place: Place) -> int:
        async with _clients(place, 1) as clients:
            await clients[0].keep_alive()  # whatever comes into being once is there
            before = _resident()
        async with _clients(place, meters):
            return _resident() - before

    with elsewhere(SMALL, meters) as place:
        return asyncio.run(run(place))


def transferring(meters: int) -> int:
    """Octets that so many clients take while each of them transfers one image to its meter."""

    async def run(place: Place) -> int:
        image, most = SMALL.image(), 0

        def note(event: Event) -> None:
            nonlocal most
            if isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER:
                most = max(most, memory()["VmRSS"])

        async with _clients(place, 1) as clients:
            await clients[0].upgrade(image, SMALL.policy)
            before = _resident()
        async with _clients(place, meters) as clients:
            await asyncio.gather(
                *(client.upgrade(image, patient(SMALL.policy), on_event=note) for client in clients)
            )
        return most - before

    with elsewhere(SMALL, meters) as place:
        return asyncio.run(run(place))


def _resident() -> int:
    gc.collect()
    return memory()["VmRSS"]


@asynccontextmanager
async def _clients(place: Place, count: int) -> AsyncIterator[list[AsyncClient]]:
    allow_open_files(FILES_PER_METER * count + FILES_BESIDE)
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        fleet = Fleet(journal)
        clients = [fleet.client(url, SMALL.profile(number)) for number, url in enumerate(place.urls[:count])]
        try:
            await asyncio.gather(*(client.connect() for client in clients))
            yield clients
        finally:
            await asyncio.gather(*(client.close() for client in clients))
