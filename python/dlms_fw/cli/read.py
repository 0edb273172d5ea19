"""``dlms-fw objects`` and ``dlms-fw read``: what a client sees of a meter, and what stands in it."""

from __future__ import annotations

from typing import Any, Final

import click

from dlms_fw._core import GetRequest, GetResponse
from dlms_fw.cli.objects_named import attribute_ids, found, named
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.client import Client
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.driver import value_of
from dlms_fw.enums import AttributeAccessFlags
from dlms_fw.errors import DlmsError, ServiceError
from dlms_fw.reading.association_view import VisibleObject
from dlms_fw.reading.plans import raw_attribute
from dlms_fw.reading.readable import flag_names, readable_attribute
from dlms_fw.reading.registers import is_scaled
from dlms_fw.record import is_secret

_LOGICAL_NAME: Final = 1
_BUFFER: Final = 2
_VALUE_CLASSES: Final = frozenset({1, 3, 4, 5, 8})
"""Of these classes attribute 2 is meant where none is named: values, registers, and the time of a clock."""


@click.command("objects")
@reported("objects", lambda: {"objects": []})
@aimed
@click.option("--class", "class_id", type=click.IntRange(0, 0xFFFF), metavar="ID", help="Of this class only.")
@click.option("--name", metavar="NAME", help="With this logical name, e.g. 1-0:*.8.0.255 or 1.8.0.")
@click.option("--text", metavar="WORDS", help="With these words in what the logical name means.")
def objects(
    outcome: Outcome, target: Target, class_id: int | None, name: str | None, text: str | None
) -> None:
    """Show the objects that this client sees in the meter at URL, with its rights. Changes nothing."""
    with target.client() as client:
        client.connect()
        try:
            seen = client.objects(class_id=class_id, logical_name=name, text=text)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--name") from None
        outcome.facts["objects"] = [_object_document(it) for it in seen]
        for it in seen:
            attributes = " ".join(
                f"{number}{_letters(it, number)}" for number in it.attribute_ids if number != _LOGICAL_NAME
            )
            methods = (
                ""
                if it.rights is None
                else " ".join(str(number) for number in sorted(it.rights.methods) if it.may_call(number))
            )
            calls = f"  methods {methods}" if methods else ""
            outcome.say(
                f"{it.logical_name!s:<18} {it.class_id:>4}/{it.version}  {it.name:<44} {attributes}{calls}"
            )


@click.command("read")
@reported("read", lambda: {"readings": []})
@aimed
@click.argument("wanted", nargs=-1, required=True, metavar="OBJECT[:ATTRIBUTE]...")
def read(outcome: Outcome, target: Target, wanted: tuple[str, ...]) -> None:
    """Read attributes of the meter at URL. Changes nothing.

    An OBJECT is a logical name (1-0:1.8.0.255, 1-0:*.8.0.255, 1.8.0), or words of what it means. An ATTRIBUTE
    is its number or its name; * is all that may be read. CLASS/OBJECT, e.g. 1/0-0:42.0.0.255, does without
    the meter's object list.
    """
    refusal: DlmsError | None = None
    with target.client() as client:
        client.connect()
        for text in wanted:
            parts = named(text)
            for it in found(client, parts):
                ids = _default_ids(it) if parts.attribute is None else attribute_ids(it, parts.attribute)
                for attribute_id in ids:
                    reading, error = _reading(client, it, attribute_id)
                    outcome.facts["readings"].append(reading)
                    outcome.say(_line(reading))
                    refusal = refusal or error
    if refusal is not None:
        raise refusal


def _default_ids(it: VisibleObject) -> list[int]:
    if it.class_id in _VALUE_CLASSES:
        return [2]
    left_out = {_LOGICAL_NAME, *(n for n in it.attribute_ids if is_secret(it.class_id, n))}
    if it.class_id == ProfileGeneric.class_id:
        left_out.add(_BUFFER)  # dlms-fw profile reads it
    return [number for number in it.attribute_ids if it.may_read(number) and number not in left_out]


def _reading(
    client: Client, it: VisibleObject, attribute_id: int
) -> tuple[dict[str, Any], ServiceError | None]:
    ref: AttributeRef[Any] = it.attribute(attribute_id)
    reading: dict[str, Any] = {
        "class_id": it.class_id,
        "version": it.version,
        "logical_name": str(it.logical_name),
        "name": it.name,
        "attribute_id": attribute_id,
        "attribute": ref.row.name,
        "value": None,
        "unit": None,
        "raw": None,
        "refused": None,
    }
    name = it.logical_name.to_bytes()
    response = client.exchange(GetRequest(it.class_id, name, attribute_id))
    try:
        value_of(raw_attribute(it.instance, attribute_id), response)
    except ServiceError as error:
        reading["refused"] = str(error).rpartition(": ")[2]
        return reading, error
    assert isinstance(response, GetResponse)  # noqa: S101 (it has a value)
    assert response.data is not None  # noqa: S101
    reading["raw"] = bytes(response.data).hex().upper()
    reading["value"] = readable_attribute(it.interface, attribute_id, bytes(response.data))
    if is_scaled(it.class_id, attribute_id):
        (quantity,) = client.quantities([ref])
        if not isinstance(quantity, DlmsError):
            reading["value"], reading["unit"] = f"{quantity.value:f}", quantity.unit.symbol
    return reading, None


def _line(reading: dict[str, Any]) -> str:
    value = reading["value"]
    text = f"refused: {reading['refused']}" if reading["refused"] else _shown(value)
    unit = f" {reading['unit']}" if reading["unit"] else ""
    return f"{reading['logical_name']:<18} {reading['name']}, {reading['attribute']}: {text}{unit}"


def _shown(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{name}: {_shown(member)}" for name, member in value.items()) + "}"
        case list():
            return "[" + ", ".join(_shown(member) for member in value) + "]"
        case bool():
            return str(value).lower()
        case None:
            return "nothing"
    return str(value)


def _letters(it: VisibleObject, attribute_id: int) -> str:
    if it.rights is None:
        return ""
    may = ("r" if it.may_read(attribute_id) else "") + ("w" if it.may_write(attribute_id) else "")
    return may or "-"


def _object_document(it: VisibleObject) -> dict[str, Any]:
    rights = it.rights
    none = AttributeAccessFlags(0)
    return {
        "class_id": it.class_id,
        "version": it.version,
        "class": it.interface.__name__,
        "logical_name": str(it.logical_name),
        "name": it.name,
        "base_name": it.base_name,
        "attributes": {
            str(number): None if rights is None else flag_names(rights.attributes.get(number, none))
            for number in it.attribute_ids
        },
        "methods": {}
        if rights is None
        else {str(number): flag_names(flags) for number, flags in sorted(rights.methods.items())},
    }
