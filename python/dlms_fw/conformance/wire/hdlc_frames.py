"""HDLC frames of format type 3: addresses, control fields, check sequences; right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FLAG: Final = b"\x7e"
_FORMAT: Final = 0xA000
_SEGMENTED: Final = 0x0800
_LENGTH: Final = 0x07FF
_SHORTEST: Final = 7
"""Octets between the flags: format 2, one for each address, control, FCS 2."""

SNRM: Final = 0x93
DISC: Final = 0x53
UA: Final = 0x73
DM: Final = 0x1F
FRMR: Final = 0x97
UI: Final = 0x13
"""Control fields of unnumbered frames, with the poll or final bit."""
POLL: Final = 0x10
_NAMES: Final = {UA: "UA", DM: "DM", FRMR: "FRMR", UI: "UI", SNRM: "SNRM", DISC: "DISC"}


def rr(receive_number: int) -> int:
    """The control field of receive ready."""
    return receive_number << 5 | POLL | 0x01


def rnr(receive_number: int) -> int:
    """The control field of receive not ready."""
    return receive_number << 5 | POLL | 0x05


def information(send_number: int, receive_number: int, *, poll: bool = True) -> int:
    """The control field of an information frame."""
    return receive_number << 5 | (POLL if poll else 0) | send_number << 1


def _divided(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0x8408 if octet & 1 else 0)
    return octet


_REMAINDERS: Final = tuple(map(_divided, range(256)))


def check_sequence(octets: bytes) -> bytes:
    """CRC-16/X-25, low octet first (ISO/IEC 13239)."""
    register = 0xFFFF
    for octet in octets:
        register = register >> 8 ^ _REMAINDERS[(register ^ octet) & 0xFF]
    return (register ^ 0xFFFF).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An address of a server in one of its forms.

    Attributes:
        upper: The logical device.
        lower: The physical device; ``None`` in the form of one octet.
        size: Octets: 1, 2 or 4.
    """

    upper: int
    lower: int | None = None
    size: int = 1

    @property
    def octets(self) -> bytes:
        """As in a frame: seven bits to an octet, the last one marked."""
        if self.size == 1:
            return bytes((self.upper << 1 | 1,))
        lower = self.lower or 0
        if self.size == 2:
            return bytes((self.upper << 1, lower << 1 | 1))
        return bytes(
            (self.upper >> 7 << 1, (self.upper & 0x7F) << 1, lower >> 7 << 1, (lower & 0x7F) << 1 | 1)
        )

    def __str__(self) -> str:
        lower = "" if self.lower is None else f"/{self.lower}"
        return f"{self.upper}{lower} in {self.size} octet{'' if self.size == 1 else 's'}"


def client_address(sap: int) -> bytes:
    """The address of a client, one octet."""
    return bytes((sap << 1 | 1,))


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands in one frame.

    Attributes:
        destination: Address octets of whom it is for.
        source: Address octets of whom it is from.
        control: The control field.
        information: The information field.
        segmented: Whether another segment follows.
    """

    destination: bytes
    source: bytes
    control: int
    information: bytes = b""
    segmented: bool = False

    @property
    def is_information(self) -> bool:
        """Whether it is an I frame."""
        return not self.control & 0x01

    @property
    def send_number(self) -> int:
        """N(S) of an I frame."""
        return self.control >> 1 & 0x07

    @property
    def receive_number(self) -> int:
        """N(R) of an I, RR or RNR frame."""
        return self.control >> 5

    @property
    def has_final(self) -> bool:
        """Whether the poll or final bit is set."""
        return bool(self.control & POLL)

    @property
    def name(self) -> str:
        """What sort of frame, such as ``RR N(R)=0``."""
        if self.is_information:
            return f"I N(S)={self.send_number} N(R)={self.receive_number}"
        if self.control & 0x0F == 0x01:
            return f"RR N(R)={self.receive_number}"
        if self.control & 0x0F == 0x05:
            return f"RNR N(R)={self.receive_number}"
        return _NAMES.get(self.control | POLL, f"control {self.control:#04x}")

    def content(
        self, *, format_field: int | None = None, header_check: bytes | None = None, length: int | None = None
    ) -> bytes:
        """What stands between the flags, without the frame check sequence; fields may be given wrong ones."""
        total = 2 + len(self.destination) + len(self.source) + 1 + 2
        if self.information:
            total += 2 + len(self.information)
        field = _FORMAT if format_field is None else format_field
        field |= (_SEGMENTED if self.segmented else 0) | ((total if length is None else length) & _LENGTH)
        header = field.to_bytes(2, "big") + self.destination + self.source + bytes((self.control,))
        if not self.information:
            return header
        return header + (check_sequence(header) if header_check is None else header_check) + self.information

    def encode(
        self,
        *,
        format_field: int | None = None,
        header_check: bytes | None = None,
        frame_check: bytes | None = None,
        length: int | None = None,
    ) -> bytes:
        """The whole frame with both flags; fields may be given wrong ones."""
        content = self.content(format_field=format_field, header_check=header_check, length=length)
        return FLAG + content + (check_sequence(content) if frame_check is None else frame_check) + FLAG


def frames_in(octets: bytes) -> tuple[list[Frame], bytes]:
    """The whole, undamaged frames in a stream, and what may be the beginning of another."""
    found: list[Frame] = []
    at = 0
    while (at := octets.find(FLAG, at)) >= 0:
        start = at + 1
        if octets[start : start + 1] == FLAG:
            at = start
            continue
        if len(octets) < start + 2:
            return found, octets[at:]
        length = int.from_bytes(octets[start : start + 2], "big") & _LENGTH
        end = start + length
        if length >= _SHORTEST and len(octets) <= end:
            return found, octets[at:]
        frame = _frame(octets[start:end]) if length >= _SHORTEST and octets[end : end + 1] == FLAG else None
        if frame is None:
            at = start
            continue
        found.append(frame)
        at = end
    return found, b""


def _frame(octets: bytes) -> Frame | None:
    if octets[0] >> 4 != _FORMAT >> 12 or check_sequence(octets[:-2]) != octets[-2:]:
        return None
    destination, source = (address := _addresses(octets[2:]))[0], address[1]
    after = 2 + len(destination) + len(source)
    if not destination or not source or len(octets) < after + 3:
        return None
    information = octets[after + 1 : -2]
    if information:
        header = octets[: after + 1]
        if check_sequence(header) != information[:2] or len(information) < 3:
            return None
        information = information[2:]
    return Frame(destination, source, octets[after], information, bool(octets[0] & _SEGMENTED >> 8))


def _addresses(octets: bytes) -> tuple[bytes, bytes]:
    parts = _address_parts(octets)
    return next(parts, b""), next(parts, b"")


def _address_parts(octets: bytes) -> Iterator[bytes]:
    start = 0
    for at, octet in enumerate(octets):
        if octet & 0x01:
            yield octets[start : at + 1]
            start = at + 1
