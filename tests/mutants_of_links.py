"""Links that are broken in one place each, by the case that must notice: something stands between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hdlc_frames import check_sequence

FLAG = b"\x7e"
SERVER = 0x03
"""The octet of the address of server 1."""


class Between:
    """A medium in front of another one, which changes what goes to the meter and what comes from it."""

    def __init__(
        self,
        inner: Any,
        to_meter: Callable[[bytes], bytes] | None,
        from_meter: Callable[[bytes], bytes] | None,
    ) -> None:
        self._inner = inner
        self._to_meter = to_meter or bytes
        self._from_meter = from_meter or bytes
        self.close = inner.close

    def send(self, data: bytes, deadline: float) -> None:
        self._inner.send(self._to_meter(data), deadline)

    def receive(self, deadline: float) -> bytes:
        return self._from_meter(self._inner.receive(deadline))


def _sealed(content: bytes) -> bytes:
    """A frame with right check sequences around what stands between flags, without its FCS."""
    return FLAG + content + check_sequence(content) + FLAG


def _is_frame(data: bytes) -> bool:
    return len(data) >= 9 and data[:1] == data[-1:] == FLAG


def _on_frames(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change what stands between flags and FCS of each single frame."""
    return lambda data: _sealed(change(data[1:-3])) if _is_frame(data) else data


def repairs_the_frame_check(content: bytes) -> bytes:
    return content


def repairs_the_header_check(content: bytes) -> bytes:
    if len(content) < 8:
        return content
    return content[:5] + check_sequence(content[:5]) + content[7:]


def takes_any_format(content: bytes) -> bytes:
    return bytes((content[0] & 0x0F | 0xA0,)) + content[1:]


def takes_any_address(content: bytes) -> bytes:
    return content[:2] + bytes((SERVER,)) + content[3:]


def believes_no_length(content: bytes) -> bytes:
    return (0xA000 | len(content) + 2).to_bytes(2, "big") + content[2:]


def adds_flags(data: bytes) -> bytes:
    return FLAG + data.strip(FLAG) + FLAG if data.strip(FLAG) else data


def agrees_to_the_most(content: bytes) -> bytes:
    """In a UA every value is as large as it may be."""
    if len(content) < 8 or content[4] != 0x73:
        return content
    parameters = bytes.fromhex("818014 050207EE 060207EE 070400000007 080400000007")
    head = (0xA000 | 5 + 2 + len(parameters) + 2).to_bytes(2, "big") + content[2:5]
    return head + check_sequence(head) + parameters


def answers_to_disc_by_ua(content: bytes) -> bytes:
    return content[:4] + b"\x73" if content[4:] == b"\x1f" else content


def acknowledges_anything(content: bytes) -> bytes:
    """RR for FRMR."""
    return b"\xa0\x07" + content[2:4] + b"\x11" if content[4] & 0xEF == 0x87 else content


def takes_any_sequence(content: bytes) -> bytes:
    """N(S) 3 of an I frame becomes the 0 that is due."""
    if content[4] & 0x0F != 0x06:
        return content
    head = content[:4] + bytes((content[4] & 0xF1,))
    return head + check_sequence(head) + content[7:]


def _header(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def takes_any_version(data: bytes) -> bytes:
    return _header(data, 0, 1)


def takes_any_port(data: bytes) -> bytes:
    return _header(data, 4, 1)


def answers_from_another_port(data: bytes) -> bytes:
    return _header(data, 2, 99)


def believes_no_wrapper_length(data: bytes) -> bytes:
    return _header(data, 6, len(data) - 8)


def says_something_more(data: bytes) -> bytes:
    return data + b"\x00"


To = Callable[[bytes], bytes] | None
MUTANTS: list[tuple[str, str, To, To]] = [
    ("HD-01", "hdlc", None, _on_frames(answers_to_disc_by_ua)),
    ("HD-04", "hdlc", adds_flags, None),
    ("HD-06", "hdlc", _on_frames(takes_any_format), None),
    ("HD-07", "hdlc", _on_frames(believes_no_length), None),
    ("HD-09", "hdlc", _on_frames(repairs_the_header_check), None),
    ("HD-10", "hdlc", _on_frames(repairs_the_frame_check), None),
    ("HD-13", "hdlc", _on_frames(takes_any_address), None),
    ("HD-16", "hdlc", None, _on_frames(agrees_to_the_most)),
    ("HD-17", "hdlc", None, _on_frames(agrees_to_the_most)),
    ("HD-20", "hdlc", None, _on_frames(acknowledges_anything)),
    ("HD-21", "hdlc", _on_frames(takes_any_sequence), None),
    ("HD-35", "hdlc", _on_frames(takes_any_address), None),
    ("HD-37", "hdlc", _on_frames(repairs_the_frame_check), None),
    ("WR-01", "wrapper", None, answers_from_another_port),
    ("WR-01", "wrapper", None, says_something_more),
    ("WR-02", "wrapper", takes_any_version, None),
    ("WR-03", "wrapper", takes_any_port, None),
    ("WR-04", "wrapper", believes_no_wrapper_length, None),
]
"""Case, medium, what becomes of octets to the meter, and of those from it."""
