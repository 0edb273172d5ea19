"""Keys on elliptic curves (P-256 and P-384) of meters and clients: made, written and read as files and texts.

The keys that sign images are another matter, and in ``signing_keys.py``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from dlms_fw._core import PrivateKey, PublicKey
from dlms_fw.errors import ConfigurationError, SecurityError

EllipticPrivateKey: TypeAlias = ec.EllipticCurvePrivateKey
CURVES: Final[dict[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
CURVE_NAMES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}


def generate_key(curve: str) -> EllipticPrivateKey:
    """A new key on "P-256" or "P-384", from the randomness of the operating system."""
    return ec.generate_private_key(CURVES[curve])


def load_private_key(pem: bytes) -> EllipticPrivateKey:
    """A private key from an unencrypted PKCS #8 PEM file. Raises ConfigurationError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError("it is no unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in CURVE_NAMES:
        raise ConfigurationError("the private key is neither on P-256 nor on P-384")
    return key


def private_pem(key: EllipticPrivateKey) -> bytes:
    """A private key as an unencrypted PKCS #8 PEM file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def private_der(key: EllipticPrivateKey) -> bytes:
    """A private key as PKCS #8 in DER, as :class:`dlms_fw.PrivateKey` takes it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def key_from_scalar(curve: str, scalar: bytes) -> EllipticPrivateKey:
    """The private key with this scalar, big-endian. Raises ValueError where it is none of the curve."""
    return ec.derive_private_key(int.from_bytes(scalar), CURVES[curve])


def scalar_of(key: EllipticPrivateKey) -> bytes:
    """The scalar of a private key, 32 or 48 octets: a secret."""
    return key.private_numbers().private_value.to_bytes(key.curve.key_size // 8)


def private_key_in(text: str) -> PrivateKey:
    """The key in a PEM text (PKCS #8, not encrypted). Raises ValueError, which shows nothing of it."""
    try:
        return PrivateKey.from_pkcs8(private_der(load_private_key(text.encode())))
    except (ConfigurationError, SecurityError):
        raise ValueError("what it refers to is not one private key in PEM (PKCS #8, not encrypted)") from None


def public_key_in(text: str) -> PublicKey:
    """The key in a PEM text, or x and y as hex digits. Raises ValueError."""
    try:
        if "-----BEGIN" not in text:
            octets = bytes.fromhex(text)
            return PublicKey({64: "P-256", 96: "P-384"}[len(octets)], octets)
        key = load_pem_public_key(text.encode())
        return PublicKey.from_spki(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (ValueError, KeyError, UnsupportedAlgorithm, SecurityError):
        raise ValueError(
            "what it refers to is not one public key on P-256 or P-384 in PEM or as hex digits"
        ) from None
