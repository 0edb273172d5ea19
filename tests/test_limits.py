"""Limits of a decoding: each holds at its value and not before, in every decoder that takes octets."""

from collections.abc import Callable

import pytest

from dlms_fw import axdr
from dlms_fw._core import Channel, Data, GetRequest, GetResponse, Limits, WrapperFraming, decode_apdu
from dlms_fw.errors import DecodeError
from wire import octets

CASES = [
    ("too-deep", Limits(max_depth=1), Limits(max_depth=2), "0201 0201 1101"),
    ("element-limit", Limits(max_elements=2), Limits(max_elements=3), "0103 1101 1102 1103"),
    ("element-limit", Limits(max_elements=2), Limits(max_elements=3), "1311 03 010203"),
    ("expansion-limit", Limits(max_expansion=23), Limits(max_expansion=24), "13 0202 01000A00 11 02 0102"),
    ("length-too-large", Limits(max_length=3), Limits(max_length=4), "0904 01020304"),
    ("length-too-large", Limits(max_length=3), Limits(max_length=4), "0A04 41414141"),
    ("length-too-large", Limits(max_length=3), Limits(max_length=4), "0420 01020304"),
    ("length-too-large", Limits(max_length=3), Limits(max_length=4), "1311 04 01020304"),
]


def receive(data: bytes, limits: Limits) -> object:
    channel = Channel("client", WrapperFraming(16, 1), limits=limits)
    apdu = octets("C401C100") + data
    channel.connect()
    channel.send(GetRequest(1, bytes(6), 2))
    frame = octets("0001 0001 0010") + len(apdu).to_bytes(2, "big") + apdu
    return channel.receive(frame)


DECODERS: dict[str, Callable[[bytes, Limits], object]] = {
    "Data.decode": lambda data, limits: Data.decode(data, limits=limits),
    "Data.decode_plain": lambda data, limits: Data.decode_plain(data, limits=limits),
    "Schema.decode": lambda data, limits: axdr.any_data.schema.decode(data, limits=limits),
    "DataType.decode": lambda data, limits: axdr.any_data.decode(data, limits=limits),
    "decode_apdu": lambda data, limits: decode_apdu(octets("C401C100") + data, "server", limits=limits),
    "Channel": receive,
}


@pytest.mark.proves("axdr-limits")
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(("kind", "too_little", "enough", "text"), CASES)
def test_a_limit_holds(decoder: str, kind: str, too_little: Limits, enough: Limits, text: str) -> None:
    decode, data = DECODERS[decoder], octets(text)
    decode(data, enough)
    with pytest.raises(DecodeError) as caught:
        decode(data, too_little)
    assert caught.value.kind == kind


@pytest.mark.proves("axdr-limits")
def test_a_typed_array_counts_its_elements() -> None:
    numbers = axdr.array(axdr.structure(axdr.unsigned, axdr.unsigned))
    encoded = numbers.encode([(1, 2), (3, 4)])
    assert numbers.decode(encoded, limits=Limits(max_elements=6)) == [(1, 2), (3, 4)]
    for enough in (1, 5):
        with pytest.raises(DecodeError) as caught:
            numbers.decode(encoded, limits=Limits(max_elements=enough))
        assert caught.value.kind == "element-limit"


def test_limits_are_a_frozen_value() -> None:
    limits = Limits()
    assert limits == Limits(max_depth=16, max_elements=1 << 24, max_expansion=1 << 18, max_length=1 << 28)
    assert hash(limits) == hash(Limits())
    assert limits != Limits(max_depth=5)
    assert eval(repr(limits), {"Limits": Limits}) == limits
    with pytest.raises(AttributeError):
        limits.max_depth = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        Limits(5)  # type: ignore[call-arg]


@pytest.mark.parametrize("strict", [True, False])
def test_plain_values_in_one_pass_are_those_of_the_tree(strict: bool) -> None:
    text = octets("0204 0102 1101 1102 13 02020301000211 06 010102 000304 0A0141 00")
    plain = ((1, 2), ((True, (1, 2)), (False, (3, 4))), "A", None)
    assert Data.decode_plain(text, strict=strict) == plain
    assert Data.decode(text, strict=strict).plain() == plain
    with pytest.raises(DecodeError) as caught:
        Data.decode_plain(text + b"\x00", strict=strict)
    assert caught.value.kind == "trailing-data"


def test_a_value_that_was_read_tolerantly_is_written_as_the_standard_has_it() -> None:
    unusual = octets("02 8102 03FF 01 820001 0904 00000000")
    value = Data.decode(unusual, strict=False)
    assert value.encode() == octets("0202 0301 0101 0904 00000000")
    assert Data.decode(value.encode()) == value


def test_a_decoded_value_outlives_the_buffer_it_came_from() -> None:
    buffer = bytearray(octets("0202 1101 0102 1102 1103"))
    value = Data.decode(buffer)
    typed = axdr.any_data.decode(buffer)
    buffer[:] = bytes(len(buffer))
    assert value.plain() == typed.plain() == (1, (2, 3))
    assert isinstance(typed.value, tuple)
    assert typed.value[1].encode() == octets("0102 1102 1103")


def test_an_answer_within_the_limits_is_an_event() -> None:
    events, _ = receive(octets("1101"), Limits())  # type: ignore[misc]
    assert isinstance(events[0], GetResponse)
