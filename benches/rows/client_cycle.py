"""Rows 8 and 9: what a client computes for one image block over the wrapper, ciphered, without any medium.

Once by the general way, an object for each request and each answer, and once as a run of blocks, in which an
answer and the next request are one call. The baseline of the whole cycle is the same in plain Python with
`cryptography`; what the two put on the wire is compared before anything is measured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat

from benches.joined import IMAGE_TRANSFER, joined
from benches.plain_python import PlainClient
from benches.rows import Options, chosen
from benches.rows.ciphering import sealed_by_cryptography
from dlms_fw._core import ActionRequest, ActionResponse, BlockRun, BlockStatus, Channel, ImageBlocks
from dlms_fw.bench.measure import MeasurementFailed, Work, compare
from dlms_fw.bench.table import Line, Row, Target

INVOKE_IDS = 16
"""So many requests one client can have on their way."""


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {8: requests, 9: cycles})


def image(size: int, blocks: int) -> bytes:
    return (bytes(range(256)) * (size * blocks // 256 + 1))[: size * blocks]


def client() -> Channel:
    return joined(ciphered=True)[0]


def answered(size: int, count: int) -> tuple[list[bytes], list[bytes]]:
    """Requests of one client for so many blocks, and the answers of its meter."""
    client, meter = joined(ciphered=True)
    blocks = ImageBlocks(image(size, count), size)
    sent, answers = [], []
    for number in range(count):
        sent.append(client.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number])))
        events, _ = meter.receive(sent[-1])
        request = events[-1]
        assert isinstance(request, ActionRequest)
        answer = ActionResponse(0, invoke_id_and_priority=request.invoke_id_and_priority or 0)
        answers.append(meter.send(answer))
        client.receive(answers[-1])
    return sent, answers


def requests(options: Options) -> Iterator[Line]:
    for size in (128, 1024):
        target = Target.at_most(0.75) if size == 1024 else None
        baseline = sealed_by_cryptography(size)
        found = compare(sending(size), baseline, rounds=options.rounds)
        yield found.line(f"{size:,} octets, an object each", "AESGCM.encrypt", target, speed=False)
        found = compare(run_of_blocks(size), baseline, rounds=options.rounds)
        yield found.line(f"{size:,} octets, a run, answer included", "AESGCM.encrypt", target, speed=False)


def sending(size: int) -> Callable[[int], Work]:
    """Requests alone: as many clients as are needed, each with all its invoke ids."""
    blocks = ImageBlocks(image(size, INVOKE_IDS), size)

    def make(operations: int) -> Work:
        clients, left = divmod(operations, INVOKE_IDS)
        shares = [INVOKE_IDS] * clients + [left]

        def run(channels: list[Channel]) -> None:
            for channel, share in zip(channels, shares, strict=True):
                for number in range(share):
                    channel.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number]))

        return Work(run, lambda: [client() for _ in shares])

    return make


def cycles(options: Options) -> Iterator[Line]:
    for size, bound in ((128, 18.0), (1024, 10.0)):
        same_octets(size)
        for what, ours in (("an object each", general), ("a run", run_of_blocks)):
            found = compare(ours(size), plain_python(size), rounds=options.rounds)
            case = f"{size:,} octets, {what}"
            yield found.line(case, "plain Python, cryptography", Target.at_least(bound), speed=True)


def general(size: int) -> Callable[[int], Work]:
    def make(operations: int) -> Work:
        answers = answered(size, operations)[1]
        blocks = ImageBlocks(image(size, operations), size)

        def run(channel: Channel) -> None:
            for number, answer in enumerate(answers):
                channel.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number]))
                channel.receive(answer)

        return Work(run, client)

    return make


def run_of_blocks(size: int) -> Callable[[int], Work]:
    """Each answer and the request that it lets go; the first request is sent before."""

    def make(operations: int) -> Work:
        answers = answered(size, operations)[1]
        blocks = ImageBlocks(image(size, operations + 1), size)
        return Work(
            lambda run: deque(map(run.receive, answers, repeat(0.0)), maxlen=0), lambda: started(blocks)
        )

    return make


def started(blocks: ImageBlocks) -> BlockRun:
    count = len(blocks)
    run = BlockRun(blocks, BlockStatus(count), 18, IMAGE_TRANSFER, 2)
    run.start(client(), bound=count, most=count, depth=1)
    return run


def plain_python(size: int) -> Callable[[int], Work]:
    def make(operations: int) -> Work:
        answers = answered(size, operations)[1]
        octets = image(size, operations)

        def run(plain: PlainClient) -> None:
            for number, answer in enumerate(answers):
                plain.request(number, octets[number * size : (number + 1) * size])
                plain.accept(answer)

        return Work(run, PlainClient)

    return make


def same_octets(size: int) -> None:
    """Raises MeasurementFailed where one of the ways does not send what the others send."""
    count = 20
    sent, answers = answered(size, count)
    plain, octets = PlainClient(), image(size, count)
    run = BlockRun(ImageBlocks(octets, size), BlockStatus(count), 18, IMAGE_TRANSFER, 2)
    next_of_run: bytes | None = run.start(client(), bound=count, most=count, depth=1)
    for number, (request, answer) in enumerate(zip(sent, answers, strict=True)):
        by_hand = plain.request(number, octets[number * size : (number + 1) * size])
        if not request == by_hand == next_of_run:
            raise MeasurementFailed("the ways send different octets")
        plain.accept(answer)
        next_of_run = run.receive(answer, 0.0)
