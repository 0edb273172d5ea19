"""Image transfers by `gurux-dlms`, one order a line: CPU seconds of the blocks alone.

It is the client of `tests/peers/gurux_client.py`, without the mends that make it do more than it does by
itself. An order has what its `Connection` wants and ``size``, the octets of the image.
"""

import json
import sys
from pathlib import Path
from time import thread_time

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "peers"))

import gurux_client
import gurux_mends
import peer_io
from gurux_dlms.enums import DataType
from gurux_dlms.objects import GXDLMSData, GXDLMSImageTransfer

_PUBLIC_CLIENT = 16


def _connection(order):
    counter = 0
    if order["authentication"] == "hls-gmac":
        public = gurux_client.Connection(order, _PUBLIC_CLIENT, "none")
        read = public.client.read(GXDLMSData(order["counter_object"]), 2)
        counter = 1 + public.exchange(read).value
        public.close()
    return gurux_client.Connection(order, order["client_sap"], order["authentication"], counter)


def transfer(order):
    """CPU seconds, and how many blocks they were for."""
    connection = _connection(order)
    client, it = connection.client, GXDLMSImageTransfer("0.0.44.0.0.255")
    image = bytes(order["size"])
    structure, identifier = gurux_client._structure, bytes.fromhex(order["identifier"])
    size = connection.exchange(client.read(it, 2)).value
    start = structure((DataType.OCTET_STRING, identifier), (DataType.UINT32, len(image)))
    connection.exchange(client.method(it, 1, start, DataType.STRUCTURE))
    blocks = -(-len(image) // size)
    began = thread_time()
    for number in range(blocks):
        value = image[number * size : (number + 1) * size]
        block = structure((DataType.UINT32, number), (DataType.OCTET_STRING, value))
        connection.exchange(client.method(it, 2, block, DataType.STRUCTURE))
    seconds = thread_time() - began
    first_missing = connection.exchange(client.read(it, 4)).value
    connection.close()
    if first_missing != blocks:
        raise SystemExit(f"{first_missing} of {blocks} blocks arrived")
    return seconds


def main():
    _, reports = peer_io.begin()
    gurux_mends._mend_chatter()
    gurux_mends._mend_llc_of_segments()
    for line in sys.stdin:
        reports.send(seconds=transfer(json.loads(line)))


if __name__ == "__main__":
    main()
