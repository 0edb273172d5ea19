"""``dlms-fw upgrade``, ``info`` and ``sim`` as they are run: real processes over real sockets."""

from __future__ import annotations

import os
import random
import socket

import pytest

# from wiretap import Wiretap
from simulator import IDENTIFIER, Workshop, shared_workshop, workshop

__all__ = ["shared_workshop", "workshop"]

MEBIBYTE = 1 << 20
SCHEMES = ("tcp", "hdlc+tcp")
SECURITIES = ("none", "lls", "hls-gmac")
FIELDS = {
    "ok", "changed", "identifier", "sha256", "block_size", "blocks_total", "blocks_sent", "bytes", "seconds",
    "retries", "phases",
}  # fmt: skip
SMALL = random.Random(7).randbytes(20_000)


def quiet_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The main job


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_mebibyte_arrives_to_the_octet_and_is_confirmed(
    workshop: Workshop, scheme: str, security: str
) -> None:
    image = workshop.image(os.urandom(MEBIBYTE))
    meter = workshop.meter(scheme=scheme, profile=security)
    ended = workshop.upgrade(meter.url, image, profile=security)
    told = ended.document
    assert ended.code == 0, ended
    assert told.keys() >= FIELDS
    assert (told["ok"], told["changed"], told["outcome"]) == (True, True, "activated")
    assert told["blocks_sent"] == told["blocks_total"] == -(-image.stat().st_size // told["block_size"])
    assert told["bytes"] == image.stat().st_size
    assert told["identifier"] == IDENTIFIER.hex().upper()
    assert [phase["phase"] for phase in told["phases"]] == [
        "identify", "prepare", "initiate", "transfer", "verify", "activate", "confirm",
    ]  # fmt: skip

    shown = workshop.info(meter.url, security)["firmware"][1]
    assert shown["identifiers"][0] == IDENTIFIER.hex().upper()
    assert shown["version"] == "2.4.1"
    assert bytes.fromhex(shown["signature"]) == image.read_bytes()[-64:]

    again = workshop.upgrade(meter.url, image, profile=security)
    assert again.code == 0
    assert (again.document["ok"], again.document["changed"]) == (True, False)
    assert again.document["outcome"] == "already-current"
    assert again.document["blocks_sent"] == 0

    assert meter.stop().code == 0
    assert meter.bank() == image.read_bytes()
