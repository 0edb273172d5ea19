"""Blocks to a group on the short way through its meters: nothing comes out different."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import BlockSink, BlockStatus, Channel, WrapperFraming
from dlms_fw.conformance.benches.group import forged, powered, stored
from dlms_fw.conformance.benches.virtual_loop import run_virtually
from dlms_fw.cosem import ImageTransfer
from dlms_fw.journal import Journal
from dlms_fw.transports.faults import LINKS
from group_bench import GroupBench, image

IMAGE_TRANSFER = ImageTransfer("0-0:44.0.0.255")
BLOCK_SIZE = 64
CONFORMANCE = 0x0040_1F1D


@pytest.mark.fault("G-02")
def test_a_group_comes_to_the_same_and_in_the_same_time(tmp_path: Path) -> None:
    async def body(*, block_sink: bool) -> dict[str, Any]:
        bench = GroupBench("datagrams", LINKS["plc"], seed=3, volatile=True)
        for _ in range(12):
            bench.add(line="plc", block_sink=block_sink)
        with Journal(tmp_path / f"{block_sink}.sqlite3") as journal:
            report = await bench.upgrade(image(80), journal, group=bench.group("plc")).run()
        assert report.ok
        assert report.blocks_sent > 80, "something was lost, and so something came twice"
        return report.to_dict()

    assert run_virtually(body(block_sink=True)) == run_virtually(body(block_sink=False))


def test_it_stays_open_for_what_comes_again_and_not_for_the_last_block() -> None:
    async def body() -> None:
        bench = GroupBench(volatile=True)
        station = bench.add()
        powered(station).units.firmware.image_store.image_transfer_initiate(b"MCS102", 4 * BLOCK_SIZE)
        told = (
            # number, blocks that the meter has then, whether the way is open
            (0, 1, True),
            (1, 2, True),
            (1, 2, True),
            (2, 3, True),
            (3, 4, False),
        )
        for counter, (number, blocks, is_open) in enumerate(told, start=1):
            call = IMAGE_TRANSFER.image_block_transfer(number, bytes(BLOCK_SIZE))
            assert station.take(None, "wrapper", forged(call, counter=counter)) == b""
            (line,) = station.lines.values()
            assert (stored(station), line.sink is not None) == (blocks, is_open), counter

    run_virtually(body())


def test_what_wants_an_answer_of_who_gives_none_is_left_to_the_ordinary_way() -> None:
    client, server = (Channel(role, WrapperFraming(102, 1)) for role in ("client", "server"))
    for end in (client, server):
        end.connect()
        end.negotiate(CONFORMANCE, 1024)
    status = BlockStatus(4)
    sink = BlockSink(
        server,
        status,
        bytearray(4 * BLOCK_SIZE),
        bytearray(4 * 16),
        class_id=18,
        logical_name=IMAGE_TRANSFER.instance_id.to_bytes(),
        method_id=2,
        image_size=4 * BLOCK_SIZE,
        image_block_size=BLOCK_SIZE,
        serial=1,
        most_blocks=4,
        counter_margin=0,
        now=0.0,
        until=math.inf,
        longest_silence=math.inf,
        silent=True,
    )
    calls = [IMAGE_TRANSFER.image_block_transfer(number, bytes(BLOCK_SIZE)) for number in range(3)]
    server.receive(client.send(calls[0].unconfirmed().request))
    server.receive(b"")  # it has told that there is another client, and goes on
    assert sink.receive(client.send(calls[1].unconfirmed().request), 0.0) == b""
    assert status.transferred == 1
    assert sink.receive(client.send(calls[2].request), 0.0) is None
    assert sink.take_rest() is not None
    assert status.transferred == 1
