"""How a profile is built: its columns with their names and units, its period and its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

from dlms_fw import listed
from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import any_data
from dlms_fw.cosem.catalogue import find_interface_class, known_versions
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, ProfileGeneric
from dlms_fw.cosem.registers import ScalerUnit
from dlms_fw.enums import SortMethod
from dlms_fw.errors import LocalProtocolError, RemoteProtocolError, ServiceError
from dlms_fw.listed import Plan, Room
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.obis_names import obis_name
from dlms_fw.reading.known import Known
from dlms_fw.reading.meter_zone import MeterZone, meter_zone
from dlms_fw.reading.plans import named_row
from dlms_fw.reading.registers import is_scaled, learn_scaler_units, scaled_value
from dlms_fw.units import unit

__all__ = ["ProfileColumn", "ProfileDescription", "chosen", "profile_description", "zone_of"]

Reader: TypeAlias = Callable[[object], object]
"""Makes of a plain value what it means."""

_VALUE: Final = 2
_ANY_CAPTURE_OBJECTS: Final = named_row("capture_objects", 3, any_data)
"""Of either version: three or four members each."""


@dataclass(frozen=True, slots=True)
class ProfileColumn:
    """One column of a profile.

    Attributes:
        definition: What it captures.
        title: That in words, different for each column of a profile.
        scaler_unit: What its numbers stand for, where it captures a register.
    """

    definition: CaptureObjectDefinition
    title: str
    scaler_unit: ScalerUnit | None = None

    @property
    def logical_name(self) -> LogicalName:
        """Of the object that it captures."""
        return self.definition.logical_name

    @property
    def is_clock(self) -> bool:
        """Whether it captures the time of a clock."""
        definition = self.definition
        return definition.class_id == Clock.class_id and definition.attribute_index == Clock.time.attribute_id

    @property
    def unit(self) -> str:
        """The symbol of its unit; empty without one."""
        return "" if self.scaler_unit is None else unit(self.scaler_unit.unit).symbol

    def is_named(self, text: LogicalNameLike) -> bool:
        """Whether a text is its title or its logical name."""
        if text == self.title:
            return True
        try:
            return LogicalName(text) == self.logical_name
        except ValueError:
            return False

    def reader(self, zone: MeterZone | None, *, opposite_deviation: bool = False) -> Reader | None:
        """What makes of a value in it what it means; ``None`` where values are as they are.

        That is a datetime for a clock, in ``zone`` where it names no deviation, and a
        :class:`~dlms_fw.units.Quantity` for a register; a value that is none of these stays as it is.
        """
        if self.is_clock:
            return partial(_moment, zone, opposite_deviation)
        return None if self.scaler_unit is None else partial(_quantity, self.scaler_unit)


def _moment(zone: MeterZone | None, opposite_deviation: bool, plain: object) -> object:
    if not isinstance(plain, DateTime):
        return plain
    try:
        moment = plain.to_datetime(opposite_deviation=opposite_deviation)
    except ValueError:
        return plain
    return moment if zone is None or moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _quantity(scaler_unit: ScalerUnit, plain: object) -> object:
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return scaled_value(plain, scaler_unit)
    return plain


@dataclass(frozen=True, slots=True)
class ProfileDescription:
    """How a profile is built, as far as the meter tells.

    Attributes:
        logical_name: Of the profile.
        columns: Its columns, in order.
        capture_period: In seconds; 0 where something else triggers the capture.
        sort_method: The order of its entries.
        profile_entries: The most that it can hold; ``None`` where the meter does not tell.
        zone: The meter's local time, where a column is a clock and the meter tells it.
    """

    logical_name: LogicalName
    columns: tuple[ProfileColumn, ...]
    capture_period: int
    sort_method: SortMethod
    profile_entries: int | None
    zone: MeterZone | None = None

    @property
    def clock(self) -> ProfileColumn | None:
        """The column with the time of capture, if there is one."""
        return next((column for column in self.columns if column.is_clock), None)

    @property
    def newest_first(self) -> bool:
        """Whether its buffer begins with the newest entry."""
        return self.sort_method == SortMethod.LIFO


def chosen(described: ProfileDescription, wanted: Sequence[LogicalNameLike]) -> tuple[ProfileColumn, ...]:
    """The columns with these titles or logical names and the time of capture, in order; all without any.

    Raises:
        LocalProtocolError: The profile has no such column.
    """
    found = {described.clock} if described.clock is not None and wanted else set()
    for text in wanted:
        named = [column for column in described.columns if column.is_named(text)]
        if not named:
            titles = ", ".join(column.title for column in described.columns)
            raise LocalProtocolError(
                f"profile {described.logical_name} has no column {text!s}", hint=f"it has {titles}"
            )
        found |= set(named)
    return tuple(column for column in described.columns if not wanted or column in found)


def profile_description(
    name: LogicalName, known: Known, room: Room, *, opposite_deviation: bool = False
) -> Plan[ProfileDescription]:
    """Reads how a profile is built, unless it is known.

    Raises:
        ServiceError: The meter does not show the columns.
        RemoteProtocolError: They make no sense.
    """
    if (found := known.profiles.get(name)) is not None:
        return found
    profile = ProfileGeneric(name)
    refs: list[AttributeRef[Any]] = [
        AttributeRef(profile, _ANY_CAPTURE_OBJECTS),
        profile.capture_period,
        profile.sort_method,
        profile.profile_entries,
    ]
    columns, period, order, entries = yield from listed.readings(refs, room)
    if isinstance(columns, ServiceError):
        raise columns
    definitions = _definitions(name, columns)
    scaled = [it for it in definitions if is_scaled(it.class_id, it.attribute_index)]
    yield from learn_scaler_units([(it.class_id, it.logical_name) for it in scaled], known, room)
    described = ProfileDescription(
        name,
        _columns(definitions, known),
        0 if isinstance(period, ServiceError) else period,
        SortMethod.FIFO if isinstance(order, ServiceError) else order,
        None if isinstance(entries, ServiceError) else entries,
    )
    if (clock := described.clock) is not None:
        with suppress(ServiceError):  # then times that name no deviation stay without a zone
            zone = yield from zone_of(clock.logical_name, known, room, opposite_deviation=opposite_deviation)
            described = replace(described, zone=zone)
    known.profiles[name] = described
    return described


def zone_of(
    clock: LogicalName, known: Known, room: Room, *, opposite_deviation: bool = False
) -> Plan[MeterZone]:
    """The local time of a clock, read unless it is known. Raises ServiceError where the meter refuses."""
    zone = known.zones.get(clock)
    if zone is None:
        zone = yield from meter_zone(Clock(clock), room, opposite_deviation=opposite_deviation)
        known.zones[clock] = zone
    return zone


def _definitions(name: LogicalName, columns: Data) -> list[CaptureObjectDefinition]:
    plain = columns.plain()
    found = []
    for members in plain if isinstance(plain, tuple) else ():
        match members:
            case (int(class_id), bytes(octets), int(attribute_index), *rest) if len(octets) == 6:
                data_index = next((it for it in rest if isinstance(it, int)), 0)
                found.append(
                    CaptureObjectDefinition(class_id, LogicalName(octets), attribute_index, data_index)
                )
            case _:
                raise RemoteProtocolError(f"a column of profile {name} is no capture object: {members!r}")
    return found


def _columns(definitions: list[CaptureObjectDefinition], known: Known) -> tuple[ProfileColumn, ...]:
    taken: dict[str, int] = {}
    columns = []
    for definition in definitions:
        title = _title(definition)
        taken[title] = taken.get(title, 0) + 1
        if taken[title] > 1:
            title = f"{title} ({taken[title]})"
        key = definition.class_id, definition.logical_name
        scaled = is_scaled(definition.class_id, definition.attribute_index)
        columns.append(ProfileColumn(definition, title, known.scaler_units[key] if scaled else None))
    return tuple(columns)


def _title(definition: CaptureObjectDefinition) -> str:
    title = obis_name(definition.logical_name)
    if definition.attribute_index != _VALUE:
        title += f", {_attribute_name(definition.class_id, definition.attribute_index)}"
    return f"{title} [{definition.data_index}]" if definition.data_index else title


def _attribute_name(class_id: int, attribute_id: int) -> str:
    """As the newest version of the class that we know calls it; a capture object tells none."""
    versions = known_versions(class_id)
    interface = find_interface_class(class_id, versions[-1]) if versions else None
    row = None if interface is None else interface.attributes.get(attribute_id)
    return f"attribute {attribute_id}" if row is None else row.name
