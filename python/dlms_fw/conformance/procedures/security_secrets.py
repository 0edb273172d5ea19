"""Security: what nobody is told, what the low client cannot do, and counters over restarts."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Final

from dlms_fw._core import Key
from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.procedures.object_rights import attributes, none_of, raw, roles
from dlms_fw.conformance.procedures.object_rights import name_of as attribute_name
from dlms_fw.conformance.procedures.security_messages import answered, back_again
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.security_probe import Probe, fresh_counter, has_failed
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import (
    action,
    data_access_result,
    get,
    is_exception,
    name_of,
    set_,
    value_in,
)
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.security_setup import SecuritySetup
from dlms_fw.errors import ServiceError

_SECRET: Final = 7
_ASSOCIATION: Final = 15
_ACTIVATE: Final = SecuritySetup.security_activate.method_id
_TRANSFER: Final = SecuritySetup.key_transfer.method_id
_SHORTEST_SECRET: Final = 6
"""A secret of fewer octets would be found anywhere."""
_TIMED: Final = 100
_TIMED_ON_A_REAL_ONE: Final = 10_000


@case("SE-42")
def restart_before_the_answer(site: Site) -> None:
    """A restart in the middle costs no counter its uniqueness."""
    association = site.associate()
    apdu = get(site.declaration.readable)
    highest = max(answered(association, apdu).counter for _ in range(3))
    lost = association.session.protect(apdu)
    association.line.say(lost)
    site.bench.restart()
    back_again(site)
    after = site.associate()
    after.line.say(lost)
    answer = after.line.hear()
    site.step(f"the request from before the restart: {name_of(answer)}")
    expect(answer is None or is_exception(answer), "no success to a request from before", name_of(answer))
    counter = answered(after, apdu).counter
    site.step(f"counters: {highest} before, {counter} after")
    expect(counter > highest + 1, f"a counter above {highest + 1}, which the lost answer had", counter)


def _secrets(site: Site) -> Iterator[tuple[str, bytes]]:
    """All that nobody may be told, with its name."""
    for role, profile in site.declaration.clients.items():
        keys = profile.keys
        named: dict[str, Key | None] = {
            "the password": profile.password,
            "the unicast encryption key": keys.global_unicast_encryption_key,
            "the broadcast encryption key": keys.global_broadcast_encryption_key,
            "the authentication key": keys.authentication_key,
            "the master key": keys.master_key,
        }
        for name, key in named.items():
            if key is not None and len(key) >= _SHORTEST_SECRET:
                yield f"{name} of {role}", key.expose()


@case("SE-43")
def nobody_is_told(site: Site) -> None:
    """Secrets can be written, and not be read."""
    secrets = list(_secrets(site))
    wrong: list[str] = []
    for role in roles(site):
        with site.client(role) as client:
            for shown in client.objects(class_id=_ASSOCIATION):
                try:
                    client.get(raw(shown, _SECRET))
                except ServiceError:
                    continue
                wrong.append(f"{attribute_name(shown, _SECRET)} is told to {role}")
            for shown, attribute_id in attributes(client):
                if shown.may_read(attribute_id):
                    octets = client.get(raw(shown, attribute_id)).encode()
                    name = attribute_name(shown, attribute_id)
                    wrong += [f"{what} stands in {name}" for what, secret in secrets if secret in octets]
    none_of(wrong, "no secret in anything that can be read")


@case("SE-44")
def low_client(site: Site) -> None:
    """The client with the least rights changes nothing about security."""
    setup = site.declaration.security_policy
    counter = AttributeName(Data.class_id, well_known.invocation_counter(0), 2)
    policy = site.associate().request(get(setup))
    association = site.associate("low")
    count = association.request(get(counter))
    denied = {"key_transfer": action(setup, _TRANSFER, b"\x01\x00")}
    if data_access_result(policy) == 0:  # the one that holds, which would do no harm
        denied["security_activate"] = action(setup, _ACTIVATE, value_in(policy))
        denied["a write of the security policy"] = set_(setup, value_in(policy))
    if data_access_result(count) == 0:
        denied["a write of the invocation counter"] = set_(counter, value_in(count))
    for what, request in denied.items():
        answer = association.request(request)
        site.step(f"{what}: {name_of(answer)}")
        expect(has_failed(answer), f"{what} denied", name_of(answer))
    value = association.request(get(site.declaration.readable))
    expect(data_access_result(value) == 0, "the association to go on", name_of(value))


@case("SE-45")
def counter_object(site: Site) -> None:
    """What the meter says of our counter is the last that it has accepted, and never less."""
    before = _told(site)
    probe = Probe(site)
    apdu = get(site.declaration.readable)
    used = fresh_counter(probe.association)
    probe.takes("a request", probe.seal(apdu, counter=used))
    told = _told(site)
    site.step(f"told {before}, then {told} after counter {used}")
    expect(told in {used, used + 1}, f"{used} or {used + 1}", told)
    forged = bytearray(probe.seal(apdu))
    forged[-1] ^= 1
    probe.refuses("a forged request", bytes(forged))
    expect(_told(site) == told, f"{told} still after a forged request", _told(site))
    if "restart" in site.bench.verbs and site.may_alter("power"):
        site.bench.restart()
        after = _told(site)
        site.step(f"told {after} after a restart")
        expect(after >= told, f"{told} or more after a restart", after)


def _told(site: Site) -> int:
    number = site.declaration.profile("management").invocation_counter_object
    with site.client(site.plain_role) as client:
        try:
            value = client.get(Data(well_known.invocation_counter(number)).value).value
        except ServiceError as error:
            raise Inapplicable(f"the counter object cannot be read without protection: {error}") from None
    if not isinstance(value, int):
        raise Inconclusive("the counter object holds no number")
    return value


@case("SE-46")
def timing(site: Site) -> None:
    """How long a wrong tag takes does not tell where it is wrong; told in the report, never a failure."""
    probe = Probe(site)
    count = _TIMED if site.bench.is_simulated else _TIMED_ON_A_REAL_ONE
    apdu = get(site.declaration.readable)
    times: dict[str, list[int]] = {"first": [], "last": []}
    for _ in range(count):
        for where, at in (("first", -12), ("last", -1)):
            forged = bytearray(probe.seal(apdu))
            forged[at] ^= 1
            began = perf_counter_ns()
            probe.refuses("a wrong tag", bytes(forged), noted=False)
            times[where].append(perf_counter_ns() - began)
    medians = {where: statistics.median(found) / 1000 for where, found in times.items()}
    site.step(", ".join(f"{where} octet wrong: {value:.1f} us" for where, value in medians.items()))
    site.step(f"medians of {count} each; a difference is worth a look, and no proof")
