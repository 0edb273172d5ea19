"""Each way to send blocks, from end to end: over every framing and protection, and where it is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, get_args

import pytest

from dlms_fw.enums import Conformance
from dlms_fw.errors import TransferIncomplete
from dlms_fw.events import Event, GapsFound, StrategyChosen
from dlms_fw.image import Image
from dlms_fw.meter.connection import Framing
from dlms_fw.profiles import Profile
from dlms_fw.transfer import Elsewhere, LinkFacts, Save, TransferPolicy, TransferResult
from dlms_fw.transfer.strategies import WANTED, Means, StrategyName, choose
from meter_bench import GMAC, LLS, PLAIN, Bench
from meters import container
from scripted_meter import ScriptedMeter, raw_image
from virtual_driver import Cut, Run, drive, finish, transfer_for

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
        ("automatic", LinkFacts(medium="hdlc"), "sequential"),
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


@pytest.mark.proves("image-transfer-strategies")
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


@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize("strategy", ["automatic", "with-list", "unconfirmed"])
def test_by_short_names(strategy: Any) -> None:
    bench = Bench(replace(PLAIN, referencing="short-name"))
    image = Image.from_bytes(container(blocks=40))
    result, _ = upgrade(bench, image, strategy=strategy)
    assert result.strategy == ("with-list" if strategy == "automatic" else strategy)
    assert (result.blocks_sent, result.retries) == (result.blocks_total, 0)


@pytest.mark.proves("image-transfer-strategies")
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("max_pdu_size", [200, 512])
def test_lists_in_general_blocks(framing: Framing, max_pdu_size: int) -> None:
    profile = replace(GMAC, max_pdu_size=max_pdu_size, general_block_transfer="when-needed")
    image = Image.from_bytes(container(blocks=40))
    result, _ = upgrade(Bench(profile, framing), image, strategy="general-block-transfer")
    assert result.strategy == "general-block-transfer"
    assert (result.blocks_sent, result.retries) == (result.blocks_total, 0)


async def _async_upgrade(bench: Bench, image: Image, policy: TransferPolicy) -> TransferResult:
    async with bench.async_client() as client:
        return await client.upgrade(image, policy)


@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize("strategy", ["with-list", "pipelined", "unconfirmed"])
def test_the_asyncio_client(strategy: Any) -> None:
    image = Image.from_bytes(container(blocks=40))
    policy = TransferPolicy(allow_insecure=True, strategy=strategy)
    result = asyncio.run(_async_upgrade(Bench(GMAC), image, policy))
    assert result.strategy == strategy
    assert (result.blocks_sent, result.retries) == (result.blocks_total, 0)


@pytest.mark.proves("image-transfer-fallback-strategy")
@pytest.mark.usefixtures("meter_journal")
@pytest.mark.parametrize(
    ("shortcomings", "strategy", "used"),
    [
        ({"no-lists"}, "with-list", "sequential"),
        ({"refuses-lists"}, "with-list", "sequential"),
        ({"refuses-lists"}, "pipelined", "pipelined"),
        ({"one-at-a-time"}, "pipelined", "with-list"),
        ({"one-at-a-time", "refuses-lists"}, "automatic", "sequential"),
        ({"ignores-unconfirmed"}, "unconfirmed", "with-list"),
        ({"ignores-unconfirmed", "no-lists"}, "unconfirmed", "sequential"),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_meter_that_falls_short(
    shortcomings: set[Any], strategy: Any, used: str, *, asynchronous: bool
) -> None:
    bench = Bench(GMAC, shortcomings=frozenset(shortcomings))
    image = Image.from_bytes(container(blocks=120))
    policy = TransferPolicy(allow_insecure=True, strategy=strategy)
    if asynchronous:
        result = asyncio.run(_async_upgrade(bench, image, policy))
    else:
        result, _ = upgrade(bench, image, strategy=strategy)
    assert (result.outcome, result.strategy) == ("activated", used)


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


@pytest.mark.parametrize("policy", ["pipelined", "automatic"])
def test_a_meter_that_keeps_one_request_only(policy: Any) -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 60)
    meter.most_waiting = 1
    transfer, run = drive(
        meter, image, TransferPolicy(activate="never", strategy=policy), link=LinkFacts(medium="stream")
    )
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == "sequential"
    assert transfer.result.link_losses == 1
    assert [event.strategy for event in run.of(StrategyChosen)] == ["pipelined", "sequential"]


def test_a_meter_that_answers_in_another_order() -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 60)
    meter.answers_the_last_first = True
    transfer, run = drive(
        meter, image, TransferPolicy(activate="never", strategy="pipelined"), link=LinkFacts(medium="stream")
    )
    assert meter.holds(image)
    assert transfer.result is not None
    assert (transfer.result.strategy, transfer.result.link_losses) == ("sequential", 0)
    assert transfer.result.blocks_sent == 60
    assert "another order" in run.of(StrategyChosen)[-1].why


@pytest.mark.parametrize("strategy", ["unconfirmed", "automatic"])
def test_a_meter_that_ignores_what_it_shall_not_answer(strategy: Any) -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 60)
    meter.hears_unconfirmed = False
    transfer, run = drive(
        meter, image, TransferPolicy(activate="never", strategy=strategy), link=LinkFacts(medium="datagram")
    )
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == "sequential"
    assert run.requests.count("unconfirmed image_block_transfer") == 8


@pytest.mark.proves("image-transfer-fallback-strategy")
@pytest.mark.parametrize("seconds", [0.001, 0.004, 0.02, 0.1])
def test_a_meter_that_drops_blocks_while_it_writes(seconds: float) -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 600)
    meter.seconds_per_block = seconds
    transfer, _ = drive(
        meter, image, TransferPolicy(activate="never", strategy="unconfirmed"), link=LinkFacts()
    )
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == "unconfirmed"
    assert transfer.result.blocks_sent < 600 * 1.2


def test_losses_of_unconfirmed_blocks_are_no_failure() -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 300)
    meter.drops.update(dict.fromkeys(range(0, 300, 9), 4))
    policy = TransferPolicy(activate="never", strategy="unconfirmed", block_rounds=1, block_tries=1)
    transfer, _ = drive(meter, image, policy, link=LinkFacts())
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == "unconfirmed"
    assert transfer.result.rounds == 0


@pytest.mark.parametrize("absent", ["first", "bits", "both"])
def test_unconfirmed_blocks_need_a_meter_that_tells_what_it_has(absent: str) -> None:
    meter, image = ScriptedMeter(), raw_image(64 * 60)
    if absent != "bits":
        meter.absent.add("image_first_not_transferred_block_number")
    if absent != "first":
        meter.absent.add("image_transferred_blocks_status")
    meter.drops.update({7: 1, 30: 2})
    transfer, _ = drive(
        meter, image, TransferPolicy(activate="never", strategy="unconfirmed"), link=LinkFacts()
    )
    assert meter.holds(image)
    assert transfer.result is not None
    assert transfer.result.strategy == ("sequential" if absent == "both" else "unconfirmed")


STRATEGIES = ("with-list", "pipelined", "unconfirmed")
ANY = LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES, medium="stream", max_pdu_size=300)


@pytest.mark.fault("T-11")
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("arrives", [False, True])
def test_the_link_breaks_at_every_request(strategy: Any, *, arrives: bool) -> None:
    policy, image = TransferPolicy(activate="never", strategy=strategy), raw_image(64 * 40)
    _, whole = drive(ScriptedMeter(), image, policy, link=ANY)
    for at in range(8, len(whole.requests)):
        meter = ScriptedMeter()
        transfer, run = drive(meter, image, policy, link=ANY, cuts=[Cut(at, arrives=arrives)])
        assert run.error is None, at
        assert meter.holds(image)
        assert meter.initiations == 1
        assert transfer.result is not None
        assert transfer.result.blocks_sent <= 40 + 40


class Killed(Exception):
    """The client is no more."""


def killed() -> None:
    raise Killed


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_client_dies_anywhere_and_no_block_was_beyond_the_bound(strategy: Any) -> None:
    policy = TransferPolicy(activate="never", strategy=strategy, checkpoint_blocks=5)
    image = raw_image(64 * 40)
    _, whole = drive(ScriptedMeter(), image, policy, link=ANY)
    for at in range(1, len(whole.requests)):
        meter, run = ScriptedMeter(), Run()
        with pytest.raises(Killed):
            finish(
                transfer_for(run, image, policy, link=ANY),
                run,
                meter,
                cuts=[Cut(at, arrives=True, effect=killed)],
            )
        last = run.saved[-1] if run.saved else None
        had = set(meter.blocks)
        if had:
            assert last is not None
            assert max(had) < last.blocks_bound
        transfer, again = drive(meter, image, policy, link=ANY, checkpoint=last, start=100.0)
        assert again.error is None, at
        assert meter.holds(image)
        assert transfer.result is not None
        assert transfer.result.blocks_sent <= 40 - len(had)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_link_that_is_lost_whenever_much_is_sent(strategy: Any) -> None:
    """It is sent in smaller and smaller pieces, until it gets through."""
    meter, image = ScriptedMeter(), raw_image(64 * 40)
    transfer, run = drive(
        meter,
        image,
        TransferPolicy(activate="never", strategy=strategy, losses_without_progress=20),
        link=ANY,
        cuts=[Cut(at, arrives=False) for at in range(9, 60)],
    )
    assert run.error is not None or meter.holds(image)
    assert transfer.state is not None


# --- Blocks from elsewhere ----------------------------------------------------------------------------------


def from_elsewhere(meter: ScriptedMeter, image: Image, rounds: list[set[int]], then: Any) -> Any:
    """A transfer whose blocks come by another way, some of them in each round."""
    run = Run()
    transfer = transfer_for(run, image, TransferPolicy(activate="never", strategy="elsewhere"))
    for arriving in rounds:
        asked = drive_until_elsewhere(transfer, run, meter)
        assert asked.missing
        assert run.saved[-1].blocks_bound == 12
        for number in arriving:
            meter.blocks[number] = image.data[64 * number : 64 * (number + 1)]
        if then is not None:
            transfer.use_strategy(then)
        transfer.handle_sent(run.seconds)
    finish(transfer, run, meter, start=run.seconds)
    return transfer, run


def drive_until_elsewhere(transfer: Any, run: Run, meter: ScriptedMeter) -> Elsewhere:
    while not isinstance(asked := transfer.next_request(run.seconds), Elsewhere):
        run.seconds += 0.1
        if isinstance(asked, Save):
            run.saved.append(asked.checkpoint)
        else:
            transfer.handle_response(meter.answer(asked, run.seconds), run.seconds)
    return asked


def test_blocks_from_elsewhere_and_the_rest_by_another_strategy() -> None:
    meter, image = ScriptedMeter(), raw_image()
    transfer, run = from_elsewhere(meter, image, [set(range(12)) - {3, 7}], "sequential")
    assert meter.holds(image)
    assert transfer.result.blocks_sent == 2
    assert run.of(GapsFound)[0].runs == ((3, 1), (7, 1))


def test_blocks_from_elsewhere_in_several_rounds() -> None:
    meter, image = ScriptedMeter(), raw_image()
    transfer, _ = from_elsewhere(meter, image, [{1, 2, 5}, {0}, set(range(3, 12))], None)
    assert meter.holds(image)
    assert transfer.result.blocks_sent == 0
    assert transfer.result.strategy == "elsewhere"


def test_blocks_that_never_come_from_elsewhere_end_it() -> None:
    meter, image, run = ScriptedMeter(), raw_image(), Run()
    transfer = transfer_for(run, image, TransferPolicy(activate="never", strategy="elsewhere"))
    for _ in range(2):
        drive_until_elsewhere(transfer, run, meter)
        transfer.handle_sent(run.seconds)
    with pytest.raises(TransferIncomplete, match="by the other way"):
        drive_until_elsewhere(transfer, run, meter)
