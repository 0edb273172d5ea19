"""Judging an AARQ: which of its clients a meter lets in, and on what terms.

The checks come in the order of the standard: client, version, context, mechanism and secret, title,
InitiateRequest. The first that fails names the diagnostic. Nothing is sent from here and no state is
moved.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from dlms_fw._core import (
    AssociationRequest,
    AssociationResponse,
    ConfirmedServiceError,
    InitiateRequest,
    InitiateResponse,
    Key,
    SecurityContext,
)
from dlms_fw.certificates import signing_key_of
from dlms_fw.enums import (
    AcseServiceProviderDiagnostic,
    AcseServiceUserDiagnostic,
    AssociationResult,
    Conformance,
    InitiateError,
)
from dlms_fw.errors import AuthenticationError, ConfigurationError, DecodeError
from dlms_fw.hls import Handshake, Mechanism
from dlms_fw.security import (
    COUNTER_MARGIN,
    COUNTER_STRIDE,
    SYSTEM_TITLE_LENGTH,
    SecurityPolicy,
    extend_counters,
    key_length,
)
from dlms_fw.session.aare import (
    DLMS_VERSION,
    SMALLEST_PDU_SIZE,
    VAA_NAMES,
    application_context,
)
from dlms_fw.session.server_client import Association, ServerClient, ServerCounters

_CHALLENGE_TRIES = 4
_INITIATE_REQUEST = 0x01
"""The tag of one that is not sealed."""
_MOST_COUNTERS = 16 * COUNTER_STRIDE
VERSION_1 = 0x80
"""The bit of a protocol-version that must be there where there is one."""


class Refusal(Exception):
    """An AARQ that is not accepted: how to say so, and why for the log."""

    def __init__(
        self,
        reason: str,
        diagnostic: int = AcseServiceUserDiagnostic.NO_REASON_GIVEN,
        *,
        source: int = 1,
        initiate_error: InitiateError | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.diagnostic = diagnostic
        self.source = source
        self.initiate_error = initiate_error


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets clients in; what it needs of the meter for that."""

    system_title: bytes
    challenge: Callable[[], bytes]
    counters: ServerCounters | None
    now: Callable[[], datetime] | None = None
    randomness: Callable[[int], bytes] | None = None

    def accept(
        self, association: Association, client: ServerClient | None, request: AssociationRequest
    ) -> AssociationResponse:
        """Fill ``association`` and give the AARE, or say why not.

        Raises:
            Refusal: with the diagnostic.
            SecurityError: the InitiateRequest was made with other keys, or comes again (ReplayError).
        """
        association.client = client
        if client is None:
            raise Refusal("unknown-client")
        if client.locked:
            raise Refusal("locked")
        if request.protocol_version is not None and not request.protocol_version & VERSION_1:
            raise Refusal("protocol-version", AcseServiceProviderDiagnostic.NO_COMMON_ACSE_VERSION, source=2)
        for referencing in client.referencing:
            association.refer_by(referencing)
            association.application_context = application_context(
                protected=client.is_protected, referencing=referencing
            )
            if request.application_context == association.application_context:
                break
        else:
            raise Refusal("context", AcseServiceUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED)
        mechanism = client.authentication
        association.mechanism = mechanism.id
        _check_authentication(request, client, mechanism)
        association.client_user_id = _check_user(request, client)
        ciphered = client.is_protected
        needs_keys = ciphered or mechanism.needs_keys
        if needs_keys or mechanism.needs_titles:
            association.client_system_title = self._client_title(request, client)
        if mechanism.signs:
            client = association.client = self._certified(association, client, request)
        if needs_keys:
            association.context = self.new_context(association, client)
        initiate = _open_initiate(association, request, ciphered=ciphered)
        offered = client.offered(association.referencing)
        _check_initiate(initiate, offered)
        association.conformance = int(initiate.conformance) & offered
        association.client_max_receive_pdu_size = initiate.client_max_receive_pdu_size
        association.server_max_receive_pdu_size = client.max_receive_pdu_size
        association.confirmed = initiate.response_allowed
        association.quality_of_service = initiate.quality_of_service
        if initiate.dedicated_key is not None:
            if not client.security_policy & SecurityPolicy.ENCRYPTED:
                raise Refusal("dedicated-key", initiate_error=InitiateError.OTHER)  # it may have been read
            self._use_dedicated_key(association, client, initiate.dedicated_key)
        if mechanism.high_level and not association.confirmed:
            raise Refusal("unconfirmed")  # there is no pass 2 without an answer
        own_challenge = self._own_challenge(request) if mechanism.high_level else None
        if own_challenge is not None:
            association.handshake = Handshake(
                own_challenge=own_challenge,
                peer_challenge=request.authentication_value or b"",
                own_system_title=self.system_title,
                peer_system_title=association.client_system_title,
                context=association.context,
                secret=client.secret,
                signing_key=client.asymmetric_keys.signing_key,
                peer_signing_key=client.asymmetric_keys.peer_signing_key,
            )
        return AssociationResponse(
            association.application_context,
            AssociationResult.ACCEPTED,
            AcseServiceUserDiagnostic.AUTHENTICATION_REQUIRED if mechanism.high_level else 0,
            initiate_response(association, ciphered=ciphered),
            mechanism=mechanism.id or None,
            authentication_value=own_challenge,
            responding_ap_title=None if association.client_system_title is None else self.system_title,
            responding_ae_qualifier=client.certificate if mechanism.signs else None,
        )

    def new_context(
        self, association: Association, client: ServerClient, *, dedicated_key: Key | None = None
    ) -> SecurityContext | None:
        """Keys and counters for a client; ``None`` where it has no keys."""
        key = None if client.keys is None else client.keys.counter_key
        if client.keys is None or key is None or self.counters is None:
            return None
        fingerprint = association.key_fingerprint = key.fingerprint
        last_accepted = self.counters.last_accepted(fingerprint)
        taken = self.counters.reserve(fingerprint, COUNTER_STRIDE)
        protection, policy = client.protection, client.security_policy
        context = SecurityContext(
            client.security_suite,
            protection.responses(policy),
            system_title=self.system_title,
            peer_system_title=association.client_system_title or client.client_system_title,
            global_unicast_encryption_key=client.keys.global_unicast_encryption_key,
            authentication_key=client.keys.authentication_key,
            global_broadcast_encryption_key=client.keys.global_broadcast_encryption_key,
            dedicated_key=dedicated_key,
            invocation_counter=taken.start,
            counter_limit=taken.stop,
            peer_invocation_counter=None if last_accepted < 0 else last_accepted,
            general=protection.ciphering == "general",
            floor=protection.requests(policy),
        )
        if client.conformance & Conformance.GENERAL_PROTECTION and self.randomness is not None:
            protection.prepare(context, client.keys, client.asymmetric_keys, self.randomness, answering=True)
        return context

    def prepare_counters(self, association: Association) -> None:
        """Have counters to send with."""
        context, counters = association.context, self.counters
        if context is not None and counters is not None and context.counters_left < COUNTER_MARGIN:
            association.counters_taken = min(2 * association.counters_taken, _MOST_COUNTERS)
            extend_counters(
                context,
                lambda count: counters.reserve(association.key_fingerprint, count),
                association.counters_taken,
            )

    def learn_counter(self, association: Association) -> None:
        """Have counters to send with, and know what was accepted over other links under the same key."""
        self.prepare_counters(association)
        context, counters = association.context, self.counters
        if context is not None and counters is not None:
            ours = context.peer_invocation_counter
            last_accepted = counters.last_accepted(association.key_fingerprint)
            if last_accepted > (-1 if ours is None else ours):
                context.peer_invocation_counter = last_accepted

    def note_counter(self, association: Association) -> None:
        """Tell the meter the highest counter that was verified, before it acts on the message."""
        context, counters = association.context, self.counters
        if context is not None and counters is not None:
            counter, fingerprint = context.peer_invocation_counter, association.key_fingerprint
            if counter is not None and counter > counters.last_accepted(fingerprint):
                counters.accepted(fingerprint, counter)

    def _client_title(self, request: AssociationRequest, client: ServerClient) -> bytes:
        title = request.calling_ap_title
        pinned = client.client_system_title
        if title is None or len(title) != SYSTEM_TITLE_LENGTH or title == self.system_title:
            raise Refusal("title", AcseServiceUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED)
        if pinned is not None and title != pinned:
            raise Refusal("title", AcseServiceUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED)
        return title

    def _certified(
        self, association: Association, client: ServerClient, request: AssociationRequest
    ) -> ServerClient:
        """The client with its public signing key, pinned or out of the certificate that it sends."""
        if client.asymmetric_keys.peer_signing_key is not None:
            return client
        certificate, title = request.calling_ae_qualifier, association.client_system_title
        unknown = Refusal("certificate", AcseServiceUserDiagnostic.CALLING_AE_QUALIFIER_NOT_RECOGNIZED)
        if not certificate or title is None or self.now is None:
            raise unknown
        anchors = client.trust_anchors
        try:
            key = signing_key_of(certificate, anchors=anchors, system_title=title, now=self.now())
        except AuthenticationError:
            raise unknown from None
        return replace(client, asymmetric_keys=replace(client.asymmetric_keys, peer_signing_key=key))

    def _use_dedicated_key(self, association: Association, client: ServerClient, octets: bytes) -> None:
        if len(octets) != key_length(client.security_suite):
            raise Refusal("ciphering", initiate_error=InitiateError.OTHER)
        self.note_counter(association)
        association.context = self.new_context(association, client, dedicated_key=Key(octets))

    def _own_challenge(self, request: AssociationRequest) -> bytes:
        for _ in range(_CHALLENGE_TRIES):
            challenge = self.challenge()
            if challenge != request.authentication_value:
                return challenge
        raise ConfigurationError("the challenges are not random")


def allows_response(request: AssociationRequest) -> bool:
    """Whether the client wants an answer, as far as that can be read before its InitiateRequest is opened."""
    initiate = request.user_information
    if not initiate or initiate[0] != _INITIATE_REQUEST:
        return True  # sealed mostly
    try:
        return InitiateRequest.decode(initiate).response_allowed
    except DecodeError:
        return True


def initiate_response(association: Association, *, ciphered: bool) -> bytes:
    """Our InitiateResponse to this client, sealed where the association is ciphered."""
    plain = InitiateResponse(
        association.conformance,
        association.server_max_receive_pdu_size,
        quality_of_service=association.quality_of_service,
        vaa_name=VAA_NAMES[association.referencing],
    ).encode()
    return association.context.seal(plain) if ciphered and association.context is not None else plain


def rejection(request: AssociationRequest, refusal: Refusal) -> AssociationResponse:
    """The AARE that refuses, with a confirmedServiceError where the InitiateRequest was the matter."""
    user_information: bytes | None = None
    if refusal.initiate_error is not None:
        user_information = ConfirmedServiceError(1, 6, refusal.initiate_error).encode()
    return AssociationResponse(
        request.application_context,
        AssociationResult.REJECTED_PERMANENT,
        refusal.diagnostic,
        user_information,
        diagnostic_source=refusal.source,
    )


def _check_authentication(request: AssociationRequest, client: ServerClient, mechanism: Mechanism) -> None:
    value = request.authentication_value or b""
    if request.mechanism is None and mechanism.id != 0:
        diagnostic = (
            AcseServiceUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED
            if value
            else AcseServiceUserDiagnostic.AUTHENTICATION_REQUIRED
        )
        raise Refusal("mechanism", diagnostic)
    if (request.mechanism or 0) != mechanism.id:
        raise Refusal("mechanism", AcseServiceUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED)
    if mechanism.id != 0 and not request.acse_requirements:
        raise Refusal("requirements", AcseServiceUserDiagnostic.AUTHENTICATION_REQUIRED)
    if request.authentication_value_choice != 0:
        raise Refusal("authentication-value", AcseServiceUserDiagnostic.AUTHENTICATION_FAILURE)
    if mechanism.high_level and len(value) not in mechanism.challenge_lengths:
        raise Refusal("challenge", AcseServiceUserDiagnostic.AUTHENTICATION_FAILURE)
    if mechanism.needs_secret and not mechanism.high_level:
        secret = b"" if client.secret is None else client.secret.expose()
        if not secret or not hmac.compare_digest(value, secret):
            raise Refusal("password", AcseServiceUserDiagnostic.AUTHENTICATION_FAILURE)


def _check_user(request: AssociationRequest, client: ServerClient) -> int | None:
    if client.users is not None and request.client_user_id not in client.users:
        raise Refusal("user", AcseServiceUserDiagnostic.CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED)
    return request.client_user_id


def _open_initiate(
    association: Association, request: AssociationRequest, *, ciphered: bool
) -> InitiateRequest:
    user_information = request.user_information or b""
    try:
        if ciphered:
            if user_information[:1] == b"\x01" or association.context is None:
                raise Refusal("ciphering", initiate_error=InitiateError.OTHER)
            user_information = association.context.open(user_information)
        return InitiateRequest.decode(user_information)
    except DecodeError:
        raise Refusal("malformed", initiate_error=InitiateError.OTHER) from None


def _check_initiate(initiate: InitiateRequest, offered: int) -> None:
    if initiate.dlms_version_number < DLMS_VERSION:
        raise Refusal("version", initiate_error=InitiateError.DLMS_VERSION_TOO_LOW)
    if not int(initiate.conformance) & int(offered):  # the operators of a flag are slow
        raise Refusal("conformance", initiate_error=InitiateError.INCOMPATIBLE_CONFORMANCE)
    if 0 < initiate.client_max_receive_pdu_size < SMALLEST_PDU_SIZE:
        raise Refusal("pdu-size", initiate_error=InitiateError.PDU_SIZE_TOO_SHORT)
