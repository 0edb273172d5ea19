"""The README's program does what it says, against a meter at the address that it names."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profile_files import load_profile
from dlms_fw.signing_keys import generate, write_pair

ROOT = Path(__file__).parents[1]
ADDRESS = "tcp://127.0.0.1:4059"


def code(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that README and tutorial speak of."""
    (tmp_path / "meters.toml").write_text(code("docs/tutorial.md", "toml"))
    for name in ("guek.hex", "gak.hex"):
        (tmp_path / name).write_text(os.urandom(16).hex())
        (tmp_path / name).chmod(0o600)
    key = generate()
    write_pair(key, tmp_path / "vendor.key", tmp_path / "vendor.pem")
    container = dfw.build(
        bytes(50_000),
        image_identifier=b"MCS200",
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=key,
    )
    (tmp_path / "meter-2.0.0.dfw").write_bytes(container)
    return tmp_path


def test_the_program_of_the_readme_upgrades_a_meter(folder: Path) -> None:
    config = mcs301.configured(
        load_profile(folder / "meters.toml", "management"), timings=ActivationTimings(reboot_seconds=0.2)
    )
    endpoint = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
    program = code("README.md", "python")
    assert len([line for line in program.splitlines() if line.strip()]) <= 15
    with contextlib.ExitStack() as stack:
        meter = stack.enter_context(BackgroundMeter(config, lambda: Directory(folder / "meter"), endpoint))
        assert ADDRESS in program
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program.replace(ADDRESS, meter.url)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "the meter's clock: 20" in done.stdout
    assert re.search(r"^activated 53 blocks in", done.stdout, re.MULTILINE), done.stdout
