"""The model of links: times are those of pencil and paper, accidents come by their seed."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw.errors import ResponseTimeout, TransportError
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.transports.faults import (
    LINKS,
    Arrival,
    AsyncShapedTransport,
    AsyncVirtualTransport,
    Cut,
    End,
    LinkOnLoop,
    LinkProfile,
    ShapedLink,
    ShapedTransport,
    VirtualLine,
)
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport

LINE = LinkProfile(name="line", flavour="line", rate=9600, bits_per_octet=10)
STREAM = LinkProfile(
    name="stream", flavour="stream", rate=80e3, delay_s=(0.1, 0.1), piece_octets=1000, piece_overhead=40
)
DATAGRAM = LinkProfile(name="datagram", flavour="datagram", rate=8e3, piece_octets=100, piece_overhead=20)
FOREVER_S = 1e6


def all_of(link: ShapedLink, until: float = FOREVER_S) -> list[Arrival]:
    """Everything that arrives, asked for at each time that the link names."""
    arrivals = []
    while (due := link.due) is not None and due <= until:
        arrivals += link.advance(due)
    return arrivals


def octets_at(arrivals: list[Arrival], end: End) -> bytes:
    return b"".join(arrival.data for arrival in arrivals if arrival.end is end)


# Times


def test_a_line_takes_the_time_of_its_octets_one_after_another() -> None:
    link = ShapedLink(LINE)
    link.send(End.CLIENT, bytes(960), 0.0)
    link.send(End.CLIENT, bytes(480), 0.25)
    assert [arrival.at for arrival in all_of(link)] == pytest.approx([1.0, 1.5])


def test_both_ways_are_independent_unless_one_talks_at_a_time() -> None:
    both = ShapedLink(LINE)
    one = ShapedLink(replace(LINE, half_duplex=True, turn_round_s=0.01))
    for link in (both, one):
        link.send(End.CLIENT, bytes(960), 0.0)
        link.send(End.METER, bytes(96), 0.5)
    assert [(a.at, a.end) for a in all_of(both)] == [(pytest.approx(0.6), End.CLIENT), (1.0, End.METER)]
    assert [(a.at, a.end) for a in all_of(one)] == [(1.0, End.METER), (pytest.approx(1.11), End.CLIENT)]


def test_who_goes_on_talking_does_not_turn_round() -> None:
    link = ShapedLink(replace(LINE, half_duplex=True, turn_round_s=5.0))
    link.send(End.CLIENT, bytes(960), 0.0)
    link.send(End.CLIENT, bytes(960), 0.0)
    assert [arrival.at for arrival in all_of(link)] == pytest.approx([1.0, 2.0])


def test_delay_is_spread_and_keeps_the_order() -> None:
    link = ShapedLink(replace(LINE, rate=1e9, delay_s=(0.5, 2.0)))
    for number in range(50):
        link.send(End.CLIENT, bytes([number]), number * 0.01)
    arrivals = all_of(link)
    assert octets_at(arrivals, End.METER) == bytes(range(50))
    waited = [arrival.at - number * 0.01 for number, arrival in enumerate(arrivals)]
    assert min(waited) >= 0.5
    assert max(waited) <= 2.0
    assert len({round(each, 6) for each in waited}) > 5


def test_a_slow_drip_is_a_line_of_single_octets() -> None:
    link = ShapedLink(replace(LINE, rate=10 / 60, piece_octets=1))
    link.send(End.METER, b"abc", 0.0)
    assert [(a.at, a.data) for a in all_of(link)] == [
        (pytest.approx(60.0 * (n + 1)), octet) for n, octet in enumerate((b"a", b"b", b"c"))
    ]


def test_a_datagram_pays_for_each_fragment_and_arrives_whole() -> None:
    link = ShapedLink(DATAGRAM)
    data = bytes(range(250))
    link.send(End.CLIENT, data, 0.0)
    assert all_of(link) == [Arrival(pytest.approx(0.25 + 3 * 0.02), End.METER, data)]


def test_a_stream_exchange_takes_a_round_trip_and_its_octets() -> None:
    link = ShapedLink(STREAM)
    link.send(End.CLIENT, bytes(460), 0.0)
    (there,) = all_of(link, 0.16)
    link.send(End.METER, bytes(60), there.at)
    back = next(a for a in all_of(link) if a.end is End.CLIENT)
    assert there.at == pytest.approx(0.1 + 0.05)
    assert back.at == pytest.approx(there.at + 0.1 + 0.01)


def test_a_long_stream_comes_at_the_rate_of_the_link() -> None:
    link = ShapedLink(replace(STREAM, send_buffer=1 << 20))
    link.send(End.CLIENT, bytes(500_000), 0.0)
    arrivals = [a for a in all_of(link) if a.end is End.METER]
    assert len(octets_at(arrivals, End.METER)) == 500_000
    assert 500_000 * 8 / 80e3 < arrivals[-1].at < 1.1 * 500_000 * 8 / 80e3


@pytest.mark.parametrize("profile", LINKS.values(), ids=list(LINKS))
def test_nothing_beats_the_optimum(profile: LinkProfile) -> None:
    link = ShapedLink(replace(profile, loss=0.0), 1)
    link.send(End.CLIENT, bytes(100_000), 0.0)
    arrivals = [a for a in all_of(link) if a.end is End.METER]
    assert len(octets_at(arrivals, End.METER)) == 100_000
    assert arrivals[-1].at > 0.99 * (profile.seconds(100_000) + profile.delay_s[0])
    assert profile.optimum_s(100_000) >= profile.seconds(100_000)


# Accidents


@pytest.mark.parametrize("flavour", ["line", "stream", "datagram"])
def test_the_same_seed_is_the_same_link(flavour: str) -> None:
    base = {"line": LINE, "stream": STREAM, "datagram": DATAGRAM}[flavour]
    bad = replace(base, piece_octets=50, loss=0.2, duplication=0.2, reorder=0.2, corruption=0.1)

    def run(seed: int) -> list[Arrival]:
        link = ShapedLink(bad, seed)
        for number in range(100):
            link.send(End.CLIENT, random.Random(number).randbytes(70), float(number))
            link.send(End.METER, random.Random(-number).randbytes(30), number + 0.5)
        return all_of(link)

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_what_a_line_loses_is_a_gap() -> None:
    link = ShapedLink(replace(LINE, loss=0.3), 5)
    for number in range(200):
        link.send(End.CLIENT, bytes([number]) * 3, 0.0)
    got = octets_at(all_of(link), End.METER)
    assert len(got) % 3 == 0
    assert 3 * 100 < len(got) < 3 * 180
    assert list(got) == sorted(got)


def test_a_datagram_without_one_fragment_does_not_arrive() -> None:
    link = ShapedLink(replace(DATAGRAM, loss=0.1), 2)
    for _ in range(300):
        link.send(End.CLIENT, bytes(950), 0.0)
    arrivals = all_of(link)
    assert {len(arrival.data) for arrival in arrivals} == {950}
    assert 0.2 < len(arrivals) / 300 < 0.5  # 0.9 ** 10


def test_duplicates_reorder_and_wrong_bits_are_what_they_are_called() -> None:
    twice = ShapedLink(replace(LINE, duplication=1.0))
    twice.send(End.CLIENT, b"ab", 0.0)
    assert octets_at(all_of(twice), End.METER) == b"abab"

    late = ShapedLink(replace(LINE, reorder=0.3), 1)
    for number in range(100):
        late.send(End.CLIENT, bytes([number]), 0.0)
    got = octets_at(all_of(late), End.METER)
    assert sorted(got) == list(range(100))
    overtaken = [sum(later < each for later in got[place:]) for place, each in enumerate(got)]
    assert 1 <= max(overtaken) <= 8

    wrong = ShapedLink(replace(LINE, corruption=1.0))
    wrong.send(End.CLIENT, bytes(10), 0.0)
    assert octets_at(all_of(wrong), End.METER).hex().count("0") == 19


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    loss=st.floats(0, 0.4),
    corruption=st.floats(0, 0.2),
    reorder=st.floats(0, 0.4),
    duplication=st.floats(0, 0.4),
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=12),
)
def test_a_stream_only_ever_is_late(
    seed: int, loss: float, corruption: float, reorder: float, duplication: float, sizes: list[int]
) -> None:
    bad = replace(
        STREAM, loss=loss, corruption=corruption, reorder=reorder, duplication=duplication, piece_octets=500
    )
    link = ShapedLink(bad, seed)
    said = dict.fromkeys(End, b"")
    for number, size in enumerate(sizes):
        for end in End:
            data = random.Random(size + number).randbytes(size)
            said[end] += data
            link.send(end, data, number * 0.3)
    arrivals = all_of(link)
    assert link.due is None
    for end in End:
        assert octets_at(arrivals, end.other) == said[end]


def test_loss_makes_a_stream_late() -> None:
    def seconds(loss: float) -> float:
        link = ShapedLink(replace(STREAM, loss=loss), 1)
        link.send(End.CLIENT, bytes(100_000), 0.0)
        return max(a.at for a in all_of(link) if a.end is End.METER)

    assert seconds(0.0) < seconds(0.02) < seconds(0.2)


# Cuts


@pytest.mark.parametrize("profile", [LINE, STREAM, DATAGRAM], ids=lambda profile: profile.name)
@pytest.mark.parametrize("how", ["closed", "silent", "half-open"])
def test_a_cut_lets_so_many_octets_through(profile: LinkProfile, how: str) -> None:
    for after in (0, 1, 5, 10, 11):
        link = ShapedLink(profile, cut=Cut(after, End.CLIENT, how))  # type: ignore[arg-type]
        link.send(End.METER, b"before", 0.0)
        before = all_of(link)
        for part in (b"01234", b"56789", b"abcde"):
            link.send(End.CLIENT, part, 10.0)
        arrivals = before + all_of(link)
        link.send(End.METER, b"after", 100.0)
        arrivals += all_of(link)
        assert octets_at(arrivals, End.METER) == b"0123456789abcde"[:after]
        assert octets_at(arrivals, End.CLIENT) == (b"beforeafter" if how == "half-open" else b"before")
        assert link.closed is (how == "closed")
        assert link.cut is None


def test_a_cut_may_count_both_ends() -> None:
    link = ShapedLink(LINE, cut=Cut(4))
    link.send(End.CLIENT, b"abc", 0.0)
    link.send(End.METER, b"xyz", 0.0)
    arrivals = all_of(link)
    assert octets_at(arrivals, End.METER) == b"abc"
    assert octets_at(arrivals, End.CLIENT) == b"x"
    assert link.closed


def test_profiles_that_make_no_sense_are_refused() -> None:
    for wrong in ({"rate": 0}, {"loss": 1.5}, {"delay_s": (2.0, 1.0)}, {"piece_octets": -1}):
        with pytest.raises(ValueError, match=r"rate|share|piece_octets"):
            replace(LINE, **wrong)
    with pytest.raises(ValueError, match="piece_octets"):
        replace(STREAM, piece_octets=0)


# Around a transport, in real time


class Echo:
    """A peer that says everything again."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.closed = False

    def receive(self, data: bytes) -> bytes:
        self.heard.append(data)
        return data

    def close(self) -> None:
        self.closed = True


def shaped(profile: LinkProfile, **more: object) -> tuple[ShapedTransport, Echo, VirtualTime]:
    clock, echo = VirtualTime(), Echo()
    inner = LoopbackTransport(echo, clock=clock.monotonic, sleep=clock.advance)
    transport = ShapedTransport(inner, profile, clock=clock.monotonic, sleep=clock.advance, **more)  # type: ignore[arg-type]
    return transport, echo, clock


def test_a_shaped_transport_is_as_slow_as_its_link() -> None:
    transport, echo, clock = shaped(replace(LINE, half_duplex=True, turn_round_s=0.01))
    transport.send(bytes(96), 10.0)
    assert transport.receive(10.0) == bytes(96)
    assert clock.elapsed == pytest.approx(0.21)
    transport.send(bytes(96), 10.0)
    with pytest.raises(ResponseTimeout):
        transport.receive(0.3)
    transport.close()
    assert echo.closed
    with pytest.raises(TransportError):
        transport.send(b"x", 10.0)


def test_a_shaped_transport_waits_while_its_link_is_full() -> None:
    transport, _, clock = shaped(replace(LINE, send_buffer=960))
    transport.send(bytes(960 * 3), 10.0)
    assert clock.elapsed == pytest.approx(2.0)
    with pytest.raises(ResponseTimeout):
        transport.send(bytes(960 * 10), 5.0)


def test_what_was_under_way_arrives_before_the_end() -> None:
    transport, _, _ = shaped(LINE, cut=Cut(3, End.METER))
    transport.send(b"abcdef", 10.0)
    assert transport.receive(10.0) == b"abc"
    with pytest.raises(TransportError):
        transport.receive(10.0)


def test_shaped_for_asyncio() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        inner = LoopbackTransport(Echo(), clock=loop.time, sleep=lambda _: time.sleep(0.001))
        transport = AsyncShapedTransport(AsyncLoopbackTransport(inner), LINKS["ethernet"])
        began = loop.time()
        await transport.send(b"abc", began + 5)
        assert await transport.receive(began + 5) == b"abc"
        assert loop.time() - began >= LINKS["ethernet"].round_trip_s
        with pytest.raises(ResponseTimeout):
            await transport.receive(loop.time() + 0.01)
        await transport.close()
        with pytest.raises(TransportError):
            await transport.send(b"abc", began + 5)

    asyncio.run(run())


def test_on_a_loop_between_two_callbacks() -> None:
    async def run() -> None:
        heard: list[tuple[End, bytes]] = []
        ended = asyncio.Event()

        def deliver(end: End, data: bytes) -> None:
            heard.append((end, data))
            if end is End.METER:
                link.send(End.METER, data.upper())

        link = LinkOnLoop(ShapedLink(LINKS["ethernet"], cut=Cut(7)), deliver, ended.set)
        link.send(End.CLIENT, b"abcd")
        await asyncio.wait_for(ended.wait(), 5)
        assert heard == [(End.METER, b"abcd"), (End.CLIENT, b"ABC")]
        link.close()

    asyncio.run(run())


# In virtual time


def virtual(profile: LinkProfile, **more: object) -> tuple[VirtualLine, Echo, VirtualTime]:
    clock, echo = VirtualTime(), Echo()
    return VirtualLine(profile, lambda _: echo, clock, **more), echo, clock  # type: ignore[arg-type]


def test_a_virtual_line_opens_sends_waits_and_ends() -> None:
    line, echo, clock = virtual(STREAM)
    transport = line.open(10.0)
    assert clock.elapsed == pytest.approx(STREAM.round_trip_s)
    transport.send(bytes(60), 10.0)
    assert transport.receive(10.0) == bytes(60)
    assert clock.elapsed == pytest.approx(2 * STREAM.round_trip_s + 2 * 100 * 8 / 80e3)
    with pytest.raises(ResponseTimeout):
        transport.receive(5.0)
    assert clock.elapsed == pytest.approx(5.0)
    transport.close()
    assert echo.closed
    with pytest.raises(TransportError):
        transport.receive(10.0)
    with pytest.raises(ResponseTimeout):
        line.open(5.05)


def test_a_busy_meter_hears_and_answers_later_and_in_order() -> None:
    line, echo, clock = virtual(LINE, work=lambda: 1.0)
    transport = line.open(100.0)
    for part in (b"a" * 96, b"b" * 96, b"c" * 96):
        transport.send(part, 100.0)
    got = b""
    times = []
    while len(got) < 3 * 96:
        got += transport.receive(100.0)
        times.append(clock.elapsed)
    assert got == b"".join(echo.heard) == b"a" * 96 + b"b" * 96 + b"c" * 96
    assert times == pytest.approx([1.2, 2.2, 3.2])


def test_a_cut_counts_over_all_connections() -> None:
    line, echo, _ = virtual(LINE, cut=Cut(5, End.CLIENT))
    first = line.open(10.0)
    first.send(b"abc", 10.0)
    assert first.receive(10.0) == b"abc"
    second = line.open(10.0)
    second.send(b"defg", 10.0)
    with pytest.raises(TransportError):
        second.receive(10.0)
    assert echo.heard == [b"abc", b"de"]
    assert line.cut_left is None
    third = line.open(20.0)
    third.send(b"hijk", 20.0)
    assert third.receive(20.0) == b"hijk"
    assert line.octets[End.CLIENT] == 3 + 2 + 4
    assert line.connections == 3


def test_the_agenda_of_the_meter_is_kept_while_the_client_sleeps() -> None:
    class Bell:
        deadline: float | None = 3.0
        rung_at = 0.0

        def advance(self) -> None:
            if self.deadline is not None and clock.elapsed >= self.deadline:
                self.rung_at, self.deadline = clock.elapsed, None

    bell = Bell()
    line, _, clock = virtual(LINE, agenda=bell)
    line.sleep(10.0)
    assert bell.rung_at == 3.0
    assert clock.elapsed == 10.0


def test_virtual_for_asyncio() -> None:
    async def run() -> None:
        line, _, _ = virtual(LINE)
        transport = AsyncVirtualTransport(line.open(10.0))
        await transport.send(b"abc", 10.0)
        assert await transport.receive(10.0) == b"abc"
        await transport.close()
        with pytest.raises(TransportError):
            await transport.receive(10.0)

    asyncio.run(run())
