"""The journal: what it gives away is on the disk, what it cannot trust it refuses."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlms_fw.errors import Busy, ConfigurationError, JournalError, SecurityError
from dlms_fw.journal import APPLICATION_ID, Journal, MeterCounters, default_path
from dlms_fw.security import COUNTER_LIMIT, COUNTER_WARNING

KEY = "0badcafe"
TITLE = bytes.fromhex("4D4D4D0000BC614E")
METER = bytes.fromhex("4D43530460BC614E")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


def child(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """A process of its own that runs ``code`` with the journal module at hand."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom dlms_fw.journal import Journal\n" + code,
            *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


class TestCounters:
    def test_ranges_follow_each_other_and_survive_reopening(self, path: Path) -> None:
        with Journal(path) as journal:
            assert journal.reserved_to(KEY, TITLE) is None
            assert journal.reserve(KEY, TITLE, at_least=0, count=256) == range(256)
            assert journal.reserve(KEY, TITLE, at_least=1000, count=10) == range(1000, 1010)
        with Journal(path) as journal:
            assert journal.counters(KEY, TITLE).next == 1010
            assert journal.counters(KEY, TITLE).reserve(5, 1) == range(1010, 1011)
            assert journal.counters(KEY, METER).next is None, "another title is another stream"

    @pytest.mark.fault("S-22")
    def test_the_counter_never_wraps(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with Journal(path) as journal:
            journal.reserve(KEY, TITLE, at_least=COUNTER_WARNING - 1, count=1)
            assert not caplog.records
            journal.reserve(KEY, TITLE, at_least=0, count=1)
            assert "change the key" in caplog.text
            journal.reserve(KEY, TITLE, at_least=COUNTER_LIMIT - 1, count=1)
            with pytest.raises(SecurityError, match="change the key") as caught:
                journal.reserve(KEY, TITLE, at_least=0, count=1)
            assert caught.value.kind == "counter-exhausted"
            assert journal.reserved_to(KEY, TITLE) == COUNTER_LIMIT

    @pytest.mark.fault("S-20")
    @pytest.mark.fault("T-31")
    def test_no_counter_twice_over_kill_minus_nine(self, path: Path) -> None:
        used: list[int] = []
        for _ in range(4):
            process = child(
                "journal = Journal(sys.argv[1])\n"
                "while True:\n"
                "    for counter in journal.reserve('0badcafe', bytes(8), at_least=0, count=3):\n"
                "        print(counter, flush=True)\n",
                path,
            )
            assert process.stdout is not None
            used += [int(process.stdout.readline()) for _ in range(20)]
            os.kill(process.pid, signal.SIGKILL)
            # What it printed before it died was used, too; the last line may be torn.
            used += [
                int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")
            ]
            process.wait()
            process.stdout.close()
            assert process.stdin is not None
            process.stdin.close()
        assert used == sorted(set(used))
        with Journal(path) as journal:
            assert (journal.reserved_to(KEY, bytes(8)) or 0) > used[-1]

    def test_two_processes_never_get_the_same_counter(self, path: Path) -> None:
        Journal(path).close()
        code = (
            "journal = Journal(sys.argv[1])\n"
            "for _ in range(40): print(*journal.reserve('0badcafe', bytes(8), at_least=0, count=2))\n"
        )
        outputs = [process.communicate()[0] for process in [child(code, path), child(code, path)]]
        counters = [int(word) for output in outputs for word in output.split()]
        assert sorted(counters) == list(range(160))


class TestMeters:
    def test_values_only_grow(self, path: Path) -> None:
        with Journal(path) as journal:
            assert journal.meter_counters(KEY, TITLE, METER) is None
            journal.note_meter_counters(KEY, TITLE, METER, accepts_from=10, last_received=700)
            journal.note_meter_counters(KEY, TITLE, METER, accepts_from=20, last_received=600)
            assert journal.meter_counters(KEY, TITLE, METER) == MeterCounters(
                accepts_from=20, last_received=700
            )
            journal.forget_meter(METER)
            assert journal.meter_counters(KEY, TITLE, METER) is None


class TestTransfers:
    def test_a_checkpoint_is_replaced_and_dropped(self, path: Path) -> None:
        with Journal(path) as journal:
            journal.save_checkpoint("meter 1", 1, {"state": "transfer-blocks", "blocks_bound": 64})
            journal.save_checkpoint("meter 1", 1, {"state": "verify", "blocks_bound": 128})
            journal.save_checkpoint("meter 1", 2, {"state": "other"})
        with Journal(path) as journal:
            assert journal.checkpoint("meter 1", 1) == {"state": "verify", "blocks_bound": 128}
            journal.drop_checkpoint("meter 1", 1)
            assert journal.checkpoint("meter 1", 1) is None
            assert journal.checkpoint("meter 1", 2) == {"state": "other"}


@pytest.mark.fault("T-32")
class TestDamage:
    @pytest.mark.parametrize("step", [31, pytest.param(1, marks=pytest.mark.soak)])
    def test_flipped_bits_are_found_or_harmless(self, path: Path, tmp_path: Path, step: int) -> None:
        """Every octet of a record and every ``step``-th of the file: refused, or the records are the same."""
        with Journal(path) as journal:
            journal.reserve(KEY, TITLE, at_least=4711, count=256)
            journal.note_meter_counters(KEY, TITLE, METER, accepts_from=10, last_received=700)
            journal.save_checkpoint("meter 1", 1, {"blocks_bound": 128})
        image = path.read_bytes()
        places = set(range(0, len(image), step))
        for text in (KEY.encode(), TITLE.hex().encode(), b"blocks_bound"):
            start = image.index(text)
            places |= set(range(start - 12, start + 60))
        copy = tmp_path / "copy.sqlite3"
        refused = 0
        for place in sorted(places):
            copy.write_bytes(image[:place] + bytes([image[place] ^ 0x04]) + image[place + 1 :])
            try:
                with Journal(copy) as journal:
                    assert journal.reserved_to(KEY, TITLE) == 4711 + 256
                    assert journal.meter_counters(KEY, TITLE, METER) == MeterCounters(10, 700)
                    assert journal.checkpoint("meter 1", 1) == {"blocks_bound": 128}
            except JournalError:
                refused += 1
        assert refused > 150

    @given(length=st.integers(1, 20_000))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_truncated_file_is_refused_or_complete(self, tmp_path: Path, length: int) -> None:
        """Complete, because zeros cut off the last page of an empty table are no loss."""
        whole = tmp_path / "whole.sqlite3"
        if not whole.exists():
            with Journal(whole) as journal:
                journal.reserve(KEY, TITLE, at_least=0, count=7)
        image = whole.read_bytes()
        copy = tmp_path / "copy.sqlite3"
        copy.write_bytes(image[: min(length, len(image) - 1)])
        try:
            with Journal(copy) as journal:
                assert journal.reserved_to(KEY, TITLE) == 7
        except JournalError:
            return
        assert length > 3 * 4096

    def test_another_programs_file_is_not_touched(self, tmp_path: Path) -> None:
        foreign = tmp_path / "foreign.sqlite3"
        db = sqlite3.connect(foreign)
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
        db.close()
        text = tmp_path / "notes.txt"
        text.write_text("these are not the records you are looking for" * 40)
        for path in (foreign, text):
            before = path.read_bytes()
            with pytest.raises(JournalError):
                Journal(path)
            assert path.read_bytes() == before

    def test_a_newer_version_is_refused(self, path: Path) -> None:
        Journal(path).close()
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(JournalError, match="version 99") as caught:
            Journal(path)
        assert caught.value.code == "journal.version"

    def test_a_full_disk_gives_no_counter(self, path: Path) -> None:
        with Journal(path) as journal:
            journal.reserve(KEY, TITLE, at_least=0, count=1)
            pages = journal._pragma("page_count")
            journal._pragma(f"max_page_count = {pages}")
            with pytest.raises(JournalError) as caught:
                journal.save_checkpoint("meter", 1, {"filler": "x" * 100_000})
            assert caught.value.code == "journal.full"
            assert journal.checkpoint("meter", 1) is None
            assert journal.reserve(KEY, TITLE, at_least=0, count=1) == range(1, 2)

    def test_a_locked_file_is_waited_for_and_then_refused(self, path: Path) -> None:
        with Journal(path, busy_timeout_s=0.05) as journal:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError) as caught:
                journal.reserve(KEY, TITLE, at_least=0, count=1)
            assert caught.value.code == "journal.locked"
            other.close()

    def test_a_file_that_may_not_be_written(self, tmp_path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:  # all on the way to it may be entered by anybody
            path = Path(folder) / "journal.sqlite3"
            Journal(path).close()
            path.chmod(0o444)
            path.parent.chmod(0o755)
            with as_nobody(), pytest.raises(JournalError, match="Permission denied"):
                Journal(path)

    @pytest.mark.parametrize(
        ("place", "reason"), [("", "Is a directory"), ("file/below", "exists|directory")]
    )
    def test_a_place_where_no_file_can_be(self, tmp_path: Path, place: str, reason: str) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(JournalError, match=reason):
            Journal(tmp_path / place)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere, so root is somebody else for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestReadOnly:
    def test_looking_makes_nothing(self, path: Path) -> None:
        with pytest.raises(JournalError):
            Journal(path, read_only=True)
        assert not path.parent.exists()

    def test_looking_writes_nothing(self, path: Path) -> None:
        with Journal(path) as journal:
            journal.reserve(KEY, TITLE, at_least=0, count=7)
        before = path.read_bytes()
        with Journal(path, read_only=True) as journal:
            assert journal.reserved_to(KEY, TITLE) == 7
            with pytest.raises(JournalError) as caught:
                journal.reserve(KEY, TITLE, at_least=0, count=1)
            assert caught.value.code == "journal.read-only"
        assert path.read_bytes() == before

    def test_looking_beside_a_writer(self, path: Path) -> None:
        with Journal(path) as writer:
            writer.reserve(KEY, TITLE, at_least=0, count=7)
            with Journal(path, read_only=True) as reader:
                assert reader.reserved_to(KEY, TITLE) == 7

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
    def test_only_the_user_can_read_it(self, path: Path) -> None:
        Journal(path).close()
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


class TestLeases:
    @pytest.mark.fault("S-21")
    @pytest.mark.fault("T-33")
    def test_another_process_gets_busy_until_the_first_dies(self, path: Path) -> None:
        holder = child(
            "journal = Journal(sys.argv[1]); journal.acquire('meter 7'); print('held', flush=True); input()",
            path,
        )
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with Journal(path) as journal:
            with pytest.raises(Busy, match=f"meter 7 is in use by process {holder.pid}"):
                journal.acquire("meter 7")
            journal.acquire("meter 8")
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
            journal.acquire("meter 7")
        holder.stdout.close()
        holder.stdin.close()

    def test_one_journal_shares_two_journals_do_not(self, path: Path) -> None:
        with Journal(path) as one, Journal(path) as two:
            with one.lease("key"), one.lease("key"), pytest.raises(Busy):
                two.acquire("key")
            with two.lease("key"), pytest.raises(Busy):
                one.acquire("key")
            one.release("never taken")

    @pytest.mark.filterwarnings("ignore::ResourceWarning")  # the last reference closes the file
    def test_an_interruption_anywhere_leaves_no_lock_behind(self, path: Path) -> None:
        for line in range(1, 200):
            if not self._interrupted(path, line):
                break
            with Journal(path) as other:
                other.acquire("meter 7")
        assert line > 20

    @staticmethod
    def _interrupted(path: Path, line: int) -> bool:
        """Takes and releases a lease, interrupted at so many lines; whether there were so many."""
        left = line

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            nonlocal left
            if Path(frame.f_code.co_filename).name not in {"journal.py", "leases.py"}:
                return None
            left -= event == "line"
            if left == 0 and event == "line":
                raise KeyboardInterrupt
            return trace

        journal = Journal(path)
        sys.settrace(trace)
        try:
            with journal.lease("meter 7"):
                pass
            journal.close()
        except KeyboardInterrupt as interruption:
            interruption.__traceback__ = None
            return True
        finally:
            sys.settrace(None)
            journal._db.close()
        return False


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/me"}, "/state/dlms-fw/journal.sqlite3"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.local/state/dlms-fw/journal.sqlite3"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/dlms-fw/journal.sqlite3"),
    ],
)
def test_the_default_place(environ: dict[str, str], expected: str) -> None:
    assert default_path(environ) == Path(expected)


def test_no_default_place() -> None:
    with pytest.raises(ConfigurationError, match="HOME"):
        default_path({})


def test_the_file_says_what_it_is(path: Path) -> None:
    Journal(path).close()
    assert int.from_bytes(path.read_bytes()[68:72], "big") == APPLICATION_ID
