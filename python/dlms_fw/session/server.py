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
from typing import TYPE_CHECKING, TypeAlias

from dlms_fw import axdr
from dlms_fw._core import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    Channel,
    DataNotification,
    DataNotificationConfirm,
    Discarded,
    EventNotification,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    HdlcFraming,
    InformationReport,
    LinkConnected,
    LinkDisconnected,
    PeerChanged,
    ReadRequest,
    ReadResponse,
    ReleaseRequest,
    ReleaseResponse,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
    UnconfirmedFrame,
    WrapperFraming,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.enums import ActionResult, ServiceErrorCode, StateError
from dlms_fw.errors import ConfigurationError, DecodeError, LocalProtocolError, ReplayError, SecurityError
from dlms_fw.hls import REPLY_TO_HLS
from dlms_fw.profiles import GeneralBlockTransfer
from dlms_fw.session.acceptance import (
    DEFAULT_CONFORMANCE,
    Association,
    Gate,
    Refusal,
    ServerClient,
    ServerCounters,
    allows_response,
    initiate_response,
    rejection,
)
from dlms_fw.session.events import (
    Associated,
    AssociationEnded,
    AssociationFailed,
    NotificationConfirmed,
    RequestRefused,
)
from dlms_fw.session.negotiated import missing
from dlms_fw.session.short_names import reply_to_hls
from dlms_fw.session.states import State, Step

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
_CONFIRMED = 0x40
_LONG_CONFIRMED = 0x4000_0000
_LONG_INVOKE_ID = 0x00FF_FFFF
_MOST_ASSOCIATIONS = 16
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


Request: TypeAlias = (
    GetRequest | SetRequest | ActionRequest | RequestList | AccessRequest | ReadRequest | WriteRequest
)
Answer: TypeAlias = (
    GetResponse | SetResponse | ActionResponse | ResponseList | AccessResponse | ReadResponse | WriteResponse
)
Response: TypeAlias = Answer | ExceptionResponse
ServerEvent: TypeAlias = (
    Request
    | Associated
    | AssociationFailed
    | AssociationEnded
    | RequestRefused
    | NotificationConfirmed
    | UnconfirmedFrame
)


class ServerSession:
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
        self.channel = Channel(
            "server",
            framing,
            max_receive_apdu_size=max_receive_apdu_size,
            general_block_transfer=general_block_transfer,
            general_block_transfer_window=general_block_transfer_window,
        )
        self.more = False
        self._clients = clients
        self._gate = Gate(system_title, challenge, counters, now, randomness)
        self._associations: dict[int, Association] = {}
        self._linked = self.channel.connected
        self._events: list[ServerEvent] = []
        self._next_client: int | None = None
        self._in_ui_frame = False
        self.association = self._association(self.channel.client_sap)

    @property
    def client_sap(self) -> int:
        """The client of the events just returned."""
        return self.association.client_sap

    @property
    def state(self) -> State:
        """The state of that client's association."""
        return self.association.state

    def receive(self, data: Buffer) -> tuple[list[ServerEvent], bytes]:
        """Take octets from the line: what the meter must answer or note, and octets to send first.

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
                self._gate.prepare_counters(association)
            try:
                incoming, reply = self.channel.receive(data)
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
            if any(isinstance(event, _REQUESTS) for event in events):
                self.more = True  # they must be answered to their own client first
                return events, out
            self._switch(self._next_client)
            data = b""

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
        if association.answer_protection != protection and association.context is not None:
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
        if isinstance(event, _REQUESTS):
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
        elif isinstance(event, _REQUESTS) and not is_confirmed(event):
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
        if association.state is State.AUTHENTICATING and (proof := _proof_in(request)) is not None:
            return self._on_pass_3(request, proof)
        return self._unless_unconfirmed(request, "not-associated", ServiceErrorCode.OPERATION_NOT_POSSIBLE)

    def _unless_unconfirmed(self, request: Request, reason: str, code: ServiceErrorCode) -> bytes:
        """The refusal of a request, unless nothing is to be answered to it."""
        refused = self._refuse(reason, StateError.SERVICE_NOT_ALLOWED, code)
        return refused if is_confirmed(request) else b""

    def _on_pass_3(self, request: Request, proof: bytes) -> bytes:
        association = self.association
        handshake, client = association.handshake, association.client
        assert handshake is not None  # noqa: S101 (AUTHENTICATING)
        assert client is not None  # noqa: S101 (AUTHENTICATING)
        mechanism = client.authentication
        assert mechanism.check is not None  # noqa: S101 (a high level mechanism)
        assert mechanism.prove is not None  # noqa: S101 (a high level mechanism)
        association.handshake = None
        try:
            mechanism.check(handshake, axdr.octet_string.decode(proof))
        except (DecodeError, SecurityError):
            data = self.channel.send(_pass_4(request, None))
            association.move(Step.DISPROVE)
            self.channel.reset_association()
            self._events.append(AssociationFailed(self.client_sap, "proof"))
            return data
        data = self.channel.send(_pass_4(request, axdr.octet_string.encode(mechanism.prove(handshake))))
        association.move(Step.PROVE)
        self._events.append(Associated(self.client_sap, association.mechanism))
        return data

    def _on_release_request(self, request: ReleaseRequest) -> bytes:
        association = self.association
        if association.state is not State.ASSOCIATED:
            if association.state is State.AUTHENTICATING:
                association.move(Step.ABORT)
                association.handshake = None
                self.channel.reset_association()
            return self.channel.send(ReleaseResponse(0))
        if association.pre_established:
            return self._refuse(
                "pre-established", StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OPERATION_NOT_POSSIBLE
            )
        user_information: bytes | None = None
        ciphered = association.context is not None and self.channel.security is not None
        if ciphered and not request.user_information and association.client is not None:
            if association.client.protected_release:
                return self._refuse(
                    "downgrade", StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OPERATION_NOT_POSSIBLE
                )
        elif association.context is not None and ciphered and request.user_information:
            try:
                association.context.open(request.user_information)
            except (DecodeError, SecurityError) as error:
                return self._refuse(
                    error.kind, StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.DECIPHERING_ERROR
                )
            user_information = initiate_response(association, ciphered=True)
        association.move(Step.RELEASE)
        response = ReleaseResponse(0, user_information)
        data = self.channel.send(response) if association.confirmed else self.channel.acknowledge()
        association.move(Step.RELEASED)
        self.channel.reset_association()
        if association.context is not None:
            association.context.forget_dedicated_key()
        self._events.append(AssociationEnded(self.client_sap, "released"))
        return data

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

    # AARQ

    def _on_association_request(self, request: AssociationRequest) -> bytes:
        association = self.association
        if association.pre_established:
            self._events.append(AssociationFailed(self.client_sap, "pre-established"))
            return self.channel.send(rejection(request, Refusal("pre-established")))
        if association.state is State.DISCONNECTED:
            return self._refuse(
                "not-connected", StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.OPERATION_NOT_POSSIBLE
            )
        if association.state is State.ASSOCIATED:
            self._events.append(AssociationEnded(self.client_sap, "replaced"))
        association.move(Step.ABORT)
        self.channel.reset_association()
        association.context = association.handshake = None
        association.confirmed = allows_response(request)
        association.move(Step.ASSOCIATE)
        try:
            response = self._gate.accept(association, self._clients.get(self.client_sap), request)
        except ReplayError as error:
            association.move(Step.REJECT)
            self._events.append(AssociationFailed(self.client_sap, "ciphering"))
            return self._exception(
                StateError.SERVICE_NOT_ALLOWED,
                ServiceErrorCode.INVOCATION_COUNTER_ERROR,
                error.expected_counter,
            )
        except SecurityError as error:
            association.move(Step.REJECT)
            self._events.append(AssociationFailed(self.client_sap, "ciphering"))
            if error.kind == "authentication-tag":
                return self._exception(StateError.SERVICE_NOT_ALLOWED, ServiceErrorCode.DECIPHERING_ERROR)
            return self.channel.send(rejection(request, Refusal("ciphering")))
        except Refusal as refusal:
            association.move(Step.REJECT)
            self._events.append(AssociationFailed(self.client_sap, refusal.reason))
            if not association.confirmed:
                return self.channel.acknowledge()
            return self.channel.send(rejection(request, refusal))
        data = self.channel.send(response) if association.confirmed else self.channel.acknowledge()
        association.move(Step.CHALLENGE if association.handshake is not None else Step.ACCEPT)
        self._activate(association)
        if association.state is State.ASSOCIATED:
            self._events.append(Associated(self.client_sap, association.mechanism))
        return data

    # Associations and their counters

    def _association(self, client_sap: int) -> Association:
        known = self._associations.get(client_sap)
        if known is not None:
            return known
        client = self._clients.get(client_sap)
        association = Association(client_sap, client)
        association.state = State.CONNECTED if self._linked else State.DISCONNECTED
        if client is not None and client.pre_established:
            association.state = State.ASSOCIATED
            association.refer_by(*client.referencing)
            association.conformance = client.offered(association.referencing)
            association.server_max_receive_pdu_size = client.max_receive_pdu_size
            association.client_system_title = client.client_system_title
            association.context = self._gate.new_context(association, client)
        if len(self._associations) >= _MOST_ASSOCIATIONS:
            self._forget_one()
        self._associations[client_sap] = association
        return association

    def _forget_one(self) -> None:
        for client_sap, association in self._associations.items():
            if association.state is not State.ASSOCIATED:
                del self._associations[client_sap]
                return

    def _switch(self, client_sap: int) -> None:
        """Another client speaks; its association takes the channel over."""
        self._next_client = None
        self.association = self._association(client_sap)
        self.channel.reset_association()
        if self.state in {State.ASSOCIATED, State.AUTHENTICATING}:
            self._activate(self.association)

    def _activate(self, association: Association) -> None:
        self.channel.negotiate(
            association.conformance,
            association.client_max_receive_pdu_size,
            unanswered=association.is_silent,
        )
        client = association.client
        if client is not None and client.is_protected:
            self.channel.security = association.context

    # Endings and refusals

    def _relink(self, reason: str, *, linked: bool) -> None:
        """The link came or went; no association outlives that."""
        self._events += [
            AssociationEnded(association.client_sap, reason)
            for association in self._associations.values()
            if association.state is State.ASSOCIATED and not association.pre_established
        ]
        self._associations.clear()
        self._linked = linked
        self.association = self._association(self.channel.client_sap)

    def _refuse(
        self,
        reason: str,
        state_error: StateError,
        service_error: ServiceErrorCode,
        counter: int | None = None,
    ) -> bytes:
        self._events.append(RequestRefused(self.client_sap, reason))
        return self._exception(state_error, service_error, counter)

    def _exception(
        self, state_error: StateError, service_error: ServiceErrorCode, counter: int | None = None
    ) -> bytes:
        if not self._linked or self._in_ui_frame:
            return b""
        if self.association.is_silent:
            return self.channel.acknowledge()
        return self.channel.send(ExceptionResponse(state_error, service_error, invocation_counter=counter))


def is_confirmed(apdu: Request | Answer) -> bool:
    """Whether the service class of a request, which its response repeats, is confirmed."""
    if isinstance(apdu, _WITH_SHORT_INVOKE_ID):
        return bool((apdu.invoke_id_and_priority or 0) & _CONFIRMED)
    if isinstance(apdu, AccessRequest | AccessResponse):
        return bool((apdu.long_invoke_id_and_priority or 0) & _LONG_CONFIRMED)
    return apdu.confirmed if isinstance(apdu, WriteRequest) else True


_REQUESTS = (
    GetRequest,
    SetRequest,
    ActionRequest,
    RequestList,
    AccessRequest,
    ReadRequest,
    WriteRequest,
)
_WITH_SHORT_INVOKE_ID = (
    ActionRequest,
    ActionResponse,
    GetRequest,
    GetResponse,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
)
_PASS_3 = reply_to_hls(b"").variables[0]


def _proof_in(request: Request) -> bytes | None:
    """The encoded proof of pass 3, or ``None`` where a request is something else."""
    if isinstance(request, ActionRequest):
        target = (request.class_id, request.logical_name, request.method_id)
        if target == REPLY_TO_HLS:
            return request.parameter if isinstance(request.parameter, bytes) else b""
    elif isinstance(request, ReadRequest) and len(request.variables) == 1:
        (variable,) = request.variables
        if isinstance(variable, tuple) and isinstance(_PASS_3, tuple) and variable[0] == _PASS_3[0]:
            return variable[2]
    return None


def _pass_4(request: Request, proof: bytes | None) -> Response:
    """Our own proof, in the form that answers pass 3, or the refusal of theirs."""
    result = ActionResult.OTHER_REASON if proof is None else 0
    if isinstance(request, ActionRequest):
        return ActionResponse(result, proof, invoke_id_and_priority=request.invoke_id_and_priority or 0)
    return ReadResponse([int(result) if proof is None else proof])
