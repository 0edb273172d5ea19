"""The asyncio client, and both clients over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlms_fw._core import DateTime
from dlms_fw.async_client import AsyncClient
from dlms_fw.async_client import connect as async_connect
from dlms_fw.client import Client
from dlms_fw.cosem import Clock
from dlms_fw.errors import LinkError, LocalProtocolError, ResponseTimeout, TransportError
from dlms_fw.journal import Journal
from harness import PROFILES, Challenges, Responder, server_client
from meter_site import PUBLIC, Site, journal_at

CLOCK = Clock("0-0:1.0.0.255")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with journal_at(tmp_path) as journal:
        yield journal


@pytest.mark.parametrize("hdlc", [False, True])
@pytest.mark.parametrize("way", list(PROFILES))
def test_services(journal: Journal, way: str, *, hdlc: bool) -> None:
    site = Site(way, hdlc=hdlc)

    async def run() -> None:
        async with site.async_client(journal) as client:
            assert isinstance(await client.get(CLOCK.time), DateTime)
            await client.set(CLOCK.time_zone, 60)
            await client.action(CLOCK.adjust_to_quarter())
            assert client.statistics.requests == 3
        with pytest.raises(LocalProtocolError):
            await client.get(CLOCK.time)

    asyncio.run(run())
    assert site.connections[-1].closed


def test_silence() -> None:
    site = Site("none")

    async def run() -> None:
        client = await async_connect(
            site.url, site.profile, open_transport=site.aopen, clock=site.clock, sleep=site.clock.asleep
        )
        site.fate = lambda _: "silence"
        begin = site.clock.now
        with pytest.raises(ResponseTimeout):
            await client.get(CLOCK.time)
        assert site.clock.now - begin == 30.0
        await client.close()

    asyncio.run(run())


class Served:
    """A responder on a TCP port, one connection after another.

    Attributes:
        stuck: Takes requests and answers nothing.
    """

    def __init__(self, way: str, *, hdlc: bool) -> None:
        self.way, self.hdlc = way, hdlc
        self.stuck = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.url = f"{'hdlc+tcp' if hdlc else 'tcp'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        counters, challenges = None, Challenges(1000)
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            responder = Responder(
                {1: server_client(PROFILES[self.way]), **PUBLIC},
                hdlc=self.hdlc,
                counters=counters,
                challenge=challenges,
            )
            counters = responder.counters
            with connection:
                while data := self.read(connection):
                    try:
                        answer = responder.receive(data)
                    except LinkError:
                        break
                    if not self.stuck.is_set():
                        connection.sendall(answer)

    @staticmethod
    def read(connection: socket.socket) -> bytes:
        try:
            return connection.recv(65_536)
        except OSError:
            return b""

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(5)


@pytest.fixture(params=[("gmac", False), ("gmac", True), ("none", False)], ids=str)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    way, hdlc = request.param
    served = Served(way, hdlc=hdlc)
    yield served
    served.close()


def test_over_tcp(served: Served, journal: Journal) -> None:
    with Client(served.url, PROFILES[served.way], journal=journal) as client:
        for _ in range(20):
            assert isinstance(client.get(CLOCK.time), DateTime)


def test_over_tcp_with_asyncio(served: Served, journal: Journal) -> None:
    async def run() -> None:
        async with AsyncClient(served.url, PROFILES[served.way], journal=journal) as client:
            for _ in range(20):
                assert isinstance(await client.get(CLOCK.time), DateTime)

    asyncio.run(run())


def test_cancelling_a_request_closes_the_connection(served: Served, journal: Journal) -> None:
    """Its answer must not be taken for another one's."""

    async def run() -> None:
        async with AsyncClient(served.url, PROFILES[served.way], journal=journal) as client:
            served.stuck.set()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get(CLOCK.time), 0.1)
            served.stuck.clear()
            with pytest.raises(LocalProtocolError, match="not connected"):
                await client.get(CLOCK.time)
            await client.connect()
            await client.get(CLOCK.time)

    asyncio.run(run())


def test_two_tasks_at_once(served: Served, journal: Journal) -> None:
    async def run() -> None:
        async with AsyncClient(served.url, PROFILES[served.way], journal=journal) as client:
            results = await asyncio.gather(
                client.get(CLOCK.time), client.get(CLOCK.time), return_exceptions=True
            )
            assert isinstance(results[0], DateTime)
            assert isinstance(results[1], LocalProtocolError)

    asyncio.run(run())


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    async def run() -> None:
        async with AsyncClient(f"tcp://127.0.0.1:{port}", PROFILES["none"]):
            pass

    with pytest.raises(TransportError):
        asyncio.run(run())
