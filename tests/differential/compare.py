"""The comparison: each value is encoded by both sides, each side decodes the other's octets.

Three verdicts: *equal*; *known*, where a rule foresees from the value alone that the referee does something
else; *differs*, which fails. A rule that foresees a difference that does not come is counted as equal.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from differential.kinds import Kind, Source, Vocabulary
from differential.referee import Case, Referee

WE_ENCODE, THEY_ENCODE = "we encode", "they encode"
_OPERATION = {WE_ENCODE: "decode", THEY_ENCODE: "encode"}


@dataclass(frozen=True)
class Difference:
    """A known difference: where it is met, told by the value alone, and why ours is right by the standard."""

    name: str
    kinds: tuple[str, ...]
    directions: tuple[str, ...]
    applies: Callable[[Any], bool]
    reason: str


def _as_it_is(_kind: str, value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Dialect:
    """How a referee wants a value of a kind put to it, and how it gives back one that it has read."""

    says: Callable[[str, Any], Any] = _as_it_is
    hears: Callable[[str, Any], Any] = _as_it_is


PLAIN = Dialect()


@dataclass
class Tally:
    """What a run came to; the keys are (kind, direction), those of ``known`` the names of differences."""

    equal: Counter[tuple[str, str]] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    differs: list[str] = field(default_factory=list)

    def cases(self, direction: str) -> int:
        """Values that went this way and were judged."""
        return sum(count for (_, way), count in self.equal.items() if way == direction)


def compare(
    referee: Referee,
    kinds: Sequence[Kind],
    differences: Iterable[Difference],
    seed: int,
    values: int,
    words: dict[str, Vocabulary],
    dialect: Dialect = PLAIN,
) -> Tally:
    """Judge so many values of these kinds, as evenly as that goes, in each direction the referee knows.

    ``words`` are those of the referee, by direction.
    """
    tally = Tally()
    by_kind: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        for name in difference.kinds:
            for direction in difference.directions:
                by_kind.setdefault((name, direction), []).append(difference)
    for direction in (WE_ENCODE, THEY_ENCODE):
        operation = _OPERATION[direction]
        able = [kind for kind in kinds if f"{operation} {kind.name}" in referee.kinds]
        shares = sum(kind.share for kind in able)
        for kind in able:
            count = math.ceil(values * kind.share / shares)
            source = Source(f"{seed} {kind.name} {direction}", words[direction])
            generated = [kind.generate(source) for _ in range(count)]
            rules = by_kind.get((kind.name, direction), [])
            _judge(referee, kind, direction, generated, rules, seed, dialect, tally)
    return tally


def judge_one(referee: Referee, kind: Kind, direction: str, value: Any, dialect: Dialect) -> Tally:
    """One value, with no difference foreseen."""
    tally = Tally()
    _judge(referee, kind, direction, [value], [], 0, dialect, tally)
    return tally


def _judge(
    referee: Referee,
    kind: Kind,
    direction: str,
    values: list[Any],
    rules: list[Difference],
    seed: int,
    dialect: Dialect,
    tally: Tally,
) -> None:
    operation = _OPERATION[direction]
    ours = [_hex(kind.encode(value)) for value in values]
    arguments = ours if direction == WE_ENCODE else [dialect.says(kind.name, value) for value in values]
    cases: list[Case] = [(operation, kind.name, argument) for argument in arguments]
    for value, octets, (well, answer) in zip(values, ours, referee.ask(cases), strict=True):
        if direction == WE_ENCODE:
            expected = _plain(dialect.hears(kind.name, value))
            wrong = None if well and answer == expected else f"they read {answer}"
        else:
            wrong = _wrong(kind, value, octets, well, answer)
        if wrong is None:
            tally.equal[kind.name, direction] += 1
            continue
        rule = next((rule for rule in rules if rule.applies(value)), None)
        if rule is not None:
            tally.known[rule.name] += 1
        else:
            tally.differs.append(
                f"{kind.name}, {direction}, seed {seed}\n"
                f"  value {json.dumps(value)}\n  ours {octets}\n  {wrong}"
            )


def _wrong(kind: Kind, value: Any, octets: Any, well: bool, answer: Any) -> str | None:
    """What is wrong with the octets that they encoded; None where nothing is."""
    if not well:
        return f"they did not encode it: {answer}"
    if kind.unique and answer != octets:
        return f"they write {answer}"
    theirs: Any = [bytes.fromhex(it) for it in answer] if isinstance(answer, list) else bytes.fromhex(answer)
    try:
        read = _plain(kind.decode(theirs))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        read = repr(error)
    return None if read == _plain(value) else f"they write {answer}, we read {read}"


def _hex(octets: bytes | list[bytes]) -> Any:
    return [it.hex() for it in octets] if isinstance(octets, list) else octets.hex()


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value))
