"""Several meters on one line: logical devices, buses and gateways; one is upgraded, the others stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import meters
from dlms_fw._core import Gateway
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import AssociationRejected, ConfigurationError, ResponseTimeout
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.group import GroupedMeter, behind_gateway, bus, logical_devices
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profile_files import parse_profile
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from interop import FRAMINGS, METER_TITLE, gurux_client
from meter_bench import GMAC, PLAIN, Bench
from meters import IDENTIFIER, VENDOR_KEY, container
from simulator import SMALL, Workshop, workshop

__all__ = ["workshop"]

NAME = Data(well_known.LOGICAL_DEVICE_NAME)
NETWORK = 7


class Line:
    """A group, a clock that moves when somebody sleeps, and clients over a loopback."""

    def __init__(self, config: MeterConfig, framing: Framing, journal: Journal) -> None:
        self.time = VirtualTime()
        self.framing: Framing = framing
        self.journal = journal
        self.group = GroupedMeter(
            SimulatedMedium(),
            config,
            self.time,
            challenge=lambda: next(Bench.challenges).to_bytes(16, "big"),
        )

    def sleep(self, seconds: float) -> None:
        end = self.time.elapsed + seconds
        while (due := self.group.deadline) is not None and due <= end:
            self.time.advance(max(0.0, due - self.time.elapsed))
            self.group.advance()
        self.time.advance(max(0.0, end - self.time.elapsed))
        self.group.advance()

    def client(self, profile: Profile) -> Client:
        return Client(
            "tcp://line" if self.framing == "wrapper" else "hdlc+tcp://line",
            replace(profile, response_timeout_s=2.0),
            journal=self.journal,
            open_transport=lambda deadline: LoopbackTransport(
                self.group.connect(self.framing), clock=self.time.monotonic, sleep=self.sleep
            ),
            clock=self.time.monotonic,
            sleep=self.sleep,
        )

    @property
    def running(self) -> list[bytes]:
        return [meter.units.firmware.memory.state.parts[1].firmware.identifier for meter in self.group.meters]


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with Journal(tmp_path / "journal") as made:
        yield made


def configured(profile: Profile, **changes: Any) -> MeterConfig:
    settings = {"trusted": (VENDOR_KEY.public_key(),), "timings": meters.TIMINGS, "image_block_size": 64}
    return mcs301.configured(profile, **(settings | changes))


def addressed(kind: str, number: int, profile: Profile) -> Profile:
    if kind == "logical devices":
        return replace(profile, server_sap=1 + number)
    if kind == "bus":
        return replace(profile, hdlc=HdlcSettings(server_lower=17 + number))
    return replace(profile, gateway=Gateway(NETWORK, (number + 1).to_bytes(2, "big")))


def line_of(kind: str, framing: Framing, profile: Profile, journal: Journal, count: int = 3) -> Line:
    config = configured(profile)
    if kind == "logical devices":
        return Line(logical_devices(config, count), framing, journal)
    if kind == "bus":
        on_bus = replace(config, hdlc=HdlcSettings(server_lower=17, window_size=7))
        return Line(bus(on_bus, count), framing, journal)
    return Line(behind_gateway(config, count, network_id=NETWORK), framing, journal)


@pytest.mark.parametrize("profile", [PLAIN, GMAC], ids=["none", "gmac"])
@pytest.mark.parametrize(
    ("kind", "framing"),
    [
        pytest.param("logical devices", "wrapper", marks=pytest.mark.proves("logical-devices")),
        pytest.param("logical devices", "hdlc", marks=pytest.mark.proves("logical-devices")),
        pytest.param("bus", "hdlc", marks=pytest.mark.proves("multi-drop")),
        pytest.param("gateway", "wrapper", marks=pytest.mark.proves("gateway-prefix")),
    ],
)
def test_each_is_upgraded_by_its_own_address(
    kind: str, framing: Framing, profile: Profile, journal: Journal
) -> None:
    line = line_of(kind, framing, profile, journal)
    before = line.running
    image = Image.from_bytes(container(blocks=20))
    for number in (1, 0):
        with line.client(addressed(kind, number, profile)) as client:
            assert client.get(NAME.value).value == line.group.meters[number].config.logical_device_name
            result = client.upgrade(image, TransferPolicy(allow_insecure=True))
        assert result.changed
        before[number] = IDENTIFIER
        assert line.running == before


@pytest.mark.proves("gateway-prefix")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_one_meter_behind_a_gateway_over_either_framing(framing: Framing, journal: Journal) -> None:
    profile = addressed("gateway", 0, GMAC)
    line = Line(configured(profile), framing, journal)
    with line.client(profile) as client:
        assert client.upgrade(Image.from_bytes(container(blocks=20))).changed


@pytest.mark.proves("gateway-prefix")
def test_a_gateway_answers_for_a_meter_that_it_does_not_know(journal: Journal) -> None:
    line = line_of("gateway", "wrapper", PLAIN, journal)
    with (
        pytest.raises(AssociationRejected, match="state error 1, service error 1"),
        line.client(addressed("gateway", 40, PLAIN)),
    ):
        pass
    with pytest.raises(ResponseTimeout), line.client(PLAIN):
        pass


@pytest.mark.proves("logical-devices")
def test_the_management_logical_device_lists_all(journal: Journal) -> None:
    line = line_of("logical devices", "wrapper", PLAIN, journal)
    with line.client(PLAIN) as client:
        listed = client.get(SapAssignment(well_known.SAP_ASSIGNMENT).sap_assignment_list)
    names = [meter.config.logical_device_name for meter in line.group.meters]
    assert [tuple(element) for element in listed] == list(zip((1, 2, 3), names, strict=True))
    assert len({meter.config.system_title for meter in line.group.meters}) == 3
    assert names[1] == b"MCS0040612345679"


@pytest.mark.proves("multi-drop")
def test_two_clients_at_two_meters_of_a_bus_do_not_disturb_each_other(journal: Journal) -> None:
    line = line_of("bus", "hdlc", PLAIN, journal)
    with (
        line.client(addressed("bus", 0, PLAIN)) as first,
        line.client(addressed("bus", 2, PLAIN)) as second,
    ):
        for _ in range(3):
            names = first.get(NAME.value).value, second.get(NAME.value).value
            assert names == (b"MCS0040612345678", b"MCS0040612345680")


def test_a_line_ends_when_it_makes_sense_to_nobody_and_addresses_are_their_own() -> None:
    config = configured(PLAIN)

    def powered(config: MeterConfig) -> GroupedMeter:
        return GroupedMeter(SimulatedMedium(), config, VirtualTime(), challenge=lambda: bytes(16))

    dropped: list[bool] = []
    connection = powered(logical_devices(config, 2)).connect("wrapper", lambda: dropped.append(True))
    assert connection.receive(b"GET / HTTP/1.1\r\n\r\n") == b""
    assert dropped == [True]
    assert connection.receive(b"") == b""
    with pytest.raises(ConfigurationError, match="the same address"):
        powered(replace(config, neighbours=(config,)))


@pytest.mark.proves("gateway-prefix")
def test_a_profile_names_the_gateway() -> None:
    table: dict[str, Any] = {"client_sap": 1, "server_sap": 1, "authentication": "none"}
    gateway = {"network_id": 3, "address": "0011AA"}
    profile = parse_profile(table | {"gateway": gateway}, "behind", folder=Path())
    assert profile.gateway == Gateway(3, bytes.fromhex("0011AA"))
    for wrong in (
        {"network_id": 3},
        {"network_id": 256, "address": "00"},
        {"network_id": 1, "address": "xy"},
        5,
    ):
        with pytest.raises(ConfigurationError, match="gateway"):
            parse_profile(table | {"gateway": wrong}, "behind", folder=Path())


@pytest.mark.proves("gateway-prefix", "interop-gateway")
@pytest.mark.parametrize("framing", FRAMINGS)
def test_gurux_reaches_a_meter_behind_a_gateway(tmp_path: Path, framing: str) -> None:
    config = MeterConfig(system_title=METER_TITLE, gateway=Gateway(NETWORK, b"\x12\x34"))
    scheme = "tcp" if framing == "wrapper" else "hdlc+tcp"
    endpoint = Endpoint.parse(f"{scheme}://127.0.0.1:0", listen=True)
    with (
        BackgroundMeter(config, lambda: Directory(tmp_path), endpoint) as meter,
        gurux_client(
            Endpoint.parse(meter.url).port,
            framing=framing,
            gateway={"network_id": NETWORK, "address": "1234"},
            read=[[1, "0.0.42.0.0.255", 2]],
        ) as client,
    ):
        said = client.finish()
    assert "MCS004" in str(said["values"])


@pytest.mark.parametrize(
    ("scheme", "together", "table"),
    [
        pytest.param("tcp", "logical-devices", "server_sap = 2", marks=pytest.mark.soak),
        ("hdlc+tcp", "bus", "server_sap = 1\n[profiles.second.hdlc]\nserver_lower = 17"),
        pytest.param(
            "udp",
            "gateway",
            'server_sap = 1\n[profiles.second.gateway]\nnetwork_id = 1\naddress = "0002"',
            marks=pytest.mark.soak,
        ),
    ],
)
def test_the_command_line_serves_and_reaches_them(
    workshop: Workshop, scheme: str, together: str, table: str
) -> None:
    meter = workshop.meter("--meters", 3, "--together", together, scheme=scheme)
    with workshop.config.open("a") as config:
        config.write('\n[profiles.second]\nclient_sap = 1\nauthentication = "none"\n')
        config.write(f"response_timeout_s = 1\n{table}\n")
    image = workshop.image(SMALL)
    ended = workshop.upgrade(meter.url, image, "--allow-insecure", profile="second")
    assert ended.code == 0, ended
    assert ended.document["outcome"] == "activated"
    shown = workshop.info(meter.url, "second")
    assert shown["firmware"][1]["version"] == "2.4.1"
    assert "MCS0040612345679" in str(shown["identity"])
    assert meter.stop().code == 0
