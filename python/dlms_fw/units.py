"""Units of the Blue Book (``unit`` of a register) and what a scaler makes of a value.

A table of codes with the symbol and the quantity of each; a code that is not in it is told as a number. Knows
no objects and no meters.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

__all__ = ["UNITS", "Quantity", "Unit", "scaled", "unit"]


class Unit(NamedTuple):
    """A unit: its code on the wire, its symbol, and the quantity that is measured in it."""

    code: int
    symbol: str
    quantity: str


class Quantity(NamedTuple):
    """A scaled value and its unit."""

    value: Decimal
    unit: Unit

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit.symbol}".rstrip()


_TABLE = """
1 a time
2 mo time
3 wk time
4 d time
5 h time
6 min time
7 s time
8 ° phase angle
9 °C temperature
10 currency local currency
11 m length
12 m/s speed
13 m³ volume
14 m³ corrected volume
15 m³/h volume flux
16 m³/h corrected volume flux
17 m³/d volume flux
18 m³/d corrected volume flux
19 l volume
20 kg mass
21 N force
22 Nm energy
23 Pa pressure
24 bar pressure
25 J energy
26 J/h thermal power
27 W active power
28 VA apparent power
29 var reactive power
30 Wh active energy
31 VAh apparent energy
32 varh reactive energy
33 A current
34 C electrical charge
35 V voltage
36 V/m electric field strength
37 F capacitance
38 Ω resistance
39 Ωm²/m resistivity
40 Wb magnetic flux
41 T magnetic flux density
42 A/m magnetic field strength
43 H inductance
44 Hz frequency
45 1/Wh active energy meter constant or pulse value
46 1/varh reactive energy meter constant or pulse value
47 1/VAh apparent energy meter constant or pulse value
48 V²h volt-squared hours
49 A²h ampere-squared hours
50 kg/s mass flux
51 S conductance
52 K temperature
53 1/V²h volt-squared hour meter constant or pulse value
54 1/A²h ampere-squared hour meter constant or pulse value
55 1/m³ meter constant or pulse value of volume
56 % percentage
57 Ah ampere-hours
60 Wh/m³ energy per volume
61 J/m³ calorific value
62 mol% molar fraction of gas composition
63 g/m³ mass density
64 Pa·s dynamic viscosity
65 J/kg specific energy
66 g/cm² pressure
67 atm pressure
70 dBm signal strength
71 dBµV signal strength
72 dB logarithmic ratio
"""

UNITS: Final[dict[int, Unit]] = {
    int(code): Unit(int(code), symbol, quantity)
    for code, symbol, quantity in (line.split(" ", 2) for line in _TABLE.strip().splitlines())
} | {
    253: Unit(253, "reserved", "reserved"),
    254: Unit(254, "other", "other unit"),
    255: Unit(255, "", "count or no unit"),
}
"""All units that have a meaning, by code."""


def unit(code: int) -> Unit:
    """The unit with this code; one without a meaning is named by its number."""
    return UNITS.get(code) or Unit(code, f"unit {code}", "unknown")


def scaled(value: int, scaler: int, code: int) -> Quantity:
    """What a register means: ``value`` times ten to the power of ``scaler``, exactly, in its unit.

    Args:
        value: The number in the register.
        scaler: Of ``scaler_unit``, -128 to 127.
        code: The unit of ``scaler_unit``.
    """
    return Quantity(Decimal(value).scaleb(scaler), unit(code))
