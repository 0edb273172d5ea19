"""What a differential test is made of: kinds of values, each with a generator and both directions of ours.

An abstract value is what JSON can carry (octets in hex), and what each side makes the same octets from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Self

Octets = bytes | list[bytes]
"""One APDU, frame or value; a list where a kind is an exchange of several."""


ALL_TYPES = (
    "null-data",
    "boolean",
    "bit-string",
    "double-long",
    "double-long-unsigned",
    "octet-string",
    "visible-string",
    "utf8-string",
    "bcd",
    "integer",
    "long",
    "unsigned",
    "long-unsigned",
    "long64",
    "long64-unsigned",
    "enum",
    "float32",
    "float64",
    "date-time",
    "date",
    "time",
)
"""All simple types of Data but don't-care, in the order of their tags."""


@dataclass(frozen=True)
class Vocabulary:
    """What a referee has words for, so that most values can be compared; what is left out is listed in
    `absent`."""

    types: tuple[str, ...] = ALL_TYPES
    constructed: tuple[str, ...] = ("array", "structure")
    selections: tuple[str, ...] = ("range", "entry")
    conformance: int = 0x7E_FFFF
    contexts: tuple[int, ...] = (1, 2)
    mechanisms: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    suites: tuple[int, ...] = (0, 1, 2)
    protections: tuple[int, ...] = (0x10, 0x20, 0x30)
    curves: tuple[int, ...] = (1, 2)
    invokes: tuple[int, ...] = tuple(range(16))
    text: str = "".join(map(chr, range(32, 127)))


class Source(Random):
    """Chance, and the words that may be used."""

    def __init__(self, seed: str, vocabulary: Vocabulary) -> None:
        super().__init__(seed)
        self.words = vocabulary

    # Random takes its seed in __new__ as well.
    def __new__(cls, seed: str, vocabulary: Vocabulary) -> Self:
        return super().__new__(cls, seed)


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    ``unique`` says that there is one encoding only, so that both sides must write the same octets. ``share``
    is how many values it gets, beside the 1 of the others; what is slow has less.
    """

    name: str
    generate: Callable[[Source], Any]
    encode: Callable[[Any], Octets]
    decode: Callable[[Any], Any]
    unique: bool = True
    share: float = 1.0


def logical_name(random: Random) -> str:
    """Six octets, in hex."""
    return random.randbytes(6).hex()


def number(random: Random, bits: int) -> int:
    """A number of so many bits; the ends, and small numbers, are more frequent than chance has them."""
    top = (1 << bits) - 1
    if random.random() < 0.3:
        return random.choice((0, 1, top, top - 1, top >> 1, (top >> 1) + 1, random.randint(0, 255) & top))
    return random.randint(0, top)


def octets(random: Random, longest: int = 40) -> str:
    """Octets in hex; now and then around the lengths where another octet of length is needed."""
    if random.random() < 0.05:
        return random.randbytes(random.choice((127, 128, 129, 255, 256, 257, 300))).hex()
    return random.randbytes(random.randint(0, longest)).hex()
