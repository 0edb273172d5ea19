"""The fixtures for authors of tests, used as such an author does, in a pytest of its own in this process."""

from __future__ import annotations

import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]

SUITE = """
import pytest

from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.cosem import Data
from dlms_fw.cosem.well_known import LOGICAL_DEVICE_NAME
from dlms_fw.errors import ActivationFailed
from dlms_fw.image import Image
from dlms_fw.meter.activation import FirmwareBehaviour
from dlms_fw.signing_keys import generate
from dlms_fw.simulation import PLAIN
from dlms_fw.transfer import TransferPolicy

VENDOR = generate()
IMAGE = Image.from_bytes(
    dfw.build(
        bytes(2000),
        image_identifier=b"TEST01",
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=VENDOR,
    )
)
TRUSTED = (VENDOR.public_key(),)


def name(meter):
    with meter.client() as client:
        return client.get(Data(LOGICAL_DEVICE_NAME).value).value


def test_an_upgrade(dlms_meter, dlms_simulation):
    with dlms_meter.client() as client:
        assert client.upgrade(IMAGE).outcome == "activated"
    assert dlms_simulation.time.elapsed > 1.0
    assert dlms_simulation.meters == [dlms_meter]


def test_a_firmware_that_does_not_boot(dlms_meter_factory):
    meter = dlms_meter_factory(trusted=TRUSTED, behaviour=FirmwareBehaviour.NO_BOOT)
    with meter.client() as client, pytest.raises(ActivationFailed):
        client.upgrade(IMAGE)


@pytest.mark.parametrize("link, framing", [("gprs", "wrapper"), ("optical-9600", "hdlc"), ("plc", "wrapper")])
def test_a_slow_link(dlms_meter_factory, dlms_simulation, link, framing):
    meter = dlms_meter_factory(link=link, framing=framing, trusted=TRUSTED)
    with meter.client() as client:
        assert client.upgrade(IMAGE).outcome == "activated"
    assert dlms_simulation.time.elapsed > 3.0


def test_several_at_once(dlms_meter_factory):
    assert name(dlms_meter_factory()) != name(dlms_meter_factory(PLAIN))


@pytest.mark.parametrize("scheme", ["tcp", "udp", "hdlc+tcp", "pty"])
def test_a_meter_on_a_medium(dlms_meter_factory, scheme):
    meter = dlms_meter_factory.serve(scheme if scheme == "pty" else f"{scheme}://127.0.0.1:0")
    assert name(meter) == meter.config.logical_device_name
    assert meter.call(lambda powered: powered.config) is meter.config


def test_power(dlms_meter_factory):
    meter = dlms_meter_factory.serve()
    meter.cut_power()
    with pytest.raises(LookupError):
        meter.call(lambda powered: powered)
    meter.power_up()
    assert name(meter) == meter.config.logical_device_name
"""


def test_a_suite_that_uses_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    before = threading.active_count()
    result = pytester.runpytest_inprocess("-p", "dlms_fw.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=11)
    assert threading.active_count() == before, "a served meter has outlived its test"


def test_the_plug_in_imports_nothing_but_pytest() -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import dlms_fw.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["dlms_fw", "dlms_fw.pytest_plugin"]


def test_pytest_finds_it_under_the_name_of_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"dlms_fw.pytest_plugin": "dlms_fw.pytest_plugin"}
