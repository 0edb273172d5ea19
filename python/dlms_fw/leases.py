"""Leases: locks of the operating system on small files, so that one process at a time works on a thing.

A lease ends with the process that holds it, however that ends; there is nothing to clean up after a crash.
The file says who holds it. This module does not know what is leased.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dlms_fw.errors import Busy, JournalError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(slots=True)
class Lease:
    """A locked file; the lock ends with the process, however it ends."""

    descriptor: int
    users: int = 0

    @staticmethod
    def take(path: Path, name: str) -> Lease:
        """Lock ``path`` for ``name``. Raises Busy, naming the holder, or JournalError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(f"no lease can be taken in {path.parent}: {error.strerror}") from error
        try:
            _lock(descriptor)
        except OSError as error:
            holder = (
                os.pread(descriptor, 200, 1).decode(errors="replace").strip() if hasattr(os, "pread") else ""
            )
            os.close(descriptor)
            raise Busy(
                f"{name} is in use by {holder or 'another process'}",
                hint="wait for it, or end it; its lease ends with it",
            ) from error
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"\nprocess {os.getpid()}\n".encode())
        return Lease(descriptor)

    def release(self) -> None:
        """Unlock. The file stays: were it removed, two processes could lock two files of one name."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)
