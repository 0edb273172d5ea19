"""Streams and sockets that misbehave: an error of ours within the deadline, and a closed connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dlms_fw._core import GetRequest
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.errors import DlmsError, LinkError, LocalProtocolError, ResponseTimeout, TransportError
from dlms_fw.journal import Journal
from harness import CLOCK_TIME, PROFILES, Responder, server_client
from meter_site import Site

GET = GetRequest(*CLOCK_TIME)
ANSWER = bytes.fromhex("C401C100 090C 000000000000000000000000")
GOOD = bytes.fromhex("0001 0001 0001 0012") + ANSWER


# The wrapper, in virtual time

UNTRUSTED = {
    "another version": (GOOD[:1] + b"\2" + GOOD[2:], "wrapper-version"),
    "an HDLC frame": (bytes.fromhex("7EA00703211F8CAE7E00"), "wrapper-version"),
    "length 0": (GOOD[:6] + b"\0\0" + GOOD[8:], "wrapper-length"),
    "octets in front": (b"\0" + GOOD, "wrapper-version"),
}
"""What no stream recovers from, and the kind of the error."""

PATIENT = {
    "nothing but a header": GOOD[:8],
    "half a header": GOOD[:3],
    "a length beyond the message": GOOD[:6] + b"\xff\xff" + GOOD[8:],
    "another meter's port": GOOD[:2] + b"\0\2" + GOOD[4:],
    "another client's port": GOOD[:4] + b"\0\2" + GOOD[6:],
}
"""What could still become, or be followed by, the answer; it is waited for until the deadline."""


def asking(said: bytes) -> tuple[Site, Client]:
    """A client of a meter that answers the next request with these octets."""
    site = Site("none")
    client = site.client()
    client.connect()
    (connection,) = site.connections
    connection.receive = lambda _: said  # type: ignore[method-assign]
    return site, client


@pytest.mark.fault("L-17")
def test_the_answer_itself_is_taken() -> None:
    _, client = asking(GOOD)
    client.exchange(GET)


@pytest.mark.fault("L-17")
@pytest.mark.parametrize("what", UNTRUSTED)
def test_a_stream_that_cannot_be_trusted_is_closed(what: str) -> None:
    said, kind = UNTRUSTED[what]
    site, client = asking(said)
    with pytest.raises(LinkError) as caught:
        client.exchange(GET)
    assert caught.value.kind == kind
    assert site.connections[0].closed
    with pytest.raises(LocalProtocolError):
        client.exchange(GET)


@pytest.mark.fault("L-17")
@pytest.mark.parametrize("what", PATIENT)
def test_what_is_no_answer_is_waited_for_until_the_deadline(what: str) -> None:
    site, client = asking(PATIENT[what])
    begin = site.clock.now
    with pytest.raises(ResponseTimeout):
        client.exchange(GET)
    assert site.clock.now - begin <= site.profile.request_deadline_s
    assert site.connections[0].closed


@pytest.mark.fault("L-17")
def test_octets_behind_an_answer_end_the_stream_at_once_or_with_the_next_request() -> None:
    """The length of a message was one too small: its last octet is taken for the next header."""
    site, client = asking(GOOD[:6] + b"\0\x11" + GOOD[8:] + GOOD)
    with pytest.raises(DlmsError):
        client.exchange(GET)
    assert site.connections[0].closed


# TCP, in real time: a few tenths of a second each

PROFILE = replace(
    PROFILES["gmac"], response_timeout_s=0.15, request_deadline_s=0.3, first_invocation_counter=1
)
LONGEST_S = 0.3 + 2.0
"""The deadline, and what a busy machine may add."""


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_and_reset(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer[: len(answer) // 2])
    reset(connection, b"")


def half_and_end(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer[: len(answer) // 2])
    connection.shutdown(socket.SHUT_RDWR)


def half_open(connection: socket.socket, _: bytes) -> None:
    while connection.recv(1024):
        pass


def drip(connection: socket.socket, answer: bytes) -> None:
    for octet in answer:
        connection.sendall(bytes((octet,)))
        time.sleep(0.1)


FATES = [reset, half_and_reset, half_and_end, half_open, drip]


@contextmanager
def misbehaving(after: int, fate: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A meter on TCP that answers so many messages as it should, and then does something else."""

    def run() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            meter = Responder({1: server_client(PROFILES["gmac"])})
            for place in range(after + 1):
                answer = meter.receive(connection.recv(4096))
                if place == after:
                    fate(connection, answer)
                    return
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        thread = threading.Thread(target=run)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)
    assert not thread.is_alive()


def blocking(url: str, journal: Journal) -> None:
    with Client(url, PROFILE, journal=journal) as client:
        client.exchange(GET)


def asynchronous(url: str, journal: Journal) -> None:
    async def run() -> None:
        async with AsyncClient(url, PROFILE, journal=journal) as client:
            await client.exchange(GET)

    asyncio.run(run())


@pytest.mark.fault("L-19")
@pytest.mark.parametrize("client", [blocking, asynchronous])
@pytest.mark.parametrize("after", [0, 1, 2], ids=["aare", "pass 4", "answer"])
@pytest.mark.parametrize("fate", FATES)
def test_a_socket_that_misbehaves(
    tmp_path: Path,
    fate: Callable[[socket.socket, bytes], None],
    after: int,
    client: Callable[[str, Journal], None],
) -> None:
    with Journal(tmp_path / "journal.sqlite3") as journal, misbehaving(after, fate) as url:
        begin = time.monotonic()
        with pytest.raises(TransportError) as caught:
            client(url, journal)
        assert time.monotonic() - begin < LONGEST_S
        assert isinstance(caught.value, ResponseTimeout) is (fate in {half_open, drip})
