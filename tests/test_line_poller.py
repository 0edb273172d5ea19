"""What receives for all lines of a loop: past loop and transport where it can, and by them where it must."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from benches.joined import joined

from dlms_fw._core import ActionResponse, BlockProtocol, BlockRun, BlockStatus, LinePoller
from dlms_fw.image import Image
from dlms_fw.transports import polled
from dlms_fw.transports.tcp import AsyncTcpTransport
from outlet import Outlet

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")

BLOCKS = 6
TARGET = (18, bytes((0, 0, 44, 0, 0, 255)), 2)


class Line(BlockProtocol):
    """A line that notes what it is told; its transport notes what it is to send."""

    def __init__(self, poller: LinePoller) -> None:
        self.peer, self.own = socket.socketpair()
        self.own.setblocking(False)
        self.peer.settimeout(5)
        self.room = memoryview(bytearray(4096))
        self.outlet = Outlet(self.own)
        self.written = self.outlet.given
        self.told: list[Any] = []
        self.on_octets: Callable[[], None] = lambda: None
        self.poller = poller
        self.open_line(self.room, self.outlet, lambda: 0.0)
        poller.add(self, self.own.fileno())

    def close(self) -> None:
        self.remove()
        self.peer.close()
        self.own.close()

    def remove(self) -> None:
        self.poller.remove(self, self.own.fileno())

    def _come(self, nbytes: int) -> None:
        self.told.append(bytes(self.room[:nbytes]))
        self.on_octets()

    def _unanswered(self) -> None:
        self.told.append("unanswered")

    def _run_over(self) -> None:
        self.told.append("over")

    def _failed(self, error: Exception) -> None:
        raise error

    def _ended(self) -> None:
        self.told.append("ended")
        self.remove()

    def _broken(self, error: BaseException) -> None:
        self.told.append(error)
        if not isinstance(error, Exception):
            raise error


class Lines:
    """Lines of one poller."""

    def __init__(self) -> None:
        self.poller = LinePoller(select.epoll())
        self._lines: list[Line] = []

    def add(self) -> Line:
        self._lines.append(Line(self.poller))
        return self._lines[-1]

    def close(self) -> None:
        for line in self._lines:
            line.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.close()


class Run:
    """A run of blocks on a line, and the meter that answers it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._channel, self._meter = joined(ciphered=True)
        blocks = Image.raw(bytes(256 * BLOCKS), b"POLL01").blocks(256)
        self.status = BlockStatus(BLOCKS)
        run = BlockRun(blocks, self.status, *TARGET)
        self.answer(run.start(self._channel, bound=BLOCKS, most=BLOCKS, depth=1))
        line.begin_run(run)

    def answer(self, request: bytes) -> None:
        events, reply = self._meter.receive(request)
        for event in events:
            response = ActionResponse(0, invoke_id_and_priority=event.invoke_id_and_priority)  # type: ignore[union-attr, arg-type]  # a request
            reply += self._meter.send(response)
        self.line.peer.send(reply)


def test_a_run_goes_on_past_the_transport(lines: Lines) -> None:
    run = Run(lines.add())
    for _ in range(BLOCKS - 1):
        lines.poller.receive()
        run.answer(run.line.peer.recv(4096))
    lines.poller.receive()
    assert (run.line.told, run.line.written) == (["over"], [])
    assert run.status.complete


def test_behind_what_the_transport_keeps_back_it_sends_the_rest_as_well(lines: Lines) -> None:
    run = Run(lines.add())
    run.line.outlet.kept = 1
    lines.poller.receive()
    assert len(run.line.written) == 1
    run.line.peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        run.line.peer.recv(1)
    run.line.outlet.kept = 0
    run.answer(run.line.written[0])
    lines.poller.receive()
    assert len(run.line.written) == 1
    assert run.line.peer.recv(4096)


def test_what_the_kernel_does_not_take_is_the_transports(lines: Lines) -> None:
    run = Run(lines.add())
    with contextlib.suppress(BlockingIOError):
        while run.line.own.send(bytes(1 << 16)):
            pass
    lines.poller.receive()
    assert len(run.line.written) == 1
    assert run.line.told == []


def test_what_is_no_block_is_handed_on_whole(lines: Lines) -> None:
    line, sent = lines.add(), bytes(range(250)) * 40
    line.peer.send(sent)
    lines.poller.receive()
    assert b"".join(line.told) == sent
    assert len(line.told) == 3


def test_a_closed_line_is_left_to_its_transport_with_what_it_has_not_read(lines: Lines) -> None:
    line = lines.add()
    line.peer.send(b"last")
    line.peer.close()
    lines.poller.receive()
    assert line.told == ["ended"]
    assert line.own.recv(4096) == b"last"
    assert len(lines.poller) == 0


def test_a_half_closed_line_is_read_to_its_end(lines: Lines) -> None:
    line = lines.add()
    line.peer.send(bytes(4096) + b"last")
    line.peer.shutdown(socket.SHUT_WR)
    lines.poller.receive()
    assert line.told == [bytes(4096), b"last", "ended"]


@pytest.mark.parametrize("raised", [ValueError("no such thing"), KeyboardInterrupt()])
def test_what_a_line_raises_keeps_no_other_from_its_turn(lines: Lines, raised: BaseException) -> None:
    first, second = lines.add(), lines.add()

    def fail() -> None:
        raise raised

    first.on_octets = fail
    for line in (first, second):
        line.peer.send(b"octets")
    if isinstance(raised, Exception):
        lines.poller.receive()
    else:
        with pytest.raises(KeyboardInterrupt):
            lines.poller.receive()
    assert first.told == [b"octets", raised]
    assert second.told == [b"octets"]


def test_a_line_that_was_removed_meanwhile_is_left_alone(lines: Lines) -> None:
    first, second = lines.add(), lines.add()
    first.on_octets = second.remove
    for line in (first, second):
        line.peer.send(b"octets")
    lines.poller.receive()
    assert (first.told, second.told) == ([b"octets"], [])
    lines.poller.add(second, second.own.fileno())
    lines.poller.receive()
    assert second.told == [b"octets"]


def test_nobody_removes_the_line_of_another(lines: Lines) -> None:
    first, second = lines.add(), lines.add()
    lines.poller.remove(first, second.own.fileno())
    assert len(lines.poller) == 2


def test_many_lines_take_turns(lines: Lines) -> None:
    many = [lines.add() for _ in range(100)]
    for line in many:
        line.peer.send(b"octets")
    lines.poller.receive()
    assert sum(bool(line.told) for line in many) == 64
    many[0].peer.send(b"more")
    lines.poller.receive()
    assert all(line.told[0] == b"octets" for line in many)


def test_who_sends_much_does_not_keep_the_others_waiting(lines: Lines) -> None:
    fast, slow = lines.add(), lines.add()
    sent = bytes(range(256)) * 16 * 20
    assert fast.peer.send(sent) == len(sent)
    slow.peer.send(b"octets")
    lines.poller.receive()
    assert (len(fast.told), slow.told) == (16, [b"octets"])
    lines.poller.receive()
    assert b"".join(fast.told) == sent


async def _pair() -> tuple[AsyncTcpTransport, asyncio.StreamReader, asyncio.StreamWriter, asyncio.Server]:
    accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
    server = await asyncio.start_server(lambda *ends: accepted.set_result(ends), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = await AsyncTcpTransport.open("127.0.0.1", port, asyncio.get_running_loop().time() + 5)
    return transport, *await accepted, server


def test_a_loop_has_one_poller_and_takes_it_along() -> None:
    async def use() -> Any:
        loop = asyncio.get_running_loop()
        transport, _, writer, server = await _pair()
        known = polled._POLLERS[loop]
        poller = known()
        assert poller is not None
        assert len(poller) == 1
        writer.write(b"octets")
        assert await transport.receive(loop.time() + 5) == b"octets"
        await transport.close()
        assert len(poller) == 0
        writer.close()
        server.close()
        return known

    known = asyncio.run(use())
    gc.collect()
    assert known() is None


def test_where_the_kernel_watches_no_more_after_a_pause_the_transport_receives() -> None:
    class Full:
        def __init__(self, poller: LinePoller) -> None:
            self.remove = poller.remove

        def add(self, line: object, descriptor: int) -> None:
            raise OSError(28, "no space")

    async def use() -> bytes:
        transport, _, writer, server = await _pair()
        transport.pause_reading()
        assert transport._poller is not None
        transport._poller = Full(transport._poller)  # type: ignore[assignment]
        transport.resume_reading()
        writer.write(b"octets")
        data = await transport.receive(asyncio.get_running_loop().time() + 5)
        await transport.close()
        writer.close()
        server.close()
        return data

    assert asyncio.run(use()) == b"octets"


def test_where_the_kernel_watches_no_more_the_transport_receives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def add(self, line: object, descriptor: int) -> None:
            raise OSError(28, "no space")

    async def use() -> bytes:
        transport, _, writer, server = await _pair()
        writer.write(b"octets")
        data = await transport.receive(asyncio.get_running_loop().time() + 5)
        await transport.close()
        writer.close()
        server.close()
        return data

    monkeypatch.setattr(polled, "_poller_of", lambda _: Full())
    assert asyncio.run(use()) == b"octets"
