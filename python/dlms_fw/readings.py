"""The objects of a meter in use: what a client sees, and what registers, profiles and clocks mean.

Each is a plan of :mod:`dlms_fw.reading`, carried out. The asyncio client has the same text with ``await``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from dlms_fw import listed
from dlms_fw._core import DateTime
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.interface import AttributeRef, InterfaceClass, MethodCall
from dlms_fw.cosem.well_known import CLOCK
from dlms_fw.errors import DlmsError
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.profiles import Profile
from dlms_fw.reading.association_view import (
    AssociationView,
    LogicalDevice,
    VisibleObject,
    association_view,
    logical_devices,
)
from dlms_fw.reading.clock_reading import (
    ClockReading,
    check_shift,
    clock_reading,
    needs_zone,
    next_second,
    rounded_to_second,
)
from dlms_fw.reading.known import Known
from dlms_fw.reading.meter_zone import date_time_in
from dlms_fw.reading.profile_description import ProfileDescription, profile_description, zone_of
from dlms_fw.reading.profile_reading import ProfileReading, ProfileRow
from dlms_fw.reading.registers import quantities
from dlms_fw.units import Quantity

_T = TypeVar("_T")


class Readings:
    """Views, registers, profiles and the clock of one meter; a driver has the requests."""

    profile: Profile
    _learnt: Known | None
    _clock: Callable[[], float]
    _sleep: Callable[[float], object]
    _wall_clock: Callable[[], datetime]

    @property
    def _known(self) -> Known:
        """What the client has learned; most clients that transfer an image need none."""
        if self._learnt is None:
            self._learnt = Known()
        return self._learnt

    @property
    @abstractmethod
    def association(self) -> Any:
        """What was agreed with the meter, or ``None`` while not associated."""

    @abstractmethod
    def get(self, ref: AttributeRef[_T]) -> _T:
        """Read an attribute."""

    @abstractmethod
    def set(self, ref: AttributeRef[_T], value: _T) -> None:
        """Write an attribute."""

    @abstractmethod
    def action(self, call: MethodCall[_T]) -> _T:
        """Call a method."""

    @abstractmethod
    def _walk(self, plan: listed.Plan[_T]) -> _T:
        """Carry out a plan."""

    @abstractmethod
    def _room(self) -> listed.Room:
        """What one request may be."""

    def forget_objects(self) -> None:
        """Ask the meter anew for what was kept of its objects, after something has configured it."""
        self._known.forget()

    # The association view

    def association_view(self) -> AssociationView:
        """All objects that this client can see, with its rights; read once in an association.

        Raises:
            ServiceError: the meter does not show its list.
        """
        association = self.association
        view = self._known.view_of(association)
        if view is None:
            view = self._walk(association_view(short_names=self.profile.referencing == "short-name"))
            self._known.keep_view(association, view)
        return view

    def objects(
        self,
        *,
        class_id: int | None = None,
        version: int | None = None,
        logical_name: LogicalNameLike | None = None,
        text: str | None = None,
    ) -> list[VisibleObject]:
        """Those objects of the association view that are all of what is given.

        The arguments are those of :meth:`AssociationView.select`.

        Raises:
            ServiceError: the meter does not show its list.
            ValueError: ``logical_name`` is neither a name nor a pattern.
        """
        view = self.association_view()
        return view.select(class_id=class_id, version=version, logical_name=logical_name, text=text)

    def logical_devices(self) -> list[LogicalDevice]:
        """The logical devices of the meter, from its SAP assignment.

        Raises:
            ServiceError: the meter does not show them.
        """
        return self._walk(logical_devices())

    # Registers

    def quantity(self, register: AttributeRef[Any] | InterfaceClass) -> Quantity:
        """The value of a register in its unit; see :meth:`quantities`.

        Raises:
            ServiceError: the meter refuses.
            RemoteProtocolError: there is no number in it.
        """
        (outcome,) = self.quantities([register])
        if isinstance(outcome, DlmsError):
            raise outcome
        return outcome

    def quantities(
        self, registers: Sequence[AttributeRef[Any] | InterfaceClass]
    ) -> list[Quantity | DlmsError]:
        """The values of registers in their units, in as few requests as fit.

        Scaler and unit of each are read once. Of an object, its value (attribute 2) is meant; the last
        average of a demand register is named as an attribute.

        Returns:
            For each, in order, its value, or the ServiceError with which the meter refuses it, or the
            RemoteProtocolError of a register without a number.

        Raises:
            TypeError: something is no register.
            ServiceError: a request could not be processed as a whole.
        """
        return self._walk(quantities(registers, self._known, self._room()))

    # Profiles

    def profile_description(self, profile: LogicalNameLike) -> ProfileDescription:
        """How a profile is built: its columns with their names and units; read once.

        Raises:
            ServiceError: the meter does not show it.
        """
        return self._walk(
            profile_description(
                LogicalName(profile),
                self._known,
                self._room(),
                opposite_deviation=self.profile.opposite_deviation,
            )
        )

    def rows(self, reading: ProfileReading) -> Iterator[ProfileRow]:
        """The rows of a part of a profile, read slice by slice as they are asked for.

        Where the link is lost, give the same reading to ``rows`` again once connected: it goes on with the
        first row that was not given out.

        Raises:
            ServiceError: the meter refuses.
            RemoteProtocolError: what it sends is no profile.
        """
        while True:
            for row in reading.taken():  # noqa: UP028 (the twin has no yield from)
                yield row
            if reading.is_done:
                return
            self._walk(
                reading.next_slice(
                    self._known, self._room(), opposite_deviation=self.profile.opposite_deviation
                )
            )

    # The clock

    def clock_reading(self, clock: LogicalNameLike = CLOCK) -> ClockReading:
        """The meter's time, aware, and how far it is from ours.

        Raises:
            ServiceError: the meter does not tell.
            RemoteProtocolError: its clock shows no point in time.
        """
        asked_at, begun = self._wall_clock(), self._clock()
        shown: DateTime = self.get(Clock(clock).time)
        round_trip_s = self._clock() - begun
        sign = self.profile.opposite_deviation
        zone = None
        if needs_zone(shown):
            zone = self._walk(zone_of(LogicalName(clock), self._known, self._room(), opposite_deviation=sign))
        return clock_reading(
            shown, zone, asked_at=asked_at, round_trip_s=round_trip_s, opposite_deviation=sign
        )

    def set_clock(
        self,
        moment: datetime | None = None,
        *,
        zone: tzinfo | None = None,
        clock: LogicalNameLike = CLOCK,
    ) -> ClockReading:
        """Set the meter's clock to a moment, to the second, in the local time that its own rules give.

        Our own time is set at the turn of a second, less what the message is on its way: half of the last
        round trip. That takes up to a second.

        Args:
            moment: Aware, or local time of the meter; our time unless given.
            zone: Local time of the meter, instead of what the meter tells about it.
            clock: The logical name of the clock.

        Returns:
            What the clock shows afterwards.

        Raises:
            ServiceError: the meter refuses to be set, or to tell its local time.
        """
        sign = self.profile.opposite_deviation
        if zone is None:
            zone = self._walk(zone_of(LogicalName(clock), self._known, self._room(), opposite_deviation=sign))
        if moment is None:
            shown = self.clock_reading(clock)
            moment, pause_s = next_second(self._wall_clock(), shown.round_trip_s / 2)
            self._sleep(pause_s)
        goal = rounded_to_second(moment)
        self.set(Clock(clock).time, date_time_in(zone, goal, opposite_deviation=sign))
        return self.clock_reading(clock)

    def shift_clock(self, seconds: int, *, clock: LogicalNameLike = CLOCK) -> ClockReading:
        """Shift the meter's clock by -900 to 900 seconds; tells what it shows afterwards.

        Raises:
            ServiceError: the meter refuses.
            LocalProtocolError: it is too far; nothing was sent.
        """
        check_shift(seconds)
        self.action(Clock(clock).shift_time(seconds))
        return self.clock_reading(clock)
