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

BLOCKS = 256
"""Blocks of the image; a round begins again with new clients where it has more operations."""
INVOKE_IDS = 16
"""So many requests one client can have on their way."""
REQUESTS = 8 * INVOKE_IDS
"""Requests alone in a round: so few clients that they stay in the processor's cache, as one client does."""


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {8: requests, 9: cycles})


def image(size: int) -> bytes:
    return bytes(range(256)) * (BLOCKS * size // 256)


def shares(operations: int, most: int) -> list[int]:
    """So many operations, shared out to clients that can do ``most`` each."""
    clients, left = divmod(operations, most)
    return [most] * clients + [left] * bool(left)


def client() -> Channel:
    return joined(ciphered=True)[0]


def answered(size: int, count: int = BLOCKS) -> tuple[list[bytes], list[bytes]]:
    """Requests of one client for so many blocks, and the answers of its meter."""
    client, meter = joined(ciphered=True)
    blocks = ImageBlocks(image(size), size)
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
    """The target is that of a request alone; a run cannot be asked for one without taking an answer."""
    for size in (128, 1024):
        target = Target.at_most(0.75) if size == 1024 else None
        for what, ours, bound, operations in (
            ("an object each", sending, target, REQUESTS),
            ("in a run, answer included", run_of_blocks, None, None),
        ):
            found = compare(
                ours(size),
                sealed_by_cryptography(size),
                rounds=options.rounds,
                operations=(operations, None),
            )
            yield found.line(f"{size:,} octets, {what}", "AESGCM.encrypt", bound, speed=False)


def sending(size: int) -> Callable[[int], Work]:
    """Requests alone, by the general way."""
    blocks = ImageBlocks(image(size), size)

    def run(channels: list[tuple[Channel, int]]) -> None:
        for channel, share in channels:
            for number in range(share):
                channel.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number]))

    return lambda operations: Work(
        run, lambda: [(client(), share) for share in shares(operations, INVOKE_IDS)]
    )


def cycles(options: Options) -> Iterator[Line]:
    """The target is that of a run, which is how a transfer sends its blocks."""
    for size, bound in ((128, 18.0), (1024, 10.0)):
        same_octets(size)
        for what, ours, target in (
            ("in a run", run_of_blocks, Target.at_least(bound)),
            ("an object each", general, None),
        ):
            found = compare(ours(size), plain_python(size), rounds=options.rounds)
            case = f"{size:,} octets, {what}"
            yield found.line(case, "plain Python, cryptography", target, speed=True)


def run_of_blocks(size: int) -> Callable[[int], Work]:
    """Each answer and the request that it lets go; the first request is sent before."""
    answers = answered(size)[1]
    blocks = ImageBlocks(image(size), size)

    def run(runs: list[tuple[BlockRun, int]]) -> None:
        for each, share in runs:
            deque(map(each.receive, answers[:share], repeat(0.0)), maxlen=0)

    return lambda operations: Work(
        run, lambda: [(started(blocks), share) for share in shares(operations, BLOCKS - 1)]
    )


def general(size: int) -> Callable[[int], Work]:
    answers = answered(size)[1]
    blocks = ImageBlocks(image(size), size)

    def run(channels: list[tuple[Channel, int]]) -> None:
        for channel, share in channels:
            for number, answer in enumerate(answers[:share]):
                channel.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number]))
                channel.receive(answer)

    return lambda operations: Work(run, lambda: [(client(), share) for share in shares(operations, BLOCKS)])


def plain_python(size: int) -> Callable[[int], Work]:
    answers = answered(size)[1]
    octets = image(size)

    def run(clients: list[tuple[PlainClient, int]]) -> None:
        for plain, share in clients:
            for number, answer in enumerate(answers[:share]):
                plain.request(number, octets[number * size : (number + 1) * size])
                plain.accept(answer)

    return lambda operations: Work(
        run, lambda: [(PlainClient(), share) for share in shares(operations, BLOCKS)]
    )


def started(blocks: ImageBlocks) -> BlockRun:
    run = new_run(blocks)
    run.start(client(), bound=BLOCKS, most=BLOCKS, depth=1)
    return run


def new_run(blocks: ImageBlocks) -> BlockRun:
    return BlockRun(blocks, BlockStatus(BLOCKS), 18, IMAGE_TRANSFER, 2)


def same_octets(size: int) -> None:
    """Raises MeasurementFailed where one of the ways does not send what the others send."""
    sent, answers = answered(size, 20)
    plain, octets = PlainClient(), image(size)
    run = new_run(ImageBlocks(octets, size))
    next_of_run: bytes | None = run.start(client(), bound=BLOCKS, most=BLOCKS, depth=1)
    for number, (request, answer) in enumerate(zip(sent, answers, strict=True)):
        by_hand = plain.request(number, octets[number * size : (number + 1) * size])
        if not request == by_hand == next_of_run:
            raise MeasurementFailed("the ways send different octets")
        plain.accept(answer)
        next_of_run = run.receive(answer, 0.0)
