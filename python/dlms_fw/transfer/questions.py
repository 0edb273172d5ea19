"""Questions to the meter, and the step that asks them: in order, and where it can be done in one list.

A question keeps what its answer says, whether it was asked alone or with others. What the next steps will
ask is asked along where that costs no round trip of its own; only good answers are kept for them, and only
until something else is asked or done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from dlms_fw._core import (
    ExceptionResponse,
    GetRequest,
    GetResponse,
    RequestList,
    ResponseList,
    SetResponse,
)
from dlms_fw.cosem.interface import AttributeRef, Selection
from dlms_fw.errors import DecodeError, RemoteProtocolError
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Asked, Job, Request, Response, Step, data_access_result_name
from dlms_fw.transfer.table import Outcome

T = TypeVar("T")
_OK, _BUSY, _MORE = Outcome.OK, Outcome.BUSY, Outcome.MORE  # by these names they cost nothing
_ITEM_OCTETS = 10
"""Of an attribute in a list: class, logical name, attribute, and whether a selection follows."""
_SMALL_ANSWER = 32
"""Octets that an answer may have if nobody says more: an identifier, a number, a moment."""


class Get(Generic[T]):
    """The question for one attribute, and its value once it has been answered.

    Args:
        ref: The attribute.
        selection: Which part of it.
        octets: That its encoded value may have; a list is never longer than fits.

    Attributes:
        value: ``None`` until answered, and where the meter refused or sent what cannot be decoded.
        fault: Why there is no value.
        alone: Whether it was refused in a list, and is to be asked alone.
    """

    def __init__(
        self, ref: AttributeRef[T], selection: Selection | None = None, *, octets: int = _SMALL_ANSWER
    ) -> None:
        self.ref = ref
        self.selection = selection
        self.octets = octets
        self.value: T | None = None
        self.fault: str | None = None
        self.alone = False

    def request(self) -> GetRequest:
        """The GET request."""
        return self.ref.get_request(self.selection)

    def sizes(self) -> tuple[int, int]:
        """Octets of its item in a list, and those that its answer may have."""
        selection = 0 if self.selection is None else 1 + len(self.selection.parameters)
        return _ITEM_OCTETS + selection, self.octets

    def read(self, response: Response) -> Outcome:
        """Keep the value or the fault."""
        if not isinstance(response, GetResponse):
            return self._read_other(response)
        outcome = decisions.outcome_of_data_access(response.result)
        if outcome is not _OK or response.data is None:
            self.fault = data_access_result_name(response.result)
            return outcome
        try:
            self.value = self.ref.decode(response.data)
        except DecodeError as error:
            self.fault = f"cannot be decoded: {error}"
            return Outcome.REFUSED
        self.fault = None
        return outcome

    def _read_other(self, response: Response) -> Outcome:
        if not isinstance(response, ExceptionResponse):
            raise RemoteProtocolError(f"a {type(response).__name__} to a GET of {self.ref!r}")
        self.fault = f"exception-response {response.service_error}"
        return decisions.outcome_of_exception(response)


class Put(Generic[T]):
    """The writing of one attribute; ``fault`` says why it did not succeed."""

    def __init__(self, ref: AttributeRef[T], value: T) -> None:
        self.ref = ref
        self.value = value
        self.fault: str | None = None

    def request(self) -> Request:
        """The SET request."""
        return self.ref.set_request(self.value)

    def read(self, response: Response) -> Outcome:
        """Keep the fault, if there is one."""
        if isinstance(response, ExceptionResponse):
            self.fault = f"exception-response {response.service_error}"
            return decisions.outcome_of_exception(response)
        if not isinstance(response, SetResponse):
            raise RemoteProtocolError(f"a {type(response).__name__} to a SET of {self.ref!r}")
        outcome = decisions.outcome_of_data_access(response.result)
        if outcome is not _OK:
            self.fault = data_access_result_name(response.result)
        return outcome


class Question(Protocol):
    """One thing to ask, and what becomes of the answer."""

    def request(self) -> Request:
        """What goes to the meter."""

    def read(self, response: Response) -> Outcome:
        """Keep what the answer says."""


class Interview(Step):
    """A step that asks its questions in order and then judges.

    A refusal is an answer, too: the question keeps its ``fault``.
    """

    def __init__(self, job: Job, *questions: Question) -> None:
        super().__init__(job)
        self._open = list(questions)
        self._listed: list[Get[Any]] = []
        self._own = 0

    def then(self, question: Question) -> Outcome:
        """Ask one question more, found necessary by :meth:`judge`, which is called again after it."""
        self._open.append(question)
        return _MORE

    def soon(self) -> Sequence[Get[Any]]:
        """What the next steps ask where all goes well, if it is small; asked along in a list."""
        return ()

    def ask(self) -> Asked:
        """The questions that are open, or the first of them; the judgement where none is."""
        if self._open and self._were_told():
            for told in self._open:
                told.read(self.job.lists.told[told.ref])  # type: ignore[attr-defined]  # they are all of GET
            self._open.clear()
        if not self._open:
            return self.judge()
        self._listed = self._together()
        if self._listed:
            self.job.lists.on_its_way = True
            return RequestList([question.request() for question in self._listed])
        question = self._open[0]
        if isinstance(question, Put):
            self.job.changed = True
        return question.request()

    def read(self, response: Response) -> Outcome | None:
        """Hand the answers to their questions; judge after the last one."""
        if self._listed:
            return self._read_list(response)
        question = self._open[0]
        outcome = question.read(response)
        if outcome is _BUSY or outcome is Outcome.LOST:
            return outcome
        if isinstance(question, Get) and question.alone:
            self._learn(outcome)
        del self._open[0]
        return _MORE if self._open else self.judge()

    def judge(self) -> Outcome:
        """What all answers together mean."""
        raise NotImplementedError

    # Several questions at a time

    def _were_told(self) -> bool:
        """Whether all that is open has just been answered along with other questions."""
        told = self.job.lists.told
        if not told:
            return False
        for question in self._open:
            if not isinstance(question, Get) or question.selection is not None or question.ref not in told:
                return False
        return True

    def _together(self) -> list[Get[Any]]:
        """The questions that go into one list; none where only one would."""
        lists = self.job.lists
        if lists.refused is not None:
            return []
        together: list[Get[Any]] = []
        for question in self._open:
            if not isinstance(question, Get) or question.alone:
                break
            together.append(question)
        if not together:
            return []
        self._own = len(together)
        if self._own == len(self._open):
            together += self.soon()
        together = together[: lists.fitting([question.sizes() for question in together])]
        return together if len(together) > 1 else []

    def _read_list(self, response: Response) -> Outcome | None:
        """Hand each item to its question. ``None`` where questions are asked again alone."""
        listed, self._listed = self._listed, []
        lists = self.job.lists
        items = response.items if isinstance(response, ResponseList) else ()
        answers = [item for item in items if isinstance(item, GetResponse)]
        if len(answers) != len(listed):
            lists.refuse(f"a {type(response).__name__}")
            out_of_step = isinstance(response, ExceptionResponse) and decisions.is_out_of_step(response)
            return Outcome.LOST if out_of_step else None
        lists.answered()
        busy = False
        for number, (question, answer) in enumerate(zip(listed, answers, strict=True)):
            if answer.result == 0 and question.selection is None:
                lists.told[question.ref] = answer
            if number >= self._own:
                continue
            outcome = question.read(answer)
            if outcome is _BUSY:
                busy = True
            elif outcome is _OK or lists.trusted:
                self._open.remove(question)
            else:
                question.alone = True
        if busy:
            return _BUSY
        return None if self._open else self.judge()

    def _learn(self, outcome: Outcome) -> None:
        """What a list has refused was asked alone."""
        if outcome is _OK:
            self.job.lists.refuse("what was refused in one was answered alone")
        else:
            self.job.lists.trusted = True
