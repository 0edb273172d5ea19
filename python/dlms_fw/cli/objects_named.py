"""Objects as people name them on a command line: by logical name, by part of it, or in words.

``CLASS/NAME`` needs no object list of the meter; everything else is looked up in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dlms_fw.client import Client
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.errors import ConfigurationError
from dlms_fw.logical_name import LogicalName
from dlms_fw.logical_name_pattern import LogicalNamePattern
from dlms_fw.reading.association_view import VisibleObject

__all__ = ["Named", "found", "named", "only_profile"]

_WITH_ATTRIBUTE: Final = re.compile(r"(.+):(-?\d{1,3}|[a-z_][a-z0-9_]*|\*)", re.ASCII | re.IGNORECASE)
_WITH_CLASS: Final = re.compile(r"(\d{1,5})/(.+)", re.ASCII)
_PROFILE_GENERIC: Final = 7


class Named(NamedTuple):
    """What was typed: an object, and which attribute of it, if one was named."""

    name: str
    attribute: str | None
    class_id: int | None


def named(text: str) -> Named:
    """``[CLASS/]OBJECT[:ATTRIBUTE]`` in its parts."""
    match = _WITH_ATTRIBUTE.fullmatch(text)
    name, attribute = match.groups() if match else (text, None)
    if match and _pattern(text) is not None:  # 1-0:1.8.0.* ends in what looks like an attribute
        name, attribute = text, None
    with_class = _WITH_CLASS.fullmatch(name)
    if with_class is None:
        return Named(name, attribute, None)
    return Named(with_class[2], attribute, int(with_class[1]))


def found(client: Client, wanted: Named) -> list[VisibleObject]:
    """The objects that are meant.

    Raises:
        ConfigurationError: The meter shows no such object.
        ServiceError: It does not show its list.
    """
    pattern = _pattern(wanted.name)
    if wanted.class_id is not None and pattern is not None and pattern.is_exact:
        return [VisibleObject(wanted.class_id, 0, LogicalName(wanted.name))]
    if pattern is not None:
        objects = client.objects(class_id=wanted.class_id, logical_name=wanted.name)
    else:
        objects = client.objects(class_id=wanted.class_id, text=wanted.name)
        exact = [it for it in objects if it.name.casefold() == wanted.name.casefold()]
        objects = exact or objects
    if not objects:
        raise ConfigurationError(
            f"this client sees no object {wanted.name!r}",
            code="configuration.object",
            hint="dlms-fw objects shows those it sees",
        )
    return objects


def only_profile(client: Client, text: str) -> LogicalName:
    """The one profile that is meant. Raises ConfigurationError where there is none, or several."""
    try:
        return LogicalName(text)
    except ValueError:
        pass
    profiles = found(client, Named(text, None, _PROFILE_GENERIC))
    if len(profiles) > 1:
        names = ", ".join(f"{it.logical_name} ({it.name})" for it in profiles[:8])
        raise ConfigurationError(f"{text!r} are several: {names}", code="configuration.object")
    return profiles[0].logical_name


def attribute_ids(it: VisibleObject, attribute: str) -> Iterator[int]:
    """The attributes that are meant by a number, a name, or ``*`` for all that may be read.

    Raises ConfigurationError where the class has no attribute of that name.
    """
    if attribute == "*":
        yield from (number for number in it.attribute_ids if it.may_read(number))
    elif re.fullmatch(r"-?\d+", attribute):
        yield int(attribute)
    else:
        yield _by_name(it.interface, attribute)


def _by_name(interface: type[InterfaceClass], name: str) -> int:
    for number, row in interface.attributes.items():
        if row.name == name.lower():
            return number
    known = ", ".join(row.name for row in interface.attributes.values())
    raise ConfigurationError(
        f"{interface.__name__} has no attribute {name}", code="configuration.object", hint=f"it has {known}"
    )


def _pattern(text: str) -> LogicalNamePattern | None:
    try:
        return LogicalNamePattern(text)
    except ValueError:
        return None
