"""General block transfer with somebody else at the other end: a client built on gurux-dlms reads long
answers from our simulated meter, and our client reads what gurux-dlms has cut into blocks; over both
framings, plain and ciphered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import Key
from dlms_fw.client import Client
from dlms_fw.cosem.data import Data
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism, Conformance
from dlms_fw.journal import Journal
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from interop import CLIENT_TITLE, FRAMINGS, KEYS, METER_TITLE, gurux_client, gurux_meter

SCHEMES = {"wrapper": "tcp", "hdlc": "hdlc+tcp"}
OBJECT_LIST = [15, "0.0.40.0.0.255", 2]
LOGICAL_DEVICE_NAME = [1, "0.0.42.0.0.255", 2]


def meter_config(security: str, **changes: Any) -> MeterConfig:
    if security == "none":
        return MeterConfig(system_title=METER_TITLE, **changes)
    return MeterConfig(
        system_title=METER_TITLE,
        mechanism=AuthenticationMechanism.HIGH_LEVEL_GMAC,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        **{name: Key(bytes.fromhex(octets)) for name, octets in KEYS.items()},
        **changes,
    )


@pytest.mark.proves("gbt-interoperability")
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("security", "window"), [("none", 1), ("none", 6), ("hls-gmac", 6)])
def test_their_client_reads_long_answers_in_our_blocks(
    tmp_path: Path, framing: str, security: str, window: int
) -> None:
    endpoint = Endpoint.parse(f"{SCHEMES[framing]}://127.0.0.1:0", listen=True)
    config = meter_config(security, general_block_transfer="when-needed")
    with (
        BackgroundMeter(config, lambda: Directory(tmp_path), endpoint) as meter,
        gurux_client(
            Endpoint.parse(meter.url).port,
            "gurux_general_blocks.py",
            framing=framing,
            max_pdu_size=200,
            authentication=security,
            read=[OBJECT_LIST, LOGICAL_DEVICE_NAME, OBJECT_LIST],
            window=window,
        ) as client,
    ):
        said = client.finish()
    assert said["conformance"] & _reversed(Conformance.GENERAL_BLOCK_TRANSFER)
    first, name, again = said["values"]
    assert first == again
    assert len(first) > 2_000, "the object list"
    assert "MCS004" in name
    assert said["blocks"] >= 2 * 5


@pytest.mark.proves("gbt-interoperability")
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_our_client_reads_what_they_have_cut(tmp_path: Path, framing: str, security: str) -> None:
    name = "X" * 1_000
    ciphered: dict[str, Any] = {
        "mechanism": AuthenticationMechanism.HIGH_LEVEL_GMAC,
        "security_policy": SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        "system_title": CLIENT_TITLE,
        "meter_system_title": METER_TITLE,
        "keys": Keys(**{name: Key(bytes.fromhex(octets)) for name, octets in KEYS.items()}),
    }
    profile = Profile(
        client_sap=1,
        max_pdu_size=128,
        general_block_transfer="when-needed",
        # Their link says nothing to a frame whose APDU it does not answer.
        general_block_transfer_acknowledge_last=framing == "wrapper",
        **({} if security == "none" else ciphered),
    )
    their = {"framing": framing, "security": security, "logical_device_name": name}
    with (
        gurux_meter(tmp_path, "gurux_block_meter.py", **their) as meter,
        Journal(tmp_path / "journal") as journal,
    ):
        url = f"{SCHEMES[framing]}://127.0.0.1:{meter.report()['port']}"
        with Client(url, profile, journal=journal) as client:
            assert client.association is not None
            assert client.association.conformance & Conformance.GENERAL_BLOCK_TRANSFER
            for _ in range(2):
                value = client.get(Data("0-0:42.0.0.255").value).value
                assert value == name.encode()
            assert client.statistics.discarded == {}
        meter.finish()


def _reversed(bit: Conformance) -> int:
    """The bit where gurux-dlms has it: it counts from the other end."""
    return int(f"{int(bit):024b}"[::-1], 2)
