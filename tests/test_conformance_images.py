"""The cases about images, activation and groups: all of them pass on our meter, and none where it may not."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw.conformance.catalogue import groups
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.simulated import simulated
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.memory_journal import MemoryJournal

EVERYTHING = frozenset({"image", "firmware", "power"})
GROUPS = [name for name in ("image_transfer", "activation", "multicast") if name in groups()]


def run(
    chosen: list[str], *, allowed: frozenset[str] = EVERYTHING, **changes: Any
) -> tuple[Runner, dict[str, Result]]:
    declaration, bench = simulated(**changes)
    runner = Runner(declaration, bench, MemoryJournal(), allowed)
    return runner, {result.case.id: result for result in runner.run(chosen)}


@pytest.mark.parametrize("group", GROUPS)
def test_our_meter_passes_every_case(group: str) -> None:
    _, results = run(list(groups()[group].cases))
    assert {number: r.reason for number, r in results.items() if r.verdict is not Verdict.PASS} == {}
    assert {number: r.not_put_back for number, r in results.items() if r.not_put_back} == {}


def test_without_permission_no_transfer_is_begun() -> None:
    ours = [number for name in GROUPS for number in groups()[name].cases]
    runner, results = run(ours, allowed=frozenset())
    touching = [r for r in results.values() if r.case.alters in EVERYTHING]
    assert {r.verdict for r in touching} == {Verdict.INAPPLICABLE}
    assert all("--allow-alter" in r.reason or "declared" in r.reason for r in touching)
    assert runner.bench.meter.units.firmware.memory.state.serial == 0  # type: ignore[attr-defined]
