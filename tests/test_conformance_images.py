"""The cases about images, activation and groups: all of them pass on our meter, and none where it may not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.catalogue import groups
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.images import Images
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.simulated import simulated
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.image import Image, Version
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.profiles import Profile
from dlms_fw.simulation import PLAIN
from dlms_fw.transports.base import TransportFactory

pytestmark = pytest.mark.rotating(2)

EVERYTHING = frozenset({"image", "firmware", "power"})
GROUPS = ("image_transfer", "activation", "multicast")
ABOUT_METERS = [
    number
    for name in GROUPS[:2]
    for number, case in groups()[name].cases.items()
    if "simulated" not in case.needs
]
TODAY = int(os.environ.get("DLMS_FW_SEED") or date.today().toordinal())
SOME = ABOUT_METERS[TODAY % 5 :: 5]
"""Others each day."""


def run(
    chosen: list[str], meter: tuple[Declaration, Bench] | None = None, allowed: frozenset[str] = EVERYTHING
) -> dict[str, Result]:
    declaration, bench = meter or simulated()
    runner = Runner(declaration, bench, MemoryJournal(), allowed)
    return {result.case.id: result for result in runner.run(chosen)}


def falls_short(results: Mapping[str, Result]) -> dict[str, str]:
    bad = {Verdict.FAIL, Verdict.INCONCLUSIVE}
    return {number: result.reason for number, result in results.items() if result.verdict in bad}


@pytest.mark.parametrize("group", GROUPS)
def test_our_meter_passes_every_case(group: str) -> None:
    results = run(list(groups()[group].cases))
    assert {number: r.reason for number, r in results.items() if r.verdict is not Verdict.PASS} == {}
    assert {number: r.not_put_back for number, r in results.items() if r.not_put_back} == {}


# --- What is not allowed, or cannot be done ----------------------------------------------------------------


def test_without_permission_no_transfer_is_begun() -> None:
    declaration, bench = simulated()
    results = run(ABOUT_METERS, (declaration, bench), allowed=frozenset())
    touching = [r for r in results.values() if r.case.alters in EVERYTHING]
    assert {r.verdict for r in touching} == {Verdict.INAPPLICABLE}
    assert all("--allow-alter" in r.reason for r in touching)
    assert bench.meter.units.firmware.memory.state.serial == 0


def test_an_activation_needs_a_permission_of_its_own() -> None:
    declaration, bench = simulated()
    before = bench.meter.units.firmware.memory.state.parts
    results = run(ABOUT_METERS, (declaration, bench), allowed=frozenset({"image"}))
    assert {r.verdict for r in results.values() if r.case.alters == "image"} == {Verdict.PASS}
    others = [r for r in results.values() if r.case.alters in {"firmware", "power"}]
    assert {r.verdict for r in others} == {Verdict.INAPPLICABLE}
    assert bench.meter.units.firmware.memory.state.parts == before


class BlackBox(Bench):
    """A meter of which nothing but its interface can be reached."""

    def __init__(self, inside: SimulatedBench) -> None:
        self.inside = inside

    def openers(self) -> Mapping[str, TransportFactory]:
        return self.inside.openers()

    def clock(self) -> float:
        return self.inside.clock()

    def sleep(self, seconds: float) -> None:
        self.inside.sleep(seconds)

    def wall_clock(self) -> datetime:
        return self.inside.wall_clock()


def black_box(**changes: Any) -> tuple[Declaration, BlackBox]:
    """One that runs the first of two images, which is all that may be sent to it."""
    declaration, bench = simulated(**changes)
    assert declaration.firmware is not None
    own = declaration.firmware.images
    second = own.variant(image_identifier=b"SECOND", firmware_version=Version(1, 9, 0))
    firmware = replace(declaration.firmware, images=Images(good=own.good, back=second))
    declaration = replace(declaration, firmware=firmware)
    assert run(["AC-01"], (declaration, bench))["AC-01"].verdict is Verdict.PASS
    return declaration, BlackBox(bench)


def runs(box: BlackBox) -> bytes:
    return box.inside.meter.units.firmware.running(1).identifier


def test_what_needs_a_bench_never_passes_without_one() -> None:
    meter = black_box(allow_downgrade=True)
    results = run(ABOUT_METERS, meter)
    assert falls_short(results) == {}
    for result in results.values():
        if any(need.startswith("bench.") for need in result.case.needs):
            assert result.verdict is Verdict.INAPPLICABLE, result
    passed = [number for number, result in results.items() if result.verdict is Verdict.PASS]
    assert {"IT-07", "IT-28", "IT-53", "AC-01", "AC-22", "AC-30"} <= set(passed)
    assert len(passed) >= 40


@pytest.mark.parametrize("number", ["AC-01", "AC-22", "AC-30"])
def test_the_firmware_that_was_found_is_brought_back(number: str) -> None:
    declaration, box = black_box(allow_downgrade=True)
    found = runs(box)
    result = run([number], (declaration, box))[number]
    assert (result.verdict, result.not_put_back) == (Verdict.PASS, ())
    assert runs(box) == found
    log = box.inside.meter.units.standard_log.entries
    assert sum(entry.code == 18 for entry in log) == 3, "there, there again, and back"


def test_what_cannot_be_brought_back_is_said() -> None:
    declaration, bench = simulated()
    box = BlackBox(bench)
    result = run(["AC-01"], (declaration, box))["AC-01"]
    assert result.verdict is Verdict.PASS
    assert result.not_put_back == (
        f"the firmware: the meter runs {runs(box).hex()}, not 4d4353463031 any more",
    )


def test_a_verified_image_and_a_disabled_transfer_are_not_left_behind() -> None:
    declaration, bench = simulated()
    store = bench.meter.units.firmware.image_store
    store.image_transfer_enabled = False
    for number in ("IT-28", "IT-37", "IT-03", "IT-02", "AC-04"):
        result = run([number], (declaration, bench))[number]
        assert (result.verdict, result.not_put_back) == (Verdict.PASS, ())
        store = bench.meter.units.firmware.image_store
        assert not store.image_transfer_enabled
        assert store.image_to_activate_info == []
        assert not bench.meter.units.firmware.memory.state.schedule


def test_a_meter_without_an_image_is_not_judged_by_these_cases() -> None:
    declaration, bench = simulated()
    results = run(ABOUT_METERS, (replace(declaration, firmware=None), bench))
    assert {r.verdict for r in results.values() if "image" in r.case.needs} == {Verdict.INAPPLICABLE}


# --- Other meters ------------------------------------------------------------------------------------------

OTHERS: list[tuple[dict[str, Any], Profile | None, list[str]]] = [
    ({"self_verify": False}, None, ["IT-28", "IT-35", "IT-36", "IT-38", "AC-02"]),
    ({"verify_seconds": 0.0}, None, ["IT-14", "IT-34", "IT-35", "IT-54"]),
    ({"identifiers_order": "newest-last"}, None, ["AC-01", "AC-22"]),
    ({"transfer_after_restart": "lost"}, None, ["IT-23", "IT-24", "IT-36", "AC-13"]),
    ({"transfer_when_disabled": "dropped"}, None, ["IT-02", "IT-03"]),
    ({"differing_block": "refuse"}, None, ["IT-13", "IT-14"]),
    ({"sync_every_blocks": 64}, None, ["IT-22", "IT-23", "IT-24"]),
    ({"activation_restarts": False}, None, ["AC-01", "AC-03", "AC-14", "AC-25"]),
    ({"confirmation": "call"}, None, ["AC-01", "AC-05", "AC-19", "AC-20"]),
    ({"confirmation": "read-back"}, None, ["AC-03", "AC-15", "AC-30"]),
    ({"image_block_size": 960}, None, ["IT-11", "IT-18", "IT-19"]),
    ({"allow_downgrade": True}, None, ["IT-32", "AC-29"]),
    ({}, PLAIN, ["IT-25", "IT-26", "AC-04", "AC-25"]),
]


@pytest.mark.parametrize(
    ("changes", "profile", "chosen"), OTHERS[TODAY % 2 :: 2], ids=lambda value: str(value)[:40]
)
def test_a_meter_of_another_make_is_judged_by_what_it_declares(
    changes: dict[str, Any], profile: Profile | None, chosen: list[str]
) -> None:
    assert falls_short(run(chosen, simulated(profile, **changes))) == {}


def test_one_of_them_by_some_more_cases() -> None:
    changes, profile, _ = OTHERS[TODAY % len(OTHERS)]
    assert falls_short(run(SOME, simulated(profile, **changes))) == {}


@pytest.mark.parametrize("model", ["idis-p2", "generic"])
def test_other_models_by_some_cases(model: str) -> None:
    results = run(SOME, simulated(model=model))
    assert falls_short(results) == {}
    assert sum(result.verdict is Verdict.PASS for result in results.values()) >= len(SOME) - 3


@pytest.mark.soak
@pytest.mark.parametrize("model", ["idis-p2", "generic"])
def test_other_models_by_all_cases(model: str) -> None:
    assert falls_short(run(ABOUT_METERS, simulated(model=model))) == {}


@pytest.mark.soak
@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_each_of_them_by_all_cases(number: int) -> None:
    changes, profile, _ = OTHERS[number]
    assert falls_short(run(ABOUT_METERS, simulated(profile, **changes))) == {}


def test_an_image_of_a_container_that_nobody_knows() -> None:
    declaration, bench = simulated(accept_raw=True)
    assert declaration.firmware is not None
    raw = Image.raw(bytes(300), b"RAW001", 1)
    firmware = replace(declaration.firmware, images=Images(good=raw), shows_signature=False)
    results = run(["IT-07", "IT-28", "IT-30", "IT-31"], (replace(declaration, firmware=firmware), bench))
    assert [r.verdict.value for r in results.values()] == ["PASS", "PASS", "INAPPLICABLE", "INAPPLICABLE"]
