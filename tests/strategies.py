"""Hypothesis strategies: values of every A-XDR type, nested data, logical names."""

import datetime as dt
import struct
from functools import partial
from typing import Any

from hypothesis import strategies as st

from dlms_fw import axdr
from dlms_fw._core import BitString, Data, Date, DateTime, Time
from dlms_fw.axdr import DataType, Tag
from dlms_fw.logical_name import LogicalName


def signed(bits: int) -> st.SearchStrategy[int]:
    """Integers of so many bits, the ends included."""
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    """Non-negative integers of so many bits, the ends included."""
    return st.integers(0, (1 << bits) - 1)


def floats(width: int) -> st.SearchStrategy[float]:
    """Every pattern of 32 or 64 bits as a float: NaN with payloads, infinities and both zeros too."""
    if width == 64:
        return unsigned(64).map(lambda bits: float(struct.unpack(">d", struct.pack(">Q", bits))[0]))
    return st.floats(width=32, allow_nan=False)


def bit_strings(max_size: int = 70) -> st.SearchStrategy[BitString]:
    """Bit-strings of any length up to ``max_size`` bits."""
    return st.lists(st.booleans(), max_size=max_size).map(BitString)


def octet_strings(max_size: int = 300) -> st.SearchStrategy[bytes]:
    """Octet-strings, some of them long enough for a length of more than one octet."""
    return st.binary(max_size=max_size)


def texts(encoding: str, max_size: int = 150) -> st.SearchStrategy[str]:
    """What octets of any kind decode to."""
    return st.binary(max_size=max_size).map(lambda octets: octets.decode(encoding, "surrogateescape"))


def dates() -> st.SearchStrategy[Date]:
    """Every five octets."""
    return st.binary(min_size=5, max_size=5).map(Date.from_bytes)


def times() -> st.SearchStrategy[Time]:
    """Every four octets."""
    return st.binary(min_size=4, max_size=4).map(Time.from_bytes)


def date_times() -> st.SearchStrategy[DateTime]:
    """Every twelve octets."""
    return st.binary(min_size=12, max_size=12).map(DateTime.from_bytes)


def clock_times() -> st.SearchStrategy[dt.datetime]:
    """Points in time as a meter can write them: hundredths of a second, zones of whole minutes, or none."""
    zones = st.none() | st.integers(-720, 840).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
    return st.builds(
        lambda moment, hundredths, zone: moment.replace(microsecond=hundredths * 10_000, tzinfo=zone),
        st.datetimes(),
        st.integers(0, 99),
        zones,
    )


def logical_names() -> st.SearchStrategy[LogicalName]:
    """Every six octets."""
    return st.binary(min_size=6, max_size=6).map(LogicalName)


SIMPLE_TYPES: dict[Tag, tuple[DataType[Any], st.SearchStrategy[Any]]] = {
    Tag.NULL_DATA: (axdr.null_data, st.none()),
    Tag.BOOLEAN: (axdr.boolean, st.booleans()),
    Tag.BIT_STRING: (axdr.bit_string, bit_strings()),
    Tag.DOUBLE_LONG: (axdr.double_long, signed(32)),
    Tag.DOUBLE_LONG_UNSIGNED: (axdr.double_long_unsigned, unsigned(32)),
    Tag.FLOATING_POINT: (axdr.floating_point, st.binary(min_size=4, max_size=4)),
    Tag.OCTET_STRING: (axdr.octet_string, octet_strings()),
    Tag.VISIBLE_STRING: (axdr.visible_string, texts("ascii")),
    Tag.GENERALIZED_TIME: (axdr.generalized_time, octet_strings(30)),
    Tag.UTF8_STRING: (axdr.utf8_string, texts("utf-8")),
    Tag.BCD: (axdr.bcd, unsigned(8)),
    Tag.INTEGER: (axdr.integer, signed(8)),
    Tag.LONG: (axdr.long, signed(16)),
    Tag.UNSIGNED: (axdr.unsigned, unsigned(8)),
    Tag.LONG_UNSIGNED: (axdr.long_unsigned, unsigned(16)),
    Tag.LONG64: (axdr.long64, signed(64)),
    Tag.LONG64_UNSIGNED: (axdr.long64_unsigned, unsigned(64)),
    Tag.ENUM: (axdr.plain_enum, unsigned(8)),
    Tag.FLOAT32: (axdr.float32, floats(32)),
    Tag.FLOAT64: (axdr.float64, floats(64)),
    Tag.DATE_TIME: (axdr.date_time, date_times()),
    Tag.DATE: (axdr.date, dates()),
    Tag.TIME: (axdr.time, times()),
    Tag.DELTA_INTEGER: (axdr.delta_integer, signed(8)),
    Tag.DELTA_LONG: (axdr.delta_long, signed(16)),
    Tag.DELTA_DOUBLE_LONG: (axdr.delta_double_long, signed(32)),
    Tag.DELTA_UNSIGNED: (axdr.delta_unsigned, unsigned(8)),
    Tag.DELTA_LONG_UNSIGNED: (axdr.delta_long_unsigned, unsigned(16)),
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: (axdr.delta_double_long_unsigned, unsigned(32)),
    Tag.DONT_CARE: (axdr.dont_care, st.none()),
}
"""Each simple type and a strategy for its values."""


def simple_data() -> st.SearchStrategy[Data]:
    """One value of any simple type."""
    return st.one_of([values.map(partial(Data, tag)) for tag, (_, values) in SIMPLE_TYPES.items()])


def data(max_leaves: int = 12) -> st.SearchStrategy[Data]:
    """Data of any type, arrays and structures nested in each other."""
    return st.recursive(
        simple_data(),
        lambda inner: st.builds(
            Data, st.sampled_from([Tag.ARRAY, Tag.STRUCTURE]), st.lists(inner, max_size=5).map(tuple)
        ),
        max_leaves=max_leaves,
    )
