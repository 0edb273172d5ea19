"""Long APDUs in blocks, from peers that do not count, do not end, or send nothing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    AssociationRequest,
    Channel,
    GetRequest,
    InitiateRequest,
    SetRequest,
    WrapperFraming,
)
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.errors import DecodeError, ResponseTimeout
from dlms_fw.session.aare import PROPOSED_CONFORMANCE
from harness import CLOCK_TIME, PROFILES, Responder, server_client, unwrap, wrap
from meter_site import Site

CLOCK = CLOCK_TIME[1]


def octets(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def get_block(number: int, raw: bytes = b"\0", *, last: bool = False, invoke: int = 0xC1) -> bytes:
    """GET.response with datablock."""
    return bytes((0xC4, 2, invoke, last)) + octets(number, 4) + b"\0" + bytes((len(raw),)) + raw


def action_block(number: int, raw: bytes = b"\0", *, last: bool = False, invoke: int = 0xC1) -> bytes:
    """ACTION.response with pblock."""
    return bytes((0xC7, 2, invoke, last)) + octets(number, 4) + bytes((len(raw),)) + raw


LIES: dict[str, list[tuple[int, bytes]]] = {
    "begins at 0": [(0, b"\x09")],
    "begins at 2": [(2, b"\x09")],
    "jumps": [(1, b"\x09"), (3, b"\x02")],
    "repeats": [(1, b"\x09"), (2, b"\x02"), (2, b"\x02")],
    "begins again": [(1, b"\x09"), (2, b"\x02"), (1, b"\x09")],
    "brings nothing": [(1, b"\x09"), (2, b"")],
    "wraps": [(1, b"\x09"), (0xFFFF_FFFF, b"\x02")],
    "has no end": [(number, bytes(100)) for number in range(1, 11)],
}
"""Blocks, by what is wrong with the last of them."""


class TestClient:
    """A meter that lies about its blocks."""

    @staticmethod
    def channel() -> Channel:
        channel = Channel("client", WrapperFraming(1, 1), max_receive_apdu_size=1000)
        channel.negotiate(PROPOSED_CONFORMANCE, 500)
        return channel

    @pytest.mark.fault("C-20")
    @pytest.mark.parametrize("lie", LIES)
    @pytest.mark.parametrize("service", ["get", "action"])
    def test_blocks_out_of_order_end_the_exchange(self, service: str, lie: str) -> None:
        channel = self.channel()
        block = get_block if service == "get" else action_block
        channel.send(GetRequest(*CLOCK_TIME) if service == "get" else ActionRequest(8, CLOCK, 1))
        *good, (number, raw) = LIES[lie]
        for accepted, octets_ in good:
            events, ask = channel.receive(_to_client(block(accepted, octets_)))
            assert events == []
            assert unwrap(ask)[-4:] == octets(accepted, 4), (
                "the next one is asked for by the last one's number"
            )
        with pytest.raises(DecodeError):
            channel.receive(_to_client(block(number, raw)))

    @pytest.mark.fault("C-20")
    def test_the_same_blocks_in_order_are_a_value(self) -> None:
        channel = self.channel()
        channel.send(GetRequest(*CLOCK_TIME))
        value = axdr.octet_string.encode(bytes(range(10)))
        assert channel.receive(_to_client(get_block(1, value[:5])))[0] == []
        (event,), reply = channel.receive(_to_client(get_block(2, value[5:], last=True)))
        assert (event.data, reply) == (value, b"")  # type: ignore[union-attr]

    @pytest.mark.fault("C-20")
    def test_acknowledgements_of_what_was_not_sent_bring_no_block_forward(self) -> None:
        channel = self.channel()
        first = channel.send(SetRequest(*CLOCK_TIME, axdr.octet_string.encode(bytes(1200))))
        assert unwrap(first)[1] == 2, "with first datablock"
        for number in (0, 2, 3, 0xFFFF_FFFF):
            (event,), reply = channel.receive(_to_client(bytes((0xC5, 2, 0xC1)) + octets(number, 4)))
            assert (type(event).__name__, reply) == ("Discarded", b"")
        _, second = channel.receive(_to_client(bytes((0xC5, 2, 0xC1)) + octets(1, 4)))
        assert unwrap(second)[4:8] == octets(2, 4)

    @pytest.mark.fault("C-20")
    def test_blocks_whose_last_never_comes_end_by_the_deadline(self) -> None:
        site = Site("none")
        client = site.client()
        client.connect()
        (connection,) = site.connections
        answers = iter([get_block(1), get_block(2), get_block(3)])
        connection.receive = lambda _: _to_client(next(answers, b""))  # type: ignore[method-assign]
        begin = site.clock.now
        with pytest.raises(ResponseTimeout):
            client.exchange(GetRequest(*CLOCK_TIME))
        assert site.clock.now - begin <= site.profile.request_deadline_s
        assert connection.closed


class TestServer:
    """A client that lies about its blocks; afterwards the meter serves on as if nothing had been."""

    FIRST_SET = bytes.fromhex("C102C1") + bytes((0, 8)) + CLOCK + b"\x02\x00"
    FIRST_ACTION = bytes.fromhex("C304C1") + bytes((0, 8)) + CLOCK + b"\x02"

    @pytest.mark.fault("C-20")
    @pytest.mark.parametrize("lie", [name for name in LIES if name not in {"has no end", "begins again"}])
    @pytest.mark.parametrize("service", ["set", "action"])
    def test_blocks_out_of_order_are_refused(self, service: str, lie: str) -> None:
        meter = self.meter()
        first, choice = (
            (self.FIRST_SET, b"\xc1\x03") if service == "set" else (self.FIRST_ACTION, b"\xc3\x06")
        )
        answers = list(self.send(meter, first, choice + b"\xc1", LIES[lie]))
        *accepted, refused = answers
        assert all(answer[1] == (2 if service == "set" else 4) for answer in accepted), "asks for more"
        if service == "set":
            assert refused[:4] == bytes((0xC5, 3, 0xC1, DataAccessResult.DATA_BLOCK_NUMBER_INVALID))
        else:
            assert refused[:4] == bytes((0xC7, 1, 0xC1, ActionResult.LONG_ACTION_ABORTED))
        assert meter.requests == []
        self.serves(meter)

    @pytest.mark.fault("C-20")
    def test_blocks_without_an_end_have_a_limit(self) -> None:
        meter = self.meter()
        blocks = [(number, bytes(120)) for number in range(1, 1000)]
        answers = list(self.send(meter, self.FIRST_ACTION, b"\xc3\x06\xc1", blocks, stop=True))
        assert 65_536 // 120 - 2 <= len(answers) <= 65_536 // 120 + 1
        assert answers[-1][3] == ActionResult.LONG_ACTION_ABORTED
        self.serves(meter)

    @pytest.mark.fault("C-20")
    def test_a_new_request_ends_the_blocks_before_it(self) -> None:
        meter = self.meter()
        (answer,) = self.send(meter, self.FIRST_SET, b"", [(1, b"\x09")])
        assert answer[1] == 2
        self.serves(meter)
        (stray,) = self.send(meter, bytes.fromhex("C103C1"), b"", [(2, b"\x01\xff")])
        assert stray[:4] == bytes((0xC5, 3, 0xC1, DataAccessResult.DATA_BLOCK_NUMBER_INVALID))
        self.serves(meter)

    @pytest.mark.fault("C-20")
    @pytest.mark.parametrize("number", [0, 2, 0xFFFF_FFFF])
    def test_blocks_of_an_answer_that_are_not_due(self, number: int) -> None:
        meter = self.meter(max_pdu_size=64)
        meter.values[CLOCK_TIME] = axdr.octet_string.encode(bytes(300))
        get = GetRequest(*CLOCK_TIME, invoke_id_and_priority=0xC1).encode()
        assert unwrap(meter.receive(wrap(get)))[1] == 2
        answer = unwrap(meter.receive(wrap(bytes((0xC0, 2, 0xC1)) + octets(number, 4))))
        assert answer[-2:] == bytes((1, DataAccessResult.DATA_BLOCK_NUMBER_INVALID))
        assert unwrap(meter.receive(wrap(get)))[1] == 2

    @staticmethod
    def meter(max_pdu_size: int = 1024) -> Responder:
        meter = Responder({1: server_client(PROFILES["none"])})
        initiate = InitiateRequest(PROPOSED_CONFORMANCE, max_pdu_size).encode()
        assert meter.receive(wrap(AssociationRequest(1, initiate).encode()))
        return meter

    @staticmethod
    def send(
        meter: Responder,
        first: bytes,
        later: bytes,
        blocks: Iterable[tuple[int, bytes]],
        *,
        stop: bool = False,
    ) -> Iterable[bytes]:
        for place, (number, raw) in enumerate(blocks):
            head = later if place else first
            block = b"\0" + octets(number, 4) + bytes((len(raw),)) + raw
            answer = unwrap(meter.receive(wrap(head + block)))
            yield answer
            if stop and answer[1] == 1:
                return

    @staticmethod
    def serves(meter: Responder) -> None:
        answer = unwrap(meter.receive(wrap(GetRequest(*CLOCK_TIME, invoke_id_and_priority=0xC1).encode())))
        assert answer[:4] == bytes.fromhex("C401C100")


def _to_client(apdu: bytes) -> bytes:
    return bytes.fromhex("000100010001") + octets(len(apdu), 2) + apdu if apdu else b""
