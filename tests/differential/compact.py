"""Compact arrays: a generator, and what `dlms_fw` makes of them.

A value is ``{"type": T, "rows": [...]}``. A type is the name of a simple one, ``["structure", [T, ...]]`` or
``["array", count, T]``; the members of a row are plain values, octets in hex.
"""

from __future__ import annotations

from typing import Any

from differential import data
from differential.kinds import Kind, Source
from dlms_fw._core import Data

COMPACT_ARRAY = 0x13
TYPES = (
    "boolean",
    "double-long",
    "double-long-unsigned",
    "octet-string",
    "visible-string",
    "integer",
    "long",
    "unsigned",
    "long-unsigned",
    "long64",
    "long64-unsigned",
)
Type = Any


def _type(source: Source, depth: int) -> Type:
    shape = source.choice(("simple", "simple", "structure", "array")) if depth else "simple"
    if shape == "array" and depth < 2:
        return ["array", source.randint(1, 4), _type(source, 0)]
    if shape == "structure":
        return ["structure", [_type(source, depth - 1) for _ in range(source.randint(1, 5))]]
    return source.choice(TYPES)


def _row(source: Source, of: Type) -> Any:
    if isinstance(of, str):
        return data.simple(source, of)[1]
    if of[0] == "array":
        return [_row(source, of[2]) for _ in range(of[1])]
    return [_row(source, member) for member in of[1]]


def _compact(source: Source) -> dict[str, Any]:
    of = _type(source, 2)
    count = source.choice((1, 2, 3, 8, 40))
    return {"type": of, "rows": [_row(source, of) for _ in range(count)]}


def _tagged(of: Type, row: Any) -> list[Any]:
    """A member as a value of `data`."""
    if isinstance(of, str):
        return [of, row]
    members = [of[2]] * of[1] if of[0] == "array" else of[1]
    return [of[0], [_tagged(member, value) for member, value in zip(members, row, strict=True)]]


def _untagged(value: list[Any]) -> Any:
    name, content = value
    return [_untagged(member) for member in content] if name in ("array", "structure") else content


def in_lists(of: Type, row: Any) -> Any:
    """A row as gurux-dlms gives it: an element of an array is a list of its own."""
    if isinstance(of, str):
        return row
    if of[0] == "array":
        return [[in_lists(of[2], member)] for member in row]
    return [in_lists(member, value) for member, value in zip(of[1], row, strict=True)]


def _typed(value: list[Any]) -> Type:
    name, content = value
    if name == "structure":
        return ["structure", [_typed(member) for member in content]]
    return ["array", len(content), _typed(content[0])] if name == "array" else name


def _encode(value: dict[str, Any]) -> bytes:
    rows = tuple(data.to_data(_tagged(value["type"], row)) for row in value["rows"])
    return Data(COMPACT_ARRAY, rows).encode()


def _decode(octets: Any) -> dict[str, Any]:
    rows = Data.decode(octets).value
    assert isinstance(rows, tuple)
    values = [data.from_data(row) for row in rows]
    return {"type": _typed(values[0]), "rows": [_untagged(value) for value in values]}


KINDS = (Kind("compact-array", _compact, _encode, _decode),)
