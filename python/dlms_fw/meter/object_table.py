"""The objects of a kind of meter: what each is, how a meter makes it, and what each client may do with it.

A table is made once and shared by all meters of a kind. It holds no object: a meter makes one when somebody
first asks for it (``objects.py``), so that a hundred objects cost a meter nothing that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, TypeAlias, TypeVar

from dlms_fw.cosem.association import ObjectListElement
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.server import ServerObject
from dlms_fw.enums import SecurityPolicyV1
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import NO_PROTECTION, Rights, access_right
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.short_names import ShortNameMap

I = TypeVar("I")  # noqa: E741 (the interior of a meter)
"""What a meter gives to its objects."""
Key: TypeAlias = tuple[int, bytes]
"""class_id and logical name."""


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[I]):
    """One object of a kind of meter.

    Attributes:
        interface: Its interface class.
        logical_name: Its instance id.
        rights: By client SAP; a client that is not in it does not even see the object.
        make: Makes it for a meter.
        for_caller: Makes it as this caller sees it, instead, where that differs between callers.
        gate: Whether a caller may call a method now; the other answer is temporary-failure.
        acts: Whether it does something unasked, so that it must be made when the meter powers up.
    """

    interface: type[InterfaceClass]
    logical_name: LogicalName
    rights: Mapping[int, Rights]
    make: Callable[[I], ServerObject] | None = None
    for_caller: Callable[[I, Caller], ServerObject] | None = None
    gate: Callable[[I, Caller, int], bool] | None = None
    acts: bool = False

    @property
    def key(self) -> Key:
        """What a request names it by."""
        return self.interface.class_id, self.logical_name.to_bytes()


class ObjectTable(Generic[I]):
    """The entries of a kind of meter; of two with the same key the later one counts.

    Attributes:
        entries: By class_id and logical name, in the order of an object list.
        logical_names: Of all classes.
        acting: The keys of those that do something unasked.
    """

    def __init__(self, entries: Iterable[Entry[I]]) -> None:
        known = {entry.key: entry for entry in entries}
        self.entries: Final = {key: known[key] for key in sorted(known)}
        self.logical_names: Final = frozenset(name for _, name in self.entries)
        self.acting: Final = tuple(key for key, entry in self.entries.items() if entry.acts)
        self._elements: dict[tuple[Key, int, int], ObjectListElement] = {}

    @cached_property
    def short_names(self) -> ShortNameMap:
        """Where the objects are for who names them by short names."""
        return ShortNameMap((entry.interface, name) for (_, name), entry in self.entries.items())

    def element(self, key: Key, client_sap: int, association_version: int) -> ObjectListElement:
        """One line of the object list of a client that has the rights of the table."""
        place = key, client_sap, association_version
        element = self._elements.get(place)
        if element is None:
            entry = self.entries[key]
            element = list_element(entry, entry.rights[client_sap], association_version)
            self._elements[place] = element
        return element


def list_element(entry: Entry[I], rights: Rights, association_version: int) -> ObjectListElement:
    """One line of an object list, with the rights in the form of that version of Association LN."""
    interface = entry.interface
    shown = access_right(interface, rights, association_version)
    return ObjectListElement(interface.class_id, interface.version, entry.logical_name, shown)


def most_rights(all_rights: Iterable[Rights]) -> Rights:
    """The most that anybody may do, under the protection that all of them need."""
    rights = list(all_rights)
    return Rights(
        frozenset().union(*(each.readable for each in rights)),
        frozenset().union(*(each.writable for each in rights)),
        frozenset().union(*(each.methods for each in rights)),
        _common([each.attribute_protection for each in rights]),
        _common([each.method_protection for each in rights]),
    )


def _common(protections: list[Mapping[int, SecurityPolicyV1]]) -> dict[int, SecurityPolicyV1]:
    first, *others = protections or [{}]
    common = dict(first)
    for other in others:
        common = {n: demanded & other.get(n, NO_PROTECTION) for n, demanded in common.items()}
    return {number: demanded for number, demanded in common.items() if demanded}


def full_rights(implementation: type[ServerObject]) -> Rights:
    """To read everything, write what can be written and call every method."""
    interface = implementation.interface
    return Rights(
        frozenset(interface.attributes),
        frozenset(
            number for number, row in interface.attributes.items() if _has_setter(implementation, row.name)
        ),
        frozenset(interface.methods),
    )


def reading_rights(interface: type[InterfaceClass]) -> Rights:
    """To read everything, and nothing else."""
    return Rights(frozenset(interface.attributes))


def _has_setter(implementation: type[ServerObject], name: str) -> bool:
    row = getattr(implementation, name, None)
    return isinstance(row, property) and row.fset is not None
