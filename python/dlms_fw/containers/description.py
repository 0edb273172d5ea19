"""What a container says about the image inside, in terms that all containers share.

The rules for single fields live here, so an image that is built obeys the same ones as an image that is read.
This module knows no file format and no meter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from dlms_fw.errors import ImageRejected

METROLOGY_PART = 0
"""Value group B of the metrologically relevant firmware; 1 is the meter application, 2 to 9 other parts."""

PARTS = range(10)
IDENTIFIER_LIMIT = 64
METER_TYPE_LIMIT = 64
IMAGE_SIZE_LIMIT = 0xFFFF_FFFF
"""Octets; image_size is a double-long-unsigned."""

_NUMBER = r"(0|[1-9][0-9]{0,4})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_HARDWARE = re.compile(rf"{_NUMBER}(?:(?:\.\.|-){_NUMBER})?")


def _check_long_unsigned(number: int) -> None:
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"{number} is outside 0..65535")


@dataclass(slots=True, frozen=True, order=True)
class Version:
    """A firmware version X.Y.Z, 0..65535 each; ordered number by number."""

    major: int
    minor: int
    patch: int

    def __post_init__(self) -> None:
        for number in (self.major, self.minor, self.patch):
            _check_long_unsigned(number)

    @classmethod
    def parse(cls, text: str) -> Version:
        """From ``"2.4.1"`` and nothing else: no two texts mean the same version. Raises ``ValueError``."""
        return _version(text)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@lru_cache(maxsize=64)  # the meters of a campaign run a handful of them
def _version(text: str) -> Version:
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version; write X.Y.Z with 0 to 65535 each")
    return Version(*map(int, match.groups()))


ANY_VERSION = Version(0, 0, 0)
"""As minimum previous version: any version may be upgraded."""


@dataclass(slots=True, frozen=True)
class HardwareRange:
    """Hardware revisions ``low`` to ``high``, both included, 0..65535; ``ANY`` is the whole range."""

    low: int
    high: int

    ANY: ClassVar[HardwareRange]

    def __post_init__(self) -> None:
        _check_long_unsigned(self.low)
        _check_long_unsigned(self.high)
        if self.low > self.high:
            raise ValueError(f"a hardware range from {self.low} down to {self.high} is empty")

    @classmethod
    def parse(cls, text: str) -> HardwareRange:
        """From ``"any"``, ``"3"``, ``"3..7"`` or ``"3-7"``. Raises ``ValueError``."""
        if text == "any":
            return cls.ANY
        match = _HARDWARE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a hardware range; write 'any', '3' or '3..7'")
        low = int(match[1])
        return cls(low, low if match[2] is None else int(match[2]))

    @property
    def is_any(self) -> bool:
        """Whether every hardware revision is meant."""
        return self == self.ANY

    def __contains__(self, revision: int) -> bool:
        return self.low <= revision <= self.high

    def __str__(self) -> str:
        if self.is_any:
            return "any"
        return str(self.low) if self.low == self.high else f"{self.low}..{self.high}"


HardwareRange.ANY = HardwareRange(0, 0xFFFF)


@dataclass(slots=True, frozen=True, kw_only=True)
class Container:
    """What was read from a container. ``None`` means that the container does not say.

    Attributes:
        format: The name of the format, e.g. ``"dfw"``.
        image_identifier: What image_transfer_initiate names; 1 to 64 octets.
        payload_offset: Where the payload begins in the container, in octets.
        payload_length: Octets of payload.
        part: Value group B of the firmware part, 0 to 9.
        meter_type: Text that the meter's own type must equal; 1 to 64 octets of UTF-8.
        hardware: Hardware revisions that the image is for.
        firmware_version: The version inside.
        minimum_previous_version: The oldest version that may be upgraded with it.
        signature: ECDSA P-256 with SHA-256 over the first ``signed_length`` octets, raw r||s, 64 octets.
        signed_length: Octets under the signature, from the first octet of the container on.
        key_id: Which key signed, see :func:`dlms_fw.signing_keys.key_id`.
    """

    format: str
    image_identifier: bytes
    payload_offset: int
    payload_length: int
    part: int | None = None
    meter_type: str | None = None
    hardware: HardwareRange | None = None
    firmware_version: Version | None = None
    minimum_previous_version: Version | None = None
    signature: bytes | None = None
    signed_length: int = 0
    key_id: bytes | None = None

    def __post_init__(self) -> None:
        check_identifier(self.image_identifier)
        if self.part is not None and self.part not in PARTS:
            raise ImageRejected(f"firmware part {self.part} does not exist; parts are 0 to 9", reason="part")
        if self.meter_type is not None:
            check_meter_type(self.meter_type)
        if self.payload_length < 1:
            raise ImageRejected("the image has no payload", reason="size")


def check_identifier(image_identifier: bytes) -> None:
    """Refuse an image identifier that no container may carry."""
    if not 1 <= len(image_identifier) <= IDENTIFIER_LIMIT:
        raise ImageRejected(
            f"an image identifier has 1 to {IDENTIFIER_LIMIT} octets, this one has {len(image_identifier)}",
            reason="identifier",
            hint="an MCS301 wants exactly 6 octets",
        )


def check_meter_type(meter_type: str) -> None:
    """Refuse a meter type that is empty, too long, or looks like another one on a screen."""
    octets = len(meter_type.encode("utf-8", "surrogatepass"))
    if not 1 <= octets <= METER_TYPE_LIMIT:
        raise ImageRejected(
            f"a meter type has 1 to {METER_TYPE_LIMIT} octets of UTF-8, this one has {octets}",
            reason="meter-type",
        )
    if not meter_type.isprintable() or meter_type != meter_type.strip():
        raise ImageRejected(
            f"the meter type {meter_type!r} has blanks at an end or characters that cannot be printed",
            reason="meter-type",
        )
