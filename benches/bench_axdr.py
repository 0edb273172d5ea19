"""A-XDR: the parameter of image_block_transfer, and an event log, by a compiled type and without one."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import NamedTuple

import pytest

from dlms_fw import axdr
from dlms_fw._core import Data, DateTime, ImageBlocks
from dlms_fw.bench.measure import Work

Compare = Callable[..., None]

PARAMETER = axdr.structure(axdr.double_long_unsigned, axdr.octet_string)
BLOCKS = 256


def by_hand(number: int, value: bytes) -> bytes:
    """What a careful Python programmer would write for the same octets; 128 to 65,535 of them."""
    length = len(value)
    head = bytes((0x81, length)) if length < 0x100 else struct.pack(">BH", 0x82, length)
    return b"\x02\x02\x06" + struct.pack(">I", number) + b"\x09" + head + value


@pytest.mark.parametrize("size", [128, 1024])
def test_action_parameter_encode(compare: Compare, size: int) -> None:
    value = bytes(size)
    assert PARAMETER.encode((7, value)) == by_hand(7, value)

    def work(encode: Callable[[int, bytes], bytes]) -> Callable[[int], Work]:
        def run(operations: int) -> None:
            for number in range(operations):
                encode(number, value)

        return lambda operations: Work(lambda _: run(operations))

    compare(
        f"A-XDR ACTION parameter, encode, {size}",
        work(lambda number, octets: PARAMETER.encode((number, octets))),
        work(by_hand),
        beside="struct.pack and +",
        octets=size,
    )


@pytest.mark.parametrize("size", [128, 1024])
def test_action_parameter_of_an_image_block(compare: Compare, size: int) -> None:
    image = bytes(size * BLOCKS)
    blocks = ImageBlocks(image, size)
    assert blocks[7].encode() == by_hand(7, image[7 * size : 8 * size])

    def ours(operations: int) -> Work:
        def run(_: object) -> None:
            for number in range(operations):
                blocks[number % BLOCKS].encode()

        return Work(run)

    def theirs(operations: int) -> Work:
        def run(_: object) -> None:
            for number in range(operations):
                number %= BLOCKS
                by_hand(number, image[number * size : (number + 1) * size])

        return Work(run)

    compare(
        f"A-XDR image block, cut and encode, {size}",
        ours,
        theirs,
        beside="slice, struct.pack and +",
        octets=size,
    )


@pytest.mark.parametrize("size", [128, 1024])
def test_action_parameter_decode(compare: Compare, size: int) -> None:
    encoded = by_hand(7, bytes(size))

    def theirs(octets: bytes) -> tuple[int, bytes]:
        """The same without any check."""
        (number,) = struct.unpack_from(">I", octets, 3)
        start = 10 if octets[8] == 0x81 else 11
        return number, octets[start:]

    assert PARAMETER.decode(encoded) == theirs(encoded)

    def work(decode: Callable[[bytes], object]) -> Callable[[int], Work]:
        def run(operations: int) -> None:
            for _ in range(operations):
                decode(encoded)

        return lambda operations: Work(lambda _: run(operations))

    compare(
        f"A-XDR ACTION parameter, decode, {size}",
        work(PARAMETER.decode),
        work(theirs),
        beside="struct.unpack, unchecked",
        octets=size,
    )


# --- An event log of 1,000 rows -----------------------------------------------------------------------------


class Entry(NamedTuple):
    time: DateTime
    code: int
    parameter: bytes


LOG = axdr.array(axdr.record(Entry, axdr.date_time_octets, axdr.unsigned, axdr.octet_string))
ROWS = 1000


def log() -> bytes:
    when = DateTime.from_bytes(bytes.fromhex("07EA0B1607141E0000FFC400"))
    return LOG.encode([Entry(when, 17 + row % 3, row.to_bytes(6, "big")) for row in range(ROWS)])


@pytest.mark.parametrize("way", ["typed", "generic", "generic, plain values"])
def test_event_log_decode(compare: Compare, way: str) -> None:
    encoded = log()
    decode: dict[str, Callable[[bytes], object]] = {
        "typed": LOG.decode,
        "generic": Data.decode,
        "generic, plain values": lambda octets: Data.decode(octets).plain(),
    }
    text = json.dumps(
        [["07EA0B1607141E0000FFC400", 17 + row % 3, row.to_bytes(6, "big").hex()] for row in range(ROWS)]
    )

    def work(run: Callable[[], object]) -> Callable[[int], Work]:
        def repeat(operations: int) -> None:
            for _ in range(operations):
                run()

        return lambda operations: Work(lambda _: repeat(operations))

    compare(
        f"A-XDR event log of {ROWS} rows, decode, {way}",
        work(lambda: decode[way](encoded)),
        work(lambda: json.loads(text)),
        beside="json.loads of as many rows",
        operations=4,
        octets=len(encoded),
    )


@pytest.mark.parametrize("way", ["typed", "generic"])
def test_event_log_encode(compare: Compare, way: str) -> None:
    encoded = log()
    rows, generic = LOG.decode(encoded), Data.decode(encoded)
    texts = [["07EA0B1607141E0000FFC400", 17 + row % 3, row.to_bytes(6, "big").hex()] for row in range(ROWS)]

    def ours(operations: int) -> Work:
        def run(_: object) -> None:
            for _ in range(operations):
                if way == "typed":
                    LOG.encode(rows)
                else:
                    generic.encode()

        return Work(run)

    def theirs(operations: int) -> Work:
        def run(_: object) -> None:
            for _ in range(operations):
                json.dumps(texts)

        return Work(run)

    compare(
        f"A-XDR event log of {ROWS} rows, encode, {way}",
        ours,
        theirs,
        beside="json.dumps of as many rows",
        operations=4,
        octets=len(encoded),
    )
