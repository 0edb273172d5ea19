"""Profiles and keys out of files: TOML tables, and what they refer to.

A file points at secrets (``file:``, ``env:``, ``cmd:``) and never holds one. All mistakes of a profile are
reported at once, by the names of its keys and never with the value of a secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from dlms_fw._core import Gateway, Key
from dlms_fw.cosem.association_sn import ShortNameObject
from dlms_fw.elliptic_keys import private_key_in, public_key_in
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import (
    GMAC,
    MECHANISM_NAMES,
    ManufacturerMechanism,
)
from dlms_fw.logical_name import LogicalName
from dlms_fw.profiles import (
    MAX_GENERAL_BLOCK_TRANSFER_WINDOW,
    POLICIES,
    GeneralBlockTransfer,
    HdlcSettings,
    Profile,
    Referencing,
    contradictions,
    raise_if,
)
from dlms_fw.secret_references import Secrets, from_hex
from dlms_fw.security import (
    CIPHERINGS,
    COUNTER_LIMIT,
    KEY_INFORMATION,
    SYSTEM_TITLE_LENGTH,
    AsymmetricKeys,
    Keys,
    MessageProtection,
    SecurityPolicy,
)
from dlms_fw.toml_files import read_toml

_T = TypeVar("_T")

_LONGEST_ADDRESS = 255


def load_profile(
    path: str | Path,
    name: str,
    *,
    environ: Mapping[str, str] | None = None,
    manufacturer: ManufacturerMechanism | None = None,
) -> Profile:
    """Read ``[profiles.NAME]`` of a TOML file; ``file:`` references are relative to that file.

    What a reference of a key leads to is hex digits; of the password it is text, or ``hex:`` and hex digits.

    Args:
        path: The TOML file.
        name: Which profile of it.
        environ: What ``env:`` references look into; the process environment by default.
        manufacturer: The functions of mechanism 2, for profiles with ``authentication = "hls-manufacturer"``.

    Raises:
        ConfigurationError: naming every mistake at once.
    """
    path = Path(path)
    profiles = _profiles_in(path)
    if not isinstance(profiles, dict) or not isinstance(profiles.get(name), dict):
        names = sorted(profiles) if isinstance(profiles, dict) else []
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names) or 'none'}"
        raise ConfigurationError(f"{path} has no [profiles.{name}]", hint=hint)
    return parse_profile(profiles[name], name, folder=path.parent, environ=environ, manufacturer=manufacturer)


def load_profiles(path: str | Path, *, environ: Mapping[str, str] | None = None) -> dict[str, Profile]:
    """All profiles of a file by their names; see :func:`load_profile`.

    Raises:
        ConfigurationError: naming every mistake of the first profile that has any.
    """
    path = Path(path)
    tables = _profiles_in(path)
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigurationError(f"{path} has no [profiles.NAME]")
    return {
        name: parse_profile(table, name, folder=path.parent, environ=environ)
        for name, table in tables.items()
    }


def _profiles_in(path: Path) -> Any:
    return read_toml(path, "the profiles").get("profiles")


def read_key(reference: str, *, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Key:
    """A symmetric key that is referred to like those of a profile: hex digits behind file:, env: or cmd:.

    Args:
        reference: Where it is.
        folder: What relative paths begin at; by default the current folder.
        environ: What ``env:`` looks into; the process environment by default.

    Raises:
        ConfigurationError: it cannot be read, or is not hex digits; without showing any of it.
    """
    secrets = Secrets(folder or Path(), os.environ if environ is None else environ)
    try:
        octets = from_hex(secrets.read(reference))
    except ValueError as error:
        raise ConfigurationError(f"a key cannot be read: {error}", code="configuration.key") from None
    if octets is None:
        raise ConfigurationError(
            "a key cannot be read: what is referred to is not hex digits", code="configuration.key"
        )
    return Key(octets)


def parse_profile(
    table: Mapping[str, Any],
    name: str,
    *,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    manufacturer: ManufacturerMechanism | None = None,
) -> Profile:
    """A profile from the keys of its table; see :func:`load_profile`."""
    reader = _Reader(dict(table), "", Secrets(folder, os.environ if environ is None else environ))
    values: dict[str, Any] = {"name": name, "manufacturer": manufacturer}

    def take(target: str, value: object) -> None:
        if value is not None:
            values[target] = value

    for key in ("client_sap", "server_sap"):
        take(key, reader.integer(key, 0, 0xFFFF, required=True))
    mechanism = reader.choice("authentication", MECHANISM_NAMES, required=True)
    take("mechanism", None if mechanism is None else mechanism.id)
    take("security_suite", reader.choice("security_suite", {suite.value: suite for suite in SecuritySuite}))
    policy = reader.choice("security_policy", POLICIES)
    if policy is None and mechanism is not None and mechanism.id == GMAC:
        policy = SecurityPolicy.AUTHENTICATED_ENCRYPTED
    take("security_policy", policy)
    take("protection", _protection(reader))
    take("system_title", reader.octets("system_title", SYSTEM_TITLE_LENGTH))
    take("meter_system_title", reader.octets("meter_system_title", SYSTEM_TITLE_LENGTH))
    key_names = ("global_unicast_encryption_key", "authentication_key", "global_broadcast_encryption_key")
    take("keys", Keys(**{key: reader.key(key) for key in (*key_names, "master_key")}))
    take("password", reader.password("password"))
    asymmetric_keys = AsymmetricKeys(
        signing_key=reader.parsed("signing_key", private_key_in),
        key_agreement_key=reader.parsed("key_agreement_key", private_key_in),
        peer_signing_key=reader.parsed("peer_signing_key", public_key_in),
        peer_key_agreement_key=reader.parsed("peer_key_agreement_key", public_key_in),
    )
    take("asymmetric_keys", asymmetric_keys)
    certificates = reader.parsed("certificate", _certificates_in)
    take("certificate", None if certificates is None else certificates[0])
    take("trust_anchors", reader.parsed("trust_anchors", _certificates_in))
    take("strict_keys", reader.boolean("strict_keys"))
    take("dedicated_key", reader.boolean("dedicated_key"))
    take("pre_established", reader.boolean("pre_established"))
    take("response_allowed", reader.boolean("response_allowed"))
    take("quality_of_service", reader.integer("quality_of_service", -128, 127))
    take("client_user_id", reader.integer("client_user_id", 0, 255))
    take("max_pdu_size", reader.integer("max_pdu_size", 64, 0xFFFF))
    uses = {use: use for use in get_args(GeneralBlockTransfer)}
    take("general_block_transfer", reader.choice("general_block_transfer", uses))
    window = reader.integer("general_block_transfer_window", 1, MAX_GENERAL_BLOCK_TRANSFER_WINDOW)
    take("general_block_transfer_window", window)
    key = "general_block_transfer_acknowledge_last"
    take(key, reader.boolean(key))
    take("meter_type", reader.text("meter_type"))
    for key in ("connect_timeout_s", "response_timeout_s", "request_deadline_s"):
        take(key, reader.seconds(key))
    take("invocation_counter_object", reader.integer("invocation_counter_object", 0, 255))
    take("first_invocation_counter", reader.integer("first_invocation_counter", 1, COUNTER_LIMIT - 1))
    take("trust_meter_counter_reset", reader.boolean("trust_meter_counter_reset"))
    take("opposite_deviation", reader.boolean("opposite_deviation"))
    take("referencing", reader.choice("referencing", {name: name for name in get_args(Referencing)}))
    take("short_names", _short_names(reader))
    take("hdlc", _hdlc(reader))
    take("gateway", _gateway(reader))
    reader.finish()
    profile = Profile(**values)
    # What a mistake above has left out must not be reported as missing as well.
    mistakes = reader.mistakes + [
        mistake for mistake in contradictions(profile) if mistake.partition(":")[0] not in reader.wrong
    ]
    raise_if(mistakes, f"profile {name}")
    return profile


def _protection(reader: _Reader) -> MessageProtection:
    values = {
        "ciphering": reader.choice("ciphering", {name: name for name in CIPHERINGS}),
        "key_information": reader.choice("key_information", {name: name for name in KEY_INFORMATION}),
        "response_policy": reader.choice("response_policy", POLICIES),
        "sign_requests": reader.boolean("sign_requests"),
        "signed_responses": reader.boolean("signed_responses"),
        "older_algorithm_ids": reader.boolean("older_algorithm_ids"),
        "header_authenticated": reader.boolean("header_authenticated"),
    }
    given: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    return MessageProtection(**given)


def _hdlc(reader: _Reader) -> HdlcSettings | None:
    table = reader.table("hdlc")
    if table is None:
        return None
    values: dict[str, Any] = {
        "server_lower": table.integer("server_lower", 0, 0x3FFF),
        "address_size": table.choice("address_size", {1: 1, 2: 2, 4: 4}),
        "max_info_field_length": table.integer("max_info_field_length", 1, 2030),
        "window_size": table.integer("window_size", 1, 7),
        "inactivity_timeout_s": table.seconds("inactivity_timeout_s"),
        "inter_octet_timeout_s": table.seconds("inter_octet_timeout_s"),
        "unconfirmed_as_ui": table.boolean("unconfirmed_as_ui"),
    }
    table.finish()
    return HdlcSettings(**{key: value for key, value in values.items() if value is not None})


def _gateway(reader: _Reader) -> Gateway | None:
    table = reader.table("gateway")
    if table is None:
        return None
    network_id = table.integer("network_id", 0, 0xFF, required=True)
    address = table.hex_digits("address", _LONGEST_ADDRESS)
    table.finish()
    return None if network_id is None or address is None else Gateway(network_id, address)


def _short_names(reader: _Reader) -> tuple[ShortNameObject, ...] | None:
    found: list[ShortNameObject] = []
    for table in reader.tables("short_names"):
        base_name = table.integer("base_name", 0, 0xFFFF, required=True)
        class_id = table.integer("class_id", 0, 0xFFFF, required=True)
        version = table.integer("version", 0, 0xFF, required=True)
        logical_name = table.logical_name("logical_name")
        table.finish()
        if None not in (base_name, class_id, version, logical_name):
            found.append(ShortNameObject(base_name, class_id, version, logical_name))  # type: ignore[arg-type]
    return tuple(found) or None


class _Reader:
    """Takes known keys out of a table and notes what is wrong with them."""

    def __init__(self, table: dict[str, Any], prefix: str, secrets: Secrets) -> None:
        self._table = table
        self._prefix = prefix
        self._secrets = secrets
        self._known: list[str] = []
        self.mistakes: list[str] = []
        self.wrong: set[str] = set()

    def integer(self, key: str, low: int, high: int, *, required: bool = False) -> int | None:
        value = self._take(key, required=required)
        if value is None or (type(value) is int and low <= value <= high):
            return value
        self._mistake(key, f"a whole number from {low} to {high} is needed")
        return None

    def seconds(self, key: str) -> float | None:
        value = self._take(key)
        if value is None or (type(value) in {int, float} and 0 < value <= 86_400):
            return None if value is None else float(value)
        self._mistake(key, "a number of seconds above 0 and at most a day is needed")
        return None

    def boolean(self, key: str) -> bool | None:
        value = self._take(key)
        if value is None or type(value) is bool:
            return value
        self._mistake(key, "true or false is needed")
        return None

    def text(self, key: str) -> str | None:
        value = self._take(key)
        if value is None or isinstance(value, str):
            return value
        self._mistake(key, "a text is needed")
        return None

    def choice(self, key: str, choices: Mapping[Any, _T], *, required: bool = False) -> _T | None:
        value = self._take(key, required=required)
        if value is None:
            return None
        if type(value) in {str, int} and value in choices:
            return choices[value]
        self._mistake(key, f"one of {', '.join(map(str, choices))} is needed")
        return None

    def octets(self, key: str, length: int) -> bytes | None:
        value = self._take(key)
        if value is None:
            return None
        octets = from_hex(value) if isinstance(value, str) else None
        if octets is None or len(octets) != length:
            self._mistake(key, f"{2 * length} hex digits are needed")
            return None
        return octets

    def hex_digits(self, key: str, longest: int) -> bytes | None:
        """Octets that must be there, of any number up to ``longest``."""
        value = self._take(key, required=True)
        octets = from_hex(value) if isinstance(value, str) else None
        if value is not None and (octets is None or len(octets) > longest):
            self._mistake(key, f"up to {2 * longest} hex digits are needed")
            return None
        return octets

    def key(self, key: str) -> Key | None:
        """A symmetric key: the reference leads to hex digits."""
        octets = None if (secret := self._secret(key)) is None else from_hex(secret)
        if secret is not None and octets is None:
            self._mistake(key, "what it refers to is not hex digits")
            return None
        return None if octets is None else Key(octets)

    def password(self, key: str) -> Key | None:
        """A password: the reference leads to text, or to ``hex:`` and hex digits."""
        secret = self._secret(key)
        if secret is None:
            return None
        octets = from_hex(secret[4:]) if secret.startswith("hex:") else secret.encode()
        if octets is None:
            self._mistake(key, "after hex: come hex digits")
            return None
        return Key(octets)

    def parsed(self, key: str, parse: Callable[[str], _T]) -> _T | None:
        """What ``parse`` makes of the text that the reference leads to; it raises ValueError."""
        secret = self._secret(key)
        if secret is None:
            return None
        try:
            return parse(secret)
        except ValueError as error:
            self._mistake(key, str(error))
            return None

    def table(self, key: str) -> _Reader | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._mistake(key, "a table is needed")
            return None
        reader = _Reader(dict(value), f"{self._prefix}{key}.", self._secrets)
        reader.mistakes, reader.wrong = self.mistakes, self.wrong
        return reader

    def tables(self, key: str) -> list[_Reader]:
        """An array of tables; empty where there is none."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            self._mistake(key, "an array of tables is needed")
            return []
        readers = [
            _Reader(dict(table), f"{self._prefix}{key}[{number}].", self._secrets)
            for number, table in enumerate(value)
        ]
        for reader in readers:
            reader.mistakes, reader.wrong = self.mistakes, self.wrong
        return readers

    def logical_name(self, key: str) -> LogicalName | None:
        value = self._take(key, required=True)
        try:
            return None if value is None else LogicalName(value)
        except (TypeError, ValueError):
            self._mistake(key, "six numbers are needed, such as 0-0:1.0.0.255")
            return None

    def finish(self) -> None:
        """Whatever was not asked for is a mistake."""
        for key in self._table:
            near = get_close_matches(key, self._known, n=1)
            self._mistake(key, f"is not known{f', did you mean {near[0]}?' if near else ''}")

    def _secret(self, key: str) -> str | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._mistake(key, "a reference is needed: file:, env: or cmd:")
            return None
        try:
            return self._secrets.read(value)
        except ValueError as error:
            self._mistake(key, str(error))
            return None

    def _take(self, key: str, *, required: bool = False) -> Any:
        self._known.append(key)
        if required and key not in self._table:
            self._mistake(key, "is missing")
        return self._table.pop(key, None)

    def _mistake(self, key: str, message: str) -> None:
        self.wrong.add(self._prefix + key)
        self.mistakes.append(f"{self._prefix}{key}: {message}")


def _certificates_in(text: str) -> tuple[bytes, ...]:
    from dlms_fw.certificates import certificates_in  # here, as X.509 takes its time and most do without it

    return certificates_in(text)
