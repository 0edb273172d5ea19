"""A client that nobody here wrote names the objects of our simulated meter by short names.

It reads where they are, one value, several in one request, writes one and calls a method. Its block forms are
left out: that version fails in its own code where the first block comes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dlms_fw._core import Key
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from interop import gurux_client

PASSWORD = b"12345678"
IMAGE_TRANSFER = "0.0.44.0.0.255"
LOGICAL_DEVICE_NAME = "0.0.42.0.0.255"
READ_WRITE_DENIED = 3


@pytest.mark.proves("sn-interoperability")
@pytest.mark.parametrize(("framing", "authentication"), [("wrapper", "none"), ("hdlc", "lls")])
def test_gurux_reads_lists_writes_and_calls(tmp_path: Path, framing: str, authentication: str) -> None:
    config = MeterConfig(
        referencing="short-name",
        mechanism=AuthenticationMechanism(1 if authentication == "lls" else 0),
        password=Key(PASSWORD) if authentication == "lls" else None,
    )
    scheme = "tcp" if framing == "wrapper" else "hdlc+tcp"
    endpoint = Endpoint.parse(f"{scheme}://127.0.0.1:0", listen=True)
    with (
        BackgroundMeter(config, lambda: Directory(tmp_path), endpoint) as meter,
        gurux_client(
            Endpoint.parse(meter.url).port,
            "gurux_short_names.py",
            framing=framing,
            authentication=authentication,
            password=PASSWORD.hex(),
            max_pdu_size=4_000,
            max_info=128,
            read=[[1, LOGICAL_DEVICE_NAME, 2], [8, "0.0.1.0.0.255", 3]],
            write=[18, IMAGE_TRANSFER, 5, True],
            method=[18, IMAGE_TRANSFER, 3],
        ) as client,
    ):
        said = client.finish()
    places = {(class_id, name): base_name for base_name, class_id, _, name in said["objects"]}
    assert places[12, "0.0.40.0.0.255"] == 0xFA00
    assert places[1, LOGICAL_DEVICE_NAME] == 0xFD00
    assert said["values"] == said["list"] == [f"bytearray(b'{config.logical_device_name.decode()}')", "0"]
    assert said["written"] == 0
    assert said["called"] != 0  # there is no image that could be verified
    assert f"{said['conformance']:024b}"[::-1] == f"{0x1C0320:024b}"  # it counts the bits from the other end
