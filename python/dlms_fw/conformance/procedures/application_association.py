"""Application layer: how an association is asked for, what may stand in an AARQ, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dlms_fw._core import Key
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire import acse
from dlms_fw.conformance.wire.apdus import (
    action,
    action_result,
    data_access_result,
    get,
    is_exception,
    length,
    name_of,
)
from dlms_fw.conformance.wire.association import Attempt, HandMade
from dlms_fw.security import SecurityPolicy

_SMALLEST_PDU: Final = 12
_VERSION_TOO_LOW: Final = bytes.fromhex("0E010601")
_INCOMPATIBLE: Final = bytes.fromhex("0E010602")
_TOO_SHORT: Final = bytes.fromhex("0E010603")
"""confirmedServiceErrors of the InitiateRequest."""
_USER, _PROVIDER = 1, 2
_CONTEXT_NOT_SUPPORTED: Final = 2
_NO_COMMON_VERSION: Final = 2
_AUTHENTICATION_DIAGNOSTICS: Final = range(1, 15)
_RESERVED_SERVICE: Final = 0x80_0000
_EVERY_SERVICE: Final = 0xFF_FFFF
_GET_SERVICE: Final = 0x00_0010
_RLRE: Final = b"\x63"


def reads(site: Site, association: HandMade) -> bytes:
    """An ordinary request gets its answer, which is given."""
    answer = association.request(get(site.declaration.readable))
    expect(data_access_result(answer) == 0, "data to an ordinary request", name_of(answer))
    assert answer is not None  # noqa: S101 - it has a result
    return answer


def has_no_data(answer: bytes | None, when: str) -> None:
    """What came is an exception or silence."""
    if answer is not None and not is_exception(answer):
        raise Failed(f"an exception or silence {when}", name_of(answer))


def accepted(made: Attempt, what: str) -> HandMade:
    """The association of an attempt. Raises Failed where there is none."""
    if made.association is None:
        raise Failed(
            f"an association, asked for {what}", f"{made}: {made.error}" if made.error else str(made)
        )
    return made.association


def rejected(site: Site, made: Attempt, what: str) -> None:
    """No association came of an attempt."""
    site.step(f"{what}: {made}")
    expect(not made.is_accepted, f"no association, asked for {what}", made)


def _has_diagnostic(made: Attempt, source: int, diagnostic: int, what: str) -> None:
    aare = made.aare
    if aare is not None and (aare.diagnostic_source, aare.diagnostic) != (source, diagnostic):
        name = "user" if source == _USER else "provider"
        raise Failed(f"diagnostic {diagnostic} of the ACSE service {name} to {what}", str(made))


def _has_initiate_error(made: Attempt, error: bytes, what: str) -> None:
    aare = made.aare
    if aare is not None and aare.user_information != error:
        found = "none" if aare.user_information is None else aare.user_information[:4].hex().upper()
        raise Failed(f"confirmedServiceError {error.hex().upper()} to {what}", found)


@case("AP-01")
def without_association(site: Site) -> None:
    """Nobody gets data without an association."""
    line = site.line()
    line.say(get(site.declaration.readable))
    answer = line.hear()
    site.step(f"GET: {name_of(answer)}")
    has_no_data(answer, "to GET without association")


@case("AP-02")
def associate_read_release(site: Site) -> None:
    """The ordinary course of things."""
    made = accepted(site.attempt(), "as declared")
    reads(site, made)
    _ends_by_release(site, made)


def _ends_by_release(site: Site, association: HandMade) -> None:
    """The release is answered, and an association that is released answers nothing."""
    question = association.session.protect(get(site.declaration.readable))
    answer = association.release()
    expect(_is_rlre(answer), "RLRE to the declared release", name_of(answer))
    association.line.say(question)
    has_no_data(association.line.hear(), "after the release")


def _is_rlre(apdu: bytes | None) -> bool:
    return apdu is not None and apdu[:1] == _RLRE


@case("AP-03")
def client_users(site: Site) -> None:
    """The meter lets in the users that it knows."""
    user = site.declaration.user
    assert user is not None  # noqa: S101 - the case needs it
    reads(site, accepted(site.attempt(client_user_id=user), f"as user {user}"))
    rejected(site, site.attempt(client_user_id=user ^ 0x55), f"as user {user ^ 0x55}")
    rejected(site, site.attempt(client_user_id=None), "without a user")


@case("AP-04")
def proofs(site: Site) -> None:
    """Who cannot prove himself gets nothing."""
    reads(site, accepted(site.attempt(), "with the right proof"))
    line = site.line()
    made = site.attempt(
        line=line, edit=lambda apdu: apdu if apdu[0] == acse.AARQ else apdu[:-1] + bytes((apdu[-1] ^ 1,))
    )
    site.step(f"wrong proof: {made}")
    expect(made.association is None, "no association with a wrong proof", "one")
    line.say(get(site.declaration.readable))
    has_no_data(line.hear(), "after a wrong proof")


@case("AP-05")
def protocol_version(site: Site) -> None:
    """Version 1, said or not, and no other."""
    for value, what in ((None, "without a protocol version"), (b"\x07\x80", "with protocol version 1")):
        edit = acse.without(acse.PROTOCOL_VERSION) if value is None else _protocol_version(value)
        reads(site, accepted(site.attempt(edit=edit), what))
    made = site.attempt(edit=_protocol_version(b"\x06\x40"))
    rejected(site, made, "with protocol version 2")
    _has_diagnostic(made, _PROVIDER, _NO_COMMON_VERSION, "protocol version 2")


def _protocol_version(value: bytes) -> acse.Edit:
    return acse.having(acse.PROTOCOL_VERSION, value)


@case("AP-06")
def application_context(site: Site) -> None:
    """The context says how objects are named and whether messages are ciphered."""
    made = site.attempt(edit=_context(lambda _: 9))
    rejected(site, made, "an unknown application context")
    _has_diagnostic(made, _USER, _CONTEXT_NOT_SUPPORTED, "an unknown application context")
    if len(site.declaration.referencing) == 1:
        made = site.attempt(edit=_context(lambda number: number ^ 3))
        rejected(site, made, "the other way of naming objects")
        _has_diagnostic(made, _USER, _CONTEXT_NOT_SUPPORTED, "the other way of naming objects")
    rejected(site, site.attempt(edit=_context(_swap_ciphering)), "the context with ciphering swapped")


def _context(change: Callable[[int], int]) -> acse.Edit:
    return acse.changed(
        acse.APPLICATION_CONTEXT, lambda value: value[:-1] + bytes((change(value[-1]) & 0xFF,))
    )


def _swap_ciphering(context: int) -> int:
    """1 and 3, 2 and 4."""
    return context + 2 if context <= 2 else context - 2


_DUMMIES: Final[dict[str, tuple[int, bytes]]] = {
    "a called AP title": (0xA2, b"\x04\x08DUMMYTTL"),
    "a called AE qualifier": (0xA3, b"\x04\x04DUMY"),
    "a called AP invocation id": (0xA4, b"\x02\x01\x05"),
    "a called AE invocation id": (0xA5, b"\x02\x01\x06"),
    "a calling AP invocation id": (0xA8, b"\x02\x01\x07"),
}


@case("AP-07")
def titles(site: Site) -> None:
    """What the meter does not need is no reason to reject, and what it needs must be right."""
    for what, (tag, value) in _DUMMIES.items():
        reads(site, accepted(site.attempt(edit=acse.having(tag, value)), f"with {what}"))
    profile = site.declaration.profile("management")
    title = profile.system_title
    if not profile.is_protected or title is None:
        site.step("messages are not ciphered: the calling title is not needed")
        return
    for wrong, what in ((title[:-1], "too short"), (title + b"\x00", "too long"), (None, "absent")):
        edit = (
            acse.without(acse.CALLING_AP_TITLE)
            if wrong is None
            else acse.having(acse.CALLING_AP_TITLE, b"\x04" + length(len(wrong)) + wrong)
        )
        rejected(site, site.attempt(edit=edit), f"with a calling title {what}")


@case("AP-08")
def authentication_fields(site: Site) -> None:
    """An AARQ with part of the authentication is no half-way in."""
    wrong: dict[str, acse.Edit] = {
        "without ACSE requirements": acse.without(acse.ACSE_REQUIREMENTS),
        "without a mechanism": acse.without(acse.MECHANISM),
        "with an unknown mechanism": acse.changed(acse.MECHANISM, lambda v: v[:-1] + b"\x63"),
        "with another mechanism": acse.changed(acse.MECHANISM, _other_mechanism),
        "without a value": acse.without(acse.AUTHENTICATION_VALUE),
        "without any of it": acse.without(acse.ACSE_REQUIREMENTS, acse.MECHANISM, acse.AUTHENTICATION_VALUE),
    }
    for what, edit in wrong.items():
        _is_not_authenticated(site, site.attempt(edit=edit), what)
    if site.declaration.profile("management").authentication.id == 1:
        made = site.attempt(password=Key(b"not-the-password"))
        _is_not_authenticated(site, made, "with a wrong password")


def _other_mechanism(value: bytes) -> bytes:
    return value[:-1] + bytes((1 if value[-1] != 1 else 5,))


def _is_not_authenticated(site: Site, made: Attempt, what: str) -> None:
    rejected(site, made, what)
    aare = made.aare
    if aare is not None and aare.diagnostic not in _AUTHENTICATION_DIAGNOSTICS:
        raise Failed(f"a diagnostic from 1 to 14 to an AARQ {what}", str(made))


@case("AP-09")
def plain_dedicated_key(site: Site) -> None:
    """A key that could be read on its way is not used."""
    made = site.attempt(site.plain_role, initiate={"dedicated_key": bytes(16)})
    site.step(f"a plain dedicated key: {made}")
    if made.association is not None:
        reads(site, made.association)


@case("AP-10")
def quality_of_service(site: Site) -> None:
    """DLMS/COSEM has no qualities of service, and does not mind them."""
    reads(site, accepted(site.attempt(initiate={"quality_of_service": 0}), "with a quality of service"))


@case("AP-11")
def dlms_version(site: Site) -> None:
    """There is version 6."""
    for version in (0, 5):
        made = site.attempt(initiate={"dlms_version_number": version})
        rejected(site, made, f"DLMS version {version}")
        _has_initiate_error(made, _VERSION_TOO_LOW, f"DLMS version {version}")
    for version in (7, 255):
        made = site.attempt(initiate={"dlms_version_number": version})
        site.step(f"DLMS version {version}: {made}")
        if made.association is not None:
            reads(site, made.association)


@case("AP-12")
def conformance(site: Site) -> None:
    """Both sides have what both sides have."""
    made = site.attempt(initiate={"conformance": _EVERY_SERVICE})
    expect(made.is_accepted, "an association where every service is proposed", made)
    lean = accepted(site.attempt(initiate={"conformance": _lean(site)}), "with GET alone")
    assert lean.session.association is not None  # noqa: S101 - it is accepted
    agreed = int(lean.session.association.conformance)
    expect(not agreed & ~_lean(site), "no more services than proposed", f"{agreed:#08x}")
    for proposed, what in ((0, "no service"), (_RESERVED_SERVICE, "a reserved bit alone")):
        made = site.attempt(initiate={"conformance": proposed})
        rejected(site, made, f"{what} proposed")
        _has_initiate_error(made, _INCOMPATIBLE, f"{what} proposed")


def _lean(site: Site) -> int:
    """GET, and ACTION where the meter must be answered in pass 3."""
    high_level = site.declaration.profile("management").authentication.high_level
    protection = 0x40_0000 if site.declaration.profile("management").protection.is_general else 0
    read = 0x10_0000 if site.declaration.profile("management").referencing == "short-name" else 0
    return _GET_SERVICE | read | protection | (0x01 if high_level else 0)


@case("AP-13")
def client_pdu_size(site: Site) -> None:
    """No answer is longer than the client takes."""
    role = site.plain_role
    made = site.attempt(role, initiate={"client_max_receive_pdu_size": 11})
    rejected(site, made, "a client PDU size of 11")
    _has_initiate_error(made, _TOO_SHORT, "a client PDU size of 11")
    for size in (0, _SMALLEST_PDU, 0xFFFF):
        made = site.attempt(role, initiate={"client_max_receive_pdu_size": size})
        site.step(f"client PDU size {size}: {made}")
        if made.association is None:
            expect(size == _SMALLEST_PDU, f"an association with a client PDU size of {size}", made)
            continue
        made.line.say(made.association.session.protect(get(site.declaration.readable)))
        answer = made.line.hear()
        octets = 0 if answer is None else len(answer)
        expect(size == 0 or octets <= size, f"an answer of at most {size} octets", octets)


@case("AP-20")
def release(site: Site) -> None:
    """A released association serves nobody."""
    made = site.associate()
    made.line.say(acse.rlrq())
    answer = made.line.hear()
    site.step(f"RLRQ without user information: {name_of(answer)}")
    released = _is_rlre(answer)
    protected = site.declaration.profile("management").is_protected
    expect(released or (protected and is_exception(answer)), "RLRE", name_of(answer))
    if released:
        has_no_data(made.request(get(site.declaration.readable)), "after the release")
    _ends_by_release(site, site.associate())


@case("AP-21")
def association_again(site: Site) -> None:
    """There is one association of a client on a line."""
    line = site.line()
    reads(site, site.associate(line=line))
    second = site.attempt(line=line)
    site.step(f"second AARQ: {second}")
    if second.association is None:
        return
    reads(site, second.association)
    second.association.release()
    line.say(second.association.session.protect(get(site.declaration.readable)))
    has_no_data(line.hear(), "after the release of the second association")


@case("AP-24")
def release_of_nothing(site: Site) -> None:
    """Releasing nothing does nothing."""
    line = site.line()
    line.say(acse.rlrq())
    answer = line.hear()
    site.step(f"RLRQ: {name_of(answer)}")
    allowed = answer is None or _is_rlre(answer) or is_exception(answer)
    expect(allowed, "RLRE, an exception or silence", name_of(answer))


@case("AP-47")
def public_client(site: Site) -> None:
    """Everybody may look, nobody may touch."""
    association = site.associate("public")
    reads(site, association)
    image_transfer = site.declaration.private
    for method, parameter in _SENSELESS_CALLS.items():
        answer = association.request(action(image_transfer, method, parameter))
        site.step(f"method {method}: {name_of(answer)}")
        result = action_result(answer)
        denied = answer is None or is_exception(answer) or result in _DENIED
        expect(denied, f"method {method} denied, result {result}", name_of(answer))


_SENSELESS_CALLS: Final[dict[int, bytes]] = {
    1: bytes.fromhex("0202090006 00000000"),
    2: bytes.fromhex("020206FFFFFFFF0900"),
    3: b"\x0f\x00",
    4: b"\x0f\x00",
}
_DENIED: Final = frozenset({3, 4, 9, 11, 13})
"""Results that say: not for you, or not there."""


@case("AP-48")
def three_clients(site: Site) -> None:
    """The rights of one client are not those of another."""
    made = {role: _beside(site, role) for role in ("management", "reading", "public")}
    private = get(site.declaration.private)
    for _ in range(3):
        for association in made.values():
            reads(site, association)
        answer = made["management"].request(private)
        if data_access_result(answer) != 0:
            raise Inconclusive(f"management may not read {site.declaration.private}: {name_of(answer)}")
        answer = made["public"].request(private)
        refused = data_access_result(answer) != 0
        expect(refused, f"{site.declaration.private} refused to the public client", name_of(answer))


def _beside(site: Site, role: str) -> HandMade:
    """An association whose counters do not get in the way of another under the same key."""
    encrypts = site.declaration.profile(role).security_policy & SecurityPolicy.ENCRYPTED
    changes: dict[str, Any] = {"dedicated_key": True} if encrypts else {}
    return site.associate(role, medium="wrapper", beside=True, **changes)


@case("AP-49")
def unused(site: Site) -> None:
    """An association that is not used is given up."""
    if "hdlc" in site.media:
        medium, seconds = "hdlc", site.declaration.inactivity_s
    elif site.declaration.association_timeout_s is not None:
        medium, seconds = site.medium, site.declaration.association_timeout_s
    else:
        raise Inapplicable("no association_timeout was declared, and there is no HDLC link")
    association = site.associate(medium=medium)
    reads(site, association)
    site.sleep(1.1 * seconds)
    association.say(get(site.declaration.readable))
    has_no_data(association.line.hear(), f"after {1.1 * seconds:g} s of silence")
