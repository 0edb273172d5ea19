"""Broken meters: each is caught by the case about objects or security that is about what is broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import mutants_of_objects
import mutants_of_security
from conformance_meters import METERS
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.runner import Runner
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.memory_journal import MemoryJournal

EVERYTHING = frozenset({"keys", "lockout", "parameters", "power"})
MUTANTS = [*mutants_of_objects.MUTANTS, *mutants_of_security.MUTANTS]


@pytest.mark.parametrize(("number", "meter", "mutant"), MUTANTS)
def test_a_broken_meter_fails_the_case(
    number: str, meter: str, mutant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration, bench = METERS[meter]()
    if mutant is mutants_of_security.one_key_for_all:
        mutant = mutant(declaration)
    if isinstance(mutant, dict):
        bench = SimulatedBench(replace(bench.config, **mutant))
    else:
        mutant(monkeypatch, declaration)
        bench = SimulatedBench(bench.config)
    result = Runner(declaration, bench, MemoryJournal(), EVERYTHING).run([number])[0]
    assert result.verdict is Verdict.FAIL, (result.verdict, result.reason, result.steps)
    assert "answer an ordinary request" not in result.reason
