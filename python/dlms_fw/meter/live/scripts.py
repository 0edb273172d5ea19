"""Script tables (class_id 9).

What a script does is done to the objects of the meter, and no rights are asked.
"""

from __future__ import annotations

from typing import Final

from dlms_fw.cosem.script_table import ActionSpecification, ScriptTable
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, DataAccessResult, ScriptService
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Attribute

DEEPEST: Final = 4
"""Scripts that run scripts, one inside the other."""


class LiveScriptTable(LiveObject, interface=ScriptTable):
    """Runs its scripts.

    The actions of a script are done in their order, up to the first one that fails; what went before stays
    done. The answer is then the result of that action: object-undefined for an object that is not there.
    """

    scripts = Kept()

    def execute(self, script_identifier: int) -> None:
        """Run a script; 0 is none. Raises CosemFault for one that is not there, or where an action fails."""
        if script_identifier == 0:
            return
        actions = [script.actions for script in self.scripts if script.script_identifier == script_identifier]
        if not actions:
            raise CosemFault(ActionResult.OBJECT_UNDEFINED)
        with self._plant.nested(DEEPEST):
            for action in actions[0]:
                self._do(action)

    def _do(self, action: ActionSpecification) -> None:
        try:
            if action.service_id == ScriptService.EXECUTE_METHOD:
                self._plant.invoke(
                    action.class_id, action.logical_name, action.index, action.parameter.encode()
                )
            elif action.service_id == ScriptService.WRITE_ATTRIBUTE:
                attribute = Attribute(action.class_id, action.logical_name, action.index)
                self._plant.write(attribute, action.parameter.encode())
            else:
                raise CosemFault(ActionResult.OTHER_REASON)
        except CosemFault as fault:
            raise CosemFault(_ACTION_RESULT.get(int(fault.result), ActionResult.OTHER_REASON)) from None


# The codes are those of all services but for two.
_ACTION_RESULT: Final = {
    int(result): ActionResult(result)
    for result in DataAccessResult
    if result in {int(known) for known in ActionResult} and int(result) not in {15, 16}
}
