"""Certificates of digital signature keys, as AARQ and AARE carry them in an AE-qualifier (X.509 v3 in DER).

A certificate from the line says nothing by itself: its key is used only where a trust anchor of ours has
signed it, it is of the peer's system title, of today, and made for signatures. No file is opened here.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dlms_fw._core import PrivateKey, PublicKey
from dlms_fw.errors import AuthenticationError, ConfigurationError, SecurityError

LARGEST_CERTIFICATE = 4096
"""Octets; one of an elliptic curve has some 500."""


_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*?)-----END \1-----")


def private_key_in(text: str) -> PrivateKey:
    """The key in a PEM text (PKCS #8, not encrypted). Raises ValueError, which shows nothing of it."""
    try:
        (der,) = _blocks(text, "PRIVATE KEY")
        return PrivateKey.from_pkcs8(der)
    except (ValueError, SecurityError):
        raise ValueError("what it refers to is not one private key in PEM (PKCS #8, not encrypted)") from None


def public_key_in(text: str) -> PublicKey:
    """The key in a PEM text, or x and y as hex digits. Raises ValueError."""
    try:
        if "-----BEGIN" in text:
            (der,) = _blocks(text, "PUBLIC KEY")
            return PublicKey.from_spki(der)
        octets = bytes.fromhex(text)
        return PublicKey({64: "P-256", 96: "P-384"}[len(octets)], octets)
    except (ValueError, KeyError, SecurityError):
        raise ValueError(
            "what it refers to is not one public key on P-256 or P-384 in PEM or as hex digits"
        ) from None


def certificates_in(text: str) -> tuple[bytes, ...]:
    """The certificates in a PEM text, as DER. Raises ValueError where there is none."""
    certificates = tuple(_blocks(text, "CERTIFICATE"))
    if not certificates:
        raise ValueError("what it refers to holds no certificate in PEM")
    return certificates


def _blocks(text: str, label: str) -> list[bytes]:
    try:
        return [b64decode(body, validate=False) for name, body in _PEM.findall(text) if name == label]
    except binascii.Error:
        raise ValueError("this is not PEM") from None


def check_anchor(anchor: bytes) -> None:
    """Raises ConfigurationError where this is no certificate in DER that may sign others."""
    try:
        certificate = x509.load_der_x509_certificate(anchor)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise ConfigurationError(f"a trust anchor is no certificate of an authority: {error}") from None
    if not constraints.ca:
        raise ConfigurationError("a trust anchor is the certificate of something that is no authority")


def signing_key_of(
    octets: bytes, *, anchors: Iterable[bytes], system_title: bytes, now: datetime
) -> PublicKey:
    """The digital signature key of the peer, out of a certificate that one of ``anchors`` has signed.

    Raises:
        AuthenticationError: of kind ``certificate``, with the reason.
    """
    if len(octets) > LARGEST_CERTIFICATE:
        raise _refused(f"it has {len(octets)} octets")
    try:
        certificate = x509.load_der_x509_certificate(octets)
        _check_signed(certificate, anchors)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise _refused("it is not valid today")
        _check_usage(certificate)
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        if [str(name.value).upper() for name in names] != [system_title.hex().upper()]:
            raise _refused("its common name is not the peer's system title")
        point = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return PublicKey.from_spki(point)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise _refused("it cannot be read") from None
    except SecurityError as error:
        if error.kind == "certificate":
            raise
        raise _refused("its key is not on P-256 or P-384") from None


def _check_signed(certificate: x509.Certificate, anchors: Iterable[bytes]) -> None:
    for anchor in anchors:
        try:
            certificate.verify_directly_issued_by(x509.load_der_x509_certificate(anchor))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return
    raise _refused("none of our trust anchors has signed it")


def _check_usage(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise _refused("it does not say what its key is for") from None
    if not usage.digital_signature:
        raise _refused("its key is not for signatures")


def _refused(reason: str) -> AuthenticationError:
    return AuthenticationError(f"the peer's certificate is refused: {reason}", kind="certificate")
