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

VERBS: Final = (
    "restart",
    "cut_power_at",
    "set_clock",
    "advance",
    "read_slot",
    "inject",
    "configure",
    "renew",
)
Facts: TypeAlias = Mapping[str, Any]


class Bench:
    """A bench that can do nothing; a real one overrides the verbs that it has and names them in ``verbs``.

    Attributes:
        name: For the report.
        verbs: Those of :data:`VERBS` that it can do.
        is_simulated: Whether the meter is one of this library.
    """

    name: str = "none"
    verbs: frozenset[str] = frozenset()
    is_simulated: bool = False

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

    def restart(self, seconds_without: float = 0.0) -> None:  # noqa: ARG002 - for a bench that can
        """Take the power away and give it back after a time; returns when the meter can be connected to."""
        self._lacks("restart")

    def cut_power_at(self, step: str, **details: Any) -> None:  # noqa: ARG002 - for a bench that can
        """Arm a power cut for when the meter does that; it stays without power until :meth:`restart`.

        Args:
            step: ``block`` and ``verification``: the next time that it stores a block, or verifies.
                ``install``, ``start``, ``test`` and ``discard``: steps of an activation.
            details: ``operation`` says how far into the step, ``when`` whether ``before``, ``inside`` or
                ``after`` that; a bench that cannot tell cuts somewhere in the step.
        """
        self._lacks("cut_power_at")

    def has_power(self) -> bool:
        """Whether the meter has power; a bench that cuts it must know."""
        return True

    def set_clock(self, moment: datetime) -> None:  # noqa: ARG002 - for a bench that can
        """Set the meter's clock past its interface."""
        self._lacks("set_clock")

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - for a bench that can
        """Let so many seconds pass for the meter, however long that takes us."""
        self._lacks("advance")

    def read_slot(self, name: str) -> Facts:  # noqa: ARG002 - for a bench that can
        """What a part of the meter's memory holds.

        Args:
            name: ``image`` is what is received; ``running.N`` and ``other.N`` are the banks of firmware part
                N: each has ``size`` and ``sha256``. ``memory`` has the ``size`` of all that is stored but
                measurements and logs, which grow with time, ``wear`` how often each bank was erased, by its
                name.
        """
        self._lacks("read_slot")

    def inject(self, fault: str, **details: Any) -> None:  # noqa: ARG002 - for a bench that can
        """Make the meter have a fault from now on; ``none`` ends all of them.

        Args:
            fault: ``write-error`` of the memory for images, ``storage-full``, ``bit-rot`` in a ``slot`` at an
                ``offset``; of the next firmware that is activated: ``no-boot``, ``fails-self-test``,
                ``hangs``, ``mute``.
            details: As the fault needs them.
        """
        self._lacks("inject")

    def configure(self, **facts: Any) -> None:  # noqa: ARG002 - for a bench that can
        """Restart the meter with other settings of its maker, until ``inject("none")``.

        Args:
            facts: ``takes_older``: whether it takes older firmware. ``confirmation``: what confirms a new
                firmware, ``self-test`` or ``never``.
        """
        self._lacks("configure")

    def renew(self) -> None:
        """Replace the meter by one of the same kind as it left the factory; for what destroys it."""
        self._lacks("renew")

    def close(self) -> None:
        """Leave the meter as it was found."""

    def _lacks(self, verb: str) -> NoReturn:
        raise Inapplicable(f"the bench cannot do {verb}")
