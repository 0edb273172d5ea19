"""Broken meters and clients: each is caught by the case that is about what is broken, or that proves nothing.

A third of them is tried each day, all of them in the soak.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

import mutants_of_activation
import mutants_of_clients
import mutants_of_reception
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.runner import Runner
from dlms_fw.conformance.simulated import simulated
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.memory_journal import MemoryJournal

MUTANTS = [*mutants_of_reception.MUTANTS, *mutants_of_activation.MUTANTS, *mutants_of_clients.MUTANTS]
EVERYTHING = frozenset({"image", "firmware", "power"})
TODAY = int(os.environ.get("DLMS_FW_SEED") or date.today().toordinal())
Mutant = Callable[[pytest.MonkeyPatch], None] | dict[str, Any]


@pytest.mark.parametrize(("number", "mutant"), MUTANTS[TODAY % 3 :: 3])
def test_a_broken_meter_fails_the_case(number: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(number, mutant, monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize(("number", "mutant"), MUTANTS)
def test_every_broken_meter_fails_its_case(
    number: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(number, mutant, monkeypatch)


def fails(number: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, bench = simulated()
    if isinstance(mutant, dict):
        bench = SimulatedBench(replace(bench.config, **mutant))
    else:
        mutant(monkeypatch)
        bench = SimulatedBench(bench.config)
    runner = Runner(declaration, bench, MemoryJournal(), EVERYTHING)
    result = runner.run([number])[0]
    assert result.verdict is Verdict.FAIL, (result.verdict, result.reason, result.steps)
    assert "answer an ordinary request" not in result.reason
