"""The file of keys for decoding captures: references to secrets, as in profiles, and system titles."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dlms_fw._core import Key
from dlms_fw.decode import DecodingKeys
from dlms_fw.elliptic_keys import private_key_in, public_key_in
from dlms_fw.errors import ConfigurationError
from dlms_fw.secret_references import read_secret
from dlms_fw.security import SYSTEM_TITLE_LENGTH
from dlms_fw.toml_files import read_toml

__all__ = ["load_decoding_keys"]

_KEYS = (
    "global_unicast_encryption_key",
    "global_broadcast_encryption_key",
    "authentication_key",
    "dedicated_key",
    "master_key",
)
_LISTS: dict[str, Callable[[str], object]] = {"private_keys": private_key_in, "public_keys": public_key_in}
"""Keys on a curve: each name has a list of references to PEM texts."""
_KEY_LENGTHS = (16, 32)


def load_decoding_keys(path: str | Path, *, environ: Mapping[str, str] | None = None) -> DecodingKeys:
    """Read a TOML file of keys; ``file:`` references are relative to it, and lead to hex digits or PEM.

    Args:
        path: The TOML file.
        environ: What ``env:`` references look into; the process environment by default.

    Raises:
        ConfigurationError: naming every mistake at once, and never the value of a key.
    """
    path = Path(path)
    table = read_toml(path, "the keys")
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    environ = os.environ if environ is None else environ
    for name, parse in _LISTS.items():
        try:
            values[name] = _parsed(table.pop(name, []), parse, path.parent, environ)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    for name in _KEYS:
        reference = table.pop(name, None)
        if reference is None:
            continue
        try:
            values[name] = _key(reference, path.parent, environ)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    try:
        values["system_titles"] = tuple(_title(title) for title in table.pop("system_titles", []))
    except (TypeError, ValueError):
        mistakes.append(f"system_titles: a list of texts of {2 * SYSTEM_TITLE_LENGTH} hex digits is needed")
    for name in table:
        near = get_close_matches(name, [*_KEYS, *_LISTS, "system_titles"], n=1)
        mistakes.append(f"{name}: is not known{f', did you mean {near[0]}?' if near else ''}")
    if mistakes:
        raise ConfigurationError(f"{path}: " + "; ".join(mistakes), code="configuration.keys")
    return DecodingKeys(**values)


def _key(reference: object, folder: Path, environ: Mapping[str, str]) -> Key:
    if not isinstance(reference, str):
        raise ValueError("a reference is needed: file:, env: or cmd:")
    secret = read_secret(reference, folder, environ)
    try:
        octets = bytes.fromhex(secret)
    except ValueError:
        octets = b""
    if len(octets) not in _KEY_LENGTHS:
        raise ValueError("what it refers to is not 32 or 64 hex digits")
    return Key(octets)


def _parsed(
    references: object, parse: Callable[[str], object], folder: Path, environ: Mapping[str, str]
) -> tuple[object, ...]:
    if not isinstance(references, list) or not all(isinstance(it, str) for it in references):
        raise ValueError("a list of references is needed: file:, env: or cmd:")
    return tuple(parse(read_secret(reference, folder, environ)) for reference in references)


def _title(text: str) -> bytes:
    octets = bytes.fromhex(text)
    if len(octets) != SYSTEM_TITLE_LENGTH:
        raise ValueError(text)
    return octets
