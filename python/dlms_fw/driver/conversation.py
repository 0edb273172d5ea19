"""A run of blocks as the medium sees it: what is said to each piece that comes, and until when.

The medium asks and waits; nobody is woken between two blocks. One reading of the clock for each piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dlms_fw.driver.exchange import Statistics, patience
from dlms_fw.session.client import ClientSession
from dlms_fw.transfer.orders import Run

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

    from dlms_fw._core import Event


class RunConversation:
    """What the octets of a meter are answered with during one run.

    Args:
        session: An association.
        run: What is to be carried out.
        clock: Monotonic time in seconds, the one that the deadlines of the medium are on.
        response_timeout_s: How long the meter may be silent.
        request_deadline_s: How long one block may take.

    Attributes:
        deadline: When the next octets must have come.
        request_deadline: When a block must have been taken.
    """

    __slots__ = (
        "_blocks",
        "_clock",
        "_order",
        "_patience",
        "_receive",
        "_request_deadline_s",
        "_response_timeout_s",
        "_session",
        "_taken",
        "_until",
        "deadline",
        "request_deadline",
    )

    def __init__(
        self,
        session: ClientSession,
        run: Run,
        clock: Callable[[], float],
        response_timeout_s: float,
        request_deadline_s: float,
    ) -> None:
        self._session = session
        self._order = run
        self._blocks = run.blocks
        self._receive = run.blocks.receive
        self._clock = clock
        self._response_timeout_s = response_timeout_s
        self._request_deadline_s = request_deadline_s
        self._taken = 0
        now = clock()
        self._until = now + run.seconds
        self.request_deadline = now + request_deadline_s
        self.wait()

    def begin(self) -> bytes:
        """The first requests."""
        order = self._order
        return self._session.start_run(order.blocks, bound=order.bound, most=order.most, depth=order.depth)

    @property
    def over(self) -> bool:
        """Whether there is nothing more to be said in this run."""
        return self._blocks.over

    def take(self, data: Buffer) -> bytes | None:
        """What is said to these octets, possibly nothing; ``None`` where the run is over."""
        now = self._clock()
        if now >= self._until:
            self._blocks.stop()
        reply = self._receive(data)
        taken = self._blocks.taken
        if taken != self._taken:
            self._taken = taken
            self.request_deadline = now + self._request_deadline_s
        elif reply is not None:
            self._patience = patience(self._session, self._response_timeout_s)
        self.deadline = min(self.request_deadline, now + self._patience)
        return reply

    def wait(self) -> None:
        """Something else was said: the answer may take its time from now on."""
        self._patience = patience(self._session, self._response_timeout_s)
        self.deadline = min(self.request_deadline, self._clock() + self._patience)

    def finish(self) -> tuple[list[Event], bytes]:
        """What came to end the run, and octets to send now. Raises as :meth:`ClientSession.receive`."""
        return self._session.finish_run(self._blocks)

    def count(self, statistics: Statistics) -> None:
        """Add what the run has sent and received."""
        blocks = self._blocks
        statistics.requests += blocks.sent
        statistics.octets_sent += blocks.octets_sent
        statistics.octets_received += blocks.octets_received
