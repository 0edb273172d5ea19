"""A client built on gurux-dlms that does what it is told: associations, and steps in them, one order a line.

It is the `Connection` of `gurux_client`. The first line is ``{}``; each further one is an order with what
`Connection` wants, and ``steps``: ``[name, argument…]``. Its report has the result of each step, as text,
the negotiated conformance, and the tags of all APDUs over wrapper; or ``refused``, where the association or a
step raised.
"""

import json
import sys

import gurux_mends
import peer_io
from gurux_client import Connection, RefusedError
from gurux_dlms import GXByteBuffer, GXDateTime
from gurux_dlms._GXObjectFactory import _GXObjectFactory
from gurux_dlms.enums import DataType
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import GXDLMSProfileGeneric


def _object(class_id, name):
    it = _GXObjectFactory.createObject(class_id)
    it.logicalName = name
    return it


def _raw(octets):
    return GXByteBuffer(bytearray.fromhex(octets))


def read(connection, class_id, name, attribute_id):
    return connection.read(class_id, name, attribute_id)


def read_list(connection, targets):
    targets = [(_object(class_id, name), attribute_id) for class_id, name, attribute_id in targets]
    values = []
    for packets in connection.client.readList(targets):
        values += connection.exchange(packets).value
    return values


def write(connection, class_id, name, attribute_id, octets):
    """The value is a complete encoding."""
    client = connection.client
    packets = client._GXDLMSClient__write(name, _raw(octets), DataType.STRUCTURE, class_id, attribute_id)
    connection.exchange(packets)


def call(connection, class_id, name, method_id, octets):
    client = connection.client
    it = _object(class_id, name)
    return connection.exchange(client.method(it, method_id, _raw(octets), DataType.STRUCTURE)).value


def _profile(connection, name):
    it = GXDLMSProfileGeneric(name)
    reply = connection.exchange(connection.client.read(it, 3))
    connection.client.updateValue(it, 3, reply.value)
    return it


def by_entry(connection, name, index, count):
    it = _profile(connection, name)
    return connection.exchange(connection.client.readRowsByEntry(it, index, count)).value


def by_range(connection, name, start, end):
    it = _profile(connection, name)
    ends = [GXDateTime(_date_time(end)) for end in (start, end)]
    return connection.exchange(connection.client.readRowsByRange(it, *ends)).value


def _date_time(octets):
    return _GXCommon.changeType(None, bytearray.fromhex(octets), DataType.DATETIME).value


STEPS = {
    "read": read,
    "read-list": read_list,
    "write": write,
    "call": call,
    "by-entry": by_entry,
    "by-range": by_range,
}


def visit(order: dict) -> dict:
    """One association."""
    try:
        connection = Connection(order, order["client_sap"], order["authentication"], order["counter"])
        results = []
        for name, *arguments in order["steps"]:
            try:
                results.append(_text(STEPS[name](connection, *arguments)))
            except RefusedError as refused:
                results.append(str(refused))
        conformance = int(connection.client.negotiatedConformance)
        counter = connection.client.ciphering.invocationCounter
        connection.close()
        return {
            "results": results,
            "conformance": conformance,
            "counter": counter,
            "tags": connection.tags,
        }
    except Exception as error:  # noqa: BLE001 - theirs raise anything
        return {"refused": f"{type(error).__name__}: {error}"}


def _text(value):
    """Octets as hex, so that no representation of theirs is told."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [_text(member) for member in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def main() -> None:
    """Run as a process of its own."""
    _, reports = peer_io.begin()
    gurux_mends.install()
    for line in sys.stdin:
        reports.send(**visit(json.loads(line)))


if __name__ == "__main__":
    main()
