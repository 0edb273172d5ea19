"""The main job of a client: it carries out what a transfer asks for, and tells it what came of it.

The asyncio client has the same text with ``await``.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dlms_fw._core import HdlcFraming, WrapperFraming
from dlms_fw.driver import (
    BUSY_POLL_S,
    LOGICAL_DEVICE_NAME,
    RESPONSES,
    Response,
    Statistics,
    count_run,
    ending,
    is_loss,
    is_of_request,
    keep_alive_interval,
    link_ended,
    link_facts,
    logical_device_name,
    note_aside,
    policy_for,
    transfer_answer,
)
from dlms_fw.driver.round_trips import RoundTrips
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import DlmsError, LocalProtocolError, ResponseTimeout
from dlms_fw.events import Callback
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.session.client import Association, ClientSession, Request
from dlms_fw.session.states import State
from dlms_fw.transfer import (
    Burst,
    Checkpoint,
    Elsewhere,
    Reconnect,
    Run,
    Save,
    Transfer,
    TransferPolicy,
    TransferResult,
    Wait,
)
from dlms_fw.transports.base import Transport, converse

if TYPE_CHECKING:
    from dlms_fw._core import Event

_ASSOCIATED = State.ASSOCIATED  # by this name it costs nothing on the way of every block
_NO_PART = -1


class Upgrades:
    """Upgrades over the association of a driver."""

    sends_blocks = True
    """Whether blocks are its own to send; a subclass that leaves them to others has :meth:`elsewhere`."""

    endpoint: Endpoint
    profile: Profile
    statistics: Statistics
    _journal: Journal | None
    _framing: WrapperFraming | HdlcFraming
    _session: ClientSession | None
    _transport: Transport | None
    _on_notification: Callable[[Any], None] | None
    _response_timeout: float
    _request_deadline: float
    _round_trips: RoundTrips | None
    _busy: bool
    _clock: Callable[[], float]
    _sleep: Callable[[float], object]
    _wall_clock: Callable[[], datetime]

    @property
    @abstractmethod
    def association(self) -> Association | None:
        """What was agreed with the meter, or ``None`` while not associated."""

    @abstractmethod
    def connect(self) -> None:
        """Associate."""

    @abstractmethod
    def exchange(self, request: Request) -> Response:
        """Ask and wait for the answer."""

    @abstractmethod
    def keep_alive(self) -> None:
        """Show the meter that we are still there."""

    @abstractmethod
    def _wait_until(
        self,
        settled: Callable[[], bool],
        session: ClientSession,
        transport: Transport,
        deadline: float,
    ) -> None: ...

    @abstractmethod
    def _leave(self) -> None: ...

    @abstractmethod
    def _drop(self) -> None: ...

    @abstractmethod
    def _send(self, data: bytes, deadline: float) -> None: ...

    @abstractmethod
    def _receive(self, session: ClientSession, transport: Transport, deadline: float) -> list[Event]: ...

    def upgrade(
        self,
        image: Image,
        policy: TransferPolicy | None = None,
        *,
        on_event: Callback | None = None,
    ) -> TransferResult:
        """Bring an image into the meter, as far as the policy says; goes on where an earlier call stopped.

        The image's signature is for the caller to verify first (:meth:`dlms_fw.image.Image.verify`).

        Raises:
            TransferError: with the state in which it ended.
            ImageRejected: the image is not for this meter.
            ConfigurationError: neither side would prove itself, see ``TransferPolicy.allow_insecure``.
            Busy: another process works on this meter.
        """
        policy = policy_for(self.profile, policy, sends_blocks=self.sends_blocks)
        if self._session is None:
            self.connect()
        meter = self.meter_identity()
        with contextlib.nullcontext() if self._journal is None else self._journal.lease(f"meter {meter}"):
            saved = None if self._journal is None else self._journal.checkpoint(meter, _part(image))
            assert self._session is not None  # noqa: S101 (connected above)
            transfer = Transfer(
                image,
                policy,
                meter=meter,
                checkpoint=None if saved is None else Checkpoint.from_dict(saved),
                link=link_facts(self._session, self.endpoint),
                wall_clock=self._wall_clock(),
                on_event=on_event,
            )
            try:
                self._run(transfer)
            except BaseException as error:
                transfer.abort(ending(error, transfer), self._clock())
                raise
        assert transfer.result is not None  # noqa: S101 (next_request gave None)
        return transfer.result

    def elsewhere(self, transfer: Transfer, order: Elsewhere) -> None:
        """Blocks come to the meter by another way; returns when they should have arrived.

        For subclasses whose ``sends_blocks`` is false; the association may be given up meanwhile.
        """
        raise LocalProtocolError(f"{order!r}, and nobody brings them to {transfer!r}")

    def meter_identity(self) -> str:
        """What names this meter in our records: its system title, its logical device name, or its address."""
        association = self.association
        if association is not None and association.meter_system_title is not None:
            return association.meter_system_title.hex().upper()
        return logical_device_name(self.exchange(LOGICAL_DEVICE_NAME)) or str(self.endpoint)

    # Below

    def _run(self, transfer: Transfer) -> None:
        while (asked := transfer.next_request(self._clock())) is not None:
            if isinstance(asked, Wait):
                self._pause(asked.seconds)
            elif isinstance(asked, Save):
                self._save(asked, transfer)
            elif isinstance(asked, Reconnect):
                self._leave()
                self._sleep(asked.after_seconds)
            else:
                try:
                    if self._session is None:
                        self.connect()
                    if transfer.one_by_one and not isinstance(asked, Run):
                        response = transfer_answer(self.exchange(asked))  # type: ignore[arg-type]  # a request then
                    elif isinstance(asked, Burst | Elsewhere):
                        self._bring(asked, transfer)
                        transfer.handle_sent(self._clock())
                        continue
                    else:
                        self._exchange_ahead(asked, transfer)
                        continue
                except DlmsError as error:
                    if is_loss(error):
                        transfer.handle_lost(str(error), self._clock())
                    elif transfer.asks_list and is_of_request(error):
                        transfer.handle_list_refused(str(error), self._clock())
                    else:
                        raise
                else:
                    transfer.handle_response(response, self._clock())
                    del response  # a thousand meters would keep a thousand answers

    def _save(self, order: Save, transfer: Transfer) -> None:
        if self._journal is not None:
            meter, checkpoint = order.checkpoint.meter, order.checkpoint.to_dict()
            self._journal.save_checkpoint(meter, _part(transfer.image), checkpoint)

    def _bring(self, order: Burst | Elsewhere, transfer: Transfer) -> None:
        """Blocks that are not answered."""
        if isinstance(order, Elsewhere):
            self.elsewhere(transfer, order)
        else:
            self._send_burst(order)

    def _exchange_ahead(self, first: Request | Run, transfer: Transfer) -> None:
        """Exchange a request, and those that may go out before it is answered, until none is on its way."""
        session, transport = self._session, self._transport
        assert session is not None  # noqa: S101 (connected by the caller)
        assert transport is not None  # noqa: S101 (connected by the caller)
        if self._busy:
            raise LocalProtocolError("another request is still being answered")
        self._busy = True
        asked: Request | Run | Save | None = first
        if transfer.general_blocks:
            session.channel.prefer_general_blocks()
        deadline = self._clock() + self._request_deadline
        data = b""
        try:
            while transfer.outstanding:
                octets = [data]
                while asked is not None and not isinstance(asked, Run):
                    if isinstance(asked, Save):
                        self._save(asked, transfer)
                    else:
                        octets.append(session.send(asked))
                        self.statistics.requests += 1
                    asked = transfer.next_ahead(self._clock())
                data = b"".join(octets)
                del octets
                if asked is None:
                    self._send(data, deadline)
                    events, data = self._receive(session, transport, deadline), b""
                else:
                    events, data = self._converse(asked, data, session, transport)
                    transfer.handle_run(self._clock())
                    deadline = self._clock() + self._request_deadline
                for event in events:
                    if not isinstance(event, RESPONSES):
                        note_aside(event, self.statistics, self._on_notification)
                    elif transfer.outstanding:
                        transfer.handle_response(transfer_answer(event), self._clock())
                        deadline = self._clock() + self._request_deadline
                if session.state is not _ASSOCIATED:
                    raise link_ended(session)
                asked = transfer.next_ahead(self._clock())
            self._send(data, deadline)
        except LocalProtocolError:
            raise
        except BaseException:
            self._drop()
            raise
        finally:
            self._busy = False

    def _converse(
        self, run: Run, data: bytes, session: ClientSession, transport: Transport
    ) -> tuple[list[Event], bytes]:
        """Send this and carry out a run; what came to end it, and octets to send now."""
        blocks = run.blocks
        blocks.watch(
            self._clock(),
            seconds=run.seconds,
            silence_seconds=self._response_timeout,
            busy_seconds=min(BUSY_POLL_S, self._response_timeout),
            request_seconds=self._request_deadline,
        )
        try:
            data += session.start_run(blocks, bound=run.bound, most=run.most, depth=run.depth)
            blocks.wait(self._clock())
            self._send(data, blocks.deadline)
            del data  # a thousand meters would keep a thousand blocks
            while not blocks.over:
                try:
                    converse(transport, blocks, self._clock)
                except ResponseTimeout:
                    if self._clock() >= blocks.request_deadline:
                        raise
                    self._send(session.handle_timeout(), blocks.request_deadline)
                    blocks.wait(self._clock())
            return session.finish_run(blocks)
        finally:
            count_run(blocks, self.statistics)

    def _send_burst(self, burst: Burst) -> None:
        """Send what is not answered, as fast as the medium and the pause allow."""
        session, transport = self._session, self._transport
        assert session is not None  # noqa: S101 (connected by the caller)
        assert transport is not None  # noqa: S101 (connected by the caller)
        try:
            deadline = self._clock() + self._request_deadline
            self._send(session.send_many(burst.requests), deadline)
            self.statistics.requests += len(burst.requests)
            if self._round_trips is not None:
                self._round_trips.forget(line_is_full=True)
            self._wait_until(
                lambda: session.is_linkless or session.channel.idle, session, transport, deadline
            )
        except LocalProtocolError:
            raise
        except BaseException:
            self._drop()
            raise
        if burst.pause_seconds:
            self._sleep(burst.pause_seconds)

    def _pause(self, seconds: float) -> None:
        """Sleep, and keep an HDLC link alive; where it is lost nevertheless, the next request finds out."""
        end = self._clock() + seconds
        interval = keep_alive_interval(self._framing, self.profile)
        with contextlib.suppress(DlmsError):
            while self._session is not None and end - self._clock() > interval:
                self._sleep(interval)
                self.keep_alive()
        self._sleep(max(0.0, end - self._clock()))


def _part(image: Image) -> int:
    """The part of the firmware under which the image stands in our records."""
    return _NO_PART if image.part is None else image.part
