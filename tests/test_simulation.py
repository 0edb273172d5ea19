"""The simulation for authors of tests: whole upgrades in no time, the same each time, and power that goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import meters
from dlms_fw.client import Client
from dlms_fw.cosem import ImageTransfer
from dlms_fw.cosem.well_known import IMAGE_TRANSFER
from dlms_fw.errors import TransferIncomplete, TransportError
from dlms_fw.image import Image
from dlms_fw.meter.power_cut import Cut
from dlms_fw.meter.state import Trigger
from dlms_fw.profiles import Profile
from dlms_fw.simulation import (
    CIPHERED,
    PLAIN,
    Framing,
    MemoryJournal,
    SimulatedMedium,
    Simulation,
    VirtualMeter,
)
from dlms_fw.transfer import TransferPolicy, TransferResult
from dlms_fw.transports.loopback import LoopbackTransport

POLICY = TransferPolicy(allow_insecure=True)
BLOCKS = 12


def image() -> Image:
    return Image.from_bytes(meters.container(blocks=BLOCKS))


def meter_in(simulation: Simulation, profile: Profile = CIPHERED, **changes: Any) -> VirtualMeter:
    settings = {"trusted": (meters.VENDOR_KEY.public_key(),), "image_block_size": meters.BLOCK_SIZE}
    return simulation.meter(profile, **(settings | changes))


def upgrade(client: Client) -> TransferResult:
    with client:
        return client.upgrade(image(), POLICY)


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, CIPHERED], ids=lambda profile: profile.name)
def test_an_upgrade_takes_virtual_time_only(profile: Profile, framing: Framing) -> None:
    simulation = Simulation()
    meter = meter_in(simulation, profile, framing=framing, verify_seconds=600.0)
    result = upgrade(meter.client())
    assert (result.outcome, result.blocks_sent) == ("activated", BLOCKS)
    assert simulation.time.elapsed > 600.0
    assert result.seconds == pytest.approx(simulation.time.elapsed, abs=1.0)
    assert meter.powered.units.firmware.running(1).sha256 == image().sha256


def test_an_asyncio_client_does_the_same() -> None:
    meter = meter_in(Simulation())

    async def run() -> TransferResult:
        async with meter.async_client() as client:
            return await client.upgrade(image(), POLICY)

    assert asyncio.run(run()).outcome == "activated"


def test_one_seed_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    send = LoopbackTransport.send

    def listening(transport: LoopbackTransport, data: bytes, deadline: float) -> None:
        heard.append(bytes(data))
        send(transport, data, deadline)

    def octets_of(seed: int) -> bytes:
        heard.clear()
        upgrade(meter_in(Simulation(seed=seed)).client())
        return b"".join(heard)

    monkeypatch.setattr(LoopbackTransport, "send", listening)
    assert octets_of(7) == octets_of(7)
    assert octets_of(7) != octets_of(8)


def test_meters_of_one_simulation_are_different_ones() -> None:
    simulation = Simulation()
    first, second = meter_in(simulation), meter_in(simulation)
    assert first.config.system_title != second.config.system_title
    assert first.config.logical_device_name != second.config.logical_device_name
    for meter in (first, second):
        assert upgrade(meter.client()).outcome == "activated"


def test_time_passes_for_every_meter() -> None:
    simulation = Simulation()
    waiting, other = meter_in(simulation, verify_seconds=50.0), meter_in(simulation)
    transfer(other.client())
    transfer(waiting.client())
    assert simulation.time.elapsed > 50.0
    assert other.powered.units.clock.utc == waiting.powered.units.clock.utc == simulation.now().timestamp()


def transfer(client: Client) -> TransferResult:
    with client:
        return client.upgrade(image(), TransferPolicy(activate="never"))


def test_power_goes_in_the_middle_and_the_next_upgrade_goes_on() -> None:
    simulation = Simulation()
    cut = Cut(operation=90, when="inside", unsynced="lost", seed=3)
    meter = meter_in(simulation, memory=SimulatedMedium(cut=cut), sync_every_blocks=1)
    with meter.client() as client, pytest.raises(TransferIncomplete):
        client.upgrade(image(), TransferPolicy(losses_without_progress=2))
    with pytest.raises(LookupError, match="no power"):
        _ = meter.powered
    assert meter.deadline is None
    meter.power_up()
    result = upgrade(meter.client())
    assert result.outcome == "activated"
    assert 0 < result.blocks_sent < BLOCKS


def test_a_power_cycle_ends_connections_and_keeps_the_memory() -> None:
    meter = meter_in(Simulation())
    with meter.client() as client:
        client.upgrade(image(), TransferPolicy(activate="never"))
        before = meter.powered.units.firmware.memory.state
        meter.power_up()
        assert meter.powered.units.firmware.memory.state == before
        with pytest.raises(TransportError):
            client.get(ImageTransfer(IMAGE_TRANSFER).image_transfer_status)


def test_a_client_whose_records_are_lost_learns_the_counter_from_the_meter() -> None:
    meter = meter_in(Simulation())
    transfer(meter.client())
    with meter.client(journal=MemoryJournal()) as client:
        assert client.association is not None
        assert client.statistics.associations == 1


def test_what_is_done_to_a_meter_by_hand_goes_on_in_time() -> None:
    simulation = Simulation()
    meter, other = meter_in(simulation), meter_in(simulation)
    transfer(meter.client())
    firmware = meter.powered.units.firmware
    firmware.image_store.activate(Trigger.ON_DEMAND)
    simulation.sleep(60.0)
    assert firmware.running(1).sha256 == image().sha256
    assert other.powered.units.firmware.running(1).version == "1.0.0"
