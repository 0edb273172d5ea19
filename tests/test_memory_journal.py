"""The journal on memory answers as the one on the disk does, whatever is asked of both."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw.errors import SecurityError
from dlms_fw.journal import CHALLENGES_KEPT, Journal
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.security import COUNTER_LIMIT

keys = st.sampled_from(["0badcafe", "feedf00d"])
titles = st.sampled_from([bytes(8), bytes(range(8))])
names = st.sampled_from(["4D4353", "tcp://meter"])
counters = st.integers(0, 2000) | st.just(COUNTER_LIMIT)
parts = st.integers(0, 2)
documents = st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=3) | st.none())

CALLS = st.one_of(
    st.tuples(
        st.just("reserve"), keys, titles, st.fixed_dictionaries({"at_least": counters, "count": counters})
    ),
    st.tuples(st.just("reserved_to"), keys, titles),
    st.tuples(st.just("meter_counters"), keys, titles, titles),
    st.tuples(
        st.just("note_meter_counters"),
        keys,
        titles,
        titles,
        st.fixed_dictionaries({"accepts_from": counters, "last_received": counters}),
    ),
    st.tuples(st.just("forget_meter"), titles),
    st.tuples(st.just("meters_under"), keys),
    st.tuples(st.just("note_challenge"), names, titles),
    st.tuples(st.just("has_challenge"), names, titles),
    st.tuples(st.just("save_checkpoint"), names, parts, st.tuples(documents)),
    st.tuples(st.just("checkpoint"), names, parts),
    st.tuples(st.just("drop_checkpoint"), names, parts),
    st.tuples(st.just("note_run"), st.tuples(documents)),
    st.tuples(st.just("runs")),
)


def answer(journal: Journal, call: tuple[Any, ...]) -> object:
    """What a journal says; names may come in any order."""
    name, *rest = call
    options = rest.pop() if rest and isinstance(rest[-1], dict) else {}
    arguments = [item[0] if isinstance(item, tuple) else item for item in rest]
    try:
        said = getattr(journal, name)(*arguments, **options)
    except SecurityError as error:
        return error.kind
    return sorted(said) if name == "meters_under" else said


@settings(max_examples=40, deadline=None)
@given(st.lists(CALLS, max_size=20))
def test_it_answers_as_the_file_does(calls: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as file:
        memory = MemoryJournal()
        for call in calls:
            assert answer(memory, call) == answer(file, call), call


def test_a_checkpoint_is_a_copy() -> None:
    journal, checkpoint = MemoryJournal(), {"blocks": [1]}
    journal.save_checkpoint("meter", 1, checkpoint)
    checkpoint["blocks"].append(2)
    assert journal.checkpoint("meter", 1) == {"blocks": [1]}
    with pytest.raises(TypeError):
        journal.save_checkpoint("meter", 1, {"not for a file": object()})


def test_old_challenges_are_forgotten() -> None:
    journal = MemoryJournal()
    challenges = [number.to_bytes(8, "big") for number in range(CHALLENGES_KEPT + 1)]
    for challenge in challenges:
        journal.note_challenge("meter", challenge)
    assert not journal.has_challenge("meter", challenges[0])
    assert all(journal.has_challenge("meter", challenge) for challenge in challenges[1:])


def test_streams_and_leases_work_as_ever() -> None:
    journal = MemoryJournal()
    stream = journal.counters("0badcafe", bytes(8))
    with journal.lease(stream.lease_name), journal.lease(stream.lease_name):
        assert stream.reserve(5, 10) == range(5, 15)
    assert stream.next == 15
