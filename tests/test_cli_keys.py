"""``dlms-fw keys`` against a meter on TCP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dlms_fw._core import Key
from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.cli.outcome import ExitCode
from dlms_fw.cli.root import main
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import CertificateType, KeyId, SecuritySuite
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profile_files import load_profile, read_key

PROFILE = """
[profiles.m]
client_sap = 1
server_sap = 1
authentication = "hls-gmac"
security_policy = "authenticated-encrypted"
security_suite = 1
system_title = "4D4D4D0000BC614E"
global_unicast_encryption_key = "file:guek"
authentication_key = "file:gak"
"""
SECRETS = {
    name: bytes([number]) * 16 for number, name in enumerate(("guek", "gak", "kek", "new-guek", "new-gak"), 1)
}
AUTHORITY = CertificateAuthority.create("Bench", at=datetime.now(UTC))


class Desk:
    def __init__(self, folder: Path, meter: BackgroundMeter) -> None:
        self.folder = folder
        self.meter = meter

    def run(self, command: str, *arguments: str) -> dict[str, Any]:
        told = [
            "--config",
            str(self.folder / "p.toml"),
            "--profile",
            "m",
            "--journal",
            str(self.folder / "j.db"),
        ]
        ended = CliRunner().invoke(main, ["keys", command, self.meter.url, *told, "--json", *arguments])
        assert not any(secret.hex() in ended.output for secret in SECRETS.values())
        document: dict[str, Any] = json.loads(ended.stdout)
        return {**document, "exit_code": ended.exit_code}

    def ref(self, name: str) -> str:
        return f"file:{self.folder / name}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "p.toml").write_text(PROFILE)
    for name, octets in SECRETS.items():
        (tmp_path / name).write_text(octets.hex())
        (tmp_path / name).chmod(0o600)
    config = mcs301.configured(
        load_profile(tmp_path / "p.toml", "m"),
        master_key=Key(SECRETS["kek"]),
        trust_anchors=(AUTHORITY.certificate.der,),
    )
    assert config.security_suite is SecuritySuite(1)
    with BackgroundMeter(config, SimulatedMedium, Endpoint.parse("tcp://127.0.0.1:0", listen=True)) as meter:
        yield Desk(tmp_path, meter)


@pytest.mark.proves("security-setup-key-transfer")
def test_keys_are_replaced_from_files(desk: Desk) -> None:
    new = ("--guek", desk.ref("new-guek"), "--gak", desk.ref("new-gak"))
    refused = desk.run("transfer", "--master-key", desk.ref("guek"), *new)
    assert (refused["exit_code"], refused["error"]["code"]) == (ExitCode.INCOMPLETE, "service")
    missing = desk.run("transfer", "--master-key", desk.ref("nowhere"), *new)
    assert (missing["exit_code"], missing["changed"]) == (ExitCode.USAGE, False)
    done = desk.run("transfer", "--master-key", desk.ref("kek"), *new)
    assert (done["exit_code"], done["ok"], done["changed"]) == (0, True, True)
    found = desk.meter.call(lambda server: server.meter and dict(server.meter.units.symmetric_keys.keys(0)))
    assert found is not None
    assert found[KeyId.AUTHENTICATION_KEY] == Key(SECRETS["new-gak"])
    assert desk.run("list")["exit_code"] != 0, "the profile has the old keys still"


@pytest.mark.proves("security-setup-certificates")
def test_a_certificate_is_requested_imported_listed_exported_and_removed(desk: Desk) -> None:
    request, certificate, copy = (str(desk.folder / name) for name in ("r.csr", "c.pem", "copy.pem"))
    assert desk.run("request", "--out", request)["ok"]
    issued = AUTHORITY.issue_requested(
        Path(request).read_bytes(), CertificateType.DIGITAL_SIGNATURE, at=datetime.now(UTC)
    )
    Path(certificate).write_bytes(issued.to_pem())
    assert desk.run("import", "--certificate", certificate)["ok"]
    listed = desk.run("list")["certificates"]
    assert [row["entity"] for row in listed] == ["certification authority", "server"]
    title = mcs301.MeterConfig().system_title.hex()
    assert desk.run("export", "--out", copy, "--system-title", title)["ok"]
    assert Path(copy).read_bytes() == issued.to_pem()
    assert desk.run("export", "--out", copy)["exit_code"] == ExitCode.USAGE
    assert desk.run("remove", "--certificate", copy)["ok"]
    assert len(desk.run("list")["certificates"]) == 1
    Path(certificate).write_bytes(b"no certificate")
    assert desk.run("import", "--certificate", certificate)["error"]["code"] == "security.certificate"


def test_a_reference_to_a_key_is_read_or_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("00" * 16)
    (tmp_path / "key").chmod(0o600)
    assert read_key("file:key", folder=tmp_path) == Key(bytes(16))
    assert read_key("env:KEY", environ={"KEY": "11" * 16}) == Key(b"\x11" * 16)
    for reference in ("00" * 16, "file:nowhere", "env:KEY"):
        with pytest.raises(ConfigurationError) as caught:
            read_key(reference, folder=tmp_path, environ={"KEY": "sesame"})
        assert "sesame" not in str(caught.value)
