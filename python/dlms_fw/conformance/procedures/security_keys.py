"""Security: how keys and policies are changed, and how they are not."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from dlms_fw._core import Key
from dlms_fw.conformance.keyring import Keyring
from dlms_fw.conformance.procedures.security_messages import answered, flipped_key
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.security_probe import Probe, fresh_counter, sealing_of
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.conformance.wire.apdus import (
    action_result,
    data_access_result,
    get,
    is_exception,
    name_of,
    set_,
    value_in,
)
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.conformance.wire.protection import BROADCAST, Sealed
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.enums import KeyId
from dlms_fw.security import SecurityPolicy, key_length

_UNICAST, _AUTHENTICATION = KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, KeyId.AUTHENTICATION_KEY
_NO_KEY_ID: Final = 9
_UNCONFIRMED: Final = 0x81
_LEVELS: Final = {0: (0x01, 0x03), 1: (0x24, 0x6C)}
"""Policies by the version of the Security setup: all authenticated, all authenticated and encrypted."""


# Transfer of keys


@case("SE-04")
def encryption_key(site: Site) -> None:
    """Another encryption key, and the old one again."""
    _there_and_back(site, _UNICAST)


@case("SE-05")
def authentication_key(site: Site) -> None:
    """Another authentication key, and the old one again."""
    _there_and_back(site, _AUTHENTICATION)


def _there_and_back(site: Site, *key_ids: KeyId) -> None:
    ring = Keyring(site)
    new = {key_id: ring.new_key() for key_id in key_ids}
    ring.change(new)
    ring.is_refused(ring.old, "the old keys after the change")
    ring.works(ring.now, "the new keys after the change")
    changed = ring.now
    fields = {
        _UNICAST: ring.old.keys.global_unicast_encryption_key,
        _AUTHENTICATION: ring.old.keys.authentication_key,
    }
    ring.change({key_id: key for key_id in key_ids if (key := fields[key_id]) is not None})
    ring.is_refused(changed, "the new keys after the way back")
    ring.works(ring.old, "the old keys after the way back")


@case("SE-06")
def both_keys(site: Site) -> None:
    """Both keys are changed, or none is."""
    ring = Keyring(site)
    new = {_UNICAST: ring.new_key(), _AUTHENTICATION: ring.new_key()}
    good, bad = ring.wrapped(new), ring.wrapped(new, flipped_key(ring.master_key))
    for what, items in (("the second", [good[0], bad[1]]), ("the first", [bad[0], good[1]])):
        _refuses_keys(ring, f"two keys, {what} wrongly wrapped", items)
    _there_and_back(site, _UNICAST, _AUTHENTICATION)


def _refuses_keys(ring: Keyring, what: str, items: list[tuple[int, bytes]]) -> None:
    answer = ring.ask(items)
    ring.site.step(f"{what}: {name_of(answer)}")
    if action_result(answer) == 0:
        raise Failed(f"a refusal of {what}", name_of(answer))
    ring.is_unchanged(what)


@case("SE-07")
def unknown_key_id(site: Site) -> None:
    """There are four keys."""
    ring = Keyring(site)
    octets = ring.new_key().wrap(ring.master_key)
    _refuses_keys(ring, f"key id {_NO_KEY_ID}", [(_NO_KEY_ID, octets)])
    both = [(int(_UNICAST), octets), (_NO_KEY_ID, octets)]
    _refuses_keys(ring, f"a key, and one with id {_NO_KEY_ID}", both)
    _refuses_keys(ring, "no key at all", [])


@case("SE-08")
def wrongly_wrapped(site: Site) -> None:
    """A key that the master key does not open is none."""
    ring = Keyring(site)
    right = ring.new_key().wrap(ring.master_key)
    other = 32 if key_length(ring.old.security_suite) == 16 else 16
    wrong = {
        "a key under another master key": ring.new_key().wrap(flipped_key(ring.master_key)),
        "a key with one octet changed": right[:-1] + bytes((right[-1] ^ 1,)),
        "a key that is not wrapped": os.urandom(len(right) - 8),
        "a wrapped key without its end": right[:-8],
        f"a key of {other} octets": Key(os.urandom(other)).wrap(ring.master_key),
        "no octets": b"",
    }
    for what, octets in wrong.items():
        _refuses_keys(ring, what, [(int(_UNICAST), octets)])


# Dedicated, broadcast and unicast keys


@case("SE-09")
def wrong_dedicated_key(site: Site) -> None:
    """A dedicated key has the length of the suite, and is there before it is used."""
    right = key_length(site.declaration.profile("management").security_suite)
    for octets in (right - 1, right + 1, 8, 48 - right):
        made = site.attempt(initiate={"dedicated_key": os.urandom(octets)})
        site.step(f"a dedicated key of {octets} octets: {made}")
        expect(made.association is None, f"no association with a dedicated key of {octets} octets", made)
    probe = Probe(site)
    key = Key(os.urandom(right))
    probe.refuses(
        "a request under a dedicated key that was never given", probe.seal(is_dedicated=True, key=key)
    )
    global_key = sealing_of(probe.association).key
    probe.refuses("the global key in its place", probe.seal(is_dedicated=True, key=global_key))
    probe.is_untouched("requests under a dedicated key")


@case("SE-24")
def unicast_and_multicast(site: Site) -> None:
    """The key of one meter is not the key of a group."""
    probe = Probe(site)
    group = site.declaration.profile("broadcast")
    key = group.keys.global_broadcast_encryption_key
    if key is None:
        raise Inapplicable("the broadcast client has no broadcast key")
    probe.refuses("the broadcast key in place of the unicast key", probe.seal(key=key))
    probe.is_untouched("the broadcast key on unicast")
    readable = site.declaration.readable
    value = value_in(probe.association.request(get(readable)))
    genuine = site.session("broadcast").protect(set_(readable, value, invoke_id=_UNCONFIRMED))
    sealed = Sealed.decode(genuine)
    assert sealed is not None  # noqa: S101 - the broadcast client is protected
    unicast = sealing_of(probe.association)
    counter = Data(well_known.invocation_counter(group.invocation_counter_object)).value
    with site.client(site.plain_role) as client:
        before = client.get(counter).value
    forged = replace(unicast, control=unicast.control | BROADCAST, is_general=sealed.title is not None)
    number = 1 + max(sealed.counter, before if isinstance(before, int) else 0)
    line = site.line("broadcast")
    line.say(forged.seal(set_(readable, value, invoke_id=_UNCONFIRMED), number))
    expect(line.hear() is None, "silence to the unicast key in a multicast message", "an answer")
    with site.client(site.plain_role) as client:
        after = client.get(counter).value
    expect(after == before, f"the counter of the broadcast key at {before}", after)
    line.say(genuine)
    line.hear()
    with site.client(site.plain_role) as client:
        site.step(f"the counter of the broadcast key: {before}, {after}, {client.get(counter).value}")


@case("SE-26")
def counters_of_keys(site: Site) -> None:
    """Counters belong to a key: they begin with it, and go on when it comes back."""
    ring = Keyring(site)
    apdu = get(site.declaration.readable)
    recorded = _recorded(ring.association, apdu)
    ours, theirs = fresh_counter(ring.association), answered(ring.association, apdu).counter
    ring.change({_UNICAST: ring.new_key()})
    new = ring.works(ring.now, "the new key, its counters from the beginning")
    begun = fresh_counter(new)
    site.step(f"our counters: {ours} under the old key, {begun} under the new one")
    expect(begun < ours, "the counters of a new key from the beginning", f"from {begun} on")
    new.line.say(recorded)
    answer = new.line.hear()
    expect(
        answer is None or is_exception(answer), "no success to a message under the old key", name_of(answer)
    )
    old_key = ring.old.keys.global_unicast_encryption_key
    ring.change({} if old_key is None else {_UNICAST: old_key})
    old = ring.works(ring.old, "the old key, its counters going on")
    counter = answered(old, apdu).counter
    expect(counter > theirs, f"a counter of the meter above {theirs}", counter)
    old.line.say(recorded)
    answer = old.line.hear()
    site.step(f"a message from before: {name_of(answer)}")
    expect(answer is None or is_exception(answer), "no success to a message from before", name_of(answer))


def _recorded(association: HandMade, apdu: bytes) -> bytes:
    octets = association.session.protect(apdu)
    association.line.say(octets)
    answer = association.line.hear()
    plain = None if answer is None or is_exception(answer) else association.session.unprotect(answer)
    expect(data_access_result(plain) == 0, "data to an ordinary request", name_of(plain))
    return octets


# Policies


def _levels(site: Site, ring: Keyring) -> tuple[int, int]:
    site.put_back("the security policy", site.bench.renew)
    return _LEVELS[min(1, ring.version())]


def _at(ring: Keyring, policy: SecurityPolicy) -> HandMade:
    made = ring.site.attempt(security_policy=policy)
    expect(made.association is not None, f"an association under policy {policy.name}", made.error or made)
    assert made.association is not None  # noqa: S101 - looked at above
    value_in(made.association.request(get(ring.site.declaration.readable)))
    return made.association


def _is_too_weak(ring: Keyring, policy: SecurityPolicy) -> None:
    made = ring.site.attempt(security_policy=policy)
    if made.association is not None:
        answer = made.association.request(get(ring.site.declaration.readable))
        refused = answer is None or is_exception(answer) or data_access_result(answer) != 0
        expect(refused, f"nothing for a client with policy {policy.name}", name_of(answer))


def _raised(ring: Keyring, association: HandMade, policy: int) -> None:
    answer = ring.activate(association, policy)
    expect(action_result(answer) == 0, f"success to policy {policy:#04x}", name_of(answer))
    ring.site.step(f"policy {policy:#04x} is activated")


@case("SE-13")
def first_step(site: Site) -> None:
    """From no protection to authentication."""
    ring = Keyring(site)
    authenticated, _ = _levels(site, ring)
    _raised(ring, ring.association, authenticated)
    _is_too_weak(ring, SecurityPolicy.NONE)
    made = _at(ring, SecurityPolicy.AUTHENTICATED)
    expect(ring.policy(made) == authenticated, f"policy {authenticated:#04x}", ring.policy(made))


@case("SE-14")
def second_step(site: Site) -> None:
    """From authentication to encryption."""
    ring = Keyring(site)
    authenticated, both = _levels(site, ring)
    _raised(ring, ring.association, authenticated)
    _raised(ring, _at(ring, SecurityPolicy.AUTHENTICATED), both)
    _is_too_weak(ring, SecurityPolicy.AUTHENTICATED)
    _is_too_weak(ring, SecurityPolicy.NONE)
    made = _at(ring, SecurityPolicy.AUTHENTICATED_ENCRYPTED)
    expect(ring.policy(made) == both, f"policy {both:#04x}", ring.policy(made))


@case("SE-15")
def never_down(site: Site) -> None:
    """A policy is never lowered."""
    ring = Keyring(site)
    authenticated, both = _levels(site, ring)
    _raised(ring, ring.association, authenticated)
    _stays(ring, _at(ring, SecurityPolicy.AUTHENTICATED), authenticated, (0,))
    _raised(ring, _at(ring, SecurityPolicy.AUTHENTICATED), both)
    _stays(ring, _at(ring, SecurityPolicy.AUTHENTICATED_ENCRYPTED), both, (0, authenticated))


def _stays(ring: Keyring, association: HandMade, policy: int, lower: tuple[int, ...]) -> None:
    for wanted in lower:
        answer = ring.activate(association, wanted)
        ring.site.step(f"from {policy:#04x} to {wanted:#04x}: {name_of(answer)}")
        expect(action_result(answer) != 0, f"a refusal of policy {wanted:#04x}", name_of(answer))
        now = ring.policy(association)
        expect(now == policy, f"policy {policy:#04x} still", f"{now:#04x}")
