"""AC-05 to AC-13: activation at a time, by the meter's own clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Running, Status
from dlms_fw.conformance.images import sent
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import SUCCESS, expect_refused
from dlms_fw.conformance.schedules import every_hour, meter_time, one_time
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime
from dlms_fw.image import Image

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
LATE: Final = timedelta(minutes=10)
_SETTLE: Final = timedelta(minutes=2)
"""Enough for an activation that has begun."""
_LOOK_S: Final = 300.0
_NO_SCRIPTS: Final = (2, 99, 0xFFFF)


@case("AC-05")
def at_a_time(site: Site) -> None:
    """Nothing before the time, one activation at the time, nothing after it."""
    plan = Plan(site)
    plan.schedule(one_time(plan.process, HOUR))
    plan.wait(HOUR - LATE)
    plan.expect_not_activated("before its time")
    plan.wait(LATE + _SETTLE)
    plan.expect_activated()
    left = plan.process.scheduled
    site.step(f"execution_time afterwards: {left or 'empty'}")
    plan.wait(2 * DAY)
    plan.expect_activated()


@case("AC-06")
def past_and_now(site: Site) -> None:
    """A time that has passed never comes; now is now or never."""
    plan = Plan(site)
    result = plan.process.schedule(one_time(plan.process, -DAY))
    site.step(f"a schedule for yesterday: {result}")
    plan.wait(2 * DAY)
    plan.expect_not_activated("by a schedule for yesterday")
    result = plan.process.schedule(one_time(plan.process, timedelta(0)))
    plan.wait(_SETTLE)
    at_once = plan.is_activated
    site.step(f"a schedule for now: {result}, {'activated' if at_once else 'not activated'}")
    plan.wait(2 * DAY)
    expect(plan.is_activated == at_once, "now to mean now or never", "an activation on another day")


@case("AC-07")
def with_wildcards(site: Site) -> None:
    """Every hour is one hour, for one image."""
    plan = Plan(site)
    plan.schedule(every_hour(meter_time(plan.process) + LATE))
    plan.wait(4 * HOUR)
    plan.expect_activated()
    plan.next_image()
    plan.wait(2 * HOUR)
    plan.expect_not_activated("by the schedule for the image before")


@case("AC-08")
def on_demand_first(site: Site) -> None:
    """On demand goes before the schedule, and makes it void."""
    plan = Plan(site)
    plan.schedule(one_time(plan.process, HOUR))
    status = plan.process.activate()
    expect(status == Status.ACTIVATION_SUCCESSFUL, "status 6 on demand", status)
    plan.expect_activated()
    plan.next_image()
    plan.wait(2 * HOUR)
    plan.expect_not_activated("by the schedule for the image before")


@case("AC-09")
def new_transfer_first(site: Site) -> None:
    """A schedule does not outlive the transfer that it was made for."""
    plan = Plan(site)
    plan.schedule(one_time(plan.process, HOUR))
    plan.process.transfer_verified(sent(plan.image, "the image, once more"))
    plan.wait(2 * HOUR)
    plan.expect_not_activated("by a schedule from before the initiation")


@case("AC-10")
def changed_and_cleared(site: Site) -> None:
    """The last word about the time counts."""
    plan = Plan(site)
    plan.schedule(one_time(plan.process, HOUR))
    plan.schedule(one_time(plan.process, 3 * HOUR))
    plan.wait(2 * HOUR)
    plan.expect_not_activated("at the time from before the change")
    plan.schedule([])
    expect(not plan.process.scheduled, "an empty execution_time", plan.process.scheduled)
    plan.wait(2 * HOUR)
    plan.expect_not_activated("by a schedule that was cleared")


@case("AC-11")
def another_script(site: Site) -> None:
    """Only the activation script activates."""
    plan = Plan(site)
    process = plan.process
    table = ScriptTable(process.facts.objects.activation_scripts)
    for identifier in _NO_SCRIPTS:
        result = process.call(table.execute(identifier))
        site.step(f"script {identifier}: {result}")
        expect_refused(result, f"script {identifier}, which does not exist")
    plan.wait(_SETTLE)
    plan.expect_not_activated("by a script that does not exist")
    script = process.scheduler.executed_script
    pointed = ExecutedScript(process.client.get(script).script_logical_name, _NO_SCRIPTS[0])
    elsewhere = try_to_write(process, script, pointed)
    edited = try_to_write(process, table.scripts, [])
    if elsewhere and not edited and "advance" in site.bench.verbs:
        plan.schedule(one_time(process, HOUR))
        plan.wait(2 * HOUR)
        plan.expect_not_activated("by a schedule that points to another script")


@case("AC-12")
def clock_jumps(site: Site) -> None:
    """A clock that jumps over the time activates as declared, and at most once."""
    plan = Plan(site)
    site.put_back("the clock", lambda: site.bench.set_clock(site.bench.wall_clock()))
    plan.schedule(one_time(plan.process, HOUR))
    site.bench.set_clock(meter_time(plan.process) + HOUR + LATE)
    plan.wait(_SETTLE)
    plan.expect_late(LATE)
    if plan.is_activated:
        plan.next_image()
    plan.schedule(one_time(plan.process, HOUR))
    site.bench.set_clock(meter_time(plan.process) - 2 * HOUR)
    plan.wait(2 * HOUR)
    plan.expect_not_activated("an hour before its time, by the meter's clock")
    plan.wait(HOUR + _SETTLE)
    site.step(f"at its time by the clock that was set back: {'' if plan.is_activated else 'not '}activated")


@case("AC-13")
def no_power(site: Site) -> None:
    """A time that passes without power activates as declared, and never what was not verified."""
    plan = Plan(site)
    plan.schedule(one_time(plan.process, HOUR))
    site.bench.restart((HOUR + LATE).total_seconds())
    plan.wait(_SETTLE)
    plan.expect_late(LATE)
    process = plan.process
    image = process.images.good_sent
    plan.begin_anew()
    process.initiate(image)
    process.send_all(image, [0])
    result = process.schedule(one_time(process, HOUR))
    site.step(f"a schedule for an incomplete image: {result}")
    site.bench.restart((HOUR + LATE).total_seconds())
    plan.wait(_SETTLE)
    plan.expect_not_activated("while the image is incomplete")


class Plan:
    """A verified image, and what becomes of it as time passes.

    Attributes:
        process: The process.
        image: What is to be activated.
        running: What runs until then.
    """

    def __init__(self, site: Site) -> None:
        self.process = process = ImageProcess(site)
        if not process.has_scheduler:
            raise Inapplicable("the meter has no activation scheduler")
        self._site = site
        self.image: Image = process.next_image()
        self.running: Running = process.running()
        self._events = EventReader(process) if process.has_log else None
        process.transfer_verified(sent(self.image))

    def next_image(self) -> None:
        """The same with another image, from what runs now."""
        self.image = self.process.next_image()
        self.begin_anew()
        self.process.transfer_verified(sent(self.image))

    def begin_anew(self) -> None:
        """What was activated so far does not count."""
        self.running = self.process.running()
        self._events = EventReader(self.process) if self._events is not None else None

    def schedule(self, times: list[ExecutionTime]) -> None:
        """Write an execution time, which must be accepted."""
        result = self.process.schedule(times)
        expect(result == SUCCESS, "execution_time to be written", result)

    def wait(self, time: timedelta) -> None:
        """Let time pass, and associate anew; where a client confirms a new firmware, now and then."""
        left = time.total_seconds()
        at_once = left if self.process.facts.confirmed_by == "itself" else _LOOK_S
        while left > 0:
            self._site.bench.advance(min(at_once, left))
            left -= at_once
            self.process.associate(self.process.facts.activation_s)
            self.process.await_return()

    @property
    def is_activated(self) -> bool:
        """Whether another firmware runs than before."""
        return self.process.running() != self.running

    def expect_not_activated(self, when: str) -> None:
        """Raises Failed where it was activated."""
        expect(not self.is_activated, f"no activation {when}", self.process.running())
        if self._events is not None:
            self._events.expect_none("activated")

    def expect_activated(self) -> None:
        """Raises Failed unless it was activated, once."""
        self.process.expect_runs(self.image)
        if self._events is not None:
            self._events.expect_one("activated", self.process.part)

    def expect_late(self, late: timedelta) -> None:
        """Raises Failed unless a time that has passed so long ago means what was declared."""
        facts = self.process.facts
        fires = facts.late_activation == "fires" and late.total_seconds() <= facts.grace_s
        self._site.step(f"{late} late: {'' if self.is_activated else 'not '}activated")
        if fires:
            self.expect_activated()
        else:
            self.expect_not_activated("so late, as declared")


def try_to_write(process: ImageProcess, ref: AttributeRef[Any], value: object) -> bool:
    """Write what may be refused; whether it was accepted. What was there before is put back."""
    original = process.client.get(ref)
    result = process.write(ref, value)
    process.site.step(f"{ref.row.name}: {result}")
    if result != SUCCESS:
        return False
    process.site.put_back(ref.row.name, _writer(process, ref, original))
    return True


def _writer(process: ImageProcess, ref: AttributeRef[Any], value: object) -> Callable[[], None]:
    def write() -> None:
        result = process.write(ref, value)
        if result != SUCCESS:
            raise Failed("the old value to be written back", result)

    return write
