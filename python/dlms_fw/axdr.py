"""The A-XDR types as a vocabulary: what a COSEM attribute or method parameter is made of.

A :class:`DataType` pairs a compiled schema with the Python type of its values, so that a type checker knows
what a read returns. Knows values and their wire form; nothing about objects, services or meters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from dlms_fw._core import BitString, Data, Date, DateTime, Limits, Schema, Time
from dlms_fw.logical_name import LogicalName

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

__all__ = [
    "DataType",
    "Limits",
    "Tag",
    "any_data",
    "array",
    "bcd",
    "bit_string",
    "boolean",
    "choice",
    "converted",
    "date",
    "date_octets",
    "date_time",
    "date_time_octets",
    "date_time_or_octets",
    "delta_double_long",
    "delta_double_long_unsigned",
    "delta_integer",
    "delta_long",
    "delta_long_unsigned",
    "delta_unsigned",
    "dont_care",
    "double_long",
    "double_long_unsigned",
    "enumerated",
    "flags",
    "float32",
    "float64",
    "floating_point",
    "generalized_time",
    "integer",
    "logical_name_octets",
    "long",
    "long64",
    "long64_unsigned",
    "long_unsigned",
    "null_data",
    "octet_string",
    "octets",
    "plain_enum",
    "record",
    "structure",
    "text_or_octets",
    "time",
    "time_octets",
    "unsigned",
    "utf8_string",
    "visible_string",
]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")
E = TypeVar("E", bound=IntEnum)
F = TypeVar("F", bound=IntFlag)
R = TypeVar("R", bound=tuple[Any, ...])


class Tag(IntEnum):
    """The tags of the Data CHOICE (Green Book, A-XDR encoding of Data)."""

    NULL_DATA = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    FLOATING_POINT = 7
    """Obsolete."""
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    GENERALIZED_TIME = 11
    """Obsolete."""
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    COMPACT_ARRAY = 19
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DELTA_INTEGER = 28
    DELTA_LONG = 29
    DELTA_DOUBLE_LONG = 30
    DELTA_UNSIGNED = 31
    DELTA_LONG_UNSIGNED = 32
    DELTA_DOUBLE_LONG_UNSIGNED = 33
    DONT_CARE = 255


@dataclass(frozen=True, slots=True, eq=False)
class DataType(Generic[T]):
    """A type of the standard and the Python type ``T`` of its values.

    Attributes:
        name: The name in the standard's words, e.g. ``"double-long-unsigned"``.
        schema: The compiled form.
        zero: The encoding of its natural zero: 0, no octets, an empty array, a structure of zeros, a
            date-time of which nothing is specified; of a choice that of the first alternative.
        tag: What an encoding begins with, or ``None`` for a choice and for any data.
        members: The types inside: the members of a structure, the one element of an array, the alternatives
            of a choice.
        length: The octets that an octet-string must have, or ``None``.
        values: The enumeration or NamedTuple class that the values are instances of, or ``None``.
    """

    name: str
    schema: Schema
    zero: bytes = b"\0"
    tag: Tag | None = None
    members: tuple[DataType[Any], ...] = ()
    length: int | None = None
    values: type[Any] | None = None

    @property
    def default(self) -> T:
        """The natural zero as a value; what a server says of an attribute that nobody has set."""
        return self.decode(self.zero)

    def encode(self, value: T) -> bytes:
        """The complete A-XDR encoding of a value, tag included.

        Raises:
            TypeError: The value, or one inside it, is of another type; the message names the path to it.
            ValueError: A length or the characters of a text do not fit.
            OverflowError: A number is outside the range of its type.
        """
        return self.schema.encode(value)

    def decode(self, data: Buffer, *, strict: bool = True, limits: Limits | None = None) -> T:
        """The value of a complete A-XDR encoding.

        Args:
            data: The octets, tag included, nothing behind them.
            strict: Refuse lengths that are not in shortest form, a TRUE other than 01, and padding bits
                that are set.
            limits: How much of it is believed; the defaults of :class:`Limits` without.

        Raises:
            DecodeError: The octets are not a value of this type.
        """
        return self.schema.decode(data, strict=strict, limits=limits)  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"<{self.name}>"


_UNSPECIFIED = {
    Tag.DATE_TIME: bytes.fromhex("FFFF FF FF FF FF FF FF FF 8000 FF"),
    Tag.DATE: bytes.fromhex("FFFF FF FF FF"),
    Tag.TIME: bytes.fromhex("FF FF FF FF"),
}
_EMPTY = {Tag.NULL_DATA, Tag.DONT_CARE}
_ZERO_OCTETS = {
    Tag.DOUBLE_LONG: 4,
    Tag.DOUBLE_LONG_UNSIGNED: 4,
    Tag.FLOATING_POINT: 4,
    Tag.LONG: 2,
    Tag.LONG_UNSIGNED: 2,
    Tag.LONG64: 8,
    Tag.LONG64_UNSIGNED: 8,
    Tag.FLOAT32: 4,
    Tag.FLOAT64: 8,
    Tag.DELTA_LONG: 2,
    Tag.DELTA_DOUBLE_LONG: 4,
    Tag.DELTA_LONG_UNSIGNED: 2,
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: 4,
}
"""Of all other tags the zero is one octet: the number, or the length of nothing."""


def _zero(tag: Tag) -> bytes:
    if tag in _EMPTY:
        return bytes((tag,))
    return bytes((tag,)) + _UNSPECIFIED.get(tag, bytes(_ZERO_OCTETS.get(tag, 1)))


def _simple(tag: Tag) -> DataType[Any]:
    return DataType(tag.name.lower().replace("_", "-"), Schema.primitive(tag), _zero(tag), tag)


# --- Simple types, in the order of their tags ---------------------------------------------------------------

null_data: DataType[None] = _simple(Tag.NULL_DATA)
boolean: DataType[bool] = _simple(Tag.BOOLEAN)
bit_string: DataType[BitString] = _simple(Tag.BIT_STRING)
double_long: DataType[int] = _simple(Tag.DOUBLE_LONG)
double_long_unsigned: DataType[int] = _simple(Tag.DOUBLE_LONG_UNSIGNED)
floating_point: DataType[bytes] = _simple(Tag.FLOATING_POINT)
"""Obsolete, four octets whose meaning was never the same everywhere; float32 took its place."""
octet_string: DataType[bytes] = _simple(Tag.OCTET_STRING)
visible_string: DataType[str] = _simple(Tag.VISIBLE_STRING)
generalized_time: DataType[bytes] = _simple(Tag.GENERALIZED_TIME)
"""Obsolete, the characters of a time as text; date-time took its place."""
utf8_string: DataType[str] = _simple(Tag.UTF8_STRING)
bcd: DataType[int] = _simple(Tag.BCD)
"""Two decimal digits as the octet that carries them: 0x42 is 66 and means "42"."""
integer: DataType[int] = _simple(Tag.INTEGER)
long: DataType[int] = _simple(Tag.LONG)
unsigned: DataType[int] = _simple(Tag.UNSIGNED)
long_unsigned: DataType[int] = _simple(Tag.LONG_UNSIGNED)
long64: DataType[int] = _simple(Tag.LONG64)
long64_unsigned: DataType[int] = _simple(Tag.LONG64_UNSIGNED)
plain_enum: DataType[int] = _simple(Tag.ENUM)
float32: DataType[float] = _simple(Tag.FLOAT32)
float64: DataType[float] = _simple(Tag.FLOAT64)
date_time: DataType[DateTime] = _simple(Tag.DATE_TIME)
date: DataType[Date] = _simple(Tag.DATE)
time: DataType[Time] = _simple(Tag.TIME)
delta_integer: DataType[int] = _simple(Tag.DELTA_INTEGER)
delta_long: DataType[int] = _simple(Tag.DELTA_LONG)
delta_double_long: DataType[int] = _simple(Tag.DELTA_DOUBLE_LONG)
delta_unsigned: DataType[int] = _simple(Tag.DELTA_UNSIGNED)
delta_long_unsigned: DataType[int] = _simple(Tag.DELTA_LONG_UNSIGNED)
delta_double_long_unsigned: DataType[int] = _simple(Tag.DELTA_DOUBLE_LONG_UNSIGNED)
dont_care: DataType[None] = _simple(Tag.DONT_CARE)

any_data: DataType[Data] = DataType("data", Schema.any())
"""Whatever comes: a value with its tag."""


# --- Types made of others -----------------------------------------------------------------------------------


def converted(
    name: str,
    inner: DataType[Any],
    decode: Callable[[Any], T],
    encode: Callable[[T], object] | None,
    *,
    values: type[T] | None = None,
    zero: bytes | None = None,
) -> DataType[T]:
    """The type ``inner`` on the wire, with values of another Python type.

    Args:
        name: The name of the type.
        inner: What is on the wire.
        decode: Makes a value of a decoded one; its ValueError becomes a DecodeError.
        encode: The way back; None where values are encoded as they are.
        values: The class of the values, where it says more than its name.
        zero: The encoding of the natural zero, where it is not that of ``inner``.
    """
    schema = Schema.converted(inner.schema, decode, encode)
    zero = inner.zero if zero is None else zero
    return DataType(name, schema, zero, inner.tag, inner.members, inner.length, values)


def octets(length: int) -> DataType[bytes]:
    """An octet-string of exactly ``length`` octets; another length is refused both ways."""
    zero = octet_string.schema.encode(bytes(length))
    schema = Schema.fixed_octet_string(length)
    return DataType(f"octet-string({length})", schema, zero, Tag.OCTET_STRING, length=length)


def enumerated(members: type[E]) -> DataType[E]:
    """An enum whose codes are the ``members``; a code that they do not know stays a plain ``int``."""
    known = {member.value: member for member in members}

    def decode(code: int) -> Any:
        return known.get(code, code)

    return converted(f"enum {members.__name__}", plain_enum, decode, None, values=members)


def flags(members: type[F], carrier: DataType[int] = plain_enum) -> DataType[F]:
    """An enum, or another unsigned ``carrier``, whose bits are the ``members``; unknown bits stay set."""
    return converted(f"{carrier.name} {members.__name__}", carrier, members, None, values=members)


def array(element: DataType[T]) -> DataType[list[T]]:
    """An array of any number of elements of one type; decodes a compact-array of them too."""
    schema = Schema.array(element.schema)
    return DataType(f"array of {element.name}", schema, bytes((Tag.ARRAY, 0)), Tag.ARRAY, (element,))


@overload
def structure(m1: DataType[T1], /) -> DataType[tuple[T1]]: ...
@overload
def structure(m1: DataType[T1], m2: DataType[T2], /) -> DataType[tuple[T1, T2]]: ...
@overload
def structure(m1: DataType[T1], m2: DataType[T2], m3: DataType[T3], /) -> DataType[tuple[T1, T2, T3]]: ...
@overload
def structure(
    m1: DataType[T1], m2: DataType[T2], m3: DataType[T3], m4: DataType[T4], /
) -> DataType[tuple[T1, T2, T3, T4]]: ...
@overload
def structure(
    m1: DataType[T1], m2: DataType[T2], m3: DataType[T3], m4: DataType[T4], m5: DataType[T5], /
) -> DataType[tuple[T1, T2, T3, T4, T5]]: ...
@overload
def structure(
    m1: DataType[T1],
    m2: DataType[T2],
    m3: DataType[T3],
    m4: DataType[T4],
    m5: DataType[T5],
    m6: DataType[T6],
    /,
) -> DataType[tuple[T1, T2, T3, T4, T5, T6]]: ...
@overload
def structure(
    m1: DataType[T1],
    m2: DataType[T2],
    m3: DataType[T3],
    m4: DataType[T4],
    m5: DataType[T5],
    m6: DataType[T6],
    m7: DataType[T7],
    /,
) -> DataType[tuple[T1, T2, T3, T4, T5, T6, T7]]: ...
@overload
def structure(
    m1: DataType[T1],
    m2: DataType[T2],
    m3: DataType[T3],
    m4: DataType[T4],
    m5: DataType[T5],
    m6: DataType[T6],
    m7: DataType[T7],
    m8: DataType[T8],
    /,
) -> DataType[tuple[T1, T2, T3, T4, T5, T6, T7, T8]]: ...
@overload
def structure(*members: DataType[Any]) -> DataType[tuple[Any, ...]]: ...
def structure(*members: DataType[Any]) -> DataType[Any]:
    """A structure of exactly these members; values are tuples."""
    return DataType(
        f"structure({', '.join(member.name for member in members)})",
        Schema.structure([member.schema for member in members]),
        _zeros(members),
        Tag.STRUCTURE,
        members,
    )


def record(fields: type[R], *members: DataType[Any]) -> DataType[R]:
    """A structure with instances of the NamedTuple class ``fields`` as values; encodes any sequence as long.

    Raises:
        ValueError: The class has another number of fields than there are members.
        TypeError: The class is not a NamedTuple.
    """
    schema = Schema.structure([member.schema for member in members], record=fields)
    return DataType(fields.__name__, schema, _zeros(members), Tag.STRUCTURE, members, values=fields)


def _zeros(members: tuple[DataType[Any], ...]) -> bytes:
    return bytes((Tag.STRUCTURE, len(members))) + b"".join(member.zero for member in members)


@overload
def choice(a1: DataType[T1], a2: DataType[T2], /) -> DataType[T1 | T2]: ...
@overload
def choice(a1: DataType[T1], a2: DataType[T2], a3: DataType[T3], /) -> DataType[T1 | T2 | T3]: ...
@overload
def choice(
    a1: DataType[T1], a2: DataType[T2], a3: DataType[T3], a4: DataType[T4], /
) -> DataType[T1 | T2 | T3 | T4]: ...
@overload
def choice(*alternatives: DataType[Any]) -> DataType[Any]: ...
def choice(*alternatives: DataType[Any]) -> DataType[Any]:
    """One of several types: decoded by its tag, encoded as the first alternative that takes the value."""
    return DataType(
        " or ".join(alternative.name for alternative in alternatives),
        Schema.choice([alternative.schema for alternative in alternatives]),
        alternatives[0].zero,
        members=alternatives,
    )


# --- Octet-strings with a meaning ---------------------------------------------------------------------------


def _logical_name_octets(name: LogicalName) -> bytes:
    if isinstance(name, LogicalName):
        return name.to_bytes()
    raise TypeError(f"expected LogicalName, got {type(name).__name__}")


logical_name_octets = converted("logical-name", octets(6), LogicalName, _logical_name_octets)


def _moment(name: str, tag: Tag) -> DataType[Any]:
    zero = octet_string.encode(_UNSPECIFIED[tag])
    return DataType(name, Schema.carried(tag), zero, Tag.OCTET_STRING, length=len(_UNSPECIFIED[tag]))


date_time_octets: DataType[DateTime] = _moment("date-time octets", Tag.DATE_TIME)
"""A date-time in an octet-string of 12 octets; takes a plain date-time too, as some meters send."""
date_time_or_octets: DataType[DateTime] = choice(date_time, date_time_octets)
"""A date-time as the plain type or in an octet-string; encodes the plain type."""
date_octets: DataType[Date] = _moment("date octets", Tag.DATE)
time_octets: DataType[Time] = _moment("time octets", Tag.TIME)


def _as_octets(text: str | bytes) -> bytes:
    return text.encode("ascii", "surrogateescape") if isinstance(text, str) else text


text_or_octets: DataType[bytes] = converted(
    "octet-string or visible-string", choice(octet_string, visible_string), _as_octets, _as_octets
)
"""Text that some meters send as octet-string, others as visible-string; always encoded as octet-string."""
