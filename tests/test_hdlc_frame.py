"""Single frames and their check sequence: against sums made bit by bit, and damaged in every octet."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from dlms_fw._core import HdlcAddress, HdlcFrame, fcs16, fcs16_portable
from dlms_fw.errors import DecodeError
from hdlc_frames import check_sequence, frame

CLIENT = SERVER = HdlcAddress(1)
I_FRAME = 0x10


@pytest.mark.parametrize("sum_of", [fcs16, fcs16_portable])
def test_the_check_value_of_the_catalogue(sum_of: Callable[[bytes], int]) -> None:
    assert sum_of(b"123456789") == 0x906E


def test_sums_of_any_buffer_at_many_lengths() -> None:
    octets = random.Random(16).randbytes(2100)
    for length in [*range(300), 511, 512, 1024, 2030, 2100]:
        expected = int.from_bytes(check_sequence(octets[:length]), "little")
        assert fcs16(octets[:length]) == fcs16_portable(octets[:length]) == expected
    assert fcs16(bytearray(octets)) == fcs16(memoryview(octets)) == fcs16_portable(octets)


@pytest.mark.proves("hdlc-frames")
@pytest.mark.parametrize("length", [0, 1, 100, 2030])
def test_a_frame_is_written_and_read(length: int) -> None:
    information = random.Random(length).randbytes(length)
    ours = HdlcFrame(SERVER, CLIENT, I_FRAME, information)
    assert ours.encode() == frame(I_FRAME, information)
    assert HdlcFrame.decode(ours.encode()) == ours
    assert ours.information == information


@pytest.mark.parametrize("address", [HdlcAddress(0x7F), HdlcAddress(1, 17), HdlcAddress(1, 0x3FFF)])
def test_every_form_of_address(address: HdlcAddress) -> None:
    read = HdlcFrame.decode(HdlcFrame(address, CLIENT, 0x93, segmentation=True).encode())
    assert (read.destination, read.source, read.segmentation) == (address, CLIENT, True)
    assert (read.destination.upper, read.destination.lower) == (address.upper, address.lower)


def test_damage_to_any_octet_is_noticed() -> None:
    octets = frame(I_FRAME, bytes(range(60)))
    for position in range(len(octets)):
        damaged = bytearray(octets)
        damaged[position] ^= 0x04
        with pytest.raises(DecodeError):
            HdlcFrame.decode(damaged)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", "truncated"),
        (b"\x7e", "truncated"),
        (frame(I_FRAME)[1:], "unexpected-tag"),
        (frame(I_FRAME)[:-2] + b"\x00\x7e", "check-sequence"),
        (frame(I_FRAME)[:-1] + b"\x00\x7e", "wrong-length"),
        (b"\x7e\x00" + frame(I_FRAME)[2:], "unexpected-tag"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(octets: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        HdlcFrame.decode(octets)
    assert refusal.value.kind == kind


def test_what_no_frame_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="2047 octets"):
        HdlcFrame(SERVER, CLIENT, I_FRAME, bytes(2047))
    with pytest.raises(ValueError, match="address"):
        HdlcAddress(0x80)
