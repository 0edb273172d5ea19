"""The model of links that benchmarks compare with: sums that can be done by hand, and what no link can do."""

from __future__ import annotations

import pytest
from benches import link_model, stream_model
from benches.link_model import LINKS, STRATEGIES, Datagrams, Group, Line, StrategyName, Task
from benches.stream_model import StreamLink

from dlms_fw.transports.faults import LINKS as PROFILES


def test_what_is_sent_has_as_many_octets_as_reckoned_by_hand() -> None:
    assert link_model.request(128) == 171
    assert link_model.request(256) == 301
    assert link_model.request(1024) == 1069
    assert (link_model.ANSWER, link_model.QUESTION, link_model.FIRST_MISSING) == (24, 32, 28)


def test_one_block_at_a_time_on_a_line_is_the_sum_of_its_frames() -> None:
    task = Task(image=4 * 256, block=256)
    octets = (301 + 3 + 11) + (24 + 3 + 11)
    each = octets * 10 / 9600 + 2 * 0.01 + 0.005
    assert link_model.on_line(Line(9600), "sequential", task) == pytest.approx(4 * each)


def test_short_information_fields_cost_an_acknowledgement_for_each_window() -> None:
    long, short = (
        link_model.on_line(Line(9600), "sequential", Task(image=256, info=info, window=1))
        for info in (2030, 128)
    )
    # Three frames instead of one: twice a frame's octets, twice "ready", and four turns of the line more.
    assert short - long == pytest.approx((2 * 11 + 2 * 9) * 10 / 9600 + 4 * 0.01)


def test_what_is_lost_on_datagrams_is_repeated_by_expectation() -> None:
    link = Datagrams(20e3, 0.05, 0.1, 240, 20)
    quiet = Datagrams(20e3, 0.05, 0.0, 240, 20)
    once = link_model.exchange_seconds(quiet, 32, 28, meter_s=0.0, repeat_after_s=3.0)
    assert once == pytest.approx((32 + 8 + 20 + 28 + 8 + 20) * 8 / 20e3 + 0.1)
    with_loss = link_model.exchange_seconds(link, 32, 28, meter_s=0.0, repeat_after_s=3.0)
    assert 2 * once < 3.0 / 8
    waits = [0.375, 0.75, 1.5, *[3.0] * 8]
    assert with_loss == pytest.approx(once + sum(0.19 ** (n + 1) * wait for n, wait in enumerate(waits)))


def test_a_stream_without_loss_takes_a_round_trip_for_each_block() -> None:
    link = StreamLink(375e3, (0.05, 0.05), 0.0)
    each = (301 + 8 + 40 + 24 + 8 + 40) * 8 / 375e3 + 0.1 + 0.005
    seconds = link_model.on_stream(link, "sequential", Task(image=64 * 256), seed=1)
    assert seconds == pytest.approx(64 * each)


def test_a_stream_waits_for_a_lost_segment() -> None:
    loses_much = StreamLink(40e3, (0.3, 0.3), 0.05)
    loses_nothing = StreamLink(40e3, (0.3, 0.3), 0.0)
    task = Task(image=64 * 256)
    for strategy in STRATEGIES[StreamLink]:
        slow, fast = (link_model.on_stream(each, strategy, task, 1) for each in (loses_much, loses_nothing))
        assert slow > fast, strategy


@pytest.mark.parametrize(
    ("name", "strategy"), [(name, each) for name, link in LINKS.items() for each in STRATEGIES[type(link)]]
)
def test_nothing_is_faster_than_the_bare_image(name: str, strategy: StrategyName) -> None:
    octets = 32 * 1024
    bare = PROFILES[name].seconds(octets)
    assert link_model.seconds(name, strategy, Task(image=octets), seeds=1) > bare


def test_its_links_are_those_of_the_library() -> None:
    for name, link in LINKS.items():
        profile = PROFILES[name]
        assert link.rate == profile.rate, name
        if isinstance(link, StreamLink):
            assert (link.one_way_s, link.loss) == (profile.delay_s, profile.loss), name
            assert profile.piece_octets == stream_model.SEGMENT_OCTETS
            assert profile.piece_overhead == stream_model.HEADER_OCTETS
        else:
            assert link.turn_round_s == profile.turn_round_s, name
        if isinstance(link, Datagrams):
            fragments = (link.loss, link.fragment_octets, link.fragment_overhead)
            assert fragments == (profile.loss, profile.piece_octets, profile.piece_overhead)


def test_more_passes_before_the_first_look_pay_for_larger_groups() -> None:
    link = LINKS["plc"]
    assert isinstance(link, Datagrams)
    task = Task(block=128, repeat_after_s=1.0)
    best = [link_model.best_group_seconds(link, task, Group(members)) for members in (1, 10, 100, 1000)]
    assert [passes for _, passes in best] == [1, 1, 2, 4]
    assert [seconds for seconds, _ in best] == sorted(seconds for seconds, _ in best)
    associated = link_model.best_group_seconds(link, task, Group(1000, association_s=0.5))
    assert associated[0] == pytest.approx(best[-1][0] + 1000 * 0.5, rel=0.01)
