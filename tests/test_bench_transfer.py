"""Transfers that are measured: what was asked for is transferred, over each event loop and framing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dlms_fw.bench.bare_sockets import BarePair
from dlms_fw.bench.conditions import LARGEST_BLOCK, Conditions, Security
from dlms_fw.bench.echo import EchoServer, Traffic, echo
from dlms_fw.bench.places import here
from dlms_fw.bench.transfer import Sample, TransferBench
from dlms_fw.errors import ConfigurationError
from dlms_fw.events import Callback, Event, StrategyChosen
from dlms_fw.memory_journal import MemoryJournal

KIB = 1024
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on a loop of that kind."""
    if request.param == "asyncio":
        return asyncio.run
    uvloop = pytest.importorskip("uvloop")

    def on_uvloop(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)

    return on_uvloop


async def transferred(conditions: Conditions, times: int = 1, on_event: Callback | None = None) -> Sample:
    """The last of so many transfers."""
    async with (
        here(conditions) as place,
        TransferBench.at(place, conditions, conditions.image(), MemoryJournal()) as bench,
    ):
        for _ in range(times):
            sample = await bench.transfer(on_event)
        await bench.echo(sample.traffic)
    return sample


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("security", ["none", "lls", "hls-gmac"])
@pytest.mark.filterwarnings("ignore")
def test_an_image_is_transferred_whole(run: Run, framing: Any, security: Security) -> None:
    conditions = Conditions(size=20 * KIB + 1, block=512, framing=framing, security=security)
    sample = run(transferred(conditions, times=2))
    assert (sample.result.blocks_sent, sample.result.bytes) == (41, 20 * KIB + 1)
    assert sample.result.strategy == "sequential"
    assert sample.traffic.round_trips >= 41
    assert sample.spent.cpu > 0
    assert sample.spent.seconds > 0


@pytest.mark.parametrize("window", [1, 3, 16])
def test_no_more_requests_are_on_their_way_than_were_asked_for(window: int) -> None:
    conditions = Conditions(size=100 * KIB, security="hls-gmac", window=window, strategy="pipelined")
    events: list[Event] = []
    sample = asyncio.run(transferred(conditions, on_event=events.append))
    assert sample.result.blocks_sent == 100
    assert [event.depth for event in events if isinstance(event, StrategyChosen)] == [window]


@pytest.mark.parametrize("traffic", [Traffic(1, 1, 1), Traffic(50, 1069, 32), Traffic(51, 151, 22, 8)])
def test_the_echo_answers_each_request(run: Run, traffic: Traffic) -> None:
    async def answered() -> None:
        server, port = await EchoServer.open()
        async with server:
            for _ in range(2):
                assert (await echo(port, traffic)).seconds > 0

    run(asyncio.wait_for(answered(), 10))


@pytest.mark.parametrize("ciphered", [False, True])
def test_the_bare_sockets_carry_as_much(*, ciphered: bool) -> None:
    pair = BarePair(Traffic(20, 1069, 32), ciphered=ciphered)
    try:
        pair.run(20)
    finally:
        pair.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"block": 0},
        {"block": LARGEST_BLOCK + 1},
        {"window": 17},
        {"window": 8, "framing": "hdlc"},
        {"size": 1 << 30, "block": 16},
    ],
)
def test_conditions_that_do_not_go_together_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Conditions(**wrong)
