"""The members of a group out of a file: TOML with one table each, or CSV with one row each.

A file names profiles and holds no secret. All mistakes are told with the place where they are.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dlms_fw.errors import ConfigurationError
from dlms_fw.multicast import Member
from dlms_fw.profiles import Profile
from dlms_fw.regular_file import UnreadableError, read_once

_LARGEST_FILE = 1 << 24
_KEYS = ("url", "profile", "line", "name")


def read_members(path: str, profile_of: Callable[[str | None], Profile]) -> list[Member]:
    """The members in a file.

    Args:
        path: ``*.csv`` is CSV with a head line, anything else TOML with ``[[members]]``.
        profile_of: Gives the profile of that name.

    Raises:
        ConfigurationError: the file cannot be read or understood.
    """
    try:
        text = read_once(path, _LARGEST_FILE)[0].decode()
    except UnreadableError as error:
        raise _mistake(path, str(error)) from error
    except UnicodeDecodeError as error:
        raise _mistake(path, "it is not UTF-8") from error
    rows = _csv(path, text) if Path(path).suffix.lower() == ".csv" else _toml(path, text)
    members = [_member(where, row, profile_of) for where, row in rows]
    if not members:
        raise _mistake(path, "it names no members")
    return members


def _csv(path: str, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    for row in reader:
        if None in row:
            raise _mistake(f"{path}, line {reader.line_num}", "it has more fields than the head line")
        filled = {key.strip(): value.strip() for key, value in row.items() if value and value.strip()}
        if filled:
            yield f"{path}, line {reader.line_num}", filled


def _toml(path: str, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _mistake(path, str(error)) from error
    members = document.get("members")
    if set(document) - {"members"} or not isinstance(members, list):
        raise _mistake(path, "it must be made of [[members]] alone")
    for number, row in enumerate(members, 1):
        if not isinstance(row, dict):
            raise _mistake(path, f"member {number} is not a table")
        yield f"{path}, member {number}", row


def _member(where: str, row: Mapping[str, Any], profile_of: Callable[[str | None], Profile]) -> Member:
    for key, value in row.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            raise _mistake(where, f"{key} is not known", f"did you mean {near[0]}?" if near else None)
        if not isinstance(value, str):
            raise _mistake(where, f"{key} is not a text")
    if "url" not in row:
        raise _mistake(where, "url is missing")
    return Member(row["url"], profile_of(row.get("profile")), row.get("line"), row.get("name"))


def _mistake(where: str, what: str, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(f"{where}: {what}", code="configuration.members", hint=hint)
