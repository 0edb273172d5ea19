"""Upgrades of the whole meter through octets: reboots, power cuts, bad firmware, multicast, rot."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from dlms_fw._core import (
    Channel,
    Key,
    SecurityContext,
    WrapperFraming,
)
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.interface import MethodCall
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.errors import DlmsError, SecurityError, TransportError
from dlms_fw.image import Image
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing
from dlms_fw.profiles import Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from meter_bench import (
    CLIENT_TITLE,
    GAK,
    GBEK,
    GMAC,
    IMAGE_TRANSFER,
    LLS,
    LOGICAL_DEVICE_NAME,
    PLAIN,
    PUBLIC,
    Bench,
    refusal_of,
    transfer,
)
from meters import IDENTIFIER, block, container

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

BENCH_POLICY = TransferPolicy(allow_insecure=True)

# --- Upgrades ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, LLS, GMAC], ids=["none", "lls", "gmac"])
def test_an_upgrade_from_end_to_end(profile: Profile, framing: Framing) -> None:
    bench = Bench(profile, framing)
    image = Image.from_bytes(container(blocks=100))
    with bench.client() as client:
        result = client.upgrade(image, BENCH_POLICY)
    assert result.changed
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER
    region = f"part-1.bank-{bench.meter.units.firmware.memory.state.parts[1].running}"
    assert bench.medium.read(region, 0, len(image.data) + 1) == image.data


def test_a_reboot_ends_connections_and_takes_none_for_its_time(bench: Bench, management: Client) -> None:
    transfer(management, container())
    bench.sleep(3)
    assert refusal_of(management, IMAGE_TRANSFER.image_activate().request) == ActionResult.TEMPORARY_FAILURE
    bench.sleep(2)
    assert bench.meter.is_away
    with pytest.raises(TransportError, match="rebooting"):
        bench.connect()
    bench.sleep(9)
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 5
        bench.sleep(10)
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 6
    with pytest.raises(DlmsError):
        management.get(IMAGE_TRANSFER.image_transfer_status)


def test_a_transfer_goes_on_after_a_power_cut(bench: Bench, management: Client) -> None:
    image = container()
    management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
    for number in range(7):
        management.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))
    bench.power_cycle()
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 1
        first = client.get(IMAGE_TRANSFER.image_first_not_transferred_block_number)
        assert first == 7
        for number in range(first, 12):
            client.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))
        bench.sleep(3)
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 3


@pytest.mark.fault("M-01")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_an_upgrade_with_keys_goes_on_over_power_cuts_of_the_meter(framing: Framing) -> None:
    bench = Bench(GMAC, framing)
    sends = itertools.count()

    class Unsteady(LoopbackTransport):
        """Every so often the meter loses its power in the middle of a request."""

        def send(self, data: bytes, deadline: float) -> None:
            if next(sends) % 40 == 39:
                bench.power_cycle()
                raise TransportError("the meter is gone")
            super().send(data, deadline)

    client = bench.client()
    client._open_transport = lambda deadline: Unsteady(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    result = client.upgrade(Image.from_bytes(container(blocks=100)), BENCH_POLICY)
    client.close()
    assert result.changed
    assert result.link_losses >= 2
    assert result.blocks_sent <= 100 + result.link_losses
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


@pytest.mark.parametrize("behaviour", [FirmwareBehaviour.NO_BOOT, FirmwareBehaviour.FAILS_SELF_TEST])
@pytest.mark.fault("M-08")
def test_a_bad_firmware_leaves_the_old_one_running(
    bench: Bench, management: Client, behaviour: FirmwareBehaviour
) -> None:
    bench.meter.set_behaviour(behaviour)
    transfer(management, container())
    bench.sleep(3)
    refusal_of(management, IMAGE_TRANSFER.image_activate().request)
    bench.sleep(100)
    with bench.client() as client:
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 7
        value = client.get(Data(well_known.active_firmware_identifier(1)).value)
        assert [item.value for item in value.value] == [b"MCSF01"]  # type: ignore[union-attr]


@pytest.mark.fault("M-18")
def test_one_association_owns_the_transfer(bench: Bench, management: Client) -> None:
    image = container()
    transfer_one = IMAGE_TRANSFER.image_block_transfer(0, block(image, 0)).request
    management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
    with bench.client() as other:
        assert refusal_of(other, transfer_one) == ActionResult.TEMPORARY_FAILURE
        restart = IMAGE_TRANSFER.image_transfer_initiate(b"OTHER1", 100).request
        assert refusal_of(other, restart) == ActionResult.TEMPORARY_FAILURE
        assert other.get(IMAGE_TRANSFER.image_transfer_status) == 1
        assert refusal_of(management, transfer_one) == ActionResult.SUCCESS
        bench.sleep(bench.config.owner_idle_seconds)
        assert refusal_of(other, transfer_one) == ActionResult.SUCCESS
        assert refusal_of(management, transfer_one) == ActionResult.TEMPORARY_FAILURE
    assert refusal_of(management, transfer_one) == ActionResult.SUCCESS, "the other one is gone"


# --- The pre-established client ----------------------------------------------------------------------------


def multicast(
    calls: list[MethodCall[None]], *, counter: int, key: Key = GBEK, confirmed: bool = False
) -> bytes:
    """What the pre-established client sends under the broadcast key."""
    channel = Channel("client", WrapperFraming(102, 1))
    channel.connect()
    channel.negotiate(0x0040_1F1D, 1024)
    channel.security = SecurityContext(
        0,
        0x30,
        system_title=CLIENT_TITLE,
        peer_system_title=MeterConfig().system_title,
        authentication_key=GAK,
        global_broadcast_encryption_key=key,
        invocation_counter=counter,
        counter_limit=counter + 100,
        general=True,
    )
    requests = [call.request if confirmed else call.unconfirmed().request for call in calls]
    return b"".join(channel.send(request) for request in requests)


def test_blocks_by_multicast_under_the_broadcast_key() -> None:
    keys = replace(GMAC.keys, global_broadcast_encryption_key=GBEK)
    bench = Bench(replace(GMAC, keys=keys), client_system_title=CLIENT_TITLE)
    image = container()
    store = bench.meter.units.firmware.image_store
    blocks = [IMAGE_TRANSFER.image_block_transfer(n, block(image, n)) for n in range(11)]
    with bench.client() as owner:
        owner.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
        line = bench.connect()
        assert line.receive(multicast(blocks, counter=1)) == b"", "it is never answered"
        assert store.image_first_not_transferred_block_number == 11
        others = [IMAGE_TRANSFER.image_verify(), IMAGE_TRANSFER.image_activate()]
        assert line.receive(multicast(others, counter=50)) == b""
        last = [IMAGE_TRANSFER.image_block_transfer(11, block(image, 11))]
        with pytest.raises(SecurityError):
            multicast(last, counter=60, confirmed=True)
        assert line.receive(multicast(last, counter=70, key=Key(b"?" * 16))) == b""
        assert store.image_first_not_transferred_block_number == 11
        assert store.image_transfer_status == 1
        line.receive(multicast(last, counter=80))
        assert store.image_transfer_status == 2


# --- Damaged memory ----------------------------------------------------------------------------------------


@pytest.mark.fault("M-05")
@pytest.mark.parametrize("record", ["firmware", "counters", "clock", "identity"])
def test_a_meter_whose_records_are_lost_still_says_who_it_is(record: str) -> None:
    bench = Bench(GMAC)
    for copy in (0, 1):
        bench.medium.rot(f"{record}.{copy}", 20)
    bench.power_cycle()
    assert bench.meter.in_recovery
    with bench.client(PUBLIC) as public:
        assert public.get(LOGICAL_DEVICE_NAME.value).value == b"MCS0040612345678"
        assert public.get(Data(well_known.ALARM_REGISTER_1).value).value == 1 << 10
    with pytest.raises(DlmsError):
        bench.client().connect()
    with pytest.raises(LookupError):
        bench.meter.units  # noqa: B018
    bench.meter.stop()


@pytest.mark.fault("M-05")
def test_a_damaged_firmware_part_is_told_and_can_be_replaced() -> None:
    bench = Bench()
    bench.medium.rot("part-1.bank-0", 5)
    bench.power_cycle()
    assert bench.meter.in_recovery
    with bench.client() as client:
        assert client.get(Data(well_known.ALARM_REGISTER_1).value).value == 1 << 8
        damaged = Data(well_known.active_firmware_identifier(1)).value.get_request()
        assert refusal_of(client, damaged) == DataAccessResult.HARDWARE_FAULT
        transfer(client, container())
        bench.sleep(3)
        refusal_of(client, IMAGE_TRANSFER.image_activate().request)
        bench.sleep(60)
    bench.power_cycle()
    assert not bench.meter.in_recovery
    assert bench.meter.units.firmware.running(1).identifier == IDENTIFIER


def test_power_failures_and_clean_stops_are_logged() -> None:
    bench = Bench()
    bench.power_cycle()
    bench.meter.stop()
    bench.power_cycle()
    assert [entry.code for entry in bench.meter.units.standard_log.entries] == [2, 1, 2, 1, 2]
