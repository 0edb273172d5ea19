"""Non-volatile memory of a simulated meter: regions with barriers, records in two copies, image blocks.

The floor is :class:`Medium`: what is written may be lost in a power cut until ``sync`` has returned, and what
was not synced may survive in any part and any order. :class:`Directory` is real files; memory whose power can
be cut is in ``power_cut.py``. :class:`Records` and :class:`ImageBlockStore` make something trustworthy out of
either. Nothing here knows what the octets mean, and nothing here knows the time.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeGuard

from dlms_fw._core import decode_record, encode_record, stored_block_digest
from dlms_fw.errors import Busy, DlmsError
from dlms_fw.image_octets import ImageOctets, OctetsBehind, OctetsInMemory

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

Json: TypeAlias = dict[str, Any]

_READ_SIZE: Final = 1 << 20
_USUAL_RECORD: Final = 1 << 16
_LONGEST_RECORD: Final = 1 << 26
"""Octets; more is never read of one."""
_FILE_BLOCK: Final = 512
"""The unit of st_blocks."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class StorageError(DlmsError):
    """The meter's memory cannot be read, or what it holds cannot be trusted."""

    code = "meter.storage"


class RecordLost(StorageError):
    """Both copies of a record are damaged.

    Attributes:
        name: The record.
    """

    code = "meter.record-lost"

    def __init__(self, name: str) -> None:
        super().__init__(f"both copies of the record {name!r} are damaged")
        self.name = name


class Medium(Protocol):
    """Regions of non-volatile memory by name; sizes are octets, a fault of the memory is an ``OSError``."""

    def read(self, region: str, offset: int, size: int) -> bytes:
        """What is there now, shorter at the end of the region; a region never written is empty."""

    def write(self, region: str, offset: int, data: bytes) -> None:
        """Writes, volatile until the next ``sync`` of the region."""

    def erase(self, region: str) -> None:
        """Makes the region empty, volatile until the next ``sync``."""

    def reserve(self, region: str, size: int) -> None:
        """Makes sure that ``size`` octets have room, or raises OSError."""

    def sync(self, region: str) -> None:
        """The barrier: what was written to the region before is durable when this returns."""

    def close(self) -> None:
        """Gives the memory back; what was not synced stays as volatile as it was."""


class LendsRegions(Protocol):
    """A medium whose regions can be written in place: as good as a write by :meth:`Medium.write`.

    Attributes:
        is_durable: Whether what is written is durable at once, so that ``sync`` does nothing.
    """

    is_durable: bool

    def lend(self, region: str, size: int, reclaim: Callable[[], None]) -> Buffer | None:
        """The octets of a region, at least so many, to be written in place; ``None`` where that cannot be.

        ``reclaim`` is called before anybody else writes, erases or replaces the region; nothing may be
        written in place from then on.
        """
        ...


def _lends(medium: Medium) -> TypeGuard[LendsRegions]:
    # An isinstance of the protocol would look through the whole class, and meters come by the thousand.
    return hasattr(medium, "lend")


class Loans:
    """Which regions of a medium are lent, and how to get them back."""

    __slots__ = ("_reclaims",)

    def __init__(self) -> None:
        self._reclaims: dict[str, Callable[[], None]] = {}

    def lend(self, region: str, reclaim: Callable[[], None]) -> None:
        """From now on the region is lent to somebody."""
        self._reclaims[region] = reclaim

    def end(self, region: str) -> None:
        """From now on it is not; whoever has it is told."""
        if self._reclaims and (reclaim := self._reclaims.pop(region, None)) is not None:
            reclaim()


class Directory:
    """A medium of real files in a directory that belongs to one process at a time.

    A write reaches the kernel before the call returns, so it survives ``kill -9``; a power cut of the machine
    is survived by what has been synced. The same holds for what is written in place: a region is lent as a
    shared mapping of its file, whose blocks have been allocated before.
    """

    is_durable: Final = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Makes the directory where it is missing. Raises Busy where another process has it."""
        self.path = Path(path)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files: dict[str, int] = {}
        self._mappings: dict[str, mmap] = {}
        self._loans = Loans()
        self._directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._directory)
            raise Busy(f"the state directory {self.path} belongs to another running meter") from None

    def read(self, region: str, offset: int, size: int) -> bytes:
        """By pread."""
        return os.pread(self._file(region), size, offset)

    def write(self, region: str, offset: int, data: bytes) -> None:
        """By pwrite, all of it."""
        self._loans.end(region)
        file = self._file(region)
        written = os.pwrite(file, data, offset)
        while written < len(data):
            written += os.pwrite(file, data[written:], offset + written)

    def erase(self, region: str) -> None:
        """By truncation."""
        self._unmap(region)
        os.ftruncate(self._file(region), 0)

    def reserve(self, region: str, size: int) -> None:
        """By allocating the blocks of the file."""
        if size:
            os.posix_fallocate(self._file(region), 0, size)

    def sync(self, region: str) -> None:
        """By fdatasync, which on Linux writes what came through a mapping as well."""
        if sys.platform != "linux" and region in self._mappings:
            self._mappings[region].flush()
        os.fdatasync(self._file(region))

    def lend(self, region: str, size: int, reclaim: Callable[[], None]) -> Buffer | None:
        """A shared mapping of the file; not where its blocks are not allocated, as they may not be there."""
        self._loans.end(region)
        mapping = self._mappings.get(region)
        if mapping is None or len(mapping) < size:
            self._unmap(region)
            file = self._file(region)
            found = os.fstat(file)
            if not 0 < size <= min(found.st_size, found.st_blocks * _FILE_BLOCK):
                return None
            try:
                mapping = self._mappings[region] = mmap(file, size)
            except OSError:
                return None
        self._loans.lend(region, reclaim)
        return mapping

    def close(self) -> None:
        """Closes the files and lets the directory go."""
        for region in list(self._mappings):
            self._unmap(region)
        for file in (*self._files.values(), self._directory):
            os.close(file)
        self._files.clear()

    def _unmap(self, region: str) -> None:
        self._loans.end(region)
        mapping = self._mappings.pop(region, None)
        if mapping is not None:
            mapping.close()

    def _file(self, region: str) -> int:
        file = self._files.get(region)
        if file is None:
            known = (self.path / region).exists()
            file = os.open(self.path / region, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._files[region] = file
            if not known:
                os.fsync(self._directory)  # the name must be as durable as the content
        return file


class Records:
    """Small JSON records, each in two copies with a generation and a digest, replaced atomically.

    The copy that is not the newest is overwritten and synced, so one good copy is there at every instant. A
    torn, rotten or misplaced copy does not match its digest and is passed over.
    """

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._newest: dict[str, tuple[int, int]] = {}  # name -> (generation, which copy)

    def load(self, name: str) -> Json | None:
        """The newest good copy, or ``None`` where none was ever written whole. Raises RecordLost."""
        text = self.load_text(name)
        return None if text is None else json.loads(text)

    def load_text(self, name: str) -> str | None:
        """The same as it is written."""
        newest: tuple[int, str] | None = None
        bad = 0
        for copy in (0, 1):
            octets = self._octets(f"{name}.{copy}")
            found = decode_record(name, octets) if octets else None
            if found is None:
                bad += octets != b""
            elif newest is None or newest[0] < found[0]:
                newest = found
                self._newest[name] = found[0], copy
        if newest is None and bad == 2:
            raise RecordLost(name)
        return None if newest is None else newest[1]

    def require(self, name: str) -> Json:
        """The same of a record that must be there. Raises RecordLost."""
        value = self.load(name)
        if value is None:
            raise RecordLost(name)
        return value

    def store(self, name: str, value: Json | str, *, wipe: bool = False) -> None:
        """Replaces the record; durable when this returns. After an OSError the old value holds.

        A ``str`` is the value as it is written. With ``wipe`` the copy that is overwritten is erased first,
        so that nothing of a longer value stays.
        """
        generation, newest = self._newest.get(name, (0, 1))
        copy, generation = 1 - newest, generation + 1
        text = value if isinstance(value, str) else _encode(value)
        region, medium = f"{name}.{copy}", self._medium
        if wipe:
            medium.erase(region)
        medium.write(region, 0, encode_record(name, generation, text))
        medium.sync(region)
        self._newest[name] = generation, copy

    def create(self, name: str, value: Json | str) -> None:
        """Both copies at once, over whatever lies there: from here on the loss of both is seen as a loss."""
        for copy in (0, 1):
            self._medium.erase(f"{name}.{copy}")
            self._medium.sync(f"{name}.{copy}")
        self._newest.pop(name, None)
        self.store(name, value)
        self.store(name, value)

    def _octets(self, region: str) -> bytes | None:
        """All that is in a copy; ``None`` where it cannot be read."""
        try:
            octets = self._medium.read(region, 0, _USUAL_RECORD)
            return octets if len(octets) < _USUAL_RECORD else self._medium.read(region, 0, _LONGEST_RECORD)
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class LentBlocks:
    """The memory of an image, to be written in place.

    Attributes:
        blocks: The image.
        digests: One digest behind the other.
        most: So many blocks may be written before the next one must go through the store.
    """

    blocks: Buffer
    digests: Buffer
    most: int


class ImageBlockStore:
    """The memory that an image is received into, block by block.

    Beside the blocks lies a table with one digest per block, over the serial number of the transfer, the
    block number and the block. A block counts as transferred exactly when its digest matches its octets, so
    no order of the two writes and no mixture that a power cut leaves can make a bit 1 over a wrong block, and
    blocks of an earlier transfer never count. The price is said openly: an acknowledged block survives ``kill
    -9`` at once, and a power cut from the next :meth:`barrier` on, which comes every ``sync_every_blocks``
    blocks; what was lost reads as missing.
    """

    BLOCKS: Final = "incoming.blocks"
    DIGESTS: Final = "incoming.digests"
    DIGEST_SIZE: Final = 16

    def __init__(self, medium: Medium, *, sync_every_blocks: int = 64) -> None:
        """``sync_every_blocks`` 1 syncs before every acknowledgement."""
        if sync_every_blocks < 1:
            raise ValueError("sync_every_blocks must be at least 1")
        self._medium = medium
        self._lent: LentBlocks | None = None
        self._lending = medium if _lends(medium) else None
        self._sync_every_blocks = sync_every_blocks
        self._unsynced_blocks = 0
        self._serial = 0
        self._image_size = 0
        self._image_block_size = 1

    def reserve(self, image_size: int, image_block_size: int) -> None:
        """Makes sure that there is room for an image; raises OSError where there is none."""
        self._medium.reserve(self.BLOCKS, image_size)
        self._medium.reserve(self.DIGESTS, -(-image_size // image_block_size) * self.DIGEST_SIZE)

    def begin(self, serial: int, image_size: int, image_block_size: int) -> None:
        """Turns to a transfer: everything that belongs to another serial number counts as missing."""
        self._serial = serial
        self._image_size = image_size
        self._image_block_size = image_block_size
        self._unsynced_blocks = 0
        self._lent = None

    def scan(self) -> Iterator[tuple[int, bool]]:
        """Each block number, and whether the block is there and can be read. Reads the whole image once."""
        per_read = max(1, _READ_SIZE // self._image_block_size)
        count = -(-self._image_size // self._image_block_size)
        for start in range(0, count, per_read):
            yield from self._scan(start, min(per_read, count - start))

    def _scan(self, start: int, length: int) -> Iterator[tuple[int, bool]]:
        try:
            octets = self._read_range(start * self._image_block_size, length * self._image_block_size)
            digests = self._medium.read(self.DIGESTS, start * self.DIGEST_SIZE, length * self.DIGEST_SIZE)
        except OSError:
            if length == 1:
                yield start, False
                return
            half = length // 2
            yield from self._scan(start, half)
            yield from self._scan(start + half, length - half)
            return
        for index in range(length):
            value = octets[index * self._image_block_size : (index + 1) * self._image_block_size]
            noted = digests[index * self.DIGEST_SIZE : (index + 1) * self.DIGEST_SIZE]
            yield start + index, noted == self._digest(start + index, value)

    def write(self, image_block_number: int, image_block_value: bytes) -> None:
        """Stores a block of the right length; it survives ``kill -9`` when this returns.

        Raises OSError where the memory fails; what lies there then counts as missing unless it is whole.
        """
        offset = image_block_number * self._image_block_size
        if offset + len(image_block_value) > self._image_size:
            raise ValueError("the block lies outside the image")
        write = self._medium.write
        write(self.BLOCKS, offset, image_block_value)
        digest = self._digest(image_block_number, image_block_value)
        write(self.DIGESTS, image_block_number * self.DIGEST_SIZE, digest)
        self._unsynced_blocks += 1
        if self._unsynced_blocks >= self._sync_every_blocks:
            self.barrier()

    def lend(self, reclaim: Callable[[], None]) -> LentBlocks | None:
        """Blocks and digests to be written in place, where the medium can lend them.

        ``reclaim`` is called before anything else happens to them. Whoever has written blocks says how many
        by :meth:`note_written`.
        """
        medium = self._lending
        if medium is None:
            return None
        count = -(-self._image_size // self._image_block_size)
        most = count if medium.is_durable else self._sync_every_blocks - self._unsynced_blocks - 1
        if most < 1:
            return None
        blocks = medium.lend(self.BLOCKS, self._image_size, reclaim)
        digests = medium.lend(self.DIGESTS, count * self.DIGEST_SIZE, reclaim)
        return None if blocks is None or digests is None else LentBlocks(blocks, digests, most)

    def lend_to_itself(self) -> LentBlocks | None:
        """The same for who writes some blocks now and is done with them; kept where nothing else happens."""
        lent = self._lent
        if lent is None:
            lent = self.lend(self._forget_lent)
            if self._lending is not None and self._lending.is_durable:
                self._lent = lent
        return lent

    def _forget_lent(self) -> None:
        self._lent = None

    def note_written(self, blocks: int) -> None:
        """So many blocks have been written in place."""
        self._unsynced_blocks += blocks

    def read(self, image_block_number: int) -> bytes:
        """One block as it is stored."""
        return self._read_range(image_block_number * self._image_block_size, self._image_block_size)

    def read_image(self) -> bytes:
        """All octets of the image as they are stored."""
        return self._read_range(0, self._image_size)

    def octets(self) -> ImageOctets:
        """The same, read when they are needed where they are many."""
        if self._image_size <= _READ_SIZE:
            return OctetsInMemory(self.read_image())
        return OctetsBehind(self._image_size, self._read_range)

    def barrier(self) -> None:
        """All blocks written so far are durable when this returns."""
        if self._unsynced_blocks:
            self._medium.sync(self.BLOCKS)
            self._medium.sync(self.DIGESTS)
            self._unsynced_blocks = 0

    def _read_range(self, offset: int, size: int) -> bytes:
        return self._medium.read(self.BLOCKS, offset, min(size, self._image_size - offset))

    def _digest(self, image_block_number: int, value: bytes) -> bytes:
        return stored_block_digest(self._serial, image_block_number, value)


def write_durably(medium: Medium, region: str, data: bytes) -> None:
    """Replaces a region, syncs it and reads it back; raises OSError where it does not hold the data."""
    medium.erase(region)
    medium.write(region, 0, data)
    medium.sync(region)
    if medium.read(region, 0, len(data) + 1) != data:
        raise OSError(f"the region {region!r} does not hold what was written")
