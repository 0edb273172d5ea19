"""What a meter says unasked, with its values decoded: a pushed structure, or attributes that are reported.

Made from the APDUs of the core; nothing here sends or waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from dlms_fw._core import (
    Data,
    DataNotification,
    DataNotificationConfirm,
    DateTime,
    EventNotification,
    InformationReport,
)
from dlms_fw.cosem.catalogue import find_interface_class
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.logical_name import LogicalName

_CONFIRMED = 0x4000_0000
_INVOKE_ID = 0x00FF_FFFF
_DATE_TIME_LENGTH = 12


@dataclass(frozen=True, slots=True)
class PushedData:
    """A data-notification.

    Attributes:
        date_time: When it was made, or ``None`` where it does not say.
        value: The body, most often a structure.
        apdu: As it came.
    """

    date_time: DateTime | None
    value: Data
    apdu: DataNotification

    @property
    def invoke_id(self) -> int:
        """What tells it apart from others of the same meter, 24 bits."""
        return self.apdu.long_invoke_id_and_priority & _INVOKE_ID

    @property
    def wants_confirmation(self) -> bool:
        """Whether its service class is confirmed.

        Meters of older editions set that bit and wait for nothing.
        """
        return bool(self.apdu.long_invoke_id_and_priority & _CONFIRMED)

    def confirmation(self, date_time: DateTime | None = None) -> DataNotificationConfirm:
        """The APDU that confirms it."""
        moment = b"" if date_time is None else date_time.to_bytes()
        return DataNotificationConfirm(self.apdu.long_invoke_id_and_priority, moment)


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """An event-notification: the value of one attribute.

    Attributes:
        time: When it happened, or ``None`` where it does not say.
        class_id: The interface class of the object.
        logical_name: The object.
        attribute_id: Which of its attributes.
        value: The value of that.
        apdu: As it came.
    """

    time: DateTime | None
    class_id: int
    logical_name: LogicalName
    attribute_id: int
    value: Data
    apdu: EventNotification

    def ref(self, version: int = 0) -> AttributeRef[Any] | None:
        """The attribute, whose ``decode`` takes ``apdu.data``; ``None`` where the class is not known."""
        interface = find_interface_class(self.class_id, version)
        row = None if interface is None else interface.attributes.get(self.attribute_id)
        return None if interface is None or row is None else AttributeRef(interface(self.logical_name), row)


@dataclass(frozen=True, slots=True)
class ReportedValues:
    """An information-report: variables with short names, and their values.

    Attributes:
        time: When it was made, or ``None`` where it does not say in a form that we know.
        values: Each variable, mostly its short name alone, with its value.
        apdu: As it came.
    """

    time: DateTime | None
    values: tuple[tuple[int | tuple[int, int, bytes], Data], ...]
    apdu: InformationReport


Notification: TypeAlias = PushedData | ReportedEvent | ReportedValues


def notification(apdu: DataNotification | EventNotification | InformationReport) -> Notification:
    """The decoded form of an APDU.

    Raises:
        DecodeError: The value is nested deeper, or a compact-array expands further, than is believed.
    """
    if isinstance(apdu, InformationReport):
        decoded = (Data.decode(octets, strict=False) for octets in apdu.data)
        time = apdu.current_time or b""
        moment = _moment(time) if len(time) == _DATE_TIME_LENGTH else None
        return ReportedValues(moment, tuple(zip(apdu.variables, decoded, strict=True)), apdu)
    value = Data.decode(apdu.data, strict=False)
    if isinstance(apdu, DataNotification):
        return PushedData(_moment(apdu.date_time), value, apdu)
    return ReportedEvent(
        _moment(apdu.time or b""),
        apdu.class_id,
        LogicalName(apdu.logical_name),
        apdu.attribute_id,
        value,
        apdu,
    )


def _moment(octets: bytes) -> DateTime | None:
    return DateTime.from_bytes(octets) if octets else None
