"""Where the octets of an image are: in memory, or in a file from which they are read when they are needed.

A file can change after it was checked. So each piece of it has its digest taken when it is first read, and is
compared with it each time that it is read again: whatever leaves here is what was read first, or nothing.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final, Protocol

from dlms_fw import regular_file
from dlms_fw.errors import ImageRejected
from dlms_fw.regular_file import StrPath

PIECE_SIZE: Final = 4096
"""Octets that are read, and digested, together."""

KEPT_PIECES: Final = 256
"""Pieces that are kept in memory, for meters that are all at about the same place: one MiB."""

_DIGEST_SIZE: Final = 32
_UNKNOWN: Final = bytes(_DIGEST_SIZE)
_RUN: Final = 64
"""Pieces of one reading when all octets are wanted."""


@contextmanager
def rejected_if_unreadable() -> Iterator[None]:
    """A file that cannot be read raises ImageRejected ``file`` or ``size``."""
    try:
        yield
    except regular_file.UnreadableError as error:
        raise ImageRejected(str(error), reason="size" if error.too_large else "file") from error


class ImageOctets(Protocol):
    """The octets of one image, which never change."""

    @property
    def size(self) -> int:
        """How many octets there are."""

    def read(self, offset: int, length: int) -> bytes:
        """``length`` octets from ``offset`` on; fewer where the image ends."""

    def runs(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The octets from ``start`` to ``end``, a part at a time."""

    def whole(self) -> bytes:
        """All octets, in memory."""


class OctetsInMemory:
    """Octets that are in memory already."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def size(self) -> int:
        """How many octets there are."""
        return len(self._octets)

    def read(self, offset: int, length: int) -> bytes:
        """``length`` octets from ``offset`` on; fewer where the image ends."""
        return self._octets[offset : offset + length]

    def runs(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The octets from ``start`` to ``end``, not copied."""
        yield memoryview(self._octets)[start:end]

    def whole(self) -> bytes:
        """All octets."""
        return self._octets


class OctetsBehind:
    """Octets that somebody else reads, and vouches that they stay the same.

    Args:
        size: How many octets there are.
        read: Reads so many from an offset on; fewer where they end. May raise what it wants.
    """

    __slots__ = ("_read", "_size")

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self._size = size
        self._read = read

    @property
    def size(self) -> int:
        """How many octets there are."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """``length`` octets from ``offset`` on; fewer where the image ends."""
        return self._read(offset, length)

    def runs(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The octets from ``start`` to ``end``, some hundred KiB at a time."""
        for offset in range(start, end, _RUN * PIECE_SIZE):
            yield self._read(offset, min(_RUN * PIECE_SIZE, end - offset))

    def whole(self) -> bytes:
        """All octets, in memory."""
        return self._read(0, self._size)


class OctetsInFile:
    """Octets that stay in their file, which is open as long as this object lives.

    In memory are a digest of each piece, 1/128 of the file, and the pieces read last. What cannot be read, or
    is no longer what it was, raises ImageRejected ``file``. Any thread may read.

    Raises:
        ImageRejected: ``file`` or ``size``, see :func:`dlms_fw.regular_file.open_once`.
    """

    def __init__(self, path: StrPath, size_limit: int) -> None:
        self._name = os.fspath(path)
        with rejected_if_unreadable():
            descriptor, status = regular_file.open_once(path, size_limit)
        self._stream = open(descriptor, "rb", buffering=0)  # noqa: SIM115 (it lives as long as this object)
        weakref.finalize(self, self._stream.close)
        self._size = status.st_size
        self._digests = bytearray(_DIGEST_SIZE * -(-self._size // PIECE_SIZE))
        self._kept: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many octets there are."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """``length`` octets from ``offset`` on; fewer where the image ends. Raises ImageRejected ``file``."""
        first, within = divmod(offset, PIECE_SIZE)
        piece = self._piece(first)
        if within + length <= PIECE_SIZE:
            return piece[within : within + length]
        last = (min(offset + length, self._size) - 1) // PIECE_SIZE
        joined = b"".join((piece, *map(self._piece, range(first + 1, last + 1))))
        return joined[within : within + length]

    def runs(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The octets from ``start`` to ``end``, some hundred KiB at a time. Raises ImageRejected ``file``."""
        while start < end:
            first, within = divmod(start, PIECE_SIZE)
            with self._lock:
                octets = self._load(first, _RUN)
            part = memoryview(octets)[within : within + end - start]
            yield part
            start += len(part)
        if os.fstat(self._stream.fileno()).st_size != self._size:
            raise self._changed()

    def whole(self) -> bytes:
        """All octets, in memory. Raises ImageRejected ``file``."""
        return b"".join(self.runs(0, self._size))

    def _piece(self, number: int) -> bytes:
        with self._lock:
            piece = self._kept.get(number)
            if piece is None:
                piece = self._load(number, 1)
                if len(self._kept) >= KEPT_PIECES:
                    del self._kept[next(iter(self._kept))]
                self._kept[number] = piece
        return piece

    def _load(self, first: int, count: int) -> bytes:
        """So many pieces from the file, each as it was when it was first read."""
        start = first * PIECE_SIZE
        due = max(0, min(count * PIECE_SIZE, self._size - start))
        try:
            self._stream.seek(start)
            octets = self._stream.read(due)
        except OSError as error:
            raise ImageRejected(f"{self._name}: {error.strerror or error}", reason="file") from error
        if octets is None or len(octets) != due:
            raise self._changed()
        view = memoryview(octets)
        for at in range(0, due, PIECE_SIZE):
            digest = sha256(view[at : at + PIECE_SIZE]).digest()
            place = (start + at) // PIECE_SIZE * _DIGEST_SIZE
            known = self._digests[place : place + _DIGEST_SIZE]
            if known != digest:
                if known != _UNKNOWN:
                    raise self._changed()
                self._digests[place : place + _DIGEST_SIZE] = digest
        return octets

    def _changed(self) -> ImageRejected:
        return ImageRejected(
            f"{self._name} is no longer the file that was checked",
            reason="file",
            hint="replace an image file by renaming another one, or keep the image in memory",
        )
