"""The image transfer process of the meter under test, one call at a time.

What every case about images does: associate, enable, initiate, send, verify, activate, look. Results are the
words of the standard, because a case that judges a refusal judges which one it was. Whatever state a case
leaves is made harmless: no image stays verified, no schedule stays armed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from dlms_fw._core import ActionRequest
from dlms_fw.client import Client
from dlms_fw.conformance.firmware import Firmware
from dlms_fw.conformance.image_care import ImageCare, hex_of
from dlms_fw.conformance.images import Sent, sent
from dlms_fw.conformance.result_words import RUNNING, SUCCESS, word_of
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.interface import AttributeRef, MethodCall
from dlms_fw.cosem.profile_generic import ProfileGeneric
from dlms_fw.cosem.single_action_schedule import ExecutionTime, SingleActionSchedule
from dlms_fw.driver import is_loss
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import DlmsError, ServiceError
from dlms_fw.image import Image, Version
from dlms_fw.security import SecurityPolicy
from dlms_fw.transfer.decisions import identifiers_of, octets_of
from dlms_fw.transports.base import Transport

Status = ImageTransferStatus

SETTLED: Final = frozenset(
    {
        Status.TRANSFER_NOT_INITIATED,
        Status.VERIFICATION_FAILED,
        Status.ACTIVATION_SUCCESSFUL,
        Status.ACTIVATION_FAILED,
    }
)
"""What an idle meter shows."""
_POLL_FIRST_S: Final = 0.5
_POLL_LONGEST_S: Final = 10.0
_INITIATE_S: Final = 120.0


class Seen(NamedTuple):
    """What a meter shows of a transfer."""

    status: ImageTransferStatus
    bits: tuple[bool, ...]
    first_missing: int


class Running(NamedTuple):
    """What a firmware part shows of itself; ``None`` where it does not."""

    identifier: bytes | None
    signature: bytes | None


class ImageProcess:
    """The process over one association of the management client.

    Args:
        site: The meter. What is changed is put back when its case ends.
        beside_others: Whether other clients under the same key associate meanwhile. Their invocation counters
            would overtake those of this one, which therefore agrees a dedicated key.
    """

    def __init__(self, site: Site, *, beside_others: bool = False) -> None:
        firmware = site.declaration.firmware
        if firmware is None:
            raise Inapplicable("no firmware image was declared")
        self.site = site
        self.facts: Firmware = firmware
        self.images = firmware.images
        """Those that the meter takes now."""
        names = firmware.objects
        self.object = ImageTransfer(names.image_transfer)
        self.scheduler = SingleActionSchedule(names.activation_scheduler)
        self.part = self.images.good.part or 0
        encrypts = site.declaration.profile("management").security_policy & SecurityPolicy.ENCRYPTED
        dedicated: dict[str, Any] = {"dedicated_key": True} if beside_others and encrypts else {}
        self._transport: Transport | None = None
        self.client: Client = site.new_client(through=self._note_transport, **dedicated)
        site.put_back("the association", self.client.close)
        self.associate()
        self.block_size = self.client.get(self.object.image_block_size)
        if self.block_size == 0:
            raise Failed("an image_block_size above 0", "0")
        ImageCare(self).begin()
        self.images = firmware.images.for_meter(self.version, self.running().identifier)

    # The association

    def associate(self, seconds: float = 0.0) -> None:
        """Associate anew; where the meter is away, try again for so many seconds."""
        self.client.close()
        ends_at, pause = self.site.clock() + seconds, _POLL_FIRST_S
        while True:
            try:
                self.client.connect()
            except DlmsError as error:
                if not is_loss(error) or self.site.clock() + pause > ends_at:
                    raise
                self.site.sleep(pause)
                pause = min(2 * pause, _POLL_LONGEST_S)
            else:
                return

    def drop(self) -> None:
        """Lose the connection, without a goodbye."""
        if self._transport is not None:
            self._transport.close()

    def other(self, role: str) -> Client:
        """A second association, as another client; Inapplicable where the meter takes one at a time."""
        client = self.site.new_client(role)
        self.site.put_back(f"the association of the {role} client", client.close)
        try:
            client.connect()
        except DlmsError as error:
            raise Inapplicable(f"the meter takes no second association: {error}") from None
        return client

    def _note_transport(self, transport: Transport) -> Transport:
        self._transport = transport
        return transport

    # What the meter shows

    @property
    def status(self) -> ImageTransferStatus:
        """image_transfer_status."""
        return self.client.get(self.object.image_transfer_status)

    @property
    def bits(self) -> tuple[bool, ...]:
        """image_transferred_blocks_status."""
        bits = self.client.get(self.object.image_transferred_blocks_status)
        return tuple(bits[number] for number in range(len(bits)))

    @property
    def first_missing(self) -> int:
        """image_first_not_transferred_block_number."""
        return self.client.get(self.object.image_first_not_transferred_block_number)

    @property
    def info(self) -> list[ImageToActivateInfo]:
        """image_to_activate_info; empty where the meter does not show it now."""
        try:
            return self.client.get(self.object.image_to_activate_info)
        except ServiceError:
            return []

    @property
    def seen(self) -> Seen:
        """All that a refused call must not change."""
        return Seen(self.status, self.bits, self.first_missing)

    def running(self, part: int | None = None) -> Running:
        """What a firmware part runs, as it shows it."""
        part = self.part if part is None else part
        names = self.facts.objects
        identifiers = self._octets(names.active_identifier, part, identifiers_of) or (None,)
        newest = identifiers[0 if self.facts.newest_first else -1]
        return Running(newest, self._octets(names.active_signature, part, octets_of))

    @property
    def version(self) -> Version | None:
        """The version of the part's firmware, where an object tells."""
        octets = self._octets(self.facts.objects.firmware_version, self.part, octets_of)
        try:
            return None if octets is None else Version.parse(octets.decode("ascii", "replace"))
        except ValueError:
            return None

    def _octets(self, name: str, part: int, read: Callable[[Any], Any]) -> Any:
        if not name:
            return None
        try:
            return read(self.client.get(Data(name.format(part=part)).value))
        except ServiceError:
            return None

    # Calls

    def call(self, call: MethodCall[Any], client: Client | None = None) -> str:
        """Call a method and give the result in the words of the standard."""
        return self.ask(call.request, client)

    def ask(self, request: ActionRequest, client: Client | None = None) -> str:
        """The same of a request."""
        return word_of((client or self.client).exchange(request))

    def write(self, ref: AttributeRef[Any], value: Any, client: Client | None = None) -> str:
        """Write an attribute and give the result."""
        return word_of((client or self.client).exchange(ref.set_request(value)))

    def initiate(self, image: Sent) -> None:
        """Begin a transfer that must be accepted, and wait for status 1."""
        result = self.call(self.object.image_transfer_initiate(image.identifier, len(image.data)))
        if result not in {SUCCESS, RUNNING}:
            raise Failed(f"{image.what} to be initiated", result)
        self.until(lambda status: status == Status.TRANSFER_INITIATED, _INITIATE_S, "status 1")

    def send(self, image: Sent, number: int) -> str:
        """Send one block of it; the last one as the meter wants it."""
        return self.send_octets(number, self.block(image, number))

    def send_octets(self, number: int, octets: bytes, client: Client | None = None) -> str:
        """Send octets as a block."""
        return self.call(self.object.image_block_transfer(number, octets), client)

    def block(self, image: Sent, number: int) -> bytes:
        """The octets of one block."""
        octets = image.data[number * self.block_size : (number + 1) * self.block_size]
        return octets.ljust(self.block_size, b"\x00") if self.facts.pads_last_block else octets

    def count(self, image: Sent) -> int:
        """Its number of blocks."""
        return -(-len(image.data) // self.block_size)

    def send_all(self, image: Sent, numbers: Iterable[int] | None = None) -> None:
        """Send blocks that must be accepted."""
        for number in range(self.count(image)) if numbers is None else numbers:
            result = self.send(image, number)
            expect(result == SUCCESS, f"block {number} of {image.what} to be accepted", result)

    def transfer(self, image: Sent) -> None:
        """Begin a transfer and send everything."""
        self.initiate(image)
        self.send_all(image)

    def verify(self) -> ImageTransferStatus:
        """Have what was sent verified, and give the status in the end."""
        if self.status == Status.TRANSFER_INITIATED:
            self.call(self.object.image_verify())
        return self.until(
            lambda status: status != Status.VERIFICATION_INITIATED,
            self.facts.verification_s,
            "the end of the verification",
        )

    def transfer_verified(self, image: Sent) -> None:
        """Bring an image in that must be found good."""
        self.transfer(image)
        status = self.verify()
        expect(status == Status.VERIFICATION_SUCCESSFUL, f"{image.what} to be verified (status 3)", status)

    def expect_found_bad(self, image: Sent) -> None:
        """Bring an image in that must be found bad, at the latest by the verification."""
        result = self.call(self.object.image_transfer_initiate(image.identifier, len(image.data)))
        if result not in {SUCCESS, RUNNING}:
            self.site.step(f"{image.what}: refused at its initiation ({result})")
            return
        for number in range(self.count(image)):
            result = self.send(image, number)
            if result != SUCCESS:
                self.site.step(f"{image.what}: refused at block {number} ({result})")
                return
        status = self.verify()
        self.site.step(f"{image.what}: status {int(status)}")
        expect(status == Status.VERIFICATION_FAILED, f"status 4 for {image.what}", f"status {int(status)}")
        expect(not self.info, f"no image to activate for {image.what}", self.info)

    def next_image(self) -> Image:
        """An image that the meter takes and does not run. Raises Inapplicable where there is none."""
        running = self.running().identifier
        image = self.facts.images.for_meter(self.version, running).good
        if image.image_identifier == running:
            raise Inapplicable("the meter runs the declared image, and no second one was declared (back = …)")
        return image

    def activate(self) -> ImageTransferStatus:
        """Activate on demand and wait until the meter is back; gives the status in the end."""
        try:
            result = self.call(self.object.image_activate())
        except DlmsError as error:
            if not is_loss(error):
                raise
            result = "no answer"
        self.site.step(f"image_activate: {result}")
        return self.await_return()

    def transfer_activated(self, image: Image) -> None:
        """Upgrade the meter to an image, which must succeed."""
        self.transfer_verified(sent(image))
        status = self.activate()
        expect(status == Status.ACTIVATION_SUCCESSFUL, "status 6 after the activation", status)
        self.expect_runs(image)

    def expect_runs(self, image: Image) -> None:
        """Raises Failed unless the part runs this image, by identifier and signature."""
        running = self.running()
        expected = image.image_identifier
        expect(running.identifier == expected, f"the identifier {expected.hex()}", hex_of(running.identifier))
        if running.signature is not None and image.signature is not None:
            expect(running.signature == image.signature, "the signature of the image", "another one")

    def await_return(self) -> ImageTransferStatus:
        """Wait until a meter that activates has come to an end and answers."""
        return self.until(self._is_over, self.facts.activation_s, "the end of the activation")

    def has_settled(self) -> bool:
        """Whether the meter answers and shows no activation that is going on; one on trial is confirmed."""
        status = self._status_or_away(0.0)
        return status is not None and self._is_over(status)

    def _is_over(self, status: ImageTransferStatus) -> bool:
        if status == Status.ACTIVATION_INITIATED:
            if self.facts.confirmed_by == "read-back":
                self.running()
            elif self.facts.confirmed_by == "call":
                self.call(self.object.image_activate())
        return status != Status.ACTIVATION_INITIATED

    def until(
        self, reached: Callable[[ImageTransferStatus], bool], seconds: float, what: str
    ) -> ImageTransferStatus:
        """Look at the status until it is reached, over restarts too. Raises Failed when time is over."""
        ends_at, pause = self.site.clock() + seconds, _POLL_FIRST_S
        while True:
            status = self._status_or_away(ends_at - self.site.clock())
            if status is not None and reached(status):
                return status
            if self.site.clock() + pause > ends_at:
                raise Failed(f"{what} within {seconds:g} s", "no answer" if status is None else str(status))
            self.site.sleep(pause)
            pause = min(2 * pause, _POLL_LONGEST_S)

    def _status_or_away(self, seconds: float) -> ImageTransferStatus | None:
        try:
            if self.client.association is None:
                self.associate(max(0.0, seconds))
            return self.status
        except DlmsError as error:
            if not is_loss(error) or not self.site.bench.has_power():
                raise
            return None

    # The schedule

    def schedule(self, times: list[ExecutionTime]) -> str:
        """Write execution_time."""
        return self.write(self.scheduler.execution_time, times)

    @property
    def scheduled(self) -> list[ExecutionTime]:
        """execution_time; empty where there is no scheduler."""
        try:
            return self.client.get(self.scheduler.execution_time)
        except ServiceError:
            return []

    @property
    def has_scheduler(self) -> bool:
        """Whether there is an activation scheduler to be read."""
        return self._has(self.scheduler.execution_time)

    @property
    def has_log(self) -> bool:
        """Whether there is an event log to be read."""
        return self._has(ProfileGeneric(self.facts.objects.event_log).entries_in_use)

    def _has(self, ref: AttributeRef[Any]) -> bool:
        try:
            self.client.get(ref)
        except ServiceError:
            return False
        return True
