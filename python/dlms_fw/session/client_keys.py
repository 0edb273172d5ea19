"""The keys of a client in use: a context for each association, with counters and dedicated keys of its own.

Rules kept here: counters are reserved before they are used; no dedicated key is used twice. What a context
does with each message is the core's matter. Nothing is sent from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from dlms_fw._core import Key, PublicKey, SecurityContext
from dlms_fw.errors import ConfigurationError, LocalProtocolError
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys, Counters, key_length


class ClientKeys:
    """Makes the contexts that a client's associations are protected with.

    Args:
        profile: With the keys and how they are used.
        counters: Our invocation counters; needed where the profile has keys.
        first_counter: Use no invocation counter below this one.
        meter_counter: The highest counter of the meter that was ever accepted.
        dedicated_key: Gives so many fresh random octets; needed where the profile asks for dedicated keys.
        randomness: Gives that many random octets; needed for general protection.

    Raises:
        ConfigurationError: what the profile needs is not there.
    """

    __slots__ = (
        "_counters",
        "_dedicated_key",
        "_first_counter",
        "_last_dedicated_key",
        "_meter_counter",
        "_profile",
        "_randomness",
    )

    def __init__(
        self,
        profile: Profile,
        *,
        counters: Counters | None,
        first_counter: int,
        meter_counter: int | None,
        dedicated_key: Callable[[int], bytes] | None,
        randomness: Callable[[int], bytes] | None,
    ) -> None:
        if profile.needs_keys and counters is None:
            raise ConfigurationError("protection by keys needs a journal to keep the invocation counters in")
        if profile.dedicated_key and dedicated_key is None:
            raise ConfigurationError("dedicated keys need a source of random octets")
        self._profile = profile
        self._counters = counters
        self._first_counter = first_counter
        self._meter_counter = meter_counter
        self._dedicated_key = dedicated_key
        self._last_dedicated_key = b""
        self._randomness = randomness

    def reserve(self, count: int) -> range:
        """Take ``count`` counters that were never used; durable when it returns."""
        assert self._counters is not None  # noqa: S101 (checked by the constructor)
        return self._counters.reserve(self._first_counter, count)

    def context(self, counters: range, dedicated_key: bytes | None) -> SecurityContext:
        """The context of an association that begins with these counters.

        Raises:
            ConfigurationError: general protection without random octets.
        """
        assert self._profile.system_title is not None  # noqa: S101 (checked by the profile)
        keys = self._profile.keys
        broadcast = keys.global_broadcast_encryption_key if self._profile.pre_established else None
        protection, policy = self._profile.protection, self._profile.security_policy
        context = SecurityContext(
            self._profile.security_suite,
            protection.requests(policy),
            system_title=self._profile.system_title,
            peer_system_title=self._profile.meter_system_title,
            global_unicast_encryption_key=None if broadcast else keys.global_unicast_encryption_key,
            authentication_key=keys.authentication_key,
            # Nothing that a single meter says to us alone comes under it.
            global_broadcast_encryption_key=broadcast,
            dedicated_key=None if dedicated_key is None else Key(dedicated_key),
            invocation_counter=counters.start,
            counter_limit=counters.stop,
            peer_invocation_counter=self._meter_counter,
            # With a pre-established association the meter has no AARQ to know our title from.
            general=protection.ciphering == "general" or self._profile.pre_established,
            floor=protection.responses(policy),
        )
        if protection.is_general:
            self._prepare(context, self._profile.asymmetric_keys)
        return context

    def trust(self, context: SecurityContext, peer_signing_key: PublicKey) -> None:
        """What the meter signs from now on must be signed with this key, where none is pinned."""
        pinned = self._profile.asymmetric_keys
        if pinned.peer_signing_key is None and self._profile.protection.is_general:
            self._prepare(context, replace(pinned, peer_signing_key=peer_signing_key))

    def _prepare(self, context: SecurityContext, asymmetric_keys: AsymmetricKeys) -> None:
        if self._randomness is None:
            raise ConfigurationError("general protection needs random octets")
        profile = self._profile
        profile.protection.prepare(context, profile.keys, asymmetric_keys, self._randomness, answering=False)

    def fresh_dedicated_key(self) -> bytes:
        """The octets of a new one. Raises LocalProtocolError where their source is not random."""
        length = key_length(self._profile.security_suite)
        assert self._dedicated_key is not None  # noqa: S101 (checked by the constructor)
        octets = self._dedicated_key(length)
        digest = hashlib.sha256(octets).digest()
        if len(octets) != length or len(set(octets)) == 1 or digest == self._last_dedicated_key:
            raise LocalProtocolError("the source of dedicated keys is not random")
        self._last_dedicated_key = digest
        return octets
