"""The HDLC link as a user meets it: what is proposed, what time does to it, and what a line does to it.

All time is virtual. The link machine itself is tested beside its source, frame by frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import Channel, GetRequest, GetResponse, HdlcFraming, LinkConnected, LinkDisconnected
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.errors import LinkError, LocalProtocolError, ResponseTimeout, TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.faults import LINKS, VirtualLine
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from harness import CLOCK_TIME
from hdlc_frames import frame
from link_site import image_of
from meter_bench import LOGICAL_DEVICE_NAME, PLAIN, Bench
from meters import VENDOR_KEY, container


class Line:
    """The medium of a bench: both directions pass a function each, and everything is noted."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.sent: list[bytes] = []
        self.to_meter: Callable[[bytes], bytes] = lambda data: data
        self.to_client: Callable[[bytes], bytes] = lambda data: data
        self.echoes = False

    def receive(self, data: bytes) -> bytes:
        self.sent.append(data)
        answer = self.to_client(self.peer.receive(self.to_meter(data)))
        if not self.echoes:
            return answer
        while (more := self.peer.receive(answer)) != b"":
            answer += more
        return data + answer

    def close(self) -> None:
        self.peer.close()


class Site:
    """A meter and a client over HDLC, with a line between them that a test may bend."""

    def __init__(self, profile: Profile = PLAIN, **changes: Any) -> None:
        self.bench = Bench(profile, "hdlc", **changes)
        self.bend: Callable[[Line], object] = lambda line: None
        self.lines: list[Line] = []
        self.profile = profile

    @property
    def line(self) -> Line:
        return self.lines[-1]

    def open(self, _deadline: float) -> LoopbackTransport:
        line = Line(self.bench.meter.connect("hdlc"))
        self.bend(line)
        self.lines.append(line)
        return LoopbackTransport(line, clock=self.bench.time.monotonic, sleep=self.bench.sleep)

    def client(self, journal: Journal | None = None) -> Client:
        return Client(
            "hdlc+tcp://meter",
            self.profile,
            journal=journal,
            open_transport=self.open,
            clock=self.bench.time.monotonic,
            sleep=self.bench.sleep,
        )


# What is proposed


@pytest.mark.proves("hdlc-negotiation")
def test_the_most_is_proposed_and_the_meter_lowers_it() -> None:
    site = Site()
    with site.client() as client:
        link = client.link
        assert isinstance(link, LinkConnected)
        assert (link.max_info_field_length_transmit, link.window_size_transmit) == (2030, 7)
    assert client.link is None
    small = Site(hdlc=HdlcSettings(max_info_field_length=128, window_size=3))
    with small.client() as client:
        link = client.link
        assert link is not None
        assert (link.max_info_field_length_receive, link.window_size_receive) == (128, 3)
        assert client.get(LOGICAL_DEVICE_NAME.value)


@pytest.mark.proves("hdlc-plain-snrm")
@pytest.mark.parametrize("control", [0x1F, 0x97, 0], ids=["DM", "FRMR", "nothing"])
def test_a_meter_that_does_not_take_parameters_is_asked_without(control: int) -> None:
    """What old meters do with a SNRM that has an information field."""
    site = Site()
    refusal = frame(control) if control else b""

    def bend(line: Line) -> None:
        def to_client(data: bytes) -> bytes:
            return refusal if len(line.sent[-1]) > 9 and line.sent[-1][5] == 0x93 else data

        line.to_client = to_client

    site.bend = bend
    with site.client() as client:
        link = client.link
        assert link is not None
        assert (link.max_info_field_length_transmit, link.window_size_transmit) == (128, 1)
        assert client.get(LOGICAL_DEVICE_NAME.value)
    assert site.line.sent.count(frame(0x93)) == 1


def test_a_meter_that_refuses_every_snrm_is_a_link_error() -> None:
    site = Site()
    site.bend = lambda line: setattr(line, "to_client", lambda _data: frame(0x1F))
    with pytest.raises(LinkError, match="refused") as raised, site.client():
        pass
    assert raised.value.kind == "refused"


@pytest.mark.parametrize(("rate", "least"), [("optical-9600", 1.1), ("rs485-115200", 1.3)])
def test_what_is_proposed_by_default_pays(rate: str, least: float) -> None:
    """In virtual time: the same image with the defaults of the standard, and with ours."""

    def seconds(settings: HdlcSettings) -> float:
        time = VirtualTime()
        config = MeterConfig(hdlc=settings, image_block_size=128, trusted=(VENDOR_KEY.public_key(),))
        meter = SimulatedMeter(SimulatedMedium(), config, time, challenge=lambda: bytes(16))
        line = VirtualLine(
            LINKS[rate], lambda dropped: meter.connect("hdlc", dropped), time, seed=1, agenda=meter
        )
        client = Client(
            "hdlc+tcp://meter", PLAIN, open_transport=line.open, clock=line.clock, sleep=line.sleep
        )
        policy = TransferPolicy(allow_insecure=True, activate="never", strategy="sequential")
        with client:
            started = line.clock()
            client.upgrade(image_of(16_384), policy)
            return line.clock() - started

    standard = seconds(HdlcSettings(max_info_field_length=128, window_size=1))
    assert standard / seconds(HdlcSettings()) > least


# Time


@pytest.mark.fault("L-16")
@pytest.mark.proves("hdlc-timeouts")
def test_an_idle_link_is_dropped_by_the_meter_and_the_client_is_told() -> None:
    site = Site()
    with site.client() as client:
        site.bench.sleep(119)
        assert client.get(LOGICAL_DEVICE_NAME.value)
        site.bench.sleep(121)
        with pytest.raises(TransportError, match=r"ended the link \(DM"):
            client.get(LOGICAL_DEVICE_NAME.value)
        client.connect()
        assert client.get(LOGICAL_DEVICE_NAME.value)


@pytest.mark.fault("L-16")
@pytest.mark.proves("hdlc-timeouts")
def test_a_program_that_pauses_keeps_its_link_alive() -> None:
    site = Site()
    with site.client() as client:
        for _ in range(30):
            site.bench.sleep(59)
            client.keep_alive()
        assert client.get(LOGICAL_DEVICE_NAME.value)
        assert client.statistics.associations == 1
        site.bench.sleep(500)
        with pytest.raises(TransportError, match="ended the link"):
            client.keep_alive()
    with pytest.raises(LocalProtocolError, match="not connected"):
        client.keep_alive()


@pytest.mark.proves("hdlc-timeouts")
def test_the_same_with_asyncio() -> None:
    site = Site()

    async def sleep(seconds: float) -> None:
        site.bench.sleep(seconds)

    async def open_transport(deadline: float) -> AsyncLoopbackTransport:
        return AsyncLoopbackTransport(site.open(deadline))

    async def pause() -> None:
        client = AsyncClient(
            "hdlc+tcp://meter",
            site.profile,
            open_transport=open_transport,
            clock=site.bench.time.monotonic,
            sleep=sleep,
        )
        async with client:
            assert client.link is not None
            site.bench.sleep(100)
            await client.keep_alive()
            site.bench.sleep(100)
            assert await client.get(LOGICAL_DEVICE_NAME.value)
            assert client.statistics.associations == 1

    asyncio.run(pause())


@pytest.mark.fault("L-16")
@pytest.mark.parametrize("timeout", [20.0, 120.0])
def test_the_pauses_of_an_upgrade_do_not_cost_the_link(tmp_path: Path, timeout: float) -> None:
    """The meter erases for five minutes; nothing is asked, and the link lives on by polls."""
    site = Site(replace(PLAIN, hdlc=HdlcSettings(inactivity_timeout_s=timeout)))
    policy = TransferPolicy(allow_insecure=True, activate="never", settle_after_initiate_seconds=300.0)
    with Journal(tmp_path / "journal") as journal, site.client(journal) as client:
        client.upgrade(Image.from_bytes(container()), policy)
        assert client.statistics.associations == 1
    polls = [data for data in site.line.sent if len(data) == 9 and data[5] & 0x1F == 0x11]
    assert len(polls) == 300 // (0.45 * timeout)


@pytest.mark.fault("L-15")
@pytest.mark.proves("hdlc-timeouts")
def test_a_frame_that_stops_in_the_middle_is_given_up_by_the_meter() -> None:
    """Then the same frame, sent again, is taken for what it is."""
    site = Site()
    connection = site.bench.meter.connect("hdlc")
    snrm = frame(0x93)
    for cut in range(1, len(snrm)):
        assert connection.receive(snrm[:cut]) == b""
        site.bench.sleep(1.1)
        assert connection.receive(snrm) != b"", cut
        assert connection.receive(frame(0x53)) != b""


@pytest.mark.fault("L-04")
def test_octets_that_come_slowly_are_one_frame_as_long_as_the_pauses_are_short() -> None:
    site = Site()
    connection = site.bench.meter.connect("hdlc")
    answer = b""
    for octet in frame(0x93):
        site.bench.sleep(0.9)
        answer += connection.receive(bytes((octet,)))
    assert answer[5] == 0x73


# What a line does


@pytest.mark.fault("L-21")
@pytest.mark.proves("hdlc-echo")
@pytest.mark.parametrize("client_sap", [1, 2])
def test_a_line_that_gives_everything_back(client_sap: int) -> None:
    """Half-duplex converters echo; client 1 and server 1 have the same address octet."""
    small = HdlcSettings(max_info_field_length=40, window_size=3)
    site = Site(replace(PLAIN, client_sap=client_sap, hdlc=small))
    site.bend = lambda line: setattr(line, "echoes", True)
    with site.client() as client:
        for _ in range(3):
            assert client.get(LOGICAL_DEVICE_NAME.value)
            client.keep_alive()
        started = site.bench.time.monotonic()
    assert site.bench.time.monotonic() == started, "nothing had to be waited for"


@pytest.mark.fault("L-14")
@pytest.mark.proves("hdlc-receive-not-ready")
def test_a_busy_meter_is_waited_for_in_short_steps() -> None:
    site = Site()
    with site.client() as client:
        connection = site.line.peer
        busy_until = site.bench.time.monotonic() + 25

        def to_meter(data: bytes) -> bytes:
            connection.session.channel.set_busy(site.bench.time.monotonic() < busy_until)
            return data

        site.line.to_meter = to_meter
        assert client.get(LOGICAL_DEVICE_NAME.value)
        waited = site.bench.time.monotonic() - busy_until
        assert 0 <= waited <= 2.1


@pytest.mark.fault("L-14")
@pytest.mark.proves("hdlc-receive-not-ready")
def test_a_meter_that_is_busy_for_ever_is_given_up() -> None:
    site = Site()
    with site.client() as client:
        site.line.peer.session.channel.set_busy(True)
        started = site.bench.time.monotonic()
        with pytest.raises(ResponseTimeout):
            client.get(LOGICAL_DEVICE_NAME.value)
        assert site.bench.time.monotonic() - started <= PLAIN.request_deadline_s + 2


@pytest.mark.fault("L-09")
@pytest.mark.parametrize("control", [0x19, 0xF3], ids=["REJ", "TEST"])
def test_a_frame_that_is_not_of_this_profile_is_rejected_and_a_new_link_is_welcome(control: int) -> None:
    server = Channel("server", HdlcFraming(1, 1))
    server.receive(frame(0x93))
    events, said = server.receive(frame(control))
    (event,) = events
    assert isinstance(event, LinkDisconnected)
    assert (event.reason, event.rejection) == ("frmr", bytes((control, 0, 0x01)))
    assert said[5] == 0x97
    assert said[8:11] == bytes((control, 0, 0x01))
    events, said = server.receive(frame(0x93))
    assert [type(event) for event in events] == [LinkConnected]


@pytest.mark.fault("L-14")
def test_what_a_meter_has_rejected_stands_in_the_error() -> None:
    site = Site()
    with site.client() as client:
        site.line.to_client = lambda _data: frame(0x97, bytes((0x32, 0x20, 0x04)))
        with pytest.raises(TransportError, match=r"ended the link \(FRMR.*322004"):
            client.get(LOGICAL_DEVICE_NAME.value)


@pytest.mark.fault("L-18")
def test_answers_that_come_after_the_repetition_are_not_taken_for_the_next_one() -> None:
    """Each answer comes late by one: after the client has asked again."""
    client, server = Channel("client", HdlcFraming(1, 1)), Channel("server", HdlcFraming(1, 1))
    client.receive(server.receive(client.connect())[1])
    for channel in (client, server):
        channel.negotiate(0x001E1D, 0)
    values: list[bytes] = []
    for number in range(8):
        asked = client.send(GetRequest(*CLOCK_TIME))
        late = answers(server, asked, number)
        again = client.handle_timeout()
        later = answers(server, again, 99)
        events, _ = client.receive(late)
        values += [event.data for event in events if isinstance(event, GetResponse) and event.data]
        events, reply = client.receive(later)
        assert (events, reply) == ([], b""), "what comes twice is dropped"
    assert values == [bytes((17, number)) for number in range(8)]


def answers(server: Channel, data: bytes, number: int) -> bytes:
    """What a meter says to these octets, whose answers are numbered."""
    events, out = server.receive(data)
    if events and not isinstance(events[-1], GetRequest):
        server.negotiate(0x001E1D, 0)
        events, out = server.receive(b"")
    for event in events:
        out += server.send(
            GetResponse(0, bytes((17, number)), invoke_id_and_priority=event.invoke_id_and_priority)
        )
    return out
