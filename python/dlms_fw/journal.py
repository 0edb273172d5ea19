"""The client's own records: counters given away, checkpoints of transfers, what was done, who works on what.

One sqlite3 file in WAL mode with ``synchronous=FULL``: what a method has returned from is on the disk.
Each row carries a checksum over all its columns, so a flipped bit is found when the file is opened and
never guessed around. No key is ever written, only fingerprints. The journal does not know what a
checkpoint means.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from dlms_fw.errors import ConfigurationError, JournalError
from dlms_fw.journal_tables import (
    APPLICATION_ID,
    CHALLENGES,
    COUNTERS,
    LATER_SCHEMA,
    METERS,
    RUNS,
    SCHEMA,
    SCHEMA_VERSION,
    TRANSFERS,
    Table,
    checksum,
)
from dlms_fw.leases import Lease
from dlms_fw.security import next_counters, warn_if_half_used

BUSY_TIMEOUT_S = 10.0
CHALLENGES_KEPT = 1000
"""Per meter."""
_CACHE_KIB = 256
"""What stays of the file in memory: few rows are asked for twice, and the system has the rest at hand."""


def default_path(environ: Mapping[str, str]) -> Path:
    """Where the journal of this user lives by the XDG rules (``%LOCALAPPDATA%`` on Windows). Creates nothing.

    Raises:
        ConfigurationError: where the environment names no home at all.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if state and Path(state).is_absolute():
        return Path(state) / "dlms-fw" / "journal.sqlite3"
    if sys.platform == "win32" and (local := environ.get("LOCALAPPDATA")):
        return Path(local) / "dlms-fw" / "journal.sqlite3"
    if home := environ.get("HOME") or environ.get("USERPROFILE"):
        return Path(home) / ".local" / "state" / "dlms-fw" / "journal.sqlite3"
    raise ConfigurationError(
        "no place for the journal: neither XDG_STATE_HOME nor HOME is set",
        hint="name one with --journal FILE",
    )


@dataclass(frozen=True, slots=True)
class MeterCounters:
    """What we know about the counters of one meter under one key.

    Attributes:
        accepts_from: The meter is known to accept our counters from here on.
        last_received: The highest counter that the meter itself has used towards us, or -1.
    """

    accepts_from: int
    last_received: int


class Journal:
    """The records of one user; safe to share between threads, and between processes through the file.

    Args:
        path: The file. Missing folders and the file are made, for the user alone, unless ``read_only``.
        read_only: For looking only: nothing is made, written or locked.
        busy_timeout_s: How long to wait for another process that is writing.

    Raises:
        JournalError: where the file cannot be opened, is not ours, is damaged, or is from a newer version.
    """

    def __init__(
        self, path: str | Path, *, read_only: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        self.path = Path(path).absolute()
        self.read_only = read_only
        self._lock = threading.RLock()
        self._leases: dict[str, Lease] = {}
        with self._errors("opened"):
            self._db = self._open(busy_timeout_s)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back all leases and close the file."""
        with self._lock:
            for name in list(self._leases):
                self._leases.pop(name).release()
            with self._errors("closed"):
                self._db.close()

    # Invocation counters

    def counters(self, key_fingerprint: str, system_title: bytes) -> CounterStream:
        """The stream of one key and one client system title, whatever meters they are used for."""
        return CounterStream(self, key_fingerprint, system_title)

    def reserved_to(self, key_fingerprint: str, system_title: bytes) -> int | None:
        """The lowest counter that was never given away, or ``None`` where nothing is known of this stream."""
        row = self._row(COUNTERS, (key_fingerprint, system_title.hex()))
        return None if row is None else int(row[2])

    def reserve(self, key_fingerprint: str, system_title: bytes, *, at_least: int, count: int) -> range:
        """Give away ``count`` counters; on the disk before it returns.

        Raises:
            SecurityError: of kind ``counter-exhausted``.
        """
        with self._write() as db:
            row = self._row(COUNTERS, (key_fingerprint, system_title.hex()))
            counters = next_counters(0 if row is None else int(row[2]), at_least, count)
            self._put(db, COUNTERS, (key_fingerprint, system_title.hex(), counters.stop))
        warn_if_half_used(key_fingerprint, counters)
        return counters

    def meter_counters(
        self, key_fingerprint: str, client_system_title: bytes, meter_system_title: bytes
    ) -> MeterCounters | None:
        """What is known about a meter, or ``None``."""
        row = self._row(METERS, (key_fingerprint, client_system_title.hex(), meter_system_title.hex()))
        return None if row is None else MeterCounters(int(row[3]), int(row[4]))

    def note_meter_counters(
        self,
        key_fingerprint: str,
        client_system_title: bytes,
        meter_system_title: bytes,
        *,
        accepts_from: int,
        last_received: int,
    ) -> None:
        """Remember what a verified exchange has shown; both values only ever grow."""
        key = (key_fingerprint, client_system_title.hex(), meter_system_title.hex())
        with self._write() as db:
            row = self._row(METERS, key)
            if row is not None:
                accepts_from, last_received = max(accepts_from, int(row[3])), max(last_received, int(row[4]))
            self._put(db, METERS, (*key, accepts_from, last_received))

    def forget_meter(self, meter_system_title: bytes) -> None:
        """Forget the counters of a meter that was replaced or reset; our own counters stay as they are."""
        with self._write() as db:
            db.execute("DELETE FROM meters WHERE meter_system_title = ?", (meter_system_title.hex(),))

    def meters_under(self, key_fingerprint: str) -> list[str]:
        """The system titles, as hex, of all meters that have proved themselves under this key."""
        with self._lock, self._errors("read"):
            rows = self._db.execute(
                "SELECT DISTINCT meter_system_title FROM meters WHERE key_fingerprint = ?", (key_fingerprint,)
            ).fetchall()
        return [str(title) for (title,) in rows]

    # Challenges of meters

    def has_challenge(self, meter: str, challenge: bytes) -> bool:
        """Whether this is among the last ``CHALLENGES_KEPT`` challenges noted of this meter."""
        return self._row(CHALLENGES, (meter, _challenge_digest(challenge))) is not None

    def note_challenge(self, meter: str, challenge: bytes) -> None:
        """Remember a digest of a challenge; on the disk before it returns."""
        with self._write() as db:
            last = db.execute("SELECT max(number) FROM challenges WHERE meter = ?", (meter,)).fetchone()[0]
            number = 1 + (last or 0)
            self._put(db, CHALLENGES, (meter, _challenge_digest(challenge), number))
            db.execute(
                "DELETE FROM challenges WHERE meter = ? AND number <= ?", (meter, number - CHALLENGES_KEPT)
            )

    # Transfers

    def checkpoint(self, meter: str, part: int) -> dict[str, Any] | None:
        """The last checkpoint saved for this part of this meter, or ``None``."""
        row = self._row(TRANSFERS, (meter, part))
        return None if row is None else json.loads(row[2])

    def save_checkpoint(self, meter: str, part: int, checkpoint: Mapping[str, Any]) -> None:
        """Replace the checkpoint; on the disk before it returns."""
        text = json.dumps(dict(checkpoint), sort_keys=True, separators=(",", ":"))
        with self._write() as db:
            self._put(db, TRANSFERS, (meter, part, text))

    def drop_checkpoint(self, meter: str, part: int) -> None:
        """Forget a transfer that is over."""
        with self._write() as db:
            db.execute("DELETE FROM transfers WHERE meter = ? AND part = ?", (meter, part))

    # Runs

    def note_run(self, record: Mapping[str, Any]) -> int:
        """Add to the record of what was asked for and what became of it; gives its number, never changes."""
        with self._write() as db:
            number = int(db.execute("SELECT coalesce(max(number), 0) + 1 FROM runs").fetchone()[0])
            self._put(db, RUNS, (number, json.dumps(dict(record), sort_keys=True)))
        return number

    def runs(self) -> list[dict[str, Any]]:
        """All of that record, oldest first."""
        with self._lock, self._errors("read"):
            rows = self._db.execute(RUNS.all).fetchall()
        return [json.loads(self._checked(RUNS, row)[1]) for row in rows]

    # Leases

    def lease(self, name: str) -> AbstractContextManager[None]:
        """Own ``name`` (a key stream, a meter) against all other processes and journals while the block runs.

        Users of this one Journal share it: counters given to them are disjoint anyway.

        Raises:
            Busy: naming the holder.
        """
        return _Leased(self, name)

    def acquire(self, name: str) -> None:
        """Take a lease; each call needs its :meth:`release`. Raises Busy."""
        with self._lock:
            lease = self._leases.get(name)
            if lease is None:
                lease = self._leases[name] = Lease.take(self._lease_path(name), name)
            lease.users += 1

    def release(self, name: str) -> None:
        """Give a lease back."""
        with self._lock:
            lease = self._leases.get(name)
            if lease is None:
                return
            lease.users -= 1
            if lease.users == 0:
                self._leases.pop(name).release()

    def _lease_path(self, name: str) -> Path:
        return (
            self.path.with_name(f"{self.path.name}.locks")
            / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"
        )

    # Rows

    def _row(self, table: Table, key: tuple[str | int, ...]) -> tuple[Any, ...] | None:
        with self._lock, self._errors("read"):
            row = self._db.execute(table.one, key).fetchone()
        return None if row is None else self._checked(table, row)

    def _put(self, db: sqlite3.Connection, table: Table, values: tuple[str | int, ...]) -> None:
        db.execute(table.put, (*values, checksum(table, values)))

    def _checked(self, table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if row[-1] != checksum(table, row[:-1]):
            raise self._damaged(f"a record of {table.name} does not match its checksum")
        return row[:-1]

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._errors("written"):
            self._commit()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _commit(self) -> None:
        """Ends what a :class:`~dlms_fw.deferred_journal.DeferredJournal` has begun."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    # The file

    def _open(self, busy_timeout_s: float) -> sqlite3.Connection:
        if not self.read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made here, not by sqlite, so that nobody else can ever read it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        if 0 < self.path.stat().st_size < 512:  # sqlite would take such a stump for a new file
            raise self._damaged("cut off")
        mode = "ro" if self.read_only else "rw"
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )

    def _prepare(self) -> None:
        identity = self._identity()
        if identity == (0, 0, 0) and not self.read_only:
            self._create()
            identity = self._identity()
        application_id, version, _ = identity
        if application_id != APPLICATION_ID:
            raise JournalError(
                f"{self.path} is not a journal of dlms-fw; it was not touched", code="journal.foreign"
            )
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"{self.path} is a journal of version {version}, this program knows version {SCHEMA_VERSION}",
                code="journal.version",
            )
        self._pragma(f"cache_size = -{_CACHE_KIB}")
        if not self.read_only:
            self._pragma("journal_mode = WAL")
            self._pragma("synchronous = FULL")
        if (answer := self._pragma("quick_check(1)")) != "ok":
            raise self._damaged(str(answer))
        tables = [COUNTERS, METERS, TRANSFERS, RUNS]
        if not self.read_only:
            self._db.execute(LATER_SCHEMA)
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (CHALLENGES.name,)).fetchone():
            tables.append(CHALLENGES)
        for table in tables:
            for row in self._db.execute(table.all):
                self._checked(table, row)

    def _create(self) -> None:
        self._pragma("journal_mode = WAL")
        self._pragma("synchronous = FULL")
        with self._write() as db:
            if self._identity() == (0, 0, 0):  # else another process was first
                for statement in SCHEMA.split(";")[:-1]:
                    db.execute(statement)
                self._pragma(f"application_id = {APPLICATION_ID}")
                self._pragma(f"user_version = {SCHEMA_VERSION}")
        _sync_folder(self.path.parent)

    def _identity(self) -> tuple[int, int, int]:
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return int(str(self._pragma("application_id"))), int(str(self._pragma("user_version"))), int(tables)

    def _pragma(self, text: str) -> object:
        row = self._db.execute(f"PRAGMA {text}").fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise JournalError(
                f"the journal {self.path} cannot be {verb}: {error}",
                code=_OPERATIONAL_CODES.get(error.sqlite_errorcode & 0xFF, "journal"),
                hint="nothing was sent without a record; name another place with --journal FILE",
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self.path} cannot be {verb}: {error}") from error
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be {verb}: {error.strerror}") from error

    def _damaged(self, what: str) -> JournalError:
        return JournalError(
            f"the journal {self.path} is damaged ({what})",
            code="journal.damaged",
            hint="move it away: counters are then read from the meter, transfers must be restarted",
        )


@dataclass(frozen=True, slots=True)
class _Leased:
    """A lease while a block runs; small, for each client that transfers holds one."""

    journal: Journal
    name: str

    def __enter__(self) -> None:
        self.journal.acquire(self.name)

    def __exit__(self, *_: object) -> None:
        self.journal.release(self.name)


@dataclass(frozen=True, slots=True)
class CounterStream:
    """The sending counters of one key and one client system title, kept in a journal."""

    journal: Journal
    key_fingerprint: str
    system_title: bytes

    @property
    def next(self) -> int | None:
        """The lowest counter never given away, or ``None`` where nothing is known."""
        return self.journal.reserved_to(self.key_fingerprint, self.system_title)

    @property
    def lease_name(self) -> str:
        """The name under which one process owns this stream."""
        return f"key {self.key_fingerprint} of {self.system_title.hex().upper()}"

    def reserve(self, at_least: int, count: int) -> range:
        """Take ``count`` counters that nobody had before; on the disk before it returns."""
        return self.journal.reserve(self.key_fingerprint, self.system_title, at_least=at_least, count=count)


def _challenge_digest(challenge: bytes) -> str:
    return hashlib.sha256(challenge).hexdigest()


def _sync_folder(folder: Path) -> None:
    """A new file is safe only when its folder is; Windows has no such call."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_OPERATIONAL_CODES = {
    sqlite3.SQLITE_BUSY: "journal.locked",
    sqlite3.SQLITE_LOCKED: "journal.locked",
    sqlite3.SQLITE_READONLY: "journal.read-only",
    sqlite3.SQLITE_FULL: "journal.full",
    sqlite3.SQLITE_CANTOPEN: "journal.unreachable",
    sqlite3.SQLITE_IOERR: "journal.io",
}
