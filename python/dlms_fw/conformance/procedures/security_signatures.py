"""Security of suites 1 and 2: signatures as proofs, certificates, agreed keys, signed messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from dlms_fw._core import PrivateKey
from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.conformance.keyring import Keyring
from dlms_fw.conformance.procedures.security_association import (
    TappedLine,
    is_no_way_in,
    reply,
    resealed,
    with_third,
)
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.security_probe import Probe
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import action, action_result, get, length, name_of
from dlms_fw.conformance.wire.protection import Sealed, Sealing
from dlms_fw.cosem.security_setup import SecuritySetup
from dlms_fw.enums import CertificateType, KeyId
from dlms_fw.errors import DlmsError
from dlms_fw.key_management import agree_keys, run
from dlms_fw.profiles import Profile
from dlms_fw.security import curve_of

_ORDERS: Final = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
}
_WIDTHS: Final = {"P-256": 32, "P-384": 48}
_GENERAL_SIGNING: Final = 0xDF
_HEADER_FIELDS: Final = 5


def _curve(profile: Profile) -> str:
    curve = curve_of(profile.security_suite)
    if curve is None:
        raise Inapplicable("suite 0 has no signatures")
    return curve


def _signing_key(profile: Profile) -> PrivateKey:
    key = profile.asymmetric_keys.signing_key
    if key is None:
        raise Inapplicable("the management client has no signing key")
    return key


def _other_key(curve: str) -> PrivateKey:
    return PrivateKey.from_randomness(curve, os.urandom(2 * _WIDTHS[curve]))


# HLS with ECDSA


@case("SE-35")
def signatures_as_proofs(site: Site) -> None:
    """A proof is r and s, by the right key, over the right statement."""
    profile = site.declaration.profile("management")
    curve = _curve(profile)
    width, order = _WIDTHS[curve], _ORDERS[curve]
    title = site.associate().aare.responding_ap_title
    ours = os.urandom(32)

    def r_and_s(octets: bytes) -> tuple[int, int]:
        return int.from_bytes(octets[:width], "big"), int.from_bytes(octets[width:], "big")

    def raw(r: int, s: int) -> bytes:
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")

    def of_another_key(challenge: bytes) -> bytes:
        statement = (profile.system_title or b"") + (title or b"") + challenge + ours
        return _other_key(curve).sign(statement)

    wrong: dict[str, Callable[[bytes, bytes], bytes]] = {
        "s before r": lambda proof, _: proof[width:] + proof[:width],
        "a signature in DER": lambda proof, _: encode_dss_signature(*r_and_s(proof)),
        "r = 0": lambda proof, _: raw(0, r_and_s(proof)[1]),
        "s = 0": lambda proof, _: raw(r_and_s(proof)[0], 0),
        "s = the order of the curve": lambda proof, _: raw(r_and_s(proof)[0], order),
        "a signature by another key": lambda _, challenge: of_another_key(challenge),
        "a signature without its end": lambda proof, _: proof[:-1],
        "a signature and more": lambda proof, _: proof + b"\x00",
    }
    for what, change in wrong.items():
        tapped = TappedLine(site.line())

        def third(
            original: bytes,
            change: Callable[[bytes, bytes], bytes] = change,
            tapped: TappedLine = tapped,
        ) -> bytes:
            proof = _plain(profile, original)[-2 * width :]
            return resealed(profile, original, reply(change(proof, tapped.challenge)))

        made = with_third(site, third, tapped, challenge=lambda: ours)
        is_no_way_in(site, made, title, what)


def _plain(profile: Profile, original: bytes) -> bytes:
    sealed = Sealed.decode(original)
    return original if sealed is None else Sealing.of(profile).reveal(sealed, profile.system_title or b"")


# Certificates


@dataclass(frozen=True, slots=True)
class _Certificates:
    """Certificates for the key of the management client."""

    site: Site
    authority: CertificateAuthority

    @property
    def right(self) -> bytes:
        """One that a meter should trust."""
        return self._issued(self.authority)

    def wrong(self) -> dict[str, bytes]:
        """Those that it should not."""
        now = self.site.bench.wall_clock()
        curve = self.authority.certificate.curve
        title = self._profile.system_title or b""
        return {
            "of another authority": self._issued(CertificateAuthority.create("Nobody", curve, at=now)),
            "that is no longer valid": self._issued(self.authority, at=now - timedelta(days=900)),
            "that is not valid yet": self._issued(self.authority, at=now + timedelta(days=900)),
            "for key agreement": self._issued(self.authority, CertificateType.KEY_AGREEMENT),
            "of another title": self._issued(self.authority, title=title[:-1] + bytes((title[-1] ^ 1,))),
        }

    @property
    def _profile(self) -> Profile:
        return self.site.declaration.profile("management")

    def _issued(
        self,
        authority: CertificateAuthority,
        kind: CertificateType = CertificateType.DIGITAL_SIGNATURE,
        *,
        at: datetime | None = None,
        title: bytes | None = None,
    ) -> bytes:
        moment = self.site.bench.wall_clock() if at is None else at
        owner = title or self._profile.system_title or b""
        return authority.issue(_signing_key(self._profile).public, owner, kind, at=moment).der


@case("SE-36")
def certificates(site: Site) -> None:
    """Only what a trusted authority has signed, for this client, for signatures, and now."""
    authority = site.declaration.authority
    assert authority is not None  # noqa: S101 - the case needs it
    issued = _Certificates(site, authority)
    if site.declaration.profile("management").certificate is None:
        site.step("the client is known without a certificate")
    else:
        made = site.attempt(certificate=issued.right)
        expect(made.association is not None, "an association with a new certificate", made.error or made)
        for what, certificate in issued.wrong().items():
            made = site.attempt(certificate=certificate)
            site.step(f"an AARQ with a certificate {what}: {made}")
            expect(made.association is None, f"no association with a certificate {what}", made)
            site.associate()
    setup = site.declaration.security_policy
    association = site.associate()
    for what, certificate in issued.wrong().items():
        if what in {"for key agreement", "of another title"}:
            continue  # it may be brought in, for what it is
        parameter = b"\x09" + length(len(certificate)) + certificate
        answer = association.request(action(setup, SecuritySetup.import_certificate.method_id, parameter))
        site.step(f"import of a certificate {what}: {name_of(answer)}")
        expect(action_result(answer) != 0, f"no import of a certificate {what}", name_of(answer))


# Agreed keys


@case("SE-37")
def bad_points(site: Site) -> None:
    """No key is agreed on with what is no point of the curve."""
    profile = site.declaration.profile("management")
    curve, ours = _curve(profile), _signing_key(profile)
    width = _WIDTHS[curve]
    ring = Keyring(site)
    good = bytes(_other_key(curve).public)
    key_id = bytes((KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY,))
    points = {
        "a point beside the curve": good[:-1] + bytes((good[-1] ^ 1,)),
        "the point at infinity": bytes(2 * width),
        "coordinates above the field": b"\xff" * (2 * width),
        "half a point": good[:width],
    }
    wrong = {what: point + ours.sign(key_id + point) for what, point in points.items()}
    wrong["a point signed by somebody else"] = good + _other_key(curve).sign(key_id + good)
    wrong["a point that is not signed"] = good
    setup = site.declaration.security_policy
    for what, data in wrong.items():
        parameter = b"\x01\x01\x02\x02\x16" + key_id + b"\x09" + length(len(data)) + data
        answer = ring.association.request(action(setup, SecuritySetup.key_agreement.method_id, parameter))
        site.step(f"{what}: {name_of(answer)}")
        expect(action_result(answer) != 0, f"no agreement with {what}", name_of(answer))
        ring.is_unchanged(what)
    _agrees(ring, profile)


def _agrees(ring: Keyring, profile: Profile) -> None:
    """With a right point there is a new key, or all of that would have proved nothing."""
    with ring.site.client() as client:
        made = client.association
        title = None if made is None else made.meter_system_title
        if title is None or profile.asymmetric_keys.peer_signing_key is None:
            ring.site.step("the meter's signing key was not declared: no right agreement was tried")
            return
        try:
            changed, _ = run(
                client,
                agree_keys(
                    replace(profile, first_invocation_counter=1),
                    [KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY],
                    profile.asymmetric_keys,
                    meter_system_title=title,
                ),
            )
        except DlmsError as error:
            raise Inconclusive(f"no key is agreed on with a right point either: {error}") from None
    ring.now = replace(changed, first_invocation_counter=profile.first_invocation_counter)
    ring.works(ring.now, "the agreed key")


# Signed messages


@dataclass(frozen=True, slots=True)
class _Signed:
    """A general-signing APDU, taken apart."""

    header: bytes
    content: bytes
    signature: bytes

    @classmethod
    def decode(cls, octets: bytes) -> _Signed:
        if octets[0] != _GENERAL_SIGNING:
            raise Inconclusive("our own request is not signed")
        at = 1
        for _ in range(_HEADER_FIELDS):
            at += 1 + octets[at]
        content, rest = _field(octets[at:])
        signature, _ = _field(rest)
        return cls(octets[:at], content, signature)

    def encode(self) -> bytes:
        """Put it together again."""
        content = length(len(self.content)) + self.content
        return self.header + content + length(len(self.signature)) + self.signature


def _field(octets: bytes) -> tuple[bytes, bytes]:
    count = octets[0] & 0x7F if octets[0] & 0x80 else 0
    size = int.from_bytes(octets[1 : 1 + count], "big") if count else octets[0]
    start = 1 + count
    return octets[start : start + size], octets[start + size :]


@case("SE-38")
def signed_messages(site: Site) -> None:
    """A signature is for one message."""
    profile = site.declaration.profile("management")
    _curve(profile)
    _signing_key(profile)
    title = site.associate().aare.responding_ap_title
    protection = replace(profile.protection, sign_requests=True)
    first = site.attempt(protection=protection, meter_system_title=title)
    if first.association is None:
        raise Inapplicable(f"the meter takes no association whose requests are signed: {first}")
    probe = Probe(site, protection=protection, meter_system_title=title)

    def signed(apdu: bytes) -> _Signed:
        return _Signed.decode(probe.association.session.protect(apdu))

    read = get(site.declaration.readable)
    probe.takes("a signed request", signed(read).encode())
    swapped = replace(signed(probe.apdu), signature=signed(read).signature)
    probe.refuses("a signature of another message", swapped.encode())
    probe.is_untouched("a signature of another message")
    mine, other = signed(probe.apdu), signed(read)
    probe.refuses("another content under a signature", replace(other, content=mine.content).encode())
    probe.is_untouched("another content under a signature")
    one = signed(probe.apdu)
    changed = one.signature[:-1] + bytes((one.signature[-1] ^ 1,))
    probe.refuses("a changed signature", replace(one, signature=changed).encode())
    probe.refuses("an empty signature", replace(signed(probe.apdu), signature=b"").encode())
    if profile.protection.sign_requests:
        probe.refuses("a message without the signature that is due", signed(probe.apdu).content)
    else:
        site.step("the policy demands no signatures: a message without one was not tried")
    probe.is_untouched("wrong signatures")
