"""Where the other end is: simulated meters and an echo, on the running loop or in another process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.echo import EchoServer
from dlms_fw.bench.loops import Loop
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.serve import MeterServer

_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 30.0
"""How long the other process may take to tell what it has used; it does that in a thread of its own."""
_END_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far.

    Attributes:
        cpu: Seconds.
        resident: Octets in memory now; 0 where this system does not tell.
    """

    cpu: float
    resident: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the other end is.

    Attributes:
        urls: Of the meters.
        echo_port: Of the echo beside them.
        usage: Of their process; ``None`` where that is this one.
    """

    urls: tuple[str, ...]
    echo_port: int
    usage: Callable[[], Usage] | None = None

    def cpu(self) -> float:
        """CPU seconds of the other process so far."""
        return 0.0 if self.usage is None else self.usage().cpu


def usage() -> Usage:
    """Of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        resident = 0
    return Usage(time.process_time(), resident)


@asynccontextmanager
async def here(conditions: Conditions, meters: int = 1) -> AsyncIterator[Place]:
    """Meters and an echo on the running loop."""
    async with contextlib.AsyncExitStack() as stack:
        urls: list[str] = []
        for number in range(meters):
            server = MeterServer(
                conditions.meter(number),
                MemoryMedium,
                Endpoint.parse(f"{conditions.scheme}://127.0.0.1:0", listen=True),
            )
            await server.start()
            stack.push_async_callback(server.stop)
            urls.append(server.url)
        echo_server, port = await EchoServer.open()
        stack.callback(echo_server.close)
        yield Place(tuple(urls), port)


@contextmanager
def elsewhere(conditions: Conditions, meters: int = 1, loop: Loop = "asyncio") -> Iterator[Place]:
    """The same in a process of its own, on a loop of that kind.

    Raises:
        MeasurementFailed: The process does not start, or does not answer in time.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dlms_fw.bench.meter_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 (a pipe, as asked for)
    assert process.stdout is not None  # noqa: S101
    answers = _Answers(process.stdout)
    told = {"conditions": asdict(conditions), "meters": meters, "loop": loop}
    questions = process.stdin

    def ask(text: str, seconds: float) -> dict[str, Any]:
        try:
            questions.write(text + "\n")
            questions.flush()
        except (OSError, ValueError) as error:
            raise MeasurementFailed("the process of the meters has ended") from error
        return answers.next(seconds)

    try:
        place = ask(json.dumps(told), _START_SECONDS)
        yield Place(tuple(place["urls"]), place["echo_port"], lambda: Usage(**ask("", _ANSWER_SECONDS)))
    finally:
        with contextlib.suppress(OSError):
            questions.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class _Answers:
    """Lines of JSON from another process, read by a thread, so that waiting for one has an end."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="answers of the meters", daemon=True).start()

    def next(self, seconds: float) -> dict[str, Any]:
        """The next one. Raises MeasurementFailed."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise MeasurementFailed("the process of the meters does not answer") from None
        if not line:
            raise MeasurementFailed("the process of the meters has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._stream:
                self._lines.put(line)
        self._lines.put("")
