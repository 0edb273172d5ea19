"""Many meters from one ``dlms-fw sim``: each with its own address, identity and memory."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from dlms_fw.cli.sim_count import Spread, address_of, memory_of
from dlms_fw.client import Client
from dlms_fw.cosem import Data
from dlms_fw.cosem.well_known import LOGICAL_DEVICE_NAME
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.profiles import Profile
from simulator import START_S, Workshop, quiet_port, workshop

__all__ = ["workshop"]

COUNT = 3


def started(workshop: Workshop, *options: str) -> tuple[list[str], object]:
    """The URLs of the meters of a process."""
    process = workshop.popen("sim", "--count", str(COUNT), "--trust", str(workshop.trust("vendor")), *options)
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(COUNT)]
    assert all(line.startswith("listening on ") for line in lines), lines
    return [line.removeprefix("listening on ") for line in lines], process


def name_at(url: str) -> bytes:
    with Client(url, Profile(client_sap=16, response_timeout_s=5.0)) as client:
        name = client.get(Data(LOGICAL_DEVICE_NAME).value)
    return name.value if isinstance(name.value, bytes) else b""


@pytest.mark.parametrize(
    "options",
    [
        ("--listen", "tcp://127.0.0.1:0", "--state", "memories"),
        ("--listen", "udp://127.0.0.1:{port}", "--spread", "addresses", "--volatile"),
    ],
    ids=["tcp, any port", "udp, addresses counted up"],
)
def test_each_meter_has_its_address_and_its_name(workshop: Workshop, options: tuple[str, ...]) -> None:
    urls, process = started(workshop, *(option.format(port=quiet_port()) for option in options))
    assert len(set(urls)) == COUNT
    names = [name_at(url) for url in urls]
    numbers = [int(name[-8:]) for name in names]
    assert numbers == [numbers[0] + number for number in range(COUNT)]
    process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
    stdout, stderr = process.communicate(timeout=START_S)  # type: ignore[attr-defined]
    assert (process.returncode, stdout) == (0, ""), stderr  # type: ignore[attr-defined]
    if "--state" in options:
        folders = sorted(path.name for path in (workshop.folder / "memories").iterdir())
        assert folders == ["meter-1", "meter-2", "meter-3"]


@pytest.mark.parametrize(
    ("url", "spread", "expected"),
    [
        ("tcp://127.0.0.1:4059", "ports", "tcp://127.0.0.1:4061"),
        ("tcp://127.0.0.1:0", "ports", "tcp://127.0.0.1:0"),
        ("udp://127.0.0.255:4059", "addresses", "udp://127.0.1.1"),
        ("pty", "ports", "pty:"),
    ],
)
def test_the_address_of_the_third(url: str, spread: Spread, expected: str) -> None:
    third = address_of(Endpoint.parse(url, listen=True), 2, spread)
    assert third == Endpoint.parse(expected.removesuffix(":"), listen=True)


@pytest.mark.parametrize(
    ("url", "spread", "words"),
    [
        ("tcp://127.0.0.1:65534", "ports", "above 65535"),
        ("tcp://localhost:4059", "addresses", "none"),
        ("serial:///dev/ttyUSB0", "ports", "one serial line"),
    ],
)
def test_addresses_that_there_are_not(url: str, spread: Spread, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        address_of(Endpoint.parse(url, listen=True), 2, spread)


def test_memories(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a memory"):
        memory_of(None, 0, 1, volatile=False)
    with pytest.raises(ConfigurationError, match="needs a memory"):
        memory_of(str(tmp_path), 0, 1, volatile=True)
    opened = memory_of(None, 0, 1, volatile=True)
    opened().write("region", 0, b"kept while it runs")
    assert opened().read("region", 0, 4) == b"kept"
