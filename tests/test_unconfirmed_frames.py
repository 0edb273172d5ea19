"""UI frames: requests that nobody answers, to one meter, to a group, to all; several in one crossing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    Channel,
    DataNotification,
    GetRequest,
    GetResponse,
    HdlcFraming,
    PeerChanged,
    SetRequest,
    UnconfirmedFrame,
)
from dlms_fw.errors import LinkError, LocalProtocolError
from dlms_fw.journal import Journal
from dlms_fw.session.server import RequestRefused
from harness import CLOCK_TIME, PROFILES, Pair
from hdlc_frames import frame
from meter_bench import IMAGE_TRANSFER, PLAIN, Bench
from meters import IDENTIFIER, block, block_count, container

CONFORMANCE = 0x001E1D
IMAGE_OBJECT = bytes((0, 0, 44, 0, 0, 255))
GROUP = 100
ALL_STATIONS = 0x7F


def ui_client(lower: int | None = GROUP, *, info: int | None = 256, sap: int = 102) -> Channel:
    """A client that speaks in UI frames to the meters of an address, without a link."""
    framing = HdlcFraming(sap, 1, lower, unconfirmed_as_ui=True, max_info_field_length_unconfirmed=info)
    channel = Channel("client", framing)
    channel.negotiate(CONFORMANCE, 0)
    return channel


def meter(*groups: int) -> Channel:
    return Channel("server", HdlcFraming(1, 1, 17, group_addresses=[(1, group) for group in groups]))


def image_block(number: int, length: int = 64) -> ActionRequest:
    parameter = axdr.structure(axdr.double_long_unsigned, axdr.octet_string).encode((number, bytes(length)))
    return ActionRequest(18, IMAGE_OBJECT, 2, parameter, confirmed=False)


def heard(channel: Channel, data: bytes) -> list[Any]:
    """The events of a meter, which must say nothing, without the word that another client speaks."""
    events, out = channel.receive(data)
    if events and isinstance(events[-1], PeerChanged):
        more, reply = channel.receive(b"")
        events, out = [*events[:-1], *more], out + reply
    assert out == b""
    return events


@pytest.mark.proves("hdlc-groups")
@pytest.mark.parametrize(("lower", "destination"), [(17, "individual"), (GROUP, "group")])
def test_many_blocks_in_one_crossing_to_a_meter_or_a_group(lower: int, destination: str) -> None:
    client, server = ui_client(lower), meter(GROUP)
    events = heard(server, client.send_many([image_block(number) for number in range(20)]))
    assert [event.destination for event in events[::2]] == [destination] * 20
    assert [event.parameter for event in events[1::2]] == [
        image_block(number).parameter for number in range(20)
    ]
    assert server.statistics["unconfirmed_received"] == 20
    assert not client.connected


def test_another_group_and_a_meter_without_groups_hear_nothing() -> None:
    data = ui_client().send(image_block(1))
    for server in (meter(), meter(GROUP + 1)):
        assert heard(server, data) == []
        assert server.statistics["unconfirmed_received"] == 0
        assert server.statistics["frames_dropped"] == 1


@pytest.mark.fault("G-01")
@pytest.mark.proves("hdlc-unnamed-stations")
@pytest.mark.parametrize(
    "address",
    [(ALL_STATIONS,), (1, ALL_STATIONS), (ALL_STATIONS, 17), (1, 0x3FFF), (0x3FFF, 0x3FFF)],
)
def test_a_client_does_not_speak_to_all_stations(address: tuple[int, ...]) -> None:
    framing = HdlcFraming(1, *address, unconfirmed_as_ui=True)
    with pytest.raises(ValueError, match="never to all"):
        Channel("client", framing)


def test_all_stations_is_no_group() -> None:
    with pytest.raises(ValueError, match="group address"):
        HdlcFraming(1, 1, 17, group_addresses=[(1, ALL_STATIONS)])
    with pytest.raises(ValueError, match="group address"):
        HdlcFraming(1, 1, 17, group_addresses=[(1, None)])  # of another form than the meter's own


@pytest.mark.parametrize("info", [None, 256, 2030])
def test_the_longest_that_a_ui_frame_carries(info: int | None) -> None:
    room = (info or 128) - 3
    client, server = ui_client(info=info), meter(GROUP)
    overhead = len(client.send(image_block(0))) - 64 - 3 - 12  # LLC, header, check sequences and flags
    length = room - overhead - (2 if room > 256 else 1 if room > 200 else 0)
    assert len(heard(server, client.send(image_block(1, length)))) == 2
    with pytest.raises(LocalProtocolError, match=f"one UI frame, which carries {room}"):
        client.send(image_block(1, length + 1))


def test_one_that_does_not_fit_stops_all_before_the_first_is_sent() -> None:
    client = ui_client()
    with pytest.raises(LocalProtocolError, match="one UI frame"):
        client.send_many([image_block(0), image_block(1, 300)])
    assert client.statistics["octets_sent"] == 0


def test_what_wants_an_answer_needs_a_link() -> None:
    with pytest.raises(LinkError, match="not connected"):
        ui_client().send(GetRequest(*CLOCK_TIME))


def test_a_connected_client_sends_both_ways() -> None:
    client = Channel("client", HdlcFraming(1, 1, 17, unconfirmed_as_ui=True))
    server = meter()
    _, reply = server.receive(client.connect())
    client.receive(reply)
    for channel in (client, server):
        channel.negotiate(CONFORMANCE, 0)
    marked, request = heard(server, client.send(SetRequest(*CLOCK_TIME, b"\x00", confirmed=False)))
    assert (marked.destination, request.class_id) == ("individual", 8)
    server.negotiate(CONFORMANCE, 0)
    events, _ = server.receive(client.send(GetRequest(*CLOCK_TIME)))
    (asked,) = events
    answer = server.send(GetResponse(0, b"\x00", invoke_id_and_priority=asked.invoke_id_and_priority or 0))
    (answered,), _ = client.receive(answer)
    assert isinstance(answered, GetResponse)


def test_a_meter_pushes_in_ui_frames_without_a_link() -> None:
    server = Channel("server", HdlcFraming(1, 1, 17, unconfirmed_as_ui=True))
    server.negotiate(CONFORMANCE, 0)
    client = Channel("client", HdlcFraming(1, 1, 17))
    (event,), _ = client.receive(server.send(DataNotification(1, b"", b"\x00")))
    assert isinstance(event, DataNotification)


# In the sessions and in the simulated meter


def test_a_session_answers_nothing_that_came_in_a_ui_frame() -> None:
    """Not a confirmed request, not an AARQ, not a malformed APDU, not one of a stranger."""
    pair = Pair(PROFILES["none"], hdlc=True)
    pair.associate()
    session = pair.meter.session
    for apdu, reason in [
        ("C001C1 0008 0000010000FF 02 00", "unconfirmed-frame"),
        ("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0", "unconfirmed-frame"),
        ("C10181", "truncated"),
        ("FF", "unexpected-apdu"),
    ]:
        told = pair.meter.events.copy()
        assert pair.meter.receive(ui_frame(apdu)) == b""
        marked, refused = pair.meter.events[len(told) :]
        assert isinstance(marked, UnconfirmedFrame)
        assert refused == RequestRefused(1, reason)
    assert session.state.value == "associated"
    assert pair.get().result == 0, "the link was not disturbed"


def test_an_unconfirmed_request_in_a_ui_frame_is_served() -> None:
    pair = Pair(PROFILES["none"], hdlc=True)
    pair.associate()
    assert pair.meter.receive(ui_frame("C101810008 0000010000FF 02 00 00")) == b""
    assert [type(request) for _, request in pair.meter.requests] == [SetRequest]
    assert pair.get().result == 0


@pytest.mark.proves("hdlc-groups")
def test_a_whole_image_to_a_group_of_meters(tmp_path: Path) -> None:
    """Initiation by each link, blocks once for all in UI frames; who is of another group stores nothing."""
    image = container()
    benches = [
        Bench(PLAIN, "hdlc", hdlc_group_addresses=groups)
        for groups in (((GROUP, None),), ((90, None), (GROUP, None)), ((90, None),))
    ]
    with Journal(tmp_path / "journal") as journal:
        for bench in benches:
            bench.journal = journal
            with bench.client() as management:
                management.action(IMAGE_TRANSFER.image_transfer_initiate(IDENTIFIER, len(image)))
            bench.sleep(20)  # its owner is idle
    lines = [bench.meter.connect("hdlc") for bench in benches]
    framing = HdlcFraming(102, GROUP, unconfirmed_as_ui=True, max_info_field_length_unconfirmed=256)
    client = Channel("client", framing)
    client.negotiate(CONFORMANCE, 0)
    blocks = range(block_count(image))
    data = client.send_many(
        [IMAGE_TRANSFER.image_block_transfer(n, block(image, n)).unconfirmed().request for n in blocks]
    )
    assert [line.receive(data) for line in lines] == [b"", b"", b""]
    stored = [
        sum(bool(bit) for bit in bench.meter.units.firmware.image_store.image_transferred_blocks_status)
        for bench in benches
    ]
    assert stored == [len(blocks), len(blocks), 0]


def ui_frame(apdu: str) -> bytes:
    """Octets in hex, whatever they are, in a UI frame of a client."""
    return frame(0x03, b"\xe6\xe6\x00" + bytes.fromhex(apdu))
