"""Script table (class_id 9): named lists of actions. The table of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import any_data, array, enumerated, integer, logical_name_octets, long_unsigned, record
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import ScriptService
from dlms_fw.logical_name import LogicalName

__all__ = ["ActionSpecification", "Script", "ScriptTable"]


class ActionSpecification(NamedTuple):
    """One step of a script: an attribute to write or a method to execute."""

    service_id: ScriptService
    class_id: int
    logical_name: LogicalName
    index: int  # type: ignore[assignment]  # the standard's word; it hides tuple.index, which nobody needs here
    """The attribute_id or method_id."""
    parameter: Data


class Script(NamedTuple):
    """A list of actions with an identifier; 0 is no script."""

    script_identifier: int
    actions: list[ActionSpecification]


class ScriptTable(InterfaceClass, class_id=9, version=0, short_name_methods=0x20):
    """Scripts that schedules, other objects or a client can run."""

    scripts = attribute(
        2,
        array(
            record(
                Script,
                long_unsigned,
                array(
                    record(
                        ActionSpecification,
                        enumerated(ScriptService),
                        long_unsigned,
                        logical_name_octets,
                        integer,
                        any_data,
                    )
                ),
            )
        ),
        static=True,
    )

    @method(1, long_unsigned, mandatory=True)
    def execute(self, script_identifier: int) -> None:
        """Run one script."""
