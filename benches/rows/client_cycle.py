"""Rows 8 and 9: what a client computes for one image block over the wrapper, ciphered, without any medium.

The baseline of the whole cycle is the same in plain Python with `cryptography`; what the two put on the wire
is compared before anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benches.joined import IMAGE_TRANSFER, joined
from benches.plain_python import PlainClient
from benches.rows import Options, chosen
from benches.rows.ciphering import sealed_by_cryptography
from dlms_fw._core import ActionRequest, ActionResponse, Channel, ImageBlocks
from dlms_fw.bench.measure import MeasurementFailed, Work, compare
from dlms_fw.bench.table import Line, Row, Target

BLOCKS = 256
INVOKE_IDS = 16
"""So many requests one client can have on their way."""


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {8: requests, 9: cycles})


def image(size: int) -> bytes:
    return (bytes(range(256)) * size)[: BLOCKS * size]


def client() -> Channel:
    return joined(ciphered=True)[0]


def answered(size: int, count: int) -> tuple[list[bytes], list[bytes]]:
    """Requests of one client for so many blocks, and the answers of its meter."""
    client, meter = joined(ciphered=True)
    blocks = ImageBlocks(image(size), size)
    sent, answers = [], []
    for number in range(count):
        sent.append(client.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number % BLOCKS])))
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
        found = compare(sending(size), sealed_by_cryptography(size), rounds=options.rounds)
        yield found.line(f"{size:,} octets", "AESGCM.encrypt", target, speed=False)


def sending(size: int) -> Callable[[int], Work]:
    """Requests alone: as many clients as are needed, each with all its invoke ids."""
    blocks = ImageBlocks(image(size), size)

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
        found = compare(ours(size), plain_python(size), rounds=options.rounds)
        yield found.line(f"{size:,} octets", "plain Python, cryptography", Target.at_least(bound), speed=True)


def ours(size: int) -> Callable[[int], Work]:
    blocks = ImageBlocks(image(size), size)

    def make(operations: int) -> Work:
        answers = answered(size, operations)[1]

        def run(channel: Channel) -> None:
            for number, answer in enumerate(answers):
                channel.send(ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number % BLOCKS]))
                channel.receive(answer)

        return Work(run, client)

    return make


def plain_python(size: int) -> Callable[[int], Work]:
    octets = image(size)

    def make(operations: int) -> Work:
        answers = answered(size, operations)[1]

        def run(plain: PlainClient) -> None:
            for number, answer in enumerate(answers):
                number %= BLOCKS
                plain.request(number, octets[number * size : (number + 1) * size])
                plain.accept(answer)

        return Work(run, PlainClient)

    return make


def same_octets(size: int) -> None:
    """Raises MeasurementFailed where the baseline does not send what we send."""
    plain, octets = PlainClient(), image(size)
    for number, (request, answer) in enumerate(zip(*answered(size, 20), strict=True)):
        if plain.request(number, octets[number * size : (number + 1) * size]) != request:
            raise MeasurementFailed("the baseline sends other octets")
        plain.accept(answer)
