"""Fixtures around a meter on a bench; test modules name this file in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlms_fw.client import Client
from dlms_fw.journal import Journal
from meter_bench import Bench, MakeBench


@pytest.fixture
def meter_journal(tmp_path: Path) -> Iterator[None]:
    with Journal(tmp_path / "journal.db") as Bench.journal:
        yield


@pytest.fixture
def make_bench(meter_journal: None) -> MakeBench:
    return Bench


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench()


@pytest.fixture
def management(bench: Bench) -> Iterator[Client]:
    with bench.client() as client:
        yield client
