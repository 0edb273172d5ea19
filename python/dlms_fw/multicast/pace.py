"""How fast blocks go to a group: a meter that is busy writing drops what comes, and cannot say so."""

from __future__ import annotations

from typing import Final

_MUCH: Final = 0.1
"""A loss that may come from our haste."""
_BETTER: Final = 0.75
"""A slower pace was worth it where so much of the loss is left, or less."""
_GROWTH: Final = 4.0
_TRIES: Final = 2
_SHORTEST_S: Final = 0.002
_LONGEST_S: Final = 1.0


class Pace:
    """The pause after each block, by what the bitmaps show.

    It grows where much is lost. Where two slower passes lose as much as the one before, haste is not the
    reason, and the pause goes back to what it was.

    Args:
        least: The shortest pause, in seconds.

    Attributes:
        pause_seconds: The pause now.
        on_trial: Whether it is new, and the next blocks show whether it was worth it.
    """

    def __init__(self, least: float) -> None:
        self.pause_seconds = least
        self.on_trial = False
        self._proven = least
        self._loss = 1.0
        self._tries = 0
        self._settled = False

    def seen(self, loss: float, block_seconds: float) -> None:
        """At this pace so much is lost; a block takes so long, its pause included."""
        if self._settled:
            return
        if not self.on_trial or loss <= _BETTER * self._loss:
            self._proven, self._loss, self._tries = self.pause_seconds, loss, 0
        slower = min(max(_GROWTH * self.pause_seconds, block_seconds, _SHORTEST_S), _LONGEST_S)
        if loss >= _MUCH and self._tries < _TRIES and slower > self.pause_seconds:
            self._tries += 1
            self.on_trial, self.pause_seconds = True, slower
        else:
            self._settled = self.on_trial and self._proven != self.pause_seconds
            self.on_trial, self.pause_seconds = False, self._proven
