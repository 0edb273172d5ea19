"""What Gurux' object classes say of themselves: how many attributes and methods, their names, their types.

Asked for pairs of class_id and version; a class that Gurux knows by its number alone is told as ``null``.
"""

from gurux_dlms._GXObjectFactory import _GXObjectFactory
from gurux_dlms.enums import ObjectType
from gurux_dlms.objects.GXDLMSObject import GXDLMSObject
from peer_io import begin


def main() -> None:
    config, reports = begin()
    classes = {f"{pair[0]}/{pair[1]}": described(*pair) for pair in config["classes"]}
    reports.send(classes=classes, known=[int(value) for value in ObjectType if typed(value)])


def typed(class_id: int) -> GXDLMSObject | None:
    """An object of the class, where there is more than a number."""
    try:
        made = _GXObjectFactory.createObject(ObjectType(class_id))
    except ValueError:
        return None
    return None if made is None or type(made) is GXDLMSObject else made


def described(class_id: int, version: int) -> dict | None:
    made = typed(class_id)
    if made is None:
        return None
    made.version = version
    attributes = made.getAttributeCount()
    return {
        "attributes": attributes,
        "methods": made.getMethodCount(),
        "names": list(made.getNames())[:attributes],
        "method_names": list(made.getMethodNames() or ()) if hasattr(made, "getMethodNames") else [],
        "types": [data_type(made, index) for index in range(1, attributes + 1)],
    }


def data_type(made: GXDLMSObject, index: int) -> int | None:
    try:
        return int(made.getDataType(index))
    except ValueError:
        return None


main()
