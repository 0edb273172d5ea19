"""Which registers count (class_id 6): while a mask is active those that it lists, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlms_fw.cosem.references import ObjectDefinition
from dlms_fw.cosem.registers import RegisterActivation, RegisterMask
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Plant


def _known_mask(target: LiveRegisterActivation, value: bytes) -> None:
    if value and value not in {mask.mask_name for mask in target.mask_list}:
        raise ValueError("no such mask")


class LiveRegisterActivation(LiveObject, interface=RegisterActivation):
    """Switches the registers of its group on and off; without an active mask all of them count."""

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._apply()

    register_assignment = Kept(then=lambda target: target._apply())
    mask_list = Kept(then=lambda target: target._apply())
    active_mask = Kept(check=_known_mask, then=lambda target: target._apply())

    def add_register(self, class_id: int, logical_name: LogicalName) -> None:
        """To the end of the group; one that is there already stays where it is."""
        added = ObjectDefinition(class_id, logical_name)
        if added not in self.register_assignment:
            self.register_assignment = [*self.register_assignment, added]

    def add_mask(self, mask_name: bytes, index_list: list[int]) -> None:
        """Add or replace."""
        if not all(1 <= index <= len(self.register_assignment) for index in index_list):
            raise CosemFault(ActionResult.OTHER_REASON)
        others = [mask for mask in self.mask_list if mask.mask_name != mask_name]
        self.mask_list = [*others, RegisterMask(mask_name, index_list)]

    def delete_mask(self, mask_name: bytes) -> None:
        """Delete one; not the active one."""
        others = [mask for mask in self.mask_list if mask.mask_name != mask_name]
        if len(others) == len(self.mask_list) or mask_name == self.active_mask:
            raise CosemFault(ActionResult.OTHER_REASON)
        self.mask_list = others

    def _apply(self) -> None:
        active = next((mask for mask in self.mask_list if mask.mask_name == self.active_mask), None)
        for index, register in enumerate(self.register_assignment, 1):
            account = self._plant.measurement.account(register.logical_name)
            if active is None or index in active.index_list:
                account.run()
            else:
                account.stop()
