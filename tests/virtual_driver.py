"""A driver of the transfer machine with a clock of its own, and a link that breaks on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dlms_fw._core import ActionResponse, ResponseList
from dlms_fw.events import Event, Finished
from dlms_fw.image import Image
from dlms_fw.transfer import Burst, Checkpoint, Reconnect, Save, Transfer, TransferPolicy, Wait
from scripted_meter import METER, START_OF_TIME, ScriptedMeter


@dataclass
class Run:
    """What happened between a machine and its meter."""

    events: list[Event] = field(default_factory=list)
    saved: list[Checkpoint] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    waits: list[Wait | Reconnect] = field(default_factory=list)
    seconds: float = 0.0
    error: Exception | None = None

    def failed(self, kind: type[Exception], *words: str) -> None:
        """Assert that the run ended with this error, said why, and said so in the last event."""
        assert type(self.error) is kind, self.error
        for word in words:
            assert word in str(self.error)
        last = self.events[-1]
        assert isinstance(last, Finished)
        assert last.outcome == "failed"
        assert last.error_code == getattr(self.error, "code", None)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Cut:
    """The link breaks at one request: it never arrives, or its answer never comes back."""

    at: int
    arrives: bool
    effect: Callable[[], None] | None = None


def transfer_for(
    meter_run: Run, image: Image, policy: TransferPolicy | None = None, **facts: Any
) -> Transfer:
    facts.setdefault("wall_clock", START_OF_TIME)
    facts.setdefault("on_event", meter_run.events.append)
    return Transfer(image, policy, meter=METER, **facts)


def drive(
    meter: ScriptedMeter,
    image: Image,
    policy: TransferPolicy | None = None,
    *,
    cuts: Iterable[Cut] = (),
    stop_after: int | None = None,
    stop_after_steps: int | None = None,
    most_steps: int = 50_000,
    start: float = 0.0,
    **facts: Any,
) -> tuple[Transfer, Run]:
    """Run a transfer against a meter in virtual time: to its end, or until the client is killed.

    Args:
        meter: The meter.
        image: The image.
        policy: The policy.
        cuts: Where the link breaks.
        stop_after: Requests answered before the client is killed.
        stop_after_steps: Requests, waits and savings carried out before the client is killed.
        most_steps: More than this is a machine without an end.
        start: The monotonic time at the beginning.
        facts: Further arguments of the machine.
    """
    run = Run()
    transfer = transfer_for(run, image, policy, **facts)
    finish(
        transfer,
        run,
        meter,
        cuts=cuts,
        stop_after=stop_after,
        stop_after_steps=stop_after_steps,
        most_steps=most_steps,
        start=start,
    )
    return transfer, run


def finish(
    transfer: Transfer,
    run: Run,
    meter: ScriptedMeter,
    *,
    cuts: Iterable[Cut] = (),
    stop_after: int | None = None,
    stop_after_steps: int | None = None,
    most_steps: int = 50_000,
    start: float = 0.0,
) -> None:
    """The driver's loop."""
    now, by_index = start, {cut.at: cut for cut in cuts}
    for step in range(most_steps):
        run.seconds = now - start
        if len(run.requests) == stop_after or step == stop_after_steps:
            return
        try:
            asked = transfer.next_request(now)
        except Exception as error:  # noqa: BLE001  # tests look at it
            run.error = error
            return
        if asked is None:
            return
        if isinstance(asked, Save):
            run.saved.append(Checkpoint.from_dict(asked.checkpoint.to_dict()))
        elif isinstance(asked, Wait):
            run.waits.append(asked)
            now += asked.seconds
        elif isinstance(asked, Reconnect):
            run.waits.append(asked)
            now += asked.after_seconds
            if now < meter.away_until:
                transfer.handle_lost("no connection", now)
        elif isinstance(asked, Burst):
            now = _burst(transfer, run, meter, asked, by_index, now)
        else:
            now = _exchange(transfer, run, meter, asked, by_index, now)
    raise AssertionError(f"no end after {most_steps} steps, in {transfer.state}")


def _burst(
    transfer: Transfer, run: Run, meter: ScriptedMeter, burst: Burst, cuts: dict[int, Cut], now: float
) -> float:
    """What is not answered arrives, or the link breaks on the way."""
    for request in burst.requests:
        cut = cuts.get(len(run.requests))
        run.requests.append(f"unconfirmed {meter.name_of(request)}")
        if cut is None or cut.arrives:
            meter.hear(request, now)
        if cut is not None and cut.effect is not None:
            cut.effect()
        if cut is not None:
            transfer.handle_lost("the link broke", now)
            return now
    now += 0.001 * len(burst.requests) + burst.pause_seconds
    transfer.handle_sent(now)
    return now


def _exchange(
    transfer: Transfer, run: Run, meter: ScriptedMeter, first: Any, cuts: dict[int, Cut], now: float
) -> float:
    """A request and what may go ahead of its answer, until nothing is on its way."""
    waiting, asked = [], first
    while transfer.outstanding:
        while asked is not None:
            if isinstance(asked, Save):
                run.saved.append(Checkpoint.from_dict(asked.checkpoint.to_dict()))
            elif len(waiting) < meter.most_waiting:
                waiting.append(asked)
            asked = transfer.next_ahead(now)
        now += 0.05
        request = waiting.pop(-1 if meter.answers_the_last_first else 0) if waiting else None
        cut = cuts.get(len(run.requests))
        if request is not None:
            run.requests.append(meter.name_of(request))
        unheard = request is None or (cut is not None and not cut.arrives)
        response = None if unheard else meter.answer(request, now)
        if cut is not None and cut.effect is not None:
            cut.effect()
        if cut is not None or response is None:
            now += 5.0
            transfer.handle_lost("no answer", now)
            return now
        assert request is not None
        transfer.handle_response(_with_invoke_id(response, request.invoke_id_and_priority), now)
        asked = transfer.next_ahead(now)
    return now


def _with_invoke_id(response: Any, invoke_id: int | None) -> Any:
    """The answer of a meter that repeats the invoke id; where none was set there is only one request."""
    if invoke_id is None:
        return response
    if isinstance(response, ActionResponse):
        return ActionResponse(response.result, response.data, invoke_id_and_priority=invoke_id)
    if isinstance(response, ResponseList):
        return ResponseList(response.items, invoke_id_and_priority=invoke_id)
    return response
