"""Signing keys of images, as files and objects: P-256 only, one accepted form each.

A key that cannot be used is the caller's matter, so everything here raises ConfigurationError. Meter keys
(AES) are not known here, and no private key is ever taken where a public one is due.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from dlms_fw import regular_file
from dlms_fw.errors import ConfigurationError
from dlms_fw.regular_file import StrPath

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey
TrustedKey = PublicKey | StrPath | bytes
"""A public key as an object, as the path of a PEM file, or as the octets of one."""

KEY_ID_LENGTH = 8
_FILE_LIMIT = 65_536
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]*?)-----END \1-----\s*")


def generate() -> PrivateKey:
    """A new P-256 key, from the randomness of the operating system."""
    return ec.generate_private_key(ec.SECP256R1())


def key_id(key: PublicKey) -> bytes:
    """What tells keys apart: the first 8 octets of SHA-256 over the uncompressed point 04||x||y."""
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return sha256(point).digest()[:KEY_ID_LENGTH]


def write_pair(key: PrivateKey, private: StrPath, public: StrPath) -> None:
    """Write both halves as PEM: PKCS #8 with mode 0600, and SubjectPublicKeyInfo. Neither file may exist."""
    for path in (private, public):
        if os.path.lexists(path):
            raise _refused(
                f"{os.fspath(path)} exists and is not overwritten",
                hint="name a new file, or move the old key away",
            )
    try:
        regular_file.create(private, private_pem(key), mode=0o600)
    except OSError as error:
        raise _refused(f"the private key cannot be written: {error}") from error
    try:
        regular_file.create(public, public_pem(key.public_key()), mode=0o644)
    except OSError as error:
        # A private key whose public half is nowhere is of no use, and in the way of the next attempt.
        Path(private).unlink()
        raise _refused(f"the public key cannot be written: {error}") from error


def private_pem(key: PrivateKey) -> bytes:
    """The key as an unencrypted PKCS #8 PEM file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: PublicKey) -> bytes:
    """The key as a SubjectPublicKeyInfo PEM file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_private_key(path: StrPath) -> PrivateKey:
    """The P-256 key of an unencrypted PKCS #8 PEM file that group and others have no access to."""
    name = _file_name(path)
    try:
        octets, status = regular_file.read_once(path, _FILE_LIMIT)
    except regular_file.UnreadableError as error:
        raise _refused(f"the private key cannot be read: {error}") from error
    # Windows has no such modes: there stat() makes them up.
    if os.name == "posix" and status.st_mode & 0o077:
        raise _refused(
            f"{name} has mode {status.st_mode & 0o777:04o}: a private key is for its owner alone",
            hint=f"chmod 600 {name}",
        )
    label, der = _single_pem(octets, name)
    if label != "PRIVATE KEY":
        raise _refused(
            f"{name} holds a {label}, not a PRIVATE KEY", hint="convert it: openssl pkcs8 -topk8 -nocrypt"
        )
    try:
        key = load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # From None: what a key parser complains about may quote the key.
        raise _refused(f"{name} does not hold a usable private key") from None
    if not isinstance(key, PrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refused(f"{name} does not hold a key on the curve P-256")
    return key


def load_public_key(source: TrustedKey) -> PublicKey:
    """A P-256 public key from an object, a PEM file or its octets.

    Refused are other curves, points off the curve, compressed points, private keys and certificates.
    """
    if isinstance(source, PublicKey):
        if not isinstance(source.curve, ec.SECP256R1):
            raise _refused(f"the public key is on the curve {source.curve.name}, not on P-256")
        return source
    if isinstance(source, bytes):
        return _public_key_from_pem(source, "the public key")
    # Reached by callers without a type checker, and by a private key in the wrong place.
    if not isinstance(source, str | os.PathLike):
        raise _refused(
            f"a trusted key is a P-256 public key, a path or PEM octets, not {type(source).__name__}"
        )
    name = _file_name(source)
    try:
        octets, _ = regular_file.read_once(source, _FILE_LIMIT)
    except regular_file.UnreadableError as error:
        raise _refused(f"the public key cannot be read: {error}") from error
    return _public_key_from_pem(octets, name)


def load_public_keys(trusted: Iterable[TrustedKey]) -> list[PublicKey]:
    """All of ``trusted``, see :func:`load_public_key`; one that cannot be used refuses them all."""
    if isinstance(trusted, str | bytes | os.PathLike):
        raise _refused(
            "trusted keys are given as a list", hint=f"[{trusted!r}]" if isinstance(trusted, str) else None
        )
    return [load_public_key(source) for source in trusted]


def _file_name(path: StrPath) -> str:
    name = os.fspath(path)
    if "-----BEGIN" in name:
        # Error messages name files, and nobody wants to see a key there.
        raise _refused("a key was given where the name of its file is due")
    return name


def _public_key_from_pem(octets: bytes, name: str) -> PublicKey:
    label, der = _single_pem(octets, name)
    if "PRIVATE" in label:
        raise _refused(
            f"{name} holds a private key, only a public one can be trusted",
            hint="give the public file instead, and keep the private one where images are signed",
        )
    if label != "PUBLIC KEY":
        raise _refused(
            f"{name} holds a {label}, not a PUBLIC KEY",
            hint="openssl x509 -pubkey -noout takes it out of a certificate",
        )
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused(f"{name} does not hold a valid public key") from error
    if not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refused(f"{name} does not hold a key on the curve P-256")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        raise _refused(
            f"{name} holds a compressed point or another unusual encoding; only the uncompressed one is taken"
        )
    return key


def _single_pem(octets: bytes, name: str) -> tuple[str, bytes]:
    """Label and content of the only PEM block; a second one might be another key than people see."""
    match = _PEM.fullmatch(octets.strip() + b"\n")
    if match is None:
        raise _refused(f"{name} is not exactly one PEM block")
    try:
        return match[1].decode("ascii"), base64.b64decode(b"".join(match[2].split()), validate=True)
    except ValueError:
        raise _refused(f"{name} is a damaged PEM file") from None


def _refused(message: str, *, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(message, code="configuration.key", hint=hint)
