"""The least that two ends in one process can do for a block: four system calls, and four AEAD operations.

Blocking sockets of one connection, a request one way and an answer the other, each with one call to send and
one to receive; no event loop, no protocol. With ``ciphered`` each of the four also seals or opens by
``cryptography``, which is what a program without a compiled core of its own would call.
"""

from __future__ import annotations

import socket

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dlms_fw.bench.echo import Traffic

_KEY, _NONCE = bytes(16), bytes(12)
"""Always the same, as nothing is kept secret here."""
_ASSOCIATED_DATA = bytes(17)
_TAG = 16


class BarePair:
    """Two connected sockets in one process.

    Args:
        traffic: Octets of requests and answers.
        ciphered: Whether they are sealed and opened; the lengths are those on the line.
    """

    def __init__(self, traffic: Traffic, *, ciphered: bool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._client = socket.create_connection(server.getsockname())
            self._meter, _ = server.accept()
        for end in (self._client, self._meter):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request, self._answer = bytes(traffic.request), bytes(traffic.answer)
        self._ciphered = ciphered

    def run(self, round_trips: int) -> None:
        """So many round trips."""
        if self._ciphered:
            self._run_ciphered(round_trips)
        else:
            self._run_plain(round_trips)

    def close(self) -> None:
        """Close both ends."""
        self._client.close()
        self._meter.close()

    def _run_plain(self, round_trips: int) -> None:
        request, answer = self._request, self._answer
        buffer = bytearray(max(len(request), len(answer)))
        ask, hear = self._client.sendall, self._client.recv_into
        reply, listen = self._meter.sendall, self._meter.recv_into
        for _ in range(round_trips):
            ask(request)
            rest = len(request) - listen(buffer)
            while rest:
                rest -= listen(buffer, rest)
            reply(answer)
            rest = len(answer) - hear(buffer)
            while rest:
                rest -= hear(buffer, rest)

    def _run_ciphered(self, round_trips: int) -> None:
        cipher = AESGCM(_KEY)
        seal, open_, nonce, aad = cipher.encrypt, cipher.decrypt, _NONCE, _ASSOCIATED_DATA
        asked, answered = self._request[_TAG:], self._answer[_TAG:]
        sealed = seal(nonce, asked, aad), seal(nonce, answered, aad)
        buffer = bytearray(max(map(len, sealed)))
        view = memoryview(buffer)
        at_meter, at_client = view[: len(sealed[0])], view[: len(sealed[1])]
        ask, hear = self._client.sendall, self._client.recv_into
        reply, listen = self._meter.sendall, self._meter.recv_into
        for _ in range(round_trips):
            ask(seal(nonce, asked, aad))
            filled = listen(at_meter)
            while filled < len(at_meter):
                filled += listen(at_meter[filled:])
            open_(nonce, at_meter, aad)
            reply(seal(nonce, answered, aad))
            filled = hear(at_client)
            while filled < len(at_client):
                filled += hear(at_client[filled:])
            open_(nonce, at_client, aad)
