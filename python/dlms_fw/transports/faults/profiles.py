"""What a link is like, as values: the named profiles, and where a link is cut.

A profile says how long octets take and how often they do not come. It holds no state and no chance of its
own; :class:`~dlms_fw.transports.faults.ShapedLink` walks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Flavour: TypeAlias = Literal["line", "stream", "datagram"]
"""What becomes of a lost piece: a ``line`` has a gap, a ``stream`` sends it again and is late, of a
``datagram`` nothing arrives at all."""
Break: TypeAlias = Literal["closed", "silent", "half-open"]
"""How a link ends: both ends are told; nobody is told and nothing gets through; only the one direction is
dead, and nobody is told."""


class End(Enum):
    """The two ends of a link."""

    CLIENT = "client"
    METER = "meter"

    __hash__ = object.__hash__  # there is one of each, and they are looked up for every piece

    @property
    def other(self) -> End:
        """The end that hears what this one says."""
        return End.METER if self is End.CLIENT else End.CLIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProfile:
    """One kind of link. Change one with :func:`dataclasses.replace`.

    A piece is what is lost or damaged as a whole: a frame or a run of octets of a line, a segment of a
    stream, a fragment of a datagram.

    Attributes:
        name: For people.
        flavour: ``line``, ``stream`` or ``datagram``.
        rate: Bits per second on the medium, each way; of both ways together where only one end talks at a
            time.
        bits_per_octet: 8, or 10 with a start and a stop bit.
        delay_s: Shortest and longest time from one end to the other beside that of sending, in seconds;
            each piece takes one in between, but overtakes no other.
        half_duplex: Only one end talks at a time.
        turn_round_s: Pause before the other end talks, in seconds.
        piece_octets: Longest piece; 0 for whatever is sent at once.
        piece_overhead: Octets on the medium around each piece.
        loss: Share of pieces that do not arrive, 0.0 to 1.0.
        duplication: Share that arrive twice; not seen in a stream.
        reorder: Share that up to eight later ones may overtake; not seen in a stream.
        corruption: Share that arrive with one bit wrong; streams and datagrams have checksums and drop them.
        send_buffer: Octets that an end may have under way before sending waits.
    """

    name: str
    flavour: Flavour
    rate: float
    bits_per_octet: int = 8
    delay_s: tuple[float, float] = (0.0, 0.0)
    half_duplex: bool = False
    turn_round_s: float = 0.0
    piece_octets: int = 0
    piece_overhead: int = 0
    loss: float = 0.0
    duplication: float = 0.0
    reorder: float = 0.0
    corruption: float = 0.0
    send_buffer: int = 16_384

    def __post_init__(self) -> None:
        low, high = self.delay_s
        if not (0 < self.rate < float("inf") and 0 <= low <= high < float("inf")):
            raise ValueError("rate must be above 0, and delay_s from a shortest to a longest time")
        for share in ("loss", "duplication", "reorder", "corruption"):
            if not 0.0 <= getattr(self, share) <= 1.0:
                raise ValueError(f"{share} is a share from 0 to 1")
        if self.piece_octets < 0 or (self.flavour == "stream" and self.piece_octets == 0):
            raise ValueError("piece_octets must not be negative, and above 0 for a stream")

    def seconds(self, octets: float) -> float:
        """How long that many octets occupy the medium."""
        return octets * self.bits_per_octet / self.rate

    @property
    def round_trip_s(self) -> float:
        """Mean time that one octet needs there and an answer back, beside the time of sending them."""
        return sum(self.delay_s) + 2 * self.turn_round_s

    def optimum_s(self, octets: int) -> float:
        """The shortest time in which this link can carry that many octets one way, whoever sends them.

        They go once, at the full rate, with start and stop bits and with what is lost sent again, without
        a header and without a pause, and the last one takes half a round trip. No protocol is faster.
        """
        return self.seconds(octets) / (1.0 - self.loss) + self.round_trip_s / 2


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a link breaks, once.

    Attributes:
        after: Octets that still get through.
        sender: Counted are those of this end; ``None`` counts both ends' together.
        how: What the ends notice.
    """

    after: int
    sender: End | None = None
    how: Break = "closed"


def _serial(name: str, rate: float) -> LinkProfile:
    # 8 data bits, start and stop bit; ten milliseconds until the other end may talk.
    return LinkProfile(
        name=name, flavour="line", rate=rate, bits_per_octet=10, half_duplex=True, turn_round_s=0.01
    )


def _tcp(name: str, rate: float, delay_s: tuple[float, float], *, loss: float = 0.0) -> LinkProfile:
    # IPv4 and TCP without options have 40 octets.
    return LinkProfile(
        name=name,
        flavour="stream",
        rate=rate,
        delay_s=delay_s,
        piece_octets=1360,
        piece_overhead=40,
        loss=loss,
    )


LINKS: Final[Mapping[str, LinkProfile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            _serial("optical-9600", 9_600),
            _serial("rs485-19200", 19_200),
            _serial("rs485-115200", 115_200),
            _tcp("gprs", 40e3, (0.3, 0.3), loss=0.01),
            _tcp("nbiot", 60e3, (0.75, 1.5), loss=0.02),
            _tcp("lte-m", 375e3, (0.05, 0.05)),
            LinkProfile(
                name="plc",
                flavour="datagram",
                rate=20e3,
                half_duplex=True,
                turn_round_s=0.05,
                piece_octets=240,
                piece_overhead=20,
                loss=0.05,
            ),
            _tcp("ethernet", 100e6, (0.0005, 0.0005)),
        )
    }
)
"""Typical links by name: rates and times as seen in the field, not the best of a data sheet."""
