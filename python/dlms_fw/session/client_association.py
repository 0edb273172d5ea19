"""The association as a client lives it: what it holds, and what each message of the meter does to it.

Every message that moves the state or ends the association is a row of :data:`HANDLERS`; what reaches nobody
here is for whoever asked. The commands, and the octets that come and go, are in
:mod:`dlms_fw.session.client`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    AssociationResponse,
    Channel,
    ConfirmedServiceError,
    Discarded,
    ExceptionResponse,
    HdlcFraming,
    LinkConnected,
    LinkDisconnected,
    ReadRequest,
    ReadResponse,
    ReleaseResponse,
    SecurityContext,
    WrapperFraming,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.enums import AssociationResult, Conformance, ReleaseResponseReason
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError
from dlms_fw.hls import REPLY_TO_HLS
from dlms_fw.profiles import Profile
from dlms_fw.session.aare import (
    check_names,
    exception_error,
    open_initiate,
    proof_error,
    proposed_conformance,
    refused_initiate,
    rejection,
    system_title,
)
from dlms_fw.session.client_keys import ClientKeys
from dlms_fw.session.passes import Passes, SeenChallenges
from dlms_fw.session.short_names import ShortNames, reply_to_hls
from dlms_fw.session.states import TRANSITIONS, State, Step

if TYPE_CHECKING:
    from dlms_fw._core import Event

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


class ClientAssociation:
    """One link to one logical device and the association on it, without the commands.

    Args:
        framing: How octets are framed, and between whom.
        profile: Who we are and what we accept.
        keys: Makes the contexts.
        challenge: Gives a fresh random challenge.
        seen_challenges: The challenges that meters have used before.
        now: What time it is, aware.
    """

    __slots__ = (
        "_agreed",
        "_challenge",
        "_datagrams",
        "_is_unanswered",
        "_keys",
        "_now",
        "_passes",
        "_seen_challenges",
        "_short_names",
        "association",
        "channel",
        "context",
        "is_linkless",
        "link",
        "link_end",
        "profile",
        "started_at",
        "state",
    )

    def __init__(
        self,
        framing: WrapperFraming | HdlcFraming,
        profile: Profile,
        keys: ClientKeys,
        *,
        challenge: Callable[[], bytes],
        seen_challenges: SeenChallenges | None,
        now: Callable[[], datetime] | None,
    ) -> None:
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
        self._agreed = 0
        self.context: SecurityContext | None = None
        self.link: LinkConnected | None = None
        self.link_end: LinkDisconnected | None = None
        self.started_at: int | None = None
        self._keys = keys
        self._challenge = challenge
        self._seen_challenges = seen_challenges
        self._now = now
        self._passes: Passes | None = None
        self._short_names: ShortNames | None = None

    # What the meter says

    def _on_link_connected(self, event: Event) -> Event:
        assert isinstance(event, LinkConnected)  # noqa: S101 (by HANDLERS)
        self.state = self._seen(Step.CONNECTED)
        self.link = event
        return event

    def _on_link_disconnected(self, event: Event) -> Event:
        assert isinstance(event, LinkDisconnected)  # noqa: S101 (by HANDLERS)
        self.state = self._seen(Step.DISCONNECTED)
        self.link, self.link_end = None, event
        self._forget()
        return event

    def _on_association_response(self, event: Event) -> bytes | None:
        assert isinstance(event, AssociationResponse)  # noqa: S101 (by HANDLERS)
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
        if high_level:
            self._identify(event, title)
        initiate = open_initiate(event, self.profile, self.context)
        self.channel.negotiate(initiate.conformance, initiate.server_max_receive_pdu_size)
        if self.profile.is_protected:
            self.channel.security = self.context
        self._agree(
            initiate.conformance, initiate.server_max_receive_pdu_size, title, initiate.quality_of_service
        )
        proof = self._pass_3(event, title) if high_level else None
        self.state = state
        return proof

    def _identify(self, response: AssociationResponse, title: bytes | None) -> None:
        """Before anything that the meter has signed is opened: whose key that must be."""
        assert self._passes is not None  # noqa: S101 (ASSOCIATING)
        peer_signing_key = self._passes.identify(response, title)
        if self.context is not None and peer_signing_key is not None:
            self._keys.trust(self.context, peer_signing_key)

    def _pass_3(self, response: AssociationResponse, title: bytes | None) -> bytes:
        assert self._passes is not None  # noqa: S101 (ASSOCIATING)
        proof = self._passes.prove(response, title, self.context)
        if self._short_names is not None:
            return self.channel.send(reply_to_hls(proof))
        return self.channel.send(ActionRequest(*REPLY_TO_HLS, axdr.octet_string.encode(proof)))

    def _on_action_response(self, event: Event) -> Event | None:
        if self.state is not State.AUTHENTICATING:
            return event
        assert isinstance(event, ActionResponse)  # noqa: S101 (by HANDLERS)
        self._on_pass_4(event)
        return None

    def _on_short_name_response(self, event: Event) -> Event | bytes | None:
        assert isinstance(event, ReadResponse | WriteResponse)  # noqa: S101 (by HANDLERS)
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
        assert isinstance(event, ExceptionResponse)  # noqa: S101 (by HANDLERS)
        if self.state is State.RELEASING:
            self._on_release_response(event)
            return None
        if self.state in {State.ASSOCIATING, State.AUTHENTICATING}:
            self.state = self._after(Step.ABORT)
            raise exception_error(event)
        return event

    def _on_confirmed_service_error(self, event: Event) -> Event | None:
        assert isinstance(event, ConfirmedServiceError)  # noqa: S101 (by HANDLERS)
        if self.state is State.ASSOCIATING:
            self.state = self._after(Step.ABORT)
            raise refused_initiate(event)
        return event

    def _on_discarded(self, event: Event) -> Event:
        assert isinstance(event, Discarded)  # noqa: S101 (by HANDLERS)
        if self.state is State.AUTHENTICATING and event.reason == "authentication-tag":
            raise proof_error("the meter's message was made with other keys, or changed on the way")
        return event

    # Beginnings and endings

    def _agree_alone(self) -> None:
        """Take for agreed what we propose, since no answer will say so."""
        state, profile = self._after(Step.PRESUME), self.profile
        conformance = proposed_conformance(profile)
        self.channel.negotiate(conformance, profile.max_pdu_size)
        self.channel.security = self.context
        self._agree(conformance, profile.max_pdu_size, profile.meter_system_title)
        self.state = state

    def _agree(
        self, conformance: int, max_pdu_size: int, title: bytes | None, quality_of_service: int | None = None
    ) -> None:
        flags = Conformance(conformance)
        self._agreed = conformance
        self.association = Association(flags, max_pdu_size, title, quality_of_service)
        short = self.profile.referencing == "short-name"
        self._short_names = ShortNames(self.profile.short_names, flags) if short else None

    def _forget(self) -> None:
        """The association is over, and its dedicated key with it."""
        self.association = self._short_names = None
        self._agreed = 0
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


_BY_SHORT_NAME = (ReadRequest, WriteRequest)
HANDLERS: dict[type, Callable[[ClientAssociation, Event], Event | bytes | None]] = {
    LinkConnected: ClientAssociation._on_link_connected,
    LinkDisconnected: ClientAssociation._on_link_disconnected,
    AssociationResponse: ClientAssociation._on_association_response,
    ActionResponse: ClientAssociation._on_action_response,
    ReadResponse: ClientAssociation._on_short_name_response,
    WriteResponse: ClientAssociation._on_short_name_response,
    ReleaseResponse: ClientAssociation._on_release_response,
    ExceptionResponse: ClientAssociation._on_exception_response,
    ConfirmedServiceError: ClientAssociation._on_confirmed_service_error,
    Discarded: ClientAssociation._on_discarded,
}
SPECIAL = frozenset(HANDLERS) - {
    ActionResponse,
    ExceptionResponse,
    ConfirmedServiceError,
    Discarded,
}
"""What still means something here once we are associated; everything else goes straight to the caller."""
