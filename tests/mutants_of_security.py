"""Meters that are careless with keys, counters and clients, each in one way; by the case that is about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw._core import ReleaseRequest, SecurityContext
from dlms_fw.certificates import Certificate
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.procedures.security_signatures import _Signed
from dlms_fw.conformance.wire.protection import AUTHENTICATED, TAG, Sealed, Sealing
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import KeyId
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.association_objects import AssociationV1
from dlms_fw.meter.connection import MeterConnection
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.security_objects import SecuritySetupObject
from dlms_fw.meter.symmetric_keys import SymmetricKeys
from dlms_fw.profiles import Profile
from dlms_fw.session import acceptance
from dlms_fw.session.acceptance import Gate
from dlms_fw.session.server import ServerSession
from dlms_fw.session.server_associations import ServerAssociations
from dlms_fw.session.server_client import ServerClient
from dlms_fw.session.states import State
from mutants_of_reception import instead

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch, Declaration], None]
_HEADER = 8
_GLO_GET_RESPONSE = 0xCC


def of(owner: type, name: str) -> Callable[[Callable[[Any], Any]], Mutation]:
    """A mutation: that function or getter made from the right one, as a decorator."""
    return lambda made: lambda patch, _: instead(owner, name, made)(patch)


# --- Octets that a careless meter takes for the right ones --------------------------------------------------


def to_the_meter(change: Callable[[bytes, Profile], bytes]) -> Mutation:
    """A meter to which an APDU is as it should have been."""

    def mutate(patch: Patch, declaration: Declaration) -> None:
        profile = declaration.profile("management")
        right = SimulatedBench.receive

        def receive(bench: SimulatedBench, connection: MeterConnection, data: bytes) -> bytes:
            head, apdu = data[: _HEADER - 2], data[_HEADER:]
            if apdu and apdu[0] != 0x60:
                apdu = change(apdu, profile)
                data = head + len(apdu).to_bytes(2, "big") + apdu
            return right(bench, connection, data)

        patch.setattr(SimulatedBench, "receive", receive)

    return mutate


def _plain(apdu: bytes, profile: Profile) -> bytes | None:
    """What a careless meter reads in an APDU; ``None`` where that is no request."""
    sealed, right = Sealed.decode(apdu), Sealing.of(profile)
    if sealed is None or not sealed.control & AUTHENTICATED:
        return None
    plain = right.reveal(sealed, right.title)
    # Noise, as deciphered under another counter, seldom looks like a confirmed request of high priority.
    looks_right = plain[:1] in {b"\xc0", b"\xc1", b"\xc3"} and plain[1:2] <= b"\x05" and plain[2:3] >= b"\xc0"
    return plain if looks_right else None


@to_the_meter
def looks_at_no_tag(apdu: bytes, profile: Profile) -> bytes:
    plain, sealed = _plain(apdu, profile), Sealed.decode(apdu)
    if plain is None or sealed is None or sealed.control != Sealing.of(profile).control:
        return apdu
    return Sealing.of(profile).seal(plain, sealed.counter)


@to_the_meter
def takes_a_cut_tag(apdu: bytes, profile: Profile) -> bytes:
    sealed, right = Sealed.decode(apdu), Sealing.of(profile)
    if sealed is None or len(sealed.body) < TAG:
        return apdu
    for cut in range(TAG + 1):
        plain = _plain(replace(sealed, body=sealed.body + bytes(cut)).encode(), profile)
        if plain is not None:
            whole = right.seal(plain, sealed.counter)
            made = Sealed.decode(whole)
            if made is not None and made.body.startswith(sealed.body):
                return whole
    return apdu


def counting() -> Mutation:
    """A meter that looks at no counter: it is given others, which rise."""
    last = [0]

    def change(apdu: bytes, profile: Profile) -> bytes:
        plain, sealed = _plain(apdu, profile), Sealed.decode(apdu)
        if plain is None or sealed is None or Sealing.of(profile).seal(plain, sealed.counter) != apdu:
            return apdu
        last[0] = max(last[0] + 1, sealed.counter)
        return Sealing.of(profile).seal(plain, last[0])

    return to_the_meter(change)


def moving_first() -> Mutation:
    """A meter whose counter moves before the tag is looked at."""
    highest = [0]

    def change(apdu: bytes, _: Profile) -> bytes:
        sealed = Sealed.decode(apdu)
        if sealed is None:
            return apdu
        if sealed.counter < highest[0]:
            return apdu[:-1] + bytes((apdu[-1] ^ 1,))
        highest[0] = sealed.counter
        return apdu

    return to_the_meter(change)


@to_the_meter
def ignores_two_bits(apdu: bytes, profile: Profile) -> bytes:
    sealed, right = Sealed.decode(apdu), Sealing.of(profile)
    if sealed is None or not sealed.control & 0xC0:
        return apdu
    return right.seal(right.reveal(sealed, right.title), sealed.counter)


@to_the_meter
def takes_any_title(apdu: bytes, profile: Profile) -> bytes:
    sealed, right = Sealed.decode(apdu), Sealing.of(profile)
    if sealed is None or sealed.title in {None, right.title}:
        return apdu
    plain = right.reveal(sealed, sealed.title or b"")
    return right.seal(plain, sealed.counter) if plain[:1] in {b"\xc0", b"\xc1"} else apdu


@to_the_meter
def takes_any_signature(apdu: bytes, profile: Profile) -> bytes:
    key = profile.asymmetric_keys.signing_key
    if apdu[0] != 0xDF or key is None:
        return apdu
    signed = _Signed.decode(apdu)
    return replace(signed, signature=key.sign(signed.header[1:] + signed.content)).encode()


def answers_plain(patch: Patch, declaration: Declaration) -> None:
    right = SimulatedBench.receive
    sealing = Sealing.of(declaration.profile("management"))

    def receive(bench: SimulatedBench, connection: MeterConnection, data: bytes) -> bytes:
        answer = right(bench, connection, data)
        sealed = Sealed.decode(answer[_HEADER:])
        if sealed is None or sealed.tag != _GLO_GET_RESPONSE:
            return answer
        plain = sealing.reveal(sealed, bench.config.system_title)
        return answer[: _HEADER - 2] + len(plain).to_bytes(2, "big") + plain

    patch.setattr(SimulatedBench, "receive", receive)


def context_with(**changes: Any) -> Mutation:
    """A meter whose associations are protected in another way."""

    def mutate(patch: Patch, _: Declaration) -> None:
        def made(*args: Any, **keywords: Any) -> SecurityContext:
            return SecurityContext(*args, **(keywords | changes))

        patch.setattr(acceptance, "SecurityContext", made)

    return mutate


# --- Counters -----------------------------------------------------------------------------------------------


@of(CounterRecord, "reserve")
def counts_anew_in_each_association(_right: Any) -> Any:
    return lambda self, fingerprint, count: range(1, count + 1)


@of(CounterRecord, "_raise_bound")
def keeps_no_counters(_right: Any) -> Any:
    def keep(self: CounterRecord, name: str, direction: str, bound: int) -> None:
        old = self._bounds.get(name, {"sent": -1, "accepted": -1})
        self._bounds = self._bounds | {name: old | {direction: bound}}

    return keep


def one_counter_for_everything(patch: Patch, _: Declaration) -> None:
    patch.setattr(
        CounterRecord, "last_accepted", lambda self, _name: max(self._accepted.values(), default=-1)
    )


# --- Keys and policies --------------------------------------------------------------------------------------


@of(SymmetricKeys, "transfer")
def says_that_it_has_changed_keys(_right: Any) -> Any:
    return lambda self, setup, items: None


@of(SymmetricKeys, "transfer")
def changes_one_key_of_two(right: Any) -> Any:
    def transfer(self: SymmetricKeys, setup: int, items: Any) -> None:
        for item in items:
            right(self, setup, [item])

    return transfer


@of(SymmetricKeys, "transfer")
def is_content_with_any_key(right: Any) -> Any:
    def transfer(self: SymmetricKeys, setup: int, items: Any) -> None:
        try:
            right(self, setup, items)
        except CosemFault:
            return

    return transfer


@of(SymmetricKeys, "transfer")
def leaves_the_authentication_key(right: Any) -> Any:
    def transfer(self: SymmetricKeys, setup: int, items: Any) -> None:
        others = [item for item in items if item.key_id != KeyId.AUTHENTICATION_KEY]
        if others:
            right(self, setup, others)

    return transfer


@of(SymmetricKeys, "activate")
def says_that_it_has_a_policy(_right: Any) -> Any:
    return lambda self, setup, policy, *, can_sign: None


@of(SymmetricKeys, "activate")
def lowers_its_policy(_right: Any) -> Any:
    def activate(self: SymmetricKeys, setup: int, policy: Any, *, can_sign: bool) -> None:
        self._change(setup, replace(self._state(setup), policy=policy))
        self.on_change()

    return activate


@of(SymmetricKeys, "activate")
def only_ever_authenticates(right: Any) -> Any:
    return lambda self, setup, policy, *, can_sign: right(self, setup, policy & 0x24, can_sign=can_sign)


@of(SecuritySetupObject, "key_agreement")
def agrees_with_anybody(right: Any) -> Any:
    def agree(self: SecuritySetupObject, data: Any) -> Any:
        try:
            return right(self, data)
        except CosemFault:
            return []

    return agree


@of(Gate, "_use_dedicated_key")
def takes_any_dedicated_key(right: Any) -> Any:
    return lambda self, association, client, octets: right(
        self, association, client, (octets + bytes(16))[:16]
    )


def one_key_for_all(declaration: Declaration) -> dict[str, Any]:
    return {
        "global_broadcast_encryption_key": declaration.profile(
            "management"
        ).keys.global_unicast_encryption_key
    }


# --- Who may associate --------------------------------------------------------------------------------------


def looks_at_no_authentication(patch: Patch, _: Declaration) -> None:
    patch.setattr(acceptance, "_check_authentication", lambda request, client, mechanism: None)


def compares_eight_octets(patch: Patch, _: Declaration) -> None:
    class Hasty:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            return one[:8] == other[:8]

    patch.setattr(acceptance, "hmac", Hasty)


def takes_an_empty_password(patch: Patch, _: Declaration) -> None:
    class Lenient:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            return one in {b"", other}

    patch.setattr(acceptance, "hmac", Lenient)


@of(ServerClient, "authentication")
def believes_any_proof(right: Any) -> Any:
    return lambda self: replace(right(self), check=lambda handshake, proof: None)


@of(ServerClient, "authentication")
def believes_its_own_proof(right: Any) -> Any:
    def authentication(self: ServerClient) -> Any:
        row = right(self)

        def check(handshake: Any, proof: bytes) -> None:
            if len(proof) != 17:
                row.check(handshake, proof)
            context = handshake.context
            seal = SecurityContext(
                context.suite,
                context.policy,
                system_title=context.system_title,
                peer_system_title=context.peer_system_title,
                global_unicast_encryption_key=self.keys.global_unicast_encryption_key,
                authentication_key=self.keys.authentication_key,
                invocation_counter=int.from_bytes(proof[1:5], "big"),
                counter_limit=int.from_bytes(proof[1:5], "big") + 1,
            )
            if seal.gmac(handshake.own_challenge) != proof:
                row.check(handshake, proof)

        return replace(row, check=check)

    return authentication


@of(Gate, "_own_challenge")
def has_one_challenge(_right: Any) -> Any:
    return lambda self, request: bytes(range(32))


@of(Gate, "_own_challenge")
def sends_the_challenge_back(_right: Any) -> Any:
    return lambda self, request: request.authentication_value


@of(Gate, "_own_challenge")
def challenges_shortly(right: Any) -> Any:
    return lambda self, request: right(self, request)[:4]


@of(AssociationV1.__mro__[2], "reply_to_hls_authentication")
def is_proved_to_at_any_time(_right: Any) -> Any:
    return lambda self, data: data


@of(ServerSession, "_on_request")
def serves_before_the_proof(right: Any) -> Any:
    def on_request(self: ServerSession, request: Any) -> bytes:
        if self.association.state is State.AUTHENTICATING and getattr(request, "class_id", 15) != 15:
            self._events.append(request)
            return b""
        answer: bytes = right(self, request)
        return answer

    return on_request


@of(ServerAssociations, "_on_release_request")
def releases_for_anybody(right: Any) -> Any:
    return lambda self, request: right(self, ReleaseRequest(request.reason, None))


def believes_any_certificate(patch: Patch, _: Declaration) -> None:
    patch.setattr(acceptance, "signing_key_of", lambda der, **rest: Certificate.from_der(der).public_key)


# --- What is told -------------------------------------------------------------------------------------------


def tells_its_key(patch: Patch, declaration: Declaration) -> None:
    key = declaration.profile("management").keys.authentication_key
    assert key is not None
    patch.setattr(
        SecuritySetupObject, "server_system_title", property(lambda self: key.expose()), raising=False
    )


shows_the_secret = {"access_rules": (AccessRule(class_id=15, attributes={7: 3}),)}
lets_the_public_activate = {
    "access_rules": (AccessRule(class_id=64, clients=frozenset({16}), methods={1: True, 2: True}),)
}


@of(CounterRecord, "last_accepted")
def tells_a_lower_counter(right: Any) -> Any:
    return lambda self, fingerprint: max(-1, right(self, fingerprint) - 300)


MUTANTS: list[tuple[str, str, Any]] = [
    ("SE-01", "keys", answers_plain),
    ("SE-02", "keys", counting()),
    ("SE-03", "keys", counts_anew_in_each_association),
    ("SE-03", "keys", keeps_no_counters),
    ("SE-04", "keys", says_that_it_has_changed_keys),
    ("SE-05", "keys", leaves_the_authentication_key),
    ("SE-06", "keys", changes_one_key_of_two),
    ("SE-07", "keys", is_content_with_any_key),
    ("SE-08", "keys", is_content_with_any_key),
    ("SE-09", "keys", takes_any_dedicated_key),
    ("SE-11", "keys", looks_at_no_tag),
    ("SE-12", "keys", releases_for_anybody),
    ("SE-13", "weak policy", says_that_it_has_a_policy),
    ("SE-14", "weak policy", only_ever_authenticates),
    ("SE-15", "weak policy", lowers_its_policy),
    ("SE-17", "keys", moving_first()),
    ("SE-18", "keys", looks_at_no_tag),
    ("SE-19", "keys", takes_a_cut_tag),
    ("SE-20", "keys", context_with(floor=0)),
    ("SE-20", "keys", context_with(floor=AUTHENTICATED)),
    ("SE-21", "keys", takes_any_title),
    ("SE-22", "keys", ignores_two_bits),
    ("SE-23", "keys", ignores_two_bits),
    ("SE-24", "keys", one_key_for_all),
    ("SE-25", "keys", looks_at_no_tag),
    ("SE-26", "keys", counting()),
    ("SE-26", "keys", one_counter_for_everything),
    ("SE-27", "keys", has_one_challenge),
    ("SE-27", "keys", challenges_shortly),
    ("SE-28", "keys", looks_at_no_authentication),
    ("SE-29", "keys", sends_the_challenge_back),
    ("SE-30", "keys", believes_any_proof),
    ("SE-30", "keys", believes_its_own_proof),
    ("SE-31", "keys", is_proved_to_at_any_time),
    ("SE-32", "keys", serves_before_the_proof),
    ("SE-33", "keys", {"authentication_tries": 0}),
    ("SE-34", "password", compares_eight_octets),
    ("SE-34", "password", takes_an_empty_password),
    ("SE-35", "curves", believes_any_proof),
    ("SE-36", "certificates", believes_any_certificate),
    ("SE-37", "curves", agrees_with_anybody),
    ("SE-38", "curves", takes_any_signature),
    ("SE-39", "keys", context_with(floor=0)),
    ("SE-41", "keys", context_with(floor=0)),
    ("SE-42", "keys", keeps_no_counters),
    ("SE-43", "keys", tells_its_key),
    ("SE-43", "keys", shows_the_secret),
    ("SE-44", "keys", lets_the_public_activate),
    ("SE-45", "keys", tells_a_lower_counter),
]
