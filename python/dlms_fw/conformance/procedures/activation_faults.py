"""AC-14 to AC-21 and AC-26 to AC-28: power cuts, bad firmware and rotten memory around an activation."""

from __future__ import annotations

from typing import Any, Final

from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Running, Status
from dlms_fw.conformance.images import sent
from dlms_fw.conformance.procedures.activation_on_demand import activate_or_nothing
from dlms_fw.conformance.procedures.image_verification import expect_shown
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import expect_refused
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inconclusive, expect
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image

_BEFORE_CONFIRMATION: Final = ("install", "start", "test")
_MOST_OPERATIONS: Final = 20
"""More writes than a step takes."""
_LOOK_S: Final = 0.02
_MOST_LOOKS: Final = 100_000
_QUIET_S: Final = 60.0
_LOGICAL_DEVICE_NAME: Final = Data(well_known.LOGICAL_DEVICE_NAME)


@case("AC-14")
def power_cuts(site: Site) -> None:
    """Before its confirmation a power cut costs the activation, not the image."""
    process = ImageProcess(site)
    for step in _BEFORE_CONFIRMATION:
        cuts = 0
        for operation in range(_MOST_OPERATIONS):
            image = process.next_image()
            old = process.running()
            if not activate_cut_off(process, image, step, operation):
                break
            cuts += 1
            if step == "test" and operation and process.status == Status.ACTIVATION_SUCCESSFUL:
                process.expect_runs(image)  # the cut came when the confirmation was on record
            else:
                expect_waiting(process, image, old, f"a power cut in step {step}")
        site.step(f"{step}: power cut at {cuts} operations of the memory")
        if not cuts:
            raise Inconclusive(f"the bench has not cut the power in step {step}")


@case("AC-15")
def again_after_power_cut(site: Site) -> None:
    """After such a power cut a command is enough."""
    process = ImageProcess(site)
    for step in _BEFORE_CONFIRMATION:
        image, old = process.next_image(), process.running()
        if not activate_cut_off(process, image, step, 0):
            raise Inconclusive(f"the bench has not cut the power in step {step}")
        expect_waiting(process, image, old, f"a power cut in step {step}")
        status = process.activate()
        expect(status == Status.ACTIVATION_SUCCESSFUL, "status 6 by a second command", status)
        process.expect_runs(image)


@case("AC-16")
def does_not_start(site: Site) -> None:
    """A firmware that does not start is discarded."""
    expect_discarded(site, "no-boot")


@case("AC-17")
def fails_its_test(site: Site) -> None:
    """A firmware that fails its self-test is discarded."""
    expect_discarded(site, "fails-self-test")


@case("AC-18")
def hangs(site: Site) -> None:
    """A firmware that hangs is ended by the watchdog and discarded."""
    expect_discarded(site, "hangs")


@case("AC-19")
def both_versions(site: Site) -> None:
    """Until the confirmation the old firmware and the new image are whole."""
    process = ImageProcess(site)
    image = process.next_image()
    running, other = f"running.{process.part}", f"other.{process.part}"
    old, new = site.bench.read_slot(running)["sha256"], image.sha256.hex()
    process.transfer_verified(sent(image))
    activate_or_nothing(process)
    held: dict[str, None] = {}
    for _ in range(_MOST_LOOKS):
        now = {slot: site.bench.read_slot(slot)["sha256"] for slot in (running, other, "image")}
        if now[running] == new:
            break
        expect(now[running] == old, "the old firmware in the running bank", "other octets")
        expect(new in {now[other], now["image"]}, "the new image in a bank or as it was received", "nowhere")
        held["in the other bank" if now[other] == new else "as it was received"] = None
        site.bench.advance(_LOOK_S)
        if process.facts.confirmed_by != "itself":
            process.has_settled()
    else:
        raise Failed("the end of the activation", "none")
    site.step(f"until the confirmation the new firmware was {', then '.join(held)}")
    expect(process.await_return() == Status.ACTIVATION_SUCCESSFUL, "status 6", process.status)
    process.expect_runs(image)


@case("AC-20")
def power_cut_while_discarding(site: Site) -> None:
    """After the confirmation the new firmware runs, whatever happens to the old one's bank."""
    process = ImageProcess(site)
    cuts = 0
    for operation in range(_MOST_OPERATIONS):
        image = process.next_image()
        if not activate_cut_off(process, image, "discard", operation):
            break
        cuts += 1
        process.expect_runs(image)
        status = process.await_return()
        expect(status == Status.ACTIVATION_SUCCESSFUL, "status 6", status)
        left = site.bench.read_slot(f"other.{process.part}")["size"]
        expect(left == 0, "the old firmware to be discarded", f"{left} octets")
    site.step(f"discard: power cut at {cuts} operations of the memory")
    if not cuts:
        raise Inconclusive("the bench has not cut the power while the old firmware was discarded")


@case("AC-21")
def unconfirmed(site: Site) -> None:
    """A firmware that nobody confirms in time is discarded."""
    expect_discarded(site, "", confirmation="never")


@case("AC-26")
def image_rots(site: Site) -> None:
    """What is activated is what was verified."""
    process = ImageProcess(site)
    image, old = process.next_image(), process.running()
    for offset in (0, len(image.data) // 2, len(image.data) - 1):
        process.transfer_verified(sent(image))
        site.bench.inject("bit-rot", slot="image", offset=offset)
        result = activate_or_nothing(process)
        site.step(f"image_activate over an image with a wrong bit in octet {offset}: {result}")
        status = process.await_return()
        expect(status != Status.ACTIVATION_SUCCESSFUL, "no activation", f"status {int(status)}")
        expect(process.running() == old, "the running firmware to stay", process.running())
        expect(not process.info, "no image to activate any more", process.info)


@case("AC-27")
def running_bank_rots(site: Site) -> None:
    """Where the running bank is damaged, the other verified one runs."""
    process = ImageProcess(site)
    image = process.next_image()
    running, other = f"running.{process.part}", f"other.{process.part}"
    process.transfer_verified(sent(image))
    events = EventReader(process) if process.has_log else None
    activate_or_nothing(process)
    for _ in range(_MOST_LOOKS):
        if site.bench.read_slot(other)["sha256"] == image.sha256.hex():
            break
        site.bench.advance(_LOOK_S)
    else:
        raise Inconclusive("at no time did both banks hold verified firmware")
    site.bench.inject("bit-rot", slot=running, offset=1)
    site.bench.restart()
    process.associate(process.facts.activation_s)
    process.expect_runs(image)
    if events is not None:
        events.expect_one("memory_error", process.part)


@case("AC-28")
def both_banks_rot(site: Site) -> None:
    """Without firmware the meter says who it is, and that something is wrong."""
    process = ImageProcess(site)
    site.put_back("a meter that works", site.bench.renew)
    for bank in ("running", "other"):
        slot = f"{bank}.{process.part}"
        if site.bench.read_slot(slot)["size"]:
            site.bench.inject("bit-rot", slot=slot, offset=2)
    for time in ("first", "second"):
        site.bench.restart()
        process.associate(process.facts.activation_s)
        name = process.client.get(_LOGICAL_DEVICE_NAME.value)
        expect(bool(name.value), f"a logical device name after the {time} restart", "none")
        running = process.running()
        expect(running.identifier is None, "no identifier of a damaged firmware", running)
        site.sleep(_QUIET_S)
        try:
            process.client.get(_LOGICAL_DEVICE_NAME.value)
        except DlmsError as error:
            raise Failed("no restart by itself", str(error)) from None
    if process.has_log:
        code = process.facts.events.memory_error
        told = [event for event in EventReader(process).all() if event.code == code]
        expect(code is None or bool(told), f"event {code} (memory_error)", "none")


def activate_cut_off(process: ImageProcess, image: Image, step: str, operation: int) -> bool:
    """Whether the power is cut in a step of the activation of an image; there is power again then."""
    site = process.site
    process.transfer_verified(sent(image))
    site.bench.cut_power_at(step, operation=operation, seed=operation)
    activate_or_nothing(process)
    ends_at = site.clock() + process.facts.activation_s
    while site.bench.has_power() and site.clock() < ends_at:
        site.sleep(1.0)
        if has_ended(process):
            break
    if site.bench.has_power():
        site.bench.inject("none")
        return False
    site.bench.restart()
    process.associate(process.facts.activation_s)
    return True


def has_ended(process: ImageProcess) -> bool:
    """Whether the activation is over, or the power gone."""
    try:
        return process.has_settled()
    except DlmsError:
        if process.site.bench.has_power():
            raise
        return True


def expect_waiting(process: ImageProcess, image: Image, old: Running, after: str) -> None:
    """Raises Failed unless the old firmware runs and the image waits for a command."""
    running = process.running()
    expect(running == old, f"the old firmware after {after}", running)
    status = process.status
    expect(status == Status.VERIFICATION_SUCCESSFUL, f"status 3 after {after}", status)
    expect_shown(process, sent(image), image.signature)


def expect_discarded(site: Site, fault: str, **settings: Any) -> None:
    """Raises Failed unless a firmware with this fault is discarded, and the old one runs again."""
    site.put_back("the meter's firmware", lambda: site.bench.inject("none"))
    if settings:
        site.bench.configure(**settings)
    process = ImageProcess(site)
    events = EventReader(process) if process.has_log else None
    image, old = process.next_image(), process.running()
    process.transfer_verified(sent(image))
    if fault:
        site.bench.inject(fault)
    status = process.activate()
    expect(status == Status.ACTIVATION_FAILED, "status 7", status)
    expect(process.running() == old, "the old firmware", process.running())
    expect(not process.info, "no image to activate any more", process.info)
    expect_refused(process.call(process.object.image_activate()), "image_activate without an image")
    if "read_slot" in site.bench.verbs:
        left = site.bench.read_slot(f"other.{process.part}")["size"]
        expect(left == 0, "the new firmware to be discarded", f"{left} octets")
    if events is not None:
        events.expect_one("activation_failed", process.part)
        events.expect_none("activated")
