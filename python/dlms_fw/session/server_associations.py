"""The associations of one link as a meter lives them: how each begins, is proved, has the channel, and ends.

One per client; whoever speaks has the channel. Whether an AARQ is let in is judged by
:mod:`dlms_fw.session.acceptance`; octets and requests are the matter of :mod:`dlms_fw.session.server`.
"""

from __future__ import annotations

from collections.abc import Mapping

from dlms_fw import axdr
from dlms_fw._core import AssociationRequest, Channel, ExceptionResponse, ReleaseRequest, ReleaseResponse
from dlms_fw.enums import ServiceErrorCode, StateError
from dlms_fw.errors import DecodeError, ReplayError, SecurityError
from dlms_fw.session.acceptance import Gate, Refusal, allows_response, initiate_response, rejection
from dlms_fw.session.events import (
    Associated,
    AssociationEnded,
    AssociationFailed,
    RequestRefused,
    ServerEvent,
)
from dlms_fw.session.requests import Request
from dlms_fw.session.server_client import Association, ServerClient
from dlms_fw.session.server_passes import pass_4
from dlms_fw.session.states import State, Step

_MOST_ASSOCIATIONS = 16


class ServerAssociations:
    """The associations on one link to a meter, and their answers to AARQ, pass 3 and RLRQ.

    Args:
        channel: The link.
        clients: The clients by SAP; looked up anew at each AARQ.
        gate: Lets clients in.
    """

    __slots__ = (
        "_associations",
        "_clients",
        "_events",
        "_gate",
        "_in_ui_frame",
        "_linked",
        "_next_client",
        "association",
        "channel",
    )

    def __init__(self, channel: Channel, clients: Mapping[int, ServerClient], gate: Gate) -> None:
        self.channel = channel
        self._clients = clients
        self._gate = gate
        self._associations: dict[int, Association] = {}
        self._linked = channel.connected
        self._events: list[ServerEvent] = []
        self._next_client: int | None = None
        self._in_ui_frame = False
        self.association = self._association(channel.client_sap)

    @property
    def client_sap(self) -> int:
        """The client of the events just returned."""
        return self.association.client_sap

    @property
    def state(self) -> State:
        """The state of that client's association."""
        return self.association.state

    # What opens, proves and ends one

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
            data = self.channel.send(pass_4(request, None))
            association.move(Step.DISPROVE)
            self.channel.reset_association()
            self._events.append(AssociationFailed(self.client_sap, "proof"))
            return data
        data = self.channel.send(pass_4(request, axdr.octet_string.encode(mechanism.prove(handshake))))
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

    # One for each client

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
