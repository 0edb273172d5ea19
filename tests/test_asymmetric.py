"""Keys on elliptic curves, against `cryptography`: signatures, shared secrets, derived and wrapped keys."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dlms_fw._core import Key, PrivateKey, PublicKey, derive_key
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import AuthenticationError, SecurityError
from dlms_fw.security import AsymmetricKeys

CURVES: dict[str, tuple[ec.EllipticCurve, int, hashes.HashAlgorithm]] = {
    "P-256": (ec.SECP256R1(), 32, hashes.SHA256()),
    "P-384": (ec.SECP384R1(), 48, hashes.SHA384()),
}
ORDERS = {
    "P-256": "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
    "P-384": "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
}
TITLES = {"originator_system_title": b"ABC00001", "recipient_system_title": b"ABC00002"}

curves = pytest.mark.parametrize("curve", CURVES)


def referee(curve: str, number: int = 0x0123456789ABCDEF) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, CURVES[curve][0])


def ours(key: ec.EllipticCurvePrivateKey) -> PrivateKey:
    return PrivateKey.from_pkcs8(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def key_order(curve: str) -> int:
    return int(ORDERS[curve], 16)


def spki(key: ec.EllipticCurvePrivateKey, point: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, point)


def raw(curve: str, r: int, s: int) -> bytes:
    width = CURVES[curve][1]
    return r.to_bytes(width) + s.to_bytes(width)


@curves
@pytest.mark.fault("S-33")
@pytest.mark.proves("ecdsa")
def test_signatures_go_both_ways_and_a_high_s_is_taken(curve: str) -> None:
    theirs, (_, width, digest) = referee(curve), CURVES[curve]
    key = ours(theirs)
    order = key_order(curve)
    signature = key.sign(b"a text")
    r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
    theirs.public_key().verify(encode_dss_signature(r, s), b"a text", ec.ECDSA(digest))
    assert key.sign(bytearray(b"a text")) == signature

    r, s = decode_dss_signature(theirs.sign(b"another", ec.ECDSA(digest)))
    for either in (s, order - s):
        key.public.verify(b"another", raw(curve, r, either))
    with pytest.raises(AuthenticationError) as refused:
        key.public.verify(b"a text", raw(curve, r, s))
    assert refused.value.kind == "signature"


@curves
@pytest.mark.fault("S-32")
def test_der_is_no_signature(curve: str) -> None:
    theirs, (_, width, digest) = referee(curve), CURVES[curve]
    der = theirs.sign(b"a text", ec.ECDSA(digest))
    public = ours(theirs).public
    good = ours(theirs).sign(b"a text")
    zero = bytes(width)
    for signature in (
        der,
        b"",
        good[1:],
        good + b"\0",
        b"\0" + good,
        good + bytes(8),
        zero + good[width:],
        good[:width] + zero,
        raw(curve, key_order(curve), 1),
        raw(curve, 1, key_order(curve)),
        b"\xff" * (2 * width),
    ):
        with pytest.raises(AuthenticationError):
            public.verify(b"a text", signature)
    public.verify(b"a text", good)


@curves
@pytest.mark.fault("S-34")
def test_a_public_key_is_checked_when_it_is_loaded(curve: str) -> None:
    theirs = referee(curve)
    public = PublicKey.from_spki(spki(theirs))
    octets = bytes(public)
    assert public == ours(theirs).public == PublicKey(curve, octets)
    assert b"\x04" + octets == theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    compressed = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = spki(theirs)[: -len(octets) - 1]
    short = bytearray(header + compressed)
    short[1] -= len(octets) + 1 - len(compressed)
    short[-len(compressed) - 2] = len(compressed) + 1
    other = "P-384" if curve == "P-256" else "P-256"
    refused: list[Callable[[], object]] = [
        lambda: PublicKey(curve, compressed),
        lambda: PublicKey(curve, b"\x04" + octets),
        lambda: PublicKey(curve, octets[:-1] + bytes([octets[-1] ^ 1])),
        lambda: PublicKey(curve, bytes(len(octets))),
        lambda: PublicKey(curve, b""),
        lambda: PublicKey(other, octets),
        lambda: PublicKey.from_spki(bytes(short)),
        lambda: PublicKey.from_spki(header + b"\0"),
        lambda: PublicKey.from_spki(spki(theirs) + b"\0"),
        lambda: PublicKey.from_spki(spki(ec.derive_private_key(5, ec.SECP256K1()))),
    ]
    for load in refused:
        with pytest.raises(SecurityError) as error:
            load()
        assert error.value.kind == "public-key"
    with pytest.raises(ValueError, match="P-256"):
        PublicKey("P-521", octets)


@curves
def test_a_private_key_is_a_scalar_of_its_curve(curve: str) -> None:
    width, order = CURVES[curve][1], key_order(curve)
    assert PrivateKey(curve, (order - 1).to_bytes(width)).curve == curve
    for octets in (bytes(width), order.to_bytes(width), b"\1" * (width + 1), b"\1" * (width - 1), b""):
        with pytest.raises(SecurityError) as error:
            PrivateKey(curve, octets)
        assert error.value.kind == "private-key"
    assert PrivateKey.from_randomness(curve, b"\xff" * width + b"\7" * width).public == (
        PrivateKey(curve, b"\7" * width).public
    )
    with pytest.raises(SecurityError):
        PrivateKey.from_randomness(curve, b"\xff" * (2 * width))
    with pytest.raises(SecurityError):
        PrivateKey.from_pkcs8(spki(referee(curve)))


@curves
@pytest.mark.proves("ecdh")
def test_the_shared_secret_is_that_of_another_implementation(curve: str) -> None:
    left, right = referee(curve, 11), referee(curve, 13)
    expected = left.exchange(ec.ECDH(), right.public_key())
    assert ours(left).agree(ours(right).public).expose() == expected
    assert ours(right).agree(ours(left).public).expose() == expected
    other = "P-384" if curve == "P-256" else "P-256"
    with pytest.raises(SecurityError) as error:
        ours(left).agree(ours(referee(other)).public)
    assert error.value.kind == "public-key"


@pytest.mark.fault("S-28")
def test_a_private_key_shows_a_fingerprint_only() -> None:
    scalar = bytes(range(32))
    key = PrivateKey("P-256", scalar)
    assert repr(key) == f"<PrivateKey P-256 {key.fingerprint}>"
    assert repr(key.public) == f"<PublicKey P-256 {key.fingerprint}>"
    assert not any(hasattr(key, name) for name in ("__dict__", "expose", "octets", "__bytes__"))
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            act(key)


@pytest.mark.parametrize("length", [16, 32])
@pytest.mark.parametrize("kek_length", [16, 32])
@pytest.mark.proves("aes-key-wrap")
def test_keys_are_wrapped_as_by_another_implementation(kek_length: int, length: int) -> None:
    kek, octets = bytes(range(kek_length)), bytes(range(100, 100 + length))
    wrapped = Key(octets).wrap(Key(kek))
    assert wrapped == aes_key_wrap(kek, octets)
    assert aes_key_unwrap(kek, wrapped) == octets
    assert Key.unwrap(Key(kek), wrapped) == Key(octets)


@pytest.mark.fault("S-27")
def test_a_key_that_was_not_wrapped_with_this_key_is_refused() -> None:
    kek, wrapped = Key(bytes(16)), aes_key_wrap(bytes(16), b"\1" * 16)
    cases = {
        "key-unwrap": [(Key(b"\1" * 16), wrapped), (kek, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))],
        "key-length": [(kek, wrapped[:-8]), (kek, b""), (Key(b"\0" * 24), wrapped), (kek, bytes(32))],
    }
    for kind, tries in cases.items():
        for key, octets in tries:
            with pytest.raises(SecurityError) as error:
                Key.unwrap(key, octets)
            assert error.value.kind == kind
    with pytest.raises(SecurityError):
        Key(b"password").wrap(kek)


def test_what_cannot_be_derived_is_refused() -> None:
    secret = Key(bytes(32))
    for suite, scheme, transaction, kind in [
        (0, "one-pass-diffie-hellman", b"1", "unsupported-protection"),
        (1, "static-unified", b"", "transaction-id"),
        (1, "static-unified", bytes(256), "transaction-id"),
    ]:
        with pytest.raises(SecurityError) as error:
            derive_key(secret, suite, scheme, transaction_id=transaction, **TITLES)
        assert error.value.kind == kind
    for suite, scheme in [(3, "static-unified"), (1, "one-pass")]:
        with pytest.raises(ValueError, match=r"suites|scheme"):
            derive_key(secret, suite, scheme, transaction_id=b"1", **TITLES)
    made = {
        derive_key(secret, 1, "ephemeral-unified", key_wrapping=wrapping, older_algorithm_ids=older, **TITLES)
        for wrapping in (False, True)
        for older in (False, True)
    }
    assert len(made) == 4


def test_keys_of_another_suite_are_named() -> None:
    keys = AsymmetricKeys(
        signing_key=ours(referee("P-256")), peer_key_agreement_key=ours(referee("P-384")).public
    )
    assert keys.mistakes(SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256) == [
        "peer_key_agreement_key: on P-384, but security suite 1 is on P-256"
    ]
    assert keys.mistakes(SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384) == [
        "signing_key: on P-256, but security suite 2 is on P-384"
    ]
    assert len(keys.mistakes(SecuritySuite.AES_GCM_128)) == 2
    assert AsymmetricKeys().mistakes(SecuritySuite.AES_GCM_128) == []
