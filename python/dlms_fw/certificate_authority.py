"""An authority that issues certificates for meters and clients of a test bench.

It keeps no list of what it has issued and revokes nothing: real meters get theirs from a real authority.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from dlms_fw._core import PublicKey
from dlms_fw.certificates import (
    CHAIN_LIMIT,
    HASHES,
    Certificate,
    CertificateRequest,
    device_name,
    parsed_certificate,
    refused,
)
from dlms_fw.elliptic_keys import (
    CURVE_NAMES,
    CURVES,
    EllipticPrivateKey,
    generate_key,
    load_private_key,
    private_pem,
)
from dlms_fw.enums import CertificateType
from dlms_fw.errors import ConfigurationError

_BACKDATED: Final = timedelta(hours=1)
"""A certificate is valid from a little before it is made: clocks differ."""


class CertificateAuthority:
    """An authority for a test bench: it issues certificates for system titles, and that is all.

    Its key is a file or an object of the caller's; what it issues is the caller's to keep.
    """

    def __init__(self, key: EllipticPrivateKey, certificate: Certificate) -> None:
        """Raises ConfigurationError where the key is not that of the certificate."""
        if bytes(certificate.public_key) != _point(key.public_key()) or not certificate.is_authority:
            raise ConfigurationError("the key and the certificate of the authority do not belong together")
        self._key = key
        self.certificate = certificate

    @classmethod
    def create(
        cls, name: str, curve: str = "P-256", *, at: datetime, valid: timedelta = timedelta(days=3650)
    ) -> CertificateAuthority:
        """A new authority with a new key, trusted by whoever trusts its certificate."""
        key = generate_key(curve)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), at, valid)
        return cls(key, _signed(_as_authority(builder, CHAIN_LIMIT), key))

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> CertificateAuthority:
        """An authority from two PEM files. Raises ConfigurationError, SecurityError."""
        return cls(load_private_key(key), Certificate.from_pem(certificate))

    def private_pem(self) -> bytes:
        """Its key as an unencrypted PKCS #8 PEM file: keep it as you keep keys."""
        return private_pem(self._key)

    def issue_authority(
        self, name: str, *, at: datetime, valid: timedelta = timedelta(days=3650)
    ) -> CertificateAuthority:
        """An authority beneath this one, on the same curve."""
        key = generate_key(self.certificate.curve)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, key.public_key(), at, valid)
        return CertificateAuthority(key, _signed(_as_authority(builder, 0), self._key))

    def issue(
        self,
        public_key: PublicKey | ec.EllipticCurvePublicKey,
        system_title: bytes,
        certificate_type: CertificateType,
        *,
        at: datetime,
        valid: timedelta = timedelta(days=365),
    ) -> Certificate:
        """A certificate for the key of a meter or a client."""
        public = public_key if isinstance(public_key, ec.EllipticCurvePublicKey) else _elliptic(public_key)
        builder = _builder(device_name(system_title), self._name, public, at, valid)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return _signed(builder.add_extension(_usage(certificate_type), critical=True), self._key)

    def issue_requested(
        self,
        request: bytes,
        certificate_type: CertificateType,
        *,
        system_title: bytes | None = None,
        at: datetime,
        valid: timedelta = timedelta(days=365),
    ) -> Certificate:
        """A certificate for what a meter has requested, PKCS #10 in DER.

        Args:
            request: What generate_certificate_request gave.
            certificate_type: What the key is for; the request does not say.
            system_title: Whose request it must be.
            at: Now, aware.
            valid: How long.

        Raises:
            SecurityError: of kind ``certificate``: no request, not signed by its key, or for another title.
        """
        found = CertificateRequest.from_der(request)
        if system_title is not None and found.system_title != system_title:
            raise refused("the request is for the system title of somebody else")
        return self.issue(found.public_key, found.system_title, certificate_type, at=at, valid=valid)

    @property
    def _name(self) -> x509.Name:
        return parsed_certificate(self.certificate.der).subject


def _usage(certificate_type: CertificateType, *, authority: bool = False) -> x509.KeyUsage:
    tls = certificate_type == CertificateType.TLS
    return x509.KeyUsage(
        digital_signature=not authority and (tls or certificate_type == CertificateType.DIGITAL_SIGNATURE),
        key_agreement=not authority and (tls or certificate_type == CertificateType.KEY_AGREEMENT),
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, at: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(at + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _as_authority(builder: x509.CertificateBuilder, below: int) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=below)
    usage = _usage(CertificateType.OTHER, authority=True)
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def _signed(builder: x509.CertificateBuilder, key: EllipticPrivateKey) -> Certificate:
    signed = builder.sign(key, HASHES[CURVE_NAMES[key.curve.name]])
    return Certificate.from_der(signed.public_bytes(Encoding.DER))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def _elliptic(key: PublicKey) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[key.curve], b"\x04" + bytes(key))
