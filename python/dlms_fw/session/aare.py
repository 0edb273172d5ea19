"""Reading the meter's answer to an AARQ: what it may say, and what its refusal means in words.

What was accepted must be what was asked for, or less: same context, same mechanism, the pinned title, a
protected InitiateResponse where ours was, no service that was not proposed. Nothing here keeps a state.
"""

from __future__ import annotations

from dlms_fw._core import (
    AssociationResponse,
    ConfirmedServiceError,
    ExceptionResponse,
    InitiateResponse,
    SecurityContext,
)
from dlms_fw.enums import (
    AcseServiceProviderDiagnostic,
    AcseServiceUserDiagnostic,
    ApplicationContext,
    Conformance,
    InitiateError,
    ServiceErrorCode,
)
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    DlmsError,
    RemoteProtocolError,
    ReplayError,
    SecurityError,
)
from dlms_fw.profiles import Profile, Referencing
from dlms_fw.security import SYSTEM_TITLE_LENGTH

DLMS_VERSION = 6
VAA_NAMES: dict[Referencing, int] = {"logical-name": 0x0007, "short-name": 0xFA00}
"""The vaa-name of an association by its referencing."""
SMALLEST_PDU_SIZE = 12
"""Octets; who takes less could not even take an error."""

PROPOSED_CONFORMANCE = (
    Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET
    | Conformance.PRIORITY_MGMT_SUPPORTED
    | Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.DATA_NOTIFICATION
    | Conformance.ACCESS
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.EVENT_NOTIFICATION
    | Conformance.ACTION
)
"""What is proposed with every profile."""


SHORT_NAME_CONFORMANCE = (
    Conformance.READ
    | Conformance.WRITE
    | Conformance.UNCONFIRMED_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.INFORMATION_REPORT
    | Conformance.PARAMETERIZED_ACCESS
)
"""The services of an association with short names."""


def proposed_conformance(profile: Profile) -> Conformance:
    """The services that a client with this profile proposes; what it does not propose is never used."""
    proposed = SHORT_NAME_CONFORMANCE if profile.referencing == "short-name" else PROPOSED_CONFORMANCE
    if profile.general_block_transfer != "off":
        proposed |= Conformance.GENERAL_BLOCK_TRANSFER
    if profile.protection.is_general:
        proposed |= Conformance.GENERAL_PROTECTION
    return proposed


LOCK_OUT = "a meter may lock itself after several wrong tries: do not repeat this before it is understood"
_KEYS = f"check the keys, the system titles and the security suite; {LOCK_OUT}"

_CALLED = "an AARQ of ours names no such thing: the meter is confused, or the request was changed on its way"
_HINTS: dict[AcseServiceUserDiagnostic, str] = {
    AcseServiceUserDiagnostic.NULL: "the meter says nothing about why",
    AcseServiceUserDiagnostic.NO_REASON_GIVEN: (
        "check client_sap, server_sap, keys and policy; the meter may be locked or busy with another client"
    ),
    AcseServiceUserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED: (
        "check security_policy: this client is used with ciphering only, or without only"
    ),
    AcseServiceUserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED: "check system_title",
    AcseServiceUserDiagnostic.CALLING_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED: _CALLED,
    AcseServiceUserDiagnostic.CALLING_AE_QUALIFIER_NOT_RECOGNIZED: (
        "check certificate: the meter must know who has signed it"
    ),
    AcseServiceUserDiagnostic.CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED: (
        "check client_user_id: the meter has a list of users"
    ),
    AcseServiceUserDiagnostic.CALLED_AP_TITLE_NOT_RECOGNIZED: _CALLED,
    AcseServiceUserDiagnostic.CALLED_AP_INVOCATION_IDENTIFIER_NOT_RECOGNIZED: _CALLED,
    AcseServiceUserDiagnostic.CALLED_AE_QUALIFIER_NOT_RECOGNIZED: _CALLED,
    AcseServiceUserDiagnostic.CALLED_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED: _CALLED,
    AcseServiceUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED: "check authentication",
    AcseServiceUserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED: "check authentication",
    AcseServiceUserDiagnostic.AUTHENTICATION_FAILURE: f"check password and keys; {LOCK_OUT}",
    AcseServiceUserDiagnostic.AUTHENTICATION_REQUIRED: "check authentication: this client must prove itself",
}
_PROVIDER_HINTS: dict[AcseServiceProviderDiagnostic, str] = {
    AcseServiceProviderDiagnostic.NULL: "the meter says nothing about why",
    AcseServiceProviderDiagnostic.NO_REASON_GIVEN: "the meter may be busy, or restart; try again later",
    AcseServiceProviderDiagnostic.NO_COMMON_ACSE_VERSION: "the meter knows another version of ACSE only",
}
_INITIATE_TEXTS = {
    InitiateError.OTHER: "other initiate error",
    InitiateError.DLMS_VERSION_TOO_LOW: "DLMS version too low",
    InitiateError.INCOMPATIBLE_CONFORMANCE: "none of the services proposed is offered",
    InitiateError.PDU_SIZE_TOO_SHORT: "max_pdu_size too small",
    InitiateError.REFUSED_BY_THE_VDE_HANDLER: "refused by the VDE handler",
}


def application_context(*, protected: bool, referencing: Referencing = "logical-name") -> ApplicationContext:
    """The application context: ciphered as soon as anything is protected."""
    if referencing == "short-name":
        return (
            ApplicationContext.SHORT_NAME_REFERENCING_WITH_CIPHERING
            if protected
            else ApplicationContext.SHORT_NAME_REFERENCING_NO_CIPHERING
        )
    return (
        ApplicationContext.LOGICAL_NAME_REFERENCING_WITH_CIPHERING
        if protected
        else ApplicationContext.LOGICAL_NAME_REFERENCING_NO_CIPHERING
    )


def check_names(response: AssociationResponse, profile: Profile) -> None:
    """Context and mechanism must be those of the request, and the diagnostic must agree with acceptance.

    Raises:
        RemoteProtocolError: where they do not.
    """
    asked = application_context(protected=profile.is_protected, referencing=profile.referencing)
    if response.application_context != asked:
        raise RemoteProtocolError(
            f"application context {response.application_context} was accepted, {asked.value} was asked for"
        )
    mechanism = profile.authentication
    if response.mechanism != mechanism.id and (mechanism.high_level or response.mechanism is not None):
        raise RemoteProtocolError(
            f"authentication mechanism {response.mechanism} was accepted, {mechanism.id} was asked for"
        )
    if response.authentication_value is not None and response.authentication_value_choice != 0:
        raise RemoteProtocolError("the meter's authentication value is not a charstring")
    pending = response.diagnostic == AcseServiceUserDiagnostic.AUTHENTICATION_REQUIRED
    if response.diagnostic != 0 and not (mechanism.high_level and pending):
        raise RemoteProtocolError(f"the meter accepted with diagnostic {response.diagnostic}")


def system_title(response: AssociationResponse, profile: Profile) -> bytes | None:
    """The meter's system title: the responding one, which must be the pinned one, or else the pinned one.

    Raises:
        AuthenticationError: another meter answered than the pinned one.
        RemoteProtocolError: a title is needed, and there is none of 8 octets.
    """
    pinned = profile.meter_system_title
    title = response.responding_ap_title or pinned
    if pinned is not None and title != pinned:
        raise AuthenticationError(
            f"a meter of system title {(title or b'').hex().upper()} answered, not {pinned.hex().upper()}",
            kind="system-title",
        )
    if profile.needs_titles and (title is None or len(title) != SYSTEM_TITLE_LENGTH):
        raise RemoteProtocolError("the AARE has no system title of 8 octets")
    return title


def open_initiate(
    response: AssociationResponse, profile: Profile, context: SecurityContext | None
) -> InitiateResponse:
    """The InitiateResponse, opened where ours was sealed, and within what was proposed.

    Raises:
        SecurityError: it is protected too little, or by somebody else.
        RemoteProtocolError: it is missing, or offers what was not proposed.
    """
    user_information = response.user_information
    if not user_information:
        raise RemoteProtocolError("the AARE has no user information")
    if context is not None and profile.is_protected:
        if user_information[0] in {0x08, 0x0E}:  # InitiateResponse and confirmedServiceError in clear
            raise SecurityError("the InitiateResponse is not protected, our request was", kind="downgrade")
        try:
            user_information = context.open(user_information)
        except ReplayError as error:
            raise counter_went_back(error.expected_counter) from error
    initiate = InitiateResponse.decode(user_information)
    if initiate.dlms_version_number != DLMS_VERSION:
        raise RemoteProtocolError(f"the meter speaks DLMS version {initiate.dlms_version_number}, not 6")
    vaa_name = VAA_NAMES[profile.referencing]
    if initiate.vaa_name != vaa_name:
        raise RemoteProtocolError(
            f"the meter answered with vaa-name {initiate.vaa_name:#06x}, not {vaa_name:#06x}"
        )
    if int(initiate.conformance) & ~int(proposed_conformance(profile)):  # the operators of a flag are slow
        raise RemoteProtocolError("the meter negotiated services that were not proposed")
    if profile.protection.is_general and not initiate.conformance & Conformance.GENERAL_PROTECTION:
        raise RemoteProtocolError("the meter has no general protection, which this profile needs")
    if 0 < initiate.server_max_receive_pdu_size < SMALLEST_PDU_SIZE:
        raise RemoteProtocolError(
            f"the meter takes APDUs of at most {initiate.server_max_receive_pdu_size} octets, "
            f"{SMALLEST_PDU_SIZE} are the least"
        )
    return initiate


def rejection(response: AssociationResponse) -> AssociationRejected:
    """The error for an AARE that does not accept."""
    hint: str | None = None
    known: AcseServiceUserDiagnostic | AcseServiceProviderDiagnostic
    try:
        if response.diagnostic_source == 1:
            known = AcseServiceUserDiagnostic(response.diagnostic)
            hint = _HINTS[known]
        else:
            known = AcseServiceProviderDiagnostic(response.diagnostic)
            hint = _PROVIDER_HINTS[known]
        reason = known.name.lower().replace("_", " ")
    except ValueError:
        reason = f"diagnostic {response.diagnostic}"
    if (initiate := _initiate_error(response.user_information)) is not None:
        reason = f"{reason}, {initiate}"
    for_good = "for now " if response.result == 2 else ""
    return AssociationRejected(
        f"the meter refused the association {for_good}({reason})",
        association_result=response.result,
        diagnostic=response.diagnostic,
        hint=hint,
    )


def refused_initiate(response: ConfirmedServiceError) -> AssociationRejected:
    """The error for a confirmedServiceError in place of an AARE."""
    codes = f"{response.service}/{response.error_choice}/{response.value}"
    reason = _initiate_error(response.encode()) or f"confirmed service error {codes}"
    return AssociationRejected(
        f"the meter refused the association ({reason})", association_result=1, diagnostic=0
    )


def _initiate_error(user_information: bytes | None) -> str | None:
    # confirmedServiceError of service initiateError and choice initiate, as refused InitiateRequests get it.
    if user_information is None or len(user_information) != 4 or user_information[:3] != b"\x0e\x01\x06":
        return None
    try:
        return _INITIATE_TEXTS[InitiateError(user_information[3])]
    except ValueError:
        return f"initiate error {user_information[3]}"


def counter_went_back(expected: int | None) -> ReplayError:
    """The error for a meter whose own invocation counter is not above the last one that we know of it."""
    error = ReplayError(
        "the meter's invocation counter is not above the last one seen: this may be a replay",
        kind="replay",
        expected_counter=expected,
    )
    error.hint = "if this meter was replaced or reset, set trust_meter_counter_reset in the profile"
    return error


def exception_error(response: ExceptionResponse) -> DlmsError:
    """The error for an exception-response in place of an AARE or of pass 4."""
    if response.service_error == ServiceErrorCode.INVOCATION_COUNTER_ERROR:
        replay = ReplayError(
            "the meter refused our invocation counter: it has accepted a higher one before",
            kind="invocation-counter",
            expected_counter=response.invocation_counter,
        )
        replay.hint = (
            "does another program use this key with our system_title? "
            "is invocation_counter_object the one of this key?"
        )
        return replay
    if response.service_error == ServiceErrorCode.DECIPHERING_ERROR:
        error = AuthenticationError("the meter could not decipher our message", kind="deciphering")
        error.hint = _KEYS
        return error
    return AssociationRejected(
        f"the meter refused the association by an exception "
        f"(state error {response.state_error}, service error {response.service_error})",
        association_result=1,
        diagnostic=0,
    )


def proof_error(what: str, *, kind: str = "authentication-proof") -> AuthenticationError:
    """The error for a proof that failed on either side."""
    error = AuthenticationError(what, kind=kind)
    error.hint = _KEYS
    return error
