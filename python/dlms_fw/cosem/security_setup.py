"""Security setup (class_id 64): policy, suite, titles, keys and certificates of a server.

The tables of the Blue Book; keys travel wrapped, and nothing here unwraps them.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from dlms_fw._core import Data
from dlms_fw.axdr import (
    DataType,
    any_data,
    array,
    converted,
    enumerated,
    flags,
    octet_string,
    record,
    structure,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import (
    CertificateEntity,
    CertificateIdentificationType,
    CertificateType,
    KeyId,
    SecurityPolicyV0,
    SecurityPolicyV1,
    SecuritySuite,
)

__all__ = [
    "CertificateIdentification",
    "CertificateIdentificationByEntity",
    "CertificateIdentificationBySerial",
    "CertificateInfo",
    "KeyAgreementData",
    "KeyTransferData",
    "SecuritySetup",
    "SecuritySetupV0",
]


class KeyTransferData(NamedTuple):
    """A symmetric key on its way to the server."""

    key_id: KeyId
    key_wrapped: bytes
    """Wrapped by RFC 3394 under the master key: 8 octets more than the key."""


class KeyAgreementData(NamedTuple):
    """One side of a key agreement."""

    key_id: KeyId
    key_data: bytes
    """The ephemeral public key and its signature."""


class CertificateInfo(NamedTuple):
    """A certificate that the server holds."""

    certificate_entity: CertificateEntity
    certificate_type: CertificateType
    serial_number: bytes
    issuer: bytes
    subject: bytes
    subject_alt_name: bytes


class CertificateIdentificationByEntity(NamedTuple):
    """A certificate named by what it is for and whose it is."""

    certificate_entity: CertificateEntity
    certificate_type: CertificateType
    system_title: bytes


class CertificateIdentificationBySerial(NamedTuple):
    """A certificate named by its issuer's number for it."""

    serial_number: bytes
    issuer: bytes


CertificateIdentification: TypeAlias = CertificateIdentificationByEntity | CertificateIdentificationBySerial

_by_entity = record(
    CertificateIdentificationByEntity,
    enumerated(CertificateEntity),
    enumerated(CertificateType),
    octet_string,
)
_by_serial = record(CertificateIdentificationBySerial, octet_string, octet_string)


def _identification_of(value: tuple[CertificateIdentificationType, Data]) -> CertificateIdentification:
    # Both alternatives are structures: only the code before them tells which one it is.
    match value:
        case CertificateIdentificationType.CERTIFICATE_IDENTIFICATION_ENTITY, options:
            return _by_entity.decode(options.encode())
        case CertificateIdentificationType.CERTIFICATE_IDENTIFICATION_SERIAL, options:
            return _by_serial.decode(options.encode())
    raise ValueError(f"certificate_identification_type {value[0]} is not defined")


def _structure_of(value: CertificateIdentification) -> tuple[CertificateIdentificationType, Data]:
    if isinstance(value, CertificateIdentificationByEntity):
        identification = CertificateIdentificationType.CERTIFICATE_IDENTIFICATION_ENTITY
        return identification, Data.decode(_by_entity.encode(value))
    identification = CertificateIdentificationType.CERTIFICATE_IDENTIFICATION_SERIAL
    return identification, Data.decode(_by_serial.encode(value))


_certificate_identification: DataType[CertificateIdentification] = converted(
    "certificate-identification",
    structure(enumerated(CertificateIdentificationType), any_data),
    _identification_of,
    _structure_of,
)
_key_transfer = array(record(KeyTransferData, enumerated(KeyId), octet_string))
_key_agreement = array(record(KeyAgreementData, enumerated(KeyId), octet_string))
_certificate_info = record(
    CertificateInfo,
    enumerated(CertificateEntity),
    enumerated(CertificateType),
    octet_string,
    octet_string,
    octet_string,
    octet_string,
)


class _SecurityRows(InterfaceClass, short_name_methods=0x30):
    """What both versions have in common."""

    security_suite = attribute(3, enumerated(SecuritySuite), static=True)
    client_system_title = attribute(4, octet_string)
    server_system_title = attribute(5, octet_string, static=True)


class SecuritySetupV0(_SecurityRows, class_id=64, version=0):
    """Version 0: symmetric keys, one policy for both directions."""

    security_policy = attribute(2, enumerated(SecurityPolicyV0), static=True)

    @method(1, enumerated(SecurityPolicyV0))
    def security_activate(self, security_policy: SecurityPolicyV0) -> None:
        """Strengthen the policy."""

    @method(2, _key_transfer)
    def global_key_transfer(self, data: list[KeyTransferData]) -> None:
        """Replace global keys, each wrapped under the master key."""


class SecuritySetup(_SecurityRows, class_id=64, version=1):
    """The security policy, suite, keys and certificates of a server."""

    security_policy = attribute(2, flags(SecurityPolicyV1), static=True)
    certificates = attribute(6, array(_certificate_info))

    @method(1, flags(SecurityPolicyV1))
    def security_activate(self, security_policy: SecurityPolicyV1) -> None:
        """Strengthen the policy."""

    @method(2, _key_transfer)
    def key_transfer(self, data: list[KeyTransferData]) -> None:
        """Replace symmetric keys, each wrapped under the master key."""

    @method(3, _key_agreement, returns=_key_agreement)
    def key_agreement(self, data: list[KeyAgreementData]) -> list[KeyAgreementData]:
        """Agree on symmetric keys; what comes back is the server's side."""

    @method(4, enumerated(CertificateType))
    def generate_key_pair(self, certificate_type: CertificateType) -> None:
        """Make a new asymmetric key pair in the server."""

    @method(5, enumerated(CertificateType), returns=octet_string)
    def generate_certificate_request(self, certificate_type: CertificateType) -> bytes:
        """A certificate signing request for the server's public key, PKCS #10 in DER."""

    @method(6, octet_string)
    def import_certificate(self, data: bytes) -> None:
        """Give the server a certificate, X.509 in DER."""

    @method(7, _certificate_identification, returns=octet_string)
    def export_certificate(self, certificate_identification: CertificateIdentification) -> bytes:
        """A certificate of the server, X.509 in DER."""

    @method(8, _certificate_identification)
    def remove_certificate(self, certificate_identification: CertificateIdentification) -> None:
        """Take a certificate from the server."""
