"""Mechanism 7: both sides prove themselves by signatures, with pinned keys and with certificates.

The certificates are made, and the signatures checked once more, by ``cryptography``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dlms_fw._core import PrivateKey, PublicKey
from dlms_fw.certificates import check_anchor, signing_key_of
from dlms_fw.enums import Conformance, SecuritySuite
from dlms_fw.errors import AssociationRejected, AuthenticationError, ConfigurationError, LocalProtocolError
from dlms_fw.hls import MECHANISMS, Handshake
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys, Keys, MessageProtection
from dlms_fw.session.events import Associated
from dlms_fw.session.server import ServerClient
from dlms_fw.session.server_client import DEFAULT_CONFORMANCE
from dlms_fw.session.states import State
from harness import CLIENT_TITLE, FULL, KEYS, METER_TITLE, Pair, server_client

GENERAL_SIGNING = 0xDF
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CURVES: dict[int, ec.EllipticCurve] = {1: ec.SECP256R1(), 2: ec.SECP384R1()}
CLIENT_KEYS = {suite: ec.derive_private_key(0x1234567 + suite, curve) for suite, curve in CURVES.items()}
METER_KEYS = {suite: ec.derive_private_key(0x7654321 + suite, curve) for suite, curve in CURVES.items()}
ANCHOR_KEY = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
ANCHOR_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Anchor")])


def private(key: ec.EllipticCurvePrivateKey) -> PrivateKey:
    return PrivateKey.from_pkcs8(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def public(key: ec.EllipticCurvePrivateKey) -> PublicKey:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey.from_spki(der)


def certificate(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    *,
    signer: ec.EllipticCurvePrivateKey = ANCHOR_KEY,
    usage: str | None = "digital_signature",
    authority: bool = False,
    after: timedelta = timedelta(days=365),
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(ANCHOR_NAME)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + after)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if usage is not None:
        names = (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
        uses: dict[str, bool] = {each: each == usage for each in names}
        builder = builder.add_extension(x509.KeyUsage(**uses), critical=True)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


ANCHOR = certificate(ANCHOR_KEY, "Anchor", usage="key_cert_sign", authority=True)
CLIENT_CERTIFICATE = certificate(CLIENT_KEYS[1], CLIENT_TITLE.hex().upper())
METER_CERTIFICATE = certificate(METER_KEYS[1], METER_TITLE.hex())


def profile(suite: int = 1, *, ciphered: bool = False) -> Profile:
    plain = Profile(
        name="hls-ecdsa",
        client_sap=1,
        mechanism=7,
        security_suite=SecuritySuite(suite),
        system_title=CLIENT_TITLE,
        asymmetric_keys=AsymmetricKeys(
            signing_key=private(CLIENT_KEYS[suite]), peer_signing_key=public(METER_KEYS[suite])
        ),
    )
    if not ciphered:
        return plain
    from dlms_fw._core import Key

    long = Keys(
        global_unicast_encryption_key=Key(bytes(range(32))), authentication_key=Key(bytes(range(32, 64)))
    )
    return replace(plain, security_policy=FULL, keys=KEYS if suite == 1 else long)


def meter(profile: Profile, **changed: Any) -> ServerClient:
    suite = profile.security_suite.value
    own = AsymmetricKeys(signing_key=private(METER_KEYS[suite]), peer_signing_key=public(CLIENT_KEYS[suite]))
    return server_client(profile, **{"asymmetric_keys": own, **changed})


def challenge() -> bytes:
    challenge.given += 1  # type: ignore[attr-defined]
    return int(challenge.given).to_bytes(32, "big")  # type: ignore[attr-defined]


challenge.given = 0  # type: ignore[attr-defined]


def pair(ours: Profile, theirs: ServerClient, **options: Any) -> Pair:
    return Pair(
        ours, client=theirs, client_challenge=challenge, challenge=lambda: b"m" + challenge(), **options
    )


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("ciphered", [False, True])
@pytest.mark.proves("acse-hls-ecdsa")
def test_each_proves_itself_to_the_other(suite: int, *, ciphered: bool) -> None:
    ours = profile(suite, ciphered=ciphered)
    joined = pair(ours, meter(ours))
    joined.associate()
    assert joined.session.state is State.ASSOCIATED
    assert joined.meter.events == [Associated(1, 7)]
    assert joined.get().result == 0


@pytest.mark.fault("S-36")
@pytest.mark.parametrize("suite", [1, 2])
def test_what_is_signed(suite: int) -> None:
    """Both titles and both challenges, own first; the signature is r and s, and the same each time."""
    handshake = Handshake(
        own_challenge=b"c" * 32,
        peer_challenge=b"s" * 40,
        own_system_title=CLIENT_TITLE,
        peer_system_title=METER_TITLE,
        signing_key=private(CLIENT_KEYS[suite]),
    )
    prove = MECHANISMS[7].prove
    assert prove is not None
    proof = prove(handshake)
    half = {1: 32, 2: 48}[suite]
    assert len(proof) == 2 * half
    assert prove(handshake) == proof
    dss = encode_dss_signature(int.from_bytes(proof[:half]), int.from_bytes(proof[half:]))
    hashed = {1: hashes.SHA256(), 2: hashes.SHA384()}[suite]
    statement = CLIENT_TITLE + METER_TITLE + b"s" * 40 + b"c" * 32
    CLIENT_KEYS[suite].public_key().verify(dss, statement, ec.ECDSA(hashed))


@pytest.mark.fault("S-16")
@pytest.mark.fault("S-32")
def test_proofs_that_prove_nothing() -> None:
    statement = Handshake(
        own_challenge=b"s" * 32,
        peer_challenge=b"c" * 32,
        own_system_title=METER_TITLE,
        peer_system_title=CLIENT_TITLE,
        peer_signing_key=public(CLIENT_KEYS[1]),
    )
    signer = Handshake(
        own_challenge=b"c" * 32,
        peer_challenge=b"s" * 32,
        own_system_title=CLIENT_TITLE,
        peer_system_title=METER_TITLE,
        signing_key=private(CLIENT_KEYS[1]),
    )
    prove, check = MECHANISMS[7].prove, MECHANISMS[7].check
    assert prove is not None
    assert check is not None
    proof = prove(signer)
    check(statement, proof)
    r, s = proof[:32], proof[32:]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
    other = prove(replace(signer, signing_key=private(METER_KEYS[1])))
    wrong = [s + r, der, bytes(32) + s, r + bytes(32), r + order.to_bytes(32, "big"), b"", proof[:-1], other]
    wrong += [prove(replace(signer, own_challenge=b"x" * 32)), proof + b"\0"]
    for each in wrong:
        with pytest.raises(AuthenticationError):
            check(statement, each)


@pytest.mark.fault("S-13")
@pytest.mark.parametrize("octets", [8, 31, 65])
def test_challenges_have_32_to_64_octets(octets: int) -> None:
    ours = profile()
    joined = Pair(ours, client=meter(ours), client_challenge=challenge, challenge=lambda: bytes(octets))
    joined.connect()
    with pytest.raises(AuthenticationError) as caught:
        joined.associate()
    assert caught.value.kind == "challenge"
    with pytest.raises(LocalProtocolError):
        Pair(ours, client=meter(ours), client_challenge=lambda: bytes(octets)).associate()


class TestCertificates:
    """Nothing is pinned; each side believes an authority."""

    def ours(self, **changed: Any) -> Profile:
        settings: dict[str, Any] = {
            "asymmetric_keys": AsymmetricKeys(signing_key=private(CLIENT_KEYS[1])),
            "certificate": CLIENT_CERTIFICATE,
            "trust_anchors": (ANCHOR,),
        }
        return replace(profile(), **(settings | changed))

    def theirs(self, **changed: Any) -> ServerClient:
        settings: dict[str, Any] = {
            "asymmetric_keys": AsymmetricKeys(signing_key=private(METER_KEYS[1])),
            "certificate": METER_CERTIFICATE,
            "trust_anchors": (ANCHOR,),
        }
        return meter(self.ours(), **(settings | changed))

    @pytest.mark.proves("acse-certificates")
    def test_both_by_certificate(self) -> None:
        joined = pair(self.ours(), self.theirs(), now=lambda: NOW, meter_now=lambda: NOW)
        joined.associate()
        assert joined.get().result == 0

    @pytest.mark.parametrize("ciphering", ["general", "general-ciphering"])
    def test_messages_are_signed_with_what_was_certified(self, ciphering: str) -> None:
        """From the AARQ on and in both directions, under keys that neither side knew before."""
        protection = MessageProtection(
            sign_requests=True, signed_responses=True, ciphering=ciphering, key_information="identified"
        )
        secured: dict[str, Any] = {"security_policy": FULL, "keys": KEYS, "protection": protection}
        ours = self.ours(meter_system_title=METER_TITLE, **secured)
        theirs = self.theirs(conformance=DEFAULT_CONFORMANCE | Conformance.GENERAL_PROTECTION, **secured)
        sources: dict[str, Any] = {"randomness": token_bytes, "meter_randomness": token_bytes}
        joined = pair(ours, theirs, now=lambda: NOW, meter_now=lambda: NOW, **sources)
        joined.associate()
        assert joined.get().result == 0
        assert {data[8] for _, data in joined.wire[-2:]} == {GENERAL_SIGNING}

    def test_the_next_association_believes_its_own_certificate(self) -> None:
        """A key that was certified once is not kept: another client, with another one, is as welcome."""
        theirs = self.theirs()
        joined = pair(self.ours(), theirs, now=lambda: NOW, meter_now=lambda: NOW)
        joined.associate()
        assert theirs.asymmetric_keys.peer_signing_key is None
        key = ec.derive_private_key(0x2468, ec.SECP256R1())
        other = self.ours(
            asymmetric_keys=AsymmetricKeys(signing_key=private(key)),
            certificate=certificate(key, CLIENT_TITLE.hex()),
        )
        joined = pair(other, theirs, now=lambda: NOW, meter_now=lambda: NOW)
        joined.associate()
        assert joined.get().result == 0

    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            (None, "no certificate"),
            (b"", "no certificate"),
            (b"\x30\x03\x02\x01\x00", "cannot be read"),
            (bytes(5000), "5000 octets"),
            (certificate(METER_KEYS[1], METER_TITLE.hex(), signer=METER_KEYS[1]), "trust anchors"),
            (certificate(METER_KEYS[1], CLIENT_TITLE.hex()), "common name"),
            (certificate(METER_KEYS[1], METER_TITLE.hex(), usage="key_agreement"), "not for signatures"),
            (certificate(METER_KEYS[1], METER_TITLE.hex(), usage=None), "what its key is for"),
            (certificate(METER_KEYS[1], METER_TITLE.hex(), after=timedelta(hours=-1)), "not valid today"),
            (certificate(ec.generate_private_key(ec.SECP521R1()), METER_TITLE.hex()), "P-256 or P-384"),
        ],
    )
    def test_a_meters_certificate_that_is_refused(self, sent: bytes | None, reason: str) -> None:
        joined = pair(self.ours(), self.theirs(certificate=sent), now=lambda: NOW, meter_now=lambda: NOW)
        with pytest.raises(AuthenticationError, match=reason) as caught:
            joined.associate()
        assert caught.value.kind == "certificate"
        assert len([data for mine, data in joined.wire if mine]) == 1, "no proof was made"

    def test_a_clients_certificate_that_is_refused(self) -> None:
        bad = certificate(CLIENT_KEYS[1], METER_TITLE.hex())
        for sent in (None, bad):
            joined = pair(self.ours(certificate=sent), self.theirs(), now=lambda: NOW, meter_now=lambda: NOW)
            with pytest.raises(AssociationRejected, match="calling ae qualifier"):
                joined.associate()

    def test_an_unknown_curve_and_another_key(self) -> None:
        """A certificate of somebody else does not help who has not the key."""
        stolen = self.theirs(asymmetric_keys=AsymmetricKeys(signing_key=private(CLIENT_KEYS[1])))
        joined = pair(self.ours(), stolen, now=lambda: NOW, meter_now=lambda: NOW)
        with pytest.raises(AuthenticationError, match="could not prove itself"):
            joined.associate()

    def test_an_anchor_must_be_an_authority(self) -> None:
        check_anchor(ANCHOR)
        for wrong in (METER_CERTIFICATE, b"", b"no"):
            with pytest.raises(ConfigurationError):
                check_anchor(wrong)
        with pytest.raises(ConfigurationError, match="trust_anchors"):
            self.ours(trust_anchors=(METER_CERTIFICATE,)).check()

    def test_the_key_in_it(self) -> None:
        key = signing_key_of(METER_CERTIFICATE, anchors=(ANCHOR,), system_title=METER_TITLE, now=NOW)
        assert key == public(METER_KEYS[1])


def test_what_is_missing_is_said() -> None:
    ours = profile()
    for changed, text in (
        ({"asymmetric_keys": AsymmetricKeys()}, "signing_key: missing"),
        (
            {"asymmetric_keys": AsymmetricKeys(signing_key=private(CLIENT_KEYS[1]))},
            "peer_signing_key: missing",
        ),
        ({"security_suite": SecuritySuite(0)}, "knows no such keys"),
        ({"security_suite": SecuritySuite(2)}, "is on P-384"),
        ({"system_title": None}, "system_title: missing"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            replace(ours, **changed).check()  # type: ignore[arg-type]
    prove, check = MECHANISMS[7].prove, MECHANISMS[7].check
    assert prove is not None
    assert check is not None
    bare = Handshake(own_challenge=bytes(32), peer_challenge=bytes(32))
    with pytest.raises(ConfigurationError, match="signing key"):
        prove(bare)
    with pytest.raises(ConfigurationError, match="public key"):
        check(bare, b"")
