"""Application layer: Read and Write with short names."""

from __future__ import annotations

from typing import Final

from dlms_fw.conformance.procedures.application_association import has_no_data
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import is_exception, name_of
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.enums import Conformance

_READ, _WRITE = 0x05, 0x06
_READ_RESPONSE, _WRITE_RESPONSE = 0x0C, 0x0D
_ASSOCIATION: Final = 0xFA00
"""The logical name of Association SN, which every meter with short names has."""
_NOBODY: Final = 0x0001
"""Short names are multiples of eight, so this is none."""


def _variable(short_name: int) -> bytes:
    return b"\x02" + short_name.to_bytes(2, "big")


def _read(*short_names: int) -> bytes:
    return bytes((_READ, len(short_names))) + b"".join(map(_variable, short_names))


def _write(short_names: tuple[int, ...], *values: bytes) -> bytes:
    names = bytes((len(short_names),)) + b"".join(map(_variable, short_names))
    return bytes((_WRITE,)) + names + bytes((len(values),)) + b"".join(values)


def _associate(site: Site) -> HandMade:
    return site.associate(referencing="short-name")


def _value(association: HandMade) -> bytes:
    answer = association.request(_read(_ASSOCIATION))
    right = answer is not None and answer[:3] == bytes((_READ_RESPONSE, 1, 0))
    expect(right, "a read-response with data", name_of(answer))
    assert answer is not None  # noqa: S101 - looked at above
    return answer[3:]


def _refused(site: Site, answer: bytes | None, tag: int, what: str) -> None:
    """An exception, or one result that is an error."""
    site.step(f"{what}: {name_of(answer)}")
    if is_exception(answer):
        return
    if answer is None or answer[:1] != bytes((tag,)) or answer[2:3] != b"\x01":
        raise Failed(f"an error, a confirmedServiceError or an exception to {what}", name_of(answer))


@case("AP-17")
def unanswerable_read(site: Site) -> None:
    """What cannot be read is told with its reason."""
    association = _associate(site)
    _value(association)
    whole = _read(_ASSOCIATION)
    has_no_data(association.request(whole[:2] + b"\x09" + whole[3:]), "to Read of an unknown kind")
    has_no_data(association.request(whole[:-1]), "to a cut Read")
    _refused(site, association.request(_read(_NOBODY)), _READ_RESPONSE, "a short name that is not there")
    _value(association)


@case("AP-18")
def impossible_write(site: Site) -> None:
    """What cannot be written is told with its reason, and stays as it was."""
    association = _associate(site)
    before = _value(association)
    for request, what in (
        (_write((_NOBODY,), before), "Write to a short name that is not there"),
        (_write((_ASSOCIATION,), before), "Write to what may not be written"),
        (_write((_ASSOCIATION, _ASSOCIATION), before), "Write of two names and one value"),
    ):
        _refused(site, association.request(request), _WRITE_RESPONSE, what)
    expect(_value(association) == before, "the value unchanged", "another one")


@case("AP-19")
def write_not_negotiated(site: Site) -> None:
    """There are the services that were negotiated."""
    plain = site.plain_role
    made = site.attempt(plain, referencing="short-name", initiate={"conformance": Conformance.READ.value})
    if made.association is None:
        raise Inconclusive(f"the meter takes no association with Read alone: {made}")
    before = _value(made.association)
    answer = made.association.request(_write((_ASSOCIATION,), before))
    site.step(f"Write: {name_of(answer)}")
    expect(is_exception(answer), "an exception or a confirmedServiceError", name_of(answer))
