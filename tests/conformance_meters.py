"""Meters for the conformance cases about security: keys, a password, curves, certificates."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dlms_fw._core import Key, PrivateKey
from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.simulated import fresh_profile, simulated
from dlms_fw.enums import CertificateType, SecuritySuite
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys, SecurityPolicy

PASSWORD = Key(b"a password of 24 octets!")


def curve_key() -> PrivateKey:
    return PrivateKey.from_randomness("P-256", os.urandom(64))


def with_keys(**changes: Any) -> tuple[Declaration, SimulatedBench]:
    return simulated(**changes)


def with_weak_policy(**changes: Any) -> tuple[Declaration, SimulatedBench]:
    return simulated(replace(fresh_profile(), security_policy=SecurityPolicy.NONE), **changes)


def with_password(**changes: Any) -> tuple[Declaration, SimulatedBench]:
    return simulated(Profile(client_sap=1, mechanism=1, password=PASSWORD), **changes)


def _of_suite_1(signing_key: PrivateKey, meters_key: PrivateKey) -> Profile:
    return replace(
        fresh_profile(),
        mechanism=7,
        security_suite=SecuritySuite(1),
        asymmetric_keys=AsymmetricKeys(signing_key=signing_key, peer_signing_key=meters_key.public),
    )


def with_curves(**changes: Any) -> tuple[Declaration, SimulatedBench]:
    meters_key = curve_key()
    return simulated(_of_suite_1(curve_key(), meters_key), signing_key=meters_key, **changes)


def with_certificates(**changes: Any) -> tuple[Declaration, SimulatedBench]:
    ours, meters_key = curve_key(), curve_key()
    now = datetime(2025, 11, 24, 16, tzinfo=UTC)
    authority = CertificateAuthority.create("Test authority", at=now)
    profile = _of_suite_1(ours, meters_key)
    assert profile.system_title is not None
    certificate = authority.issue(
        ours.public, profile.system_title, CertificateType.DIGITAL_SIGNATURE, at=now
    ).der
    declaration, bench = simulated(
        replace(profile, certificate=certificate),
        trust_anchors=(authority.certificate.der,),
        asymmetric_keys=AsymmetricKeys(signing_key=meters_key),
        **changes,
    )
    return replace(declaration, authority=authority), bench


METERS = {
    "keys": with_keys,
    "weak policy": with_weak_policy,
    "password": with_password,
    "curves": with_curves,
    "certificates": with_certificates,
}
