"""Clients that upgrade wrongly, each in one way, alone or in groups; by the conformance case about it."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw.multicast.sender import GroupClient
from dlms_fw.transfer.identify import ActiveFirmware
from dlms_fw.transfer.table import START, Outcome, Ownership
from mutants_of_reception import Mutation, check_of_meter_forgotten, everything_is_good

Patch = pytest.MonkeyPatch
NONE, OURS, ORDERED = Ownership.NONE, Ownership.OURS, Ownership.ORDERED


def begins(whose: Ownership, status: int, outcome: Outcome) -> Mutation:
    """What is found in the meter means something else to the client."""

    def mutate(patch: Patch) -> None:
        changed = {each: dict(row) for each, row in START.items()}
        changed[whose][status] = outcome
        patch.setattr("dlms_fw.transfer.prepare.START", changed)

    return mutate


def believes_no_activation(patch: Patch) -> None:
    patch.setattr(ActiveFirmware, "is_image", lambda self: False)


def any_address_is_a_group(patch: Patch) -> None:
    patch.setattr("dlms_fw.multicast.group.is_group", lambda host: True)


def anything_goes_to_a_group(patch: Patch) -> None:
    patch.setattr("dlms_fw.multicast.sender.is_block", lambda message: True)


def answers_of_a_group_are_not_seen(patch: Patch) -> None:
    async def nothing(self: GroupClient) -> None:
        """Not even a look."""

    patch.setattr(GroupClient, "_ignore_answers", nothing)


MUTANTS: list[tuple[str, Mutation | dict[str, Any]]] = [
    ("IT-40", begins(NONE, 0, Outcome.REFUSED)),
    ("IT-41", begins(NONE, 1, Outcome.OK)),
    ("IT-41", begins(OURS, 1, Outcome.OK)),
    ("IT-42", begins(OURS, 2, Outcome.OK)),
    ("IT-43", begins(NONE, 3, Outcome.OK)),
    ("IT-43", begins(OURS, 3, Outcome.OK)),
    ("IT-44", begins(OURS, 4, Outcome.REFUSED)),
    ("IT-45", begins(ORDERED, 5, Outcome.REFUSED)),
    ("IT-45", begins(NONE, 5, Outcome.REFUSED)),
    ("IT-46", begins(NONE, 6, Outcome.REFUSED)),
    ("IT-46", believes_no_activation),
    ("IT-47", begins(Ownership.UNSENT, 7, Outcome.REFUSED)),
    ("AC-30", believes_no_activation),
    ("MC-04", any_address_is_a_group),
    ("MC-05", check_of_meter_forgotten),
    ("MC-08", everything_is_good),
    ("MC-09", anything_goes_to_a_group),
    ("MC-11", answers_of_a_group_are_not_seen),
]
