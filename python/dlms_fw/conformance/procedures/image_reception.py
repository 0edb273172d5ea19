"""IT-01 to IT-17: what the Image transfer object shows, and how it takes blocks."""

from __future__ import annotations

import random
from typing import Final

from dlms_fw.conformance.image_process import SETTLED, ImageProcess, Seen, Status
from dlms_fw.conformance.images import Sent, other_identifier
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import SUCCESS, expect_refused
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import MethodCall

LARGEST_NUMBER: Final = 0xFFFF_FFFF
_SEED: Final = 18


@case("IT-01")
def all_attributes(site: Site) -> None:
    """Types and values of the attributes while nothing goes on."""
    process = ImageProcess(site)
    client, target = process.client, process.object
    for row in ImageTransfer.attributes.values():
        if row is not ImageTransfer.image_to_activate_info:  # may be an error before a verification
            client.get(row.__get__(target, ImageTransfer))  # decodes by the type of the row, or raises
    status, info = process.status, process.info
    site.step(f"status {int(status)}, block size {process.block_size}, {len(info)} images to activate")
    if status in SETTLED and status != Status.ACTIVATION_SUCCESSFUL:
        expect(not info, f"no image to activate in status {int(status)}", info)
    bits = process.bits
    if bits:
        expect_agreement(process.seen)
    elif status == Status.TRANSFER_NOT_INITIATED:
        expect(
            process.first_missing == 0,
            "first missing block 0 where nothing is initiated",
            process.first_missing,
        )


@case("IT-02")
def methods_while_disabled(site: Site) -> None:
    """Nothing works while image_transfer_enabled is FALSE."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [0])
    earlier, running = process.seen, process.running()
    result = process.write(process.object.image_transfer_enabled, value=False)
    expect(result == SUCCESS, "image_transfer_enabled to be written", result)
    before = process.seen
    is_dropped = before.status == Status.TRANSFER_NOT_INITIATED and not any(before.bits)
    expect(before == earlier or is_dropped, "the transfer to be kept or dropped as a whole", before)
    for name, call in calls(process, image, 1):
        expect_refused(process.call(call), name)
        expect(process.seen == before, f"no change by {name}", process.seen)
    expect(process.running() == running, "the running firmware to stay", process.running())


@case("IT-03")
def who_may_enable(site: Site) -> None:
    """The management client may write image_transfer_enabled, the reading client may not."""
    process = ImageProcess(site, beside_others=True)
    enabled = process.object.image_transfer_enabled
    low = process.other("reading")
    for value in (False, True):
        result = process.write(enabled, value)
        expect(result == SUCCESS, f"{value} to be written", result)
        expect(process.client.get(enabled) is value, f"{value} to be read back", not value)
        result = process.write(enabled, not value, low)
        expect_refused(result, "writing by the reading client")
        expect(process.client.get(enabled) is value, f"{value} to stay", not value)


@case("IT-04")
def initiate(site: Site) -> None:
    """A valid initiation makes a clean beginning."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    expect_fresh(process, image)


@case("IT-05")
def initiations_without_sense(site: Site) -> None:
    """Sizes, identifiers and parameters that cannot be."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [0])
    before = process.seen
    target, length, size = process.object, len(image.identifier), len(image.data)
    identifiers = [bytes(n) for n in sorted({0, 1, length - 1, length + 1, 255}) if n != length]
    calls = {
        "size 0": target.image_transfer_initiate(image.identifier, 0),
        "size 2^32-1": target.image_transfer_initiate(image.identifier, LARGEST_NUMBER),
        **{
            f"an identifier of {len(identifier)} octets": target.image_transfer_initiate(identifier, size)
            for identifier in identifiers
        },
        **{what: target.image_transfer_initiate.encoded(octets) for what, octets in WRONG_PARAMETERS.items()},
    }
    for what, call in calls.items():
        result = process.call(call)
        site.step(f"{what}: {result}")
        expect_refused(result, what)
        expect(process.seen == before, f"no change by {what}", process.seen)


WRONG_PARAMETERS: Final = {
    "a parameter without the size": bytes.fromhex("0201 0906 4D4353313032"),
    "a parameter with a third field": bytes.fromhex("0203 0906 4D4353313032 0600000040 0F00"),
    "a size of another type": bytes.fromhex("0202 0906 4D4353313032 120040"),
    "an identifier of another type": bytes.fromhex("0202 0600000001 0600000040"),
    "an array for the structure": bytes.fromhex("0102 0906 4D4353313032 0600000040"),
    "integer (0)": bytes.fromhex("0F00"),
}


@case("IT-06")
def block_before_initiation(site: Site) -> None:
    """A block that was not announced is not stored."""
    process = ImageProcess(site)
    if process.status not in SETTLED:
        process.expect_found_bad(next(process.images.damaged()))
        if process.status not in SETTLED:
            raise Inconclusive(f"an initiated transfer cannot be brought to an end: status {process.status}")
    before = process.seen
    status = before.status
    result = process.send(process.images.good_sent, 0)
    site.step(f"block 0 in status {int(status)}: {result}")
    expect(process.seen == before, "no change by a block without an initiation", process.seen)


@case("IT-07")
def blocks_in_order(site: Site) -> None:
    """Each block sets its own bit and moves the first missing one."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    count = process.count(image)
    for number in range(count):
        process.send_all(image, [number])
        expected = (True,) * (number + 1) + (False,) * (count - number - 1)
        expect(process.bits == expected, f"the bits of blocks 0 to {number}", shown(process.bits))
        expect_first_missing(process.first_missing, expected)
    site.step(f"{count} blocks of {process.block_size} octets")


@case("IT-08")
def blocks_in_any_order(site: Site) -> None:
    """Backwards and shuffled: the same end, and the first gap at each step."""
    process = ImageProcess(site)
    image = process.images.good_sent
    numbers = list(range(process.count(image)))
    shuffled = random.Random(_SEED).sample(numbers, len(numbers))  # noqa: S311 - an order, not a secret
    for what, order in (("backwards", numbers[::-1]), ("shuffled", shuffled)):
        process.initiate(image)
        for number in order:
            process.send_all(image, [number])
            expect_agreement(process.seen)
            expect(process.bits[number], f"the bit of block {number}", shown(process.bits))
        expect(all(process.bits), f"all bits after sending {what}", shown(process.bits))
        status = process.verify()
        expect(status == Status.VERIFICATION_SUCCESSFUL, f"status 3 after sending {what}", status)


@case("IT-09")
def blocks_beyond(site: Site) -> None:
    """Numbers beyond the image name no block, whatever is left of them in fewer bits."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [1])
    before, count = process.seen, process.count(image)
    full = process.block(image, 0)
    for number in (count, count + 1, 1 << 16, (1 << 16) + 2, 1 << 24, LARGEST_NUMBER):
        for octets in (full, b""):
            result = process.send_octets(number, octets)
            expect_refused(result, f"block {number} with {len(octets)} octets")
            expect(process.seen == before, f"no change by block {number}", process.seen)


@case("IT-10")
def middle_block_of_wrong_length(site: Site) -> None:
    """Only a whole block is a block, unless it is the last one."""
    process = ImageProcess(site)
    image = process.images.good_sent
    if process.count(image) < 2:
        raise Inapplicable("the declared image has one block only")
    process.initiate(image)
    before, right = process.seen, process.block(image, 0)
    for octets in (right[:-1], right + b"\x00", right[: len(right) // 2], b""):
        result = process.send_octets(0, octets)
        expect_refused(result, f"block 0 with {len(octets)} octets")
        expect(process.seen == before, f"no change by {len(octets)} octets", process.seen)


@case("IT-11")
def last_block(site: Site) -> None:
    """The last block has what is left of the image, or is filled up where that is declared."""
    process = ImageProcess(site)
    image = process.images.good_sent
    last, size = process.count(image) - 1, process.block_size
    process.initiate(image)
    before, right = process.seen, process.block(image, last)
    wrong = {right[:-1], right + b"\x00", b"", right.ljust(size, b"\x00"), right.ljust(size + 1, b"\x00")}
    for octets in sorted(wrong - {right}, key=len):
        result = process.send_octets(last, octets)
        site.step(f"last block of {len(right)} octets with {len(octets)}: {result}")
        expect_refused(result, f"a last block with {len(octets)} octets for {len(right)}")
        expect(process.seen == before, f"no change by {len(octets)} octets", process.seen)
    process.send_all(image, [last])
    expect(process.bits[last], "the bit of the last block", shown(process.bits))


@case("IT-12")
def same_block_twice(site: Site) -> None:
    """A repeated block is no mistake, and changes nothing."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [0])
    before = process.seen
    process.send_all(image, [0])
    expect(process.seen == before, "no change by the same block", process.seen)


@case("IT-13")
def same_block_with_other_octets(site: Site) -> None:
    """The meter stores what it says it stores."""
    process = ImageProcess(site)
    image = process.images.good_sent
    right = process.block(image, 0)
    process.initiate(image)
    result = process.send_octets(0, bytes(octet ^ 0xFF for octet in right))
    expect(result == SUCCESS, "a block of the right length to be accepted", result)
    again = process.send_octets(0, right)
    site.step(f"the right block over the wrong one: {again}")
    bit = process.bits[0]
    expect(bit or again != SUCCESS, "the bit of an accepted block", "bit 0")
    process.send_all(image, range(1, process.count(image)))
    if not bit:
        site.step("the meter has withdrawn the block; it is sent once more")
        process.send_all(image, [0])
    status = process.verify()
    if again == SUCCESS or not bit:
        expect(status == Status.VERIFICATION_SUCCESSFUL, "status 3: the right block was accepted", status)
    else:
        expect(status == Status.VERIFICATION_FAILED, "status 4: the wrong block was kept", status)


@case("IT-14")
def blocks_after_the_end(site: Site) -> None:
    """An image that is disturbed after its verification does not count as verified."""
    process = ImageProcess(site)
    image = process.images.good_sent
    other = bytes(octet ^ 0xFF for octet in process.block(image, 0))
    process.transfer(image)
    result = process.send(image, 0)
    site.step(f"the same block after the last one: {result}")
    expect(
        process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 after the same block", process.status
    )
    process.transfer(image)
    if process.status == Status.TRANSFER_INITIATED:
        process.call(process.object.image_verify())
    if process.status == Status.VERIFICATION_INITIATED:
        result = process.send_octets(0, other)
        site.step(f"other octets while the meter verifies: {result}")
        if process.verify() == Status.VERIFICATION_SUCCESSFUL:
            expect_refused(result, "a block while the meter verifies")
    process.transfer_verified(image)
    result = process.send_octets(0, other)
    site.step(f"other octets after the verification: {result}, status {int(process.status)}")
    if process.status == Status.VERIFICATION_SUCCESSFUL:
        expect_refused(result, "a block for a verified image")
        expect(bool(process.info), "the image to be there as it was verified", "none")
    else:
        expect(not process.info, "no image to activate once it was disturbed", process.info)


@case("IT-15")
def awkward_sizes(site: Site) -> None:
    """The number of bits is the size divided by the block size, rounded up."""
    process = ImageProcess(site)
    size = process.block_size
    sizes = {1, size, size + 1, 3 * size, process.facts.largest_image} - {0}
    identifier = process.images.good.image_identifier
    for octets in sorted(sizes):
        result = process.call(process.object.image_transfer_initiate(identifier, octets))
        expect(result == SUCCESS, f"an image of {octets} octets to be initiated", result)
        count = -(-octets // size)
        bits = process.bits
        expect(len(bits) == count, f"{count} bits for {octets} octets", len(bits))
        expect(not any(bits), "no bit to be set", shown(bits[:64]))
        site.step(f"{octets} octets: {count} blocks")


@case("IT-16")
def initiation_in_the_middle(site: Site) -> None:
    """A second initiation drops all that was received."""
    process = ImageProcess(site)
    image = process.images.good_sent
    half = range((process.count(image) + 1) // 2)
    for identifier in (image.identifier, other_identifier(image.identifier, 1)):
        process.initiate(image)
        process.send_all(image, half)
        again = Sent("the second initiation", identifier, image.data)
        process.initiate(again)
        expect_fresh(process, again)
        process.send_all(again, [max(half)])
        expect(sum(process.bits) == 1, "one bit after one block of the second transfer", shown(process.bits))


@case("IT-17")
def bitmap_and_first_missing_agree(site: Site) -> None:
    """The first missing block is the lowest bit that is not set, however blocks come."""
    process = ImageProcess(site)
    image = process.images.good_sent
    numbers = list(range(process.count(image)))
    with_gaps = numbers[1::2] + numbers[::2]
    process.initiate(image)
    step = max(1, len(numbers) // 20)
    for index, number in enumerate(with_gaps):
        process.send_all(image, [number])
        if index % step == 0:
            expect_agreement(process.seen)
    expect_agreement(process.seen)


def calls(process: ImageProcess, image: Sent, number: int) -> list[tuple[str, MethodCall[None]]]:
    """One call of each method, in an order in which none hides another."""
    target = process.object
    return [
        ("image_activate", target.image_activate()),
        ("image_verify", target.image_verify()),
        ("image_block_transfer", target.image_block_transfer(number, process.block(image, number))),
        ("image_transfer_initiate", target.image_transfer_initiate(image.identifier, len(image.data))),
    ]


def expect_fresh(process: ImageProcess, image: Sent) -> None:
    """Raises Failed unless the meter is at the beginning of the transfer of this image."""
    seen, count = process.seen, process.count(image)
    expect(seen.status == Status.TRANSFER_INITIATED, "status 1", seen.status)
    expect(seen.bits == (False,) * count, f"{count} bits, none set", shown(seen.bits))
    expect(seen.first_missing == 0, "first missing block 0", seen.first_missing)
    expect(not process.info, "no image to activate", process.info)


def expect_agreement(seen: Seen) -> None:
    """Raises Failed unless the first missing block is the lowest bit that is not set."""
    expect_first_missing(seen.first_missing, seen.bits)


def expect_first_missing(first_missing: int, bits: tuple[bool, ...]) -> None:
    """The same, of values; when nothing is missing any number beyond the image is right."""
    if all(bits):
        expect(first_missing >= len(bits), f"{len(bits)} or above: nothing is missing", first_missing)
    else:
        expect(first_missing == bits.index(False), f"first missing block {bits.index(False)}", first_missing)


def shown(bits: tuple[bool, ...]) -> str:
    """A bitmap as text."""
    return "".join("1" if bit else "0" for bit in bits)
