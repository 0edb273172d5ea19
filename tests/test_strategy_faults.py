"""Any pattern of lost, refused, repeated and reordered requests: complete in the end, or a typed error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw._core import ActionRequest, ActionResponse, ExceptionResponse, GetRequest, RequestList
from dlms_fw.enums import Conformance
from dlms_fw.errors import TransferError
from dlms_fw.transfer import LinkFacts, Transfer, TransferPolicy, TransferState
from dlms_fw.transfer.link import Medium
from scripted_meter import ScriptedMeter, raw_image
from virtual_driver import Run, finish, transfer_for

BLOCKS = 60
STRATEGIES = ("automatic", "with-list", "pipelined", "general-block-transfer", "unconfirmed")
FATES = (
    "lost request",
    "lost answer",
    "heard twice",
    "temporary failure",
    "other reason",
    "operation not possible",
    "other reason, for all",
    "deciphering error",
    "some refused",
    "forgotten",
)


class Fickle(ScriptedMeter):
    """A meter, and a link to it, that do what a list of fates says, one for each request about blocks."""

    def __init__(self, fates: Iterator[str], transfer_of: list[Transfer]) -> None:
        super().__init__()
        self.fates = fates
        self.transfer_of = transfer_of
        self.may_forget = False
        self.in_list = False

    def answer(self, request: Any, now: float) -> Any:
        if (
            self.in_list
            or self.status != 1
            or (isinstance(request, ActionRequest) and request.method_id != 2)
        ):
            return super().answer(request, now)
        fate = next(self.fates, "")
        match fate:
            case "lost request":
                return None
            case "lost answer":
                self.heard(request, now)
                return None
            case "deciphering error":
                return ExceptionResponse(1, 5)
            case "operation not possible":
                return ExceptionResponse(1, 1)
        if isinstance(request, GetRequest):
            return super().answer(request, now)
        match fate:
            case "other reason, for all":
                return ExceptionResponse(2, 3)
            case "heard twice":
                self.heard(request, now)
            case "temporary failure":
                return ActionResponse(2)
            case "other reason":
                return ActionResponse(250)
            case "forgotten" if isinstance(request, ActionRequest):
                self.may_forget = True
                return ActionResponse(0)
        self.in_list = isinstance(request, RequestList)
        self.most_items = 2 if fate == "some refused" else 127
        answer = super().answer(request, now)
        self.in_list = False
        self.believed_is_true()
        return answer

    def heard(self, request: Any, now: float) -> None:
        self.in_list = True
        super().answer(request, now)
        self.in_list = False

    def hear(self, request: ActionRequest, now: float) -> None:
        fate = next(self.fates, "")
        if fate in {"", "heard twice", "lost answer"}:
            self.in_list = True
            super().hear(request, now)
            self.in_list = False

    def believed_is_true(self) -> None:
        """No block is believed to be here that is not."""
        status = self.transfer_of[0]._job.block_status
        if status is not None and not self.may_forget:
            assert all(number in self.blocks for number in range(len(status)) if status[number])


@settings(max_examples=60, deadline=None)
@given(
    strategy=st.sampled_from(STRATEGIES),
    medium=st.sampled_from(["stream", "datagram", "hdlc"]),
    max_pdu_size=st.sampled_from([0, 120, 300, 1024]),
    fates=st.lists(st.sampled_from(["", "", "", *FATES]), max_size=80),
    last_first=st.booleans(),
    checkpoint_blocks=st.sampled_from([1, 7, 256]),
)
def test_whatever_happens_to_requests(
    strategy: Any,
    medium: Medium,
    max_pdu_size: int,
    fates: list[str],
    checkpoint_blocks: int,
    *,
    last_first: bool,
) -> None:
    transfers: list[Transfer] = []
    meter, image, run = Fickle(iter(fates), transfers), raw_image(64 * BLOCKS - 5), Run()
    meter.answers_the_last_first = last_first
    link = LinkFacts(
        max_pdu_size=max_pdu_size,
        conformance=Conformance.MULTIPLE_REFERENCES | Conformance.GENERAL_BLOCK_TRANSFER,
        medium=medium,
    )
    policy = TransferPolicy(activate="never", strategy=strategy, checkpoint_blocks=checkpoint_blocks)
    transfers.append(transfer_for(run, image, policy, link=link))
    finish(transfers[0], run, meter)
    if run.error is None:
        assert transfers[0].state is TransferState.VERIFIED
        assert meter.holds(image)
    else:
        assert isinstance(run.error, TransferError)
        assert fates, "nothing went wrong"
    assert len(run.requests) < 60 * BLOCKS


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("strategy", ["with-list", "pipelined", "unconfirmed"])
def test_one_fate_at_each_request(strategy: Any, fate: str) -> None:
    image = raw_image(64 * BLOCKS)
    link = LinkFacts(max_pdu_size=300, conformance=Conformance.MULTIPLE_REFERENCES, medium="stream")
    policy = TransferPolicy(activate="never", strategy=strategy)
    for at in range(1, 40, 3):
        transfers: list[Transfer] = []
        meter, run = Fickle(iter([""] * at + [fate]), transfers), Run()
        transfers.append(transfer_for(run, image, policy, link=link))
        finish(transfers[0], run, meter)
        assert run.error is None, at
        assert meter.holds(image)
        assert meter.initiations == 1
