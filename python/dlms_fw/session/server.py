"""The server's side of a session: what a meter says to links, associations and protection.

Octets in, events and octets out. It answers by itself whatever is not a service: AARQ, HLS passes 3 and 4,
RLRQ, and requests that are not allowed, cannot be deciphered or come again. Services go to the meter as
events, only while their client is associated. Several clients may share one link; each has its own
association. The meter's objects, rights and lock-out are not known here, nor is a socket, a clock or a
random number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from dlms_fw._core import (
    AssociationRequest,
    Channel,
    DataNotification,
    DataNotificationConfirm,
    Discarded,
    EventNotification,
    ExceptionResponse,
    HdlcFraming,
    InformationReport,
    LinkConnected,
    LinkDisconnected,
    PeerChanged,
    ReleaseRequest,
    UnconfirmedFrame,
    WrapperFraming,
)
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.errors import ConfigurationError, DecodeError, LocalProtocolError, SecurityError
from dlms_fw.profiles import GeneralBlockTransfer
from dlms_fw.session.acceptance import Gate
from dlms_fw.session.events import (
    Associated,
    AssociationEnded,
    AssociationFailed,
    NotificationConfirmed,
    RequestRefused,
    ServerEvent,
)
from dlms_fw.session.negotiated import missing
from dlms_fw.session.requests import REQUESTS, Request, Response, is_confirmed
from dlms_fw.session.server_associations import ServerAssociations
from dlms_fw.session.server_client import DEFAULT_CONFORMANCE, Association, ServerClient, ServerCounters
from dlms_fw.session.server_passes import proof_in
from dlms_fw.session.states import State

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

if TYPE_CHECKING:
    from dlms_fw._core import Event

__all__ = [
    "DEFAULT_CONFORMANCE",
    "Associated",
    "Association",
    "AssociationEnded",
    "AssociationFailed",
    "NotificationConfirmed",
    "RequestRefused",
    "ServerClient",
    "ServerCounters",
    "ServerEvent",
    "ServerSession",
    "State",
    "is_confirmed",
]

_ASSOCIATED = (
    State.ASSOCIATED
)  # Python 3.11 looks a member up in its class at a price; this is asked per message
_LONG_INVOKE_ID = 0x00FF_FFFF
_SECURITY_REASONS = frozenset(
    {
        "authentication-tag",
        "suite-mismatch",
        "unsupported-protection",
        "system-title",
        "too-short",
        "missing-key",
        "signature",
        "key-information",
        "key-unwrap",
        "public-key",
        "transaction-id",
    }
)


class ServerSession(ServerAssociations):
    """One link to a meter with the associations on it.

    Order of calls: ``receive``; send its octets; answer its events with ``respond``; while :attr:`more`, call
    ``receive(b"")`` and do the same.

    Args:
        framing: How octets are framed; the client named in it is not looked at.
        clients: The clients by SAP; looked up anew at each AARQ.
        system_title: The meter's.
        challenge: Gives a fresh random challenge of 8 to 64 octets.
        counters: Needed where any client has keys.
        now: What time it is, aware; needed where a client proves itself by a certificate.
        randomness: Gives that many random octets; needed where any client has general protection.
        max_receive_apdu_size: Octets of the largest APDU that block transfer may put together.
        general_block_transfer: When an answer that is too long goes in general blocks, where they have been
            negotiated; ``"when-needed"`` is where there is no block transfer of its service.
        general_block_transfer_window: Blocks in one go, 1 to 63; the client's own is kept to as well.
    """

    __slots__ = ("more",)

    def __init__(
        self,
        framing: WrapperFraming | HdlcFraming,
        clients: Mapping[int, ServerClient],
        *,
        system_title: bytes,
        challenge: Callable[[], bytes],
        counters: ServerCounters | None = None,
        now: Callable[[], datetime] | None = None,
        randomness: Callable[[int], bytes] | None = None,
        max_receive_apdu_size: int = 65_536,
        general_block_transfer: GeneralBlockTransfer = "when-needed",
        general_block_transfer_window: int = 16,
    ) -> None:
        if counters is None and any(client.keys is not None for client in clients.values()):
            raise ConfigurationError("clients with keys need a place for invocation counters")
        channel = Channel(
            "server",
            framing,
            max_receive_apdu_size=max_receive_apdu_size,
            general_block_transfer=general_block_transfer,
            general_block_transfer_window=general_block_transfer_window,
        )
        super().__init__(channel, clients, Gate(system_title, challenge, counters, now, randomness))
        self.more = False

    def receive(
        self, data: Buffer, received: tuple[list[Event], bytes] | None = None
    ) -> tuple[list[ServerEvent], bytes]:
        """Take octets from the line: what the meter must answer or note, and octets to send first.

        Args:
            data: The octets.
            received: What the channel has already made of them, where they did not come this way.

        Raises:
            LinkError: the octets make no sense any more; the medium must be closed.
        """
        events: list[ServerEvent] = []
        self._events = events
        self.more = False
        if self._next_client is not None:
            self._switch(self._next_client)
        out = b""
        while True:
            association = self.association
            if association.context is not None:
                self._gate.learn_counter(association)
            try:
                incoming, reply = received or self.channel.receive(data)
            except (DecodeError, SecurityError) as error:
                refused = self._refuse(
                    error.kind, StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OTHER_REASON
                )
                return events, out + refused
            out += reply
            for event in incoming:
                if type(event) is PeerChanged:
                    self._next_client = event.client_sap
                else:
                    out += self._take(event)
            if self.association.context is not None:
                self._gate.note_counter(self.association)
            if self._next_client is None:
                return events, out
            if any(isinstance(event, REQUESTS) for event in events):
                self.more = True  # they must be answered to their own client first
                return events, out
            self._switch(self._next_client)
            data, received = b"", None

    def note_counter(self) -> None:
        """Tell the meter the highest counter that was verified while the channel was served by others."""
        self._gate.note_counter(self.association)

    def respond(self, response: Response, protection: int = 0) -> bytes:
        """The octets of an answer; none where the request wanted none.

        Args:
            response: The answer.
            protection: What it needs beyond the policy, in the bits of the policy; its later blocks too.
        """
        association = self.association
        if association.is_silent:
            return self.channel.acknowledge()
        if not isinstance(response, ExceptionResponse) and not is_confirmed(response):
            return b""
        if association.context is not None:
            self._gate.prepare_counters(association)
            if association.answer_protection != protection:
                association.context.answer_protection = association.answer_protection = protection
        try:
            return self.channel.send(response)
        except LocalProtocolError:
            return self._exception(StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.PDU_TOO_LONG)

    def notify(self, notification: DataNotification | EventNotification | InformationReport) -> bytes:
        """The octets of something that nobody asked for. Raises LocalProtocolError while not associated."""
        if self.state is not State.ASSOCIATED:
            raise LocalProtocolError(f"nothing can be notified while {self.state.value}")
        self._gate.prepare_counters(self.association)
        return self.channel.send(notification)

    def handle_timeout(self) -> bytes:
        """Nothing has come in time: what to repeat. Raises ResponseTimeout where nothing is left to try."""
        return self.channel.handle_timeout()

    def handle_inactivity_timeout(self) -> list[ServerEvent]:
        """Over HDLC nothing has come for the inactivity timeout: the link and what was on it are gone."""
        events: list[ServerEvent] = []
        self._events = events
        if self.channel.handle_inactivity_timeout():
            self._relink("link", linked=False)
        return events

    def close(self) -> list[ServerEvent]:
        """The medium is gone."""
        events: list[ServerEvent] = []
        self._events = events
        self._relink("closed", linked=False)
        return events

    # What comes in

    def _take(self, event: Event) -> bytes:
        if self._in_ui_frame:
            self._take_unanswered(event)
            self._in_ui_frame = False
            return b""
        if isinstance(event, REQUESTS):
            return self._on_request(event)
        if isinstance(event, AssociationRequest):
            return self._on_association_request(event)
        if isinstance(event, ReleaseRequest):
            return self._on_release_request(event)
        if isinstance(event, Discarded):
            return self._on_discarded(event)
        if isinstance(event, DataNotificationConfirm):
            self._events.append(
                NotificationConfirmed(self.client_sap, event.long_invoke_id_and_priority & _LONG_INVOKE_ID)
            )
            return b""
        if isinstance(event, LinkConnected):
            self._relink("link", linked=True)
            return b""
        if isinstance(event, LinkDisconnected):
            self._relink("link", linked=False)
            return b""
        if isinstance(event, UnconfirmedFrame):
            self._in_ui_frame = True
            self._events.append(event)
            return b""
        return self._refuse(
            "unexpected-apdu", StateError.SERVICE_UNKNOWN, ServiceErrorCode.SERVICE_NOT_SUPPORTED
        )

    def _take_unanswered(self, event: Event) -> None:
        """What came in a UI frame: only what asks for no answer has a meaning there."""
        if isinstance(event, Discarded):
            self._on_discarded(event)
        elif isinstance(event, REQUESTS) and not is_confirmed(event):
            self._on_request(event)
        else:
            self._events.append(RequestRefused(self.client_sap, "unconfirmed-frame"))

    def _on_request(self, request: Request) -> bytes:
        association = self.association
        if type(request) not in association.takes:
            return self._unless_unconfirmed(
                request, "unexpected-apdu", ServiceErrorCode.SERVICE_NOT_SUPPORTED
            )
        if association.state is _ASSOCIATED:
            if missing(request, association.conformance):
                return self._unless_unconfirmed(
                    request, "not-negotiated", ServiceErrorCode.SERVICE_NOT_SUPPORTED
                )
            self._events.append(request)
            return b""
        if association.state is State.AUTHENTICATING and (proof := proof_in(request)) is not None:
            return self._on_pass_3(request, proof)
        return self._unless_unconfirmed(request, "not-associated", ServiceErrorCode.OPERATION_NOT_POSSIBLE)

    def _unless_unconfirmed(self, request: Request, reason: str, code: ServiceErrorCode) -> bytes:
        """The refusal of a request, unless nothing is to be answered to it."""
        refused = self._refuse(reason, StateError.SERVICE_NOT_ALLOWED, code)
        return refused if is_confirmed(request) else b""

    def _on_discarded(self, event: Discarded) -> bytes:
        code = ServiceErrorCode.DECIPHERING_ERROR
        counter: int | None = None
        if event.reason == "replay":
            code, counter = ServiceErrorCode.INVOCATION_COUNTER_ERROR, event.expected_counter
        elif event.reason == "downgrade":
            code = ServiceErrorCode.OPERATION_NOT_POSSIBLE
        elif event.reason == "unexpected-apdu":
            code = ServiceErrorCode.SERVICE_NOT_SUPPORTED
        elif event.reason not in _SECURITY_REASONS:
            code = ServiceErrorCode.OTHER_REASON
        return self._refuse(event.reason, StateError.SERVICE_NOT_ALLOWED, code, counter)
