"""The meter's invocation counters: none is sent twice and none accepted twice, over any power cut.

One stream for each key, named by its fingerprint. What is recorded is a bound above everything used; it is
moved in strides before it is reached. After a restart that was no clean stop the meter therefore skips some
of its own counters, and expects a client's counter above the bound. A client that was within it is told so
and goes on above.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dlms_fw.errors import SecurityError
from dlms_fw.meter.storage import Records

COUNTER_END: Final = 0xFFFF_0000
"""The first counter that is never used (NIST SP 800-38D leaves no second try)."""
_DOUBLINGS: Final = 4
"""How often a stride doubles while a key is in use: each record of a long transfer lasts longer."""


class CounterRecord:
    """The counters of all keys, as a server session wants them."""

    RECORD: Final = "counters"

    def __init__(self, records: Records, *, stride: int) -> None:
        """Raises RecordLost: without its counters a meter must not speak under its keys."""
        self._records = records
        self._stride = stride
        self._strides: dict[str, int] = {}
        self._bounds: dict[str, dict[str, int]] = records.require(self.RECORD)
        self._accepted = {name: bounds["accepted"] for name, bounds in self._bounds.items()}

    @classmethod
    def create(cls, records: Records) -> None:
        """A new meter has used no counter."""
        records.create(cls.RECORD, {})

    def reserve(self, key_fingerprint: str, count: int) -> range:
        """Takes counters to send with; durable when it returns. Raises SecurityError near 2**32."""
        start = self._bound(key_fingerprint, "sent") + 1
        if start + count > COUNTER_END:
            raise SecurityError("the invocation counter is used up: change the key", kind="counter-exhausted")
        self._raise_bound(key_fingerprint, "sent", start + count - 1)
        return range(start, start + count)

    def last_accepted(self, key_fingerprint: str) -> int:
        """The highest counter accepted; after a restart the bound that it cannot have passed; -1 for none."""
        return self._accepted.get(key_fingerprint, -1)

    def accepted_bound(self, key_fingerprint: str) -> int:
        """Up to here counters may be accepted without a record of it; -1 for none."""
        return self._bound(key_fingerprint, "accepted")

    def accepted(self, key_fingerprint: str, counter: int) -> None:
        """A message with this counter is going to be acted on."""
        last = self._accepted.get(key_fingerprint, -1)
        if counter <= last:
            return
        if counter > self._bound(key_fingerprint, "accepted"):
            stride = self._strides.get(key_fingerprint, self._stride)
            self._raise_bound(key_fingerprint, "accepted", counter + stride)
            self._strides[key_fingerprint] = min(2 * stride, self._stride << _DOUBLINGS)
        self._accepted[key_fingerprint] = counter

    def settle(self) -> None:
        """A clean stop: the exact numbers instead of the bounds."""
        exact = {
            name: bounds | {"accepted": self._accepted.get(name, bounds["accepted"])}
            for name, bounds in self._bounds.items()
        }
        self._records.store(self.RECORD, exact)
        self._bounds = exact

    def _bound(self, key_fingerprint: str, direction: str) -> int:
        return self._bounds.get(key_fingerprint, {}).get(direction, -1)

    def _raise_bound(self, key_fingerprint: str, direction: str, bound: int) -> None:
        old = self._bounds.get(key_fingerprint, {"sent": -1, "accepted": -1})
        bounds = self._bounds | {key_fingerprint: old | {direction: bound}}
        self._records.store(self.RECORD, _record(bounds))
        self._bounds = bounds


def _record(bounds: Mapping[str, Mapping[str, int]]) -> str:
    """The same as JSON, as all records are written; the names are fingerprints, hexadecimal digits."""
    of_keys = (
        f'"{name}":{{"accepted":{of_key["accepted"]},"sent":{of_key["sent"]}}}'
        for name, of_key in sorted(bounds.items())
    )
    return f"{{{','.join(of_keys)}}}"
