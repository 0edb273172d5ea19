"""A medium that carries on a conversation by itself: each piece is answered, and deadlines hold as ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.transports.base import converse, converse_async
from dlms_fw.transports.loopback import LoopbackTransport
from dlms_fw.transports.tcp import AsyncTcpTransport, TcpTransport
from test_transports import close, echo, listening, never_read, silence, soon


class Counting:
    """Counts what comes back, octet by octet, and says the next number until it has had enough."""

    def __init__(
        self, enough: int, *, patience: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.enough = enough
        self.heard = b""
        self.clock = clock
        self.patience = patience
        self.deadline = clock() + patience

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> bytes | None:
        self.heard += data
        self.deadline = now + self.patience
        count = len(self.heard)
        return None if count >= self.enough else bytes((count % 256,))

    @property
    def expected(self) -> bytes:
        return bytes(number % 256 for number in range(self.enough))


class TestTcp:
    def test_every_piece_is_answered(self) -> None:
        with listening(echo) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            for _ in range(2):
                conversation = Counting(600)
                transport.send(b"\0", soon())
                converse(transport, conversation, time.monotonic)
                assert conversation.heard == conversation.expected
            transport.send(b"as before", soon())
            assert transport.receive(soon()) == b"as before"
            transport.close()

    @pytest.mark.fault("L-15")
    def test_silence(self) -> None:
        with listening(silence) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            with pytest.raises(ResponseTimeout):
                converse(transport, Counting(2, patience=0.05), time.monotonic)
            with pytest.raises(ResponseTimeout):
                transport.receive(soon(0.01))
            transport.close()
            with pytest.raises(TransportError):
                converse(transport, Counting(2), time.monotonic)

    @pytest.mark.fault("L-19")
    def test_the_peer_closes(self) -> None:
        with listening(close) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            transport.send(b"xx", soon())
            with pytest.raises(TransportError) as caught:
                converse(transport, Counting(3), time.monotonic)
            assert not isinstance(caught.value, ResponseTimeout)
            transport.close()

    @pytest.mark.fault("L-19")
    def test_a_peer_that_reads_nothing(self) -> None:
        class Long(Counting):
            def receive(self, data: bytes | bytearray | memoryview, now: float) -> bytes:
                return bytes(1 << 25)

        with listening(lambda connection: (connection.sendall(b"x"), never_read(connection))[-1]) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            with pytest.raises(ResponseTimeout):
                converse(transport, Long(2, patience=0.2), time.monotonic)
            transport.close()


class TestAsyncTcp:
    def test_every_piece_is_answered_and_nothing_is_lost_before_or_after(self) -> None:
        async def talk(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            await transport.send(b"\0", soon())
            await asyncio.sleep(0.02)  # so that the first octet comes before the conversation begins
            loop = asyncio.get_running_loop()
            for _ in range(2):
                conversation = Counting(600, clock=loop.time)
                await converse_async(transport, conversation, time.monotonic)
                assert conversation.heard == conversation.expected
                await transport.send(b"\0", soon())
            assert await transport.receive(soon()) == b"\0"
            await transport.close()

        with listening(echo) as port:
            asyncio.run(talk(port))

    @pytest.mark.fault("L-15")
    def test_silence_and_then_the_end(self) -> None:
        async def talk(port: int) -> None:
            transport = await AsyncTcpTransport.open("127.0.0.1", port, soon())
            with pytest.raises(ResponseTimeout):
                await converse_async(transport, Counting(2, patience=0.05), time.monotonic)
            task = asyncio.create_task(converse_async(transport, Counting(2), time.monotonic))
            await asyncio.sleep(0)
            await transport.close()
            with pytest.raises(TransportError):
                await task

        with listening(silence) as port:
            asyncio.run(talk(port))

    def test_two_connections_of_a_loop_share_their_buffer_and_nothing_else(self) -> None:
        async def talk(first: int, second: int) -> None:
            transports = [await AsyncTcpTransport.open("127.0.0.1", port, soon()) for port in (first, second)]
            assert transports[0].get_buffer(-1) is transports[1].get_buffer(-1)
            conversations = [Counting(300), Counting(500)]
            for transport in transports:
                await transport.send(b"\0", soon())
            await asyncio.gather(
                *(
                    converse_async(transport, conversation, time.monotonic)
                    for transport, conversation in zip(transports, conversations, strict=True)
                )
            )
            assert [each.heard for each in conversations] == [each.expected for each in conversations]
            for transport in transports:
                await transport.close()

        with listening(echo) as first, listening(echo) as second:
            asyncio.run(talk(first, second))


def test_other_media_are_asked_piece_by_piece() -> None:
    class Echo:
        def receive(self, data: bytes) -> bytes:
            return data

        def close(self) -> None:
            pass

    transport = LoopbackTransport(Echo(), clock=time.monotonic, sleep=time.sleep)
    conversation = Counting(300)
    transport.send(b"\0", soon())
    converse(transport, conversation, time.monotonic)
    assert conversation.heard == conversation.expected
