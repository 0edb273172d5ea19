"""What a command says when saying it is hard: no room, no stream, nobody there, a wrong command line.

With real processes: exactly one JSON document or one line, the right exit code, and never a trace.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlms_fw.cli.root import main
from simulator import FIELDS, SMALL, Ended, Workshop, quiet_port, workshop

pytestmark = pytest.mark.rotating(2)

__all__ = ["workshop"]

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def with_streams(workshop: Workshop, redirection: str, *arguments: str) -> Ended:
    """A command with its streams as a shell leaves them."""
    command = [sys.executable, "-m", "dlms_fw", *arguments]
    shell = ["sh", "-c", f'"$@" {redirection}', "sh", *command]
    ended = subprocess.run(shell, capture_output=True, text=True, cwd=workshop.folder, timeout=60)
    assert "Traceback" not in ended.stderr, ended
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def unreachable() -> str:
    return f"tcp://127.0.0.1:{quiet_port()}"


@needs_full
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_standard_output_without_room_is_told_on_the_other_one(
    workshop: Workshop, form: tuple[str, ...]
) -> None:
    image = workshop.image(SMALL)
    ended = with_streams(workshop, ">/dev/full", "image", "inspect", str(image), *form)
    assert (ended.code, ended.stdout) == (2, "")
    assert "standard output cannot be written" in ended.stderr


@needs_full
def test_a_failure_that_finds_no_room_keeps_its_exit_code(workshop: Workshop) -> None:
    ended = with_streams(workshop, ">/dev/full", "info", unreachable(), "--json")
    assert ended.code == 3
    assert "Connection refused" in ended.stderr


@needs_full
def test_a_meter_that_cannot_say_where_it_listens_ends(workshop: Workshop) -> None:
    ended = with_streams(workshop, ">/dev/full", "sim", "--listen", "tcp://127.0.0.1:0", "--state", "meter")
    assert ended.code == 2
    assert "standard output cannot be written" in ended.stderr


def test_without_a_standard_output_the_exit_code_is_all(workshop: Workshop) -> None:
    image = workshop.image(SMALL)
    assert with_streams(workshop, ">&-", "image", "inspect", str(image), "--json").code == 0
    assert with_streams(workshop, ">&-", "info", unreachable(), "--json").code == 3


def test_without_a_standard_error_progress_is_not_mixed_into_the_document(workshop: Workshop) -> None:
    meter = workshop.meter()
    arguments = workshop.upgrade_arguments(meter.url, workshop.image(SMALL))
    ended = with_streams(workshop, "2>&-", *arguments)
    assert ended.code == 0
    assert ended.document["outcome"] == "activated"


@pytest.mark.parametrize(
    "arguments",
    [
        ("upgrade",),
        ("upgrade", "tcp://127.0.0.1:1", "no.dfw", "--nonsense"),
        ("upgrade", "tcp://127.0.0.1:1", "no.dfw", "--activate", "soon"),
        ("upgrade", "ftp://127.0.0.1:1", "no.dfw"),
        ("upgrade", "tcp://127.0.0.1:1", "no.dfw", "--config", "no.toml", "--profile", "none"),
    ],
)
def test_a_wrong_upgrade_has_every_field_of_the_document(
    workshop: Workshop, arguments: tuple[str, ...]
) -> None:
    ended = workshop.run(*arguments, "--json")
    assert ended.code == 2
    told = ended.document
    assert told.keys() >= FIELDS | {"schema", "command", "outcome", "error"}
    assert (told["command"], told["ok"], told["changed"]) == ("upgrade", False, False)


def test_every_failure_says_whether_anything_changed(workshop: Workshop) -> None:
    for arguments in (["nonsense"], ["info"], ["info", "tcp://"], ["image", "sign", "x", "--key", "y"]):
        told = workshop.run(*arguments, "--json").document
        assert (told["ok"], told["changed"]) == (False, False), told


INTERRUPTING = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
import runpy
runpy.run_module("dlms_fw", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("module", ["click", "dlms_fw.cli.info", "dlms_fw.client"])
def test_ctrl_c_while_still_importing_is_an_interruption(
    workshop: Workshop, module: str, form: tuple[str, ...]
) -> None:
    code = INTERRUPTING.format(module=module)
    ended = subprocess.run(
        [sys.executable, "-c", code, "info", "tcp://127.0.0.1:1", *form],
        capture_output=True,
        text=True,
        cwd=workshop.folder,
        timeout=60,
    )
    assert ended.returncode == 130, ended
    if form:
        told = json.loads(ended.stdout)
        assert (told["ok"], told["error"]["code"]) == (False, "interrupted")
        assert ended.stderr.strip() == ""
    else:
        assert ended.stderr.strip() == "error: interrupted"


@pytest.mark.parametrize("state", ["a-file", "/proc/nothing"])
def test_a_meter_without_a_place_for_its_memory_says_so(workshop: Workshop, state: str) -> None:
    (workshop.folder / "a-file").touch()
    ended = workshop.run("sim", "--listen", "tcp://127.0.0.1:0", "--state", state)
    assert ended.code == 2
    assert ended.stderr.splitlines()[-1].startswith(f"error: the state directory {state} cannot be used: ")


def test_a_meter_whose_disk_is_full_at_power_up_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", no_room)
    ended = CliRunner().invoke(
        main, ["sim", "--listen", "tcp://127.0.0.1:0", "--state", str(tmp_path / "meter")]
    )
    assert ended.exit_code == 2
    assert "cannot be used: No space left on device" in ended.output
