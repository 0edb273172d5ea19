"""The images of the cases: the good one that was declared, and the bad ones that are made from it.

What damages octets can be made of any image. What needs a signature over other statements needs the test key
that the meter trusts, and the container of this library; without them such cases are INAPPLICABLE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from dlms_fw.conformance.verdicts import Inapplicable
from dlms_fw.containers import dfw
from dlms_fw.containers.dfw import DfwContainer
from dlms_fw.image import Image, Version
from dlms_fw.signing_keys import PrivateKey, generate

_SIGNATURE_OCTETS: Final = 64
_TRAILER_LENGTH_FIELD: Final = 6
"""Where the trailer says how long its signature is: behind its magic and the algorithm."""


class Sent(NamedTuple):
    """What is sent to the meter under an identifier: an image, or what only looks like one."""

    what: str
    """For the report."""
    identifier: bytes
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What can be sent to one meter.

    Attributes:
        good: An image that the meter takes.
        back: Another one that it takes after it; where there is none, ``signing_key`` makes one.
        signing_key: A key for tests that the meter trusts.
        container: The format of ``good``.
    """

    good: Image
    back: Image | None = None
    signing_key: PrivateKey | None = None

    @property
    def is_dfw(self) -> bool:
        """Whether the form of the container is known here."""
        return self.good.container == dfw.NAME

    def variant(self, **changes: Any) -> Image:
        """The good image with other statements, signed by the test key. Raises Inapplicable."""
        return Image.from_bytes(self.variant_octets(**changes))

    def variant_octets(self, **changes: Any) -> bytes:
        """The octets of the same. ``payload`` and ``key`` may be among the changes. Raises Inapplicable."""
        if self.signing_key is None:
            raise Inapplicable("no test signing key was declared (signing_key = …)")
        contents = self._dfw
        settings: dict[str, Any] = {
            "payload": bytes(self.good.payload),
            "image_identifier": contents.image_identifier,
            "part": contents.part,
            "meter_type": contents.meter_type,
            "firmware_version": contents.firmware_version,
            "minimum_previous_version": contents.minimum_previous_version,
            "hardware": contents.hardware,
            "key": self.signing_key,
        }
        settings |= changes
        return dfw.build(settings.pop("payload"), **settings)

    def for_meter(self, version: Version | None, identifier: bytes | None) -> Images:
        """The same with a good image that a meter takes which runs that version under that identifier.

        With a second image the two take turns. With a test signing key a newer one is made where the good one
        is not newer. Otherwise there is only the one.
        """
        is_running = identifier == self.good.image_identifier
        if self.back is not None:
            return replace(self, good=self.back, back=self.good) if is_running else self
        own = self.good.firmware_version
        is_newer = version is None or own is None or own > version
        if self.signing_key is None or not self.is_dfw or (is_newer and not is_running):
            return self
        return replace(self, good=self._successor(version))

    def _successor(self, running: Version | None) -> Image:
        """The good image under another identifier, of a version above what runs and what is good."""
        least = self._dfw.firmware_version
        newest = least if running is None else max(least, running)
        return self.variant(
            image_identifier=other_identifier(self.good.image_identifier, newest.patch + 1),
            firmware_version=replace(newest, patch=newest.patch + 1),
        )

    def damaged(self) -> Iterator[Sent]:
        """The good image with one bit flipped, in each place that matters."""
        data, contents = self.good.data, self.good.contents
        last = len(data) - 1
        places = {
            "the first octet": 0,
            "the middle": contents.payload_offset + contents.payload_length // 2,
            "the first octet of the payload": contents.payload_offset,
            "the last octet": last,
        }
        if contents.signature is not None and (at := data.find(contents.signature)) >= 0:
            places["the signature"] = at + _SIGNATURE_OCTETS // 2
        if self.is_dfw:
            places["the header"] = contents.payload_offset - 1
        for place, offset in places.items():
            yield self._sent(f"one bit flipped in {place}", flipped(data, offset))

    def badly_signed(self) -> Iterator[Sent]:
        """The good image with signatures that are none. Raises Inapplicable."""
        contents, data = self._dfw, self.good.data
        signature = contents.signature
        if signature is None:
            raise Inapplicable("the declared image has no signature")
        at = data.rindex(signature)
        half = _SIGNATURE_OCTETS // 2
        swapped = signature[half:] + signature[:half]
        der = encode_dss_signature(
            int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        )
        body = data[: contents.signed_length]
        unsigned = data[: contents.signed_length] + dfw.sign(data, generate())[contents.signed_length :]
        yield self._sent("signed by another key", unsigned)
        yield self._sent("without a trailer", body)
        yield self._sent("with r and s exchanged", data[:at] + swapped)
        yield self._sent("with a signature of zeros", data[:at] + bytes(_SIGNATURE_OCTETS))
        yield self._sent("with half a signature", data[: at + half])
        length_at = contents.signed_length + _TRAILER_LENGTH_FIELD
        trailer = data[contents.signed_length : length_at] + len(der).to_bytes(2, "big")
        yield self._sent("with its signature in DER", body + trailer + data[length_at + 2 : at] + der)
        if self.signing_key is not None:
            yield self._sent("not signed at all", self.variant_octets(key=None))

    def wrong_lengths(self) -> Iterator[Sent]:
        """The good image with octets too many and too few."""
        data = self.good.data
        yield self._sent("one octet too many", data + b"\x00")
        yield self._sent("a hundred octets too many", data + bytes(100))
        yield self._sent("its last octet missing", data[:-1])

    @property
    def good_sent(self) -> Sent:
        """The good image itself."""
        return sent(self.good)

    @property
    def _dfw(self) -> DfwContainer:
        contents = self.good.contents
        if not isinstance(contents, DfwContainer):
            raise Inapplicable(f"the form of a {contents.format} image is not known to the suite")
        return contents

    def _sent(self, what: str, data: bytes) -> Sent:
        return Sent(what, self.good.image_identifier, data)


def sent(image: Image, what: str = "the image") -> Sent:
    """An image as it is sent."""
    return Sent(what, image.image_identifier, image.data)


def flipped(data: bytes, offset: int) -> bytes:
    """The same octets with one bit turned."""
    return data[:offset] + bytes([data[offset] ^ 0x01]) + data[offset + 1 :]


def other_identifier(identifier: bytes, number: int) -> bytes:
    """Another identifier of the same length; two numbers below 65,536 give two."""
    tail = min(2, len(identifier))
    value = (int.from_bytes(identifier[-tail:], "big") + 1 + number) % (1 << 8 * tail)
    return identifier[:-tail] + value.to_bytes(tail, "big")
