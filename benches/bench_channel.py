"""The channel: all that the core does for one image block and its answer, at both ends, in four crossings.

The reference is the cryptography alone: two AES-GCM encryptions and two decryptions of the same sizes by
`cryptography`, without any A-XDR, framing, counters or checks.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benches.joined import CLIENT_TITLE, ENCRYPTION_KEY, IMAGE_TRANSFER, ask, joined
from benches.plain_python import AAD, opened
from dlms_fw._core import ActionRequest, ImageBlocks
from dlms_fw.bench.measure import Work

ANSWER = bytes(4)


def bare_cryptography(size: int) -> Callable[[int], Work]:
    sealer, counter = AESGCM(ENCRYPTION_KEY), bytes(4)

    def one(octets: bytes) -> None:
        opened(CLIENT_TITLE, counter, sealer.encrypt(CLIENT_TITLE + counter, octets, AAD)[:-4])

    def work(operations: int) -> Work:
        block = bytes(size)

        def run(_: object) -> None:
            for _ in range(operations):
                one(block)
                one(ANSWER)

        return Work(run)

    return work


@pytest.mark.parametrize("ciphered", [False, True], ids=["plain", "ciphered"])
@pytest.mark.parametrize("hdlc", [False, True], ids=["wrapper", "hdlc"])
@pytest.mark.parametrize("size", [128, 512, 1024, 1984])
def test_one_image_block(compare: Callable[..., None], size: int, hdlc: bool, ciphered: bool) -> None:
    client, meter = joined(hdlc=hdlc, ciphered=ciphered)
    blocks = ImageBlocks(bytes(64 * size), size)

    def ours(operations: int) -> Work:
        def run(_: object) -> None:
            for number in range(operations):
                ask(client, meter, ActionRequest(18, IMAGE_TRANSFER, 2, blocks[number % 64]))

        return Work(run)

    compare(
        f"image block, {'HDLC' if hdlc else 'wrapper'}, {'ciphered' if ciphered else 'plain'}, {size}",
        ours,
        bare_cryptography(size) if ciphered else None,
        beside="4 x cryptography alone",
        octets=size,
    )
