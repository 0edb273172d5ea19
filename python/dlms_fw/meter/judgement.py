"""Whether an image that was received may become the firmware of this meter: its own check, trusting nobody.

The octets are judged as they are stored, against what was initiated and what runs. Where no trusted key is
configured, a signature must be there in the right form and the payload must have its digest; that shows
damage, not origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from dlms_fw.errors import ImageRejected
from dlms_fw.image import Image, Version
from dlms_fw.image_octets import ImageOctets
from dlms_fw.meter.state import Firmware, FirmwarePart, Reception
from dlms_fw.signing_keys import PublicKey

RAW_PART: Final = 1
"""The part that a raw image is taken for: the application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageJudge:
    """The rules of one meter.

    Attributes:
        meter_type: What the container must name.
        hardware: The meter's hardware revision.
        trusted: Public keys of the vendor; with none, see the top of this file.
        accept_raw: Whether an image without a container is taken on its size and identifier alone.
        allow_downgrade: Whether an older version than the running one is taken.
    """

    meter_type: str
    hardware: int
    trusted: Sequence[PublicKey] = ()
    accept_raw: bool = False
    allow_downgrade: bool = False

    def judge(self, octets: ImageOctets, reception: Reception, parts: Sequence[FirmwarePart]) -> Firmware:
        """The firmware in an image. Raises ImageRejected with the reason."""
        if octets.size != reception.size:
            raise ImageRejected("the image is not as long as it was initiated", reason="size")
        try:
            image = Image.of(octets)
        except ImageRejected as rejected:
            if not self.accept_raw or rejected.reason != "container":
                raise
            return self._raw(octets, reception)
        if image.image_identifier != reception.identifier:
            raise ImageRejected(
                "the image has another identifier than it was initiated with", reason="identifier"
            )
        if image.part is None or image.part >= len(parts):
            raise ImageRejected(f"this meter has no firmware part {image.part}", reason="part")
        if image.signature is None:
            raise ImageRejected("the image is not signed", reason="unsigned")
        if self.trusted:
            image.verify(self.trusted)
        running = parts[image.part].firmware.version
        image.check_meter(
            meter_type=self.meter_type,
            current_version=Version.parse(running) if running else None,
            hardware=self.hardware,
            allow_downgrade=self.allow_downgrade,
            allow_metrology=True,  # that flag is the sender's to give; a meter takes what is signed for it
        )
        return Firmware(
            part=image.part,
            identifier=image.image_identifier,
            version=str(image.firmware_version),
            size=octets.size,
            sha256=image.sha256,
            signature=image.signature,
        )

    def _raw(self, octets: ImageOctets, reception: Reception) -> Firmware:
        digest = sha256()
        for run in octets.runs(0, octets.size):
            digest.update(run)
        return Firmware(
            part=RAW_PART,
            identifier=reception.identifier,
            version="",
            size=octets.size,
            sha256=digest.digest(),
            signature=b"",
        )
