"""The settings of a model as fields of a configuration, and the meter that a client's profile talks to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from dlms_fw._core import PrivateKey
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.model import MeterModel
from dlms_fw.profiles import HdlcSettings, Profile, raise_if
from dlms_fw.security import AsymmetricKeys

_HEX: Final = frozenset({"system_title", "client_system_title"})
"""Octets that are written as hex digits; others are texts."""
_TABLES: Final = frozenset({ActivationTimings, HdlcSettings})
"""Settings that are tables of settings."""


def configured(
    model: MeterModel,
    profile: Profile,
    /,
    *,
    signing_key: PrivateKey | None = None,
    key_agreement_key: PrivateKey | None = None,
    **changes: Any,
) -> MeterConfig:
    """The meter of this model that a client with this profile talks to.

    What the profile says of security and addresses holds; of sizes it holds where the model says nothing.

    Args:
        model: What meter it is.
        profile: The client's; its private keys tell the public ones that the meter pins.
        signing_key: The meter's own, for authentication with ECDSA and for signed responses.
        key_agreement_key: The meter's own, for agreed keys.
        changes: Fields of MeterConfig.

    Raises:
        ConfigurationError: A setting of the model is none, or its value does not fit.
    """
    asymmetric_keys = replace(
        _as_seen_by_the_meter(profile.asymmetric_keys),
        signing_key=signing_key,
        key_agreement_key=key_agreement_key,
    )
    sizes: dict[str, Any] = {"max_pdu_size": profile.max_pdu_size, "hdlc": profile.hdlc}
    settings = sizes | settings_of(model)
    settings |= {
        "meter_model": model,
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
        "gateway": profile.gateway,
    }
    if profile.meter_type:
        settings["model"] = profile.meter_type
    if profile.meter_system_title is not None:
        settings["system_title"] = profile.meter_system_title
    return MeterConfig(**(settings | changes))


def _as_seen_by_the_meter(keys: AsymmetricKeys) -> AsymmetricKeys:
    """The client's public keys, which its private ones tell."""
    return AsymmetricKeys(
        peer_signing_key=None if keys.signing_key is None else keys.signing_key.public,
        peer_key_agreement_key=None if keys.key_agreement_key is None else keys.key_agreement_key.public,
    )


def settings_of(model: MeterModel) -> dict[str, Any]:
    """The settings of a model as the fields of a configuration; raises ConfigurationError."""
    known: dict[str, Any] | None = model.derived.get("settings")
    if known is None:
        mistakes: list[str] = []
        known = _converted(MeterConfig, model.settings, "settings", mistakes)
        raise_if(mistakes, f"meter model {model.name}")
        model.derived["settings"] = known
    return known


def setting_names() -> list[str]:
    """The fields of a configuration that a model file may set."""
    return [name for name, wanted in _hints(MeterConfig).items() if _is_settable(name, wanted)]


def _is_settable(name: str, wanted: Any) -> bool:
    """Whether a file may say it: texts, numbers, words and tables of them, and never a key."""
    wanted = _without_none(wanted)
    if get_origin(wanted) is Literal or wanted in {bool, int, float, str, bytes}:
        return name != "certificate"
    return wanted in _TABLES or (isinstance(wanted, type) and issubclass(wanted, Enum))


def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _converted(kind: type[Any], given: Mapping[str, Any], where: str, mistakes: list[str]) -> dict[str, Any]:
    hints = _hints(kind)
    settings: dict[str, Any] = {}
    for name, value in given.items():
        if name not in hints or not _is_settable(name, hints[name]):
            mistakes.append(f"{where}.{name}: there is no such setting")
            continue
        try:
            settings[name] = _value(name, hints[name], value, f"{where}.{name}", mistakes)
        except _Unfit as unfit:
            mistakes.append(f"{where}.{name}: {unfit}")
    return settings


def _without_none(wanted: Any) -> Any:
    """The kind that a value has where it is not ``None``; words from several lists are one list."""
    if get_origin(wanted) not in {Union, UnionType}:
        return wanted
    kinds = [kind for kind in get_args(wanted) if kind is not type(None)]
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    return Literal[tuple(words)] if words else kinds[0]


class _Unfit(ValueError):
    """A value that is not what is wanted."""


def _value(name: str, wanted: Any, given: Any, where: str, mistakes: list[str]) -> Any:
    wanted = _without_none(wanted)
    if get_origin(wanted) is Literal:
        if given in get_args(wanted):
            return given
        raise _Unfit(f"one of {', '.join(map(str, get_args(wanted)))} is needed")
    if wanted is bytes:
        return _octets(name, given)
    if issubclass(wanted, Enum):
        return _member(wanted, given)
    if wanted in _TABLES:
        if not isinstance(given, dict):
            raise _Unfit("a table is needed")
        table: Any = wanted
        try:
            return table(**_converted(table, given, where, mistakes))
        except (ConfigurationError, TypeError, ValueError) as error:
            raise _Unfit(str(error)) from None
    if type(given) is wanted or (wanted is float and type(given) is int):
        return wanted(given)
    raise _Unfit(f"{_WORDS[wanted]} is needed")


def _octets(name: str, given: Any) -> bytes:
    try:
        return bytes.fromhex(given) if name in _HEX else given.encode("ascii")
    except (AttributeError, TypeError, ValueError):
        raise _Unfit("hex digits are needed" if name in _HEX else "a text in ASCII is needed") from None


def _member(wanted: type[Enum], given: Any) -> Enum:
    for member in wanted:
        if given in {member.value, member.name.lower().replace("_", "-")}:
            return member
    words = ", ".join(member.name.lower().replace("_", "-") for member in wanted)
    raise _Unfit(f"one of {words} is needed")


_WORDS: Final[dict[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
