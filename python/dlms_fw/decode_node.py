"""One span of decoded octets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """What a span of octets is.

    Attributes:
        name: In the words of the standard.
        kind: What the value counts or names, or the type of an A-XDR value.
        offset: The first octet; within what was given, or within the octets that the nearest node above
            with ``derived`` stands for.
        length: Octets, tags and lengths included.
        value: A number, octets, or the value of an A-XDR type as a plain decode gives it.
        text: The value for people: codes by their names, logical names as OBIS codes.
        error: Why the octets could not be understood any further, else empty.
        derived: Whether its octets are not those that came: deciphered, or put together from pieces.
        children: What it is made of, in order.
    """

    name: str
    kind: str
    offset: int
    length: int
    value: object = None
    text: str = ""
    error: str = ""
    derived: bool = False
    children: tuple[Node, ...] = ()

    @property
    def understood(self) -> bool:
        """Whether nothing in it is wrong."""
        return not self.error and all(child.understood for child in self.children)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, name: str) -> Node | None:
        """The first node of that name, or ``None``."""
        return next((node for node in self.walk() if node.name == name), None)
