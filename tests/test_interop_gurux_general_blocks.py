"""General block transfer with somebody else at the other end: a client built on gurux-dlms reads long
answers from our simulated meter, over both framings, plain and ciphered, one block and several in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import Key
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism, Conformance
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.security import SecurityPolicy
from interop import CLIENT_TITLE, FRAMINGS, KEYS, METER_TITLE
from peers.run import Peer

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
    with BackgroundMeter(config, lambda: Directory(tmp_path), endpoint) as meter:
        asked = {
            "host": "127.0.0.1",
            "port": Endpoint.parse(meter.url).port,
            "framing": framing,
            "client_sap": 1,
            "server_sap": 1,
            "max_pdu_size": 200,
            "max_info": 512,
            "authentication": security,
            "password": "",
            "counter_object": "0.0.43.1.0.255",
            "system_title": CLIENT_TITLE.hex(),
            "read": [OBJECT_LIST, LOGICAL_DEVICE_NAME, OBJECT_LIST],
            "window": window,
        }
        with Peer("gurux_general_blocks.py", asked | KEYS) as client:
            said = client.finish()
    assert said["conformance"] & _reversed(Conformance.GENERAL_BLOCK_TRANSFER)
    first, name, again = said["values"]
    assert first == again
    assert len(first) > 2_000, "the object list"
    assert "MCS004" in name
    assert said["blocks"] >= 2 * 5


def _reversed(bit: Conformance) -> int:
    """The bit where gurux-dlms has it: it counts from the other end."""
    return int(f"{int(bit):024b}"[::-1], 2)
