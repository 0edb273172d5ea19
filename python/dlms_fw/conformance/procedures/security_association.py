"""Security: challenges, proofs and passwords; what comes before a proof, and after many wrong ones."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Final

from dlms_fw._core import Key, SecurityContext
from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.procedures.application_association import rejected
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.security_probe import fresh_counter, has_failed, spare_counter
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inconclusive, expect
from dlms_fw.conformance.wire import acse
from dlms_fw.conformance.wire.apdus import action, get, is_exception, length, name_of, set_
from dlms_fw.conformance.wire.association import Attempt, Line
from dlms_fw.conformance.wire.protection import Sealed, Sealing
from dlms_fw.cosem import well_known
from dlms_fw.cosem.profile_generic import EntryDescriptor, ProfileGeneric, expanded_rows
from dlms_fw.errors import DlmsError
from dlms_fw.hls import CHALLENGE_LENGTHS, Handshake
from dlms_fw.logical_name import LogicalName
from dlms_fw.profiles import Profile

_ASSOCIATIONS: Final = 1000
_REFLECTIONS: Final = 10
_ASSOCIATION: Final = AttributeName(15, well_known.CURRENT_ASSOCIATION, 1)
_REPLY: Final = 1
_FAILED: Final = 13
_LOG_TAIL: Final = 50
_LONG_PASSWORD: Final = 100
_PROOF_AT: Final = 8


def challenge_of(made: Attempt) -> bytes:
    """The meter's challenge, also one that our client does not go on with. Raises Inconclusive for none."""
    aare = made.aare if made.association is None else made.association.aare
    if aare is None:
        raise Inconclusive(f"the ordinary association was not accepted: {made.error or made}")
    return aare.authentication_value or b""


# Challenges


@case("SE-27")
def challenges(site: Site) -> None:
    """A challenge that comes again proves nothing."""
    seen: set[bytes] = set()
    for number in range(_ASSOCIATIONS):
        line = site.line()
        challenge = challenge_of(site.attempt(line=line))
        expect(challenge not in seen, "another challenge each time", f"one again after {number} associations")
        seen.add(challenge)
        line.connection.close()
    lengths = sorted({len(challenge) for challenge in seen})
    site.step(f"{len(seen)} challenges of {lengths} octets")
    expect(set(lengths) <= set(CHALLENGE_LENGTHS), "challenges of 8 to 64 octets", lengths)


@case("SE-28")
def challenge_lengths(site: Site) -> None:
    """A challenge has 8 to 64 octets."""
    allowed = site.declaration.profile("management").authentication.challenge_lengths
    for octets in (allowed.start, allowed.stop - 1):
        challenge = os.urandom(octets)
        made = site.attempt(challenge=lambda challenge=challenge: challenge)  # type: ignore[misc]
        expect(made.association is not None, f"an association with a challenge of {octets} octets", made)
    for octets in (allowed.start - 1, allowed.stop, 0):
        value = b"\x80" + length(octets) + os.urandom(octets)
        having = acse.having(acse.AUTHENTICATION_VALUE, value)
        thirds: list[bytes] = []

        def edit(apdu: bytes, having: acse.Edit = having, thirds: list[bytes] = thirds) -> bytes:
            if apdu[0] != acse.AARQ:
                thirds.append(apdu)
            return having(apdu)

        made = site.attempt(edit=edit)
        rejected(site, made, f"with a challenge of {octets} octets")
        expect(not thirds, f"no challenge of the meter to one of {octets} octets", "one")
        site.associate()


@case("SE-29")
def own_challenge(site: Site) -> None:
    """The meter never challenges us with our own challenge, nor with one of its earlier ones."""
    seen = [challenge_of(site.attempt())]
    for _ in range(_REFLECTIONS):
        given = seen[-1]
        challenge = challenge_of(site.attempt(challenge=lambda given=given: given))  # type: ignore[misc]
        expect(challenge != given, "a challenge other than the client's", "the same")
        expect(challenge not in seen, "a challenge that is new", "an earlier one")
        seen.append(challenge)


# Proofs


class TappedLine:
    """A line that remembers what came last."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.connection = line.connection
        self.heard: bytes | None = None

    def say(self, apdu: bytes) -> None:
        """Send an APDU."""
        self.line.say(apdu)

    def hear(self, seconds: float | None = None) -> bytes | None:
        """The next APDU, or ``None`` where none comes."""
        self.heard = self.line.hear(seconds)
        return self.heard

    @property
    def challenge(self) -> bytes:
        """That of the AARE that came last."""
        aare = Attempt(None, self.heard, None, self.line).aare
        return b"" if aare is None else aare.authentication_value or b""


def with_third(
    site: Site,
    replacement: Callable[[bytes], bytes],
    line: Line | None = None,
    challenge: Callable[[], bytes] | None = None,
) -> Attempt:
    """Ask for an association whose pass 3 is replaced; the replacement is given the one that is not sent."""

    def edit(apdu: bytes) -> bytes:
        return apdu if apdu[0] == acse.AARQ else replacement(apdu)

    return site.attempt(line=line, edit=edit, challenge=challenge)


def resealed(profile: Profile, original: bytes, plain: bytes, counter: int | None = None) -> bytes:
    """A plain APDU in place of one that is not sent, under its counter or a later one."""
    sealed = Sealed.decode(original)
    if sealed is None:
        return plain
    return Sealing.of(profile).seal(plain, sealed.counter if counter is None else counter)


def reply(proof: bytes) -> bytes:
    """Pass 3, plain."""
    return action(_ASSOCIATION, _REPLY, b"\x09" + length(len(proof)) + proof)


def plain_answer(profile: Profile, made: Attempt, title: bytes | None) -> bytes | None:
    """What stands in the last answer; what cannot be opened is given as it came."""
    if made.answer is None:
        return None
    sealed = Sealed.decode(made.answer)
    if sealed is None or title is None:
        return made.answer
    return Sealing.of(profile).reveal(sealed, title)


def is_no_way_in(site: Site, made: Attempt, title: bytes | None, what: str) -> None:
    """Raises Failed where an association came of it, or an answer that is a success."""
    site.step(f"{what}: {made}")
    expect(made.association is None, f"no association after {what}", "one")
    plain = plain_answer(site.declaration.profile("management"), made, title)
    expect(made.answer is None or has_failed(plain), f"no success to {what}", name_of(plain))
    if not made.line.connection.is_closed:
        made.line.say(get(site.declaration.readable))
        answer = made.line.hear()
        expect(answer is None or is_exception(answer), f"no data after {what}", name_of(answer))
    site.associate()  # a success in between, so that nobody is locked out


def _title(site: Site) -> bytes | None:
    return site.associate().aare.responding_ap_title


def _proof(profile: Profile, challenge: bytes, counter: int, title: bytes | None) -> bytes:
    """A right proof, over the wrong challenge."""
    mechanism, keys = profile.authentication, profile.keys
    context = None
    if mechanism.needs_keys:
        context = SecurityContext(
            profile.security_suite,
            profile.security_policy,
            system_title=profile.system_title or b"",
            peer_system_title=title,
            global_unicast_encryption_key=keys.global_unicast_encryption_key,
            authentication_key=keys.authentication_key,
            invocation_counter=counter,
            counter_limit=counter + 1,
        )
    assert mechanism.prove is not None  # noqa: S101 - the case needs high level security
    return mechanism.prove(
        Handshake(
            own_challenge=challenge,
            peer_challenge=challenge,
            own_system_title=profile.system_title,
            peer_system_title=title,
            context=context,
            secret=profile.password,
            signing_key=profile.asymmetric_keys.signing_key,
        )
    )


@case("SE-30")
def reflection(site: Site) -> None:
    """What the meter says of itself proves nothing about us."""
    profile, title = site.declaration.profile("management"), _title(site)
    ours = os.urandom(max(32, profile.authentication.challenge_lengths.start))

    def over_our_challenge(original: bytes) -> bytes:
        sealed = Sealed.decode(original)
        counter = spare_counter(site) if sealed is None else sealed.counter - 1
        return resealed(profile, original, reply(_proof(profile, ours, counter, title)))

    made = with_third(site, over_our_challenge, challenge=lambda: ours)
    is_no_way_in(site, made, title, "a proof over our own challenge")
    if "wrapper" not in site.media:
        site.step("there is one line: no second association can be asked meanwhile")
        return
    tapped = TappedLine(site.line(medium="wrapper"))

    def that_of_the_meter(original: bytes) -> bytes:
        asked = TappedLine(site.line(medium="wrapper", beside=True))
        challenge = tapped.challenge
        second = site.attempt(line=asked, challenge=lambda: challenge)
        if second.association is None:
            raise Inconclusive(f"the meter takes no second association meanwhile: {second}")
        answer = plain_answer(profile, Attempt(None, asked.heard, None, asked), title) or b""
        counter = fresh_counter(second.association) if profile.is_protected else None
        return resealed(profile, original, reply(answer[_PROOF_AT:]), counter)

    made = with_third(site, that_of_the_meter, tapped)
    is_no_way_in(site, made, title, "the meter's own proof, got in another association")


@case("SE-31")
def untimely_proof(site: Site) -> None:
    """Pass 3 has its time."""
    profile, title = site.declaration.profile("management"), _title(site)
    proof = os.urandom(17)
    line = site.line()
    plain = reply(proof)
    octets = Sealing.of(profile).seal(plain, spare_counter(site)) if profile.is_protected else plain
    line.say(octets)
    answer = line.hear()
    site.step(f"before the AARQ: {name_of(answer)}")
    sealed = None if answer is None else Sealed.decode(answer)
    revealed = answer if sealed is None or title is None else Sealing.of(profile).reveal(sealed, title)
    expect(has_failed(revealed), "no success to pass 3 without an AARQ", name_of(revealed))

    association = site.associate()
    second = association.request(plain)
    site.step(f"once more: {name_of(second)}")
    expect(has_failed(second), "no success to a second pass 3", name_of(second))

    if "hdlc" not in site.media:
        site.step("there is no HDLC link, whose timeout would end the wait")
        return

    def late(original: bytes) -> bytes:
        site.sleep(1.1 * site.declaration.inactivity_s)
        return original

    made = with_third(site, late, site.line(medium="hdlc"))
    is_no_way_in(site, made, title, f"pass 3 after {1.1 * site.declaration.inactivity_s:g} s")


@case("SE-32")
def before_the_proof(site: Site) -> None:
    """Who has not proved himself gets nothing."""
    profile, title = site.declaration.profile("management"), _title(site)
    declared, other = site.declaration.writable, site.declaration.other_value
    requests = {
        "GET": get(site.declaration.readable),
        "another ACTION": action(AttributeName(8, well_known.CLOCK, 6), 6, b"\x10\x00\x00"),
    }
    if declared is not None and other is not None:
        requests["SET"] = set_(declared, other)
    for what, request in requests.items():
        made = with_third(site, lambda original, request=request: resealed(profile, original, request))  # type: ignore[misc]
        is_no_way_in(site, made, title, f"{what} before pass 3")


# Wrong ones


@case("SE-33")
def many_wrong_proofs(site: Site) -> None:
    """Who tries many times is kept waiting, and it is known."""
    tries, seconds = site.declaration.lockout_tries, site.declaration.lockout_s
    assert tries is not None  # noqa: S101 - the case needs it
    assert seconds is not None  # noqa: S101 - the case needs it
    before = _failures(site)
    site.put_back("the lockout", lambda: site.sleep(seconds))
    high_level = site.declaration.profile("management").authentication.high_level
    for number in range(1, tries + 1):
        if high_level:
            made = with_third(site, _wrong_proof(site))
        else:
            made = site.attempt(password=Key(b"not-the-password"))
        expect(made.association is None, f"no association at try {number}", "one")
    made = site.attempt()
    site.step(f"the right one after {tries} wrong ones: {made}")
    locked = made.association is None
    site.sleep(1.01 * seconds)
    after = _failures(site)
    if before is not None and after is not None:
        site.step(f"{sum((after - before).values())} new entries in {site.declaration.fraud_log}")
        code = site.declaration.authentication_failed
        logged = any(entry[1] == code for entry in after - before)
        expect(logged, f"event {code} in {site.declaration.fraud_log}", "none")
    expect(locked, f"no association for a while after {tries} wrong ones", "one at once")


def _wrong_proof(site: Site) -> Callable[[bytes], bytes]:
    profile = site.declaration.profile("management")
    return lambda original: resealed(profile, original, reply(os.urandom(17)))


def _failures(site: Site) -> Counter[tuple[object, ...]] | None:
    """The newest entries of the log of failed authentications; ``None`` where it cannot be read."""
    name: LogicalName | None = site.declaration.fraud_log
    if name is None:
        return None
    log = ProfileGeneric(name)
    try:
        with site.client() as client:
            count = client.get(log.entries_in_use)
            first = max(1, count - _LOG_TAIL)
            rows = client.get(log.buffer, EntryDescriptor(first, count).selection) if count else []
    except DlmsError as error:
        site.step(f"the log cannot be read: {error}")
        return None
    return Counter(tuple(map(str, row[:1])) + tuple(row[1:]) for row in expanded_rows(rows))


@case("SE-34")
def passwords(site: Site) -> None:
    """There is one password."""
    password = site.declaration.profile("management").password
    assert password is not None  # noqa: S101 - the case needs it
    right = password.expose()
    wrong = {
        "another password": right[:-1] + bytes((right[-1] ^ 1,)),
        "an empty password": b"",
        "a password of 100 octets": os.urandom(_LONG_PASSWORD),
        "the password without its end": right[:-1],
        "the password and more": right + b"\x00",
    }
    for what, value in wrong.items():
        edit = acse.having(acse.AUTHENTICATION_VALUE, b"\x80" + length(len(value)) + value)
        made = site.attempt(edit=edit)
        rejected(site, made, f"with {what}")
        aare = made.aare
        if aare is not None:
            expect(aare.diagnostic == _FAILED, f"diagnostic {_FAILED} to {what}", made)
        site.associate()
