"""What the journal's file looks like: its tables, the statements for them, and the checksum of a row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

APPLICATION_ID = 0x444C_4657  # "DLFW"
SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE counters (
    key_fingerprint TEXT NOT NULL, system_title TEXT NOT NULL, reserved_to INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (key_fingerprint, system_title)) STRICT, WITHOUT ROWID;
CREATE TABLE meters (
    key_fingerprint TEXT NOT NULL, client_system_title TEXT NOT NULL, meter_system_title TEXT NOT NULL,
    accepts_from INTEGER NOT NULL, last_received INTEGER NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (key_fingerprint, client_system_title, meter_system_title)) STRICT, WITHOUT ROWID;
CREATE TABLE transfers (
    meter TEXT NOT NULL, part INTEGER NOT NULL, checkpoint TEXT NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (meter, part)) STRICT, WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, record TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Table:
    """The statements of one table; the checksum is always the last column, the key comes first."""

    name: str
    all: str
    one: str
    put: str


COUNTERS = Table(
    "counters",
    "SELECT * FROM counters",
    "SELECT * FROM counters WHERE key_fingerprint = ? AND system_title = ?",
    "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)",
)
METERS = Table(
    "meters",
    "SELECT * FROM meters",
    "SELECT * FROM meters WHERE key_fingerprint = ? AND client_system_title = ? AND meter_system_title = ?",
    "INSERT OR REPLACE INTO meters VALUES (?, ?, ?, ?, ?, ?)",
)
TRANSFERS = Table(
    "transfers",
    "SELECT * FROM transfers",
    "SELECT * FROM transfers WHERE meter = ? AND part = ?",
    "INSERT OR REPLACE INTO transfers VALUES (?, ?, ?, ?)",
)
RUNS = Table(
    "runs",
    "SELECT * FROM runs ORDER BY number",
    "SELECT * FROM runs WHERE number = ?",
    "INSERT INTO runs VALUES (?, ?, ?)",
)
CHALLENGES = Table(
    "challenges",
    "SELECT * FROM challenges",
    "SELECT * FROM challenges WHERE meter = ? AND digest = ?",
    "INSERT OR REPLACE INTO challenges VALUES (?, ?, ?, ?)",
)

LATER_SCHEMA = """CREATE TABLE IF NOT EXISTS challenges (
    meter TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (meter, digest)) STRICT, WITHOUT ROWID"""
"""Added to a file that was made without it; who does not know this table passes over it."""


def checksum(table: Table, values: tuple[Any, ...]) -> str:
    """Over the name of the table and all columns but the last."""
    return hashlib.sha256(json.dumps([table.name, *values]).encode()).hexdigest()
