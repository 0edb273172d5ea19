"""The enumerations of protection, keys and certificates, with their codes."""

from __future__ import annotations

from enum import IntEnum, IntFlag

# --- Security (Green Book, security; Blue Book, Security setup) -----------------------------------


class SecurityControl(IntFlag):
    """The security control octet; its low nibble, beside these flags, is the security suite id."""

    AUTHENTICATED = 0x10
    ENCRYPTED = 0x20
    BROADCAST_KEY = 0x40
    COMPRESSED = 0x80


class SecuritySuite(IntEnum):
    """Algorithms and key sizes: 0 without, 1 and 2 with public keys."""

    AES_GCM_128 = 0
    ECDH_ECDSA_AES_GCM_128_SHA_256 = 1
    ECDH_ECDSA_AES_GCM_256_SHA_384 = 2


class SecurityPolicyV0(IntEnum):
    """``security_policy`` of Security setup version 0: one level for requests and responses."""

    NOTHING = 0
    ALL_MESSAGES_AUTHENTICATED = 1
    ALL_MESSAGES_ENCRYPTED = 2
    ALL_MESSAGES_AUTHENTICATED_AND_ENCRYPTED = 3


class SecurityPolicyV1(IntFlag):
    """``security_policy`` of Security setup version 1: an enum whose bits are set for each direction."""

    NOTHING = 0x00
    AUTHENTICATED_REQUEST = 0x04
    ENCRYPTED_REQUEST = 0x08
    DIGITALLY_SIGNED_REQUEST = 0x10
    AUTHENTICATED_RESPONSE = 0x20
    ENCRYPTED_RESPONSE = 0x40
    DIGITALLY_SIGNED_RESPONSE = 0x80


class KeyId(IntEnum):
    """Which symmetric key a key transfer or key agreement replaces."""

    GLOBAL_UNICAST_ENCRYPTION_KEY = 0
    GLOBAL_BROADCAST_ENCRYPTION_KEY = 1
    AUTHENTICATION_KEY = 2
    MASTER_KEY = 3


class CertificateEntity(IntEnum):
    """Whose certificate it is."""

    SERVER = 0
    CLIENT = 1
    CERTIFICATION_AUTHORITY = 2
    OTHER = 3


class CertificateType(IntEnum):
    """What the key in a certificate is for."""

    DIGITAL_SIGNATURE = 0
    KEY_AGREEMENT = 1
    TLS = 2
    OTHER = 3


class CertificateIdentificationType(IntEnum):
    """How a certificate is named: by its entity, or by serial number and issuer."""

    CERTIFICATE_IDENTIFICATION_ENTITY = 0
    CERTIFICATE_IDENTIFICATION_SERIAL = 1
