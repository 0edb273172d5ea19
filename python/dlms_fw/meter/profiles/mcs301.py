"""The MetCom MCS301: its clients, its objects, and who may do what (product manual, pages 42, 73, 114, 128).

A model is data: which objects there are and with which rights. What they do stands in their own files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dlms_fw._core import Data, PrivateKey
from dlms_fw.axdr import Tag
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN, User
from dlms_fw.cosem.association_sn import AssociationSN, AssociationSNV2
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import (
    AuthenticationMechanism,
    CertificateType,
    Conformance,
    DataAccessResult,
    KeyId,
    SecurityPolicyV1,
)
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import mechanism_of
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights
from dlms_fw.meter.association_care import ClientCare
from dlms_fw.meter.association_objects import (
    ASSOCIATION_VERSIONS,
    AssociationCare,
    Surroundings,
)
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import EventLog
from dlms_fw.meter.log_objects import EventLogProfile, code_column, parameter_column
from dlms_fw.meter.objects import Caller, Entry, ObjectDictionary, full_rights, reading_rights
from dlms_fw.meter.ownership import TransferOwnership
from dlms_fw.meter.plain_objects import (
    DataObject,
    SapAssignmentObject,
    number_object,
    octets_object,
)
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.meter.security_objects import SECURITY_SETUP_VERSIONS
from dlms_fw.meter.short_name_association import CurrentShortNameAssociation
from dlms_fw.meter.state import Firmware
from dlms_fw.meter.symmetric_keys import SymmetricKeys, directions
from dlms_fw.meter.time_objects import ActivationScheduler, ActivationScripts, ClockObject
from dlms_fw.meter.units import MeterUnits
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys, SecurityPolicy
from dlms_fw.session.acceptance import DEFAULT_SHORT_NAME_CONFORMANCE
from dlms_fw.session.server import DEFAULT_CONFORMANCE, Association, ServerClient

MODEL: Final = "MCS301"
MANAGEMENT: Final = 1
READING: Final = 2
PUBLIC: Final = 16
PRE_ESTABLISHED: Final = 102

_SHOWN_LIKE: Final = 1
"""The version of Association LN whose access modes are those of Association SN, version 2."""
READING_SETUP: Final = 2
"""Value group E of the reading client's security setup, where it has one of its own (1: consumer port)."""

PROGRAM_MEMORY_ALARM: Final = 1 << 8
NV_MEMORY_ALARM: Final = 1 << 10


def firmware_version_object(part: int) -> LogicalName:
    """The manufacturer-specific object with the version of a firmware part as text."""
    return LogicalName(f"1-{part}:0.2.128.255")


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


def clients(config: MeterConfig, units: MeterUnits | None = None) -> dict[int, ServerClient]:
    """What the meter knows about its clients now; without ``units`` what it leaves the factory with.

    Raises ConfigurationError where a secret is missing.
    """
    mechanism = mechanism_of(config.mechanism, config.manufacturer)
    if mechanism.needs_secret and config.password is None:
        raise ConfigurationError("the meter needs a password")
    if mechanism.high_level and mechanism.prove is None:
        raise ConfigurationError("the meter needs the two functions of its manufacturer's mechanism")
    own = config.asymmetric_keys
    if mechanism.signs and (own.signing_key is None or not (own.peer_signing_key or config.trust_anchors)):
        raise ConfigurationError("the meter needs a signing key, and its client's or a trust anchor")
    if mistakes := own.mistakes(config.security_suite):
        raise ConfigurationError("; ".join(mistakes))
    keys = SymmetricKeys(SecurityMemory(None), config) if units is None else units.symmetric_keys
    ways = config.ways_of_referencing
    table = {
        MANAGEMENT: _client(config, units, keys, MANAGEMENT),
        READING: _client(config, units, keys, READING),
        PUBLIC: ServerClient(referencing=ways, max_receive_pdu_size=config.max_pdu_size),
    }
    setup = setup_of(config, PRE_ESTABLISHED)
    broadcast = keys.broadcast_keys(setup)
    if broadcast is not None:
        table[PRE_ESTABLISHED] = ServerClient(
            keys=broadcast,
            security_suite=config.security_suite,
            security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
            referencing=ways,
            max_receive_pdu_size=config.max_pdu_size,
            client_system_title=config.client_system_title,
            pre_established=True,
        )
    elif table[MANAGEMENT].keys is None and config.mechanism == AuthenticationMechanism.LOWEST_LEVEL:
        table[PRE_ESTABLISHED] = ServerClient(
            referencing=ways, max_receive_pdu_size=config.max_pdu_size, pre_established=True
        )
    missing = Conformance(0)
    if config.general_block_transfer == "off":
        missing |= Conformance.GENERAL_BLOCK_TRANSFER
    if "no-lists" in config.shortcomings:
        missing |= Conformance.MULTIPLE_REFERENCES
    if missing:
        offered = ~missing
        return {
            sap: replace(
                client,
                conformance=client.conformance & offered,
                short_name_conformance=client.short_name_conformance & offered,
            )
            for sap, client in table.items()
        }
    return table


def _client(
    config: MeterConfig, units: MeterUnits | None, keys: SymmetricKeys, client_sap: int
) -> ServerClient:
    setup = setup_of(config, client_sap)
    policy, protection = directions(keys.policy(setup), config.protection)
    unicast = keys.client_keys(setup)
    mechanism = mechanism_of(config.mechanism, config.manufacturer)
    needs_keys = mechanism.needs_keys or protection.protects(policy)
    if needs_keys and None in (unicast.global_unicast_encryption_key, unicast.authentication_key):
        raise ConfigurationError("the meter needs a global unicast encryption key and an authentication key")
    if mistakes := unicast.mistakes(config.security_suite):
        raise ConfigurationError("; ".join(mistakes))
    secrets = {} if units is None else units.security_memory.state.secrets
    return ServerClient(
        mechanism=config.mechanism,
        manufacturer=config.manufacturer,
        secret=secrets.get(client_sap, config.password),
        keys=unicast if needs_keys else None,
        certificate=config.certificate,
        trust_anchors=config.trust_anchors,
        users=_users(config, units, client_sap),
        security_suite=config.security_suite,
        security_policy=policy,
        protection=protection,
        asymmetric_keys=_asymmetric_keys(config, units),
        conformance=DEFAULT_CONFORMANCE | (Conformance.GENERAL_PROTECTION if needs_keys else 0),
        referencing=config.ways_of_referencing,
        short_name_conformance=DEFAULT_SHORT_NAME_CONFORMANCE
        | (Conformance.GENERAL_PROTECTION if needs_keys else 0),
        max_receive_pdu_size=config.max_pdu_size,
        client_system_title=config.client_system_title,
    )


def _users(config: MeterConfig, units: MeterUnits | None, client_sap: int) -> frozenset[int] | None:
    """The users who may ask; an empty list lets everybody in."""
    changed = None if units is None else units.security_memory.state.users.get(client_sap)
    known = config.users or () if changed is None else (user.user_id for user in changed)
    return frozenset(known) or None


def _asymmetric_keys(config: MeterConfig, units: MeterUnits | None) -> AsymmetricKeys:
    """Key pairs that were made and certificates that were brought in go before what was configured."""
    given = config.asymmetric_keys
    if units is None:
        return given
    pairs, title = units.key_pairs, config.client_system_title
    signing, agreement = CertificateType.DIGITAL_SIGNATURE, CertificateType.KEY_AGREEMENT
    return AsymmetricKeys(
        signing_key=pairs.private_key(signing) or given.signing_key,
        key_agreement_key=pairs.private_key(agreement) or given.key_agreement_key,
        peer_signing_key=pairs.public_key(title, signing) or given.peer_signing_key,
        peer_key_agreement_key=pairs.public_key(title, agreement) or given.peer_key_agreement_key,
    )


def setup_of(config: MeterConfig, client_sap: int) -> int:
    """The number of the security setup object that holds for a client."""
    return READING_SETUP if client_sap == READING and config.security_setups == "separate" else 0


def object_dictionary(
    units: MeterUnits, ownership: TransferOwnership, on_change: Callable[[], None]
) -> ObjectDictionary:
    """All objects of a meter in working order; ``on_change`` is called when clients are to be known anew."""
    config = units.config
    care = ClientCare(
        units.security_memory,
        lambda: dictionary,
        needs_secret=mechanism_of(config.mechanism, config.manufacturer).needs_secret,
        users=tuple(User(number, name.encode()) for number, name in (config.users or {}).items()),
        on_change=on_change,
    )
    dictionary: ObjectDictionary = ObjectDictionary(
        [
            *identity(config),
            *_counters(units),
            *_association(config, care),
            *_short_name_association(config, care, lambda: dictionary),
            *_security_setups(units),
            *_clock(units),
            *_firmware(units, ownership),
            *_logs(units),
            _read_only(
                number_object(
                    well_known.ALARM_REGISTER_1,
                    lambda: PROGRAM_MEMORY_ALARM if units.firmware.damaged_parts else 0,
                )
            ),
        ],
        config.access_rules,
    )
    care.power_up()
    units.symmetric_keys.on_change = units.key_pairs.on_change = on_change
    return dictionary


def recovery_dictionary(config: MeterConfig) -> ObjectDictionary:
    """What a meter still answers whose memory is damaged: who it is, and that something is wrong."""
    care = ClientCare(SecurityMemory(None), lambda: dictionary)
    dictionary: ObjectDictionary = ObjectDictionary(
        [
            *identity(config),
            *_association(config, care),
            *_short_name_association(config, care, lambda: dictionary),
            _everybody(number_object(well_known.ALARM_REGISTER_1, lambda: NV_MEMORY_ALARM)),
        ]
    )
    return dictionary


def identity(config: MeterConfig) -> list[Entry]:
    """What the meter tells everybody."""
    return [
        _everybody(octets_object(well_known.LOGICAL_DEVICE_NAME, lambda: config.logical_device_name)),
        _everybody(SapAssignmentObject(well_known.SAP_ASSIGNMENT, config)),
        _everybody(octets_object(well_known.DEVICE_ID_1, lambda: config.logical_device_name[-8:])),
        _everybody(octets_object(well_known.DEVICE_ID_2, lambda: config.model.encode())),
    ]


def _counters(units: MeterUnits) -> Iterator[Entry]:
    """The last accepted invocation counters: 0 management, 1 reading, 2 broadcast."""
    unicast, broadcast = KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY
    streams = (MANAGEMENT, unicast), (READING, unicast), (PRE_ESTABLISHED, broadcast)
    for number, (client_sap, key_id) in enumerate(streams):
        yield _everybody(_counter(units, number, setup_of(units.config, client_sap), key_id))


def _counter(units: MeterUnits, number: int, setup: int, key_id: KeyId) -> DataObject:
    def value() -> int:
        key = units.symmetric_keys.keys(setup).get(key_id)
        return 0 if key is None else max(0, units.counters.last_accepted(key.fingerprint))

    return number_object(well_known.invocation_counter(number), value)


def _association(config: MeterConfig, care: AssociationCare) -> list[Entry]:
    implementation = ASSOCIATION_VERSIONS[config.association_version]

    def for_caller(caller: Caller) -> ServerObject:
        setup = well_known.security_setup(setup_of(config, caller.client_sap))
        surroundings = Surroundings(config.server_sap, setup, care)
        return implementation(well_known.CURRENT_ASSOCIATION, caller.association, surroundings)

    nobody = for_caller(Caller(Association(PUBLIC), None))
    interface = nobody.interface
    secret = frozenset({AssociationLN.secret.attribute_id})
    secrets = AssociationLN.change_hls_secret.method_id
    readable = frozenset(interface.attributes) - secret
    ciphered = SecurityPolicyV1.NOTHING
    if config.security_policy & SecurityPolicy.ENCRYPTED:
        ciphered = SecurityPolicyV1.ENCRYPTED_REQUEST
    management = Rights(
        readable,
        secret,
        frozenset(interface.methods),
        attribute_protection=dict.fromkeys(secret, ciphered),
        method_protection={secrets: ciphered},
    )
    reading = Rights(readable, methods=frozenset({AssociationLN.reply_to_hls_authentication.method_id}))
    known: Mapping[int, Rights] = {MANAGEMENT: management, READING: reading, PUBLIC: Rights(readable)}
    return [Entry(nobody, known, for_caller=for_caller)]


def _short_name_association(
    config: MeterConfig, care: AssociationCare, dictionary: Callable[[], ObjectDictionary]
) -> Iterator[Entry]:
    if "short-name" not in config.ways_of_referencing:
        return

    def for_caller(caller: Caller) -> ServerObject:
        return CurrentShortNameAssociation(
            well_known.CURRENT_ASSOCIATION,
            security_setup=well_known.security_setup(setup_of(config, caller.client_sap)),
            object_list=lambda: dictionary().object_list(
                caller.client_sap, _SHOWN_LIKE, hidden=AssociationLN.class_id
            ),
            base_names=lambda: dictionary().short_names.base_names,
            read=lambda request: dictionary().read(caller, request),
            change_secret=lambda secret: care.change_secret(caller.client_sap, secret),
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
    ciphered = SecurityPolicyV1.NOTHING
    if config.security_policy & SecurityPolicy.ENCRYPTED:
        ciphered = SecurityPolicyV1.ENCRYPTED_REQUEST
    reply = AssociationSN.reply_to_hls_challenge.method_id
    management = Rights(
        readable, methods=telling | secrets | {reply}, method_protection=dict.fromkeys(secrets, ciphered)
    )
    reading = Rights(readable, methods=telling | {reply})
    known = {MANAGEMENT: management, READING: reading, PUBLIC: Rights(readable, methods=telling)}
    yield Entry(for_caller(Caller(Association(PUBLIC), None)), known, for_caller=for_caller)


def _security_setups(units: MeterUnits) -> Iterator[Entry]:
    config = units.config
    implementation = SECURITY_SETUP_VERSIONS[config.security_setup_version]
    for setup in sorted({setup_of(config, sap) for sap in (MANAGEMENT, READING)}):

        def for_caller(caller: Caller | None, setup: int = setup) -> ServerObject:
            return implementation(
                well_known.security_setup(setup),
                units,
                setup,
                server_system_title=config.system_title,
                client_system_title=(caller and caller.association.client_system_title)
                or config.client_system_title,
            )

        nobody = for_caller(None)
        rights = {MANAGEMENT: full_rights(nobody), READING: reading_rights(nobody)}
        yield Entry(nobody, rights, for_caller=for_caller)


def _clock(units: MeterUnits) -> list[Entry]:
    clock = ClockObject(well_known.CLOCK, units.clock, units.log_event)
    everything = full_rights(clock)
    rights = Rights(everything.readable, frozenset({Clock.time.attribute_id}), everything.methods)
    return [Entry(clock, {MANAGEMENT: rights, READING: reading_rights(clock)})]


def _firmware(units: MeterUnits, ownership: TransferOwnership) -> Iterator[Entry]:
    unit, config = units.firmware, units.config
    store = unit.image_store
    # An initiation by whoever has the key of a group would throw away what all its meters have received.
    blocks_only = frozenset({ImageTransfer.image_block_transfer.method_id})
    yield Entry(
        store,
        {
            MANAGEMENT: full_rights(store),
            READING: reading_rights(store),
            PRE_ESTABLISHED: Rights(methods=blocks_only),
        },
        gate=ownership.admits,
    )
    scheduler = ActivationScheduler(well_known.IMAGE_TRANSFER_ACTIVATION_SCHEDULER, unit)
    yield Entry(scheduler, {MANAGEMENT: full_rights(scheduler), READING: reading_rights(scheduler)})
    scripts = ActivationScripts(well_known.IMAGE_ACTIVATION_SCRIPT_TABLE, unit)
    yield Entry(
        scripts,
        {MANAGEMENT: full_rights(scripts), READING: reading_rights(scripts)},
        gate=ownership.admits,
    )
    for part in range(config.part_count):
        yield from _firmware_part(units, part)


def _firmware_part(units: MeterUnits, part: int) -> Iterator[Entry]:
    unit = units.firmware

    def running() -> Firmware:
        if part in unit.damaged_parts:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT)
        return unit.running(part)

    def identifiers() -> Data:
        running()
        try:
            kept = unit.read_back(part)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None
        ordered = reversed(kept) if units.config.identifiers_order == "newest-first" else kept
        return Data(Tag.ARRAY, tuple(Data(Tag.OCTET_STRING, identifier) for identifier in ordered))

    yield _read_only(DataObject(well_known.active_firmware_identifier(part), identifiers))
    yield _read_only(octets_object(well_known.active_firmware_signature(part), lambda: running().signature))
    yield _read_only(octets_object(firmware_version_object(part), lambda: running().version.encode()))


def _logs(units: MeterUnits) -> Iterator[Entry]:
    standard, fraud = units.standard_log, units.fraud_log
    code, parameter = well_known.event_code(0), well_known.EVENT_PARAMETER
    columns = [code_column(code), parameter_column(parameter)]
    yield _log(EventLogProfile(well_known.STANDARD_EVENT_LOG, standard, columns))
    fraud_code = well_known.event_code(1)
    yield _log(EventLogProfile(well_known.FRAUD_DETECTION_EVENT_LOG, fraud, [code_column(fraud_code)]))
    yield _read_only(number_object(code, lambda: _last(standard)[0], Tag.UNSIGNED))
    yield _read_only(number_object(parameter, lambda: _last(standard)[1], Tag.UNSIGNED))
    yield _read_only(number_object(fraud_code, lambda: _last(fraud)[0], Tag.UNSIGNED))


def _last(log: EventLog) -> tuple[int, int]:
    """Code and parameter of the last event, zeros where there is none."""
    entries = log.entries
    return (entries[-1].code, entries[-1].parameter) if entries else (0, 0)


def _log(profile: EventLogProfile) -> Entry:
    selectors = {ProfileGeneric.buffer.attribute_id: (1, 2)}
    rights = replace(reading_rights(profile), selectors=selectors)
    return Entry(profile, {MANAGEMENT: rights, READING: rights})


def _everybody(server_object: ServerObject) -> Entry:
    rights = reading_rights(server_object)
    return Entry(server_object, {MANAGEMENT: rights, READING: rights, PUBLIC: rights})


def _read_only(server_object: ServerObject) -> Entry:
    rights = reading_rights(server_object)
    return Entry(server_object, {MANAGEMENT: rights, READING: rights})
