"""The event logs as entries of the object table: which there are, what they show, where the last code is.

The columns are those of the MCS301 manual, page 73, with its two misprints put right. A client reads the
columns of a meter; it does not rely on this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem import well_known
from dlms_fw.cosem.control import Limiter
from dlms_fw.cosem.data import Data as DataClass
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, ProfileGeneric
from dlms_fw.cosem.registers import Register
from dlms_fw.cosem.server import ServerObject
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clients import MANAGEMENT, READING
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import LogEntry
from dlms_fw.meter.interior import Interior, MeterEntry
from dlms_fw.meter.log_objects import Column, EventLogProfile, code_column, parameter_column
from dlms_fw.meter.object_table import reading_rights
from dlms_fw.meter.plain_objects import number_object
from dlms_fw.meter.units import FRAUD_LOG_ENTRIES, OTHER_LOG_ENTRIES, STANDARD_LOG_ENTRIES

ACTIVE_THRESHOLD: Final = CaptureObjectDefinition(
    Limiter.class_id, LogicalName("0-0:17.0.0.255"), Limiter.threshold_active.attribute_id
)
SAG_MAGNITUDE: Final = CaptureObjectDefinition(
    Register.class_id, LogicalName("1-0:12.34.0.255"), Register.value.attribute_id
)
SAG_DURATION: Final = CaptureObjectDefinition(
    Register.class_id, LogicalName("1-0:12.33.0.255"), Register.value.attribute_id
)
FAILURE_DURATION: Final = CaptureObjectDefinition(
    Register.class_id, LogicalName("0-0:96.7.19.255"), Register.value.attribute_id
)
"""Of the last long power failure, in seconds."""


class LogDescription(NamedTuple):
    """One event log: its name in the meter, its objects, and the columns behind the clock and the code."""

    name: str
    profile: LogicalName
    code: LogicalName
    capacity: int
    more: tuple[Column, ...] = ()


def _as_parameter(column: CaptureObjectDefinition, tag: Tag = Tag.LONG_UNSIGNED) -> Column:
    """A column that an event tells by its parameter."""
    return column, lambda entry: Data(tag, entry.parameter)


def _unknown(column: CaptureObjectDefinition) -> Column:
    """A column that no event of the simulation has a value for."""
    return column, _null


def _null(entry: LogEntry) -> Data:  # noqa: ARG001 (the same for all)
    return Data(Tag.NULL_DATA)


LOGS: Final[Mapping[str, LogDescription]] = {
    "standard-event-log": LogDescription(
        "standard",
        well_known.STANDARD_EVENT_LOG,
        well_known.event_code(0),
        STANDARD_LOG_ENTRIES,
        (parameter_column(well_known.EVENT_PARAMETER),),
    ),
    "fraud-event-log": LogDescription(
        "fraud", well_known.FRAUD_DETECTION_EVENT_LOG, well_known.event_code(1), FRAUD_LOG_ENTRIES
    ),
    "disconnect-control-event-log": LogDescription(
        "disconnect",
        well_known.DISCONNECT_CONTROL_EVENT_LOG,
        well_known.event_code(2),
        OTHER_LOG_ENTRIES,
        (_as_parameter(ACTIVE_THRESHOLD),),
    ),
    "power-quality-event-log": LogDescription(
        "power-quality",
        well_known.POWER_QUALITY_EVENT_LOG,
        well_known.event_code(4),
        OTHER_LOG_ENTRIES,
        (_as_parameter(SAG_MAGNITUDE), _unknown(SAG_DURATION)),
    ),
    "communication-event-log": LogDescription(
        "communication",
        well_known.COMMUNICATION_EVENT_LOG,
        well_known.event_code(5),
        OTHER_LOG_ENTRIES,
    ),
    "power-failure-event-log": LogDescription(
        "power-failure",
        well_known.POWER_FAILURE_EVENT_LOG,
        well_known.event_code(6),
        OTHER_LOG_ENTRIES,
        (_as_parameter(FAILURE_DURATION),),
    ),
}
"""By the names of their families."""


def log_family(description: LogDescription) -> Callable[[MeterConfig], Iterator[MeterEntry]]:
    """The log, with the code of its last event, and of the standard log its parameter."""

    def entries(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
        selectors = {ProfileGeneric.buffer.attribute_id: (1, 2)}
        rights = replace(reading_rights(ProfileGeneric), selectors=selectors)
        columns = [code_column(description.code), *description.more]
        yield MeterEntry(
            interface=ProfileGeneric,
            logical_name=description.profile,
            rights={MANAGEMENT: rights, READING: rights},
            make=lambda interior: EventLogProfile(
                description.profile,
                interior.units.log(description.name, description.capacity),
                columns,
            ),
        )
        yield _last(description, description.code, lambda entry: entry.code)
        if description.name == "standard":
            yield _last(description, well_known.EVENT_PARAMETER, lambda entry: entry.parameter)

    return entries


def _last(description: LogDescription, name: LogicalName, member: Callable[[LogEntry], int]) -> MeterEntry:
    """Something of the last event, zero where there is none."""

    def make(interior: Interior) -> ServerObject:
        log = interior.units.log(description.name, description.capacity)

        def value() -> int:
            entries = log.entries
            return member(entries[-1]) if entries else 0

        return number_object(name, value, Tag.UNSIGNED)

    rights = reading_rights(DataClass)
    return MeterEntry(
        interface=DataClass, logical_name=name, rights={MANAGEMENT: rights, READING: rights}, make=make
    )
