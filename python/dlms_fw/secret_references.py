"""References to secrets: ``file:``, ``env:`` and ``cmd:``, and what they lead to.

A file that people write points at secrets and never holds one. No error shows what was found.
"""

from __future__ import annotations

import logging
import shlex
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dlms_fw.regular_file import UnreadableError, read_once

__all__ = ["COMMAND_TIMEOUT_S", "Secrets", "from_hex", "read_secret"]

_LOG = logging.getLogger("dlms_fw.profiles")

COMMAND_TIMEOUT_S = 30
_LARGEST_FILE = 1 << 20


def read_secret(reference: str, folder: Path, environ: Mapping[str, str]) -> str:
    """What a ``file:``, ``env:`` or ``cmd:`` reference leads to; a ValueError never shows it."""
    return Secrets(folder, environ).read(reference)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Follows references to secrets; its errors never show one."""

    folder: Path
    environ: Mapping[str, str]

    def read(self, reference: str) -> str:
        """The text referred to, without white space around it. Raises ValueError with a sentence."""
        schemes: dict[str, Callable[[str], str]] = {"file": self._file, "env": self._env, "cmd": self._cmd}
        scheme, colon, rest = reference.partition(":")
        if not colon or scheme not in schemes:
            raise ValueError(
                "a secret does not belong into this file: write file:PATH, env:NAME or cmd:COMMAND"
            )
        secret = schemes[scheme](rest.strip()).strip()
        if not secret:
            raise ValueError(f"what {scheme}: refers to is empty")
        return secret

    def _file(self, name: str) -> str:
        if "\0" in name:
            raise ValueError("this is no path")
        path = self.folder / Path(name).expanduser()
        try:
            octets, status = read_once(path, _LARGEST_FILE)
            if status.st_mode & (stat.S_IRGRP | stat.S_IROTH):
                _LOG.warning("%s can be read by other users: chmod 600 it", path)
            return octets.decode()
        except UnreadableError as error:
            raise ValueError(f"cannot be read: {error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not text") from None

    def _env(self, name: str) -> str:
        if name not in self.environ:
            raise ValueError(f"the environment has no {name}")
        return self.environ[name]

    def _cmd(self, command: str) -> str:
        try:
            arguments = shlex.split(command)
            done = subprocess.run(  # noqa: S603 (the user's own command, without a shell)
                arguments,
                cwd=self.folder,
                capture_output=True,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
                text=True,
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"its command did not end within {COMMAND_TIMEOUT_S} s") from None
        except (OSError, ValueError, IndexError):
            raise ValueError("its command cannot be run") from None
        if done.returncode != 0:
            raise ValueError(f"its command ended with {done.returncode}")
        return done.stdout


def from_hex(text: str) -> bytes | None:
    """The octets of hex digits, with or without colons and white space; ``None`` for other text."""
    try:
        return bytes.fromhex("".join(text.replace(":", " ").split()))
    except ValueError:
        return None
