"""The base of live objects: attributes that are remembered, and the plant that they reach everything by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlms_fw.cosem.interface import AttributeRow, InterfaceClass
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.live.plant import Attribute, Plant
from dlms_fw.meter.storage import Json


class LiveObject(ServerObject, interface=InterfaceClass):
    """One object of a meter that does something.

    Args:
        instance_id: Its logical name.
        values: Attribute values by the names of rows, for a meter that has remembered no others.
        plant: What it may use.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id)
        self._plant = plant
        self._given = values
        self._memory = plant.memory(self.interface.class_id, self.logical_name)
        self._values: dict[str, Any] = {}

    def _value(self, name: str) -> Any:
        """What an attribute was set to last, else what was given, else the natural zero of its type."""
        if name not in self._values:
            data_type = self._row(name).data_type
            remembered = self._memory.get(name)
            if remembered is not None:
                self._values[name] = data_type.decode(bytes.fromhex(remembered), strict=False)
            else:
                self._values[name] = self._given.get(name, data_type.default)
        return self._values[name]

    def _remember(self, beside: Json | None = None, /, **values: Any) -> None:
        """Sets attributes, durably and all of them or none, and tells who watches them. Raises OSError.

        ``beside`` is remembered with them, for what is no attribute.
        """
        self._memory.store(**self._octets(values), **(beside or {}))
        self._set(values)

    def _keep(self, **values: Any) -> None:
        """Sets attributes that move by themselves; they become durable with the next bounded write."""
        self._memory.keep(**self._octets(values))
        self._set(values)

    def _octets(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {name: self._row(name).data_type.encode(value).hex() for name, value in values.items()}

    def _set(self, values: Mapping[str, Any]) -> None:
        self._values |= values
        for name in values:
            self._plant.changed(self._reference(name))

    def _reference(self, name: str) -> Attribute:
        return Attribute(self.interface.class_id, self.logical_name, self._row(name).attribute_id)

    def _row(self, name: str) -> AttributeRow[Any]:
        row = self.interface.rows[name]
        assert isinstance(row, AttributeRow)  # noqa: S101 (only attributes have values)
        return row


class Kept(property):
    """An attribute of a live object that keeps what it is set to, over power cuts.

    Args:
        check: Called with the object and a new value; raises CosemFault or ValueError where it is none.
        beside: Gives what else is remembered in the same stroke.
        then: Called with the object after it was set.
        read_only: Whether it cannot be set from outside.
    """

    def __init__(
        self,
        *,
        check: Callable[[Any, Any], None] | None = None,
        beside: Callable[[Any], Json] | None = None,
        then: Callable[[Any], None] | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(self._read, None if read_only else self._write)
        self._name = ""
        self._check = check
        self._beside = beside
        self._then = then

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def _read(self, target: LiveObject) -> Any:
        return target._value(self._name)

    def _write(self, target: LiveObject, value: Any) -> None:
        if self._check is not None:
            try:
                self._check(target, value)
            except ValueError:
                raise CosemFault(DataAccessResult.OTHER_REASON) from None
        if self._beside is not None:
            target._remember(self._beside(target), **{self._name: value})
        elif target._value(self._name) != value:  # what is there already need not be written again
            target._remember(**{self._name: value})
        if self._then is not None:
            self._then(target)
