"""Each way to send blocks, from end to end: over every framing and protection, and where it is refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from dlms_fw.enums import Conformance
from dlms_fw.events import Event, StrategyChosen
from dlms_fw.image import Image
from dlms_fw.meter.meter import Framing
from dlms_fw.profiles import Profile
from dlms_fw.transfer import LinkFacts, TransferPolicy, TransferResult
from dlms_fw.transfer.strategies import WANTED, Means, StrategyName, choose
from meter_bench import GMAC, LLS, PLAIN, Bench
from meters import container
from scripted_meter import ScriptedMeter, raw_image
from virtual_driver import drive

pytest_plugins = ["meter_fixtures"]

NEVER = TransferPolicy(activate="never")
LISTS = LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES, medium="stream", max_pdu_size=1024)


# --- The choice ---------------------------------------------------------------------------------------------


def test_the_names_that_may_be_asked_for() -> None:
    assert ("automatic", *get_args(StrategyName)) == WANTED


@pytest.mark.parametrize(
    ("wanted", "link", "name"),
    [
        ("automatic", LinkFacts(), "sequential"),
        ("automatic", LinkFacts(medium="stream"), "pipelined"),
        ("automatic", LinkFacts(medium="stream", short_names=True), "sequential"),
        ("automatic", LinkFacts(medium="datagram"), "unconfirmed"),
        ("automatic", LinkFacts(medium="hdlc"), "unconfirmed"),
        ("automatic", LinkFacts(medium="hdlc", conformance=Conformance.MULTIPLE_REFERENCES), "with-list"),
        ("with-list", LISTS, "with-list"),
        ("with-list", LinkFacts(medium="stream"), "sequential"),
        ("pipelined", LISTS, "pipelined"),
        ("pipelined", LinkFacts(medium="hdlc"), "sequential"),
        ("pipelined", LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES, medium="hdlc"), "with-list"),
        ("unconfirmed", LISTS, "unconfirmed"),
        ("unconfirmed", LinkFacts(short_names=True), "sequential"),
        ("general-block-transfer", LISTS, "with-list"),
        ("elsewhere", LinkFacts(), "elsewhere"),
    ],
)
def test_what_a_link_allows(wanted: Any, link: LinkFacts, name: str) -> None:
    choice = choose(wanted, link, 64)
    assert choice.strategy.name == name
    assert choice.why


@pytest.mark.parametrize("block_size", [1, 64, 126, 127, 128, 255, 256, 1000])
@pytest.mark.parametrize("max_pdu_size", [0, 300, 1024, 2048, 65535])
def test_a_list_fits_the_pdu_size_that_was_negotiated(block_size: int, max_pdu_size: int) -> None:
    link = LinkFacts(
        conformance=Conformance.MULTIPLE_REFERENCES, max_pdu_size=max_pdu_size, ciphering_overhead=20
    )
    blocks = choose("with-list", link, block_size).strategy.blocks_per_request
    if blocks > 1 and max_pdu_size:
        assert link.list_octets(block_size, blocks) <= max_pdu_size
    assert blocks <= 127


def test_what_was_refused_is_not_chosen_again() -> None:
    refused = {Means.AHEAD: "no answers", Means.LISTS: "refused"}
    choice = choose("automatic", LISTS, 64, refused=refused)
    assert choice.strategy.name == "sequential"
    assert "no answers" in choice.why


# --- Whole upgrades -----------------------------------------------------------------------------------------


def upgrade(bench: Bench, image: Image, **policy: Any) -> tuple[TransferResult, list[Event]]:
    events: list[Event] = []
    with bench.client() as client:
        result = client.upgrade(image, TransferPolicy(allow_insecure=True, **policy), on_event=events.append)
    region = f"part-1.bank-{bench.meter.units.firmware.memory.state.parts[1].running}"
    assert bench.medium.read(region, 0, len(image.data)) == image.data
    return result, events


@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, LLS, GMAC], ids=["none", "lls", "gmac"])
@pytest.mark.parametrize("strategy", ["automatic", "sequential", "with-list", "pipelined", "unconfirmed"])
def test_every_strategy_brings_the_image(profile: Profile, framing: Framing, strategy: Any) -> None:
    bench = Bench(profile, framing)
    image = Image.from_bytes(container(blocks=40))
    result, events = upgrade(bench, image, strategy=strategy)
    (chosen,) = [event for event in events if isinstance(event, StrategyChosen)]
    assert result.strategy == chosen.strategy
    assert (result.blocks_sent, result.retries, result.rounds) == (result.blocks_total, 0, 0)
    if framing == "wrapper" and strategy != "automatic":
        assert result.strategy == strategy


# --- A meter that refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [0x1102, 0x1103, 0x1203, 250, 11])
def test_a_meter_that_refuses_lists_gets_one_block_after_the_other(answer: int) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.lists = answer
    transfer, run = drive(meter, image, TransferPolicy(activate="never", strategy="with-list"), link=LISTS)
    assert meter.holds(image)
    assert run.requests.count("list of 12") == 1
    assert transfer.result is not None
    assert transfer.result.strategy == "sequential"
    assert [event.strategy for event in run.of(StrategyChosen)] == ["with-list", "sequential"]


@pytest.mark.parametrize("answer", [2, 0x1101])
def test_a_meter_that_is_busy_with_every_list(answer: int) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.lists = answer
    transfer, _ = drive(meter, image, TransferPolicy(activate="never", strategy="with-list"), link=LISTS)
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == "sequential"


@pytest.mark.parametrize("most", [1, 3, 11])
def test_a_meter_that_takes_the_first_items_only(most: int) -> None:
    meter, image = ScriptedMeter(), raw_image()
    meter.most_items = most
    transfer, run = drive(meter, image, TransferPolicy(activate="never", strategy="with-list"), link=LISTS)
    assert run.error is None
    assert meter.holds(image)
    assert transfer.result is not None
