"""Live objects over a plant of their own: memory whose power can be cut, a clock that stands until moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime

from dlms_fw._core import Data, DateTime
from dlms_fw.axdr import Tag
from dlms_fw.cosem.data import Data as DataClass
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clock import MeterClock, VirtualTime
from dlms_fw.meter.live.load import ConstantLoad, Load
from dlms_fw.meter.live.plant import MeterPlant
from dlms_fw.meter.power_cut import Cut, PowerCut, SimulatedMedium
from dlms_fw.meter.storage import Records

START = 1_764_547_200.0  # 2025-12-01 00:00:00 UTC, a Monday

Builder = Callable[[MeterPlant], Iterable[ServerObject]]


class PlantBench:
    """One plant and its objects over their lives."""

    def __init__(self, build: Builder, *, load: Load | None = None, utc_offset_minutes: int = 0) -> None:
        self.medium = SimulatedMedium()
        self.time = VirtualTime(START)
        self.load = load or ConstantLoad(1000.0)
        self.events: list[tuple[str, int, int]] = []
        self._build = build
        self._utc_offset_minutes = utc_offset_minutes
        MeterClock.create(Records(self.medium))
        self.power_up()

    def power_up(self) -> None:
        records = Records(self.medium)
        self.clock = MeterClock(records, self.time, utc_offset_minutes=self._utc_offset_minutes)
        self.plant = MeterPlant(
            self.medium,
            records,
            self.clock,
            self.time,
            load=self.load,
            grace_seconds=3600.0,
            log_event=lambda log, code, parameter: self.events.append((log, code, parameter)),
            randomness=lambda count: bytes([7] * count),
            find=lambda class_id, logical_name: self.find(class_id, logical_name.to_bytes()),
        )
        self.objects = {
            (made.interface.class_id, made.logical_name.to_bytes()): made for made in self._build(self.plant)
        }
        self.plant.advance()

    def power_cycle(self, off_seconds: float = 0.0, *, clean: bool = False) -> None:
        if clean:
            self.plant.power_down()
        self.medium.cut_now("lost")
        self.medium = self.medium.survivor()
        self.time.advance(off_seconds)
        self.power_up()

    def cut_in(self, cut: Cut, action: Callable[[], object]) -> None:
        """Does something with the power cut in it, or right after it, and gives the power back.

        Operations of the memory are counted from the beginning of the action.
        """
        self.medium = self.medium.survivor(cut)
        self.power_up()
        with contextlib.suppress(PowerCut):
            action()
            self.medium.cut_now("mixed")
        self.medium = self.medium.survivor()
        self.power_up()

    def find(self, class_id: int, logical_name: bytes) -> ServerObject:
        found = self.objects.get((class_id, logical_name))
        if found is None:
            raise CosemFault(DataAccessResult.OBJECT_UNDEFINED)
        return found

    def pass_time(self, seconds: float) -> None:
        """Lets time pass from deadline to deadline."""
        end = self.time.elapsed + seconds
        while (due := self.plant.deadline) is not None and due <= end:
            self.time.advance(max(0.0, due - self.time.elapsed))
            self.plant.advance()
        self.time.advance(end - self.time.elapsed)
        self.plant.advance()

    def set_clock(self, moment: str) -> None:
        """To a local time in ISO format."""
        self.clock.set(DateTime.from_datetime(datetime.fromisoformat(moment)))
        self.plant.advance()

    @property
    def now(self) -> str:
        """The local time in ISO format."""
        return self.clock.naive(self.clock.utc).isoformat(sep=" ")


class Witness(ServerObject, interface=DataClass):
    """A value that is null; what is written to it, it tells outside of any memory of the meter."""

    def __init__(self, logical_name: LogicalName, tell: Callable[[object], None]) -> None:
        super().__init__(logical_name)
        self._tell = tell

    @property
    def value(self) -> Data:
        return Data(Tag.NULL_DATA)

    @value.setter
    def value(self, value: Data) -> None:
        self._tell(value.value)
