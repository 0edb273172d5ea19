"""A client built on gurux-dlms that names objects by short names: the object list, a read, a list, a write.

Configuration (JSON, one line on standard input):

    host, port, framing ("wrapper" or "hdlc"), client_sap, server_sap, max_pdu_size, max_info
    authentication       "none", or "lls" with password (hex)
    read                 list of [class_id, logical_name, attribute_id]; read one by one and in one list
    write                null, or [class_id, logical_name, attribute_id, true or false]
    method               null, or [class_id, logical_name, method_id]; called with integer (0)

The only report has the object list, the values as text, and the conformance.
"""

import gurux_mends
import peer_io
from gurux_client import Connection, RefusedError
from gurux_dlms.enums import DataType


def find(objects, class_id: int, logical_name: str):
    """One object of the list that the meter gave."""
    for it in objects:
        if it.objectType == class_id and it.logicalName == logical_name:
            return it
    raise LookupError(f"{class_id} {logical_name}")


def main() -> None:
    """Run as a process of its own."""
    config, reports = peer_io.begin()
    gurux_mends.install()
    connection = Connection(config, config["client_sap"], config["authentication"], logical_names=False)
    client = connection.client
    listed = connection.exchange(client.getObjectsRequest())
    objects = client.parseObjects(listed.data, False)
    report: dict[str, object] = {
        "objects": [[it.shortName, int(it.objectType), it.version, it.logicalName] for it in objects],
        "conformance": int(client.negotiatedConformance),
    }
    wanted = [(find(objects, class_id, name), index) for class_id, name, index in config["read"]]
    report["values"] = [str(connection.exchange(client.read(it, index)).value) for it, index in wanted]
    (packets,) = client.readList(wanted)
    report["list"] = [str(value) for value in connection.exchange(packets).value]
    if config["write"]:
        class_id, name, index, value = config["write"]
        it = find(objects, class_id, name)
        it.imageTransferEnabled = value
        try:
            connection.exchange(client.write(it, index))
            report["written"] = 0
        except RefusedError as refused:
            report["written"] = refused.result
    if config["method"]:
        class_id, name, index = config["method"]
        try:
            connection.exchange(client.method(find(objects, class_id, name), index, 0, DataType.INT8))
            report["called"] = 0
        except RefusedError as refused:
            report["called"] = refused.result
    connection.close()
    reports.send(**report)


if __name__ == "__main__":
    main()
