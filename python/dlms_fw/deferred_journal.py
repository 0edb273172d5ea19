"""A journal for many tasks at once: what they write in one moment goes to the disk together.

A write of its own costs each task a few milliseconds in which no other gets on. Here a method that has
returned has only been written down; :meth:`DeferredJournal.commit` makes all of it durable at once. Whoever
uses it must let nothing leave that depends on a record before that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from dlms_fw.journal import Journal
from dlms_fw.memory_journal import MemoryJournal

__all__ = ["DeferredJournal", "deferred"]


class DeferredJournal(Journal):
    """The same records as those of ``journal``, which stays usable: its own writes are durable at once.

    Leases and reading are as ever. It is closed together with ``journal``.
    """

    def __init__(self, journal: Journal) -> None:
        self.path = journal.path
        self.read_only = journal.read_only
        self._lock = journal._lock
        self._leases = journal._leases
        self._db = journal._db

    def close(self) -> None:
        """What was written becomes durable; the file stays open."""
        self.commit()

    @property
    def is_settled(self) -> bool:
        """Whether everything that was written is on the disk."""
        return not self._db.in_transaction

    def commit(self) -> None:
        """Everything that was written is on the disk when this returns.

        Raises:
            JournalError: it is not, and all that was written since the last time is forgotten.
        """
        with self._lock, self._errors("written"):
            try:
                self._commit()
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._errors("written"):
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("SAVEPOINT one_write")
            try:
                yield self._db
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK TO one_write")
                    self._db.execute("RELEASE one_write")
                raise
            self._db.execute("RELEASE one_write")


def deferred(journal: Journal) -> DeferredJournal | MemoryJournal:
    """The same records, written together; one on memory has nothing to put off."""
    return journal if isinstance(journal, MemoryJournal) else DeferredJournal(journal)
