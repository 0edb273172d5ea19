"""UDP: whole messages in datagrams, losses, doubles and strangers, groups, and upgrades over all of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from dlms_fw._core import WrapperFraming, wrapper_message_lengths
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.driver import framing
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, LinkError, ResponseTimeout, TransportError
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profiles import Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.opening import open_async_medium, open_medium
from dlms_fw.transports.udp import (
    LONGEST_DATAGRAM,
    AsyncUdpGroupTransport,
    AsyncUdpTransport,
    UdpGroupTransport,
    UdpTransport,
    datagrams,
    group_member,
    leave_group,
)
from harness import PROFILES
from meters import BLOCK_SIZE, IDENTIFIER, VENDOR_KEY, container
from simulator import QUICK as QUICK_LIMITS
from simulator import SMALL, Workshop, workshop

pytestmark = pytest.mark.rotating(2)

__all__ = ["workshop"]  # a fixture

QUICK = ActivationTimings(install_seconds=0.01, reboot_seconds=0.05, self_test_seconds=0.01)
MANAGEMENT = Profile(client_sap=1, response_timeout_s=0.4, request_deadline_s=5.0)
GMAC = replace(PROFILES["gmac"], response_timeout_s=0.4, request_deadline_s=5.0, first_invocation_counter=1)
READ = bytes.fromhex("0001 0010 0001 000d c001c1 0001 00002a0000ff 02 00")
"""The public client reads the logical device name, without an association: the meter refuses."""
ANSWER = bytes.fromhex("0001 0001 0010 0005 c401c1 0100")
TIME = Clock(well_known.CLOCK).time


@contextlib.contextmanager
def running(
    profile: Profile = MANAGEMENT, host: str = "127.0.0.1", **limits: Any
) -> Iterator[BackgroundMeter]:
    config = mcs301.configured(
        profile,
        image_block_size=BLOCK_SIZE,
        trusted=(VENDOR_KEY.public_key(),),
        timings=QUICK,
        verify_seconds=0.01,
        owner_idle_seconds=0.1,
    )
    medium = SimulatedMedium()
    with BackgroundMeter(
        config, lambda: medium, Endpoint(scheme="udp", host=host, port=0), **limits
    ) as meter:
        yield meter


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


Fate = Callable[[bytes, bool], list[bytes]]
"""What becomes of a datagram, to the meter or from it."""


class Relay:
    """A line between a client and a meter on which datagrams have a fate."""

    def __init__(self, meter_url: str, fate: Fate) -> None:
        meter = Endpoint.parse(meter_url)
        self._meter = (meter.host, meter.port)
        self._fate = fate
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self._front.settimeout(0.05)
        self._backs: dict[Any, socket.socket] = {}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._forward)]
        self.url = f"udp://127.0.0.1:{self._front.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for line in (self._front, *self._backs.values()):
            line.close()

    def _forward(self) -> None:
        for data, client in self._arriving(self._front):
            if client not in self._backs:
                self._backs[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._backs[client].connect(self._meter)
                self._backs[client].settimeout(0.05)
                self._threads.append(threading.Thread(target=self._backward, args=(client,)))
                self._threads[-1].start()
            for datagram in self._fate(data, True):
                self._backs[client].send(datagram)

    def _backward(self, client: Any) -> None:
        for data, _ in self._arriving(self._backs[client]):
            for datagram in self._fate(data, False):
                self._front.sendto(datagram, client)

    def _arriving(self, line: socket.socket) -> Iterator[tuple[bytes, Any]]:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                yield line.recvfrom(65_536)


@contextlib.contextmanager
def peer() -> Iterator[tuple[socket.socket, int]]:
    """A socket that a transport is opened to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(5)
        yield other, other.getsockname()[1]


class TestTransport:
    @pytest.mark.proves("wrapper-udp")
    def test_each_message_is_a_datagram(self) -> None:
        with peer() as (other, port):
            transport = UdpTransport.open("127.0.0.1", port, soon())
            transport.send(READ + ANSWER, soon())
            assert other.recv(1000) == READ
            data, address = other.recvfrom(1000)
            assert data == ANSWER
            other.sendto(ANSWER, address)
            assert transport.receive(soon()) == ANSWER
            transport.close()
            transport.close()

    @pytest.mark.fault("L-17")
    @pytest.mark.fault("L-20")
    def test_strangers_and_what_is_no_message_are_not_heard(self) -> None:
        with peer() as (other, port), peer() as (stranger, _):
            transport = UdpTransport.open("127.0.0.1", port, soon())
            transport.send(READ, soon())
            _, address = other.recvfrom(1000)
            stranger.sendto(ANSWER, address)
            refused = [ANSWER[:-1], ANSWER[:7], b"", b"\x7e\xa0", ANSWER + b"\0", b"\0\1" + bytes(6)]
            for datagram in refused:
                other.sendto(datagram, address)
            with pytest.raises(ResponseTimeout):
                transport.receive(soon(0.1))
            assert transport.dropped == len(refused)
            other.sendto(ANSWER, address)
            assert transport.receive(soon()) == ANSWER
            transport.close()

    def test_asyncio_hears_the_same(self) -> None:
        async def run(other: socket.socket, stranger: socket.socket, port: int) -> None:
            transport = await AsyncUdpTransport.open("127.0.0.1", port, soon())
            await transport.send(READ + ANSWER, soon())
            assert [other.recv(1000), other.recv(1000)] == [READ, ANSWER]
            await transport.send(READ, soon())
            _, address = other.recvfrom(1000)
            stranger.sendto(ANSWER, address)
            other.sendto(ANSWER[:-1], address)
            with pytest.raises(ResponseTimeout):
                await transport.receive(soon(0.1))
            assert transport.dropped == 1
            for _ in range(2):
                other.sendto(ANSWER, address)
            assert [await transport.receive(soon()), await transport.receive(soon())] == [ANSWER, ANSWER]
            await transport.close()
            await transport.close()
            with pytest.raises(TransportError):
                await transport.send(READ, soon())

        with peer() as (other, port), peer() as (stranger, _):
            asyncio.run(run(other, stranger, port))

    def test_nobody_there(self) -> None:
        with peer() as (_, port):
            pass

        async def run() -> None:
            waiting = await AsyncUdpTransport.open("127.0.0.1", port, soon())
            await waiting.send(READ, soon())
            with pytest.raises(TransportError, match="sending"):
                await waiting.receive(soon())
            await waiting.close()

        transport = UdpTransport.open("127.0.0.1", port, soon())
        transport.send(READ, soon())
        with pytest.raises(TransportError, match="receiving"):
            transport.receive(soon())
        transport.close()
        asyncio.run(run())
        with pytest.raises(TransportError):
            UdpTransport.open("no such host.invalid", 1, soon())

    def test_what_fits_no_datagram_is_an_error_and_nothing_is_sent(self) -> None:
        longest = b"\0\1\0\1\0\1" + (LONGEST_DATAGRAM - 8).to_bytes(2) + bytes(LONGEST_DATAGRAM - 8)
        assert datagrams(longest) == [longest]
        with pytest.raises(TransportError, match="no datagram") as caught:
            datagrams(READ + b"\0\1\0\1\0\1\xff\xff" + bytes(0xFFFF))
        assert caught.value.code == "transport.too-long"

    def test_message_lengths(self) -> None:
        assert wrapper_message_lengths(READ + ANSWER) == [len(READ), len(ANSWER)]
        with pytest.raises(LinkError):
            wrapper_message_lengths(READ[:-1])


class TestClient:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    @pytest.mark.proves("wrapper-udp")
    def test_reading(self, host: str) -> None:
        with running(host=host) as meter:
            with Client(meter.url, MANAGEMENT) as client:
                assert client.get(TIME) is not None

            async def run() -> None:
                async with AsyncClient(meter.url, MANAGEMENT) as client:
                    assert await client.get(TIME) is not None

            asyncio.run(run())

    @pytest.mark.fault("L-20")
    @pytest.mark.parametrize("to_meter", [True, False])
    @pytest.mark.parametrize("profile", [MANAGEMENT, GMAC], ids=["plain", "ciphered"])
    def test_a_lost_datagram_costs_no_association(
        self, tmp_path: Path, profile: Profile, to_meter: bool
    ) -> None:
        losing = False

        def fate(data: bytes, forward: bool) -> list[bytes]:
            nonlocal losing
            if losing and forward == to_meter:
                losing = False
                return []
            return [data]

        with (
            running(profile) as meter,
            Relay(meter.url, fate) as relay,
            Journal(tmp_path / "journal") as journal,
            Client(relay.url, profile, journal=journal) as client,
        ):
            for _ in range(3):
                losing = True
                assert client.get(TIME) is not None
                assert not losing
            assert client.statistics.associations == 1

    @pytest.mark.fault("L-20")
    @pytest.mark.parametrize("profile", [MANAGEMENT, GMAC], ids=["plain", "ciphered"])
    def test_doubled_datagrams_are_answered_once_for_the_client(
        self, tmp_path: Path, profile: Profile
    ) -> None:
        doubling = False
        with (
            running(profile) as meter,
            Relay(meter.url, lambda data, _: [data, data] if doubling else [data]) as relay,
            Journal(tmp_path / "journal") as journal,
            Client(relay.url, profile, journal=journal) as client,
        ):
            doubling = True
            for _ in range(5):
                assert client.get(TIME) is not None
            doubling = False
            assert client.statistics.associations == 1
            assert client.statistics.discarded

    def test_what_is_lost_while_associating_is_begun_again(self, tmp_path: Path) -> None:
        seen = 0

        def fate(data: bytes, _: bool) -> list[bytes]:
            nonlocal seen
            seen += 1
            return [] if seen in {1, 5} else [data]

        with (
            running(GMAC) as meter,
            Relay(meter.url, fate) as relay,
            Journal(tmp_path / "journal") as journal,
            Client(relay.url, GMAC, journal=journal) as client,
        ):
            assert client.get(TIME) is not None

    def test_a_request_that_may_do_harm_twice_is_not_repeated(self) -> None:
        sent: list[bytes] = []

        def fate(data: bytes, forward: bool) -> list[bytes]:
            if forward and data[8] == 0xC3:
                sent.append(data)
                return []
            return [data]

        with running() as meter, Relay(meter.url, fate) as relay, Client(relay.url, MANAGEMENT) as client:
            with pytest.raises(ResponseTimeout):
                client.action(ImageTransfer(well_known.IMAGE_TRANSFER).image_transfer_initiate(b"A", 10))
            assert len(sent) == 1

    @pytest.mark.fault("L-20")
    @pytest.mark.parametrize("profile", [MANAGEMENT, GMAC], ids=["plain", "ciphered"])
    def test_an_upgrade_over_a_line_that_loses_doubles_and_mixes_up(
        self, tmp_path: Path, profile: Profile
    ) -> None:
        count, held = 0, []

        def fate(data: bytes, forward: bool) -> list[bytes]:
            nonlocal count
            count += 1
            if forward and data[8:9] == b"\x60":
                held.clear()  # what is late comes from the port of an earlier association
            if count % 13 == 0:
                return []
            if count % 7 == 0:
                return [data, data]
            if count % 17 == 0 and forward:
                held.append(data)
                return []
            late = held.copy()
            held.clear()
            return [data, *late]

        image = Image.from_bytes(container(blocks=40))
        with (
            running(profile) as meter,
            Relay(meter.url, fate) as relay,
            Journal(tmp_path / "journal") as journal,
            Client(relay.url, profile, journal=journal) as client,
        ):
            result = client.upgrade(image, TransferPolicy(allow_insecure=True, **QUICK_LIMITS))
            assert result.outcome == "activated"
            running_now = client.get(Data(well_known.active_firmware_identifier(1)).value).value
            assert running_now[0].value == IDENTIFIER  # type: ignore[index, union-attr]


class TestMeter:
    def test_the_silent_make_room_but_no_association_does(self) -> None:
        with running(max_connections=3) as meter, contextlib.ExitStack() as stack:
            associated = stack.enter_context(Client(meter.url, MANAGEMENT))
            for _ in range(10):
                stranger = UdpTransport.open("127.0.0.1", Endpoint.parse(meter.url).port, soon())
                stranger.send(READ, soon())
                assert stranger.receive(soon())[8] == 0xD8
                stranger.close()
            assert meter.call(lambda server: server.connections) == 3
            assert associated.get(TIME) is not None

    def test_datagrams_that_are_no_messages_make_no_client(self) -> None:
        with running() as meter, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", Endpoint.parse(meter.url).port))
            for datagram in (b"", b"\x7e" * 30, READ[:-1]):
                stranger.send(datagram)
            stranger.send(READ)
            stranger.settimeout(5)
            assert stranger.recv(1000)[8] == 0xD8
            assert meter.call(lambda server: server.connections) == 1

    def test_a_silent_client_is_forgotten(self) -> None:
        with running(inactivity_seconds=0.1) as meter:
            transport = UdpTransport.open("127.0.0.1", Endpoint.parse(meter.url).port, soon())
            transport.send(READ, soon())
            transport.receive(soon())
            end = soon()
            while meter.call(lambda server: server.connections):
                assert time.monotonic() < end
                time.sleep(0.02)
            transport.close()


class TestGroups:
    def test_what_is_sent_to_a_group_reaches_its_members(self) -> None:
        members = [group_member("239.17.4.1", 0, interface="127.0.0.1")]
        port = members[0].getsockname()[1]
        members.append(group_member("239.17.4.1", port, interface="127.0.0.1"))
        for member in members:
            member.settimeout(5)
        sender = UdpGroupTransport.open("239.17.4.1", port, interface="127.0.0.1")
        sender.send(READ + ANSWER, soon())

        async def run() -> None:
            again = await AsyncUdpGroupTransport.open("239.17.4.1", port, interface="127.0.0.1")
            await again.send(READ, soon())
            with pytest.raises(ResponseTimeout):
                await again.receive(soon())
            await again.close()

        asyncio.run(run())
        for member in members:
            assert [member.recv(1000) for _ in range(3)] == [READ, ANSWER, READ]
        leave_group(members[0], "239.17.4.1", interface="127.0.0.1")
        with pytest.raises(ResponseTimeout):
            sender.receive(soon())
        sender.close()
        for member in members:
            member.close()

    def test_a_meter_takes_what_its_group_gets_and_says_nothing(self) -> None:
        with running(groups=["239.17.4.2"]) as meter:
            port = Endpoint.parse(meter.url).port
            sender = UdpGroupTransport.open("239.17.4.2", port)
            sender.send(READ, soon())
            end = soon()
            while meter.call(lambda server: server.connections) < 1:
                assert time.monotonic() < end
                time.sleep(0.02)
            sender.close()

    def test_groups_are_no_places_for_a_client_and_other_addresses_no_groups(self) -> None:
        group = Endpoint.parse("udp://239.17.4.1")
        with pytest.raises(ConfigurationError, match="is a group"):
            open_medium(group, soon())
        with pytest.raises(ConfigurationError, match="is a group"):
            asyncio.run(open_async_medium(group, soon()))
        for host in ("127.0.0.1", "meter.example"):
            with pytest.raises(TransportError, match="not a multicast address"):
                UdpGroupTransport.open(host, 4059)
        with pytest.raises(TransportError, match="joining"):
            group_member("239.17.4.1", 0, interface="no-such-interface")


def test_framing_knows_that_datagrams_get_lost() -> None:
    udp, tcp = (framing(Endpoint.parse(f"{scheme}://h"), MANAGEMENT) for scheme in ("udp", "tcp"))
    assert isinstance(udp, WrapperFraming)
    assert isinstance(tcp, WrapperFraming)
    assert (udp.datagrams, tcp.datagrams) == (True, False)
    with pytest.raises(ConfigurationError, match="short names have no invoke ids"):
        framing(Endpoint.parse("udp://h"), replace(MANAGEMENT, referencing="short-name"))


@pytest.mark.proves("wrapper-udp")
def test_the_command_line_over_udp(workshop: Workshop) -> None:
    meter = workshop.meter("--group", "239.17.4.3", scheme="udp", profile="hls-gmac")
    assert meter.url.startswith("udp://127.0.0.1:")
    assert workshop.info(meter.url, "hls-gmac")["identity"]
    refused = workshop.run("sim", "--listen", "tcp://127.0.0.1:0", "--group", "239.17.4.3", "--state", "x")
    assert "goes with udp:// only" in refused.stderr


@pytest.mark.proves("wrapper-udp")
@pytest.mark.parametrize(
    "listen", ["udp://127.0.0.1:0", "udp://[::1]:0", "tcp://[::1]:0", "hdlc+tcp://[::1]:0"]
)
def test_another_process_is_upgraded(workshop: Workshop, listen: str) -> None:
    meter = workshop.meter(listen=listen)
    image = Image.open(workshop.image(SMALL))
    with Client(meter.url, Profile(client_sap=1, response_timeout_s=1.0)) as client:
        result = client.upgrade(image, TransferPolicy(allow_insecure=True, **QUICK_LIMITS))
        assert result.outcome == "activated"
