"""The short names of a meter's objects: which name is what, and requests by short name told by logical name.

Base names are given in the order of classes and logical names, so that they stay the same as long as the
objects do; a few are the same in every meter (Blue Book, reserved base names). What a client may do is
decided where requests by logical name are served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    GetRequest,
    GetResponse,
    ReadRequest,
    ReadResponse,
    SetRequest,
    SetResponse,
    WriteRequest,
    WriteResponse,
)
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association_sn import ASSOCIATION_BASE_NAME
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.short_names import STEP, attribute_offset, method_offset
from dlms_fw.enums import DataAccessResult
from dlms_fw.errors import ConfigurationError

if TYPE_CHECKING:
    from dlms_fw._core import Variable

Key: TypeAlias = tuple[int, bytes]
"""class_id and logical name of an object."""
Ask: TypeAlias = Callable[
    [GetRequest | SetRequest | ActionRequest], GetResponse | SetResponse | ActionResponse
]

_FIRST: Final = 0x0100
_LAST: Final = ASSOCIATION_BASE_NAME
_RESERVED: Final[dict[Key, int]] = {
    (12, well_known.CURRENT_ASSOCIATION.to_bytes()): ASSOCIATION_BASE_NAME,
    (17, well_known.SAP_ASSIGNMENT.to_bytes()): 0xFC00,
    (1, well_known.LOGICAL_DEVICE_NAME.to_bytes()): 0xFD00,
}
_WITHOUT: Final = {15}
"""Association LN is for those who name by logical names."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a short name stands for."""

    key: Key
    attribute_id: int = 0
    method_id: int = 0


class ShortNameMap:
    """The short names of these objects, each given by its interface class and logical name.

    Raises:
        ConfigurationError: there are more than 16 bits can name.
    """

    def __init__(self, objects: Iterable[tuple[type[InterfaceClass], bytes]]) -> None:
        self.base_names: dict[Key, int] = {}
        self._places: dict[int, _Place] = {}
        following = _FIRST
        for interface, name in sorted(objects, key=lambda pair: (pair[0].class_id, pair[1])):
            key = interface.class_id, name
            if interface.class_id in _WITHOUT:
                continue
            offsets = _offsets(interface, key)
            base_name = _RESERVED.get(key)
            if base_name is None:
                base_name = following
                following += max(offsets) + STEP
                if following > _LAST:
                    raise ConfigurationError("there are more objects than short names")
            self.base_names[key] = base_name
            for offset, place in offsets.items():
                self._places[base_name + offset] = place

    def serve(self, request: ReadRequest | WriteRequest, ask: Ask) -> ReadResponse | WriteResponse:
        """Each variable of a request told by logical name, and the answers in one."""
        if isinstance(request, ReadRequest):
            return ReadResponse([self._read(variable, ask) for variable in request.variables])
        pairs = zip(request.variables, request.data, strict=True)
        return WriteResponse(
            [
                self._write(variable, data if isinstance(data, bytes) else data.encode(), ask)
                for variable, data in pairs
            ]
        )

    def _read(self, variable: Variable, ask: Ask) -> bytes | int:
        place, selection = self._find(variable)
        if place is None:
            return DataAccessResult.OBJECT_UNDEFINED
        if place.attribute_id:
            response = ask(GetRequest(*place.key, place.attribute_id, selection))
        elif selection is None:  # a method takes a parameter
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        else:
            response = ask(ActionRequest(*place.key, place.method_id, selection[1]))
        if response.result != 0:
            return response.result
        data = None if isinstance(response, SetResponse) else response.data
        return b"\0" if data is None else data

    def _write(self, variable: Variable, data: bytes, ask: Ask) -> int:
        place, selection = self._find(variable)
        if place is None:
            return DataAccessResult.OBJECT_UNDEFINED
        if place.attribute_id:
            return ask(SetRequest(*place.key, place.attribute_id, data, selection)).result
        if selection is not None:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return ask(ActionRequest(*place.key, place.method_id, data)).result

    def _find(self, variable: Variable) -> tuple[_Place | None, tuple[int, bytes] | None]:
        if isinstance(variable, int):
            return self._places.get(variable), None
        return self._places.get(variable[0]), variable[1:]


def _offsets(interface: type[InterfaceClass], key: Key) -> dict[int, _Place]:
    """What stands where, counted from the base name."""
    class_id, version = interface.class_id, interface.version
    offsets: dict[int, _Place] = {}
    for attribute_id in interface.attributes:
        try:
            offsets[attribute_offset(class_id, version, attribute_id)] = _Place(key, attribute_id)
        except LookupError:
            continue
    for method_id in interface.methods:
        try:
            offsets[method_offset(class_id, version, method_id)] = _Place(key, method_id=method_id)
        except LookupError:
            continue
    return offsets
