"""The current association of each client as an entry of the object table, by logical and by short names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.cosem.association_sn import AssociationSN, AssociationSNV2
from dlms_fw.cosem.server import ServerObject
from dlms_fw.enums import SecurityPolicyV1
from dlms_fw.meter.access import Rights
from dlms_fw.meter.association_objects import ASSOCIATION_VERSIONS, Surroundings
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.clients import MANAGEMENT, PUBLIC, READING, setup_of
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.interior import Interior, MeterEntry
from dlms_fw.meter.short_name_association import CurrentShortNameAssociation
from dlms_fw.security import SecurityPolicy

_SHOWN_LIKE: Final = 1
"""The version of Association LN whose access modes are those of Association SN, version 2."""


def association_entries(config: MeterConfig) -> Iterator[MeterEntry]:
    """Association LN, and Association SN where clients may name objects by short names."""
    yield _by_logical_names(config)
    if "short-name" in config.ways_of_referencing:
        yield _by_short_names(config)


def _by_logical_names(config: MeterConfig) -> MeterEntry:
    implementation = ASSOCIATION_VERSIONS[config.association_version]

    def for_caller(interior: Interior, caller: Caller) -> ServerObject:
        setup = well_known.security_setup(setup_of(interior.config, caller.client_sap))
        surroundings = Surroundings(interior.config.server_sap, setup, interior.care)
        return implementation(well_known.CURRENT_ASSOCIATION, caller.association, surroundings)

    interface = implementation.interface
    secret = frozenset({AssociationLN.secret.attribute_id})
    secrets = AssociationLN.change_hls_secret.method_id
    readable = frozenset(interface.attributes) - secret
    ciphered = _ciphered(config)
    management = Rights(
        readable,
        secret,
        frozenset(interface.methods),
        attribute_protection=dict.fromkeys(secret, ciphered),
        method_protection={secrets: ciphered},
    )
    reading = Rights(readable, methods=frozenset({AssociationLN.reply_to_hls_authentication.method_id}))
    return MeterEntry(
        interface=interface,
        logical_name=well_known.CURRENT_ASSOCIATION,
        rights={MANAGEMENT: management, READING: reading, PUBLIC: Rights(readable)},
        for_caller=for_caller,
    )


def _by_short_names(config: MeterConfig) -> MeterEntry:
    def for_caller(interior: Interior, caller: Caller) -> ServerObject:
        dictionary = interior.dictionary
        return CurrentShortNameAssociation(
            well_known.CURRENT_ASSOCIATION,
            security_setup=well_known.security_setup(setup_of(interior.config, caller.client_sap)),
            object_list=lambda: dictionary.object_list(
                caller.client_sap, _SHOWN_LIKE, hidden=AssociationLN.class_id
            ),
            base_names=lambda: dictionary.short_names.base_names,
            read=lambda request: dictionary.read(caller, request),
            change_secret=lambda secret: interior.care.change_secret(caller.client_sap, secret),
        )

    readable = frozenset(AssociationSNV2.attributes)
    telling = frozenset(
        {
            AssociationSN.getlist_by_classid.method_id,
            AssociationSN.getobj_by_logicalname.method_id,
            AssociationSN.read_by_logicalname.method_id,
            AssociationSN.get_attributes_and_methods.method_id,
        }
    )
    secrets = {AssociationSN.change_lls_secret.method_id, AssociationSN.change_hls_secret.method_id}
    reply = AssociationSN.reply_to_hls_challenge.method_id
    management = Rights(
        readable,
        methods=telling | secrets | {reply},
        method_protection=dict.fromkeys(secrets, _ciphered(config)),
    )
    reading = Rights(readable, methods=telling | {reply})
    return MeterEntry(
        interface=AssociationSNV2,
        logical_name=well_known.CURRENT_ASSOCIATION,
        rights={MANAGEMENT: management, READING: reading, PUBLIC: Rights(readable, methods=telling)},
        for_caller=for_caller,
    )


def _ciphered(config: MeterConfig) -> SecurityPolicyV1:
    """What a new secret needs at least where messages are encrypted."""
    is_encrypted = config.security_policy & SecurityPolicy.ENCRYPTED
    return SecurityPolicyV1.ENCRYPTED_REQUEST if is_encrypted else SecurityPolicyV1.NOTHING
