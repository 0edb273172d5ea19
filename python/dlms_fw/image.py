"""An image: the octets for the meter, what is known about them, and the checks before the first one is sent.

An image is read once and never changes afterwards, so what was checked is what will be sent. Whether a meter
may get it is decided here from facts that others have read; this module talks to nobody.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from dlms_fw import regular_file
from dlms_fw.containers import raw, registry, signature
from dlms_fw.containers.description import IMAGE_SIZE_LIMIT, METROLOGY_PART, Container, HardwareRange, Version
from dlms_fw.errors import ImageRejected
from dlms_fw.regular_file import StrPath
from dlms_fw.signing_keys import PublicKey, TrustedKey, load_public_keys

if TYPE_CHECKING:
    from dlms_fw._core import ImageBlocks

__all__ = ["FILE_SIZE_LIMIT", "HardwareRange", "Image", "Version"]

FILE_SIZE_LIMIT = 256 * 1024 * 1024
"""Octets of an image file that are read by default."""


@dataclass(slots=True, frozen=True)
class Image:
    """An image that passed every check that needs neither a key nor a meter.

    Made by :meth:`open`, :meth:`from_bytes` or :meth:`raw`. Two images are equal when their octets and
    their identifiers are.

    Attributes:
        data: Exactly the octets that the meter gets; of a DFW file the whole container, signature included.
        contents: What the container says.
        sha256: SHA-256 of ``data``, the identity of the image.
        crc32: CRC-32 of ``data`` (the one of zlib and Ethernet).
        signed_sha256: SHA-256 of the octets under the signature.
    """

    data: bytes = field(repr=False, compare=False)
    contents: Container = field(repr=False, compare=False)
    image_identifier: bytes
    sha256: bytes
    crc32: int
    signed_sha256: bytes = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: StrPath, *, size_limit: int = FILE_SIZE_LIMIT) -> Image:
        """Read an image from a file of a known container format.

        Raises:
            ImageRejected: ``file``, ``size``, ``container``, ``digest`` and all that need no key.
        """
        return cls.from_bytes(read_file(path, size_limit=size_limit))

    @classmethod
    def from_bytes(cls, data: bytes) -> Image:
        """An image from the octets of a known container format; raises ImageRejected as :meth:`open` does."""
        return cls._from_container(data, registry.parse(data))

    @classmethod
    def raw(cls, data: bytes, image_identifier: bytes, part: int | None = None) -> Image:
        """A vendor's file as it is: only the meter can judge it.

        Raises:
            ImageRejected: ``identifier``, ``part`` or ``size``; ``container`` where ``data`` is a container
                that we know, whose checks must not be passed by.
        """
        known = registry.find(data)
        if known is not None:
            raise ImageRejected(
                f"this is a {known.NAME} container, whose own statements count",
                reason="container",
                hint="open it as an image, not as a raw file",
            )
        return cls._from_container(data, raw.describe(data, image_identifier=image_identifier, part=part))

    @classmethod
    def _from_container(cls, data: bytes, contents: Container) -> Image:
        if len(data) > IMAGE_SIZE_LIMIT:
            raise ImageRejected(
                f"an image has at most {IMAGE_SIZE_LIMIT} octets, this one has {len(data)}", reason="size"
            )
        # One pass: the signed range is the beginning of the whole.
        view = memoryview(data)
        digest = sha256(view[: contents.signed_length])
        signed_sha256 = digest.digest()
        digest.update(view[contents.signed_length :])
        return cls(
            data=data,
            contents=contents,
            image_identifier=contents.image_identifier,
            sha256=digest.digest(),
            crc32=zlib.crc32(data),
            signed_sha256=signed_sha256,
        )

    @property
    def container(self) -> str:
        """The container format: ``"dfw"``, ``"raw"``, or the name of a plug-in."""
        return self.contents.format

    @property
    def part(self) -> int | None:
        """Value group B: 0 metrology, 1 meter application, 2 to 9 other parts; ``None`` where nobody says."""
        return self.contents.part

    @property
    def meter_type(self) -> str | None:
        """What the meter's type must be."""
        return self.contents.meter_type

    @property
    def hardware(self) -> HardwareRange | None:
        """The hardware revisions that the image is for."""
        return self.contents.hardware

    @property
    def firmware_version(self) -> Version | None:
        """The version of the firmware inside."""
        return self.contents.firmware_version

    @property
    def minimum_previous_version(self) -> Version | None:
        """The oldest version that may be upgraded with it; 0.0.0 means any."""
        return self.contents.minimum_previous_version

    @property
    def signature(self) -> bytes | None:
        """Raw r||s, 64 octets."""
        return self.contents.signature

    @property
    def payload(self) -> memoryview:
        """The firmware without its container, not copied."""
        offset = self.contents.payload_offset
        return memoryview(self.data)[offset : offset + self.contents.payload_length]

    def verify(self, trusted: Iterable[TrustedKey], *, require_low_s: bool = False) -> PublicKey:
        """The trusted key that signed this image.

        Args:
            trusted: P-256 public keys, as objects, paths of PEM files, or octets of such files.
            require_low_s: Refuse s above n/2; plain ECDSA accepts both forms.

        Raises:
            ImageRejected: ``unsigned``, ``untrusted`` or ``signature``.
            ConfigurationError: A trusted key cannot be used.
        """
        return signature.verify(
            self.contents, self.signed_sha256, load_public_keys(trusted), require_low_s=require_low_s
        )

    def check_meter(
        self,
        *,
        meter_type: str | None,
        current_version: Version | None,
        hardware: int | None = None,
        identifier_length: int | None = None,
        allow_downgrade: bool = False,
        allow_metrology: bool = False,
    ) -> None:
        """Refuse the image unless it is for this meter. What the container does not say is left to the meter.

        Equal versions pass: that there is nothing to do is for the caller to notice.

        Args:
            meter_type: The meter's type, exactly as it says it; ``None`` where it says nothing.
            current_version: The version that the meter runs in this part; ``None`` where that cannot be told.
            hardware: The meter's hardware revision.
            identifier_length: Octets that this kind of meter wants in an image identifier; 6 for an MCS301.
            allow_downgrade: Let an older version, or one over an unknown version, through.
            allow_metrology: Let part 0, the metrologically relevant firmware, through.

        Raises:
            ImageRejected: ``identifier``, ``metrology``, ``meter-type``, ``hardware``, ``version-unknown``,
                ``version`` or ``minimum-version``.
        """
        if identifier_length is not None and len(self.image_identifier) != identifier_length:
            raise ImageRejected(
                f"this meter wants an image identifier of {identifier_length} octets, "
                f"{self.image_identifier.hex()} has {len(self.image_identifier)}",
                reason="identifier",
            )
        if self.part == METROLOGY_PART and not allow_metrology:
            raise ImageRejected(
                "the image is for part 0, the metrologically relevant firmware",
                reason="metrology",
                hint="allow_metrology lets it through, where the law of the place does",
            )
        if self.meter_type is not None and meter_type != self.meter_type:
            is_type = "does not say its type" if meter_type is None else f"is of type {meter_type!r}"
            raise ImageRejected(
                f"the image is for meter type {self.meter_type!r}, this meter {is_type}", reason="meter-type"
            )
        self._check_hardware(hardware)
        self._check_version(current_version, allow_downgrade=allow_downgrade)

    def _check_hardware(self, hardware: int | None) -> None:
        if self.hardware is None or self.hardware.is_any:
            return
        if hardware is None or hardware not in self.hardware:
            is_hardware = "does not say its own" if hardware is None else f"has {hardware}"
            raise ImageRejected(
                f"the image is for hardware {self.hardware}, this meter {is_hardware}", reason="hardware"
            )

    def _check_version(self, current: Version | None, *, allow_downgrade: bool) -> None:
        new, minimum = self.firmware_version, self.minimum_previous_version
        needs_minimum = minimum is not None and minimum != Version(0, 0, 0)
        if current is None:
            if needs_minimum or (new is not None and not allow_downgrade):
                raise ImageRejected(
                    f"the version that the meter runs is unknown, so {new} may be older",
                    reason="version-unknown",
                    hint=f"it must be {minimum} or newer"
                    if needs_minimum
                    else "allow_downgrade lets it through",
                )
            return
        if new is not None and new < current and not allow_downgrade:
            raise ImageRejected(
                f"the image has version {new}, the meter runs the newer {current}",
                reason="version",
                hint="allow_downgrade lets it through",
            )
        if minimum is not None and current < minimum:
            raise ImageRejected(
                f"the image upgrades version {minimum} or newer, the meter runs {current}",
                reason="minimum-version",
                hint=f"bring the meter to {minimum} first",
            )

    def blocks(self, image_block_size: int) -> ImageBlocks:
        """The image cut into blocks of that many octets, to be shared by all meters with that block size."""
        from dlms_fw._core import ImageBlocks

        return ImageBlocks(self.data, image_block_size)


def read_file(path: StrPath, *, size_limit: int = FILE_SIZE_LIMIT) -> bytes:
    """The octets of an image file, read once; raises ImageRejected ``file`` or ``size``."""
    try:
        return regular_file.read_once(path, size_limit)[0]
    except regular_file.UnreadableError as error:
        raise ImageRejected(str(error), reason="size" if error.too_large else "file") from error
