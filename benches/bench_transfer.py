"""A whole image transfer: the public client against the simulated meter in its own process, over loopback
TCP.

The reference is a bare echo between the same two processes: blocking sockets, as many round trips as there
are blocks, requests and answers as long as those of the transfer on the wire, nothing computed. No client
that waits for each answer can be faster than that. CPU seconds are those of the phase in which blocks are
sent, of each process by its own clock.

What is not left out: events, the bitmap, the journal's durable writes (invocation counters, checkpoints)
and the meter's own storage with its barriers.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.meter_process import SIZES, read_exactly
from benches.parties import image, profile
from benches.two_processes import MIB, POLICY, Meter, Sample, meter_process
from dlms_fw.client import Client
from dlms_fw.journal import Journal
from dlms_fw.profiles import GeneralBlockTransfer

ROUNDS = 7


def echo(port: int, blocks: int, request: int, answer: int) -> float:
    """Seconds for that many round trips over bare sockets."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(SIZES.pack(request, answer))
        octets = bytes(request)
        buffer = memoryview(bytearray(answer))
        start = time.perf_counter()
        for _ in range(blocks):
            connection.sendall(octets)
            read_exactly(connection, buffer)
        return time.perf_counter() - start


@pytest.mark.parametrize("protection", ["plain", "ciphered"])
@pytest.mark.parametrize("scheme", ["tcp", "hdlc+tcp"], ids=["wrapper", "hdlc"])
@pytest.mark.parametrize("block_size", [128, 1024])
def test_image_transfer(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    report: Callable[[str], None],
    tmp_path: Path,
    block_size: int,
    scheme: str,
    protection: str,
) -> None:
    # As many blocks whatever their size, so that a case with short blocks does not take eight times as long.
    size = pytestconfig.getoption("--image-kib") * 1024 * block_size // 1024
    blocks = size // block_size
    firmware = image(size)
    echo_seconds: list[float] = []
    with (
        meter_process(scheme, protection, block_size, tmp_path / "meter") as meter,
        Journal(tmp_path / "journal.sqlite3") as journal,
        Client(meter.url, profile(ciphered=protection == "ciphered"), journal=journal) as client,
    ):
        sample = Sample(meter)

        def transfer() -> Any:
            return client.upgrade(firmware, POLICY, on_event=sample)

        result = transfer()  # to learn the sizes on the wire, and to warm up
        assert result.outcome == "verified"
        assert (result.blocks_sent, result.bytes) == (blocks, size)
        request = client.statistics.octets_sent // client.statistics.requests
        answer = client.statistics.octets_received // client.statistics.requests

        def set_up() -> tuple[tuple[()], dict[str, Any]]:
            echo_seconds.append(echo(meter.echo_port, blocks, request, answer))
            return (), {}

        benchmark.pedantic(transfer, setup=set_up, rounds=ROUNDS)  # type: ignore[no-untyped-call]
        if benchmark.stats is None:
            return
    seconds, mib = median(sample.seconds[1:]), size / MIB
    client_cpu, meter_cpu = median(sample.client_cpu[1:]) / mib, median(sample.meter_cpu[1:]) / mib
    limit = median(echo_seconds)
    benchmark.extra_info.update(
        blocks=blocks,
        blocks_per_second=blocks / seconds,
        mib_per_second=mib / seconds,
        client_cpu_seconds_per_mib=client_cpu,
        meter_cpu_seconds_per_mib=meter_cpu,
        echo_blocks_per_second=blocks / limit,
        ratio=limit / seconds,
    )
    name = f"transfer, {'wrapper' if scheme == 'tcp' else 'HDLC'}, {protection}, {block_size}"
    report(
        f"{name:<34} {blocks / seconds:>7,.0f} blocks/s {mib / seconds:>6.2f} MiB/s"
        f"   CPU s/MiB: client {client_cpu:.4f}, meter {meter_cpu:.4f}"
        f"   bare echo {blocks / limit:,.0f}/s: {limit / seconds:.2f} of it"
    )


@pytest.fixture(scope="module", params=[128, 1024])
def ciphered_meter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Meter, int]]:
    """One meter for all strategies, with its block size."""
    with meter_process("tcp", "ciphered", request.param, tmp_path_factory.mktemp("meter")) as meter:
        yield meter, request.param


@pytest.mark.parametrize(
    "strategy", ["sequential", "with-list", "pipelined", "general-block-transfer", "unconfirmed", "automatic"]
)
def test_strategies(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    report: Callable[[str], None],
    tmp_path: Path,
    ciphered_meter: tuple[Meter, int],
    strategy: Any,
) -> None:
    """Each way to send blocks, over the wrapper and ciphered; on loopback there is no line to wait for."""
    meter, block_size = ciphered_meter
    size = pytestconfig.getoption("--image-kib") * 1024 * block_size // 1024
    blocks = size // block_size
    firmware, policy = image(size), replace(POLICY, strategy=strategy)
    general: GeneralBlockTransfer = "when-needed" if strategy == "general-block-transfer" else "off"
    ours = replace(profile(ciphered=True), general_block_transfer=general)
    with (
        Journal(tmp_path / "journal.sqlite3") as journal,
        Client(meter.url, ours, journal=journal) as client,
    ):
        sample = Sample(meter)

        def transfer() -> Any:
            return client.upgrade(firmware, policy, on_event=sample)

        result = transfer()
        assert (result.outcome, result.blocks_sent) == ("verified", blocks)
        assert strategy in {"automatic", result.strategy}
        benchmark.pedantic(transfer, rounds=ROUNDS)  # type: ignore[no-untyped-call]
        if benchmark.stats is None:
            return
    seconds, mib = median(sample.seconds[1:]), size / MIB
    client_cpu, meter_cpu = median(sample.client_cpu[1:]) / mib, median(sample.meter_cpu[1:]) / mib
    benchmark.extra_info.update(
        blocks=blocks,
        blocks_per_second=blocks / seconds,
        mib_per_second=mib / seconds,
        client_cpu_seconds_per_mib=client_cpu,
        meter_cpu_seconds_per_mib=meter_cpu,
    )
    name = f"{strategy}, {block_size}"
    report(
        f"{name:<34} {blocks / seconds:>7,.0f} blocks/s {mib / seconds:>6.2f} MiB/s"
        f"   CPU s/MiB: client {client_cpu:.4f}, meter {meter_cpu:.4f}"
    )
