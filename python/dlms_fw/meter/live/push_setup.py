"""Push setups (class_id 40): what the meter sends by itself, when, and how often again.

A push builds a data-notification of its objects and hands it to the drivers, which say whether it went out.
What is waiting is not remembered over a power cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.push_setup import (
    PushSetup,
    PushSetupV0,
    PushSetupV2,
    PushSetupV3,
)
from dlms_fw.cosem.references import WindowElement
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.enums.push_setup import PushOperationMethod
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.live.capture import value_of
from dlms_fw.meter.live.live_object import Kept, LiveObject
from dlms_fw.meter.live.plant import Notification, Outgoing, Plant
from dlms_fw.meter.schedule import next_moment

MOST_OBJECTS: Final = 45
"""What one push carries (COM200 manual, page 13)."""
DEFAULT_CLIENT: Final = 102
_OPEN: Final = b"\xff" * 8


def _objects_allowed(target: LivePushSetupV0, value: list[Any]) -> None:  # noqa: ARG001 (for all alike)
    if len(value) > MOST_OBJECTS:
        raise ValueError("too many objects")


class LivePushSetupV0(LiveObject, interface=PushSetupV0):
    """A push setup of version 0.

    An attempt begins after a random delay, within the communication window or when the next one begins. One
    that the driver could not deliver is repeated after the delay, as often as is said.
    """

    def __init__(self, instance_id: LogicalNameLike, values: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(instance_id, values, plant)
        self._timer = plant.timer(self._attempt)
        self._failed = 0

    push_object_list = Kept(check=_objects_allowed)
    send_destination_and_method = Kept()
    communication_window = Kept()
    randomisation_start_interval = Kept()
    number_of_retries = Kept()
    repetition_delay = Kept()

    def push(self) -> None:
        """Begins a push, in place of one that waits. Raises CosemFault where there is nothing to push."""
        if not self.push_object_list:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._failed = 0
        self._timer.after(float(self._plant.random_below(self.randomisation_start_interval + 1)))

    def _attempt(self, due: float) -> None:  # noqa: ARG002 (it is due)
        clock = self._plant.clock
        begin = _next_begin(self.communication_window, clock.naive(clock.utc))
        if begin is None:
            self._plant.push(Outgoing(self._notification(), self._confirmed, self._not_sent))
        elif begin != datetime.max:
            self._timer.at_clock(clock.instant(begin, clock.utc))

    def _not_sent(self) -> None:
        if self._failed < self.number_of_retries:
            self._failed += 1
            self._timer.after(self._delay())

    def _delay(self) -> float:
        """Before the repetition that comes now."""
        return float(self.repetition_delay)

    def _confirmed(self) -> None:
        """It has arrived, as far as can be known."""

    def _notification(self) -> Notification:
        destination = self.send_destination_and_method
        values = [value_of(self._plant, element) for element in self.push_object_list]
        return Notification(
            push_setup=self.logical_name,
            transport=int(destination.transport_service),
            destination=destination.destination,
            message=int(destination.message),
            client_sap=self._client_sap(),
            date_time=self._plant.clock.date_time,
            body=Data(Tag.STRUCTURE, tuple(values)).encode(),
            confirmed=self._asks_for_confirmation(),
        )

    def _client_sap(self) -> int:
        return DEFAULT_CLIENT

    def _asks_for_confirmation(self) -> bool:
        return False


class LivePushSetup(LivePushSetupV0, interface=PushSetup):
    """A push setup of version 1: entries of profiles can be chosen.

    ``push_protection_parameters`` are kept and not obeyed: a notification is protected as the policy of the
    meter demands.
    """

    port_reference = Kept()
    push_client_sap = Kept()
    push_protection_parameters = Kept()

    def _client_sap(self) -> int:
        return int(self.push_client_sap) or DEFAULT_CLIENT


class LivePushSetupV2(LivePushSetup, interface=PushSetupV2):
    """A push setup of version 2: delays grow, and notifications can be confirmed."""

    push_operation_method = Kept()
    confirmation_parameters = Kept()
    last_confirmation_date_time = Kept(read_only=True)

    def reset(self) -> None:
        """Forgets the confirmation, and what is waiting."""
        self._timer.stop()
        self._remember(last_confirmation_date_time=DateTime())

    def _delay(self) -> float:
        delay = self.repetition_delay
        grown = delay.repetition_delay_min * (delay.repetition_delay_exponent / 100) ** (self._failed - 1)
        return float(min(grown, delay.repetition_delay_max or grown))

    def _confirmed(self) -> None:
        if self._asks_for_confirmation():
            self._remember(last_confirmation_date_time=self._plant.clock.date_time)

    def _asks_for_confirmation(self) -> bool:
        return bool(self.push_operation_method == PushOperationMethod.CONFIRMED_RETRY_ON_MISSING_CONFIRMATION)


class LivePushSetupV3(LivePushSetupV2, interface=PushSetupV3):
    """A push setup of version 3."""


def _next_begin(windows: list[WindowElement], now: datetime) -> datetime | None:
    """When the next window begins: ``None`` where one is open, the end of all time where none ever comes."""
    begins: list[datetime] = []
    for window in windows:
        begin, end = _next(window.start_time, now), _next(window.end_time, now)
        if end is not None and (begin is None or end < begin):
            return None
        if begin is not None:
            begins.append(begin)
    return min(begins, default=datetime.max) if windows else None


def _next(moment: DateTime, now: datetime) -> datetime | None:
    octets = moment.to_bytes()
    return None if octets.startswith(_OPEN) else next_moment(octets[5:9], octets[:5], now)
