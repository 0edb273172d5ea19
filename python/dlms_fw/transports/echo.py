"""Half-duplex adapters give back what is said through them, before the answer.

The first thing said tells: an SNRM, or a sign-on, is nothing that a meter would say, so where it comes back
first the line echoes, and where something else comes it does not. Later frames could not tell: with equal
addresses at both ends a receive ready looks the same from either side.
"""

from __future__ import annotations


class EchoFilter:
    """Takes our own octets out of what is received on one line.

    Attributes:
        echoes: Whether the line echoes; ``None`` while that is not known.
    """

    def __init__(self) -> None:
        self.echoes: bool | None = None
        self._expected = b""
        self._held = b""

    def sent(self, octets: bytes) -> None:
        """This is going to be said."""
        if self.echoes is None or self.echoes:
            self._expected += octets

    def received(self, octets: bytes) -> bytes:
        """What of this, and of what was held back, has been said by somebody else."""
        if not self._expected:
            return octets
        heard = self._held + octets
        common = min(len(heard), len(self._expected))
        if heard[:common] != self._expected[:common]:
            # Something else: no echo from the beginning, or one that was disturbed, which the link drops.
            self.echoes = bool(self.echoes)
            self._expected = self._held = b""
            return heard
        if self.echoes is None and common < len(self._expected):
            self._held = heard
            return b""
        self.echoes = True
        self._expected = self._expected[common:]
        self._held = b""
        return heard[common:]
