"""Certificates of meters and clients (X.509 v3 on P-256 and P-384): read, check and request.

A certificate belongs to a system title: its subject has the 16 hex digits of it as common name, and its key
is for digital signature or for key agreement, never for both. Chains are checked against trust anchors that
the caller names; time is an argument. Issuing them, on a test bench, is in ``certificate_authority.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from dlms_fw._core import PrivateKey, PublicKey
from dlms_fw.elliptic_keys import CURVE_NAMES, EllipticPrivateKey, private_der
from dlms_fw.enums import CertificateEntity, CertificateType
from dlms_fw.errors import AuthenticationError, ConfigurationError, SecurityError
from dlms_fw.security import AsymmetricKeys

CERTIFICATE_LIMIT: Final = 4096
"""Octets of the largest certificate that is read."""
CHAIN_LIMIT: Final = 4
"""Certificates between a device and its trust anchor, at most."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_USES: Final = {
    CertificateType.DIGITAL_SIGNATURE: "signatures",
    CertificateType.KEY_AGREEMENT: "key agreement",
    CertificateType.TLS: "TLS",
    CertificateType.OTHER: "anything else",
}
_TITLE = re.compile(r"[0-9A-Fa-f]{16}")
HASHES: Final[dict[str, hashes.SHA256 | hashes.SHA384]] = {"P-256": hashes.SHA256(), "P-384": hashes.SHA384()}


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate as Security setup (class_id 64) sees it.

    Attributes:
        der: The whole of it.
        curve: Of its key: "P-256" or "P-384".
        public_key: Its key.
        system_title: The 8 octets in its common name, or ``None`` where that is something else.
        certificate_type: What its key is for.
        is_authority: Whether it may issue others.
        serial_number: The contents octets of its serial number in DER.
        issuer: The issuer's name in DER.
        subject: The subject's name in DER.
        subject_alt_name: The extension's value in DER, or nothing.
    """

    der: bytes
    curve: str
    public_key: PublicKey
    system_title: bytes | None
    certificate_type: CertificateType
    is_authority: bool
    serial_number: bytes
    issuer: bytes
    subject: bytes
    subject_alt_name: bytes

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """Reads a certificate; nothing of it is verified but its form.

        Raises:
            SecurityError: of kind ``certificate``: no X.509 v3 certificate, too long, or on another curve.
        """
        parsed = parsed_certificate(der)
        try:  # names and extensions are read only now, and may be damaged
            return cls._of(parsed, bytes(der))
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
            raise refused("it cannot be read") from error

    @classmethod
    def _of(cls, parsed: x509.Certificate, der: bytes) -> Certificate:
        public = parsed.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name not in CURVE_NAMES:
            raise refused("its key is not on P-256 or P-384")
        usage = _extension(parsed, x509.KeyUsage)
        constraints = _extension(parsed, x509.BasicConstraints)
        names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        common_name = str(names[0].value) if len(names) == 1 else ""
        alternative = _extension(parsed, x509.SubjectAlternativeName)
        number = parsed.serial_number
        return cls(
            der=der,
            curve=CURVE_NAMES[public.curve.name],
            public_key=PublicKey.from_spki(
                public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ),
            system_title=bytes.fromhex(common_name) if _TITLE.fullmatch(common_name) else None,
            certificate_type=_type_of(usage),
            is_authority=bool(constraints and constraints.ca),
            serial_number=number.to_bytes(number.bit_length() // 8 + 1),
            issuer=parsed.issuer.public_bytes(),
            subject=parsed.subject.public_bytes(),
            subject_alt_name=alternative.public_bytes() if alternative else b"",
        )

    @classmethod
    def from_pem(cls, pem: bytes) -> Certificate:
        """Reads a PEM file with one certificate. Raises as :meth:`from_der`."""
        try:
            return cls.from_der(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
        except ValueError as error:
            raise refused("it is no certificate in PEM") from error

    def to_pem(self) -> bytes:
        """The certificate as a PEM file."""
        return parsed_certificate(self.der).public_bytes(Encoding.PEM)

    def entity(self, server_system_title: bytes) -> CertificateEntity:
        """Whose it is, as the server with that system title sees it."""
        if self.is_authority:
            return CertificateEntity.CERTIFICATION_AUTHORITY
        if self.system_title is None:
            return CertificateEntity.OTHER
        mine = self.system_title == server_system_title
        return CertificateEntity.SERVER if mine else CertificateEntity.CLIENT

    def verify(self, anchors: Iterable[Certificate], between: Iterable[Certificate], at: datetime) -> None:
        """Checks the chain to a trust anchor: names, signatures, validity, and who may issue.

        Args:
            anchors: The trust anchors. One of them verifies itself.
            between: Certificates of other authorities that may stand between.
            at: The time at which all of it must be valid, aware.

        Raises:
            SecurityError: of kind ``certificate``, with the reason.
        """
        trusted = list(anchors)
        others = [certificate for certificate in between if certificate.is_authority]
        current = self
        for _ in range(CHAIN_LIMIT + 1):
            _check_valid(current, at)
            if any(current.der == anchor.der for anchor in trusted):
                return
            for anchor in trusted:
                if _issued(current, anchor):
                    _check_valid(anchor, at)
                    return
            issuers = [other for other in others if other.der != current.der and _issued(current, other)]
            if not issuers:
                raise refused("no chain leads from it to one of our trust anchors")
            current = issuers[0]
        raise refused(f"its chain has more than {CHAIN_LIMIT} certificates")

    def check_device(
        self, system_title: bytes | None, curve: str | None, certificate_type: CertificateType | None = None
    ) -> None:
        """Checks that it is a device's: its title, its curve, and what its key is for; ``None`` does not ask.

        Raises:
            SecurityError: of kind ``certificate``.
        """
        if self.is_authority or self.system_title is None:
            raise refused("its common name is no system title")
        if system_title is not None and self.system_title != system_title:
            raise refused("its common name is not the peer's system title")
        if curve is not None and self.curve != curve:
            raise refused(f"its key is on {self.curve}, but the security suite is on {curve}")
        if certificate_type is not None and self.certificate_type != certificate_type:
            if self.certificate_type == CertificateType.OTHER:
                raise refused("it does not say what its key is for")
            raise refused(f"its key is not for {_USES[certificate_type]}")


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A certificate signing request, PKCS #10, that its own key has signed."""

    system_title: bytes
    public_key: PublicKey

    @classmethod
    def from_der(cls, der: bytes) -> CertificateRequest:
        """Raises SecurityError of kind ``certificate``."""
        if len(der) > CERTIFICATE_LIMIT:
            raise refused("the request is too long")
        try:
            request = x509.load_der_x509_csr(der)
            public = request.public_key()
            signed = request.is_signature_valid
            names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise refused("it is no certificate signing request") from error
        if not signed or not isinstance(public, ec.EllipticCurvePublicKey):
            raise refused("the request is not signed by its own key")
        common_name = str(names[0].value) if len(names) == 1 else ""
        if not _TITLE.fullmatch(common_name):
            raise refused("the request's common name is no system title")
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(bytes.fromhex(common_name), PublicKey.from_spki(spki))


def signing_key_of(
    octets: bytes, *, anchors: Iterable[bytes], system_title: bytes, now: datetime
) -> PublicKey:
    """The digital signature key of the peer, out of a certificate in DER that one of ``anchors`` has signed.

    Raises:
        AuthenticationError: of kind ``certificate``, with the reason.
    """
    try:
        certificate = Certificate.from_der(octets)
        certificate.verify(map(Certificate.from_der, anchors), (), now)
        certificate.check_device(system_title, None, CertificateType.DIGITAL_SIGNATURE)
    except SecurityError as error:
        raise AuthenticationError(str(error), kind="certificate") from error
    return certificate.public_key


def check_anchor(anchor: bytes) -> None:
    """Raises ConfigurationError where this is no certificate in DER that may sign others."""
    try:
        is_authority = Certificate.from_der(anchor).is_authority
    except SecurityError as error:
        raise ConfigurationError(f"trust_anchors: {error}") from error
    if not is_authority:
        raise ConfigurationError(
            "trust_anchors: one of them is the certificate of something that is no authority"
        )


def certificates_in(text: str) -> tuple[bytes, ...]:
    """The certificates in a PEM text, as DER. Raises ValueError where there is none."""
    try:
        parsed = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValueError("what it refers to holds no certificate in PEM") from None
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in parsed)


def asymmetric_keys(
    own: Iterable[tuple[CertificateType, EllipticPrivateKey]],
    peer_certificates: Iterable[Certificate],
    *,
    peer_system_title: bytes,
    anchors: Iterable[Certificate],
    at: datetime,
) -> AsymmetricKeys:
    """Our private keys, and the public keys of a peer from certificates that are verified here.

    Args:
        own: Our keys with what each is for.
        peer_certificates: Those of the peer, and of authorities between it and the trust anchors.
        peer_system_title: Whose they must be.
        anchors: The trust anchors.
        at: Now, aware.

    Raises:
        SecurityError: of kind ``certificate``: one is somebody else's, not trusted, or not valid.
    """
    trusted, given = list(anchors), list(peer_certificates)
    peers: dict[CertificateType, PublicKey] = {}
    for certificate in given:
        certificate.verify(trusted, given, at)
        if not certificate.is_authority:
            certificate.check_device(peer_system_title, None)
            peers[certificate.certificate_type] = certificate.public_key
    ours = {kind: PrivateKey.from_pkcs8(private_der(key)) for kind, key in own}
    return AsymmetricKeys(
        signing_key=ours.get(CertificateType.DIGITAL_SIGNATURE),
        key_agreement_key=ours.get(CertificateType.KEY_AGREEMENT),
        peer_signing_key=peers.get(CertificateType.DIGITAL_SIGNATURE),
        peer_key_agreement_key=peers.get(CertificateType.KEY_AGREEMENT),
    )


def certificate_request(key: EllipticPrivateKey, system_title: bytes) -> bytes:
    """A certificate signing request for a key, PKCS #10 in DER, with the system title as common name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(device_name(system_title))
    return builder.sign(key, HASHES[CURVE_NAMES[key.curve.name]]).public_bytes(Encoding.DER)


def device_name(system_title: bytes) -> x509.Name:
    """The subject of a device: its system title as 16 hex digits. Raises ValueError for another length."""
    if len(system_title) != 8:
        raise ValueError("a system title has 8 octets")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, system_title.hex().upper())])


def find(
    certificates: Sequence[Certificate], system_title: bytes, certificate_type: CertificateType
) -> Certificate | None:
    """The newest certificate of a device for one use: the last that was put in."""
    for certificate in reversed(certificates):
        if certificate.system_title == system_title and certificate.certificate_type == certificate_type:
            return certificate
    return None


def parsed_certificate(der: bytes) -> x509.Certificate:
    """The certificate as the cryptography package has it. Raises SecurityError."""
    if len(der) > CERTIFICATE_LIMIT:
        raise refused(f"it has {len(der)} octets")
    try:
        certificate = x509.load_der_x509_certificate(bytes(der))
        version = certificate.version
    except (ValueError, x509.InvalidVersion) as error:
        raise refused("it cannot be read") from error
    if version is not x509.Version.v3:
        raise refused("it is no certificate of version 3")
    return certificate


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _type_of(usage: x509.KeyUsage | None) -> CertificateType:
    if usage is None:
        return CertificateType.OTHER
    match usage.digital_signature, usage.key_agreement:
        case True, False:
            return CertificateType.DIGITAL_SIGNATURE
        case False, True:
            return CertificateType.KEY_AGREEMENT
        case True, True:
            return CertificateType.TLS
    return CertificateType.OTHER


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    if not issuer.is_authority or certificate.issuer != issuer.subject:
        return False
    parsed = parsed_certificate(issuer.der)
    usage = _extension(parsed, x509.KeyUsage)
    constraints = _extension(parsed, x509.BasicConstraints)
    if usage is not None and not usage.key_cert_sign:
        return False
    if certificate.is_authority and constraints is not None and constraints.path_length == 0:
        return False
    try:
        parsed_certificate(certificate.der).verify_directly_issued_by(parsed)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_valid(certificate: Certificate, at: datetime) -> None:
    parsed = parsed_certificate(certificate.der)
    if not parsed.not_valid_before_utc <= at <= parsed.not_valid_after_utc:
        raise refused("it is not valid today")


def refused(why: str) -> SecurityError:
    """The error of a certificate that is not taken."""
    return SecurityError(f"the certificate is refused: {why}", kind="certificate")
