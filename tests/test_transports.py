"""Media: deadlines hold, a closed peer is an error, and only our errors come out."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from dlms_fw.transports.tcp import AsyncTcpTransport, TcpTransport


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def run() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def silence(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def close(connection: socket.socket) -> None:
    connection.recv(1)


def never_read(connection: socket.socket) -> None:
    time.sleep(1.0)


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


BIG = bytes(range(256)) * 4096


class TestTcp:
    def test_octets_go_and_come(self) -> None:
        with listening(echo) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            for data in (b"x", BIG):
                transport.send(data, soon())
                received = b""
                while len(received) < len(data):
                    received += transport.receive(soon())
                assert received == data
            transport.close()
            transport.close()

    @pytest.mark.fault("L-15")
    def test_silence(self) -> None:
        with listening(silence) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            begin = time.monotonic()
            with pytest.raises(ResponseTimeout):
                transport.receive(soon(0.1))
            assert 0.09 < time.monotonic() - begin < 1.0
            with pytest.raises(ResponseTimeout):
                transport.receive(begin)
            transport.close()
            with pytest.raises(TransportError):
                transport.receive(soon())
            with pytest.raises(TransportError):
                transport.send(b"x", soon())

    @pytest.mark.fault("L-19")
    def test_the_peer_closes(self) -> None:
        with listening(close) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            transport.send(b"xx", soon())
            with pytest.raises(TransportError) as caught:
                transport.receive(soon())
            assert not isinstance(caught.value, ResponseTimeout)
            transport.close()

    @pytest.mark.fault("L-19")
    def test_a_peer_that_reads_nothing(self) -> None:
        with listening(never_read) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            with pytest.raises(ResponseTimeout):
                transport.send(BIG * 16, soon(0.2))
            transport.close()

    def test_nobody_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        with pytest.raises(TransportError, match=f"connecting to 127.0.0.1 port {port}"):
            TcpTransport.open("127.0.0.1", port, soon())
        with pytest.raises(TransportError):
            TcpTransport.open("no such host.invalid", 1, soon())


class TestAsyncTcp:
    def test_octets_go_and_come(self) -> None:
        async def run(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            for data in (b"x", BIG, BIG * 3):
                sending = asyncio.ensure_future(transport.send(data, soon()))
                received = b""
                while len(received) < len(data):
                    received += await transport.receive(soon())
                await sending
                assert received == data
            await transport.close()
            await transport.close()
            with pytest.raises(TransportError):
                await transport.send(b"x", soon())

        with listening(echo) as port:
            asyncio.run(run(port))

    @pytest.mark.fault("L-15")
    def test_silence_and_deadlines_that_move(self) -> None:
        async def run(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            for seconds in (0.2, 0.05, 0.1):  # later, earlier and later than the timer that is still running
                begin = time.monotonic()
                with pytest.raises(ResponseTimeout):
                    await transport.receive(soon(seconds))
                assert seconds * 0.9 < time.monotonic() - begin < seconds + 0.5
            with pytest.raises(ResponseTimeout):
                await transport.receive(begin)
            await transport.close()

        with listening(silence) as port:
            asyncio.run(run(port))

    def test_one_timer_for_many_answers(self) -> None:
        async def run(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            timers = set()
            for _ in range(50):
                await transport.send(b"x", soon())
                assert await transport.receive(soon()) == b"x"
                timers.add(id(transport._timer))
            assert len(timers) == 1
            await transport.close()

        with listening(echo) as port:
            asyncio.run(run(port))

    @pytest.mark.fault("L-19")
    def test_the_peer_closes(self) -> None:
        async def run(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            await transport.send(b"xx", soon())
            for _ in range(2):
                with pytest.raises(TransportError):
                    await transport.receive(soon())
            await transport.close()

        with listening(close) as port:
            asyncio.run(run(port))

    @pytest.mark.fault("L-19")
    def test_a_peer_that_reads_nothing(self) -> None:
        async def run(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            with pytest.raises(ResponseTimeout):
                await transport.send(BIG * 16, soon(0.2))
            await transport.close()

        with listening(never_read) as port:
            asyncio.run(run(port))

    def test_nobody_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        with pytest.raises(TransportError, match="connecting"):
            asyncio.run(AsyncTcpTransport.open("127.0.0.1", port, soon()))


class Echo:
    def __init__(self) -> None:
        self.closed = 0

    def receive(self, data: bytes) -> bytes:
        return data.upper()

    def close(self) -> None:
        self.closed += 1


class TestLoopback:
    def test_answers_silence_and_the_end(self) -> None:
        now = [100.0]
        peer = Echo()

        def sleep(seconds: float) -> None:
            now[0] += seconds

        transport = LoopbackTransport(peer, clock=lambda: now[0], sleep=sleep)
        transport.send(b"abc", 130.0)
        assert transport.receive(130.0) == b"ABC"
        assert now == [100.0]
        with pytest.raises(ResponseTimeout):
            transport.receive(130.0)
        assert now == [130.0]
        assert (transport.octets_sent, transport.octets_received) == (3, 3)
        transport.send(b"lost", 140.0)
        transport.cut()
        transport.close()
        assert peer.closed == 1
        with pytest.raises(TransportError):
            transport.receive(140.0)
        with pytest.raises(TransportError):
            transport.send(b"x", 140.0)

    def test_the_asyncio_side(self) -> None:
        async def run() -> None:
            transport = AsyncLoopbackTransport(
                LoopbackTransport(Echo(), clock=lambda: 0.0, sleep=lambda _: None)
            )
            await transport.send(b"abc", 1.0)
            assert await transport.receive(1.0) == b"ABC"
            await transport.close()
            with pytest.raises(TransportError):
                await transport.receive(1.0)

        asyncio.run(run())
