"""IT-27 to IT-35, IT-37 to IT-39 and IT-48: what counts as a good image, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.images import Sent, other_identifier, sent
from dlms_fw.conformance.procedures.image_reception import expect_fresh
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import expect_refused
from dlms_fw.conformance.schedules import one_time
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, expect
from dlms_fw.containers import HardwareRange
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.image import Version

_LOGICAL_DEVICE_NAME: Final = Data(well_known.LOGICAL_DEVICE_NAME)
_UNUSUAL_HARDWARE: Final = HardwareRange(65_000, 65_001)
_NO_PART: Final = 9
_AFTER_S: Final = 600.0
_LOOK_S: Final = 0.05


@case("IT-27")
def verify_incomplete(site: Site) -> None:
    """An image with a gap is not judged."""
    process = ImageProcess(site)
    image = process.images.good_sent
    count = process.count(image)
    missing = count // 2
    process.initiate(image)
    process.send_all(image, [number for number in range(count) if number != missing])
    before = process.seen
    result = process.call(process.object.image_verify())
    site.step(f"image_verify without block {missing}: {result}")
    expect_refused(result, "image_verify with a gap", busy_is_refusal=False)
    expect(process.seen == before, "status 1 and the bits as they were", process.seen)
    process.send_all(image, [missing])
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 once it is whole", process.status)


@case("IT-28")
def verify_good(site: Site) -> None:
    """A good image is found good, and shown as what it is."""
    process = ImageProcess(site)
    image = process.images.good
    process.transfer_verified(sent(image))
    expect_shown(process, sent(image), image.signature)
    expect(all(process.bits), "all bits", "some are missing")


@case("IT-29")
def one_bit_wrong(site: Site) -> None:
    """One bit is enough."""
    process = ImageProcess(site)
    running = process.running()
    events = EventReader(process) if process.has_log else None
    bad = list(process.images.damaged())
    for image in bad:
        process.expect_found_bad(image)
    if events is not None:
        code = process.facts.events.verification_failed
        told = [event for event in events.news() if event.code == code]
        expect(code is None or len(told) == len(bad), f"{len(bad)} times event {code}", len(told))
    expect(process.running() == running, "the running firmware to stay", process.running())


@case("IT-30")
def bad_signatures(site: Site) -> None:
    """What is not signed by the right key in the right form is not taken."""
    process = ImageProcess(site)
    for image in process.images.badly_signed():
        process.expect_found_bad(image)


@case("IT-31")
def signed_for_another_meter(site: Site) -> None:
    """A right signature does not make an image one for this meter."""
    process = ImageProcess(site)
    images = process.images
    strangers = {
        "an image for another meter type": images.variant(meter_type=f"{images.good.meter_type}X"),
        "an image for another hardware": images.variant(hardware=_UNUSUAL_HARDWARE),
    }
    if _NO_PART not in process.facts.parts:
        strangers["an image for a part that is not there"] = images.variant(part=_NO_PART)
    for what, image in strangers.items():
        process.expect_found_bad(sent(image, what))


@case("IT-32")
def versions(site: Site) -> None:
    """What the meter says about older and equal versions is what it does."""
    process = ImageProcess(site)
    images, facts, running = process.images, process.facts, process.version
    if running is None:
        raise Inapplicable("the meter does not show the version that it runs")
    site.step(f"the meter runs {running}")
    if (older := before(running)) is not None:
        image = sent(images.variant(firmware_version=older), f"an image of version {older}")
        expect_as_declared(process, image, taken=facts.takes_older)
    image = sent(images.variant(firmware_version=running), f"an image of version {running}")
    expect_as_declared(process, image, taken=facts.takes_equal)
    above = replace(running, patch=running.patch + 1)
    demanding = images.variant(firmware_version=above, minimum_previous_version=above)
    process.expect_found_bad(sent(demanding, f"an image that demands version {above} before it"))


@case("IT-33")
def wrong_lengths(site: Site) -> None:
    """An image is as long as it is."""
    process = ImageProcess(site)
    for image in process.images.wrong_lengths():
        process.expect_found_bad(image)


@case("IT-34")
def verify_twice(site: Site) -> None:
    """A verification has one result."""
    process = ImageProcess(site)
    for image, goal in (
        (process.images.good_sent, Status.VERIFICATION_SUCCESSFUL),
        (next(process.images.damaged()), Status.VERIFICATION_FAILED),
    ):
        process.transfer(image)
        for time in ("first", "second", "third"):
            status = process.verify()
            expect(status == goal, f"status {int(goal)} the {time} time for {image.what}", status)
            result = process.call(process.object.image_verify())
            site.step(f"image_verify after the {time} verification of {image.what}: {result}")


@case("IT-35")
def meter_while_it_verifies(site: Site) -> None:
    """A meter that verifies goes on answering, and its status goes one way."""
    process = ImageProcess(site)
    process.transfer(process.images.good_sent)
    if process.status == Status.TRANSFER_INITIATED:
        process.call(process.object.image_verify())
    seen = [process.status]
    ends_at = site.clock() + process.facts.verification_s
    while seen[-1] == Status.VERIFICATION_INITIATED and site.clock() < ends_at:
        process.client.get(_LOGICAL_DEVICE_NAME.value)
        site.sleep(_LOOK_S)
        seen.append(process.status)
    site.step("status " + ", ".join(str(int(status)) for status in dict.fromkeys(seen)))
    expect(seen == sorted(seen), "a status that goes from 2 to 3 and not back", seen)
    expect(seen[-1] == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", seen[-1])


@case("IT-37")
def initiation_over_verified(site: Site) -> None:
    """A new initiation makes the verified image and its schedule void."""
    process = ImageProcess(site)
    image, running = process.images.good_sent, process.running()
    process.transfer_verified(image)
    scheduled = process.has_scheduler
    if scheduled:
        process.schedule(one_time(process, timedelta(seconds=_AFTER_S)))
    process.initiate(image)
    expect_fresh(process, image)
    if not scheduled:
        return
    site.step(f"execution_time after the initiation: {process.scheduled or 'empty'}")
    process.send_all(image)
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 again", process.status)
    if "advance" in site.bench.verbs:
        site.bench.advance(2 * _AFTER_S)
        process.associate(process.facts.activation_s)
        expect(process.running() == running, "no activation at the scheduled time", process.running())
        status = process.status
        expect(status == Status.VERIFICATION_SUCCESSFUL, "the new transfer to rest in status 3", status)


@case("IT-38")
def verifies_itself(site: Site) -> None:
    """The last block is enough where the meter verifies by itself."""
    process = ImageProcess(site)
    events = EventReader(process) if process.has_log else None
    process.transfer(process.images.good_sent)
    process.until(
        lambda status: status == Status.VERIFICATION_SUCCESSFUL,
        process.facts.verification_s,
        "status 3 without image_verify",
    )
    if events is not None:
        events.expect_one("ready", process.part)


@case("IT-39")
def good_after_bad(site: Site) -> None:
    """A failed verification leaves nothing behind."""
    process = ImageProcess(site)
    process.expect_found_bad(next(process.images.damaged()))
    image = process.images.good
    process.transfer_verified(sent(image))
    expect_shown(process, sent(image), image.signature)


@case("IT-48")
def identifiers_alike(site: Site) -> None:
    """Identifiers are compared to their last octet."""
    process = ImageProcess(site)
    identifier = process.images.good.image_identifier
    alike = [other_identifier(identifier, number) for number in range(2)]
    images = [process.images.variant(image_identifier=each) for each in alike]
    for image in images:
        process.transfer_verified(sent(image, f"the image {image.image_identifier.hex()}"))
        expect_shown(process, sent(image), image.signature)
    first, second = images
    process.expect_found_bad(
        Sent("the first image under the identifier of the second", second.image_identifier, first.data)
    )


def expect_shown(process: ImageProcess, image: Sent, signature: bytes | None) -> None:
    """Raises Failed unless image_to_activate_info tells of exactly this image."""
    info = process.info
    expect(len(info) == 1, "one image to activate", len(info))
    entry = info[0]
    size, identifier = entry.image_to_activate_size, entry.image_to_activate_identification
    expect(size == len(image.data), f"size {len(image.data)}", size)
    expect(identifier == image.identifier, f"identifier {image.identifier.hex()}", identifier.hex())
    if process.facts.shows_signature and signature is not None:
        shown = entry.image_to_activate_signature
        expect(shown == signature, "the signature of the image", f"{len(shown)} other octets")


def expect_as_declared(process: ImageProcess, image: Sent, *, taken: bool) -> None:
    """Raises Failed unless the image is taken, or found bad, as it was declared."""
    if taken:
        process.transfer_verified(image)
        process.site.step(f"{image.what}: taken, as declared")
    else:
        process.expect_found_bad(image)


def before(version: Version) -> Version | None:
    """The version just below; ``None`` below the lowest."""
    if version.patch:
        return replace(version, patch=version.patch - 1)
    if version.minor:
        return replace(version, minor=version.minor - 1)
    return replace(version, major=version.major - 1) if version.major else None
