"""A firmware unit on memory whose power can be cut, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from dlms_fw.containers import dfw
from dlms_fw.containers.description import HardwareRange, Version
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, ImageTransferStatus
from dlms_fw.meter.activation import ActivationTimings, bank_is_good
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.clock import MeterClock, VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import EventLog
from dlms_fw.meter.firmware import FirmwareUnit, format_memory
from dlms_fw.meter.power_cut import Cut, SimulatedMedium
from dlms_fw.meter.storage import Records
from dlms_fw.signing_keys import PrivateKey, generate

VENDOR_KEY: PrivateKey = ec.derive_private_key(301, ec.SECP256R1())  # the same in every process
BLOCK_SIZE = 64
TIMINGS = ActivationTimings(install_seconds=1, reboot_seconds=10, self_test_seconds=5)
IDENTIFIER = b"MCS102"

Status = ImageTransferStatus


def config(**changes: object) -> MeterConfig:
    settings: dict[str, object] = {
        "image_block_size": BLOCK_SIZE,
        "verify_seconds": 2.0,
        "timings": TIMINGS,
        "trusted": (VENDOR_KEY.public_key(),),
        "image_size_limit": 64 * 1024,
        "sync_every_blocks": 5,
    }
    return MeterConfig(**(settings | changes))  # type: ignore[arg-type]


@cache
def container(
    *,
    blocks: int = 12,
    identifier: bytes = IDENTIFIER,
    part: int = 1,
    meter_type: str = "MCS301",
    version: str = "2.0.0",
    minimum_previous_version: str = "0.0.0",
    hardware: HardwareRange = HardwareRange.ANY,
    key: PrivateKey | None = VENDOR_KEY,
    fill: int = 0,
) -> bytes:
    """A DFW container of exactly that many blocks of BLOCK_SIZE, the last one short."""
    fields = {
        "image_identifier": identifier,
        "part": part,
        "meter_type": meter_type,
        "firmware_version": Version.parse(version),
        "minimum_previous_version": Version.parse(minimum_previous_version),
        "hardware": hardware,
        "key": key,
    }
    overhead = len(dfw.build(b"x", **fields)) - 1  # type: ignore[arg-type]
    size = blocks * BLOCK_SIZE - 7 - overhead
    payload = bytes((fill + index * 7) & 0xFF for index in range(size))
    return dfw.build(payload, **fields)  # type: ignore[arg-type]


def block(image: bytes, number: int) -> bytes:
    return image[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]


def block_count(image: bytes) -> int:
    return -(-len(image) // BLOCK_SIZE)


def result_of(call: Callable[[], None]) -> ActionResult:
    """The action-result of a method called as the dispatch would."""
    try:
        call()
    except CosemFault as fault:
        return ActionResult(fault.result)
    return ActionResult.SUCCESS


@dataclass
class World:
    """One meter's firmware unit over its lives."""

    medium: SimulatedMedium = field(default_factory=SimulatedMedium)
    config: MeterConfig = field(default_factory=config)
    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.power_up()

    def power_up(self) -> None:
        records = Records(self.medium)
        format_memory(self.medium, records, self.config)
        self.log = EventLog(self.medium, "standard", 580)
        self.clock = MeterClock(records, self.time, utc_offset_minutes=self.config.utc_offset_minutes)
        self.unit = FirmwareUnit(
            self.medium,
            records,
            self.clock,
            self.time,
            self.config,
            log_event=lambda code, parameter: self.log.append(code, bytes(12), parameter),
            newest_event=lambda: self.log.newest_firmware_event,
        )

    def power_cycle(self, cut: Cut | None = None) -> None:
        """Power off, if it is not off already, and on again."""
        self.medium = self.medium.survivor(cut)
        self.power_up()

    @property
    def status(self) -> ImageTransferStatus:
        return self.unit.image_store.image_transfer_status

    @property
    def codes(self) -> list[int]:
        return [entry.code for entry in self.log.entries]

    def pass_time(self, seconds: float) -> None:
        """Lets time pass in the steps that the unit asks for."""
        end = self.time.elapsed + seconds
        while True:
            self.unit.advance()
            due = self.unit.deadline
            if due is None or due > end:
                break
            self.time.advance(max(0.0, due - self.time.elapsed))
        self.time.advance(max(0.0, end - self.time.elapsed))
        self.unit.advance()

    def initiate(self, image: bytes, identifier: bytes = IDENTIFIER) -> ActionResult:
        store = self.unit.image_store
        return result_of(lambda: store.image_transfer_initiate(identifier, len(image)))

    def send(self, image: bytes, number: int) -> ActionResult:
        store = self.unit.image_store
        return result_of(lambda: store.image_block_transfer(number, block(image, number)))

    def receive(self, image: bytes, identifier: bytes = IDENTIFIER) -> None:
        """Initiates and sends all blocks."""
        assert self.initiate(image, identifier) == ActionResult.SUCCESS
        for number in range(block_count(image)):
            assert self.send(image, number) == ActionResult.SUCCESS

    def reach(self, status: ImageTransferStatus, image: bytes | None = None) -> None:
        """Brings a new meter to a status by the ways that lead there."""
        image = container() if image is None else image
        if status == Status.TRANSFER_NOT_INITIATED:
            return
        if status == Status.TRANSFER_INITIATED:
            assert self.initiate(image) == ActionResult.SUCCESS
            assert self.send(image, 0) == ActionResult.SUCCESS
        elif status == Status.VERIFICATION_FAILED:
            self.receive(container(key=generate()))
            self.pass_time(3)
        else:
            self.receive(image)
            if status >= Status.VERIFICATION_SUCCESSFUL:
                self.pass_time(3)
            if status == Status.ACTIVATION_FAILED:
                self.unit.activation.behaviour = FirmwareBehaviour.NO_BOOT
            if status >= Status.ACTIVATION_INITIATED:
                self.activate()
            if status > Status.ACTIVATION_INITIATED:
                self.pass_time(60)
        assert self.status == status

    def verify(self) -> ActionResult:
        return result_of(self.unit.image_store.image_verify)

    def activate(self) -> ActionResult:
        return result_of(self.unit.image_store.image_activate)

    def entry_in(self, seconds: int) -> tuple[bytes, bytes]:
        """Time and date of an execution_time so many seconds from now, by the meter's clock."""
        moment = self.clock.local + timedelta(seconds=seconds)
        time = bytes((moment.hour, moment.minute, moment.second, 0))
        return time, moment.year.to_bytes(2, "big") + bytes((moment.month, moment.day, 0xFF))

    def stored_image(self) -> bytes:
        """What of the image counts as received, with zeros for what is missing."""
        store = self.unit.image_store
        reception = self.unit.memory.state.reception
        if reception is None:
            return b""
        octets = bytearray()
        for number, there in enumerate(store.image_transferred_blocks_status):
            value = self.medium.read("incoming.blocks", number * BLOCK_SIZE, BLOCK_SIZE)
            octets += value if there else bytes(len(value))
        return bytes(octets[: reception.size])

    def bank_holds_verified_firmware(self, part: int) -> bool:
        bank = self.unit.memory.state.parts[part]
        return bank_is_good(self.medium, bank.firmware, bank.running)
