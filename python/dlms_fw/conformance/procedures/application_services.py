"""Application layer: GET, SET, ACTION and ACCESS with logical names, right ones and wrong ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from dlms_fw import axdr
from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.procedures.application_association import has_no_data, reads
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import (
    EXCEPTION,
    action,
    action_result,
    data_access_result,
    get,
    get_list,
    get_next,
    is_exception,
    name_of,
    set_,
    value_in,
)
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.enums import Conformance
from dlms_fw.errors import RemoteProtocolError, ServiceError
from dlms_fw.logical_name import LogicalName
from dlms_fw.transports.base import Transport

ABSENT: Final = AttributeName(1, LogicalName("0-0:254.254.254.255"), 2)
_CLOCK: Final = AttributeName(8, well_known.CLOCK, 2)
_SHIFT_TIME: Final = 6
_NO_SUCH_METHOD: Final = 99
_NO_OBJECT: Final = frozenset({4, 9, 11})
"""object-undefined, object-class-inconsistent, object-unavailable."""
_NO_ATTRIBUTE: Final = _NO_OBJECT | {3}
_NO_LONG_GET: Final = 16
_NOTIFICATION: Final = bytes.fromhex("0F000000010000")
"""A data-notification of null-data, without a time."""
_UNCONFIRMED: Final = 0x81
_SERVICE_NOT_SUPPORTED: Final = 2
_MANY: Final = 255


def refused(answer: bytes | None, what: str) -> None:
    """An exception, or a result other than success."""
    result = data_access_result(answer)
    result = action_result(answer) if result is None else result
    said_no = is_exception(answer) or (result is not None and result != 0)
    expect(said_no, f"an error or an exception to {what}", name_of(answer))


def agreed(association: HandMade, service: Conformance) -> bool:
    """Whether a service was negotiated."""
    made = association.session.association
    return made is not None and bool(made.conformance & service)


@case("AP-14")
def unanswerable_get(site: Site) -> None:
    """What cannot be read is told with its reason."""
    association = site.associate()
    readable = site.declaration.readable
    whole = get(readable)
    for request, what in (
        (whole[:1] + b"\x05" + whole[2:], "GET of an unknown kind"),
        (whole[:-4], "a cut GET"),
    ):
        answer = association.request(request)
        site.step(f"{what}: {name_of(answer)}")
        has_no_data(answer, f"to {what}")
    for name, results, what in (
        (ABSENT, _NO_OBJECT, "an object that is not there"),
        (replace(readable, attribute_id=99), _NO_ATTRIBUTE, "an attribute that is not there"),
    ):
        answer = association.request(get(name))
        site.step(f"{what}: {name_of(answer)}")
        result = data_access_result(answer)
        wanted = " or ".join(map(str, sorted(results)))
        expect(result in results, f"result {wanted} to {what}", name_of(answer))
    reads(site, association)


@case("AP-15")
def impossible_set(site: Site) -> None:
    """What cannot be written is told with its reason, and stays as it was."""
    association = site.associate()
    name = site.declaration.read_only
    before = value_in(association.request(get(name)))
    whole = set_(name, before)
    refused(association.request(whole[:1] + b"\x07" + whole[2:]), "SET of an unknown kind")
    refused(association.request(set_(ABSENT, before)), "SET of an object that is not there")
    refused(association.request(whole), "SET of an attribute that may not be written")
    target = site.declaration.writable or name
    value = value_in(association.request(get(target)))
    refused(association.request(set_(target, _of_another_type(value))), "SET of a value of another type")
    expect(value_in(association.request(get(target))) == value, "the value unchanged", "another one")
    expect(value_in(association.request(get(name))) == before, "the value unchanged", "another one")


def _of_another_type(value: bytes) -> bytes:
    return b"\x03\x01" if value[:1] != b"\x03" else b"\x05\x00\x00\x00\x01"


@case("AP-16")
def not_negotiated(site: Site) -> None:
    """There are the services that were negotiated."""
    made = site.attempt(site.plain_role, initiate={"conformance": Conformance.GET.value})
    if made.association is None:
        raise Inconclusive(f"the meter takes no association with GET alone: {made}")
    name = site.declaration.readable
    value = value_in(made.association.request(get(name)))
    for request, what in ((set_(name, value), "SET"), (action(_CLOCK, _NO_SUCH_METHOD), "ACTION")):
        answer = made.association.request(request)
        supported = answer is not None and answer[:1] == bytes((EXCEPTION,))
        supported = supported and answer is not None and answer[2] == _SERVICE_NOT_SUPPORTED
        expect(supported, f"exception-response with service-not-supported to {what}", name_of(answer))


@case("AP-25")
def lists(site: Site) -> None:
    """A list is answered item by item, in its order."""
    association = site.associate()
    if not agreed(association, Conformance.MULTIPLE_REFERENCES):
        raise Inapplicable("the meter has no lists")
    readable = site.declaration.readable
    value = value_in(association.request(get(readable)))
    for count in (1, 10):
        names = [ABSENT if number % 3 == 1 else readable for number in range(count)]
        answer = association.request(get_list(names))
        _check_list(answer, [name is readable for name in names], value)
    answer = association.request(get_list([readable] * _MANY))
    site.step(f"a list of {_MANY}: {name_of(answer)}")
    reads(site, association)


def _check_list(answer: bytes | None, there: list[bool], value: bytes) -> None:
    expect(answer is not None and answer[:2] == b"\xc4\x03", "a get-response with list", name_of(answer))
    assert answer is not None  # noqa: S101 - looked at above
    expect(answer[3] == len(there), f"{len(there)} results", answer[3])
    rest = answer[4:]
    for number, is_there in enumerate(there):
        if is_there:
            expect(rest.startswith(b"\x00" + value), f"the value as item {number}", rest[:2].hex())
            rest = rest[1 + len(value) :]
        else:
            expect(rest[:1] == b"\x01" and rest[1] != 0, f"an error as item {number}", rest[:2].hex())
            rest = rest[2:]
    expect(not rest, "nothing behind the last item", f"{len(rest)} octets")


@case("AP-27")
def next_of_nothing(site: Site) -> None:
    """There is no next block of nothing."""
    association = site.associate()
    answer = association.request(get_next(1))
    site.step(f"GET-next: {name_of(answer)}")
    said = is_exception(answer) or (answer is not None and answer[0] == 0xC4 and answer[-1] == _NO_LONG_GET)
    expect(said, "result 16 (no-long-get-in-progress) or an exception", name_of(answer))
    reads(site, association)


@case("AP-31")
def impossible_action(site: Site) -> None:
    """What cannot be called is told with its reason, and nothing happens."""
    association = site.associate()
    before = association.request(get(_CLOCK))
    if data_access_result(before) != 0:
        raise Inapplicable("the meter has no clock that can be read")
    wrong = {
        "a method that is not there": action(_CLOCK, _NO_SUCH_METHOD),
        "a parameter of another type": action(_CLOCK, _SHIFT_TIME, b"\x09\x01\x00"),
        "no parameter": action(_CLOCK, _SHIFT_TIME),
    }
    for what, request in wrong.items():
        answer = association.request(request)
        site.step(f"{what}: {name_of(answer)}")
        refused(answer, what)
    moved = abs(_seconds(association.request(get(_CLOCK))) - _seconds(before))
    expect(moved < 600, "the clock not moved", f"moved by {moved:.0f} s")


def _seconds(answer: bytes | None) -> float:
    try:
        moment = axdr.date_time_octets.decode(value_in(answer)).to_datetime()
    except ValueError:
        raise Inconclusive("the clock does not tell a point in time") from None
    return float(moment.timestamp())


@case("AP-32")
def unconfirmed_set(site: Site) -> None:
    """What is not to be answered is done and not answered."""
    name, other = site.declaration.writable, site.declaration.other_value
    if name is None or other is None:
        raise Inapplicable("no other value was declared for the writable attribute (other_value = …)")
    association = site.associate()
    before = value_in(association.request(get(name)))

    def put_back() -> None:
        answer = association.request(set_(name, before))
        if data_access_result(answer) != 0:
            raise Inconclusive(f"the old value could not be written: {name_of(answer)}")

    site.put_back(f"the value of {name}", put_back)
    answer = association.request(set_(name, other, invoke_id=_UNCONFIRMED))
    expect(answer is None, "no answer to an unconfirmed SET", name_of(answer))
    now = value_in(association.request(get(name)))
    expect(now == other, "the other value", "the old one" if now == before else "a third one")


@case("AP-33")
def invoke_ids(site: Site) -> None:
    """An answer belongs to its request."""
    association = site.associate()
    for invoke_id in range(16):
        for flags in (0x40, 0xC0):
            octet = flags | invoke_id
            answer = association.request(get(site.declaration.readable, invoke_id=octet))
            echoed = answer is not None and answer[2] == octet
            expect(echoed, f"an answer with {octet:#04x}", name_of(answer))


@case("AP-34")
def selective_access(site: Site) -> None:
    """A part of a profile is given, and what is no part is told."""
    association = site.associate()
    if not agreed(association, Conformance.SELECTIVE_ACCESS):
        raise Inapplicable("the meter has no selective access")
    profile = site.declaration.profile_generic
    assert profile is not None  # noqa: S101 - the case needs it
    buffer = AttributeName(7, profile, 2)
    answer = association.request(
        get(buffer, selection=bytes.fromhex("02 0204 0600000001 0600000001 120001 120000"))
    )
    expect(data_access_result(answer) == 0, "data for the first entry", name_of(answer))
    refused(association.request(get(buffer, selection=bytes.fromhex("02 00"))), "a malformed selector")
    refused(association.request(get(buffer, selection=bytes.fromhex("63 00"))), "an unknown selector")
    reads(site, association)


@case("AP-35")
def attribute_zero(site: Site) -> None:
    """All attributes at once, where that was negotiated."""
    association = site.associate()
    answer = association.request(get(replace(site.declaration.readable, attribute_id=0)))
    site.step(f"attribute 0: {name_of(answer)}")
    if not agreed(association, Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET):
        refused(answer, "attribute 0, which was not negotiated")
        return
    expect(value_in(answer)[:1] == b"\x02", "a structure of all attributes", name_of(answer))


@case("AP-36")
def access(site: Site) -> None:
    """ACCESS answers item by item."""
    readable = Data(site.declaration.readable.logical_name).value
    absent = Data(ABSENT.logical_name).value
    with site.client() as client:
        if client.association is None or not client.association.conformance & Conformance.ACCESS:
            raise Inapplicable("the meter has no ACCESS")
        alone = client.get(readable)
        items: list[Any] = client.access([readable, absent, readable])
    right = items[0] == alone == items[2] and isinstance(items[1], ServiceError)
    expect(right, "a value, an error, a value", ", ".join(type(item).__name__ for item in items))


@case("AP-45")
def answers_to_the_meter(site: Site) -> None:
    """Answers are not for the meter."""
    association = site.associate()
    for apdu, what in (
        (bytes.fromhex("C401C100090100"), "a get-response"),
        (bytes.fromhex("C501C100"), "a set-response"),
        (bytes.fromhex("6103800100"), "an AARE"),
        (bytes.fromhex("6303800100"), "an RLRE"),
    ):
        if apdu[0] in {0x61, 0x63}:
            association.line.say(apdu)
        else:
            association.say(apdu)
        answer = association.hear()
        site.step(f"{what}: {name_of(answer)}")
        has_no_data(answer, f"to {what}")
    reads(site, association)


@case("AP-46")
def exceptions(site: Site) -> None:
    """An exception-response says something that the standard knows."""
    association = site.associate()
    whole = get(site.declaration.readable)
    seen = 0
    for request in (
        whole[:1] + b"\x09" + whole[2:],
        whole[:5],
        b"\xc4\x01\xc1\x00\x00",
        b"\x99",
        whole + b"\x00",
    ):
        answer = association.request(request)
        site.step(name_of(answer))
        if answer is None or answer[:1] != bytes((EXCEPTION,)):
            continue
        seen += 1
        sound = len(answer) in {3, 7} and answer[1] in {1, 2} and 1 <= answer[2] <= 6
        expect(sound, "a state error of 1 or 2 and a service error of 1 to 6", answer.hex().upper())
        expect(len(answer) == 3 or answer[2] == 6, "an invocation counter with service error 6", answer.hex())
    if not seen:
        raise Inconclusive("the meter sends no exception-responses")


class _Interrupted:
    """A medium on which the meter says something unasked before its second answer."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.send, self.close = inner.send, inner.close
        self._answers = 0
        self._kept = b""

    def receive(self, deadline: float) -> bytes:
        """As the other one's."""
        if self._kept:
            data, self._kept = self._kept, b""
            return data
        data = self._inner.receive(deadline)
        self._answers += 1
        if self._answers != 2:
            return data
        self._kept = data
        return data[:6] + len(_NOTIFICATION).to_bytes(2, "big") + _NOTIFICATION


@case("AP-50")
def notification_first(site: Site) -> None:
    """Our client tells an answer from a notification."""
    name = Data(well_known.LOGICAL_DEVICE_NAME).value
    with site.client("public", medium="wrapper") as undisturbed:
        expected = undisturbed.get(name)
    try:
        with site.new_client("public", medium="wrapper", through=_Interrupted) as client:
            value = client.get(name)
    except RemoteProtocolError as error:
        raise Failed("the answer to the GET", str(error)) from None
    expect(value == expected, "the answer to the GET", "something else")
