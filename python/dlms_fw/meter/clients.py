"""What a meter knows about its clients: who may associate, how they prove themselves, under which keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dlms_fw.enums import AuthenticationMechanism, CertificateType, Conformance
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import mechanism_of
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.meter.symmetric_keys import SymmetricKeys, directions
from dlms_fw.meter.units import MeterUnits
from dlms_fw.security import AsymmetricKeys, Keys, SecurityPolicy
from dlms_fw.session.server import DEFAULT_CONFORMANCE, ServerClient
from dlms_fw.session.server_client import DEFAULT_SHORT_NAME_CONFORMANCE

MANAGEMENT: Final = 1
READING: Final = 2
PUBLIC: Final = 16
PRE_ESTABLISHED: Final = 102

READING_SETUP: Final = 2
"""Value group E of the reading client's security setup, where it has one of its own (1: consumer port)."""


def clients(config: MeterConfig, units: MeterUnits | None = None) -> Mapping[int, ServerClient]:
    """What the meter knows about its clients now; without ``units`` what it leaves the factory with.

    Raises ConfigurationError where a secret is missing.
    """
    if units is not None:
        return _clients(config, units)
    known: Mapping[int, ServerClient] | None = config.derived.get("clients")
    if known is None:
        known = config.derived["clients"] = _clients(config, None)
    return known


def _clients(config: MeterConfig, units: MeterUnits | None) -> dict[int, ServerClient]:
    for client_sap in config.meter_model.saps("management", "reading"):
        _check(config, client_sap)
    if mistakes := config.asymmetric_keys.mistakes(config.security_suite):
        raise ConfigurationError("; ".join(mistakes))
    keys = SymmetricKeys(SecurityMemory(None), config) if units is None else units.symmetric_keys
    ways, model = config.ways_of_referencing, config.meter_model
    table = {sap: _client(config, units, keys, sap) for sap in model.saps("management", "reading")}
    for sap in model.saps("public"):
        table[sap] = ServerClient(referencing=ways, max_receive_pdu_size=config.max_pdu_size)
    needs_nothing = config.mechanism == AuthenticationMechanism.LOWEST_LEVEL
    needs_nothing = needs_nothing and all(client.keys is None for client in table.values())
    for sap in model.saps("pre-established"):
        broadcast = keys.broadcast_keys(setup_of(config, sap))
        if broadcast is not None or needs_nothing:
            table[sap] = _pre_established(config, broadcast)
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


def client_mechanism(config: MeterConfig, client_sap: int) -> AuthenticationMechanism:
    """How a client proves itself: as the model says for it, else as the configuration says for all."""
    for client in config.meter_model.clients:
        if client.sap == client_sap and client.mechanism is not None:
            return client.mechanism
    return config.mechanism


def needs_secrets(config: MeterConfig) -> bool:
    """Whether clients prove themselves with a password or a secret."""
    known: bool | None = config.derived.get("needs secrets")
    if known is None:
        saps = config.meter_model.saps("management", "reading")
        mechanisms = [mechanism_of(client_mechanism(config, sap), config.manufacturer) for sap in saps]
        known = config.derived["needs secrets"] = any(mechanism.needs_secret for mechanism in mechanisms)
    return known


def _check(config: MeterConfig, client_sap: int) -> None:
    """Raise ConfigurationError where the meter cannot let a client prove itself."""
    mechanism = mechanism_of(client_mechanism(config, client_sap), config.manufacturer)
    if mechanism.needs_secret and config.passwords.get(client_sap, config.password) is None:
        raise ConfigurationError("the meter needs a password")
    if mechanism.high_level and mechanism.prove is None:
        raise ConfigurationError("the meter needs the two functions of its manufacturer's mechanism")
    own = config.asymmetric_keys
    if mechanism.signs and (own.signing_key is None or not (own.peer_signing_key or config.trust_anchors)):
        raise ConfigurationError("the meter needs a signing key, and its client's or a trust anchor")


def _pre_established(config: MeterConfig, broadcast: Keys | None) -> ServerClient:
    ways, size = config.ways_of_referencing, config.max_pdu_size
    if broadcast is None:
        return ServerClient(referencing=ways, max_receive_pdu_size=size, pre_established=True)
    return ServerClient(
        keys=broadcast,
        security_suite=config.security_suite,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        referencing=ways,
        max_receive_pdu_size=size,
        client_system_title=config.client_system_title,
        pre_established=True,
    )


def _client(
    config: MeterConfig, units: MeterUnits | None, keys: SymmetricKeys, client_sap: int
) -> ServerClient:
    setup = setup_of(config, client_sap)
    policy, protection = directions(keys.policy(setup), config.protection)
    unicast = keys.client_keys(setup)
    mechanism_id = client_mechanism(config, client_sap)
    mechanism = mechanism_of(mechanism_id, config.manufacturer)
    needs_keys = mechanism.needs_keys or protection.protects(policy)
    if needs_keys and None in (unicast.global_unicast_encryption_key, unicast.authentication_key):
        raise ConfigurationError("the meter needs a global unicast encryption key and an authentication key")
    if mistakes := unicast.mistakes(config.security_suite):
        raise ConfigurationError("; ".join(mistakes))
    secrets = {} if units is None else units.security_memory.state.secrets
    return ServerClient(
        mechanism=mechanism_id,
        manufacturer=config.manufacturer,
        secret=secrets.get(client_sap, config.passwords.get(client_sap, config.password)),
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
    is_reading = client_sap in config.meter_model.saps("reading")
    return READING_SETUP if is_reading and config.security_setups == "separate" else 0
