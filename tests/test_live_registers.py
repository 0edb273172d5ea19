"""Registers that measure: energies grow, survive power cuts, and know which tariff is on."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.registers import ScalerUnit
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult
from dlms_fw.meter.live import LIVE
from dlms_fw.meter.live.load import ConstantLoad, HouseholdLoad
from dlms_fw.meter.live.plant import MeterPlant
from dlms_fw.meter.live.registers import LiveExtendedRegister, LiveRegister
from plant_bench import PlantBench

IMPORT, EXPORT, POWER, MAXIMUM, STORED = (
    "1-0:1.8.0.255",
    "1-0:2.8.0.255",
    "1-0:1.7.0.255",
    "1-0:1.6.0.255",
    "0-0:17.0.0.255",
)


def build(plant: MeterPlant) -> Iterable[ServerObject]:
    kilowatt_hours = {"value": Data(Tag.DOUBLE_LONG_UNSIGNED, 5), "scaler_unit": ScalerUnit(3, 30)}
    for name, values in {
        IMPORT: {},
        EXPORT: {},
        POWER: {},
        "1-0:21.8.0.255": {},
        "1-0:32.7.0.255": {},
        "1-1:1.8.0.255": kilowatt_hours,
        STORED: {"value": Data(Tag.LONG_UNSIGNED, 9)},
    }.items():
        yield LIVE[3, 0](name, values, plant)
    yield LIVE[4, 0](MAXIMUM, {}, plant)


def value(bench: PlantBench, name: str) -> object:
    return Data.decode(register(bench, name).read(2)).value


def register(bench: PlantBench, name: str) -> LiveRegister:
    found = next(made for made in bench.objects.values() if str(made.logical_name) == name)
    assert isinstance(found, LiveRegister | LiveExtendedRegister)
    return found  # type: ignore[return-value]


def test_an_energy_grows_with_time_and_memory_is_not_worn_for_it() -> None:
    bench = PlantBench(lambda plant: [LIVE[3, 0](IMPORT, {}, plant)])
    assert value(bench, IMPORT) == 0
    bench.time.advance(2 * 3600)
    assert value(bench, IMPORT) == 2000
    bench.pass_time(3600)
    before = bench.medium.operations
    for _ in range(3600):
        bench.pass_time(1)
        value(bench, IMPORT)
    assert bench.medium.operations - before <= 2 * 6


def test_what_is_measured_follows_the_load() -> None:
    bench = PlantBench(build)
    bench.pass_time(3600)
    assert [value(bench, name) for name in (IMPORT, EXPORT, POWER, "1-0:21.8.0.255")] == [1000, 0, 1000, 400]
    assert 2270 <= int(str(value(bench, "1-0:32.7.0.255"))) <= 2330
    bench.plant.measurement.load = ConstantLoad(-500.0)
    bench.pass_time(3600)
    assert [value(bench, name) for name in (IMPORT, EXPORT, POWER)] == [1000, 500, 0]
    bench.plant.measurement.is_connected = False
    bench.pass_time(3600)
    assert [value(bench, name) for name in (IMPORT, EXPORT)] == [1000, 500]


def test_a_register_begins_where_the_model_says_and_counts_in_its_own_scaler() -> None:
    bench = PlantBench(build)
    assert value(bench, "1-1:1.8.0.255") == 5
    bench.pass_time(3600 * 3)
    assert value(bench, "1-1:1.8.0.255") == 8
    register(bench, "1-1:1.8.0.255").invoke(1, b"\x0f\x00")
    bench.pass_time(3600)
    assert value(bench, "1-1:1.8.0.255") == 1
    assert value(bench, IMPORT) == 4000


def test_energies_survive_power_cuts_and_do_not_grow_without_power() -> None:
    bench = PlantBench(build)
    bench.pass_time(3600)
    bench.power_cycle(86_400, clean=True)
    assert value(bench, IMPORT) == 1000
    bench.pass_time(3600)
    bench.power_cycle(86_400)
    assert 2000 - 1000 / 4 <= int(str(value(bench, IMPORT))) <= 2000


def test_the_maximum_is_that_of_measuring_periods_by_the_clock() -> None:
    bench = PlantBench(build)
    bench.pass_time(900)
    assert value(bench, MAXIMUM) == 1000
    bench.plant.measurement.load = ConstantLoad(3000.0)
    bench.pass_time(450)
    bench.plant.measurement.load = ConstantLoad(1000.0)
    bench.pass_time(450)
    assert value(bench, MAXIMUM) == 2000
    found = next(made for made in bench.objects.values() if isinstance(made, LiveExtendedRegister))
    assert bench.clock.seconds(found.capture_time) == bench.clock.utc
    bench.power_cycle()
    bench.pass_time(1800)
    assert value(bench, MAXIMUM) == 2000


def test_what_is_not_measured_keeps_what_was_written() -> None:
    bench = PlantBench(build)
    register(bench, STORED).write(2, Data(Tag.LONG_UNSIGNED, 77).encode())
    bench.power_cycle()
    assert value(bench, STORED) == 77
    with pytest.raises(CosemFault) as refused:
        register(bench, IMPORT).write(2, Data(Tag.LONG_UNSIGNED, 77).encode())
    assert refused.value.result == DataAccessResult.READ_WRITE_DENIED


def test_the_same_seed_gives_the_same_energies_in_any_steps() -> None:
    one, other = (PlantBench(build, load=HouseholdLoad(3, generation_watts=900)) for _ in range(2))
    one.time.advance(86_400 * 3)
    for _ in range(72):
        other.pass_time(3600)
        value(other, IMPORT)
    for name in (IMPORT, EXPORT):
        first, second = (int(str(value(bench, name))) for bench in (one, other))
        assert abs(first - second) <= 1
        assert first > 1000
