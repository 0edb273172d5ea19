"""The services of a client, each in terms of one exchange: one thing, many things, and what is not answered.

The rules of what goes into one request are in :mod:`dlms_fw.listed`. The same text as
:mod:`dlms_fw.services`, with ``await``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from dlms_fw import listed
from dlms_fw._core import AccessRequest, DateTime
from dlms_fw.cosem.interface import AttributeRef, MethodCall, Reading, Selection, Writing
from dlms_fw.driver import Response, check_set, returned_by, value_of
from dlms_fw.errors import LocalProtocolError, ServiceError
from dlms_fw.notifications import PushedData
from dlms_fw.session.client import ClientSession, Message, Request

_T = TypeVar("_T")


class AsyncServices:
    """Typed requests over an association; a driver adds :meth:`exchange` and :meth:`send`."""

    _session: ClientSession | None

    @abstractmethod
    async def exchange(self, request: Request) -> Response:
        """Ask and wait for the answer."""

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Say what is not answered."""

    # One thing

    async def get(self, ref: AttributeRef[_T], selection: Selection | None = None) -> _T:
        """Read an attribute. Raises ServiceError where the meter refuses."""
        return value_of(ref, await self.exchange(ref.get_request(selection)))

    async def set(self, ref: AttributeRef[_T], value: _T) -> None:
        """Write an attribute. Raises ServiceError where the meter refuses."""
        check_set(ref, await self.exchange(ref.set_request(value)))

    async def action(self, call: MethodCall[_T]) -> _T:
        """Call a method. Raises ServiceError where the meter refuses."""
        return returned_by(call, await self.exchange(call.request))

    # Many things

    async def get_list(self, items: Sequence[AttributeRef[_T] | Reading[_T]]) -> list[_T | ServiceError]:
        """Read attributes, or parts of them (``ref.part(selection)``), in as few requests as fit.

        Without multiple-references, or where only one fits, they are read one by one.

        Returns:
            For each, in order, its value, or the ServiceError with which the meter refuses it.

        Raises:
            ServiceError: a request could not be processed as a whole.
        """
        return await self._walk(listed.readings(items, self._room()))

    async def set_list(self, items: Sequence[Writing[Any]]) -> list[ServiceError | None]:
        """Write attributes, each given as ``ref.to(value)``; ``None`` for each that was written.

        Raises:
            ServiceError: a request could not be processed as a whole; those before it were carried out.
        """
        return await self._walk(listed.writings(items, self._room()))

    async def action_list(self, calls: Sequence[MethodCall[_T]]) -> list[_T | ServiceError]:
        """Call methods; for each what it returns, or the ServiceError with which the meter refuses it.

        Raises:
            ServiceError: a request could not be processed as a whole; those before it were carried out.
        """
        return await self._walk(listed.calls(calls, self._room()))

    async def access(
        self,
        items: Sequence[listed.Accessed],
        *,
        break_on_error: bool = False,
        self_descriptive: bool = False,
        date_time: DateTime | None = None,
    ) -> list[Any]:
        """Read, write and call in one request (Green Book, ACCESS service).

        Args:
            items: Attributes to read, ``ref.part(selection)``, ``ref.to(value)`` and method calls, in order.
            break_on_error: Leave alone what stands behind the first that fails; those are answered with
                other-reason.
            self_descriptive: Have the response repeat what was asked for; it is compared by its services.
            date_time: When the request is made, for meters that look at it.

        Returns:
            For each, in order, its value, what it returns or ``None``, or the ServiceError that answers it.

        Raises:
            NotNegotiated: the association has no ACCESS.
            LocalProtocolError: the request does not fit; nothing was sent.
            ServiceError: the request could not be processed as a whole.
        """
        make = partial(
            AccessRequest,
            break_on_error=break_on_error,
            self_descriptive=self_descriptive,
            date_time=b"" if date_time is None else date_time.to_bytes(),
        )
        return await self._walk(listed.accesses(items, make))

    # What is not answered

    async def confirm(self, notification: PushedData, date_time: DateTime | None = None) -> None:
        """Confirm a data-notification that asks for it (data-notification-confirm of the newer editions).

        May be called while a request is being answered, so also from ``on_notification``.

        Raises:
            NotNegotiated: the association has no data-notification.
        """
        await self.send(notification.confirmation(date_time))

    async def _walk(self, plan: listed.Plan[_T]) -> _T:
        try:
            request = next(plan)
            while True:
                request = plan.send(await self.exchange(request))
        except StopIteration as done:
            result: _T = done.value
            return result

    def _room(self) -> listed.Room:
        if self._session is None:
            raise LocalProtocolError("not connected to a meter")
        return listed.Room.of(self._session)
