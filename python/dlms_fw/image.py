"""An image: the octets for the meter, what is known about them, and the checks before the first one is sent.

What was checked is what will be sent: an image in memory never changes, and one in a file is compared with
what was checked, piece by piece. Whether a meter may get it is decided here from facts that others have read;
this module talks to nobody.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from dlms_fw import regular_file
from dlms_fw.containers import dfw, raw, registry, signature
from dlms_fw.containers.description import IMAGE_SIZE_LIMIT, METROLOGY_PART, Container, HardwareRange, Version
from dlms_fw.errors import ImageRejected
from dlms_fw.image_octets import ImageOctets, OctetsInFile, OctetsInMemory, rejected_if_unreadable
from dlms_fw.regular_file import StrPath
from dlms_fw.signing_keys import PublicKey, TrustedKey, load_public_keys

if TYPE_CHECKING:
    from dlms_fw._core import ImageBlocks

__all__ = ["FILE_SIZE_LIMIT", "HardwareRange", "Image", "Version"]

FILE_SIZE_LIMIT = 256 * 1024 * 1024
"""Octets of an image file that are read by default."""


_KEPT_SIZE: Final = 1 << 20
_RECENT: deque[tuple[bytes, Image]] = deque(maxlen=4)
"""Images as they were read from octets, which cannot change: a campaign has one for many meters."""


@dataclass(slots=True, frozen=True)
class Image:
    """An image that passed every check that needs neither a key nor a meter.

    Made by :meth:`open`, :meth:`from_file`, :meth:`from_bytes`, :meth:`raw` or :meth:`raw_file`. Two images
    are equal when their octets and their identifiers are.

    Attributes:
        octets: Exactly the octets that the meter gets; of a DFW file the whole container, signature included.
        contents: What the container says.
        sha256: SHA-256 of the octets, the identity of the image.
        signed_sha256: SHA-256 of those under the signature.
    """

    octets: ImageOctets = field(repr=False, compare=False)
    contents: Container = field(repr=False, compare=False)
    image_identifier: bytes
    sha256: bytes
    signed_sha256: bytes = field(repr=False, compare=False)

    @classmethod
    def open(
        cls,
        path: StrPath,
        *,
        trusted: Iterable[TrustedKey] | None = None,
        require_low_s: bool = False,
        size_limit: int = FILE_SIZE_LIMIT,
    ) -> Image:
        """Read an image from a file of a known container format into memory.

        Args:
            path: The file. What happens to it afterwards does not matter.
            trusted: Verify the signature, too, as :meth:`verify` does. It covers the payload, so the digest
                in a DFW header is not compared then, and all is read once instead of twice.
            require_low_s: As for :meth:`verify`.
            size_limit: Octets that the file may have.

        Raises:
            ImageRejected: ``file``, ``size``, ``container``, ``digest`` and all that need no key; with
                ``trusted`` those of :meth:`verify`.
        """
        data = read_file(path, size_limit=size_limit)
        return cls.from_bytes(data, trusted=trusted, require_low_s=require_low_s)

    @classmethod
    def from_file(
        cls,
        path: StrPath,
        *,
        trusted: Iterable[TrustedKey] | None = None,
        require_low_s: bool = False,
        size_limit: int = FILE_SIZE_LIMIT,
    ) -> Image:
        """An image that stays in its file: for images that are large beside the memory.

        Blocks are read when they are sent, and compared with what was checked here: where the file has been
        written to meanwhile, the transfer ends with ImageRejected ``file``. Arguments and errors are those of
        :meth:`open`. Formats of plug-ins are read into memory once, to be parsed.
        """
        return cls.of(OctetsInFile(path, size_limit), trusted=trusted, require_low_s=require_low_s)

    @classmethod
    def from_bytes(
        cls, data: bytes, *, trusted: Iterable[TrustedKey] | None = None, require_low_s: bool = False
    ) -> Image:
        """An image from the octets of a known container format; arguments and errors as of :meth:`open`."""
        return cls.of(OctetsInMemory(data), trusted=trusted, require_low_s=require_low_s)

    @classmethod
    def raw(cls, data: bytes, image_identifier: bytes, part: int | None = None) -> Image:
        """A vendor's file as it is: only the meter can judge it.

        Raises:
            ImageRejected: ``identifier``, ``part`` or ``size``; ``container`` where ``data`` is a container
                that we know, whose checks must not be passed by.
        """
        return cls._raw(OctetsInMemory(data), image_identifier, part)

    @classmethod
    def raw_file(
        cls,
        path: StrPath,
        image_identifier: bytes,
        part: int | None = None,
        *,
        size_limit: int = FILE_SIZE_LIMIT,
    ) -> Image:
        """The same, but it stays in its file; see :meth:`from_file`. Raises ImageRejected ``file``, too."""
        return cls._raw(OctetsInFile(path, size_limit), image_identifier, part)

    @classmethod
    def _raw(cls, octets: ImageOctets, image_identifier: bytes, part: int | None) -> Image:
        known = registry.find(octets.read(0, registry.MAGIC_LIMIT))
        if known is not None:
            raise ImageRejected(
                f"this is a {known.NAME} container, whose own statements count",
                reason="container",
                hint="open it as an image, not as a raw file",
            )
        return cls._digested(octets, raw.describe(octets.size, image_identifier=image_identifier, part=part))

    @classmethod
    def of(
        cls,
        octets: ImageOctets,
        *,
        trusted: Iterable[TrustedKey] | None = None,
        require_low_s: bool = False,
    ) -> Image:
        """An image whose octets are somewhere else; arguments and errors as of :meth:`open`, and its own.

        The same octets in memory, as one object, are read and digested once, where that was not long ago; a
        signature is verified each time.
        """
        if trusted is None and isinstance(octets, OctetsInMemory) and octets.size <= _KEPT_SIZE:
            whole = octets.whole()
            for known_octets, image in tuple(_RECENT):
                if known_octets is whole:
                    return image
            image = cls._read(octets, None, require_low_s=require_low_s)
            if type(whole) is bytes:
                _RECENT.append((whole, image))
            return image
        keys = None if trusted is None else load_public_keys(trusted)
        return cls._read(octets, keys, require_low_s=require_low_s)

    @classmethod
    def _read(cls, octets: ImageOctets, keys: Sequence[PublicKey] | None, *, require_low_s: bool) -> Image:
        known = registry.known_format(octets.read(0, registry.MAGIC_LIMIT))
        contents = dfw.describe(octets) if known is dfw else known.parse(octets.whole())
        if keys is None and isinstance(contents, dfw.DfwContainer):
            dfw.check_payload(contents, octets)
        image = cls._digested(octets, contents)
        if keys is not None:
            image._check_signature(keys, require_low_s=require_low_s)
        return image

    @classmethod
    def _digested(cls, octets: ImageOctets, contents: Container) -> Image:
        if octets.size > IMAGE_SIZE_LIMIT:
            raise ImageRejected(
                f"an image has at most {IMAGE_SIZE_LIMIT} octets, this one has {octets.size}", reason="size"
            )
        # One pass: the signed range is the beginning of the whole.
        digest = sha256()
        for run in octets.runs(0, contents.signed_length):
            digest.update(run)
        signed_sha256 = digest.digest()
        for run in octets.runs(contents.signed_length, octets.size):
            digest.update(run)
        return cls(
            octets=octets,
            contents=contents,
            image_identifier=contents.image_identifier,
            sha256=digest.digest(),
            signed_sha256=signed_sha256,
        )

    def _check_signature(self, keys: Sequence[PublicKey], *, require_low_s: bool) -> None:
        try:
            self.verify(keys, require_low_s=require_low_s)
        except ImageRejected:
            # Damage is told from forgery, as far as that goes.
            if isinstance(self.contents, dfw.DfwContainer):
                dfw.check_payload(self.contents, self.octets)
            raise

    @property
    def data(self) -> bytes:
        """All octets, in memory; of an image in a file this reads it. Raises ImageRejected ``file``."""
        return self.octets.whole()

    @property
    def size(self) -> int:
        """How many octets the meter gets."""
        return self.octets.size

    @property
    def crc32(self) -> int:
        """CRC-32 of the octets (the one of zlib and Ethernet), computed when asked for."""
        crc = 0
        for run in self.octets.runs(0, self.size):
            crc = zlib.crc32(run, crc)
        return crc

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
        """The firmware without its container; not copied where the image is in memory."""
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

    def blocks(self, image_block_size: int, *, pad_last_block: bool = False) -> ImageBlocks:
        """The image cut into blocks of that many octets, to be shared by all meters with that block size.

        ``pad_last_block`` fills the last one with zeros, for meters that want it so.
        """
        from dlms_fw._core import ImageBlocks

        octets = self.octets
        source = octets.whole() if isinstance(octets, OctetsInMemory) else octets
        return ImageBlocks(source, image_block_size, pad_last_block=pad_last_block)


def read_file(path: StrPath, *, size_limit: int = FILE_SIZE_LIMIT) -> bytes:
    """The octets of an image file, read once; raises ImageRejected ``file`` or ``size``."""
    with rejected_if_unreadable():
        return regular_file.read_once(path, size_limit)[0]
