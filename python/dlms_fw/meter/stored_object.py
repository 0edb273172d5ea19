"""An object of any interface class that keeps a value for each attribute, and does little else.

Values are kept as they are sent: a model encodes them once, all its meters share these octets, and a meter
has of its own only what was written to it. What the type of a row does not take is refused; an attribute
without a value has the natural zero of its type. Methods whose effect lies within the object are carried out
(``stored_methods.py``), all others answer other-reason.

Of a class that is not declared nothing is known but the ids of its attributes and methods; its attributes
take any data.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from dlms_fw.cosem.interface import AttributeRow, InterfaceClass, MethodRow
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.stored_methods import STORED_METHODS

_LOGICAL_NAME: Final = 1
_implementations: dict[type[InterfaceClass], type[ServerObject]] = {}
"""Each is made once; there are as many as interface classes."""


class _Stored:
    """What all stored objects have; :func:`_implementation` adds the rows of an interface class."""

    interface: type[InterfaceClass]
    _shared: Mapping[int, bytes]
    _written: dict[int, bytes]

    def read(self, attribute_id: int, selection: tuple[int, bytes] | None = None) -> bytes:
        """The octets of an attribute; nothing is typed on this way."""
        if selection is None and attribute_id != _LOGICAL_NAME:
            octets = self._written.get(attribute_id) or self._shared.get(attribute_id)
            if octets is not None:
                return octets
        return cast("ServerObject", super()).read(attribute_id, selection)

    def _value(self, row: AttributeRow[Any]) -> Any:
        octets = self._written.get(row.attribute_id) or self._shared.get(row.attribute_id)
        return row.data_type.default if octets is None else row.data_type.decode(octets, strict=False)

    def _set_value(self, row: AttributeRow[Any], value: Any) -> None:
        self._written[row.attribute_id] = row.data_type.encode(value)


def stored_object(
    interface: type[InterfaceClass], logical_name: LogicalNameLike, values: Mapping[str, Any]
) -> ServerObject:
    """An object that keeps these values.

    Args:
        interface: Its interface class.
        logical_name: Its instance id.
        values: The value of each attribute by the name of its row; absent ones are the natural zero.

    Raises:
        LookupError: The interface class has no attribute of that name.
        TypeError: A value is of another type than the row; ValueError and OverflowError alike.
    """
    return object_of_octets(interface, logical_name, encoded_values(interface, values))


def encoded_values(interface: type[InterfaceClass], values: Mapping[str, Any]) -> dict[int, bytes]:
    """Attribute values by the names of rows as octets by attribute_id; raises as :func:`stored_object`."""
    encoded: dict[int, bytes] = {}
    for name, value in values.items():
        row = interface.rows.get(name)
        if not isinstance(row, AttributeRow) or row.attribute_id == _LOGICAL_NAME:
            raise LookupError(f"{interface.__name__} has no attribute {name} to give a value to")
        encoded[row.attribute_id] = row.data_type.encode(value)
    return encoded


def object_of_octets(
    interface: type[InterfaceClass], logical_name: LogicalNameLike, octets: Mapping[int, bytes]
) -> ServerObject:
    """An object that keeps what is encoded already, as it was read from another meter or shared by a model.

    Args:
        interface: Its interface class, declared or made by
            :func:`~dlms_fw.cosem.catalogue.raw_interface_class`.
        logical_name: Its instance id.
        octets: Complete A-XDR encodings by attribute_id. They are read as they are, whatever their types; the
            mapping is kept and must not change.
    """
    made = _implementation(interface)(logical_name)
    stored = cast("_Stored", made)
    stored._shared = octets
    stored._written = {}
    return made


def _implementation(interface: type[InterfaceClass]) -> type[ServerObject]:
    made = _implementations.get(interface)
    if made is None:
        made = _implementations[interface] = _new_implementation(interface)
    return made


def _new_implementation(interface: type[InterfaceClass]) -> type[ServerObject]:
    members: dict[str, Any] = {}
    for row in interface.attributes.values():
        if row.attribute_id != _LOGICAL_NAME:
            members[row.name] = _attribute_property(row)
    for action in interface.methods.values():
        members[action.name] = _method_function(interface, action)
    members["interface"] = interface
    return cast("type[ServerObject]", type(f"Stored{interface.__name__}", (_Stored, ServerObject), members))


def _attribute_property(row: AttributeRow[Any]) -> property:
    def value_of(self: _Stored) -> Any:
        return self._value(row)

    def set_value(self: _Stored, value: Any) -> None:
        self._set_value(row, value)

    return property(value_of, set_value, doc=row.name)


def _method_function(interface: type[InterfaceClass], row: MethodRow[..., Any]) -> Callable[..., Any]:
    effect = STORED_METHODS.get((interface.class_id, row.name))

    def call(self: _Stored, *arguments: Any) -> Any:
        if effect is None:
            raise CosemFault(ActionResult.OTHER_REASON)
        return effect(self, *arguments)

    call.__name__ = row.name
    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in row.parameter_names]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__signature__ = inspect.Signature([own, *named])  # type: ignore[attr-defined]
    return call
