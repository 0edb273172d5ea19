"""Questions asked in one GET with a list: what that spares, and meters that do not take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import meters
from dlms_fw._core import GetRequest, GetResponse, RequestList, ResponseList
from dlms_fw.enums import Conformance
from dlms_fw.errors import DecodeError
from dlms_fw.events import Event, LinkLost, Phase, PhaseStarted
from dlms_fw.image import Image
from dlms_fw.session.aare import PROPOSED_CONFORMANCE
from dlms_fw.simulation import CIPHERED, Simulation
from dlms_fw.transfer import LinkFacts, TransferPolicy, TransferState
from dlms_fw.transfer.question_lists import QuestionLists
from scripted_meter import NEW, ScriptedMeter, raw_image, signed_image
from virtual_driver import Cut, Run, drive

LINK = LinkFacts(conformance=Conformance.MULTIPLE_REFERENCES)
IMAGE = raw_image()
SEQUENTIAL = TransferPolicy(strategy="sequential")
SERVICE_NOT_SUPPORTED = 0x1000 | (2 << 8) | 2
RESTART_LOSSES = 2
"""A meter that restarts does not answer image_activate, and takes no connection for a while."""
BUSY = 2
OTHER_REASON = 250


def upgrade(meter: ScriptedMeter, image: Image = IMAGE, link: LinkFacts = LINK) -> Run:
    """An upgrade that reaches its goal; blocks go one by one, so all lists are questions."""
    transfer, run = drive(meter, image, link=link, policy=SEQUENTIAL)
    assert run.error is None
    assert transfer.state is TransferState.DONE
    assert meter.active == [NEW]
    return run


def lists(run: Run) -> list[str]:
    return [name for name in run.requests if name.startswith("list")]


def questions(run: Run) -> list[str]:
    """What was asked, besides blocks."""
    return [name for name in run.requests if name != "image_block_transfer"]


class SomeListMeter(ScriptedMeter):
    """Answers lists of questions in its own way."""

    def __init__(self, answer: Callable[[ScriptedMeter, RequestList, ResponseList], Any]) -> None:
        super().__init__()
        self._answer_to_list = answer

    def _answer_list(self, request: RequestList, now: float) -> Any:
        honest = super()._answer_list(request, now)
        is_of_questions = isinstance(request.items[0], GetRequest)
        return self._answer_to_list(self, request, honest) if is_of_questions else honest


def test_questions_go_together() -> None:
    together = questions(upgrade(ScriptedMeter(), signed_image()))
    assert together == [
        "list of 7",  # active identifier and signature, type, version; block size, enabled, status
        "image_transfer_initiate",
        "image_transfer_status",
        "list of 3",  # status, what has arrived
        "image_verify",
        "list of 2",  # status, what would be activated
        "image_activate",
        "list of 5",  # active identifier and signature, status; the size of the log, the schedule
        "list of 2",  # the newest entries of the log, the schedule
    ]
    alone = questions(upgrade(ScriptedMeter(), signed_image(), LinkFacts()))
    assert len(alone) == 23
    assert not any(name.startswith("list") for name in alone)


@pytest.mark.proves("image-transfer-question-lists")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda meter, request, honest: None, id="nothing"),
        pytest.param(lambda meter, request, honest: GetResponse(OTHER_REASON), id="one result"),
        pytest.param(lambda meter, request, honest: ResponseList(honest.items[:-1]), id="one item less"),
        pytest.param(
            lambda meter, request, honest: ResponseList([*honest.items, honest.items[0]]), id="one item more"
        ),
        pytest.param(
            lambda meter, request, honest: ResponseList([GetResponse(OTHER_REASON)] * len(honest.items)),
            id="each refused",
        ),
    ],
)
def test_a_meter_that_does_not_understand_lists_is_asked_one_by_one(answer: Any) -> None:
    run = upgrade(SomeListMeter(answer))
    assert len(lists(run)) == 1
    assert len(run.of(LinkLost)) <= RESTART_LOSSES + 1


@pytest.mark.proves("image-transfer-question-lists")
@pytest.mark.parametrize("result", [SERVICE_NOT_SUPPORTED, 0x1000 | (1 << 8) | 1, 0x1000 | (1 << 8) | 3])
def test_a_list_answered_by_an_exception_is_the_last_one(result: int) -> None:
    meter = ScriptedMeter()
    meter.lists = result
    run = upgrade(meter)
    assert len(lists(run)) == 1
    assert len(run.of(LinkLost)) == RESTART_LOSSES


def test_what_is_refused_in_a_list_is_asked_alone() -> None:
    def without_last(_: ScriptedMeter, request: RequestList, honest: ResponseList) -> ResponseList:
        return ResponseList([*honest.items[:-1], GetResponse(OTHER_REASON)])

    def without_first(_: ScriptedMeter, request: RequestList, honest: ResponseList) -> ResponseList:
        return ResponseList([GetResponse(OTHER_REASON), *honest.items[1:]])

    # What is asked along is asked again in its own turn, and proves nothing.
    assert len(lists(upgrade(SomeListMeter(without_last)))) > 1
    run = upgrade(SomeListMeter(without_first))
    assert run.requests[:2] == ["list of 4", "identifier"]
    assert len(lists(run)) == 1


def test_a_refusal_in_a_list_that_is_confirmed_alone_makes_later_ones_believed() -> None:
    meter = ScriptedMeter()
    meter.absent = {"signature"}
    run = upgrade(meter, signed_image())
    assert run.requests.count("signature") == 1
    assert len(lists(run)) > 3


def test_what_is_busy_in_a_list_is_asked_again_after_a_pause() -> None:
    meter = ScriptedMeter()
    meter.results["version"].extend([BUSY, BUSY])
    run = upgrade(meter, signed_image())
    assert run.requests[:2] == ["list of 7", "list of 4"]
    assert run.waits


def test_good_answers_that_came_along_do_not_outlast_a_pause() -> None:
    meter = ScriptedMeter()
    meter.status = 5  # somebody else's activation
    asked: list[str] = []

    def ends_soon(true: int) -> int:
        asked.append("status")
        if len(asked) == 2:
            meter.status = 6
        return true

    meter.lies["image_transfer_status"] = ends_soon
    run = upgrade(meter)
    assert run.requests[:3] == ["list of 4", "list of 4", "list of 4"]
    assert len(run.waits) >= 2


@pytest.mark.fault("T-31")
@pytest.mark.parametrize("arrives", [True, False], ids=["answer-lost", "request-lost"])
def test_a_lost_link_at_every_request(*, arrives: bool) -> None:
    undisturbed = upgrade(ScriptedMeter()).requests
    for at in range(len(undisturbed)):
        meter = ScriptedMeter()
        transfer, run = drive(meter, IMAGE, link=LINK, policy=SEQUENTIAL, cuts=[Cut(at, arrives=arrives)])
        assert transfer.state is TransferState.DONE, (at, run.error)
        assert meter.activations == 1
        assert run.requests.count("image_block_transfer") <= 12 + 1
        # Only the first list may have been why the link was lost.
        assert (len(lists(run)) == 1) is (at == 0)


@pytest.mark.fault("T-31")
def test_a_client_killed_at_every_step_goes_on() -> None:
    for steps in range(28):
        meter = ScriptedMeter()
        _, first = drive(meter, IMAGE, link=LINK, policy=SEQUENTIAL, stop_after_steps=steps)
        record = first.saved[-1] if first.saved else None
        transfer, again = drive(meter, IMAGE, link=LINK, policy=SEQUENTIAL, checkpoint=record, start=1_000.0)
        assert transfer.state is TransferState.DONE, (steps, again.error)
        assert meter.activations == 1


def test_a_list_is_no_longer_than_fits() -> None:
    sizes = [(10, 32)] * 7
    assert QuestionLists(LINK).fitting(sizes) == 7
    assert QuestionLists(LINK).fitting(sizes * 2) == 10
    assert QuestionLists(replace(LINK, max_pdu_size=60, client_max_pdu_size=1024)).fitting(sizes) == 1
    assert QuestionLists(replace(LINK, max_pdu_size=200, client_max_pdu_size=110)).fitting(sizes) == 3
    assert QuestionLists(replace(LINK, max_pdu_size=200, ciphering_overhead=40)).fitting(sizes) == 4
    assert QuestionLists(LinkFacts()).fitting(sizes) == 0


# --- Over an association ------------------------------------------------------------------------------------


def test_a_simulated_meter_that_refuses_lists_is_upgraded() -> None:
    meter = Simulation().meter(
        CIPHERED, trusted=(meters.VENDOR_KEY.public_key(),), shortcomings=frozenset({"refuses-lists"})
    )
    with meter.client() as client:
        result = client.upgrade(Image.from_bytes(meters.container()))
    assert (result.outcome, result.link_losses) == ("activated", 0)


def test_new_firmware_that_has_no_lists_is_confirmed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Simulation().meter(CIPHERED, trusted=(meters.VENDOR_KEY.public_key(),))

    def forget_lists(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.ACTIVATE:
            fewer = PROPOSED_CONFORMANCE & ~Conformance.MULTIPLE_REFERENCES
            monkeypatch.setattr("dlms_fw.session.client.proposed_conformance", lambda _: fewer)

    with meter.client() as client:
        result = client.upgrade(Image.from_bytes(meters.container()), on_event=forget_lists)
        assert client.association is not None
        assert Conformance.MULTIPLE_REFERENCES not in client.association.conformance
    assert (result.outcome, result.link_losses) == ("activated", 0)


def test_an_answer_to_a_list_that_cannot_be_decoded_is_outlived(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Simulation().meter(CIPHERED, trusted=(meters.VENDOR_KEY.public_key(),))
    client = meter.client()
    exchange, broken = client.exchange, []

    def of_lists_broken(request: Any) -> Any:
        response = exchange(request)
        if isinstance(request, RequestList) and isinstance(request.items[0], GetRequest):
            broken.append(request)
            raise DecodeError("a list that ends too early", kind="truncated", offset=9)
        return response

    monkeypatch.setattr(client, "exchange", of_lists_broken)
    with client:
        result = client.upgrade(Image.from_bytes(meters.container()))
    assert (result.outcome, result.link_losses, len(broken)) == ("activated", 0, 1)
