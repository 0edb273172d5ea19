"""The conformance cases about objects and security, against meters of ours that have what they are about."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw.conformance.catalogue import groups
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.simulated import fresh_profile, simulated
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.profiles import Profile

EVERYTHING = frozenset({"keys", "lockout", "parameters", "power"})
METERS: dict[str, Profile] = {"keys": fresh_profile()}
INAPPLICABLE: dict[str, set[str]] = {"keys": set()}


def results_of(name: str, **changes: Any) -> list[Result]:
    declaration, bench = simulated(METERS[name], **changes)
    chosen = [number for group in ("objects", "security") for number in groups()[group].cases]
    return Runner(declaration, bench, MemoryJournal(), EVERYTHING).run(chosen)


@pytest.mark.parametrize("meter", METERS)
def test_our_meter_conforms(meter: str) -> None:
    results = results_of(meter)
    wrong = {r.case.id: r.reason for r in results if r.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}}
    assert wrong == {}
    assert {r.case.id for r in results if r.verdict is Verdict.INAPPLICABLE} == INAPPLICABLE[meter]
    assert {r.case.id: r.not_put_back for r in results if r.not_put_back} == {}
