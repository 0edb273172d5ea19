"""What hangs on the meter: a power as a function of the time of the world, constant between known moments.

The same seed gives the same load for ever, so that energies, maxima and crossings of a threshold can be told
in advance. Nothing here knows the meter's own clock: what it is set to does not change what is consumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

DAY_SECONDS: Final = 86_400


class Load(Protocol):
    """A load; moments are seconds since 1970 (UTC) of the world."""

    def power(self, moment: float) -> float:
        """Active power in W; negative where energy is fed in."""

    def next_change(self, moment: float) -> float:
        """When the power may change next, strictly after ``moment``; infinity where it never does."""


@dataclass(frozen=True, slots=True)
class ConstantLoad:
    """Always the same power.

    Attributes:
        watts: The power; negative where energy is fed in.
    """

    watts: float

    def power(self, moment: float) -> float:  # noqa: ARG002 (the same at all times)
        """The power."""
        return self.watts

    def next_change(self, moment: float) -> float:  # noqa: ARG002 (never)
        """Never."""
        return math.inf


@dataclass(frozen=True, slots=True)
class HouseholdLoad:
    """A household: little at night, most in the evening, and some chance in each slot of time.

    Attributes:
        seed: Of the chance.
        mean_watts: The mean power over days.
        slot_seconds: How long the power stays the same.
        generation_watts: The most that is fed in, at noon; 0 without a generator.
    """

    seed: int = 0
    mean_watts: float = 400.0
    slot_seconds: int = 300
    generation_watts: float = 0.0

    def power(self, moment: float) -> float:
        """The power of the slot that the moment is in."""
        slot = math.floor(moment / self.slot_seconds)
        phase = 2 * math.pi * ((slot * self.slot_seconds) % DAY_SECONDS) / DAY_SECONDS
        evening = 1 - 0.6 * math.cos(phase - 2 * math.pi * 5 / 24) - 0.2 * math.cos(2 * phase)
        consumed = self.mean_watts * evening * (0.5 + chance(self.seed, slot))
        fed_in = self.generation_watts * max(0.0, -math.cos(phase)) * (0.5 + chance(self.seed + 1, slot) / 2)
        return consumed - fed_in

    def next_change(self, moment: float) -> float:
        """The end of the slot."""
        return (math.floor(moment / self.slot_seconds) + 1) * float(self.slot_seconds)


def chance(seed: int, number: int) -> float:
    """A number from 0 up to 1 that looks random and is always the same for the same two (splitmix64)."""
    mixed = (seed * 0x9E37_79B9_7F4A_7C15 + (number + 1) * 0xD1B5_4A32_D192_ED03) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58_476D_1CE4_E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D0_49BB_1331_11EB) & _MASK
    return ((mixed ^ mixed >> 31) >> 11) / (1 << 53)


_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
