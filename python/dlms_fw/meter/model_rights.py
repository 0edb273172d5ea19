"""Access rights out of model files: a word for the usual ones, a table for the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dlms_fw.cosem.interface import AttributeRow, InterfaceClass, MethodRow
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.enums import SecurityPolicyV1
from dlms_fw.meter.access import Rights

WORDS: Final = ("none", "read", "read-write", "all")
"""Nothing; to read everything; to write everything as well; to call every method as well."""
_KEYS: Final = ("read", "write", "call", "selectors", "protection")
_PROTECTIONS: Final = {
    flag.name.lower().replace("_", "-"): flag for flag in SecurityPolicyV1 if flag.name is not None
}
_BUFFER_SELECTORS: Final = (1, 2)
"""Of the buffer of a profile: by range and by entry."""


class RightsMistake(ValueError):
    """Rights of a file that make no sense."""


def rights_of(interface: type[InterfaceClass], given: Any) -> Rights | None:
    """What a word or a table of a model file lets a client do, ``None`` where it does not see the object.

    Raises:
        RightsMistake: It is neither, or names what the interface class has not.
    """
    if isinstance(given, str):
        return _by_word(interface, given)
    if not isinstance(given, dict):
        raise RightsMistake(f"one of {', '.join(WORDS)}, or a table, is needed")
    if unknown := sorted(given.keys() - set(_KEYS)):
        raise RightsMistake(f"there is no {unknown[0]}; there are {', '.join(_KEYS)}")
    attributes = {row.name: number for number, row in interface.attributes.items()}
    methods = {row.name: number for number, row in interface.methods.items()}
    readable = _numbers(attributes, given.get("read", []), "read")
    protections = _protections(interface, given.get("protection", {}))
    selectors = _selectors(attributes, given["selectors"]) if "selectors" in given else None
    return Rights(
        readable,
        _numbers(attributes, given.get("write", []), "write") - {1},
        _numbers(methods, given.get("call", []), "call"),
        {number: flags for is_method, number, flags in protections if not is_method},
        {number: flags for is_method, number, flags in protections if is_method},
        _usual_selectors(interface, readable) if selectors is None else selectors,
    )


def _by_word(interface: type[InterfaceClass], word: str) -> Rights | None:
    if word not in WORDS:
        raise RightsMistake(f"one of {', '.join(WORDS)} is needed, not {word}")
    if word == "none":
        return None
    everything = frozenset(interface.attributes)
    return Rights(
        everything,
        everything - {1} if word in {"read-write", "all"} else frozenset(),
        frozenset(interface.methods) if word == "all" else frozenset(),
        selectors=_usual_selectors(interface, everything),
    )


def _usual_selectors(
    interface: type[InterfaceClass], readable: frozenset[int]
) -> Mapping[int, tuple[int, ...]]:
    buffer = ProfileGeneric.buffer.attribute_id
    is_profile = interface.class_id == ProfileGeneric.class_id and buffer in readable
    return {buffer: _BUFFER_SELECTORS} if is_profile else {}


def _numbers(known: Mapping[str, int], given: Any, key: str) -> frozenset[int]:
    if given == "all":
        return frozenset(known.values())
    if not isinstance(given, list):
        raise RightsMistake(f'{key}: "all" or a list of names is needed')
    return frozenset(_number(known, name, key) for name in given)


def _number(known: Mapping[str, int], name: Any, key: str) -> int:
    if name in known:
        return known[name]
    if type(name) is int and name in known.values():
        return name
    raise RightsMistake(f"{key}: there is no {name}; there are {', '.join(known) or 'none'}")


def _selectors(attributes: Mapping[str, int], given: Any) -> Mapping[int, tuple[int, ...]]:
    if not isinstance(given, dict) or not all(_is_list_of_numbers(numbers) for numbers in given.values()):
        raise RightsMistake("selectors: a table of lists of numbers is needed")
    return {_number(attributes, name, "selectors"): tuple(numbers) for name, numbers in given.items()}


def _is_list_of_numbers(given: Any) -> bool:
    return isinstance(given, list) and all(type(number) is int and 0 <= number <= 255 for number in given)


def _protections(interface: type[InterfaceClass], given: Any) -> Iterable[tuple[bool, int, SecurityPolicyV1]]:
    """For each row named whether it is a method, its id, and what access to it demands."""
    if not isinstance(given, dict):
        raise RightsMistake("protection: a table is needed")
    found = []
    for name, words in given.items():
        row = interface.rows.get(name)
        if row is None:
            raise RightsMistake(f"protection: there is no {name}")
        if not isinstance(words, list) or not all(word in _PROTECTIONS for word in words):
            raise RightsMistake(f"protection: {name}: a list of {', '.join(_PROTECTIONS)} is needed")
        flags = SecurityPolicyV1(sum(_PROTECTIONS[word] for word in words))
        found.append((isinstance(row, MethodRow), _id_of(row), flags))
    return found


def _id_of(row: AttributeRow[Any] | MethodRow[..., Any]) -> int:
    return row.method_id if isinstance(row, MethodRow) else row.attribute_id
