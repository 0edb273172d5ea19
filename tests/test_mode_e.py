"""The sign-on of mode E as two machines: what is said, at which rate, and what goes wrong."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.transports.echo import EchoFilter
from dlms_fw.transports.mode_e import (
    Action,
    Line,
    Listen,
    ModeEClient,
    ModeEMeter,
    Pause,
    Ready,
    Send,
    State,
    Switch,
    check_baud,
    parse_identification,
)

FASTEST = Line(baud=19_200)
SEVEN = {"data_bits": 7, "parity": "even"}
IDENTIFICATION = b"/MTC5\\2MCS301\r\n"


def client(**options: Any) -> ModeEClient:
    return ModeEClient(FASTEST, **options)


def without_waits(actions: list[Action]) -> list[Action]:
    return [action for action in actions if not isinstance(action, Listen | Pause)]


def play(one: ModeEClient, other: ModeEMeter) -> tuple[list[Action], list[Action]]:
    """Both machines on one line, each with a record of what it did; what is said is heard at once."""
    records: tuple[list[Action], list[Action]] = ([], [])
    machines: tuple[Any, Any] = (one, other)
    pending = {0: machines[0].start(), 1: machines[1].start()}
    for _ in range(50):
        heard: dict[int, bytes] = {0: b"", 1: b""}
        for side, actions in pending.items():
            records[side].extend(actions)
            for action in actions:
                if isinstance(action, Send):
                    heard[1 - side] += action.octets
        pending = {}
        for side, octets in heard.items():
            if octets and machines[side].state is not State.READY:
                pending[side] = machines[side].receive(octets)
        if not pending:
            return records
    raise AssertionError("they never end")


@pytest.mark.proves("mode-e")
@pytest.mark.parametrize("software_parity", [False, True])
def test_both_ends_meet_at_the_fastest_rate_that_both_have(software_parity: bool) -> None:
    one = client(software_parity=software_parity)
    other = ModeEMeter(9600, software_parity=software_parity)
    ours, theirs = play(one, other)
    text = {} if software_parity else SEVEN
    wire = [action.octets for action in ours if isinstance(action, Send)]
    assert [bytes(octet & 0x7F for octet in octets) for octets in wire] == [b"/?!\r\n", b"\x06252\r\n"]
    if software_parity:
        assert all(octet.bit_count() % 2 == 0 for octets in wire for octet in octets)
    lines = [action.line for action in ours if isinstance(action, Switch)]
    assert lines == [Line(baud=300, **text), Line(baud=9600, **text), Line(baud=9600)]  # type: ignore[arg-type]
    assert [action.line for action in theirs if isinstance(action, Switch)] == lines
    assert isinstance(ours[-1], Ready)
    assert isinstance(theirs[-1], Ready)
    assert one.identification is not None
    assert (one.identification.manufacturer, one.identification.text) == ("MTC", "MCS301")


@pytest.mark.parametrize(
    ("octets", "baud", "text", "quick", "hdlc"),
    [
        (b"/MTC5\\2MCS301\r\n", 9600, "MCS301", False, True),
        (b"/LGz6\\2ZMD4054407.B32\r\n", 19_200, "ZMD4054407.B32", True, True),
        (b"/ISK5MT174-0001\r\n", 9600, "MT174-0001", False, False),
        (b"/ABC4\\@\\2X\r\n", 4800, "X", False, True),
        (b"\xff\x00?/MTC0\\2\r\n", 300, "", False, True),
        (bytes(octet | 0x80 for octet in b"/MTC5\\2MCS301\r\n"), 9600, "MCS301", False, True),
    ],
)
def test_identifications(octets: bytes, baud: int, text: str, quick: bool, hdlc: bool) -> None:
    found = parse_identification(octets)
    assert found is not None
    assert (found.baud, found.text, found.is_quick, found.has_hdlc) == (baud, text, quick, hdlc)


def test_without_a_confirmation_hdlc_begins_all_the_same() -> None:
    machine = client()
    machine.start()
    machine.receive(IDENTIFICATION)
    assert machine.state is State.SELECTING
    assert machine.handle_silence() == [Switch(Line(baud=9600)), Ready(b"")]


@pytest.mark.fault("L-21")
@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=9)), min_size=1, max_size=5),
    st.data(),
)
def test_an_echo_is_taken_out_however_it_comes_in_pieces(
    exchanges: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    line = EchoFilter()
    for said, answer in exchanges:
        line.sent(said)
        heard, rest = b"", said + answer
        while rest:
            length = data.draw(st.integers(1, len(rest)))
            heard += line.received(rest[:length])
            rest = rest[length:]
        assert heard == answer
    assert line.echoes


def test_a_line_without_an_echo_stays_as_it_is() -> None:
    line = EchoFilter()
    line.sent(b"~SNRM~")
    assert line.received(b"~S") == b""  # might be one
    assert line.received(b"ame beginning~") == b"~Same beginning~"
    assert line.echoes is False
    line.sent(b"~RR~")
    assert line.received(b"~RR~") == b"~RR~"


@pytest.mark.fault("L-21")
def test_a_disturbed_echo_is_handed_on_and_the_next_one_taken_out() -> None:
    line = EchoFilter()
    line.sent(b"~SNRM~")
    assert line.received(b"~SNRM~") == b""
    line.sent(b"~I~")
    assert line.received(b"~\xff~answer") == b"~\xff~answer"
    line.sent(b"~RR~")
    assert line.received(b"~RR~more") == b"more"


@pytest.mark.fault("L-21")
@given(noise=st.binary(max_size=600).filter(lambda octets: b"/" not in bytes(o & 0x7F for o in octets)))
def test_noise_before_the_identification_is_no_matter(noise: bytes) -> None:
    machine = client()
    machine.start()
    machine.receive(noise)
    machine.receive(IDENTIFICATION[:5])
    machine.receive(IDENTIFICATION[5:])
    assert machine.state is State.SELECTING


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_whatever_comes_is_answered_or_refused_with_our_error(pieces: list[bytes]) -> None:
    for machine in (client(), ModeEMeter()):
        machine.start()
        with contextlib.suppress(TransportError):
            for octets in pieces:
                assert isinstance(machine.receive(octets)[-1], Listen | Ready)


@pytest.mark.fault("L-21")
def test_silence_is_asked_again_a_few_times() -> None:
    machine = client(retries=2)
    machine.start()
    for _ in range(2):
        assert machine.handle_silence()[0] == Send(b"/?!\r\n")
    with pytest.raises(TransportError, match="nobody identifies itself") as caught:
        machine.handle_silence()
    assert caught.value.code == "transport.mode-e.no-answer"


def test_a_meter_without_hdlc_and_one_that_refuses() -> None:
    machine = client()
    machine.start()
    with pytest.raises(TransportError, match="ISK MT174 does not offer HDLC"):
        machine.receive(b"/ISK5MT174\r\n")
    machine = client()
    machine.start()
    machine.receive(IDENTIFICATION)
    with pytest.raises(TransportError, match="refuses"):
        machine.receive(b"\x15")


def test_the_rate_is_the_slower_ones() -> None:
    machine = ModeEClient(Line(baud=2400))
    machine.start()
    assert Send(b"\x06232\r\n") in machine.receive(IDENTIFICATION)


def test_a_meter_answers_to_its_address_and_to_nobodys() -> None:
    for device, answers in [(b"", True), (b"12", True), (b"0012", True), (b"13", False)]:
        machine = ModeEMeter(device="12")
        machine.start()
        said = without_waits(machine.receive(b"/?" + device + b"!\r\n"))
        assert bool(said) == answers
    assert ModeEClient(FASTEST, device="12").start()[1] == Send(b"/?12!\r\n")


def test_a_meter_returns_when_nothing_or_something_else_is_chosen() -> None:
    for choice in (None, b"\x06050\r\n", b"\x06262\r\n"):
        machine = ModeEMeter(9600)
        machine.start()
        machine.receive(b"/?!\r\n")
        actions = machine.handle_silence() if choice is None else machine.receive(choice)
        assert machine.state is State.IDLE
        assert actions[0] == Switch(Line(baud=300, **SEVEN))  # type: ignore[arg-type]


def test_a_meter_that_does_not_confirm() -> None:
    machine = ModeEMeter(9600, confirms=False)
    machine.start()
    machine.receive(b"/?!\r\n")
    assert not any(isinstance(action, Send) for action in machine.receive(b"\x06252\r\n"))


def test_rates() -> None:
    assert check_baud(19_200) == "6"
    with pytest.raises(ConfigurationError, match="no 14400 baud"):
        check_baud(14_400)
