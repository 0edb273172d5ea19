"""Authentication mechanisms: what each proves and how the proof is checked, one row each.

Both sides use the same row: a proof is made over the peer's challenge and checked over our own. No octet
is sent from here and no counter kept; mechanism 5 takes its counters from the security context. Adding a
mechanism is adding its two functions and a row. Mechanism 2 is a row whose two functions the user gives.

MD5 and SHA-1 are here because meters have them. A proof by them, or by SHA-256, is made of a shared secret
and of challenges that can be read on the line: whoever listens may try secrets at leisure. Only a secret of
16 random octets or more withstands that; mechanisms 5 and 7 prove the possession of real keys.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace

from dlms_fw._core import Key, PrivateKey, PublicKey, SecurityContext
from dlms_fw.errors import AuthenticationError, ConfigurationError

LOWEST_LEVEL = 0
LOW_LEVEL = 1
MANUFACTURER = 2
MD5 = 3
SHA1 = 4
GMAC = 5
SHA256 = 6
ECDSA = 7

AUTHENTICATION_REQUIRED = 14
"""The AARE diagnostic that says: accepted, but passes 3 and 4 are still to come."""

REPLY_TO_HLS = (15, bytes((0, 0, 40, 0, 0, 255)), 1)
"""Class, logical name and method of pass 3: reply_to_HLS_authentication of the current association."""

CHALLENGE_LENGTHS = range(8, 65)
"""Octets of a challenge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What one side knows in passes 3 and 4.

    Attributes:
        own_challenge: What we sent (in a client CtoS).
        peer_challenge: What the peer sent.
        own_system_title: Ours, for mechanisms that bind a proof to both ends.
        peer_system_title: The peer's.
        context: Keys, titles and counters, for mechanisms that need them.
        secret: The shared secret, for mechanisms that need one.
        signing_key: Ours, for mechanism 7.
        peer_signing_key: The peer's, pinned or out of a certificate that was verified.
    """

    own_challenge: bytes
    peer_challenge: bytes
    own_system_title: bytes | None = None
    peer_system_title: bytes | None = None
    context: SecurityContext | None = None
    secret: Key | None = None
    signing_key: PrivateKey | None = None
    peer_signing_key: PublicKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManufacturerMechanism:
    """Mechanism 2 as one manufacturer has defined it; the same two functions serve client and meter.

    Attributes:
        prove: Makes f(the peer's challenge); what it gives is the octet-string of pass 3 or 4.
        check: Says whether this is the peer's f(our challenge). It should compare in constant time
            (:func:`hmac.compare_digest`); anything but ``True`` refuses.
        needs_titles: Its proofs cover the system titles, so both ends must name themselves.
    """

    prove: Callable[[Handshake], bytes]
    check: Callable[[Handshake, bytes], bool]
    needs_titles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One authentication mechanism (Green Book, COSEM_authentication_mechanism_name).

    Attributes:
        id: The last octet of its name.
        name: As in a profile.
        challenge_lengths: How many octets a challenge may have; empty where there are no passes 3 and 4.
        needs_secret: A password or shared secret is needed.
        needs_keys: The global unicast encryption key and the authentication key are needed, and both titles.
        needs_titles: The proof covers both system titles.
        signs: The proof is a signature; each side needs its own signing key and a way to know the other's.
        prove: Makes f(peer's challenge).
        check: Verifies the peer's f(our challenge); raises AuthenticationError.
    """

    id: int
    name: str
    challenge_lengths: range = range(0)
    needs_secret: bool = False
    needs_keys: bool = False
    needs_titles: bool = False
    signs: bool = False
    prove: Callable[[Handshake], bytes] | None = None
    check: Callable[[Handshake, bytes], None] | None = None

    @property
    def high_level(self) -> bool:
        """Whether passes 3 and 4 follow the AARE."""
        return bool(self.challenge_lengths)

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
        if hmac.compare_digest(peers, own):
            raise AuthenticationError("the peer sent our own challenge back", kind="challenge")


def _prove_gmac(handshake: Handshake) -> bytes:
    return _context(handshake).gmac(handshake.peer_challenge)


def _check_gmac(handshake: Handshake, proof: bytes) -> None:
    _context(handshake).verify_gmac(handshake.own_challenge, proof)


def _context(handshake: Handshake) -> SecurityContext:
    if handshake.context is None:
        raise ConfigurationError("authentication by GMAC needs keys and system titles")
    return handshake.context


def _secret(handshake: Handshake) -> bytes:
    if handshake.secret is None:
        raise ConfigurationError("this authentication mechanism needs a shared secret")
    return handshake.secret.expose()


def _titles(handshake: Handshake) -> tuple[bytes, bytes]:
    own, peers = handshake.own_system_title, handshake.peer_system_title
    if own is None or peers is None:
        raise ConfigurationError("this authentication mechanism needs both system titles")
    return own, peers


def _digest_mechanism(number: int, name: str, digest: str) -> Mechanism:
    """Mechanisms 3 and 4: a digest of the challenge and the secret."""

    def made_of(challenge: bytes, handshake: Handshake) -> bytes:
        # The secret, not the digest, has to be good; the digest is the meter's.
        return hashlib.new(digest, challenge + _secret(handshake), usedforsecurity=False).digest()

    def prove(handshake: Handshake) -> bytes:
        return made_of(handshake.peer_challenge, handshake)

    def check(handshake: Handshake, proof: bytes) -> None:
        if not hmac.compare_digest(made_of(handshake.own_challenge, handshake), proof):
            raise AuthenticationError("the proof does not match the secret", kind="authentication-proof")

    return Mechanism(
        id=number,
        name=name,
        challenge_lengths=CHALLENGE_LENGTHS,
        needs_secret=True,
        prove=prove,
        check=check,
    )


def own_statement(handshake: Handshake) -> bytes:
    """What a prover of mechanisms 6 and 7 vouches for: own title, peer's title, peer's challenge, own one."""
    own, peers = _titles(handshake)
    return own + peers + handshake.peer_challenge + handshake.own_challenge


def peers_statement(handshake: Handshake) -> bytes:
    """The same as the peer has to make it."""
    own, peers = _titles(handshake)
    return peers + own + handshake.own_challenge + handshake.peer_challenge


def _prove_sha256(handshake: Handshake) -> bytes:
    return hashlib.sha256(_secret(handshake) + own_statement(handshake)).digest()


def _check_sha256(handshake: Handshake, proof: bytes) -> None:
    expected = hashlib.sha256(_secret(handshake) + peers_statement(handshake)).digest()
    if not hmac.compare_digest(expected, proof):
        raise AuthenticationError("the proof does not match the secret", kind="authentication-proof")


def _prove_ecdsa(handshake: Handshake) -> bytes:
    if handshake.signing_key is None:
        raise ConfigurationError("authentication by ECDSA needs a signing key")
    return handshake.signing_key.sign(own_statement(handshake))


def _check_ecdsa(handshake: Handshake, proof: bytes) -> None:
    if handshake.peer_signing_key is None:
        raise ConfigurationError("authentication by ECDSA needs the peer's public key")
    handshake.peer_signing_key.verify(peers_statement(handshake), proof)


MECHANISMS: dict[int, Mechanism] = {
    mechanism.id: mechanism
    for mechanism in (
        Mechanism(id=LOWEST_LEVEL, name="none"),
        Mechanism(id=LOW_LEVEL, name="lls", needs_secret=True),
        Mechanism(id=MANUFACTURER, name="hls-manufacturer", challenge_lengths=CHALLENGE_LENGTHS),
        _digest_mechanism(MD5, "hls-md5", "md5"),
        _digest_mechanism(SHA1, "hls-sha1", "sha1"),
        Mechanism(
            id=GMAC,
            name="hls-gmac",
            challenge_lengths=CHALLENGE_LENGTHS,
            needs_keys=True,
            needs_titles=True,
            prove=_prove_gmac,
            check=_check_gmac,
        ),
        Mechanism(
            id=SHA256,
            name="hls-sha256",
            challenge_lengths=CHALLENGE_LENGTHS,
            needs_secret=True,
            needs_titles=True,
            prove=_prove_sha256,
            check=_check_sha256,
        ),
        Mechanism(
            id=ECDSA,
            name="hls-ecdsa",
            challenge_lengths=range(32, 65),
            needs_titles=True,
            signs=True,
            prove=_prove_ecdsa,
            check=_check_ecdsa,
        ),
    )
}
"""All mechanisms, by id."""

MECHANISM_NAMES: dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in MECHANISMS.values()}


def mechanism_of(number: int, manufacturer: ManufacturerMechanism | None) -> Mechanism:
    """The row of this id; that of mechanism 2 with the functions of a manufacturer in it."""
    row = MECHANISMS[number]
    if number != MANUFACTURER or manufacturer is None:
        return row

    def check(handshake: Handshake, proof: bytes) -> None:
        if manufacturer.check(handshake, proof) is not True:
            raise AuthenticationError("the proof is not the peer's", kind="authentication-proof")

    return replace(row, prove=manufacturer.prove, check=check, needs_titles=manufacturer.needs_titles)
