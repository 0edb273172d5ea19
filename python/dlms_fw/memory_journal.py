"""A journal that lasts as long as its process: for simulations and tests, never for a real meter.

It keeps the same records by the same rules, on memory instead of a disk. After the end of the process nobody
knows which invocation counters were used, and a nonce that comes twice gives a key away.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dlms_fw.journal import CHALLENGES_KEPT, Journal, MeterCounters
from dlms_fw.security import next_counters, warn_if_half_used

_NOWHERE: Final = Path(":memory:")
_PLAIN: Final = frozenset({str, int, bool, type(None)})


class MemoryJournal(Journal):
    """The records of one process; safe to share between its threads."""

    def __init__(self) -> None:
        self.path = _NOWHERE
        self.read_only = False
        self._lock = threading.RLock()
        self._reserved: dict[tuple[str, bytes], int] = {}
        self._meters: dict[tuple[str, bytes, bytes], MeterCounters] = {}
        self._challenges: dict[str, dict[bytes, None]] = {}
        self._checkpoints: dict[tuple[str, int], dict[str, Any]] = {}
        self._runs: list[str] = []

    def close(self) -> None:
        """Nothing to give back; the records stay as long as the object."""

    @property
    def is_settled(self) -> bool:
        """Whether everything is written: always."""
        return True

    def commit(self) -> None:
        """Nothing waits to be written."""

    def reserved_to(self, key_fingerprint: str, system_title: bytes) -> int | None:
        """The lowest counter that was never given away, or ``None`` where nothing is known of this stream."""
        return self._reserved.get((key_fingerprint, system_title))

    def reserve(self, key_fingerprint: str, system_title: bytes, *, at_least: int, count: int) -> range:
        """Give away ``count`` counters. Raises SecurityError of kind ``counter-exhausted``."""
        with self._lock:
            key = key_fingerprint, system_title
            counters = next_counters(self._reserved.get(key, 0), at_least, count)
            self._reserved[key] = counters.stop
        warn_if_half_used(key_fingerprint, counters)
        return counters

    def meter_counters(
        self, key_fingerprint: str, client_system_title: bytes, meter_system_title: bytes
    ) -> MeterCounters | None:
        """What is known about a meter, or ``None``."""
        return self._meters.get((key_fingerprint, client_system_title, meter_system_title))

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
        key = key_fingerprint, client_system_title, meter_system_title
        with self._lock:
            known = self._meters.get(key)
            if known is not None:
                accepts_from = max(accepts_from, known.accepts_from)
                last_received = max(last_received, known.last_received)
            self._meters[key] = MeterCounters(accepts_from, last_received)

    def forget_meter(self, meter_system_title: bytes) -> None:
        """Forget the counters of a meter that was replaced or reset; our own counters stay as they are."""
        with self._lock:
            for key in [key for key in self._meters if key[2] == meter_system_title]:
                del self._meters[key]

    def meters_under(self, key_fingerprint: str) -> list[str]:
        """The system titles, as hex, of all meters that have proved themselves under this key."""
        with self._lock:
            return list({key[2].hex() for key in self._meters if key[0] == key_fingerprint})

    def has_challenge(self, meter: str, challenge: bytes) -> bool:
        """Whether this is among the last ``CHALLENGES_KEPT`` challenges noted of this meter."""
        return challenge in self._challenges.get(meter, ())

    def note_challenge(self, meter: str, challenge: bytes) -> None:
        """Remember a challenge."""
        with self._lock:
            known = self._challenges.setdefault(meter, {})
            known.pop(challenge, None)
            known[challenge] = None
            if len(known) > CHALLENGES_KEPT:
                del known[next(iter(known))]

    def checkpoint(self, meter: str, part: int) -> dict[str, Any] | None:
        """The last checkpoint saved for this part of this meter, or ``None``."""
        saved = self._checkpoints.get((meter, part))
        return None if saved is None else _copy(saved)

    def save_checkpoint(self, meter: str, part: int, checkpoint: Mapping[str, Any]) -> None:
        """Replace the checkpoint."""
        self._checkpoints[meter, part] = _copy(checkpoint)

    def drop_checkpoint(self, meter: str, part: int) -> None:
        """Forget a transfer that is over."""
        self._checkpoints.pop((meter, part), None)

    def note_run(self, record: Mapping[str, Any]) -> int:
        """Add to the record of what was asked for and what became of it; gives its number, never changes."""
        text = json.dumps(dict(record), sort_keys=True)
        with self._lock:
            self._runs.append(text)
            return len(self._runs)

    def runs(self) -> list[dict[str, Any]]:
        """All of that record, oldest first."""
        return [json.loads(text) for text in self._runs]

    def acquire(self, name: str) -> None:
        """Take a lease; who shares this journal shares it, and no other process can see it."""

    def release(self, name: str) -> None:
        """Give a lease back."""


def _copy(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same as it would come back from a file."""
    return {
        name: value if type(value) in _PLAIN else json.loads(json.dumps(value))
        for name, value in record.items()
    }
