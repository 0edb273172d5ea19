"""Security setup in a meter, versions 0 and 1: what protects its clients, and how keys are replaced.

The objects only speak; keys and certificates are kept elsewhere.
"""

from __future__ import annotations

from typing import Final, Protocol

from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateInfo,
    KeyAgreementData,
    KeyTransferData,
    SecuritySetup,
    SecuritySetupV0,
)
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, CertificateType, SecurityPolicyV0, SecurityPolicyV1, SecuritySuite
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.key_pairs import KeyPairs
from dlms_fw.meter.symmetric_keys import SymmetricKeys

_AUTHENTICATED: Final = SecurityPolicyV1.AUTHENTICATED_REQUEST | SecurityPolicyV1.AUTHENTICATED_RESPONSE
_ENCRYPTED: Final = SecurityPolicyV1.ENCRYPTED_REQUEST | SecurityPolicyV1.ENCRYPTED_RESPONSE
_LEVELS: Final = {
    SecurityPolicyV0.NOTHING: SecurityPolicyV1.NOTHING,
    SecurityPolicyV0.ALL_MESSAGES_AUTHENTICATED: _AUTHENTICATED,
    SecurityPolicyV0.ALL_MESSAGES_ENCRYPTED: _ENCRYPTED,
    SecurityPolicyV0.ALL_MESSAGES_AUTHENTICATED_AND_ENCRYPTED: _AUTHENTICATED | _ENCRYPTED,
}


class SetupUnits(Protocol):
    """What a security setup needs of the meter."""

    @property
    def symmetric_keys(self) -> SymmetricKeys:
        """Policies and symmetric keys."""

    @property
    def key_pairs(self) -> KeyPairs:
        """Key pairs and certificates."""


class _SecurityRows:
    """The rows of both versions."""

    def __init__(
        self,
        instance_id: LogicalNameLike,
        units: SetupUnits,
        setup: int,
        *,
        server_system_title: bytes,
        client_system_title: bytes | None,
    ) -> None:
        super().__init__(instance_id)  # type: ignore[call-arg]  # of ServerObject, which stands behind it
        self._keys = units.symmetric_keys
        self._pairs = units.key_pairs
        self._setup = setup
        self._server_system_title = server_system_title
        self._client_system_title = client_system_title

    @property
    def security_suite(self) -> SecuritySuite:
        """The suite of the keys."""
        return self._keys.suite

    @property
    def client_system_title(self) -> bytes:
        """That of the client that asks; nothing where it has not said it."""
        return self._client_system_title or b""

    @property
    def server_system_title(self) -> bytes:
        """The meter's own."""
        return self._server_system_title

    def _activate(self, policy: SecurityPolicyV1) -> None:
        can_sign = self._pairs.private_key(CertificateType.DIGITAL_SIGNATURE) is not None
        self._keys.activate(self._setup, policy, can_sign=can_sign)


class SecuritySetupObjectV0(_SecurityRows, ServerObject, interface=SecuritySetupV0):
    """Version 0."""

    @property
    def security_policy(self) -> SecurityPolicyV0:
        """The strongest level that the policy reaches in both directions."""
        policy = self._keys.policy(self._setup)
        reached = [level for level, bits in _LEVELS.items() if policy & bits == bits]
        return max(reached)

    def security_activate(self, security_policy: SecurityPolicyV0) -> None:
        """Strengthens the policy."""
        bits = _LEVELS.get(security_policy)
        if bits is None:
            raise CosemFault(ActionResult.TYPE_UNMATCHED)
        self._activate(bits)

    def global_key_transfer(self, data: list[KeyTransferData]) -> None:
        """Replaces keys that are wrapped under the master key."""
        self._keys.transfer(self._setup, data)


class SecuritySetupObject(_SecurityRows, ServerObject, interface=SecuritySetup):
    """Version 1."""

    @property
    def security_policy(self) -> SecurityPolicyV1:
        """What every request and response must have."""
        return self._keys.policy(self._setup)

    @property
    def certificates(self) -> list[CertificateInfo]:
        """Trust anchors, and what has been imported."""
        return self._pairs.certificates

    def security_activate(self, security_policy: SecurityPolicyV1) -> None:
        """Strengthens the policy."""
        self._activate(security_policy)

    def key_transfer(self, data: list[KeyTransferData]) -> None:
        """Replaces keys that are wrapped under the master key."""
        self._keys.transfer(self._setup, data)

    def key_agreement(self, data: list[KeyAgreementData]) -> list[KeyAgreementData]:
        """Replaces keys by such that both sides derive."""
        new, answers = self._pairs.agree(data, self._client_system_title)
        self._keys.install(self._setup, new)
        return answers

    def generate_key_pair(self, certificate_type: CertificateType) -> None:
        """Makes a key pair, which waits for its certificate."""
        self._pairs.generate(certificate_type)

    def generate_certificate_request(self, certificate_type: CertificateType) -> bytes:
        """The request for that certificate."""
        return self._pairs.request(certificate_type)

    def import_certificate(self, data: bytes) -> None:
        """Takes a certificate of an authority, of a client or of the meter itself."""
        self._pairs.import_certificate(data)

    def export_certificate(self, certificate_identification: CertificateIdentification) -> bytes:
        """Gives a certificate."""
        return self._pairs.export_certificate(certificate_identification)

    def remove_certificate(self, certificate_identification: CertificateIdentification) -> None:
        """Takes a certificate away."""
        self._pairs.remove_certificate(certificate_identification)


SECURITY_SETUP_VERSIONS: Final = (SecuritySetupObjectV0, SecuritySetupObject)
"""The implementations by version."""
