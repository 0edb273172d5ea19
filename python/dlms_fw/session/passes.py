"""Passes 1 to 4 of high level security as the client goes through them: one object for one association.

Rules kept here: our challenge is fresh; the meter's is looked at before a proof is made over it, and neither
ours nor one it has used before will do; our own proof sent back proves nothing. How a proof is made and
checked is the mechanism's matter. Nothing is sent from here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from dlms_fw import axdr
from dlms_fw._core import ActionResponse, AssociationResponse, PublicKey, SecurityContext
from dlms_fw.errors import AuthenticationError, DecodeError, LocalProtocolError, SecurityError
from dlms_fw.hls import Handshake
from dlms_fw.profiles import Profile
from dlms_fw.session.aare import proof_error


class SeenChallenges(Protocol):
    """The challenges that meters have used before, kept durably."""

    def has(self, meter: bytes | None, challenge: bytes) -> bool:
        """Whether this meter has used this challenge before."""
        ...

    def note(self, meter: bytes | None, challenge: bytes) -> None:
        """A meter that has proved itself has used this challenge; durable when it returns."""
        ...


class Passes:
    """What the client knows between its AARQ and the meter's proof.

    Args:
        profile: With the mechanism and its secrets.
        challenge: Our challenge, fresh and random.
        seen: The meter's earlier ones; ``None`` where nobody keeps them.
        now: What time it is, for certificates.

    Raises:
        LocalProtocolError: our challenge has not a length that the mechanism allows.
    """

    __slots__ = ("_handshake", "_now", "_peer_signing_key", "_profile", "_proof", "_seen", "challenge")

    def __init__(
        self,
        profile: Profile,
        challenge: bytes,
        *,
        seen: SeenChallenges | None,
        now: Callable[[], datetime] | None,
    ) -> None:
        if len(challenge) not in profile.authentication.challenge_lengths:
            raise LocalProtocolError(f"a challenge of {len(challenge)} octets is not allowed")
        self.challenge = challenge
        self._profile = profile
        self._seen = seen
        self._now = now
        self._peer_signing_key = profile.asymmetric_keys.peer_signing_key
        self._handshake: Handshake | None = None
        self._proof = b""

    def identify(self, response: AssociationResponse, title: bytes | None) -> PublicKey | None:
        """The meter's public signing key, pinned or out of the certificate in its AARE.

        Raises:
            AuthenticationError: of kind ``certificate``; the mechanism needs the key, and there is none.
        """
        if self._peer_signing_key is None and self._profile.authentication.signs:
            certificate, anchors = response.responding_ae_qualifier, self._profile.trust_anchors
            if not certificate or title is None or self._now is None:
                raise AuthenticationError("the meter has sent no certificate", kind="certificate")
            from dlms_fw.certificates import signing_key_of  # here, as X.509 takes its time

            self._peer_signing_key = signing_key_of(
                certificate, anchors=anchors, system_title=title, now=self._now()
            )
        return self._peer_signing_key

    def prove(
        self, response: AssociationResponse, title: bytes | None, context: SecurityContext | None
    ) -> bytes:
        """Pass 3: our proof over the challenge of the AARE; its sender is identified already.

        Raises:
            AuthenticationError: of kind ``challenge``; no proof was made.
        """
        mechanism, peers = self._profile.authentication, response.authentication_value or b""
        mechanism.check_challenges(self.challenge, peers)
        if self._seen is not None and self._seen.has(title, peers):
            raise AuthenticationError("the meter has used this challenge before", kind="challenge")
        self._handshake = Handshake(
            own_challenge=self.challenge,
            peer_challenge=peers,
            own_system_title=self._profile.system_title,
            peer_system_title=title,
            context=context,
            secret=self._profile.password,
            signing_key=self._profile.asymmetric_keys.signing_key,
            peer_signing_key=self._peer_signing_key,
        )
        assert mechanism.prove is not None  # noqa: S101 (Profile.check)
        self._proof = mechanism.prove(self._handshake)
        return self._proof

    def verify(self, answer: ActionResponse) -> None:
        """Pass 4: whether the meter has proved itself. Raises AuthenticationError."""
        mechanism, handshake = self._profile.authentication, self._handshake
        assert mechanism.check is not None  # noqa: S101 (Profile.check)
        assert handshake is not None  # noqa: S101 (prove comes first)
        if answer.result != 0:
            refused = f"the meter did not accept our proof (action result {answer.result})"
            raise proof_error(refused, kind="proof-refused")
        try:
            proof = axdr.octet_string.decode(answer.data or b"")
        except DecodeError:
            raise proof_error("the meter did not prove itself in pass 4") from None
        if hmac.compare_digest(proof, self._proof):
            raise proof_error("the meter sent our own proof back")
        try:
            mechanism.check(handshake, proof)
        except SecurityError as error:
            raise proof_error(f"the meter could not prove itself in pass 4: {error}") from error
        if self._seen is not None:
            self._seen.note(handshake.peer_system_title, handshake.peer_challenge)
