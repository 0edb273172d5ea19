"""Image transfer cases on a meter that is somebody else's: over TCP, declared by a file, without a bench."""

from __future__ import annotations

from pathlib import Path

from dlms_fw import signing_keys
from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.declaration_file import load_declaration
from dlms_fw.conformance.runner import Runner
from dlms_fw.conformance.simulated import simulated
from dlms_fw.endpoint import Endpoint
from dlms_fw.journal import Journal
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.simulation import PLAIN

FILE = """\
[profiles.manager]
client_sap = 1
server_sap = 1
authentication = "none"

[profiles.reader]
client_sap = 2
server_sap = 1
authentication = "none"

[conformance]
name = "prototype 4"
clients = { management = "manager", reading = "reader" }

[conformance.firmware]
images = { good = "new.dfw", signing_key = "test-key.pem" }
verifies_itself = true
largest_image = 100000
grace_s = 5
events = { transfer_finished = 31 }
objects = { event_log = "0-0:99.98.0.255" }
"""


def test_a_declared_meter_over_tcp(tmp_path: Path) -> None:
    declared, bench = simulated(PLAIN, verify_seconds=0.01, timings=ActivationTimings(reboot_seconds=0.1))
    assert declared.firmware is not None
    images = declared.firmware.images
    assert images.signing_key is not None
    signing_keys.write_pair(images.signing_key, tmp_path / "test-key.pem", tmp_path / "test-key.pub")
    (tmp_path / "new.dfw").write_bytes(images.good.data)
    (tmp_path / "meter.toml").write_text(FILE)
    memory = SimulatedMedium()
    with (
        Journal(tmp_path / "journal.sqlite3") as journal,
        BackgroundMeter(
            bench.config, lambda: memory, Endpoint.parse("tcp://127.0.0.1:0", listen=True)
        ) as meter,
    ):
        declaration = load_declaration(tmp_path / "meter.toml", (meter.url,))
        runner = Runner(declaration, Bench(), journal, frozenset({"image", "firmware"}))
        chosen = ["IT-04", "IT-07", "IT-24", "IT-26", "IT-28", "AC-01", "AC-22"]
        results = {result.case.id: result for result in runner.run(chosen)}
        running = meter.call(lambda server: server.meter and server.meter.units.firmware.running(1).version)
    verdicts = {number: result.verdict.value for number, result in results.items()}
    assert verdicts.pop("IT-24") == "INAPPLICABLE"
    assert set(verdicts.values()) == {"PASS"}, {n: r.reason for n, r in results.items()}
    assert running == "2.0.1", "the good one, and then one that was made above it"
    left = [what for result in results.values() for what in result.not_put_back]
    assert len(left) == 2, "both upgrades, for no second image was declared"
    assert all(what.startswith("the firmware: the meter runs ") for what in left), left
