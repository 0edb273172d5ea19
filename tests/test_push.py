"""What meters push, heard by a listener: real sockets, many meters, keys, replays, damage, full queues."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import random
import select
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec

import pytest

import meter_bench
from dlms_fw import axdr
from dlms_fw._core import (
    ApduReceiver,
    Data,
    DataNotification,
    EventNotification,
    GetResponse,
    InformationReport,
    Key,
)
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.journal import Journal
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.push import MeterPush, push_to
from dlms_fw.notifications import PushedData, ReportedEvent, ReportedValues
from dlms_fw.profiles import Profile
from dlms_fw.push.arrival import Arrival, ListenerLimits, Sender
from dlms_fw.push.blocking import BlockingPushListener
from dlms_fw.push.listener import PushListener
from dlms_fw.security import Keys
from interop import FRAMINGS, KEYS, METER_TITLE
from peers.run import Peer
from simulator import Workshop, workshop

__all__ = ["workshop"]

pytestmark = pytest.mark.proves("push-listener")

VALUE = axdr.double_long_unsigned.encode(77)
PLAIN = DataNotification(5, b"", VALUE).encode()


P = ParamSpec("P")


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def framed(octets: bytes, server_sap: int = 1, framing: str = "wrapper") -> bytes:
    return ApduReceiver(framing, "client").frame(102, server_sap, octets)  # type: ignore[arg-type]


def meter_with(title: bytes, bench: meter_bench.Bench) -> SimulatedMeter:
    config = replace(bench.config, system_title=title)
    return SimulatedMeter(SimulatedMedium(), config, bench.time, challenge=lambda: bytes(16))


def profile_for(title: bytes, **changes: Any) -> Profile:
    return replace(meter_bench.GMAC, name=f"meter {title[-1]}", meter_system_title=title, **changes)


@asynccontextmanager
async def listening(*urls: str, **settings: Any) -> AsyncIterator[PushListener]:
    async with PushListener(*(urls or ("tcp://127.0.0.1:0",)), **settings) as listener:
        yield listener


async def sent(listener: PushListener, *messages: bytes, close: bool = True) -> asyncio.StreamWriter:
    endpoint = Endpoint.parse(listener.urls[0])
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.write(b"".join(messages))
    await writer.drain()
    if close:
        writer.close()
    return writer


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def next_of(listener: PushListener) -> Arrival:
    async with asyncio.timeout(20):
        arrival = await listener.receive()
    assert arrival is not None
    return arrival


@in_a_loop
async def test_each_kind_of_notification_arrives_with_its_values() -> None:
    event = EventNotification(1, bytes((0, 0, 96, 11, 0, 255)), 2, VALUE, time=None)
    report = InformationReport([0x0108], [VALUE])
    async with listening() as listener:
        await sent(listener, framed(PLAIN), framed(event.encode(), 3), framed(report.encode()))
        data, reported, values = [await next_of(listener) for _ in range(3)]
    assert isinstance(data.notification, PushedData)
    assert (data.notification.invoke_id, data.notification.value.value) == (5, 77)
    assert (data.sender.client_sap, data.sender.server_sap, data.protection) == (102, 1, 0)
    assert data.arrived_at.tzinfo is not None
    assert isinstance(reported.notification, ReportedEvent)
    assert (reported.sender.server_sap, str(reported.notification.logical_name)) == (3, "0-0:96.11.0.255")
    assert isinstance(values.notification, ReportedValues)
    assert values.notification.values == ((0x0108, Data.decode(VALUE)),)


@pytest.mark.parametrize(
    "url", ["tcp://:0", "udp://:0", "udp://127.0.0.1:0", "hdlc+tcp://127.0.0.1:0", "tcp://[::1]:0"]
)
@in_a_loop
async def test_a_meter_under_keys_is_heard_and_confirmed(url: str, tmp_path: Path) -> None:
    bench = meter_bench.Bench(meter_bench.GMAC)
    title = bench.config.system_title
    with Journal(tmp_path / "journal") as journal:
        async with listening(url, meters={title: profile_for(title)}, journal=journal) as listener:
            framing: Any = "hdlc" if url.startswith("hdlc") else "wrapper"
            push = MeterPush(bench.meter, framing, confirmed=True)
            target = Endpoint.parse(listener.urls[0], listen=True)
            target = target if target.host else replace(target, host="127.0.0.1")
            assert await push_to(push, target, count=3, linger_s=20) == [1, 2, 3]
            arrivals = [await next_of(listener) for _ in range(3)]
        assert listener.statistics.confirmed == 3
        assert not listener.statistics.refused
    assert {arrival.system_title for arrival in arrivals} == {title}
    assert {arrival.protection for arrival in arrivals} == {0x30}
    body = arrivals[0].notification
    assert isinstance(body, PushedData)
    name, _, _ = body.value.plain()  # type: ignore[misc]
    assert name == bench.config.logical_device_name


@in_a_loop
async def test_a_hundred_meters_at_once() -> None:
    bench = meter_bench.Bench(meter_bench.GMAC)
    titles = [b"MCS\x04" + number.to_bytes(4, "big") for number in range(100)]
    meters = {title: profile_for(title) for title in titles}
    async with listening(meters=meters, limits=ListenerLimits(queue_size=20)) as listener:
        target = Endpoint.parse(listener.urls[0])
        pushes = [MeterPush(meter_with(title, bench)) for title in titles]
        sending = asyncio.gather(*(push_to(push, target, count=3) for push in pushes))
        heard = [(await next_of(listener)) for _ in range(300)]
        await sending
        assert listener.statistics.connections == 100
        assert not listener.statistics.refused
    numbers: dict[bytes | None, list[int]] = {}
    for arrival in heard:
        assert isinstance(arrival.notification, PushedData)
        numbers.setdefault(arrival.system_title, []).append(arrival.notification.invoke_id)
    assert numbers == {title: [1, 2, 3] for title in titles}


@in_a_loop
async def test_nothing_is_accepted_twice_not_even_after_a_restart(tmp_path: Path) -> None:
    bench = meter_bench.Bench(meter_bench.GMAC)
    title = bench.config.system_title
    first, second = MeterPush(bench.meter).message(), MeterPush(bench.meter).message()
    with Journal(tmp_path / "journal") as journal:
        settings: dict[str, Any] = {"meters": {title: profile_for(title)}, "journal": journal}
        async with listening(**settings) as listener:
            await sent(listener, first, first)
            await until(lambda: listener.statistics.refused["replay"] == 1)
            assert listener.statistics.notifications == 1
        async with listening(**settings) as listener:
            await sent(listener, first, second)
            assert (await next_of(listener)).system_title == title
            assert listener.statistics.refused["replay"] == 1


@in_a_loop
async def test_what_is_not_genuine_is_counted_and_nothing_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bench = meter_bench.Bench(meter_bench.GMAC)
    title = bench.config.system_title
    message = bytearray(MeterPush(bench.meter).message())
    message[-1] ^= 1
    stranger = MeterPush(meter_with(b"ABC\x00\x00\x00\x00\x01", bench)).message()
    response = GetResponse(0, VALUE, invoke_id_and_priority=0xC1).encode()
    cut = framed(PLAIN[:-2])

    def whose(sender: Sender) -> Profile | None:
        if sender.server_sap == 7:
            raise RuntimeError("a look-up that fails")
        plain = profile_for(title, security_policy=0, mechanism=0)
        return {title: profile_for(title), None: plain}.get(sender.system_title)

    async with listening(meters=whose) as listener:
        await sent(
            listener,
            bytes(message),
            stranger,
            framed(response),
            cut,
            framed(PLAIN, 7),
            framed(PLAIN),
            b"GET / HTTP/1.1\r\n\r\n",
        )
        assert (await next_of(listener)).meter == f"meter {title[-1]}"
        await until(lambda: listener.statistics.refused["stream"])
        await sent(listener, MeterPush(bench.meter).message())
        assert (await next_of(listener)).system_title == title
        refused = dict(listener.statistics.refused)
    assert refused == {
        "authentication-tag": 1,
        "unknown-meter": 2,
        "not-a-notification": 1,
        "truncated": 1,
        "lookup": 1,
        "stream": 1,
    }
    assert meter_bench.GUEK.expose().hex() not in caplog.text.lower()


@in_a_loop
async def test_a_meter_that_must_protect_itself_is_not_believed_in_the_clear() -> None:
    def whose(sender: Sender) -> Profile:
        return profile_for(meter_bench.Bench().config.system_title)

    async with listening(meters=whose, accept_unprotected=True) as listener:
        await sent(listener, framed(PLAIN))
        await until(lambda: listener.statistics.refused["downgrade"])
    async with listening(meters={}) as listener:
        await sent(listener, framed(PLAIN))
        await until(lambda: listener.statistics.refused["unknown-meter"])
    async with listening(meters={}, accept_unprotected=True) as listener:
        await sent(listener, framed(PLAIN))
        assert (await next_of(listener)).meter is None


@in_a_loop
async def test_a_full_queue_stops_tcp_and_drops_datagrams() -> None:
    async with listening(limits=ListenerLimits(queue_size=4)) as listener:
        writer = await sent(listener, *(framed(PLAIN) for _ in range(500)), close=False)
        await until(lambda: listener.statistics.notifications == 4)
        await asyncio.sleep(0.05)
        assert listener.statistics.notifications == 4
        for _ in range(500):
            await next_of(listener)
        assert not listener.statistics.refused
        writer.close()
    async with listening("udp://127.0.0.1:0", limits=ListenerLimits(queue_size=4)) as listener:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for _ in range(6):
                out.sendto(framed(PLAIN), ("127.0.0.1", Endpoint.parse(listener.urls[0], listen=True).port))
        await until(lambda: listener.statistics.refused["queue"] == 2)
        assert listener.statistics.notifications == 4


@in_a_loop
async def test_connections_and_silence_have_limits() -> None:
    limits = ListenerLimits(max_connections=2, idle_timeout_s=0.2, max_apdu_size=100)
    async with listening(limits=limits) as listener:
        kept = [await sent(listener, close=False) for _ in range(3)]
        await until(lambda: listener.statistics.refused["connections"] == 1)
        await until(lambda: listener.statistics.refused["idle"] == 2)
        await until(lambda: listener.connections == 0)
        for writer in kept:
            writer.close()
        await sent(listener, framed(DataNotification(1, b"", axdr.octet_string.encode(bytes(500))).encode()))
        await until(lambda: listener.statistics.refused["stream"] == 1)


@pytest.mark.parametrize("scheme", ["tcp", "hdlc+tcp", "udp"])
@in_a_loop
async def test_noise_never_ends_the_listener(scheme: str) -> None:
    noise = random.Random(11)
    good = framed(PLAIN, framing="hdlc" if scheme == "hdlc+tcp" else "wrapper")
    async with listening(f"{scheme}://127.0.0.1:0") as listener:
        port = Endpoint.parse(listener.urls[0], listen=True).port
        for _ in range(40):
            damaged = bytearray(good)
            for _ in range(noise.randint(1, 4)):
                damaged[noise.randrange(len(damaged))] = noise.randrange(256)
            junk = bytes(damaged[: noise.randint(1, len(damaged))])
            if scheme == "udp":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                    out.sendto(junk, ("127.0.0.1", port))
                await asyncio.sleep(0)
            else:
                await sent_to(port, junk)
        before = listener.statistics.notifications
        if scheme == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.sendto(good, ("127.0.0.1", port))
        else:
            await sent_to(port, good)
        await until(lambda: listener.statistics.notifications > before)


async def sent_to(port: int, octets: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    writer.close()


@in_a_loop
async def test_a_callback_gets_what_arrives_until_the_end() -> None:
    heard: list[Arrival] = []
    async with listening() as listener:
        running = asyncio.create_task(listener.run(heard.append))
        await sent(listener, framed(PLAIN), framed(PLAIN))
        await until(lambda: len(heard) == 2)
        await listener.close()
        await asyncio.wait_for(running, 20)


def test_the_blocking_listener_is_iterated_over() -> None:
    with BlockingPushListener("tcp://127.0.0.1:0") as listener:
        assert listener.receive(timeout_s=0.01) is None
        with socket.create_connection(("127.0.0.1", Endpoint.parse(listener.urls[0]).port)) as out:
            out.sendall(framed(PLAIN) * 3)
            arrivals = iter(listener)
            assert [next(arrivals).sender.server_sap for _ in range(3)] == [1, 1, 1]
            listener.close()
            assert list(arrivals) == []
    assert listener.receive() is None


@in_a_loop
async def test_an_address_that_is_taken_or_is_none_is_an_error() -> None:
    async with listening() as listener:
        with pytest.raises(TransportError, match="cannot listen on"):
            await PushListener(*listener.urls).start()
    with pytest.raises(ConfigurationError, match="needs an address"):
        PushListener()


def test_two_processes_with_keys_and_without(workshop: Workshop) -> None:
    config = ("--config", str(workshop.config))
    listener = workshop.popen(
        "listen", "tcp://127.0.0.1:0", "udp://127.0.0.1:0", "--json", "--accept-unprotected", *config,
        "--journal", str(workshop.journal),
    )  # fmt: skip
    assert listener.stderr is not None
    assert listener.stdout is not None
    urls = listener.stderr.readline().removeprefix("listening on ").split()
    options = ("--push-every", "0.2", "--push-confirmed", "--push-to")
    for url, profile in zip(urls, ("hls-gmac", "none"), strict=True):
        workshop.meter(*options, url, profile=profile)
    heard: set[tuple[str, bool]] = set()
    for _ in range(50):
        ready, _, _ = select.select([listener.stdout], [], [], 30)
        told = json.loads(listener.stdout.readline()) if ready else {}
        assert told["kind"] == "data-notification"
        heard.add((told["source"].partition(":")[0], told["protection"] != 0))
        if len(heard) == 2:
            break
    assert heard == {("tcp", True), ("udp", False)}
    listener.send_signal(signal.SIGTERM)
    _, stderr = listener.communicate(timeout=30)
    assert listener.returncode == 0
    assert "refused: none" in stderr


@pytest.mark.proves("interop-push")
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
@pytest.mark.parametrize("framing", FRAMINGS)
@in_a_loop
async def test_gurux_pushes_and_we_understand_it(framing: str, security: str) -> None:
    keys = Keys(
        global_unicast_encryption_key=Key(bytes.fromhex(KEYS["global_unicast_encryption_key"])),
        authentication_key=Key(bytes.fromhex(KEYS["authentication_key"])),
    )
    profile = replace(profile_for(METER_TITLE), keys=keys)
    url = "tcp://127.0.0.1:0" if framing == "wrapper" else "hdlc+tcp://127.0.0.1:0"
    values = [axdr.structure(axdr.octet_string, axdr.long_unsigned).encode((b"GRX", 7)), VALUE]
    async with listening(url, meters={METER_TITLE: profile}, accept_unprotected=True) as listener:
        settings = {
            "port": Endpoint.parse(listener.urls[0]).port,
            "framing": framing,
            "security": security,
            "client_sap": 16,
            "system_title": METER_TITLE.hex(),
            "values": [value.hex() for value in values],
        }
        with Peer("gurux_push.py", settings | KEYS) as peer:
            await asyncio.to_thread(peer.finish)
            arrivals = [await next_of(listener) for _ in values]
    told = [arrival.notification for arrival in arrivals]
    assert [one.value.encode() for one in told if isinstance(one, PushedData)] == values
    assert {arrival.protection for arrival in arrivals} == {0x30 if security == "hls-gmac" else 0}


def test_a_simulated_meter_pushes_under_its_configuration() -> None:
    bench = meter_bench.Bench()
    assert isinstance(bench.config, MeterConfig)
    (received,), error = ApduReceiver("wrapper", "server").receive(MeterPush(bench.meter).message())
    assert error is None
    assert not received.is_protected
