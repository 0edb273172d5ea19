"""IT-23, IT-24, IT-36, IT-49 to IT-51: restarts, power cuts, a failing memory, and many upgrades."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Final

from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.images import Sent
from dlms_fw.conformance.procedures.image_reception import expect_agreement, shown
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import expect_refused
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inconclusive, expect
from dlms_fw.driver import is_loss
from dlms_fw.errors import DlmsError

HARDWARE_FAULT: Final = "hardware-fault"
_MOST_OPERATIONS: Final = 40
"""More writes than a block or a verification takes."""
_GROWTH: Final = 1.02
"""Logs and histories fill up, and then go round."""
_WHEN: Final = ("before", "inside", "after")


@case("IT-23")
def restart_in_the_middle(site: Site) -> None:
    """A restart costs no acknowledged block, or the whole transfer where that is declared."""
    process = ImageProcess(site)
    image = process.images.good_sent
    total = process.count(image)
    for sent_blocks in sorted({0, 1, total // 2, total - 1, total}):
        process.initiate(image)
        process.send_all(image, range(sent_blocks))
        site.bench.restart()
        process.associate(process.facts.activation_s)
        status = process.status
        if not process.facts.keeps_transfer:
            expect(status == Status.TRANSFER_NOT_INITIATED, "status 0, as declared", status)
            expect(not any(process.bits), "no bit", shown(process.bits))
            continue
        expect_kept(process, sent_blocks)
        process.send_all(image, missing(process))
        expect_good_end(process)
        site.step(f"restart after {sent_blocks} of {total} blocks")


@case("IT-24")
def power_cut_in_a_block(site: Site) -> None:
    """A block that the power cut has hit is there rightly or not at all."""
    process = ImageProcess(site)
    image = process.images.good_sent
    total = process.count(image)
    for number in sorted({0, total // 2, total - 1}):
        for operation, when in _cuts(_WHEN if number == total // 2 else ("inside",)):
            process.initiate(image)
            process.send_all(image, range(number))
            site.bench.cut_power_at("block", operation=operation, when=when, seed=operation)
            if not is_cut_off(process, partial(process.send, image, number)):
                break
            if process.status == Status.TRANSFER_NOT_INITIATED and not process.facts.keeps_transfer:
                expect(not any(process.bits), "no bit, as declared", shown(process.bits))
                continue
            bits = process.bits if process.status == Status.TRANSFER_INITIATED else (True,) * total
            expect(not any(bits[number + 1 :]), f"no bit above block {number}", shown(bits))
            expect_kept(process, number)
            process.send_all(image, missing(process))
            expect_good_end(process)
        site.step(f"{number}: power cut at {operation} operations of the memory")


@case("IT-36")
def power_cut_in_a_verification(site: Site) -> None:
    """A verification that was cut off is done again, and never comes out better than the truth."""
    process = ImageProcess(site)
    good, bad = process.images.good_sent, next(process.images.damaged())
    for image, goal in ((good, Status.VERIFICATION_SUCCESSFUL), (bad, Status.VERIFICATION_FAILED)):
        cuts = 0
        for operation in range(_MOST_OPERATIONS):
            process.initiate(image)
            process.send_all(image, range(process.count(image) - 1))
            site.bench.cut_power_at("verification", operation=operation, seed=operation)
            if not is_cut_off(process, partial(end_of_verification, process, image)):
                break
            cuts += 1
            status = process.status
            allowed = {Status.TRANSFER_INITIATED, Status.VERIFICATION_INITIATED, goal}
            if status == Status.TRANSFER_NOT_INITIATED and not process.facts.keeps_transfer:
                process.transfer(image)
                status = process.status
            expect(status in allowed, f"status 1, 2 or {int(goal)} after a power cut", status)
            if status == Status.TRANSFER_INITIATED:
                process.send_all(image, missing(process))
            expect(process.verify() == goal, f"status {int(goal)} for {image.what}", process.status)
        site.step(f"{image.what}: power cut at {cuts} operations of the memory")
        if not cuts:
            raise Inconclusive("the bench has not cut the power in any verification")


@case("IT-49")
def many_upgrades(site: Site) -> None:
    """What has been done a thousand times can be done again."""
    process = ImageProcess(site)
    sizes = []
    before = site.bench.read_slot("wear")
    for _ in range(process.facts.upgrades):
        process.transfer_activated(process.next_image())
        sizes.append(site.bench.read_slot("memory")["size"])
    middle, last = sizes[len(sizes) // 2], sizes[-1]
    expect(
        last <= middle * _GROWTH, "a memory that does not grow", f"{middle} octets at half time, then {last}"
    )
    wear = site.bench.read_slot("wear")
    worn = {
        name: erased - before.get(name, 0) for name, erased in wear.items() if f"part-{process.part}" in name
    }
    site.step(f"{process.facts.upgrades} upgrades; banks erased {worn}")
    expect(len(worn) == 2, "two banks in use", sorted(worn))
    expect(max(worn.values()) - min(worn.values()) <= 2, "banks that wear alike", worn)


@case("IT-50")
def memory_that_fails(site: Site) -> None:
    """A block that cannot be stored is refused, and nothing else is lost."""
    process = ImageProcess(site)
    image, running = process.images.good_sent, process.running()
    middle = process.count(image) // 2
    process.initiate(image)
    process.send_all(image, range(middle))
    site.put_back("the memory", lambda: site.bench.inject("none"))
    site.bench.inject("write-error")
    result = process.send(image, middle)
    site.step(f"block {middle} into a memory that fails: {result}")
    expect(result == HARDWARE_FAULT, HARDWARE_FAULT, result)
    expect(not process.bits[middle], f"bit 0 for block {middle}", shown(process.bits))
    expect(process.running() == running, "the running firmware to stay", process.running())
    site.bench.inject("none")
    process.send_all(image, missing(process))
    expect_good_end(process)


@case("IT-51")
def memory_without_room(site: Site) -> None:
    """An image that has no room is refused at once."""
    process = ImageProcess(site)
    image = process.images.good_sent
    before = process.seen
    site.put_back("the memory", lambda: site.bench.inject("none"))
    site.bench.inject("storage-full")
    size = process.facts.largest_image or len(image.data)
    result = process.call(process.object.image_transfer_initiate(image.identifier, size))
    site.step(f"an initiation of {size} octets without room: {result}")
    expect_refused(result, "an initiation without room")
    expect(process.seen == before, "no change", process.seen)
    site.bench.inject("none")
    process.initiate(image)


def _cuts(moments: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where the power is cut: at each operation in turn, in all manners."""
    for operation in count():
        if operation >= _MOST_OPERATIONS:
            raise Inconclusive(f"a block takes more than {_MOST_OPERATIONS} operations of the memory")
        for when in moments:
            yield operation, when


def is_cut_off(process: ImageProcess, act: Callable[[], object]) -> bool:
    """Whether the armed power cut comes while something is done; afterwards there is power either way."""
    bench = process.site.bench
    try:
        act()
    except DlmsError as error:
        if not is_loss(error):
            raise
    if bench.has_power():
        bench.inject("none")
        return False
    bench.restart()
    process.associate(process.facts.activation_s)
    return True


def end_of_verification(process: ImageProcess, image: Sent) -> None:
    """Send the last block and have the image verified."""
    process.send(image, process.count(image) - 1)
    process.verify()


def missing(process: ImageProcess) -> list[int]:
    """The blocks that the meter does not have."""
    if process.status != Status.TRANSFER_INITIATED:
        return []
    return [number for number, bit in enumerate(process.bits) if not bit]


def expect_kept(process: ImageProcess, acknowledged: int) -> None:
    """Raises Failed where more of the first so many blocks are lost than was declared to be at risk."""
    seen = process.seen
    expect(seen.status != Status.TRANSFER_NOT_INITIATED, "the transfer to be kept", "status 0")
    expect_agreement(seen)
    lost = sum(not bit for bit in seen.bits[:acknowledged])
    allowed = process.facts.blocks_at_risk
    expect(lost <= allowed, f"at most {allowed} of {acknowledged} acknowledged blocks to be lost", lost)


def expect_good_end(process: ImageProcess) -> None:
    """Raises Failed unless what is there verifies: all blocks that counted were right."""
    status = process.verify()
    expect(status == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", status)
