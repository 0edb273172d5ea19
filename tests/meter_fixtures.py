"""Fixtures around a meter on a bench; test modules name this file in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlms_fw.client import Client
from dlms_fw.journal import Journal
from meter_bench import Bench


@pytest.fixture
def meter_journal(tmp_path: Path) -> Iterator[None]:
    with Journal(tmp_path / "journal.db") as Bench.journal:
        yield


@pytest.fixture
def bench(meter_journal: None) -> Bench:
    return Bench()


@pytest.fixture
def management(bench: Bench) -> Iterator[Client]:
    with bench.client() as client:
        yield client
