"""A whole meter on a bench: memory, a clock that moves when somebody sleeps, and clients over a loopback."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import meters
from dlms_fw import _core
from dlms_fw._core import (
    ActionRequest,
    GetRequest,
    Key,
    SetRequest,
)
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.cosem.single_action_schedule import SingleActionSchedule
from dlms_fw.journal import Journal
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from meters import IDENTIFIER, VENDOR_KEY, block, block_count

GUEK, GAK, GBEK = (Key(bytes(range(start, start + 16))) for start in (0, 16, 32))
CLIENT_TITLE = bytes.fromhex("4D4D4D0000BC614E")
PUBLIC = Profile(client_sap=16)
LLS = Profile(client_sap=1, mechanism=1, password=Key(b"12345678"))
GMAC = Profile(
    client_sap=1,
    mechanism=5,
    security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=CLIENT_TITLE,
    keys=Keys(global_unicast_encryption_key=GUEK, authentication_key=GAK),
)
PLAIN = Profile(client_sap=1)

IMAGE_TRANSFER = ImageTransfer(well_known.IMAGE_TRANSFER)
SCHEDULER = SingleActionSchedule(well_known.IMAGE_TRANSFER_ACTIVATION_SCHEDULER)
CLOCK = Clock(well_known.CLOCK)
STANDARD_LOG = ProfileGeneric(well_known.STANDARD_EVENT_LOG)
FRAUD_LOG = ProfileGeneric(well_known.FRAUD_DETECTION_EVENT_LOG)
LOGICAL_DEVICE_NAME = Data(well_known.LOGICAL_DEVICE_NAME)


class Bench:
    """A meter on memory, a clock that moves when somebody sleeps, and clients over a loopback."""

    journal: Journal
    challenges = itertools.count(1)
    """Of all meters: a client that remembers challenges must not meet one twice."""

    def __init__(self, profile: Profile = PLAIN, framing: Framing = "wrapper", **changes: object) -> None:
        settings = {"trusted": (VENDOR_KEY.public_key(),), "timings": meters.TIMINGS, "image_block_size": 64}
        self.profile = profile
        self.framing: Framing = framing
        self.config: MeterConfig = mcs301.configured(profile, **(settings | changes))
        self.medium = SimulatedMedium()
        self.time = VirtualTime()
        self.power_up()

    def power_up(self) -> None:
        self.meter = SimulatedMeter(
            self.medium,
            self.config,
            self.time,
            challenge=lambda: next(self.challenges).to_bytes(16, "big"),
        )

    def power_cycle(self) -> None:
        self.medium.cut_now("kept")
        self.medium = self.medium.survivor()
        self.power_up()

    def connect(self) -> MeterConnection:
        return self.meter.connect(self.framing)

    def sleep(self, seconds: float) -> None:
        end = self.time.elapsed + seconds
        while (due := self.meter.deadline) is not None and due <= end:
            self.time.advance(max(0.0, due - self.time.elapsed))
            self.meter.advance()
        self.time.advance(max(0.0, end - self.time.elapsed))
        self.meter.advance()

    @property
    def url(self) -> str:
        return f"{'tcp' if self.framing == 'wrapper' else 'hdlc+tcp'}://meter"

    def open(self, deadline: float) -> LoopbackTransport:
        return LoopbackTransport(self.connect(), clock=self.time.monotonic, sleep=self.sleep)

    def client(self, profile: Profile | None = None) -> Client:
        return Client(
            self.url,
            profile or self.profile,
            journal=self.journal,
            open_transport=self.open,
            clock=self.time.monotonic,
            sleep=self.sleep,
        )

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)

    async def open_async(self, deadline: float) -> AsyncLoopbackTransport:
        return AsyncLoopbackTransport(self.open(deadline))

    def async_client(self) -> AsyncClient:
        return AsyncClient(
            self.url,
            self.profile,
            journal=self.journal,
            open_transport=self.open_async,
            clock=self.time.monotonic,
            sleep=self.asleep,
        )


MakeBench = Callable[..., Bench]
"""What makes a bench of a profile and the fields of the configuration that are different."""


def refusal_of(client: Client, request: GetRequest | SetRequest | ActionRequest) -> int:
    response = client.exchange(request)
    assert not isinstance(response, (_core.ResponseList, _core.ExceptionResponse))
    return response.result


def transfer(client: Client, image: bytes, identifier: bytes = IDENTIFIER) -> None:
    client.action(IMAGE_TRANSFER.image_transfer_initiate(identifier, len(image)))
    for number in range(block_count(image)):
        client.action(IMAGE_TRANSFER.image_block_transfer(number, block(image, number)))
