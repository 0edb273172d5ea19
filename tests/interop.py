"""What the tests with peers share: keys, titles, an image, and peers with a configuration."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from peers.run import Peer

FRAMINGS = ("wrapper", "hdlc")
KEYS = {
    "global_unicast_encryption_key": "000102030405060708090a0b0c0d0e0f",
    "authentication_key": "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
}
METER_TITLE = bytes.fromhex("4752580000000001")
CLIENT_TITLE = bytes.fromhex("4d4d4d0000bc614e")
IDENTIFIER = bytes.fromhex("010203040506")
NAME = "GRX1234567890"


def gurux_meter(folder: Path, script: str = "gurux_meter.py", **config: Any) -> Peer:
    defaults = {
        "framing": "wrapper",
        "security": "none",
        "password": b"interop!".hex(),
        "suite": 0,
        "others": {},
        "block_size": 1_024,
        "max_pdu_size": 2_048,
        "max_info": 1_024,
        "busy_looks": 0,
        "general_ciphering": False,
        "logical_device_name": NAME,
        "store": str(folder / "stored"),
        "system_title": METER_TITLE.hex(),
    }
    return Peer(script, defaults | KEYS | config)


def gurux_client(port: int, script: str = "gurux_client.py", **config: Any) -> Peer:
    defaults = {
        "host": "127.0.0.1",
        "port": port,
        "framing": "wrapper",
        "client_sap": 1,
        "server_sap": 1,
        "max_pdu_size": 1_024,
        "max_info": 512,
        "authentication": "none",
        "password": "",
        "counter_object": "0.0.43.1.0.255",
        "system_title": CLIENT_TITLE.hex(),
        "read": [],
        "upload": None,
    }
    return Peer(script, defaults | KEYS | config)


def an_image(size: int, seed: int) -> bytes:
    """Random octets, with stretches where a segment is likely to begin like an LLC header."""
    octets = bytearray(random.Random(seed).randbytes(size))
    for at in range(1_000, size - 1_600, 8_000):
        octets[at : at + 1_500] = b"\xe6\xe6\x00" * 500
    return bytes(octets)
