"""Associations whose APDUs are written by hand: plain octets in and out, protected on the way as agreed.

How an association is asked for and proved is the library's session; what goes between it and the line can be
changed, and what comes back is kept as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dlms_fw._core import AssociationResponse, InitiateRequest, WrapperFraming, decode_apdu
from dlms_fw.conformance.wire.acse import AARE, USER_INFORMATION, Edit, having, unchanged
from dlms_fw.conformance.wire.apdus import length
from dlms_fw.conformance.wire.connection import Connection
from dlms_fw.conformance.wire.wrapper_line import HEADER, Header
from dlms_fw.errors import DlmsError
from dlms_fw.ledger import Ledger
from dlms_fw.session.aare import proposed_conformance
from dlms_fw.session.client import ClientSession
from dlms_fw.session.states import State

_ALWAYS_PLAIN: Final = frozenset({AARE, 0x63, 0x0E, 0xD8})
"""Tags of AARE, RLRE, confirmedServiceError and exception-response."""
_CHALLENGE_OCTETS: Final = 32


class Line(Protocol):
    """Carries APDUs over some medium."""

    connection: Connection

    def say(self, apdu: bytes) -> None:
        """Send an APDU."""
        ...

    def hear(self, seconds: float | None = None) -> bytes | None:
        """The next APDU, or ``None`` where none comes."""
        ...


class HandMade:
    """An association, and everything that is said in it."""

    def __init__(self, line: Line, session: ClientSession, aare: AssociationResponse) -> None:
        self.line = line
        self.session = session
        self.aare = aare

    def request(self, apdu: bytes, seconds: float | None = None) -> bytes | None:
        """Say a plain APDU, protected as agreed, and give the plain answer; ``None`` where none comes."""
        self.say(apdu)
        return self.hear(seconds)

    def say(self, apdu: bytes) -> None:
        """Say a plain APDU, protected as agreed."""
        self.line.say(self.session.protect(apdu))

    def hear(self, seconds: float | None = None) -> bytes | None:
        """The next APDU, plain. Raises SecurityError, DecodeError where its protection is wrong."""
        octets = self.line.hear(seconds)
        if octets is None or octets[:1] == b"" or octets[0] in _ALWAYS_PLAIN:
            return octets
        return self.session.unprotect(octets)

    def release(self) -> bytes | None:
        """Ask for the release; the answer as it came."""
        self.line.say(self.session.release()[HEADER:])
        return self.line.hear()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of asking for an association.

    Attributes:
        association: It, where it was accepted and proved.
        answer: The last APDU that came; ``None`` where none did.
        error: What the session says about it, where it is none.
        line: The line that it was asked for on.
    """

    association: HandMade | None
    answer: bytes | None
    error: DlmsError | None
    line: Line

    @property
    def aare(self) -> AssociationResponse | None:
        """The answer, where it is an AARE that can be read."""
        if self.answer is None or self.answer[:1] != bytes((AARE,)):
            return None
        try:
            response = decode_apdu(self.answer, "server")
        except DlmsError:
            return None
        return response if isinstance(response, AssociationResponse) else None

    @property
    def is_accepted(self) -> bool:
        """Whether the meter has let us in, also where the proofs are still to come."""
        aare = self.aare
        return self.association is not None or (aare is not None and aare.result == 0)

    def __str__(self) -> str:
        if self.association is not None:
            return "an association"
        aare = self.aare
        if aare is not None:
            source = "user" if aare.diagnostic_source == 1 else "provider"
            return (
                f"AARE with result {aare.result}, diagnostic {aare.diagnostic} of the ACSE service {source}"
            )
        if self.answer is None:
            closed = " and closes the connection" if self.line.connection.is_closed else ""
            return f"no answer{closed}"
        return f"an APDU that begins with {self.answer[:4].hex().upper()}"


def _fresh_challenge() -> bytes:
    return os.urandom(_CHALLENGE_OCTETS)


def _initiate_request(session: ClientSession, changes: Mapping[str, Any]) -> bytes:
    profile = session.profile
    fields: dict[str, Any] = {
        "conformance": proposed_conformance(profile),
        "client_max_receive_pdu_size": profile.max_pdu_size,
    }
    fields |= changes
    octets = InitiateRequest(
        fields.pop("conformance"), fields.pop("client_max_receive_pdu_size"), **fields
    ).encode()
    if profile.is_protected and session.context is not None:
        octets = session.context.seal(octets)
    return b"\x04" + length(len(octets)) + octets


def attempt(
    line: Line,
    ledger: Ledger,
    saps: tuple[int, int],
    *,
    edit: Edit = unchanged,
    initiate: Mapping[str, Any] | None = None,
    challenge: Callable[[], bytes] = _fresh_challenge,
) -> Attempt:
    """Ask for an association on a line that is up.

    Args:
        line: Where.
        ledger: Our invocation counters.
        saps: The client's and the server's.
        edit: Changes each APDU of ours.
        initiate: What of the InitiateRequest is another than the profile has it, by the names of
            :class:`~dlms_fw._core.InitiateRequest`.
        challenge: Gives the client's challenge.
    """
    session = ledger.session(WrapperFraming(*saps), challenge)
    answer: bytes | None = None
    aare: AssociationResponse | None = None
    error: DlmsError | None = None
    try:
        session.connect()
        to_say = session.associate()
        if initiate is not None:
            other = _initiate_request(session, initiate)
            to_say = to_say[:HEADER] + having(USER_INFORMATION, other)(to_say[HEADER:])
        while session.state is not State.ASSOCIATED:
            if to_say:
                line.say(edit(to_say[HEADER:]))
            heard = line.hear()
            if heard is None:
                answer = None
                break
            answer = heard
            aare = aare or Attempt(None, answer, None, line).aare
            _, to_say = session.receive(Header(1, saps[1], saps[0], len(answer)).encode() + answer)
    except DlmsError as refused:
        error = refused
    finally:
        ledger.note(session)
    if error is not None or aare is None or session.state is not State.ASSOCIATED:
        return Attempt(None, answer, error, line)
    return Attempt(HandMade(line, session, aare), answer, None, line)
