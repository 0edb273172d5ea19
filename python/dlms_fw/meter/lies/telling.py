"""When a lie is told, and what the liar remembers of it."""

from __future__ import annotations

from typing import Protocol

from dlms_fw.meter.lies.lie import Lie


class Scene(Protocol):
    """What a lie may know of its meter, and do to it."""

    def monotonic(self) -> float:
        """Its time, in seconds."""

    @property
    def incoming_identifier(self) -> bytes | None:
        """The identifier of the image that is being received or was, if there is one."""

    def restart(self, lie: Lie) -> None:
        """Restarts the meter, in the manner of the lie."""


class Telling:
    """One lie of a meter with power.

    Attributes:
        lie: Which.
        scene: Where it is told.
        told: How often it has been told.
        kept: What was true when the lie began, for those that repeat it.
    """

    def __init__(self, lie: Lie, scene: Scene) -> None:
        self.lie = lie
        self.scene = scene
        self.told = 0
        self.kept: bytes | None = None
        self._occasions = 0
        self._since: float | None = None

    def is_due(self, block: int | None = None) -> bool:
        """Whether it is told on this occasion, which is about that block; says yes once for each occasion."""
        lie, now = self.lie, self.scene.monotonic()
        if lie.at_block is not None and block is not None and block != lie.at_block:
            return False
        self._occasions += 1
        if self._occasions <= (lie.after or 0) or 0 < (lie.times or 0) <= self.told:
            return False
        if lie.every and self._occasions % lie.every:
            return False
        if self._since is None:
            self._since = now
        if lie.seconds and now - self._since >= lie.seconds:
            return False
        self.told += 1
        return True

    def paused(self) -> bool:
        """Whether the pause since something went through is not over; begins the next one if it is."""
        now = self.scene.monotonic()
        if self._since is not None and now - self._since < (self.lie.pause or 0):
            self.told += 1
            return True
        self._since = now
        return False
