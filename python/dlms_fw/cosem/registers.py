"""Registers and what is made of them (class_id 3, 4, 5, 6, 61, 63): values with a scaler and a unit.

The tables of the Blue Book. What a scaler makes of a value is in ``dlms_fw.units``.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import (
    any_data,
    array,
    choice,
    date_time_octets,
    double_long_unsigned,
    integer,
    logical_name_octets,
    long_unsigned,
    octet_string,
    plain_enum,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import object_definition
from dlms_fw.logical_name import LogicalName

__all__ = [
    "DemandRegister",
    "ExtendedRegister",
    "MappingTable",
    "Register",
    "RegisterActivation",
    "RegisterMask",
    "RegisterTable",
    "ScalerUnit",
    "StatusMapping",
    "TableCellDefinition",
    "scaler_unit_type",
]


class ScalerUnit(NamedTuple):
    """What the number in a register means: times ten to the power of ``scaler``, in ``unit``."""

    scaler: int
    unit: int
    """The code of a unit, see :data:`dlms_fw.units.UNITS`; 255 for none."""


scaler_unit_type = record(ScalerUnit, integer, plain_enum)


class _RegisterRows(InterfaceClass):
    """What register and extended register have in common."""

    value = attribute(2, any_data)
    """A number most often; a status or a text as well."""
    scaler_unit = attribute(3, scaler_unit_type, static=True)

    @method(1)
    def reset(self) -> None:
        """Set the value to its default."""


class Register(_RegisterRows, class_id=3, version=0, short_name_methods=0x28):
    """A value with its scaler and unit; what it measures follows from the logical name."""


class ExtendedRegister(_RegisterRows, class_id=4, version=0, short_name_methods=0x38):
    """A register that also tells the status of its value and when it was captured."""

    status = attribute(4, any_data)
    """Its meaning is told for each object; null-data where there is none."""
    capture_time = attribute(5, date_time_octets)
    """When the value was captured."""


class DemandRegister(InterfaceClass, class_id=5, version=0, short_name_methods=0x48):
    """A demand: an energy divided by the time of its measuring period, averaged block-wise or sliding."""

    current_average_value = attribute(2, any_data)
    """The average since ``start_time_current``, so far."""
    last_average_value = attribute(3, any_data)
    """The average of the last period that is over."""
    scaler_unit = attribute(4, scaler_unit_type, static=True)
    status = attribute(5, any_data)
    """The status of ``last_average_value``; its meaning is told for each object."""
    capture_time = attribute(6, date_time_octets)
    """When ``last_average_value`` was made."""
    start_time_current = attribute(7, date_time_octets)
    """When the measurement of ``current_average_value`` began."""
    period = attribute(8, double_long_unsigned, static=True)
    """Between two updates of ``last_average_value``, in seconds."""
    number_of_periods = attribute(9, long_unsigned, static=True)
    """1 for block demand; more for a window that slides over as many periods."""

    @method(1)
    def reset(self) -> None:
        """Set both averages to their default and begin a new period."""

    @method(2)
    def next_period(self) -> None:
        """End the current period now and begin the next."""


class RegisterMask(NamedTuple):
    """A mask: the registers that count while it is active, by their place in ``register_assignment``."""

    mask_name: bytes
    index_list: list[int]
    """From 1 on."""


_register_mask = record(RegisterMask, octet_string, array(unsigned))


class RegisterActivation(InterfaceClass, class_id=6, version=0, short_name_methods=0x30):
    """Which of a group of registers counts: the structure of tariffs."""

    register_assignment = attribute(2, array(object_definition), static=True)
    mask_list = attribute(3, array(_register_mask), static=True)
    active_mask = attribute(4, octet_string)
    """The name of the mask that is active; the registers that it does not list stand still."""

    @method(1, object_definition)
    def add_register(self, class_id: int, logical_name: LogicalName) -> None:
        """Append a register to ``register_assignment``."""

    @method(2, _register_mask)
    def add_mask(self, mask_name: bytes, index_list: list[int]) -> None:
        """Add a mask, or replace the one of that name."""

    @method(3, octet_string)
    def delete_mask(self, mask_name: bytes) -> None:
        """Delete a mask."""


class TableCellDefinition(NamedTuple):
    """What the cells of a register table are: the same attribute of objects that differ in value group E."""

    class_id: int
    logical_name: LogicalName
    """Of the group; value group E is 255."""
    group_e_values: list[int]
    """Value group E of each cell, in the order of the cells."""
    attribute_index: int


class RegisterTable(InterfaceClass, class_id=61, version=0, short_name_methods=0x28):
    """The values of many objects that are alike, read as one."""

    table_cell_values = attribute(2, array(any_data))
    """One value for each cell; null-data where it is the one before."""
    table_cell_definition = attribute(
        3,
        record(TableCellDefinition, long_unsigned, logical_name_octets, array(unsigned), integer),
        static=True,
    )
    scaler_unit = attribute(4, scaler_unit_type, static=True)
    """Of every cell."""

    @method(1)
    def reset(self) -> None:
        """Clear the cells."""

    @method(2)
    def capture(self) -> None:
        """Copy the values into the cells."""


class MappingTable(NamedTuple):
    """Which bit of a status word means which entry of a table of statuses."""

    ref_table_id: int
    """The table of statuses that is referred to."""
    ref_table_mapping: int | list[int]
    """The entry that bit 0 means, the others following, or an entry for each bit."""


class StatusMapping(InterfaceClass, class_id=63, version=0):
    """A status word and what its bits mean."""

    status_word = attribute(2, any_data)
    """A bit-string, a text, or an unsigned number of any size."""
    mapping_table = attribute(
        3, record(MappingTable, unsigned, choice(long_unsigned, array(long_unsigned))), static=True
    )
