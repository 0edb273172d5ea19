"""The medium itself: one piece after another at the rate of the link, and the accidents on its way.

Each kind of accident has a stream of chance of its own in each direction, so more of one does not move the
others.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from dlms_fw.transports.faults.profiles import End, LinkProfile

_OVERTAKERS: Final = 8
"""A reordered piece is late by the time of at most so many of its own length."""

_Piece = TypeVar("_Piece")


class Wire(Generic[_Piece]):
    """Both directions of one medium.

    Args:
        profile: What it is like.
        seed: Of its accidents and delays.
        damaged: A piece with one wrong bit, given a chance; ``None`` where a damaged piece does not arrive.
    """

    def __init__(
        self,
        profile: LinkProfile,
        seed: int,
        damaged: Callable[[_Piece, random.Random], _Piece] | None,
    ) -> None:
        self._profile = profile
        self._damaged = damaged
        self._chances = {
            (end, kind): random.Random(f"{seed} {end.value} {kind}")  # noqa: S311 (repeatable faults)
            for end in End
            for kind in ("delay", "loss", "duplication", "reorder", "corruption")
        }
        self._free = dict.fromkeys(End, 0.0)
        self._latest = dict.fromkeys(End, 0.0)
        self._talker: End | None = None
        self._under_way: list[tuple[float, int, End, _Piece]] = []
        self._serial = 0
        self.octets = 0
        """What has occupied the medium so far, overhead included."""
        self.accidents: Counter[str] = Counter()
        """How many pieces have met which: ``loss``, ``duplication``, ``reorder``, ``corruption``."""

    @property
    def due(self) -> float | None:
        """When the next piece arrives."""
        return self._under_way[0][0] if self._under_way else None

    def free_at(self, sender: End) -> float:
        """When all that this end has sent will have left it."""
        return self._free[sender]

    def carry(self, sender: End, piece: _Piece, octets: int, now: float) -> None:
        """Send a piece of that many octets, overhead not counted, as soon as the medium is free."""
        profile = self._profile
        octets += profile.piece_overhead
        left = max(now, self._free[sender])
        if self._talker is not sender:
            if profile.half_duplex and self._talker is not None:
                left += profile.turn_round_s
            self._talker = sender
        left += profile.seconds(octets)
        self.octets += octets
        self._free[sender] = left
        if profile.half_duplex:
            self._free[sender.other] = left
        self._fate(sender, piece, octets, left)

    def arrived(self, now: float) -> tuple[float, End, _Piece] | None:
        """The next piece that is there by now: when, at which end, and what."""
        if not self._under_way or self._under_way[0][0] > now:
            return None
        at, _, end, piece = heapq.heappop(self._under_way)
        return at, end, piece

    def _fate(self, sender: End, piece: _Piece, octets: int, left: float) -> None:
        profile = self._profile
        low, high = profile.delay_s
        at = left + (low if low == high else self._chances[sender, "delay"].uniform(low, high))
        if self._happens(sender, "loss", profile.loss):
            return
        if self._happens(sender, "corruption", profile.corruption):
            if self._damaged is None:
                return
            piece = self._damaged(piece, self._chances[sender, "corruption"])
        if self._happens(sender, "reorder", profile.reorder):
            at += profile.seconds(octets) * self._chances[sender, "reorder"].uniform(1.0, _OVERTAKERS)
        else:
            self._latest[sender] = at = max(at, self._latest[sender])
        self._arrives(at, sender.other, piece)
        if self._happens(sender, "duplication", profile.duplication):
            self._arrives(at + profile.seconds(octets), sender.other, piece)

    def _happens(self, sender: End, kind: str, share: float) -> bool:
        happens = share > 0.0 and self._chances[sender, kind].random() < share
        if happens:
            self.accidents[kind] += 1
        return happens

    def _arrives(self, at: float, end: End, piece: _Piece) -> None:
        self._serial += 1
        heapq.heappush(self._under_way, (at, self._serial, end, piece))
