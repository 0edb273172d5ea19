"""What a case about images owes the meter: it is left as it was found, or harmless.

No image stays verified that somebody could activate, no schedule stays armed, no fault and no power cut; the
firmware that was found runs again where it can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlms_fw.conformance.verdicts import Inconclusive
from dlms_fw.cosem.single_action_schedule import ExecutionTime
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image

if TYPE_CHECKING:
    from dlms_fw.conformance.image_process import ImageProcess

Status = ImageTransferStatus


class ImageCare:
    """Puts back what a process has changed.

    Args:
        process: The process.
    """

    def __init__(self, process: ImageProcess) -> None:
        self._process = process
        self._site = process.site
        self._client = process.client

    def begin(self) -> None:
        """Enable the transfer, and have everything put back at the end."""
        process = self._process
        enabled = self._client.get(process.object.image_transfer_enabled)
        if not enabled:
            self._write_enabled(value=True)
        found = process.running().identifier
        self._site.put_back("the firmware", lambda: self._bring_back(found))
        self._site.put_back("image_transfer_enabled", lambda: self._write_enabled(value=enabled))
        self._site.put_back("a verified image", self._make_harmless)
        scheduled = process.scheduled
        self._site.put_back("execution_time", lambda: self._write_schedule(scheduled))
        if "cut_power_at" in self._site.bench.verbs:
            self._site.put_back("the power", self._restore_power)
        if process.status in {Status.VERIFICATION_INITIATED, Status.ACTIVATION_INITIATED}:
            process.verify()
            process.await_return()

    def _restore_power(self) -> None:
        """No power cut stays armed, and the meter has power."""
        if not self._site.bench.has_power():
            self._site.bench.restart()
        if "inject" in self._site.bench.verbs:
            self._site.bench.inject("none")

    def _bring_back(self, identifier: bytes | None) -> None:
        """The firmware that was found runs again, where the meter is somebody's."""
        self._reassociate()
        now, images = self._process.running().identifier, self._process.facts.images
        if self._site.bench.is_simulated or now == identifier:
            return
        declared = (images.good, images.back)
        for image in declared:
            if image is not None and image.image_identifier == identifier and self._may_follow(image):
                self._process.transfer_activated(image)
                return
        raise Inconclusive(f"the meter runs {hex_of(now)}, not {hex_of(identifier)} any more")

    def _may_follow(self, image: Image) -> bool:
        """Whether the meter takes that image after what it runs now, by its version."""
        running, version = self._process.version, image.firmware_version
        return self._process.facts.takes_older or running is None or version is None or version >= running

    def _write_enabled(self, *, value: bool) -> None:
        self._reassociate()
        if self._client.get(self._process.object.image_transfer_enabled) is not value:
            self._client.set(self._process.object.image_transfer_enabled, value)

    def _write_schedule(self, times: list[ExecutionTime]) -> None:
        self._reassociate()
        if self._process.scheduled != times:
            self._client.set(self._process.scheduler.execution_time, times)

    def _make_harmless(self) -> None:
        """No image stays that somebody could activate."""
        self._reassociate()
        self._process.await_return()
        if self._process.verify() != Status.VERIFICATION_SUCCESSFUL:
            return
        self._write_enabled(value=True)
        image, target = self._process.images.good_sent, self._process.object
        self._client.action(target.image_transfer_initiate(image.identifier, len(image.data)))

    def _reassociate(self) -> None:
        """Be associated, whatever state the case has left the client in."""
        try:
            self._client.get(self._process.object.image_transfer_status)
        except DlmsError:
            self._process.associate(self._process.facts.activation_s)


def hex_of(octets: bytes | None) -> str:
    """Octets for a report."""
    return "none" if octets is None else octets.hex()
