"""HDLC with gurux-dlms, live, in both roles: long information fields, windows, segments, sizes of addresses.

What theirs cannot do is in the row of the table: it polls in each frame of a window, and takes no third one
before it has acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlms_fw import _core, axdr
from dlms_fw.profiles import HdlcSettings
from interop import IDENTIFIER, NAME, gurux_meter
from interop_live import Visitor, listed_objects, our_meter
from test_interop_clients import ASSOCIATION, IMAGE, NAME_OBJECT, SCHEDULE, long_schedule
from test_interop_gurux import Line, associate

IMAGE_OBJECT = bytes((0, 0, 44, 0, 0, 255))
LONG = 4_000
"""Octets of a parameter that needs several frames of any length."""


@pytest.fixture(scope="module")
def gurux() -> Iterator[Visitor]:
    with Visitor("gurux_visitor.py") as visitor:
        yield visitor


@pytest.mark.proves("interop-live-hdlc")
@pytest.mark.parametrize(
    ("size", "server", "info"), [(1, 1, 60), (2, 1 << 7 | 17, 2030), (4, 1 << 14 | 9_000, 2030)]
)
def test_a_gurux_client_at_our_meter(
    tmp_path: Path, gurux: Visitor, size: int, server: int, info: int
) -> None:
    lower = {1: None, 2: 17, 4: 9_000}[size]
    hdlc = HdlcSettings(server_lower=lower, address_size=size, max_info_field_length=info)
    with our_meter(tmp_path, "hdlc", "none", max_pdu_size=8_192, hdlc=hdlc) as meter:
        objects, written, called, status = gurux.visit(
            meter,
            "none",
            ["read", 15, ASSOCIATION, 2],
            ["write", 22, SCHEDULE, 4, long_schedule(200)],
            ["call", 18, IMAGE, 1, axdr.octet_string.encode(bytes(LONG)).hex()],
            ["read", 18, IMAGE, 6],
            max_pdu_size=8_000,
            max_info=2030,
            window_sent=7,
            server_sap=server,
            server_address_size=size,
        )
        assert (objects[0][2], len(objects)) == (NAME_OBJECT, listed_objects())
        # What came in segments was put together: it is refused for what it says.
        assert written == "result 250"
        assert called == "result 12"
        assert status == 0


@pytest.mark.proves("interop-live-hdlc")
@pytest.mark.parametrize(
    ("size", "upper", "lower", "info"), [(1, 1, None, 60), (2, 1, 17, 2030), (4, 1, 9_000, 2030)]
)
def test_our_client_at_a_gurux_meter(
    tmp_path: Path, size: int, upper: int, lower: int | None, info: int
) -> None:
    """The most is proposed; theirs grants its information field, and a window of 1."""
    framing = _core.HdlcFraming(
        1,
        upper,
        lower,
        address_size=size,
        max_info_field_length_transmit=2030,
        max_info_field_length_receive=2030,
        window_size_transmit=7,
        window_size_receive=7,
    )
    with (
        gurux_meter(tmp_path, framing="hdlc", max_info=info, max_pdu_size=8_192, block_size=40) as meter,
        Line(meter.report()["port"], framing) as line,
    ):
        assert line.link is not None
        assert (line.link.max_info_field_length_transmit, line.link.window_size_transmit) == (info, 1)
        associate(line, "none", 8_192)
        name = line.ask(_core.GetRequest(1, bytes((0, 0, 42, 0, 0, 255)), 2))
        assert axdr.octet_string.decode(name.data) == NAME.encode()
        unknown = _core.ActionRequest(3, bytes(6), 1, axdr.octet_string.encode(bytes(LONG)))
        assert line.ask(unknown).result == 4
        image = (axdr.structure(axdr.octet_string, axdr.double_long_unsigned)).encode(
            (IDENTIFIER, 40 * 8 * LONG)
        )
        assert line.ask(_core.SetRequest(18, IMAGE_OBJECT, 5, b"\x03\x01")).result == 0
        assert line.ask(_core.ActionRequest(18, IMAGE_OBJECT, 1, image)).result == 0
        bits = line.ask(_core.GetRequest(18, IMAGE_OBJECT, 3))
        assert axdr.bit_string.decode(bits.data) == _core.BitString.from_bytes(bytes(LONG), 8 * LONG)
        line.disconnect()
