"""The firmware unit of a meter: memory, image store, activation and schedule put together.

It knows no protocol: it is what survives a power cut, and what a test cuts the power of. Time comes from the
clock it is given; the owner calls :meth:`FirmwareUnit.advance` at :attr:`FirmwareUnit.deadline`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from dlms_fw.cosem.well_known import IMAGE_TRANSFER
from dlms_fw.enums import ActionResult, ImageTransferStatus
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.activation import Activation, bank_is_good, bank_region
from dlms_fw.meter.clock import MeterClock, TimeSource
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.image_store import PART_UNKNOWN, ImageStore
from dlms_fw.meter.judgement import ImageJudge
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.schedule import Schedule
from dlms_fw.meter.state import Firmware, FirmwarePart, MeterState, ScheduleEntry, StateMemory, Trigger
from dlms_fw.meter.storage import ImageBlockStore, Json, Medium, Records, write_durably

FORMAT: Final = 1
"""The version of all that a meter keeps in its memory."""

SCHEDULE_CHECK_SECONDS: Final = 1.0
"""How often the clock is looked at while a schedule is armed: it may be set at any time."""

_EVENTS: Final = {
    ImageTransferStatus.VERIFICATION_SUCCESSFUL: StandardEvent.FIRMWARE_READY_FOR_ACTIVATION,
    ImageTransferStatus.VERIFICATION_FAILED: StandardEvent.FIRMWARE_VERIFICATION_FAILED,
    ImageTransferStatus.ACTIVATION_SUCCESSFUL: StandardEvent.FIRMWARE_ACTIVATED,
    ImageTransferStatus.ACTIVATION_FAILED: StandardEvent.FIRMWARE_ACTIVATION_FAILED,
}
"""What each end of a transfer leaves in the log."""


class FirmwareUnit:
    """Receives, judges, activates and boots firmware."""

    def __init__(
        self,
        medium: Medium,
        records: Records,
        clock: MeterClock,
        time_source: TimeSource,
        config: MeterConfig,
        *,
        log_event: Callable[[int, int], None],
        newest_event: Callable[[], int | None],
    ) -> None:
        """Powers up. Raises RecordLost.

        ``log_event`` takes a code and a part; ``newest_event`` is the code of the newest firmware event.
        """
        self.memory = StateMemory(records)
        self._medium = medium
        self._clock = clock
        self._time_source = time_source
        self._log_event = log_event
        self._schedule = Schedule(clock, grace_seconds=config.schedule_grace_seconds)
        self.image_store = ImageStore(
            IMAGE_TRANSFER,
            config=config,
            memory=self.memory,
            blocks=ImageBlockStore(medium, sync_every_blocks=config.sync_every_blocks),
            judge=ImageJudge(
                meter_type=config.model,
                hardware=config.hardware,
                trusted=config.trusted,
                accept_raw=config.accept_raw,
                allow_downgrade=config.allow_downgrade,
            ),
            log_event=log_event,
            monotonic=time_source.monotonic,
        )
        self.activation = Activation(
            self.memory,
            medium,
            timings=config.timings,
            judge_image=self.image_store.judge_again,
            log_event=log_event,
            confirmation=config.confirmation,
            restarts=config.activation_restarts,
        )
        self.activation.behaviour = config.behaviour
        self._complete_log(newest_event())
        self.activation.power_up(time_source.monotonic())
        self.damaged_parts = tuple(part for part in range(config.part_count) if not self._boots(part))
        """Parts whose firmware is damaged in every bank: the meter stays in recovery."""
        self.image_store.power_up(self.activation)

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next, on the monotonic clock; ``None`` where nothing is going on."""
        if self.is_idle:
            return None
        now, clock = self._time_source.monotonic(), self._clock.utc
        looks = (
            now + min(SCHEDULE_CHECK_SECONDS, max(0.0, entry.due - clock))
            for entry in self.memory.state.schedule
            if entry.due is not None and not self.activation.is_away
        )
        deadlines = (self.image_store.deadline, self.activation.deadline, *looks)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def advance(self) -> None:
        """Does all that is due. Raises OSError where the memory fails; the next call tries again."""
        if self.is_idle:
            return
        now = self._time_source.monotonic()
        self.image_store.advance(now)
        self.activation.advance(now)
        if not self.activation.is_away:
            self._poll_schedule()

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to wait for, as between almost any two requests."""
        return (
            self.image_store.deadline is None
            and self.activation.deadline is None
            and not self.memory.state.schedule
        )

    def set_schedule(self, times: Iterable[tuple[bytes, bytes]]) -> None:
        """Replaces execution_time. Raises ValueError where it is none, or more than one, and OSError."""
        entries = [self._schedule.arm(time, date, self._clock.utc) for time, date in times]
        if len(entries) > 1:
            raise ValueError("a schedule of type 1 has one execution time")
        self.memory.commit(schedule=tuple(entries))

    def running(self, part: int) -> Firmware:
        """The firmware that a part runs: the confirmed one, or one that waits on trial to be confirmed."""
        on_trial = self.activation.on_trial
        if on_trial is not None and on_trial.part == part:
            return on_trial
        return self.memory.state.parts[part].firmware

    def identifiers(self, part: int) -> tuple[bytes, ...]:
        """What a part has run, the newest last; what is on trial is not among them before it waits."""
        on_trial = self.activation.on_trial
        confirmed = self.memory.state.parts[part].identifiers
        return confirmed if on_trial is None or on_trial.part != part else (*confirmed, on_trial.identifier)

    def read_back(self, part: int) -> tuple[bytes, ...]:
        """The same for a client that asks, which confirms a new firmware where that is the way.

        Raises OSError, and then nothing is confirmed.
        """
        on_trial = self.activation.on_trial
        if on_trial is not None and on_trial.part == part:
            self.activation.confirm("read-back", self._time_source.monotonic())
        return self.identifiers(part)

    def _complete_log(self, newest: int | None) -> None:
        """Adds the event of the last decision where the power went between its record and the log."""
        state = self.memory.state
        code = _EVENTS.get(state.image_transfer_status)
        if code is not None and newest not in {None, code}:
            self._log_event(code, PART_UNKNOWN if state.verified is None else state.verified.part)

    def _poll_schedule(self) -> None:
        entries: list[ScheduleEntry] = []
        for entry in self.memory.state.schedule:
            verdict, left = self._schedule.poll(entry, self._clock.utc)
            if verdict == "fire":
                result = self.image_store.activate(Trigger.SCHEDULED)
                if result is ActionResult.HARDWARE_FAULT:
                    raise OSError("the activation cannot be recorded")  # it is due, and tried again
                if self.memory.state.schedule:
                    self.memory.commit(schedule=())
                return
            entries.append(left)
        if tuple(entries) != self.memory.state.schedule:
            self.memory.commit(schedule=tuple(entries))

    def _boots(self, number: int) -> bool:
        """The boot loader's choice for one part: the running bank, or the other one where that is damaged."""
        part = self.memory.state.parts[number]
        if bank_is_good(self._medium, part.firmware, part.running):
            return True
        self._log_event(StandardEvent.PROGRAM_MEMORY_ERROR, number)
        other = part.banks[part.other]
        if other is None or not bank_is_good(self._medium, other, part.other):
            return False
        try:
            self.memory.rescue(number)
        except OSError:
            return False
        return True


class _Identity(NamedTuple):
    """All that what leaves the factory depends on."""

    model: str
    logical_device_name: bytes
    system_title: bytes
    part_count: int
    image_identifier_length: int
    factory_version: str

    @classmethod
    def of(cls, config: MeterConfig) -> _Identity:
        return cls(*_identity_in(config))


_identity_in: Final = attrgetter(*_Identity._fields)


def factory_memory(config: MeterConfig) -> Mapping[str, bytes]:
    """What is in the memory of such a meter when it leaves the factory, by region."""
    return _factory_memory(_Identity.of(config))


@lru_cache(maxsize=16)  # a campaign makes the same meter again and again
def _factory_memory(identity: _Identity) -> Mapping[str, bytes]:
    medium = MemoryMedium()
    _format(medium, Records(medium), identity)
    return medium.content()


def format_memory(medium: Medium, records: Records, config: MeterConfig) -> None:
    """Makes a new meter, or makes sure that the memory is this meter's; a power cut in between does no harm.

    Raises:
        ConfigurationError: The memory belongs to another meter, or was written by another version.
        RecordLost: Whose it is cannot be read.
    """
    stored = records.load("identity")
    if stored is None:
        _format(medium, records, _Identity.of(config))
        return
    identity = _kept(_Identity.of(config))
    if stored != identity:
        different = next(name for name in identity if stored.get(name) != identity[name])
        raise ConfigurationError(
            f"the state belongs to another meter: its {different} is {stored.get(different)!r}, "
            f"not {identity[different]!r}",
            code="configuration.state",
            hint="choose another state directory",
        )


def _format(medium: Medium, records: Records, identity: _Identity) -> None:
    StateMemory.create(records, MeterState(parts=tuple(_factory_parts(medium, identity))))
    MeterClock.create(records)
    CounterRecord.create(records)
    records.create("identity", _kept(identity))  # last: from now on the memory is a meter


def _kept(identity: _Identity) -> Json:
    return {
        "format": FORMAT,
        "model": identity.model,
        "logical_device_name": identity.logical_device_name.hex(),
        "system_title": identity.system_title.hex(),
        "parts": identity.part_count,
    }


def _factory_parts(medium: Medium, identity: _Identity) -> Iterable[FirmwarePart]:
    """The firmware that the meter leaves the factory with, one image for each part."""
    for number in range(identity.part_count):
        identifier = f"{identity.model[:3]:-<3}F{number:02}".encode("ascii", "replace")
        image = b"factory firmware of %s, part %d, version %s\n" % (
            identity.model.encode(),
            number,
            identity.factory_version.encode(),
        )
        firmware = Firmware(
            part=number,
            identifier=identifier[: identity.image_identifier_length],
            version=identity.factory_version,
            size=len(image),
            sha256=hashlib.sha256(image).digest(),
            signature=hashlib.sha512(image).digest(),  # 64 octets that nobody has to verify
        )
        write_durably(medium, bank_region(number, 0), image)
        yield FirmwarePart(0, (firmware, None), (firmware.identifier,))
