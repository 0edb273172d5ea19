"""Runs of blocks: the same octets on the line as without them, whatever the meter answers."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from benches.joined import joined
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    BlockRun,
    BlockStatus,
    DataNotification,
    ExceptionResponse,
    GetRequest,
    RequestList,
    SetRequest,
)
from dlms_fw.errors import DlmsError, LocalProtocolError
from dlms_fw.events import BlockRetried, Event, LinkLost
from dlms_fw.image import Image
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.transfer import TransferPolicy, strategies
from dlms_fw.transfer.pacing import DepthProbe
from harness import PROFILES, Pair
from meter_site import Line, Site, SiteResponder, WiredMeter, nonces_are_unique
from scripted_meter import raw_image

BLOCKS = 24
IMAGE = raw_image(64 * BLOCKS - 20)
FATES = (
    "temporary failure",
    "refused",
    "exception",
    "notification",
    "damaged",
    "lost",
    "doubled",
    "link cut",
)
SUCCESS, TEMPORARY_FAILURE, READ_WRITE_DENIED = 0, 2, 3


class Scripted(SiteResponder):
    """A connection whose answers to blocks are as the site's script says."""

    site: ScriptedSite

    def receive(self, data: bytes) -> bytes:
        self.site.heard[-1] += data
        events, out = self.session.receive(data)
        for event in events:
            if isinstance(event, GetRequest | SetRequest | ActionRequest | RequestList):
                fate = self.fate(event)
                out += self.bent(self.session.respond(self.answer_as(event, fate)), fate)
        return out

    def fate(self, request: Any) -> str:
        if not isinstance(request, ActionRequest) or (request.class_id, request.method_id) != (18, 2):
            return ""
        self.site.asked += 1
        return self.site.script.get(self.site.asked - 1, "")

    def answer_as(self, request: Any, fate: str) -> Any:
        invoke_id = request.invoke_id_and_priority
        if fate == "temporary failure":
            return ActionResponse(TEMPORARY_FAILURE, invoke_id_and_priority=invoke_id)
        if fate == "refused":
            return ActionResponse(READ_WRITE_DENIED, invoke_id_and_priority=invoke_id)
        return ExceptionResponse(2, 2) if fate == "exception" else self.answer(request)

    def bent(self, octets: bytes, fate: str) -> bytes:
        if fate == "notification" and not self.site.hdlc:
            said = DataNotification(1, b"", b"\x11\x07")
            return self.session.channel.send(said) + octets
        if fate == "damaged":
            return octets[:-2] + bytes((octets[-2] ^ 0x40, octets[-1]))
        if fate == "link cut":
            self.site.line.cut()
        return {"lost": b"", "doubled": octets * 2}.get(fate, octets)


class ScriptedSite(Site):
    """A site that keeps all that its meter hears, one string of octets for each connection."""

    def __init__(self, way: str, script: dict[int, str], **options: Any) -> None:
        super().__init__(way, meter=WiredMeter(), **options)
        self.script = script
        self.asked = 0
        self.heard: list[bytes] = []

    def open(self, deadline: float) -> Line:
        responder = Scripted(self)
        self.connections.append(responder)
        self.heard.append(b"")
        self.line = Line(self, responder)
        return self.line


def outcome(
    way: str, script: dict[int, str], *, hdlc: bool, depth: int, runs: bool, **options: Any
) -> dict[str, Any]:
    """What one upgrade looks like from outside."""
    site = ScriptedSite(way, script, hdlc=hdlc, **options)
    policy = TransferPolicy(
        identifier_octets=6,
        allow_insecure=True,
        activate="never",
        strategy="sequential" if depth == 1 else "pipelined",
        losses_without_progress=3,
        block_runs=runs,
    )
    events: list[Event] = []
    said = ""
    with MemoryJournal() as journal:
        client = site.client(journal, on_notification=events.append)
        try:
            with client:
                result = client.upgrade(IMAGE, policy, on_event=events.append)
                counts = result.blocks_sent, result.bytes, result.retries, result.rounds
                said = f"{result.outcome} {counts}"
        except DlmsError as error:
            said = str(error)
    statistics = client.statistics
    assert site.meter is not None
    return {
        "said": said,
        "heard": site.heard,
        "statistics": statistics,
        "blocks": site.meter.blocks,
        "nonces": nonces_are_unique(site),
        "events": [repr(event) for event in events if isinstance(event, BlockRetried | LinkLost)],
    }


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight requests of one block on their way from the first on: measuring is not what is looked at here."""

    def init(self: DepthProbe, most: int) -> None:
        plain(self, most)
        self.depth, self.settled = min(8, most), True

    plain = DepthProbe.__init__
    monkeypatch.setattr(DepthProbe, "__init__", init)
    monkeypatch.setattr(strategies, "_LIST_OCTETS", 100)


scripts = st.dictionaries(st.integers(0, BLOCKS + 4), st.sampled_from(FATES), max_size=4)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", ["none", "gmac"])
@pytest.mark.parametrize(("hdlc", "depth"), [(False, 1), (False, 8), (True, 1)])
def test_the_meter_hears_the_same_octets(way: str, *, hdlc: bool, depth: int) -> None:
    same_octets(way, hdlc=hdlc, depth=depth, examples=12)


@pytest.mark.soak
@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", ["none", "gmac", "gmac authenticated"])
@pytest.mark.parametrize(("hdlc", "depth"), [(False, 1), (False, 8), (True, 1)])
def test_the_meter_hears_the_same_octets_for_long(way: str, *, hdlc: bool, depth: int) -> None:
    same_octets(way, hdlc=hdlc, depth=depth, examples=500)


def same_octets(way: str, *, hdlc: bool, depth: int, examples: int) -> None:
    """Whatever the meter answers, it hears the same with runs and without."""

    @settings(max_examples=examples, deadline=None)
    @given(scripts)
    def same(script: dict[int, str]) -> None:
        plain = outcome(way, script, hdlc=hdlc, depth=depth, runs=False)
        assert outcome(way, script, hdlc=hdlc, depth=depth, runs=True) == plain

    same()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize(("hdlc", "depth"), [(False, 1), (False, 8), (True, 1)])
def test_each_fate_at_each_block(fate: str, *, hdlc: bool, depth: int) -> None:
    for at in range(0, BLOCKS, 5):
        plain = outcome("gmac", {at: fate}, hdlc=hdlc, depth=depth, runs=False)
        assert outcome("gmac", {at: fate}, hdlc=hdlc, depth=depth, runs=True) == plain, at


class Ends:
    """The two channels of a run, back to back, and an image between them."""

    def __init__(
        self, blocks: int, *, image: Image | None = None, ciphered: bool = True, hdlc: bool = False
    ) -> None:
        self.client, self.meter = joined(ciphered=ciphered, hdlc=hdlc)
        self.image = Image.raw(bytes(range(256)) * blocks, b"RUN001") if image is None else image
        self.blocks = self.image.blocks(256)
        self.status = BlockStatus(blocks)
        self.run = BlockRun(self.blocks, self.status, 18, bytes((0, 0, 44, 0, 0, 255)), 2)
        self.values: list[bytes] = []

    def start(self, *, most: int = 100_000, depth: int = 1) -> bytes:
        return self.run.start(self.client, bound=len(self.blocks), most=most, depth=depth)

    def answer(self, data: bytes) -> bytes:
        events, reply = self.meter.receive(data)
        for event in events:
            assert isinstance(event, ActionRequest)
            assert isinstance(event.parameter, bytes)
            self.values.append(event.parameter[-256:])
            invoke_id = event.invoke_id_and_priority or 0
            reply += self.meter.send(ActionResponse(SUCCESS, invoke_id_and_priority=invoke_id))
        return reply

    def go_on(self, data: bytes, answers: int) -> bytes | None:
        reply: bytes | None = data
        for _ in range(answers):
            assert reply
            reply = self.run.receive(self.answer(reply), 0.0)
        return reply


@pytest.mark.parametrize("hdlc", [False, True])
def test_a_block_leaves_nothing_behind(*, hdlc: bool) -> None:
    ends = Ends(1500, hdlc=hdlc)
    data = ends.go_on(ends.start(), 300)
    ends.values.clear()
    before = sys.getallocatedblocks()
    for _ in range(2):
        assert data
        data = ends.go_on(data, 500)
        ends.values.clear()
        assert sys.getallocatedblocks() - before < 50


def test_an_image_in_a_file_is_read_ahead(tmp_path: Path) -> None:
    octets = random.Random(5).randbytes(256 * 600)
    (tmp_path / "image").write_bytes(octets)
    ends = Ends(600, image=Image.raw_file(tmp_path / "image", b"RUN001"))
    assert ends.go_on(ends.start(depth=3), 200) is None
    assert b"".join(ends.values) == octets
    assert ends.status.complete
    assert (ends.run.sent, ends.run.taken, ends.run.image_octets) == (600, 600, len(octets))


def test_a_run_is_over_when_its_share_is_taken_and_goes_on_in_another() -> None:
    ends = Ends(20)
    data = ends.start(most=6, depth=4)
    assert ends.run.receive(ends.answer(data), 0.0) is None
    assert ends.run.over
    events, reply = ends.run.finish()
    assert events == []
    assert [number for _, number in ends.run.waiting] == [4, 5]
    assert (ends.run.next, ends.run.taken) == (6, 4)
    reply += ends.run.start(ends.client, bound=20, most=100, depth=4)
    assert [number for _, number in ends.run.waiting] == [4, 5, 6, 7]
    assert ends.go_on(reply, 4) is None
    assert ends.status.complete
    assert ends.run.over


def test_deadlines_move_on_with_what_comes() -> None:
    ends = Ends(20)
    run = ends.run
    assert run.deadline == float("inf")
    run.watch(10.0, seconds=3.0, silence_seconds=5.0, busy_seconds=1.0, request_seconds=7.0)
    data = ends.start()
    assert (run.deadline, run.request_deadline) == (15.0, 17.0)
    assert run.receive(b"", 11.0) == b""
    assert (run.deadline, run.request_deadline) == (16.0, 17.0)
    run.wait(12.5)
    assert run.deadline == 17.0, "a block must have been taken by then"
    data = run.receive(ends.answer(data), 12.9) or b""
    assert (run.deadline, run.request_deadline) == (17.9, 19.9)
    assert run.receive(ends.answer(data), 13.1) is None, "its time is over"
    assert (run.taken, run.waiting) == (2, [])
    assert run.finish() == ([], b"")


def test_what_cannot_be_a_run_is_refused() -> None:
    ends = Ends(20)
    for most, depth in ((0, 1), (1, 0), (1, 17)):
        with pytest.raises(ValueError, match="a run has"):
            ends.start(most=most, depth=depth)
    with pytest.raises(ValueError, match="another number"):
        BlockRun(ends.blocks, BlockStatus(19), 18, bytes(6), 2)
    ends.client.negotiate(0, 128)
    with pytest.raises(LocalProtocolError):
        ends.start()
    assert ends.run.sent == 0


def test_counters_are_reserved_before_they_are_used() -> None:
    pair = Pair(PROFILES["gmac"])
    pair.associate()
    blocks = Image.raw(bytes(40_000), b"RUN001").blocks(16)
    status = BlockStatus(len(blocks))
    total = 0
    while not status.complete:
        run = BlockRun(
            blocks, status, 18, bytes((0, 0, 44, 0, 0, 255)), 2, start=status.first_not_transferred
        )
        data: bytes | None = pair.session.start_run(run, bound=len(blocks), most=1000, depth=1)
        while data:
            data = run.receive(pair.meter.receive(data), 0.0)
        assert pair.session.finish_run(run) == ([], b"")
        total += run.taken
    assert total == 2500
    assert max(pair.meter.counters.history) < pair.client_counters.reserved_to
