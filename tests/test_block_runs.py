"""Runs of blocks: the same octets on the line as without them, whatever the meter answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    DataNotification,
    ExceptionResponse,
    GetRequest,
    RequestList,
    SetRequest,
)
from dlms_fw.errors import DlmsError
from dlms_fw.events import BlockRetried, Event, LinkLost
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.transfer import TransferPolicy, strategies
from dlms_fw.transfer.pacing import DepthProbe
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
    @settings(max_examples=12, deadline=None)
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
