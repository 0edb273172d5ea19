"""Application layer: what is longer than one APDU, in the blocks of a service and in general blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from dlms_fw.conformance.declaration import AttributeName
from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.procedures.application_association import reads
from dlms_fw.conformance.procedures.application_services import agreed
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import (
    ACTION_REQUEST,
    INVOKE_ID,
    NORMAL,
    SET_REQUEST,
    data_access_result,
    descriptor,
    get,
    get_next,
    is_exception,
    length,
    name_of,
    value_in,
)
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.enums import Conformance
from dlms_fw.logical_name import LogicalName
from dlms_fw.session.aare import proposed_conformance

_SMALL_PDU: Final = 128
_MOST_BLOCKS: Final = 10_000
_MOST_IDLE: Final = 3
_TOO_LARGE: Final = 512
_GBT: Final = 0xE0
_LAST, _STREAMING = 0x80, 0x40


@dataclass(frozen=True, slots=True)
class GetBlock:
    """get-response-with-datablock: one block, or the error in its place."""

    last: bool
    number: int
    data: bytes | None
    error: int | None

    @classmethod
    def decode(cls, apdu: bytes | None) -> GetBlock:
        """Raises Failed where it is something else."""
        if apdu is None or apdu[:2] != b"\xc4\x02" or len(apdu) < 10:
            raise Failed("a get-response with a block", name_of(apdu))
        last, number = bool(apdu[3]), int.from_bytes(apdu[4:8], "big")
        if apdu[8]:
            return cls(last, number, None, apdu[9])
        start = 10 + (apdu[9] & 0x7F if apdu[9] & 0x80 else 0)
        return cls(last, number, apdu[start:], None)


def _small(site: Site) -> HandMade:
    """An association whose client takes small APDUs only, so that a long value goes in blocks."""
    association = site.associate(max_pdu_size=_SMALL_PDU)
    if not agreed(association, Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
        raise Inapplicable("the meter has no block transfer with GET")
    return association


def _first_block(site: Site, association: HandMade) -> GetBlock:
    answer = association.request(get(site.declaration.long_value))
    if answer is not None and answer[:2] == b"\xc4\x01":
        raise Inconclusive(f"{site.declaration.long_value} is too short for blocks")
    block = GetBlock.decode(answer)
    right = (block.number, block.last, block.error) == (1, False, None)
    expect(right, "block 1, not the last", block)
    return block


def _all_blocks(association: HandMade, first: GetBlock) -> bytes:
    block, octets = first, first.data or b""
    for number in range(2, _MOST_BLOCKS):
        if block.last:
            return octets
        block = GetBlock.decode(association.request(get_next(number - 1)))
        expect(block.number == number and block.error is None, f"block {number}", block)
        octets += block.data or b""
    raise Failed(f"a last block among {_MOST_BLOCKS}", "none")


@case("AP-26")
def get_in_blocks(site: Site) -> None:
    """A long value comes block by block, and only so."""
    association = _small(site)
    value = _all_blocks(association, _first_block(site, association))
    again = _all_blocks(association, _first_block(site, association))
    expect(value == again, "the same value twice", f"{len(value)} and {len(again)} octets")
    site.step(f"{len(value)} octets")
    _first_block(site, association)
    answer = association.request(get_next(7))
    site.step(f"a wrong block number: {name_of(answer)}")
    if not is_exception(answer):
        block = GetBlock.decode(answer)
        expect(block.error is not None, "an error for a wrong block number", block)
    _first_block(site, association)
    second = association.request(get_next(1))
    site.step(f"block 2: {name_of(second)}; once more: {name_of(association.request(get_next(1)))}")
    reads(site, association)


@case("AP-28")
def another_in_the_middle(site: Site) -> None:
    """An ordinary request in the middle of a long one has an outcome, and so has the long one."""
    association = _small(site)
    _first_block(site, association)
    answer = association.request(get(site.declaration.readable, invoke_id=0xC2))
    defined = data_access_result(answer) is not None or is_exception(answer)
    expect(defined, "an answer or a refusal to the ordinary GET", name_of(answer))
    rest = association.request(get_next(1))
    site.step(f"the ordinary one: {name_of(answer)}; then the long one: {name_of(rest)}")
    if not is_exception(rest):
        GetBlock.decode(rest)
    reads(site, association)


# SET


@dataclass(frozen=True, slots=True)
class _SetBlocks:
    name: AttributeName

    def first(self, data: bytes, *, last: bool = False) -> bytes:
        head = bytes((SET_REQUEST, 2, INVOKE_ID)) + descriptor(self.name) + b"\x00"
        return head + _datablock(1, data, last=last)

    @staticmethod
    def next(number: int, data: bytes, *, last: bool) -> bytes:
        return bytes((SET_REQUEST, 3, INVOKE_ID)) + _datablock(number, data, last=last)


def _datablock(number: int, data: bytes, *, last: bool) -> bytes:
    return bytes((last,)) + number.to_bytes(4, "big") + length(len(data)) + data


def _acknowledged(answer: bytes | None, number: int) -> None:
    right = answer is not None and answer[:2] == b"\xc5\x02" and answer[3:7] == number.to_bytes(4, "big")
    expect(right, f"a set-response that acknowledges block {number}", name_of(answer))


def _last_result(answer: bytes | None) -> int | None:
    """The result in a set-response with the last block, or in a normal one."""
    if answer is not None and answer[:2] == b"\xc5\x03":
        return answer[3]
    return data_access_result(answer)


@case("AP-29")
def set_in_blocks(site: Site) -> None:
    """A value that comes in blocks is written when it is whole."""
    association = site.associate()
    if not agreed(association, Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE):
        raise Inapplicable("the meter has no block transfer with SET")
    name = site.declaration.writable or site.declaration.read_only
    value = value_in(association.request(get(name)))
    blocks, half = _SetBlocks(name), len(value) // 2

    _acknowledged(association.request(blocks.first(value[:half])), 1)
    answer = association.request(blocks.next(2, value[half:], last=True))
    result = _last_result(answer)
    site.step(f"two blocks: {name_of(answer)}")
    expected = "success" if site.declaration.writable else "a denial"
    expect((result == 0) == (name == site.declaration.writable), expected, name_of(answer))

    _acknowledged(association.request(blocks.first(value[:half])), 1)
    answer = association.request(blocks.next(5, value[half:], last=True))
    site.step(f"a gap: {name_of(answer)}")
    _is_refused(answer, "a gap in the block numbers")

    _too_large(site, association, blocks)

    _acknowledged(association.request(blocks.first(value[:half])), 1)
    reads(site, association)
    expect(value_in(association.request(get(name))) == value, "the value unchanged", "another one")


def _is_refused(answer: bytes | None, what: str) -> None:
    result = _last_result(answer)
    said_no = is_exception(answer) or (result is not None and result != 0)
    expect(said_no, f"an error or an exception to {what}", name_of(answer))


def _too_large(site: Site, association: HandMade, blocks: _SetBlocks) -> None:
    """A string of 4 GiB, block after block, until the meter has enough of it."""
    piece = bytes(200)
    _acknowledged(association.request(blocks.first(b"\x09\x84\xff\xff\xff\xff" + piece)), 1)
    for number in range(2, _TOO_LARGE):
        answer = association.request(blocks.next(number, piece, last=False))
        if answer is None or answer[:2] != b"\xc5\x02":
            site.step(f"too much of it after {number} blocks: {name_of(answer)}")
            _is_refused(answer, "a value without end")
            return
    site.step(f"{_TOO_LARGE} blocks of {len(piece)} octets were taken")
    _is_refused(association.request(blocks.next(_TOO_LARGE, b"", last=True)), "a value without end")


# ACTION


@case("AP-30")
def action_in_blocks(site: Site) -> None:
    """A method whose parameter comes in blocks is called once, when it is whole."""
    process = ImageProcess(site)
    if process.client.association is None or not (
        process.client.association.conformance & Conformance.BLOCK_TRANSFER_WITH_ACTION
    ):
        raise Inapplicable("the meter has no block transfer with ACTION")
    process.client.close()
    association = site.associate()
    target = AttributeName(18, LogicalName(process.facts.objects.image_transfer), 1)
    identifier = process.images.good.image_identifier
    parameter = b"\x02\x02\x09" + length(len(identifier)) + identifier + b"\x06" + bytes((0, 0, 2, 0))
    cuts = (0, 5, len(parameter) - 2, len(parameter))
    for number, (start, end) in enumerate(pairwise(cuts), 1):
        last = number == len(cuts) - 1
        block = _datablock(number, parameter[start:end], last=last)
        head = bytes((ACTION_REQUEST, 4 if number == 1 else 6, INVOKE_ID))
        target_too = descriptor(target) if number == 1 else b""
        answer = association.request(head + target_too + block)
        if last:
            done = answer is not None and answer[:2] == bytes((0xC7, NORMAL)) and answer[3] == 0
            expect(done, "an action-response with success to the last block", name_of(answer))
        else:
            ready = answer is not None and answer[:2] == b"\xc7\x04"
            expect(ready, f"an action-response that acknowledges block {number}", name_of(answer))
    association.release()
    association.line.connection.close()
    process.associate()
    expect(
        process.status is Status.TRANSFER_INITIATED, "status 1 after image_transfer_initiate", process.status
    )


# General blocks


def general_block(number: int, acknowledged: int, data: bytes = b"", *, last: bool, window: int) -> bytes:
    """general-block-transfer: control, numbers and data."""
    control = (_LAST if last else 0) | window
    numbers = number.to_bytes(2, "big") + acknowledged.to_bytes(2, "big")
    return bytes((_GBT, control)) + numbers + length(len(data)) + data


@dataclass(frozen=True, slots=True)
class GeneralBlock:
    """A block of an answer."""

    last: bool
    streaming: bool
    number: int
    data: bytes

    @classmethod
    def decode(cls, apdu: bytes) -> GeneralBlock:
        """Raises Failed where it is something else."""
        if apdu[:1] != bytes((_GBT,)) or len(apdu) < 7:
            raise Failed("a general block", name_of(apdu))
        start = 7 + (apdu[6] & 0x7F if apdu[6] & 0x80 else 0)
        return cls(
            bool(apdu[1] & _LAST), bool(apdu[1] & _STREAMING), int.from_bytes(apdu[2:4], "big"), apdu[start:]
        )


def _general(site: Site) -> HandMade:
    changes: dict[str, Any] = {"max_pdu_size": _SMALL_PDU, "general_block_transfer": "when-needed"}
    proposed = proposed_conformance(replace(site.declaration.profile("management"), **changes))
    lean = proposed & ~Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    association = site.associate(initiate={"conformance": int(lean)}, **changes)
    if not agreed(association, Conformance.GENERAL_BLOCK_TRANSFER):
        raise Inapplicable("the meter has no general block transfer")
    return association


def _burst(association: HandMade) -> Iterator[GeneralBlock]:
    """The blocks of the meter up to where it waits for us."""
    while (apdu := association.line.hear()) is not None:
        block = GeneralBlock.decode(apdu)
        yield block
        if block.last or not block.streaming:
            return


def _ask_in_blocks(site: Site, association: HandMade, window: int) -> None:
    request = association.session.protect(get(site.declaration.long_value))
    association.line.say(general_block(1, 0, request, last=True, window=window))


@case("AP-37")
def general_block_transfer(site: Site) -> None:
    """A value comes in general blocks, also where one of them is lost."""
    for lost in (0, 2):
        association = _general(site)
        _ask_in_blocks(site, association, 3)
        octets = _collect(association, lost)
        plain = association.session.unprotect(octets)
        expect(data_access_result(plain) == 0, "the whole value in general blocks", name_of(plain))
        site.step(f"{len(octets)} octets" + (f", block {lost} lost once" if lost else ""))
        reads(site, association)
    association = _general(site)
    _ask_in_blocks(site, association, 1)
    list(_burst(association))
    reads(site, site.associate())


def _collect(association: HandMade, lost: int) -> bytes:
    """All blocks; the one with that number is not heard the first time."""
    blocks: dict[int, GeneralBlock] = {}
    idle = 0
    for number in range(2, _MOST_BLOCKS):
        burst = list(_burst(association))
        idle = 0 if burst else idle + 1
        if idle > _MOST_IDLE:
            break
        for block in burst:
            if block.number == lost:
                lost = 0
            else:
                blocks[block.number] = block
        have = 0
        while have + 1 in blocks:
            have += 1
        finished = have > 0 and blocks[have].last
        association.line.say(general_block(number, have, last=True, window=3))
        if finished:
            return b"".join(blocks[index].data for index in range(1, have + 1))
    raise Failed("a last block", f"{len(blocks)} blocks and none is the last")


@case("AP-38")
def around_the_limit(site: Site) -> None:
    """An answer is as long as the client takes, and not longer."""
    role = site.plain_role
    whole = site.associate(role)
    whole.line.say(whole.session.protect(get(site.declaration.readable)))
    answer = whole.line.hear()
    if answer is None or is_exception(answer):
        raise Inconclusive(f"no ordinary answer: {name_of(answer)}")
    for size in (len(answer) + 1, len(answer), len(answer) - 1):
        made = site.attempt(role, initiate={"client_max_receive_pdu_size": size})
        if made.association is None:
            raise Inconclusive(f"no association with a client PDU size of {size}: {made}")
        made.line.say(made.association.session.protect(get(site.declaration.readable)))
        heard = made.line.hear()
        octets = 0 if heard is None else len(heard)
        site.step(f"client PDU size {size}: {octets} octets")
        expect(octets <= size, f"at most {size} octets", octets)
        if size >= len(answer):
            expect(octets == len(answer), f"the whole answer of {len(answer)} octets", octets)
        else:
            shorter = heard is not None and (is_exception(heard) or octets < len(answer))
            expect(shorter, "blocks or an error", name_of(heard))
