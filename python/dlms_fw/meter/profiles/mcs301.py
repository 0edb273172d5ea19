"""The MetCom MCS301: its configuration and its objects (product manual, pages 42, 73, 114, 128)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from dlms_fw._core import PrivateKey
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.meter.builtin_objects import FAMILIES, recovery_entries
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.interior import MeterTable
from dlms_fw.meter.object_table import ObjectTable
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys

MODEL: Final = "MCS301"


def configured(
    profile: Profile,
    *,
    signing_key: PrivateKey | None = None,
    key_agreement_key: PrivateKey | None = None,
    **changes: Any,
) -> MeterConfig:
    """The meter that a client with this profile talks to.

    Args:
        profile: The client's; its private keys tell the public ones that the meter pins.
        signing_key: The meter's own, for authentication with ECDSA and for signed responses.
        key_agreement_key: The meter's own, for agreed keys.
        changes: Fields of MeterConfig.
    """
    asymmetric_keys = replace(
        _as_seen_by_the_meter(profile.asymmetric_keys),
        signing_key=signing_key,
        key_agreement_key=key_agreement_key,
    )
    settings: dict[str, Any] = {
        "model": profile.meter_type or MODEL,
        "server_sap": profile.server_sap,
        "mechanism": AuthenticationMechanism(profile.mechanism),
        "manufacturer": profile.manufacturer,
        "password": profile.password,
        "security_suite": profile.security_suite,
        "security_policy": profile.security_policy,
        "protection": profile.protection,
        "asymmetric_keys": asymmetric_keys,
        "master_key": profile.keys.master_key,
        "global_unicast_encryption_key": profile.keys.global_unicast_encryption_key,
        "global_broadcast_encryption_key": profile.keys.global_broadcast_encryption_key,
        "authentication_key": profile.keys.authentication_key,
        "referencing": profile.referencing,
        "max_pdu_size": profile.max_pdu_size,
        "hdlc": profile.hdlc,
        "gateway": profile.gateway,
    }
    if profile.meter_system_title is not None:
        settings["system_title"] = profile.meter_system_title
    return MeterConfig(**(settings | changes))


def _as_seen_by_the_meter(keys: AsymmetricKeys) -> AsymmetricKeys:
    """The client's public keys, which its private ones tell."""
    return AsymmetricKeys(
        peer_signing_key=None if keys.signing_key is None else keys.signing_key.public,
        peer_key_agreement_key=None if keys.key_agreement_key is None else keys.key_agreement_key.public,
    )


def object_table(config: MeterConfig) -> MeterTable:
    """The objects of meters with this configuration; meters that are configured alike share it."""
    alike = (
        config.association_version,
        config.security_setup_version,
        config.security_setups,
        config.ways_of_referencing,
        config.security_policy,
        config.part_count,
    )
    table = _tables.get(alike)
    if table is None:
        table = ObjectTable(entry for family in FAMILIES.values() for entry in family(config))
        _tables[alike] = table
    return table


def recovery_table(config: MeterConfig) -> MeterTable:
    """What such a meter still has when its memory is damaged."""
    return ObjectTable(recovery_entries(config))


_tables: dict[tuple[object, ...], MeterTable] = {}
