"""AC-01 to AC-04, AC-22 to AC-25, AC-29, AC-30: activation by a command, and what it leaves as it was."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dlms_fw._core import GetRequest, GetResponse
from dlms_fw.client import Client
from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.images import sent
from dlms_fw.conformance.procedures.image_verification import before
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import RUNNING, expect_refused
from dlms_fw.conformance.schedules import at, meter_time
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.containers.description import METROLOGY_PART
from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.driver import is_loss
from dlms_fw.errors import DlmsError, ServiceError, TransferError, TransportError
from dlms_fw.events import Event, Phase, PhaseStarted
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transports.base import Transport

_SCRIPT: Final = 1
_QUIET_S: Final = 30.0
_GONE_S: Final = 60.0
"""Within so many seconds a meter that activates begins to restart, or it does not restart at all."""
_LOOK_S: Final = 0.2
_LOOKS: Final = 6


@case("AC-01")
def on_demand(site: Site) -> None:
    """The verified image runs after image_activate."""
    process = ImageProcess(site)
    events = EventReader(process) if process.has_log else None
    process.transfer_activated(process.next_image())
    if events is not None:
        events.expect_one("activated", process.part)


@case("AC-02")
def activation_of_nothing(site: Site) -> None:
    """Only a verified image is activated, or one that is verified on the way."""
    process = ImageProcess(site)
    image, running = process.images.good_sent, process.running()
    middle = process.count(image) // 2

    def refuse(what: str) -> None:
        status = process.status
        result = process.call(process.object.image_activate())
        site.step(f"image_activate {what}: {result}")
        expect_refused(result, f"image_activate {what}", busy_is_refusal=False)
        expect(process.status == status, f"status {int(status)}", process.status)

    process.initiate(image)
    refuse("after an initiation")
    process.send_all(image, [number for number in range(process.count(image)) if number != middle])
    refuse(f"without block {middle}")
    process.expect_found_bad(next(process.images.damaged()))
    refuse("after a failed verification")
    site.sleep(_QUIET_S)
    expect(process.running() == running, "the running firmware to stay", process.running())


@case("AC-03")
def twice(site: Site) -> None:
    """The second image_activate does nothing."""
    process = ImageProcess(site)
    events = EventReader(process) if process.has_log else None
    image = process.next_image()
    process.transfer_verified(sent(image))
    results = [activate_or_nothing(process), activate_or_nothing(process)]
    site.step(f"image_activate twice: {results[0]}, {results[1]}")
    if results[0] == RUNNING:
        expect(
            results[1] in {RUNNING, "no answer"}, "temporary-failure or no answer while it runs", results[1]
        )
    expect(process.await_return() == Status.ACTIVATION_SUCCESSFUL, "status 6", process.status)
    process.expect_runs(image)
    result = process.call(process.object.image_activate())
    site.step(f"image_activate afterwards: {result}")
    for _ in range(_LOOKS):
        site.sleep(_QUIET_S / _LOOKS)
        try:
            status = process.status
        except DlmsError as error:
            raise Failed("no restart by the second image_activate", str(error)) from None
        expect(status == Status.ACTIVATION_SUCCESSFUL, "status 6 to stay", status)
    process.expect_runs(image)
    if events is not None:
        events.expect_one("activated", process.part)


@case("AC-04")
def without_rights(site: Site) -> None:
    """The reading client activates nothing, neither by itself nor by script or schedule."""
    process = ImageProcess(site, beside_others=True)
    running = process.running()
    process.transfer_verified(process.images.good_sent)
    low = process.other("reading")
    script = ScriptTable(process.facts.objects.activation_scripts).execute(_SCRIPT)
    results = {
        "image_activate": process.call(process.object.image_activate(), low),
        "the activation script": process.call(script, low),
    }
    if process.has_scheduler:
        times = at(meter_time(process))
        results["execution_time"] = process.write(process.scheduler.execution_time, times, low)
    for what, result in results.items():
        site.step(f"{what} by the reading client: {result}")
        expect_refused(result, f"{what} by the reading client", busy_is_refusal=False)
    site.sleep(_QUIET_S)
    expect(process.status == Status.VERIFICATION_SUCCESSFUL, "status 3", process.status)
    expect(process.running() == running, "the running firmware to stay", process.running())


@case("AC-22")
def identifiers_afterwards(site: Site) -> None:
    """Identifier and signature of the upgraded part are the image's, all others are as before."""
    process = ImageProcess(site)
    parts = process.facts.parts
    earlier = {part: process.running(part) for part in parts}
    image = process.next_image()
    process.transfer_activated(image)
    for part in parts:
        now = process.running(part)
        if part != process.part:
            expect(now == earlier[part], f"part {part} as it was", now)
    site.step(f"part {process.part} of {len(parts)} has changed")
    expect(earlier[process.part] != process.running(), "another firmware than before", "the same")


@case("AC-23")
def one_part_only(site: Site) -> None:
    """An upgrade of one part leaves the banks of the others alone."""
    process = ImageProcess(site)
    others = [part for part in process.facts.parts if part != process.part]
    slots = [f"{bank}.{part}" for part in others for bank in ("running", "other")]
    earlier = {slot: site.bench.read_slot(slot) for slot in slots}
    identifiers = {part: process.running(part) for part in others}
    process.transfer_activated(process.next_image())
    for slot in slots:
        now = site.bench.read_slot(slot)
        expect(now == earlier[slot], f"{slot} as it was", now)
    for part in others:
        expect(process.running(part) == identifiers[part], f"part {part} as it was", process.running(part))
    site.step(f"unchanged: {', '.join(slots)}")


@case("AC-24")
def untouched(site: Site) -> None:
    """Objects, clock and log are what they would have been without an upgrade."""
    process = ImageProcess(site)
    names = site.declaration.unchanged
    earlier = {name: octets_of(process.client, name) for name in names}
    events = EventReader(process) if process.has_log else None
    began, clock = site.clock(), clock_of(process)
    process.transfer_activated(process.next_image())
    for name in names:
        expect(octets_of(process.client, name) == earlier[name], f"{name} as it was", "another value")
    if clock is not None:
        passed, measured = site.clock() - began, (meter_time(process) - clock).total_seconds()
        tolerance = process.facts.clock_tolerance_s
        expect(
            abs(measured - passed) <= tolerance, f"{passed:.0f} s on the meter's clock", f"{measured:.0f} s"
        )
    if events is not None:
        lost, added = len(events.lost()), len(events.news())
        expect(lost <= added, f"no more entries of the log to go than the {added} that came", lost)
    site.step(f"{len(names)} attributes, the clock and the log")


@case("AC-25")
def invocation_counters(site: Site) -> None:
    """No counter goes back over an upgrade."""
    process = ImageProcess(site)
    earlier = process.client.read_invocation_counter()
    process.transfer_verified(sent(process.next_image()))
    activate_or_nothing(process)
    process.client.close()
    wait_for_return(site, process.facts.activation_s)
    tries: list[Transport] = []

    def count(transport: Transport) -> Transport:
        tries.append(transport)
        return transport

    with site.new_client(through=count, journal=MemoryJournal(), first_invocation_counter=1):
        refused = len(tries) > 1  # it learns the right counter from the refusal, and comes again
    site.step(f"invocation counter 1 after the upgrade: {'refused' if refused else 'accepted'}")
    expect(refused, f"invocation counter 1 to be refused after {earlier}", "it was accepted")
    process.associate()  # refuses a meter whose own counter has gone back
    expect(process.await_return() == Status.ACTIVATION_SUCCESSFUL, "status 6", process.status)
    later = process.client.read_invocation_counter()
    expect(later >= earlier, f"an accepted counter of {earlier} or more", later)


@case("AC-29")
def downgrade(site: Site) -> None:
    """An older firmware is activated exactly where the meter permits it."""
    process = ImageProcess(site)
    running = process.version
    older = None if running is None else before(running)
    if older is None:
        raise Inapplicable("there is no version below the running one")
    image = process.images.variant(firmware_version=older, image_identifier=b"OLDER1")
    site.put_back("the meter's settings", lambda: site.bench.inject("none"))
    for permitted in (False, True):
        site.bench.configure(takes_older=permitted)
        process.associate(process.facts.activation_s)
        if permitted:
            process.transfer_activated(image)
        else:
            process.expect_found_bad(sent(image, f"an image of version {older} over {running}"))


@case("AC-30")
def lost_answer(site: Site) -> None:
    """A client that does not hear the answer reads back what came of it."""
    process = ImageProcess(site)
    image = process.next_image()
    process.client.close()
    line = LosingLine()

    def watch(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.ACTIVATE:
            line.is_armed = True

    policy = TransferPolicy(
        objects=process.facts.objects,
        allow_downgrade=process.facts.takes_older,
        allow_metrology=process.part == METROLOGY_PART,
        allow_insecure=True,
        confirm_on_trial=process.facts.confirmed_by == "call",
    )
    try:
        with site.new_client(through=line.pass_on) as client:
            told: str = client.upgrade(image, policy, on_event=watch).outcome
    except TransferError as error:
        told = str(error)
    expect(line.has_lost, "image_activate to be called", f"it was not; the client says: {told}")
    site.step(f"the client says: {told}")
    process.associate(process.facts.activation_s)
    process.expect_runs(image)
    expect(told == "activated", "the client to say activated, as the meter runs the image", told)


class LosingLine:
    """A medium that loses the answer to the next thing that is said once it is armed, and itself with it."""

    def __init__(self) -> None:
        self.is_armed = False
        self.has_lost = False
        self._transport: Transport | None = None

    def pass_on(self, transport: Transport) -> Transport:
        """Takes over a fresh transport."""
        self._transport = transport
        return self

    def send(self, data: bytes, deadline: float) -> None:
        """Sends; the answer may be lost."""
        self._open.send(data, deadline)
        if self.is_armed:
            self.is_armed, self.has_lost = False, True
            self.close()

    def receive(self, deadline: float) -> bytes:
        """Receives."""
        return self._open.receive(deadline)

    def close(self) -> None:
        """Ends it."""
        if self._transport is not None:
            self._transport.close()

    @property
    def _open(self) -> Transport:
        if self._transport is None:
            raise TransportError("not connected")
        return self._transport


def wait_for_return(site: Site, seconds: float) -> None:
    """Wait until a meter that was ordered to activate has been away and takes connections again."""
    ends_at = site.clock() + min(seconds, _GONE_S)
    while site.clock() < ends_at and (connection := site.open_if_it_may()) is not None:
        connection.close()
        site.sleep(_LOOK_S)
    ends_at = site.clock() + seconds
    while site.clock() < ends_at and (connection := site.open_if_it_may()) is None:
        site.sleep(_LOOK_S)
    if connection is not None:
        connection.close()
    site.sleep(_QUIET_S)


def activate_or_nothing(process: ImageProcess) -> str:
    """The result of image_activate, or that there was none."""
    try:
        return process.call(process.object.image_activate())
    except DlmsError as error:
        if not is_loss(error):
            raise
        return "no answer"


def octets_of(client: Client, name: AttributeName) -> bytes:
    """The value of an attribute as it stands on the wire."""
    response = client.exchange(GetRequest(name.class_id, name.logical_name.to_bytes(), name.attribute_id))
    if not isinstance(response, GetResponse) or response.result != 0 or response.data is None:
        raise Inapplicable(f"{name} was declared, and cannot be read")
    return response.data


def clock_of(process: ImageProcess) -> datetime | None:
    """The meter's time; ``None`` where it has no clock that can be read."""
    try:
        return meter_time(process)
    except ServiceError:
        return None
