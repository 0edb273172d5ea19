"""SCHEDULE: let the meter activate the image by itself at a time; and how that is taken back.

The scheduler runs by the meter's local time, so its clock is read first and not trusted blindly. Three
objects work together: the single action schedule names a script, the script calls image_activate of our image
transfer object. Only execution_time is written; if the script or the reference to it is not as it must be,
nothing is.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta

from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime, SingleActionSchedule
from dlms_fw.errors import ScheduleRefused, ServiceError
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Job, Request, Response
from dlms_fw.transfer.policy import MeterObjects
from dlms_fw.transfer.questions import Get, Interview, Put
from dlms_fw.transfer.table import Outcome

_SCRIPTS_OCTETS = 200
"""A few scripts of one action each."""


class Schedule(Interview):
    """Checks clock and script, writes execution_time and reads it back."""

    def __init__(self, job: Job) -> None:
        names = job.policy.objects
        self._table = ScriptTable(names.activation_scripts)
        self._scheduler = SingleActionSchedule(names.activation_scheduler)
        self._clock = Get(Clock(names.clock).time)
        self._scripts = Get(self._table.scripts, octets=_SCRIPTS_OCTETS)
        self._executed = Get(self._scheduler.executed_script)
        self._local: datetime | None = None
        self._put: Put[list[ExecutionTime]] | None = None
        self._read_back = Get(self._scheduler.execution_time)
        super().__init__(job, self._scripts, self._executed, self._clock)

    def judge(self) -> Outcome:
        """Write if all is as it must be; then hold what was read back against it."""
        if self._put is None or self._local is None:
            self._local = self._time()
            self._check_script()
            self._put = Put(self._scheduler.execution_time, [decisions.execution_time(self._local)])
            self.then(self._put)
            return self.then(self._read_back)
        if self._put.fault is not None:
            raise self._refused(f"the schedule cannot be written: {self._put.fault}")
        if self._read_back.value is None or not decisions.is_scheduled(self._read_back.value, self._local):
            raise self._refused(
                f"the schedule does not read back as written ({self._read_back.fault or 'other time'})"
            )
        return Outcome.OK

    def _time(self) -> datetime:
        job = self.job
        if self._clock.value is None:
            raise self._refused(f"the meter's clock cannot be read: {self._clock.fault}")
        clock = decisions.read_clock(self._clock.value)
        if isinstance(clock, str):
            raise self._refused(clock)
        target, wall_clock = job.policy.activate, job.wall_clock
        if not isinstance(target, datetime) or wall_clock is None:
            raise AssertionError("a schedule without a time, or without a clock to compare with")
        if clock.utc_offset is None:
            job.warn(
                "clock-unchecked", "the meter's clock has no deviation from UTC, so its error cannot be told"
            )
        local = decisions.schedule_time(
            clock,
            target,
            wall_clock + timedelta(seconds=job.now - job.started),
            clock_skew_seconds=job.policy.clock_skew_seconds,
            margin_seconds=job.policy.schedule_margin_seconds,
        )
        if isinstance(local, str):
            raise self._refused(local)
        return local

    def _check_script(self) -> None:
        job = self.job
        if self._scripts.value is None:
            raise self._refused(f"the activation scripts cannot be read: {self._scripts.fault}")
        identifiers = decisions.activation_scripts(self._scripts.value, job.image_transfer.instance_id)
        if not identifiers:
            raise self._refused("no script activates the image")
        executed = self._executed.value
        wanted = [ExecutedScript(self._table.instance_id, identifier) for identifier in identifiers]
        if executed not in wanted:
            shown = self._executed.fault or f"{executed}"
            raise self._refused(
                f"the activation scheduler does not run the script that activates the image: {shown}"
            )

    def _refused(self, message: str) -> ScheduleRefused:
        return self.job.error(
            ScheduleRefused,
            message,
            hint="the verified image rests in the meter: run it again with another time, or now",
        )


def withdraw_schedule(objects: MeterObjects | None = None) -> Generator[Request, Response, None]:
    """Take back a scheduled activation; the verified image stays in the meter.

    A driver sends each request that comes out and hands its response in, until the generator ends. Clearing
    means an empty execution_time, read back.

    Raises:
        ServiceError: The meter did not let the schedule be cleared.
    """
    scheduler = SingleActionSchedule((objects or MeterObjects()).activation_scheduler)
    put, read_back = Put(scheduler.execution_time, []), Get(scheduler.execution_time)
    put.read((yield put.request()))
    if put.fault is not None:
        raise ServiceError(f"the activation schedule was not cleared: {put.fault}")
    read_back.read((yield read_back.request()))
    if read_back.value != []:
        raise ServiceError(f"the activation schedule is not empty: {read_back.fault or read_back.value}")
