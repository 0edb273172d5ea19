"""Authentication mechanisms: what each proves and how the proof is checked, one row each.

Both sides use the same row: a proof is made over the peer's challenge and checked over our own. No octet
is sent from here and no counter kept; mechanism 5 takes its counters from the security context. Adding a
mechanism is adding its two functions and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dlms_fw._core import Key, SecurityContext
from dlms_fw.errors import AuthenticationError, ConfigurationError

LOWEST_LEVEL = 0
LOW_LEVEL = 1
GMAC = 5

AUTHENTICATION_REQUIRED = 14
"""The AARE diagnostic that says: accepted, but passes 3 and 4 are still to come."""

REPLY_TO_HLS = (15, bytes((0, 0, 40, 0, 0, 255)), 1)
"""Class, logical name and method of pass 3: reply_to_HLS_authentication of the current association."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What one side knows in passes 3 and 4.

    Attributes:
        own_challenge: What we sent (in a client CtoS).
        peer_challenge: What the peer sent.
        context: Keys, titles and counters, for mechanisms that need them.
        secret: The shared secret, for mechanisms that need one.
    """

    own_challenge: bytes
    peer_challenge: bytes
    context: SecurityContext | None = None
    secret: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One authentication mechanism (Green Book, COSEM_authentication_mechanism_name).

    Attributes:
        id: The last octet of its name.
        name: As in a profile.
        challenge_lengths: How many octets a challenge may have; empty where there are no passes 3 and 4.
        needs_secret: A password or shared secret is needed.
        needs_keys: The global unicast encryption key and the authentication key are needed, and both titles.
        prove: Makes f(peer's challenge).
        check: Verifies the peer's f(our challenge); raises AuthenticationError.
    """

    id: int
    name: str
    challenge_lengths: range = range(0)
    needs_secret: bool = False
    needs_keys: bool = False
    prove: Callable[[Handshake], bytes] | None = None
    check: Callable[[Handshake, bytes], None] | None = None

    @property
    def high_level(self) -> bool:
        """Whether passes 3 and 4 follow the AARE."""
        return self.prove is not None

    def check_challenges(self, own: bytes, peers: bytes) -> None:
        """Refuse a peer's challenge of a wrong length, and our own sent back to us.

        Raises:
            AuthenticationError: of kind ``challenge``.
        """
        if len(peers) not in self.challenge_lengths:
            bounds = f"{self.challenge_lengths.start} to {self.challenge_lengths.stop - 1}"
            raise AuthenticationError(
                f"the peer's challenge has {len(peers)} octets, {bounds} are allowed", kind="challenge"
            )
        if peers == own:
            raise AuthenticationError("the peer sent our own challenge back", kind="challenge")


def _prove_gmac(handshake: Handshake) -> bytes:
    return _context(handshake).gmac(handshake.peer_challenge)


def _check_gmac(handshake: Handshake, proof: bytes) -> None:
    _context(handshake).verify_gmac(handshake.own_challenge, proof)


def _context(handshake: Handshake) -> SecurityContext:
    if handshake.context is None:
        raise ConfigurationError("authentication by GMAC needs keys and system titles")
    return handshake.context


MECHANISMS: dict[int, Mechanism] = {
    mechanism.id: mechanism
    for mechanism in (
        Mechanism(id=LOWEST_LEVEL, name="none"),
        Mechanism(id=LOW_LEVEL, name="lls", needs_secret=True),
        Mechanism(
            id=GMAC,
            name="hls-gmac",
            challenge_lengths=range(8, 65),
            needs_keys=True,
            prove=_prove_gmac,
            check=_check_gmac,
        ),
    )
}
"""All mechanisms, by id."""

MECHANISM_NAMES: dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in MECHANISMS.values()}
