"""Many meters at once from one asyncio process: the small sibling of ``benches/fleet.py``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from dlms_fw.deferred_journal import DeferredJournal
from dlms_fw.errors import ConfigurationError, JournalError, SecurityError
from dlms_fw.fleet import BLOCK_RUN_SECONDS, Fleet, allow_open_files, patient
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.transfer import TransferPolicy

sys.path.insert(0, str(Path(__file__).parents[1]))

from benches import fleet

METERS = 20


@pytest.mark.parametrize("ciphered", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_twenty_meters_are_upgraded_at_once_and_none_waits_for_the_others(ciphered: bool) -> None:
    run = fleet.measure(METERS, 16 * 1024, ciphered=ciphered, block_size=1024)
    assert run.failures == []
    assert len(run.finished) == METERS
    assert run.blocks == METERS * 16
    assert len(run.phases["transfer"]) == METERS
    assert any("last/median" in line for line in run.lines(16 * 1024))


def test_what_is_written_together_is_durable_together(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal, Journal(tmp_path / "journal", read_only=True) as others:
        deferred = DeferredJournal(journal)
        deferred.save_checkpoint("A", 1, {"blocks": 1})
        assert deferred.reserve("key", b"title", at_least=1, count=10) == range(1, 11)
        assert not deferred.is_settled
        assert (others.checkpoint("A", 1), others.reserved_to("key", b"title")) == (None, None)
        deferred.commit()
        assert deferred.is_settled
        assert (others.checkpoint("A", 1), others.reserved_to("key", b"title")) == ({"blocks": 1}, 11)
        deferred.save_checkpoint("B", 1, {})
        journal.save_checkpoint("C", 1, {})
        assert deferred.is_settled, "a write that must be durable takes what waits with it"
        assert (others.checkpoint("B", 1), others.checkpoint("C", 1)) == ({}, {})


def test_a_write_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        deferred = DeferredJournal(journal)
        deferred.save_checkpoint("A", 1, {"blocks": 1})
        with pytest.raises(SecurityError, match="at its limit"):
            deferred.reserve("key", b"title", at_least=2**32 - 10, count=10)
        deferred.commit()
        assert journal.checkpoint("A", 1) == {"blocks": 1}
        assert journal.reserved_to("key", b"title") is None


class Medium:
    """A medium that notes what is on the disk whenever something leaves."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path, read_only=True)
        self.seen: list[int | None] = []

    async def send(self, data: bytes, deadline: float) -> None:
        self.seen.append(self._journal.reserved_to("key", data))

    async def receive(self, deadline: float) -> bytes:
        raise AssertionError

    async def close(self) -> None:
        self._journal.close()


def test_nothing_leaves_before_its_records_are_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal"

    async def one(fleet: Fleet, medium: Medium, title: bytes) -> None:
        client = fleet.client("tcp://meter", Profile(), open_transport=lambda deadline: opened(medium))
        transport = await client._open_transport(0.0)
        for _ in range(3):
            assert client._journal is not None
            client._journal.reserve("key", title, at_least=1, count=10)
            await transport.send(title, 0.0)

    async def opened(medium: Medium) -> Medium:
        return medium

    async def all_of_them() -> None:
        with Journal(path) as journal:
            commits: list[int] = []
            fleet = Fleet(journal)
            assert fleet._journal is not None
            commit = fleet._journal.commit
            fleet._journal.commit = lambda: (commits.append(1), commit())[1]  # type: ignore[method-assign]
            medium = Medium(path)
            titles = [bytes([number]) * 8 for number in range(50)]
            await asyncio.gather(*(one(fleet, medium, title) for title in titles))
            await medium.close()
            assert sorted(medium.seen, key=str) == sorted([11] * 50 + [21] * 50 + [31] * 50, key=str)
            assert len(commits) < 20, "fifty clients share their writes"

    asyncio.run(all_of_them())


def test_records_that_cannot_be_kept_stop_whoever_depends_on_them(tmp_path: Path) -> None:
    async def main() -> None:
        with Journal(tmp_path / "journal") as journal:
            fleet = Fleet(journal)
            assert fleet._journal is not None
            fleet._journal.save_checkpoint("A", 1, {})

            def fail() -> None:
                raise JournalError("no room", code="journal.full")

            fleet._journal.commit = fail  # type: ignore[method-assign]
            waiting = [asyncio.ensure_future(fleet.settled()) for _ in range(3)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(error) for error in ended] == [JournalError] * 3

    asyncio.run(main())


def test_one_meter_of_many_may_wait_longer_for_its_turn() -> None:
    assert patient().block_run_seconds == BLOCK_RUN_SECONDS > TransferPolicy().block_run_seconds
    mine = TransferPolicy(block_run_seconds=2 * BLOCK_RUN_SECONDS, block_tries=7)
    assert patient(mine) == mine


def test_a_limit_of_open_files_that_cannot_be_raised_is_said() -> None:
    with pytest.raises(ConfigurationError, match="open files are needed"):
        allow_open_files(1 << 40)
