"""Logical names: the forms that people write and the six octets."""

import copy
import pickle

import pytest
from hypothesis import given

from dlms_fw.logical_name import LogicalName
from strategies import logical_names

IMAGE_TRANSFER = bytes.fromhex("00002C0000FF")


@pytest.mark.parametrize(
    "written",
    [
        "0.0.44.0.0.255",
        "0-0:44.0.0.255",
        "0-0:44.0.0*255",
        " 0-0:44.0.0.255 ",
        IMAGE_TRANSFER,
        bytearray(IMAGE_TRANSFER),
        memoryview(IMAGE_TRANSFER),
        LogicalName(IMAGE_TRANSFER),
    ],
)
def test_every_form_gives_the_same_name(written: str | bytes) -> None:
    name = LogicalName(written)
    assert name.to_bytes() == IMAGE_TRANSFER
    assert str(name) == "0-0:44.0.0.255"
    assert repr(name) == "LogicalName('0-0:44.0.0.255')"
    assert name == LogicalName("0.0.44.0.0.255")
    assert hash(name) == hash(LogicalName("0.0.44.0.0.255"))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "not a logical name"),
        ("0.0.44.0.0", "not a logical name"),
        ("0.0.44.0.0.255.1", "not a logical name"),
        ("0-0.44.0.0.255", "not a logical name"),
        ("0.0:44.0.0.255", "not a logical name"),
        ("0-0:44.0.0.-1", "not a logical name"),
        ("0-0:44.0.0.٣", "not a logical name"),
        ("0-0:44.0.0.256", "at most 255"),
        ("999.0.44.0.0.255", "at most 255"),
    ],
)
def test_text_that_is_no_logical_name_is_refused(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        LogicalName(written)


@pytest.mark.fault("C-10")
@pytest.mark.parametrize("length", [0, 5, 7])
def test_another_number_of_octets_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"6 octets, not {length}"):
        LogicalName(bytes(length))


def test_only_text_and_octets_are_taken() -> None:
    with pytest.raises(TypeError, match="not int"):
        LogicalName(6)  # type: ignore[arg-type]


def test_a_name_never_changes() -> None:
    name = LogicalName("0.0.1.0.0.255")
    with pytest.raises(AttributeError):
        name.octets = bytes(6)  # type: ignore[misc]


@given(logical_names())
def test_what_is_written_reads_back(name: LogicalName) -> None:
    assert LogicalName(str(name)) == name
    assert LogicalName(name.to_bytes()) == name
    assert LogicalName(".".join(map(str, name.to_bytes()))) == name
    assert copy.copy(name) == name
    assert pickle.loads(pickle.dumps(name)) == name


@given(logical_names(), logical_names())
def test_names_are_ordered_as_their_octets(one: LogicalName, other: LogicalName) -> None:
    assert (one < other) == (one.to_bytes() < other.to_bytes())
    assert (one == other) == (one.to_bytes() == other.to_bytes())
