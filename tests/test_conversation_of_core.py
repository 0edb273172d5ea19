"""A run of image blocks over a socket, carried on by the core: its octets, and each way in which it ends."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest
from benches.joined import IMAGE_TRANSFER, joined

from dlms_fw._core import ActionRequest, ActionResponse, BlockRun, BlockStatus, Channel, ImageBlocks
from dlms_fw._core import converse as core_converse
from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.transports.base import converse
from dlms_fw.transports.tcp import TcpTransport
from test_transports import close, listening, silence, soon

BLOCKS, SIZE = 40, 1024
IMAGE = bytes(range(256)) * (BLOCKS * SIZE // 256)


def new_run(client: Channel, *, patience: float = 5.0, depth: int = 1) -> tuple[BlockRun, bytes]:
    """A run of all blocks and its first requests."""
    run = BlockRun(ImageBlocks(IMAGE, SIZE), BlockStatus(BLOCKS), 18, IMAGE_TRANSFER, 2)
    seconds = {"silence_seconds": patience, "busy_seconds": patience, "request_seconds": patience}
    run.watch(time.monotonic(), seconds=60.0, **seconds)
    return run, run.start(client, bound=BLOCKS, most=BLOCKS, depth=depth)


def answering(meter: Channel, heard: list[bytes]) -> Callable[[socket.socket], None]:
    """A meter that takes each block, keeps its octets, and sends its answer in two pieces."""

    def serve(connection: socket.socket) -> None:
        while data := connection.recv(65_536):
            events, _ = meter.receive(data)
            for request in events:
                assert isinstance(request, ActionRequest)
                assert request.parameter is not None
                heard.append(bytes(request.parameter))  # type: ignore[arg-type]
                invoke_id = request.invoke_id_and_priority
                assert invoke_id is not None
                answer = meter.send(ActionResponse(0, invoke_id_and_priority=invoke_id))
                connection.sendall(answer[:5])
                connection.sendall(answer[5:])

    return serve


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("ciphered", [False, True])
def test_all_blocks_arrive(ciphered: bool, depth: int) -> None:
    client, meter = joined(ciphered=ciphered)
    heard: list[bytes] = []
    with listening(answering(meter, heard)) as port:
        transport = TcpTransport.open("127.0.0.1", port, soon())
        run, first = new_run(client, depth=depth)
        transport.send(first, soon())
        converse(transport, run, time.monotonic)
        assert run.over
        assert run.finish() == ([], b"")
        transport.close()
    assert run.taken == run.sent == BLOCKS
    assert heard == [ImageBlocks(IMAGE, SIZE)[number].encode() for number in range(BLOCKS)]


def test_silence_ends_it_at_its_deadline() -> None:
    client, _ = joined()
    with listening(silence) as port:
        transport = TcpTransport.open("127.0.0.1", port, soon())
        run, first = new_run(client, patience=0.05)
        transport.send(first, soon())
        with pytest.raises(ResponseTimeout):
            converse(transport, run, time.monotonic)
        assert time.monotonic() >= run.deadline
        transport.close()


def test_a_peer_that_closes_is_told_as_such() -> None:
    client, _ = joined()
    with listening(close) as port:
        transport = TcpTransport.open("127.0.0.1", port, soon())
        run, _ = new_run(client)
        transport.send(b"x", soon())
        with pytest.raises(TransportError) as caught:
            converse(transport, run, time.monotonic)
        assert caught.value.code == "transport.closed"
        transport.close()


def test_a_socket_that_is_closed_is_no_socket() -> None:
    client, _ = joined()
    run, _ = new_run(client)
    with pytest.raises(OSError, match="not connected"):
        core_converse(run, -1, time.monotonic())
    assert not run.over


def test_what_the_kernel_does_not_take_comes_back() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client, meter = joined()
        run, first = new_run(client, depth=8)
        events, _ = meter.receive(first)
        answers = b""
        for request in events:
            assert isinstance(request, ActionRequest)
            assert request.invoke_id_and_priority is not None
            answers += meter.send(ActionResponse(0, invoke_id_and_priority=request.invoke_id_and_priority))
        theirs.sendall(answers)
        ours.setblocking(False)
        while True:
            try:
                ours.send(bytes(4096))
            except BlockingIOError:
                break
        rest = core_converse(run, ours.fileno(), time.monotonic())
        assert rest
        events, _ = meter.receive(rest)
        assert len(events) == 8


def test_a_signal_is_handled_while_the_kernel_waits() -> None:
    def interrupted(*_: object) -> None:
        raise InterruptedByTest

    client, _ = joined()
    before = signal.signal(signal.SIGUSR1, interrupted)
    main = threading.get_ident()
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1))
    try:
        with listening(silence) as port:
            transport = TcpTransport.open("127.0.0.1", port, soon())
            run, first = new_run(client, patience=4.0)
            transport.send(first, soon())
            timer.start()
            with pytest.raises(InterruptedByTest):
                converse(transport, run, time.monotonic)
            assert time.monotonic() < run.deadline
            assert not run.over
            transport.close()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


class InterruptedByTest(Exception):
    """What the handler raises."""
