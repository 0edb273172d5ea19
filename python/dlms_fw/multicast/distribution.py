"""Blocks to a group as one pure machine: send, look who misses what, send again, or leave it to unicast.

No IO and no clock: what things took is told to it, what to do is a value handed out. It knows members by a
key and blocks by number, and nothing of meters.

The calls, in order:

    distribution = Distribution(blocks, policy, parallel=...)
    distribution.join(member, missing)  # any time
    while (order := distribution.next_order()) is not None:
        # SendBlocks: to the group, then handle_sent(seconds), or handle_refused() where nobody can
        # LookAt: ask each member, handle_missing(member, missing) or leave(member), then handle_looked()
        # FillAlone: these get the rest by unicast; then handle_filled()
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from dlms_fw.multicast.estimates import Costs, blind_passes, group_is_cheaper
from dlms_fw.multicast.pace import Pace
from dlms_fw.multicast.policy import MulticastPolicy

Runs: TypeAlias = Iterable[tuple[int, int]]
"""Blocks as runs of (first, count)."""
K = TypeVar("K", bound=Hashable)

_DEAF_AFTER: Final = 16
"""Blocks that a member needs and all of which it must have missed, to be taken for deaf."""


class GroupState(Enum):
    """Where a distribution is."""

    SEND = "send"
    SAMPLE = "sample"
    LOOK = "look"
    FILL = "fill"
    DONE = "done"


class GroupOutcome(Enum):
    """What has come of it."""

    OK = "ok"
    MORE = "more"
    FIRST = "first"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    DEARER = "dearer"
    REFUSED = "refused"


class GroupMove(NamedTuple):
    """One cell of the table."""

    state: GroupState
    meaning: str


_S, _O = GroupState, GroupOutcome

TRANSITIONS: Final[Mapping[GroupState, Mapping[GroupOutcome, GroupMove]]] = MappingProxyType(
    {
        _S.SEND: {
            _O.MORE: GroupMove(_S.SEND, "another whole pass costs less than to ask everybody now"),
            _O.FIRST: GroupMove(
                _S.SAMPLE, "a first pass to a large group, or one at a new pace: a few show the loss"
            ),
            _O.OK: GroupMove(_S.LOOK, "sent: who misses what?"),
            _O.REFUSED: GroupMove(_S.FILL, "the group cannot be sent to"),
        },
        _S.SAMPLE: {
            _O.MORE: GroupMove(
                _S.SEND, "another pass costs less than to ask everybody, or a new pace is tried"
            ),
            _O.OK: GroupMove(_S.LOOK, "ask everybody"),
        },
        _S.LOOK: {
            _O.COMPLETE: GroupMove(_S.DONE, "nobody misses anything"),
            _O.INCOMPLETE: GroupMove(_S.SEND, "once more to all costs less than to each alone"),
            _O.DEARER: GroupMove(_S.FILL, "to each alone costs less, or the group takes nothing more"),
        },
        _S.FILL: {_O.OK: GroupMove(_S.DONE, "the rest comes by unicast")},
    }
)


@dataclass(frozen=True, slots=True)
class SendBlocks:
    """Send these blocks to the group, with a pause after each."""

    numbers: tuple[int, ...]
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class LookAt(Generic[K]):
    """Ask these members what they miss."""

    members: tuple[K, ...]


@dataclass(frozen=True, slots=True)
class FillAlone(Generic[K]):
    """These members get what they miss by unicast."""

    members: tuple[K, ...]


GroupOrder: TypeAlias = SendBlocks | LookAt[K] | FillAlone[K]


class _Seat:
    """What is known of one member: its missing blocks as bits of a number, as of its last look."""

    __slots__ = ("loss", "missing", "sent", "times")

    def __init__(self, missing: int) -> None:
        self.missing = missing
        self.sent = 0
        self.times = 0
        self.loss: float | None = None

    def note_sent(self, blocks: int, *, whole: bool) -> None:
        self.sent |= blocks
        self.times += whole or not self.times

    def look(self, missing: int) -> bool:
        """Take the member's word; whether it has got nothing at all."""
        needed = self.missing & self.sent
        lost = (missing & needed).bit_count()
        deaf = lost == needed.bit_count() >= _DEAF_AFTER
        if needed:
            self.loss = None if deaf else (lost / needed.bit_count()) ** (1.0 / self.times)
        self.missing, self.sent, self.times = missing, 0, 0
        return deaf


class Distribution(Generic[K]):
    """One image to one group.

    Args:
        blocks: Of the image.
        policy: What to do.
        parallel: How many members can be talked to at the same time.

    Attributes:
        state: Where it is.
        passes: Times that what was missing was sent to the group.
        blocks_sent: Blocks sent to the group, repetitions included.
        looks: Times that one member was asked what it has.
        sending_seconds: For blocks to the group.
        looking_seconds: For asking members, all together.
    """

    def __init__(self, blocks: int, policy: MulticastPolicy, *, parallel: int = 1) -> None:
        self.state = GroupState.SEND
        self.passes = 0
        self.blocks_sent = 0
        self.looks = 0
        self.sending_seconds = self.looking_seconds = 0.0
        self._blocks = blocks
        self._policy = policy
        self._pace = Pace(policy.block_pause_seconds)
        self._parallel = parallel
        self._seats: dict[K, _Seat] = {}
        self._losses: list[float] = []
        self._deaf: list[K] = []
        self._filling: tuple[K, ...] = ()
        self._blind = 1
        self._rounds = 0
        self._block_seconds = policy.block_pause_seconds
        self._look_seconds = self._exchange_seconds = self._detail_seconds = 0.0
        self._in_hand = 0
        self._missing_before: int | None = None

    @property
    def members(self) -> tuple[K, ...]:
        """Those that miss blocks, as far as is known."""
        return tuple(self._seats)

    @property
    def missing(self) -> int:
        """Blocks that members miss, all together, as far as is known."""
        return sum(seat.missing.bit_count() for seat in self._seats.values())

    @property
    def losses(self) -> list[float]:
        """What members had lost of each pass, as of the last time that some were asked."""
        return list(self._losses)

    @property
    def pause_seconds(self) -> float:
        """The pause after each block."""
        return self._pace.pause_seconds

    def join(self, member: K, missing: Runs) -> None:
        """A member waits for blocks. Where others have had some already, it has missed those."""
        self._seats[member] = _Seat(_bits(missing))

    def leave(self, member: K) -> None:
        """A member is complete, or gone."""
        self._seats.pop(member, None)
        if member in self._deaf:
            self._deaf.remove(member)

    def measured(self, *, look_seconds: float, exchange_seconds: float, detail_seconds: float = 0.0) -> None:
        """How long it took to ask a member, one small exchange of that, and all that it misses on top."""
        self.looking_seconds += look_seconds + detail_seconds
        if detail_seconds:
            self._detail_seconds = _blend(self._detail_seconds, detail_seconds)
        self._look_seconds = _blend(self._look_seconds, look_seconds)
        self._exchange_seconds = _blend(self._exchange_seconds, exchange_seconds)

    def next_order(self) -> GroupOrder[K] | None:
        """What to do next; ``None`` at the end."""
        if self._deaf:
            self._filling = tuple(self._deaf)
            return FillAlone(self._filling)
        if not self._seats:
            self.state = GroupState.DONE
        if self.state is GroupState.SEND:
            numbers = _numbers(self._union())
            if self._is_trial:
                numbers = numbers[: self._policy.trial_blocks]
            self._in_hand = sum(1 << number for number in numbers) if self._is_trial else self._union()
            return SendBlocks(numbers, self._pace.pause_seconds)
        if self.state in (GroupState.SAMPLE, GroupState.LOOK):
            self._losses.clear()
            return LookAt(self._sample() if self.state is GroupState.SAMPLE else self.members)
        if self.state is GroupState.FILL:
            self._filling = self.members
            return FillAlone(self._filling)
        return None

    def handle_sent(self, seconds: float) -> None:
        """The blocks have been sent, and it took so long."""
        count, trial = self._in_hand.bit_count(), self._is_trial
        self.passes += not trial
        self.blocks_sent += count
        self.sending_seconds += seconds
        if count:
            self._block_seconds = seconds / count
        for seat in self._seats.values():
            seat.note_sent(self._in_hand, whole=not trial)
        if trial or (self._is_large and self.passes == 1):
            self._follow(_O.FIRST)
        elif self.passes < self._blind:
            self._follow(_O.MORE)
        else:
            self._follow(_O.OK)

    @property
    def _is_large(self) -> bool:
        return self._rounds == 0 and len(self._seats) > self._policy.sample_above

    @property
    def _is_trial(self) -> bool:
        """Whether only a few blocks go at a new pace, for a sample to show what comes of it."""
        return self._is_large and self._pace.on_trial

    def handle_refused(self) -> None:
        """The group cannot be sent to."""
        self._follow(_O.REFUSED)

    def handle_missing(self, member: K, missing: Runs) -> None:
        """A member has told what it misses."""
        self.looks += 1
        seat = self._seats.get(member)
        if seat is None:
            return
        if seat.look(_bits(missing)):
            # It gets nothing of what the group gets: it has another key, or is not in the group at all.
            self._deaf.append(member)
            del self._seats[member]
        elif seat.loss is not None:
            self._losses.append(seat.loss)

    def handle_looked(self) -> None:
        """All have been asked; whoever did not answer stays as it was."""
        losses = self.losses
        if losses:
            self._pace.seen(sum(losses) / len(losses), self._block_seconds)
        if self.state is GroupState.SAMPLE:
            self._blind = blind_passes(
                len(self._seats),
                self._blocks,
                losses,
                self._costs(),
                most=self._policy.most_blind_passes,
                least=self.passes,
            )
            more = self.passes < self._blind or (self._is_trial and self.missing > 0)
            self._follow(_O.MORE if more else _O.OK)
        else:
            self._rounds += 1
            self._follow(self._after_look())

    def handle_filled(self) -> None:
        """These members have been told to get what they miss by unicast."""
        for member in self._filling:
            self.leave(member)
        if self.state is GroupState.FILL and not self._seats:
            self._follow(_O.OK)

    def _after_look(self) -> GroupOutcome:
        missing, before = self.missing, self._missing_before
        self._missing_before = missing
        if not missing:
            return _O.COMPLETE
        if self._rounds >= self._policy.most_rounds or (before is not None and missing >= 0.95 * before):
            return _O.DEARER
        losses = self.losses
        loss = sum(losses) / len(losses) if losses else 0.0
        union = self._union().bit_count()
        if group_is_cheaper(union, missing, len(self._seats), loss, self._costs()):
            return _O.INCOMPLETE
        return _O.DEARER

    def _costs(self) -> Costs:
        return Costs(
            self._block_seconds,
            self._look_seconds,
            self._exchange_seconds,
            self._detail_seconds or self._exchange_seconds,
            self._parallel,
        )

    def _union(self) -> int:
        union = 0
        for seat in self._seats.values():
            union |= seat.missing
        return union

    def _sample(self) -> tuple[K, ...]:
        members = self.members
        step = max(1, len(members) // self._policy.sample)
        return members[::step][: self._policy.sample]

    def _follow(self, outcome: GroupOutcome) -> None:
        self.state = TRANSITIONS[self.state][outcome].state


def _bits(runs: Runs) -> int:
    bits = 0
    for first, count in runs:
        bits |= ((1 << count) - 1) << first
    return bits


def _numbers(bits: int) -> tuple[int, ...]:
    digits = f"{bits:b}"[::-1]
    return tuple(number for number, digit in enumerate(digits) if digit == "1")


def _blend(known: float, new: float) -> float:
    return new if not known else 0.75 * known + 0.25 * new
