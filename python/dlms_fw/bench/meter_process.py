"""The process of the meters, started by :func:`dlms_fw.bench.places.elsewhere`.

The first line of standard input says under which conditions, the first of standard output where the meters
are. Each further line is answered with what this process has used; the end of standard input is its end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from dataclasses import asdict
from typing import Any

from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.loops import runner
from dlms_fw.bench.places import here, usage


async def _serve(conditions: Conditions, meters: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer() -> None:
        for _ in sys.stdin:
            _tell(asdict(usage()))
        loop.call_soon_threadsafe(ended.set)

    async with here(conditions, meters) as place:
        _tell({"urls": place.urls, "echo_port": place.echo_port})
        threading.Thread(target=answer, name="usage", daemon=True).start()
        await ended.wait()


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serves until standard input ends."""
    told = json.loads(sys.stdin.readline())
    with runner(told["loop"]) as running:
        running.run(_serve(Conditions(**told["conditions"]), told["meters"]))


if __name__ == "__main__":
    main()
