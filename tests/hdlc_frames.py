"""HDLC frames written without the library, between client 1 and server 1."""

from __future__ import annotations


def frame(control: int, information: bytes = b"") -> bytes:
    """A whole frame of either side, for both addresses have the same octet."""
    length = 2 + 1 + 1 + 1 + (2 + len(information) if information else 0) + 2
    covered = (0xA000 | length).to_bytes(2, "big") + bytes((0x03, 0x03, control))
    if information:
        covered += check_sequence(covered) + information
    return b"\x7e" + covered + check_sequence(covered) + b"\x7e"


def check_sequence(octets: bytes) -> bytes:
    """CRC-16/X-25, low octet first."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")
