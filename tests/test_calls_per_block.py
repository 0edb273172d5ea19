"""An image block costs few calls of functions at both ends. They are counted: speed hardly matters.

A bare echo on the same event loop has 22 calls of the loop for each round trip, and 3 where eight are on
their way.
"""

from __future__ import annotations

import select

import pytest
from benches.calls import per_block

POLLED = hasattr(select, "epoll")
"""Whether the core receives for all lines of a loop."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("window", "loop", "client", "meter"),
    [(1, 18 if POLLED else 22, 1, 1), (8, 2.5 if POLLED else 3, 1, 1)],
)
def test_a_block_costs_few_calls(window: int, loop: float, client: float, meter: float) -> None:
    found = per_block("hls-gmac", window)
    assert found.python["event loop"] < loop
    assert found.python["client"] < client
    assert found.python["meter"] < meter
