"""Values of the Data CHOICE, lengths and points in time: generators, and what `dlms_fw` makes of them.

A value is ``[type, value]`` with the name of the type as in the Green Book. Octets, and dates and times in
Data, are hex; bit-strings are digits; floats are their octets, for JSON has no NaN.
"""

from __future__ import annotations

import datetime as dt
import struct
from typing import Any

from differential.kinds import ALL_TYPES, Kind, Source, number, octets
from dlms_fw._core import BitString, Data, Date, DateTime, Time

TAGS = {
    "null-data": 0,
    "array": 1,
    "structure": 2,
    "boolean": 3,
    "bit-string": 4,
    "double-long": 5,
    "double-long-unsigned": 6,
    "octet-string": 9,
    "visible-string": 10,
    "utf8-string": 12,
    "bcd": 13,
    "integer": 15,
    "long": 16,
    "unsigned": 17,
    "long-unsigned": 18,
    "long64": 20,
    "long64-unsigned": 21,
    "enum": 22,
    "float32": 23,
    "float64": 24,
    "date-time": 25,
    "date": 26,
    "time": 27,
    "dont-care": 255,
}
NAMES = {tag: name for name, tag in TAGS.items()}
_BITS = {
    "double-long": -32,
    "double-long-unsigned": 32,
    "bcd": 8,
    "integer": -8,
    "long": -16,
    "unsigned": 8,
    "long-unsigned": 16,
    "long64": -64,
    "long64-unsigned": 64,
    "enum": 8,
}
_TIMES = {"date-time": DateTime, "date": Date, "time": Time}
_FLOATS = {"float32": ">f", "float64": ">d"}


def simple(source: Source, name: str) -> list[Any]:
    """A value of one simple type."""
    value: Any = None
    if name in _BITS:
        bits = _BITS[name]
        value = number(source, abs(bits))
        if bits < 0 and value >= 1 << -bits - 1:
            value -= 1 << -bits
    elif name == "boolean":
        value = source.random() < 0.5
    elif name == "bit-string":
        value = "".join(source.choice("01") for _ in range(source.choice((0, 1, 7, 8, 9, 24, 130))))
    elif name == "octet-string":
        value = octets(source)
    elif name == "visible-string":
        value = "".join(source.choice(source.words.text) for _ in range(source.choice((0, 1, 5, 16, 130))))
    elif name == "utf8-string":
        value = "".join(source.choice("aZ0 åéß€😀") for _ in range(source.choice((0, 1, 5, 16, 130))))
    elif name in _FLOATS:
        size = 4 if name == "float32" else 8
        numbers = struct.pack(_FLOATS[name], source.choice((0.0, -0.0, 1.5, -3.25e7, float("inf"))))
        value = source.choice((numbers, numbers, struct.pack(_FLOATS[name], source.uniform(-1e9, 1e9)))).hex()
        assert len(value) == 2 * size
    elif name in _TIMES:
        value = point_in_time(source)[
            {"date-time": slice(0, 24), "date": slice(0, 10), "time": slice(10, 18)}[name]
        ]
    return [name, value]


FREQUENT = ("double-long-unsigned", "long-unsigned", "octet-string", "integer", "unsigned", "enum", "long")


def data(source: Source, depth: int = 3) -> list[Any]:
    """Any value of the types that there are words for."""
    words = source.words
    if depth and words.constructed and source.random() < 0.35:
        count = source.choice((0, 1, 2, 3, 4, 8))
        if source.random() < 0.02:
            depth, count = 1, source.choice((127, 128, 140))
        constructed = source.choice(words.constructed)
        if constructed == "structure":
            return ["structure", [data(source, depth - 1) for _ in range(count)]]
        name = source.choice(words.types)
        return ["array", [simple(source, name) for _ in range(count)]]
    name = source.choice(FREQUENT)
    if source.random() < 0.6 or name not in words.types:
        name = source.choice(words.types)
    return simple(source, name)


def point_in_time(source: Source) -> str:
    """A date-time; fields may be unspecified or have the special values of day and month."""
    special = source.random() < 0.4
    year, month, day = source.randint(1990, 2150), source.randint(1, 12), source.randint(1, 28)
    fields = [year, month, day, source.choice((0xFF, source.randint(1, 7)))]
    fields += [source.randint(0, 23), source.randint(0, 59), source.randint(0, 59)]
    fields += [source.choice((0xFF, source.randint(0, 99)))]
    fields += [source.choice((0x8000, source.randint(-720, 720) & 0xFFFF))]
    fields += [source.choice((0, 0x80, 0xFF, source.choice((1, 2, 4, 8))))]
    if special:
        for at in source.sample(range(8), source.randint(1, 3)):
            unspecified = (0xFFFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)[at]
            fields[at] = source.choice((unspecified, 0xFE, 0xFD)) if at in (1, 2) else unspecified
    return struct.pack(">HBBBBBBBHB", *fields).hex()


def to_data(value: list[Any]) -> Data:
    """Our Data of an abstract value."""
    name, content = value
    if name in ("array", "structure"):
        content = tuple(to_data(member) for member in content)
    elif name == "bit-string":
        content = BitString([digit == "1" for digit in content])
    elif name == "octet-string":
        content = bytes.fromhex(content)
    elif name in _FLOATS:
        (content,) = struct.unpack(_FLOATS[name], bytes.fromhex(content))
    elif name in _TIMES:
        content = _TIMES[name].from_bytes(bytes.fromhex(content))
    return Data(TAGS[name], content)


def from_data(it: Data) -> list[Any]:
    """The abstract value of our Data."""
    name, content = NAMES[it.tag], it.value
    if isinstance(content, tuple):
        content = [from_data(member) for member in content]
    elif isinstance(content, BitString):
        content = "".join("01"[bit] for bit in content)
    elif isinstance(content, bytes):
        content = content.hex()
    elif isinstance(content, float):
        content = struct.pack(_FLOATS[name], content).hex()
    elif isinstance(content, DateTime | Date | Time):
        content = content.to_bytes().hex()
    return [name, content]


def encode(value: list[Any]) -> bytes:
    """The octets of an abstract value, by `dlms_fw`."""
    return to_data(value).encode()


def decode(it: bytes) -> list[Any]:
    """The abstract value of octets, by `dlms_fw`."""
    return from_data(Data.decode(it))


# --- Lengths, and points in time ----------------------------------------------------------------------------


def _length(source: Source) -> int:
    return source.choice((source.randrange(128), source.randrange(128, 256), source.randrange(256, 70_000)))


def _encode_length(length: int) -> bytes:
    return Data(TAGS["octet-string"], bytes(length)).encode()[1 : -length or None]


def _decode_length(it: bytes) -> int:
    # The contents are as many as are claimed, for a length alone is not a value.
    claimed = it[0] if it[0] < 0x80 else int.from_bytes(it[1:], "big")
    value = Data.decode(bytes([TAGS["octet-string"]]) + it + bytes(claimed)).value
    assert isinstance(value, bytes)
    return len(value)


def _moment(source: Source) -> dict[str, Any]:
    zone = dt.timezone(dt.timedelta(minutes=source.choice((-720, -300, -60, 60, 120, 345, 720))))
    moment = dt.datetime(
        source.randint(1970, 2150),
        source.randint(1, 12),
        source.randint(1, 28),
        source.randint(0, 23),
        source.randint(0, 59),
        source.randint(0, 59),
        source.randint(0, 99) * 10_000,
        tzinfo=zone,
    )
    return {"time": moment.isoformat(), "status": source.choice((0, 0x80, 1, 2, 4, 8))}


def _encode_moment(value: dict[str, Any]) -> bytes:
    moment = dt.datetime.fromisoformat(value["time"])
    return DateTime.from_datetime(moment, clock_status=value["status"]).to_bytes()


def _decode_moment(it: bytes) -> dict[str, Any]:
    value = DateTime.from_bytes(it)
    return {"time": value.to_datetime().isoformat(), "status": value.clock_status}


KINDS = (
    *(Kind(name, lambda source, name=name: simple(source, name), encode, decode) for name in ALL_TYPES),
    Kind("data", data, encode, decode),
    Kind("length", _length, _encode_length, _decode_length),
    # Whoever writes the time may fill in the day of the week, or leave it out.
    Kind("moment", _moment, _encode_moment, _decode_moment, unique=False),
)
