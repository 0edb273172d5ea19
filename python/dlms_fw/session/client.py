"""The client's side of a session: connect, associate, ask, release. Octets in, events and octets out.

Rules kept here: nothing is requested before the meter has proved itself in pass 4; our policy is a floor
and is never learnt from the wire; counters are reserved before they are used; a failed association is
never tried again from here. There is no socket, clock or random number in this file.

Order of calls: ``connect`` (send the octets, ``receive`` until the state is CONNECTED; over the wrapper it
is at once), ``associate`` (until ASSOCIATED), then ``send`` and ``receive`` in turn, ``release`` (until
CONNECTED), ``disconnect``. ``receive`` gives events and octets that must go out now. When nothing has come
for the response timeout, ``handle_timeout`` gives what to repeat, or raises ResponseTimeout.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from dlms_fw import axdr
from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    AssociationResponse,
    Channel,
    ConfirmedServiceError,
    DataNotificationConfirm,
    Discarded,
    ExceptionResponse,
    GetRequest,
    HdlcFraming,
    InitiateRequest,
    Key,
    LinkConnected,
    LinkDisconnected,
    ReadRequest,
    ReadResponse,
    ReleaseRequest,
    ReleaseResponse,
    RequestList,
    SecurityContext,
    SetRequest,
    WrapperFraming,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.enums import AssociationResult, Conformance, ReleaseRequestReason, ReleaseResponseReason
from dlms_fw.errors import (
    ConfigurationError,
    LinkError,
    LocalProtocolError,
    NotNegotiated,
    RemoteProtocolError,
    ResponseTimeout,
    SecurityError,
)
from dlms_fw.hls import REPLY_TO_HLS
from dlms_fw.profiles import Profile
from dlms_fw.security import (
    COUNTER_MARGIN,
    COUNTER_STRIDE,
    Counters,
    extend_counters,
    key_length,
)
from dlms_fw.session.aare import (
    application_context,
    check_names,
    exception_error,
    open_initiate,
    proof_error,
    proposed_conformance,
    refused_initiate,
    rejection,
    system_title,
)
from dlms_fw.session.negotiated import missing
from dlms_fw.session.passes import Passes, SeenChallenges
from dlms_fw.session.short_names import ShortNames, reply_to_hls
from dlms_fw.session.states import TRANSITIONS, State, Step

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

if TYPE_CHECKING:
    from dlms_fw._core import Event

_ASSOCIATED = (
    State.ASSOCIATED
)  # Python 3.11 looks a member up in its class at a price; this is asked per message

Request: TypeAlias = (
    GetRequest | SetRequest | ActionRequest | RequestList | AccessRequest | ReadRequest | WriteRequest
)
Message: TypeAlias = Request | DataNotificationConfirm


_LOG = logging.getLogger("dlms_fw.session")

_INITIATE_RESPONSE = 0x08


@dataclass(frozen=True, slots=True)
class Association:
    """What was agreed.

    Attributes:
        conformance: The services both sides have.
        server_max_receive_pdu_size: Octets of the largest APDU the meter takes; 0 is no limit.
        meter_system_title: As in the AARE, or as pinned; ``None`` where neither says one.
        quality_of_service: As the meter has negotiated it; ``None`` where it says nothing, as is usual.
    """

    conformance: Conformance
    server_max_receive_pdu_size: int
    meter_system_title: bytes | None
    quality_of_service: int | None = None


class ClientSession:
    """One link to one logical device, and the association on it.

    Args:
        framing: How octets are framed, and between whom.
        profile: Who we are and what we accept.
        challenge: Gives a fresh random challenge of 8 to 64 octets for each association.
        counters: Our invocation counters; needed where the profile has keys.
        first_counter: Use no invocation counter below this one.
        meter_counter: The highest counter of the meter that was ever accepted; lower ones are replays.
        dedicated_key: Gives so many fresh random octets; needed where the profile asks for dedicated keys.
        seen_challenges: The challenges that meters have used before; ``None`` where nobody keeps them.
        now: What time it is, aware; needed where the meter proves itself by a certificate.
        randomness: Gives that many random octets; needed for general protection.

    Attributes:
        state: Where link and association are.
        association: What was agreed, from the AARE on.
        context: The keys and counters in use.
        link: What was agreed for the HDLC link, while there is one.
        link_end: How the last one ended.
        started_at: The first invocation counter of this association.
        is_linkless: Whether no HDLC link is brought up: a pre-established client's UI frames need none.
    """

    def __init__(
        self,
        framing: WrapperFraming | HdlcFraming,
        profile: Profile,
        *,
        challenge: Callable[[], bytes],
        counters: Counters | None = None,
        first_counter: int = 0,
        meter_counter: int | None = None,
        dedicated_key: Callable[[int], bytes] | None = None,
        seen_challenges: SeenChallenges | None = None,
        now: Callable[[], datetime] | None = None,
        randomness: Callable[[int], bytes] | None = None,
    ) -> None:
        profile.check()
        if profile.needs_keys and counters is None:
            raise ConfigurationError("protection by keys needs a journal to keep the invocation counters in")
        if profile.dedicated_key and dedicated_key is None:
            raise ConfigurationError("dedicated keys need a source of random octets")
        self.profile = profile
        self._is_unanswered = profile.is_unanswered
        self.channel = Channel(
            "client",
            framing,
            general_block_transfer=profile.general_block_transfer,
            general_block_transfer_window=profile.general_block_transfer_window,
            general_block_transfer_acknowledge_last=profile.general_block_transfer_acknowledge_last,
        )
        self._datagrams = isinstance(framing, WrapperFraming) and framing.datagrams
        self.is_linkless = (
            isinstance(framing, HdlcFraming) and framing.unconfirmed_as_ui and profile.pre_established
        )
        self.state = State.DISCONNECTED
        self.association: Association | None = None
        self.context: SecurityContext | None = None
        self.link: LinkConnected | None = None
        self.link_end: LinkDisconnected | None = None
        self.started_at: int | None = None
        self._challenge = challenge
        self._counters = counters
        self._first_counter = first_counter
        self._meter_counter = meter_counter
        self._dedicated_key = dedicated_key
        self._last_dedicated_key = b""
        self._seen_challenges = seen_challenges
        self._now = now
        self._passes: Passes | None = None
        self._randomness = randomness
        self._short_names: ShortNames | None = None

    # Commands: each gives the octets to send

    def connect(self) -> bytes:
        """Bring up the link; over the wrapper, and to a group, there is nothing to send."""
        state = self._after(Step.CONNECT)
        data = b"" if self.is_linkless else self.channel.connect()
        self.state = state
        if self.is_linkless or self.channel.connected:
            self.state = self._after(Step.CONNECTED)
        return data

    def associate(self) -> bytes:
        """Ask for the association of the profile (AARQ); its first counters are reserved now.

        While associated it asks for another one in its place. A pre-established one is there at once, and so
        is one that allows no response.
        """
        if self.profile.pre_established:
            return self._presume()
        state = self._after(Step.ASSOCIATE)
        profile, mechanism = self.profile, self.profile.authentication
        self.channel.reset_association()
        self._forget()
        dedicated_key = self._fresh_dedicated_key() if profile.dedicated_key else None
        self.context = self._new_context(dedicated_key) if profile.needs_keys else None
        value: bytes | None = None
        if mechanism.high_level:
            self._passes = Passes(profile, self._challenge(), seen=self._seen_challenges, now=self._now)
            value = self._passes.challenge
        elif mechanism.needs_secret and profile.password is not None:
            value = profile.password.expose()
        data = self.channel.send(
            AssociationRequest(
                application_context(protected=profile.is_protected, referencing=profile.referencing),
                self._initiate_request(dedicated_key),
                mechanism=mechanism.id or None,
                authentication_value=value,
                calling_ap_title=profile.system_title if profile.needs_titles else None,
                calling_ae_qualifier=profile.certificate if mechanism.signs else None,
                client_user_id=profile.client_user_id,
            )
        )
        self.state = state
        if not profile.response_allowed:
            self._agree_alone()
        return data

    def send(self, request: Message) -> bytes:
        """Ask the meter for a service, or confirm what it has said.

        With short names, a request by logical name is sent in their form, or first what must be known for it.

        Raises:
            NotNegotiated: the association does not have that service.
            NotInObjectList: with short names, the meter has no such object.
            LocalProtocolError: not associated, or the request does not fit, or short names cannot say it.
        """
        if self.state is not _ASSOCIATED:
            raise LocalProtocolError(f"no service can be asked for while {self.state.value}")
        if self._short_names is not None:
            request = self._short_names.request(request)
        self._demand(request)
        if self._is_unanswered and wants_answer(request):
            raise LocalProtocolError("this association has only services that want no answer")
        if self.context is not None:
            self._top_up()
        return self.channel.send(request)

    def send_many(self, requests: Sequence[ActionRequest]) -> bytes:
        """Say many things that are not answered, at once; not more than there are counters in a range.

        Raises:
            NotNegotiated: the association does not have that service.
            LocalProtocolError: not associated, or one of them does not fit.
        """
        if self._short_names is not None:
            return b"".join(map(self.send, requests))
        if self.state is not _ASSOCIATED:
            raise LocalProtocolError(f"no service can be asked for while {self.state.value}")
        if requests:
            self._demand(requests[0])  # they are all of one service
        self._top_up(len(requests))
        return self.channel.send_many(requests)

    def protect(self, apdu: bytes) -> bytes:
        """An APDU that somebody else has made, protected as requests are here; for tests of meters."""
        self._top_up()
        context = self.channel.security
        return apdu if context is None else context.seal(apdu)

    def unprotect(self, apdu: bytes) -> bytes:
        """What :meth:`protect` does, undone for an answer; raises SecurityError, DecodeError."""
        context = self.channel.security
        return apdu if context is None else context.open(apdu)

    def release(self, reason: int = ReleaseRequestReason.NORMAL) -> bytes:
        """Ask to end the association (RLRQ); protected like everything else, so that nobody else can.

        A pre-established association is only left, without a word; an unconfirmed one with a word, but no
        answer is waited for.
        """
        state = self._after(Step.RELEASE)
        if self.profile.pre_established:
            self._abort()
            return b""
        ciphered = self.profile.is_protected
        data = self.channel.send(ReleaseRequest(reason, self._initiate_request() if ciphered else None))
        self.state = state
        if not self.profile.response_allowed:
            self._abort()
        return data

    def disconnect(self) -> bytes:
        """Take down the link."""
        state = self._after(Step.DISCONNECT)
        data = b"" if self.is_linkless else self.channel.disconnect()
        self.state = state
        if not data:  # over the wrapper there is nothing to say
            self.state = State.DISCONNECTED
        return data

    def keep_alive(self) -> bytes:
        """A poll that the meter answers, so that it does not end an idle HDLC link; the wrapper has none."""
        return self.channel.keep_alive()

    # What comes in

    def receive(self, data: Buffer) -> tuple[list[Event], bytes]:
        """Take octets from the meter: the answers and whatever else it said, and octets to send now.

        Raises:
            AssociationRejected: the meter refused.
            AuthenticationError: it could not prove itself, or we could not.
            ReplayError: it says that our invocation counter is too low.
            SecurityError: a message was protected too little; the association is over.
            RemoteProtocolError: the meter broke the rules.
            LinkError: the link is lost.
        """
        if self.context is not None:
            self._top_up()
        try:
            events, reply = self.channel.receive(data)
            special = _SPECIAL if self.state is _ASSOCIATED else _HANDLERS
            for event in events:
                if type(event) in special:
                    break
            else:
                return events, reply
            kept: list[Event] = []
            for event in events:
                handler = _HANDLERS.get(type(event))
                answer = event if handler is None else handler(self, event)
                if isinstance(answer, bytes):
                    reply += answer
                elif answer is not None:
                    kept.append(answer)
        except LinkError:
            self.state = State.DISCONNECTED
            raise
        except (SecurityError, RemoteProtocolError):
            self._abort()
            raise
        return kept, reply

    def handle_timeout(self) -> bytes:
        """Nothing has come in time: what to repeat. Raises ResponseTimeout where nothing is left to try."""
        self._top_up()
        try:
            return self.channel.handle_timeout()
        except ResponseTimeout:
            if self.state is State.RELEASING:  # some meters say nothing to an RLRQ
                self.state = self._after(Step.RELEASED)
                self._forget()
                self.channel.reset_association()
                return b""
            if self.state is State.DISCONNECTING:
                self.state = State.DISCONNECTED
                return b""
            raise

    def _on_link_connected(self, event: Event) -> Event:
        assert isinstance(event, LinkConnected)  # noqa: S101 (by _HANDLERS)
        self.state = self._seen(Step.CONNECTED)
        self.link = event
        return event

    def _on_link_disconnected(self, event: Event) -> Event:
        assert isinstance(event, LinkDisconnected)  # noqa: S101 (by _HANDLERS)
        self.state = self._seen(Step.DISCONNECTED)
        self.link, self.link_end = None, event
        self._forget()
        return event

    def _on_association_response(self, event: Event) -> bytes | None:
        assert isinstance(event, AssociationResponse)  # noqa: S101 (by _HANDLERS)
        if self._datagrams and self.state is not State.ASSOCIATING:
            _LOG.warning("a doubled AARE was dropped")
            return None
        if event.result != AssociationResult.ACCEPTED:
            if self.profile.response_allowed:
                self.state = self._seen(Step.REJECT)
            else:
                self._abort()  # it has said so all the same
            raise rejection(event)
        high_level = self.profile.authentication.high_level
        state = self._seen(Step.CHALLENGE if high_level else Step.ACCEPT)
        check_names(event, self.profile)
        title = system_title(event, self.profile)
        if self.context is not None:
            self.context.peer_system_title = title
        initiate = open_initiate(event, self.profile, self.context)
        self.channel.negotiate(initiate.conformance, initiate.server_max_receive_pdu_size)
        if self.profile.is_protected:
            self.channel.security = self.context
        self.association = Association(
            Conformance(initiate.conformance),
            initiate.server_max_receive_pdu_size,
            title,
            initiate.quality_of_service,
        )
        self._name_objects(self.association)
        proof = self._pass_3(event, title) if high_level else None
        self.state = state
        return proof

    def _pass_3(self, response: AssociationResponse, title: bytes | None) -> bytes:
        assert self._passes is not None  # noqa: S101 (ASSOCIATING)
        proof = self._passes.prove(response, title, self.context)
        if self._short_names is not None:
            return self.channel.send(reply_to_hls(proof))
        return self.channel.send(ActionRequest(*REPLY_TO_HLS, axdr.octet_string.encode(proof)))

    def _on_action_response(self, event: Event) -> Event | None:
        if self.state is not State.AUTHENTICATING:
            return event
        assert isinstance(event, ActionResponse)  # noqa: S101 (by _HANDLERS)
        self._on_pass_4(event)
        return None

    def _on_short_name_response(self, event: Event) -> Event | bytes | None:
        assert isinstance(event, ReadResponse | WriteResponse)  # noqa: S101 (by _HANDLERS)
        assert self._short_names is not None  # noqa: S101 (nothing else asks for it)
        if self.state is State.AUTHENTICATING:
            outcome = event.results[0]
            self._on_pass_4(
                ActionResponse(0, outcome) if isinstance(outcome, bytes) else ActionResponse(outcome)
            )
            return None
        meaning = self._short_names.response(event)
        return self.channel.send(meaning) if isinstance(meaning, _BY_SHORT_NAME) else meaning

    def _on_pass_4(self, answer: ActionResponse) -> None:
        assert self._passes is not None  # noqa: S101 (AUTHENTICATING)
        self._passes.verify(answer)
        self.state = self._seen(Step.PROVE)
        self._passes = None

    def _on_release_response(self, event: Event) -> None:
        state = self._seen(Step.RELEASED)
        ciphered = self.profile.is_protected
        if isinstance(event, ReleaseResponse):
            if event.reason == ReleaseResponseReason.NOT_FINISHED:
                _LOG.warning("the meter releases the association, but says that it is not finished")
            if ciphered and event.user_information and event.user_information[0] != _INITIATE_RESPONSE:
                assert self.context is not None  # noqa: S101 (a policy needs keys)
                self.context.open(event.user_information)  # SecurityError where somebody else has made it
        self.state = state
        self._forget()
        self.channel.reset_association()

    def _on_exception_response(self, event: Event) -> Event | None:
        assert isinstance(event, ExceptionResponse)  # noqa: S101 (by _HANDLERS)
        if self.state is State.RELEASING:
            self._on_release_response(event)
            return None
        if self.state in {State.ASSOCIATING, State.AUTHENTICATING}:
            self.state = self._after(Step.ABORT)
            raise exception_error(event)
        return event

    def _on_confirmed_service_error(self, event: Event) -> Event | None:
        assert isinstance(event, ConfirmedServiceError)  # noqa: S101 (by _HANDLERS)
        if self.state is State.ASSOCIATING:
            self.state = self._after(Step.ABORT)
            raise refused_initiate(event)
        return event

    def _on_discarded(self, event: Event) -> Event:
        assert isinstance(event, Discarded)  # noqa: S101 (by _HANDLERS)
        if self.state is State.AUTHENTICATING and event.reason == "authentication-tag":
            raise proof_error("the meter's message was made with other keys, or changed on the way")
        return event

    # Helpers

    def _demand(self, request: Message) -> None:
        lacking = missing(request, 0 if self.association is None else self.association.conformance)
        if lacking:
            raise NotNegotiated(f"the association has no {', '.join(lacking)}")

    def _initiate_request(self, dedicated_key: bytes | None = None) -> bytes:
        plain = InitiateRequest(
            proposed_conformance(self.profile),
            self.profile.max_pdu_size,
            dedicated_key=dedicated_key,
            response_allowed=self.profile.response_allowed,
            quality_of_service=self.profile.quality_of_service,
        ).encode()
        if not self.profile.is_protected:
            return plain
        assert self.context is not None  # noqa: S101 (a policy needs keys)
        self._top_up()
        return self.context.seal(plain)

    def _new_context(self, dedicated_key: bytes | None) -> SecurityContext:
        assert self._counters is not None  # noqa: S101 (checked by the constructor)
        assert self.profile.system_title is not None  # noqa: S101 (checked by the profile)
        keys = self.profile.keys
        broadcast = keys.global_broadcast_encryption_key if self.profile.pre_established else None
        counters = self._counters.reserve(self._first_counter, COUNTER_STRIDE)
        self.started_at = counters.start
        protection, policy = self.profile.protection, self.profile.security_policy
        context = SecurityContext(
            self.profile.security_suite,
            protection.requests(policy),
            system_title=self.profile.system_title,
            peer_system_title=self.profile.meter_system_title,
            global_unicast_encryption_key=None if broadcast else keys.global_unicast_encryption_key,
            authentication_key=keys.authentication_key,
            # Nothing that a single meter says to us alone comes under it.
            global_broadcast_encryption_key=broadcast,
            dedicated_key=None if dedicated_key is None else Key(dedicated_key),
            invocation_counter=counters.start,
            counter_limit=counters.stop,
            peer_invocation_counter=self._meter_counter,
            # With a pre-established association the meter has no AARQ to know our title from.
            general=protection.ciphering == "general" or self.profile.pre_established,
            floor=protection.responses(policy),
        )
        if protection.is_general:
            if self._randomness is None:
                raise ConfigurationError("general protection needs random octets")
            protection.prepare(context, keys, self.profile.asymmetric_keys, self._randomness, answering=False)
        return context

    def _top_up(self, requests: int = 0) -> None:
        if self.context is not None and self.context.counters_left < COUNTER_MARGIN + requests:
            extend_counters(self.context, self._reserve)

    def _reserve(self, count: int) -> range:
        assert self._counters is not None  # noqa: S101 (there is a context)
        return self._counters.reserve(self._first_counter, count)

    def _presume(self) -> bytes:
        self._after(Step.PRESUME)
        self.channel.reset_association()
        self.context = self._new_context(None) if self.profile.needs_keys else None
        self._agree_alone()
        return b""

    def _agree_alone(self) -> None:
        """Take for agreed what we propose, since no answer will say so."""
        state, profile = self._after(Step.PRESUME), self.profile
        conformance = proposed_conformance(profile)
        self.channel.negotiate(conformance, profile.max_pdu_size)
        self.channel.security = self.context
        self.association = Association(
            Conformance(conformance), profile.max_pdu_size, profile.meter_system_title
        )
        self._name_objects(self.association)
        self.state = state

    def _name_objects(self, association: Association) -> None:
        short = self.profile.referencing == "short-name"
        self._short_names = ShortNames(self.profile.short_names, association.conformance) if short else None

    def _fresh_dedicated_key(self) -> bytes:
        length = key_length(self.profile.security_suite)
        assert self._dedicated_key is not None  # noqa: S101 (checked by the constructor)
        octets = self._dedicated_key(length)
        digest = hashlib.sha256(octets).digest()
        if len(octets) != length or len(set(octets)) == 1 or digest == self._last_dedicated_key:
            raise LocalProtocolError("the source of dedicated keys is not random")
        self._last_dedicated_key = digest
        return octets

    def _forget(self) -> None:
        """The association is over, and its dedicated key with it."""
        self.association = self._short_names = None
        if self.context is not None:
            self.context.forget_dedicated_key()

    def _abort(self) -> None:
        self._forget()
        self._passes = None
        if Step.ABORT in TRANSITIONS[self.state]:
            self.state = self._after(Step.ABORT)
            self.channel.reset_association()

    def _after(self, step: Step) -> State:
        """The state after a step of ours."""
        try:
            return TRANSITIONS[self.state][step]
        except KeyError:
            raise LocalProtocolError(f"cannot {step.value} while {self.state.value}") from None

    def _seen(self, step: Step) -> State:
        """The state after a step of the meter."""
        try:
            return TRANSITIONS[self.state][step]
        except KeyError:
            raise RemoteProtocolError(
                f"what came from the meter means {step.value!r}, which may not be while {self.state.value}"
            ) from None


def wants_answer(message: Message) -> bool:
    """Whether a request is for a confirmed service."""
    return isinstance(message, GetRequest | ReadRequest) or (
        not isinstance(message, DataNotificationConfirm) and message.confirmed
    )


_BY_SHORT_NAME = (ReadRequest, WriteRequest)
_HANDLERS: dict[type, Callable[[ClientSession, Event], Event | bytes | None]] = {
    LinkConnected: ClientSession._on_link_connected,
    LinkDisconnected: ClientSession._on_link_disconnected,
    AssociationResponse: ClientSession._on_association_response,
    ActionResponse: ClientSession._on_action_response,
    ReadResponse: ClientSession._on_short_name_response,
    WriteResponse: ClientSession._on_short_name_response,
    ReleaseResponse: ClientSession._on_release_response,
    ExceptionResponse: ClientSession._on_exception_response,
    ConfirmedServiceError: ClientSession._on_confirmed_service_error,
    Discarded: ClientSession._on_discarded,
}
_SPECIAL = frozenset(_HANDLERS) - {
    ActionResponse,
    ExceptionResponse,
    ConfirmedServiceError,
    Discarded,
}
"""What still means something here once we are associated; everything else goes straight to the caller."""
