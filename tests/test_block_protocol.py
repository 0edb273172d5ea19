"""The receiving half of a protocol: what goes past Python, and what does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from benches.joined import joined

from dlms_fw._core import ActionResponse, BlockProtocol, BlockRun, BlockStatus
from dlms_fw.image import Image
from dlms_fw.transports.tcp import clock_of
from outlet import Outlet

BLOCKS = 6
TARGET = (18, bytes((0, 0, 44, 0, 0, 255)), 2)


class Recorder(BlockProtocol):
    """A protocol that notes what it is told, on a line whose other end is a list."""

    def __init__(self) -> None:
        self.room = memoryview(bytearray(4096))
        self.told: list[Any] = []
        self.now = 0.0
        self.outlet = Outlet()
        self.sent = self.outlet.given
        self.open_line(self.room, self.outlet, lambda: self.now)

    def feed(self, data: bytes) -> None:
        """As an event loop does it."""
        self.room[: len(data)] = data
        assert self.get_buffer(-1) is self.room
        self.buffer_updated(len(data))

    def _come(self, nbytes: int) -> None:
        self.told.append(bytes(self.room[:nbytes]))

    def _unanswered(self) -> None:
        self.told.append("unanswered")

    def _run_over(self) -> None:
        self.told.append("over")

    def _failed(self, error: Exception) -> None:
        self.told.append(error)


class Client:
    """A run whose answers come through a protocol."""

    def __init__(self, *, hdlc: bool = False) -> None:
        self.channel, self.meter = joined(ciphered=True, hdlc=hdlc)
        blocks = Image.raw(bytes(256 * BLOCKS), b"PROT01").blocks(256)
        self.status = BlockStatus(BLOCKS)
        self.run = BlockRun(blocks, self.status, *TARGET)
        self.protocol = Recorder()
        self.request = self.run.start(self.channel, bound=BLOCKS, most=BLOCKS, depth=1)
        self.protocol.begin_run(self.run)

    def answer(self, request: bytes) -> bytes:
        events, reply = self.meter.receive(request)
        for event in events:
            response = ActionResponse(0, invoke_id_and_priority=event.invoke_id_and_priority)  # type: ignore[union-attr]  # a request
            reply += self.meter.send(response)
        return reply


def test_a_run_goes_on_below_the_protocol_until_it_is_over() -> None:
    client = Client()
    client.protocol.feed(client.answer(client.request))
    while not client.protocol.told:
        client.protocol.feed(client.answer(client.protocol.sent[-1]))
    assert client.protocol.told == ["over"]
    assert client.status.complete
    assert len(client.protocol.sent) == BLOCKS - 1


@pytest.mark.parametrize("hdlc", [False, True])
def test_an_answer_in_pieces_is_put_together(*, hdlc: bool) -> None:
    whole, pieces = Client(hdlc=hdlc), Client(hdlc=hdlc)
    answer = whole.answer(whole.request)
    whole.protocol.feed(answer)
    assert pieces.answer(pieces.request) == answer
    for octet in answer:
        pieces.protocol.feed(bytes([octet]))
    assert pieces.protocol.sent == whole.protocol.sent
    assert pieces.protocol.told == ["unanswered"] * (len(answer) - 1)


def test_a_whole_answer_and_a_part_of_the_next_come_together() -> None:
    client = Client()
    client.run.finish()
    client.protocol.sent.append(client.request + client.run.start(client.channel, bound=6, most=5, depth=2))
    answers = client.answer(client.protocol.sent.pop())
    cut = len(answers) - 7
    client.protocol.feed(answers[:cut])
    assert (client.run.taken, len(client.protocol.sent)) == (1, 1)
    client.protocol.feed(answers[cut:])
    assert (client.run.taken, len(client.protocol.sent)) == (2, 2)
    assert client.protocol.told == []


def test_without_a_run_or_a_sink_everything_is_handed_on() -> None:
    protocol = Recorder()
    protocol.feed(b"first")
    protocol.follow_sink(SimpleNamespace(sink=None))
    protocol.feed(b"second")
    client = Client()
    client.protocol.end_run()
    client.protocol.feed(b"third")
    assert (protocol.told, client.protocol.told) == ([b"first", b"second"], [b"third"])


def test_what_goes_wrong_is_told() -> None:
    client = Client()
    client.protocol.buffer_updated(5000)
    assert isinstance(client.protocol.told[0], BufferError)
    client.protocol.close_line()
    with pytest.raises(BufferError):
        client.protocol.get_buffer(-1)
    with pytest.raises(BufferError):
        client.protocol.open_line(memoryview(bytes(8))[::2], Outlet(), lambda: 0.0)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection whose near end never waits."""
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


def test_what_the_kernel_takes_does_not_pass_through_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    client, outlet = Client(), Outlet(near)
    client.protocol.open_line(client.protocol.room, outlet, lambda: 0.0)
    client.protocol.feed(client.answer(client.request))
    client.protocol.put(b"and this")
    taken = far.recv(4096)
    assert len(client.answer(taken.removesuffix(b"and this"))) > 0
    assert outlet.given == []


def test_what_the_kernel_does_not_take_waits_in_the_transport_and_the_rest_behind_it(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    protocol, outlet = Recorder(), Outlet(near)
    protocol.open_line(protocol.room, outlet, lambda: 0.0)
    much = bytes(range(256)) * 16_384
    protocol.put(much)
    assert 0 < len(outlet.given[0]) < len(much)
    outlet.kept = len(outlet.given[0])
    protocol.put(b"behind it")
    assert outlet.given[1:] == [b"behind it"]
    came = b""
    while len(came) < len(much) - len(outlet.given[0]):
        came += far.recv(1 << 20)
    assert came + outlet.given[0] == much
    outlet.kept = 0  # the transport has sent it meanwhile
    protocol.put(b"straight again")
    assert far.recv(4096) == b"straight again"
    assert len(outlet.given) == 2


def test_a_socket_that_is_broken_is_the_matter_of_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    protocol, outlet = Recorder(), Outlet(near)
    protocol.open_line(protocol.room, outlet, lambda: 0.0)
    far.close()
    protocol.put(b"to nobody")
    assert outlet.given == [b"to nobody"]


def test_what_is_enciphered_on_its_way_goes_to_the_transport(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    protocol, outlet = Recorder(), Outlet(near, sslcontext=object())
    protocol.open_line(protocol.room, outlet, lambda: 0.0)
    protocol.put(b"secret")
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.recv(1)
    assert outlet.given == [b"secret"]


def test_without_a_line_nothing_is_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    protocol, outlet = Recorder(), Outlet(near)
    protocol.open_line(protocol.room, outlet, lambda: 0.0)
    protocol.close_line()
    protocol.put(b"too late")
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.recv(1)
    assert outlet.given == []


def test_the_clock_of_a_loop_that_keeps_its_own_time_is_asked() -> None:
    class Late(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return super().time() + 1000

    late, usual = Late(), asyncio.SelectorEventLoop()
    try:
        assert clock_of(late)() - clock_of(usual)() > 900
    finally:
        late.close()
        usual.close()
