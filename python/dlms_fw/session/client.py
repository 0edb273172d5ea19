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

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dlms_fw._core import (
    ActionRequest,
    AssociationRequest,
    BlockRun,
    HdlcFraming,
    InitiateRequest,
    ReleaseRequest,
    SecurityContext,
    WrapperFraming,
)
from dlms_fw.enums import ReleaseRequestReason
from dlms_fw.errors import (
    LinkError,
    LocalProtocolError,
    NotNegotiated,
    RemoteProtocolError,
    ResponseTimeout,
    SecurityError,
)
from dlms_fw.profiles import Profile
from dlms_fw.security import COUNTER_MARGIN, COUNTER_STRIDE, Counters, extend_counters
from dlms_fw.session.aare import application_context, proposed_conformance
from dlms_fw.session.client_association import HANDLERS, SPECIAL, Association, ClientAssociation
from dlms_fw.session.client_keys import ClientKeys
from dlms_fw.session.negotiated import missing
from dlms_fw.session.passes import Passes, SeenChallenges
from dlms_fw.session.requests import Message, Request, wants_answer
from dlms_fw.session.states import State, Step

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

if TYPE_CHECKING:
    from dlms_fw._core import Event

__all__ = ["Association", "ClientSession", "Message", "Request", "State", "wants_answer"]

_ASSOCIATED = (
    State.ASSOCIATED
)  # Python 3.11 looks a member up in its class at a price; this is asked per message
_RUNS_AHEAD = 4
"""Runs of blocks that counters are reserved for, where one of them alone takes many."""


class ClientSession(ClientAssociation):
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

    __slots__ = ()

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
        keys = ClientKeys(
            profile,
            counters=counters,
            first_counter=first_counter,
            meter_counter=meter_counter,
            dedicated_key=dedicated_key,
            randomness=randomness,
        )
        super().__init__(
            framing, profile, keys, challenge=challenge, seen_challenges=seen_challenges, now=now
        )

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
        dedicated_key = self._keys.fresh_dedicated_key() if profile.dedicated_key else None
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
        return self._take(self.channel.receive, data)

    def start_run(self, run: BlockRun, *, bound: int, most: int, depth: int) -> bytes:
        """Begin a run of image blocks, or go on with one: the first requests.

        What comes then is for the run, until it is over; :meth:`finish_run` gives what it is not for.

        Args:
            run: It, with what it has on its way.
            bound: No block with this number or above is sent.
            most: So many requests are sent at most; fewer where there are not as many invocation counters.
            depth: So many are on their way at a time.

        Raises:
            NotNegotiated: the association does not have that service.
            LocalProtocolError: not associated, or a block does not go out in one APDU.
        """
        if self.state is not _ASSOCIATED:
            raise LocalProtocolError(f"no service can be asked for while {self.state.value}")
        self._demand(run)
        if self.context is not None:
            self._top_up(most=most)
            most = min(most, self.context.counters_left - COUNTER_MARGIN + 1)
        return run.start(self.channel, bound=bound, most=most, depth=depth)

    def finish_run(self, run: BlockRun) -> tuple[list[Event], bytes]:
        """What came to end a run, and octets to send now. Raises as :meth:`receive`."""
        return self._take(run.finish)

    def _take(
        self, take: Callable[..., tuple[list[Event], bytes]], *data: Buffer
    ) -> tuple[list[Event], bytes]:
        try:
            events, reply = take(*data)
            special = SPECIAL if self.state is _ASSOCIATED else HANDLERS
            for event in events:
                if type(event) in special:
                    break
            else:
                return events, reply
            kept: list[Event] = []
            for event in events:
                handler = HANDLERS.get(type(event))
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

    # Helpers

    def _demand(self, request: Message | BlockRun) -> None:
        if lacking := missing(request, self._agreed):
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
        counters = self._keys.reserve(COUNTER_STRIDE)
        self.started_at = counters.start
        return self._keys.context(counters, dedicated_key)

    def _top_up(self, requests: int = 0, *, most: int = 0) -> None:
        """Reserve counters where there are not enough for these requests; more at once for long runs."""
        if self.context is not None and self.context.counters_left < COUNTER_MARGIN + requests:
            extend_counters(self.context, self._keys.reserve, max(COUNTER_STRIDE, _RUNS_AHEAD * most))

    def _presume(self) -> bytes:
        self._after(Step.PRESUME)
        self.channel.reset_association()
        self.context = self._new_context(None) if self.profile.needs_keys else None
        self._agree_alone()
        return b""
