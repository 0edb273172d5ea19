"""Registers as quantities: the number in one, its scaler and its unit.

The scaler and unit of a register are static and read once for each client; what a register holds is read in
as few requests as fit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from dlms_fw import listed
from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem.interface import AttributeRef, InterfaceClass
from dlms_fw.cosem.registers import DemandRegister, ExtendedRegister, Register, ScalerUnit
from dlms_fw.errors import DlmsError, RemoteProtocolError, ServiceError
from dlms_fw.listed import Plan, Room
from dlms_fw.logical_name import LogicalName
from dlms_fw.reading.known import Known
from dlms_fw.reading.plans import raw_attribute
from dlms_fw.units import Quantity, unit

__all__ = [
    "SCALED",
    "decimal_of",
    "is_scaled",
    "learn_scaler_units",
    "quantities",
    "quantity_of",
    "scaled_value",
]

SCALED: Final[dict[int, tuple[type[InterfaceClass], int, frozenset[int]]]] = {
    3: (Register, 3, frozenset({2})),
    4: (ExtendedRegister, 3, frozenset({2})),
    5: (DemandRegister, 4, frozenset({2, 3})),  # current and last average
}
"""By class_id: the class, its attribute with scaler and unit, and the attributes that this is about."""

_NUMBERS: Final = frozenset({
    Tag.DOUBLE_LONG, Tag.DOUBLE_LONG_UNSIGNED, Tag.INTEGER, Tag.LONG, Tag.UNSIGNED, Tag.LONG_UNSIGNED,
    Tag.LONG64, Tag.LONG64_UNSIGNED, Tag.FLOAT32, Tag.FLOAT64,
})  # fmt: skip
_VALUE: Final = 2
_Key = tuple[int, LogicalName]


def is_scaled(class_id: int, attribute_id: int) -> bool:
    """Whether an attribute has a scaler and a unit."""
    return class_id in SCALED and attribute_id in SCALED[class_id][2]


def learn_scaler_units(keys: Iterable[_Key], known: Known, room: Room) -> Plan[None]:
    """Reads the scalers and units that are not known yet, by class_id and logical name.

    What the meter refuses is kept as not told.
    """
    wanted = [key for key in dict.fromkeys(keys) if key[0] in SCALED and key not in known.scaler_units]
    found = yield from listed.readings([_scaler_ref(key) for key in wanted], room)
    _note(known, zip(wanted, found, strict=True))


def quantities(
    registers: Sequence[AttributeRef[Any] | InterfaceClass], known: Known, room: Room
) -> Plan[list[Quantity | DlmsError]]:
    """Reads registers, and with them the scalers and units that are not known yet.

    Args:
        registers: Objects, of which attribute 2 is meant, or attributes that have a scaler and unit.
        known: What is kept of the meter.
        room: What one request may be.

    Returns:
        For each, in order, its value in its unit; or the ServiceError with which the meter refuses it, or the
        RemoteProtocolError of a register without a number.

    Raises:
        TypeError: One of them has no scaler and unit.
    """
    targets = [_target(register) for register in registers]
    keys = [(ref.object.class_id, ref.object.instance_id) for ref in targets]
    wanted = [key for key in dict.fromkeys(keys) if key not in known.scaler_units]
    refs = [*(_scaler_ref(key) for key in wanted), *targets]
    outcomes = yield from listed.readings(refs, room)
    _note(known, zip(wanted, outcomes, strict=False))
    values = outcomes[len(wanted) :]
    return [
        _quantity(ref, value, known.scaler_units[key])
        for ref, key, value in zip(targets, keys, values, strict=True)
    ]


def scaled_value(number: float, scaler_unit: ScalerUnit) -> Quantity:
    """What a number in a register means."""
    return Quantity(decimal_of(number).scaleb(scaler_unit.scaler), unit(scaler_unit.unit))


def quantity_of(value: bytes, scaler_unit: bytes) -> Quantity | None:
    """What two encoded attributes of a register mean; ``None`` where they are no number and no unit."""
    number, told = Data.decode(value, strict=False), _scaler_unit(Data.decode(scaler_unit, strict=False))
    if told is None or number.tag not in _NUMBERS or not isinstance(number.value, int | float):
        return None
    return scaled_value(number.value, told)


def decimal_of(number: float) -> Decimal:
    """A number of a meter, exactly as it was meant: a float32 of 230.1 is 230.1 and no binary fraction."""
    if isinstance(number, int):
        return Decimal(number)
    try:
        as_float32 = struct.pack(">f", number)
    except OverflowError:
        return Decimal(repr(number))
    if struct.unpack(">f", as_float32)[0] != number:
        return Decimal(repr(number))
    for digits in range(6, 10):  # 9 digits tell every float32 from all others
        text = f"{number:.{digits}g}"
        if struct.pack(">f", float(text)) == as_float32:
            break
    return Decimal(text)


def _target(register: AttributeRef[Any] | InterfaceClass) -> AttributeRef[Data]:
    instance = register.object if isinstance(register, AttributeRef) else register
    attribute_id = register.row.attribute_id if isinstance(register, AttributeRef) else _VALUE
    if not is_scaled(instance.class_id, attribute_id):
        raise TypeError(f"{register!r} has no scaler and unit")
    return raw_attribute(instance, attribute_id)


def _scaler_ref(key: _Key) -> AttributeRef[Data]:
    interface, attribute_id, _ = SCALED[key[0]]
    return raw_attribute(interface(key[1]), attribute_id)


def _note(known: Known, found: Iterable[tuple[_Key, Data | ServiceError]]) -> None:
    for key, outcome in found:
        known.scaler_units[key] = None if isinstance(outcome, ServiceError) else _scaler_unit(outcome)


def _scaler_unit(data: Data) -> ScalerUnit | None:
    """A structure of a scaler and a unit; a register that has neither may hold anything there."""
    match data.plain():
        case (int(scaler), int(code)):
            return ScalerUnit(scaler, code)
    return None


def _quantity(
    ref: AttributeRef[Any], outcome: Data | ServiceError, scaler_unit: ScalerUnit | None
) -> Quantity | DlmsError:
    if isinstance(outcome, ServiceError):
        return outcome
    if outcome.tag not in _NUMBERS:
        return RemoteProtocolError(f"{ref!r} holds no number")
    number = outcome.value
    assert isinstance(number, int | float)  # noqa: S101 (these tags have no others)
    # A meter that does not tell what its numbers mean leaves them as they are.
    return scaled_value(number, scaler_unit or _AS_IT_IS)


_AS_IT_IS: Final = ScalerUnit(0, 255)
