"""What a run has learnt about asking several questions in one GET: whether that can be done, and how many.

Questions in a list spare round trips, and nothing else: whatever a meter makes of a list, each question can
be asked alone. So a list that is refused, or not answered, is the last one of the run; and as long as no
refusal in a list has been confirmed by the same question alone, none is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlms_fw._core import GetResponse
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.enums import Conformance
from dlms_fw.transfer.link import LinkFacts

_LIST_OVERHEAD: Final = 4
"""Octets of a request or a response with a list besides its items: tag, choice, invoke id, count."""
_RESULT_OVERHEAD: Final = 1
"""Octets of a result besides its data."""
_MOST_QUESTIONS: Final = 10
"""Of a list; meters bound that, and more are never asked at a time."""
_LOSSES_TO_REFUSE: Final = 2
"""Lists in a row without an answer, of a meter that has answered one before."""


class QuestionLists:
    """Lists of questions in one run.

    Args:
        link: What is known of the link.

    Attributes:
        refused: Why no list is asked; ``None`` where one may be.
        trusted: Whether what a list refuses is also refused alone.
        on_its_way: Whether a list has been asked and not been answered.
        told: The good answers of the last list, until something else is asked or done.
    """

    __slots__ = (
        "_answer_room",
        "_answered",
        "_losses",
        "_request_room",
        "on_its_way",
        "refused",
        "told",
        "trusted",
    )

    def __init__(self, link: LinkFacts) -> None:
        lists = Conformance.MULTIPLE_REFERENCES in link.conformance
        self.refused = None if lists else "multiple-references was not negotiated"
        self.trusted = False
        self.on_its_way = False
        self.told: dict[AttributeRef[Any], GetResponse] = {}
        self._answered = False
        self._losses = 0
        overhead = link.ciphering_overhead + _LIST_OVERHEAD
        sizes = [size for size in (link.max_pdu_size, link.client_max_pdu_size) if size]
        self._request_room = (link.max_pdu_size or 0xFFFF) - overhead
        self._answer_room = min(sizes, default=0xFFFF) - overhead

    def fitting(self, sizes: Sequence[tuple[int, int]]) -> int:
        """How many of the first questions go into one list.

        Args:
            sizes: Of each, the octets of its item in the request and those that its answer may have.
        """
        if self.refused is not None:
            return 0
        asked, answered = self._request_room, self._answer_room
        for count, (request, answer) in enumerate(sizes[:_MOST_QUESTIONS]):
            asked -= request
            answered -= answer + _RESULT_OVERHEAD
            if asked < 0 or answered < 0:
                return count
        return min(len(sizes), _MOST_QUESTIONS)

    def answered(self) -> None:
        """The list on its way was answered item for item."""
        self.on_its_way = False
        self._answered = True
        self._losses = 0

    def refuse(self, why: str) -> None:
        """The meter does not take lists: none is asked again."""
        self.on_its_way = False
        self.refused = why
        self.told.clear()

    def lost(self) -> None:
        """The link was lost. If a list was on its way, it may have been the reason."""
        self.told.clear()
        if self.on_its_way:
            self.on_its_way = False
            self._losses += 1
            if not self._answered or self._losses >= _LOSSES_TO_REFUSE:
                self.refuse("no answer")
