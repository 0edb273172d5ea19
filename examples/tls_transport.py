"""A transport of one's own: the wrapper through TLS, as some gateways want it.

A transport has three methods, takes deadlines on the clock ``time.monotonic``, and raises nothing but
TransportError and ResponseTimeout. ``Client(..., open_transport=...)`` gets a function that opens one.
"""

from __future__ import annotations

import socket
import ssl
import time

import stage

import dlms_fw
from dlms_fw.client import Client
from dlms_fw.errors import ResponseTimeout, TransportError


class TlsTransport:
    """Octets through TLS."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, deadline: float) -> None:
        try:
            plain = socket.create_connection((host, port), timeout=remaining(deadline))
            self._socket = context.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            raise failure(error) from error

    def send(self, data: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(remaining(deadline))
            self._socket.sendall(data)
        except OSError as error:
            raise failure(error) from error

    def receive(self, deadline: float) -> bytes:
        try:
            self._socket.settimeout(remaining(deadline))
            data = self._socket.recv(65_536)
        except OSError as error:
            raise failure(error) from error
        if not data:
            raise TransportError("the gateway closed the connection")
        return data

    def close(self) -> None:
        self._socket.close()


def remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise ResponseTimeout("nothing came in time")
    return seconds


def failure(error: OSError) -> TransportError:
    if isinstance(error, TransportError):
        return error
    return (
        ResponseTimeout("nothing came in time")
        if isinstance(error, TimeoutError)
        else TransportError(str(error))
    )


def main() -> None:
    with stage.simulated_meter() as meter, stage.tls_gateway(meter.url) as (port, context):

        def open_transport(deadline: float) -> TlsTransport:
            return TlsTransport("localhost", port, context, deadline)

        with (
            stage.temporary_folder() as folder,
            dlms_fw.Journal(folder / "journal.sqlite3") as records,
            Client(
                f"tcp://localhost:{port}", stage.PROFILE, journal=records, open_transport=open_transport
            ) as client,
        ):
            clock = dlms_fw.cosem.Clock("0-0:1.0.0.255")
            print("through TLS:", client.get(clock.time).to_datetime())


if __name__ == "__main__":
    main()
