"""TOML files that people write: read once, under a limit."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from dlms_fw.errors import ConfigurationError
from dlms_fw.regular_file import UnreadableError, read_once

__all__ = ["read_toml"]

_LARGEST_FILE: Final = 1 << 20


def read_toml(path: Path, what: str, *, limit: int = _LARGEST_FILE) -> dict[str, Any]:
    """The tables of a file.

    Args:
        path: The file.
        what: What it holds, for the error, e.g. ``the keys``.
        limit: Octets that it may have.

    Raises:
        ConfigurationError: It cannot be read, has more octets, or is not TOML.
    """
    try:
        return tomllib.loads(read_once(path, limit)[0].decode())
    except UnreadableError as error:
        raise ConfigurationError(f"{what} cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from None
