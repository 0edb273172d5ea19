"""Leases: locks of the operating system on small files, so that one process at a time works on a thing.

A lease ends with the process that holds it, however that ends; there is nothing to clean up after a crash.
The file says who holds it. This module does not know what is leased.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from io import FileIO
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
    """A locked file; the lock ends with the process, however it ends, and with the last reference to this.

    So an interruption between two steps here cannot leave a lock that nobody holds.
    """

    file: FileIO
    users: int = 0

    @staticmethod
    def take(path: Path, name: str) -> Lease:
        """Lock ``path`` for ``name``. Raises Busy, naming the holder, or JournalError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise JournalError(f"no lease can be taken in {path.parent}: {error.strerror}") from error
        try:
            _lock(file.fileno())
        except OSError as error:
            pread = getattr(os, "pread", None)
            holder = "" if pread is None else pread(file.fileno(), 200, 1).decode(errors="replace").strip()
            file.close()
            raise Busy(
                f"{name} is in use by {holder or 'another process'}",
                hint="wait for it, or end it; its lease ends with it",
            ) from error
        file.truncate(0)
        file.seek(0)
        file.write(f"\nprocess {os.getpid()}\n".encode())
        return Lease(file)

    def release(self) -> None:
        """Unlock. The file stays: were it removed, two processes could lock two files of one name."""
        try:
            self.file.truncate(0)
        finally:
            self.file.close()
