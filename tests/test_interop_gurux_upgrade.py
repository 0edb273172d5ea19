"""Whole upgrades with somebody else at the other end: our client and a meter built on gurux-dlms, a client
built on gurux-dlms and our simulated meter. Every image arrives octet for octet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import Key
from dlms_fw.client import Client
from dlms_fw.containers import dfw
from dlms_fw.containers.description import HardwareRange, Version
from dlms_fw.cosem.clock import Clock
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.signing_keys import generate
from dlms_fw.transfer import TransferPolicy
from interop import (
    CLIENT_TITLE,
    FRAMINGS,
    IDENTIFIER,
    KEYS,
    METER_TITLE,
    an_image,
    gurux_client,
    gurux_meter,
)

pytestmark = pytest.mark.rotating(2)

SCHEMES = {"wrapper": "tcp", "hdlc": "hdlc+tcp"}
PASSWORD = b"interop!"
OUR_KEYS = Keys(**{name: Key(bytes.fromhex(octets)) for name, octets in KEYS.items()})
MECHANISMS = {
    "none": (AuthenticationMechanism.LOWEST_LEVEL, SecurityPolicy.NONE),
    "lls": (AuthenticationMechanism.LOW_LEVEL, SecurityPolicy.NONE),
    "hls-gmac": (AuthenticationMechanism.HIGH_LEVEL_GMAC, SecurityPolicy.AUTHENTICATED_ENCRYPTED),
}
SOON = TransferPolicy(
    allow_insecure=True,
    busy_first_seconds=0.05,
    verify_poll_first_seconds=0.05,
    reconnect_first_seconds=0.05,
    reconnect_longest_seconds=0.2,
)


def profile(security: str, **changes: Any) -> Profile:
    mechanism, policy = MECHANISMS[security]
    secrets: dict[str, Any] = {}
    if security == "hls-gmac":
        secrets = {"system_title": CLIENT_TITLE, "meter_system_title": METER_TITLE, "keys": OUR_KEYS}
    return Profile(client_sap=1, mechanism=mechanism, security_policy=policy, **secrets, **changes)


def upgrade_their_meter(
    folder: Path, framing: str, security: str, image: Image, **config: Any
) -> dict[str, Any]:
    """Our client's whole upgrade; what their meter says about it in the end."""
    blocks = -(-len(image.data) // config.get("block_size", 1_024))
    with (
        gurux_meter(folder, framing=framing, security=security, busy_looks=2, **config) as meter,
        Journal(folder / "journal") as journal,
    ):
        url = f"{SCHEMES[framing]}://127.0.0.1:{meter.report()['port']}"
        with Client(url, profile(security), journal=journal) as client:
            assert client.get(Clock("0-0:1.0.0.255").time)
            result = client.upgrade(image, SOON)
            assert client.statistics.discarded == {}
        found = meter.finish()
    assert (result.outcome, result.blocks_sent, result.retries) == ("activated", blocks, 0)
    assert (folder / "stored").read_bytes() == image.data
    assert found["active"][0] == IDENTIFIER.hex()
    assert (found["blocks_received"], found["blocks_repeated"]) == (blocks, 0)
    return found


@pytest.mark.proves("interop-upgrade")
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
def test_our_client_upgrades_their_meter(tmp_path: Path, framing: str, security: str) -> None:
    # Ciphering costs the peer seconds for each hundred KiB.
    size = 256 * 1024 if security == "none" else 48 * 1024
    image = Image.raw(an_image(size, 3), IDENTIFIER, part=1)
    found = upgrade_their_meter(tmp_path, framing, security, image)
    # The public client asks for the counter, once; the new firmware is looked at over a new association.
    first, *others = found["associations"]
    assert first == (16 if security == "hls-gmac" else 1)
    assert set(others) == {1}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
def test_our_client_upgrades_their_meter_with_blocks_above_its_pdu_size(
    tmp_path: Path, framing: str, security: str
) -> None:
    image = Image.raw(an_image(20_001, 5), IDENTIFIER, part=1)
    small = {"block_size": 1_500, "max_pdu_size": 600, "max_info": 200, "general_ciphering": True}
    upgrade_their_meter(tmp_path, framing, security, image, **small)


@pytest.mark.parametrize(
    ("framing", "strategy", "block_size", "used"),
    [
        ("wrapper", "pipelined", 1_024, "pipelined"),
        ("wrapper", "unconfirmed", 200, "unconfirmed"),
        # It negotiates multiple-references, and says nothing to an ACTION with a list.
        ("wrapper", "with-list", 200, "sequential"),
        # It does not acknowledge the frame of what it shall not answer.
        ("hdlc", "unconfirmed", 1_024, "sequential"),
    ],
)
def test_our_client_upgrades_their_meter_by_another_strategy(
    tmp_path: Path, framing: str, strategy: Any, block_size: int, used: str
) -> None:
    image = Image.raw(an_image(20_001, 6), IDENTIFIER, part=1)
    with (
        gurux_meter(tmp_path, framing=framing, security="none", block_size=block_size) as meter,
        Journal(tmp_path / "journal") as journal,
    ):
        url = f"{SCHEMES[framing]}://127.0.0.1:{meter.report()['port']}"
        with Client(url, replace(profile("none"), response_timeout_s=1.0), journal=journal) as client:
            result = client.upgrade(image, replace(SOON, strategy=strategy))
        meter.finish()
    assert (result.outcome, result.strategy) == ("activated", used)
    assert (tmp_path / "stored").read_bytes() == image.data


def upgrade_our_meter(folder: Path, framing: str, security: str, size: int, **changes: Any) -> dict[str, Any]:
    """Their client's whole upload; what it says about it in the end."""
    vendor = generate()
    image = dfw.build(
        an_image(size, 4),
        image_identifier=IDENTIFIER,
        part=1,
        meter_type="MCS301",
        firmware_version=Version.parse("2.0.0"),
        minimum_previous_version=Version.parse("0.0.0"),
        hardware=HardwareRange.ANY,
        key=vendor,
    )
    (folder / "image").write_bytes(image)
    mechanism, policy = MECHANISMS[security]
    config = MeterConfig(
        mechanism=mechanism,
        security_policy=policy,
        password=Key(PASSWORD) if security == "lls" else None,
        system_title=METER_TITLE,
        global_unicast_encryption_key=OUR_KEYS.global_unicast_encryption_key,
        authentication_key=OUR_KEYS.authentication_key,
        trusted=(vendor.public_key(),),
        timings=ActivationTimings(install_seconds=0.1, reboot_seconds=0.0, self_test_seconds=0.1),
        **changes,
    )
    order = {"image": str(folder / "image"), "identifier": IDENTIFIER.hex(), "activate": True, "polls": 100}
    names = [[1, "0.0.96.1.1.255", 2], [1, "1.1.0.2.0.255", 2]]
    endpoint = Endpoint.parse(f"{SCHEMES[framing]}://127.0.0.1:0", listen=True)
    with BackgroundMeter(config, lambda: Directory(folder / "state"), endpoint) as meter:
        port = Endpoint.parse(meter.url).port
        login = {"framing": framing, "authentication": security, "password": PASSWORD.hex()}
        with gurux_client(port, read=names, upload=order, **login) as client:
            said = client.finish()
    assert (said["upload"]["verified"], said["activated"]) == (3, 6)
    assert said["upload"]["activate_info"] == [[len(image), IDENTIFIER.hex(), image[-64:].hex()]]
    assert said["values"][0] == "bytearray(b'MCS301')"
    assert said["values"][1].startswith(f"[bytearray({IDENTIFIER!r}), ")
    assert (folder / "state" / "part-1.bank-1").read_bytes() == image
    return said


@pytest.mark.proves("interop-upgrade")
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "lls", "hls-gmac"])
def test_their_client_upgrades_our_meter(tmp_path: Path, framing: str, security: str) -> None:
    size = 64 * 1024 if security == "hls-gmac" else 256 * 1024
    upgrade_our_meter(tmp_path, framing, security, size)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("security", ["none", "hls-gmac"])
def test_their_client_upgrades_our_meter_with_blocks_above_its_pdu_size(
    tmp_path: Path, framing: str, security: str
) -> None:
    said = upgrade_our_meter(tmp_path, framing, security, 20_001, image_block_size=900, max_pdu_size=400)
    assert said["upload"]["block_size"] == 900
