"""The keys of vendors: which files hold one, and which only look like it."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dlms_fw import signing_keys
from dlms_fw.containers import dfw
from dlms_fw.errors import ConfigurationError
from dlms_fw.image import Image, Version

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and FIFOs are POSIX matters")
POINT = signing_keys.generate().public_key().public_numbers()
SPKI_PREFIX = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D030107034200")


def pem(label: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def public_pem_of(key: object) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def point_pem(octets: bytes) -> bytes:
    prefix = bytearray(SPKI_PREFIX)
    prefix[1] += len(octets) - 65
    prefix[-2] += len(octets) - 65
    return pem("PUBLIC KEY", bytes(prefix) + octets)


X, Y = POINT.x.to_bytes(32, "big"), POINT.y.to_bytes(32, "big")
PRIVATE = signing_keys.generate()
BAD_PUBLIC_KEYS: dict[str, bytes] = {
    "a point off the curve": point_pem(b"\4" + X + (POINT.y ^ 1).to_bytes(32, "big")),
    "the origin": point_pem(b"\4" + bytes(64)),
    "the point at infinity": point_pem(b"\0"),
    "a compressed point": point_pem(bytes([2 + (POINT.y & 1)]) + X),
    "a hybrid point": point_pem(bytes([6 + (POINT.y & 1)]) + X + Y),
    "coordinates above p": point_pem(b"\4" + b"\xff" * 64),
    "P-384": public_pem_of(ec.generate_private_key(ec.SECP384R1()).public_key()),
    "secp256k1": public_pem_of(ec.generate_private_key(ec.SECP256K1()).public_key()),
    "Ed25519": public_pem_of(ed25519.Ed25519PrivateKey.generate().public_key()),
    "RSA": public_pem_of(rsa.generate_private_key(65537, 2048).public_key()),
    "a private key": signing_keys.private_pem(PRIVATE),
    "a certificate": pem("CERTIFICATE", b"0\0"),
    "two keys": public_pem_of(PRIVATE.public_key()) * 2,
    "text before the key": b"key of ACME\n" + public_pem_of(PRIVATE.public_key()),
    "octets after the key": point_pem(b"\4" + X + Y + b"\0"),
    "damaged base64": b"-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n",
    "nothing": b"",
}


@pytest.mark.fault("S-34")
@pytest.mark.parametrize("name", BAD_PUBLIC_KEYS)
def test_a_public_key_that_is_not_an_uncompressed_point_of_p256_is_refused(name: str, tmp_path: Path) -> None:
    octets = BAD_PUBLIC_KEYS[name]
    image = Image.from_bytes(
        dfw.build(
            b"payload",
            image_identifier=b"MCS301",
            part=1,
            meter_type="MCS301",
            firmware_version=Version(2, 0, 0),
            key=PRIVATE,
        )
    )
    file = tmp_path / "vendor.pem"
    file.write_bytes(octets)
    for source in (octets, file):
        with pytest.raises(ConfigurationError) as caught:
            image.verify([source])
        assert caught.value.code == "configuration.key"


def test_a_private_key_in_the_place_of_a_public_one_is_called_so() -> None:
    with pytest.raises(ConfigurationError, match="holds a private key"):
        signing_keys.load_public_key(signing_keys.private_pem(PRIVATE))


@pytest.mark.fault("S-34")
def test_the_encoding_that_the_bad_keys_deviate_from_is_good() -> None:
    assert signing_keys.load_public_key(point_pem(b"\4" + X + Y)).public_numbers() == POINT


@posix
@pytest.mark.fault("K-06")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_private_key_file_is_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    private, public = tmp_path / "vendor.key", tmp_path / "vendor.pem"
    before = os.umask(mask)
    try:
        signing_keys.write_pair(PRIVATE, private, public)
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    loaded = signing_keys.load_private_key(private)
    assert loaded.private_numbers() == PRIVATE.private_numbers()
    assert signing_keys.load_public_key(public) == PRIVATE.public_key()


@posix
@pytest.mark.fault("K-06")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666])
def test_a_private_key_that_others_may_touch_is_not_used(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "vendor.key"
    file.write_bytes(signing_keys.private_pem(PRIVATE))
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"{mode:04o}") as caught:
        signing_keys.load_private_key(file)
    assert caught.value.hint == f"chmod 600 {file}"
    file.chmod(0o400)
    signing_keys.load_private_key(file)


def test_a_key_file_is_never_overwritten_nor_half_made(tmp_path: Path) -> None:
    private, public = tmp_path / "vendor.key", tmp_path / "vendor.pem"
    public.write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match=r"vendor\.pem exists"):
        signing_keys.write_pair(PRIVATE, private, public)
    assert not private.exists()
    assert public.read_bytes() == b"mine"
    with pytest.raises(ConfigurationError):
        signing_keys.write_pair(PRIVATE, private, tmp_path / "no" / "such" / "folder.pem")
    assert not private.exists()
    with pytest.raises(ConfigurationError):
        signing_keys.write_pair(PRIVATE, private, private)
    assert not private.exists()


def private_pem_of(key: object, form: serialization.PrivateFormat, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


BAD_PRIVATE_KEYS = {
    "SEC 1": private_pem_of(PRIVATE, serialization.PrivateFormat.TraditionalOpenSSL),
    "encrypted": private_pem_of(PRIVATE, serialization.PrivateFormat.PKCS8, b"secret"),
    "P-384": private_pem_of(ec.generate_private_key(ec.SECP384R1()), serialization.PrivateFormat.PKCS8),
    "Ed25519": private_pem_of(ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.PKCS8),
    "a public key": public_pem_of(PRIVATE.public_key()),
    "garbage": pem("PRIVATE KEY", b"garbage"),
}


@pytest.mark.fault("K-06")
@pytest.mark.parametrize("name", BAD_PRIVATE_KEYS)
def test_a_private_key_of_another_kind_is_refused_without_quoting_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / "vendor.key"
    file.write_bytes(BAD_PRIVATE_KEYS[name])
    file.chmod(0o600)
    with pytest.raises(ConfigurationError) as caught:
        signing_keys.load_private_key(file)
    secret = PRIVATE.private_numbers().private_value
    assert f"{secret:x}" not in str(caught.value)
    assert caught.value.__cause__ is None
