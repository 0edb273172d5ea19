"""HDLC: frames, right ones and damaged ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, expect
from dlms_fw.conformance.wire.hdlc_frames import (
    DISC,
    DM,
    FLAG,
    FRMR,
    SNRM,
    UA,
    Frame,
    check_sequence,
    rr,
)
from dlms_fw.conformance.wire.hdlc_station import HdlcStation, name_of, parameters

_PROPOSAL: Final = parameters({"max_info_transmit": (128, 1), "max_info_receive": (128, 1)})
_NOISE_OCTETS: Final = 1000
_UNUSED_CONTROLS: Final = (0x09, 0x0D, 0x1B, 0x2F, 0x4F, 0xAF, 0xEF, 0xFF)
_REFUSALS: Final = frozenset({FRMR, DM})


def pause(site: Site) -> None:
    """Let a frame that has begun and does not go on be given up."""
    site.sleep(1.1 * site.declaration.hdlc.inter_octet_timeout_s)


def unanswered(site: Site, station: HdlcStation, what: str) -> None:
    """Nothing comes back to what was just sent."""
    answer = station.receive()
    expect(answer is None, f"no answer to {what}", name_of(answer))
    site.step(f"{what}: no answer")


def unlinked(station: HdlcStation, what: str) -> None:
    """There is no link: DISC is answered by DM."""
    answer = station.disconnect()
    expect(answer is not None and answer.control == DM, f"DM to DISC after {what}", name_of(answer))


def refused_or_unanswered(site: Site, station: HdlcStation, what: str) -> None:
    """What was just sent is refused with FRMR or DM, or not answered."""
    answer = station.receive()
    refused = answer is None or answer.control in _REFUSALS
    expect(refused, f"FRMR, DM or silence to {what}", name_of(answer))
    site.step(f"{what}: {name_of(answer)}")


@case("HD-01")
def link_up_alive_down(site: Site) -> None:
    """The link comes up, shows that it is alive, and goes down."""
    station = site.hdlc()
    station.make_idle()
    station.connect()
    alive = station.ask(rr(0))
    expect(alive is not None and alive.control == rr(0), "RR N(R)=0 with the final bit", name_of(alive))
    ended = station.disconnect()
    expect(ended is not None and ended.control == UA, "UA to DISC", name_of(ended))
    again = station.disconnect()
    expect(again is not None and again.control == DM, "DM to a second DISC", name_of(again))


@case("HD-02")
def frame_that_does_not_end(site: Site) -> None:
    """A frame that is begun and not ended is given up after the inter-octet timeout."""
    station = site.hdlc()
    station.connect()
    station.connection.send(station.frame(DISC).encode()[:-1])
    pause(site)
    alive = station.ask(rr(0))
    expect(alive is not None and alive.control == rr(0), "RR after an unfinished DISC", name_of(alive))


@case("HD-03")
def inactivity(site: Site) -> None:
    """A silent link is given up."""
    station = site.hdlc()
    station.connect()
    site.sleep(1.1 * site.declaration.inactivity_s)
    unlinked(station, f"{1.1 * site.declaration.inactivity_s:g} s of silence")


@case("HD-04")
def without_flags(site: Site) -> None:
    """SNRM without one of its flags is no frame."""
    station = site.hdlc()
    station.make_idle()
    whole = station.frame(SNRM).encode()
    for octets, what in (
        (whole[1:], "SNRM without its first flag"),
        (whole[:-1], "SNRM without its last flag"),
        (whole[1:-1], "SNRM without flags"),
    ):
        pause(site)  # or the last flag of the frame before would be the first of this one
        station.connection.send(octets)
        unanswered(site, station, what)
        pause(site)
        unlinked(station, what)


@case("HD-05")
def too_short(site: Site) -> None:
    """A frame shorter than the shortest is no frame."""
    station = site.hdlc()
    station.make_idle()
    content = station.frame(SNRM).content()
    for length in range(1, 7):
        short = bytes((0xA0, length)) + content[2:]
        covered = short[: max(0, length - 2)]
        station.connection.send(FLAG + (covered + check_sequence(covered))[-length:] + FLAG)
        unanswered(site, station, f"a frame of {length} octets")
        pause(site)
    station.connect()


@case("HD-06")
def other_format(site: Site) -> None:
    """Only format type 3 (1010) is HDLC of DLMS/COSEM."""
    station = site.hdlc()
    station.make_idle()
    for kind in range(16):
        if kind != 0b1010:
            station.connection.send(station.frame(SNRM).encode(format_field=kind << 12))
            unanswered(site, station, f"format type {kind:04b}")
            pause(site)
            unlinked(station, f"format type {kind:04b}")
    station.connect()


@case("HD-07")
def lying_length(site: Site) -> None:
    """A length that does not lead to a flag makes no frame."""
    station = site.hdlc()
    station.make_idle()
    right = len(station.frame(SNRM).content()) + 2
    for length in (right - 1, right + 1, 0, 2047):
        station.connection.send(station.frame(SNRM).encode(length=length))
        unanswered(site, station, f"a length of {length} instead of {right}")
        pause(site)
    unlinked(station, "wrong lengths")
    station.connect()


@case("HD-08")
def unused_controls(site: Site) -> None:
    """Control fields that are not used do not harm the link."""
    station = site.hdlc()
    for control in _UNUSED_CONTROLS:
        station.connect()
        station.send(station.frame(control))
        refused_or_unanswered(site, station, f"control field {control:#04x}")
    station.connect()


@case("HD-09")
def wrong_header_check(site: Site) -> None:
    """A header that is damaged is not believed, even where the frame as a whole checks."""
    station = site.hdlc()
    station.make_idle()
    frame = station.frame(SNRM, _PROPOSAL)
    station.connection.send(frame.encode(header_check=b"\x00\x00"))
    unanswered(site, station, "a wrong HCS under a right FCS")
    unlinked(station, "a wrong HCS")


@case("HD-10")
def wrong_frame_check(site: Site) -> None:
    """A frame that is damaged is dropped."""
    station = site.hdlc()
    station.make_idle()
    frame = station.frame(SNRM)
    right = check_sequence(frame.content())
    wrong = {
        "an inverted FCS": bytes(octet ^ 0xFF for octet in right),
        "an FCS of zeros": bytes(2),
        "a swapped FCS": right[::-1],
        "an FCS with one bit turned": bytes((right[0] ^ 1, right[1])),
    }
    for what, check in wrong.items():
        station.connection.send(frame.encode(frame_check=check))
        unanswered(site, station, what)
        pause(site)
    unlinked(station, "wrong FCS")


@case("HD-31")
def flags_between(site: Site) -> None:
    """One flag may end a frame and begin the next, and there may be many in between."""
    station = site.hdlc()
    first, second = station.frame(SNRM).encode(), station.frame(rr(0)).encode()
    for octets, what in (
        (first + second[1:], "one shared flag"),
        (first + FLAG * 20 + second, "twenty flags"),
    ):
        station.make_idle()
        station.connection.send(octets)
        _answers(station, (UA, rr(0)), what)
        site.step(f"{what}: UA and RR")


def _answers(station: HdlcStation, controls: Sequence[int], what: str) -> None:
    for control in controls:
        answer = station.receive()
        expected = Frame(b"", b"", control).name
        found = answer is not None and answer.control == control
        expect(found, f"{expected} to frames with {what}", name_of(answer))


@case("HD-32")
def in_two_pieces(site: Site) -> None:
    """A frame may come in pieces, as long as the pauses are short."""
    station = site.hdlc()
    whole = station.frame(SNRM).encode()
    for cut in range(1, len(whole)):
        station.make_idle()
        station.connection.send(whole[:cut])
        site.sleep(0.5 * site.declaration.hdlc.inter_octet_timeout_s)
        station.connection.send(whole[cut:])
        answer = station.receive()
        connected = answer is not None and answer.control == UA
        expect(connected, f"UA to SNRM cut after {cut} octets", name_of(answer))


@case("HD-33")
def noise(site: Site) -> None:
    """Noise on the line does not keep the meter from hearing the next frame."""
    station = site.hdlc()
    station.make_idle()
    station.connection.send(random.Random(33).randbytes(_NOISE_OCTETS))  # noqa: S311 - repeatable noise
    station.silence()
    pause(site)
    station.connect()


@case("HD-36")
def senseless_parameters(site: Site) -> None:
    """Parameters that cannot be read are refused or left out, and nothing is read beyond them."""
    station = site.hdlc()
    senseless = {
        "an unknown parameter": bytes.fromhex("818003 3F 01 05"),
        "a group longer than the frame": bytes.fromhex("818020 0501 80"),
        "a group shorter than its contents": bytes.fromhex("818001 0501 80 0601 80"),
        "a cut parameter": bytes.fromhex("818002 0502"),
        "a value of nine octets": bytes.fromhex("81800B 0509 000000000000000080"),
        "another format": bytes.fromhex("828003 0501 80"),
        "half a header": b"\x81",
    }
    for what, octets in senseless.items():
        station.make_idle()
        answer = station.ask(SNRM, octets)
        site.step(f"{what}: {name_of(answer)}")
        if answer is not None and answer.control not in {UA, *_REFUSALS}:
            raise Failed(f"UA, DM, FRMR or silence to SNRM with {what}", name_of(answer))
        station.make_idle()
        station.connect()
