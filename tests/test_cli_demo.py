"""``dlms-fw demo``: works from nothing, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The running demonstration: no terminal, hardly an environment, temporary files where we see them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dlms_fw", "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path), "PATH": os.defpath},
    )
    yield process
    process.kill()
    process.communicate(timeout=60)


def nothing_is_left(told: str, folder: Path) -> None:
    """No files, and nobody listens where the meter was."""
    assert list(folder.iterdir()) == []
    url = re.search(r"tcp://127.0.0.1:(\d+)", told)
    assert url is not None
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", int(url[1])))


def test_the_demo(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    stdout, stderr = demo.communicate(timeout=60)
    assert (demo.returncode, stderr) == (0, ""), stdout
    assert all(len(line) <= 80 for line in stdout.splitlines())
    octets = re.search(r"image +([\d,]+) octets", stdout)
    assert octets is not None
    assert int(octets[1].replace(",", "")) > 500_000
    for step in ("link lost", "link back", "ok  verify", "ok  confirm", "the meter runs 4D4353020401"):
        assert step in stdout
    sent = re.search(r"done +(\d+) blocks sent for (\d+)", stdout)
    assert sent is not None
    assert int(sent[1]) <= int(sent[2]) + 64, "nothing is sent twice but what was on its way"
    last = stdout.splitlines()[-3:]
    assert all(line.startswith("  dlms-fw ") for line in last)
    nothing_is_left(stdout, tmp_path)


def test_the_demo_is_stopped(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    assert demo.stdout is not None
    told = ""
    while "transfer" not in told:
        line = demo.stdout.readline()
        assert line, told
        told += line
    demo.send_signal(signal.SIGTERM)
    _, stderr = demo.communicate(timeout=60)
    assert (demo.returncode, stderr) == (130, "error: interrupted\n")
    nothing_is_left(told, tmp_path)
