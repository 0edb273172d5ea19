"""The key pairs and certificates of a meter, and the agreement of keys that they allow (suites 1 and 2).

A new key pair waits beside the old one until a certificate for it is imported; only then it is used, so a
meter always has a pair that others trust. What is imported must chain to the trust anchors of the
configuration, which are listed with the rest and cannot be removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from dlms_fw._core import Key, PrivateKey, PublicKey, derive_key
from dlms_fw.certificates import Certificate, certificate_request, find
from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateIdentificationByEntity,
    CertificateInfo,
    KeyAgreementData,
)
from dlms_fw.cosem.server import CosemFault
from dlms_fw.elliptic_keys import generate_key, key_from_scalar, private_der, scalar_of
from dlms_fw.enums import ActionResult, CertificateEntity, CertificateType, KeyId
from dlms_fw.errors import SecurityError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.security import curve_of

MAX_CERTIFICATES: Final = 16
"""Certificates that the meter keeps beside its trust anchors."""
_REFUSED: Final = ActionResult.OTHER_REASON
_KEY_IDS: Final = frozenset(KeyId)
_PAIRED: Final = frozenset({CertificateType.DIGITAL_SIGNATURE, CertificateType.KEY_AGREEMENT})
"""Uses for which the meter has key pairs."""


class KeyPairs:
    """Key pairs and certificates of one meter.

    Args:
        memory: Where they are kept.
        config: The meter.
        now: Its clock, aware.
    """

    def __init__(self, memory: SecurityMemory, config: MeterConfig, now: Callable[[], datetime]) -> None:
        self._memory = memory
        self._now = now
        self._given = config.asymmetric_keys
        self._suite = config.security_suite
        self._curve = curve_of(config.security_suite)
        self._system_title = config.system_title
        self._older_algorithm_ids = config.older_algorithm_ids
        self._anchors = tuple(Certificate.from_der(der) for der in config.trust_anchors)
        self._certificates = tuple(Certificate.from_der(der) for der in memory.state.certificates)
        self.on_change: Callable[[], None] = lambda: None

    @property
    def certificates(self) -> list[CertificateInfo]:
        """What attribute 6 lists."""
        return [
            CertificateInfo(
                certificate.entity(self._system_title),
                certificate.certificate_type,
                certificate.serial_number,
                certificate.issuer,
                certificate.subject,
                certificate.subject_alt_name,
            )
            for certificate in self._all
        ]

    def private_key(self, kind: CertificateType) -> PrivateKey | None:
        """The meter's own key in use."""
        scalar = self._memory.state.key_pairs.get(kind)
        return None if scalar is None or self._curve is None else PrivateKey(self._curve, scalar.expose())

    def public_key(self, system_title: bytes | None, kind: CertificateType) -> PublicKey | None:
        """A client's key, from its certificate; ``None`` where that is not there or not valid now."""
        certificate = None if system_title is None else find(self._certificates, system_title, kind)
        if certificate is None or not self._is_trusted(certificate):
            return None
        return certificate.public_key

    def generate(self, kind: CertificateType) -> None:
        """Makes a new key pair, which waits for its certificate."""
        scalar = Key(scalar_of(generate_key(self._need_curve(kind))))
        self._memory.commit(new_key_pairs={**self._memory.state.new_key_pairs, kind: scalar})

    def request(self, kind: CertificateType) -> bytes:
        """The certificate signing request for the pair that waits, or for the one in use."""
        curve, state = self._need_curve(kind), self._memory.state
        scalar = state.new_key_pairs.get(kind) or state.key_pairs.get(kind)
        if scalar is None:
            raise CosemFault(_REFUSED)
        return certificate_request(key_from_scalar(curve, scalar.expose()), self._system_title)

    def import_certificate(self, der: bytes) -> None:
        """Takes a certificate, in place of an older one of the same device for the same use."""
        try:
            new = Certificate.from_der(der)
            if new.curve != self._curve:
                raise CosemFault(_REFUSED)
            if not new.is_authority:
                new.check_device(None, self._curve)
            new.verify(self._anchors, self._certificates, self._now())
        except SecurityError:
            raise CosemFault(_REFUSED) from None
        if any(new.der == known.der for known in self._all):
            return
        state = self._memory.state
        pairs, new_pairs = dict(state.key_pairs), dict(state.new_key_pairs)
        if not new.is_authority:
            if new.certificate_type not in _PAIRED:
                raise CosemFault(_REFUSED)
            if new.system_title == self._system_title:
                pairs[new.certificate_type] = self._pair_of(new)
                new_pairs.pop(new.certificate_type, None)
        kept = tuple(known for known in self._certificates if not _replaces(new, known))
        if len(kept) >= MAX_CERTIFICATES:
            raise CosemFault(_REFUSED)
        self._memory.commit(
            certificates=tuple(certificate.der for certificate in (*kept, new)),
            key_pairs=pairs,
            new_key_pairs=new_pairs,
        )
        self._certificates = (*kept, new)
        self.on_change()

    def export_certificate(self, identification: CertificateIdentification) -> bytes:
        """A certificate in DER."""
        return self._identified(identification).der

    def remove_certificate(self, identification: CertificateIdentification) -> None:
        """Takes a certificate away; the key pair of the meter stays, for another certificate."""
        certificate = self._identified(identification)
        if certificate in self._anchors:
            raise CosemFault(ActionResult.READ_WRITE_DENIED)
        kept = tuple(known for known in self._certificates if known is not certificate)
        self._memory.commit(certificates=tuple(known.der for known in kept))
        self._certificates = kept
        self.on_change()

    def agree(
        self, items: Sequence[KeyAgreementData], client_system_title: bytes | None
    ) -> tuple[dict[KeyId, Key], list[KeyAgreementData]]:
        """The keys agreed with a client, C(2e, 0s), and the meter's side of each.

        Raises CosemFault unless every item is signed by the client's key: the certified one, or else the one
        that the configuration pins.
        """
        kind, given = CertificateType.DIGITAL_SIGNATURE, self._given
        theirs = self.public_key(client_system_title, kind) or given.peer_signing_key
        ours = self.private_key(kind) or given.signing_key
        if self._curve is None or theirs is None or ours is None or client_system_title is None:
            raise CosemFault(_REFUSED)
        new: dict[KeyId, Key] = {}
        answers: list[KeyAgreementData] = []
        for key_id, key_data in items:
            if key_id not in _KEY_IDS or key_id in new:
                raise CosemFault(_REFUSED)
            half = len(key_data) // 2
            public, signature = key_data[:half], key_data[half:]
            try:
                theirs.verify(bytes((key_id,)) + public, signature)
                ephemeral = PrivateKey.from_pkcs8(private_der(generate_key(self._curve)))
                shared_secret = ephemeral.agree(PublicKey(self._curve, public))
            except SecurityError:
                raise CosemFault(_REFUSED) from None
            new[key_id] = derive_key(
                shared_secret,
                self._suite,
                "ephemeral-unified",
                originator_system_title=client_system_title,
                recipient_system_title=self._system_title,
                key_wrapping=key_id == KeyId.MASTER_KEY,
                older_algorithm_ids=self._older_algorithm_ids,
            )
            mine = bytes(ephemeral.public)
            answers.append(KeyAgreementData(key_id, mine + ours.sign(bytes((key_id,)) + mine)))
        return new, answers

    @property
    def _all(self) -> tuple[Certificate, ...]:
        return (*self._anchors, *self._certificates)

    def _need_curve(self, kind: CertificateType) -> str:
        if self._curve is None or kind not in _PAIRED:
            raise CosemFault(_REFUSED)
        return self._curve

    def _pair_of(self, certificate: Certificate) -> Key:
        state, kind = self._memory.state, certificate.certificate_type
        for scalar in (state.new_key_pairs.get(kind), state.key_pairs.get(kind)):
            if scalar is not None and certificate.public_key == (
                PrivateKey(certificate.curve, scalar.expose()).public
            ):
                return scalar
        raise CosemFault(_REFUSED)

    def _identified(self, identification: CertificateIdentification) -> Certificate:
        for certificate in reversed(self._all):
            if isinstance(identification, CertificateIdentificationByEntity):
                entity, kind, system_title = identification
                found = (
                    certificate.entity(self._system_title) == entity
                    and certificate.certificate_type == kind
                    and (
                        entity == CertificateEntity.CERTIFICATION_AUTHORITY
                        or certificate.system_title == system_title
                    )
                )
            else:
                number = int.from_bytes(identification.serial_number)
                found = (
                    int.from_bytes(certificate.serial_number) == number
                    and certificate.issuer == identification.issuer
                )
            if found:
                return certificate
        raise CosemFault(ActionResult.OBJECT_UNAVAILABLE)

    def _is_trusted(self, certificate: Certificate) -> bool:
        try:
            certificate.verify(self._anchors, self._certificates, self._now())
        except SecurityError:
            return False
        return True


def _replaces(new: Certificate, old: Certificate) -> bool:
    return (
        not new.is_authority
        and new.system_title == old.system_title
        and new.certificate_type == old.certificate_type
    )
