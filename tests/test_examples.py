"""Every example runs by itself, says what it should, and leaves nothing behind on standard error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

SAYS = {
    "embed_sans_io.py": ["activated after"],
    "progress_callback.py": ["transfer: done", "firmware activated", "activated in"],
    "sign_and_verify.py": ["version 2.4.1", "not signed: unsigned", "untrusted", "one octet changed: digest"],
    "simulate_meter.py": ["before:", "failed, as it should", "again:  activated"],
    "tls_transport.py": ["through TLS: 20"],
    "upgrade_async.py": ["4D43530460BC614E: activated", "4D43530460BC614F: activated"],
    "upgrade_group.py": ["4D43530000000002: activated, 69 blocks from the group"],
    "upgrade_tcp.py": ["activated: 69 blocks"],
    "vendor_container.py": ["acme: b'ACM200'", "refused, as it should"],
}
"""What must stand in the output of each."""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs(name: str) -> None:
    said = run(name)
    for words in SAYS[name]:
        assert words in said


def test_the_upgrade_runs_over_hdlc_too() -> None:
    assert "activated: 69 blocks" in run("upgrade_tcp.py", "hdlc+tcp")


def test_no_example_is_forgotten() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} - {"stage.py"} == set(SAYS)
