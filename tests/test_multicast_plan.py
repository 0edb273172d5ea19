"""Blocks to a group, without any meter: what is sent, who is asked, and when unicast does the rest."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import dlms_fw.multicast
from dlms_fw.multicast.distribution import (
    TRANSITIONS,
    Distribution,
    FillAlone,
    GroupState,
    LookAt,
    SendBlocks,
)
from dlms_fw.multicast.estimates import Costs, blind_passes, expected_seconds, group_is_cheaper
from dlms_fw.multicast.pace import Pace
from dlms_fw.multicast.policy import MulticastPolicy

PLC = Costs(block=0.08, look=0.25, exchange=0.25, detail=0.25)
RS485 = Costs(block=0.0161, look=0.03, exchange=0.03, detail=0.03)


@dataclass
class Crowd:
    """Members that lose blocks at random, and a group that is sent to."""

    blocks: int
    losses: list[float]
    policy: MulticastPolicy = field(default_factory=MulticastPolicy)
    seed: int = 1
    block_seconds: float = 0.08
    busy_until_pause: float = 0.0
    deaf: frozenset[int] = frozenset()
    away: frozenset[int] = frozenset()
    alone: list[int] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.missing = [set(range(self.blocks)) for _ in self.losses]
        self.distribution: Distribution[int] = Distribution(self.blocks, self.policy)
        for member in range(len(self.losses)):
            self.distribution.join(member, ((0, self.blocks),))
        self.seconds = 0.0

    def run(self, most_orders: int = 500) -> None:
        for _ in range(most_orders):
            order = self.distribution.next_order()
            if order is None:
                return
            if isinstance(order, SendBlocks):
                self.pauses.append(order.pause_seconds)
                self.send(order)
            elif isinstance(order, LookAt):
                for member in order.members:
                    self.look(member)
                self.distribution.handle_looked()
            else:
                assert isinstance(order, FillAlone)
                self.alone += order.members
                self.distribution.handle_filled()
        raise AssertionError("no end")

    def send(self, order: SendBlocks) -> None:
        for member, loss in enumerate(self.losses):
            if member in self.deaf:
                continue
            too_fast = 0.5 if order.pause_seconds < self.busy_until_pause else 0.0
            for number in order.numbers:
                if self.chance.random() >= max(loss, too_fast):
                    self.missing[member].discard(number)
        took = len(order.numbers) * (self.block_seconds + order.pause_seconds)
        self.seconds += took
        self.distribution.handle_sent(took)

    def look(self, member: int) -> None:
        if member in self.away:
            return
        self.seconds += 0.25
        self.distribution.measured(look_seconds=0.25, exchange_seconds=0.25)
        self.distribution.handle_missing(member, [(number, 1) for number in sorted(self.missing[member])])
        if not self.missing[member]:
            self.distribution.leave(member)


def test_every_outcome_leads_somewhere() -> None:
    assert {state for moves in TRANSITIONS.values() for state, _ in moves.values()} <= set(GroupState)
    assert set(TRANSITIONS) == set(GroupState) - {GroupState.DONE}


@pytest.mark.parametrize(
    ("members", "costs", "loss", "passes"),
    [
        (1, PLC, 0.05, 1),
        (10, PLC, 0.05, 1),
        (100, PLC, 0.05, 2),
        (1000, PLC, 0.05, 3),
        (100, RS485, 0.001, 1),
        (1000, RS485, 0.001, 2),
    ],
)
def test_the_larger_the_group_the_more_passes_before_the_first_look(
    members: int, costs: Costs, loss: float, passes: int
) -> None:
    assert blind_passes(members, 4096, [loss], costs, most=8) == passes


def test_no_loss_known_means_no_guess() -> None:
    assert blind_passes(1000, 4096, [], PLC, most=8, least=2) == 2


def test_a_link_that_carries_nothing_has_a_finite_estimate() -> None:
    assert expected_seconds(1, 10, 100, [1.0], PLC) < 1e6


def test_blocks_that_all_miss_go_to_all_and_those_that_one_misses_to_it_alone() -> None:
    assert group_is_cheaper(100, 100 * 50, 50, 0.05, PLC)
    assert not group_is_cheaper(5, 5, 5, 0.05, PLC)
    assert not group_is_cheaper(100, 100 * 50, 50, 1.0, PLC), "all would be lost again"


@pytest.mark.fault("G-02")
def test_gaps_are_filled_by_the_group_while_that_is_cheaper() -> None:
    crowd = Crowd(400, [0.2] * 40)
    crowd.run()
    left = sum(map(len, crowd.missing))
    assert left == sum(len(crowd.missing[member]) for member in crowd.alone)
    assert left < 400, "of 16000"
    assert crowd.distribution.passes >= 3


def test_a_small_group_is_asked_after_the_first_pass() -> None:
    crowd = Crowd(100, [0.0] * 5)
    crowd.run()
    assert (crowd.distribution.passes, crowd.distribution.looks, crowd.alone) == (1, 5, [])


def test_a_large_group_shows_its_loss_by_a_sample() -> None:
    crowd = Crowd(1000, [0.05] * 100)
    crowd.run()
    assert crowd.distribution.blocks_sent < 4 * 1000
    assert crowd.distribution.looks <= 5 + 100 + 95


@pytest.mark.fault("G-05")
def test_who_gets_nothing_is_left_to_unicast_and_keeps_nobody() -> None:
    crowd = Crowd(200, [0.1] * 8, deaf=frozenset({3}))
    crowd.run()
    assert 3 in crowd.alone
    assert crowd.distribution.blocks_sent < 3 * 200, "the whole image is not sent again for it"


def test_who_cannot_be_asked_is_left_to_unicast_in_the_end() -> None:
    crowd = Crowd(50, [0.0] * 4, away=frozenset({2}))
    crowd.run()
    assert crowd.alone == [2]


@pytest.mark.fault("G-04")
def test_a_late_joiner_has_missed_what_was_sent() -> None:
    crowd = Crowd(100, [0.0] * 3)
    crowd.distribution.leave(2)
    order = crowd.distribution.next_order()
    assert isinstance(order, SendBlocks)
    crowd.losses[2] = 1.0
    crowd.send(order)
    crowd.losses[2] = 0.0
    crowd.distribution.join(2, ((0, 100),))
    crowd.run()
    assert not any(crowd.missing) or crowd.alone == [2]


@pytest.mark.fault("G-09")
def test_the_pause_grows_until_members_keep_up() -> None:
    crowd = Crowd(300, [0.0] * 20, busy_until_pause=0.3)
    crowd.run()
    assert crowd.distribution.pause_seconds >= 0.3
    assert not any(crowd.missing[member] for member in range(20) if member not in crowd.alone)


@pytest.mark.fault("G-09")
def test_where_a_pause_does_not_help_it_goes_away_again() -> None:
    crowd = Crowd(300, [0.3] * 20)
    crowd.run()
    assert crowd.distribution.pause_seconds == 0.0
    assert sum(pause > 0 for pause in crowd.pauses) == 2, "a few blocks, twice"


def test_a_small_loss_is_no_reason_to_wait() -> None:
    pace = Pace(0.01)
    for _ in range(5):
        pace.seen(0.05, 0.1)
    assert pace.pause_seconds == 0.01


def test_a_group_that_cannot_be_sent_to_gets_everything_by_unicast() -> None:
    crowd = Crowd(50, [0.0] * 4)
    assert isinstance(crowd.distribution.next_order(), SendBlocks)
    crowd.distribution.handle_refused()
    crowd.run()
    assert crowd.alone == [0, 1, 2, 3]
    assert crowd.distribution.state is GroupState.DONE


@pytest.mark.parametrize("seed", range(15))
def test_it_always_ends_and_forgets_nobody(seed: int) -> None:
    chance = random.Random(seed)
    members = chance.randrange(1, 40)
    crowd = Crowd(
        chance.randrange(1, 120),
        [chance.uniform(0, 0.9) for _ in range(members)],
        MulticastPolicy(sample_above=chance.randrange(0, 20), most_rounds=chance.randrange(1, 8)),
        seed=seed,
        deaf=frozenset(member for member in range(members) if chance.random() < 0.1),
        away=frozenset(member for member in range(members) if chance.random() < 0.1),
    )
    crowd.run()
    for member, missing in enumerate(crowd.missing):
        assert not missing or member in crowd.alone, f"member {member}, seed {seed}"


def test_a_policy_is_finite() -> None:
    with pytest.raises(ValueError, match="sample must be at least 1"):
        MulticastPolicy(sample=0)
    with pytest.raises(ValueError, match="gather_seconds must be finite"):
        MulticastPolicy(gather_seconds=float("inf"))


@pytest.mark.parametrize("name", ["distribution", "estimates", "events", "pace", "policy", "report"])
def test_what_decides_touches_nothing_outside(name: str) -> None:
    path = Path(dlms_fw.multicast.__file__).with_name(f"{name}.py")
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not imported & {"asyncio", "time", "random", "socket", "os"}
    allowed = ("dlms_fw.multicast.", "dlms_fw.errors")
    assert all(each.startswith(allowed) for each in imported if each.startswith("dlms_fw"))
