"""A client built on dlms-cosem that does what it is told: associations, and steps in them, one order a line.

It is its `DlmsClient`, over TCP, with its wrapper or with its HDLC of serial ports. The first line is ``{}``;
each further one is an order:

    host, port, framing ("wrapper" or "hdlc"), client_sap, server_sap, max_pdu_size
    authentication       "none", "lls" (with password, hex) or "hls-gmac" (protects every APDU; with
                         system_title, global_unicast_encryption_key, authentication_key, counter, suite)
    steps                ``[name, argument…]``

The report has the result of each step, octets in hex; or ``refused``, where the association or a step raised.
"""

import json
import socket
import sys
from datetime import datetime

import peer_io
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.blocking_tcp_transport import BlockingTcpTransport
from dlms_cosem.clients.dlms_client import ActionError, DataResultError, DlmsClient
from dlms_cosem.clients.hdlc_transport import SerialHdlcTransport
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor

_MECHANISMS = {
    "none": None,
    "lls": enumerations.AuthenticationMechanism.LLS,
    "hls-gmac": enumerations.AuthenticationMechanism.HLS_GMAC,
}


def _named(kind, class_id, name, number):
    instance = cosem.Obis.from_bytes(bytes(map(int, name.split("."))))
    return kind(enumerations.CosemInterface(class_id), instance, number)


def read(client, *target):
    return client.get(_named(cosem.CosemAttribute, *target)).hex()


def read_list(client, targets):
    items = [
        cosem.CosemAttributeWithSelection(_named(cosem.CosemAttribute, *target), None) for target in targets
    ]
    return [item.to_bytes().hex() for item in client.get_many(items).response_data]


def write(client, class_id, name, attribute_id, octets):
    answer = client.set(_named(cosem.CosemAttribute, class_id, name, attribute_id), bytes.fromhex(octets))
    return int(answer.result)


def call(client, class_id, name, method_id, octets):
    answer = client.action(_named(cosem.CosemMethod, class_id, name, method_id), bytes.fromhex(octets))
    return answer if answer is None else bytes(answer).hex()


def by_range(client, name, start, end):
    clock = CaptureObject(_named(cosem.CosemAttribute, 8, "0.0.1.0.0.255", 2))
    between = RangeDescriptor(clock, datetime.fromisoformat(start), datetime.fromisoformat(end))
    return client.get(_named(cosem.CosemAttribute, 7, name, 2), between).hex()


STEPS = {"read": read, "read-list": read_list, "write": write, "call": call, "by-range": by_range}


class _Line:
    """A socket as the serial port that its HDLC wants."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=10)
        self._received = bytearray()

    def write(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def read_until(self, end: bytes) -> bytes:
        while end not in self._received:
            octets = self._socket.recv(4_096)
            if not octets:
                raise ConnectionError("the meter closed the connection")
            self._received += octets
        length = self._received.index(end) + len(end)
        found, self._received = bytes(self._received[:length]), self._received[length:]
        return found


def _transport(order: dict) -> BlockingTcpTransport | SerialHdlcTransport:
    addresses = {
        "client_logical_address": order["client_sap"],
        "server_logical_address": order["server_sap"],
    }
    if order["framing"] == "hdlc":
        line = _Line(order["host"], order["port"])
        return SerialHdlcTransport(serial_port="", serial=line, **addresses)
    return BlockingTcpTransport(order["host"], order["port"], **addresses)


def visit(order: dict) -> dict:
    """One association."""
    keys = {}
    if order["authentication"] == "hls-gmac":
        keys = {
            "encryption_key": bytes.fromhex(order["global_unicast_encryption_key"]),
            "authentication_key": bytes.fromhex(order["authentication_key"]),
            "client_system_title": bytes.fromhex(order["system_title"]),
            "client_initial_invocation_counter": order["counter"],
            # A meter's first counter is 0, and it must be above this.
            "meter_initial_invocation_counter": -1,
            "security_suite": order["suite"],
        }
    try:
        client = DlmsClient(
            client_logical_address=order["client_sap"],
            server_logical_address=order["server_sap"],
            io_interface=_transport(order),
            authentication_method=_MECHANISMS[order["authentication"]],
            password=bytes.fromhex(order["password"]) or None,
            max_pdu_size=order["max_pdu_size"],
            **keys,
        )
        results = []
        client.connect()
        client.associate()
        for name, *arguments in order["steps"]:
            try:
                results.append(STEPS[name](client, *arguments))
            except (ActionError, DataResultError) as refused:
                results.append(str(refused))
        client.release_association()
        # Its HDLC waits for an information field in the UA that answers DISC, where there is none.
        if order["framing"] == "wrapper":
            client.disconnect()
        return {"results": results}
    except Exception as error:  # noqa: BLE001 - theirs raise anything
        return {"refused": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Run as a process of its own."""
    _, reports = peer_io.begin()
    for line in sys.stdin:
        reports.send(**visit(json.loads(line)))


if __name__ == "__main__":
    main()
