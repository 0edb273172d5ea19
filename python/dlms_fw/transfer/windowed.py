"""TRANSFER_BLOCKS with several blocks in a request, several requests on their way, or both.

Which blocks each request carries is kept until it is answered, so nothing is lost where the strategy has to
be changed. Whatever is to follow a bad answer follows when the others have come in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from dlms_fw._core import ActionRequest, ActionResponse, ExceptionResponse, RequestList, ResponseList
from dlms_fw.enums import ServiceErrorCode
from dlms_fw.errors import RemoteProtocolError
from dlms_fw.events import BlockRetried
from dlms_fw.transfer import decisions
from dlms_fw.transfer.blocks import BlockStep
from dlms_fw.transfer.job import Asked, Job, Request, Response, action_result_name
from dlms_fw.transfer.orders import Run, Save
from dlms_fw.transfer.strategies import MOST_REQUESTS, Means
from dlms_fw.transfer.table import Outcome

_CONFIRMED_HIGH_PRIORITY: Final = 0xC0
_ANSWERS: Final = (ActionResponse, ResponseList)
# These say that keys or counters are out of step; a new association helps, another strategy does not.
_OUT_OF_STEP: Final = frozenset(
    {ServiceErrorCode.DECIPHERING_ERROR, ServiceErrorCode.INVOCATION_COUNTER_ERROR}
)


class Windowed(BlockStep):
    """Sends missing blocks in lists and ahead of the answers, ascending; what is refused goes again alone."""

    one_by_one = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._strategy = job.strategy()
        self._probe = job.tactics.probe
        self.general_blocks = self._strategy.name == "general-block-transfer"
        self._most = min(self._strategy.blocks_per_request, job.policy.checkpoint_blocks)
        self._on_their_way: dict[int, tuple[int, ...]] = {}
        self._again: deque[int] = deque()
        self._refused_in_list: set[int] = set()
        self._tries: dict[int, int] = {}
        self._then: Outcome | None = None
        self._last_invoke_id = 0
        self._runs = self._runs and self._most == 1 < self._strategy.depth

    def ask(self) -> Asked:
        """The next request; none is on its way."""
        return self._next() or Outcome.COMPLETE

    def ask_ahead(self) -> Request | Run | Save | None:
        """One request more, where there may be more on their way."""
        if self._then is not None or len(self._on_their_way) >= self._probe.depth:
            return None
        return self._next()

    def _next(self) -> Request | Run | Save | None:
        numbers = (self._again[0],) if self._again else self.ascending(self._most)
        if not numbers:
            return None
        if numbers[-1] >= self._bound:
            return self.raise_bound(numbers)
        if self._runs and not self._again:
            waiting = ((invoke_id, number) for invoke_id, (number,) in self._on_their_way.items())
            probe, last = self._probe, self._last_invoke_id
            return self.run(probe.depth, probe.wanted, last_invoke_id=last, waiting=waiting)
        if self._again:
            self._again.popleft()
        else:
            self._next_number = self._status.next_not_transferred(numbers[-1] + 1)
        self.count(numbers)
        invoke_id = self._free_invoke_id()
        self._on_their_way[invoke_id] = numbers
        return self._request(numbers, invoke_id)

    def _free_invoke_id(self) -> int:
        invoke_id = self._last_invoke_id
        while True:
            invoke_id = (invoke_id + 1) % MOST_REQUESTS
            if invoke_id not in self._on_their_way:
                self._last_invoke_id = invoke_id
                return invoke_id

    def _request(self, numbers: Sequence[int], invoke_id: int) -> Request:
        blocks = self._blocks
        octet = _CONFIRMED_HIGH_PRIORITY | invoke_id if self._strategy.depth > 1 else None
        if len(numbers) > 1:
            return RequestList(blocks.requests(numbers, *self._call.target), invoke_id_and_priority=octet)
        request = self._call.request(blocks[numbers[0]])
        if octet is None:
            return request
        return ActionRequest(
            request.class_id,
            request.logical_name,
            request.method_id,
            request.parameter,
            invoke_id_and_priority=octet,
        )

    # Answers

    def ran(self, run: Run) -> Outcome:
        """What was taken is marked; what is on its way is answered later."""
        blocks = run.blocks
        self.count_run(blocks)
        self._on_their_way = {invoke_id: (number,) for invoke_id, number in blocks.waiting}
        if blocks.last_invoke_id is not None:
            self._last_invoke_id = blocks.last_invoke_id
        if blocks.taken and self.job.tactics.taken(blocks.taken, self.job.now, answers=blocks.taken):
            self._then = Outcome.CHANGED
        return self._drained()

    def read(self, response: Response) -> Outcome:
        """Mark the blocks that were taken, or find out why they were not."""
        if isinstance(response, ExceptionResponse):
            return self._excepted(response)
        if not isinstance(response, _ANSWERS):
            raise RemoteProtocolError(f"a {type(response).__name__} to image_block_transfer")
        numbers = self._answered(response)
        if isinstance(response, ResponseList):
            results = [item.result for item in response.items]
        elif len(numbers) == 1:
            results = [response.result]
        else:
            self._list_refused(numbers, response.result)
            return self._drained()
        if len(results) != len(numbers):
            raise RemoteProtocolError(f"{len(results)} results for {len(numbers)} blocks")
        if not any(results):
            self._all_taken(numbers)
            return self._drained()
        for number, result in zip(numbers, results, strict=True):
            if result == 0:
                self._status.mark(number)
            else:
                self._not_taken(number, result, in_list=len(numbers) > 1)
        return self._drained()

    def _answered(self, response: ActionResponse | ResponseList) -> tuple[int, ...]:
        """The blocks of the request that is answered."""
        if self._strategy.depth == 1:
            return self._on_their_way.popitem()[1]
        invoke_id = response.invoke_id_and_priority % MOST_REQUESTS
        if invoke_id not in self._on_their_way:
            raise RemoteProtocolError(f"an answer with invoke id {invoke_id}, which no request has")
        if invoke_id != next(iter(self._on_their_way)):
            self._change(Means.AHEAD, "answered in another order")
        return self._on_their_way.pop(invoke_id)

    def _all_taken(self, numbers: tuple[int, ...]) -> None:
        self._status.mark_all(numbers)
        tactics, job = self.job.tactics, self.job
        if self._refused_in_list and numbers[0] in self._refused_in_list:
            self._refused_in_list.discard(numbers[0])
            if tactics.taken_alone():
                self._then = Outcome.CHANGED
        if tactics.taken(len(numbers), job.now):
            self._then = Outcome.CHANGED

    def _drained(self) -> Outcome:
        """What is to follow, once no answer is outstanding."""
        if self._on_their_way or self._then is None:
            return Outcome.MORE
        then, self._then = self._then, None
        return then

    def _not_taken(self, number: int, result: int, *, in_list: bool) -> None:
        tries = self._tries.get(number, 0) + 1
        self._tries[number] = tries
        cause = action_result_name(result)
        self.job.tell(BlockRetried, number, tries, cause)
        self._again.append(number)
        if in_list:
            self._refused_in_list.add(number)
        if decisions.outcome_of_action(result) is Outcome.BUSY or tries < self.job.policy.block_tries:
            self._then = self._then or Outcome.BUSY
        else:
            self._then = self.give_up_on(number, cause)

    def _list_refused(self, numbers: tuple[int, ...], result: int) -> None:
        """One result for all blocks of a list."""
        if decisions.outcome_of_action(result) is Outcome.BUSY:
            for number in numbers:
                self._not_taken(number, result, in_list=True)
        else:
            self._change(self._list_means(), f"refused, {action_result_name(result)}")

    def _excepted(self, response: ExceptionResponse) -> Outcome:
        """An exception-response names no request: whatever was on its way is in doubt, and goes again."""
        outcome = decisions.outcome_of_exception(response)
        cause = f"exception-response {response.service_error}"
        requests = list(self._on_their_way.values())
        self._on_their_way.clear()
        in_doubt = [number for numbers in requests for number in numbers]
        self._then = None
        if response.service_error in _OUT_OF_STEP:
            return Outcome.LOST
        if len(in_doubt) > 1:
            means = self._list_means() if max(map(len, requests)) > 1 else Means.AHEAD
            return self._doubt(outcome, means, cause)
        if outcome is Outcome.LOST:
            return outcome
        (number,) = in_doubt
        tries = self._tries[number] = self._tries.get(number, 0) + 1
        self.job.tell(BlockRetried, number, tries, cause)
        self._again.appendleft(number)
        if outcome is Outcome.BUSY or tries < self.job.policy.block_tries:
            return Outcome.BUSY
        return self.give_up_on(number, cause)

    def _doubt(self, outcome: Outcome, means: Means, cause: str) -> Outcome:
        tactics = self.job.tactics
        if outcome is Outcome.LOST and tactics.proven:
            return outcome
        if outcome is Outcome.BUSY:
            if tactics.suspect(means, f"always busy, {cause}"):
                return Outcome.CHANGED
            self._again.clear()
            self._next_number = self._status.next_not_transferred(0)
            return outcome
        self._change(means, f"refused, {cause}")
        return self._drained()

    def _list_means(self) -> Means:
        return Means.GENERAL_BLOCKS if self.general_blocks else Means.LISTS

    def _change(self, means: Means, why: str) -> None:
        self.job.tactics.refuse(means, why)
        self._then = Outcome.CHANGED
