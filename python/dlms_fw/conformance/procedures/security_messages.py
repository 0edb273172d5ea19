"""Security: protected requests and their answers, wrongly protected ones, and messages that come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from dlms_fw._core import Key
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.security_probe import Probe, expected_counter, is_refusal, sealing_of
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.conformance.wire.acse import rlrq
from dlms_fw.conformance.wire.apdus import (
    action,
    data_access_result,
    get,
    is_exception,
    name_of,
    set_,
    value_in,
)
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.conformance.wire.protection import (
    AUTHENTICATED,
    BROADCAST,
    COMPRESSED,
    ENCRYPTED,
    GENERAL_DEDICATED,
    GENERAL_GLOBAL,
    Sealed,
)
from dlms_fw.enums import Conformance
from dlms_fw.errors import ReplayError
from dlms_fw.security import MessageProtection

_ANSWERS: Final = 100
_NO_SUCH_METHOD: Final = 99
_HUGE: Final = 0xFFFE_0000
BOTH: Final = AUTHENTICATED | ENCRYPTED


def flipped_key(key: Key) -> Key:
    """Another key: one bit of it is another one."""
    octets = key.expose()
    return Key(octets[:-1] + bytes((octets[-1] ^ 1,)))


def answered(association: HandMade, apdu: bytes) -> Sealed:
    """The answer to an ordinary request, as it came. Raises Failed where it is not protected."""
    association.say(apdu)
    octets = association.line.hear()
    sealed = None if octets is None else Sealed.decode(octets)
    expect(sealed is not None, "a protected answer", name_of(octets))
    assert sealed is not None  # noqa: S101 - looked at above
    assert octets is not None  # noqa: S101 - looked at above
    try:
        association.session.unprotect(octets)
    except ReplayError as error:
        raise Failed("an invocation counter above all before", str(error)) from None
    return sealed


def back_again(site: Site) -> None:
    """After a restart a client learns which of our counters the meter accepts; its own have gone on."""
    try:
        with site.client():
            pass
    except ReplayError as error:
        raise Failed("invocation counters of the meter above all before the restart", str(error)) from None


# What is right


@case("SE-01")
def protected_answers(site: Site) -> None:
    """Who asks under protection is answered under protection."""
    forms = {"service-specific": MessageProtection(), "general": MessageProtection(ciphering="general")}
    for role, profile in site.declaration.clients.items():
        if not profile.is_protected or profile.is_unanswered:
            continue
        for name, protection in forms.items():
            made = site.attempt(role, protection=replace(profile.protection, ciphering=protection.ciphering))
            if made.association is None and name == "general":
                site.step(f"{role}: no general protection: {made}")
                continue
            if made.association is None:
                raise Inapplicable(f"no association as {role}: {made}")
            site.step(f"{role}, {name}")
            _answers_protected(site, made.association, general=name == "general")


def _answers_protected(site: Site, association: HandMade, *, general: bool) -> None:
    policy = association.session.profile.security_policy
    readable = site.declaration.readable
    requests = {
        "GET": get(readable),
        "SET": set_(readable, b"\x00"),
        "ACTION": action(readable, _NO_SUCH_METHOD),
    }
    for what, request in requests.items():
        association.say(request)
        octets = association.line.hear()
        if octets is not None and is_exception(octets):
            site.step(f"{what}: {name_of(octets)}")
            continue
        sealed = None if octets is None else Sealed.decode(octets)
        expect(sealed is not None, f"a protected answer to {what}", name_of(octets))
        assert sealed is not None  # noqa: S101 - looked at above
        assert octets is not None  # noqa: S101 - looked at above
        missing = policy & ~sealed.control
        expect(not missing, f"{policy:#04x} in the security control octet", f"{sealed.control:#04x}")
        is_general = sealed.tag in {GENERAL_GLOBAL, GENERAL_DEDICATED}
        expect(is_general is general, "an answer in the form of the request", f"tag {sealed.tag:#04x}")
        association.session.unprotect(octets)


@case("SE-03")
def counters_rise(site: Site) -> None:
    """The meter never uses an invocation counter twice."""
    highest = -1
    apdu = get(site.declaration.readable)
    for life in range(2):
        for _ in range(2):
            association = site.associate()
            for _ in range(_ANSWERS // 2):
                counter = answered(association, apdu).counter
                expect(counter > highest, f"an invocation counter above {highest}", counter)
                highest = counter
            association.release()
        if life == 0:
            if "restart" not in site.bench.verbs or not site.may_alter("power"):
                site.step("the meter was not restarted: the bench cannot, or may not")
                break
            site.bench.restart()
            back_again(site)
    site.step(f"the last counter was {highest}")


@case("SE-10")
def two_attributes(site: Site) -> None:
    """What is written under one key is read under the other."""
    dedicated = site.associate(dedicated_key=True)
    probe = Probe(site, beside=True)  # later, for the counters of the global key go on
    both = [made.request(get(site.declaration.readable)) for made in (dedicated, probe.association)]
    expect(value_in(both[0]) == value_in(both[1]), "the same value under both keys", "two")
    writable, other = site.declaration.writable, site.declaration.other_value
    if writable is None or other is None:
        site.step("no attribute was declared that may be written")
        return
    for writer, value, key in (
        (dedicated, other, "dedicated"),
        (probe.association, probe.value, "global"),
    ):
        written = writer.request(set_(writable, value))
        expect(data_access_result(written) == 0, f"success under the {key} key", name_of(written))
        for reader in (dedicated, probe.association):
            now = value_in(reader.request(get(writable)))
            expect(now == value, f"what was written under the {key} key", "another value")


# What comes again


@case("SE-02")
def replay(site: Site) -> None:
    """What was accepted once is not accepted again."""
    probe = Probe(site)
    first, last = probe.seal(), probe.seal(probe.back)
    probe.takes("the request", first)
    probe.takes("what undoes it", last)
    last_counter = _counter(last)
    for what, octets in (("the last request again", last), ("the one before again", first)):
        answer = probe.refuses(what, octets)
        wanted = expected_counter(answer)
        expect(wanted is None or wanted > last_counter, f"a demand above {last_counter}", wanted)
    probe.is_untouched("a replay")
    probe.again()
    probe.refuses("the first request, in another association", first)
    probe.is_untouched("a replay in another association")


def _counter(octets: bytes) -> int:
    sealed = Sealed.decode(octets)
    assert sealed is not None  # noqa: S101 - it was sealed here
    return sealed.counter


@case("SE-16")
def last_counter(site: Site) -> None:
    """After the highest counter there is none. Under a dedicated key, so that the meter stays usable."""
    probe = Probe(site)
    suite = site.declaration.profile("management").security_suite
    dedicated = Key(b"\x5a" * (32 if suite == 2 else 16))
    probe.association = site.associate(initiate={"dedicated_key": dedicated.expose()})
    apdu = get(site.declaration.readable)
    parts = {"key": dedicated, "is_dedicated": True}
    answer = probe.say(probe.seal(apdu, counter=1, **parts))
    is_taken = answer is not None and not is_exception(answer)
    expect(is_taken, "an answer under the dedicated key", name_of(answer))
    answer = probe.say(probe.seal(apdu, counter=0xFFFF_FFFF, **parts))
    site.step(f"counter FFFFFFFF: {name_of(answer)}")
    is_taken = answer is not None and not is_exception(answer)
    for counter in (0, 1) if not is_taken else (0, 1, 2, 0xFFFF_FFFE, 0xFFFF_FFFF):
        answer = probe.say(probe.seal(apdu, counter=counter, **parts))
        refused = answer is None or is_exception(answer)
        expect(refused, f"an exception or silence to counter {counter:08X}", name_of(answer))
    value_in(site.associate().request(apdu))


@case("SE-17")
def forged_counter(site: Site) -> None:
    """A counter that nobody has vouched for means nothing."""
    probe = Probe(site)
    genuine = probe.seal(get(site.declaration.readable))
    forged = replace(_taken_apart(probe.seal()), counter=_HUGE).encode()
    probe.refuses(f"counter {_HUGE:08X} with a wrong tag", forged)
    probe.takes("a genuine request with a lower counter", genuine)
    probe.is_untouched("a forged request")


# What is wrong


def _taken_apart(octets: bytes) -> Sealed:
    sealed = Sealed.decode(octets)
    assert sealed is not None  # noqa: S101 - it was sealed here
    return sealed


@case("SE-11")
def wrongly_protected(site: Site) -> None:
    """Nothing is done of what is not protected as it must be."""
    probe = Probe(site)
    right = sealing_of(probe.association)
    probe.takes("a rightly protected request", probe.seal(get(site.declaration.readable)))
    wrong: dict[str, Callable[[], bytes]] = {
        "a wrong key": lambda: probe.seal(key=flipped_key(right.key)),
        "wrong additional data": lambda: probe.seal(authentication_key=flipped_key(right.authentication_key)),
        "a wrong tag": lambda: probe.seal()[:-1] + bytes((probe.seal()[-1] ^ 0x80,)),
        "another suite in the control octet": lambda: probe.seal(control=right.control ^ 1),
        "no protection in the control octet": lambda: probe.seal(control=right.control & 0x0F),
        "a plain request": lambda: probe.apdu,
    }
    for what, octets in wrong.items():
        probe.refuses(what, octets())
        probe.is_untouched(what)


@case("SE-12")
def weak_release(site: Site) -> None:
    """Nobody else can end an association."""
    probe = Probe(site)
    initiate = bytes.fromhex("01000000065F1F0400") + b"\x00\x00\x10" + b"\x04\x00"
    right = sealing_of(probe.association)
    weak: dict[str, Callable[[], bytes]] = {
        "a plain InitiateRequest": lambda: initiate,
        "a wrong tag": lambda: probe.seal(initiate, is_general=False)[:-1] + b"\x00",
        "a wrong key": lambda: probe.seal(initiate, is_general=False, key=flipped_key(right.key)),
    }
    for less in (AUTHENTICATED, ENCRYPTED):
        if right.control & BOTH & ~less:
            weak[f"protection {less:#04x} alone"] = partial(
                probe.seal, initiate, is_general=False, control=less | right.control & 0x0F
            )
    for what, user_information in weak.items():
        answer = probe.say(rlrq(user_information()))
        site.step(f"RLRQ with {what}: {name_of(answer)}")
        expect(answer is None or is_exception(answer), f"no release by RLRQ with {what}", name_of(answer))
        still = probe.association.request(get(site.declaration.readable))
        expect(data_access_result(still) == 0, "the association to go on", name_of(still))


@case("SE-18")
def every_bit(site: Site) -> None:
    """No bit of a protected message may be another one."""
    probe = Probe(site)
    apdu = get(site.declaration.readable)
    count = 8 * len(_taken_apart(probe.seal(apdu)).inside)
    for bit in range(count):
        genuine = probe.seal(apdu)
        inside = len(genuine) - count // 8
        forged = bytearray(genuine)
        forged[inside + bit // 8] ^= 0x80 >> bit % 8
        probe.refuses(f"bit {bit} flipped", bytes(forged), noted=False)
        answer = probe.say(genuine)
        if answer is None or is_exception(answer):
            site.step(f"after bit {bit}: {name_of(answer)}; a new association")
            probe.again()
        else:
            probe.association.session.unprotect(answer)
    site.step(f"{count} bits flipped, one at a time")


@case("SE-19")
def cut_tags(site: Site) -> None:
    """A tag has 12 octets."""
    probe = Probe(site)
    for octets in range(12):
        probe.refuses(f"a tag of {octets} octets", probe.seal(tag=octets), noted=False)
        probe.is_untouched(f"a tag of {octets} octets")


@case("SE-20")
def less_protection(site: Site) -> None:
    """The policy is the least that is accepted."""
    probe = Probe(site)
    right = sealing_of(probe.association).control
    weaker = [bits for bits in (AUTHENTICATED, ENCRYPTED, 0) if right & BOTH & ~bits]
    for bits in weaker:
        what = f"protection {bits:#04x} under policy {right & BOTH:#04x}"
        probe.refuses(what, probe.seal(control=right & 0x0F | bits))
        probe.is_untouched(what)


@case("SE-21")
def other_title(site: Site) -> None:
    """A key belongs to a title."""
    probe = Probe(site)
    title = sealing_of(probe.association).title
    other = title[:-1] + bytes((title[-1] ^ 1,))
    wrong: dict[str, dict[str, Any]] = {
        "sealed with another title": {"title": other},
        "sealed with another title, which it names": {"title": other, "is_general": True},
        "with another title in its header alone": {"title_shown": other, "is_general": True},
    }
    for what, parts in wrong.items():
        probe.refuses(what, probe.seal(**parts))
        probe.is_untouched(what)


@case("SE-22")
def broadcast_bit(site: Site) -> None:
    """What is for all is not said to one, and not with its key."""
    probe = Probe(site)
    control = sealing_of(probe.association).control | BROADCAST
    probe.refuses("the bit of the broadcast key, with the unicast key", probe.seal(control=control))
    broadcast = site.declaration.profile("management").keys.global_broadcast_encryption_key
    if broadcast is not None:
        probe.refuses("a request under the broadcast key", probe.seal(control=control, key=broadcast))
    probe.is_untouched("the broadcast key on unicast")


@case("SE-23")
def compression_bit(site: Site) -> None:
    """Who has no compression does not take what says it is compressed."""
    probe = Probe(site)
    control = sealing_of(probe.association).control | COMPRESSED
    probe.refuses("the bit of compression", probe.seal(control=control))
    probe.is_untouched("the bit of compression")


@case("SE-25")
def wrong_authentication_key(site: Site) -> None:
    """Both keys must be right."""
    probe = Probe(site)
    wrong = flipped_key(sealing_of(probe.association).authentication_key)
    probe.refuses("a wrong authentication key", probe.seal(authentication_key=wrong))
    probe.is_untouched("a wrong authentication key")


@case("SE-39")
def plain_in_ciphered(site: Site) -> None:
    """In a ciphered association nothing plain is done."""
    probe = Probe(site)
    for what, octets in (
        ("a plain SET or GET", probe.apdu),
        ("a plain GET", get(site.declaration.readable)),
        ("a plain ACTION", action(site.declaration.readable, _NO_SUCH_METHOD)),
    ):
        answer = probe.say(octets)
        site.step(f"{what}: {name_of(answer)}")
        is_no = answer is None or is_exception(answer) or is_refusal(probe.association, answer)
        expect(is_no, f"no success to {what}", name_of(answer))
    probe.is_untouched("plain requests")


@case("SE-40")
def ciphered_in_plain(site: Site) -> None:
    """In a plain association nothing ciphered is done."""
    association = site.associate(site.plain_role)
    octets = Probe(site, beside=True).seal(get(site.declaration.readable))
    association.line.say(octets)
    answer = association.line.hear()
    site.step(f"a ciphered GET of the plain client: {name_of(answer)}")
    expect(answer is None or is_exception(answer), "an exception or silence", name_of(answer))
    value_in(association.request(get(site.declaration.readable)))


@case("SE-41")
def one_plain_block(site: Site) -> None:
    """A value of which one part came unprotected is not written."""
    probe = Probe(site)
    made = probe.association.session.association
    if made is None or not made.conformance & Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE:
        raise Inapplicable("the meter has no block transfer with SET")
    name, other = site.declaration.writable, site.declaration.other_value
    if name is None or other is None:
        raise Inapplicable("no other value was declared for an attribute that may be written")
    whole = set_(name, other)
    head, value = whole[:12], whole[13:]
    first = bytes((0xC1, 2)) + head[2:] + b"\x00" + _block(1, value[:1], last=False)
    last = bytes((0xC1, 3)) + head[2:3] + _block(2, value[1:], last=True)
    answer = probe.association.request(first)
    expect(answer is not None and answer[:2] == b"\xc5\x02", "the first block acknowledged", name_of(answer))
    answer = probe.say(last)
    site.step(f"the last block, plain: {name_of(answer)}")
    expect(is_refusal(probe.association, answer), "no success to a plain block", name_of(answer))
    probe.is_untouched("a plain block")


def _block(number: int, data: bytes, *, last: bool) -> bytes:
    return bytes((last,)) + number.to_bytes(4, "big") + bytes((len(data),)) + data
