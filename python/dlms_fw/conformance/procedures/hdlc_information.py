"""HDLC: I frames, their numbers, windows and segments, with an association on top."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from dlms_fw._core import AssociationRequest, InitiateRequest
from dlms_fw.conformance.procedures.application_association import reads
from dlms_fw.conformance.procedures.hdlc_frames import pause, refused_or_unanswered
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import LARGE_FRAMES, Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.acse import AARE
from dlms_fw.conformance.wire.apdus import get, is_exception
from dlms_fw.conformance.wire.apdus import name_of as apdu_name
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.conformance.wire.hdlc_frames import DM, UA, Frame, information, rnr, rr
from dlms_fw.conformance.wire.hdlc_station import (
    DEFAULT_INFORMATION,
    DEFAULT_WINDOW,
    LLC_TO_METER,
    HdlcStation,
    name_of,
    parameters,
)

_LARGEST_WINDOW: Final = parameters({"window_transmit": (7, 4), "window_receive": (7, 4)})
_WRONG_LLC: Final = bytes.fromhex("E6E6AA")
_ROUNDS: Final = 26
_SEGMENT: Final = 20
_CONFORMANCE: Final = 0x00_10_1D


def plain_aarq(*, padding: bytes = b"") -> bytes:
    """An AARQ without authentication, which every meter can read and may refuse."""
    return AssociationRequest(
        1, InitiateRequest(_CONFORMANCE, 1024).encode(), implementation_information=padding or None
    ).encode()


def _associated(site: Site, proposal: bytes = LARGE_FRAMES) -> tuple[HdlcStation, HandMade]:
    station = site.hdlc()
    station.connect(proposal)
    return station, site.associate(line=station)


def _question(site: Site, association: HandMade) -> bytes:
    return association.session.protect(get(site.declaration.readable))


def is_aare(apdu: bytes | None) -> bool:
    """Whether an APDU is an AARE, whatever it says."""
    return apdu is not None and apdu[:1] == bytes((AARE,))


@case("HD-18")
def segmented_aarq(site: Site) -> None:
    """An AARQ comes through whole and in segments."""
    for size in (None, _SEGMENT):
        station = site.hdlc()
        station.make_idle()
        station.connect(LARGE_FRAMES)
        station.segment_size = size
        reads(site, site.associate(line=station))
        site.step("in one frame" if size is None else f"in segments of {size} octets")
        station.disconnect()


@case("HD-19")
def too_long(site: Site) -> None:
    """What is longer than agreed is not carried out."""
    station = site.hdlc()
    station.make_idle()
    station.connect()
    long = LLC_TO_METER + plain_aarq(padding=bytes(2 * max(DEFAULT_INFORMATION, station.room)))
    station.send(station.frame(information(0, 0), long))
    refused_or_unanswered(site, station, f"an information field of {len(long)} octets")
    station.make_idle()
    station.connect()


@case("HD-20")
def wrong_acknowledgement(site: Site) -> None:
    """Nobody acknowledges what was never sent."""
    station = site.hdlc()
    for control, payload, what in (
        (rr(5), b"", "RR N(R)=5"),
        (information(0, 5), LLC_TO_METER + plain_aarq(), "I N(R)=5"),
    ):
        station.make_idle()
        station.connect()
        station.send(station.frame(control, payload))
        refused_or_unanswered(site, station, what)
    station.make_idle()
    station.connect()


@case("HD-21")
def out_of_sequence(site: Site) -> None:
    """An I frame out of sequence is not carried out; the right one is asked for."""
    station = site.hdlc()
    station.make_idle()
    station.connect()
    answer = station.ask(information(3, 0), LLC_TO_METER + plain_aarq())
    expect(answer is not None and answer.control == rr(0), "RR N(R)=0", name_of(answer))


@case("HD-22")
def without_link(site: Site) -> None:
    """Without a link there is no I frame."""
    station = site.hdlc()
    station.make_idle()
    answer = station.ask(information(0, 0), LLC_TO_METER + plain_aarq())
    expect(answer is None or answer.control == DM, "DM or silence", name_of(answer))


@case("HD-23")
def doubled(site: Site) -> None:
    """A frame that comes twice is carried out once."""
    station, association = _associated(site)
    frame = station.frame(
        information(station.sent, station.received), LLC_TO_METER + _question(site, association)
    )
    station.send(frame)
    station.sent = station.sent + 1 & 7
    first = station.hear_frame()
    if first is None:
        raise Inconclusive("no answer to an ordinary request")
    station.send(frame)
    again = station.receive()
    stored = again is not None and (
        again.control == rr(station.sent)
        or (again.send_number == first.send_number and again.information == first.information)
    )
    expect(stored, f"RR N(R)={station.sent} or the stored answer", name_of(again))
    site.step(f"the same frame again: {name_of(again)}")
    reads(site, association)


@case("HD-24")
def lost_answer(site: Site) -> None:
    """An answer that was not acknowledged comes again when polled."""
    station, association = _associated(site)
    before = station.received
    station.say(_question(site, association))
    first = station.hear_frame()
    again = station.ask(rr(before))
    expect(first is not None, "an answer", name_of(first))
    expect(again == first, f"{name_of(first)} once more", name_of(again))


@case("HD-25")
def numbers_go_round(site: Site) -> None:
    """Sequence numbers go on from 7 to 0."""
    _, association = _associated(site)
    for _ in range(_ROUNDS):
        reads(site, association)


def _window(station: HdlcStation) -> int:
    window = station.agreed.get("window_receive", DEFAULT_WINDOW)
    if window == DEFAULT_WINDOW:
        raise Inapplicable("the meter takes windows of one frame only")
    return window


def _pieces(count: int) -> list[bytes]:
    """An AARQ in exactly so many pieces."""
    octets = LLC_TO_METER + plain_aarq()
    cuts = [len(octets) * number // count for number in range(count + 1)]
    return [octets[start:end] for start, end in pairwise(cuts)]


def _segment(station: HdlcStation, number: int, piece: bytes, *, poll: bool, more: bool) -> Frame:
    return station.frame(information(number & 7, 0, poll=poll), piece, segmented=more)


@case("HD-26")
def full_window(site: Site) -> None:
    """As many segments as the window has are acknowledged by one RR."""
    station = site.hdlc()
    station.connect(_LARGEST_WINDOW)
    window = _window(station)
    pieces = _pieces(window + 1)
    for number, piece in enumerate(pieces[:window]):
        station.send(_segment(station, number, piece, poll=number == window - 1, more=True))
    answer = station.receive()
    ready = answer is not None and answer.control == rr(window)
    expect(ready, f"one RR N(R)={window} to {window} segments", name_of(answer))
    for number, piece in enumerate(pieces[window:], window):
        last = number == len(pieces) - 1
        station.send(_segment(station, number, piece, poll=True, more=not last))
        station.sent = number + 1 & 7
    heard = station.hear()
    expect(is_aare(heard), "AARE to the whole", apdu_name(heard))


@case("HD-27")
def beyond_window(site: Site) -> None:
    """A frame beyond the window does no harm."""
    station = site.hdlc()
    station.connect(_LARGEST_WINDOW)
    window = _window(station)
    pieces = _pieces(window + 2)
    for number, piece in enumerate(pieces[: window + 1]):
        station.send(_segment(station, number, piece, poll=number == window, more=True))
    answer = station.receive()
    allowed = answer is None or answer.control in {DM, rr(window)} or name_of(answer) == "FRMR"
    expect(allowed, f"RR N(R)={window}, FRMR, DM or silence", name_of(answer))
    station.make_idle()
    station.connect()


@case("HD-28")
def segmented_answer(site: Site) -> None:
    """A long answer comes in segments that fit what was agreed."""
    station, association = _associated(site, b"")
    most = station.agreed.get("max_info_transmit", DEFAULT_INFORMATION)
    station.say(association.session.protect(get(site.declaration.long_value)))
    heard = station.hear()
    expect(heard is not None, "an answer", "none")
    if station.segments == 1:
        raise Inconclusive(f"{site.declaration.long_value} is too short: its answer fits one frame")
    site.step(f"{station.segments} segments")
    expect(station.longest <= most, f"at most {most} octets in a segment", station.longest)
    assert heard is not None  # noqa: S101 - looked at above
    plain = association.session.unprotect(heard)
    expect(plain[:1] == b"\xc4", "a get-response", apdu_name(plain))


@case("HD-29")
def begun_before(site: Site) -> None:
    """What was begun on an earlier link is forgotten."""
    station = site.hdlc()
    station.connect(LARGE_FRAMES)
    station.send(_segment(station, 0, LLC_TO_METER + plain_aarq()[:_SEGMENT], poll=True, more=True))
    ready = station.receive()
    expect(ready is not None and ready.control == rr(1), "RR N(R)=1 to the first segment", name_of(ready))
    station.connect(LARGE_FRAMES)
    reads(site, site.associate(line=station))


@case("HD-30")
def link_anew(site: Site) -> None:
    """A new link begins at 0 and has no association on it."""
    station, association = _associated(site)
    reads(site, association)
    question = _question(site, association)
    station.connect(LARGE_FRAMES)
    heard = station.request(question)
    refused = heard is None or is_exception(heard)
    expect(refused, "an exception or silence to a request without association", apdu_name(heard))


@case("HD-34")
def flags_inside(site: Site) -> None:
    """Octets 7E in an information field end no frame."""
    station = site.hdlc()
    station.make_idle()
    station.connect(LARGE_FRAMES)
    heard = station.request(plain_aarq(padding=b"~" * 8))
    expect(is_aare(heard), "AARE to an AARQ with octets 7E", apdu_name(heard))


@case("HD-37")
def every_bit(site: Site) -> None:
    """No damaged frame is carried out."""
    station, association = _associated(site)
    whole = station.frame(
        information(station.sent, station.received), LLC_TO_METER + _question(site, association)
    ).encode()
    for bit in range(8, 8 * (len(whole) - 1)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        station.connection.send(bytes(damaged))
        answer = station.ask(rr(station.received))
        if answer is None:  # the poll was taken for the rest of a longer frame
            pause(site)
            answer = station.ask(rr(station.received))
        untouched = answer is not None and answer.control == rr(station.sent)
        expect(untouched, f"RR N(R)={station.sent} after bit {bit} was turned", name_of(answer))
    site.step(f"{8 * (len(whole) - 2)} damaged frames, none carried out")
    reads(site, association)


def _first_segment(site: Site) -> tuple[HdlcStation, HandMade]:
    station, association = _associated(site, b"")
    station.say(association.session.protect(get(site.declaration.long_value)))
    first = station.hear_frame()
    if first is None or not first.segmented:
        raise Inconclusive(f"{site.declaration.long_value} is too short: its answer fits one frame")
    return station, association


@case("HD-38")
def down_in_the_middle(site: Site) -> None:
    """DISC ends an answer that is under way for good."""
    station, _ = _first_segment(site)
    ended = station.disconnect()
    expect(ended is not None and ended.control == UA, "UA to DISC", name_of(ended))
    station.connect(LARGE_FRAMES)
    reads(site, site.associate(line=station))


@case("HD-40")
def not_ready(site: Site) -> None:
    """A client that is not ready is sent nothing until it is."""
    station, _ = _first_segment(site)
    held = station.ask(rnr(station.received))
    expect(held is None or not held.is_information, "no I frame after RNR", name_of(held))
    site.step(f"RNR: {name_of(held)}")
    more = station.ask(rr(station.received))
    going_on = more is not None and more.is_information and more.send_number == station.received
    expect(going_on, f"I N(S)={station.received} after RR", name_of(more))


@case("HD-41")
def without_meaning(site: Site) -> None:
    """An empty I frame and an unknown LLC header are not carried out, and do no harm."""
    for payload, what in ((b"", "an empty I frame"), (_WRONG_LLC + plain_aarq(), "another LLC header")):
        station = site.hdlc()
        station.make_idle()
        station.connect()
        station.send(station.frame(information(0, 0), payload))
        answer = station.receive()
        site.step(f"{what}: {name_of(answer)}")
        ignored = answer is None or not answer.is_information
        expect(ignored, f"no I frame to {what}", name_of(answer))
        linked = answer is None or answer.control != DM
        alive = station.ask(rr(0)) if linked else station.connect()
        expect(alive is not None, f"a link that answers after {what}", name_of(alive))
        station.disconnect()
