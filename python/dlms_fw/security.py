"""What the caller decides about protection: suite, policy, keys, and how invocation counters are taken.

Sealing and opening happen in the extension; here are only the decisions. This module knows no wire form, no
file and no clock, and it never shows the octets of a key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from dlms_fw._core import RANDOMNESS_LENGTH
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import SecurityError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlms_fw._core import Key, PrivateKey, PublicKey, SecurityContext

_LOG = logging.getLogger("dlms_fw.journal")  # it is the journals that give counters away

SYSTEM_TITLE_LENGTH = 8

COUNTER_STRIDE = 256
"""How many invocation counters are reserved in one durable write, and more where more are needed at once.

A crash skips those that were not used.
"""
COUNTER_MARGIN = 32
"""With fewer counters left than this, the next range is reserved before the next APDU is made or taken."""
COUNTER_WARNING = 2**31
"""From here on the key should be changed soon."""
COUNTER_LIMIT = 2**32 - 2**16
"""The first invocation counter that is never used: the key must be changed before it wraps."""
COUNTER_JUMP = 2**20
"""How far an unprotected hint of a meter may move our counter forward."""


class SecurityPolicy(IntEnum):
    """How our messages are protected, and the least we accept: two bits of the security control octet."""

    NONE = 0x00
    AUTHENTICATED = 0x10
    ENCRYPTED = 0x20
    AUTHENTICATED_ENCRYPTED = 0x30


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The symmetric keys of one client at one meter. A key shows itself as a fingerprint only."""

    global_unicast_encryption_key: Key | None = None
    authentication_key: Key | None = None
    global_broadcast_encryption_key: Key | None = None
    master_key: Key | None = None
    """The key encrypting key: wraps keys, ciphers nothing itself."""

    def mistakes(self, suite: SecuritySuite) -> list[str]:
        """What is wrong with these keys for ``suite``, as sentences without octets."""
        length = key_length(suite)
        named = {
            "global_unicast_encryption_key": self.global_unicast_encryption_key,
            "authentication_key": self.authentication_key,
            "global_broadcast_encryption_key": self.global_broadcast_encryption_key,
            "master_key": self.master_key,
        }
        return [
            f"{name}: {len(key)} octets, but security suite {suite.value} needs {length}"
            for name, key in named.items()
            if key is not None and len(key) != length
        ]

    @property
    def counter_key(self) -> Key | None:
        """The key whose invocation counters we use: the unicast key, else the broadcast key."""
        return self.global_unicast_encryption_key or self.global_broadcast_encryption_key


@dataclass(frozen=True, slots=True, kw_only=True)
class AsymmetricKeys:
    """The keys on elliptic curves of one client at one meter, for security suites 1 and 2.

    The same class serves both ends: what is ours at one end is the peer's at the other.
    """

    signing_key: PrivateKey | None = None
    """Ours for digital signature: general-signing, HLS mechanism 7, ephemeral keys that we send."""
    key_agreement_key: PrivateKey | None = None
    """Ours for key agreement: the static key of the one-pass and of the static unified scheme."""
    peer_signing_key: PublicKey | None = None
    peer_key_agreement_key: PublicKey | None = None

    def mistakes(self, suite: SecuritySuite) -> list[str]:
        """What is wrong with these keys for ``suite``, as sentences without octets."""
        wanted = curve_of(suite)
        named = {
            "signing_key": self.signing_key,
            "key_agreement_key": self.key_agreement_key,
            "peer_signing_key": self.peer_signing_key,
            "peer_key_agreement_key": self.peer_key_agreement_key,
        }
        return [
            f"{name}: on {key.curve}, but security suite {suite.value} "
            + (f"is on {wanted}" if wanted else "knows no such keys")
            for name, key in named.items()
            if key is not None and key.curve != wanted
        ]


SIGNED = 0x40
"""The bit of a digital signature, beside those of :class:`SecurityPolicy`."""

CIPHERINGS = ("service-specific", "general", "general-ciphering")
KEY_INFORMATION = ("none", "identified", "wrapped", "one-pass-diffie-hellman", "static-unified")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageProtection:
    """What goes beyond one policy for all messages in their service-specific form.

    Attributes:
        ciphering: The form of ciphered APDUs: "service-specific" (glo- and ded-), "general" (general-glo and
            general-ded) or "general-ciphering".
        key_information: Where the key of general-ciphering comes from: "none" (the global one, not named),
            "identified" (the global one, named), "wrapped" under the master key, agreed on with
            "one-pass-diffie-hellman" or "static-unified".
        response_policy: How responses are protected, at least; ``None`` as requests.
        sign_requests: Whether requests are signed (general-signing).
        signed_responses: Whether responses must be.
        older_algorithm_ids: Derive keys with the algorithm ids of older texts, 60 85 74 06 08 03.
        header_authenticated: Whether the header of general-ciphering goes into the authentication tag.
    """

    ciphering: str = "service-specific"
    key_information: str = "identified"
    response_policy: SecurityPolicy | None = None
    sign_requests: bool = False
    signed_responses: bool = False
    older_algorithm_ids: bool = False
    header_authenticated: bool = True

    def requests(self, policy: SecurityPolicy) -> int:
        """The protection of requests: the bits of the policy, and :data:`SIGNED`."""
        return policy | (SIGNED if self.sign_requests else 0)

    def responses(self, policy: SecurityPolicy) -> int:
        """The protection of responses, as bits."""
        least = policy if self.response_policy is None else self.response_policy
        return least | (SIGNED if self.signed_responses else 0)

    def protects(self, policy: SecurityPolicy) -> bool:
        """Whether anything is protected, in either direction."""
        return bool(policy or self.response_policy or self.sign_requests or self.signed_responses)

    @property
    def is_general(self) -> bool:
        """Whether it needs general protection, which both sides must have."""
        return self.ciphering != "service-specific" or self.sign_requests or self.signed_responses

    @property
    def sends_header(self) -> bool:
        """Whether our requests name the meter's system title, so that it must be known beforehand."""
        return self.ciphering == "general-ciphering" or self.sign_requests

    def prepare(
        self,
        context: SecurityContext,
        keys: Keys,
        asymmetric_keys: AsymmetricKeys,
        randomness: Callable[[int], bytes],
        *,
        answering: bool,
    ) -> None:
        """Give ``context`` what it needs for general protection; one that only answers does so in kind."""
        general = self.ciphering == "general-ciphering" and not answering
        context.use_general_protection(
            randomness(RANDOMNESS_LENGTH),
            key_information=self.key_information if general else None,
            signing_key=asymmetric_keys.signing_key,
            key_agreement_key=asymmetric_keys.key_agreement_key,
            peer_signing_key=asymmetric_keys.peer_signing_key,
            peer_key_agreement_key=asymmetric_keys.peer_key_agreement_key,
            master_key=keys.master_key,
            older_algorithm_ids=self.older_algorithm_ids,
            header_authenticated=self.header_authenticated,
        )

    def overhead(self, suite: SecuritySuite) -> int:
        """Octets around a protected APDU, at most."""
        pair = 2 * {"P-256": 32, "P-384": 48}.get(curve_of(suite) or "", 0)
        header = 1 + 3 * (1 + SYSTEM_TITLE_LENGTH) + 2
        octets = 1 + 3 + 1 + 4 + 12  # tag, length, security control, invocation counter, authentication tag
        if self.ciphering == "general":
            octets += 1 + SYSTEM_TITLE_LENGTH
        if self.ciphering == "general-ciphering":
            octets += header + {"wrapped": 4 + key_length(suite) + 8}.get(self.key_information, 6 + 2 * pair)
        if self.sign_requests:
            octets += header + 3 + 1 + pair
        return octets

    def mistakes(
        self,
        suite: SecuritySuite,
        keys: Keys,
        asymmetric_keys: AsymmetricKeys,
        *,
        peer_sends_certificate: bool = False,
    ) -> list[str]:
        """What is missing for it, as sentences; the names are those of a client's profile.

        Of a peer that sends the certificate of its signing key, and it is checked, the key need not be known.
        """
        mistakes = []
        wanted: dict[str, object] = {}
        if self.sign_requests:
            wanted["signing_key"] = asymmetric_keys.signing_key
        if self.signed_responses:
            wanted["peer_signing_key"] = asymmetric_keys.peer_signing_key
        if self.ciphering not in CIPHERINGS:
            mistakes.append(f"ciphering: one of {', '.join(CIPHERINGS)} is needed")
        elif self.ciphering == "general-ciphering":
            if self.key_information not in KEY_INFORMATION:
                mistakes.append(f"key_information: one of {', '.join(KEY_INFORMATION)} is needed")
            if self.key_information == "wrapped":
                wanted["master_key"] = keys.master_key
            if self.key_information in {"one-pass-diffie-hellman", "static-unified"}:
                wanted["key_agreement_key"] = asymmetric_keys.key_agreement_key
                wanted["peer_key_agreement_key"] = asymmetric_keys.peer_key_agreement_key
            if self.key_information == "one-pass-diffie-hellman":
                wanted["signing_key"] = asymmetric_keys.signing_key
                wanted["peer_signing_key"] = asymmetric_keys.peer_signing_key
        mistakes += [
            f"{name}: missing; the way in which messages are protected needs it"
            for name, key in wanted.items()
            if key is None and not (peer_sends_certificate and name == "peer_signing_key")
        ]
        if curve_of(suite) is None and wanted.keys() - {"master_key"}:
            mistakes.append("security_suite: 0 knows neither signatures nor key agreement; take 1 or 2")
        return mistakes


def curve_of(suite: SecuritySuite) -> str | None:
    """The elliptic curve of a suite; suite 0 has none."""
    return {
        SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256: "P-256",
        SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384: "P-384",
    }.get(suite)


def key_length(suite: SecuritySuite) -> int:
    """Octets of the symmetric keys of a suite: AES-256 in suite 2, else AES-128."""
    return 32 if suite is SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384 else 16


class Counters(Protocol):
    """The sending counters of one stream, i.e. of one key and one system title."""

    def reserve(self, at_least: int, count: int) -> range:
        """Take ``count`` counters nobody had before, none below ``at_least``; durable when it returns."""
        ...


def extend_counters(
    context: SecurityContext, reserve: Callable[[int], range], count: int = COUNTER_STRIDE
) -> None:
    """Give ``context`` the next range of counters; none is lost where it follows the old one."""
    limit = context.invocation_counter + context.counters_left
    taken = reserve(count)
    context.extend(context.invocation_counter if taken.start == limit else taken.start, taken.stop)


def next_counters(reserved_to: int, at_least: int, count: int) -> range:
    """The next ``count`` counters of a stream that has given away all below ``reserved_to``.

    Raises:
        SecurityError: of kind ``counter-exhausted`` near the end of the 32 bits; a counter never wraps.
    """
    start = max(reserved_to, at_least)
    if start + count > COUNTER_LIMIT:
        raise SecurityError(
            f"invocation counter {start} is at its limit: change the key before it is used again",
            kind="counter-exhausted",
        )
    return range(start, start + count)


def warn_if_half_used(key_fingerprint: str, counters: range) -> None:
    """Logs that a key should be changed, where the counters just given away are of the upper half."""
    if counters.stop > COUNTER_WARNING:
        _LOG.warning(
            "invocation counters of key %s are more than half used up: change the key", key_fingerprint
        )


def resynchronised_counter(ours: int | None, theirs: int) -> int:
    """The counter to go on from after a meter said, without protection, that it expects at least ``theirs``.

    Only upward, and by at most ``COUNTER_JUMP`` where we have a counter of our own: a stranger could burn
    the range.

    Args:
        ours: The next counter of our stream, or ``None`` where our records hold nothing for it.
        theirs: The smallest counter that the meter says it would accept.

    Raises:
        SecurityError: of kind ``counter-jump``, or ``counter-exhausted`` where no room is left.
    """
    if ours is not None and theirs > ours + COUNTER_JUMP:
        raise SecurityError(
            f"the meter asks for invocation counter {theirs}, {theirs - ours} above ours; "
            f"an unprotected hint is followed by at most {COUNTER_JUMP}",
            kind="counter-jump",
            expected_counter=theirs,
        )
    return next_counters(ours or 0, theirs, COUNTER_STRIDE).start
