"""Registers that measure (class_id 3, 4): energies that grow, powers that move, maxima of measuring periods.

What a register shows follows from its logical name: of electricity (A = 1), D = 8 is an energy, D = 7 what is
measured now, D = 6 the maximum of the averages over measuring periods. Any other register keeps what it was
given, or what was written to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.registers import ExtendedRegister, Register, ScalerUnit
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import DataAccessResult
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.period import MeasuringPeriod
from dlms_fw.meter.live.plant import Plant

MEASURING_PERIOD_SECONDS: Final = 900
_ELECTRICITY: Final = 1
_CURRENT_VALUE: Final = 255
_INSTANTANEOUS: Final = 7
_TIME_INTEGRAL: Final = 8
_MAXIMUM: Final = 6

_BITS: Final[dict[int, tuple[int, bool]]] = {
    Tag.INTEGER: (8, True),
    Tag.LONG: (16, True),
    Tag.DOUBLE_LONG: (32, True),
    Tag.LONG64: (64, True),
    Tag.UNSIGNED: (8, False),
    Tag.LONG_UNSIGNED: (16, False),
    Tag.DOUBLE_LONG_UNSIGNED: (32, False),
    Tag.LONG64_UNSIGNED: (64, False),
}
_WATT, _VOLT_AMPERE, _VAR, _AMPERE, _VOLT, _HERTZ, _NO_UNIT = 27, 28, 29, 33, 35, 44, 255
_ENERGY_OF_POWER: Final = {_WATT: 30, _VOLT_AMPERE: 31, _VAR: 32}
_UNITS: Final[dict[int, tuple[int, int]]] = {
    **dict.fromkeys((1, 2, 15, 16), (0, _WATT)),
    **dict.fromkeys((3, 4, 5, 6, 7, 8), (0, _VAR)),
    **dict.fromkeys((9, 10), (0, _VOLT_AMPERE)),
    11: (-2, _AMPERE),
    12: (-1, _VOLT),
    13: (-3, _NO_UNIT),
    14: (-2, _HERTZ),
}
"""Scaler and unit of what is measured, by value group C, where a model gives none."""


class Quantity:
    """What the logical name of a register says about what it shows."""

    def __init__(self, logical_name: LogicalName) -> None:
        self.logical_name = logical_name
        medium, _, self.number, self.kind, self.tariff, historical = logical_name.to_bytes()
        total = (self.number - 1) % 20 + 1 if 21 <= self.number <= 80 else self.number
        self.is_measured = medium == _ELECTRICITY and historical == _CURRENT_VALUE and total in _UNITS
        self._total = total

    def is_of_kind(self, kind: int) -> bool:
        """Whether it is measured, and in that way (value group D)."""
        return self.is_measured and self.kind == kind

    @property
    def scaler_unit(self) -> ScalerUnit:
        """Where a model gives none."""
        scaler, unit = _UNITS.get(self._total, (0, _NO_UNIT))
        return ScalerUnit(scaler, _ENERGY_OF_POWER.get(unit, unit) if self.kind == _TIME_INTEGRAL else unit)


def number(reading: float, scaler: int, like: object) -> Data:
    """A reading as the value of a register, of the type that it had before; what does not fit wraps round."""
    tag = like.tag if isinstance(like, Data) else Tag.NULL_DATA
    scaled = reading / 10.0**scaler
    if tag in {Tag.FLOAT32, Tag.FLOAT64}:
        return Data(tag, scaled)
    bits, signed = _BITS.get(tag, (32, False))
    whole = math.floor(scaled + 1e-9) & ((1 << bits) - 1)
    if signed and whole >> (bits - 1):
        whole -= 1 << bits
    return Data(tag if tag in _BITS else Tag.DOUBLE_LONG_UNSIGNED, whole)


def reading_of(value: object, scaler: int) -> float:
    """The other way: what a value means; 0 where it is no number."""
    plain = value.value if isinstance(value, Data) else value
    return plain * 10.0**scaler if isinstance(plain, int | float) else 0.0


class _MeasuringObject(LiveObject, interface=Register):
    """What register and extended register have in common."""

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._quantity = Quantity(self.logical_name)
        if self._quantity.is_measured and "scaler_unit" not in values:
            self._given = {**values, "scaler_unit": self._quantity.scaler_unit}
        initial = reading_of(values.get("value"), self.scaler_unit.scaler)
        is_energy = self._quantity.is_of_kind(_TIME_INTEGRAL)
        self._account = plant.measurement.account(self.logical_name, initial) if is_energy else None

    scaler_unit = Kept(read_only=True)

    @property
    def value(self) -> Data:
        """Computed now where it is measured, else as it was set."""
        kept: Data = self._value("value")
        if self._account is not None:
            return number(self._account.reading, self.scaler_unit.scaler, kept)
        if self._quantity.is_of_kind(_INSTANTANEOUS):
            now = self._plant.measurement.power(self._quantity.number)
            return number(now or 0.0, self.scaler_unit.scaler, kept)
        return kept

    @value.setter
    def value(self, value: Data) -> None:
        if self._account is not None or self._quantity.is_of_kind(_INSTANTANEOUS):
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        self._remember(value=value)

    def reset(self) -> None:
        """From 0 again; what is measured now is as it is."""
        if self._account is not None:
            self._account.reset()
            self._plant.changed(self._reference("value"))
        elif not self._quantity.is_of_kind(_INSTANTANEOUS):
            self._remember(value=number(0.0, 0, self._value("value")))


class LiveRegister(_MeasuringObject, interface=Register):
    """A register."""


class LiveExtendedRegister(_MeasuringObject, interface=ExtendedRegister):
    """A register with status and time; with D = 6 the largest average of a period since its reset."""

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        if self._quantity.is_of_kind(_MAXIMUM):
            self._period = MeasuringPeriod(
                plant, self._quantity.number, MEASURING_PERIOD_SECONDS, self._period_over
            )

    status = Kept(read_only=True)
    capture_time = Kept(read_only=True)

    def _period_over(self, average: float, end: DateTime) -> None:
        scaler = self.scaler_unit.scaler
        if not self._plant.measurement.account(self.logical_name).is_running:
            return  # another tariff holds
        if average > reading_of(self._value("value"), scaler):
            self._remember(value=number(average, scaler, self._value("value")), capture_time=end)
