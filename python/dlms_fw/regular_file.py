"""Files that are opened once: read whole under a limit, created exclusively, or replaced in one step.

What is checked is what was opened, never a path that may name something else a moment later. This module
knows neither images nor keys; its callers turn ``UnreadableError`` and ``OSError`` into errors of their own.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

# Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever. Unknown flags are 0.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

StrPath = str | os.PathLike[str]


class UnreadableError(Exception):
    """A file that cannot be read, or not safely; the message says why.

    Attributes:
        too_large: Whether only its size is the reason.
    """

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


def open_once(path: StrPath, limit: int) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file of at most ``limit`` octets, to be closed by the caller; and its status.

    Symbolic links are followed, once. A FIFO, device or directory is refused.

    Raises:
        UnreadableError: With one sentence naming the file.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(path, _READ)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{name}: {_why(error)}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{name} is not a regular file")
        if status.st_size > limit:
            raise UnreadableError(
                f"{name} has {status.st_size} octets, at most {limit} are read", too_large=True
            )
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise UnreadableError(f"{name}: {_why(error)}") from error
        raise
    return descriptor, status


def read_once(path: StrPath, limit: int) -> tuple[bytes, os.stat_result]:
    """The octets of a regular file of at most ``limit`` octets, and its status as it was opened.

    A file that grows or shrinks meanwhile is refused. At no time is there a second copy of the octets.

    Raises:
        UnreadableError: With one sentence naming the file; also as :func:`open_once`.
    """
    descriptor, status = open_once(path, limit)
    try:
        with os.fdopen(descriptor, "rb") as stream:
            octets = stream.read(status.st_size + 1)
    except OSError as error:
        raise UnreadableError(f"{os.fspath(path)}: {_why(error)}") from error
    if len(octets) != status.st_size:
        raise UnreadableError(f"{os.fspath(path)} changed its size while it was being read")
    return octets, status


def create(path: StrPath, octets: bytes, *, mode: int) -> None:
    """Write a new file, durably; raises ``FileExistsError`` rather than touch one that is there."""
    _write(os.open(path, _CREATE, mode), (octets,), path)


def replace(path: StrPath, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file in one step: a reader, or a crash, sees the old one or the new one, never a part.

    Raises ``OSError``, also where something else than a regular file is in the place.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise FileExistsError(f"{target} is not a regular file")
    # A link keeps pointing where it does; what it points to is replaced.
    target = target.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    _write(os.open(draft, _CREATE, 0o666), pieces, draft)
    try:
        os.replace(draft, target)
    except OSError:
        draft.unlink()
        raise


def _write(descriptor: int, pieces: Iterable[bytes | memoryview], path: StrPath) -> None:
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        # Half a key or half an image must not look like a whole one.
        Path(path).unlink(missing_ok=True)
        raise


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
