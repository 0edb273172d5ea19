"""Names for people: units with their scalers, and what a logical name stands for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dlms_fw.logical_name import LogicalName
from dlms_fw.obis_names import obis_name
from dlms_fw.units import UNITS, Unit, scaled, unit


@pytest.mark.proves("names-units")
@pytest.mark.parametrize(
    ("code", "symbol"),
    [(1, "a"), (7, "s"), (9, "°C"), (13, "m³"), (27, "W"), (30, "Wh"), (32, "varh"), (33, "A"), (35, "V"),
     (44, "Hz"), (56, "%"), (70, "dBm"), (255, "")],
)  # fmt: skip
def test_a_unit_has_a_symbol(code: int, symbol: str) -> None:
    assert unit(code).symbol == symbol
    assert unit(code).code == code


@pytest.mark.proves("names-units")
def test_every_code_has_an_answer() -> None:
    for code in range(256):
        assert unit(code) == UNITS.get(code, Unit(code, f"unit {code}", "unknown"))
    assert unit(200).symbol == "unit 200"
    assert all(known.quantity for known in UNITS.values())


@pytest.mark.proves("names-scaler")
@pytest.mark.parametrize(
    ("value", "scaler", "code", "text"),
    [(12345, -3, 30, "12.345 Wh"), (5, 3, 27, "5000 W"), (-1, 0, 255, "-1"), (2300, -1, 35, "230.0 V"),
     (18446744073709551615, -2, 30, "184467440737095516.15 Wh")],
)  # fmt: skip
def test_a_scaled_value_is_exact(value: int, scaler: int, code: int, text: str) -> None:
    quantity = scaled(value, scaler, code)
    assert str(quantity) == text
    assert quantity.value == Decimal(value) * Decimal(10) ** scaler


@pytest.mark.proves("names-obis")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("1-0:1.8.0.255", "active energy import, total"),
        ("1-0:2.8.2.255", "active energy export, tariff 2"),
        ("1-0:1.7.0.255", "active power import, instantaneous"),
        ("1-0:32.7.0.255", "voltage L1, instantaneous"),
        ("1-0:71.7.0.255", "current L3, instantaneous"),
        ("1-0:14.7.0.255", "frequency, instantaneous"),
        ("1-0:1.6.0.255", "active power import, maximum"),
        ("1-0:5.8.0.255", "reactive energy quadrant I, total"),
        ("1-0:61.29.0.255", "active energy import L3, time integral of the recording interval, total"),
        ("1-0:1.8.0.3", "active energy import, total, billing period 3"),
        ("1-1:0.2.0.255", "active firmware identifier, channel 1"),
        ("1-0:0.2.8.255", "active firmware signature"),
        ("1-0:0.0.1.255", "electricity identifier 1"),
        ("1-0:0.4.2.255", "current transformer ratio, numerator"),
        ("1-0:0.8.4.255", "recording interval of load profile 1"),
        ("1-0:0.50.0.255", "electricity 0.50.0"),
        ("1-0:12.32.0.255", "voltage, times below the limit"),
        ("1-0:12.35.0.255", "voltage, upper limit"),
        ("1-0:52.39.0.255", "voltage L2, limit of missing"),
        ("1-0:12.45.0.255", "voltage, least time missing"),
        ("0-0:96.7.0.255", "number of power failures in all phases"),
        ("0-0:96.7.4.255", "number of failures of the auxiliary supply"),
        ("0-0:96.7.9.255", "number of long power failures in any phase"),
        ("0-0:96.7.19.255", "duration of long power failure in any phase"),
        ("0-0:96.7.20.255", "least duration of a long power failure"),
        ("0-0:96.7.21.255", "number of power failures in any phase"),
        ("0-0:96.7.22.255", "abstract 96.7.22"),
        ("0-0:24.6.0.255", "M-Bus master port setup"),
        ("0-1:24.2.2.255", "M-Bus value 2, channel 1"),
        ("1-0:99.1.0.255", "load profile"),
        ("0-0:1.0.0.255", "clock"),
        ("0-0:10.0.107.255", "image activation script table"),
        ("0-0:15.0.2.255", "image activation scheduler"),
        ("0-0:40.0.0.255", "current association"),
        ("0-0:40.0.3.255", "association 3"),
        ("0-0:42.0.0.255", "logical device name"),
        ("0-0:43.0.0.255", "security setup"),
        ("0-0:43.1.2.255", "invocation counter 2"),
        ("0-0:44.0.0.255", "image transfer"),
        ("0-0:97.98.10.255", "alarm filter"),
        ("0-0:99.98.0.255", "standard event log"),
        ("0-4:25.9.0.255", "push setup, channel 4"),
        ("1-0:13.0.0.255", "electricity 13.0.0"),
        ("7-0:3.0.0.255", "gas 3.0.0"),
        ("0-0:128.5.0.255", "manufacturer specific abstract 128.5.0"),
        ("66-0:1.2.3.255", "medium 66 1.2.3"),
    ],
)
def test_what_a_name_stands_for(name: str, text: str) -> None:
    assert obis_name(name) == text
    assert obis_name(LogicalName(name)) == text


@pytest.mark.proves("names-obis")
def test_every_name_has_an_answer() -> None:
    for a in (0, 1, 7, 200):
        for c in range(256):
            for d in range(0, 256, 7):
                assert obis_name(bytes([a, 0, c, d, 1, 255]))
