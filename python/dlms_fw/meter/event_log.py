"""Event logs in non-volatile memory: rings of small entries, each durable before the call returns.

An entry is written at a fixed place with its own digest, so a power cut costs at most the entry it hits, and
that one is always the oldest. Firmware events have a ring of their own: no storm of other events drives them
out. How a log is read as a profile generic is in ``log_objects.py``.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from dlms_fw.meter.storage import Medium


class StandardEvent(IntEnum):
    """Codes of the standard log, 0-0:96.11.0.255 (MCS301 manual, page 74; 30 to 51: IDIS practice)."""

    POWER_DOWN = 1
    POWER_UP = 2
    DAYLIGHT_SAVING_CHANGED = 3
    CLOCK_ADJUSTED_OLD_TIME = 4
    CLOCK_ADJUSTED_NEW_TIME = 5
    TIME_OF_USE_ACTIVATED = 9
    ERROR_REGISTER_CLEARED = 10
    ALARM_REGISTER_CLEARED = 11
    PROGRAM_MEMORY_ERROR = 12
    NV_MEMORY_ERROR = 14
    FIRMWARE_READY_FOR_ACTIVATION = 17
    FIRMWARE_ACTIVATED = 18
    PASSIVE_TIME_OF_USE_PROGRAMMED = 19
    FIRMWARE_TRANSFER_STARTED = 30
    FIRMWARE_TRANSFER_FINISHED = 31
    FIRMWARE_ACTIVATION_FAILED = 32
    PARAMETERS_CHANGED = 47
    GLOBAL_KEYS_CHANGED = 48
    FIRMWARE_VERIFICATION_FAILED = 51
    LOAD_PROFILE_CLEARED = 254


class FraudEvent(IntEnum):
    """Codes of the fraud detection log, 0-0:96.11.1.255 (MCS301 manual, page 76)."""

    ASSOCIATION_AUTHENTICATION_FAILURE = 46
    DECRYPTION_OR_AUTHENTICATION_FAILURE = 49
    REPLAY_ATTACK = 50


class DisconnectEvent(IntEnum):
    """Codes of the disconnect control log, 0-0:96.11.2.255 (IDIS practice)."""

    READY_FOR_RECONNECTION = 59
    MANUAL_DISCONNECTION = 60
    MANUAL_CONNECTION = 61
    REMOTE_DISCONNECTION = 62
    REMOTE_CONNECTION = 63
    LOCAL_DISCONNECTION = 64
    LIMITER_THRESHOLD_EXCEEDED = 65
    LIMITER_THRESHOLD_OK = 66
    LIMITER_THRESHOLD_CHANGED = 67
    LOCAL_RECONNECTION = 69


FIRMWARE_EVENTS: Final = frozenset({17, 18, 30, 31, 32, 51})


class LogEntry(NamedTuple):
    """One event."""

    serial: int
    """Counts all entries of the log, from 1."""
    time: bytes
    """When, by the meter's clock: a date-time of 12 octets."""
    code: int
    parameter: int
    """For firmware events the part (value group B), else 0."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ring:
    region: str
    capacity: int


class EventLog:
    """One log of at most ``capacity`` entries, oldest first; firmware events have their own ring."""

    ENTRY: Final = struct.Struct(">QI12sHH4s")
    BODY: Final = struct.Struct(">QI12sHH")
    FIRMWARE_CAPACITY: Final = 64

    def __init__(self, medium: Medium, name: str, capacity: int) -> None:
        self._medium = medium
        self.capacity = capacity
        self._general = _Ring(f"{name}.log", capacity)
        self._firmware = _Ring(f"{name}.firmware-log", min(self.FIRMWARE_CAPACITY, capacity))
        self._places: dict[_Ring, int] = {}
        self._entries = {ring: self._load(ring) for ring in (self._general, self._firmware)}
        self._last = max((entries[-1].serial for entries in self._entries.values() if entries), default=0)

    @property
    def entries(self) -> list[LogEntry]:
        """What the log shows, oldest first."""
        firmware = self._entries[self._firmware]
        room = self.capacity - len(firmware)
        general = self._entries[self._general]
        return sorted(firmware + general[max(0, len(general) - room) :])

    @property
    def newest_firmware_event(self) -> int | None:
        """The code of the newest firmware event; ``None`` where there is none, as after a clearing."""
        firmware = self._entries[self._firmware]
        return firmware[-1].code if firmware else None

    def append(self, code: int, time: bytes, parameter: int = 0) -> None:
        """Adds an event; the oldest one of its ring goes when that is full.

        An entry that cannot be written is kept in memory only: no fault of the log may stop the meter.
        """
        ring = self._firmware if code in FIRMWARE_EVENTS else self._general
        self._last += 1
        entry = LogEntry(self._last, time, code, parameter)
        place, entries = self._places[ring], self._entries[ring]
        try:
            self._medium.write(ring.region, place * self.ENTRY.size, self._pack(place, entry))
            self._medium.sync(ring.region)
        except OSError:
            pass
        self._places[ring] = (place + 1) % ring.capacity
        entries.append(entry)
        if len(entries) > ring.capacity:
            del entries[0]

    def clear(self) -> None:
        """Empties the log."""
        self._last = 0
        for ring in self._entries:
            self._medium.erase(ring.region)
            self._medium.sync(ring.region)
            self._entries[ring] = []
            self._places[ring] = 0

    def _load(self, ring: _Ring) -> list[LogEntry]:
        try:
            octets = self._medium.read(ring.region, 0, ring.capacity * self.ENTRY.size)
        except OSError:
            octets = b""  # no fault of the log may keep the meter from starting
        found: list[tuple[LogEntry, int]] = []
        for place in range(len(octets) // self.ENTRY.size):
            raw = octets[place * self.ENTRY.size : (place + 1) * self.ENTRY.size]
            serial, noted_place, time, code, parameter, _ = self.ENTRY.unpack(raw)
            entry = LogEntry(serial, time, code, parameter)
            if noted_place == place and raw == self._pack(place, entry):
                found.append((entry, place))
        found.sort()
        self._places[ring] = (found[-1][1] + 1) % ring.capacity if found else 0
        return [entry for entry, _ in found]

    def _pack(self, place: int, entry: LogEntry) -> bytes:
        serial, time, code, parameter = entry
        body = self.BODY.pack(serial, place, time, code, parameter)
        return body + hashlib.sha256(body).digest()[:4]
