"""What the blocking and the asyncio client share: everything that needs no waiting.

Which framing a session gets, what an answer means to the caller, and what a failure means for an
association or a transfer. Nothing here opens, sends, sleeps or looks at a clock.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dlms_fw import axdr
from dlms_fw._core import (
    AccessResponse,
    ActionResponse,
    ConfirmedServiceError,
    DataNotification,
    Discarded,
    EventNotification,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    HdlcFraming,
    InformationReport,
    ReadResponse,
    ResponseList,
    SetResponse,
    WrapperFraming,
    WriteResponse,
)
from dlms_fw.confirmed_service_errors import confirmed_service_error_text
from dlms_fw.cosem.interface import AttributeRef, MethodCall
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import ActionResult, DataAccessResult, ServiceErrorCode, StateError
from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    DlmsError,
    LinkError,
    LocalProtocolError,
    RemoteProtocolError,
    ReplayError,
    ResponseTimeout,
    ServiceError,
    TransferIncomplete,
    TransportError,
)
from dlms_fw.notifications import notification
from dlms_fw.profiles import Profile
from dlms_fw.security import SecurityPolicy
from dlms_fw.session.client import ClientSession, Message, wants_answer
from dlms_fw.session.states import State
from dlms_fw.transfer import LinkFacts, Medium, Transfer, TransferPolicy

if TYPE_CHECKING:
    from dlms_fw._core import Event

_LOG = logging.getLogger("dlms_fw.client")
_T = TypeVar("_T")

PUBLIC_CLIENT_SAP = 16
LOGICAL_DEVICE_NAME = GetRequest(1, bytes((0, 0, 42, 0, 0, 255)), 2)

Answer: TypeAlias = GetResponse | SetResponse | ActionResponse | ExceptionResponse
TransferResponse: TypeAlias = Answer | ResponseList
Response: TypeAlias = (
    Answer | ResponseList | AccessResponse | ConfirmedServiceError | ReadResponse | WriteResponse
)
RESPONSES = (
    ActionResponse,
    GetResponse,
    SetResponse,
    ResponseList,
    AccessResponse,
    ExceptionResponse,
    ConfirmedServiceError,
    ReadResponse,
    WriteResponse,
)
"""What ends the wait for an answer."""

_MEDIA: dict[str, Medium] = {"tcp": "stream", "sim": "stream", "udp": "datagram"}
"""What carries the wrapper, by the scheme of the address; all others are HDLC."""
BUSY_POLL_S = 1.0
"""Between two questions to a meter that has said that it is not ready to receive."""
_UDP_REPETITION_S = 3.0
_LEAST_UDP_TRIES = 4
_MOST_UDP_ASSOCIATION_ATTEMPTS = 5
_PUBLIC_TIMEOUT_S = 10.0
"""A meter without a public client may say nothing to it."""


@dataclass(slots=True)
class Statistics:
    """What a client has done since it was made.

    Attributes:
        associations: Times an association was established.
        counters_read: Times a meter was asked for its invocation counter.
        requests: Service requests sent.
        octets_sent: On the line.
        octets_received: From the line.
        discarded: APDUs that were refused and dropped, by reason.
    """

    associations: int = 0
    counters_read: int = 0
    requests: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    discarded: dict[str, int] = field(default_factory=dict)


def framing(endpoint: Endpoint, profile: Profile, *, group: bool = False) -> WrapperFraming | HdlcFraming:
    """How octets are framed there; what the address says goes before what the profile says.

    Args:
        endpoint: The address.
        profile: Who we are.
        group: Whether the address is that of a group, to which there is no link: over HDLC all goes in UI
            frames.

    Raises:
        ConfigurationError: the address is that of all stations, or has no form in HDLC.
    """
    client_sap = profile.client_sap if endpoint.client_sap is None else endpoint.client_sap
    server_sap = profile.server_sap if endpoint.server_sap is None else endpoint.server_sap
    if not endpoint.is_hdlc:
        _check_one_station(server_sap)
        if endpoint.scheme == "udp":
            _check_answers_can_be_told_apart(profile)
            return WrapperFraming(
                client_sap,
                server_sap,
                gateway=profile.gateway,
                datagrams=True,
                max_retries=_udp_retries(profile),
            )
        return WrapperFraming(client_sap, server_sap, gateway=profile.gateway)
    hdlc = profile.hdlc
    linkless = group or (profile.pre_established and hdlc.unconfirmed_as_ui)
    server_lower = hdlc.server_lower if endpoint.server_lower is None else endpoint.server_lower
    _check_one_station(server_sap, server_lower, hdlc.address_size)
    try:
        return HdlcFraming(
            client_sap,
            server_sap,
            server_lower,
            address_size=hdlc.address_size,
            max_info_field_length_transmit=hdlc.max_info_field_length,
            max_info_field_length_receive=hdlc.max_info_field_length,
            window_size_transmit=hdlc.window_size,
            window_size_receive=hdlc.window_size,
            unconfirmed_as_ui=group or hdlc.unconfirmed_as_ui,
            gateway=profile.gateway,
            max_info_field_length_unconfirmed=hdlc.max_info_field_length if linkless else None,
        )
    except (ValueError, OverflowError) as error:
        lower = "none" if server_lower is None else server_lower
        raise ConfigurationError(
            f"HDLC has no such address: client {client_sap}, server {server_sap}, lower {lower}, "
            f"address_size {hdlc.address_size or 'the shortest'} ({error})",
            code="configuration.address",
            hint="a client goes up to 127; a server address of 1 octet up to 127 and has no lower half, "
            "one of 2 or 4 octets has both, up to 127 or 16383 each",
        ) from error


def _check_one_station(upper: int, lower: int | None = None, address_size: int | None = 1) -> None:
    # Halves of 14 bits are used where asked for or needed; over the wrapper the address is that of 7 bits.
    wide = address_size == 4 or (address_size is None and max(upper, lower or 0) > 0x7F)
    all_stations = 0x3FFF if wide else 0x7F
    if all_stations in {upper, lower}:
        raise ConfigurationError(
            f"the server address {all_stations} is that of all stations",
            code="configuration.address",
            hint="a client talks to one meter; name its own address",
        )


def keep_alive_interval(framed: WrapperFraming | HdlcFraming, profile: Profile) -> float:
    """Seconds of a pause after which an HDLC link needs a sign of life; never over the wrapper."""
    # Within half of the timeout there is time for one that gets lost.
    return 0.45 * profile.hdlc.inactivity_timeout_s if isinstance(framed, HdlcFraming) else math.inf


def patience(session: ClientSession, response_timeout_s: float) -> float:
    """Seconds to wait for the next octets; a meter that has said that it is busy is asked again sooner."""
    return min(BUSY_POLL_S, response_timeout_s) if session.channel.peer_busy else response_timeout_s


def _check_answers_can_be_told_apart(profile: Profile) -> None:
    """Over UDP an answer may come twice or late; an invoke id or a counter must tell it from the next one."""
    if profile.referencing == "short-name" and not profile.is_protected:
        raise ConfigurationError(
            "short names have no invoke ids: over UDP a doubled answer would pass for the next one",
            code="configuration.address",
            hint="use tcp://, or protect the messages, so that counters tell answers apart",
        )


def silence(endpoint: Endpoint, profile: Profile) -> float:
    """Seconds without an octet after which something is repeated or has failed.

    Over UDP the response timeout is what a request has altogether; it is repeated several times meanwhile.
    """
    return _udp_repetition(profile) if endpoint.scheme == "udp" else profile.response_timeout_s


def _udp_repetition(profile: Profile) -> float:
    return min(_UDP_REPETITION_S, profile.response_timeout_s / _LEAST_UDP_TRIES)


def _udp_retries(profile: Profile) -> int:
    return min(0xFF, round(profile.response_timeout_s / _udp_repetition(profile)) - 1)


def association_attempts(endpoint: Endpoint, profile: Profile) -> int:
    """How often an association is begun where a message of it may have been lost."""
    if endpoint.scheme != "udp":
        return 1
    return min(_MOST_UDP_ASSOCIATION_ATTEMPTS, 1 + _udp_retries(profile))


def may_be_lost(error: DlmsError) -> bool:
    """Whether an association over UDP may have failed by a datagram that was lost, doubled or late.

    A refused secret is none of these.
    """
    return isinstance(error, ResponseTimeout | RemoteProtocolError) and not isinstance(error, LinkError)


def public_endpoint(endpoint: Endpoint) -> Endpoint:
    """The same place for the public client, whatever client the address names."""
    return replace(endpoint, client_sap=PUBLIC_CLIENT_SAP)


def public_profile(profile: Profile) -> Profile:
    """The public client of the same meter, with no secret and no more patience than that needs."""
    return Profile(
        name=f"{profile.name}, public client",
        client_sap=PUBLIC_CLIENT_SAP,
        server_sap=profile.server_sap,
        max_pdu_size=profile.max_pdu_size,
        referencing=profile.referencing,
        short_names=profile.short_names,
        general_block_transfer=profile.general_block_transfer,
        general_block_transfer_window=profile.general_block_transfer_window,
        general_block_transfer_acknowledge_last=profile.general_block_transfer_acknowledge_last,
        hdlc=profile.hdlc,
        gateway=profile.gateway,
        connect_timeout_s=profile.connect_timeout_s,
        response_timeout_s=min(profile.response_timeout_s, _PUBLIC_TIMEOUT_S),
        request_deadline_s=profile.request_deadline_s,
    )


def may_be_counter(error: DlmsError) -> bool:
    """Whether a failed association may come from a counter of ours that is too low.

    That is looked into without another try to authenticate; only a meter whose counter is indeed above ours
    is tried again, once.
    """
    return isinstance(error, ReplayError | AssociationRejected | ResponseTimeout | LinkError) or (
        isinstance(error, AuthenticationError) and error.kind == "deciphering"
    )


def does_not_tell(error: DlmsError) -> bool:
    """Whether a meter, asked for its counter through the public client, has no such client or no such object.

    A link that breaks while asking is no such answer: to begin anywhere then could use a counter twice.
    """
    return isinstance(error, ServiceError | AssociationRejected | RemoteProtocolError | ResponseTimeout)


def expected_counter(error: DlmsError) -> int | None:
    """The counter that the meter asks for, where the error says so."""
    return error.expected_counter if isinstance(error, ReplayError) else None


def is_loss(error: DlmsError) -> bool:
    """Whether a transfer goes on after this: the link is gone or the meter is away, but nobody is suspect.

    A refused password or key is not repeated: a meter may lock itself.
    """
    if isinstance(error, TransportError | LinkError):
        return True
    return isinstance(error, AssociationRejected) and (
        error.association_result == 2 or error.diagnostic in {0, 1}
    )


def ending(error: BaseException, transfer: Transfer) -> DlmsError:
    """What a transfer ends with, after whatever has stopped its driver."""
    if isinstance(error, DlmsError):
        return error
    return TransferIncomplete(
        f"interrupted ({type(error).__name__}); the same call goes on where it stopped",
        state=transfer.state.value,
        retryable=True,
    )


# Answers


def value_of(ref: AttributeRef[_T], response: Response) -> _T:
    """The value of an attribute in an answer. Raises ServiceError, DecodeError."""
    raise_refusal(response, f"GET {ref!r}")
    if not isinstance(response, GetResponse):
        raise wrong_answer(response, "GET")
    if response.result != 0 or response.data is None:
        raise _data_access_error(response.result, f"GET {ref!r}")
    return ref.decode(response.data)


def check_set(ref: AttributeRef[Any], response: Response) -> None:
    """Raises ServiceError where an attribute was not written."""
    raise_refusal(response, f"SET {ref!r}")
    if not isinstance(response, SetResponse):
        raise wrong_answer(response, "SET")
    if response.result != 0:
        raise _data_access_error(response.result, f"SET {ref!r}")


def returned_by(call: MethodCall[_T], response: Response) -> _T:
    """The return parameters of a method in an answer. Raises ServiceError, DecodeError."""
    raise_refusal(response, f"ACTION {call!r}")
    if not isinstance(response, ActionResponse):
        raise wrong_answer(response, "ACTION")
    if response.result != 0:
        name = _name(ActionResult, response.result)
        raise ServiceError(f"ACTION {call!r}: {name}", result=response.result)
    if response.data_result:
        raise _data_access_error(response.data_result, f"ACTION {call!r}, return parameters")
    return call.decode(response.data)


def check_unanswered(message: Message) -> None:
    """Raises LocalProtocolError where a message would be answered."""
    if wants_answer(message):
        raise LocalProtocolError("the meter would answer this; exchange it")


def is_settled(session: ClientSession) -> bool:
    """Whether the link has delivered what no answer will acknowledge, where the meter never answers."""
    unanswered = session.profile.is_unanswered and session.state is not State.DISCONNECTED
    return not unanswered or session.is_linkless or session.channel.idle


def single(response: Response) -> Answer:
    """The answer to a request that was no list. Raises ServiceError, RemoteProtocolError."""
    if isinstance(response, ConfirmedServiceError):
        raise _confirmed_service_error(response, "request")
    if isinstance(response, ResponseList | AccessResponse | ReadResponse | WriteResponse):
        raise wrong_answer(response, "request for one thing")
    return response


def counter_request(profile: Profile) -> GetRequest:
    """Reads the Data object 0-0:43.1.e.255: the last counter that the meter has accepted under our key."""
    return GetRequest(1, bytes((0, 0, 43, 1, profile.invocation_counter_object, 255)), 2)


def counter_of(response: Response) -> int:
    """The counter in the answer. Raises ServiceError, DecodeError."""
    raise_refusal(response, "GET invocation counter")
    if not isinstance(response, GetResponse):
        raise wrong_answer(response, "GET")
    if response.result != 0 or response.data is None:
        raise _data_access_error(response.result, "GET invocation counter")
    return axdr.double_long_unsigned.decode(response.data)


def logical_device_name(response: Response) -> str | None:
    """The logical device name in the answer, as hex; ``None`` where the meter does not tell it."""
    if not isinstance(response, GetResponse) or response.data is None:
        return None
    try:
        return axdr.text_or_octets.decode(response.data).hex().upper() or None
    except RemoteProtocolError:
        return None


def note_aside(event: Event, statistics: Statistics, notify: Callable[[Any], None] | None) -> None:
    """What came besides the answer: counted, logged, or handed on with its values decoded."""
    if isinstance(event, Discarded):
        statistics.discarded[event.reason] = statistics.discarded.get(event.reason, 0) + 1
        _LOG.warning("an APDU was dropped: %s", event.reason)
    elif isinstance(event, DataNotification | EventNotification | InformationReport) and notify is not None:
        try:
            told = notification(event)
        except DecodeError as error:
            statistics.discarded[error.kind] = statistics.discarded.get(error.kind, 0) + 1
            _LOG.warning("a notification was dropped: %s", error)
        else:
            notify(told)


def link_facts(session: ClientSession, endpoint: Endpoint) -> LinkFacts:
    """What one request may carry on this association, and over what."""
    association = session.association
    if association is None:
        return LinkFacts()
    profile = session.profile
    overhead = profile.protection.overhead(profile.security_suite) if profile.is_protected else 0
    return LinkFacts(
        max_pdu_size=association.server_max_receive_pdu_size,
        ciphering_overhead=overhead,
        conformance=association.conformance,
        medium=_MEDIA.get(endpoint.scheme, "hdlc"),
        short_names=profile.referencing == "short-name",
        response_timeout_seconds=profile.response_timeout_s,
        pre_established=profile.is_unanswered,
    )


def transfer_answer(response: Response) -> TransferResponse:
    """The answer to a request of a transfer. Raises ServiceError, RemoteProtocolError."""
    return response if isinstance(response, ResponseList) else single(response)


def policy_for(
    profile: Profile, policy: TransferPolicy | None, *, sends_blocks: bool = True
) -> TransferPolicy:
    """The policy, with the meter type of the profile where it names none itself.

    Raises:
        ConfigurationError: neither side would prove itself, and the policy does not allow that.
    """
    policy = policy or TransferPolicy()
    if policy.strategy == "elsewhere" and sends_blocks:
        raise ConfigurationError(
            "a client sends the blocks itself",
            code="configuration.strategy",
            hint="drive a Transfer where they come by another way",
        )
    unproven = (
        not profile.authentication.high_level and not profile.security_policy & SecurityPolicy.AUTHENTICATED
    )
    if unproven and not (policy.allow_insecure or policy.dry_run):
        raise ConfigurationError(
            f"profile {profile.name}: no image is sent where neither side proves itself "
            f"(authentication {profile.authentication.name}, messages not authenticated)",
            code="configuration.insecure",
            hint="allow_insecure lets it through, on a bench; else give the profile keys or an HLS secret",
        )
    if policy.meter_type is None and profile.meter_type is not None:
        policy = replace(policy, meter_type=profile.meter_type)
    if not profile.is_protected:
        _LOG.warning("profile %s: the image is sent without protection", profile.name)
    return policy


_LINK_ENDS = {
    "disc": "DISC",
    "dm": "DM: it has no link any more, as after its inactivity timeout or a restart",
    "frmr": "FRMR: it has rejected a frame",
}


def link_ended(session: ClientSession) -> TransportError:
    """The error of a meter that took the link down."""
    end = session.link_end
    why = "" if end is None else f" ({_LINK_ENDS[end.reason]})"
    if end is not None and end.rejection is not None:
        why += f", rejection {end.rejection.hex()}"
    return TransportError(f"the meter ended the link{why}", code="transport.link-ended")


def _confirmed_service_error(response: ConfirmedServiceError, asked: str) -> ServiceError:
    codes = f"{response.service}/{response.error_choice}/{response.value}"
    words = confirmed_service_error_text(response.service, response.error_choice, response.value)
    return ServiceError(f"{asked}: confirmed service error {codes} ({words})")


def raise_refusal(response: Response, asked: str) -> None:
    """Raises ServiceError where a request could not be processed as a whole."""
    if isinstance(response, ConfirmedServiceError):
        raise _confirmed_service_error(response, asked)
    if isinstance(response, ExceptionResponse):
        state = _name(StateError, response.state_error)
        service = _name(ServiceErrorCode, response.service_error)
        raise ServiceError(
            f"{asked}: {state}, {service}",
            state_error=response.state_error,
            service_error=response.service_error,
            invocation_counter=response.invocation_counter,
        )


def _data_access_error(result: int, asked: str) -> ServiceError:
    return ServiceError(f"{asked}: {_name(DataAccessResult, result)}", result=result)


def wrong_answer(response: object, service: str) -> RemoteProtocolError:
    """The error for an answer of another service."""
    return RemoteProtocolError(f"the meter answered a {service} with a {type(response).__name__}")


def _name(codes: type[DataAccessResult | ActionResult | StateError | ServiceErrorCode], code: int) -> str:
    try:
        return codes(code).name.lower().replace("_", " ")
    except ValueError:
        return f"code {code}"
