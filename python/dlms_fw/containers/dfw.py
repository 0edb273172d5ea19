"""DFW v1, the container of this library: header, payload, signature trailer; see ``docs/container.md``.

Only header and trailer are parsed by grammar; the payload is never copied. Everything that is not exactly as
documented is refused: unknown versions, flags, critical extensions, lengths that do not add up, octets after
the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from construct import (
    Array,
    Bytes,
    Check,
    Const,
    Construct,
    ConstructError,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    Rebuild,
    Struct,
    Tell,
    len_,
    this,
)
from construct import Container as ConstructContainer

from dlms_fw.containers import signature as signatures
from dlms_fw.containers.description import (
    ANY_VERSION,
    IDENTIFIER_LIMIT,
    IMAGE_SIZE_LIMIT,
    METER_TYPE_LIMIT,
    Container,
    HardwareRange,
    Version,
)
from dlms_fw.errors import ImageRejected
from dlms_fw.image_octets import ImageOctets, OctetsInMemory
from dlms_fw.signing_keys import KEY_ID_LENGTH, PrivateKey, TrustedKey, key_id, load_public_keys

NAME = "dfw"
MAGIC = b"\x89DFW\r\n\x1a\n"
"""High bit, both line ends and a DOS end-of-file: a transfer as text damages it visibly, as with PNG."""

CONTAINER_VERSION = 1
HEADER_LIMIT = 4096
"""Octets, extensions included."""

EXTENSION_LIMIT = 16
CRITICAL = 0x8000
"""Set in the type of an extension that a reader must understand."""

TRAILER_MAGIC = b"DFWS"
UNSIGNED, ECDSA_P256_SHA256 = 0, 1

_VERSION = Struct("major" / Int16ub, "minor" / Int16ub, "patch" / Int16ub)
_PREAMBLE = Struct("magic" / Const(MAGIC), "container_version" / Int16ub, "header_length" / Int16ub)
# A compiled grammar takes octets that end too soon for whole: so it checks the lengths of what varies.
_HEADER = Struct(
    "magic" / Const(MAGIC),
    "container_version" / Const(CONTAINER_VERSION, Int16ub),
    "header_length" / Int16ub,
    "flags" / Const(0, Int32ub),
    "payload_length" / Int64ub,
    "payload_sha256" / Bytes(32),
    "firmware_version" / _VERSION,
    "minimum_previous_version" / _VERSION,
    "hardware_low" / Int16ub,
    "hardware_high" / Int16ub,
    "part" / Int8ub,
    "extension_count" / Rebuild(Int8ub, len_(this.extensions)),
    "extension_count_limit" / Check(this.extension_count <= EXTENSION_LIMIT),
    "identifier_length" / Rebuild(Int8ub, len_(this.image_identifier)),
    "identifier_length_limit"
    / Check((this.identifier_length >= 1) & (this.identifier_length <= IDENTIFIER_LIMIT)),
    "meter_type_length" / Rebuild(Int8ub, len_(this.meter_type)),
    "meter_type_length_limit"
    / Check((this.meter_type_length >= 1) & (this.meter_type_length <= METER_TYPE_LIMIT)),
    "image_identifier" / Bytes(this.identifier_length),
    "image_identifier_is_whole" / Check(len_(this.image_identifier) == this.identifier_length),
    "meter_type" / Bytes(this.meter_type_length),
    "meter_type_is_whole" / Check(len_(this.meter_type) == this.meter_type_length),
    "extensions"
    / Array(
        this.extension_count,
        Struct(
            "type" / Int16ub,
            "length" / Rebuild(Int16ub, len_(this.value)),
            "value" / Bytes(this.length),
            "value_is_whole" / Check(len_(this.value) == this.length),
        ),
    ),
    "end" / Tell,
    "header_length_agrees" / Check(this.end == this.header_length),
    "header_length_limit" / Check(this.header_length <= HEADER_LIMIT),
)
_FIXED_HEADER_LENGTH = 76
_EXTENSION_HEAD_LENGTH = 4
_TRAILER_HEAD = Struct("magic" / Const(TRAILER_MAGIC), "algorithm" / Int16ub, "signature_length" / Int16ub)
_TRAILER = Struct(
    "magic" / Const(TRAILER_MAGIC),
    "algorithm" / Const(ECDSA_P256_SHA256, Int16ub),
    "signature_length" / Const(signatures.SIGNATURE_LENGTH, Int16ub),
    "key_id" / Bytes(KEY_ID_LENGTH),
    "signature" / Bytes(signatures.SIGNATURE_LENGTH),
)
_PREAMBLE_LENGTH = _PREAMBLE.sizeof()
_TRAILER_HEAD_LENGTH = _TRAILER_HEAD.sizeof()
_TRAILER_LENGTH = _TRAILER.sizeof()
_compiled = cache(Construct.compile)


class Extension(NamedTuple):
    """A field that v1 does not know: signed, carried along, and ignored unless it is ``CRITICAL``."""

    type: int
    value: bytes


@dataclass(slots=True, frozen=True, kw_only=True)
class DfwContainer(Container):
    """A container that was read. Its signature has the right form; if it is genuine, :func:`verify` says.

    Attributes:
        payload_sha256: SHA-256 of the payload, compared already by :func:`parse`.
        extensions: Extensions of the header, none of them critical.
    """

    part: int
    meter_type: str
    hardware: HardwareRange
    firmware_version: Version
    minimum_previous_version: Version
    payload_sha256: bytes
    extensions: tuple[Extension, ...] = ()


def build(
    payload: bytes,
    *,
    image_identifier: bytes,
    part: int,
    meter_type: str,
    firmware_version: Version,
    minimum_previous_version: Version = ANY_VERSION,
    hardware: HardwareRange = HardwareRange.ANY,
    extensions: Iterable[Extension] = (),
    key: PrivateKey | None = None,
) -> bytes:
    """A whole container, signed where ``key`` is given.

    Raises:
        ImageRejected: A field is outside what a container can say; ``reason`` names it.
    """
    if len(payload) > IMAGE_SIZE_LIMIT - HEADER_LIMIT - _TRAILER_LENGTH:
        raise ImageRejected(f"a payload of {len(payload)} octets is too large for an image", reason="size")
    # Building the description applies the rules of the single fields.
    container = DfwContainer(
        format=NAME,
        image_identifier=image_identifier,
        payload_offset=0,
        payload_length=len(payload),
        part=part,
        meter_type=meter_type,
        hardware=hardware,
        firmware_version=firmware_version,
        minimum_previous_version=minimum_previous_version,
        payload_sha256=sha256(payload).digest(),
        extensions=_checked(extensions),
    )
    header = _emit_header(container)
    signed_range = sha256(header)
    signed_range.update(payload)
    return b"".join((header, payload, _emit_trailer(signed_range.digest(), key)))


def parse(data: bytes) -> DfwContainer:
    """What a container says, after every check that needs no key: form, limits, payload digest.

    Raises:
        ImageRejected: ``container``, ``digest``, ``signature`` (its form), or the reason of a single field.
    """
    octets = OctetsInMemory(data)
    container = describe(octets)
    check_payload(container, octets)
    return container


def describe(octets: ImageOctets) -> DfwContainer:
    """What a container says, without a look at its payload; raises as :func:`parse`, but for ``digest``."""
    header = _parse_header(octets.read(0, HEADER_LIMIT))
    end = header.header_length + header.payload_length
    if end + _TRAILER_HEAD_LENGTH > octets.size:
        raise _damaged(
            f"it ends after {octets.size} octets, its header promises at least {end + _TRAILER_HEAD_LENGTH}",
            hint="the file was cut off: fetch it again",
        )
    signer, signature = _parse_trailer(octets.read(end, _TRAILER_LENGTH), octets.size - end)
    return DfwContainer(
        format=NAME,
        image_identifier=header.image_identifier,
        payload_offset=header.header_length,
        payload_length=header.payload_length,
        part=header.part,
        meter_type=_parse_text(header.meter_type),
        hardware=_parse_hardware(header.hardware_low, header.hardware_high),
        firmware_version=_parse_version(header.firmware_version),
        minimum_previous_version=_parse_version(header.minimum_previous_version),
        signature=signature,
        signed_length=end,
        key_id=signer,
        payload_sha256=header.payload_sha256,
        extensions=_checked(Extension(item.type, item.value) for item in header.extensions),
    )


def check_payload(container: DfwContainer, octets: ImageOctets) -> None:
    """Refuse a payload that has not the digest of the header: ImageRejected ``digest``."""
    digest = sha256()
    for run in octets.runs(container.payload_offset, container.signed_length):
        digest.update(run)
    if digest.digest() != container.payload_sha256:
        raise ImageRejected(
            "the payload does not have the SHA-256 of the header",
            reason="digest",
            hint="the file was damaged or altered: fetch it again",
        )


def sign(data: bytes, key: PrivateKey) -> bytes:
    """The same header and payload with a signature by ``key``; an earlier one is replaced."""
    container = parse(data)
    signed_range = memoryview(data)[: container.signed_length]
    return b"".join((signed_range, _emit_trailer(sha256(signed_range).digest(), key)))


def verify(data: bytes, trusted: Iterable[TrustedKey], *, require_low_s: bool = False) -> DfwContainer:
    """What a container says, once one of the trusted keys vouches for it.

    Raises:
        ImageRejected: As :func:`parse`, and ``unsigned``, ``untrusted`` or ``signature``.
        ConfigurationError: A trusted key cannot be used.
    """
    keys = load_public_keys(trusted)
    container = parse(data)
    digest = sha256(memoryview(data)[: container.signed_length]).digest()
    signatures.verify(container, digest, keys, require_low_s=require_low_s)
    return container


def _emit_header(container: DfwContainer) -> bytes:
    meter_type = container.meter_type.encode()
    fields = {
        "header_length": _FIXED_HEADER_LENGTH
        + len(container.image_identifier)
        + len(meter_type)
        + sum(_EXTENSION_HEAD_LENGTH + len(extension.value) for extension in container.extensions),
        "payload_length": container.payload_length,
        "payload_sha256": container.payload_sha256,
        "firmware_version": _version_fields(container.firmware_version),
        "minimum_previous_version": _version_fields(container.minimum_previous_version),
        "hardware_low": container.hardware.low,
        "hardware_high": container.hardware.high,
        "part": container.part,
        "image_identifier": container.image_identifier,
        "meter_type": meter_type,
        "extensions": [extension._asdict() for extension in container.extensions],
    }
    try:
        return bytes(_HEADER.build(fields))
    except ConstructError as error:
        raise ImageRejected(f"a DFW header cannot hold this: {_field(error)}", reason="container") from error


def _parse_header(data: bytes) -> ConstructContainer:
    if not data.startswith(MAGIC):
        raise ImageRejected("this is not a DFW container: its first 8 octets are others", reason="container")
    try:
        preamble = _parse(_PREAMBLE, data[:_PREAMBLE_LENGTH])
        if preamble.container_version != CONTAINER_VERSION:
            raise ImageRejected(
                f"the DFW container has version {preamble.container_version}, known is {CONTAINER_VERSION}",
                reason="container",
                hint="a newer dlms-fw may know it",
            )
        # So a header cannot reach into the payload, whatever its lengths say.
        return _parse(_HEADER, data[: min(preamble.header_length, HEADER_LIMIT)])
    except ConstructError as error:
        raise _damaged(f"its header is wrong or cut off at {_field(error)}") from error


def _parse(grammar: Construct, octets: bytes) -> ConstructContainer:
    """By the compiled grammar; where that stumbles, the grammar itself says over which field."""
    try:
        return _compiled(grammar).parse(octets)
    except (ConstructError, struct.error):
        return grammar.parse(octets)


def _parse_trailer(trailer: bytes, length: int) -> tuple[bytes, bytes] | tuple[None, None]:
    """Key id and signature, or neither. ``trailer`` begins the ``length`` octets after the signed range."""
    try:
        head = _parse(_TRAILER_HEAD, trailer[:_TRAILER_HEAD_LENGTH])
        if head.algorithm == UNSIGNED and head.signature_length == 0:
            _refuse_octets_after(length - _TRAILER_HEAD_LENGTH)
            return None, None
        if head.algorithm != ECDSA_P256_SHA256 or head.signature_length != signatures.SIGNATURE_LENGTH:
            raise ImageRejected(
                f"the trailer names algorithm {head.algorithm} and {head.signature_length} signature octets; "
                "known are 0 (none) with 0 and 1 (ECDSA P-256, raw r||s) with 64",
                reason="signature",
            )
        _refuse_octets_after(length - _TRAILER_LENGTH)
        whole = len(trailer) == _TRAILER_LENGTH
        fields = _parse(_TRAILER, trailer) if whole else _TRAILER.parse(trailer)
    except ConstructError as error:
        raise _damaged(f"its signature trailer is wrong or cut off at {_field(error)}") from error
    signatures.check_form(fields.signature)
    return fields.key_id, fields.signature


def _emit_trailer(digest: bytes, key: PrivateKey | None) -> bytes:
    if key is None:
        return bytes(_TRAILER_HEAD.build({"algorithm": UNSIGNED, "signature_length": 0}))
    signature = signatures.sign_digest(digest, key)
    return bytes(_TRAILER.build({"key_id": key_id(key.public_key()), "signature": signature}))


def _refuse_octets_after(count: int) -> None:
    if count > 0:
        raise _damaged(f"{count} octets follow its end")


def _checked(extensions: Iterable[Extension]) -> tuple[Extension, ...]:
    known: dict[int, Extension] = {}
    for extension in extensions:
        if extension.type & CRITICAL:
            raise ImageRejected(
                f"the header has the critical extension 0x{extension.type:04X}, which is not known here",
                reason="container",
                hint="a newer dlms-fw may know it",
            )
        if known.setdefault(extension.type, extension) is not extension:
            raise _damaged(f"its header has the extension 0x{extension.type:04X} twice")
    return tuple(known.values())


def _parse_text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise _damaged("its meter type is not UTF-8") from None


def _parse_hardware(low: int, high: int) -> HardwareRange:
    try:
        return HardwareRange(low, high)
    except ValueError as error:
        raise _damaged(str(error)) from None


def _parse_version(fields: ConstructContainer) -> Version:
    return Version(fields.major, fields.minor, fields.patch)


def _version_fields(version: Version) -> dict[str, int]:
    return {"major": version.major, "minor": version.minor, "patch": version.patch}


def _field(error: ConstructError) -> str:
    """The innermost field of a construct path such as ``(parsing) -> firmware_version -> major``."""
    return str(error.path).rpartition(" -> ")[2] if error.path else "its end"


def _damaged(what: str, *, hint: str | None = None) -> ImageRejected:
    return ImageRejected(f"the DFW container is damaged: {what}", reason="container", hint=hint)
