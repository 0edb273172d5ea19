"""Application layer: octets that are no APDU, or no value, or that say they are much more than they are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from dlms_fw.conformance.procedures.application_association import reads
from dlms_fw.conformance.procedures.application_services import refused
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import expect
from dlms_fw.conformance.wire import acse
from dlms_fw.conformance.wire.apdus import (
    GET_RESPONSE,
    action,
    action_result,
    data_access_result,
    get,
    get_list,
    get_next,
    is_exception,
    name_of,
    set_,
)
from dlms_fw.conformance.wire.association import HandMade

_SEED: Final = 44
_BOMB: Final = bytes.fromhex("84FFFFFFFF")
_AT_ONCE_S: Final = 1.0
_DEPTHS: Final = (15, 16, 17, 1000)
_ROOM_AROUND: Final = 64


def _sets(site: Site, association: HandMade, data: bytes, what: str) -> None:
    """A SET with a value that is none is refused."""
    target = site.declaration.writable or site.declaration.read_only
    answer = association.request(set_(target, data))
    site.step(f"{what}: {name_of(answer)}")
    refused(answer, what)


@case("AP-22")
def cut_aarq(site: Site) -> None:
    """An AARQ that is not whole opens nothing."""
    whole: list[bytes] = []

    def keep(apdu: bytes) -> bytes:
        whole.append(apdu)
        return apdu

    reads(site, site.associate(edit=keep))
    line = site.line()
    for size in range(1, len(whole[0])):
        if line.connection.is_closed:
            line = site.line()
        line.say(whole[0][:size])
        answer = line.hear()
        let_in = (
            answer is not None and answer[:1] == bytes((acse.AARE,)) and b"\xa2\x03\x02\x01\x00" in answer
        )
        expect(not let_in, f"no association with {size} octets of an AARQ", "AARE: accepted")
    site.step(f"{len(whole[0]) - 1} lengths, none accepted")
    reads(site, site.associate())


@case("AP-23")
def no_ber(site: Site) -> None:
    """What is no BER is no AARQ."""
    wrong: dict[str, acse.Edit] = {
        "the context twice": acse.doubled(acse.APPLICATION_CONTEXT),
        "the user information twice": acse.doubled(acse.USER_INFORMATION),
        "an indefinite length": _on_aarq(lambda apdu: apdu[:1] + b"\x80" + apdu[2:] + bytes(2)),
        "a length of 4 GiB": _on_aarq(lambda apdu: apdu[:1] + _BOMB + apdu[2:]),
        "a length beyond the end": _on_aarq(lambda apdu: apdu[:1] + bytes((apdu[1] + 1,)) + apdu[2:]),
        "a field of 4 GiB": _on_aarq(lambda apdu: apdu[:3] + _BOMB + apdu[4:]),
        "user information of 4 GiB": acse.having(acse.USER_INFORMATION, b"\x04" + _BOMB),
        "octets behind it": _on_aarq(lambda apdu: apdu + bytes(3)),
    }
    for what, edit in wrong.items():
        made = site.attempt(edit=edit)
        site.step(f"{what}: {made}")
        expect(not made.is_accepted, f"no association with {what}", made)
    reads(site, site.associate())


def _on_aarq(change: acse.Edit) -> acse.Edit:
    return lambda apdu: change(apdu) if apdu[0] == acse.AARQ else apdu


@case("AP-39")
def nested(site: Site) -> None:
    """Depth costs the meter nothing."""
    association = site.associate()
    most = site.declaration.profile("management").max_pdu_size
    if association.session.association is not None:
        most = association.session.association.server_max_receive_pdu_size or most
    for depth in _DEPTHS:
        fits = min(depth, (most - _ROOM_AROUND) // 2)
        _sets(site, association, b"\x01\x01" * fits + b"\x11\x00", f"arrays nested {fits} deep")
    reads(site, association)


@case("AP-40")
def huge_array(site: Site) -> None:
    """A count is not believed."""
    association = site.associate()
    began = site.clock()
    _sets(site, association, b"\x01" + _BOMB + bytes(4), "an array of 4294967295 elements")
    took = site.clock() - began
    expect(took <= _AT_ONCE_S, "an answer within a second", f"{took:.1f} s")
    reads(site, association)


@case("AP-41")
def compact_array_of_nothing(site: Site) -> None:
    """Nothing, many times, is refused."""
    association = site.associate()
    _sets(site, association, bytes.fromhex("13 00 84FFFFFFFF"), "a compact array of null-data")
    _sets(site, association, bytes.fromhex("13 01FFFF00 00"), "a compact array of arrays of null-data")
    reads(site, association)


@case("AP-42")
def indefinite_string(site: Site) -> None:
    """A-XDR has no indefinite lengths."""
    association = site.associate()
    _sets(site, association, bytes.fromhex("09 80 4142 0000"), "an octet-string with length octet 80")
    reads(site, association)


def _samples(site: Site) -> Iterator[tuple[str, bytes]]:
    """Requests of every kind; none of them alters anything, whole or cut."""
    name, locked = site.declaration.readable, site.declaration.read_only
    yield "GET", get(name)
    yield "GET with selection", get(name, selection=bytes.fromhex("01 0204 00 00 00 00"))
    yield "GET next", get_next(1)
    yield "GET with list", get_list([name, name, name])
    for data in (
        "00",
        "0301",
        "090401020304",
        "0A0441424344",
        "1200FF",
        "0203110111021103",
        "0102 0F01 0F02",
    ):
        yield f"SET of {data}", set_(locked, bytes.fromhex(data))
    yield (
        "SET in blocks",
        bytes.fromhex("C102C1") + set_(locked, b"")[3:] + bytes.fromhex("00 00000001 02 0904"),
    )
    yield "next block of SET", bytes.fromhex("C103C1 01 00000002 02 4142")
    yield (
        "SET with list",
        bytes.fromhex("C104C1 01") + set_(locked, b"")[3:] + bytes.fromhex("01 0904 41424344"),
    )
    yield "ACTION", action(locked, 99, bytes.fromhex("0F00"))
    yield "ACTION without parameter", action(locked, 99)
    yield "next block of ACTION", bytes.fromhex("C306C1 01 00000002 02 4142")
    yield "ACTION with list", bytes.fromhex("C303C1 01") + action(locked, 99)[3:-1] + bytes.fromhex("01 0F00")
    yield "ACCESS", bytes.fromhex("D9 40000001 00 01 01") + get(name)[3:-1] + b"\x01\x00"
    yield "a general block", bytes.fromhex("E0 81 0001 0000 0D") + get(name)


@case("AP-43")
def cut_requests(site: Site) -> None:
    """A cut request is no request."""
    association = site.associate()
    for what, request in _samples(site):
        for size in range(1, len(request)):
            if association.line.connection.is_closed:
                association = site.associate()
            answer = association.request(request[:size])
            done = data_access_result(answer) == 0 or action_result(answer) == 0
            expect(not done, f"no success of {what} cut after {size} octets", name_of(answer))
        site.step(f"{what}: {len(request) - 1} lengths")
    reads(site, site.associate())


@case("AP-44")
def mutated_requests(site: Site) -> None:
    """Whatever comes of a request that was damaged before it was protected, the meter serves on."""
    association = site.associate()
    chance = random.Random(_SEED)  # noqa: S311 - repeatable damage
    whole = get(site.declaration.readable)
    answers = {"data": 0, "refused": 0, "nothing": 0}
    for _ in range(site.declaration.mutations):
        if association.line.connection.is_closed:
            association = site.associate()
        answer = association.request(_mutated(whole, chance))
        if answer is None:
            answers["nothing"] += 1
            continue
        known = answer[:1] == bytes((GET_RESPONSE,)) or is_exception(answer)
        expect(known, "a get-response, an exception or silence", name_of(answer))
        answers["data" if data_access_result(answer) == 0 else "refused"] += 1
    site.step(", ".join(f"{what}: {count}" for what, count in answers.items()))
    reads(site, site.associate())


def _mutated(whole: bytes, chance: random.Random) -> bytes:
    """A GET with some octets changed, left out and put in; what it asks for stays harmless."""
    octets = bytearray(whole[1:])
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets))
        kind = chance.randrange(3)
        if kind == 0:
            octets[at] = chance.randrange(256)
        elif kind == 1 and len(octets) > 1:
            del octets[at]
        else:
            octets.insert(at, chance.randrange(256))
    return whole[:1] + bytes(octets)
