"""The other end of bench_transfer.py, in a process of its own: a simulated meter, and a bare echo beside
it.

Arguments: a URL to listen on, `plain` or `ciphered`, the image block size, a folder. The first line printed
holds the meter's URL and the port of the echo; after that each line read is answered with the CPU seconds
of this process.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from pathlib import Path
from time import process_time

from benches.parties import meter_config
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory

SIZES = struct.Struct(">II")
"""What a client of the echo says first: octets of each request and of each answer; 0 closes."""


def echo(listener: socket.socket) -> None:
    """Reads requests and writes answers of the sizes that the client names, as fast as bare sockets can."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            request, answer = SIZES.unpack(connection.recv(SIZES.size, socket.MSG_WAITALL))
            reply = bytes(answer)
            buffer = memoryview(bytearray(request))
            while read_exactly(connection, buffer):
                connection.sendall(reply)


def read_exactly(connection: socket.socket, buffer: memoryview) -> bool:
    """Fills the buffer; whether the peer was there to the end."""
    filled = 0
    while filled < len(buffer):
        size = connection.recv_into(buffer[filled:])
        if size == 0:
            return False
        filled += size
    return True


def main(url: str, protection: str, block_size: str, folder: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=echo, args=(listener,), daemon=True).start()
    config = meter_config(ciphered=protection == "ciphered", block_size=int(block_size))
    endpoint = Endpoint.parse(url, listen=True)
    with BackgroundMeter(config, lambda: Directory(Path(folder)), endpoint) as meter:
        print(meter.url, listener.getsockname()[1], flush=True)
        for _ in sys.stdin:
            print(process_time(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
