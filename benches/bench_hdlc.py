"""HDLC: a request of one image block and its answer through both ends of a link, beside the TCP wrapper.

Frames are made and read, both check sequences of each, with every acknowledgement between; nothing is
ciphered.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable

import pytest

from benches.joined import IMAGE_TRANSFER, ask, joined
from dlms_fw._core import ActionRequest, Channel, ImageBlocks
from dlms_fw.bench.measure import Work


def exchange(ends: Callable[[], tuple[Channel, Channel]], size: int) -> Callable[[int], Work]:
    """Rounds of one block after the other over the same two channels."""
    client, meter = ends()
    block = ActionRequest(18, IMAGE_TRANSFER, 2, ImageBlocks(bytes(size), size)[0])

    def work(operations: int) -> Work:
        def run(_: object) -> None:
            for _ in range(operations):
                ask(client, meter, block)

        return Work(run)

    return work


@pytest.mark.parametrize("window", [1, 7])
@pytest.mark.parametrize("info", [128, 2030])
@pytest.mark.parametrize("size", [128, 1024])
def test_request_and_answer(compare: Callable[..., None], size: int, info: int, window: int) -> None:
    compare(
        f"HDLC, info {info}, window {window}, {size}",
        exchange(lambda: joined(hdlc=True, info=info, window=window), size),
        exchange(joined, size),
        beside="wrapper",
        octets=size,
    )


@pytest.mark.parametrize("size", [128, 2030])
def test_frame_beside_a_plain_crc(compare: Callable[..., None], size: int) -> None:
    """One frame there and one back against a table-driven CRC-16 in C over the same octets, once each end."""
    octets = bytes(size + 40)

    def crc(operations: int) -> Work:
        def run(_: object) -> None:
            for _ in range(operations):
                binascii.crc_hqx(octets, 0xFFFF)
                binascii.crc_hqx(octets, 0xFFFF)

        return Work(run)

    compare(
        f"HDLC, one frame each way, {size}",
        exchange(lambda: joined(hdlc=True), size - 34 if size == 2030 else size),
        crc,
        beside="binascii.crc_hqx, twice",
        octets=size,
    )
