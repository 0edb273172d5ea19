"""Every step of an activation, every firmware, every way to confirm it and to ask, with power off or without.

What must come of it stands in ``docs/activation.toml``, which is drawn into the documentation.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.enums import ActionResult
from dlms_fw.meter.activation_table import ROWS, FirmwareBehaviour
from dlms_fw.meter.power_cut import PowerCut, SimulatedMedium
from dlms_fw.meter.state import ActivationStep, Trigger
from meters import IDENTIFIER, Status, World, config, container

EXPECTED = tomllib.loads((Path(__file__).parent.parent / "docs" / "activation.toml").read_text())
FACTORY = b"MCSF01"
WAYS = ("on demand", "on demand over a schedule", "scheduled")
RESTARTS = (True, False)
FIVE_YEARS = 5 * 366 * 86_400


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    firmware: FirmwareBehaviour
    confirmation: str
    power_off_in: str
    end: str

    def __str__(self) -> str:
        return f"{self.firmware.value}, {self.confirmation}, {self.power_off_in}"


CASES = [
    Case(FirmwareBehaviour(row["firmware"]), row["confirmation"], step, end)
    for row in EXPECTED["rows"]
    for step, end in row["ends"].items()
    if end != "-"
]


def settings(case: Case, *, restarts: bool) -> dict[str, Any]:
    way = case.confirmation.removesuffix(", not made")
    return {"confirmation": way, "activation_restarts": restarts, "behaviour": case.firmware}


@cache
def verified() -> SimulatedMedium:
    """The memory of a meter that has verified an image."""
    world = World()
    world.reach(Status.VERIFICATION_SUCCESSFUL)
    return world.medium


def ask(world: World, way: str) -> None:
    """Asks for the activation."""
    if way == "scheduled":
        world.unit.set_schedule([world.entry_in(seconds=2)])
        world.pass_time(2)
        return
    if way == "on demand over a schedule":
        world.unit.set_schedule([world.entry_in(seconds=FIVE_YEARS)])
    assert world.activate() == ActionResult.TEMPORARY_FAILURE


def confirm(world: World, confirmation: str) -> None:
    """What the client of the case does while the firmware waits on trial, if it can reach the meter."""
    if world.unit.activation.on_trial is None or world.unit.activation.is_away:
        return
    if confirmation in {"call", "never"}:
        world.activate()
    if confirmation in {"read-back", "never"}:
        world.unit.read_back(1)


def power_off_in(world: World, step: str) -> None:
    """Takes the power away with the first operation of the memory in a step."""

    def strike(operation: str, region: str) -> None:
        if world.unit.memory.state.step.value.startswith(step):
            world.medium.on_operation = None
            world.medium.cut_now("lost")
            raise PowerCut

    world.medium.on_operation = strike


def live_through(world: World, case: Case, way: str) -> None:
    """From the command to the end, or to the moment when the power goes."""
    power_off_in(world, case.power_off_in)
    ask(world, way)
    for _ in range(20):
        if world.unit.activation.deadline is None:
            return
        confirm(world, case.confirmation)
        world.time.advance_to(world.unit.activation.deadline or 0.0)
        world.unit.advance()
    raise AssertionError("the activation does not come to an end")


def check_end(world: World, end: str) -> None:
    """What the table says of an end, and what follows from it."""
    expected = EXPECTED["ends"][end]
    state = world.unit.memory.state
    part = state.parts[1]
    assert world.unit.running(1).identifier == (IDENTIFIER if expected["runs"] == "new" else FACTORY)
    assert world.status == expected["image_transfer_status"]
    assert world.codes[-1] == expected["event"]
    assert (state.step, state.trigger, state.schedule) == (ActivationStep.IDLE, None, ())
    assert not world.unit.activation.is_away
    assert all(world.bank_holds_verified_firmware(number) for number in range(3))
    if end == "waits":
        assert world.stored_image() == container()
        assert len(world.unit.image_store.image_to_activate_info) == 1
    else:
        assert part.banks[part.other] is None
        assert world.medium.read(f"part-1.bank-{part.other}", 0, 1) == b""


def check_what_follows(world: World, end: str) -> None:
    """A command after *waits*, a new transfer after *old*, power off after *new*."""
    world.pass_time(3600)
    check_end(world, end)
    world.config = config()
    world.power_cycle()
    check_end(world, end)
    if end == "old":
        assert world.activate() == ActionResult.OTHER_REASON
        world.receive(container())
        world.pass_time(3)
    if end != "new":
        assert world.activate() == ActionResult.TEMPORARY_FAILURE
        world.pass_time(60)
    check_end(world, "new")


@pytest.mark.fault("M-07")
@pytest.mark.fault("M-08")
@pytest.mark.fault("M-09")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_comes_of_an_activation(case: Case) -> None:
    for way, restarts in product(WAYS, RESTARTS):
        told = f"{way}, restarts: {restarts}"
        world = World(medium=verified().survivor(), config=config(**settings(case, restarts=restarts)))
        try:
            live_through(world, case, way)
        except PowerCut:
            world.power_cycle()
        else:
            assert case.power_off_in == "none", told
        check_end(world, case.end)
        check_what_follows(world, case.end)


@pytest.mark.parametrize("way", WAYS)
def test_who_asked_is_remembered_and_a_schedule_is_void(way: str) -> None:
    world = World(medium=verified().survivor())
    ask(world, way)
    state = world.unit.memory.state
    assert state.schedule == ()
    assert state.trigger is (Trigger.SCHEDULED if way == "scheduled" else Trigger.ON_DEMAND)


def test_the_table_is_whole() -> None:
    """Every firmware with every way to confirm it, unless it makes no difference; and two hundred cases."""
    assert {case.firmware for case in CASES} == set(FirmwareBehaviour)
    assert {case.end for case in CASES} == set(EXPECTED["ends"])
    confirmations = {"self-test", "call", "read-back"}
    for firmware in FirmwareBehaviour:
        assert {case.confirmation for case in CASES if case.firmware is firmware} >= confirmations
    steps = {case.power_off_in for case in CASES}
    assert {step.value.split("-")[0] for step in ROWS if step is not ActivationStep.IDLE} == steps - {"none"}
    assert len(CASES) * len(WAYS) * len(RESTARTS) >= 200
