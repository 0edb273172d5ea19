"""Small words for tests of octets: hex to octets, and the fault that a decoding reports."""

from collections.abc import Callable

import pytest

from dlms_fw._core import Data, Limits
from dlms_fw.errors import DecodeError


def octets(text: str) -> bytes:
    """Octets from hex digits; spaces are free."""
    return bytes.fromhex(text)


def fault(data: str | bytes, *, strict: bool = True, limits: Limits | None = None) -> tuple[str, int]:
    """Kind and offset of the error that a generic decode raises."""
    with pytest.raises(DecodeError) as caught:
        Data.decode(octets(data) if isinstance(data, str) else data, strict=strict, limits=limits)
    return caught.value.kind, caught.value.offset


def decodes(decode: Callable[[], object], length: int) -> bool:
    """Whether the octets are a value; if not, the error points into them."""
    try:
        decode()
    except DecodeError as error:
        offset = error.offset
    else:
        return True
    assert 0 <= offset <= length
    return False
