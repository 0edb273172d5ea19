"""What looks at a value of another object: whenever it may have changed, and at most once a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw._core import BitString, Data
from dlms_fw.cosem.references import ValueDefinition
from dlms_fw.cosem.server import CosemFault
from dlms_fw.errors import DecodeError
from dlms_fw.meter.live.plant import Attribute, Plant

SHORTEST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 3600.0


class ValueWatch:
    """Looks at a value: after it was set, after the load has changed, and once an hour.

    What is told in between is looked at soon after, so that two objects that act on each other take turns
    and do not run in a circle.
    """

    def __init__(
        self, plant: Plant, monitored: Callable[[], ValueDefinition], look: Callable[[float | None], None]
    ) -> None:
        """``look`` is told the value, ``None`` where there is no number."""
        self._plant = plant
        self._monitored = monitored
        self._look = look
        self._looked = -SHORTEST_SECONDS
        self._timer = plant.timer(self._due)
        self._timer.after(0.0)
        plant.watch(self._attribute_changed)
        plant.measurement.listeners.append(self.soon)

    def soon(self) -> None:
        """Looks as soon as it may."""
        since = self._plant.monotonic() - self._looked
        self._timer.after(max(0.0, SHORTEST_SECONDS - since))

    @property
    def value(self) -> float | None:
        """The value now."""
        monitored = self._monitored()
        try:
            data = self._plant.read(
                Attribute(monitored.class_id, monitored.logical_name, monitored.attribute_index)
            )
            return plain_number(Data.decode(data, strict=False))
        except (CosemFault, DecodeError, OSError):
            return None

    def _due(self, due: float) -> None:  # noqa: ARG002 (the value is as it is now)
        self._looked = self._plant.monotonic()
        change = self._plant.measurement.next_change
        self._timer.after(min(max(SHORTEST_SECONDS, change), LONGEST_SECONDS))
        self._look(self.value)

    def _attribute_changed(self, attribute: Attribute) -> None:
        monitored = self._monitored()
        if attribute == Attribute(monitored.class_id, monitored.logical_name, monitored.attribute_index):
            self.soon()


def plain_number(value: object) -> float | None:
    """The number in a value, ``None`` where none is; the first bit of a bit-string is the least."""
    plain = value.value if isinstance(value, Data) else value
    if isinstance(plain, BitString):
        return float(sum(1 << index for index, bit in enumerate(plain) if bit))
    return float(plain) if isinstance(plain, int | float) else None
