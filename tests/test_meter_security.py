"""What the whole meter refuses, logs and remembers when somebody means it ill."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlms_fw._core import DateTime, Key
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.errors import AssociationRejected, ConfigurationError, DlmsError
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.storage import Records
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from meter_bench import (
    FRAUD_LOG,
    GAK,
    GMAC,
    IMAGE_TRANSFER,
    LLS,
    PLAIN,
    PUBLIC,
    Bench,
)

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")


def eavesdrop(bench: Bench) -> tuple[Client, list[bytes]]:
    """A management client whose requests are written down."""
    sent: list[bytes] = []

    class Tapped(LoopbackTransport):
        def send(self, data: bytes, deadline: float) -> None:
            sent.append(data)
            super().send(data, deadline)

    client = bench.client()
    client._open_transport = lambda deadline: Tapped(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    return client, sent


@pytest.mark.fault("M-22")
def test_a_replayed_request_has_no_effect_not_even_after_a_power_cut() -> None:
    bench = Bench(GMAC)
    client, sent = eavesdrop(bench)
    with client:
        client.set(IMAGE_TRANSFER.image_transfer_enabled, value=False)
        recorded = sent[-1]
        client.set(IMAGE_TRANSFER.image_transfer_enabled, value=True)
        transport = client._transport
        assert transport is not None
        transport.send(recorded, bench.time.monotonic() + 1)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [50]
    for _ in range(3):
        bench.power_cycle()
        replayed = bench.connect()
        for data in sent:
            replayed.receive(data)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled


@pytest.mark.fault("M-22")
def test_the_meter_never_uses_an_invocation_counter_twice() -> None:
    medium = SimulatedMedium()
    CounterRecord.create(Records(medium))
    used: set[int] = set()
    for life in range(20):
        counters = CounterRecord(Records(medium), stride=16)
        for _ in range(life % 4 + 1):
            taken = counters.reserve("key", 8)
            assert not used & set(taken)
            used |= set(taken)
        medium.cut_now("lost")
        medium = medium.survivor()


def test_received_counters_are_bounded_over_a_cut_and_exact_over_a_clean_stop() -> None:
    medium = SimulatedMedium()
    CounterRecord.create(Records(medium))
    counters = CounterRecord(Records(medium), stride=16)
    assert counters.last_accepted("key") == -1
    for counter in range(40):
        counters.accepted("key", counter)
        after = CounterRecord(Records(medium.survivor()), stride=16)
        assert counter <= after.last_accepted("key") <= counter + 32
    counters.settle()
    assert CounterRecord(Records(medium.survivor()), stride=16).last_accepted("key") == 39
    assert counters.last_accepted("other") == -1


def test_a_long_transfer_records_ever_more_counters_at_a_time_up_to_a_bound() -> None:
    medium = SimulatedMedium()
    CounterRecord.create(Records(medium))
    counters = CounterRecord(Records(medium), stride=16)
    bounds = []
    for counter in range(2_000):
        counters.accepted("key", counter)
        bounds.append(counters.accepted_bound("key"))
    steps = [bound - counter for counter, bound in enumerate(bounds) if bound != [-1, *bounds][counter]]
    assert steps[:6] == [16, 32, 64, 128, 256, 256]
    assert set(steps[4:]) == {256}


def test_the_counter_object_never_falls_behind_what_was_accepted() -> None:
    bench = Bench(GMAC)
    seen = []
    for _ in range(3):
        with bench.client() as client:
            client.get(IMAGE_TRANSFER.image_transfer_status)
        with bench.client(PUBLIC) as public:
            value = public.get(Data(well_known.invocation_counter(0)).value).value
            assert isinstance(value, int)
            seen.append(value)
        bench.power_cycle()
    assert seen == sorted(set(seen))


def test_nothing_plain_is_accepted_where_the_policy_demands_protection() -> None:
    bench = Bench(GMAC)
    with bench.client() as client:
        plain = IMAGE_TRANSFER.image_transfer_enabled.set_request(value=False).encode()
        transport = client._transport
        assert transport is not None
        header = b"\0\1" + (1).to_bytes(2, "big") + (1).to_bytes(2, "big") + len(plain).to_bytes(2, "big")
        transport.send(header + plain, bench.time.monotonic() + 1)
        assert bench.meter.units.firmware.image_store.image_transfer_enabled
    with pytest.raises(DlmsError):
        bench.client(PLAIN).connect()


@pytest.mark.fault("S-38")
def test_wrong_passwords_lock_a_client_out_for_a_time() -> None:
    bench = Bench(LLS, authentication_tries=3, lockout_seconds=60.0)
    wrong = replace(LLS, password=Key(b"wrong"))
    for _ in range(2):
        with pytest.raises(AssociationRejected) as caught:
            bench.client(wrong).connect()
        assert caught.value.diagnostic == 13
    bench.client().connect()
    for _ in range(3):
        with pytest.raises(AssociationRejected):
            bench.client(wrong).connect()
    with pytest.raises(AssociationRejected) as caught:
        bench.client().connect()
    assert caught.value.diagnostic == 1
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [46]
    bench.client(PUBLIC).connect()
    bench.sleep(60)
    bench.client().connect()


def locked_out(**changes: object) -> Bench:
    """A meter that has seen wrong passwords, and locks until the demand is reset."""
    bench = Bench(LLS, authentication_tries=3, lockout_ends="at-demand-reset", **changes)
    for _ in range(3):
        with pytest.raises(AssociationRejected):
            bench.client(replace(LLS, password=Key(b"wrong"))).connect()
    refused(bench)
    return bench


def refused(bench: Bench) -> None:
    with pytest.raises(AssociationRejected) as caught:
        bench.client().connect()
    assert caught.value.diagnostic == 1


@pytest.mark.fault("S-38")
def test_a_lock_until_the_demand_is_reset_outlasts_time_and_power() -> None:
    bench = locked_out(lockout_seconds=60.0)
    bench.meter.units.clock.set(DateTime.from_datetime(datetime(2026, 1, 10, tzinfo=UTC)))
    bench.sleep(3600)
    refused(bench)
    bench.power_cycle()
    refused(bench)
    bench.meter.reset_demand()
    bench.client().connect()
    bench.power_cycle()
    bench.client().connect()


@pytest.mark.fault("S-38")
def test_another_client_resets_the_demand() -> None:
    reading = replace(LLS, client_sap=2)
    rule = AccessRule(class_id=9, clients=frozenset({2}), methods={1: True})
    bench = locked_out(access_rules=(rule,))
    with bench.client(reading) as client:
        client.action(ScriptTable("0-0:10.0.1.255").execute(0))
        refused(bench)
        client.action(ScriptTable("0-0:10.0.1.255").execute(1))
    bench.client().connect()


@pytest.mark.fault("S-38")
def test_the_end_of_the_billing_period_resets_the_demand() -> None:
    bench = locked_out()
    bench.meter.units.clock.set(DateTime.from_datetime(datetime(2026, 1, 31, 23, 59, tzinfo=UTC)))
    refused(bench)
    bench.sleep(120)
    bench.client().connect()


@pytest.mark.fault("S-38")
def test_wrong_keys_are_logged() -> None:
    bench = Bench(GMAC)
    strange = Keys(global_unicast_encryption_key=Key(b"?" * 16), authentication_key=GAK)
    with pytest.raises(DlmsError):
        bench.client(replace(GMAC, keys=strange)).connect()
    assert [entry.code for entry in bench.meter.units.fraud_log.entries] == [49]
    with bench.client() as client:
        assert len(client.get(FRAUD_LOG.buffer)) == 1


def test_fraud_events_do_not_wear_out_the_memory() -> None:
    bench = Bench(GMAC)
    strange = Keys(global_unicast_encryption_key=Key(b"?" * 16), authentication_key=GAK)
    for _ in range(5):
        with pytest.raises(DlmsError):
            bench.client(replace(GMAC, keys=strange)).connect()
    assert len(bench.meter.units.fraud_log.entries) == 1
    bench.sleep(61)
    with pytest.raises(DlmsError):
        bench.client(replace(GMAC, keys=strange)).connect()
    assert len(bench.meter.units.fraud_log.entries) == 2


def test_a_pinned_client_title_is_the_only_one() -> None:
    bench = Bench(GMAC, client_system_title=b"MMM\0\0\0\0\1")
    with pytest.raises(DlmsError):
        bench.client().connect()
    bench.client(replace(GMAC, system_title=b"MMM\0\0\0\0\1")).connect()


def test_a_meter_without_the_secrets_it_needs_is_not_made() -> None:
    for changes in (
        {"mechanism": 5},
        {"mechanism": 1},
        {"security_policy": SecurityPolicy.AUTHENTICATED},
        {"global_unicast_encryption_key": Key(bytes(5)), "authentication_key": GAK, "mechanism": 5},
    ):
        with pytest.raises(ConfigurationError):
            Bench(PLAIN, **changes)  # type: ignore[arg-type]
