"""What watches parameters, waveforms and sensors (class_id 65, 66, 67). The tables of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    date_time_or_octets,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long64_unsigned,
    long_unsigned,
    octet_string,
    plain_enum,
    record,
)
from dlms_fw.cosem.control import ActionSet
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import action_item, value_definition
from dlms_fw.cosem.registers import scaler_unit_type
from dlms_fw.enums.data_sets import HashAlgorithm
from dlms_fw.logical_name import LogicalName

__all__ = [
    "ChangedParameter",
    "MeasurementDataMonitoring",
    "ParameterMonitor",
    "ParameterMonitorV0",
    "SensorManager",
    "TriggerSource",
]


# --- Parameter monitor (class_id 65) ------------------------------------------------------------------------


class ChangedParameter(NamedTuple):
    """The attribute that was changed last, and its new value."""

    class_id: int
    logical_name: LogicalName
    attribute_index: int
    attribute_value: Data


class _ParameterMonitorRows(InterfaceClass, short_name_methods=0x20):
    """What both versions have in common."""

    changed_parameter = attribute(
        2, record(ChangedParameter, long_unsigned, logical_name_octets, integer, any_data)
    )
    capture_time = attribute(3, date_time_or_octets)
    """When it was changed."""
    parameter_list = attribute(4, array(value_definition), static=True)
    """The attributes that are watched."""

    @method(1, value_definition)
    def add_parameter(self, class_id: int, logical_name: LogicalName, attribute_index: int) -> None:
        """Watch one more attribute."""

    @method(2, value_definition)
    def delete_parameter(self, class_id: int, logical_name: LogicalName, attribute_index: int) -> None:
        """Stop watching an attribute."""


class ParameterMonitorV0(_ParameterMonitorRows, class_id=65, version=0):
    """Version 0: the last change alone."""


class ParameterMonitor(_ParameterMonitorRows, class_id=65, version=1, short_name_methods=0x40):
    """Tells which parameter was changed last, and a digest of them all."""

    parameter_list_name = attribute(5, octet_string, static=True)
    hash_algorithm_id = attribute(6, enumerated(HashAlgorithm), static=True)
    parameter_value_digest = attribute(7, octet_string)
    """Of the values in the order of the list, A-XDR encoded."""
    parameter_values = attribute(8, any_data)
    """A structure of the values, in the order of the list."""


# --- Measurement data monitoring (class_id 66) --------------------------------------------------------------


class TriggerSource(NamedTuple):
    """What triggered a capture."""

    trigger_origin: int
    """0 a client, 1 a script of the meter."""
    trigger_cause: int


class MeasurementDataMonitoring(InterfaceClass, class_id=66, version=0, confirmed=False):
    """The waveform of one quantity around an event."""

    waveform_data = attribute(2, array(any_data))
    trigger_time = attribute(3, long64_unsigned)
    """In microseconds."""
    trigger_source = attribute(4, record(TriggerSource, plain_enum, long_unsigned))
    status = attribute(5, plain_enum)
    sampling_rate = attribute(6, double_long_unsigned, static=True)
    """In samples per second."""
    number_of_samples_before_trigger = attribute(7, double_long_unsigned, static=True)
    number_of_samples_after_trigger = attribute(8, double_long_unsigned, static=True)
    scaler_unit = attribute(9, scaler_unit_type, static=True)

    @method(1, any_data)
    def reset(self, data: Data) -> None:
        """Throw the capture away."""

    @method(2, any_data)
    def trigger(self, data: Data) -> None:
        """Capture now."""


# --- Sensor manager (class_id 67) ---------------------------------------------------------------------------

_action_sets = array(record(ActionSet, action_item, action_item))


class SensorManager(InterfaceClass, class_id=67, version=0, short_name_methods=0x80, confirmed=False):
    """A sensor: its name plate, its raw value, and what watches that and the processed value."""

    serial_number = attribute(2, octet_string)
    metrological_identification = attribute(3, octet_string)
    output_type = attribute(4, plain_enum)
    adjustment_method = attribute(5, octet_string)
    sealing_method = attribute(6, plain_enum)
    raw_value = attribute(7, any_data)
    scaler_unit = attribute(8, scaler_unit_type)
    status = attribute(9, any_data)
    capture_time = attribute(10, date_time_or_octets)
    raw_value_thresholds = attribute(11, array(any_data))
    raw_value_actions = attribute(12, _action_sets)
    processed_value = attribute(13, value_definition)
    """The attribute with the value that is made of the raw one."""
    processed_value_thresholds = attribute(14, array(any_data))
    processed_value_actions = attribute(15, _action_sets)

    @method(1, any_data)
    def reset(self, data: Data) -> None:
        """Set the raw value to its default."""
