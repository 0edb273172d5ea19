"""What manuals leave open is a switch: both ways of each, on the firmware unit of a meter."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from click.testing import CliRunner

from dlms_fw.cli.sim import sim
from dlms_fw.cli.sim_switches import switches
from dlms_fw.enums import ActionResult
from dlms_fw.errors import ActivationFailed
from dlms_fw.image import Image
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.state import ActivationStep
from dlms_fw.simulation import CIPHERED, Simulation
from dlms_fw.transfer import TransferPolicy
from meters import IDENTIFIER, TIMINGS, VENDOR_KEY, Status, World, block, config, container

FACTORY = b"MCSF01"
OK, BUSY, REFUSED = ActionResult.SUCCESS, ActionResult.TEMPORARY_FAILURE, ActionResult.OTHER_REASON
HALF = Status.TRANSFER_INITIATED


def receiving(**switches: object) -> World:
    """A meter that has half an image."""
    world = World(config=config(**switches))
    world.initiate(container())
    for number in range(6):
        assert world.send(container(), number) == OK
    return world


def on_trial(**switches: object) -> World:
    """A meter whose new firmware runs and waits to be confirmed."""
    world = World(config=config(**switches))
    world.reach(Status.ACTIVATION_INITIATED)
    world.pass_time(TIMINGS.install_seconds + TIMINGS.reboot_seconds + TIMINGS.self_test_seconds)
    assert world.unit.memory.state.step is ActivationStep.CONFIRM
    assert world.status == Status.ACTIVATION_INITIATED
    return world


def outcome(world: World) -> tuple[Status, bytes]:
    return world.status, world.unit.running(1).identifier


@pytest.mark.parametrize(("switch", "status"), [("kept", HALF), ("lost", Status.TRANSFER_NOT_INITIATED)])
def test_an_unfinished_transfer_after_a_restart(switch: str, status: Status) -> None:
    world = receiving(transfer_after_restart=switch, sync_every_blocks=1)
    world.power_cycle()
    assert world.status == status
    assert world.unit.image_store.image_first_not_transferred_block_number == (6 if status is HALF else 0)
    verified = World(config=config(transfer_after_restart=switch))
    verified.reach(Status.VERIFICATION_SUCCESSFUL)
    verified.power_cycle()
    assert verified.status == Status.VERIFICATION_SUCCESSFUL, "the manual wants it kept"


@pytest.mark.parametrize(("switch", "status"), [("kept", HALF), ("dropped", Status.TRANSFER_NOT_INITIATED)])
def test_a_transfer_while_disabled(switch: str, status: Status) -> None:
    world = receiving(transfer_when_disabled=switch)
    store = world.unit.image_store
    store.image_transfer_enabled = False
    store.image_transfer_enabled = True
    assert world.status == status
    assert world.initiate(container()) == OK
    done = World(config=config(transfer_when_disabled=switch))
    done.reach(Status.ACTIVATION_SUCCESSFUL)
    done.unit.image_store.image_transfer_enabled = False
    assert done.status == Status.ACTIVATION_SUCCESSFUL, "nothing is left to drop"


@pytest.mark.fault("M-17")
@pytest.mark.parametrize(("switch", "result", "missing"), [("drop", OK, 0), ("refuse", REFUSED, 6)])
def test_an_initiation_in_the_middle_of_a_transfer(switch: str, result: ActionResult, missing: int) -> None:
    world = receiving(initiate_in_transfer=switch)
    assert world.initiate(container(fill=9), b"OTHER1") == result
    assert world.unit.image_store.image_first_not_transferred_block_number == missing
    empty = World(config=config(initiate_in_transfer=switch))
    empty.initiate(container())
    assert empty.initiate(container()) == OK, "nothing has been received yet"


@pytest.mark.fault("M-14")
@pytest.mark.parametrize(("switch", "result", "kept"), [("overwrite", OK, 9), ("refuse", REFUSED, 0)])
def test_other_octets_for_a_block_that_is_there(switch: str, result: ActionResult, kept: int) -> None:
    world = receiving(differing_block=switch)
    before = world.medium.operations
    assert world.send(container(fill=9), 5) == result
    assert world.unit.image_store.image_transferred_blocks_status[5]
    assert world.medium.read("incoming.blocks", 5 * 64, 64) == block(container(fill=kept), 5)
    assert (world.medium.operations == before) == (result is REFUSED)
    assert world.send(container(fill=kept), 5) == OK


@pytest.mark.fault("M-20")
@pytest.mark.parametrize(
    ("allowed", "status"), [(False, Status.VERIFICATION_FAILED), (True, Status.VERIFICATION_SUCCESSFUL)]
)
def test_the_version_floor(status: Status, *, allowed: bool) -> None:
    world = World(config=config(allow_downgrade=allowed))
    world.receive(container(version="0.9.9"))
    world.pass_time(3)
    assert world.status == status


def test_the_self_test_confirms() -> None:
    world = World(config=config(confirmation="self-test"))
    world.reach(Status.ACTIVATION_INITIATED)
    world.pass_time(TIMINGS.install_seconds + TIMINGS.reboot_seconds + TIMINGS.self_test_seconds)
    assert outcome(world) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)


def confirm(world: World, way: str) -> None:
    if way == "call":
        assert world.activate() == OK
    else:
        assert world.unit.read_back(1)[-1] == IDENTIFIER


@pytest.mark.parametrize("way", ["call", "read-back"])
def test_a_client_confirms_in_time(way: str) -> None:
    world = on_trial(confirmation=way)
    assert world.unit.running(1).identifier == IDENTIFIER, "what runs is what is shown"
    assert world.unit.running(0).identifier == b"MCSF00"
    world.pass_time(TIMINGS.confirmation_seconds - 1)
    assert world.bank_holds_verified_firmware(1), "the old one is kept until then"
    confirm(world, way)
    assert outcome(world) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)
    world.power_cycle()
    assert outcome(world) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)
    assert world.codes == [30, 31, 17, 18]


@pytest.mark.fault("M-08")
@pytest.mark.parametrize("way", ["call", "read-back", "never"])
def test_what_nobody_confirms_is_discarded(way: str) -> None:
    world = on_trial(confirmation=way)
    wrong = {"call": lambda: world.unit.read_back(1), "read-back": world.activate}
    wrong.get(way, lambda: (world.activate(), world.unit.read_back(1)))()
    assert world.status == Status.ACTIVATION_INITIATED, "another way does not confirm"
    world.pass_time(TIMINGS.confirmation_seconds + TIMINGS.reboot_seconds)
    assert outcome(world) == (Status.ACTIVATION_FAILED, FACTORY)
    assert world.codes == [30, 31, 17, 32]
    assert world.unit.identifiers(1) == (FACTORY,)


@pytest.mark.fault("M-07")
def test_power_off_before_the_confirmation_boots_the_old_firmware_and_keeps_the_image() -> None:
    world = on_trial(confirmation="call")
    world.power_cycle()
    assert outcome(world) == (Status.VERIFICATION_SUCCESSFUL, FACTORY)
    assert world.stored_image() == container()


@pytest.mark.fault("M-04")
@pytest.mark.parametrize("way", ["call", "read-back"])
def test_a_confirmation_that_cannot_be_recorded_is_none(way: str) -> None:
    world = on_trial(confirmation=way)
    world.medium.failing |= {"firmware.0", "firmware.1"}
    if way == "call":
        assert world.activate() == ActionResult.HARDWARE_FAULT
    else:
        with pytest.raises(OSError, match="fails"):
            world.unit.read_back(1)
    world.medium.failing.clear()
    world.power_cycle()
    assert outcome(world) == (Status.VERIFICATION_SUCCESSFUL, FACTORY)


@pytest.mark.parametrize("restarts", [True, False])
def test_whether_an_activation_restarts_the_meter(*, restarts: bool) -> None:
    world = World(config=config(activation_restarts=restarts))
    world.reach(Status.ACTIVATION_INITIATED)
    away = False
    for _ in range(40):
        world.pass_time(1)
        away |= world.unit.activation.is_away
    assert outcome(world) == (Status.ACTIVATION_SUCCESSFUL, IDENTIFIER)
    assert (away, world.unit.activation.reboots) == (restarts, int(restarts))


@pytest.mark.fault("T-25")
@pytest.mark.parametrize(
    ("confirmation", "confirms", "ends"),
    [
        ("self-test", False, "activated"),
        ("self-test", True, "activated"),
        ("read-back", False, "activated"),
        ("call", True, "activated"),
        ("call", False, "failed"),
        ("never", True, "failed"),
    ],
)
def test_a_client_is_done_only_when_the_new_firmware_is_confirmed(
    confirmation: str, *, confirms: bool, ends: str
) -> None:
    meter = Simulation().meter(
        CIPHERED,
        trusted=(VENDOR_KEY.public_key(),),
        image_block_size=64,
        confirmation=confirmation,
        timings=ActivationTimings(confirmation_seconds=300),
    )
    with meter.client() as client:
        try:
            ended = client.upgrade(
                Image.from_bytes(container()), TransferPolicy(confirm_on_trial=confirms)
            ).outcome
        except ActivationFailed:
            ended = "failed"
    assert ended == ends
    unit = meter.powered.units.firmware
    assert unit.running(1).identifier == (IDENTIFIER if ends == "activated" else FACTORY)
    assert unit.identifiers(1).count(IDENTIFIER) == (1 if ends == "activated" else 0)


@pytest.mark.parametrize("confirms", [True, False])
def test_a_client_that_finds_its_firmware_on_trial_is_not_done_yet(*, confirms: bool) -> None:
    simulation = Simulation()
    meter = simulation.meter(
        CIPHERED, trusted=(VENDOR_KEY.public_key(),), image_block_size=64, confirmation="call"
    )
    image = Image.from_bytes(container())
    with meter.client() as client, pytest.raises(ActivationFailed):
        client.upgrade(image, TransferPolicy(activation_seconds=60))
    assert meter.powered.units.firmware.activation.on_trial is not None
    with meter.client() as client:
        try:
            ended = client.upgrade(image, TransferPolicy(confirm_on_trial=confirms)).outcome
        except ActivationFailed:
            ended = "failed"
    assert ended == ("activated" if confirms else "failed")
    assert meter.powered.units.firmware.running(1).identifier == (IDENTIFIER if confirms else FACTORY)


SWITCHES = (
    "transfer_after_restart",
    "transfer_when_disabled",
    "initiate_in_transfer",
    "differing_block",
    "confirmation",
)


def test_the_options_of_the_command_are_fields_of_the_configuration() -> None:
    chosen = {name: get_args(get_type_hints(MeterConfig)[name])[-1] for name in SWITCHES}
    made = config(**switches(chosen | {"no_restart": True}))
    assert {name: getattr(made, name) for name in SWITCHES} == chosen
    assert not made.activation_restarts


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_is_an_option_of_the_command_and_described(name: str) -> None:
    page = (Path(__file__).parent.parent / "docs" / "simulated-meter-memory.md").read_text()
    shown = CliRunner().invoke(sim, ["--help"]).output
    option = "--" + name.replace("_", "-")
    assert option in shown
    assert option in page
    for value in get_args(get_type_hints(MeterConfig)[name]):
        assert f"`{value}`" in page
