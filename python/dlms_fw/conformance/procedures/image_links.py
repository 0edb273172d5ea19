"""IT-18 to IT-22, IT-25, IT-26, IT-52: long values, lost answers, other clients, unconfirmed blocks."""

from __future__ import annotations

import random
from typing import Final

from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.procedures.image_reception import calls, shown
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.result_words import SUCCESS, expect_refused
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, expect
from dlms_fw.driver import is_loss
from dlms_fw.enums import Conformance
from dlms_fw.errors import DlmsError

SMALL_PDU: Final = 128
"""Octets of the largest APDU that we take where a bitmap shall not fit one."""
RECONNECTIONS: Final = 20
_BITS_PER_OCTET: Final = 8
_BLOCK_OVERHEAD: Final = 54
_SEED: Final = 22


@case("IT-18")
def bitmap_in_blocks(site: Site) -> None:
    """A bitmap that does not fit one APDU comes in blocks."""
    process = ImageProcess(site)
    count = SMALL_PDU * _BITS_PER_OCTET + 3
    size = (count - 1) * process.block_size + 1
    if process.facts.largest_image and size > process.facts.largest_image:
        raise Inapplicable(f"no image of {count} blocks has room in the meter")
    identifier = process.images.good.image_identifier
    result = process.call(process.object.image_transfer_initiate(identifier, size))
    expect(result == SUCCESS, f"an image of {size} octets to be initiated", result)
    process.client.close()
    with site.client(max_pdu_size=SMALL_PDU) as client:
        bits = client.get(process.object.image_transferred_blocks_status)
        expect(len(bits) == count, f"{count} bits", len(bits))
        expect(not any(bits), "no bit to be set", "some are")
        site.step(f"{count} bits to a client that takes {SMALL_PDU} octets at a time")


@case("IT-19")
def block_longer_than_an_apdu(site: Site) -> None:
    """Whatever the block size is, there is a way for a block."""
    process = ImageProcess(site)
    image = process.images.good_sent
    association = process.client.association
    if association is None:
        raise Inapplicable("there is no association to negotiate in")
    most, needed = association.server_max_receive_pdu_size, process.block_size + _BLOCK_OVERHEAD
    fits = most == 0 or needed <= most
    site.step(f"a block of {process.block_size} octets, APDUs of {most}")
    by_blocks = Conformance.BLOCK_TRANSFER_WITH_ACTION | Conformance.GENERAL_BLOCK_TRANSFER
    expect(
        fits or bool(association.conformance & by_blocks),
        "blocks that fit an APDU, or ACTION in blocks",
        f"{needed} octets for at most {most}",
    )
    process.initiate(image)
    process.send_all(image, [0])
    expect(process.bits[0], "the bit of block 0", shown(process.bits))


@case("IT-20")
def lost_answer(site: Site) -> None:
    """A block whose answer is lost is sent again, and is there once."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [0])
    site.step(f"block 1, whose answer is not looked at: {process.send(image, 1)}")
    process.drop()
    process.associate()
    before = process.seen
    expect(before.status == Status.TRANSFER_INITIATED, "status 1", before.status)
    process.send_all(image, [1])
    count = process.count(image)
    expected = (True, True) + (False,) * (count - 2)
    expect(process.bits == expected, "the bits of blocks 0 and 1", shown(process.bits))
    process.send_all(image, range(2, count))
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", process.status)


@case("IT-21")
def new_association(site: Site) -> None:
    """A transfer outlives the association it began in."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    third = max(1, process.count(image) // 3)
    process.send_all(image, range(third))
    before = process.seen
    process.associate()
    expect(process.seen == before, "the transfer as it was before the association was released", process.seen)
    process.send_all(image, range(third, process.count(image)))
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", process.status)


@case("IT-22")
def lost_connections(site: Site) -> None:
    """No lost connection costs an acknowledged block."""
    process = ImageProcess(site)
    image = process.images.good_sent
    chance = random.Random(_SEED)  # noqa: S311 - moments, not secrets
    count = process.count(image)
    moments = sorted(chance.choices(range(count), k=RECONNECTIONS))
    process.initiate(image)
    for number in range(count):
        for _ in range(moments.count(number)):
            before = process.seen
            process.drop()
            process.associate()
            expect(process.seen == before, f"the transfer as it was before block {number}", process.seen)
        process.send_all(image, [number])
    site.step(f"lost before blocks {moments}")
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", process.status)


@case("IT-25")
def second_client(site: Site) -> None:
    """Two clients do not mix their transfers."""
    process = ImageProcess(site, beside_others=True)
    image = process.images.good_sent
    process.initiate(image)
    process.send_all(image, [0])
    second = process.other("management")
    for name, call in calls(process, image, 1):
        before = process.seen
        result = process.call(call, second)
        site.step(f"{name} by the second client: {result}")
        expect_refused(result, f"{name} by a second client")
        expect(process.seen == before, f"no change by {name}", process.seen)
    second.close()
    process.associate()
    process.send_all(image, range(1, process.count(image)))
    expect(process.verify() == Status.VERIFICATION_SUCCESSFUL, "status 3 in the end", process.status)


@case("IT-26")
def client_without_rights(site: Site) -> None:
    """Who may not, cannot."""
    process = ImageProcess(site, beside_others=True)
    image = process.images.good_sent
    low = process.other("reading")
    for moment in ("before a transfer", "during a transfer"):
        before, running = process.seen, process.running()
        for name, call in calls(process, image, 1):
            result = process.call(call, low)
            site.step(f"{name} {moment}: {result}")
            expect_refused(result, f"{name} by the reading client", busy_is_refusal=False)
            expect(process.seen == before, f"no change by {name}", process.seen)
        expect(process.running() == running, "the running firmware to stay", process.running())
        process.initiate(image)
        process.send_all(image, [0])


@case("IT-52")
def blocks_without_answers(site: Site) -> None:
    """Unconfirmed blocks are stored, and nothing is said to them."""
    process = ImageProcess(site)
    image = process.images.good_sent
    process.initiate(image)
    count = process.count(image)
    for number in range(0, count, 2):
        block = process.object.image_block_transfer(number, process.block(image, number))
        process.client.send(block.unconfirmed().request)
    expected = tuple(number % 2 == 0 for number in range(count))
    try:
        bits = process.bits
    except DlmsError as error:
        if is_loss(error):
            raise
        raise Failed("no answer to an unconfirmed block", str(error)) from None
    expect(bits == expected, f"the bits {shown(expected)}", shown(bits))
    discarded = process.client.statistics.discarded
    expect(not discarded, "no answer to an unconfirmed block", discarded)
