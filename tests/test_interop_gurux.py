"""Against a meter and a client that nobody here wrote: both are built on gurux-dlms, each runs in a process
of its own, and first of all they must get on with each other."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path
from typing import Any, Self

import pytest

from dlms_fw import _core, axdr
from interop import (
    CLIENT_TITLE,
    FRAMINGS,
    IDENTIFIER,
    KEYS,
    METER_TITLE,
    NAME,
    an_image,
    gurux_client,
    gurux_meter,
)
from peers import run

pytestmark = pytest.mark.rotating(2)


def test_the_referees_are_where_nothing_of_ours_can_import_them() -> None:
    assert importlib.util.find_spec("gurux_dlms") is None


def test_a_missing_environment_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "PYTHON", tmp_path / "python")
    with pytest.raises(run.PeerError, match="make test"):
        gurux_meter(tmp_path)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
def test_the_peers_get_on_with_each_other(tmp_path: Path, framing: str, security: str) -> None:
    image = an_image(10_000, 1)
    (tmp_path / "image").write_bytes(image)
    upload = {
        "image": str(tmp_path / "image"),
        "identifier": IDENTIFIER.hex(),
        "activate": True,
        "polls": 10,
    }
    with gurux_meter(tmp_path, framing=framing, security=security, busy_looks=2) as meter:
        port = meter.report()["port"]
        names = [[1, "0.0.42.0.0.255", 2], [1, "1.1.0.2.0.255", 2]]
        with gurux_client(
            port, framing=framing, authentication=security, read=names, upload=upload
        ) as client:
            said = client.finish()
        found = meter.finish()
    assert said["values"] == [
        f"bytearray(b'{NAME}')",
        "[bytearray(b'\\x01\\x02\\x03\\x04\\x05\\x06'), bytearray(b'\\x00FACT\\x01')]",
    ]
    assert said["upload"]["blocks_status"] == "1" * 10
    assert said["upload"]["activate_info"] == [[len(image), IDENTIFIER.hex(), ""]]
    assert said["activated"] == 6
    assert found["active"][0] == IDENTIFIER.hex()
    assert (tmp_path / "stored").read_bytes() == image


class Line:
    """A channel with a socket: one request, one answer."""

    def __init__(self, port: int, framing: _core.WrapperFraming | _core.HdlcFraming) -> None:
        self.channel = _core.Channel("client", framing)
        self.link: _core.LinkConnected | None = None
        self._stream = socket.create_connection(("127.0.0.1", port), timeout=10)
        octets = self.channel.connect()
        if octets:
            self._stream.sendall(octets)
            connected = self._event()
            assert isinstance(connected, _core.LinkConnected)
            self.link = connected

    def ask(self, apdu: Any) -> Any:
        self._stream.sendall(self.channel.send(apdu))
        return self._event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def disconnect(self) -> None:
        octets = self.channel.disconnect()
        if octets:
            self._stream.sendall(octets)
            assert isinstance(self._event(), _core.LinkDisconnected)

    def _event(self) -> object:
        while True:
            octets = self._stream.recv(65_536)
            assert octets, "the meter closed the connection"
            events, reply = self.channel.receive(octets)
            self._stream.sendall(reply)
            if events:
                (event,) = events
                return event


GENERAL_PROTECTION = 0x40_0000
BLOCKS_GET_SET_SELECTIVE_ACTION = 0x00_1C1D


def shape(framing: str) -> _core.WrapperFraming | _core.HdlcFraming:
    if framing == "wrapper":
        return _core.WrapperFraming(1, 1)
    return _core.HdlcFraming(1, 1, max_info_field_length_transmit=300, max_info_field_length_receive=300)


def associate(line: Line, security: str, max_receive_pdu_size: int = 1_024) -> None:
    """The association as the Green Book has it, APDU by APDU."""
    conformance = BLOCKS_GET_SET_SELECTIVE_ACTION | (GENERAL_PROTECTION if security == "general" else 0)
    initiate = _core.InitiateRequest(conformance, max_receive_pdu_size).encode()
    if security == "none":
        aare = line.ask(_core.AssociationRequest(1, initiate))
        assert (aare.result, aare.diagnostic) == (0, 0)
        response = _core.InitiateResponse.decode(aare.user_information)
        line.channel.negotiate(response.conformance, response.server_max_receive_pdu_size)
        return
    context = _core.SecurityContext(
        0,
        0x30,
        system_title=CLIENT_TITLE,
        global_unicast_encryption_key=_core.Key(bytes.fromhex(KEYS["global_unicast_encryption_key"])),
        authentication_key=_core.Key(bytes.fromhex(KEYS["authentication_key"])),
        invocation_counter=100,
        counter_limit=10_000,
        general=security == "general",
    )
    challenge = os.urandom(16)
    aare = line.ask(
        _core.AssociationRequest(
            3,
            context.seal(initiate),
            mechanism=5,
            authentication_value=challenge,
            calling_ap_title=CLIENT_TITLE,
        )
    )
    assert (aare.result, aare.diagnostic, aare.mechanism) == (0, 14, 5)
    assert aare.responding_ap_title == METER_TITLE
    context.peer_system_title = aare.responding_ap_title
    response = _core.InitiateResponse.decode(context.open(aare.user_information))
    line.channel.negotiate(response.conformance, response.server_max_receive_pdu_size)
    line.channel.security = context
    proof = b"\x09\x11" + context.gmac(aare.authentication_value)
    answer = line.ask(_core.ActionRequest(15, bytes((0, 0, 40, 0, 0, 255)), 1, proof))
    assert answer.result == 0
    context.verify_gmac(challenge, axdr.octet_string.decode(answer.data))


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "hls-gmac", "general"])
def test_the_channel_talks_to_the_meter(tmp_path: Path, framing: str, security: str) -> None:
    image_transfer = bytes((0, 0, 44, 0, 0, 255))
    image = an_image(40_000, 2)
    config = {"framing": framing, "security": "none" if security == "none" else "hls-gmac"}
    # Nothing fits: the bitmap comes in datablocks, image blocks go in pblocks, and both in segments.
    small = {"block_size": 40, "max_pdu_size": 80, "general_ciphering": security == "general"}
    with (
        gurux_meter(tmp_path, **small, **config) as meter,
        Line(meter.report()["port"], shape(framing)) as line,
    ):
        associate(line, security, 100)
        name = line.ask(_core.GetRequest(1, bytes((0, 0, 42, 0, 0, 255)), 2))
        assert axdr.octet_string.decode(name.data) == NAME.encode()
        unknown = line.ask(_core.GetRequest(3, bytes((1, 0, 1, 8, 0, 255)), 2))
        assert (unknown.result, unknown.data) == (4, None)
        refused = line.ask(_core.SetRequest(18, image_transfer, 2, b"\x06\x00\x00\x00\x01"))
        assert refused.result == 3
        assert line.ask(_core.SetRequest(18, image_transfer, 5, b"\x03\x01")).result == 0
        start = axdr.structure(axdr.octet_string, axdr.double_long_unsigned).encode((IDENTIFIER, len(image)))
        assert line.ask(_core.ActionRequest(18, image_transfer, 1, start)).result == 0
        blocks = _core.ImageBlocks(image, 40)
        for number in range(0, len(blocks), 25):
            assert line.ask(_core.ActionRequest(18, image_transfer, 2, blocks[number])).result == 0
        bits = line.ask(_core.GetRequest(18, image_transfer, 3))
        status = _core.BlockStatus.from_bit_string(axdr.bit_string.decode(bits.data), len(blocks))
        assert [n for n in range(len(blocks)) if status[n]] == list(range(0, len(blocks), 25))
        too_early = line.ask(_core.ActionRequest(18, image_transfer, 3, b"\x0f\x00"))
        assert too_early.result == 250
        released = line.ask(_core.ReleaseRequest(0))
        assert isinstance(released, _core.ReleaseResponse)
        line.disconnect()
        assert meter.finish()["blocks_received"] == 40


@pytest.mark.parametrize(
    "framing",
    [
        _core.HdlcFraming(1, 1, 17),
        _core.HdlcFraming(1, 1, 17, address_size=4),
        _core.HdlcFraming(1, 1, 200),
        _core.HdlcFraming(1, 0x3FFE, 0x1234),
    ],
    ids=["two octets", "four octets", "four octets, lower address", "four octets, both"],
)
def test_server_addresses(tmp_path: Path, framing: _core.HdlcFraming) -> None:
    with gurux_meter(tmp_path, framing="hdlc") as meter, Line(meter.report()["port"], framing) as line:
        associate(line, "none")
        name = line.ask(_core.GetRequest(1, bytes((0, 0, 42, 0, 0, 255)), 2))
        assert axdr.octet_string.decode(name.data) == NAME.encode()
        line.disconnect()


def test_every_length_of_a_frame(tmp_path: Path) -> None:
    with gurux_meter(tmp_path, framing="hdlc") as meter:
        framing = _core.HdlcFraming(1, 1, max_info_field_length_transmit=600)
        with Line(meter.report()["port"], framing) as line:
            associate(line, "none")
            for length in range(200, 560):
                unknown = _core.ActionRequest(3, bytes(6), 1, axdr.octet_string.encode(bytes(length)))
                assert line.ask(unknown).result == 4


@pytest.mark.parametrize("wrong", KEYS)
def test_the_meter_refuses_another_key(tmp_path: Path, wrong: str) -> None:
    """The referee looks at the tag, so what it accepts elsewhere is worth something."""
    with gurux_meter(tmp_path, security="hls-gmac", **{wrong: bytes(16).hex()}) as meter:
        with (
            Line(meter.report()["port"], shape("wrapper")) as line,
            pytest.raises(AssertionError, match="1, 1"),
        ):
            associate(line, "hls-gmac")
        assert meter.finish()["associations"] == []
