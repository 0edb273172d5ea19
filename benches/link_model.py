"""How long an image takes over a link, reckoned from the link alone: octets, rate, round trip, pauses, loss.

Nothing of the library is in here, neither its client nor its links, so that the two can be held against each
other. A strategy is what it says of itself: how many blocks are in a request, how many requests are under
way, when it is looked what has arrived. Serial lines and datagrams are added up, lost ones by expectation;
streams need a model of TCP, which is in :mod:`benches.stream_model`.

    python -m benches.link_model [--block 256] [--image-kib 512]
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from benches.stream_model import Conversation, Message, StreamLink, seconds_of

StrategyName: TypeAlias = Literal[
    "sequential", "with-list", "pipelined", "general-block-transfer", "unconfirmed"
]
"""One block at a time; lists; several lists at a time; long lists in general blocks; without answers."""
LLC_OCTETS: Final = 3
HDLC_I_OCTETS: Final = 11
"""Both flags, format, one octet of address each way, control, two check sequences."""
HDLC_RR_OCTETS: Final = 9
WRAPPER_OCTETS: Final = 8
LIST_OCTETS: Final = 2048
LONG_LIST_OCTETS: Final = 16384
MOST_REQUESTS: Final = 16
LOOK_SECONDS: Final = 12.0
FIRST_BURST, BURST_GROWTH = 4, 4
SEND_BUFFER: Final = 16_384
WRITTEN_AT_ONCE: Final = 64
"""Blocks that are handed over together, as soon as fewer octets are under way than the buffer has."""


@dataclass(frozen=True)
class Line:
    """A serial line in normal response mode: one end talks at a time, nothing is lost."""

    rate: float
    turn_round_s: float = 0.01
    bits_per_octet: int = 10


@dataclass(frozen=True)
class Datagrams:
    """A medium shared by both directions, with fragments that get lost."""

    rate: float
    turn_round_s: float
    loss: float
    fragment_octets: int
    fragment_overhead: int

    def fragments(self, octets: int) -> int:
        """In how many a datagram goes."""
        return math.ceil(octets / self.fragment_octets)

    def seconds(self, apdu: int) -> float:
        """How long an APDU occupies the medium."""
        octets = apdu + WRAPPER_OCTETS
        return (octets + self.fragments(octets) * self.fragment_overhead) * 8 / self.rate

    def arrives(self, apdu: int) -> float:
        """With what probability an APDU does."""
        return float((1.0 - self.loss) ** self.fragments(apdu + WRAPPER_OCTETS))


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        image: Octets.
        block: Octets of an image block.
        meter_s: Seconds that the meter needs for a block.
        info: Information field of HDLC.
        window: Of HDLC, in frames.
        max_pdu: Longest APDU that the meter takes.
        repeat_after_s: After so long a request over datagrams is repeated at the latest.
    """

    image: int = 512 * 1024
    block: int = 256
    meter_s: float = 0.005
    info: int = 2030
    window: int = 7
    max_pdu: int = 2048
    repeat_after_s: float = 3.0

    @property
    def blocks(self) -> int:
        """Of the image."""
        return math.ceil(self.image / self.block)


# --- What is sent: octets of ciphered APDUs


def length_octets(octets: int) -> int:
    """Of a length in A-XDR."""
    return 1 if octets < 0x80 else 1 + (octets.bit_length() + 7) // 8


def ciphered(apdu: int) -> int:
    """With tag, length, security control, invocation counter and authentication tag."""
    protected = 1 + 4 + apdu + 12
    return 1 + length_octets(protected) + protected


def _parameter(block: int) -> int:
    # structure of two, double-long-unsigned, octet-string
    return 2 + 5 + 1 + length_octets(block) + block


def request(block: int) -> int:
    """image_block_transfer: choice, type, invoke id, method descriptor, a parameter follows."""
    return ciphered(3 + 9 + 1 + _parameter(block))


def request_list(blocks: int, block: int) -> int:
    """The same with a list."""
    return ciphered(3 + 2 * length_octets(blocks) + 9 * blocks + blocks * _parameter(block))


ANSWER: Final = ciphered(3 + 1 + 1)
QUESTION: Final = ciphered(3 + 9 + 1)
FIRST_MISSING: Final = ciphered(3 + 1 + 5)


def answer_list(blocks: int) -> int:
    """A result for each method, and no data."""
    return ciphered(3 + length_octets(blocks) + 2 * blocks)


def bitmap(blocks: int) -> int:
    """image_transferred_blocks_status."""
    return ciphered(3 + 1 + 1 + length_octets(blocks) + math.ceil(blocks / 8))


def blocks_in_list(task: Task, most: int) -> int:
    """How many blocks a request of at most so many octets has."""
    blocks = 1
    while request_list(blocks + 1, task.block) <= most:
        blocks += 1
    return blocks


def lists(task: Task, most: int) -> Iterator[int]:
    """How many blocks each request with a list has."""
    at_once, left = min(blocks_in_list(task, most), task.blocks), task.blocks
    while left:
        yield min(at_once, left)
        left -= min(at_once, left)


# --- Serial lines


@dataclass(frozen=True)
class _Talk:
    """What an exchange costs on a line."""

    octets: int = 0
    turns: int = 0

    def __add__(self, other: _Talk) -> _Talk:
        return _Talk(self.octets + other.octets, self.turns + other.turns)


def _frames(apdu_frames: int, octets: int, window: int) -> _Talk:
    """So many frames; the other end acknowledges each full window but the last, which it answers."""
    pauses = (apdu_frames - 1) // window
    return _Talk(octets + HDLC_I_OCTETS * apdu_frames + HDLC_RR_OCTETS * pauses, 2 * pauses + 1)


def _apdu(octets: int, task: Task) -> _Talk:
    octets += LLC_OCTETS
    return _frames(math.ceil(octets / task.info), octets, task.window)


def on_line(link: Line, strategy: StrategyName, task: Task) -> float:
    """Seconds over a serial line."""
    if strategy == "unconfirmed":
        return _frames_without_answers(link, task)
    if strategy == "sequential":
        talk, times = _apdu(request(task.block), task) + _apdu(ANSWER, task), task.blocks
        return times * _line_seconds(link, talk) + task.blocks * task.meter_s
    most = LIST_OCTETS if strategy == "with-list" else LONG_LIST_OCTETS
    seconds = task.blocks * task.meter_s
    for blocks in lists(task, most):
        apdu = request_list(blocks, task.block) if blocks > 1 else request(task.block)
        answer = answer_list(blocks) if blocks > 1 else ANSWER
        if strategy == "with-list" or apdu <= task.max_pdu:
            talk = _apdu(apdu, task) + _apdu(answer, task)
        else:
            talk = _general_blocks(apdu, answer, task)
        seconds += _line_seconds(link, talk)
    return seconds


def _general_blocks(apdu: int, answer: int, task: Task) -> _Talk:
    """One APDU in general blocks, each as long as an APDU may be; its answer, and what acknowledges that."""
    around = 6 + length_octets(task.max_pdu)
    blocks = math.ceil(apdu / (task.max_pdu - around))
    octets = apdu + blocks * (around + LLC_OCTETS)
    frames = blocks * math.ceil((task.max_pdu + LLC_OCTETS) / task.info)
    short = _frames(1, 6 + 1 + LLC_OCTETS, task.window)
    ready = _Talk(HDLC_RR_OCTETS, 1)
    return _frames(frames, octets, task.window) + _apdu(answer + 7, task) + short + ready


def _line_seconds(link: Line, talk: _Talk) -> float:
    return talk.octets * link.bits_per_octet / link.rate + talk.turns * link.turn_round_s


def _frames_without_answers(link: Line, task: Task) -> float:
    """I frames, each window acknowledged while the meter works on; a look follows each burst."""
    frame = _line_seconds(link, _Talk(request(task.block) + LLC_OCTETS + HDLC_I_OCTETS))
    ready = _line_seconds(link, _Talk(HDLC_RR_OCTETS, 2))
    window = task.window * max(frame, task.meter_s) + min(frame, task.meter_s) + ready
    each = window / task.window
    look = _line_seconds(link, _apdu(QUESTION, task) + _apdu(FIRST_MISSING, task))
    return task.blocks * each + _bursts(task.blocks, each) * look


def _bursts(blocks: int, each: float) -> int:
    """How many there are, where they grow until one takes as long as it should."""
    bursts, burst = 0, float(FIRST_BURST)
    while blocks > 0:
        bursts += 1
        blocks -= int(burst)
        burst *= max(1.0, min(BURST_GROWTH, LOOK_SECONDS / (burst * each)))
    return bursts


# --- Datagrams


def exchange_seconds(
    link: Datagrams, question: int, answer: int, *, meter_s: float, repeat_after_s: float
) -> float:
    """A request and its answer, by expectation.

    What is lost is sent again after twice the time that it takes otherwise, but not before an eighth of the
    longest wait, and then after twice as long each time.
    """
    lost = 1.0 - link.arrives(question) * link.arrives(answer)
    once = link.seconds(question) + link.seconds(answer) + 2 * link.turn_round_s + meter_s
    first = max(2 * once, repeat_after_s / 8)
    waits = (min(first * 2.0**times, repeat_after_s) for times in range(_MOST_REPETITIONS))
    return once + sum(lost**times * wait for times, wait in enumerate(waits, start=1))


_MOST_REPETITIONS: Final = 20


def on_datagrams(link: Datagrams, strategy: StrategyName, task: Task) -> float:
    """Seconds over datagrams."""
    block, repeat = request(task.block), task.repeat_after_s
    if strategy == "sequential":
        each = exchange_seconds(link, block, ANSWER, meter_s=task.meter_s, repeat_after_s=repeat)
        return task.blocks * each
    each = max(link.seconds(block), task.meter_s)
    sent = task.blocks / link.arrives(block)
    looks = _bursts(math.ceil(sent), each) + 1
    first = exchange_seconds(link, QUESTION, FIRST_MISSING, meter_s=0.0, repeat_after_s=repeat)
    whole = exchange_seconds(link, QUESTION, bitmap(task.blocks), meter_s=0.0, repeat_after_s=repeat)
    return sent * each + looks * (first + whole)


# --- Streams


class _Requests(Conversation):
    """Confirmed requests; twice as many are under way after each round of answers."""

    def __init__(self, messages: list[Message], most: int) -> None:
        self._messages = messages[::-1]
        self._most = most
        self._depth, self._answers, self._under_way = 1, 0, 0

    def next(self, backlog: int) -> list[Message]:
        if not self._messages or self._under_way >= self._depth:
            return []
        self._under_way += 1
        return [self._messages.pop()]

    def answered(self, now: float) -> bool:
        self._under_way -= 1
        self._answers += 1
        is_last_step = self._depth < self._most <= 2 * self._depth  # which must have proved worth it
        wanted = 1 if self._depth == 1 else max(4, self._depth) * (1 + is_last_step)
        if self._answers >= wanted:
            self._answers, self._depth = 0, min(2 * self._depth, self._most)
        return not (self._messages or self._under_way)


class _Bursts(Conversation):
    """Blocks without answers, some at once as the buffer takes them, and a question after each burst."""

    def __init__(self, task: Task) -> None:
        self._block = Message(request(task.block) + WRAPPER_OCTETS, 0, 1)
        self._look = Message(QUESTION + WRAPPER_OCTETS, FIRST_MISSING + WRAPPER_OCTETS, 0)
        self._left, self._burst, self._since = task.blocks, FIRST_BURST, 0.0
        self._begin()

    def _begin(self) -> None:
        self._to_send, self._asked = min(self._burst, self._left), False
        self._left -= self._to_send

    def next(self, backlog: int) -> list[Message]:
        if self._asked or backlog >= SEND_BUFFER:
            return []
        blocks = min(self._to_send, WRITTEN_AT_ONCE)
        self._to_send -= blocks
        if blocks:
            return [self._block] * blocks
        self._asked = True
        return [self._look]

    def answered(self, now: float) -> bool:
        growth = min(BURST_GROWTH, LOOK_SECONDS / max(now - self._since, 1e-9))
        self._burst, self._since = max(FIRST_BURST, int(self._burst * growth)), now
        self._begin()
        return not self._to_send


def on_stream(link: StreamLink, strategy: StrategyName, task: Task, seed: int) -> float:
    """Seconds over a stream, with the losses of one seed."""
    if strategy == "unconfirmed":
        return seconds_of(_Bursts(task), link, task.meter_s, seed)
    if strategy == "sequential":
        message = Message(request(task.block) + WRAPPER_OCTETS, ANSWER + WRAPPER_OCTETS, 1)
        messages, depth = [message] * task.blocks, 1
    else:
        general = strategy == "general-block-transfer"
        most = LONG_LIST_OCTETS if general else LIST_OCTETS
        depth = MOST_REQUESTS if strategy == "pipelined" else 1
        messages = [_message(blocks, task, general=general) for blocks in lists(task, most)]
    return seconds_of(_Requests(messages, depth), link, task.meter_s, seed)


def _message(blocks: int, task: Task, *, general: bool) -> Message:
    """One request and its answer; in general blocks, all in one window, where it is too long for an APDU."""
    apdu = request_list(blocks, task.block) if blocks > 1 else request(task.block)
    answer = answer_list(blocks) if blocks > 1 else ANSWER
    if not general or apdu <= task.max_pdu:
        return Message(apdu + WRAPPER_OCTETS, answer + WRAPPER_OCTETS, blocks)
    around = 6 + length_octets(task.max_pdu)
    parts = math.ceil(apdu / (task.max_pdu - around))
    # What acknowledges the answer goes out with the next request.
    return Message(apdu + parts * (around + WRAPPER_OCTETS) + 15, answer + 7 + WRAPPER_OCTETS, blocks)


# --- All of them


LINKS: Final[dict[str, Line | StreamLink | Datagrams]] = {
    "optical-9600": Line(9_600),
    "rs485-115200": Line(115_200),
    "gprs": StreamLink(40e3, (0.3, 0.3), 0.01),
    "nbiot": StreamLink(60e3, (0.75, 1.5), 0.02),
    "lte-m": StreamLink(375e3, (0.05, 0.05), 0.0),
    "plc": Datagrams(20e3, 0.05, 0.05, 240, 20),
    "ethernet": StreamLink(100e6, (0.0005, 0.0005), 0.0),
}
"""The links of the field, with figures of their own: written down twice, so that a slip in one shows."""
STRATEGIES: Final[dict[type, tuple[StrategyName, ...]]] = {
    Line: ("sequential", "with-list", "general-block-transfer", "unconfirmed"),
    StreamLink: ("sequential", "with-list", "pipelined", "general-block-transfer", "unconfirmed"),
    Datagrams: ("sequential", "unconfirmed"),
}
"""Those that make sense on a kind of link."""


def seconds(name: str, strategy: StrategyName, task: Task, *, seeds: int = 5) -> float:
    """How long the blocks take; where chance is played out, the mean of so many times."""
    link = LINKS[name]
    if isinstance(link, Line):
        return on_line(link, strategy, task)
    if isinstance(link, Datagrams):
        return on_datagrams(link, strategy, task)
    times = seeds if link.is_by_chance else 1
    return statistics.fmean(on_stream(link, strategy, task, seed) for seed in range(1, times + 1))


# --- Groups


@dataclass(frozen=True)
class Group:
    """Meters on one medium of datagrams.

    Attributes:
        members: How many.
        association_s: What it costs to open and close an association, where each look needs one.
    """

    members: int
    association_s: float = 0.0


def group_seconds(link: Datagrams, task: Task, group: Group, blind: int) -> float:
    """So many whole passes before anybody is asked; then what is missing, and who misses it."""
    each = max(link.seconds(request(task.block)), task.meter_s)
    lost = 1.0 - link.arrives(request(task.block))
    repeat = task.repeat_after_s
    first = exchange_seconds(link, QUESTION, FIRST_MISSING, meter_s=0.0, repeat_after_s=repeat)
    whole = exchange_seconds(link, QUESTION, bitmap(task.blocks), meter_s=0.0, repeat_after_s=repeat)
    alone = exchange_seconds(link, request(task.block), ANSWER, meter_s=task.meter_s, repeat_after_s=repeat)
    total = blind * task.blocks * each
    asked, misses = float(group.members), lost**blind
    while asked >= 0.5:
        incomplete = group.members * (1.0 - (1.0 - misses) ** task.blocks)
        total += asked * (group.association_s + first) + incomplete * whole
        missing = group.members * task.blocks * misses
        union = task.blocks * (1.0 - (1.0 - misses) ** group.members)
        if missing * alone <= union * each + incomplete * first:
            return total + missing * alone
        total += union * each
        asked, misses = incomplete, misses * lost
    return total


def best_group_seconds(link: Datagrams, task: Task, group: Group, most: int = 8) -> tuple[float, int]:
    """The shortest of these, and how many blind passes it has."""
    return min((group_seconds(link, task, group, blind), blind) for blind in range(1, most + 1))


def main() -> None:
    """Print the times of all strategies over all links, and of groups over the power line."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--block", type=int, default=256)
    arguments.add_argument("--image-kib", type=int, default=512)
    told = arguments.parse_args()
    task = Task(image=told.image_kib * 1024, block=told.block)
    for name, link in LINKS.items():
        for strategy in STRATEGIES[type(link)]:
            print(f"{name:14} {strategy:24} {seconds(name, strategy, task):10,.1f} s")
    power_line = LINKS["plc"]
    assert isinstance(power_line, Datagrams)
    task = Task(image=task.image, block=128, repeat_after_s=1.0)
    for members in (1, 10, 100, 1000):
        total, blind = best_group_seconds(power_line, task, Group(members))
        print(f"plc, a group of {members:5}, {blind} passes before the first look {total:10,.1f} s")


if __name__ == "__main__":
    main()
