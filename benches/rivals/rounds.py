"""Rounds of steps in the environment of the other implementations, one order a line; knows nothing of ours.

`tests/peers/peer_io.py` speaks the lines. The first report holds, for each step, what it makes (octets as
hex, or a number), so that it can be compared. After that an order ``{"step": name}`` is answered with how
many operations take some milliseconds, and one with ``operations`` too with their CPU seconds.
"""

import gc
import json
import sys
from pathlib import Path
from time import thread_time

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "peers"))

import peer_io

_ROUND_SECONDS = 0.004


def _seconds(step, operations):
    # By the clock of the thread: that of a process with a limit of CPU time moves in steps of the scheduler.
    gc.collect()
    gc.disable()
    start = thread_time()
    for _ in range(operations):
        step()
    elapsed = thread_time() - start
    gc.enable()
    return elapsed


def _operations(step):
    operations = 1
    while (elapsed := _seconds(step, operations)) < _ROUND_SECONDS / 2:
        operations *= 4
    return max(1, round(operations * _ROUND_SECONDS / elapsed))


def _shown(value):
    return value if isinstance(value, int) else bytes(value).hex()


def serve(steps):
    """``steps`` makes, of the configuration, functions by their names; runs until the input ends."""
    config, reports = peer_io.begin()
    functions = steps(config)
    reports.send(made={name: _shown(step()) for name, step in functions.items()})
    for line in sys.stdin:
        order = json.loads(line)
        step = functions[order["step"]]
        if "operations" in order:
            reports.send(seconds=_seconds(step, order["operations"]))
        else:
            reports.send(operations=_operations(step))
