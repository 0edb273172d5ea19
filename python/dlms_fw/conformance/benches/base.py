"""What a test bench can do to a meter: restart it, cut its power, move its time, look into its memory.

A black box has no bench: nothing of it can be done, and cases that need it are INAPPLICABLE.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn, TypeAlias

from dlms_fw.conformance.verdicts import Inapplicable
from dlms_fw.transports.base import TransportFactory

VERBS: Final = ("restart", "cut_power_at", "set_clock", "advance", "read_slot", "inject")
Facts: TypeAlias = Mapping[str, Any]


class Bench:
    """A bench that can do nothing; a real one overrides the verbs that it has and names them in ``verbs``.

    Attributes:
        name: For the report.
        verbs: Those of :data:`VERBS` that it can do.
    """

    name: str = "none"
    verbs: frozenset[str] = frozenset()

    def openers(self) -> Mapping[str, TransportFactory]:
        """How to connect over which medium, where the bench holds the meter itself."""
        return {}

    # Time

    def clock(self) -> float:
        """Monotonic seconds, on which all deadlines are."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass for us and for the meter."""
        time.sleep(seconds)

    def wall_clock(self) -> datetime:
        """The time of day, aware."""
        return datetime.now().astimezone()

    # Verbs

    def restart(self) -> None:
        """Take the power away and give it back; returns when the meter can be connected to."""
        self._lacks("restart")

    def cut_power_at(self, step: str, **details: Any) -> None:  # noqa: ARG002 - for a bench that can
        """Arm a power cut for when the meter does that; it stays without power until :meth:`restart`."""
        self._lacks("cut_power_at")

    def set_clock(self, moment: datetime) -> None:  # noqa: ARG002 - for a bench that can
        """Set the meter's clock past its interface."""
        self._lacks("set_clock")

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - for a bench that can
        """Let so many seconds pass for the meter, however long that takes us."""
        self._lacks("advance")

    def read_slot(self, name: str) -> Facts:  # noqa: ARG002 - for a bench that can
        """What a part of the meter's memory holds, such as a bank of firmware."""
        self._lacks("read_slot")

    def inject(self, fault: str, **details: Any) -> None:  # noqa: ARG002 - for a bench that can
        """Make the meter have a fault from now on; ``none`` ends all of them."""
        self._lacks("inject")

    def close(self) -> None:
        """Leave the meter as it was found."""

    def _lacks(self, verb: str) -> NoReturn:
        raise Inapplicable(f"the bench cannot do {verb}")
